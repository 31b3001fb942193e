"""Facts of this installation that others look at: when the last backup, drill and nightly job went well.

Kept in table ``installation`` as names with a moment in ISO 8601: ``backup.last_success``, ``backup.last_drill`` and
``job.NAME.last_success``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from primepos.core.db import UnitOfWork

LAST_BACKUP: Final = "backup.last_success"
LAST_DRILL: Final = "backup.last_drill"
_JOB: Final = "job.{}.last_success"


#: Keeps a moment (ISO 8601) under a name unless a later one is kept; run as ``primepos_system``.
REMEMBER: Final = (
    "INSERT INTO installation AS i (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE"
    " SET value = excluded.value WHERE i.value::timestamptz <= excluded.value::timestamptz"
)


def job_fact(name: str) -> str:
    """Return under which name the last success of a nightly job is kept."""
    return _JOB.format(name)


def as_text(at: datetime) -> str:
    """Return a moment as it is kept."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def remember(uow: UnitOfWork, name: str, at: datetime) -> bool:
    """Keep a moment under a name, unless a later one is kept; returns whether it is the latest now."""
    return bool(uow.run(REMEMBER, (name, as_text(at))))


def recall(uow: UnitOfWork) -> dict[str, datetime]:
    """Return every moment that is kept, by name; any role of ours may ask."""
    rows = uow.rows(
        "SELECT name, value FROM installation WHERE name LIKE 'backup.last%' OR name LIKE 'job.%.last_success'"
    )
    return {row["name"]: datetime.fromisoformat(row["value"]) for row in rows}


def last_backup(uow: UnitOfWork) -> datetime | None:
    """Return when the last backup was made that went well; None when none ever did."""
    return recall(uow).get(LAST_BACKUP)


def last_drill(uow: UnitOfWork) -> datetime | None:
    """Return when a backup was last restored for practice; None when never."""
    return recall(uow).get(LAST_DRILL)
