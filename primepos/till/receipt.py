"""Receipts and shift reports as lines of fixed width: for screen, text file and printer alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from primepos.core.amounts import divide_half_up
from primepos.domain.sales.chain import receipt_number
from primepos.till.inert import fit, inert, right, width, wrap

if TYPE_CHECKING:
    from primepos.domain.cash.schemas import ShiftFigures
    from primepos.domain.sales.schemas import DeliverSale, SaleLine
    from primepos.till.place import Place

NARROW, WIDE = 40, 48
_TENDERS = {"cash": "Cash", "card": "Card", "change": "Change"}


def receipt_lines(sale: DeliverSale, place: Place, *, copy: bool = False, columns: int = NARROW) -> list[str]:
    """Return the receipt of a sale or void; ``copy`` marks a reprint. Every text from outside is made inert."""
    figures = place.figures
    lines = _head(place, columns)
    if copy:
        lines.append(_centre("*** COPY ***", columns))
    if sale.kind == "void":
        lines += [_centre("*** VOID ***", columns), *_centred(f"Reason: {inert(sale.reason or '')}", columns)]
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
        label = _TENDERS[payment.kind] + (f" {inert(payment.reference)}" if payment.reference else "")
        amount = -payment.amount if payment.kind == "change" else payment.amount
        lines.append(two(label, figures.amount(amount), columns))
    if sale.taxes:
        lines.append("-" * columns)
        for tax in sale.taxes:
            lines.append(two(f"{inert(tax.name)} on {figures.amount(tax.base)}", figures.amount(tax.amount), columns))
    lines.append("-" * columns)
    lines += _block(place.receipt_footer, columns)
    lines += _centred(f"{sale.hash[:8]} {sale.hash[8:16]}", columns)
    return lines


def report_lines(figures: ShiftFigures, place: Place, *, unsent: int = 0, columns: int = NARROW) -> list[str]:
    """Return an X report of an open shift or the Z report of a closed one; ``unsent`` sales are named on it."""
    write = place.figures
    shift = figures.shift
    closed = shift.closed_at is not None
    final = f"Z REPORT {shift.z_number}" if shift.z_number else "Z REPORT (to be numbered)"
    title = final if closed else "X REPORT"
    lines = [*_head(place, columns), "", _centre(title, columns), ""]
    day = format_date(shift.business_date, "medium", locale=write.locale)
    lines += [two(inert(place.register), _blanks(day), columns)]
    lines.append(two("Opened", f"{moment(shift.opened_at, place)}  {inert(shift.opened_by)}", columns))
    if shift.closed_at is not None:
        lines.append(two("Closed", f"{moment(shift.closed_at, place)}  {inert(shift.closed_by or '')}", columns))
    lines.append("-" * columns)
    lines.append(two("Sales", str(figures.sales), columns))
    if figures.voids:
        lines.append(two("Voids", str(figures.voids), columns))
    if figures.first_receipt is not None:
        lines += _span(str(figures.first_receipt), str(figures.last_receipt), columns)
    lines.append("-" * columns)
    if figures.base is not None:
        lines.append(two("Net", write.amount(figures.base), columns))
    for each in figures.taxes:
        lines.append(two(f"{inert(each.name)} on {write.amount(each.base)}", write.amount(each.amount), columns))
    if figures.rounding:
        lines.append(two("Rounding", write.amount(figures.rounding), columns))
    if figures.total is not None:
        lines.append(two(f"TOTAL {inert(figures.currency)}", write.amount(figures.total), columns))
        lines.append("-" * columns)
    lines += [
        two(f"{_TENDERS.get(each.kind, inert(each.kind))} ({each.count})", write.amount(each.amount), columns)
        for each in figures.tenders
    ]
    lines.append(two("Float", write.amount(shift.opening_float), columns))
    for label, figure in (("Expected", shift.expected), ("Counted", shift.counted), ("Difference", shift.difference)):
        if figure is not None:
            lines.append(two(label, write.amount(figure), columns))
    if figures.late:
        lines.append(two("Delivered late", str(figures.late), columns))
    if unsent:
        lines.append(two("Not sent yet", str(unsent), columns))
    return lines


def _span(first: str, last: str, columns: int) -> list[str]:
    """Return the receipts of a shift on one line, or on two where their numbers are long."""
    span = f"{first} to {last}"
    if width(f"Receipts {span}") <= columns:
        return [two("Receipts", span, columns)]
    return [two("First receipt", first, columns), two("Last receipt", last, columns)]


def moment(at: datetime, place: Place) -> str:
    """Write a moment in the shop's own time and way."""
    local = at.astimezone(ZoneInfo(place.zone))
    return _blanks(format_datetime(local, "short", locale=place.figures.locale))


def two(label: str, value: str, columns: int) -> str:
    """Return a line with a label on the left and a figure flush right; the label gives way."""
    room = max(columns - width(value) - 1, 0)
    head = fit(label, room)
    return head + right(value, columns - width(head))


def _head(place: Place, columns: int) -> list[str]:
    lines = _centred(inert(place.shop), columns)
    if place.outlet != place.shop:
        lines += _centred(inert(place.outlet), columns)
    return [*lines, *_block(place.address, columns), *_block(place.receipt_header, columns)]


def _block(text: str, columns: int) -> list[str]:
    return [each for line in text.splitlines() for each in _centred(inert(line), columns)]


def _sale_line(line: SaleLine, tagged: int, place: Place, columns: int) -> list[str]:
    figures = place.figures
    name = wrap(inert(line.name), columns - 12) or [inert(line.sku)]
    lines = [two(name[0], figures.amount(tagged), columns), *name[1:3]]
    if line.quantity != 1 or line.discount:
        lines.append(f"  {figures.quantity(line.quantity)} x {figures.price(line.unit_price)}")
    if line.discount:
        lines[-1] = two(lines[-1], "", columns).rstrip() + f"  less {figures.amount(line.discount)}"
    return lines


def _tagged(line: SaleLine, exponent: int) -> int:
    """What the line costs by its price tag, discounts off, in minor units: what a customer can check by hand."""
    top, bottom = (line.quantity * line.unit_price * Decimal(10) ** exponent).as_integer_ratio()
    return divide_half_up(top, bottom) - line.discount


def _centre(text: str, columns: int) -> str:
    cut = fit(text, columns)
    return " " * ((columns - width(cut)) // 2) + cut


def _centred(text: str, columns: int) -> list[str]:
    return [_centre(each, columns) for each in wrap(text, columns)]


def _blanks(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ").replace("\u200e", "").replace("\u200f", "")
