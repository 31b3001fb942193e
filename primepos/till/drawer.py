"""Acts around the drawer: cash in and out, no-sale, a count in between, the end of sales, what stands before a closing.

What moves cash or opens the drawer is written to the journal before anything else happens, with who did it and who
consented, and delivered like a sale; it works without a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.core.permissions import Permission
from primepos.domain.cash.schemas import Finding, Preflight
from primepos.till import grammar
from primepos.till.boxes import Box
from primepos.till.drawer_log import COUNTED, ENDED, JOINED, NO_SALE
from primepos.till.errors import NotNow, NotUnderstood, ShiftBlocked
from primepos.till.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.till.desk import Desk, Shift
    from primepos.till.runner import Person

_TITLES: Final = {
    "paid_in": "Paid in",
    "paid_out": "Paid out",
    "drop": "Into the safe",
    "pickup": "Taken away",
}
_MOST_REASON: Final = 200


def paid_in(desk: Desk, text: str) -> None:
    """Put cash into the drawer that no sale brought: change from the bank, say."""
    ask_move(desk, "paid_in", text)


def paid_out(desk: Desk, text: str) -> None:
    """Pay something from the drawer: a delivery, stamps."""
    ask_move(desk, "paid_out", text)


def drop(desk: Desk, text: str) -> None:
    """Put cash from the drawer into the safe."""
    ask_move(desk, "drop", text)


def pickup(desk: Desk, text: str) -> None:
    """Have cash from the drawer taken away, out of the shop."""
    ask_move(desk, "pickup", text)


def ask_move(desk: Desk, kind: str, text: str) -> None:
    """Ask for the amount, unless it was typed, and the reason; then move the cash, with consent where it needs it."""
    shift = _open_shift(desk)
    figures = desk.place.figures
    box = Box("ask", _TITLES[kind], [], "Amount")

    def take_amount(typed: str) -> None:
        if not typed:
            return
        amount = figures.read(grammar.clean(typed).strip())
        if not amount:
            raise NotUnderstood(text=typed[:40], problem="an amount above zero is needed")
        box.lines, box.prompt = [figures.money(amount)], "Reason"
        box.answer = _with_reason(desk, box, lambda reason: move(desk, shift, kind, amount, reason))

    box.answer = take_amount
    if text:
        take_amount(text)
    desk.boxes.append(box)


def move(desk: Desk, shift: Shift, kind: str, amount: int, reason: str, *, reference: str = "") -> None:
    """Move ``amount`` minor units in or out of the drawer: in the journal first, delivered when the server answers.

    Raises: PermissionDenied; TillCannotWrite, and nothing has happened.
    """
    figures = desk.place.figures
    what = f"{_TITLES[kind]} {figures.money(amount)}: {reason}"

    def act(approver: Person | None) -> None:
        desk.journal.check_room()
        values = {"amount": amount, "reason": reason, "reference": reference, "currency": desk.place.currency}
        _write(desk, shift, kind, values, approver)
        desk.say(what)

    desk.authorise(Permission.CASH_MOVE, what, act, amount=amount)


def no_sale(desk: Desk, text: str) -> None:
    """Ask why the drawer is to be opened without a sale, and open it; it is counted on every report."""
    shift = _open_shift(desk)
    box = Box("ask", "Open the drawer", ["No sale: say why."], "Reason")
    box.answer = _with_reason(desk, box, lambda reason: open_drawer(desk, shift, reason))
    desk.boxes.append(box)
    if text:
        box.answer(text)


def open_drawer(desk: Desk, shift: Shift, reason: str) -> None:
    """Write down that the drawer is opened for no sale, with consent where it needs it.

    Raises: PermissionDenied; TillCannotWrite, and the drawer stays shut.
    """

    def act(approver: Person | None) -> None:
        _write(desk, shift, NO_SALE, {"reason": reason}, approver)
        desk.say("The drawer is open")

    desk.authorise(Permission.CASH_DRAWER_OPEN, f"Open the drawer: {reason}", act)


def spot_count(desk: Desk, _text: str) -> None:
    """Count the drawer in between, by total or by pieces; the count is kept and changes nothing."""
    shift = _open_shift(desk)
    figures = desk.place.figures
    box = Box("ask", "Count the drawer", ["A total, or pieces: 2*50 3*20 4*0.5"], "Counted cash")

    def take(typed: str) -> None:
        if not typed:
            return
        counted, pieces = figures.read_count(grammar.clean(typed).strip())
        values: dict[str, Any] = {"amount": counted, "currency": desk.place.currency}
        if pieces is not None:
            values["denominations"] = pieces
        _write(desk, shift, COUNTED, values, None)
        desk.boxes.remove(box)
        desk.say(f"Counted: {figures.money(counted)}")

    box.answer = take
    desk.boxes.append(box)


def end_shift(desk: Desk, _text: str) -> None:
    """Ask, then let the shift sell no more; somebody still has to count the drawer.

    Raises:
        ShiftBlocked: a sale is open, or scans wait.
    """
    shift = _open_shift(desk)
    problems = in_the_way(desk)
    if problems:
        raise ShiftBlocked(problems=", ".join(problems))
    lines = ["No more sales after this; the drawer is still to be counted.", "Enter ends it, Esc goes back."]
    box = Box("ask", "End the shift?", lines, "")

    def confirm(typed: str) -> None:
        if typed:
            raise NotUnderstood(text=typed[:40], problem="Enter ends the shift, Esc goes back")
        _write(desk, shift, ENDED, {}, None)
        desk.note_end()
        desk.boxes.remove(box)
        desk.say("The shift has ended: count the drawer and close it")

    box.answer = confirm
    desk.boxes.append(box)


def join(desk: Desk) -> None:
    """Remember who signed in while somebody else's shift is open; each person once."""
    shift, person = desk.shift, desk.person
    if shift is None or shift.opened_by == person.name:
        return
    if not desk.journal.has_joined(shift.id, str(person.staff_id)):
        _write(desk, shift, JOINED, {}, None)


