"""Paying by a card terminal that is connected: asked, answered, and asked again until it is known.

The attempt is in the journal before the terminal hears of it, and what it answered before the sale counts it. While an
attempt is open nothing else pays and the sale is not finished: money must not be taken twice, and never be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.ids import new_id
from primepos.domain.payments.terminal import Answer, Attempt, TerminalUnavailable
from primepos.till import events
from primepos.till.boxes import Box
from primepos.till.errors import CardNotSettled, NotNow
from primepos.till.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.domain.payments.terminal import CardTerminal
    from primepos.till.desk import Desk

_ASK = "CARD_WAITING"


def ask(desk: Desk, terminal: CardTerminal, amount: int, done: Callable[[], None]) -> None:
    """Ask the terminal for ``amount`` minor units, above zero and no more than is due; ``done`` once it has answered.

    Raises:
        InvalidTender: more than is due. TillCannotWrite: nothing was asked.
    """
    desk.sale.tried(events.Tendered(kind="card", amount=amount)).settled()
    asked = events.CardAsked(attempt=new_id(), amount=amount, terminal=terminal.name)
    desk.record(asked)
    try:
        _take(desk, terminal.start(_attempt(desk, asked)), done)
    except TerminalUnavailable as error:
        _wait(desk, error.message, done)


def ask_again(desk: Desk, done: Callable[[], None]) -> None:
    """Ask what became of the open attempt; does nothing where there is none."""
    terminal, asked = _open(desk)
    if asked is not None and terminal is not None:
        try:
            _take(desk, terminal.status(_attempt(desk, asked)), done)
        except TerminalUnavailable as error:
            _wait(desk, error.message, done)


def give_up(desk: Desk, done: Callable[[], None]) -> None:
    """Cancel the open attempt; what the customer has paid by then counts.

    Raises:
        CardNotSettled: the terminal does not answer, so it is not known whether the card was charged.
    """
    terminal, asked = _open(desk)
    if asked is None or terminal is None:
        return
    try:
        answer = terminal.cancel(_attempt(desk, asked))
    except TerminalUnavailable as error:
        raise CardNotSettled(problem=error.message) from None
    _take(desk, answer, done)


def take_back(desk: Desk, paid: events.Tendered) -> None:
    """Give back what a card was charged for a sale that is not finished.

    Raises:
        TerminalUnavailable: ask again; the payment still counts. NotNow: the terminal refuses, or is not connected.
    """
    if paid.attempt is None:
        return
    if desk.terminal is None:
        raise NotNow(problem="The card was charged by a terminal that is not connected now")
    asked = events.CardAsked(attempt=paid.attempt, amount=paid.amount, terminal=desk.terminal.name)
    answer = desk.terminal.reverse(_attempt(desk, asked))
    if answer.outcome != "cancelled":
        raise NotNow(problem=f"The card was charged and the terminal gives nothing back: {inert(answer.reason)}")


def require_settled(desk: Desk) -> None:
    """See that no attempt is open before anything else pays, or the sale is left.

    Raises:
        CardNotSettled: one is.
    """
    if desk.sale.asked is not None:
        raise CardNotSettled(problem="The card payment is still open")


def _open(desk: Desk) -> tuple[CardTerminal | None, events.CardAsked | None]:
    if desk.sale.asked is not None and desk.terminal is None:
        raise CardNotSettled(problem="A card payment is open and no terminal is connected")
    return desk.terminal, desk.sale.asked


def _attempt(desk: Desk, asked: events.CardAsked) -> Attempt:
    return Attempt(id=asked.attempt, amount=asked.amount, currency=desk.place.currency)


def _take(desk: Desk, answer: Answer, done: Callable[[], None]) -> None:
    """Write down what the terminal answered; one that says nothing final is asked again."""
    asked = desk.sale.asked
    if asked is None:
        return
    if answer.outcome == "waiting":
        _wait(desk, "Waiting for the customer at the terminal", done)
        return
    _close_box(desk)
    desk.record(
        events.CardAnswered(
            attempt=asked.attempt,
            outcome="cancelled" if answer.outcome == "unknown" else answer.outcome,
            amount=asked.amount,
            reference=" ".join(inert(part) for part in (answer.card, answer.reference) if part)[:64],
            reason=inert(answer.reason)[:200],
        )
    )
    if answer.outcome != "approved":
        what = "declined" if answer.outcome == "declined" else "not charged"
        desk.show("Card", [f"The card was {what}: {inert(answer.reason) or 'no reason given'}"])
        desk.bell = True
    done()


def _wait(desk: Desk, why: str, done: Callable[[], None]) -> None:
    """Show that the terminal has not answered for good; Enter asks again, ``x`` gives up."""
    _close_box(desk)

    def answer(text: str) -> None:
        if text.lower() == "x":
            give_up(desk, done)
        else:
            ask_again(desk, done)

    lines = [inert(why), "Enter asks the terminal again, x Enter gives up."]
    desk.boxes.append(Box("ask", "Card payment", lines, "Enter, or x", answer, slow=True, code=_ASK))


def _close_box(desk: Desk) -> None:
    desk.boxes[:] = [each for each in desk.boxes if each.code != _ASK]
