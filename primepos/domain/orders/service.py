"""Tickets put aside: hold at one register, resume at another, quote, lay away with deposits, sell."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from primepos.core.clock import utc_text
from primepos.core.context import Context
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.operations import operation
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Permission
from primepos.domain.orders import queries
from primepos.domain.orders.errors import (
    DepositLeft,
    DepositTooMuch,
    NoDeposit,
    OrderConflict,
    OrderElsewhere,
    OrderEnded,
    OrderMoved,
    OrderNotFound,
    QuoteExpired,
)
from primepos.domain.orders.pricing import deposit_record, ordered_sale, priced_order
from primepos.domain.orders.schemas import (
    CancelOrder,
    DepositPaid,
    GetOrder,
    ListOrders,
    ListRemoved,
    PayDeposit,
    RemovedPage,
    ReportedRemoved,
    ReportRemoved,
    ReturnDeposit,
    SaveOrder,
    SellOrder,
    TakeOrder,
    TicketOut,
    TicketPage,
)
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.sales.errors import OutletNotFound, SaleConflict
from primepos.domain.sales.recording import at_counter, record_sale, with_shift
from primepos.domain.sales.schemas import SaleOut
from primepos.domain.sales.selling import SALE_REFUSALS, sell
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.pricing.errors import InvalidTender

_CHANGING = (OrderNotFound, OrderMoved, OrderElsewhere, OrderEnded)


def _row(ctx: Context, order_id: UUID, *, lock: bool) -> dict[str, Any]:
    found = (queries.locked if lock else queries.find)(ctx.uow, ctx.tenant_id, order_id)
    if found is None or not ctx.identity.may_use_outlet(found["outlet_id"]):
        raise OrderNotFound(order=str(order_id))
    return found


def _mine(ctx: Context, row: dict[str, Any], version: int | None) -> None:
    """See that a locked order is open, at this register or at none, and what the caller thinks it is.

    Raises: OrderEnded, OrderElsewhere, OrderMoved.
    """
    if row["state"] != "open":
        raise OrderEnded(number=row["number"], state=row["state"])
    owner = row["owner_register_id"]
    if owner is not None and owner != ctx.identity.register_id:
        raise OrderElsewhere(number=row["number"])
    if version is not None and row["version"] != version:
        raise OrderMoved(number=row["number"], version=row["version"])


def _stamp(ctx: Context, order_id: UUID, **values: Any) -> dict[str, Any]:
    return {"tenant": ctx.tenant_id, "id": order_id, "at": ctx.clock.now(), "by": ctx.identity.name, **values}


@operation("orders.save", permission=Permission.SALE_HOLD, raises=(*_CHANGING, OrderConflict, *SALE_REFUSALS))
def save_order(ctx: Context, data: SaveOrder) -> TicketOut:
    """Put a ticket aside, or change one that is: on hold, as a quote, or laid away for a customer.

    It belongs to the register that saved it until another takes it over; from an office it belongs to none. Prices and
    discounts that need consent need it here, and are then sold without asking again. Safe to repeat with the same
    ``id``; a change names the ``version`` it is of, so two who change it at once do not undo each other.
    """
    known = queries.locked(ctx.uow, ctx.tenant_id, data.id)
    fingerprint = queries.fingerprint(data)
    if known is not None:
        if not ctx.identity.may_use_outlet(known["outlet_id"]):
            raise OrderNotFound(order=str(data.id))
        if data.version is None:
            if bytes(known["request_hash"]) != fingerprint:
                raise OrderConflict(order=str(data.id))
            ctx.note(f"order:{data.id}", replayed=True)
            return queries.order_from(known)
        _mine(ctx, known, data.version)
        if known["outlet_id"] != data.outlet_id:
            raise InvalidInput("outlet_id: an order stays in its outlet")
    elif data.version is not None:
        raise OrderNotFound(order=str(data.id))
    lines, total, currency = priced_order(ctx, data)
    if known is not None and known["deposit"] > total:
        raise DepositTooMuch(number=known["number"], total=total, deposit=known["deposit"])
    values = _stamp(
        ctx,
        data.id,
        kind=data.kind,
        outlet=data.outlet_id,
        owner=ctx.identity.register_id,
        customer=data.customer_id,
        label=data.label,
        note=data.note,
        content=queries.content_of(lines, data.ticket_discount_percent, data.ticket_discount),
        currency=currency,
        total=total,
        valid_until=data.valid_until,
        hash=fingerprint,
    )
    row = queries.insert(ctx.uow, values) if known is None else queries.change(ctx.uow, values)
    if row is None:
        # A twin of this very call was faster: answer as it was answered.
        return queries.order_from(_row(ctx, data.id, lock=False))
    ctx.note(f"order:{data.id}", number=row["number"], kind=data.kind, total=total, version=row["version"])
    return queries.order_from(row)


@operation("orders.get", permission=Permission.SALE_HOLD, reads=True, raises=(OrderNotFound,))
def get_order(ctx: Context, data: GetOrder) -> TicketOut:
    """Return one order whole."""
    return queries.order_from(_row(ctx, data.id, lock=False))


@operation("orders.list", permission=Permission.SALE_HOLD, reads=True)
def list_orders(ctx: Context, data: ListOrders) -> TicketPage:
    """List orders of every register, newest first: open ones, or those that are sold or cancelled."""
    outlets = None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    if data.outlet_id is not None:
        outlets = [data.outlet_id] if ctx.identity.may_use_outlet(data.outlet_id) else []
    found = queries.page(
        ctx.uow,
        ctx.tenant_id,
        kind=data.kind,
        outlets=outlets,
        customer_id=data.customer_id,
        ended=data.ended,
        after=data.after,
        limit=data.limit + 1,
    )
    items = found[: data.limit]
    return TicketPage(items=items, next=items[-1].number if len(found) > data.limit else None)


@operation("orders.take_over", permission=Permission.SALE_HOLD, raises=(OrderNotFound, OrderMoved, OrderEnded))
def take_over(ctx: Context, data: TakeOrder) -> TicketOut:
    """Take an order over from whichever register has it; never by accident, and only as the caller has read it."""
    row = _row(ctx, data.id, lock=True)
    if row["state"] != "open":
        raise OrderEnded(number=row["number"], state=row["state"])
    if row["owner_register_id"] == ctx.identity.register_id and row["version"] == data.version + 1:
        ctx.note(f"order:{data.id}", replayed=True)
        return queries.order_from(row)
    if row["version"] != data.version:
        raise OrderMoved(number=row["number"], version=row["version"])
    taken = queries.take(ctx.uow, _stamp(ctx, data.id, owner=ctx.identity.register_id))
    was = row["owner_register_id"]
    ctx.note(f"order:{data.id}", number=row["number"], taken_from=None if was is None else str(was))
    return queries.order_from(taken)


@operation("orders.cancel", permission=Permission.SALE_CANCEL, raises=(*_CHANGING, DepositLeft))
def cancel_order(ctx: Context, data: CancelOrder) -> TicketOut:
    """Give an order up. What was paid on it is given back first. Safe to repeat with the same reason."""
    row = _row(ctx, data.id, lock=True)
    if row["state"] == "cancelled" and row["reason"] == data.reason:
        ctx.note(f"order:{data.id}", replayed=True)
        return queries.order_from(row)
    _mine(ctx, row, data.version)
    if row["deposit"]:
        raise DepositLeft(number=row["number"], deposit=row["deposit"])
    ended = queries.end(ctx.uow, _stamp(ctx, data.id, state="cancelled", sale=None, reason=data.reason))
    ctx.note(f"order:{data.id}", number=row["number"], reason=data.reason, total=row["total"])
    return queries.order_from(ended)


@operation("orders.sell", permission=Permission.SALE_CREATE, raises=(*_CHANGING, QuoteExpired, *SALE_REFUSALS))
def sell_order(ctx: Context, data: SellOrder) -> SaleOut:
    """Sell an order: what was paid on it pays first, the tenders the rest.

    A quote never costs more than it promised. What is on hold or laid away costs what it does today. One sale comes of
    an order, however many ask at once. Safe to repeat with the same ``sale_id``.
    """
    row = _row(ctx, data.id, lock=True)
    if row["state"] == "sold" and row["sale_id"] == data.sale_id:
        return sell(ctx, ordered_sale(queries.order_from(row), data), authorised=True)
    _mine(ctx, row, data.version)
    if not queries.is_valid(row, ctx.today):
        raise QuoteExpired(number=row["number"], until=row["valid_until"].isoformat())
    order = queries.order_from(row)
    queries.end(ctx.uow, _stamp(ctx, data.id, state="sold", sale=data.sale_id, reason=None))
    booked = sell(
        ctx,
        ordered_sale(order, data),
        authorised=True,
        deposit=row["deposit"],
        at_most=row["total"] if row["kind"] == "quote" else None,
    )
    left = row["deposit"] - sum(each.amount for each in booked.payments if each.kind == "deposit")
    if left:
        raise DepositLeft(number=row["number"], deposit=left)
    ctx.audit.data.update(order=str(data.id), number=row["number"])
    return booked


@operation(
    "orders.pay_deposit",
    permission=Permission.SALE_CREATE,
    raises=(*_CHANGING, DepositTooMuch, OutletNotFound, SaleConflict, TenantSuspended, NotPaid, InvalidTender),
)
def pay_deposit(ctx: Context, data: PayDeposit) -> DepositPaid:
    """Take money on an order: a record with a receipt of its own, so drawer and Z report know it. No tax, no revenue.

    Safe to repeat with the same ``sale_id``. Never more than the order comes to is paid on it.
    """
    return _deposit(ctx, data, amount=data.amount)


@operation(
    "orders.return_deposit",
    permission=Permission.REFUND_WITH_RECEIPT,
    weighs=True,
    raises=(
        *_CHANGING,
        NoDeposit,
        OutletNotFound,
        SaleConflict,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
    ),
)
def return_deposit(ctx: Context, data: ReturnDeposit) -> DepositPaid:
    """Give back everything that was paid on an order and is not used. Safe to repeat with the same ``sale_id``."""
    return _deposit(ctx, data, amount=None)


def _deposit(ctx: Context, data: PayDeposit | ReturnDeposit, *, amount: int | None) -> DepositPaid:
    row = _row(ctx, data.id, lock=True)
    fingerprint = queries.fingerprint(data)
    counter = at_counter(ctx, row["outlet_id"], data.sale_id, fingerprint)
    if isinstance(counter, SaleOut):
        return DepositPaid(order=queries.order_from(row), sale=counter)
    _mine(ctx, row, None)
    if amount is None:
        if not row["deposit"]:
            raise NoDeposit(number=row["number"])
        ctx.require(
            Permission.REFUND_WITH_RECEIPT,
            amount=row["deposit"],
            outlet_id=row["outlet_id"],
            subject=f"order:{data.id}",
        )
    elif row["deposit"] + amount > row["total"]:
        raise DepositTooMuch(number=row["number"], total=row["total"], deposit=row["deposit"])
    change = -row["deposit"] if amount is None else amount
    priced, about = deposit_record(row, change, data, counter.place.settings)
    after = queries.add_deposit(ctx.uow, _stamp(ctx, data.id, amount=change))
    booked = record_sale(
        ctx,
        with_shift(ctx, counter.place, data.sale_id),
        priced,
        sale_id=data.sale_id,
        kind="refund" if amount is None else "sale",
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason if isinstance(data, ReturnDeposit) else None,
        block=False,
        about=about,
    )
    ctx.note(f"sale:{booked.id}", order=str(data.id), receipt=booked.receipt, total=booked.total, moved=0)
    return DepositPaid(order=queries.order_from(after), sale=booked)


@operation("orders.report_removed", permission=Permission.SALE_LINE_VOID, weighs=True, raises=(OutletNotFound,))
def report_removed(ctx: Context, data: ReportRemoved) -> ReportedRemoved:
    """Put down what was taken off tickets or made less before they were paid; what is there already stays as it is."""
    # It happened; telling takes nothing off.
    ctx.require(Permission.SALE_LINE_VOID, amount=0, outlet_id=data.outlet_id)
    if not ctx.identity.may_use_outlet(data.outlet_id) or not queries.is_open_outlet(
        ctx.uow, ctx.tenant_id, data.outlet_id
    ):
        raise OutletNotFound
    register_id = data.register_id or ctx.identity.register_id
    if register_id is not None and not queries.is_register_of(ctx.uow, ctx.tenant_id, data.outlet_id, register_id):
        raise OutletNotFound
    added = queries.add_removed(ctx.uow, ctx.tenant_id, data.outlet_id, register_id, data.items)
    ctx.note(f"outlet:{data.outlet_id}", added=added, upto=utc_text(max(each.at for each in data.items)))
    return ReportedRemoved(added=added)


@operation("orders.list_removed", permission=Permission.REPORT_STAFF, reads=True)
def list_removed(ctx: Context, data: ListRemoved) -> RemovedPage:
    """List what was taken off tickets before they were paid, newest first: by whom, with whose consent, what it was."""
    outlets = None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    if data.outlet_id is not None:
        outlets = [data.outlet_id] if ctx.identity.may_use_outlet(data.outlet_id) else []
    found = queries.removed_page(
        ctx.uow,
        ctx.tenant_id,
        since=data.since,
        until=data.until,
        outlets=outlets,
        person=data.person,
        after=None if data.after is None else decode_cursor(data.after, datetime, UUID),
        limit=data.limit + 1,
    )
    items = found[: data.limit]
    last = items[-1] if len(found) > data.limit else None
    return RemovedPage(items=items, next=None if last is None else encode_cursor(last.at, last.id))
