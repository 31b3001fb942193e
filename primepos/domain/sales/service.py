"""Booking, delivering, reading and voiding sales."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from primepos.core.amounts import InvalidAmount
from primepos.core.clock import business_date, utc_text
from primepos.core.context import Context
from primepos.core.db import TransactionRetry
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Decision, Permission
from primepos.domain.cash.queries import roll_server_shift
from primepos.domain.payments.settlement import NotPaid, cash_rule
from primepos.domain.sales import posting, queries
from primepos.domain.sales.booking import (
    Priced,
    check_delivered,
    is_mirror,
    negated,
    normalised,
    price_request,
    price_return,
    reprice_flags,
    request_hash,
)
from primepos.domain.sales.chain import body_hash, body_of, link_hash, series_name
from primepos.domain.sales.errors import (
    AlreadyRefunded,
    AlreadyVoided,
    BrokenSale,
    CannotRefund,
    CannotVoid,
    CardExceeded,
    NothingToRefund,
    NumberConflict,
    OutletNotFound,
    OutOfStock,
    RegisterNotFound,
    ReturnExceedsSold,
    SaleConflict,
    SaleNotFound,
    ShiftUnknown,
    TendersDiffer,
    TotalDiffers,
    UnknownProduct,
    VoidAtTill,
    VoidTooLate,
)
from primepos.domain.sales.refunding import (
    Earlier,
    cards_left,
    price_refund,
    refund_hash,
    returned_lines,
    wanted_returns,
    what_is_left,
)
from primepos.domain.sales.schemas import (
    BookSale,
    DeliverSale,
    GetSale,
    ListSales,
    Refundable,
    RefundSale,
    ReturnedLine,
    ReturnGoods,
    SaleOut,
    SalePage,
    VoidSale,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.pricing.errors import DiscountTooLarge, InvalidCart, InvalidTender, UnsolvableTaxes


@operation(
    "sales.book",
    permission=Permission.SALE_CREATE,
    raises=(
        OutletNotFound,
        UnknownProduct,
        NotPaid,
        TotalDiffers,
        OutOfStock,
        SaleConflict,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
        InvalidAmount,
        InvalidCart,
        InvalidTender,
        DiscountTooLarge,
        UnsolvableTaxes,
    ),
)
def book_sale(ctx: Context, data: BookSale) -> SaleOut:
    """Price and book a sale into the outlet's own series; the server's prices count.

    Safe to repeat: the same ``id`` with the same content answers with the stored sale, with another content it
    is refused. Written in one statement: sale, lines, taxes, payments, stock, ledger, number and hash. Amounts are
    minor units. With the tenant's stock policy *block* nothing is sold that is not there.
    """
    _check_rights(ctx, data)
    fingerprint = request_hash(data)
    ids = [line.product_id for line in data.lines if line.product_id is not None]
    skus = [line.sku for line in data.lines if line.sku is not None]
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_server_place(pipe, ctx.tenant_id, data.outlet_id, data.id)
        goods_cursor, taxes_cursor = queries.ask_goods(pipe, ctx.tenant_id, ids, skus)
    place = queries.place_from(place_cursor)
    goods = queries.goods_from(goods_cursor)
    taxes = queries.taxes_from(taxes_cursor)
    if place is None or place.is_archived or not ctx.identity.may_use_outlet(data.outlet_id):
        raise OutletNotFound
    if place.known_id is not None:
        return _stored(ctx, data.id, fingerprint, place.known_hash)
    if place.status != "active":
        raise TenantSuspended
    priced = price_request(data, goods, taxes, currency_code=place.currency, settings=place.settings)
    if data.total is not None and data.total != priced.total:
        raise TotalDiffers(total=priced.total, given=data.total)
    place = _with_shift(ctx, place, data.id)
    booked = _book(
        ctx,
        place,
        priced,
        sale_id=data.id,
        kind="sale",
        fingerprint=fingerprint,
        void_of=None,
        reason=None,
        block=place.settings.get("stock_policy") == "block",
    )
    ctx.note(f"sale:{booked.id}", receipt=booked.receipt, total=booked.total, moved=len(priced.quantities))
    return booked


def _with_shift(ctx: Context, place: queries.Place, sale_id: UUID) -> queries.Place:
    """Return the outlet's own register with a shift of today, opened now where there is none."""
    now = ctx.clock.now()
    today = business_date(now, place.zone, place.day_starts_hour)
    if place.shift_id is None or place.business_date is None or place.business_date < today:
        opened = roll_server_shift(ctx.uow, ctx.tenant_id, place.register_id, today, now)
        if opened is not None:
            ctx.audit.data.update(shift=str(opened), opened_at=utc_text(now))
            if place.business_date is not None:
                ctx.defer(
                    "reporting.summarise_day",
                    tenant_id=ctx.tenant_id,
                    outlet_id=str(place.outlet_id),
                    business_date=place.business_date.isoformat(),
                )
        if place.shift_id is not None:
            # By itself: sales of the day before, still under way, have their goods and wait for the register, which
            # this holds; it must not ask for goods while it does.
            ctx.uow.keep()
        with ctx.uow.pipeline() as pipe:
            cursor = queries.ask_server_place(pipe, ctx.tenant_id, place.outlet_id, sale_id)
        found = queries.place_from(cursor)
        if found is None or found.shift_id is None:
            raise TransactionRetry
        return found
    return place


