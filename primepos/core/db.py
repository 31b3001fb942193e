"""The database: one unit of work, bound to one tenant for life, behind three locks.

1. The session refuses to run an unscoped query and adds the tenant to every one (``do_orm_execute``).
2. Every key and foreign key begins with ``tenant_id``, so no row can point at another tenant's.
3. Every transaction takes the role ``primepos_app`` and sets ``app.tenant`` for its own length; the policies of
   forced row-level security look at that. Nothing outlives the transaction, so a pooled connection
   (PgBouncer in transaction mode too) carries nothing over.

Only this module speaks to the driver about transactions. ``text()``, Core ``insert()`` and raw SQL are for
features' ``queries.py``, ``posting.py`` and ``ledger.py`` through the unit of work's own methods.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg import errors as pg_errors
from psycopg.rows import dict_row, tuple_row
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, with_loader_criteria

from primepos.core.deadline import current_deadline
from primepos.core.errors import Conflict, InvalidInput, NotFound, PrimePOSError, Unavailable
from primepos.core.models import TenantMark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import ORMExecuteState

    from primepos.core.deadline import Deadline
    from primepos.core.observing import ExchangeObserver

T = TypeVar("T")

APP_ROLE = "primepos_app"
SYSTEM_ROLE = "primepos_system"

# One statement carries everything the transaction needs to be told, so it costs one message and no round
# trip of its own in a pipeline. set_config('role', ..., true) is SET LOCAL ROLE.
_PREAMBLE = (
    "SELECT set_config('role', %s, true), set_config('app.tenant', %s, true),"
    " set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),"
    " set_config('idle_in_transaction_session_timeout', '60000', true),"
    " set_config('transaction_read_only', %s, true), set_config('plan_cache_mode', %s, true)"
)


# What is left of a deadline when the server gives a statement up: enough to hear of it and to answer.
_ANSWER_S = 0.25
_LEAST_CONNECT_S = 2


class DatabaseUnavailable(Unavailable):
    """The database does not answer, is shutting down, or refused to wait any longer."""

    code = "DATABASE_UNAVAILABLE"
    template = "The database does not answer right now; nothing was changed"


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost after the commit was sent: it may be done, or not."""

    code = "OUTCOME_UNKNOWN"
    template = "The connection was lost while this was being saved: see whether it was done before doing it again"


class TenantScopeMissing(PrimePOSError):
    """A query on a tenant's table was tried in a transaction that belongs to no tenant: a bug of ours."""

    code = "TENANT_SCOPE_MISSING"
    template = "A query without a tenant was stopped"


class TransactionRetry(Exception):
    """Tells the runner to roll back and run the operation again: a twin was faster."""


class Busy(Unavailable):
    """The same rows were fought over again and again; trying once more will help."""

    code = "BUSY"
    template = "Others are changing the same thing right now; try again"


_CONSTRAINT_ERRORS: dict[str, Callable[[], Exception]] = {}


def register_constraint(name: str, error: Callable[[], Exception]) -> None:
    """Say which error a violation of the named constraint means. Features call this at import."""
    _CONSTRAINT_ERRORS[name] = error


