"""Selling: from what a caller asks for to the booked record, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.core.amounts import InvalidAmount, currency
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.domain.payments.foreign import CurrencyNotTaken, RateDiffers
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.sales.booking import price_lines, price_request, request_hash
from primepos.domain.sales.errors import (
    OutletNotFound,
    OutOfStock,
    SaleConflict,
    TotalDiffers,
    UnknownProduct,
)
from primepos.domain.sales.goods_errors import AgeNotConfirmed
from primepos.domain.sales.offering import OFFER_REFUSALS, Wish, coupons_of, offer_acts
from primepos.domain.sales.packing import GOODS_REFUSALS, check_goods
from primepos.domain.sales.recording import About, at_counter, record_sale, with_shift
from primepos.domain.sales.rights import sale_acts
from primepos.domain.sales.schemas import SaleOut
from primepos.domain.sales.tendering import (
    VALUE_REFUSALS,
    find_value,
    plan_sale,
    value_acts,
    value_lines,
    with_accounts,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.pricing.errors import DiscountTooLarge, InvalidCart, InvalidTender, UnsolvableTaxes

if TYPE_CHECKING:
    from primepos.core.context import Context
    from primepos.core.permissions import Act
    from primepos.domain.sales.recording import Counter
    from primepos.domain.sales.schemas import BookSale

SALE_REFUSALS = (
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
    CurrencyNotTaken,
    RateDiffers,
    *GOODS_REFUSALS,
    AgeNotConfirmed,
    *VALUE_REFUSALS,
    *OFFER_REFUSALS,
)


def sell(
    ctx: Context, data: BookSale, *, authorised: bool = False, deposit: int = 0, at_most: int | None = None
) -> SaleOut:
    """Price and book a sale into the outlet's own series; see the operation ``sales.book``.

    ``authorised``: its prices and discounts were consented to before. ``deposit`` minor units that the customer paid
    before pay first; of more than the sale comes to only so much is used. ``at_most`` is what was promised: what the
    goods cost beyond it today is taken off the ticket.

    Raises: :data:`SALE_REFUSALS`.
    """
    fingerprint = request_hash(data)
    wish = Wish(data.customer_id, data.coupons, data.tax_mapping)
    counter = at_counter(ctx, data.outlet_id, data.id, fingerprint, data.lines, wish)
    if isinstance(counter, SaleOut):
        return counter
    place = counter.place
    about_it = f"sale:{data.id}"
    asked: list[Act] = []
    if not authorised:
        asked += sale_acts(
            data.lines,
            counter.goods,
            exponent=currency(place.currency).exponent,
            outlet_id=data.outlet_id,
            subject=about_it,
            ticket_percent=data.ticket_discount_percent,
            ticket_minor=data.ticket_discount,
        )
        asked += offer_acts(wish, outlet_id=data.outlet_id, subject=about_it)
    ctx.require_all([*asked, *value_acts(data.tenders, data.values, outlet_id=data.outlet_id, subject=about_it)])
    found = find_value(ctx, place.settings, data.tenders, data.customer_id, data.values)
    checked, flags = check_goods(
        ctx,
        data.lines,
        counter.goods,
        place,
        customer_id=data.customer_id,
        age_confirmed=data.age_confirmed,
    )
    if at_most is not None:
        data = _as_promised(data, counter, at_most)
    priced = price_request(
        data,
        counter.goods,
        counter.taxes,
        currency_code=place.currency,
        settings=place.settings,
        values=value_lines(ctx, found, data.values),
        checked=checked,
        deal=counter.deal,
        deposit=deposit,
    )
    priced = with_accounts(priced, data.tenders, found)
    if data.total is not None and data.total != priced.total:
        raise TotalDiffers(total=priced.total, given=data.total)
    place = with_shift(ctx, place, data.id)
    booked = record_sale(
        ctx,
        place,
        priced,
        sale_id=data.id,
        kind="sale",
        fingerprint=fingerprint,
        void_of=None,
        reason=None,
        block=True,
        flags=flags,
        about=About(data.customer_id, data.salesperson_id, data.note),
        value=plan_sale(ctx, place.settings, priced, found),
        coupons=coupons_of(counter.deal),
    )
    ctx.note(f"sale:{booked.id}", receipt=booked.receipt, total=booked.total, moved=len(priced.quantities))
    return booked


def _as_promised(data: BookSale, counter: Counter, at_most: int) -> BookSale:
    """Return a sale with so much more off the ticket that it comes to no more than ``at_most`` minor units."""
    today = price_lines(
        data.lines,
        counter.goods,
        counter.taxes,
        currency_code=counter.place.currency,
        settings=counter.place.settings,
        ticket_percent=data.ticket_discount_percent,
        ticket_minor=data.ticket_discount,
        deal=counter.deal,
    ).total
    if today <= at_most:
        return data
    return msgspec.structs.replace(data, ticket_discount=data.ticket_discount + today - at_most)
