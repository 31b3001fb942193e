"""Acts on the shift: who stands here, opening with a counted float, figures, closing with a count."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.clock import business_date
from primepos.core.errors import ApprovalRequired, PermissionDenied, PrimePOSError, Unavailable
from primepos.core.ids import new_id
from primepos.core.permissions import Decision, Permission
from primepos.domain.cash.errors import DifferenceUnexplained
from primepos.till import drawer, grammar
from primepos.till.boxes import Box
from primepos.till.delivery import people
from primepos.till.desk import Shift
from primepos.till.errors import NotUnderstood, ShiftBlocked
from primepos.till.inert import inert
from primepos.till.journal import CLOSED, OPENED
from primepos.till.keys import Mode
from primepos.till.runner import read_actor
from primepos.till.shift_report import report_lines
from primepos.till.totals import local_figures

if TYPE_CHECKING:
    from primepos.till.desk import Desk
    from primepos.till.journal import Entry
    from primepos.till.runner import Person

# What only the server can tell; the rest the till says in its own words.
_WORTH_A_NOTE: Final = frozenset({"MISSING_RECEIPTS", "NEGATIVE_EXPECTED", "OPENING_DIFFERENCE"})
_encode = msgspec.json.Encoder(decimal_format="string").encode


def enter_sign_in(desk: Desk, text: str) -> None:
    """Take the staff code, then the PIN; with both right the till goes on where it was left.

    Raises: what ``staff.sign_in`` refuses with; PermissionDenied for who may not sell. It starts again at the code.
    """
    text = grammar.clean(text).strip()
    if not desk.code:
        desk.code = text
        return
    code, desk.code = desk.code, ""
    person = desk.session.sign_in(code, text)
    if person.grant(Permission.SALE_CREATE).decision is not Decision.ALLOW:
        desk.session.sign_out()
        raise PermissionDenied(permission=Permission.SALE_CREATE.value)
    _take_up(desk)
    drawer.join(desk)
    desk.say(f"Hello, {person.name}")


def _take_up(desk: Desk) -> None:
    """Go on with the shift and the sale that were open, here or as the server knows it."""
    if desk.shift is None:
        entry = desk.journal.open_shift()
        if entry is not None and _closed_elsewhere(desk, entry):
            entry = None
        if entry is None:
            entry = _adopt(desk)
        desk.shift = None if entry is None else _shift(desk, entry)
    if desk.shift is None:
        desk.mode = Mode.NO_SHIFT
        return
    if not desk.sale.lines and desk.restore():
        what = f"{len(desk.sale.lines)} lines, {desk.place.figures.money(desk.sale.total)}."
        desk.show("The open sale is back", [what, "Check them before you go on."])
    desk.mode = Mode.PAYING if desk.sale.tenders else Mode.SELLING


def _closed_elsewhere(desk: Desk, entry: Entry) -> bool:
    """See whether the server has closed the shift that is open here: a kill between its answer and our writing."""
    if entry.state != "delivered":
        return False
    try:
        known = desk.runner.run("cash.show_shift", {"shift_id": entry.shift_id}, person=desk.person)
    except PrimePOSError:
        return False
    if known.closed_at is None:
        return False
    values = {"shift_id": str(entry.shift_id), "counted": known.counted or 0}
    desk.journal.append_shift(
        CLOSED, entry.shift_id, values, actor=desk.actor(), at=known.closed_at, answer=_encode(known)
    )
    return True


def _adopt(desk: Desk) -> Entry | None:
    """Take over the shift that the server holds open for this register: a kill between its answer and our writing."""
    query = {"register_id": desk.place.register_id, "is_open": True, "limit": 1}
    try:
        page = desk.runner.run("cash.list_shifts", query, person=desk.person)
    except PrimePOSError:
        return None
    if not page.items:
        return None
    _remember_opening(desk, page.items[0])
    return desk.journal.open_shift()


def _remember_opening(desk: Desk, known: Any) -> None:
    values = {
        "id": str(known.id),
        "register_id": str(desk.place.register_id),
        "opening_float": known.opening_float,
        "opened_at": known.opened_at,
        "opened_by": known.opened_by,
        "business_date": known.business_date,
        "rules": _rules(desk),
    }
    desk.journal.append_shift(OPENED, known.id, values, actor=desk.actor(), at=known.opened_at, answer=_encode(known))


def _rules(desk: Desk) -> dict[str, Any]:
    return {"difference_limit": desk.place.difference_limit, "held_at_close": desk.place.held_at_close}


def _shift(desk: Desk, entry: Entry) -> Shift:
    values = entry.values()
    rules = values.get("rules", {})
    return Shift(
        id=UUID(values["id"]),
        business_date=date.fromisoformat(values["business_date"]),
        opened_at=datetime.fromisoformat(values["opened_at"]),
        opening_float=values["opening_float"],
        opened_by=values["opened_by"],
        difference_limit=rules.get("difference_limit"),
        held_at_close=rules.get("held_at_close", "carry"),
        ended=desk.journal.has_ended(entry.shift_id),
    )


def enter_float(desk: Desk, text: str) -> None:
    """Open a shift with the counted float; without a server it is opened here and told later.

    Raises: what ``cash.open_shift`` refuses with, and nothing is opened.
    """
    text = grammar.clean(text).strip()
    if not text:
        desk.say("Count the float and type it; 0 if the drawer is empty")
        return
    opening_float, pieces = desk.place.figures.read_count(text)
    person, now = desk.person, desk.clock.now()
    shift_id, register_id = new_id(), desk.place.register_id
    asked: dict[str, Any] = {
        "id": shift_id,
        "register_id": register_id,
        "opening_float": opening_float,
        "opened_at": now,
    }
    if pieces is not None:
        asked["denominations"] = pieces
    try:
        # A shift that was closed without a server has to be closed there before the next one opens.
        desk.delivery.require_sent()
        known = desk.runner.run("cash.open_shift", asked, person=person)
    except Unavailable:
        day = business_date(now, desk.place.zone, desk.place.day_starts_hour)
        values = {**asked, "opened_by": person.name, "business_date": day, "rules": _rules(desk)}
        desk.journal.append_shift(OPENED, shift_id, values, actor=desk.actor(), at=now)
        desk.delivery.missed()
    else:
        _remember_opening(desk, known)
    entry = desk.journal.open_shift()
    desk.shift = None if entry is None else _shift(desk, entry)
    desk.mode = Mode.SELLING
    desk.say(f"Shift opened with {desk.place.figures.money(opening_float)}")


def lock(desk: Desk, _text: str) -> None:
    """Sign out; sale, tenders and shift stay as they are for whoever signs in next."""
    desk.session.sign_out()
    desk.boxes.clear()
    desk.code = ""
    desk.mode = Mode.SIGNED_OUT


def x_report(desk: Desk, _text: str) -> None:
    """Show the figures of the shift so far; nothing is reset."""
    desk.show("X report", _figures(desk), wide=True)


def _figures(desk: Desk, shift: Shift | None = None) -> list[str]:
    """The server's figures of the shift where all is sent, else those of the journal, which say what is not sent."""
    shift = shift or desk.shift
    if shift is None:
        return []
    sent = desk.delivery.flush()
    waiting = sum(desk.journal.unsent())
    if sent and not waiting:
        try:
            known = desk.runner.run("cash.shift_figures", {"shift_id": shift.id}, person=desk.person)
            return report_lines(known, desk.place)
        except PrimePOSError:
            # Another's shift, or the server is gone: the journal knows as well.
            pass
    blind = desk.person.grant(Permission.SHIFT_EXPECTED_READ).decision is not Decision.ALLOW
    return report_lines(local_figures(desk.journal, desk.place, shift.id, blind=blind), desk.place, unsent=waiting)


