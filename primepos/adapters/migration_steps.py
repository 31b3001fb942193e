"""Steps that a revision takes in a shop that is open: each outside the revision's transaction, each safe to repeat.

    from primepos.adapters.migration_steps import add_index, backfill, validate

    def upgrade() -> None:
        add_index("sales_channel_idx", "sales (tenant_id, channel)")

What stands before a step in a revision is committed when the step begins. A revision that was killed is run again from
its beginning, so everything in it must bear that; ``primepos migrate lint`` looks.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alembic import op
from psycopg import errors as pg_errors
from sqlalchemy.exc import DBAPIError

from primepos.adapters.migration_files import LOCK_TIMEOUT, STATEMENT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import sqlalchemy as sa

__all__ = ["LONG_LOCK", "LONG_STATEMENT", "Progress", "add_index", "backfill", "drop_index", "validate"]

# Building an index and looking at every row take as long as the table is; nobody waits for them.
LONG_STATEMENT: Final = "15min"
# Waiting for the end of transactions that are older than the index holds nobody up either.
LONG_LOCK: Final = "10s"
# Sees every tenant's rows; the owner of a table under forced row-level security sees none.
SYSTEM_ROLE: Final = "primepos_system"
TRIES: Final = 6
LONGEST_REST_S: Final = 1.0
SMALLEST_BATCH: Final = 10
_UNFINISHED: Final = "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
_PASSING: Final = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected, pg_errors.QueryCanceled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a backfill is: rows looked at, rows changed, and about how many the table has."""

    table: str
    seen: int
    changed: int
    about: int