def translate(error: BaseException) -> Exception | None:  # noqa: C901, PLR0911  one answer a kind of error
    """Return our error for one of the driver's, or None where it is a bug to be seen as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, (pg_errors.SerializationFailure, pg_errors.DeadlockDetected)):
        return TransactionRetry()
    if isinstance(cause, pg_errors.IntegrityError):
        make = _CONSTRAINT_ERRORS.get(cause.diag.constraint_name or "")
        if make is not None:
            return make()
        if isinstance(cause, pg_errors.UniqueViolation):
            return Conflict("This exists already", constraint=cause.diag.constraint_name)
        if isinstance(cause, pg_errors.ForeignKeyViolation):
            return NotFound(what="What this refers to was")
        return None
    if isinstance(cause, (pg_errors.NumericValueOutOfRange, pg_errors.UntranslatableCharacter)):
        return InvalidInput("A value is out of the range that can be stored")
    if isinstance(cause, psycopg.DataError) and "NUL" in str(cause):
        return InvalidInput("A text contains a NUL character")
    if isinstance(cause, UnicodeEncodeError):
        return InvalidInput("A text is not valid Unicode")
    if isinstance(cause, pg_errors.DatetimeFieldOverflow):
        return InvalidInput("A date is outside the calendar")
    if isinstance(cause, (pg_errors.LockNotAvailable, pg_errors.QueryCanceled)):
        return DatabaseUnavailable()
    if isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError, pg_errors.ReadOnlySqlTransaction)):
        return DatabaseUnavailable()
    if isinstance(error, sa.exc.TimeoutError):
        return DatabaseUnavailable("All connections to the database are in use; try again")
    return None


class TenantSession(Session):
    """An ORM session that belongs to one tenant for life, or to none for a system operation."""


@event.listens_for(TenantSession, "do_orm_execute")
def _scope(state: ORMExecuteState) -> None:
    """Add the tenant to every ORM statement. Relationship loads are scoped too: skipping them leaks."""
    tenant_id = state.session.info.get("tenant_id")
    if state.session.info.get("system"):
        return
    if tenant_id is None:
        raise TenantScopeMissing
    if not state.is_column_load:
        state.statement = state.statement.options(
            with_loader_criteria(TenantMark, lambda cls: cls.tenant_id == tenant_id, include_aliases=True)
        )


class Pipeline:
    """Statements sent without waiting for each other; their results are there when the block has ended.

    One block is one round trip: reading inside it, or waiting in it, would make it two.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.sent: list[str] = []

    def execute(
        self, sql: str, parameters: Mapping[str, Any] | tuple[Any, ...] = (), *, as_dicts: bool = False
    ) -> psycopg.Cursor[Any]:
        """Send a statement and return the cursor its rows will arrive at."""
        cursor = self._connection.cursor(row_factory=dict_row if as_dicts else tuple_row)
        self.sent.append(sql)
        cursor.execute(sql, parameters or None, prepare=True)
        return cursor

    def execute_numbered(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        """Send a statement whose parameters are written ``$1``, ``$2`` ...; the driver passes it on as it is."""
        cursor = psycopg.RawCursor(self._connection, row_factory=tuple_row)
        self.sent.append(sql)
        cursor.execute(sql, parameters, prepare=True)
        return cursor


class UnitOfWork:
    """One transaction for one tenant. It opens at the first statement and ends with commit or rollback.

    ``role`` is the database role the transaction runs as. Made by :class:`Database` only.
    """

    def __init__(self, database: Database, *, tenant_id: int | None, role: str, read_only: bool) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self._role = role
        self._read_only = read_only
        self._connection: sa.Connection | None = None
        self._deadline: Deadline | None = None
        self._session: TenantSession | None = None
        self._begun = False
        self._committing = False
        self.in_doubt = False

    def _driver(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._connect()
        driver = self._connection.connection.driver_connection
        if driver is None:
            raise DatabaseUnavailable
        return driver  # type: ignore[no-any-return]  # SQLAlchemy types the driver's connection as Any

    def _connect(self) -> sa.Connection:
        deadline = self._deadline = current_deadline()
        if deadline is not None and deadline.left_s() <= _ANSWER_S:
            raise DatabaseUnavailable
        connection = self.database.engine.connect()
        driver = connection.connection.driver_connection
        if deadline is not None and driver is not None and not deadline.watch(driver):
            connection.close()
            raise DatabaseUnavailable
        return connection

    def _statement_timeout_ms(self) -> int:
        """Return how long a statement may take: the server gives up before we hang up, so the connection is kept."""
        if self._deadline is None:
            return self.database.statement_timeout_ms
        left_ms = int((self._deadline.left_s() - _ANSWER_S) * 1000)
        return max(1, min(self.database.statement_timeout_ms, left_ms))

    def _preamble(self) -> tuple[str, tuple[str, ...]]:
        limits = self.database
        tenant = "" if self.tenant_id is None else str(self.tenant_id)
        plans = "force_generic_plan" if self._role == APP_ROLE and not self._read_only else "auto"
        return _PREAMBLE, (
            self._role,
            tenant,
            str(self._statement_timeout_ms()),
            str(limits.lock_timeout_ms),
            "on" if self._read_only else "off",
            plans,
        )

    def _begin(self) -> psycopg.Connection[Any]:
        driver = self._driver()
        if not self._begun:
            sql, parameters = self._preamble()
            with driver.pipeline():
                driver.cursor().execute(sql, parameters, prepare=True)
            self._begun = True
        return driver

    @property
    def session(self) -> TenantSession:
        """The ORM session of this transaction, scoped to its tenant."""
        if self._session is None:
            self._begin()
            connection = self._connection
            if connection is None:
                raise DatabaseUnavailable
            if not connection.in_transaction():
                connection.begin()
            self._session = TenantSession(
                bind=connection,
                info={"tenant_id": self.tenant_id, "system": self._role == SYSTEM_ROLE},
                expire_on_commit=False,
            )
        return self._session

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Send several raw statements in one round trip; the transaction's preamble travels along."""
        driver = self._driver()
        if self._session is not None:
            self._session.flush()
        pipe = Pipeline(driver)
        started = time.perf_counter()
        try:
            if not self.database.pipelining:
                self._begin()
                yield pipe
                return
            with driver.pipeline():
                if not self._begun:
                    sql, parameters = self._preamble()
                    driver.cursor().execute(sql, parameters, prepare=True)
                    self._begun = True
                yield pipe
        finally:
            self.database.tell(pipe.sent, started)

    def rows(self, sql: str, parameters: Mapping[str, Any] | tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Run one raw statement and return its rows as dictionaries.

        The statement must name the tenant itself; row-level security stands behind it.
        """
        with self.pipeline() as pipe:
            cursor = pipe.execute(sql, parameters, as_dicts=True)
        return cursor.fetchall() if cursor.description else []

    def run(self, sql: str, parameters: Mapping[str, Any] | tuple[Any, ...] = ()) -> int:
        """Run one raw statement and return how many rows it touched."""
        with self.pipeline() as pipe:
            cursor = pipe.execute(sql, parameters)
        return cursor.rowcount

    def allow_time(self, statement_timeout_ms: int) -> None:
        """Let this transaction's statements take longer than an ordinary one's; 0 is without limit."""
        self.run("SELECT set_config('statement_timeout', %s, true)", (str(statement_timeout_ms),))

    @contextmanager
    def copy(self, sql: str) -> Iterator[psycopg.Copy]:
        """Stream rows with COPY in this transaction."""
        if self._session is not None:
            self._session.flush()
        with self._begin().cursor().copy(sql) as copy:
            yield copy

    def driver_connection(self) -> psycopg.Connection[Any]:
        """Return the driver's connection inside this transaction, for the job queue."""
        if self._session is not None:
            self._session.flush()
        return self._begin()

    def flush(self) -> None:
        """Send what the ORM session holds, so constraints speak now rather than at commit."""
        if self._session is not None:
            self._session.flush()

    def commit(self, last: tuple[str, tuple[Any, ...]] | None = None) -> None:
        """Commit; ``last`` is one more statement sent together with the commit (the audit row)."""
        if self._session is not None:
            self._session.flush()
        if not self._begun and last is None:
            return
        driver = self._driver()
        self._committing = True
        if last is None:
            driver.commit()
        else:
            # As one block: the commit is skipped by the server when the statement before it fails.
            with self.pipeline() as pipe:
                pipe.execute(*last)
                driver.cursor().execute("COMMIT", prepare=False)
        self._begun = self._committing = False

    def keep(self) -> None:
        """Commit what was done so far, which stands by itself, and go on in a transaction of its own.

        For what others wait for and must not wait until the operation ends; its locks are given up.
        """
        self.commit()

    def close(self) -> None:
        """Roll back what was not committed and give the connection back."""
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._release(connection)
            connection.close()
        self._begun = False

    def _release(self, connection: sa.Connection) -> None:
        """End the watch over a connection; one that was hung up on just as the work was done is not used again."""
        if self._deadline is None or connection.invalidated or connection.closed:
            return
        driver = connection.connection.driver_connection
        if driver is not None and not self._deadline.release(driver):
            connection.invalidate()

    def abandon(self) -> bool:
        """Close after an error: a connection in doubt is thrown away rather than pooled.

        Returns True when the server hung up before the commit was sent, so that nothing can have been
        done (``in_doubt`` says when it may have been) and the work may be tried on a new connection. The
        other pooled connections are as old as the broken one, so all are dropped.
        """
        lost = False
        connection = self._connection
        if connection is not None:
            driver = connection.connection.driver_connection
            if driver is None or driver.closed or driver.broken:
                connection.invalidate()
                self.database.engine.dispose()
                self.in_doubt = self._committing and not self._read_only
                lost = not self.in_doubt
        self.close()
        return lost


def _connect_in_time(dialect: sa.Dialect, _record: object, given: Any, options: dict[str, Any]) -> Any:
    """Connect, within the deadline where there is one; libpq counts in whole seconds, and never less than two."""
    deadline = current_deadline()
    in_time = options["connect_timeout"]
    if deadline is not None:
        in_time = max(_LEAST_CONNECT_S, min(in_time, int(deadline.left_s())))
    try:
        return dialect.connect(*given, **{**options, "connect_timeout": in_time})
    except psycopg.Error as error:
        # The driver's frames hold the half-open socket and the error that holds them: without this it stays open until
        # the garbage collector comes by, and while a database is away there would be more and more of them.
        clear_frames(error.__traceback__)
        raise


def _begin_exchange(connection: sa.Connection, *_rest: object) -> None:
    connection.info["primepos_exchange"] = time.perf_counter()


class Database:
    """The engine, the limits of a transaction, and the only way to a unit of work."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        max_overflow: int = 5,
        statement_timeout_ms: int = 15_000,
        lock_timeout_ms: int = 10_000,
        prepared_statements: bool = True,
        pipelining: bool = True,
        connect_timeout_s: int = 5,
    ) -> None:
        """Make the engine; nothing connects before the first statement. ``url`` is a postgresql URL."""
        self.statement_timeout_ms = statement_timeout_ms
        self.lock_timeout_ms = lock_timeout_ms
        self.pipelining = pipelining
        bare = url.split("://", 1)[1]
        self.engine = sa.create_engine(
            f"postgresql+psycopg://{bare}",
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=3,
            pool_recycle=1800,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "prepare_threshold": 5 if prepared_statements else None,
                "connect_timeout": connect_timeout_s,
                "application_name": "primepos",
                "keepalives_idle": 30,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 5000,
            },
        )
        event.listen(self.engine, "do_connect", _connect_in_time)
        self._prepared = prepared_statements
        self._observers: tuple[ExchangeObserver, ...] = ()

    def watch(self, observer: ExchangeObserver) -> None:
        """Let ``observer`` hear of every exchange with the database from now on; it must neither raise nor block."""
        if not self._observers:
            event.listen(self.engine, "before_cursor_execute", _begin_exchange)
            event.listen(self.engine, "after_cursor_execute", self._end_exchange)
        self._observers = (*self._observers, observer)

    def unwatch(self, observer: ExchangeObserver) -> None:
        """Tell ``observer`` no more."""
        self._observers = tuple(each for each in self._observers if each != observer)
        if not self._observers:
            event.remove(self.engine, "before_cursor_execute", _begin_exchange)
            event.remove(self.engine, "after_cursor_execute", self._end_exchange)

    def tell(self, statements: Sequence[str], started: float) -> None:
        """Tell whoever watches of an exchange that began at ``started`` (``time.perf_counter``) and ends now."""
        if self._observers:
            seconds = time.perf_counter() - started
            for observe in self._observers:
                observe(statements, seconds)

    def _end_exchange(self, connection: sa.Connection, _cursor: object, statement: str, *_rest: object) -> None:
        self.tell((statement,), connection.info["primepos_exchange"])

    def tenant(self, tenant_id: int, *, read_only: bool = False) -> UnitOfWork:
        """Return a unit of work bound to one tenant, run as the application's role."""
        return UnitOfWork(self, tenant_id=tenant_id, role=APP_ROLE, read_only=read_only)

    def system_session(self, *, read_only: bool = False) -> UnitOfWork:
        """Return a unit of work across tenants, run as ``primepos_system``.

        For tenancy, accounts, jobs, ops and the worker only (a house rule checks the name).
        """
        return UnitOfWork(self, tenant_id=None, role=SYSTEM_ROLE, read_only=read_only)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def run_in_transaction(open_unit: Callable[[], UnitOfWork], work: Callable[[UnitOfWork], T], *, attempts: int = 4) -> T:
    """Run ``work`` in a unit of work; run it again after a deadlock, a serialization failure or a twin.

    ``work`` commits by itself. Raises :class:`Busy` when every attempt was beaten, and our own error in
    place of the driver's.
    """
    for attempt in range(attempts):
        uow = open_unit()
        try:
            result = work(uow)
        except TransactionRetry:
            uow.abandon()
        except PrimePOSError:
            uow.abandon()
            raise
        except (DBAPIError, psycopg.Error, sa.exc.TimeoutError, UnicodeEncodeError) as error:
            lost = uow.abandon()
            if uow.in_doubt:
                raise OutcomeUnknown from error
            translated = TransactionRetry() if lost else translate(error)
            if translated is None:
                raise
            if not isinstance(translated, TransactionRetry):
                raise translated from error
        except BaseException:
            uow.abandon()
            raise
        else:
            uow.close()
            return result
        if attempt + 1 < attempts:
            time.sleep(random.uniform(0, 0.01 * 4**attempt))  # noqa: S311  jitter, not a secret
    raise Busy


def apart(open_unit: Callable[[], UnitOfWork], work: Callable[[UnitOfWork], T]) -> T:
    """Run ``work`` in a transaction of its own and commit it at once.

    For what must stay even where the operation around it is refused: a counted failure, a killed family of
    tokens. Call it before the operation's own first statement, so that no thread holds two connections.
    """

    def all_of_it(uow: UnitOfWork) -> T:
        result = work(uow)
        uow.commit()
        return result

    return run_in_transaction(open_unit, all_of_it)
