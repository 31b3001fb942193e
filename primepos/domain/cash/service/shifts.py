"""Opening, ending, closing and reading shifts."""

from __future__ import annotations

from typing import Any

import msgspec

from primepos.core.clock import business_date, is_plausible, utc_text
from primepos.core.context import Context
from primepos.core.errors import ApprovalRequired, InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.cash import preflight as looking
from primepos.domain.cash import queries, reports
from primepos.domain.cash.closing import (
    acting,
    close_counted,
    close_uncounted,
    closed_and_noted,
    count_opening,
    sees_expected,
)
from primepos.domain.cash.errors import (
    CloseBlocked,
    CountMismatch,
    DenominationUnknown,
    DifferenceUnexplained,
    NoSuchRegister,
    NotYourShift,
    ShiftAlreadyOpen,
    ShiftClosed,
    ShiftNotFound,
    TooMuchTakenOut,
)
from primepos.domain.cash.finding import find_shift, find_till_shift, mark_of, outlets_of, place_of, require_own
from primepos.domain.cash.schemas import (
    AskPreflight,
    CashRules,
    CloseShift,
    EndShift,
    ForceClose,
    ListShifts,
    OpenShift,
    Preflight,
    ShiftFigures,
    ShiftOut,
    ShiftPage,
    ShowShift,
)


@operation(
    "cash.open_shift",
    permission=Permission.SHIFT_OPEN,
    raises=(NoSuchRegister, ShiftAlreadyOpen, CountMismatch, DenominationUnknown, TooMuchTakenOut),
)
def open_shift(ctx: Context, data: OpenShift) -> ShiftOut:
    """Open a till's shift with a counted float, in minor units.

    The business day is the tenant's at the moment of opening and stays the shift's, past midnight too; so do the
    limit on differences and the rule for sales on hold. What the float differs from what the last closing left is
    booked as a difference of its own. The same ``id`` again answers with the stored shift; another one while a shift
    is open is refused.
    """
    register = queries.lock_register(ctx.uow, ctx.tenant_id, data.register_id)
    if register is None or register["archived_at"] is not None or register["kind"] != "till":
        raise NoSuchRegister
    if not ctx.identity.may_use_outlet(register["outlet_id"]):
        raise NoSuchRegister
    known = queries.find_shift(ctx.uow, ctx.tenant_id, data.id)
    if (
        known is not None
        and (known["register_id"], known["opening_float"]) == (data.register_id, data.opening_float)
        and data.opened_at in (None, known["opened_at"])
    ):
        ctx.note(f"shift:{data.id}", replayed=True)
        return _out(ctx, known)
    if known is not None or register["open_shift_id"] is not None:
        raise ShiftAlreadyOpen
    tenant = ctx.tenant
    opened_at = data.opened_at or ctx.clock.now()
    if not is_plausible(opened_at):
        raise InvalidInput("opened_at: outside the calendar")
    rules = CashRules(
        difference_limit=tenant.settings.get("difference_limit"),
        held_at_close=tenant.settings.get("held_at_close", "carry"),
    )
    queries.insert_shift(
        ctx.uow,
        ctx.tenant_id,
        shift_id=data.id,
        register_id=data.register_id,
        business_date=business_date(opened_at, tenant.zone, tenant.day_starts_hour),
        opened_at=opened_at,
        actor_id=ctx.identity.actor_id,
        actor=ctx.identity.name,
        opening_float=data.opening_float,
        expected_float=queries.left_in_drawer(ctx.uow, ctx.tenant_id, data.register_id),
        reason=data.reason,
        rules=msgspec.json.encode(rules).decode(),
    )
    opened = find_shift(ctx, data.id)
    count_opening(ctx, opened, data, acting(ctx))
    if ctx.identity.actor_id is not None:
        queries.join_shift(
            ctx.uow,
            ctx.tenant_id,
            data.id,
            actor_id=ctx.identity.actor_id,
            name=ctx.identity.name[:200],
            at=opened_at,
        )
    ctx.note(
        f"shift:{data.id}",
        register=register["prefix"],
        opening_float=data.opening_float,
        opened_at=utc_text(opened["opened_at"]),
        business_date=opened["business_date"].isoformat(),
        expected_float=opened["expected_float"],
        opening_reason=data.reason,
        rules=msgspec.to_builtins(rules),
    )
    return _out(ctx, opened)


