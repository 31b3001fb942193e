"""What happens around a drawer beside sales: movements, no-sale, counts, coins and notes, over and short."""

from __future__ import annotations

from typing import Any

from primepos.core.amounts import UnknownCurrency
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.cash import ledger, moving, queries
from primepos.domain.cash.closing import acting, known_values, sees_expected
from primepos.domain.cash.denominations import check_count, usual
from primepos.domain.cash.errors import (
    CashConflict,
    CountMismatch,
    DenominationUnknown,
    NotYourShift,
    SafeShort,
    ShiftClosed,
    ShiftNotFound,
)
from primepos.domain.cash.finding import (
    chosen_currency,
    find_till_shift,
    mark_of,
    outlets_of,
    place_of,
    require_own,
)
from primepos.domain.cash.schemas import (
    AskDenominations,
    CashMovementPage,
    CountCash,
    Denomination,
    DenominationsOut,
    DrawerCountOut,
    ListMovements,
    ListVariances,
    MoveCash,
    MovementOut,
    OpenDrawer,
    SetDenominations,
    VarianceOut,
    VariancePage,
)


@operation(
    "cash.move",
    permission=Permission.CASH_MOVE,
    raises=(ShiftNotFound, ShiftClosed, CashConflict, SafeShort, UnknownCurrency),
    weighs=True,
)
def move_cash(ctx: Context, data: MoveCash) -> MovementOut:
    """Pay cash in or out, drop it into the safe, fetch it from there, or have it taken away; with a reason.

    The amount is above zero, in minor units of ``currency``, the tenant's own where none is named. The movement
    counts in what the drawer should hold and stands on X and Z. A safe never goes below zero: SafeShort. Safe to
    repeat by its ``id``; another content under it is refused.
    """
    shift = find_till_shift(ctx, data.shift_id)
    ctx.require(
        Permission.CASH_MOVE, amount=data.amount, outlet_id=shift["outlet_id"], subject=f"shift:{data.shift_id}"
    )
    row, replayed = moving.move(
        ctx,
        shift,
        acting(ctx),
        movement_id=data.id,
        kind=data.kind,
        amount=data.amount,
        currency=chosen_currency(ctx, data.currency),
        reason=data.reason,
        reference=data.reference,
    )
    ctx.note(f"shift:{data.shift_id}", movement=str(data.id), kind=data.kind, amount=row["amount"])
    if replayed:
        ctx.note(f"shift:{data.shift_id}", replayed=True)
    return moving.movement_out(row)


@operation(
    "cash.open_drawer",
    permission=Permission.CASH_DRAWER_OPEN,
    raises=(ShiftNotFound, ShiftClosed, CashConflict),
)
def open_drawer(ctx: Context, data: OpenDrawer) -> MovementOut:
    """Open a drawer for no sale, with a reason: it is counted on X and Z, and by person. Safe to repeat by its id."""
    shift = find_till_shift(ctx, data.shift_id)
    row, replayed = moving.move(
        ctx,
        shift,
        acting(ctx),
        movement_id=data.id,
        kind="no_sale",
        amount=0,
        currency=ctx.tenant.currency.code,
        reason=data.reason,
        reference="",
    )
    ctx.note(f"shift:{data.shift_id}", movement=str(data.id), kind="no_sale")
    if replayed:
        ctx.note(f"shift:{data.shift_id}", replayed=True)
    return moving.movement_out(row)


@operation("cash.list_movements", permission=Permission.SHIFT_CLOSE, reads=True)
def list_movements(ctx: Context, data: ListMovements) -> CashMovementPage:
    """List what moved cash beside sales, newest first; a cashier sees their own shifts' and what they moved."""
    found = ledger.page_of_movements(
        ctx.uow,
        ctx.tenant_id,
        {
            "shift": data.shift_id,
            "kind": data.kind,
            "outlets": outlets_of(ctx),
            "own": ctx.identity.actor_id if ctx.grant.own else None,
            **place_of(data.after),
            "limit": data.limit + 1,
        },
    )
    items = [moving.movement_out(each) for each in found[: data.limit]]
    more = len(found) > data.limit
    return CashMovementPage(items=items, next=mark_of(items[-1].moved_at, items[-1].id) if more else None)