def preflight(desk: Desk, _text: str) -> None:
    """Show everything that stands in the way of closing the shift, and everything to know before it."""
    shift = _open_shift(desk)
    blockers, warnings = look_before_closing(desk, shift)
    lines = []
    for title, findings in (("In the way", blockers), ("To know", warnings)):
        if findings:
            lines.append(f"{title}:")
            lines += [f"  {inert(line)}" for each in findings for line in (each.text, *each.items[:20])]
    desk.show("Before closing", lines or ["Nothing is in the way."])


def look_before_closing(desk: Desk, shift: Shift, *, counted: bool = False) -> tuple[list[Finding], list[Finding]]:
    """Return every blocker and every warning of closing now, at once.

    The server compares the receipts that were printed here with those it has; without it, the till names what it
    knows itself.
    """
    blockers = [Finding(code="SALE_OPEN", text=f"It cannot wait: {each}") for each in in_the_way(desk)]
    desk.delivery.flush()
    told = told_of_itself(desk)
    aside = desk.journal.unsent()[1]
    query = {
        "shift_id": shift.id,
        "held": told["held"],
        "unsent": told["unsent"],
        "set_aside": aside,
        **told["printed"],
        "counted": counted,
    }
    try:
        found = desk.runner.run("cash.preflight", query, person=desk.person)
    except PrimePOSError:
        found = _known_here(desk, shift, query)
    return [*blockers, *_with_held(desk, found.blockers)], _with_held(desk, found.warnings)


def _with_held(desk: Desk, findings: list[Finding]) -> list[Finding]:
    """Name the sales on hold, which only this till knows."""
    money = desk.place.figures.money
    items = [f"{each.who}: {each.lines} line(s), {money(each.total)}" for each in desk.journal.held()]
    return [
        Finding(code=each.code, text=each.text, items=items) if each.code == "HELD_SALES" and items else each
        for each in findings
    ]


def told_of_itself(desk: Desk) -> dict[str, Any]:
    """Return what only the till knows at a closing: sales on hold, not sent, the last number it printed."""
    journal = desk.journal
    return {
        "held": len(journal.held()),
        "unsent": journal.unsent()[0],
        "printed": {"epoch": journal.epoch, "number": journal.next_number - 1},
    }


def in_the_way(desk: Desk) -> list[str]:
    """Return what at this very till has to be finished first."""
    blockers = []
    if desk.sale.lines:
        blockers.append(f"a sale with {len(desk.sale.lines)} lines is open")
    if desk.queue:
        blockers.append(f"{len(desk.queue)} scans wait")
    return blockers


def _known_here(desk: Desk, shift: Shift, query: dict[str, Any]) -> Preflight:
    blockers: list[Finding] = []
    warnings: list[Finding] = []
    if query["held"]:
        carried = shift.held_at_close == "carry"
        rule = "they stay for the next shift" if carried else "finish or give them up first"
        found = Finding(code="HELD_SALES", text=f"{query['held']} sale(s) are on hold: {rule}")
        (warnings if carried else blockers).append(found)
    if query["unsent"]:
        warnings.append(Finding(code="UNSENT", text=f"{query['unsent']} records are not sent yet"))
    if query["set_aside"]:
        warnings.append(Finding(code="SET_ASIDE", text=f"{query['set_aside']} records were refused by the server"))
    if not query["counted"]:
        blockers.append(Finding(code="UNCOUNTED", text="The drawer is not counted", items=[desk.place.currency]))
    warnings.append(Finding(code="NO_SERVER", text="The server does not answer: receipts could not be compared"))
    return Preflight(shift_id=shift.id, blockers=blockers, warnings=warnings)


def _open_shift(desk: Desk) -> Shift:
    if desk.shift is None or desk.session.person is None:
        raise NotNow(problem="There is no open shift")
    return desk.shift


def _with_reason(desk: Desk, box: Box, act: Callable[[str], None]) -> Callable[[str], None]:
    def take(typed: str) -> None:
        reason = grammar.clean(typed).strip()[:_MOST_REASON]
        if not reason:
            return
        desk.boxes.remove(box)
        act(reason)

    return take


def _write(desk: Desk, shift: Shift, kind: str, values: dict[str, Any], approver: Person | None) -> None:
    actor, now = desk.actor(approver), desk.clock.now()
    desk.journal.append_drawer(kind, new_id(), shift.id, values, actor=actor, at=now)
    desk.delivery.wake()
