"""Booking, delivering, reading and voiding sales."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from primepos.core.context import Context
from primepos.core.db import TransactionRetry
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.inventory.allotments import draw
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.sales import posting, queries
from primepos.domain.sales.booking import (
    check_delivered,
    is_mirror,
    negated,
    normalised,
    reprice_flags,
)
from primepos.domain.sales.chain import body_of, link_hash, series_name
from primepos.domain.sales.delivering import (
    delivered_goods,
    delivered_returns,
    delivered_value,
    products_of,
    require_known,
)
from primepos.domain.sales.errors import (
    AlreadyRefunded,
    AlreadyVoided,
    BrokenSale,
    CannotVoid,
    NotOnAccount,
    NumberConflict,
    OutletNotFound,
    PaysTooMuch,
    RegisterNotFound,
    SaleConflict,
    SaleNotFound,
    ShiftUnknown,
    UnknownProduct,
    VoidAtTill,
    VoidTooLate,
)
from primepos.domain.sales.offering import (
    delivered_coupons,
    delivered_deal,
    keep_coupons,
)
from primepos.domain.sales.packing import delivered_lots, goods_flags
from primepos.domain.sales.paying import pay_account, pay_sale, sale_on_account, settlement_of
from primepos.domain.sales.recording import About, booked_sale, record_sale, stored_sale
from primepos.domain.sales.schemas import (
    BookSale,
    DeliverSale,
    GetSale,
    ListSales,
    PayAccount,
    PaySale,
    SaleOut,
    SalePage,
    SaleSettlement,
    VoidSale,
)
from primepos.domain.sales.selling import SALE_REFUSALS, sell
from primepos.domain.sales.tendering import (
    VALUE_REFUSALS,
    plan_void,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.pricing.errors import InvalidTender


@operation(
    "sales.book",
    permission=Permission.SALE_CREATE,
    raises=SALE_REFUSALS,
)
def book_sale(ctx: Context, data: BookSale) -> SaleOut:
    """Price and book a sale into the outlet's own series; the server's prices count.

    Safe to repeat: the same ``id`` with the same content answers with the stored sale, with another content it
    is refused. Written in one statement: sale, lines, taxes, payments, stock, ledger, number and hash. Amounts are
    minor units. With the tenant's stock policy *block* nothing is sold that is not there.
    """
    return sell(ctx, data)


@operation(
    "sales.deliver",
    permission=Permission.SALE_DELIVER,
    raises=(
        RegisterNotFound,
        ShiftUnknown,
        BrokenSale,
        SaleConflict,
        SaleNotFound,
        NumberConflict,
        UnknownProduct,
        CustomerNotFound,
        AlreadyVoided,
    ),
)
def deliver_sale(ctx: Context, data: DeliverSale) -> SaleOut:
    """Book a sale that an enrolled till has made, numbered, chained and paid.

    It happened, so it is booked as it is and flagged where something is odd: ``PRICE_DIFFERS``,
    ``TAX_DIFFERS``, ``PRODUCT_ARCHIVED``, ``CURRENCY_DIFFERS``, ``NEGATIVE_LINE``, ``VOID_DIFFERS`` (it is not the
    mirror of a sale of its shift), ``ALREADY_REFUNDED`` (goods of what it undoes came back before), ``DAY_DIFFERS``
    (not the shift's business day), ``CLOCK_SKEW`` (sold more than two hours in the future), ``LATE`` (its shift is
    closed), ``OLD_EPOCH``, ``CHAIN_BROKEN``, ``NEGATIVE_STOCK``, ``RETURN_EXCEEDS`` (more came back than was left),
    ``LOT_MISSING``, ``LOT_NOT_HERE``, ``LOT_EXPIRED``, ``AGE_NOT_CONFIRMED``,
    ``VALUE_SHORT``, ``VALUE_UNKNOWN``, ``ALLOTMENT_EXCEEDED`` (of gift cards, accounts and points).
    Refused is only what cannot be a record: contradicting figures, a hash that is not of this content, a foreign
    register, goods back of a sale, or a sale to a customer, that is not there yet: it is sent again after them.
    Safe to repeat: the same sale answers with what is stored, another content under its id is a conflict.
    """
    if ctx.identity.register_id != data.register_id:
        raise RegisterNotFound
    ids = list({each for line in data.lines for each in products_of(line)})
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_till_place(pipe, ctx.tenant_id, data)
        goods_cursor, taxes_cursor = queries.ask_goods(
            pipe,
            ctx.tenant_id,
            ids,
            [],
            packs=any(line.unit for line in data.lines),
            lots=[line.lot for line in data.lines if line.lot],
        )
        voided_cursor = None if data.void_of is None else queries.ask_voided(pipe, ctx.tenant_id, data.void_of)
    place = queries.place_from(place_cursor)
    goods = queries.goods_from(goods_cursor)
    taxes = queries.taxes_from(taxes_cursor)
    if place is None:
        raise RegisterNotFound
    hash_ = bytes.fromhex(data.hash)
    if place.known_id is not None:
        return stored_sale(ctx, data.id, hash_, place.known_hash)
    check_delivered(data)
    body = body_of(data)
    series = series_name(place.prefix, data.epoch)
    if link_hash(data.prev_hash, series, data.number, body) != data.hash:
        raise BrokenSale(problem="its hash is not of this content")
    data = normalised(data)
    if place.shift_id is None:
        raise ShiftUnknown
    require_known(ctx, data, ids, goods)
    if place.is_number_taken:
        raise NumberConflict
    voided = None if voided_cursor is None else voided_cursor.fetchone()
    if voided is not None and voided["is_voided"]:
        raise AlreadyVoided
    flags = [
        *reprice_flags(data, goods, taxes, currency_code=place.currency, deal=delivered_deal(ctx, place, data)),
        *_odd(ctx, data, place, voided),
        *goods_flags(data, goods),
    ]
    returns = delivered_returns(ctx, data)
    if any(each.before + each.quantity > each.sold for each in returns):
        flags.append("RETURN_EXCEEDS")
    flags.extend(delivered_value(ctx, data, returns, place.settings))
    entry = posting.Posting(
        tenant_id=ctx.tenant_id,
        sale_id=data.id,
        kind=data.kind,
        outlet_id=place.outlet_id,
        register_id=data.register_id,
        shift_id=data.shift_id,
        epoch=data.epoch,
        prefix=place.prefix,
        series=series,
        business_date=data.business_date,
        sold_at=data.sold_at,
        cashier_id=data.cashier_id,
        cashier=data.cashier,
        currency=data.currency,
        lines=data.lines,
        taxes=data.taxes,
        payments=data.payments,
        quantities=delivered_goods(data, {each.id for each in goods if each.track_stock}),
        base=data.base,
        tax=data.tax,
        rounding=data.rounding,
        total=data.total,
        request_hash=hash_,
        body=body,
        flags=flags,
        void_of=data.void_of,
        reason=data.reason,
        returns=returns,
        value=data.value,
        customer_id=data.customer_id,
        salesperson_id=data.salesperson_id,
        note=data.note,
        policy=place.stock_policy,
    )
    coupons = delivered_coupons(ctx, entry)
    flags.extend(delivered_lots(ctx, entry))
    with ctx.uow.pipeline() as pipe:
        cursor = posting.send_delivered(
            pipe,
            entry,
            number=data.number,
            prev_hash=bytes.fromhex(data.prev_hash),
            hash_=hash_,
        )
        keep_coupons(pipe, coupons, entry)
    row = cursor.fetchone()
    if row is None:
        raise RegisterNotFound
    _, receipt, _, _, flags, _, is_allotted, _ = row
    if is_allotted:
        draw(ctx, place.outlet_id, data.register_id, entry.quantities)
    noted = {"cashier_id": None if data.cashier_id is None else str(data.cashier_id), "flags": flags}
    ctx.note(
        f"sale:{data.id}",
        receipt=receipt,
        total=data.total,
        moved=len(entry.quantities),
        **{name: value for name, value in noted.items() if value},
    )
    return booked_sale(entry, row)


def _odd(ctx: Context, sale: DeliverSale, place: queries.Place, voided: dict[str, Any] | None) -> list[str]:
    """Return the flags for what is odd about a delivered sale's time and about what it undoes."""
    flags = []
    if (sale.sold_at - ctx.clock.now()).total_seconds() > CLOCK_SKEW_S:
        flags.append("CLOCK_SKEW")
    if sale.business_date != place.business_date:
        flags.append("DAY_DIFFERS")
    if sale.void_of is not None and not is_mirror(sale, voided):
        flags.append("VOID_DIFFERS")
    if voided is not None and voided["is_refunded"]:
        flags.append("ALREADY_REFUNDED")
    return flags


