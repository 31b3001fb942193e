"""Bringing a backup into an empty database: roles, tables, rows, rights, policies; then held against the original."""

from __future__ import annotations

import re
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from psycopg import errors as pg_errors
from psycopg import sql
from sqlalchemy.engine import make_url

from primepos.adapters import migrations
from primepos.adapters.backup.errors import RestoreNotEqual, RestoreNotPossible, RestoreTargetNotEmpty
from primepos.adapters.backup.folders import unpacked
from primepos.adapters.backup.reading import contents, feed, opened
from primepos.adapters.backup.snapshot import connected, snapshot
from primepos.adapters.backup.tools import find_tool, major_of
from primepos.adapters.migration_files import HEAD, revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from primepos.adapters.backup.sealing import Header, Trailer
    from primepos.adapters.storage.store import FileStore
    from primepos.core.settings_types import Secret

#: The database that every server has.
MAINTENANCE: Final = "postgres"
_OUR_ROLE = re.compile(r"primepos_[a-z_]+")
_WALLS = (" ROW SECURITY ", " POLICY ")
# They belong to whoever made the database restored into.
_NOT_OURS = ("SCHEMA - public ", "ACL - SCHEMA public ", "COMMENT - SCHEMA public ")
HAS_TABLES = (
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
class Source:
    """A backup and what is needed to read it."""

    store: FileStore
    name: str
    key: Secret
    pg_bin: Path | None = None
    #: How many tables are restored at once; for the format ``directory`` only.
    jobs: int = 1
    #: Whether a copy whose walls or books do not hold will do: because it was so when it was backed up.
    accepts_problems: bool = False

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
    return make_url(url).database or MAINTENANCE


def fill(url: str, source: Source, header: Header, trailer: Trailer) -> None:
    """Restore a checked backup into the empty database at ``url``, in one transaction where it can be, and compare.

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
        _load(url, source, header, trailer, server)
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
        f"{HAS_TABLES}, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
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


def _load(url: str, source: Source, header: Header, trailer: Trailer, server: int) -> None:
    if header.format == "plain":
        tool = find_tool("psql", server, source.pg_bin)
        with opened(source.store, source.name, source.key) as stream:
            quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"]
            feed(tool, quiet, _inflated(stream.dump()), url=url)
        return
    tool = find_tool("pg_restore", server, source.pg_bin, least=major_of(header.tool))
    entries = contents(source.store, source.name, source.key, trailer, source.pg_bin)
    chosen = [line for line in entries if not any(mark in line for mark in _NOT_OURS)]
    with tempfile.TemporaryDirectory(prefix="primepos-") as home:
        with opened(source.store, source.name, source.key) as stream:
            if header.format == "custom":
                feed(tool, [*_whole(Path(home), chosen), "--single-transaction"], stream.dump(), url=url)
                return
            folder = Path(home) / "dump"
            folder.mkdir()
            unpacked(stream.dump(), folder, source.name)
        # Several at once keep no order among themselves, and a wall that stands already hides from the owner the rows
        # that a foreign key is checked against.
        walls = [line for line in chosen if any(mark in line for mark in _WALLS)]
        rest = [line for line in chosen if line not in walls]
        feed(tool, [*_whole(Path(home), rest), f"--jobs={source.jobs}", str(folder)], (), url=url)
        feed(tool, [*_whole(Path(home), walls), "--single-transaction", str(folder)], (), url=url)


def _whole(home: Path, entries: list[str]) -> list[str]:
    """Return the arguments by which pg_restore restores these entries, every one of them or none."""
    listing = home / "list"
    listing.write_text("\n".join(entries) + "\n", encoding="utf-8")
    return ["--no-owner", "--exit-on-error", f"--use-list={listing}"]


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
