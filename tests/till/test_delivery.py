"""Delivery: oldest first, each once whatever is lost on the way, one bad sale aside while the rest flow."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import InternalError, InvalidInput, PermissionDenied, Unavailable
from primepos.till.delivery import MOST_ATTEMPTS, Delivery
from tests.factories import rows
from tests.till.test_scenarios import sold
from tests.till.world import World


def sell(till: World, count: int = 1) -> None:
    for _ in range(count):
        till.scan("A-1")
        till.press("f12")


def test_a_lost_answer_is_asked_again_and_books_once(till):
    sell(till)
    till.line.lose_answers_of = {"sales.deliver"}
    assert till.till.delivery.step() == 0
    assert till.till.journal.unsent() == (1, 0)
    till.line.lose_answers_of = set()
    assert till.till.delivery.flush()
    assert [(each["number"], each["flags"]) for each in sold(till)] == [(1, [])]
    (entry,) = [each for each in till.till.journal.entries() if each.number]
    assert b'"receipt":"' in entry.answer


def test_what_is_delivered_is_never_sent_again(till):
    sell(till, 3)
    till.till.delivery.flush()
    till.line.calls.clear()
    till.till.delivery.flush()
    assert till.line.calls == []


def test_one_bad_sale_is_set_aside_while_the_rest_flow(till):
    till.line.refuse = lambda name, data: InvalidInput("bad") if name == "sales.deliver" and data.number == 2 else None
    sell(till, 4)
    assert till.till.delivery.flush()
    assert till.till.journal.unsent() == (0, 1)
    assert [each["number"] for each in sold(till)] == [1, 3, 4]
    till.line.refuse = lambda _name, _data: None
    till.till.journal.retry_set_aside()
    till.till.delivery.flush()
    assert [each["number"] for each in sold(till)] == [1, 2, 3, 4]


@pytest.mark.parametrize("error", [Unavailable(), PermissionDenied(permission="sale:deliver")])
def test_a_server_that_is_away_or_shuts_the_register_out_sets_nothing_aside(till, error):
    till.line.refuse = lambda name, _data: error if name == "sales.deliver" else None
    sell(till, 2)
    for _ in range(MOST_ATTEMPTS + 2):
        assert till.till.delivery.step() == 0
    assert till.till.journal.unsent() == (2, 0)
    assert till.till.delivery.online is False


@pytest.mark.parametrize("error", [InternalError(), ZeroDivisionError()])
def test_a_bug_of_the_server_is_tried_again_and_then_set_aside(till, error):
    till.line.refuse = lambda name, data: error if name == "sales.deliver" and data.number == 1 else None
    sell(till, 2)
    for _ in range(MOST_ATTEMPTS - 1):
        assert till.till.delivery.step() == 0
    assert till.till.delivery.step() == 2
    assert till.till.journal.unsent() == (0, 1)
    assert [each["number"] for each in sold(till)] == [2]


def test_delays_double_to_a_minute_and_are_spread(till):
    delivery = Delivery(till.till.journal, till.line, clock=till.clock, chance=random.Random(1))
    till.line.down = True
    sell(till)
    seen = []
    for _ in range(10):
        delivery.step()
        seen.append(delivery.delay_ms())
    for delay, longest in zip(seen, [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000], strict=True):
        assert longest // 2 <= delay <= longest
    till.line.down = False
    delivery.flush()
    assert delivery.delay_ms() == 30_000


def test_the_loop_delivers_by_itself_and_ends_when_told(till):
    waits = []

    def wait(milliseconds: int) -> None:
        waits.append(milliseconds)
        till.line.down = False
        if len(waits) == 2:
            delivery.stop()

    delivery = Delivery(till.till.journal, till.line, clock=till.clock, wait=wait)
    till.line.down = True
    sell(till, 2)
    thread = threading.Thread(target=delivery.loop)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert till.till.journal.unsent() == (0, 0)
    assert [each["number"] for each in sold(till)] == [1, 2]


def test_the_catalogue_is_heard_of_again_after_the_server_was_away(till):
    heard = []
    delivery = Delivery(
        till.till.journal,
        till.line,
        clock=till.clock,
        refresh=lambda: heard.append(1),
        wait=lambda _: delivery.stop(),
    )
    delivery.missed()
    delivery.loop()
    assert heard == [1]
    assert delivery.online is True


def test_a_till_that_was_away_for_a_month_delivers_all_in_order(till, clock):
    till.line.down = True
    for _ in range(5):
        sell(till, 4)
        clock.advance(timedelta(days=6))
    till.line.down = False
    assert till.till.delivery.flush()
    found = sold(till)
    assert [(each["number"], each["flags"]) for each in found] == [(n, []) for n in range(1, 21)]
    received = rows(
        till.app, "SELECT number FROM sales WHERE tenant_id = %s ORDER BY received_at, number", (till.shop.tenant_id,)
    )
    assert [each["number"] for each in received] == list(range(1, 21))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ok", "down", "lost"]), min_size=4, max_size=25))
def test_any_weather_books_each_sale_once(till, weather):
    before = len([each for each in till.till.journal.entries() if each.number])
    for now in weather:
        till.line.down = now == "down"
        till.line.lose_answers_of = {"sales.deliver"} if now == "lost" else set()
        sell(till)
        till.till.delivery.step()
    till.line.down, till.line.lose_answers_of = False, set()
    assert till.till.delivery.flush()
    found = sold(till)
    assert [each["number"] for each in found] == list(range(1, before + len(weather) + 1))
    assert all(each["flags"] == [] for each in found)
