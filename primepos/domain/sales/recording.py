"""Writing one sale of any kind into an outlet's own series: what booking, voiding and taking goods back share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.core.clock import business_date, utc_text
from primepos.core.db import TransactionRetry
from primepos.domain.cash.closing import roll_server_shift
from primepos.domain.inventory.ledger import skus
from primepos.domain.inventory.lot_errors import LotNotHere
from primepos.domain.sales import posting, queries
from primepos.domain.sales.chain import body_hash, series_name
from primepos.domain.sales.errors import OutletNotFound, OutOfStock, SaleConflict, SaleNotFound
from primepos.domain.sales.offering import (
    NO_COUPONS,
    NO_WISH,
    CouponPart,
    Wish,
    ask_coupons,
    ask_early,
    deal_of,
    keep_coupons,
    require_coupons,
)
from primepos.domain.sales.packing import send_lots
from primepos.domain.sales.schemas import SaleOut
from primepos.domain.sales.tendering import NO_VALUE, ValuePart, ask_value, require_value
from primepos.domain.tenancy.errors import TenantSuspended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context
    from primepos.domain.sales.booking import Priced
    from primepos.domain.sales.offering import Deal
    from primepos.domain.sales.schemas import ReturnedLine, ReturnLine, SellLine
    from primepos.pricing.taxes import TaxRule


@dataclass(frozen=True, slots=True)
class About:
    """What a record says beside goods and money: whose it is, who sold it, a note."""

    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: str = ""


NOBODY = About()


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a record is booked, and what the catalogue says of its goods at this moment."""

    place: queries.Place
    goods: list[queries.Goods]
    taxes: dict[UUID, tuple[TaxRule, ...]]
    deal: Deal | None = None


def at_counter(
    ctx: Context,
    outlet_id: UUID,
    sale_id: UUID,
    fingerprint: bytes,
    lines: Sequence[SellLine | ReturnLine] = (),
    wish: Wish = NO_WISH,
) -> Counter | SaleOut:
    """Return the outlet's own register with the goods of ``lines``, or what a repeated call is answered with.

    One round trip: one statement, two more where there are lines, and one more for the offers of a shop that has some.

    Raises:
        OutletNotFound: there is none, it is archived, or the caller does not work there.
        SaleConflict: another record was booked under this id. TenantSuspended: nothing new is booked.
    """
    with ctx.uow.pipeline() as pipe:
        place_cursor = queries.ask_server_place(pipe, ctx.tenant_id, outlet_id, sale_id)
        if lines:
            ids = [line.product_id for line in lines if line.product_id is not None]
            skus = [line.sku for line in lines if line.sku is not None]
            goods_cursor, taxes_cursor = queries.ask_goods(
                pipe,
                ctx.tenant_id,
                ids,
                skus,
                packs=any(line.unit for line in lines),
                lots=[line.lot for line in lines if line.lot],
            )
        offers_cursor = ask_early(pipe, ctx, outlet_id, lines, wish)
    place = queries.place_from(place_cursor)
    if place is None or place.is_archived or not ctx.identity.may_use_outlet(outlet_id):
        raise OutletNotFound
    if place.known_id is not None:
        return stored_sale(ctx, sale_id, fingerprint, place.known_hash)
    if place.status != "active":
        raise TenantSuspended
    if not lines:
        return Counter(place, [], {})
    deal = deal_of(ctx, place, lines, wish, offers_cursor)
    return Counter(place, queries.goods_from(goods_cursor), queries.taxes_from(taxes_cursor), deal)


def with_shift(ctx: Context, place: queries.Place, sale_id: UUID) -> queries.Place:
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


def stored_sale(ctx: Context, sale_id: UUID, fingerprint: bytes, known: bytes | None) -> SaleOut:
    """Answer a repeated call with what was booked; replay is a read."""
    if known is None or bytes(known) != fingerprint:
        raise SaleConflict(sale=str(sale_id))
    found = queries.read_sale(ctx.uow, ctx.tenant_id, sale_id)
    if found is None:
        raise SaleNotFound(sale=str(sale_id))
    ctx.note(f"sale:{sale_id}", replayed=True)
    return found


def record_sale(
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
    about: About = NOBODY,
    value: ValuePart = NO_VALUE,
    coupons: CouponPart = NO_COUPONS,
) -> SaleOut:
    """Write a priced sale into the outlet's own series and return it as stored.

    Raises:
        OutOfStock, LotNotHere, CouponRefused, and what the value ledger refuses, see
            :func:`primepos.domain.values.ledger.require_moved`.
    """
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
        value=priced.value,
        customer_id=about.customer_id,
        salesperson_id=about.salesperson_id,
        note=about.note,
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
        value=priced.value,
        customer_id=about.customer_id,
        salesperson_id=about.salesperson_id,
        note=about.note,
        policy=place.stock_policy,
    )
    with ctx.uow.pipeline() as pipe:
        moving = ask_value(pipe, ctx, value, sale_id=sale_id, day=place.business_date)
        taken = ask_coupons(pipe, coupons, entry)
        lots = send_lots(pipe, entry)
        cursor = posting.send(pipe, entry)
        keep_coupons(pipe, coupons, entry)
    require_value(ctx, value, moving, place.business_date)
    require_coupons(coupons, taken)
    if lots is not None and (missing := lots.missing()):
        raise LotNotHere(lots=", ".join(missing))
    row = cursor.fetchone()
    if row is None:
        # The shift was closed between reading and booking: look again.
        raise TransactionRetry
    blocked = row[-1]
    if block and blocked:
        raise OutOfStock(products=skus(ctx, blocked))
    if row[4]:
        ctx.audit.data["flags"] = row[4]
    return booked_sale(entry, row)


def booked_sale(entry: posting.Posting, row: tuple[Any, ...]) -> SaleOut:
    """Return a sale as it was just written, from what was sent and what the statement answered."""
    number, receipt, prev_hash, hash_, flags, received_at, *_ = row
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
        value=entry.value,
        customer_id=entry.customer_id,
        salesperson_id=entry.salesperson_id,
        note=entry.note,
    )
