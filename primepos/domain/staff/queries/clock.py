"""SQL of the time clock. What was clocked stays; of the corrections beside it the last one counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

# How far a correction may move a stretch of work, so that a range of days is read by the index of when it was clocked.
MOST_DAYS_MOVED = 31

_LAST = (
    " LEFT JOIN LATERAL (SELECT c.nth, c.in_at, c.out_at, c.reason, c.corrected_by, c.corrected_at"
    " FROM clock_corrections c WHERE c.tenant_id = e.tenant_id AND c.entry_id = e.id ORDER BY c.nth DESC LIMIT 1) c"
    " ON true"
)
_TRUE_IN = "CASE WHEN c.nth IS NULL THEN e.in_at ELSE c.in_at END"
_TRUE_OUT = "CASE WHEN c.nth IS NULL THEN e.out_at ELSE c.out_at END"
_ENTRY = (
    "SELECT e.id, e.staff_id, s.code, s.name, s.outlet_ids, e.kind, e.is_open, e.in_at AS clocked_in_at,"  # noqa: S608  constants only
    f" e.out_at AS clocked_out_at, e.in_register_id, e.out_register_id, {_TRUE_IN} AS in_at, {_TRUE_OUT} AS out_at,"
    " coalesce(c.nth, 0) AS corrections, c.reason, c.corrected_by, c.corrected_at"
    " FROM clock_entries e JOIN staff s ON s.tenant_id = e.tenant_id AND s.id = e.staff_id"
    f"{_LAST} WHERE e.tenant_id = %(tenant_id)s"
)


def begin(
    uow: UnitOfWork, tenant_id: int, *, entry_id: UUID, staff_id: UUID, register_id: UUID | None, now: datetime
) -> bool:
    """Clock a person in; False if there is an entry of this id. One who is in already ends as AlreadyClockedIn."""
    return bool(
        uow.run(
            "INSERT INTO clock_entries (tenant_id, id, staff_id, kind, is_open, in_at, in_register_id)"
            " VALUES (%s, %s, %s, 'clocked', true, %s, %s) ON CONFLICT (tenant_id, id) DO NOTHING",
            (tenant_id, entry_id, staff_id, now, register_id),
        )
    )


def end(uow: UnitOfWork, tenant_id: int, *, staff_id: UUID, register_id: UUID | None, now: datetime) -> UUID | None:
    """Clock a person out and return the entry; None if they are not in. A clock set back ends it where it began."""
    rows = uow.rows(
        "UPDATE clock_entries SET is_open = false, out_at = greatest(in_at, %s), out_register_id = %s"
        " WHERE tenant_id = %s AND staff_id = %s AND is_open RETURNING id",
        (now, register_id, tenant_id, staff_id),
    )
    return rows[0]["id"] if rows else None


def add(uow: UnitOfWork, tenant_id: int, *, entry_id: UUID, staff_id: UUID, in_at: datetime, out_at: datetime) -> bool:
    """Add a stretch of work that was not clocked; False if there is an entry of this id."""
    return bool(
        uow.run(
            "INSERT INTO clock_entries (tenant_id, id, staff_id, kind, is_open, in_at, out_at)"
            " VALUES (%s, %s, %s, 'added', false, %s, %s) ON CONFLICT (tenant_id, id) DO NOTHING",
            (tenant_id, entry_id, staff_id, in_at, out_at),
        )
    )


def find_entry(uow: UnitOfWork, tenant_id: int, entry_id: UUID) -> dict[str, Any] | None:
    """Return one entry as it counts, with its person."""
    rows = uow.rows(f"{_ENTRY} AND e.id = %(id)s", {"tenant_id": tenant_id, "id": entry_id})
    return rows[0] if rows else None


def find_correction(uow: UnitOfWork, tenant_id: int, correction_id: UUID) -> dict[str, Any] | None:
    """Return one correction."""
    rows = uow.rows(
        "SELECT entry_id, in_at, out_at, reason FROM clock_corrections WHERE tenant_id = %s AND id = %s",
        (tenant_id, correction_id),
    )
    return rows[0] if rows else None


def correct(uow: UnitOfWork, tenant_id: int, values: dict[str, Any]) -> None:
    """Write the next correction of an entry, which ends it if it was open; its person must be locked."""
    uow.run(
        "WITH ended AS (UPDATE clock_entries SET is_open = false"
        " WHERE tenant_id = %(tenant_id)s AND id = %(entry_id)s AND is_open)"
        " INSERT INTO clock_corrections (tenant_id, entry_id, nth, id, in_at, out_at, reason, corrected_at,"
        " corrected_by_id, corrected_by) SELECT %(tenant_id)s, %(entry_id)s, coalesce(max(nth), 0) + 1, %(id)s,"
        " %(in_at)s::timestamptz, %(out_at)s::timestamptz, %(reason)s, %(now)s, %(by_id)s::uuid, %(by)s"
        " FROM clock_corrections WHERE tenant_id = %(tenant_id)s AND entry_id = %(entry_id)s",
        {**values, "tenant_id": tenant_id},
    )


def overlaps(
    uow: UnitOfWork, tenant_id: int, *, staff_id: UUID, entry_id: UUID, in_at: datetime, out_at: datetime
) -> bool:
    """Tell whether a person, who must be locked, worked at that time by another entry; one that is open goes on."""
    return bool(
        uow.rows(
            f"SELECT 1 AS one FROM clock_entries e{_LAST}"  # noqa: S608  constants only
            " WHERE e.tenant_id = %(tenant_id)s AND e.staff_id = %(staff_id)s AND e.id <> %(entry_id)s"
            f" AND {_TRUE_IN} < %(out_at)s AND coalesce({_TRUE_OUT}, 'infinity') > %(in_at)s LIMIT 1",
            {"tenant_id": tenant_id, "staff_id": staff_id, "entry_id": entry_id, "in_at": in_at, "out_at": out_at},
        )
    )


# By the index of when it was clocked, and then by when it counts.
_REACH = (
    " AND e.in_at >= %(from_at)s::timestamptz - %(moved)s AND e.in_at < %(to_at)s::timestamptz + %(moved)s"
    f" AND coalesce({_TRUE_IN}, e.in_at) >= %(from_at)s AND coalesce({_TRUE_IN}, e.in_at) < %(to_at)s"
    " AND (%(staff_id)s::uuid IS NULL OR e.staff_id = %(staff_id)s)"
    " AND (%(outlets)s::uuid[] IS NULL OR s.outlet_ids && %(outlets)s)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whose entries from when to when: ``to_at`` is not included, ``outlets`` None is everybody."""

    from_at: datetime
    to_at: datetime
    staff_id: UUID | None = None
    outlets: list[UUID] | None = None

    def parameters(self) -> dict[str, Any]:
        """Return it as the statements here take it."""
        return {
            "from_at": self.from_at,
            "to_at": self.to_at,
            "staff_id": self.staff_id,
            "outlets": self.outlets,
            "moved": timedelta(days=MOST_DAYS_MOVED),
        }