def ask_count(desk: Desk, _text: str) -> None:
    """Ask for the counted cash, by total or by pieces, then for consent, then close the shift.

    Raises:
        ShiftBlocked: naming everything that stands in the way.
    """
    shift = desk.shift
    if shift is None:
        return
    blockers = drawer.in_the_way(desk)
    held = len(desk.journal.held())
    if held and shift.held_at_close == "block":
        blockers.append(f"{held} sale(s) are on hold")
    if blockers:
        raise ShiftBlocked(problems=", ".join(blockers))
    figures = desk.place.figures

    def take_count(text: str) -> None:
        if not text:
            return
        counted, pieces = figures.read_count(grammar.clean(text).strip())
        box.title, box.prompt = "Close the shift?", ""
        notes = _notes(desk, shift, counted)
        box.lines = [f"Counted: {figures.money(counted)}", *notes, "Enter closes, Esc goes back."]

        def confirm(text: str) -> None:
            if text:
                raise NotUnderstood(text=text[:40], problem="Enter closes the shift, Esc goes back")
            desk.boxes.remove(box)
            asked: dict[str, Any] = {"shift_id": shift.id, "counted": counted}
            if pieces is not None:
                asked["denominations"] = pieces
            _close(desk, shift, asked)

        box.answer = confirm

    lines = ["Count the cash in the drawer, float included."]
    box = Box("ask", "Close the shift", lines, "Counted cash", take_count, slow=True)
    desk.boxes.append(box)


