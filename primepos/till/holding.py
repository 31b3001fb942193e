"""A sale set aside for the next customer, and taken up again: kept in this register's journal, by whomever."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_time

from primepos.core.permissions import Permission
from primepos.till import events, grammar
from primepos.till.boxes import Box
from primepos.till.cart import restored
from primepos.till.errors import NotUnderstood, SaleInTheWay
from primepos.till.inert import inert
from primepos.till.keys import Mode

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.till.desk import Desk
    from primepos.till.journal import HeldCart
    from primepos.till.runner import Person


def hold(desk: Desk, _text: str) -> None:
    """Set the open sale aside as it is and begin an empty one."""
    if not desk.sale.lines:
        desk.say("There is no line yet: nothing to put on hold")
        return
    event = events.Held(lines=len(desk.sale.lines), total=desk.sale.total)

    def act(approver: Person | None) -> None:
        desk.record(event, approver)
        desk.sale, desk.selected = desk.new_sale(), None
        waiting = len(desk.journal.held())
        desk.say(f"On hold: {desk.place.figures.money(event.total)}. F8 takes it up again ({waiting} on hold)")

    desk.authorise(Permission.SALE_HOLD, f"Put a sale of {desk.place.figures.money(event.total)} on hold", act)


def ask_resume(desk: Desk, _text: str) -> None:
    """Show what is on hold, newest first; Enter alone takes up the newest.

    Raises:
        SaleInTheWay: a sale is open; it is finished or put on hold first.
    """
    if desk.sale.lines:
        raise SaleInTheWay(lines=len(desk.sale.lines))
    waiting = desk.journal.held()
    if not waiting:
        desk.say("Nothing is on hold")
        return
    figures = desk.place.figures

    def answer(text: str) -> None:
        chosen = waiting[_choice(grammar.clean(text).strip(), len(waiting))]
        desk.boxes.remove(box)

        def act(approver: Person | None) -> None:
            resume(desk, chosen, approver)

        desk.authorise(Permission.SALE_HOLD, f"Take up the sale of {figures.money(chosen.total)}", act)

    lines = [
        f"{n} · {_clock(desk, each.at)} · by {inert(each.who)} · {_counted(each.lines)} · {figures.money(each.total)}"
        for n, each in enumerate(waiting, 1)
    ]
    box = Box("ask", "On hold", [*lines, "Enter takes up the first, a number another."], "Number", answer)
    desk.boxes.append(box)


def resume(desk: Desk, chosen: HeldCart, approver: Person | None = None) -> None:
    """Make a sale that was on hold the open one; its prices are those it was rung up with."""
    desk.sale = restored(desk.new_sale(chosen.cart_id), (each.event for each in desk.journal.events(chosen.cart_id)))
    try:
        desk.record(events.Resumed(), approver)
    except BaseException:
        desk.sale = desk.new_sale()
        raise
    desk.selected = None
    desk.mode = Mode.SELLING
    desk.say(f"Taken up: {_counted(chosen.lines)}, {desk.place.figures.money(desk.sale.total)}")


def _choice(text: str, most: int) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= most):
        raise NotUnderstood(text=text[:40], problem=f"type a number from 1 to {most}")
    return int(text[:4]) - 1


def _counted(lines: int) -> str:
    return f"{lines} line" if lines == 1 else f"{lines} lines"


def _clock(desk: Desk, at: datetime) -> str:
    local = at.astimezone(ZoneInfo(desk.place.zone))
    shown: str = format_time(local, "short", locale=desk.place.figures.locale).replace("\u202f", " ")
    return shown
