"""Where a cluster keeps its files, and who owns them.

An ordinary user has everything in one directory of mode 0700. Root's server runs as another account, so when that
account cannot reach the directory asked for, the files live under a system directory instead and a small file in the
directory asked for says where.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from primepos.core.embedded.accounts import Account, account_of, is_root, may_enter, server_account
from primepos.core.embedded.errors import PostgresDataDirUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_DATA_DIR = "PRIMEPOS_DATA_DIR"
ENV_SYSTEM_DIR = "PRIMEPOS_SYSTEM_DIR"
LAUNCHER_LOCK = "launcher.lock"
_POINTER = "location.json"
_ORIGIN = "home.txt"


def default_data_dir(env: Mapping[str, str] | None = None) -> Path:
    """The cluster's directory: ``postgres`` inside PRIMEPOS_DATA_DIR, or inside the user's own data directory."""
    import platformdirs

    named = (os.environ if env is None else env).get(ENV_DATA_DIR)
    base = Path(named) if named else Path(platformdirs.user_data_dir("primepos", appauthor=False))
    return base.expanduser().absolute() / "postgres"


def default_system_dir(env: Mapping[str, str] | None = None) -> Path:
    """Where root keeps what the server's account must reach: PRIMEPOS_SYSTEM_DIR, else /var/lib/primepos."""
    named = (os.environ if env is None else env).get(ENV_SYSTEM_DIR)
    if named:
        return Path(named).absolute()
    return Path("/Library/Application Support/primepos" if sys.platform == "darwin" else "/var/lib/primepos")