def add_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index while the table is written to; ``on`` is what follows ON: ``sales (tenant_id, channel)``."""
    kind = "UNIQUE INDEX" if unique else "INDEX"
    with _outside_transaction():
        # One of that name that was never finished would be taken for it.
        if not op.get_context().as_sql and op.get_bind().exec_driver_sql(_UNFINISHED, (name,)).scalar():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {_literal(on)}")


def drop_index(name: str) -> None:
    """Drop an index while the table is written to."""
    with _outside_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def validate(table: str, constraint: str) -> None:
    """See that every row keeps a constraint that an earlier revision added NOT VALID; sales go on meanwhile."""
    with _outside_transaction():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


def backfill(
    revision: str,
    table: str,
    assign: Mapping[str, str],
    *,
    where: str = "true",
    key: Sequence[str] = ("tenant_id", "id"),
    batch: int = 1000,
    rest_ms: int = 20,
) -> None:
    """Give columns of every tenant's rows a value, ``batch`` rows at a time in the order of the primary ``key``.

    ``assign`` maps a column to an SQL expression over the row, ``where`` leaves rows out. Each batch is a transaction
    of its own, run as the role that sees all tenants; between two it rests for as long as the last one took, at least
    ``rest_ms``. Where it is, is written down with each batch: a run that was killed goes on behind the last one.

    Raises: DBAPIError when a batch cannot be done in six tries.
    """
    if op.get_context().as_sql:
        with _outside_transaction(statement=None):
            op.execute(_literal(_as_script(table, assign, where, key, batch)))
        return
    with _outside_transaction(statement=None) as connection:
        _Backfill(connection, f"backfill.{revision}.{table}.{'+'.join(assign)}", table, dict(assign), where, key).run(
            batch, rest_ms
        )


@contextmanager
def _outside_transaction(statement: str | None = LONG_STATEMENT) -> Iterator[sa.Connection]:
    """Commit what was done so far, run what follows outside any transaction, and restore the limits."""
    context = op.get_context()
    if context.config is not None:
        context.config.attributes["stepped"] = True
    with context.autocommit_block():
        if statement is None:
            yield op.get_bind()
            return
        before = (LOCK_TIMEOUT, STATEMENT_TIMEOUT) if context.as_sql else _limits(op.get_bind())
        op.execute(f"SET lock_timeout = '{LONG_LOCK}'")
        op.execute(f"SET statement_timeout = '{statement}'")
        try:
            yield op.get_bind()
        finally:
            if context.as_sql or not op.get_bind().invalidated:
                op.execute(f"SET lock_timeout = '{before[0]}'")
                op.execute(f"SET statement_timeout = '{before[1]}'")


def _limits(connection: sa.Connection) -> tuple[str, str]:
    row = connection.exec_driver_sql(
        "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    ).one()
    return str(row[0]), str(row[1])


def _literal(sql: str) -> str:
    """Return SQL whose colons are no bind parameters."""
    return sql.replace(":", "\\:")


@dataclass(slots=True)
class _Backfill:
    """One backfill on its way. ``name`` is the row of ``installation`` that remembers where it is."""

    connection: sa.Connection
    name: str
    table: str
    assign: dict[str, str]
    where: str
    key: Sequence[str]

    def run(self, batch: int, rest_ms: int) -> None:
        told = self._state()
        if told.get("done"):
            return
        if "granted" not in told:
            told |= {"after": None, "seen": 0, "changed": 0, "granted": self._missing_rights()}
            self._remember(told)
        self._rights("GRANT", "TO", told["granted"])
        config = op.get_context().config
        tell = config.attributes.get("on_progress") if config is not None else None
        about = int(self._one("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass"))
        size = batch
        while True:
            began = time.monotonic()
            told, seen, size = self._batch(told, size)
            if tell is not None:
                tell(Progress(table=self.table, seen=told["seen"], changed=told["changed"], about=about))
            if seen < size:
                break
            time.sleep(min(max(time.monotonic() - began, rest_ms / 1000), LONGEST_REST_S))
        self._rights("REVOKE", "FROM", told["granted"])
        self._remember(told | {"done": True})

    def _batch(self, told: dict[str, Any], size: int) -> tuple[dict[str, Any], int, int]:
        """Do one batch, a smaller one if it took too long; return what is remembered, rows seen and the size."""
        for attempt in range(1, TRIES + 1):
            sql, parameters = self._statement(told["after"], size)
            self.connection.exec_driver_sql("BEGIN")
            try:
                self.connection.exec_driver_sql(f"SET LOCAL ROLE {SYSTEM_ROLE}")
                row = self.connection.exec_driver_sql(sql, parameters).one_or_none()
                seen = 0 if row is None else int(row.seen)
                if row is not None:
                    changed = told["changed"] + int(row.changed)
                    told = told | {"after": list(row[2:]), "seen": told["seen"] + seen, "changed": changed}
                    self._remember(told)
                self.connection.exec_driver_sql("COMMIT")
            except KeyboardInterrupt:
                # Left open, the transaction would be what is complained about.
                with suppress(DBAPIError):
                    self.connection.exec_driver_sql("ROLLBACK")
                raise
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                self.connection.exec_driver_sql("ROLLBACK")
                if attempt == TRIES or not isinstance(error.orig, _PASSING):
                    raise
                size = max(size // 2, SMALLEST_BATCH)
                time.sleep(min(0.05 * 2**attempt, LONGEST_REST_S))
            else:
                return told, seen, size
        raise AssertionError("the last try returns or raises")

    def _statement(self, after: list[str] | None, size: int) -> tuple[str, tuple[Any, ...]]:
        types = self._key_types()
        keys = ", ".join(self.key)
        begin = "" if after is None else f"WHERE ({keys}) > ({', '.join(f'%s::{kind}' for kind in types)})"
        sql = f"""
            WITH part AS MATERIALIZED (SELECT {keys} FROM {self.table} {begin} ORDER BY {keys} LIMIT {size}),
            held AS MATERIALIZED (
                SELECT {_held(self.key)} FROM {self.table} JOIN part USING ({keys}) WHERE {_percent(self.where)}
                 ORDER BY {keys} FOR NO KEY UPDATE OF {self.table}),
            done AS (
                UPDATE {self.table} SET {_percent(_assignments(self.assign))} FROM held
                 WHERE {_matched(self.table, self.key)} RETURNING 1)
            SELECT (SELECT count(*) FROM part) AS seen, (SELECT count(*) FROM done) AS changed,
                   {", ".join(f"{each}::text" for each in self.key)}
              FROM part ORDER BY {", ".join(f"{each} DESC" for each in self.key)} LIMIT 1
        """  # noqa: S608  the names and expressions are those of a migration, no input
        return sql, tuple(after or ())

    def _key_types(self) -> list[str]:
        rows = self.connection.exec_driver_sql(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attname = ANY(%s)",
            (self.table, list(self.key)),
        )
        types = {str(name): str(kind) for name, kind in rows}
        return [types[each] for each in self.key]

    def _missing_rights(self) -> list[str]:
        """Return the columns that the role may not change: it is lent the right for as long as this runs."""
        rows = self.connection.exec_driver_sql(
            "SELECT each FROM unnest(%s::text[]) AS each WHERE NOT has_column_privilege(%s, %s, each, 'UPDATE')",
            (list(self.assign), SYSTEM_ROLE, self.table),
        )
        return [str(each) for (each,) in rows]

    def _rights(self, act: str, whom: str, columns: list[str]) -> None:
        if columns:
            named = ", ".join(columns)
            self.connection.exec_driver_sql(f"{act} UPDATE ({named}) ON {self.table} {whom} {SYSTEM_ROLE}")

    def _state(self) -> dict[str, Any]:
        found = self.connection.exec_driver_sql("SELECT value FROM installation WHERE name = %s", (self.name,)).scalar()
        return dict(json.loads(found)) if found is not None else {}

    def _remember(self, told: dict[str, Any]) -> None:
        self.connection.exec_driver_sql(
            "INSERT INTO installation (name, value) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (self.name, json.dumps(told)),
        )

    def _one(self, sql: str) -> Any:
        return self.connection.exec_driver_sql(sql, (self.table,)).scalar()


def _assignments(assign: Mapping[str, str]) -> str:
    return ", ".join(f"{column} = {expression}" for column, expression in assign.items())


def _held(key: Sequence[str]) -> str:
    """Return the key under names that no expression over the row can mean."""
    return ", ".join(f"{each} AS held_{each}" for each in key)


def _matched(table: str, key: Sequence[str]) -> str:
    return " AND ".join(f"{table}.{each} = held.held_{each}" for each in key)


def _percent(sql: str) -> str:
    """Return SQL whose percent signs are no parameters of the driver."""
    return sql.replace("%", "%%")


def _as_script(table: str, assign: Mapping[str, str], where: str, key: Sequence[str], batch: int) -> str:
    """Return the same work as one block for psql, which begins anew when it is interrupted."""
    keys = ", ".join(key)
    lasts = ", ".join(f"last_{each}" for each in key)
    columns = ", ".join(assign)
    return f"""DO $backfill$
