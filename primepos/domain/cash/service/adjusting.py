"""Correcting a closed shift's count: never alone."""

from __future__ import annotations

from primepos.core.amounts import UnknownCurrency
from primepos.core.context import Context
from primepos.core.ids import new_id
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.cash import adjusting, ledger, queries
from primepos.domain.cash.closing import acting
from primepos.domain.cash.errors import (
    AdjustmentDecided,
    AdjustmentNotFound,
    AdjustmentPending,
    CashConflict,
    NothingToAdjust,
    NotYourShift,
    SecondPersonNeeded,
    ShiftNotFound,
    ShiftStillOpen,
)
from primepos.domain.cash.finding import (
    chosen_currency,
    find_till_shift,
    keep_seals,
    mark_of,
    outlets_of,
    place_of,
    require_own,
)
from primepos.domain.cash.ledger import Variance
from primepos.domain.cash.reports import adjustment_out
from primepos.domain.cash.schemas import (
    AdjustmentOut,
    AdjustmentPage,
    DecideAdjustment,
    ListAdjustments,
    ProposeAdjustment,
)


@operation(
    "cash.propose_adjustment",
    permission=Permission.SHIFT_CLOSE,
    raises=(
        ShiftNotFound,
        ShiftStillOpen,
        NotYourShift,
        NothingToAdjust,
        AdjustmentPending,
        CashConflict,
        UnknownCurrency,
    ),
)
def propose_adjustment(ctx: Context, data: ProposeAdjustment) -> AdjustmentOut:
    """Propose another count for a closed shift, in minor units, with a reason; somebody else has to confirm it.

    The Z stays as it is. One proposal at a time for each shift and currency. Safe to repeat by its id.
    """
    shift = find_till_shift(ctx, data.shift_id)
    require_own(ctx, shift)
    queries.lock_shift(ctx.uow, ctx.tenant_id, data.shift_id)
    if shift["closed_at"] is None:
        raise ShiftStillOpen
    currency = chosen_currency(ctx, data.currency)
    row, replayed = adjusting.propose(
        ctx,
        shift,
        acting(ctx),
        adjustment_id=data.id,
        counted=data.counted,
        counted_before=adjusting.counted_at_closing(ctx, shift, currency),
        currency=currency,
        reason=data.reason,
    )
    subject = f"shift:{data.shift_id}"
    if replayed:
        ctx.note(subject, replayed=True)
    else:
        ctx.note(subject, adjustment=str(data.id), before=row["counted_before"], after=row["counted_after"])
    return adjustment_out(row)


@operation(
    "cash.decide_adjustment",
    permission=Permission.SHIFT_CLOSE_OVER_LIMIT,
    raises=(AdjustmentNotFound, AdjustmentDecided, SecondPersonNeeded),
)
def decide_adjustment(ctx: Context, data: DecideAdjustment) -> AdjustmentOut:
    """Confirm or refuse another person's count for a closed shift; confirmed, the change is booked as over or short.

    Two who decide at once meet at the shift, and one is told that it was decided. Safe to repeat by the same person.
    """
    found = ledger.find_adjustment(ctx.uow, ctx.tenant_id, data.id)
    if found is None or not ctx.identity.may_use_outlet(found["outlet_id"]):
        raise AdjustmentNotFound
    if ctx.identity.is_same_person(found["proposed_by_id"]):
        raise SecondPersonNeeded
    queries.lock_shift(ctx.uow, ctx.tenant_id, found["shift_id"])
    who = acting(ctx)
    subject = f"shift:{found['shift_id']}"
    decided = ledger.decide_adjustment(
        ctx.uow,
        ctx.tenant_id,
        data.id,
        confirmed=data.confirm,
        at=who.at,
        actor_id=who.actor_id,
        actor=who.actor,
    )
    found = ledger.find_adjustment(ctx.uow, ctx.tenant_id, data.id) or found
    if not decided:
        if (found["confirmed"], found["decided_by_id"]) != (data.confirm, who.actor_id):
            raise AdjustmentDecided
        ctx.note(subject, replayed=True)
        return adjustment_out(found)
    amount = found["counted_after"] - found["counted_before"]
    if data.confirm:
        values = {
            "shift": found["shift_id"],
            "kind": "adjustment",
            "reason": found["reason"],
            "business_date": found["business_date"],
            **who.values(),
        }
        booked = [Variance(id=new_id(), tender="cash", currency=found["currency"], amount=amount)]
        keep_seals(ctx, ledger.book_variances(ctx.uow, ctx.tenant_id, values, booked))
    ctx.note(subject, adjustment=str(data.id), confirmed=data.confirm, amount=amount)
    return adjustment_out(found)


@operation("cash.list_adjustments", permission=Permission.SHIFT_EXPECTED_READ, reads=True)
def list_adjustments(ctx: Context, data: ListAdjustments) -> AdjustmentPage:
    """List other counts that were proposed for closed shifts, newest first; ``waiting`` for those to be decided."""
    found = ledger.page_of_adjustments(
        ctx.uow,
        ctx.tenant_id,
        {
            "shift": data.shift_id,
            "waiting": data.waiting,
            "outlets": outlets_of(ctx),
            **place_of(data.after),
            "limit": data.limit + 1,
        },
    )
    items = [adjustment_out(each) for each in found[: data.limit]]
    more = len(found) > data.limit
    return AdjustmentPage(items=items, next=mark_of(items[-1].proposed_at, items[-1].id) if more else None)