def _check_rights(ctx: Context, data: BookSale) -> None:
    """See that whoever asks may override prices or give the discounts asked for."""
    if any(line.unit_price is not None for line in data.lines):
        _require(ctx, Permission.SALE_PRICE_OVERRIDE)
    percents = [line.discount_percent for line in data.lines]
    if not all(each.is_finite() for each in (*percents, data.ticket_discount_percent)):
        raise InvalidInput("a discount must be a finite number")
    highest = max(percents)
    if highest or any(line.discount for line in data.lines):
        # An amount off has no percent to hold against the limit, so it needs a grant without one.
        by_amount = any(line.discount for line in data.lines)
        _require(ctx, Permission.SALE_LINE_DISCOUNT, Decimal(100) if by_amount else highest)
    if data.ticket_discount or data.ticket_discount_percent:
        _require(ctx, Permission.SALE_TICKET_DISCOUNT)


def _require(ctx: Context, permission: Permission, percent: Decimal | None = None) -> None:
    """Raise unless the caller, or the approver beside them, holds the act within its limit."""
    grant = ctx.identity.grant(permission)
    within = grant.max_percent is None or percent is None or percent <= grant.max_percent
    if grant.decision is Decision.ALLOW and within:
        return
    if ctx.approver is not None and ctx.approver.can(permission):
        return
    if grant.decision is Decision.DENY:
        raise PermissionDenied(permission=permission.value)
    raise ApprovalRequired(permission=permission.value)


def _stored(ctx: Context, sale_id: UUID, fingerprint: bytes, known: bytes | None) -> SaleOut:
    """Answer a repeated call with what was booked; replay is a read."""
    if known is None or bytes(known) != fingerprint:
        raise SaleConflict(sale=str(sale_id))
    found = queries.read_sale(ctx.uow, ctx.tenant_id, sale_id)
    if found is None:
        raise SaleNotFound(sale=str(sale_id))
    ctx.note(f"sale:{sale_id}", replayed=True)
    return found


def _book(
    ctx: Context,
    place: queries.Place,
    priced: Priced,
    *,
    sale_id: UUID,
    kind: str,
    fingerprint: bytes,
    void_of: UUID | None,
    reason: str | None,
    block: bool,
    returns: Sequence[ReturnedLine] = (),
    flags: Sequence[str] = (),
) -> SaleOut:
    """Write a priced sale into the outlet's own series and return it as stored."""
    if place.shift_id is None or place.business_date is None:
        raise TransactionRetry
    sold_at = ctx.clock.now()
    cashier = ctx.identity.name
    body = body_hash(
        sale_id=sale_id,
        kind=kind,
        void_of=void_of,
        reason=reason,
        shift_id=place.shift_id,
        business_date=place.business_date,
        sold_at=sold_at,
        cashier=cashier,
        currency=place.currency,
        lines=priced.lines,
        taxes=priced.taxes,
        payments=priced.payments,
        base=priced.base,
        tax=priced.tax,
        rounding=priced.rounding,
        total=priced.total,
        returns=returns,
    )
    entry = posting.Posting(
        tenant_id=ctx.tenant_id,
        sale_id=sale_id,
        kind=kind,
        outlet_id=place.outlet_id,
        register_id=place.register_id,
        shift_id=place.shift_id,
        epoch=place.epoch,
        prefix=place.prefix,
        series=series_name(place.prefix, place.epoch),
        business_date=place.business_date,
        sold_at=sold_at,
        cashier_id=ctx.identity.actor_id,
        cashier=cashier,
        currency=place.currency,
        lines=priced.lines,
        taxes=priced.taxes,
        payments=priced.payments,
        quantities=priced.quantities,
        base=priced.base,
        tax=priced.tax,
        rounding=priced.rounding,
        total=priced.total,
        request_hash=fingerprint,
        body=body,
        flags=list(flags),
        void_of=void_of,
        reason=reason,
        returns=returns,
    )
    with ctx.uow.pipeline() as pipe:
        cursor = posting.send(pipe, entry)
    row = cursor.fetchone()
    if row is None:
        # The shift was closed between reading and booking: look again.
        raise TransactionRetry
    below_zero = row[-1]
    if block and below_zero:
        short = [line.sku for line in priced.lines if line.product_id in below_zero]
        raise OutOfStock(products=", ".join(dict.fromkeys(short)))
    return _booked(entry, row)