DECLARE
    {" ".join(f"last_{each} {table}.{each}%TYPE;" for each in key)}
    seen integer;
BEGIN
    GRANT UPDATE ({columns}) ON {table} TO {SYSTEM_ROLE};
    COMMIT;
    LOOP
        SET LOCAL ROLE {SYSTEM_ROLE};
        WITH part AS MATERIALIZED (
            SELECT {keys} FROM {table} WHERE last_{key[0]} IS NULL OR ({keys}) > ({lasts})
             ORDER BY {keys} LIMIT {batch}),
        held AS MATERIALIZED (
            SELECT {_held(key)} FROM {table} JOIN part USING ({keys}) WHERE {where}
             ORDER BY {keys} FOR NO KEY UPDATE OF {table}),
        done AS (
            UPDATE {table} SET {_assignments(assign)} FROM held WHERE {_matched(table, key)} RETURNING 1)
        SELECT (SELECT count(*) FROM part), {keys} INTO seen, {lasts}
          FROM part ORDER BY {", ".join(f"{each} DESC" for each in key)} LIMIT 1;
        COMMIT;
        EXIT WHEN seen IS NULL OR seen < {batch};
        PERFORM pg_sleep(0.05);
    END LOOP;
    REVOKE UPDATE ({columns}) ON {table} FROM {SYSTEM_ROLE};
END $backfill$"""  # noqa: S608  the names and expressions are those of a migration, no input
