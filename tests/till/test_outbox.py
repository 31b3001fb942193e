"""What a till has not delivered: shown with the reason, sent again when the cause is mended."""

from __future__ import annotations

import json

import pytest

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.core.errors import InvalidInput
from primepos.till.outbox import send_again, unsent
from tests.factories import rows
from tests.till.test_delivery import sell
from tests.till.test_scenarios import sold
from tests.till.world import a_world


def refuse_the_second(name, data):
    return InvalidInput("bad") if name == "sales.deliver" and data.number == 2 else None


@pytest.fixture
def refused(till):
    """A till whose second sale the server has refused."""
    till.line.refuse = refuse_the_second
    sell(till, 3)
    till.till.delivery.flush()
    return till


def test_what_was_refused_is_shown_with_the_reason(refused):
    (left,) = unsent(refused.till.journal)
    assert (left.kind, left.number, left.state, left.attempts) == ("sale", 2, "set_aside", 1)
    assert (left.error, left.why) == ("INVALID_INPUT", "bad")


def test_what_waits_is_shown_too_in_the_order_of_the_journal(refused):
    refused.line.refuse = lambda _name, _data: OSError("cable")
    sell(refused, 1)
    assert [(left.number, left.state) for left in unsent(refused.till.journal)] == [(2, "set_aside"), (4, "pending")]


def test_sending_again_tries_what_was_refused_and_says_what_is_left(refused):
    (left,) = send_again(refused.till)
    assert (left.number, left.state, left.attempts) == (2, "set_aside", 2)
    assert [each["number"] for each in sold(refused)] == [1, 3]


def test_sending_again_delivers_once_the_cause_is_mended(refused):
    refused.line.refuse = lambda _name, _data: None
    assert send_again(refused.till) == []
    assert [each["number"] for each in sold(refused)] == [1, 2, 3]
    assert send_again(refused.till) == []
    assert [each["number"] for each in sold(refused)] == [1, 2, 3]


def test_the_command_shows_and_sends(app, shop, clock, capsys):
    refused = a_world(app, shop, app.settings.data_dir, clock).ready()
    refused.line.refuse = refuse_the_second
    sell(refused, 3)
    refused.till.delivery.flush()
    refused.till.close()
    session.use_app(app)
    try:
        words = ["till", "--tenant", shop.slug, "--json"]
        assert run(cli, [*words, "--unsent"]) == 0
        (shown,) = json.loads(capsys.readouterr().out)
        assert (shown["number"], shown["state"], shown["why"]) == (2, "set_aside", "bad")
        assert run(cli, [*words, "--send"]) == 0
        told = capsys.readouterr()
        assert (json.loads(told.out), "Everything is delivered." in told.err) == ([], True)
    finally:
        session.use_app(None)
    booked = rows(app, "SELECT number FROM sales WHERE tenant_id = %s ORDER BY number", (shop.tenant_id,))
    assert [each["number"] for each in booked] == [1, 2, 3]
