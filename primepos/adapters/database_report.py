"""What a PostgreSQL server is busy with, and how a database of it fares: read from its own views, changing nothing.

Statements are shown without their literals: what somebody typed into a form is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg
from psycopg import errors as pg_errors
from psycopg.rows import dict_row

from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.core.sql_text import without_literals

CONNECT_S: Final = 5
STATEMENT_MS: Final = 10_000
LOCK_MS: Final = 500
TEXT_CAP: Final = 400
_HIDDEN: Final = "<insufficient privilege>"

Row = dict[str, Any]
Connection = psycopg.Connection[Row]


class ConnectionGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of one program as one role in one state; ``oldest_s`` is how long the longest is in it."""

    application: str
    role: str
    state: str
    connections: int
    oldest_s: int | None


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that runs, or a transaction that is left open, for longer than was asked about."""

    pid: int
    application: str
    state: str
    seconds: int
    waits_for: str | None
    statement: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A session that waits for a lock, and the sessions that hold it up."""

    pid: int
    application: str
    seconds: int
    lock: str
    relation: str | None
    statement: str
    held_by: list[Running]


class SlowStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement by its share of the server's time, as ``pg_stat_statements`` counts it."""

    calls: int
    total_s: int
    mean_ms: str
    rows: int
    statement: str


class TableState(msgspec.Struct, frozen=True, kw_only=True):
    """A table with its indexes: size, rows, and what of it is dead and waits for a vacuum."""

    table: str
    bytes: int
    rows: int
    dead_rows: int
    dead_percent: int
    last_vacuum: str | None
    sequential_scans: int
    index_scans: int
    freeze_age: int


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """An index that is ``invalid`` (a build that failed) or ``unused`` since the figures were last reset."""

    index: str
    table: str
    bytes: int
    state: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at, and where to read on."""

    what: str
    runbook: str


class DatabaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was seen. ``sees_all`` false: sessions of other roles show no state and no statement."""

    database: str
    server_version: str
    bytes: int
    sees_all: bool
    max_connections: int
    used_connections: int
    connections: list[ConnectionGroup]
    running: list[Running]
    waiting: list[Waiting]
    slow: list[SlowStatement] | None
    tables: list[TableState]
    indexes: list[IndexState]
    table_cache_hit_percent: int | None
    index_cache_hit_percent: int | None
    freeze_age: int
    freeze_age_limit: int
    findings: list[Finding]


def database_report(url: str, *, longer_than_s: int = 5, most: int = 10) -> DatabaseReport:
    """Look at the database at ``url``; lists hold at most ``most`` rows. Raises DatabaseUnreachable."""
    with _connected(url) as connection:
        whole = _one(
            connection,
            """SELECT current_database() AS database, current_setting('server_version') AS server_version,
                   pg_database_size(current_database()) AS bytes,
                   pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
                   current_setting('max_connections')::int AS max_connections,
                   (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used_connections,
                   (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS freeze_age,
                   current_setting('autovacuum_freeze_max_age')::int AS freeze_age_limit""",
        )
        cache = _one(
            connection,
            """SELECT 100 * sum(heap_blks_hit) / nullif(sum(heap_blks_hit + heap_blks_read), 0) AS heap,
                   100 * sum(idx_blks_hit) / nullif(sum(idx_blks_hit + idx_blks_read), 0) AS index
               FROM pg_statio_user_tables""",
        )
        report = DatabaseReport(
            **whole,
            connections=_connections(connection),
            running=_running(connection, longer_than_s, most),
            waiting=_waiting(connection, most),
            slow=_slow(connection, most),
            tables=_tables(connection, most),
            indexes=_indexes(connection, most),
            table_cache_hit_percent=_whole(cache["heap"]),
            index_cache_hit_percent=_whole(cache["index"]),
            findings=[],
        )
    return msgspec.structs.replace(report, findings=list(findings_of(report)))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        with psycopg.connect(
            url, connect_timeout=CONNECT_S, application_name="primepos ops", row_factory=dict_row
        ) as connection:
            # One transaction, and nothing that outlives it: a pooler hands the session on to somebody else.
            connection.prepare_threshold = None
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=str(error).strip().splitlines()[0][:300]) from error


