"""The connection that migrates: the owner's, direct, alone, and giving way soon."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from primepos import __version__
from primepos.adapters.migration_errors import DatabaseUnreachable, MigrationLocked, RevisionUnknown, SchemaIsNewer
from primepos.adapters.migration_files import LOCK_TIMEOUT, known, scripts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.exc import DBAPIError

# Two releases that deploy at the same moment take turns on this key.
ADVISORY_LOCK: Final = 7_767_676_701
# How long to wait for another migration to end, and how often to ask whether it has.
TURN_TIMEOUT_MS: Final = 600_000
TURN_EVERY_S: Final = 0.2
# A server whose client is gone finishes its statement first, and holds its locks for as long, unless it looks.
CLIENT_CHECK: Final = "1s"


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """Give a connection as the owner. Raises DatabaseUnreachable."""
    engine = sa.create_engine(
        f"postgresql+psycopg://{url.split('://', 1)[1]}",
        poolclass=sa.pool.NullPool,
        connect_args={
            "application_name": "primepos migrate",
            "connect_timeout": 10,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    try:
        try:
            connection = engine.connect()
        except sa.exc.OperationalError as error:
            raise DatabaseUnreachable(problem=first_line(error)) from error
        with connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def migrating(url: str, *, on_wait: Callable[[], None] | None = None) -> Iterator[sa.Connection]:
    """Give a connection that holds the migration lock, as the owner, with short lock timeouts.

    ``on_wait`` is told when another migration is running and this one waits for its end.

    Raises:
        DatabaseUnreachable: nobody answers. MigrationLocked: the other one did not end within ten minutes.
    """
    with connected(url) as connection:
        _take_turn(connection, on_wait)
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        _notice_a_client_that_died(connection)
        _own_the_schema(connection)
        connection.commit()
        try:
            yield connection
        finally:
            if not connection.closed and not connection.invalidated:
                connection.rollback()
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
                connection.commit()


def _take_turn(connection: sa.Connection, on_wait: Callable[[], None] | None) -> None:
    """Take the lock, asking again and again: whoever waits inside a statement has a transaction open.

    The other one waits for the end of every transaction when it builds an index concurrently, and both would wait for
    ever.
    """
    connection.exec_driver_sql("SET statement_timeout = 0")
    last = time.monotonic() + TURN_TIMEOUT_MS / 1000
    is_told = False
    while True:
        is_mine = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})").scalar()
        connection.commit()
        if is_mine:
            return
        if not is_told and on_wait is not None:
            on_wait()
        is_told = True
        if time.monotonic() >= last:
            raise MigrationLocked("Another migration has been running for ten minutes; nothing was done")
        time.sleep(TURN_EVERY_S)


def _notice_a_client_that_died(connection: sa.Connection) -> None:
    """Have the server stop soon after this process was killed, where its system can see that."""
    connection.exec_driver_sql(
        f"""
        DO $$ BEGIN
            PERFORM set_config('client_connection_check_interval', '{CLIENT_CHECK}', false);
        EXCEPTION WHEN OTHERS THEN NULL;
        END $$
        """
    )


def _own_the_schema(connection: sa.Connection) -> None:
    """Give the owner its right to schema ``public`` in its own name.

    Before PostgreSQL 16 the login must be NOINHERIT (see the first migration), and then it no longer has what it
    holds only as a member of ``pg_database_owner``.
    """
    connection.exec_driver_sql(
        """
        DO $$
        DECLARE
            login text := current_user;
        BEGIN
            IF current_setting('server_version_num')::int < 160000
               AND pg_has_role(login, 'pg_database_owner', 'MEMBER')
               AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = login) THEN
                SET LOCAL ROLE pg_database_owner;
                EXECUTE format('GRANT ALL ON SCHEMA public TO %%I WITH GRANT OPTION', login);
                RESET ROLE;
            END IF;
        END $$
        """
    )


def current_of(connection: sa.Connection) -> str | None:
    """Return the revision the database is at, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def known_current(connection: sa.Connection) -> str | None:
    """Return where the database is. Raises SchemaIsNewer when this code has never heard of it."""
    present = current_of(connection)
    connection.rollback()
    if present is not None:
        try:
            known(scripts_in(), present)
        except RevisionUnknown:
            raise SchemaIsNewer(revision=present, release=__version__) from None
    return present


def first_line(error: DBAPIError) -> str:
    """Return what the database said, short enough to show."""
    text = str(error.orig).strip()
    return text.splitlines()[0][:300] if text else error.__class__.__name__
