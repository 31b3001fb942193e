"""What a card terminal must be able to do, whatever its maker calls it.

An *attempt* has an id of ours that is made before the terminal hears of it, so that after a lost answer, a power cut or
a crash the terminal can be asked what became of it. Nothing here waits: a payment is started, and asked about until it
is settled. That is how networked terminals work (Adyen's Terminal API, Stripe Terminal and SumUp all start a payment,
report on it by an id, and cancel it as long as the customer has not paid).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from primepos.core.errors import Unavailable

if TYPE_CHECKING:
    from uuid import UUID

Outcome = Literal["waiting", "approved", "declined", "cancelled", "unknown"]
SETTLED = frozenset({"approved", "declined", "cancelled"})


class TerminalUnavailable(Unavailable):
    """The terminal could not be reached; whether it heard what was asked is not known."""

    code = "TERMINAL_UNAVAILABLE"
    template = "The card terminal does not answer: {problem}"
    hint = "Look at the terminal, then ask it again. Nothing is charged twice: it knows the payment by its number."


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment as the terminal is asked for it: ``amount`` in minor units, above zero."""

    id: UUID
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the terminal says of an attempt.

    ``unknown``: it never heard of it, so nothing was charged. ``reference`` is the terminal's own number of an approved
    payment, ``card`` what may be printed of the card, ``reason`` why it was declined or cancelled.
    """

    outcome: Outcome
    reference: str = ""
    card: str = ""
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self.outcome in SETTLED


class CardTerminal(Protocol):
    """One terminal. Every method answers within seconds or raises TerminalUnavailable."""

    name: str

    def start(self, attempt: Attempt) -> Answer:
        """Ask for a payment. The same attempt again is the same payment, never a second one."""
        ...

    def status(self, attempt: Attempt) -> Answer:
        """Say what became of an attempt."""
        ...

    def cancel(self, attempt: Attempt) -> Answer:
        """Stop an attempt that the customer has not paid; one that is approved stays approved."""
        ...

    def reverse(self, attempt: Attempt) -> Answer:
        """Give an approved payment back before the sale is booked; ``cancelled`` says that it was given back."""
        ...
