"""Whatever is done in whatever order: a balance is the sum of its entries, and nothing is taken that is not there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.ids import new_id
from primepos.domain.values.errors import ValueShort
from primepos.domain.values.points import PointsRule
from primepos.domain.values.service import adjust_account, authorise, of_customer, release, set_limit, tidy
from tests.domain.values.value_world import a_customer, an_account, assert_value_adds_up, balance, entries
from tests.factories import a_shop

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App

_AMOUNTS = st.integers(1, 120)
_ACTS = st.one_of(
    st.tuples(st.just("give"), _AMOUNTS),
    st.tuples(st.just("take"), _AMOUNTS),
    st.tuples(st.just("keep"), _AMOUNTS),
    st.tuples(st.just("release"), st.integers(0, 9)),
    st.tuples(st.just("wait"), st.integers(1, 16)),
    st.tuples(st.just("tidy"), st.just(0)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(_ACTS, min_size=1, max_size=14))
def test_any_sequence_keeps_the_books(app: App, clock: FrozenClock, acts: list[tuple[str, int]]) -> None:
    shop = a_shop(app)
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada, 100)
    expected, kept = 0, {}

    def available() -> int:
        return 100 + expected - sum(amount for amount, until in kept.values() if until > clock.now())

    for act, number in acts:
        given_data = {"id": new_id(), "customer_id": ada, "reason": "by chance"}
        try:
            if act == "give":
                app.run(adjust_account, shop.owner, {**given_data, "amount": number})
                expected += number
            elif act == "take":
                app.run(adjust_account, shop.owner, {**given_data, "amount": -number})
                assert number <= available()
                expected -= number
            elif act == "keep":
                app.run(authorise, shop.owner, {"id": given_data["id"], "account_id": account, "amount": number})
                assert number <= available()
                kept[given_data["id"]] = (number, clock.now() + timedelta(minutes=15))
            elif act == "release" and kept:
                gone = list(kept)[number % len(kept)]
                app.run(release, shop.owner, {"id": gone})
                del kept[gone]
            elif act == "wait":
                clock.advance(timedelta(minutes=number))
            elif act == "tidy":
                app.run(tidy, shop.owner, {})
        except ValueShort:
            assert number > available()
        shown = app.run(of_customer, shop.owner, {"customer_id": ada}).items[0]
        assert (shown.balance, shown.available) == (expected, available())
        assert expected >= -100
    assert balance(app, account)[0] == sum(amount for _, amount, _ in entries(app, account))
    assert_value_adds_up(app, shop)
    app.run(set_limit, shop.owner, {"customer_id": ada, "limit": 0})


@given(
    lines=st.lists(st.integers(-500, 5000), min_size=1, max_size=30),
    earn=st.integers(1, 20),
    per=st.integers(1, 500),
    used=st.integers(0, 3000),
)
def test_points_of_the_lines_are_the_points_of_the_sale(lines: list[int], earn: int, per: int, used: int) -> None:
    rule = PointsRule(earn, per, burn=100, worth_minor=500, excluded=frozenset(), expiry_months=None)
    numbered = list(enumerate(lines, 1))
    total = sum(lines)
    found = rule.earned(numbered, paid_in_points=0, total=total)
    spent = sum(each for each in lines if each > 0)
    assert sum(points for _, points in found) == spent * earn // per
    less = rule.earned(numbered, paid_in_points=used, total=total)
    assert sum(points for _, points in less) <= sum(points for _, points in found)
    assert all(points > 0 and dict(numbered)[n] > 0 for n, points in [*found, *less])


@given(minor=st.integers(1, 10**9), burn=st.integers(1, 1000), worth=st.integers(1, 1000))
def test_points_pay_no_more_than_they_are_worth(minor: int, burn: int, worth: int) -> None:
    rule = PointsRule(1, 1, burn=burn, worth_minor=worth, excluded=frozenset(), expiry_months=None)
    cost = rule.cost(minor)
    assert rule.worth(cost) >= minor
    assert (cost - 1) * worth < minor * burn
