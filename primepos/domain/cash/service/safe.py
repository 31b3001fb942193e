"""The safe of an outlet: what it holds, what it was moved by, cash that goes to the bank."""

from __future__ import annotations

from uuid import UUID

from primepos.core.amounts import UnknownCurrency
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.cash import ledger
from primepos.domain.cash.closing import acting
from primepos.domain.cash.errors import CashConflict, NoSuchSafe, SafeShort
from primepos.domain.cash.finding import chosen_currency, keep_seals, outlets_of
from primepos.domain.cash.schemas import (
    AskSafes,
    BankDeposit,
    CountSafe,
    ListSafeEntries,
    SafeEntryOut,
    SafeEntryPage,
    SafeOut,
    SafesOut,
)


@operation("cash.list_safes", permission=Permission.SHIFT_EXPECTED_READ, reads=True)
def list_safes(ctx: Context, data: AskSafes) -> SafesOut:
    """Show what the safes of one's outlets hold, by currency, in minor units."""
    found = ledger.safes(ctx.uow, ctx.tenant_id, outlet_id=data.outlet_id, outlets=outlets_of(ctx))
    return SafesOut(items=[SafeOut(**each) for each in found])


@operation(
    "cash.list_safe_entries",
    permission=Permission.SHIFT_EXPECTED_READ,
    reads=True,
    raises=(NoSuchSafe, UnknownCurrency),
)
def list_safe_entries(ctx: Context, data: ListSafeEntries) -> SafeEntryPage:
    """List what came into a safe and left it, newest first, each with the balance it left."""
    _require_outlet(ctx, data.outlet_id)
    found = ledger.entries_of(
        ctx.uow,
        ctx.tenant_id,
        data.outlet_id,
        chosen_currency(ctx, data.currency),
        before=data.before,
        limit=data.limit + 1,
    )
    items = [_entry_out(each) for each in found[: data.limit]]
    return SafeEntryPage(items=items, next=items[-1].entry_no if len(found) > data.limit else None)


@operation(
    "cash.bank_deposit",
    permission=Permission.CASH_MOVE,
    raises=(NoSuchSafe, SafeShort, CashConflict, UnknownCurrency),
    weighs=True,
)
def bank_deposit(ctx: Context, data: BankDeposit) -> SafeEntryOut:
    """Take cash from the safe to the bank. The safe never goes below zero. Safe to repeat by its id.

    Raises NoSuchSafe, SafeShort, CashConflict, UnknownCurrency.
    """
    _require_outlet(ctx, data.outlet_id)
    ctx.require(Permission.CASH_MOVE, amount=data.amount, outlet_id=data.outlet_id, subject=f"outlet:{data.outlet_id}")
    return _move(ctx, data, kind="deposit", amount=-data.amount, reference=data.reference)


@operation(
    "cash.count_safe",
    permission=Permission.SHIFT_CLOSE_OVER_LIMIT,
    raises=(NoSuchSafe, CashConflict, UnknownCurrency),
)
def count_safe(ctx: Context, data: CountSafe) -> SafeEntryOut:
    """Count the safe and say why it is not what its entries come to; the difference becomes an entry.

    Safe to repeat by its id. Raises NoSuchSafe, CashConflict, UnknownCurrency.
    """
    _require_outlet(ctx, data.outlet_id)
    balance = ledger.lock_safe(ctx.uow, ctx.tenant_id, data.outlet_id, chosen_currency(ctx, data.currency))
    return _move(ctx, data, kind="count", amount=data.counted - balance, reference="")


def _move(ctx: Context, data: BankDeposit | CountSafe, *, kind: str, amount: int, reference: str) -> SafeEntryOut:
    currency = chosen_currency(ctx, data.currency)
    # The lock first: whoever repeats the act waits here for the first, and finds its entry.
    ledger.lock_safe(ctx.uow, ctx.tenant_id, data.outlet_id, currency)
    who = acting(ctx)
    known = ledger.find_entry(ctx.uow, ctx.tenant_id, data.id)
    if known is None:
        entry = {
            "id": data.id,
            "outlet": data.outlet_id,
            "currency": currency,
            "kind": kind,
            "amount": amount,
            "shift": None,
            "reason": data.reason,
            "reference": reference,
            **who.values(),
        }
        keep_seals(ctx, ledger.move_safe(ctx.uow, ctx.tenant_id, entry))
        known = ledger.find_entry(ctx.uow, ctx.tenant_id, data.id)
        assert known is not None  # noqa: S101 - it was written a statement ago
        ctx.note(f"safe:{data.outlet_id}", entry=str(data.id), kind=kind, amount=amount, balance=known["balance"])
        return _entry_out(known)
    said = (known["outlet_id"], known["currency"], known["kind"], known["reason"], known["actor_id"])
    # A count says what the safe held then; what it moved followed from what was there.
    same = known["balance"] == data.counted if isinstance(data, CountSafe) else known["amount"] == amount
    if said != (data.outlet_id, currency, kind, data.reason, who.actor_id) or not same:
        raise CashConflict
    ctx.note(f"safe:{data.outlet_id}", replayed=True)
    return _entry_out(known)


def _require_outlet(ctx: Context, outlet_id: UUID) -> None:
    if not ctx.identity.may_use_outlet(outlet_id) or not ledger.outlet_exists(ctx.uow, ctx.tenant_id, outlet_id):
        raise NoSuchSafe


def _entry_out(row: dict[str, object]) -> SafeEntryOut:
    return SafeEntryOut(**{name: row[name] for name in SafeEntryOut.__struct_fields__})  # type: ignore[arg-type]  # rows are untyped