CLOCK_SKEW_S = 2 * 60 * 60


@operation(
    "sales.void",
    permission=Permission.SALE_VOID,
    weighs=True,
    raises=(
        SaleNotFound,
        CannotVoid,
        AlreadyVoided,
        AlreadyRefunded,
        VoidTooLate,
        VoidAtTill,
        SaleConflict,
        *VALUE_REFUSALS,
    ),
)
def void_sale(ctx: Context, data: VoidSale) -> SaleOut:
    """Undo a sale while its shift is open, by a counter-record with its own number; nothing is deleted.

    Amounts, taxes, payments and stock are mirrored to the minor unit. After the shift is closed it is a refund. A
    sale of a till is voided at that till, which writes its own series. Safe to repeat with the same ``id``.
    """
    known = queries.read_sale(ctx.uow, ctx.tenant_id, data.id)
    if known is not None:
        if known.void_of == data.sale_id and known.reason == data.reason:
            ctx.note(f"sale:{data.id}", replayed=True)
            return known
        raise SaleConflict(sale=str(data.id))
    came_back = queries.returned_before(ctx.uow, ctx.tenant_id, data.sale_id)[0]
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, data.sale_id)
    if sale is None or not ctx.identity.may_use_outlet(sale.outlet_id):
        raise SaleNotFound(sale=str(data.sale_id))
    # An exchange took goods of another sale back, which a void would have to sell again.
    if sale.kind != "sale" or sale.returns:
        raise CannotVoid
    if sale.voided_by == data.id:
        # A twin of this very call was faster, after the first look: look again and answer as it was answered.
        raise TransactionRetry
    if sale.voided_by is not None:
        raise AlreadyVoided
    if came_back:
        raise AlreadyRefunded
    ctx.require(
        Permission.SALE_VOID,
        amount=sale.total,
        sold_on=sale.business_date,
        outlet_id=sale.outlet_id,
        subject=f"sale:{sale.id}",
    )
    with ctx.uow.pipeline() as pipe:
        cursor = queries.ask_server_place(pipe, ctx.tenant_id, sale.outlet_id, data.id)
    place = queries.place_from(cursor)
    if place is None or place.register_id != sale.register_id:
        raise VoidAtTill(receipt=sale.receipt)
    if place.shift_id != sale.shift_id:
        raise VoidTooLate
    mirrored = negated(sale)
    mirrored.quantities.extend(
        (n, product, -quantity) for n, product, quantity in queries.goods_moved(ctx.uow, ctx.tenant_id, data.sale_id)
    )
    booked = record_sale(
        ctx,
        place,
        mirrored,
        sale_id=data.id,
        kind="void",
        fingerprint=data.id.bytes + data.sale_id.bytes,
        void_of=data.sale_id,
        reason=data.reason,
        block=False,
        about=About(sale.customer_id, sale.salesperson_id, sale.note),
        value=plan_void(ctx, sale, sale.id),
    )
    ctx.note(
        f"sale:{data.sale_id}",
        void=str(data.id),
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(mirrored.quantities),
    )
    return booked