@dataclass(frozen=True)
class Place:
    """The files of one cluster. ``home`` is the directory asked for, ``root`` the one that holds the files."""

    home: Path
    root: Path
    #: The account the server runs as when root starts it; None when it runs as ourselves.
    account: Account | None
    #: Who owns the files we write for ourselves, when root works in another user's directory.
    owner: tuple[int, int] | None

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.root / "pgdata"

    @property
    def state_file(self) -> Path:
        """The port in use, and whether the server is to outlive its users."""
        return self.root / "cluster.json"

    @property
    def superuser_password_file(self) -> Path:
        """Mode 0600."""
        return self.root / "superuser.password"

    @property
    def owner_password_file(self) -> Path:
        """Mode 0600; written when the owner role is ready."""
        return self.root / "owner.password"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server."""
        return self.root / "users.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's own processes."""
        return self.root / "server.lock"

    @property
    def start_log(self) -> Path:
        """What the server said before it opened its own log in ``pgdata/log``."""
        return self.root / "start.log"

    @property
    def staging(self) -> Path:
        """Where initdb works; what is found there was left by one that was killed."""
        return self.root / "initdb"

    @property
    def upgraded(self) -> Path:
        """The data directory an upgrade makes, until it takes the place of the old one."""
        return self.root / "pgdata.upgraded"

    def left_by_upgrades(self) -> list[Path]:
        """The data directories of older versions that upgrades left, oldest version first."""
        return sorted(directory for directory in self.root.glob("pgdata-*") if directory.is_dir())

    def finish_upgrade(self) -> None:
        """Put upgraded data where the old were, if an upgrade got as far as taking the old ones away."""
        if self.upgraded.is_dir() and not self.pgdata.exists():
            self.upgraded.rename(self.pgdata)

    def remove(self) -> None:
        """Remove the data and every file of ours, and nothing else; the server is stopped."""
        for directory in (self.pgdata, self.staging, self.upgraded, *self.left_by_upgrades()):
            shutil.rmtree(directory, ignore_errors=True)
        files = (self.state_file, self.superuser_password_file, self.owner_password_file, self.users_lock,
                 self.server_lock, self.start_log, self.root / _ORIGIN, self.home / _POINTER)  # fmt: skip
        for file in files:
            file.unlink(missing_ok=True)
        if self.root != self.home:
            with contextlib.suppress(OSError):
                self.root.rmdir()

    def open_start_log(self) -> int:
        """A descriptor of the empty start log."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.start_log, flags, 0o600)
        self._give(descriptor)
        return descriptor

    def _give(self, descriptor: int) -> None:
        if sys.platform != "win32" and self.owner is not None:
            os.fchown(descriptor, *self.owner)

    def write(self, file: Path, text: str) -> None:
        """Replace a file of ours in one step; it is readable by its owner alone."""
        descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(descriptor)
                self._give(descriptor)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def create_home(home: Path) -> None:
    """Create the directory asked for, and what is missing above it; existing directories stay as they are.

    Raises:
        PostgresDataDirUnusable: it cannot be made, or its name cannot be written in UTF-8.
    """
    try:
        str(home).encode("utf-8")
        home.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            home.mkdir(mode=0o700)
            if is_root():
                home.chmod(0o711)  # The server's account passes through to pgdata; our own files in it are 0600.
    except (OSError, UnicodeEncodeError) as error:
        raise PostgresDataDirUnusable(data_dir=ascii(str(home)), why=str(error)) from error
    check_home(home)


def check_home(home: Path) -> bool:
    """Whether the directory asked for exists; what does exist must be a directory that is ours to use.

    Raises:
        PostgresDataDirUnusable: it is something else, or another account's.
    """
    if not home.exists():
        return False
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise PostgresDataDirUnusable(data_dir=str(home), why="it is not a directory this account may write")
    return True


def locate(home: Path, system_dir: Path, *, create: bool) -> Place | None:
    """Where the cluster of ``home`` is; with ``create`` a place is chosen when there is none yet.

    ``home`` exists when ``create`` is set, and the caller holds the launcher's lock.

    Raises:
        PostgresDataDirUnusable: root finds no account to run the server as, or the files belong to somebody else.
    """
    if not is_root():
        return Place(home, home, None, None) if create or _has_data(home) else None
    keeper = account_of(home)
    if keeper is not None:
        return Place(home, home, account_of(home / "pgdata") or keeper, (keeper.uid, keeper.gid))
    pointer = home / _POINTER
    if pointer.is_file():
        root = Path(json.loads(pointer.read_text(encoding="utf-8"))["root"])
        return Place(home, root, account_of(root / "pgdata") or _account_for(home), None)
    if _has_data(home):
        return Place(home, home, account_of(home / "pgdata") or _account_for(home), None)
    if not create:
        return None
    account = _account_for(home)
    if may_enter(home, account):
        return Place(home, home, account, None)
    place = Place(home, _new_root(home, passable_system_dir(system_dir, account)), account, None)
    place.write(place.root / _ORIGIN, f"{home}\n")
    place.write(pointer, json.dumps({"root": str(place.root)}))
    return place


def _has_data(home: Path) -> bool:
    return any((home / name).is_dir() for name in ("pgdata", "pgdata.upgraded"))


def _account_for(home: Path) -> Account:
    account = server_account()
    if account is None:
        raise PostgresDataDirUnusable(
            data_dir=str(home), why="PostgreSQL does not run as root and there is no account 'postgres' or 'nobody'"
        )
    return account


def passable_system_dir(preferred: Path, account: Account) -> Path:
    """A system directory ``account`` may enter, made if missing: ``preferred``, else the machine's usual one.

    Raises:
        PostgresDataDirUnusable: neither will do.
    """
    problem = "the server's account may not enter it"
    for directory in dict.fromkeys((preferred, default_system_dir())):
        try:
            make_passable(directory)
            if may_enter(directory, account):
                return directory
        except OSError as error:
            problem = str(error)
    raise PostgresDataDirUnusable(
        hint=f"Set {ENV_SYSTEM_DIR} to a directory every account may enter", data_dir=str(preferred), why=problem
    )


def _new_root(home: Path, system_dir: Path) -> Path:
    # Never an older cluster's directory: whoever removed the home meant its data to be gone.
    mark = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    root = system_dir / "clusters" / f"{mark}-{secrets.token_hex(3)}"
    make_passable(root.parent)
    root.mkdir(mode=0o711)
    root.chmod(0o711)
    return root


def make_passable(directory: Path) -> None:
    """Create ``directory`` and what is missing above it so that everyone may pass; existing ones stay as they are."""
    for step in (*reversed(directory.parents), directory):
        with contextlib.suppress(FileExistsError):
            step.mkdir()
            step.chmod(0o755)
