"""X and Z reports as lines of fixed width: for screen, text file and printer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from babel.dates import format_date

from primepos.core.amounts import currency as currency_of
from primepos.core.amounts import plain_amount
from primepos.till.inert import inert, width, wrap
from primepos.till.receipt import NARROW, TENDERS, centre, head, moment, plain_blanks, two

if TYPE_CHECKING:
    from primepos.domain.cash.schemas import MovementFigure, ShiftFigures, Supplement, TenderFigure
    from primepos.till.place import Place

_MOVED: Final = {
    "paid_in": "Paid in",
    "paid_out": "Paid out",
    "drop": "To the safe",
    "loan": "From the safe",
    "pickup": "Taken away",
}
_DECISIONS: Final = {None: "proposed", True: "confirmed", False: "refused"}


def report_lines(
    figures: ShiftFigures, place: Place, *, unsent: int = 0, copy: bool = False, columns: int = NARROW
) -> list[str]:
    """Return an X report of an open shift or the Z report of a closed one; ``unsent`` sales are named on it.

    ``copy`` marks a Z that was printed before. What came after a Z stands below it, as its supplement.
    """
    shift = figures.shift
    closed = shift.closed_at is not None
    final = f"Z REPORT {shift.z_number}" if shift.z_number else "Z REPORT (to be numbered)"
    lines = [*head(place, columns), "", centre(final if closed else "X REPORT", columns)]
    if copy and closed:
        lines.append(centre("*** COPY ***", columns))
    day = format_date(shift.business_date, "medium", locale=place.figures.locale)
    lines += [
        "",
        two(inert(place.register), plain_blanks(day), columns),
        *_turn(figures, place, columns),
        "-" * columns,
        *_sold(figures, place, columns),
        *_tenders(figures.tenders, place, columns),
        *_moved(figures.movements, place, columns),
        *_no_sales(figures, columns),
        *_drawer(figures, place, columns),
        *_tallied(figures, place, columns),
        *_closing(figures, place, columns),
        *_lacking(figures, unsent, columns),
    ]
    if figures.supplement is not None:
        lines += _supplement(figures.supplement, place, columns)
    return lines


def _turn(figures: ShiftFigures, place: Place, columns: int) -> list[str]:
    """Return who opened, ended and closed the shift, and who else worked in it."""
    shift = figures.shift
    lines = [two("Opened", f"{moment(shift.opened_at, place)}  {inert(shift.opened_by)}", columns)]
    if shift.ended_at is not None and shift.ended_at != shift.closed_at:
        lines.append(two("Ended", f"{moment(shift.ended_at, place)}  {inert(shift.ended_by or '')}", columns))
    if shift.closed_at is not None:
        lines.append(two("Closed", f"{moment(shift.closed_at, place)}  {inert(shift.closed_by or '')}", columns))
    if shift.forced:
        lines.append("Closed in its absence")
    others = [inert(each) for each in figures.people if each != shift.opened_by]
    if others:
        lines += wrap(f"Also here: {', '.join(others)}", columns)
    return lines


def _sold(figures: ShiftFigures, place: Place, columns: int) -> list[str]:
    write = place.figures
    counts = (("Sales", figures.sales), ("Voids", figures.voids), ("Refunds", figures.refunds))
    lines = [two(label, str(count), columns) for label, count in counts if count or label == "Sales"]
    if figures.first_receipt is not None:
        lines += _span(str(figures.first_receipt), str(figures.last_receipt), columns)
    lines.append("-" * columns)
    if figures.base is not None:
        lines.append(two("Net", write.amount(figures.base), columns))
    for each in figures.taxes:
        lines.append(two(f"{inert(each.name)} on {write.amount(each.base)}", write.amount(each.amount), columns))
    if figures.rounding:
        lines.append(two("Rounding", write.amount(figures.rounding), columns))
    if figures.value:
        lines.append(two("Vouchers and deposits", write.amount(figures.value), columns))
    if figures.total is not None:
        lines += [two(f"TOTAL {inert(figures.currency)}", write.amount(figures.total), columns), "-" * columns]
    return lines


def _tenders(tenders: list[TenderFigure], place: Place, columns: int, indent: str = "") -> list[str]:
    return [
        two(f"{indent}{_tender(each.kind)} ({each.count})", place.figures.amount(each.amount), columns)
        for each in tenders
    ]


def _tender(kind: str) -> str:
    return TENDERS.get(kind) or inert(kind).replace("_", " ").capitalize()


def _moved(movements: list[MovementFigure], place: Place, columns: int) -> list[str]:
    return [
        two(f"{_MOVED[each.kind]} ({each.count})", _foreign(each.amount, each.currency, place), columns)
        for each in movements
        if each.kind in _MOVED
    ]


def _no_sales(figures: ShiftFigures, columns: int) -> list[str]:
    if not figures.no_sales:
        return []
    people = [two(f"  {inert(each.name)}", str(each.no_sales), columns) for each in figures.persons if each.no_sales]
    return [two("Drawer opened, no sale", str(figures.no_sales), columns), *people]


def _drawer(figures: ShiftFigures, place: Place, columns: int) -> list[str]:
    shift, write = figures.shift, place.figures
    lines = [two("Float", write.amount(shift.opening_float), columns)]
    if shift.opening_difference:
        lines.append(two("Float over or short", write.amount(shift.opening_difference), columns))
    for label, figure in (("Expected", shift.expected), ("Counted", shift.counted), ("Difference", shift.difference)):
        if figure is not None:
            lines.append(two(label, write.amount(figure), columns))
    return lines


def _tallied(figures: ShiftFigures, place: Place, columns: int) -> list[str]:
    """Return what should be there and what was counted of all but the shop's own cash, which stands above."""
    lines = []
    for each in figures.tallies:
        if (each.kind, each.currency) == ("cash", figures.currency) or (each.kind != "cash" and each.counted is None):
            continue
        what = f"Cash {inert(each.currency)}" if each.kind == "cash" else _tender(each.kind)
        told = (("expected", each.expected), ("counted", each.counted), ("difference", each.difference or None))
        lines += [
            two(f"{what} {label}", _foreign(figure, each.currency, place), columns)
            for label, figure in told
            if figure is not None
        ]
    return lines


