"""Restoring: always into a database of its own, held against what was backed up, and only then put in service.

What is in service stays so until the last step, which is two renames in one transaction. Killed at any moment before, a
restore leaves a scratch database that the next one removes; killed after, it is done.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from psycopg import errors as pg_errors
from psycopg import sql
from sqlalchemy.engine import make_url

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
from primepos.adapters.backup.making import STAMP
from primepos.adapters.backup.reading import contents, feed, opened
from primepos.adapters.backup.snapshot import connected, snapshot
from primepos.adapters.backup.tools import find_tool, major_of
from primepos.adapters.migration_files import HEAD, revisions
from primepos.domain.jobs.facts import LAST_BACKUP, LAST_DRILL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import psycopg

    from primepos.adapters.backup.sealing import Header, Trailer
    from primepos.adapters.storage.store import FileStore
    from primepos.core.clock import Clock
    from primepos.core.settings_types import Secret

    #: Audits the books of the database at a URL and returns what is wrong with them.
    Audit = Callable[[str], list[str]]

_MAINTENANCE: Final = "postgres"
_LOCK_CLASS: Final = 7_767_676
_OUR_ROLE = re.compile(r"primepos_[a-z_]+")
_MOST_NAME = 63
_SWAP_TRIES = 20
# They belong to whoever made the database restored into.
_NOT_OURS = ("SCHEMA - public ", "ACL - SCHEMA public ", "COMMENT - SCHEMA public ")
_HAS_TABLES = (
    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')"
)
_CREATE_ROLE = """
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY {roles}::text[] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format(
                    'CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT FALSE, SET TRUE', wanted);
        ELSE
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    END LOOP;
    IF current_setting('server_version_num')::int < 160000
       AND EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolinherit AND NOT rolsuper) THEN
        ALTER ROLE CURRENT_USER NOINHERIT;
    END IF;
END $$
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that is done: into which database, and under which name the one before it stands aside.

    ``migrated`` are the revisions that were newer than the backup. ``took_s`` is wall time in seconds, ``lost_s`` the
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
    took_s: float
    lost_s: int


@dataclass(frozen=True, slots=True)
class Source:
    """A backup and what is needed to read it."""

    store: FileStore
    name: str
    key: Secret
    pg_bin: Path | None = None

    def checked(self) -> tuple[Header, Trailer]:
        """Read it to its end, so that nothing of a damaged one is ever used, and see that this release knows it.

        Raises:
            BackupNotFound, BackupDamaged, BackupKeyWrong: see :func:`primepos.adapters.backup.reading.opened`.
            RestoreNotPossible: it is of a newer release.
        """
        with opened(self.store, self.name, self.key) as source:
            trailer = source.drained()
            header = source.header
        if header.revision not in {each.revision for each in revisions(None, HEAD)}:
            raise RestoreNotPossible(
                problem=f"its schema is at revision {header.revision!r}, which this release does not know",
                hint=f"Install release {header.release} or newer.",
            )
        return header, trailer


def at_database(url: str, database: str) -> str:
    """Return the URL of another database on the same server, for the same login."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def database_of(url: str) -> str:
    """Return the name of the database at a URL."""
    return make_url(url).database or _MAINTENANCE


# --- into an empty database ------------------------------------------------------------------------------------------


def fill(url: str, source: Source, header: Header, trailer: Trailer) -> None:
    """Restore a checked backup into the empty database at ``url``, in one transaction, and compare.

    Raises:
        RestoreTargetNotEmpty, RestoreNotPossible: before anything was written. BackupFailed: pg_restore ended in an
        error and nothing was kept. RestoreNotEqual: the copy is not what was backed up.
    """
    with connected(url) as connection:
        _fits(connection, url, header)
        server = connection.info.server_version // 10000
        # Takes the owner's right to the schema where a host gives it by membership only.
        with migrations.migrating(url):
            _make_roles(connection, trailer)
        _load(url, source, header, server)
        with connection.transaction():
            _give_back(connection, trailer)
        connection.execute("ANALYZE")
    _compare(url, header, trailer)


def _fits(connection: psycopg.Connection[Any], url: str, header: Header) -> None:
    server = connection.info.server_version // 10000
    if server < major_of(header.server):
        raise RestoreNotPossible(
            problem=f"it is of PostgreSQL {header.server}, the server here is {server}: an older one cannot read it"
        )
    row = connection.execute(
        f"{_HAS_TABLES}, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None  # noqa: S101 - one's own database is in pg_database
    if row[0]:
        raise RestoreTargetNotEmpty(
            database=database_of(url), hint="Name a database that does not exist yet, or an empty one."
        )
    if row[1] != "UTF8":
        raise RestoreNotPossible(problem=f"the database's encoding is {row[1]}, not UTF8")


def _make_roles(connection: psycopg.Connection[Any], trailer: Trailer) -> None:
    """Create the roles that rights and policies name; ours are made, anybody else's must be there."""
    ours = [role for role in trailer.roles if _OUR_ROLE.fullmatch(role)]
    others = [role for role in trailer.roles if role not in ours]
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [others])}
    missing = sorted(set(others) - known)
    if missing:
        raise RestoreNotPossible(
            problem=f"the role {', '.join(missing)} holds rights in it and is not there: create it"
        )
    try:
        connection.execute(sql.SQL(_CREATE_ROLE).format(roles=sql.Literal(ours)))
    except pg_errors.InsufficientPrivilege as error:
        raise RestoreNotPossible(
            problem=f"this login may not make the roles it needs: {str(error).splitlines()[0]}"
        ) from error