@operation(
    "sales.deliver",
    permission=Permission.SALE_DELIVER,
    raises=(RegisterNotFound, ShiftUnknown, BrokenSale, SaleConflict, NumberConflict, UnknownProduct, AlreadyVoided),
)
def deliver_sale(ctx: Context, data: DeliverSale) -> SaleOut:
    """Book a sale that an enrolled till has made, numbered, chained and paid.

    It happened, so it is booked as it is and flagged where something is odd: ``PRICE_DIFFERS``,
    ``TAX_DIFFERS``, ``PRODUCT_ARCHIVED``, ``CURRENCY_DIFFERS``, ``NEGATIVE_LINE``, ``VOID_DIFFERS`` (it is not the
    mirror of a sale of its shift), ``ALREADY_REFUNDED`` (goods of what it undoes came back before), ``DAY_DIFFERS``
    (not the shift's business day), ``CLOCK_SKEW`` (sold more than two hours in the future), ``LATE`` (its shift is
    closed), ``OLD_EPOCH``, ``CHAIN_BROKEN``, ``NEGATIVE_STOCK``. Refused is only what cannot be a record:
    contradicting figures, a hash that is not of this content, a foreign register.
    Safe to repeat: the same sale answers with what is stored, another content under its id is a conflict.
    """
    if ctx.identity.register_id != data.register_id:
        raise RegisterNotFound
    ids = list({line.product_id for line in data.lines if line.product_id is not None})
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_till_place(pipe, ctx.tenant_id, data)
        goods_cursor, taxes_cursor = queries.ask_goods(pipe, ctx.tenant_id, ids, [])
        voided_cursor = None if data.void_of is None else queries.ask_voided(pipe, ctx.tenant_id, data.void_of)
    place = queries.place_from(place_cursor)
    goods = queries.goods_from(goods_cursor)
    taxes = queries.taxes_from(taxes_cursor)
    if place is None:
        raise RegisterNotFound
    hash_ = bytes.fromhex(data.hash)
    if place.known_id is not None:
        return _stored(ctx, data.id, hash_, place.known_hash)
    check_delivered(data)
    body = body_of(data)
    series = series_name(place.prefix, data.epoch)
    if link_hash(data.prev_hash, series, data.number, body) != data.hash:
        raise BrokenSale(problem="its hash is not of this content")
    data = normalised(data)
    if place.shift_id is None:
        raise ShiftUnknown
    missing = set(ids) - {each.id for each in goods}
    if missing:
        raise UnknownProduct(product=", ".join(sorted(str(each) for each in missing)))
    if place.is_number_taken:
        raise NumberConflict
    voided = None if voided_cursor is None else voided_cursor.fetchone()
    if voided is not None and voided["is_voided"]:
        raise AlreadyVoided
    flags = reprice_flags(data, goods, taxes, currency_code=place.currency) + _odd(ctx, data, place, voided)
    tracked = {each.id for each in goods if each.track_stock}
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
        quantities=[
            (n, line.product_id, line.quantity) for n, line in enumerate(data.lines, 1) if line.product_id in tracked
        ],
        base=data.base,
        tax=data.tax,
        rounding=data.rounding,
        total=data.total,
        request_hash=hash_,
        body=body,
        flags=flags,
        void_of=data.void_of,
        reason=data.reason,
    )
    with ctx.uow.pipeline() as pipe:
        cursor = posting.send_delivered(
            pipe,
            entry,
            number=data.number,
            prev_hash=bytes.fromhex(data.prev_hash),
            hash_=hash_,
            block=place.settings.get("stock_policy") == "block",
        )
    row = cursor.fetchone()
    if row is None:
        raise RegisterNotFound
    _, receipt, _, _, flags, _, _ = row
    noted = {"cashier_id": None if data.cashier_id is None else str(data.cashier_id), "flags": flags}
    ctx.note(
        f"sale:{data.id}",
        receipt=receipt,
        total=data.total,
        moved=len(entry.quantities),
        **{name: value for name, value in noted.items() if value},
    )
    return _booked(entry, row)


