"""Receipts as lines of fixed width: for screen, text file and printer alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from primepos.core.amounts import currency, divide_half_up, plain_amount
from primepos.domain.sales.chain import receipt_number
from primepos.till.inert import fit, inert, right, width, wrap

if TYPE_CHECKING:
    from primepos.domain.sales.schemas import DeliverSale, SaleLine
    from primepos.till.place import Place

NARROW, WIDE = 40, 48
TENDERS = {
    "cash": "Cash",
    "card": "Card",
    "change": "Change",
    "tip": "Tip",
    "gift_card": "Gift card",
    "store_credit": "Store credit",
    "account": "On account",
    "points": "Points",
    "deposit": "Deposit",
}
# Goes out again of what came in, so it is printed as what it is and not as a payment below zero.
_OUTGOING = frozenset({"change", "tip"})
_BANNERS = {"void": "*** VOID ***", "refund": "*** REFUND ***"}


def receipt_lines(sale: DeliverSale, place: Place, *, copy: bool = False, columns: int = NARROW) -> list[str]:
    """Return the receipt of a sale or void; ``copy`` marks a reprint. Every text from outside is made inert."""
    figures = place.figures
    lines = head(place, columns)
    if copy:
        lines.append(centre("*** COPY ***", columns))
    if sale.kind in _BANNERS:
        lines += [centre(_BANNERS[sale.kind], columns), *_centred(f"Reason: {inert(sale.reason or '')}", columns)]
    lines += [
        "",
        two(f"No. {receipt_number(place.prefix, sale.number)}", moment(sale.sold_at, place), columns),
        two(inert(place.register), f"Served by {inert(sale.cashier)}", columns),
        "-" * columns,
    ]
    tagged_sum = 0
    for line in sale.lines:
        tagged = _tagged(line, figures.currency.exponent)
        tagged_sum += tagged
        lines += _sale_line(line, tagged, place, columns)
    lines.append("-" * columns)
    on_top = sale.total - sale.rounding - tagged_sum
    if on_top or sale.rounding:
        lines.append(two("Subtotal", figures.amount(tagged_sum), columns))
    if on_top:
        lines.append(two("Tax", figures.amount(on_top), columns))
    if sale.rounding:
        lines.append(two("Rounding", figures.amount(sale.rounding), columns))
    lines.append(two(f"TOTAL {place.currency}", figures.amount(sale.total), columns))
    for payment in sale.payments:
        label = TENDERS[payment.kind] + (f" {inert(payment.reference)}" if payment.reference else "")
        amount = -payment.amount if payment.kind in _OUTGOING else payment.amount
        lines.append(two(label, figures.amount(amount), columns))
        if payment.currency is not None and payment.foreign_amount is not None and payment.rate is not None:
            foreign = plain_amount(payment.foreign_amount, currency(payment.currency).exponent)
            lines.append(f"  {foreign} {payment.currency} at {payment.rate.normalize():f}")
    if sale.taxes:
        lines.append("-" * columns)
        for tax in sale.taxes:
            lines.append(two(f"{inert(tax.name)} on {figures.amount(tax.base)}", figures.amount(tax.amount), columns))
    lines.append("-" * columns)
    if sale.note:
        lines += wrap(inert(sale.note), columns)
        lines.append("-" * columns)
    lines += _block(place.receipt_footer, columns)
    lines += _centred(f"{sale.hash[:8]} {sale.hash[8:16]}", columns)
    return lines


def moment(at: datetime, place: Place) -> str:
    """Write a moment in the shop's own time and way."""
    local = at.astimezone(ZoneInfo(place.zone))
    return plain_blanks(format_datetime(local, "short", locale=place.figures.locale))


def two(label: str, value: str, columns: int) -> str:
    """Return a line with a label on the left and a figure flush right; the label gives way."""
    room = max(columns - width(value) - 1, 0)
    head = fit(label, room)
    return head + right(value, columns - width(head))


def head(place: Place, columns: int) -> list[str]:
    """Return what stands above everything that is printed: shop, outlet, address, the shop's own lines."""
    lines = _centred(inert(place.shop), columns)
    if place.outlet != place.shop:
        lines += _centred(inert(place.outlet), columns)
    return [*lines, *_block(place.address, columns), *_block(place.receipt_header, columns)]


def _block(text: str, columns: int) -> list[str]:
    return [each for line in text.splitlines() for each in _centred(inert(line), columns)]


def _sale_line(line: SaleLine, tagged: int, place: Place, columns: int) -> list[str]:
    figures = place.figures
    named = f"{line.name} ({line.unit})" if line.unit else line.name
    name = wrap(inert(named), columns - 12) or [inert(line.sku)]
    lines = [two(name[0], figures.amount(tagged), columns), *name[1:3]]
    if line.quantity != 1 or line.discount:
        lines.append(f"  {figures.quantity(line.quantity)} x {figures.price(line.unit_price)}")
    if line.discount:
        lines[-1] = two(lines[-1], "", columns).rstrip() + f"  less {figures.amount(line.discount)}"
    lines += [f"  {each}" for text in (line.lot, line.note) if text for each in wrap(inert(text), columns - 2)]
    return lines


def _tagged(line: SaleLine, exponent: int) -> int:
    """What the line costs by its price tag, discounts off, in minor units: what a customer can check by hand."""
    top, bottom = (line.quantity * line.unit_price * Decimal(10) ** exponent).as_integer_ratio()
    return divide_half_up(top, bottom) - line.discount


def centre(text: str, columns: int) -> str:
    """Return a line with its text in the middle, cut to the width."""
    cut = fit(text, columns)
    return " " * ((columns - width(cut)) // 2) + cut


def _centred(text: str, columns: int) -> list[str]:
    return [centre(each, columns) for each in wrap(text, columns)]


def plain_blanks(text: str) -> str:
    """Return a text with the blanks and marks that printers do not know made plain."""
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u200e", "").replace("\u200f", "")