@operation("cash.join_shift", permission=Permission.SHIFT_OPEN, raises=(ShiftNotFound, ShiftClosed))
def join_shift(ctx: Context, data: ShowShift) -> ShiftOut:
    """Say that one works in an open shift; its reports name everybody who did. Again changes nothing."""
    shift = find_till_shift(ctx, data.shift_id)
    if shift["closed_at"] is not None:
        raise ShiftClosed
    if ctx.identity.actor_id is not None:
        queries.join_shift(
            ctx.uow,
            ctx.tenant_id,
            data.shift_id,
            actor_id=ctx.identity.actor_id,
            name=ctx.identity.name[:200],
            at=ctx.clock.now(),
        )
    ctx.note(f"shift:{data.shift_id}")
    return _out(ctx, shift)


@operation("cash.end_shift", permission=Permission.SHIFT_CLOSE, raises=(ShiftNotFound, ShiftClosed, NotYourShift))
def end_shift(ctx: Context, data: EndShift) -> ShiftOut:
    """Say that a shift sells no more; its drawer is still to be counted, maybe by somebody else.

    Square keeps who ended a shift apart from who closed it; so do we. Again changes nothing.
    """
    shift = find_till_shift(ctx, data.shift_id)
    require_own(ctx, shift)
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    who = acting(ctx)
    if not queries.end_shift(ctx.uow, ctx.tenant_id, data.shift_id, at=who.at, actor_id=who.actor_id, who=who.actor):
        shift = find_shift(ctx, data.shift_id)
        if shift["closed_at"] is not None:
            raise ShiftClosed
        ctx.note(f"shift:{data.shift_id}", replayed=True)
        return _out(ctx, shift)
    by = None if who.actor_id is None else str(who.actor_id)
    ctx.note(f"shift:{data.shift_id}", ended_at=utc_text(who.at), ended_by=who.actor, ended_by_id=by)
    return _out(ctx, find_shift(ctx, data.shift_id))


@operation(
    "cash.close_shift",
    permission=Permission.SHIFT_CLOSE,
    raises=(
        ShiftNotFound,
        ShiftClosed,
        NotYourShift,
        CloseBlocked,
        DifferenceUnexplained,
        CountMismatch,
        DenominationUnknown,
        TooMuchTakenOut,
        ApprovalRequired,
    ),
)
def close_shift(ctx: Context, data: CloseShift) -> ShiftOut:
    """Close a shift with the counted cash, book the difference and store its Z, numbered and final.

    Safe to repeat: the same person with the same count is told what was stored.

    ``expected`` is the counted opening, plus the cash of this shift's own sales less change, plus what was paid in,
    paid out and taken to the safe; ``difference`` is counted minus expected, by currency and by tender. Beyond the
    limit that stood at the opening it needs ``shift:close_over_limit``, alone or with another person who holds it,
    and a reason. Who may not read expected figures gets them as null. The summaries of the business day are queued in
    the same transaction.
    """
    shift = find_shift(ctx, data.shift_id)
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    shift = find_shift(ctx, data.shift_id)
    if shift["closed_at"] is not None:
        if (shift["counted"], shift["closed_by_id"]) != (data.counted, ctx.identity.actor_id):
            raise ShiftClosed
        ctx.note(f"shift:{data.shift_id}", replayed=True)
        return _out(ctx, shift)
    require_own(ctx, shift)
    close_counted(ctx, shift, data, acting(ctx))
    return _out(ctx, closed_and_noted(ctx, shift))


