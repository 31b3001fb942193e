"""A terminal that is none: for trying a till, for training, and for tests of everything that can go wrong with a card.

What happens depends on the last two digits of the amount, as with the test modes of real terminals:

| amount ends in | what the terminal does |
|---|---|
| .05 | declines: not enough money |
| .06 | the customer presses cancel |
| .07 | hears the payment, charges the card, but its answer is lost: it must be asked again |
| .08 | takes its time: says at the second question what became of it |
| .09 | was switched off: it never hears of the payment |
| anything else | approves at once |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from primepos.domain.payments.terminal import Answer, Attempt, TerminalUnavailable

if TYPE_CHECKING:
    from uuid import UUID

_LOST: Final = 7
_WAITING: Final = Answer("waiting")
_NEVER_HEARD: Final = Answer("unknown", reason="The terminal knows no such payment")


@dataclass(slots=True)
class _Payment:
    answer: Answer
    then: Answer | None = None


class SimulatedTerminal:
    """Keeps its payments in memory, as a terminal keeps them in its own."""

    name = "simulator"

    def __init__(self) -> None:
        """Begin with no payment."""
        self._payments: dict[UUID, _Payment] = {}
        self.charged: dict[UUID, int] = {}

    def start(self, attempt: Attempt) -> Answer:
        """Take a payment, by its amount; see the table above."""
        known = self._payments.get(attempt.id)
        if known is not None:
            return known.answer
        match attempt.amount % 100:
            case 5:
                made = _Payment(Answer("declined", reason="Not enough money"))
            case 6:
                made = _Payment(Answer("cancelled", reason="The customer pressed cancel"))
            case 8:
                made = _Payment(_WAITING, then=self._approval(attempt))
            case 9:
                raise TerminalUnavailable(problem="it is switched off")
            case _:
                made = _Payment(self._approval(attempt))
        self._payments[attempt.id] = made
        if made.answer.outcome == "approved":
            self.charged[attempt.id] = attempt.amount
        if attempt.amount % 100 == _LOST:
            raise TerminalUnavailable(problem="no answer came back")
        return made.answer

    def status(self, attempt: Attempt) -> Answer:
        """Say what became of a payment; one that takes its time is done by now."""
        known = self._payments.get(attempt.id)
        if known is None:
            return _NEVER_HEARD
        if known.then is not None:
            known.answer, known.then = known.then, None
            self.charged[attempt.id] = attempt.amount
        return known.answer

    def cancel(self, attempt: Attempt) -> Answer:
        """Stop a payment that waits; what was charged stays charged."""
        known = self._payments.get(attempt.id)
        if known is None:
            return _NEVER_HEARD
        if known.then is not None:
            known.answer, known.then = Answer("cancelled", reason="Cancelled at the till"), None
        return known.answer

    def reverse(self, attempt: Attempt) -> Answer:
        """Give a charged payment back; again is the same."""
        known = self._payments.get(attempt.id)
        if known is None:
            return _NEVER_HEARD
        if known.answer.outcome == "approved":
            known.answer = Answer("cancelled", reason="Given back")
            del self.charged[attempt.id]
        return known.answer

    def _approval(self, attempt: Attempt) -> Answer:
        return Answer("approved", reference=f"SIM-{attempt.id.hex[-8:].upper()}", card="TEST CARD 4242")
