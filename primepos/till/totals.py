"""The figures of a shift worked out from the journal alone, for when the server cannot be asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from primepos.domain.cash.moving import SIGNS
from primepos.domain.cash.schemas import (
    MovementFigure,
    PersonFigure,
    ShiftFigures,
    ShiftOut,
    Tally,
    TaxFigure,
    TenderFigure,
)
from primepos.domain.sales.chain import receipt_number
from primepos.pricing.tender import drawer_expected
from primepos.till.drawer_log import ENDED, JOINED, MOVES, NO_SALE
from primepos.till.journal import CLOSED, OPENED, SALE, VOID
from primepos.till.runner import read_actor

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.domain.sales.schemas import DeliverSale
    from primepos.till.journal import Entry, Journal
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
    beside = journal.drawer_events(shift_id)
    end = next((each for each in beside if each.kind == ENDED), closing)
    closed = {} if closing is None else closing.values()
    if closing is not None:
        counted = closed["counted"]
    moved = [
        (each.kind, _currency(each, place), SIGNS[each.kind] * each.values()["amount"])
        for each in beside
        if each.kind in MOVES
    ]
    expected = drawer_expected(
        opening["opening_float"],
        (
            *(each.amount for sale in sales for each in sale.payments if each.kind in _CASH),
            *(amount for _, currency, amount in moved if currency == place.currency),
        ),
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
            ended_at=end.at if end is not None else None,
            ended_by=read_actor(end.actor).person.name if end is not None else None,
            taken_out=closed.get("to_safe", 0),
            reason=closed.get("reason"),
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
        movements=_movements(moved),
        no_sales=sum(each.kind == NO_SALE for each in beside),
        persons=_persons(sales, beside),
        people=[opening["opened_by"], *(read_actor(each.actor).person.name for each in beside if each.kind == JOINED)],
        tallies=[]
        if blind
        else [
            Tally(
                kind="cash",
                currency=place.currency,
                expected=expected,
                counted=counted,
                difference=None if counted is None else counted - expected,
            )
        ],
        unsent=closed.get("unsent", 0),
    )


def _currency(event: Entry, place: Place) -> str:
    return str(event.values().get("currency") or place.currency)


def _movements(moved: list[tuple[str, str, int]]) -> list[MovementFigure]:
    sums: dict[tuple[str, str], list[int]] = {}
    for kind, currency, amount in moved:
        row = sums.setdefault((kind, currency), [0, 0])
        row[0] += 1
        row[1] += amount
    return [
        MovementFigure(kind=kind, currency=currency, count=count, amount=amount)
        for (kind, currency), (count, amount) in sorted(sums.items())
    ]


def _persons(sales: list[DeliverSale], beside: list[Entry]) -> list[PersonFigure]:
    done: dict[str, dict[str, int]] = {}
    for sale in sales:
        row = done.setdefault(sale.cashier, dict.fromkeys(("sales", "voids", "refunds", "no_sales"), 0))
        row[f"{sale.kind}s"] += 1
    for each in beside:
        if each.kind == NO_SALE:
            name = read_actor(each.actor).person.name
            row = done.setdefault(name, dict.fromkeys(("sales", "voids", "refunds", "no_sales"), 0))
            row["no_sales"] += 1
    return [PersonFigure(name=name, **row) for name, row in sorted(done.items())]