def _connections(connection: Connection) -> list[ConnectionGroup]:
    rows = _all(
        connection,
        """SELECT coalesce(nullif(application_name, ''), '(none)') AS application, coalesce(usename, '') AS role,
               coalesce(state, 'hidden') AS state, count(*) AS connections,
               max(extract(epoch FROM now() - state_change))::bigint AS oldest_s
           FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
           GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3""",
    )
    return [ConnectionGroup(**row) for row in rows]


_SESSION: Final = """
    SELECT pid, coalesce(nullif(application_name, ''), '(none)') AS application, coalesce(state, 'hidden') AS state,
        greatest(extract(epoch FROM now() - CASE WHEN state = 'active' THEN query_start ELSE xact_start END), 0)::bigint
            AS seconds,
        wait_event_type || ': ' || wait_event AS waits_for, query AS statement
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def _running(connection: Connection, longer_than_s: int, most: int) -> list[Running]:
    rows = _all(
        connection,
        f"""SELECT * FROM ({_SESSION}) AS session WHERE state NOT IN ('idle', 'hidden') AND seconds >= %s
            ORDER BY seconds DESC, pid LIMIT %s""",  # noqa: S608 - our own text, values are parameters
        longer_than_s,
        most,
    )
    return [_session(row) for row in rows]


def _waiting(connection: Connection, most: int) -> list[Waiting]:
    rows = _all(
        connection,
        """SELECT waiter.pid, coalesce(nullif(waiter.application_name, ''), '(none)') AS application,
               greatest(extract(epoch FROM clock_timestamp() - waiter.query_start), 0)::bigint AS seconds,
               wanted.locktype || ' ' || wanted.mode AS lock, wanted.relation::regclass::text AS relation,
               waiter.query AS statement, pg_blocking_pids(waiter.pid) AS holders
           FROM pg_locks AS wanted JOIN pg_stat_activity AS waiter ON waiter.pid = wanted.pid
           WHERE NOT wanted.granted AND waiter.datname = current_database()
           ORDER BY waiter.query_start, waiter.pid LIMIT %s""",
        most,
    )
    holders = {pid for row in rows for pid in row["holders"]}
    known = {
        row["pid"]: _session(row)
        for row in _all(
            connection,
            f"SELECT * FROM ({_SESSION}) AS session WHERE pid = ANY(%s)",  # noqa: S608 - our own text
            list(holders),
        )
    }
    return [
        Waiting(
            **{name: value for name, value in row.items() if name not in {"holders", "statement"}},
            statement=_shown(row["statement"]),
            held_by=[known[pid] for pid in row["holders"] if pid in known],
        )
        for row in rows
    ]


def _slow(connection: Connection, most: int) -> list[SlowStatement] | None:
    """Return the statements that took most time in all, None where the server does not count them."""
    try:
        with connection.transaction():
            rows = _all(
                connection,
                """SELECT calls, (total_exec_time / 1000)::bigint AS total_s,
                       round(mean_exec_time::numeric, 2)::text AS mean_ms, rows, query AS statement
                   FROM pg_stat_statements
                   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   ORDER BY total_exec_time DESC LIMIT %s""",
                most,
            )
    except (pg_errors.UndefinedTable, pg_errors.ObjectNotInPrerequisiteState, pg_errors.InsufficientPrivilege):
        return None
    return [SlowStatement(**{**row, "statement": _shown(row["statement"])}) for row in rows]


# What a relation takes on disk. To be told exactly takes a lock on it, which is just what may not be had when somebody
# looks because of locks: then it is what the last vacuum or analyze knew.
_EXACT_TABLE: Final = "pg_total_relation_size(state.relid)"
_KNOWN_TABLE: Final = """(
    SELECT sum(part.relpages::bigint) * current_setting('block_size')::bigint FROM pg_class AS part
    WHERE part.oid IN (relation.oid, relation.reltoastrelid)
        OR part.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = relation.oid))::bigint"""
_EXACT_INDEX: Final = "pg_relation_size(used.indexrelid)"
_KNOWN_INDEX: Final = """(
    SELECT relpages::bigint * current_setting('block_size')::bigint FROM pg_class WHERE oid = used.indexrelid)"""


def _sized(connection: Connection, sql: str, exact: str, known: str, most: int) -> list[Row]:
    try:
        with connection.transaction():
            return _all(connection, sql.replace("{size}", exact), most)
    except (pg_errors.LockNotAvailable, pg_errors.QueryCanceled):
        return _all(connection, sql.replace("{size}", known), most)


def _tables(connection: Connection, most: int) -> list[TableState]:
    rows = _sized(
        connection,
        """SELECT state.relid::regclass::text AS table, {size} AS bytes,
               n_live_tup AS rows, n_dead_tup AS dead_rows,
               (100 * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1))::int AS dead_percent,
               to_char(greatest(last_vacuum, last_autovacuum) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                   AS last_vacuum,
               coalesce(seq_scan, 0) AS sequential_scans, coalesce(idx_scan, 0) AS index_scans,
               age(relation.relfrozenxid) AS freeze_age
           FROM pg_stat_user_tables AS state JOIN pg_class AS relation ON relation.oid = state.relid
           WHERE relation.relkind IN ('r', 'm') ORDER BY 2 DESC, 1 LIMIT %s""",
        _EXACT_TABLE,
        _KNOWN_TABLE,
        most,
    )
    return [TableState(**row) for row in rows]


def _indexes(connection: Connection, most: int) -> list[IndexState]:
    rows = _sized(
        connection,
        """SELECT used.indexrelid::regclass::text AS index, used.relid::regclass::text AS table, {size} AS bytes,
               CASE WHEN kept.indisvalid THEN 'unused' ELSE 'invalid' END AS state
           FROM pg_stat_user_indexes AS used JOIN pg_index AS kept ON kept.indexrelid = used.indexrelid
           WHERE NOT kept.indisvalid OR (used.idx_scan = 0 AND NOT kept.indisunique)
           ORDER BY kept.indisvalid, 3 DESC, 1 LIMIT %s""",
        _EXACT_INDEX,
        _KNOWN_INDEX,
        most,
    )
    return [IndexState(**row) for row in rows]


def findings_of(report: DatabaseReport) -> Iterator[Finding]:
    """Yield what is worth a look, worst first. The limits are those of docs/guides/observability.md."""
    if report.waiting:
        longest = max(each.seconds for each in report.waiting)
        yield Finding(
            what=f"{len(report.waiting)} sessions wait for locks, the longest {longest} s", runbook="lock-storm"
        )
    if report.freeze_age * 4 > 3 * max(report.freeze_age_limit, 200_000_000):
        yield Finding(
            what=f"The oldest transaction id is {report.freeze_age} old: vacuum does not keep up", runbook="disk-full"
        )
    if report.used_connections * 5 > report.max_connections * 4:
        yield Finding(
            what=f"{report.used_connections} of {report.max_connections} connections are in use",
            runbook="pool-exhausted",
        )
    for session in report.running:
        if session.state.startswith("idle in transaction"):
            yield Finding(
                what=f"Session {session.pid} left a transaction open {session.seconds} s ago", runbook="lock-storm"
            )
    for index in report.indexes:
        if index.state == "invalid":
            yield Finding(what=f"Index {index.index} is invalid: its build failed", runbook="failed-migration")
    for table in report.tables:
        if table.dead_percent >= 20 and table.dead_rows >= 10_000:
            yield Finding(
                what=f"{table.dead_percent} % of {table.table} is dead: vacuum does not keep up", runbook="disk-full"
            )


def _session(row: Row) -> Running:
    return Running(**{**row, "statement": _shown(row["statement"])})


def _shown(statement: str | None) -> str:
    if not statement or statement == _HIDDEN:
        return "(hidden)"
    text = without_literals(statement)
    return text if len(text) <= TEXT_CAP else f"{text[:TEXT_CAP]}..."


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _all(connection: Connection, sql: str, *parameters: object) -> list[Row]:
    return connection.execute(sql.encode(), parameters or None).fetchall()


def _one(connection: Connection, sql: str) -> Row:
    row = connection.execute(sql.encode()).fetchone()
    return row or {}
