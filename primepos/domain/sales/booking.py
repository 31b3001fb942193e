"""From what a caller asks for to what is booked: prices, discounts, taxes and tenders worked out before the database.

Pure apart from its inputs: the same cart, catalogue and rules give the same posting, to the byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.core.amounts import currency, parse_quantity, parse_tax_amount, parse_unit_price
from primepos.core.clock import is_plausible
from primepos.core.errors import InvalidInput
from primepos.domain.payments.foreign import RateDiffers, converted, rate_of
from primepos.domain.payments.settlement import cash_rule, settle_sale
from primepos.domain.sales.chain import MILLIONTH, TEN_THOUSANDTH, THOUSANDTH
from primepos.domain.sales.errors import BrokenSale
from primepos.domain.sales.offering import offer_flags, with_offer
from primepos.domain.sales.packing import catalogue_price, details_of, find_goods, moved_by
from primepos.domain.sales.schemas import BookSale, DeliverSale, LineTax, SaleLine, SaleOut, SalePayment, SaleTax
from primepos.pricing.cart import Cart, CartLine, PricedCart, price_cart
from primepos.pricing.rounding import cash_rounding
from primepos.pricing.tender import Tender

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from primepos.domain.sales.offering import Deal
    from primepos.domain.sales.queries import Goods
    from primepos.domain.sales.schemas import (
        ExchangeGoods,
        LineDetails,
        PayAccount,
        PaySale,
        RefundSale,
        ReturnGoods,
        ReturnLine,
        SellLine,
        TenderIn,
    )
    from primepos.pricing.offers import Offered
    from primepos.pricing.rounding import CashRule
    from primepos.pricing.taxes import TaxRule

TEN_BILLIONTH = Decimal("0.0000000001")
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class Priced:
    """A cart worked out: what the sale's rows will hold, and which goods move."""

    lines: list[SaleLine]
    taxes: list[SaleTax]
    payments: list[SalePayment]
    quantities: list[tuple[int, UUID, Decimal]]
    base: int
    tax: int
    rounding: int
    total: int
    value: int = 0


# Fields that requests did not have at first: left out of the fingerprint while they say nothing, so that a call is
# known again by a release that has more of them.
_LATER: dict[str, dict[str, Any]] = {
    "": {
        "tip": 0,
        "customer_id": None,
        "salesperson_id": None,
        "note": "",
        "values": [],
        "age_confirmed": False,
        "coupons": [],
        "tax_mapping": None,
    },
    "lines": {"note": "", "unit": "", "lot": ""},
    "tenders": {"code": None, "account_id": None, "authorisation_id": None, "currency": None, "foreign_amount": None},
}


def request_hash(data: BookSale | RefundSale | ReturnGoods | ExchangeGoods | PaySale | PayAccount) -> bytes:
    """Return the fingerprint of a request: the same call again gives the same, any other a different one."""
    said = msgspec.to_builtins(data)
    for part, later in _LATER.items():
        for each in [said] if not part else said.get(part, ()):
            for name, nothing in later.items():
                if name in each and each[name] == nothing:
                    del each[name]
    return hashlib.sha256(_encode(said)).digest()


def price_request(
    data: BookSale,
    goods: Sequence[Goods],
    taxes: Mapping[UUID, tuple[TaxRule, ...]],
    *,
    currency_code: str,
    settings: Mapping[str, Any],
    values: Sequence[SaleLine] = (),
    checked: str = "",
    deal: Deal | None = None,
    deposit: int = 0,
) -> Priced:
    """Price what a caller asks for with the catalogue's prices and the tenant's rules, and settle its tenders.

    ``values`` are the lines that sell value, beside the goods; ``checked`` says who saw to what the goods require.
    A ``deposit`` in minor units pays first, as far as it is needed.

    Raises:
        UnknownProduct, NotPaid, and the pricing engine's own refusals.
    """
    unpaid = price_lines(
        data.lines,
        goods,
        taxes,
        currency_code=currency_code,
        settings=settings,
        ticket_percent=data.ticket_discount_percent,
        ticket_minor=data.ticket_discount,
        checked=checked,
        deal=deal,
    )
    if values:
        owed = sum(line.total for line in values)
        unpaid = replace(unpaid, lines=[*unpaid.lines, *values], value=owed, total=unpaid.total + owed)
    used = min(deposit, unpaid.total)
    due = unpaid.total + data.tip - used
    payments, rounding = settled_payments(due, data.tenders, cash_rule(settings))
    payments = [
        foreign_payment(each, tender, currency_code, settings) for each, tender in zip_longest(payments, data.tenders)
    ]
    if data.tip:
        payments.append(SalePayment(kind="tip", amount=-data.tip))
    if used:
        payments.append(SalePayment(kind="deposit", amount=used))
    return replace(unpaid, payments=payments, rounding=rounding, total=unpaid.total + rounding)