def _notes(desk: Desk, shift: Shift, counted: int) -> list[str]:
    """What to know before closing: figures for who may see them, what is not sent, what was printed and is lost."""
    notes = []
    figures = desk.place.figures
    if desk.person.grant(Permission.SHIFT_EXPECTED_READ).decision is Decision.ALLOW:
        expected = local_figures(desk.journal, desk.place, shift.id, counted=counted).shift
        notes.append(f"Expected: {figures.money(expected.expected or 0)}")
        notes.append(f"Difference: {figures.money(expected.difference or 0)}")
    _, warnings = drawer.look_before_closing(desk, shift, counted=True)
    waiting, aside = desk.journal.unsent()
    if waiting:
        notes.append(f"Not sent yet: {waiting}. They will be delivered when the server answers.")
    held = len(desk.journal.held())
    if held:
        notes.append(f"On hold: {held}. They stay for the next shift.")
    if aside:
        notes.append(f"Set aside by the server: {aside}. Somebody has to look at them.")
    for each in warnings:
        if each.code in _WORTH_A_NOTE:
            notes += [inert(each.text), *(f"  {inert(item)}" for item in each.items[:10])]
    return notes


def _close(desk: Desk, shift: Shift, asked: dict[str, Any], approver: Person | None = None) -> None:
    """Close the shift with the server, or here if it does not answer, and show the Z report.

    A difference beyond the limit asks for a reason and, of who may not close with it alone, for consent; then it comes
    back here. Raises: what ``cash.close_shift`` refuses with, and the shift stays open.
    """
    now = desk.clock.now()
    answer: bytes | None = None
    desk.delivery.flush()
    asked = {**asked, **drawer.told_of_itself(desk)}
    try:
        # In order: the server has to have every sale of the shift before it counts.
        desk.delivery.require_sent()
        if approver is None:
            known = desk.runner.run("cash.close_shift", asked, person=desk.person)
        else:
            actor = read_actor(desk.actor(approver))
            known = desk.runner.run("cash.deliver_closing", {**asked, "closed_at": now, **people(actor)})
        answer = _encode(known)
    except (ApprovalRequired, DifferenceUnexplained):
        if "reason" in asked:
            raise
        _ask_over_limit(desk, shift, asked)
        return
    except Unavailable:
        if "reason" not in asked and _is_over_limit(desk, shift, asked["counted"]):
            _ask_over_limit(desk, shift, asked)
            return
        desk.delivery.missed()
    desk.journal.append_shift(CLOSED, shift.id, asked, actor=desk.actor(approver), at=now, answer=answer)
    desk.delivery.wake()
    lines = _figures(desk, shift)
    desk.shift, desk.mode, desk.shown_receipt, desk.last = None, Mode.NO_SHIFT, [], None
    desk.reports.append("\n".join(lines))
    desk.show("Z report", lines, wide=True)


def _is_over_limit(desk: Desk, shift: Shift, counted: int) -> bool:
    if shift.difference_limit is None:
        return False
    difference = local_figures(desk.journal, desk.place, shift.id, counted=counted).shift.difference
    return abs(difference or 0) > shift.difference_limit


def _ask_over_limit(desk: Desk, shift: Shift, asked: dict[str, Any]) -> None:
    """Ask why the drawer is off, and for the consent of who may close with that; counting again is Esc."""

    def take_reason(text: str) -> None:
        reason = grammar.clean(text).strip()[:200]
        if not reason:
            return
        desk.boxes.remove(box)

        def act(approver: Person | None) -> None:
            _close(desk, shift, {**asked, "reason": reason}, approver)

        desk.authorise(Permission.SHIFT_CLOSE_OVER_LIMIT, f"Close with a difference: {reason}", act)

    lines = ["The count is off by more than the shop allows.", "Esc goes back, to count again. Or say why:"]
    box = Box("ask", "Beyond the limit", lines, "Reason", take_reason, slow=True)
    desk.boxes.append(box)


def leave(desk: Desk, _text: str) -> None:
    """Ask, then let the program end; nothing is lost by it."""
    lines = ["Shift, open sale and unsent sales stay where they are.", "Enter leaves the till, Esc goes back."]

    def answer(text: str) -> None:
        if not text:
            desk.leaving = True

    desk.boxes.append(Box("ask", "Leave the till?", lines, "", answer))
