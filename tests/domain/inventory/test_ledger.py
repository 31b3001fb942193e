"""The stock ledger under random acts and real parallel ones: a level is the sum of its movements."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import PrimePOSError
from primepos.domain.inventory.errors import NegativeStock, OpeningExists
from primepos.domain.inventory.service import adjust_stock, open_stock, receive_stock
from tests.factories import a_shop, rows

QUANTITIES = st.decimals("-50", "50", places=3, allow_nan=False, allow_infinity=False)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["delta", "counted", "receive", "open"]),
        st.dictionaries(st.sampled_from([0, 1, 2]), QUANTITIES, min_size=1),
    ),
    max_size=12,
)


def state(app, shop):
    """Return level and sum of movements of every product that has either."""
    found = rows(
        app,
        "SELECT coalesce(l.product_id, m.product_id) AS product_id, l.quantity AS level, m.quantity AS moved"
        "  FROM (SELECT * FROM stock_levels WHERE tenant_id = %(tenant)s) l"
        "  FULL JOIN (SELECT product_id, outlet_id, sum(quantity) AS quantity FROM stock_movements"
        "              WHERE tenant_id = %(tenant)s GROUP BY product_id, outlet_id) m"
        "    ON m.product_id = l.product_id AND m.outlet_id = l.outlet_id",
        {"tenant": shop.tenant_id},
    )
    return {row["product_id"]: (row["level"], row["moved"] or Decimal(0)) for row in found}


def act(app, shop, kind, quantities):
    lines = {shop.products[number]: quantity for number, quantity in quantities.items()}
    data = {"outlet_id": shop.outlet_id}
    if kind in {"receive", "open"}:
        data["lines"] = [{"product_id": each, "quantity": abs(quantity)} for each, quantity in lines.items()]
        app.run(receive_stock if kind == "receive" else open_stock, shop.manager, data)
        return
    signed = {each: abs(quantity) if kind == "counted" else quantity for each, quantity in lines.items()}
    data["lines"] = [{"product_id": each, kind: quantity} for each, quantity in signed.items()]
    app.run(adjust_stock, shop.manager, data | {"reason": "random"})


# A difference or a receipt of nothing is no act.
ZERO = {"INVALID_AMOUNT", "INVALID_INPUT"}


def outcome(app, shop, kind, quantities):
    """Return the refusal of a random act, or None where it was done."""
    try:
        act(app, shop, kind, quantities)
    except PrimePOSError as error:
        return error
    return None


@pytest.mark.parametrize("policy", ["allow", "block"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_levels_are_the_sum_of_movements_whatever_is_done(app, policy, acts):
    shop = a_shop(app, settings={"stock_policy": policy})
    expected: dict = {}
    for kind, quantities in acts:
        before = state(app, shop)
        refused = outcome(app, shop, kind, quantities)
        if refused is not None:
            assert state(app, shop) == before
            assert isinstance(refused, NegativeStock if kind == "delta" else OpeningExists) or refused.code in ZERO
            assert policy == "block" or not isinstance(refused, NegativeStock)
            continue
        for number, quantity in quantities.items():
            product = shop.products[number]
            if kind == "counted":
                expected[product] = abs(quantity)
            else:
                by = quantity if kind == "delta" else abs(quantity)
                expected[product] = expected.get(product, Decimal(0)) + by
    after = state(app, shop)
    assert {product: level for product, (level, _) in after.items()} == expected
    assert all(level == moved for level, moved in after.values())
    if policy == "block":
        assert all(level >= 0 for level, _ in after.values())


def in_parallel(count, work):
    """Run ``work(number)`` in threads that start together; return what they raised."""
    start = threading.Barrier(count)
    raised: list[PrimePOSError] = []

    def run(number):
        start.wait(30)
        try:
            work(number)
        except PrimePOSError as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def test_eight_people_moving_the_same_goods_in_opposite_order_lose_nothing(make_app, database_url, app):
    crowd = make_app(database_url, DB_POOL_SIZE="8")
    shop = a_shop(app)
    apple, bread, _ = shop.products

    def work(number):
        for turn in range(12):
            first, second = (apple, bread) if number % 2 else (bread, apple)
            lines = [
                {"product_id": first, "delta": Decimal(number + 1)},
                {"product_id": second, "delta": Decimal(turn + 1)},
            ]
            crowd.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, "reason": "race", "lines": lines})

    assert in_parallel(8, work) == []
    # Odd numbers move apples by number + 1 and bread by turn + 1, even ones the other way round.
    odd, even = (sum(number + 1 for number in range(8) if number % 2 == rest) * 12 for rest in (1, 0))
    turns = 4 * sum(range(1, 13))
    assert state(app, shop) == {apple: (odd + turns, odd + turns), bread: (even + turns, even + turns)}


def test_eight_people_taking_what_is_not_enough_for_all_take_no_more_than_there_is(make_app, database_url, app):
    crowd = make_app(database_url, DB_POOL_SIZE="8")
    shop = a_shop(app, settings={"stock_policy": "block"})
    apple, bread, _ = shop.products
    act(app, shop, "receive", {0: Decimal(20), 1: Decimal(1000)})
    taken = [0] * 8

    def work(number):
        for _ in range(10):
            lines = [{"product_id": bread, "delta": -1}, {"product_id": apple, "delta": -1}]
            if number % 2:
                lines.reverse()
            try:
                crowd.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, "reason": "race", "lines": lines})
            except NegativeStock:
                continue
            taken[number] += 1

    assert in_parallel(8, work) == []
    assert sum(taken) == 20
    assert state(app, shop) == {apple: (0, 0), bread: (980, 980)}


def test_counts_and_movements_at_once_leave_the_level_of_the_movements(make_app, database_url, app):
    crowd = make_app(database_url, DB_POOL_SIZE="8")
    shop = a_shop(app)
    apple, bread, _ = shop.products

    def work(number):
        for turn in range(8):
            products = (apple, bread) if number % 2 else (bread, apple)
            kind = "counted" if number < 4 else "delta"
            lines = [{"product_id": each, kind: Decimal(turn + 1)} for each in products]
            crowd.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, "reason": "race", "lines": lines})

    assert in_parallel(8, work) == []
    assert all(level == moved for level, moved in state(app, shop).values())
    assert set(state(app, shop)) == {apple, bread}


def test_two_openings_at_once_open_once(make_app, database_url, app):
    crowd = make_app(database_url, DB_POOL_SIZE="8")
    shop = a_shop(app)

    refused = in_parallel(8, lambda number: act(crowd, shop, "open", {0: Decimal(number + 1)}))

    assert len(refused) == 7
    assert all(isinstance(error, OpeningExists) for error in refused)
    ((level, moved),) = state(app, shop).values()
    assert level == moved
    assert 1 <= level <= 8
