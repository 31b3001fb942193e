"""A sale on hold: one key to put it there, two to take it up, and nothing of it is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from primepos.till import events
from tests.till.test_scenarios import BREAD, sold
from tests.till.world import CASHIER, MANAGER, MANAGER_PIN


def test_07_hold_and_later_resume_the_latest(till):
    till.scan("A-1")
    till.scan(BREAD)
    till.press("5%")
    assert till.press("f7") == 1
    assert (till.lines, till.total) == ([], "0,00 €")
    assert till.view.status.connection == "online · on hold: 1"
    till.scan("C-3")
    till.press("f12", "escape")
    assert till.press("f8", "enter") == 2
    assert till.lines == [("Apple", "1", "1,00"), ("Bread", "1", "2,38")]
    assert "on hold" not in till.view.status.connection
    till.press("f12")
    assert [each["total"] for each in sold(till)] == [999, 338]


def test_an_older_one_is_taken_up_by_its_number(till):
    for code in ("A-1", BREAD, "C-3"):
        till.scan(code)
        till.press("f7")
    till.press("f8")
    box = till.till.engine.box
    assert box.title == "On hold"
    assert [(line.split(" · ")[0], line.split(" · ")[-1]) for line in box.lines[:3]] == [
        ("1", "9,99 €"),
        ("2", "2,50 €"),
        ("3", "1,00 €"),
    ]
    till.press("9", "enter")
    assert till.till.engine.box.code == "NOT_UNDERSTOOD"
    till.press("escape", "3", "enter")
    assert till.lines == [("Apple", "1", "1,00")]
    assert till.view.status.connection == "online · on hold: 2"


def test_nothing_is_put_on_hold_and_nothing_is_taken_up_where_there_is_nothing(till):
    till.press("f7")
    assert till.view.notice == "There is no line yet: nothing to put on hold"
    till.press("f8")
    assert till.view.notice == "Nothing is on hold"
    assert till.till.journal.held() == []


def test_a_sale_that_is_open_is_not_pushed_aside(till):
    till.scan("A-1")
    till.press("f7")
    till.scan(BREAD)
    till.press("f8")
    assert till.till.engine.box.code == "SALE_IN_THE_WAY"
    till.press("escape")
    assert till.lines == [("Bread", "1", "2,50")]
    assert len(till.till.journal.held()) == 1


def test_what_is_on_hold_is_there_after_a_restart_and_is_not_the_open_sale(till):
    till.scan("A-1")
    till.press("f7")
    till.restart()
    till.sign_in()
    assert till.lines == []
    till.press("f8", "enter")
    till.restart()
    till.sign_in()
    assert "The open sale is back" in till.till.engine.box.title
    till.press("escape")
    assert till.lines == [("Apple", "1", "1,00")]


def test_a_shift_closes_over_what_is_on_hold_and_says_so(till):
    till.scan("A-1")
    till.press("f7", "ctrl+e", "100", "enter")
    assert "On hold: 1. They stay for the next shift." in till.till.engine.box.lines
    till.press("enter", "escape")
    assert till.view.mode.value == "no_shift"
    till.press("50", "enter", "f8", "enter")
    assert till.lines == [("Apple", "1", "1,00")]


def test_another_person_takes_it_up_and_the_journal_knows_both(till):
    till.scan("A-1")
    till.press("f7", "ctrl+l")
    till.sign_in(MANAGER, MANAGER_PIN)
    till.press("f8", "enter")
    cart = till.till.desk.sale.id
    kept = [each.who for each in till.till.journal.events(cart)]
    assert kept == [CASHIER, CASHIER, MANAGER]


def test_the_price_is_the_one_it_was_rung_up_with(till):
    till.scan("A-1")
    till.press("f7")
    product = till.till.catalogue.look_up("A-1").product
    till.press("f8", "enter")
    (line,) = till.till.desk.sale.lines
    assert (line.unit_price, product.unit_price) == (Decimal("1.0000"), Decimal("1.0000"))


def test_a_disk_that_is_full_keeps_the_sale_where_it_is(till, monkeypatch):
    from primepos.till.errors import TillCannotWrite

    till.scan("A-1")

    def full(*_args, **_kwargs):
        raise TillCannotWrite(problem="disk full")

    monkeypatch.setattr(till.till.journal, "record", full)
    till.press("f7")
    assert till.till.engine.box.code == "TILL_CANNOT_WRITE"
    monkeypatch.undo()
    till.press("escape")
    assert till.lines == [("Apple", "1", "1,00")]
    assert till.till.journal.held() == []
    till.press("f7")
    monkeypatch.setattr(till.till.journal, "record", full)
    till.press("f8", "enter")
    assert till.till.engine.box.code == "TILL_CANNOT_WRITE"
    monkeypatch.undo()
    till.press("escape", "escape")
    assert (till.lines, len(till.till.journal.held())) == ([], 1)


@pytest.mark.parametrize("event", [events.Held(lines=1, total=100), events.Resumed()])
def test_hold_and_resume_take_nothing_from_a_sale(event):
    assert not events.reduces(event)