@operation(
    "cash.count",
    permission=Permission.SHIFT_CLOSE,
    raises=(
        ShiftNotFound,
        ShiftClosed,
        NotYourShift,
        CashConflict,
        CountMismatch,
        DenominationUnknown,
        UnknownCurrency,
    ),
)
def count_cash(ctx: Context, data: CountCash) -> DrawerCountOut:
    """Count a drawer in between, or before closing, by total or by coins and notes, as often as one likes.

    Every count is kept with what there should have been; who may not read that gets it as null. Nothing else
    changes: the closing says which count stands. Safe to repeat by its id.
    """
    shift = find_till_shift(ctx, data.shift_id)
    require_own(ctx, shift)
    currency = chosen_currency(ctx, data.currency)
    check_count(data.counted, data.denominations, known_values(ctx, currency), currency)
    row, replayed = moving.count(
        ctx,
        shift,
        acting(ctx),
        count_id=data.id,
        kind=data.kind,
        counted=data.counted,
        currency=currency,
        pieces=data.denominations,
    )
    ctx.note(f"shift:{data.shift_id}", count=str(data.id), kind=data.kind, counted=data.counted)
    if replayed:
        ctx.note(f"shift:{data.shift_id}", replayed=True)
    return _count_out(row, sees=sees_expected(ctx))


@operation("cash.list_denominations", permission=Permission.SHIFT_OPEN, reads=True, raises=(UnknownCurrency,))
def list_denominations(ctx: Context, data: AskDenominations) -> DenominationsOut:
    """List the coins and notes that are counted in a currency, smallest first."""
    currency = chosen_currency(ctx, data.currency)
    own = queries.denominations(ctx.uow, ctx.tenant_id, currency)
    return DenominationsOut(
        currency=currency,
        own=bool(own),
        items=[Denomination(value=value, kind=_coin_or_note(kind)) for value, kind in own or usual(currency)],
    )


@operation("cash.set_denominations", permission=Permission.SETTINGS_WRITE, raises=(UnknownCurrency,))
def set_denominations(ctx: Context, data: SetDenominations) -> DenominationsOut:
    """Say which coins and notes of a currency are counted; an empty list goes back to the usual ones."""
    currency = chosen_currency(ctx, data.currency)
    items = sorted((each.value, each.kind) for each in data.items)
    queries.set_denominations(ctx.uow, ctx.tenant_id, currency, [(value, str(kind)) for value, kind in items])
    ctx.note(f"denominations:{currency}", values=[value for value, _ in items])
    return DenominationsOut(
        currency=currency,
        own=bool(items),
        items=[Denomination(value=value, kind=_coin_or_note(kind)) for value, kind in items or usual(currency)],
    )


@operation("cash.list_variances", permission=Permission.SHIFT_EXPECTED_READ, reads=True)
def list_variances(ctx: Context, data: ListVariances) -> VariancePage:
    """List what was booked as over (above zero) or short, newest first: at openings, at closings, by adjustments."""
    found = ledger.page_of_variances(
        ctx.uow,
        ctx.tenant_id,
        {
            "shift": data.shift_id,
            "since": data.since,
            "until": data.until,
            "outlets": outlets_of(ctx),
            **place_of(data.after),
            "limit": data.limit + 1,
        },
    )
    items = [VarianceOut(**each) for each in found[: data.limit]]
    more = len(found) > data.limit
    return VariancePage(items=items, next=mark_of(items[-1].booked_at, items[-1].id) if more else None)


def _coin_or_note(kind: str) -> Any:
    return kind


def _count_out(row: dict[str, Any], *, sees: bool) -> DrawerCountOut:
    expected = row["expected"] if sees else None
    return DrawerCountOut(
        id=row["id"],
        shift_id=row["shift_id"],
        kind=row["kind"],
        currency=row["currency"],
        counted=row["counted"],
        expected=expected,
        difference=None if expected is None else row["counted"] - expected,
        denominations=row["denominations"],
        counted_at=row["counted_at"],
        actor=row["actor"],
    )
