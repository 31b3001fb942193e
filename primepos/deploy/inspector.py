"""A read-only look into the database: every question in a transaction of its own that can neither write nor last.

What the catalogue knows is asked as the login itself; rows of tenants as ``primepos_system``, which sees all of them.
Nothing is set on the session, so a pooler in transaction mode serves as well as a direct connection.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors as pg_errors
from psycopg.rows import dict_row

from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.core.database_url import DatabaseAddress, parse_database_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from primepos.core.settings import Examination

CONNECT_S: Final = 5
CATALOGUE_MS: Final = 5_000
ROWS_MS: Final = 30_000
# One check may ask many questions; together they get this long.
CHECK_S: Final = 90
LOCK_MS: Final = 1_000
SYSTEM_ROLE: Final = "primepos_system"
APP_ROLE: Final = "primepos_app"
_LIMITS: Final = (
    "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),"
    " set_config('idle_in_transaction_session_timeout', '60000', true)"
)
# Tables that nobody has counted for the planner yet would be paired row by row: the square of their number.
_WHOLE_TABLES: Final = "SELECT set_config('role', %s, true), set_config('enable_nestloop', 'off', true)"


class Inspector:
    """One database under judgement. Questions are asked one after another, whoever asks."""

    def __init__(self, url: str, examination: Examination) -> None:
        """Look at the database behind ``url``; nothing connects yet."""
        self.url = url
        self.examination = examination
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[Any] | None = None
        self.connect_ms = 0
        self._deadline: float | None = None

    @cached_property
    def address(self) -> DatabaseAddress:
        """Where it is. Raises: :class:`ValueError` for what is no PostgreSQL URL."""
        return parse_database_url(self.url)

    @property
    def where(self) -> str:
        """Host and database, without who asks."""
        return f"{self.address.host or 'local socket'}/{self.address.name}"

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The connection, made at first use. Raises: DatabaseUnreachable."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> psycopg.Connection[Any]:
        started = time.perf_counter()
        try:
            made: psycopg.Connection[Any] = psycopg.connect(
                self.url,
                connect_timeout=CONNECT_S,
                application_name="primepos check-deploy",
                tcp_user_timeout=10_000,
                # Behind a pooler the next statement may meet another server process.
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            raise DatabaseUnreachable(problem=_first_line(error)) from error
        made.read_only = True
        self.connect_ms = round((time.perf_counter() - started) * 1000)
        return made

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give the questions inside this long together; a later one is canceled like one that takes too long."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None

    def _left_ms(self, limit_ms: int) -> int:
        if self._deadline is None:
            return limit_ms
        left_ms = int((self._deadline - time.monotonic()) * 1000)
        if left_ms <= 0:
            raise pg_errors.QueryCanceled("no time is left for this check")
        return min(limit_ms, left_ms)

    @property
    def is_encrypted(self) -> bool:
        """Whether this end of the connection is."""
        return bool(self.connection.pgconn.ssl_in_use)

    def rows(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        role: str | None = None,
        timeout_ms: int | None = None,
    ) -> list[dict[str, Any]]:
        """Ask one question, as the login or as ``role``.

        Raises: DatabaseUnreachable; psycopg's QueryCanceled after ``timeout_ms``, InsufficientPrivilege where the login
        may not take on the role.
        """
        limit = self._left_ms(timeout_ms or (CATALOGUE_MS if role is None else ROWS_MS))
        with self._lock:
            connection = self.connection
            try:
                with connection.transaction(force_rollback=True), connection.cursor(row_factory=dict_row) as cursor:
                    cursor.execute(_LIMITS, (str(limit), str(LOCK_MS)))
                    if role is not None:
                        cursor.execute(_WHOLE_TABLES, (role,))
                    cursor.execute(sql, parameters or None)
                    return cursor.fetchall() if cursor.description else []
            except (pg_errors.QueryCanceled, pg_errors.LockNotAvailable):
                raise
            except psycopg.OperationalError as error:
                raise DatabaseUnreachable(problem=_first_line(error)) from error

    def row(self, sql: str, parameters: Sequence[object] = (), *, role: str | None = None) -> dict[str, Any]:
        """Ask a question that has exactly one row as its answer."""
        (found,) = self.rows(sql, parameters, role=role)
        return found

    @cached_property
    def version(self) -> int:
        """The server's version as a number: 160003 is 16.3."""
        return int(self.row("SELECT current_setting('server_version_num')::int AS number")["number"])

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """What this installation remembers, by name; empty where it was never migrated."""
        if self.row("SELECT to_regclass('public.installation') IS NULL AS is_missing")["is_missing"]:
            return {}
        found = self.rows("SELECT name, value FROM installation", role=SYSTEM_ROLE)
        return {one["name"]: one["value"] for one in found}

    def close(self) -> None:
        """Let the connection go."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