def _booked(entry: posting.Posting, row: tuple[Any, ...]) -> SaleOut:
    """Return a sale as it was just written, from what was sent and what the statement answered."""
    number, receipt, prev_hash, hash_, flags, received_at, _ = row
    return SaleOut(
        id=entry.sale_id,
        kind=entry.kind,
        receipt=receipt,
        outlet_id=entry.outlet_id,
        register_id=entry.register_id,
        shift_id=entry.shift_id,
        epoch=entry.epoch,
        number=number,
        business_date=entry.business_date,
        sold_at=entry.sold_at,
        received_at=received_at,
        cashier=entry.cashier,
        currency=entry.currency,
        base=entry.base,
        tax=entry.tax,
        rounding=entry.rounding,
        total=entry.total,
        change=queries.change_of(entry.payments),
        lines=list(entry.lines),
        taxes=list(entry.taxes),
        payments=list(entry.payments),
        prev_hash=bytes(prev_hash).hex(),
        hash=bytes(hash_).hex(),
        flags=flags,
        void_of=entry.void_of,
        reason=entry.reason,
        returns=list(entry.returns),
    )


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
    raises=(SaleNotFound, CannotVoid, AlreadyVoided, AlreadyRefunded, VoidTooLate, VoidAtTill, SaleConflict),
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
    if sale.kind != "sale":
        raise CannotVoid
    if sale.voided_by is not None:
        raise AlreadyVoided
    if came_back:
        raise AlreadyRefunded
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
    booked = _book(
        ctx,
        place,
        mirrored,
        sale_id=data.id,
        kind="void",
        fingerprint=data.id.bytes + data.sale_id.bytes,
        void_of=data.sale_id,
        reason=data.reason,
        block=False,
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
    "sales.refund",
    permission=Permission.REFUND_WITH_RECEIPT,
    raises=(
        SaleNotFound,
        OutletNotFound,
        CannotRefund,
        AlreadyVoided,
        NothingToRefund,
        ReturnExceedsSold,
        TendersDiffer,
        CardExceeded,
        SaleConflict,
        TenantSuspended,
        InvalidAmount,
    ),
)
def refund_sale(ctx: Context, data: RefundSale) -> SaleOut:
    """Take goods of a sale back by its receipt, in whole, by line or by piece; never more than is left.

    Booked into the outlet's own series as a record of kind ``refund``, every figure below zero: each amount and tax is
    the share of what was charged, and all refunds of a sale together are the sale to the minor unit. The money goes
    back to what paid, cards first, unless ``tenders`` say otherwise. Safe to repeat with the same ``id``.
    """
    fingerprint = refund_hash(data)
    # Before the sale itself: what comes in between is then seen there, or by the index of returns.
    earlier = Earlier(*queries.returned_before(ctx.uow, ctx.tenant_id, data.sale_id))
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, data.sale_id)
    if sale is None or not ctx.identity.may_use_outlet(sale.outlet_id):
        raise SaleNotFound(sale=str(data.sale_id))
    outlet_id = data.outlet_id or sale.outlet_id
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_server_place(pipe, ctx.tenant_id, outlet_id, data.id)
    place = queries.place_from(place_cursor)
    if place is None or place.is_archived or not ctx.identity.may_use_outlet(outlet_id):
        raise OutletNotFound
    if place.known_id is not None:
        return _stored(ctx, data.id, fingerprint, place.known_hash)
    if place.status != "active":
        raise TenantSuspended
    if sale.kind not in REFUNDABLE:
        raise CannotRefund
    if sale.voided_by is not None:
        raise AlreadyVoided
    returns = wanted_returns(sale, earlier, data.lines)
    priced = price_refund(sale, earlier, returns, data.tenders, cash_rule(place.settings))
    moved = {n for n, _, _ in queries.goods_moved(ctx.uow, ctx.tenant_id, data.sale_id)}
    for n, each in enumerate(returns, 1):
        product_id = sale.lines[each.line_no - 1].product_id
        if each.restock and each.line_no in moved and product_id is not None:
            priced.quantities.append((n, product_id, -each.quantity))
    booked = _book(
        ctx,
        _with_shift(ctx, place, data.id),
        priced,
        sale_id=data.id,
        kind="refund",
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason,
        block=False,
        returns=returned_lines(sale, earlier, returns),
    )
    ctx.note(
        f"sale:{booked.id}",
        refund_of=str(data.sale_id),
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(priced.quantities),
    )
    return booked


