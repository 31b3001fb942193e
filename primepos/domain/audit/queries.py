"""SQL of the trail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.core.db import UnitOfWork

_COLUMNS = (
    "at, operation, outcome, error_code, actor_kind, actor_id, actor_name, role, approver_id, approver_name,"
    " register_id, subject, data, request_id"
)


class InvalidCursor(InvalidInput):
    """The text is no place in the list: pass ``next`` of the page before as it came."""

    code = "INVALID_CURSOR"
    template = "This is no place in the list"


def page_of_events(
    uow: UnitOfWork, tenant_id: int, filters: dict[str, Any], *, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Return up to ``limit`` rows of a tenant's trail, newest first, and the place of the next page.

    A place is a moment and how many of its rows were shown. The row's number would also do, and would tell one
    tenant how busy all the others are. Raises InvalidCursor.
    """
    moment, skip = _read(after) if after is not None else (None, 0)
    rows = uow.rows(
        f"SELECT {_COLUMNS} FROM audit_events WHERE tenant_id = %(tenant_id)s"  # noqa: S608  constants only
        # Plain bounds, so that the index serves every page however deep.
        " AND at <= coalesce(%(moment)s::timestamptz, 'infinity')"
        " AND at >= coalesce(%(since)s::timestamptz, '-infinity')"
        " AND at < coalesce(%(until)s::timestamptz, 'infinity')"
        " AND (%(operation)s::text IS NULL OR operation = %(operation)s"
        " OR (right(%(operation)s, 1) = '.' AND starts_with(operation, %(operation)s)))"
        " AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)"
        " AND (%(actor_id)s::uuid IS NULL OR actor_id = %(actor_id)s)"
        " AND (%(register_id)s::uuid IS NULL OR register_id = %(register_id)s)"
        " AND (%(subject)s::text IS NULL OR subject = %(subject)s)"
        " AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)"
        " ORDER BY at DESC, id DESC OFFSET %(skip)s LIMIT %(limit)s",
        {**filters, "tenant_id": tenant_id, "moment": moment, "skip": skip, "limit": limit + 1},
    )
    shown = rows[:limit]
    if len(rows) <= limit:
        return shown, None
    last = shown[-1]["at"]
    seen = sum(1 for row in shown if row["at"] == last) + (skip if last == moment else 0)
    return shown, f"{last.astimezone(UTC).isoformat()}~{seen}"


def _read(cursor: str) -> tuple[datetime, int]:
    text, _, count = cursor.partition("~")
    try:
        moment, skip = datetime.fromisoformat(text), int(count)
    except ValueError:
        raise InvalidCursor from None
    if moment.tzinfo is None or not 0 <= skip <= 1_000_000:
        raise InvalidCursor
    return moment, skip
