"""Cash beside sales: paid in, paid out, to the safe, from the safe, taken away; and a drawer opened for no sale.

A movement is written under the lock of its register, so it is either before the closing of its shift and in its Z, or
refused; what a till delivers after the closing happened all the same, is taken as *late* and stands on the supplement.
Whoever repeats an act waits at that lock for the first, and is answered from what was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.domain.cash import ledger, queries
from primepos.domain.cash.errors import CashConflict, ShiftClosed
from primepos.domain.cash.finding import keep_seals
from primepos.domain.cash.ledger import Counted
from primepos.domain.cash.schemas import MovementOut

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.cash.closing import Acting

# The drawer's sign of each movement; a safe moves the other way where it takes part.
SIGNS: Final = {"paid_in": 1, "loan": 1, "paid_out": -1, "drop": -1, "pickup": -1, "no_sale": 0}
_SAFE: Final = frozenset({"drop", "loan"})


def move(
    ctx: Context,
    shift: Mapping[str, Any],
    who: Acting,
    *,
    movement_id: UUID,
    kind: str,
    amount: int,
    currency: str,
    reason: str,
    reference: str,
) -> tuple[dict[str, Any], bool]:
    """Move ``amount`` minor units, above zero, in or out of a shift's drawer; zero where it was only opened.

    Returns the movement and whether it was there before. Locks the register, then the safe.
    Raises ShiftClosed unless delivered, CashConflict for an id that says something else, SafeShort.
    """
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    signed = SIGNS[kind] * amount
    known = ledger.find_movement(ctx.uow, ctx.tenant_id, movement_id)
    if known is not None:
        said = (known["shift_id"], known["kind"], known["amount"], known["currency"], known["reason"])
        if said != (shift["id"], kind, signed, currency, reason) or known["actor_id"] != who.actor_id:
            raise CashConflict
        return known, True
    now = queries.find_shift(ctx.uow, ctx.tenant_id, shift["id"])
    late = now is None or now["closed_at"] is not None
    if late and not who.delivered:
        raise ShiftClosed
    values = {
        "id": movement_id,
        "shift": shift["id"],
        "kind": kind,
        "currency": currency,
        "amount": signed,
        "reason": reason,
        "reference": reference,
        "now": ctx.clock.now(),
        "late": late,
        **who.values(),
    }
    keep_seals(ctx, ledger.insert_movement(ctx.uow, ctx.tenant_id, values))
    if kind in _SAFE:
        entry = {**values, "outlet": shift["outlet_id"], "amount": -signed}
        keep_seals(ctx, ledger.move_safe(ctx.uow, ctx.tenant_id, entry))
    written = ledger.find_movement(ctx.uow, ctx.tenant_id, movement_id)
    assert written is not None  # noqa: S101 - it was written two statements ago
    return written, False


def count(
    ctx: Context,
    shift: Mapping[str, Any],
    who: Acting,
    *,
    count_id: UUID,
    kind: str,
    counted: int,
    currency: str,
    pieces: dict[str, int] | None,
) -> tuple[dict[str, Any], bool]:
    """Write a count of a shift's drawer beside what it should hold at this moment; nothing else changes by it.

    Returns the count and whether it was there before. Raises ShiftClosed unless delivered, CashConflict.
    """
    queries.lock_register(ctx.uow, ctx.tenant_id, shift["register_id"])
    known = ledger.find_count(ctx.uow, ctx.tenant_id, count_id)
    if known is not None:
        said = (known["shift_id"], known["kind"], known["counted"], known["currency"], known["actor_id"])
        if said != (shift["id"], kind, counted, currency, who.actor_id):
            raise CashConflict
        return known, True
    now = queries.find_shift(ctx.uow, ctx.tenant_id, shift["id"])
    if (now is None or now["closed_at"] is not None) and not who.delivered:
        raise ShiftClosed
    expected = queries.drawer(ctx.uow, ctx.tenant_id, shift["id"]).get(currency, 0)
    made = Counted(id=count_id, currency=currency, counted=counted, expected=expected, denominations=pieces)
    values = {"shift": shift["id"], "kind": kind, **who.values()}
    keep_seals(ctx, ledger.insert_counts(ctx.uow, ctx.tenant_id, values, [made]))
    written = ledger.find_count(ctx.uow, ctx.tenant_id, count_id)
    assert written is not None  # noqa: S101 - it was written a statement ago
    return written, False


def movement_out(row: Mapping[str, Any]) -> MovementOut:
    """Return a movement as it is told."""
    return MovementOut(**{name: row[name] for name in MovementOut.__struct_fields__})
