"""What a screen shows, as plain data: every text is inert, every figure written as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_time

from primepos.core.errors import PrimePOSError
from primepos.till.boxes import Box
from primepos.till.inert import inert
from primepos.till.keys import Mode
from primepos.till.paying import quick_amounts

if TYPE_CHECKING:
    from primepos.till.desk import Desk


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of the open sale, ready to draw."""

    number: int
    name: str
    quantity: str
    price: str
    discount: str
    total: str
    is_selected: bool


@dataclass(frozen=True, slots=True)
class PayView:
    """Where the payment stands: tenders so far, what is left, what it comes to in cash, change so far."""

    tenders: tuple[tuple[str, str], ...]
    remaining: str
    cash_due: str
    rounding: str
    quick: tuple[str, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The line at the bottom."""

    outlet: str
    register: str
    cashier: str
    shift: str
    connection: str
    is_online: bool
    clock: str


@dataclass(frozen=True, slots=True)
class View:
    """All of it."""

    mode: Mode
    prompt: str
    is_secret: bool
    shop: str
    lines: tuple[LineView, ...]
    total: str
    currency: str
    pieces: str
    taxes: tuple[tuple[str, str], ...]
    discount: str
    pay: PayView | None
    receipt: tuple[str, ...]
    change: str
    paid: tuple[tuple[str, str], ...]
    box: Box | None
    queued: int
    notice: str
    bell: bool
    status: Status


def make_view(desk: Desk, prompt: str, *, secret: bool) -> View:
    """Return how the desk looks."""
    figures = desk.place.figures
    sale = desk.sale
    priced = sale.priced()
    chosen = desk.line
    lines = tuple(
        LineView(
            number=line.number,
            name=inert(line.name),
            quantity=figures.quantity(line.quantity),
            price=figures.price(each.line.unit_price),
            discount=figures.amount(-each.discount) if each.discount else "",
            total=figures.amount(each.total),
            is_selected=chosen is not None and line.number == chosen.number,
        )
        for line, each in zip(sale.lines, priced.lines, strict=True)
    )
    pieces = sum(int(line.quantity) if line.sold_by == "each" else 1 for line in sale.lines)
    last = desk.last
    change = -sum(each.amount for each in last.payments if each.kind == "change") if last is not None else 0
    return View(
        mode=desk.mode,
        prompt=prompt,
        is_secret=secret,
        shop=inert(desk.place.shop),
        lines=lines,
        total=figures.money(priced.total),
        currency=desk.place.currency,
        pieces=str(pieces),
        taxes=tuple((inert(each.rule.name), figures.amount(each.amount)) for each in priced.taxes),
        discount=figures.amount(-priced.discount) if priced.discount else "",
        pay=_pay(desk) if desk.mode is Mode.PAYING else None,
        receipt=tuple(desk.shown_receipt) if desk.mode is Mode.RECEIPT else (),
        change=figures.money(change) if desk.mode is Mode.RECEIPT else "",
        paid=_paid(desk) if desk.mode is Mode.RECEIPT else (),
        box=desk.boxes[-1] if desk.boxes else None,
        queued=len(desk.queue),
        notice=desk.notice,
        bell=desk.bell,
        status=_status(desk),
    )


def _pay(desk: Desk) -> PayView | None:
    figures = desk.place.figures
    try:
        settled = desk.sale.settled()
    except PrimePOSError:
        return None
    due = 0 if settled.complete else settled.cash_due
    rounding = settled.rounding if settled.complete else settled.cash_due - settled.remaining
    return PayView(
        tenders=tuple((each.kind.capitalize(), figures.amount(each.amount)) for each in desk.sale.tenders),
        remaining=figures.money(settled.remaining),
        cash_due=figures.money(due),
        rounding=figures.amount(rounding) if rounding else "",
        quick=tuple(figures.amount(each) for each in quick_amounts(due, figures.currency.minor_per_major)),
        is_complete=settled.complete,
    )


def _paid(desk: Desk) -> tuple[tuple[str, str], ...]:
    """The total of the last sale and what it was paid with."""
    if desk.last is None:
        return ()
    figures = desk.place.figures
    rows = [("Total", desk.last.total)]
    rows += [(each.kind.capitalize(), each.amount) for each in desk.last.payments if each.kind != "change"]
    return tuple((label, figures.amount(amount)) for label, amount in rows)


def _status(desk: Desk) -> Status:
    waiting, aside = desk.journal.unsent()
    parts = []
    if waiting:
        parts.append(f"not sent: {waiting}")
    if aside:
        parts.append(f"set aside: {aside}")
    held = len(desk.journal.held())
    if held:
        parts.append(f"on hold: {held}")
    online = desk.delivery.online is not False
    place = desk.place
    local = desk.clock.now().astimezone(ZoneInfo(place.zone))
    if online and not (waiting or aside):
        parts.insert(0, "online")
    elif not online:
        parts.insert(0, "offline")
    return Status(
        outlet=inert(place.outlet),
        register=inert(place.register),
        cashier=inert(desk.session.person.name) if desk.session.person is not None else "",
        shift=f"{desk.shift.business_date.isoformat()}" if desk.shift is not None else "no shift",
        connection=" · ".join(parts),
        is_online=online and not aside,
        clock=format_time(local, "short", locale=place.figures.locale).replace("\u202f", " "),
    )
