"""Another count for a closed shift, by two people: one proposes it, another confirms it. The Z never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.domain.cash import ledger
from primepos.domain.cash.errors import CashConflict, NothingToAdjust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.cash.closing import Acting


def propose(
    ctx: Context,
    shift: Mapping[str, Any],
    who: Acting,
    *,
    adjustment_id: UUID,
    counted: int,
    counted_before: int,
    currency: str,
    reason: str,
) -> tuple[dict[str, Any], bool]:
    """Write a proposal under the shift's lock; returns it and whether it was there before.

    ``counted_before`` is what the closing counted; what was confirmed since is added here.
    Raises CashConflict, NothingToAdjust, AdjustmentPending.
    """
    known = ledger.find_adjustment(ctx.uow, ctx.tenant_id, adjustment_id)
    if known is not None:
        said = (known["shift_id"], known["currency"], known["counted_after"], known["reason"], known["proposed_by_id"])
        if said != (shift["id"], currency, counted, reason, who.actor_id):
            raise CashConflict
        return known, True
    before = counted_before + ledger.adjusted_by(ctx.uow, ctx.tenant_id, shift["id"], currency)
    if before == counted:
        raise NothingToAdjust
    values = {"id": adjustment_id, "shift": shift["id"], "currency": currency, "reason": reason, **who.values()}
    ledger.insert_adjustment(ctx.uow, ctx.tenant_id, {**values, "before": before, "after": counted})
    written = ledger.find_adjustment(ctx.uow, ctx.tenant_id, adjustment_id)
    assert written is not None  # noqa: S101 - it was written a statement ago
    return written, False


def counted_at_closing(ctx: Context, shift: Mapping[str, Any], currency: str) -> int:
    """Return what a closing counted of a currency; where nobody counted, what there should have been."""
    if currency == ctx.tenant.currency.code:
        counted: int = shift["expected"] if shift["counted"] is None else shift["counted"]
        return counted
    return ledger.last_closing_count(ctx.uow, ctx.tenant_id, shift["id"], currency)
