"""Whether the database can be worked with right now: reached, in time, and with a schema this code knows."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from traceback import clear_frames
from typing import TYPE_CHECKING

import psycopg
from alembic.script import ScriptDirectory
from psycopg import errors as pg_errors

from primepos.adapters import migrations
from primepos.core.log import get_logger

if TYPE_CHECKING:
    from sqlalchemy import URL

TIMEOUT_S = 1
_ROLE = "primepos_app"

log = get_logger(__name__)


class NotReady(StrEnum):
    """Why no traffic should come; the detail is in the log and never in an answer."""

    DATABASE_UNREACHABLE = "database_unreachable"
    DATABASE_TIMEOUT = "database_timeout"
    MIGRATIONS_PENDING = "migrations_pending"
    SHUTTING_DOWN = "shutting_down"


def plain_url(url: URL) -> str:
    """Return an engine's URL as the driver reads it, password included."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def probe(url: str) -> NotReady | None:
    """Look at the database over a connection of its own, so that a full pool neither hides nor causes trouble."""
    try:
        with psycopg.connect(url, connect_timeout=2, application_name="primepos readiness") as connection:
            with connection.transaction():
                connection.execute(f"SET LOCAL statement_timeout = {TIMEOUT_S * 1000}")
                connection.execute("SELECT 1")
            revision = _revision(connection)
    except (pg_errors.QueryCanceled, pg_errors.ConnectionTimeout) as error:
        # Else the half-open socket lives as long as the error that its frames hold: until the next garbage collection.
        clear_frames(error.__traceback__)
        log.warning("readiness.timeout", msg="The database does not answer in time", detail=str(error))
        return NotReady.DATABASE_TIMEOUT
    except psycopg.Error as error:
        log.warning("readiness.unreachable", msg="The database cannot be reached", detail=str(error))
        return NotReady.DATABASE_UNREACHABLE
    head, older = known_revisions()
    if revision is None or (revision != head and revision in older):
        log.warning("readiness.migrations", msg="Migrations are pending", revision=revision or "none", head=head)
        return NotReady.MIGRATIONS_PENDING
    # A revision this code has never heard of is a newer release's, and that serves this one too.
    return None


def _revision(connection: psycopg.Connection[tuple[str, ...]]) -> str | None:
    """Return the schema's revision; the login itself may read nothing, the application's role may."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = {TIMEOUT_S * 1000}")
            connection.execute(f"SET LOCAL ROLE {_ROLE}")
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (
        pg_errors.UndefinedTable,
        pg_errors.InvalidParameterValue,
        pg_errors.UndefinedObject,
        pg_errors.InsufficientPrivilege,
    ):
        return None
    return None if row is None else row[0]


@cache
def known_revisions() -> tuple[str, frozenset[str]]:
    """Return the newest revision this code knows, and all older ones."""
    scripts = ScriptDirectory.from_config(migrations.config_for())
    head = migrations.head()
    return head, frozenset(each.revision for each in scripts.walk_revisions()) - {head}