@operation(
    "cash.force_close_shift",
    permission=Permission.SHIFT_FORCE_CLOSE,
    raises=(ShiftNotFound, ShiftClosed),
)
def force_close_shift(ctx: Context, data: ForceClose) -> ShiftOut:
    """Close a shift that was left open, with a reason, and with a count where somebody could count its drawer.

    What its till delivers afterwards is late and stands on the supplement; its own count becomes an adjustment that
    waits for a second person. Safe to repeat by the same person with the same count.
    """
    shift = find_till_shift(ctx, data.shift_id)
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    shift = find_shift(ctx, data.shift_id)
    if shift["closed_at"] is not None:
        said = (data.counted, ctx.identity.actor_id, data.reason, True)
        if (shift["counted"], shift["closed_by_id"], shift["reason"], shift["forced"]) != said:
            raise ShiftClosed
        ctx.note(f"shift:{data.shift_id}", replayed=True)
        return _out(ctx, shift)
    close_uncounted(ctx, shift, acting(ctx), reason=data.reason, counted=data.counted)
    return _out(ctx, closed_and_noted(ctx, shift))


@operation("cash.preflight", permission=Permission.SHIFT_CLOSE, reads=True, raises=(ShiftNotFound,))
def preflight(ctx: Context, data: AskPreflight) -> Preflight:
    """List every blocker and every warning of closing a shift, at once; nothing is changed.

    Sales on hold, records that are not sent, receipts that were printed and are not here, a drawer that is not
    counted, less than nothing in it by the books, a float that was off.
    """
    shift = find_till_shift(ctx, data.shift_id)
    if ctx.grant.own and shift["opened_by_id"] != ctx.identity.actor_id:
        raise ShiftNotFound
    return looking.look(ctx, shift, data, sees=sees_expected(ctx))


@operation("cash.show_shift", permission=Permission.SHIFT_OPEN, reads=True, raises=(ShiftNotFound,))
def show_shift(ctx: Context, data: ShowShift) -> ShiftOut:
    """Show one shift of one's own outlets."""
    return _out(ctx, find_shift(ctx, data.shift_id))


@operation("cash.list_shifts", permission=Permission.SHIFT_OPEN, reads=True)
def list_shifts(ctx: Context, data: ListShifts) -> ShiftPage:
    """List shifts, newest first, by keyset."""
    found = queries.page_of_shifts(
        ctx.uow,
        ctx.tenant_id,
        {
            "register": data.register_id,
            "outlets": outlets_of(ctx),
            "is_open": data.is_open,
            **place_of(data.after),
            "limit": data.limit + 1,
        },
    )
    items = [_out(ctx, each) for each in found[: data.limit]]
    more = len(found) > data.limit
    return ShiftPage(items=items, next=mark_of(items[-1].opened_at, items[-1].id) if more else None)


@operation("cash.shift_figures", permission=Permission.SHIFT_CLOSE, reads=True, raises=(ShiftNotFound,))
def shift_figures(ctx: Context, data: ShowShift) -> ShiftFigures:
    """Give the figures of a shift: an X report while it is open, the Z report once it is closed.

    An X may be read at any time and changes nothing. A Z is given as it was stored at the closing, for ever; what
    came after it is its supplement. Until the close, who closes blind gets no figure from which the cash could be
    worked out: no totals, no taxes, no cash tender.
    """
    shift = find_shift(ctx, data.shift_id)
    if ctx.grant.own and shift["opened_by_id"] != ctx.identity.actor_id:
        raise ShiftNotFound
    home = ctx.tenant.currency.code
    if shift["closed_at"] is not None:
        figures = reports.stored(ctx.uow, ctx.tenant_id, shift, home)
    else:
        figures = reports.work_out(ctx.uow, ctx.tenant_id, shift, home)
        expected = queries.drawer(ctx.uow, ctx.tenant_id, shift["id"])
        figures = msgspec.structs.replace(figures, tallies=reports.tally(expected, figures.tenders, home, {}))
    return figures if sees_expected(ctx) else reports.seen_blind(figures)


def _out(ctx: Context, shift: dict[str, Any]) -> ShiftOut:
    return reports.shift_out(shift, sees=sees_expected(ctx))