@operation(
    "sales.pay",
    permission=Permission.SALE_CREATE,
    raises=(
        SaleNotFound,
        OutletNotFound,
        NotOnAccount,
        PaysTooMuch,
        NotPaid,
        SaleConflict,
        TenantSuspended,
        InvalidTender,
        *VALUE_REFUSALS,
    ),
)
def pay_for_sale(ctx: Context, data: PaySale) -> SaleOut:
    """Book money that comes in for a sale on account, as a record of its own with its number; all of it or a part.

    The record sells no goods: its one line puts the money onto the customer's account, for that sale. It is in the
    drawer, the Z report and the chain like any other. Safe to repeat with the same ``id``.
    """
    return pay_sale(ctx, data)


@operation(
    "accounts.pay",
    permission=Permission.SALE_CREATE,
    raises=(OutletNotFound, NotPaid, SaleConflict, TenantSuspended, InvalidTender, *VALUE_REFUSALS),
)
def pay_onto_account(ctx: Context, data: PayAccount) -> SaleOut:
    """Book money that a customer pays onto their account; it settles the oldest sales first, beyond them it is theirs.

    A record of its own, as with `sales.pay`. Safe to repeat with the same ``id``.
    """
    return pay_account(ctx, data)


@operation("sales.settlement", permission=Permission.SALE_READ, reads=True, raises=(SaleNotFound,))
def show_settlement(ctx: Context, data: GetSale) -> SaleSettlement:
    """Say how far a sale is paid: open, part paid or paid, as the entries of the customer's account have it."""
    return settlement_of(ctx, sale_on_account(ctx, data.id))


@operation("sales.get", permission=Permission.SALE_READ, reads=True, raises=(SaleNotFound,))
def get_sale(ctx: Context, data: GetSale) -> SaleOut:
    """Return one sale whole: lines, taxes, payments, number and seal."""
    found = queries.read_sale(ctx.uow, ctx.tenant_id, data.id)
    if found is None or not ctx.identity.may_use_outlet(found.outlet_id):
        raise SaleNotFound(sale=str(data.id))
    return found


@operation("sales.list", permission=Permission.SALE_READ, reads=True)
def list_sales(ctx: Context, data: ListSales) -> SalePage:
    """List sales, newest business day first, by keyset; who works in some outlets sees those."""
    outlets = None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
    if data.outlet_id is not None:
        outlets = [data.outlet_id] if ctx.identity.may_use_outlet(data.outlet_id) else []
    found = queries.list_sales(
        ctx.uow,
        ctx.tenant_id,
        outlets=outlets,
        shift_id=data.shift_id,
        since=data.since,
        until=data.until,
        flagged=data.flagged,
        receipt=data.receipt,
        after=_page_mark(data.after),
        limit=data.limit + 1,
    )
    items = found[: data.limit]
    more = len(found) > data.limit
    return SalePage(items=items, next=f"{items[-1].business_date}~{items[-1].id}" if more else None)


def _page_mark(after: str | None) -> tuple[date, UUID] | None:
    if after is None:
        return None
    try:
        day, _, last = after.partition("~")
        return date.fromisoformat(day), UUID(last)
    except ValueError:
        raise InvalidInput("after: not a page mark of this list") from None