def _closing(figures: ShiftFigures, place: Place, columns: int) -> list[str]:
    shift = figures.shift
    lines = []
    if shift.taken_out:
        lines.append(two("To the safe at closing", place.figures.amount(shift.taken_out), columns))
    if shift.reason:
        lines += wrap(f"Reason: {inert(shift.reason)}", columns)
    if shift.approved_by:
        lines.append(two("Approved by", inert(shift.approved_by), columns))
    return lines


def _lacking(figures: ShiftFigures, unsent: int, columns: int) -> list[str]:
    """Return what is not in the figures: printed and not here, not sent, late."""
    lines = []
    if figures.missing:
        lines.append(two("Printed, not here", str(len(figures.missing)), columns))
        lines += [f"  {inert(each)}" for each in figures.missing]
    if figures.unsent and not unsent:
        lines.append(two("Not sent at closing", str(figures.unsent), columns))
    if unsent:
        lines.append(two("Not sent yet", str(unsent), columns))
    return lines


def _supplement(supplement: Supplement, place: Place, columns: int) -> list[str]:
    lines = ["-" * columns, centre("SUPPLEMENT", columns)]
    if supplement.sales:
        late = f"Delivered late ({supplement.sales})"
        lines.append(two(late, place.figures.amount(supplement.total), columns))
        lines += _tenders(supplement.tenders, place, columns, "  ")
    lines += _moved(supplement.movements, place, columns)
    opened = sum(each.count for each in supplement.movements if each.kind == "no_sale")
    if opened:
        lines.append(two("Drawer opened, no sale", str(opened), columns))
    for each in supplement.adjustments:
        label = f"Count {_DECISIONS[each.confirmed]}"
        lines.append(two(label, _foreign(each.counted_after, each.currency, place), columns))
        by = inert(each.proposed_by) + ("" if each.decided_by is None else f", {inert(each.decided_by)}")
        lines += wrap(f"  {inert(each.reason)} ({by})", columns)
    return lines


def _foreign(amount: int, currency: str, place: Place) -> str:
    """Write an amount; one of another currency than the shop's with its code."""
    if currency == place.currency:
        return place.figures.amount(amount)
    return f"{plain_amount(amount, currency_of(currency).exponent)} {currency}"


def _span(first: str, last: str, columns: int) -> list[str]:
    """Return the receipts of a shift on one line, or on two where their numbers are long."""
    span = f"{first} to {last}"
    if width(f"Receipts {span}") <= columns:
        return [two("Receipts", span, columns)]
    return [two("First receipt", first, columns), two("Last receipt", last, columns)]
