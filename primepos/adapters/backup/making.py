"""Making a backup: one snapshot, dumped by pg_dump, sealed as it comes, in its place only when all of it is good."""

from __future__ import annotations

import secrets
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from primepos import __version__
from primepos.adapters.backup.errors import BackupFailed
from primepos.adapters.backup.folders import packed
from primepos.adapters.backup.sealing import Header, Sealing, Trailer, key_id, new_salt
from primepos.adapters.backup.snapshot import ROLE, snapshot
from primepos.adapters.backup.tools import find_tool, login, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.backup.sealing import DumpFormat, Reason
    from primepos.adapters.backup.snapshot import Snapshot
    from primepos.adapters.backup.tools import Tool
    from primepos.adapters.storage.store import FileStore
    from primepos.core.clock import Clock
    from primepos.core.settings_types import Secret

SUFFIX: Final = ".ppbackup"
_READ_BYTES = 1 << 20
STAMP: Final = "%Y%m%dT%H%M%SZ"
# Waiting for a table that a migration holds; a backup that gives way is made again, a queue of shoppers is not.
_LOCK_WAIT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is in its place. ``took_s`` is wall time in seconds; ``size`` and ``dump_bytes`` are bytes."""

    name: str
    where: str
    size: int
    dump_bytes: int
    rows: int
    tables: int
    created_at: datetime
    revision: str
    key: str
    took_s: float


def make_backup(
    url: str,
    store: FileStore,
    key: Secret,
    *,
    clock: Clock,
    pg_bin: Path | None = None,
    dump_format: DumpFormat = "custom",
    jobs: int = 1,
    reason: Reason = "manual",
) -> Made:
    """Back up the whole database at ``url`` (its owner's, on a direct connection) into ``store``.

    The file appears under its name when all of it is written; whatever goes wrong before leaves nothing. The format
    ``directory`` lets pg_dump read so many tables at once, by way of a folder on this machine's disk.

    Raises:
        DatabaseUnreachable, BackupRunning, BackupIncomplete: see :func:`primepos.adapters.backup.snapshot.snapshot`.
        BackupToolMissing: no pg_dump that can read this server. BackupFailed: pg_dump ended in an error.
        StorageUnavailable: the store takes no file.
    """
    began = time.monotonic()
    with snapshot(url) as seen:
        tool = find_tool("pg_dump", seen.server_major, pg_bin)
        now = clock.now()
        header = Header(
            salt=new_salt(),
            key=key_id(key),
            created_at=now,
            database=seen.database,
            revision=seen.revision,
            release=__version__,
            server=seen.server,
            tool=tool.version,
            format=dump_format,
            reason=reason,
        )
        # Random, since two may be made in one second.
        name = f"{_plain(seen.database)}-{now.strftime(STAMP)}-{secrets.token_hex(2)}{SUFFIX}"
        writing = _Writing(url, seen, tool, header, key, clock, jobs)
        stored = store.put(name, writing.pieces())
    return Made(
        name=stored.name,
        where=store.where,
        size=stored.size,
        dump_bytes=writing.trailer.dump_bytes,
        rows=sum(writing.trailer.rows.values()),
        tables=len(writing.trailer.rows),
        created_at=now,
        revision=seen.revision,
        key=header.key,
        took_s=round(time.monotonic() - began, 3),
    )


def _plain(database: str) -> str:
    """Return a database's name as a part of a file's."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in database) or "database"


class _Writing:
    """One file on its way into the store."""

    def __init__(
        self, url: str, seen: Snapshot, tool: Tool, header: Header, key: Secret, clock: Clock, jobs: int
    ) -> None:
        self._url, self._seen, self._tool, self._header, self._clock = url, seen, tool, header, clock
        self._jobs = jobs
        self._sealing = Sealing(key, header)
        self.trailer: Trailer

    def pieces(self) -> Iterator[bytes]:
        """Give the sealed file piece by piece; the last ones only when pg_dump ended well."""
        yield self._sealing.begin()
        for piece in _dumped(self._url, self._seen, self._tool, self._header.format, self._jobs):
            yield from self._sealing.add(piece)
        rows = self._seen.count_rows()
        self.trailer = Trailer(
            dump_bytes=self._sealing.dump_bytes,
            dump_sha256=self._sealing.dump_sha256,
            finished_at=self._clock.now(),
            rows=rows,
            sequences=self._seen.sequences,
            roles=self._seen.roles,
            foreign=self._seen.foreign,
        )
        yield from self._sealing.finish(self.trailer)


def _dumped(url: str, seen: Snapshot, tool: Tool, dump_format: DumpFormat, jobs: int) -> Iterator[bytes]:
    """Give what pg_dump writes.

    Raises:
        BackupFailed: it ended in an error, however much it had written by then.
    """
    arguments: list[str | Path] = [
        tool.path,
        f"--format={dump_format}",
        "--compress=4",
        # Who restores it owns it; what belongs to another role is told in the trailer.
        "--no-owner",
        f"--role={ROLE}",
        "--enable-row-security",
        f"--snapshot={seen.name}",
        f"--lock-wait-timeout={_LOCK_WAIT_MS}",
        "--no-password",
    ]
    if dump_format != "directory":
        yield from _output(url, arguments)
        return
    with tempfile.TemporaryDirectory(prefix="primepos-") as home:
        folder = Path(home) / "dump"
        for _ in _output(url, [*arguments, f"--file={folder}", f"--jobs={jobs}"]):
            pass
        yield from packed(folder)


def _output(url: str, arguments: list[str | Path]) -> Iterator[bytes]:
    """Give what a program prints. Raises BackupFailed when it ends in an error."""
    with login(url) as (dbname, environment), tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            [*arguments, f"--dbname={dbname}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=environment,
        ) as process:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            try:
                while piece := process.stdout.read(_READ_BYTES):
                    yield piece
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            complaints.seek(0)
            raise BackupFailed(program="pg_dump", problem=said(complaints.read()))