def _load(url: str, source: Source, header: Header, server: int) -> None:
    if header.format == "plain":
        tool = find_tool("psql", server, source.pg_bin)
        with opened(source.store, source.name, source.key) as stream:
            quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"]
            feed(tool, quiet, _inflated(stream.dump()), url=url)
        return
    tool = find_tool("pg_restore", server, source.pg_bin, least=major_of(header.tool))
    entries = contents(source.store, source.name, source.key, source.pg_bin)
    with tempfile.TemporaryDirectory(prefix="primepos-") as home:
        listing = Path(home) / "list"
        chosen = [line for line in entries if not any(mark in line for mark in _NOT_OURS)]
        listing.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        with opened(source.store, source.name, source.key) as stream:
            arguments = ["--no-owner", "--single-transaction", "--exit-on-error", f"--use-list={listing}"]
            feed(tool, arguments, stream.dump(), url=url)
            if stream.trailer is None:
                stream.drained()


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give what pg_dump compressed; the stream's own check ends it."""
    inflate = zlib.decompressobj(wbits=31)
    for piece in pieces:
        yield inflate.decompress(piece)
    yield inflate.flush()


def _give_back(connection: psycopg.Connection[Any], trailer: Trailer) -> None:
    """Give what belonged to another role back to it: a definer's function works with its owner's rights."""
    for owner in sorted({each.owner for each in trailer.foreign}):
        # Who takes an object must be allowed to make one, for this moment only.
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(owner)))
        for each in trailer.foreign:
            if each.owner == owner:
                connection.execute(
                    sql.SQL("ALTER {} {} OWNER TO {}").format(
                        sql.SQL(each.kind), sql.SQL(each.name), sql.Identifier(owner)
                    )
                )
        connection.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(sql.Identifier(owner)))


def _compare(url: str, header: Header, trailer: Trailer) -> None:
    """Hold the copy against what the backup says of itself, as the role that sees everything."""
    with snapshot(url) as seen:
        rows = seen.count_rows()
        problems = [
            f"{table} has {rows.get(table, 'no')} rows, not {wanted}"
            for table, wanted in trailer.rows.items()
            if rows.get(table) != wanted
        ]
        problems += [f"{table} was not backed up" for table in rows if table not in trailer.rows]
        problems += [
            f"the counter {name} is behind"
            for name, least in trailer.sequences.items()
            if seen.sequences.get(name, -1) < least
        ]
        if seen.revision != header.revision:
            problems.append(f"it is at revision {seen.revision!r}, not {header.revision!r}")
        if seen.foreign != trailer.foreign:
            problems.append("something belongs to another role than it did")
    if problems:
        raise RestoreNotEqual(problems="; ".join(problems[:5]))


# --- beside, then in place of, what is in service --------------------------------------------------------------------


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
        if not replace:
            _must_be_empty(url)
        with _scratch(server, database) as scratch:
            done = _finished(at_database(url, scratch), source, header, trailer, audit, clock, began)
            aside = _aside(server, database, clock)
            _swap(server, database, scratch, aside, disconnect=disconnect)
    return Restored(
        **{
            **{field: getattr(done, field) for field in Restored.__dataclass_fields__},
            "database": database,
            "aside": aside,
            "took_s": round(time.monotonic() - began, 3),
        }
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
    problems = [drift.problem for drift in migrations.verify(url)] + audit(url)
    if problems:
        raise RestoreNotEqual(problems="; ".join(problems[:5]))
    # The copy was made before its own backup was recorded, and is the proof that it can be restored.
    facts.record(url, LAST_BACKUP, header.created_at)
    facts.record(url, LAST_DRILL, clock.now())
    return Restored(
        name=source.name,
        database=database_of(url),
        aside=None,
        revision=migrated[-1] if migrated else header.revision,
        created_at=header.created_at,
        tables=len(trailer.rows),
        rows=sum(trailer.rows.values()),
        migrated=migrated,
        took_s=round(time.monotonic() - began, 3),
        lost_s=max(0, int((clock.now() - header.created_at).total_seconds())),
    )


@contextlib.contextmanager
def _maintenance(url: str, *, locked: bool = True) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection beside the database itself, which cannot rename or drop itself; one restore at a time."""
    with connected(at_database(url, _MAINTENANCE)) as connection:
        if locked:
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCK_CLASS, database_of(url)]
            ).fetchone()
            if row is None or not row[0]:
                raise BackupRunning
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


def _must_be_empty(url: str) -> None:
    with connected(url) as connection:
        row = connection.execute(_HAS_TABLES).fetchone()
        if row is not None and row[0]:
            raise RestoreTargetNotEmpty(database=database_of(url))


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