def page(
    uow: UnitOfWork, tenant_id: int, reach: Reach, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` entries by when they were clocked, oldest first."""
    moment, last = after or (None, None)
    return uow.rows(
        f"{_ENTRY}{_REACH} AND (%(moment)s::timestamptz IS NULL OR (e.in_at, e.id) > (%(moment)s, %(last)s::uuid))"
        " ORDER BY e.in_at, e.id LIMIT %(limit)s",
        {**reach.parameters(), "tenant_id": tenant_id, "moment": moment, "last": last, "limit": limit + 1},
    )


def hours(
    uow: UnitOfWork, tenant_id: int, reach: Reach, *, now: datetime, zone: str, day_starts_hour: int
) -> list[dict[str, Any]]:
    """Return the seconds worked by person and business day, by code and day; what is open counts until ``now``.

    A stretch over midnight belongs to the day it began.
    """
    return uow.rows(
        f"SELECT w.staff_id, w.code, w.name, w.day, sum(w.seconds)::bigint AS seconds, count(*) AS entries,"  # noqa: S608  constants only
        " bool_or(w.is_open) AS is_open, bool_or(w.corrections > 0) AS is_corrected FROM ("
        " SELECT e.*, ((e.in_at AT TIME ZONE %(zone)s) - make_interval(hours => %(starts)s))::date AS day,"
        " floor(extract(epoch FROM greatest(coalesce(e.out_at, %(now)s), e.in_at) - e.in_at)) AS seconds"
        f" FROM ({_ENTRY}{_REACH}) e WHERE e.in_at IS NOT NULL) w"
        " GROUP BY w.staff_id, w.code, w.name, w.day ORDER BY w.code, w.day",
        {**reach.parameters(), "tenant_id": tenant_id, "now": now, "zone": zone, "starts": day_starts_hour},
    )