def foreign_payment(
    payment: SalePayment, tender: TenderIn | None, own: str, settings: Mapping[str, Any]
) -> SalePayment:
    """Return a payment that says which foreign money came in and at what rate; others as they are.

    Raises:
        CurrencyNotTaken, RateDiffers: see :mod:`primepos.domain.payments.foreign`.
    """
    if tender is None or tender.currency is None or tender.foreign_amount is None:
        return payment
    rate = rate_of(settings, tender.currency)
    expected = converted(tender.foreign_amount, tender.currency, rate=rate, own=own)
    if expected != payment.amount:
        raise RateDiffers(rate=f"{rate.normalize():f}", expected=expected, given=payment.amount)
    return msgspec.structs.replace(
        payment, currency=tender.currency, foreign_amount=tender.foreign_amount, rate=rate.quantize(TEN_BILLIONTH)
    )


def price_lines(
    lines: Sequence[SellLine | ReturnLine],
    goods: Sequence[Goods],
    taxes: Mapping[UUID, tuple[TaxRule, ...]],
    *,
    currency_code: str,
    settings: Mapping[str, Any],
    ticket_percent: Decimal = Decimal(0),
    ticket_minor: int = 0,
    checked: str = "",
    deal: Deal | None = None,
) -> Priced:
    """Price lines with the catalogue's prices and the tenant's rules; nothing is paid or rounded to coins yet.

    With a ``deal`` list prices, promotions, coupons and the customer's taxes count as well.

    Raises:
        UnknownProduct, and the pricing engine's own refusals.
    """
    found = find_goods(lines, goods)
    cart_lines = _cart_lines(lines, found, taxes)
    offered: Sequence[Offered] = ()
    if deal is not None:
        by_id = {each.id: each.unit_price for each in goods}
        prices = [(each.unit_price, by_id[each.id]) for each in found]
        offered = deal.applied(lines, found, taxes, prices, exponent=currency(currency_code).exponent).lines
        cart_lines = [each.line for each in offered]
    priced = price_cart(
        Cart(
            tuple(cart_lines),
            exponent=currency(currency_code).exponent,
            rounding=settings.get("tax_rounding", "per_line"),
            ticket_discount_percent=ticket_percent,
            ticket_discount_minor=ticket_minor,
        )
    )
    details = [details_of(product, checked) for product in found]
    if deal is not None:
        details = [
            with_offer(known, deal.details(why, product, line))
            for known, why, product, line in zip(details, offered, found, priced.lines, strict=True)
        ]
    return Priced(
        lines=_lines(priced, found, lines, details),
        taxes=_taxes(priced),
        payments=[],
        quantities=[
            each
            for n, (line, product) in enumerate(zip(priced.lines, found, strict=True), 1)
            for each in moved_by(n, product, line.line.quantity)
        ],
        base=priced.base,
        tax=priced.tax,
        rounding=0,
        total=priced.total,
    )


def settled_payments(due: int, tenders: Sequence[TenderIn], rule: CashRule | None) -> tuple[list[SalePayment], int]:
    """Return the payments that settle ``due``, change as a row of its own, and what was rounded to coins.

    Raises:
        NotPaid, InvalidTender: see :func:`primepos.domain.payments.settlement.settle_sale`.
    """
    settled = settle_sale(due, [Tender(each.kind, each.amount) for each in tenders], rule)
    payments = [SalePayment(kind=t.kind, amount=t.amount, reference=t.reference) for t in tenders]
    if settled.change:
        payments.append(SalePayment(kind="change", amount=-settled.change))
    return payments, settled.rounding


def price_return(
    data: ReturnGoods,
    goods: Sequence[Goods],
    taxes: Mapping[UUID, tuple[TaxRule, ...]],
    *,
    currency_code: str,
    settings: Mapping[str, Any],
) -> Priced:
    """Price goods that come back without a receipt as if they were sold now, and turn every figure round.

    All of it is paid back in cash. Goods that cannot be sold again do not move.

    Raises:
        UnknownProduct, and the pricing engine's own refusals.
    """
    sold = price_lines(data.lines, goods, taxes, currency_code=currency_code, settings=settings)
    rule = cash_rule(settings)
    rounding = 0 if rule is None else cash_rounding(sold.total, rule)
    total = sold.total + rounding
    cash = [SalePayment(kind="cash", amount=total)] if total else []
    back = negated(replace(sold, payments=cash, rounding=rounding, total=total))
    back.quantities.extend(
        (n, product, -quantity) for n, product, quantity in sold.quantities if data.lines[n - 1].restock
    )
    return back