@operation(
    "sales.return_goods",
    permission=Permission.REFUND_NO_RECEIPT,
    raises=(
        OutletNotFound,
        UnknownProduct,
        SaleConflict,
        TenantSuspended,
        PermissionDenied,
        ApprovalRequired,
        InvalidAmount,
        InvalidCart,
        UnsolvableTaxes,
    ),
)
def return_goods(ctx: Context, data: ReturnGoods) -> SaleOut:
    """Take goods back whose receipt is lost: at today's prices, for cash, flagged ``NO_RECEIPT`` for a person to see.

    Nothing says that they were sold here, so it needs a permission of its own. Safe to repeat with the same ``id``.
    """
    if any(line.unit_price is not None for line in data.lines):
        _require(ctx, Permission.SALE_PRICE_OVERRIDE)
    fingerprint = refund_hash(data)
    ids = [line.product_id for line in data.lines if line.product_id is not None]
    skus = [line.sku for line in data.lines if line.sku is not None]
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_server_place(pipe, ctx.tenant_id, data.outlet_id, data.id)
        goods_cursor, taxes_cursor = queries.ask_goods(pipe, ctx.tenant_id, ids, skus)
    place = queries.place_from(place_cursor)
    goods = queries.goods_from(goods_cursor)
    taxes = queries.taxes_from(taxes_cursor)
    if place is None or place.is_archived or not ctx.identity.may_use_outlet(data.outlet_id):
        raise OutletNotFound
    if place.known_id is not None:
        return _stored(ctx, data.id, fingerprint, place.known_hash)
    if place.status != "active":
        raise TenantSuspended
    priced = price_return(data, goods, taxes, currency_code=place.currency, settings=place.settings)
    booked = _book(
        ctx,
        _with_shift(ctx, place, data.id),
        priced,
        sale_id=data.id,
        kind="refund",
        fingerprint=fingerprint,
        void_of=None,
        reason=data.reason,
        block=False,
        flags=["NO_RECEIPT"],
    )
    ctx.note(
        f"sale:{booked.id}",
        receipt=booked.receipt,
        reason=data.reason,
        total=booked.total,
        moved=len(priced.quantities),
        flags=booked.flags,
    )
    return booked


REFUNDABLE = frozenset({"sale", "imported"})


@operation("sales.refundable", permission=Permission.SALE_READ, reads=True, raises=(SaleNotFound, CannotRefund))
def refundable(ctx: Context, data: GetSale) -> Refundable:
    """Say what can still come back of a sale: by line how much and what it is worth, and how much to cards."""
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, data.id)
    if sale is None or not ctx.identity.may_use_outlet(sale.outlet_id):
        raise SaleNotFound(sale=str(data.id))
    if sale.kind not in REFUNDABLE or sale.voided_by is not None:
        raise CannotRefund
    earlier = Earlier(*queries.returned_before(ctx.uow, ctx.tenant_id, data.id))
    lines = what_is_left(sale, earlier)
    return Refundable(
        sale_id=sale.id,
        receipt=sale.receipt,
        currency=sale.currency,
        lines=lines,
        amount=sum(line.amount for line in lines),
        cards=sum(cards_left(sale, earlier).values()),
    )


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
