"""Alembic from code: the migrations travel inside the package, no ini file is needed."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

# Two releases that deploy at the same moment take turns on this key.
ADVISORY_LOCK = 7_767_676_701


def script_location() -> Path:
    """Return the directory of the migrations: inside an installed wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def config_for(connection: sa.Connection | None = None) -> Config:
    """Return Alembic's configuration; ``connection`` is the one the migrations will run on."""
    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the newest revision this code knows."""
    found = ScriptDirectory.from_config(config_for()).get_current_head()
    if found is None:
        raise LookupError("the migrations are missing from this installation")
    return found


@contextmanager
def migrating(url: str, *, lock_timeout_ms: int = 2000) -> Iterator[sa.Connection]:
    """Give a connection that holds the migration lock, as the owner, with short lock timeouts."""
    engine = sa.create_engine(f"postgresql+psycopg://{url.split('://', 1)[1]}", poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
            connection.exec_driver_sql(f"SET lock_timeout = {int(lock_timeout_ms)}")
            connection.exec_driver_sql("SET statement_timeout = 0")
            _own_the_schema(connection)
            connection.commit()
            try:
                yield connection
            finally:
                if not connection.closed and not connection.invalidated:
                    connection.rollback()
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
                    connection.commit()
    finally:
        engine.dispose()


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


def current(url: str) -> str | None:
    """Return the revision the database is at, or None for an empty one."""
    engine = sa.create_engine(f"postgresql+psycopg://{url.split('://', 1)[1]}", poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def upgrade(url: str, to: str = "head") -> None:
    """Bring the database at ``url`` (the owner's) up to a revision."""
    with migrating(url) as connection:
        command.upgrade(config_for(connection), to)


def downgrade(url: str, to: str) -> None:
    """Take the database at ``url`` (the owner's) down to a revision, or ``base``."""
    with migrating(url) as connection:
        command.downgrade(config_for(connection), to)