def _cart_lines(
    lines: Sequence[SellLine | ReturnLine], found: Sequence[Goods], taxes: Mapping[UUID, tuple[TaxRule, ...]]
) -> list[CartLine]:
    """Return lines at the catalogue's prices, or at those that a person has typed."""
    cart_lines = []
    for line, product in zip(lines, found, strict=True):
        quantity = parse_quantity(line.quantity)
        if quantity <= 0:
            raise InvalidInput("a quantity must be above zero; goods come back by a refund")
        price = product.unit_price if line.unit_price is None else parse_unit_price(line.unit_price)
        if price < 0:
            raise InvalidInput("a price must not be below zero; money goes back by a refund")
        cart_lines.append(
            CartLine(price, quantity, taxes.get(product.tax_class_id, ()), line.discount_percent, line.discount)
        )
    return cart_lines


def _lines(
    priced: PricedCart,
    goods: Sequence[Goods],
    asked: Sequence[SellLine | ReturnLine],
    details: Sequence[LineDetails | None],
) -> list[SaleLine]:
    return [
        SaleLine(
            product_id=product.id,
            sku=product.sku,
            name=product.name,
            quantity=each.line.quantity.quantize(THOUSANDTH),
            unit_price=each.line.unit_price.quantize(TEN_THOUSANDTH),
            discount=each.discount,
            base=each.base,
            tax=each.total - each.base,
            total=each.total,
            taxes=[
                LineTax(code=rule.id, rate=rule.amount, amount=amount)
                for rule, amount in zip(each.line.taxes, each.taxes, strict=True)
            ],
            unit=product.unit,
            factor=product.factor.quantize(THOUSANDTH),
            lot=line.lot,
            note=line.note,
            details=why,
        )
        for each, product, line, why in zip(priced.lines, goods, asked, details, strict=True)
    ]


def _taxes(priced: PricedCart) -> list[SaleTax]:
    return [
        SaleTax(code=each.rule.id, name=each.rule.name, rate=each.rule.amount, base=each.base, amount=each.amount)
        for each in priced.taxes
    ]


def negated(sale: SaleOut | Priced) -> Priced:
    """Return the mirror of a booked sale, to the minor unit: what its void books. Goods are added by the caller."""
    return Priced(
        lines=[
            msgspec.structs.replace(
                line,
                quantity=-line.quantity,
                discount=-line.discount,
                base=-line.base,
                tax=-line.tax,
                total=-line.total,
                taxes=[msgspec.structs.replace(each, amount=-each.amount) for each in line.taxes],
            )
            for line in sale.lines
        ],
        taxes=[msgspec.structs.replace(each, base=-each.base, amount=-each.amount) for each in sale.taxes],
        payments=[negated_payment(each) for each in sale.payments],
        quantities=[],
        base=-sale.base,
        tax=-sale.tax,
        rounding=-sale.rounding,
        total=-sale.total,
        value=-sale.value,
    )


def sums_of(lines: Iterable[SaleLine]) -> tuple[int, int, int]:
    """Return base, tax and value of lines in minor units: what is earned, what is owed to the state, what to others."""
    base = tax = value = 0
    for line in lines:
        if line.kind == "goods":
            base += line.base
            tax += line.tax
        else:
            value += line.total
    return base, tax, value


def negated_payment(payment: SalePayment) -> SalePayment:
    """Return a payment the other way round."""
    foreign = None if payment.foreign_amount is None else -payment.foreign_amount
    return msgspec.structs.replace(payment, amount=-payment.amount, foreign_amount=foreign)


def is_mirror(void: DeliverSale, sale: Mapping[str, Any] | None) -> bool:
    """Tell whether a till's void undoes a sale of its own register and shift, to the minor unit."""
    return sale is not None and (
        sale["kind"] == "sale"
        and (sale["register_id"], sale["shift_id"]) == (void.register_id, void.shift_id)
        and (sale["base"], sale["tax"], sale["rounding"], sale["value"], sale["total"])
        == (-void.base, -void.tax, -void.rounding, -void.value, -void.total)
    )


