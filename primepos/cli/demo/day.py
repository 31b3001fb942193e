"""A day at the demo's till, played through the same keyboard, engine, journal and delivery as by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primepos.cli.demo.house import CASHIER, MANAGER, content
from primepos.core.amounts import plain_amount
from primepos.domain.cash.service import shift_figures
from primepos.domain.ops.service import verify_own_books
from primepos.domain.reporting.service import report_sales
from primepos.till.script import play
from primepos.till.shift_report import report_lines

if TYPE_CHECKING:
    from primepos.cli.demo.house import DemoHouse

# The cashier counts a coin less than there should be, so that the report shows what a difference looks like.
_MISSING_MINOR = 5
_TOP_PRODUCTS = 5


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it. Texts are as printed; ``figures`` and the reports are in minor units."""

    receipt: str
    z_report: str
    figures: Any
    by_tax: Any
    by_tender: Any
    by_product: Any
    books: Any


def play_day(house: DemoHouse) -> Day:
    """Sell a day at a free till, close its shift and return the figures; every sale is booked when it returns.

    Raises:
        ScriptFailed: the till refused what the script did. TillsBusy: no till is free.
    """
    with house.open_free_till(fresh=True) as till:
        played = play(till, _filled(content("day.till"), house))
        shift = till.desk.shift
        assert shift is not None, "the script opens one"  # noqa: S101 - narrows the type
        so_far = house.run(shift_figures, {"shift_id": shift.id})
        cash = sum(each.amount for each in so_far.tenders if each.kind == "cash")
        counted = so_far.shift.opening_float + cash - _MISSING_MINOR
        exponent = till.place.figures.currency.exponent
        closing = f"press Ctrl+E\ntype {plain_amount(counted, exponent)}\npress Enter\npress Esc"
        play(till, closing)
        figures = house.run(shift_figures, {"shift_id": shift.id})
        # As the owner sees it: the cashier closes blind.
        z_report = "\n".join(report_lines(figures, till.place))
    day = {"since": shift.business_date, "until": shift.business_date}
    return Day(
        # One with several taxes shows most.
        receipt=max(played.receipts, key=lambda text: (text.count(" on "), text.count("\n"))),
        z_report=z_report,
        figures=figures,
        by_tax=house.run(report_sales, {**day, "group_by": "tax"}),
        by_tender=house.run(report_sales, {**day, "group_by": "tender"}),
        by_product=house.run(report_sales, {**day, "group_by": "product", "limit": _TOP_PRODUCTS}),
        books=house.run(verify_own_books),
    )


def _filled(script: str, house: DemoHouse) -> str:
    return (
        script.replace("{cashier}", CASHIER)
        .replace("{cashier_pin}", house.pins[CASHIER])
        .replace("{manager}", MANAGER)
        .replace("{manager_pin}", house.pins[MANAGER])
    )
