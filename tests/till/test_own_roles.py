"""A role that the shop made itself, at the till: what it allows, up to its limits, and whom it lets agree."""

from __future__ import annotations

import pytest

from primepos.domain.staff.service import create_role, create_staff
from tests.till.world import MANAGER, MANAGER_PIN

LEAD, PIN = "5", "739146"


@pytest.fixture
def lead(app, shop, world):
    """Lea, who gives up to 15 percent on a line, 2.00 on a ticket and on a price, and agrees to others' cash moves."""
    grants = [
        {"permission": "sale:line_discount", "decision": "allow", "max_percent": "15"},
        {"permission": "sale:ticket_discount", "decision": "allow", "max_amount": 200},
        {"permission": "sale:price_override", "decision": "allow", "max_amount": 200},
        {"permission": "sale:line_void", "decision": "allow", "max_amount": 500},
        {"permission": "approval:give", "decision": "allow"},
    ]
    app.run(create_role, shop.owner, {"name": "lead", "title": "Lead", "like": "cashier", "grants": grants})
    app.run(create_staff, shop.owner, {"code": LEAD, "name": "Lea", "role": "lead", "pin": PIN})
    world.sign_in(LEAD, PIN)
    world.press("100", "enter")
    return world


def is_asked(till):
    box = till.till.engine.box
    return box is not None and box.title == "Manager's approval"


def test_up_to_the_limit_nobody_else_is_asked(lead):
    lead.scan("C-3")
    lead.press("15%")
    assert (is_asked(lead), lead.total) == (False, "8,49 €")
    lead.press("16%")
    assert (is_asked(lead), lead.total) == (True, "8,49 €")
    lead.press("escape")


def test_an_amount_off_the_ticket_counts(lead):
    lead.scan("C-3")
    lead.press("f6", "-2", "enter")
    assert (is_asked(lead), lead.total) == (False, "7,99 €")
    lead.press("f6", "-2.01", "enter")
    assert (is_asked(lead), lead.total) == (True, "7,99 €")
    lead.approve(MANAGER, MANAGER_PIN)
    assert lead.total == "7,98 €"


def test_a_price_cut_counts_and_a_higher_price_does_not(lead):
    lead.scan("C-3")
    lead.press("f5", "7.99", "enter")
    assert (is_asked(lead), lead.total) == (False, "7,99 €")
    lead.press("f5", "20", "enter")
    assert (is_asked(lead), lead.total) == (False, "20,00 €")
    lead.press("f5", "7.98", "enter")
    assert is_asked(lead)


def test_taking_off_a_dear_line_needs_somebody_else(lead):
    lead.scan("A-1")
    lead.press("delete")
    assert (is_asked(lead), lead.lines) == (False, [])
    lead.scan("C-3")
    lead.press("delete")
    assert is_asked(lead)


def test_who_agrees_must_hold_the_act_up_to_that_amount(world, lead):
    world.till.engine.desk.session.sign_in("7", "8264")
    lead.scan("C-3")
    lead.press("f6", "-2.01", "enter")
    lead.approve(LEAD, PIN)
    assert lead.error == "Lea cannot approve this"
    lead.press("escape", "escape")
    lead.press("f6", "-2", "enter")
    lead.approve(LEAD, PIN)
    assert lead.total == "7,99 €"
