"""What tills deliver: it happened there, so it is taken, with the people it names, and never refused for a rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from primepos.core.amounts import UnknownCurrency
from primepos.core.clock import is_plausible, utc_text
from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.cash import adjusting, ledger, moving, queries, reports
from primepos.domain.cash.closing import Acting, close_counted, closed_and_noted, sees_expected
from primepos.domain.cash.errors import CashConflict, CountMismatch, ShiftClosed, ShiftNotFound, TooMuchTakenOut
from primepos.domain.cash.finding import chosen_currency, find_till_shift, keep_seals
from primepos.domain.cash.ledger import Counted
from primepos.domain.cash.schemas import DeliverCash, DeliverClosing, Delivered, ShiftOut

# How far ahead of ours a till's clock may be and still be believed.
_AHEAD = timedelta(hours=2)


@operation(
    "cash.deliver",
    permission=Permission.SALE_DELIVER,
    raises=(ShiftNotFound, CashConflict, CountMismatch, UnknownCurrency),
)
def deliver_cash(ctx: Context, data: DeliverCash) -> Delivered:
    """Take what happened around a till's drawer: cash moved, a drawer opened, a count, who signed in, the end of sales.

    The till has seen to permission and consent and names both people; what came after the closing is taken as late.
    Safe to repeat by its id; another content under it is refused.
    """
    shift = _own_shift(ctx, data.shift_id)
    who = Acting(
        actor_id=data.actor_id,
        actor=data.actor,
        at=_believed(ctx, data.at),
        approver_id=data.approver_id,
        approver=data.approver,
        delivered=True,
    )
    late, replayed = shift["closed_at"] is not None, False
    currency = chosen_currency(ctx, data.currency)
    match data.kind:
        case "joined":
            queries.join_shift(ctx.uow, ctx.tenant_id, shift["id"], actor_id=data.actor_id, name=data.actor, at=who.at)
        case "ended":
            queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
            if queries.end_shift(ctx.uow, ctx.tenant_id, shift["id"], at=who.at, actor_id=who.actor_id, who=who.actor):
                ctx.note(
                    f"shift:{shift['id']}",
                    ended_at=utc_text(who.at),
                    ended_by=data.actor,
                    ended_by_id=str(data.actor_id),
                )
        case "counted":
            _, replayed = moving.count(
                ctx,
                shift,
                who,
                count_id=data.id,
                kind="spot",
                counted=data.amount,
                currency=currency,
                pieces=data.denominations,
            )
        case _:
            row, replayed = moving.move(
                ctx,
                shift,
                who,
                movement_id=data.id,
                kind=data.kind,
                amount=data.amount,
                currency=currency,
                reason=data.reason or "",
                reference=data.reference,
            )
            late = row["late"]
    ctx.note(
        f"shift:{shift['id']}",
        event=str(data.id),
        kind=data.kind,
        amount=data.amount,
        actor_id=str(data.actor_id),
        approver_id=None if data.approver_id is None else str(data.approver_id),
        late=late,
    )
    if replayed:
        ctx.note(f"shift:{shift['id']}", replayed=True)
    return Delivered(id=data.id, late=late)


@operation(
    "cash.deliver_closing",
    permission=Permission.SALE_DELIVER,
    raises=(ShiftNotFound, ShiftClosed, CountMismatch, TooMuchTakenOut, UnknownCurrency),
)
def deliver_closing(ctx: Context, data: DeliverClosing) -> ShiftOut:
    """Take a closing that happened at a till, with who closed it there and who consented.

    A difference beyond the limit without consent is taken and noted in the trail. Where the shift was closed in the
    till's absence, its count becomes an adjustment that waits for a second person. Safe to repeat.
    """
    shift = _own_shift(ctx, data.shift_id)
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    shift = _own_shift(ctx, data.shift_id)
    at = ctx.clock.now() if data.closed_at is None else max(_believed(ctx, data.closed_at), shift["opened_at"])
    who = Acting(
        actor_id=data.actor_id,
        actor=data.actor,
        at=at,
        approver_id=data.approver_id,
        approver=data.approver,
        delivered=True,
    )
    if shift["closed_at"] is not None:
        said = (data.counted, data.actor_id)
        if (shift["counted"], shift["closed_by_id"]) != said:
            if not shift["forced"]:
                raise ShiftClosed
            _keep_count(ctx, shift, data, who)
        else:
            ctx.note(f"shift:{shift['id']}", replayed=True)
        return reports.shift_out(shift, sees=sees_expected(ctx))
    close_counted(ctx, shift, data, who)
    closed = closed_and_noted(ctx, shift)
    ctx.note(f"shift:{shift['id']}", closed_by_id=str(data.actor_id), closed_by=data.actor)
    return reports.shift_out(closed, sees=sees_expected(ctx))


def _own_shift(ctx: Context, shift_id: Any) -> dict[str, Any]:
    """Return a shift of the very till that delivers. Raises ShiftNotFound."""
    shift = find_till_shift(ctx, shift_id)
    if shift["register_id"] != ctx.identity.register_id:
        raise ShiftNotFound
    return shift


def _believed(ctx: Context, at: Any) -> Any:
    if not is_plausible(at):
        raise InvalidInput("at: outside the calendar")
    return min(at, ctx.clock.now() + _AHEAD)


def _keep_count(ctx: Context, shift: dict[str, Any], data: DeliverClosing, who: Acting) -> None:
    """Keep the count of a till whose shift was closed without it, and propose it where it differs; once."""
    home = ctx.tenant.currency.code
    queries.lock_shift(ctx.uow, ctx.tenant_id, shift["id"])
    if ledger.was_counted_by(ctx.uow, ctx.tenant_id, shift["id"], data.counted, data.actor_id):
        ctx.note(f"shift:{shift['id']}", replayed=True)
        return
    counts = [Counted(id=new_id(), currency=home, counted=data.counted, denominations=data.denominations)]
    values = {"shift": shift["id"], "kind": "closing", **who.values()}
    keep_seals(ctx, ledger.insert_counts(ctx.uow, ctx.tenant_id, values, counts))
    before = adjusting.counted_at_closing(ctx, shift, home)
    if before + ledger.adjusted_by(ctx.uow, ctx.tenant_id, shift["id"], home) != data.counted:
        adjusting.propose(
            ctx,
            shift,
            who,
            adjustment_id=new_id(),
            counted=data.counted,
            counted_before=before,
            currency=home,
            reason=data.reason or "counted at the till, after it was closed in its absence",
        )
    ctx.note(f"shift:{shift['id']}", kept=data.counted, closer_id=str(data.actor_id))
