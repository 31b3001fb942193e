"""Restoring: always into a database of its own, held against what was backed up, and only then put in service.

What is in service stays so until the last step, which is two renames in one transaction. Killed at any moment before, a
restore leaves a scratch database that the next one removes; killed after, it is done.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any, Final

from psycopg import errors as pg_errors
from psycopg import sql

from primepos.adapters import migrations
from primepos.adapters.backup import facts
from primepos.adapters.backup.errors import (
    BackupFailed,
    BackupRunning,
    NothingToUndo,
    RestoreNotEqual,
    RestoreNotPossible,
    RestoreTargetInUse,
    RestoreTargetNotEmpty,
)
from primepos.adapters.backup.filling import HAS_TABLES, MAINTENANCE, Source, at_database, database_of, fill
from primepos.adapters.backup.making import STAMP
from primepos.adapters.backup.snapshot import connected
from primepos.domain.jobs.facts import LAST_BACKUP, LAST_DRILL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import psycopg

    from primepos.adapters.backup.sealing import Header, Trailer
    from primepos.core.clock import Clock

    #: Audits the books of the database at a URL and returns what is wrong with them.
    Audit = Callable[[str], list[str]]

_LOCK_CLASS: Final = 7_767_676
_MOST_NAME = 63
_SWAP_TRIES = 20
_TURN_TIMEOUT = "5s"


@dataclasses.dataclass(frozen=True, slots=True)
class Restored:
    """A restore that is done: into which database, and under which name the one before it stands aside.

    ``migrated`` are the revisions that were newer than the backup, ``problems`` what is not as it should be and was no
    reason to give up. ``took_s`` is wall time in seconds, ``lost_s`` the
    age of the backup: what was booked since is not in it.
    """

    name: str
    database: str
    aside: str | None
    revision: str
    created_at: datetime
    tables: int
    rows: int
    migrated: list[str]
    problems: list[str]
    took_s: float
    lost_s: int


def restore_into(url: str, source: Source, *, audit: Audit, clock: Clock) -> Restored:
    """Restore into the empty database at ``url``, bring its schema up to date and audit its books.

    Raises: as :func:`fill`, and RestoreNotEqual when the books do not hold.
    """
    began = time.monotonic()
    header, trailer = source.checked()
    return _finished(url, source, header, trailer, audit, clock, began)


def restore_beside(url: str, name: str, source: Source, *, audit: Audit, clock: Clock) -> Restored:
    """Restore into a new database ``name`` on the server of ``url``; a failed one leaves no such database.

    Raises: as :func:`restore_into`; RestoreTargetNotEmpty when there is a database of that name.
    """
    began = time.monotonic()
    header, trailer = source.checked()
    with _maintenance(url) as server:
        if _exists(server, name):
            raise RestoreTargetNotEmpty(database=name, hint="Choose a name that no database has.")
        with _created(server, name):
            return _finished(at_database(url, name), source, header, trailer, audit, clock, began)


def drill(url: str, source: Source, *, audit: Audit, clock: Clock) -> Restored:
    """Restore into a scratch database on the server of ``url``, audit its books there, and drop it.

    Raises: as :func:`restore_into`.
    """
    began = time.monotonic()
    header, trailer = source.checked()
    with _maintenance(url) as server, _scratch(server, database_of(url)) as scratch:
        done = _finished(at_database(url, scratch), source, header, trailer, audit, clock, began)
        _drop(server, scratch)
    return done


def restore_in_place(
    url: str, source: Source, *, audit: Audit, clock: Clock, replace: bool = False, disconnect: bool = False
) -> Restored:
    """Restore beside the database at ``url`` and put the copy in its place; what was there stands aside.

    An empty database is replaced without a word; one with tables in it only when ``replace`` is set. Others that are
    connected must have left, or are disconnected at the last moment when ``disconnect`` is set.

    Raises: as :func:`restore_into`; RestoreTargetNotEmpty, RestoreTargetInUse: nothing was changed.
    """
    began = time.monotonic()
    header, trailer = source.checked()
    database = database_of(url)
    with _maintenance(url) as server:
        # In this order: looking into the database would count as using it for a moment.
        if not disconnect:
            _must_be_alone(server, database)
        was_empty = not _has_tables(url)
        if not was_empty and not replace:
            raise RestoreTargetNotEmpty(database=database)
        with _scratch(server, database) as scratch:
            done = _finished(at_database(url, scratch), source, header, trailer, audit, clock, began)
            aside = _aside(server, database, clock)
            _swap(server, database, scratch, aside, disconnect=disconnect)
        if was_empty:
            _drop(server, aside)
    return dataclasses.replace(
        done, database=database, aside=None if was_empty else aside, took_s=round(time.monotonic() - began, 3)
    )


def undo(url: str, *, clock: Clock, disconnect: bool = False) -> tuple[str, str]:
    """Put the newest database that stands aside back in service; return its name and that of the one now aside.

    Raises:
        NothingToUndo: none stands aside. RestoreTargetInUse: others are connected; nothing was changed.
    """
    database = database_of(url)
    with _maintenance(url) as server:
        standing = _standing(server, database)
        if not standing:
            raise NothingToUndo
        if not disconnect:
            _must_be_alone(server, database)
        aside = _aside(server, database, clock)
        _swap(server, database, standing[-1], aside, disconnect=disconnect)
    facts.record(url, {}, operation="backup.undo", subject=f"database:{standing[-1]}", aside=aside)
    return standing[-1], aside


def standing_aside(url: str) -> list[str]:
    """Return the databases that stand aside from earlier restores, oldest first."""
    with _maintenance(url, locked=False) as server:
        return _standing(server, database_of(url))


def drop_aside(url: str, name: str) -> None:
    """Drop a database that stands aside. Raises NothingToUndo when there is none of that name."""
    with _maintenance(url) as server:
        if name not in _standing(server, database_of(url)):
            raise NothingToUndo
        _drop(server, name)


def _finished(
    url: str, source: Source, header: Header, trailer: Trailer, audit: Audit, clock: Clock, began: float
) -> Restored:
    fill(url, source, header, trailer)
    migrated = [step.revision for step in migrations.upgrade(url)]
    drift = migrations.verify(url)
    # A model or a checksum that differs did so before: in need, the data count. Walls and books are another matter.
    grave = [each.problem for each in drift if each.what == "isolation"] + audit(url)
    if grave and not source.accepts_problems:
        raise RestoreNotEqual(
            problems="; ".join(grave[:5]), hint="If it was so before: --accept-problems restores it all the same."
        )
    # The copy was made before its own backup was recorded, and is the proof that it can be restored.
    facts.record(
        url,
        {LAST_BACKUP: header.created_at, LAST_DRILL: clock.now()},
        operation="backup.restore",
        subject=f"backup:{source.name}",
        key=header.key,
        rows=sum(trailer.rows.values()),
    )
    return Restored(
        name=source.name,
        database=database_of(url),
        aside=None,
        revision=migrated[-1] if migrated else header.revision,
        created_at=header.created_at,
        tables=len(trailer.rows),
        rows=sum(trailer.rows.values()),
        migrated=migrated,
        problems=grave + [each.problem for each in drift if each.what != "isolation"],
        took_s=round(time.monotonic() - began, 3),
        lost_s=max(0, int((clock.now() - header.created_at).total_seconds())),
    )


@contextlib.contextmanager
def _maintenance(url: str, *, locked: bool = True) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection beside the database itself, which cannot rename or drop itself; one restore at a time."""
    with connected(at_database(url, MAINTENANCE)) as connection:
        if locked:
            # The server takes a moment to notice that whoever held it was killed.
            connection.execute("SELECT set_config('lock_timeout', %s, false)", [_TURN_TIMEOUT])
            try:
                connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCK_CLASS, database_of(url)])
            except pg_errors.LockNotAvailable:
                raise BackupRunning from None
            connection.execute("SELECT set_config('lock_timeout', '0', false)")
        yield connection


