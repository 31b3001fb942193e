"""When the last backup and the last drill went well, written and read by a connection of one's own.

The deploy gate and the backup itself know a URL and no App; everybody else asks ``domain.jobs.facts``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from psycopg import errors as pg_errors
from psycopg import sql

from primepos.adapters.backup.snapshot import ROLE, connected
from primepos.domain.jobs.facts import LAST_BACKUP, LAST_DRILL, REMEMBER, as_text

if TYPE_CHECKING:
    from typing import LiteralString


def record(url: str, name: str, at: datetime) -> None:
    """Keep that something went well at a moment, unless a later one is kept. Raises DatabaseUnreachable."""
    with connected(url) as connection, connection.transaction():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
        connection.execute(REMEMBER, [name, as_text(at)])


def last_backup(url: str) -> datetime | None:
    """Return when the last backup of the database at ``url`` went well. Raises DatabaseUnreachable."""
    return _recalled(url, LAST_BACKUP)


def last_drill(url: str) -> datetime | None:
    """Return when a backup of the database at ``url`` was last restored for practice. Raises DatabaseUnreachable."""
    return _recalled(url, LAST_DRILL)


def _recalled(url: str, name: str) -> datetime | None:
    question: LiteralString = "SELECT value FROM installation WHERE name = %s"
    try:
        with connected(url) as connection, connection.transaction():
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
            row = connection.execute(question, [name]).fetchone()
    except (pg_errors.UndefinedTable, pg_errors.InvalidParameterValue):
        return None
    return None if row is None else datetime.fromisoformat(row[0])
