"""When the last backup and the last drill went well, written and read by a connection of one's own.

The deploy gate and the backup itself know a URL and no App; everybody else asks ``domain.jobs.facts``.
"""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg import errors as pg_errors
from psycopg import sql

from primepos.adapters.backup.snapshot import ROLE, connected
from primepos.core.context import operator
from primepos.core.ids import new_id
from primepos.core.operations import AuditEvent
from primepos.domain.audit.trail import Trail
from primepos.domain.jobs.facts import LAST_BACKUP, LAST_DRILL, REMEMBER, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import LiteralString


def record(url: str, moments: Mapping[str, datetime], *, operation: str, subject: str, **data: str | int) -> None:
    """Keep that things went well, each unless a later moment is kept, and write into the trail who did what to what.

    Raises:
        DatabaseUnreachable: nothing was written.
    """
    event = AuditEvent(
        tenant_id=None,
        operation=operation,
        outcome="done",
        error_code=None,
        identity=operator(_whoever()),
        approver=None,
        subject=subject,
        data=dict(data),
        request_id=str(new_id()),
    )
    with connected(url) as connection, connection.transaction():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
        for name, at in moments.items():
            connection.execute(REMEMBER, [name, as_text(at)])
        statement, values = Trail().statement(event)
        connection.execute(statement.encode(), values)


def _whoever() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


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