@contextlib.contextmanager
def _scratch(server: psycopg.Connection[Any], database: str) -> Iterator[str]:
    """Give a new database that is dropped when the block fails; those that killed restores left are dropped first."""
    stem = f"{database[: _MOST_NAME - 28]}_restoring_"
    for (left,) in server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [stem]).fetchall():
        _drop(server, left)
    name = f"{stem}{time.time_ns() % 10**12:x}"
    with _created(server, name):
        yield name


@contextlib.contextmanager
def _created(server: psycopg.Connection[Any], name: str) -> Iterator[None]:
    try:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except pg_errors.InsufficientPrivilege as error:
        raise RestoreNotPossible(
            problem="this login may not create databases",
            hint="Have an empty database made, and restore into it: --into URL.",
        ) from error
    try:
        yield
    except BaseException:
        _drop(server, name)
        raise


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _exists(server: psycopg.Connection[Any], name: str) -> bool:
    return server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _aside(server: psycopg.Connection[Any], database: str, clock: Clock) -> str:
    """Return a dated name that no database has; names sort as they were given."""
    name = f"{database[: _MOST_NAME - 28]}_before_{clock.now().strftime(STAMP).lower()}"
    number = 2
    while _exists(server, name if number == 2 else f"{name}_{number - 1}"):
        number += 1
    return name if number == 2 else f"{name}_{number - 1}"


def _standing(server: psycopg.Connection[Any], database: str) -> list[str]:
    stem = f"{database[: _MOST_NAME - 28]}_before_"
    found = server.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND pg_has_role(datdba, 'MEMBER') ORDER BY 1",
        [stem],
    )
    return [name for (name,) in found]


def _has_tables(url: str) -> bool:
    with connected(url) as connection:
        row = connection.execute(HAS_TABLES).fetchone()
        return row is not None and bool(row[0])


def _must_be_alone(server: psycopg.Connection[Any], database: str) -> None:
    users = [
        name or "somebody"
        for (name,) in server.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = %s"
            " AND backend_type = 'client backend' ORDER BY 1",
            [database],
        )
    ]
    if users:
        raise RestoreTargetInUse(database=database, users=", ".join(users))


def _swap(server: psycopg.Connection[Any], database: str, fresh: str, aside: str, *, disconnect: bool) -> None:
    """Put ``fresh`` in the place of ``database``: both renames or neither, however this process ends.

    Raises:
        RestoreTargetInUse: somebody is connected, or comes back faster than he is sent away.
    """
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    for _ in range(_SWAP_TRIES):
        try:
            with server.transaction():
                if disconnect:
                    server.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)"
                        " AND pid <> pg_backend_pid()",
                        [database, fresh],
                    )
                server.execute(rename.format(sql.Identifier(database), sql.Identifier(aside)))
                server.execute(rename.format(sql.Identifier(fresh), sql.Identifier(database)))
        except pg_errors.ObjectInUse:
            if not disconnect:
                break
            continue
        except pg_errors.InsufficientPrivilege as error:
            raise RestoreNotPossible(problem=str(error).splitlines()[0]) from error
        return
    _must_be_alone(server, database)
    raise BackupFailed(program="ALTER DATABASE", problem=f"{database} is in use")