def check_delivered(sale: DeliverSale) -> None:
    """Refuse a delivered sale whose figures contradict each other: such a record could never be audited.

    Raises:
        BrokenSale: naming the first contradiction.
    """

    def must(holds: bool, problem: str) -> None:
        if not holds:
            raise BrokenSale(problem=problem)

    must(is_plausible(sale.sold_at) and is_plausible(sale.business_date), "its day is outside the calendar")
    for n, line in enumerate(sale.lines, 1):
        must(line.base + line.tax == line.total, f"line {n}: base and tax are not its total")
        must(sum(each.amount for each in line.taxes) == line.tax, f"line {n}: its taxes are not its tax")
        parse_quantity(line.quantity)
        parse_unit_price(line.unit_price)
        must(parse_quantity(line.factor) > 0, f"line {n}: its pack holds nothing")
        for each in line.taxes:
            parse_tax_amount(each.rate)
        must(
            line.kind == "goods" or not (line.tax or line.product_id),
            f"line {n}: value bears no tax and is no product",
        )
    for tax in sale.taxes:
        parse_tax_amount(tax.rate)
    goods = sum(line.base for line in sale.lines if line.kind == "goods")
    must(goods == sale.base, "the lines' base is not the sale's")
    must(
        sum(line.total for line in sale.lines if line.kind != "goods") == sale.value, "the value sold is not the sale's"
    )
    must(sum(line.tax for line in sale.lines) == sale.tax, "the lines' tax is not the sale's")
    must(sum(each.amount for each in sale.taxes) == sale.tax, "the taxes are not the sale's tax")
    must(
        sale.base + sale.tax + sale.rounding + sale.value == sale.total,
        "base, tax, rounding and value are not the total",
    )
    must(sum(each.amount for each in sale.payments) == sale.total, "the payments are not the total")
    must(all(each.amount for each in sale.payments), "a payment of zero")
    must((sale.kind == "void") == (sale.void_of is not None), "a void names what it undoes, and only a void does")
    must(not (sale.returns and sale.kind == "void"), "a void takes back what it undoes and nothing else")
    for returned in sale.returns:
        n = returned.line_no
        must(n <= len(sale.lines), f"it has no line {n} to take back")
        must(sale.lines[n - 1].quantity == -returned.quantity < 0, f"line {n} takes back other goods")
    back = [returned.line_no for returned in sale.returns]
    must(len(set(back)) == len(back), "a line takes back two")


def normalised(sale: DeliverSale) -> DeliverSale:
    """Return a checked sale as the database will give it back: fixed places, UTC; so a replay is the same bytes."""
    return msgspec.structs.replace(
        sale,
        sold_at=sale.sold_at.astimezone(UTC),
        lines=[
            msgspec.structs.replace(
                line,
                quantity=line.quantity.quantize(THOUSANDTH),
                unit_price=line.unit_price.quantize(TEN_THOUSANDTH),
                factor=line.factor.quantize(THOUSANDTH),
                taxes=[msgspec.structs.replace(each, rate=each.rate.quantize(MILLIONTH)) for each in line.taxes],
            )
            for line in sale.lines
        ],
        taxes=[msgspec.structs.replace(each, rate=each.rate.quantize(MILLIONTH)) for each in sale.taxes],
    )


def reprice_flags(
    sale: DeliverSale,
    goods: Sequence[Goods],
    taxes: Mapping[UUID, tuple[TaxRule, ...]],
    *,
    currency_code: str,
    deal: Deal | None = None,
) -> list[str]:
    """Return what a person should look at: the server works the sale out again and flags, it never rewrites.

    With a ``deal`` prices and taxes are held against the offers of that moment, see
    :func:`primepos.domain.sales.offering.offer_flags`.

    ``PRICE_DIFFERS``: a unit price is not the catalogue's of this moment. ``TAX_DIFFERS``: other taxes than the
    product's class bears now. ``PRODUCT_ARCHIVED``: it is sold no more. ``NEGATIVE_LINE``: a sale that takes goods
    back or pays money out. ``CURRENCY_DIFFERS``.
    """
    flags = set()
    if sale.currency != currency_code:
        flags.add("CURRENCY_DIFFERS")
    by_id = {each.id: each for each in goods}
    if sale.kind == "sale":
        for line in sale.lines:
            if line.quantity <= 0 or line.unit_price < 0:
                flags.add("NEGATIVE_LINE")
            if line.product_id is None:
                continue
            product = by_id[line.product_id]
            if product.is_archived:
                flags.add("PRODUCT_ARCHIVED")
            if deal is not None:
                continue
            if line.unit_price != catalogue_price(line, product):
                flags.add("PRICE_DIFFERS")
            rules = taxes.get(product.tax_class_id, ())
            if [(each.code, each.rate) for each in line.taxes] != [(rule.id, rule.amount) for rule in rules]:
                flags.add("TAX_DIFFERS")
    if deal is not None and sale.kind == "sale" and "CURRENCY_DIFFERS" not in flags:
        flags |= set(offer_flags(deal, sale, goods, taxes))
    return sorted(flags)
