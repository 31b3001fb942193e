"""Card payments through a terminal: declined, lost, late, given up, given back, and never taken twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.adapters.terminals.opening import NoSuchTerminal, open_terminal
from primepos.adapters.terminals.simulator import SimulatedTerminal
from primepos.core.ids import new_id
from primepos.domain.payments.terminal import Attempt, TerminalUnavailable

if TYPE_CHECKING:
    from primepos.domain.sales.schemas import SalePayment
    from tests.till.world import World


class Terminal(SimulatedTerminal):
    """The simulator, with a cable that can be pulled."""

    def __init__(self) -> None:
        super().__init__()
        self.unplugged = False
        self.gives_back = True

    def _plugged(self) -> None:
        if self.unplugged:
            raise TerminalUnavailable(problem="unplugged")

    def start(self, attempt):
        self._plugged()
        return super().start(attempt)

    def status(self, attempt):
        self._plugged()
        return super().status(attempt)

    def cancel(self, attempt):
        self._plugged()
        return super().cancel(attempt)

    def reverse(self, attempt):
        self._plugged()
        return super().reverse(attempt) if self.gives_back else self.status(attempt)


@pytest.fixture
def terminal(till: World) -> Terminal:
    made = Terminal()
    till.till.desk.terminal = made
    till.scan("C-3")
    till.press("enter")
    return made


def booked(till: World) -> list[SalePayment]:
    entries = till.till.journal.entries()
    return [each for entry in entries if entry.kind == "sale" for each in entry.sale.payments]


def payments(till: World) -> list[tuple[str, int]]:
    return [(each.kind, each.amount) for each in booked(till)]


def test_an_approved_card_finishes_the_sale_with_what_the_terminal_calls_it(till, terminal):
    till.press("c")

    assert payments(till) == [("card", 999)]
    assert booked(till)[0].reference.startswith("TEST CARD 4242 SIM-")
    assert list(terminal.charged.values()) == [999]


def test_what_is_asked_is_in_the_journal_before_the_terminal_hears_of_it(till, terminal, monkeypatch):
    heard = []
    events = till.till.journal.events
    cart = till.till.desk.sale.id
    monkeypatch.setattr(
        Terminal,
        "start",
        lambda self, attempt: heard.append((attempt, events(cart)[-1].event)) or SimulatedTerminal.start(self, attempt),
    )
    till.press("c")

    ((attempt, event),) = heard
    assert str(attempt.id).encode() in event
    assert b"card_asked" in event


@pytest.mark.parametrize(
    ("amount", "said"), [("2.05", "declined: Not enough money"), ("2.06", "not charged: The customer pressed cancel")]
)
def test_a_refused_card_pays_nothing_and_another_way_is_open(till, terminal, amount, said):
    till.press(amount, "c")

    assert till.till.engine.box.lines == [f"The card was {said}"]
    assert terminal.charged == {}
    till.press("enter", "f12")
    assert payments(till) == [("cash", 999)]


def test_a_lost_answer_is_asked_for_again_and_charged_once(till, terminal):
    till.press("2.07", "c")

    box = till.till.engine.box
    assert (box.title, box.code) == ("Card payment", "CARD_WAITING")
    assert list(terminal.charged.values()) == [207]
    till.press("enter")
    assert till.till.engine.box is None
    till.press("f12")
    assert payments(till) == [("card", 207), ("cash", 792)]
    assert list(terminal.charged.values()) == [207]


def test_a_late_answer_is_waited_for(till, terminal):
    till.press("2.08", "c")
    assert till.till.engine.box.lines[0] == "Waiting for the customer at the terminal"
    assert terminal.charged == {}

    till.press("enter")
    assert list(terminal.charged.values()) == [208]
    till.press("c")
    assert payments(till) == [("card", 208), ("card", 791)]


def test_a_terminal_that_was_off_has_charged_nothing(till, terminal):
    till.press("2.09", "c")
    assert till.till.engine.box.code == "CARD_WAITING"
    till.press("enter")

    assert till.till.engine.box.lines == ["The card was not charged: The terminal knows no such payment"]
    till.press("enter", "f12")
    assert payments(till) == [("cash", 999)]


def test_a_payment_that_waits_is_given_up(till, terminal):
    till.press("2.08", "c", "x", "enter")

    assert till.till.engine.box.lines == ["The card was not charged: Cancelled at the till"]
    assert terminal.charged == {}
    till.press("enter", "f12")
    assert payments(till) == [("cash", 999)]


def test_giving_up_too_late_counts_what_was_charged(till, terminal):
    till.press("2.07", "c", "x", "enter")

    assert till.till.engine.box is None
    till.press("f12")
    assert payments(till) == [("card", 207), ("cash", 792)]


@pytest.mark.parametrize("key", ["f12", "backspace", "escape"])
def test_while_a_payment_is_open_nothing_else_pays_and_nobody_leaves_it(till, terminal, key):
    till.press("2.08", "c")
    terminal.unplugged = True
    till.press("escape", key)

    assert till.error == "The card payment is still open Press c to ask the terminal again, or give up there."
    till.press("escape", "c", "x", "enter")
    assert till.till.engine.box.code == "CARD_NOT_SETTLED", "it does not answer, so nobody knows"
    terminal.unplugged = False
    till.press("escape", "escape", "c")
    assert till.till.desk.sale.asked is None
    assert list(terminal.charged.values()) == [208]


def test_a_till_that_was_killed_asks_what_became_of_it(till, terminal):
    till.press("2.07", "c")
    till.restart()
    till.sign_in()
    till.till.desk.terminal = terminal

    assert till.till.desk.sale.asked is not None
    till.press("enter", "enter", "c", "f12")
    assert payments(till) == [("card", 207), ("cash", 792)]
    assert list(terminal.charged.values()) == [207]


def test_a_till_without_its_terminal_says_so(till, terminal):
    till.press("2.07", "c", "escape")
    till.till.desk.terminal = None
    till.press("c")

    assert till.error.startswith("A card payment is open and no terminal is connected")
    assert payments(till) == []


def test_what_was_charged_is_given_back_before_it_is_taken_off_the_sale(till, terminal):
    till.press("2.00", "c")
    terminal.gives_back = False
    till.press("backspace")
    assert till.error.startswith("The card was charged and the terminal gives nothing back")
    assert till.till.desk.sale.tenders

    terminal.gives_back = True
    till.press("escape", "backspace")
    assert (terminal.charged, till.till.desk.sale.tenders) == ({}, [])
    till.press("escape", "f12")
    assert payments(till) == [("cash", 999)]


def test_a_charged_card_needs_its_terminal_to_be_given_back(till, terminal):
    till.press("2.00", "c")
    till.till.desk.terminal = None
    till.press("backspace")

    assert till.error.startswith("The card was charged by a terminal that is not connected now")
    assert list(terminal.charged.values()) == [200]


def test_more_than_is_due_is_not_asked_for(till, terminal):
    till.press("10.00", "c")

    assert till.till.engine.box.code == "INVALID_TENDER"
    assert (terminal.charged, till.till.desk.sale.asked) == ({}, None)


def test_the_same_attempt_is_the_same_payment():
    terminal, attempt = SimulatedTerminal(), Attempt(id=new_id(), amount=500, currency="EUR")

    assert terminal.start(attempt) == terminal.start(attempt) == terminal.status(attempt)
    assert terminal.charged == {attempt.id: 500}
    assert terminal.reverse(attempt) == terminal.reverse(attempt)
    assert terminal.charged == {}
    stranger = Attempt(id=new_id(), amount=500, currency="EUR")
    assert {each(stranger).outcome for each in (terminal.status, terminal.cancel, terminal.reverse)} == {"unknown"}


def test_only_a_shop_without_real_money_pays_by_the_simulator():
    assert open_terminal("simulator", real_money=False).name == "simulator"
    with pytest.raises(NoSuchTerminal, match="it charges nobody"):
        open_terminal("simulator", real_money=True)
    with pytest.raises(NoSuchTerminal, match="known is simulator"):
        open_terminal("verifone", real_money=False)
