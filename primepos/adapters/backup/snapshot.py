"""One moment of a database, seen whole: the role that reads for backups, and proof that nothing is hidden from it.

The owner cannot dump: under forced row-level security it sees no tenant's row. ``primepos_system`` can, by policies
that let it see everything. A policy that is missing would make pg_dump leave rows out without a word, so every table is
asked about first, in the very snapshot that is dumped.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from primepos.adapters.backup.errors import BackupIncomplete, BackupNotAllowed, BackupRunning
from primepos.adapters.backup.sealing import Foreign
from primepos.adapters.migration_errors import DatabaseUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE: Final = "primepos_system"
#: Held for as long as a backup runs, so two never meet.
ADVISORY_LOCK: Final = 7_767_676_702

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_GRANTABLE = f"""
SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND {_OURS} AND NOT has_table_privilege(%s, c.oid, 'SELECT')
   AND pg_has_role(c.relowner, 'MEMBER')
"""  # noqa: S608  constants only
_UNREADABLE = f"""
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S', 'm') AND {_OURS} AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1
"""  # noqa: S608  constants only
# Policies that let pass only some rows, or none, for the role that asks.
_FILTERED = f"""
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND {_OURS} AND row_security_active(c.oid)
   AND (EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
                   AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
        OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                   AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE'))
                   AND pg_get_expr(p.polqual, p.polrelid) = 'true'))
 ORDER BY 1
"""  # noqa: S608  constants only
_TABLES = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND {_OURS} ORDER BY 1, 2
"""  # noqa: S608  constants only
_SEQUENCES = (
    "SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, 0) FROM pg_sequences"
    " WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1"
)
_ROLES = """
SELECT DISTINCT r.rolname FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
 WHERE d.refclassid = 'pg_authid'::regclass AND NOT r.rolcanlogin AND r.rolname !~ '^pg_'
   AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1
"""
_FOREIGN = f"""
SELECT 'FUNCTION', p.oid::regprocedure::text, r.rolname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_roles r ON r.oid = p.proowner WHERE {_OURS} AND NOT r.rolcanlogin AND r.rolname !~ '^pg_'
 UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
       format('%I.%I', n.nspname, c.relname), r.rolname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND {_OURS} AND NOT r.rolcanlogin AND r.rolname !~ '^pg_'
 ORDER BY 1, 2
"""  # noqa: S608  constants only


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An exported snapshot, alive for as long as the block that gave it."""

    name: str
    database: str
    server: str
    server_major: int
    revision: str
    sequences: dict[str, int]
    roles: list[str]
    foreign: list[Foreign]
    _connection: psycopg.Connection[Any]

    def count_rows(self) -> dict[str, int]:
        """Return how many rows each table has in this snapshot."""
        counted = {}
        for schema, table in self._connection.execute(_TABLES).fetchall():
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
            row = self._connection.execute(query).fetchone()
            counted[f"{schema}.{table}"] = 0 if row is None else int(row[0])
        return counted


@contextlib.contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give an autocommit connection without time limits for the block.

    Raises:
        DatabaseUnreachable: nobody answers, or refuses the login, or hangs up within the block.
        BackupNotAllowed: the login may not do what the block asks for.
    """
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="primepos backup", prepare_threshold=None
        ) as connection:
            for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute("SELECT set_config(%s, '0', false)", [setting])
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=_first_line(error)) from error
    except pg_errors.InsufficientPrivilege as error:
        raise BackupNotAllowed(problem=_first_line(error)) from error


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


@contextlib.contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Give a snapshot of the database at ``url`` (its owner's, on a direct connection) in which everything is seen.

    Raises:
        DatabaseUnreachable: nobody answers. BackupRunning: another backup of it is at work.
        BackupIncomplete: the role that reads for backups is missing, or would not see every table, row and sequence.
    """
    with connected(url) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK]).fetchone()
        if row is None or not row[0]:
            raise BackupRunning
        _open_sequences(connection)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            _become(connection)
            _see_all(connection)
            yield _taken(connection)


def _open_sequences(connection: psycopg.Connection[Any]) -> None:
    """Let the role read the counters too, where the owner may grant it: without them the next number is lost."""
    with contextlib.suppress(pg_errors.UndefinedObject):
        for (name,) in connection.execute(_GRANTABLE, [ROLE]).fetchall():
            grant = sql.SQL("GRANT SELECT ON SEQUENCE {} TO {}").format(sql.SQL(name), sql.Identifier(ROLE))
            connection.execute(grant)


def _become(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
    except (pg_errors.InvalidParameterValue, pg_errors.InsufficientPrivilege, pg_errors.UndefinedObject):
        raise BackupIncomplete(problems=f"this login may not act as {ROLE}") from None


def _see_all(connection: psycopg.Connection[Any]) -> None:
    unreadable = [name for (name,) in connection.execute(_UNREADABLE)]
    filtered = [name for (name,) in connection.execute(_FILTERED)]
    problems = [f"{ROLE} may not read {', '.join(unreadable)}"] if unreadable else []
    if filtered:
        problems.append(f"a policy hides rows of {', '.join(filtered)} from {ROLE}")
    if problems:
        raise BackupIncomplete(problems="; ".join(problems))


def _taken(connection: psycopg.Connection[Any]) -> Snapshot:
    row = connection.execute(
        "SELECT pg_export_snapshot(), current_database(), current_setting('server_version'),"
        " current_setting('server_version_num')::int / 10000, to_regclass('public.alembic_version') IS NOT NULL"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    name, database, server, major, has_schema = row
    if not has_schema:
        raise BackupIncomplete(problems="there is no schema of PrimePOS in this database")
    found = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return Snapshot(
        name=name,
        database=database,
        server=server.split()[0],
        server_major=major,
        revision="" if found is None else str(found[0]),
        sequences=dict(connection.execute(_SEQUENCES).fetchall()),
        roles=[role for (role,) in connection.execute(_ROLES)],
        foreign=[Foreign(kind=kind, name=what, owner=owner) for kind, what, owner in connection.execute(_FOREIGN)],
        _connection=connection,
    )
