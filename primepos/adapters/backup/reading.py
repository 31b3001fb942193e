"""What is in a place for backups, and whether it is good: by its looks, by its key, by what pg_restore says."""

from __future__ import annotations

import io
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from primepos.adapters.backup.errors import BackupDamaged, BackupFailed, BackupNotFound
from primepos.adapters.backup.folders import unpacked
from primepos.adapters.backup.making import SUFFIX
from primepos.adapters.backup.sealing import END, Opened, read_header
from primepos.adapters.backup.tools import find_tool, login, major_of, said
from primepos.adapters.storage.store import StoredFileNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from primepos.adapters.backup.sealing import Header, Trailer
    from primepos.adapters.backup.tools import Tool
    from primepos.adapters.storage.store import FileStore
    from primepos.core.settings_types import Secret

_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a place for backups. ``header`` is None, and ``problem`` says why, where it is no whole backup."""

    name: str
    size: int
    created_at: datetime
    header: Header | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup that was read to its end: every byte authentic, the digest right, its contents known to pg_restore."""

    name: str
    header: Header
    trailer: Trailer
    entries: int


def kept_in(store: FileStore) -> list[Kept]:
    """Return the backups of a place, oldest first, judged by beginning and end alone: no key is needed for that.

    Raises:
        StorageUnavailable: the place cannot be read.
    """
    found = [_looked_at(store, each.name, each.size, each.modified_at) for each in store.files() if _is_ours(each.name)]
    return sorted(found, key=lambda each: (each.created_at, each.name))


def _is_ours(name: str) -> bool:
    return name.endswith(SUFFIX)


def _looked_at(store: FileStore, name: str, size: int, modified_at: datetime) -> Kept:
    try:
        header = read_header(io.BytesIO(store.part(name, 0, _HEAD_BYTES)), name)
        if store.part(name, -len(END), len(END)) != END:
            return Kept(name, size, header.created_at, None, "it ends too early")
    except BackupDamaged as error:
        return Kept(name, size, modified_at, None, str(error.data["problem"]))
    return Kept(name, size, header.created_at, header, None)


@contextmanager
def opened(store: FileStore, name: str, key: Secret) -> Iterator[Opened]:
    """Give a backup to read.

    Raises:
        BackupNotFound: there is none of this name. BackupDamaged: it is no backup. BackupKeyWrong: of another key.
    """
    try:
        with store.open(name) as source:
            yield Opened(source, key, name)
    except StoredFileNotFound:
        raise BackupNotFound(name=name) from None


def verify(store: FileStore, name: str, key: Secret, *, pg_bin: Path | None = None) -> Verified:
    """Read a backup to its end and let pg_restore list what is in it; nothing is restored.

    Raises:
        BackupNotFound, BackupDamaged, BackupKeyWrong: see :func:`opened`; a byte was changed or something is missing.
        BackupToolMissing: no pg_restore that reads it. BackupFailed: pg_restore cannot make sense of it.
    """
    with opened(store, name, key) as source:
        trailer = source.drained()
        header = source.header
    if header.format == "plain":
        return Verified(name, header, trailer, len(trailer.rows))
    return Verified(name, header, trailer, len(contents(store, name, key, trailer, pg_bin)))


def contents(store: FileStore, name: str, key: Secret, trailer: Trailer, pg_bin: Path | None) -> list[str]:
    """Return pg_restore's list of what is in a backup, a line an entry; every table that was counted must be on it.

    It reads no further than the list goes: the backup was read to its end before, for its ``trailer``.

    Raises: as :func:`verify`.
    """
    with opened(store, name, key) as source:
        tool = find_tool("pg_restore", major_of(source.header.tool), pg_bin)
        with tempfile.TemporaryFile() as listing, tempfile.TemporaryDirectory(prefix="primepos-") as home:
            if source.header.format == "directory":
                unpacked(source.dump(), Path(home), name, contents_only=True)
                feed(tool, ["--list", home], (), output=listing.fileno())
            else:
                feed(tool, ["--list"], source.dump(), output=listing.fileno())
            listing.seek(0)
            lines = listing.read().decode("utf-8", "replace").splitlines()
    entries = [line for line in lines if line.strip() and not line.startswith(";")]
    tables = {f"{parts[4]}.{parts[5]}" for line in entries if (parts := line.split())[3:4] == ["TABLE"]}
    lacking = sorted(set(trailer.rows) - tables)
    if lacking:
        raise BackupDamaged(name=name, problem=f"tables that were counted are not in it: {', '.join(lacking[:5])}")
    return entries


def feed(
    tool: Tool,
    arguments: Sequence[str],
    pieces: Iterable[bytes],
    *,
    url: str | None = None,
    output: int = subprocess.DEVNULL,
) -> None:
    """Run a program with pieces as its input, logged in at ``url`` when given.

    A program that has read enough may stop reading; one that ends in an error may not.

    Raises:
        BackupFailed: it ended in an error.
    """
    with login(url or "") as (dbname, environment), tempfile.TemporaryFile() as complaints:
        to = [f"--dbname={dbname}", "--no-password"] if url is not None else []
        with subprocess.Popen(
            [tool.path, *arguments, *to], stdin=subprocess.PIPE, stdout=output, stderr=complaints, env=environment
        ) as process:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            try:
                for piece in pieces:
                    process.stdin.write(piece)
                process.stdin.close()
            except BrokenPipeError:
                process.wait()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            complaints.seek(0)
            raise BackupFailed(program=tool.path.name, problem=said(complaints.read()))
