"""What stock is worth: a moving average, right whatever happens in whatever order, and explained by its movements."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.errors import RepeatedProduct, StockConflict
from primepos.domain.inventory.service import (
    add_counted,
    adjust_stock,
    approve_count,
    explain_stock,
    list_costs,
    open_count,
    receive_transfer,
    request_transfer,
    revalue_stock,
    ship_transfer,
)
from primepos.domain.sales.service import book_sale, void_sale
from tests.domain.inventory.goods import a_warehouse, everything, level, stocked, worth
from tests.domain.sales.test_races import at_once
from tests.factories import a_shop, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from primepos.domain.sales.schemas import SaleOut
    from tests.factories import Shop


def sell(app: App, shop: Shop, product: UUID, quantity: str) -> SaleOut:
    line = {"product_id": product, "quantity": quantity}
    made: SaleOut = app.run(book_sale, shop.cashier, basket(shop, lines=[line], paid=1_000_000))
    return made


def cost_of(app: App, sale: UUID) -> int | None:
    found: int | None = rows(app, "SELECT cost FROM sale_lines WHERE sale_id = %s ORDER BY line_no", (sale,))[0]["cost"]
    return found


def test_what_comes_in_blends_and_what_goes_out_leaves_the_average(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10", "0.40")
    assert level(app, shop, apple) == (10, 40)
    stocked(app, shop, apple, "5", "0.70")
    assert level(app, shop, apple) == (15, 50)
    sale = sell(app, shop, apple, "4")
    assert (cost_of(app, sale.id), level(app, shop, apple)) == (200, (11, 50))
    # Nobody knows what these cost: they are worth the average.
    stocked(app, shop, apple, "1")
    assert level(app, shop, apple) == (12, 50)
    void = app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
    assert (cost_of(app, void.id), level(app, shop, apple)) == (-200, (16, 50))
    line = {"product_id": apple, "quantity": "1"}
    app.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, "lines": [line], "reason_code": "damage"})
    assert level(app, shop, apple) == (15, 50)
    assert_books_hold(app, shop)


def test_from_nothing_or_less_the_average_begins_anew(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    unknown = sell(app, shop, apple, "2")
    assert (cost_of(app, unknown.id), level(app, shop, apple)) == (None, (-2, None))
    stocked(app, shop, apple, "10", "0.60")
    assert level(app, shop, apple) == (8, 60)
    sell(app, shop, apple, "8")
    stocked(app, shop, apple, "3", "0.10")
    assert level(app, shop, apple) == (3, 10)
    assert_books_hold(app, shop)


def test_a_third_of_a_cent_is_not_lost_in_many_sales(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "2", "0.01")
    stocked(app, shop, apple, "1", "0.02")
    assert level(app, shop, apple) == (3, Decimal("1.333333"))
    assert cost_of(app, sell(app, shop, apple, "3").id) == 4


def test_worth_is_set_where_nobody_knew_it(app: App, shop: Shop) -> None:
    apple, bread, _ = shop.products
    stocked(app, shop, apple, "10")
    costs = [{"product_id": apple, "unit_cost": "0.35"}, {"product_id": bread, "unit_cost": "1.2"}]
    data = {"id": new_id(), "outlet_id": shop.outlet_id, "lines": costs, "reason": "first list"}

    done = app.run(revalue_stock, shop.manager, data)

    assert [(each.sku, each.average_cost, each.value) for each in done.items] == [("A-1", 35, 350), ("B-2", 120, 0)]
    assert app.run(revalue_stock, shop.manager, data) == done
    with pytest.raises(StockConflict):
        app.run(revalue_stock, shop.manager, {**data, "reason": "another"})
    told = app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id})
    assert [(each.kind, each.quantity, each.running) for each in told.movements] == [
        ("receive", 10, 10),
        ("revalue", 0, 10),
    ]
    first = app.run(list_costs, shop.accountant, {"limit": 1})
    assert [each.sku for each in first.items] == ["A-1"]
    rest = app.run(list_costs, shop.accountant, {"limit": 1, "after": first.next})
    assert ([each.sku for each in rest.items], rest.next) == (["B-2"], None)
    assert_books_hold(app, shop)


def test_what_makes_no_sense_is_refused_and_changes_nothing(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10", "0.50")
    before = everything(app, shop)
    line = {"product_id": apple, "unit_cost": "1"}
    refused: list[tuple[list[dict[str, Any]], type[Exception]]] = [
        ([{**line, "unit_cost": "-1"}], InvalidInput),
        ([{**line, "unit_cost": "0.00001"}], InvalidInput),
        ([{**line, "product_id": uuid4()}], ProductNotFound),
        ([line, line], RepeatedProduct),
        ([], InvalidInput),
    ]
    for lines, error in refused:
        with pytest.raises(error):
            app.run(revalue_stock, shop.manager, {"outlet_id": shop.outlet_id, "lines": lines, "reason": "x"})
    with pytest.raises(ApprovalRequired):
        app.run(revalue_stock, shop.clerk, {"outlet_id": shop.outlet_id, "lines": [line], "reason": "x"})
    with pytest.raises(PermissionDenied):
        app.run(list_costs, shop.cashier, {})
    assert everything(app, shop) == before


def test_older_movements_are_told_as_their_sum(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    for _ in range(5):
        stocked(app, shop, apple, "2")
    told = app.run(explain_stock, shop.cashier, {"product_id": apple, "outlet_id": shop.outlet_id, "limit": 2})
    assert (told.opening, [each.running for each in told.movements], told.level, told.holds) == (6, [8, 10], 10, True)
    empty = app.run(explain_stock, shop.cashier, {"product_id": shop.products[1], "outlet_id": shop.outlet_id})
    assert (empty.opening, empty.movements, empty.level, empty.holds) == (0, [], 0, True)


COSTS = st.decimals("0", "9.9999", places=4, allow_nan=False, allow_infinity=False)
AMOUNTS = st.decimals("0.001", "50", places=3, allow_nan=False, allow_infinity=False)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.sampled_from([0, 1]), AMOUNTS, COSTS),
        st.tuples(st.just("sell"), st.just(0), AMOUNTS, st.just(Decimal(0))),
        st.tuples(st.just("move"), st.sampled_from([0, 1]), AMOUNTS, st.just(Decimal(0))),
        st.tuples(st.just("count"), st.sampled_from([0, 1]), AMOUNTS, st.just(Decimal(0))),
    ),
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_whatever_is_done_levels_are_their_movements_and_transfers_keep_what_goods_are_worth(
    app: App, acts: list[Any]
) -> None:
    shop = a_shop(app)
    apple = shop.products[0]
    places = (shop.outlet_id, a_warehouse(app, shop))
    for place in places:
        stocked(app, shop, apple, "100", "1.00", at=place)
    for act, where, amount, cost in acts:
        here, there = places[where], places[1 - where]
        before, both = worth(app, shop), [level(app, shop, apple, each)[0] for each in places]
        if act == "receive":
            stocked(app, shop, apple, str(amount), str(cost), at=here)
            # An average has six places of a minor unit; of so many goods that is less than a thousandth.
            if both[where] >= 0:
                assert abs(worth(app, shop) - before - amount * cost * 100) < Decimal("0.001")
        elif act == "sell":
            sell(app, shop, apple, str(amount))
        elif act == "count":
            count = app.run(open_count, shop.owner, {"id": new_id(), "outlet_id": here, "product_ids": [apple]}).id
            line = {"product_id": apple, "quantity": str(amount)}
            app.run(add_counted, shop.owner, {"id": new_id(), "count_id": count, "lines": [line]})
            app.run(approve_count, shop.owner, {"id": count})
            assert level(app, shop, apple, here)[0] == amount
        else:
            line = {"product_id": apple, "quantity": str(amount)}
            data = {"id": new_id(), "from_outlet_id": here, "to_outlet_id": there, "lines": [line]}
            transfer = app.run(request_transfer, shop.owner, data).id
            for step in (ship_transfer, receive_transfer):
                app.run(step, shop.owner, {"id": new_id(), "transfer_id": transfer})
                if min(both) >= amount:
                    assert abs(worth(app, shop) - before) < Decimal("0.001")
            assert sum(level(app, shop, apple, each)[0] for each in places) == sum(both)
    for place in places:
        level(app, shop, apple, place)
        told = app.run(explain_stock, shop.owner, {"product_id": apple, "outlet_id": place})
        assert told.holds
    assert_books_hold(app, shop)


def test_goods_received_by_eight_at_once_are_worth_their_sum(make_app: Callable[..., App], database_url: str) -> None:
    crowd = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    shop = a_shop(crowd)
    apple = shop.products[0]

    def work(number: int) -> bool:
        for _ in range(5):
            stocked(crowd, shop, apple, "2", f"0.{number + 1}0")
        return True

    assert at_once([lambda number=number: work(number) for number in range(8)]) == [True] * 8
    quantity, average = level(crowd, shop, apple)
    # 10 each at 10, 20 ... 80; forty blends, each right to half a millionth.
    assert quantity == 80
    assert average is not None
    assert abs(average - 45) < Decimal("0.0001")
    assert_books_hold(crowd, shop)
