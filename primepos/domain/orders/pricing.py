"""What an order comes to, and what is booked for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.core.amounts import currency
from primepos.core.ids import new_id
from primepos.domain.orders.schemas import PayDeposit
from primepos.domain.payments.settlement import cash_rule
from primepos.domain.sales.booking import Priced, price_lines, settled_payments
from primepos.domain.sales.chain import TEN_THOUSANDTH, THOUSANDTH
from primepos.domain.sales.offering import Wish
from primepos.domain.sales.recording import About, at_counter
from primepos.domain.sales.rights import sale_acts
from primepos.domain.sales.schemas import BookSale, SaleLine, SaleOut, SalePayment

_ONE = Decimal(1)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Context
    from primepos.domain.orders.schemas import ReturnDeposit, SaveOrder, SellOrder, TicketOut
    from primepos.domain.sales.schemas import SellLine


def priced_order(ctx: Context, data: SaveOrder) -> tuple[list[SellLine], int, str]:
    """Return the lines as they are kept, what they come to today in minor units, and the currency.

    A quote's lines keep today's unit prices. Prices and discounts are consented to here.

    Raises: what selling the same lines would be refused with.
    """
    wish = Wish(data.customer_id)
    # No sale has this id: it asks for the place and the goods as a sale does.
    counter = at_counter(ctx, data.outlet_id, new_id(), b"", data.lines, wish)
    assert not isinstance(counter, SaleOut), "an id just made names no sale"  # noqa: S101 - narrows the type
    place = counter.place
    ctx.require_all(
        sale_acts(
            data.lines,
            counter.goods,
            exponent=currency(place.currency).exponent,
            outlet_id=data.outlet_id,
            subject=f"order:{data.id}",
            ticket_percent=data.ticket_discount_percent,
            ticket_minor=data.ticket_discount,
        )
    )
    priced = price_lines(
        data.lines,
        counter.goods,
        counter.taxes,
        currency_code=place.currency,
        settings=place.settings,
        ticket_percent=data.ticket_discount_percent,
        ticket_minor=data.ticket_discount,
        deal=counter.deal,
    )
    lines = list(data.lines)
    if data.kind == "quote":
        lines = [
            msgspec.structs.replace(line, unit_price=each.unit_price)
            for line, each in zip(lines, priced.lines, strict=True)
        ]
    return lines, priced.total, place.currency


def ordered_sale(order: TicketOut, data: SellOrder) -> BookSale:
    """Return the sale that an order becomes."""
    return BookSale(
        id=data.sale_id,
        outlet_id=order.outlet_id,
        lines=order.lines,
        tenders=data.tenders,
        ticket_discount_percent=order.ticket_discount_percent,
        ticket_discount=order.ticket_discount,
        customer_id=order.customer_id,
        note=order.note,
        age_confirmed=data.age_confirmed,
    )


def deposit_record(
    row: Mapping[str, Any], change: int, data: PayDeposit | ReturnDeposit, settings: Mapping[str, Any]
) -> tuple[Priced, About]:
    """Return the record of a deposit that is paid (above zero) or given back: one line without tax or revenue.

    Raises:
        NotPaid, InvalidTender: the tenders do not pay it.
    """
    sign = 1 if change > 0 else -1
    exponent = currency(row["currency"]).exponent
    line = SaleLine(
        product_id=None,
        sku=f"ORDER-{row['number']}",
        name="Deposit",
        quantity=(sign * _ONE).quantize(THOUSANDTH),
        unit_price=(abs(change) * _ONE).scaleb(-exponent).quantize(TEN_THOUSANDTH),
        discount=0,
        base=change,
        tax=0,
        total=change,
        taxes=[],
        kind="deposit",
    )
    if isinstance(data, PayDeposit):
        payments, rounding = settled_payments(change, data.tenders, cash_rule(settings))
    else:
        payments, rounding = [SalePayment(kind=data.to, amount=change)], 0
    priced = Priced(
        lines=[line],
        taxes=[],
        payments=payments,
        quantities=[],
        base=0,
        tax=0,
        rounding=rounding,
        total=change + rounding,
        value=change,
    )
    return priced, About(row["customer_id"])
