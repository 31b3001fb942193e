"""The time clock: in and out by one's own doing, corrections by somebody else, hours by person and day.

A correction is written while the person's row is locked, so that two cannot make entries overlap; clocking in and out
needs no lock: nobody can have two entries that are open, and one is ended once.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from primepos.core.context import Context
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.operations import operation
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Decision, Permission
from primepos.domain.accounts.roles import grants_of
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.staff import queries as people
from primepos.domain.staff.days import moments_of, require_days
from primepos.domain.staff.errors import (
    AlreadyClockedIn,
    ClockConflict,
    ClockEntryNotFound,
    NotClockedIn,
    OwnHours,
    PinNotHere,
    PinRefused,
    PinThrottled,
    StaffNotFound,
)
from primepos.domain.staff.pins import check_shown_by, require_at_register
from primepos.domain.staff.queries import clock as queries
from primepos.domain.staff.schemas.clock import (
    AddEntry,
    AskHours,
    ClockEntryOut,
    ClockIn,
    ClockOut,
    ClockPage,
    CorrectEntry,
    DayWorked,
    HoursOut,
    ListEntries,
)

_SHOWING = (PinNotHere, PinRefused, PinThrottled, RegisterNotFound, StaffNotFound, PermissionDenied)
LONGEST: Final = timedelta(hours=48)


@operation("timeclock.clock_in", permission=Permission.SELF, raises=(AlreadyClockedIn, ClockConflict, *_SHOWING))
def clock_in(ctx: Context, data: ClockIn) -> ClockEntryOut:
    """Begin to work: whoever asks, or who shows code and PIN or a badge at a register, now.

    Safe to repeat with the same ``id``. Raises AlreadyClockedIn, ClockConflict (the id is another entry's),
    PinNotHere, PinRefused, PinThrottled, RegisterNotFound, StaffNotFound (who asks is not on the staff),
    PermissionDenied (their role has no ``timeclock:own``).
    """
    staff_id, register_id = _who(ctx, data)
    is_new = queries.begin(
        ctx.uow, ctx.tenant_id, entry_id=data.id, staff_id=staff_id, register_id=register_id, now=ctx.clock.now()
    )
    entry = queries.find_entry(ctx.uow, ctx.tenant_id, data.id)
    if entry is None or entry["staff_id"] != staff_id or entry["kind"] != "clocked":
        raise ClockConflict
    ctx.note(f"staff:{staff_id}", entry=str(data.id), **({} if is_new else {"replayed": True}))
    return _out(entry)


@operation("timeclock.clock_out", permission=Permission.SELF, raises=(NotClockedIn, *_SHOWING))
def clock_out(ctx: Context, data: ClockOut) -> ClockEntryOut:
    """Stop working, now. Raises NotClockedIn, and what clocking in raises for who asks."""
    staff_id, register_id = _who(ctx, data)
    ended = queries.end(ctx.uow, ctx.tenant_id, staff_id=staff_id, register_id=register_id, now=ctx.clock.now())
    entry = None if ended is None else queries.find_entry(ctx.uow, ctx.tenant_id, ended)
    if entry is None:
        raise NotClockedIn
    ctx.note(f"staff:{staff_id}", entry=str(ended))
    return _out(entry)


@operation(
    "timeclock.correct",
    permission=Permission.TIMECLOCK_EDIT,
    raises=(ClockEntryNotFound, ClockConflict, OwnHours),
)
def correct_entry(ctx: Context, data: CorrectEntry) -> ClockEntryOut:
    """Say what a stretch of work was in truth, with the reason; what was clocked stays beside it, for good.

    An entry that is open is ended by it. Nobody corrects their own hours. Safe to repeat with the same ``id``. Raises
    ClockEntryNotFound, ClockConflict (the id is another correction's, or the times overlap other work), OwnHours.
    """
    entry = queries.find_entry(ctx.uow, ctx.tenant_id, data.entry_id)
    if entry is None:
        raise ClockEntryNotFound
    _lock_person(ctx, entry["staff_id"])
    known = queries.find_correction(ctx.uow, ctx.tenant_id, data.id)
    if known is not None:
        if (known["entry_id"], known["in_at"], known["out_at"], known["reason"]) != (
            data.entry_id,
            data.in_at,
            data.out_at,
            data.reason,
        ):
            raise ClockConflict
        ctx.note(f"staff:{entry['staff_id']}", entry=str(data.entry_id), replayed=True)
        return _out(_found(ctx, data.entry_id))
    if data.in_at is not None and data.out_at is not None:
        _check_times(ctx, data.in_at, data.out_at)
        if abs(data.in_at - entry["clocked_in_at"]) > timedelta(days=queries.MOST_DAYS_MOVED):
            raise InvalidInput(f"in_at: more than {queries.MOST_DAYS_MOVED} days from when it was clocked")
        _check_free(ctx, entry["staff_id"], data.entry_id, data.in_at, data.out_at)
    _write(ctx, data.entry_id, data.id, data.in_at, data.out_at, data.reason)
    ctx.note(f"staff:{entry['staff_id']}", entry=str(data.entry_id), reason=data.reason)
    return _out(_found(ctx, data.entry_id))


@operation(
    "timeclock.add",
    permission=Permission.TIMECLOCK_EDIT,
    raises=(ClockEntryNotFound, ClockConflict, OwnHours, StaffNotFound),
)
def add_entry(ctx: Context, data: AddEntry) -> ClockEntryOut:
    """Add a stretch of work that nobody clocked, with the reason.

    Nobody adds to their own hours. Safe to repeat with the same ``id``. Raises StaffNotFound, OwnHours, ClockConflict
    (the id is another entry's, or the times overlap other work).
    """
    _lock_person(ctx, data.staff_id)
    ctx.note(f"staff:{data.staff_id}", entry=str(data.id), reason=data.reason)
    known = queries.find_entry(ctx.uow, ctx.tenant_id, data.id)
    if known is not None:
        same = (known["staff_id"], known["kind"], known["clocked_in_at"], known["clocked_out_at"])
        if same != (data.staff_id, "added", data.in_at, data.out_at):
            raise ClockConflict
        ctx.note(f"staff:{data.staff_id}", replayed=True)
        return _out(known)
    _check_times(ctx, data.in_at, data.out_at)
    _check_free(ctx, data.staff_id, data.id, data.in_at, data.out_at)
    queries.add(ctx.uow, ctx.tenant_id, entry_id=data.id, staff_id=data.staff_id, in_at=data.in_at, out_at=data.out_at)
    _write(ctx, data.id, data.id, data.in_at, data.out_at, data.reason)
    return _out(_found(ctx, data.id))


@operation("timeclock.list", permission=Permission.TIMECLOCK_EDIT, reads=True)
def list_entries(ctx: Context, data: ListEntries) -> ClockPage:
    """List stretches of work as they were clocked and as they count, oldest first, a page at a time."""
    after = None if data.after is None else decode_cursor(data.after, datetime, UUID)
    rows = queries.page(
        ctx.uow,
        ctx.tenant_id,
        _reach(ctx, data.since, data.until, data.staff_id),
        after=None if after is None else (after[0], after[1]),
        limit=data.limit,
    )
    shown = rows[: data.limit]
    more = len(rows) > data.limit
    return ClockPage(
        items=[_out(row) for row in shown],
        next=encode_cursor(shown[-1]["clocked_in_at"], shown[-1]["id"]) if more else None,
    )


@operation("timeclock.hours", permission=Permission.SELF, reads=True, raises=(StaffNotFound,))
def worked_hours(ctx: Context, data: AskHours) -> HoursOut:
    """Add up what people worked, by person and business day: everybody's for who may correct it, else one's own.

    Corrections count, a stretch over midnight belongs to the day it began, what is open counts to now.
    Raises StaffNotFound (who asks is not on the staff, and may not see others').
    """
    staff_id = data.staff_id
    if ctx.identity.grant(Permission.TIMECLOCK_EDIT).decision is not Decision.ALLOW:
        mine = _self(ctx)
        if staff_id not in {None, mine}:
            raise StaffNotFound
        reach = _reach(ctx, data.since, data.until, mine, all_outlets=True)
    else:
        reach = _reach(ctx, data.since, data.until, staff_id)
    rows = queries.hours(
        ctx.uow,
        ctx.tenant_id,
        reach,
        now=ctx.clock.now(),
        zone=ctx.tenant.zone,
        day_starts_hour=ctx.tenant.day_starts_hour,
    )
    return HoursOut(
        since=data.since,
        until=data.until,
        rows=[msgspec.convert(row, DayWorked) for row in rows],
        seconds=sum(row["seconds"] for row in rows),
    )


def _who(ctx: Context, data: ClockIn | ClockOut) -> tuple[UUID, UUID | None]:
    """Return whose time it is and at which register they stand, if at one; they must hold ``timeclock:own``."""
    register_id = ctx.identity.register_id or data.register_id
    if not data.shows:
        staff_id = _self(ctx)
        if ctx.identity.grant(Permission.TIMECLOCK_OWN).decision is not Decision.ALLOW:
            raise PermissionDenied(permission=Permission.TIMECLOCK_OWN.value)
        return staff_id, ctx.identity.register_id
    require_at_register(ctx.identity)
    if register_id is None or (data.register_id is not None and data.register_id != register_id):
        raise RegisterNotFound
    found = check_shown_by(
        ctx.uow.database,
        ctx.settings,
        ctx.clock,
        tenant_id=ctx.tenant_id,
        register_id=register_id,
        code=data.code,
        pin=data.pin,
        badge=data.badge,
    )
    outlet_id = people.outlet_of_register(ctx.uow, ctx.tenant_id, register_id)
    if found["outlet_ids"] is not None and outlet_id not in found["outlet_ids"]:
        raise PinRefused
    own = grants_of(found["role"], found["role_grants"]).get(Permission.TIMECLOCK_OWN)
    if own is None or own.decision is not Decision.ALLOW:
        raise PermissionDenied(permission=Permission.TIMECLOCK_OWN.value)
    who: UUID = found["id"]
    return who, register_id


def _self(ctx: Context) -> UUID:
    """Return the person on the staff who asks. Raises StaffNotFound."""
    identity = ctx.identity
    if identity.kind == "staff" and identity.actor_id is not None:
        return identity.actor_id
    found = people.staff_of_account(ctx.uow, ctx.tenant_id, identity.actor_id) if identity.kind == "user" else None
    if found is None:
        raise StaffNotFound
    return found


def _lock_person(ctx: Context, staff_id: UUID) -> None:
    """Lock a person whose hours are to be changed by somebody else, who works where they work."""
    row = people.find_staff(ctx.uow, ctx.tenant_id, staff_id=staff_id)
    if ctx.identity.is_same_person(row["id"], row["user_id"]):
        raise OwnHours
    mine = ctx.identity.outlet_ids
    if mine is not None and not mine.intersection(row["outlet_ids"] or ()):
        raise ClockEntryNotFound


def _check_times(ctx: Context, in_at: datetime, out_at: datetime) -> None:
    if not in_at < out_at <= ctx.clock.now():
        raise InvalidInput("out_at: must be after in_at, and not in the future")
    if out_at - in_at > LONGEST:
        raise InvalidInput("out_at: nobody works more than 48 hours at a stretch")


def _check_free(ctx: Context, staff_id: UUID, entry_id: UUID, in_at: datetime, out_at: datetime) -> None:
    if queries.overlaps(ctx.uow, ctx.tenant_id, staff_id=staff_id, entry_id=entry_id, in_at=in_at, out_at=out_at):
        raise ClockConflict("This overlaps other work of the same person")


def _write(
    ctx: Context, entry_id: UUID, correction_id: UUID, in_at: datetime | None, out_at: datetime | None, reason: str
) -> None:
    queries.correct(
        ctx.uow,
        ctx.tenant_id,
        {
            "entry_id": entry_id,
            "id": correction_id,
            "in_at": in_at,
            "out_at": out_at,
            "reason": reason,
            "now": ctx.clock.now(),
            "by_id": ctx.identity.actor_id,
            "by": ctx.identity.name,
        },
    )


def _reach(
    ctx: Context, since: date, until: date, staff_id: UUID | None, *, all_outlets: bool = False
) -> queries.Reach:
    """Return business days as moments: of whom the caller may see."""
    require_days(since, until)
    from_at, to_at = moments_of(ctx, since, until)
    outlets = None if all_outlets or ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    return queries.Reach(
        from_at=from_at,
        to_at=to_at,
        staff_id=staff_id,
        outlets=outlets,
    )


def _found(ctx: Context, entry_id: UUID) -> dict[str, Any]:
    row = queries.find_entry(ctx.uow, ctx.tenant_id, entry_id)
    if row is None:
        raise ClockEntryNotFound
    return row


def _out(row: dict[str, Any]) -> ClockEntryOut:
    return ClockEntryOut(**{name: row[name] for name in ClockEntryOut.__struct_fields__})
