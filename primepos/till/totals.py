"""The figures of a shift worked out from the journal alone, for when the server cannot be asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from primepos.domain.cash.schemas import ShiftFigures, ShiftOut, TaxFigure, TenderFigure
from primepos.domain.sales.chain import receipt_number
from primepos.pricing.tender import drawer_expected
from primepos.till.journal import CLOSED, OPENED, SALE, VOID
from primepos.till.runner import read_actor

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.till.journal import Journal
    from primepos.till.place import Place

_CASH = ("cash", "change")


def local_figures(
    journal: Journal, place: Place, shift_id: UUID, *, blind: bool = False, counted: int | None = None
) -> ShiftFigures:
    """Return what an X or Z report says, from the entries of one shift, in minor units.

    ``blind`` hides the cash, and every total it could be worked out from, until the shift is closed. ``counted``
    tries a count before closing.
    """
    entries = journal.entries(shift_id=shift_id)
    opening = next(each.values() for each in entries if each.kind == OPENED)
    closing = next((each for each in entries if each.kind == CLOSED), None)
    sales = [each.sale for each in entries if each.kind in {SALE, VOID}]
    tenders: dict[str, list[int]] = {}
    taxes: dict[tuple[str, str, str], list[int]] = {}
    for sale in sales:
        for payment in sale.payments:
            row = tenders.setdefault("cash" if payment.kind in _CASH else payment.kind, [0, 0])
            row[0] += payment.kind != "change"
            row[1] += payment.amount
        for tax in sale.taxes:
            sums = taxes.setdefault((tax.code, tax.name, f"{tax.rate.normalize():f}"), [0, 0])
            sums[0] += tax.base
            sums[1] += tax.amount
    if closing is not None:
        counted = closing.values()["counted"]
    expected = drawer_expected(
        opening["opening_float"],
        (each.amount for sale in sales for each in sale.payments if each.kind in _CASH),
    )
    hidden = blind and closing is None
    numbers = [receipt_number(place.prefix, sale.number) for sale in sales]
    return ShiftFigures(
        shift=ShiftOut(
            id=shift_id,
            register_id=place.register_id,
            outlet_id=place.outlet_id,
            kind="till",
            business_date=date.fromisoformat(opening["business_date"]),
            opened_at=datetime.fromisoformat(opening["opened_at"]),
            opened_by=opening["opened_by"],
            opening_float=opening["opening_float"],
            closed_at=closing.at if closing is not None else None,
            closed_by=read_actor(closing.actor).person.name if closing is not None else None,
            expected=None if blind else expected,
            counted=counted,
            difference=None if blind or counted is None else counted - expected,
            z_number=None,
        ),
        currency=place.currency,
        register=place.prefix,
        sales=sum(sale.kind == "sale" for sale in sales),
        voids=sum(sale.kind == "void" for sale in sales),
        refunds=0,  # They are booked in the back office, into the server's own series.
        first_receipt=numbers[0] if numbers else None,
        last_receipt=numbers[-1] if numbers else None,
        base=None if hidden else sum(sale.base for sale in sales),
        tax=None if hidden else sum(sale.tax for sale in sales),
        rounding=None if hidden else sum(sale.rounding for sale in sales),
        total=None if hidden else sum(sale.total for sale in sales),
        tenders=[
            TenderFigure(kind=kind, count=count, amount=amount)
            for kind, (count, amount) in sorted(tenders.items())
            if not (hidden and kind == "cash")
        ],
        taxes=[
            TaxFigure(code=code, name=name, rate=rate, base=base, amount=amount)
            for (code, name, rate), (base, amount) in sorted(taxes.items())
            if not hidden
        ],
        late=0,
    )
