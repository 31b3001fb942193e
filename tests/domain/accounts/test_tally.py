"""Calls counted in memory and settled: nothing is lost, nothing is counted twice, and windows slide."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from primepos.core.db import DatabaseUnavailable
from primepos.domain.accounts import tally as module
from primepos.domain.accounts.tally import Tally
from tests.factories import rows


@pytest.fixture
def make(app, clock):
    """Make the tally of another process."""
    clock.advance(timedelta(seconds=60 - clock.now().second))
    return lambda: Tally(app.database, clock)


def take(tally, key, times, limit=10):
    return [tally.acquire_sliding_window_entry(key, limit, 60) for _ in range(times)].count(True)


def stored(app, key):
    return sorted(
        row["hits"] for row in rows(app, "SELECT hits FROM throttle_counters WHERE key LIKE %s", (f"{key}/%",))
    )


def test_processes_learn_of_each_other_when_they_settle(app, make):
    one, other, key = make(), make(), uuid4().hex
    assert (take(one, key, 4), take(other, key, 5)) == (4, 5)
    assert stored(app, key) == []
    one.settle()
    other.settle()
    assert stored(app, key) == [9]
    assert take(one, key, 1) == 1
    one.settle()
    assert take(one, key, 1) == 0
    # The other one has not heard of the tenth, and lets one through beyond the limit.
    assert take(other, key, 3) == 1
    other.settle()
    assert stored(app, key) == [11]
    assert take(other, key, 1) == 0


def test_what_others_counted_is_asked_for_soon_where_it_may_matter(make, clock):
    one, key = make(), uuid4().hex
    take(one, key, 1, limit=100)
    assert one.wanted.is_set()
    one.settle()
    take(one, key, 1, limit=100)
    assert not one.wanted.is_set()
    take(one, key, 11, limit=100)
    assert one.wanted.is_set()
    one.settle()
    # After a pause as at first: the others may have counted much.
    clock.advance(timedelta(seconds=5))
    take(one, key, 1, limit=100)
    assert one.wanted.is_set()


def test_settling_twice_counts_once(app, make):
    one, key = make(), uuid4().hex
    take(one, key, 3)
    assert (one.settle(), one.settle()) == (1, 0)
    assert stored(app, key) == [3]


def test_what_was_refused_is_not_counted(app, make):
    one, key = make(), uuid4().hex
    assert take(one, key, 25) == 10
    one.settle()
    assert stored(app, key) == [10]
    assert not one.acquire_sliding_window_entry(uuid4().hex, 3, 60, amount=4)


def test_what_could_not_be_settled_is_settled_later(app, make, monkeypatch):
    one, key = make(), uuid4().hex
    take(one, key, 3)

    def away(*_given):
        raise DatabaseUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(module, "apart", away)
        with pytest.raises(DatabaseUnavailable):
            one.settle()
    assert take(one, key, 2) == 2
    one.settle()
    assert stored(app, key) == [5]


def test_the_window_before_counts_by_what_is_still_in_sight(app, make, clock):
    one, other, key = make(), make(), uuid4().hex
    assert take(one, key, 10) == 10
    one.settle()
    clock.advance(timedelta(seconds=90))
    # Half of the ten are in sight: here at once, elsewhere after settling.
    assert take(one, key, 10) == 5
    assert take(other, key, 1) == 1
    other.settle()
    one.settle()
    assert stored(app, key) == [6, 10]
    other.settle()
    assert one.get_sliding_window(key, 60)[0] == 10
    clock.advance(timedelta(seconds=150))
    assert take(one, key, 20) == 10


def test_a_process_that_is_alone_shares_nothing_and_forgets_what_is_over(app, make, clock):
    one, key = make(), uuid4().hex
    take(one, key, 3)
    one.keep_here()
    assert one.settle() == 0
    assert stored(app, key) == []
    assert take(one, key, 20) == 7
    clock.advance(timedelta(seconds=300))
    one.keep_here()
    assert one._windows == {}


def test_a_crowd_of_strangers_does_not_fill_the_memory(app, make, monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 20)
    one, prefix = make(), uuid4().hex
    for number in range(30):
        take(one, f"{prefix}-{number}", 1)
    assert one.settle() == 30
    assert one._windows == {}
    assert sum(stored(app, f"{prefix}-%")) == 30
