"""Counts: several people add, selling goes on, and approval moves levels once by what was missing when counted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import CategoryNotFound
from primepos.domain.catalog.service import create_category, update_product
from primepos.domain.inventory.errors import (
    CountedBelowZero,
    CountNotFound,
    NothingCounted,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    WrongState,
)
from primepos.domain.inventory.service import (
    add_counted,
    adjust_stock,
    approve_count,
    cancel_count,
    explain_stock,
    get_count,
    list_count_lines,
    list_counts,
    open_count,
    recount_stock,
)
from primepos.domain.outlets.errors import OutletNotYours
from primepos.domain.sales.service import book_sale
from tests.domain.inventory.goods import everything, level, stocked
from tests.domain.sales.test_races import at_once
from tests.factories import a_product, a_shop, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from primepos.domain.inventory.count_schemas import Counted
    from tests.factories import Shop


def opened(app: App, shop: Shop, **more: Any) -> UUID:
    made: UUID = app.run(open_count, shop.clerk, {"id": new_id(), "outlet_id": shop.outlet_id, **more}).id
    return made


def tally(app: App, shop: Shop, count: UUID, quantities: dict[UUID, str]) -> Counted:
    lines = [{"product_id": each, "quantity": quantity} for each, quantity in quantities.items()]
    done: Counted = app.run(add_counted, shop.clerk, {"id": new_id(), "count_id": count, "lines": lines})
    return done


def seen(app: App, shop: Shop, count: UUID, who: str = "manager", **more: Any) -> list[tuple[Any, ...]]:
    found = app.run(list_count_lines, shop.people[who], {"id": count, **more}).items
    return [(each.sku, each.counted, each.expected, each.difference) for each in found]


def sell(app: App, shop: Shop, quantity: str) -> None:
    line = {"product_id": shop.products[0], "quantity": quantity}
    app.run(book_sale, shop.cashier, basket(shop, lines=[line], paid=10_000))


def test_counting_goes_on_beside_selling_and_moves_what_was_missing_when_counted(app: App, shop: Shop) -> None:
    apple, bread, _ = shop.products
    for each in shop.products:
        stocked(app, shop, each, "10", "0.50")
    count = opened(app, shop)
    sell(app, shop, "2")
    tally(app, shop, count, {apple: "3"})
    assert tally(app, shop, count, {apple: "4", bread: "11"}).lines[0].counted == 7
    sell(app, shop, "3")

    assert seen(app, shop, count) == [("A-1", 7, 8, -1), ("B-2", 11, 10, 1), ("C-3", None, None, None)]
    done = app.run(approve_count, shop.manager, {"id": count})

    assert (done.state, done.lines, done.counted, done.different) == ("approved", 3, 2, 2)
    # 10 - 2 - 3 sold, less the one that was missing.
    assert [level(app, shop, each) for each in shop.products] == [(4, 50), (11, 50), (10, 50)]
    told = app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id})
    assert [(each.kind, each.quantity, each.document, each.reason_code) for each in told.movements[-1:]] == [
        ("count", -1, "count 1", "count")
    ]
    assert told.holds
    before = everything(app, shop)
    assert app.run(approve_count, shop.manager, {"id": count}) == done
    assert everything(app, shop) == before
    assert_books_hold(app, shop)


def test_who_counts_blindly_sees_neither_what_is_expected_nor_what_differs(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10")
    count = opened(app, shop)
    tally(app, shop, count, {apple: "8"})

    assert seen(app, shop, count, "clerk") == [("A-1", 8, None, None)]
    assert seen(app, shop, count, "clerk", only="different") == [("A-1", 8, None, None)]
    assert app.run(get_count, shop.clerk, {"id": count}).different is None
    assert seen(app, shop, count, "manager", only="different") == [("A-1", 8, 10, -2)]
    assert app.run(get_count, shop.manager, {"id": count}).different == 1
    assert seen(app, shop, count, "manager", only="uncounted") == []
    sighted = opened(app, shop, blind=False)
    tally(app, shop, sighted, {apple: "9"})
    assert seen(app, shop, sighted, "clerk") == [("A-1", 9, 10, -1)]
    app.run(approve_count, shop.manager, {"id": count})
    assert seen(app, shop, count, "clerk") == [("A-1", 8, 10, -2)]


def test_a_category_or_a_list_is_counted_alone(app: App, shop: Shop) -> None:
    apple, bread, cheese = shop.products
    dairy = app.run(create_category, shop.owner, {"name": "Dairy"}).id
    app.run(update_product, shop.owner, {"id": cheese, "category_id": dairy})
    for each in shop.products:
        stocked(app, shop, each, "10")
    by_category = opened(app, shop, category_id=dairy)
    by_list = opened(app, shop, product_ids=[apple, bread])
    whole = opened(app, shop)
    assert [line[0] for line in seen(app, shop, by_category)] == ["C-3"]
    assert [line[0] for line in seen(app, shop, by_list)] == ["A-1", "B-2"]
    for count, stranger in ((by_category, apple), (by_list, cheese)):
        with pytest.raises(NotInDocument):
            tally(app, shop, count, {stranger: "1"})
    # Something turns up that never moved here.
    new = a_product(app, shop, sku="NEW", price="1")
    tally(app, shop, whole, {new: "2"})
    app.run(approve_count, shop.manager, {"id": whole})
    assert level(app, shop, new) == (2, None)
    found = app.run(list_counts, shop.clerk, {"limit": 2})
    assert [each.scope for each in found.items] == ["outlet", "list"]
    last = app.run(list_counts, shop.clerk, {"limit": 2, "after": found.next})
    assert [each.scope for each in last.items] == ["category"]
    assert [each.number for each in app.run(list_counts, shop.clerk, {"state": "approved"}).items] == [3]


def test_a_recount_begins_at_nothing_and_the_first_stays_on_record(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10")
    count = opened(app, shop)
    tally(app, shop, count, {apple: "7"})
    sell(app, shop, "1")

    data = {"id": new_id(), "count_id": count, "product_ids": [apple]}
    again = app.run(recount_stock, shop.clerk, data)
    assert [(each.round, each.counted) for each in again.lines] == [(2, None)]
    assert app.run(recount_stock, shop.clerk, data) == again
    tally(app, shop, count, {apple: "9"})

    assert seen(app, shop, count) == [("A-1", 9, 9, 0)]
    entries = rows(app, "SELECT round, quantity FROM stock_count_entries WHERE count_id = %s ORDER BY round", (count,))
    assert [tuple(each.values()) for each in entries] == [(1, 7), (2, 9)]
    app.run(approve_count, shop.manager, {"id": count})
    assert level(app, shop, apple)[0] == 9


def test_what_was_not_counted_stays_unless_it_is_said_to_be_gone(app: App, shop: Shop) -> None:
    apple, bread, cheese = shop.products
    for each in shop.products:
        stocked(app, shop, each, "10")
    count = opened(app, shop)
    tally(app, shop, count, {apple: "10"})
    sell(app, shop, "1")

    app.run(approve_count, shop.manager, {"id": count, "uncounted_are_zero": True})

    assert [level(app, shop, each)[0] for each in (apple, bread, cheese)] == [9, 0, 0]
    assert_books_hold(app, shop)


def test_goods_sold_since_do_not_stop_a_count_where_the_shop_blocks(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    apple = shop.products[0]
    stocked(app, shop, apple, "10")
    count = opened(app, shop)
    tally(app, shop, count, {apple: "4"})
    sell(app, shop, "8")

    app.run(approve_count, shop.manager, {"id": count})

    assert level(app, shop, apple)[0] == -4


def test_what_makes_no_sense_is_refused_and_changes_nothing(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10")
    service = a_product(app, shop, sku="WRAP", price="1", track_stock=False)
    count = opened(app, shop)
    with pytest.raises(NothingCounted):
        app.run(approve_count, shop.manager, {"id": count})
    tally(app, shop, count, {apple: "2"})
    tally(app, shop, count, {apple: "-1"})
    before = everything(app, shop)
    outlet = {"outlet_id": shop.outlet_id}
    refused: list[tuple[Any, dict[str, Any], type[Exception]]] = [
        (open_count, {**outlet, "category_id": uuid4()}, CategoryNotFound),
        (open_count, {**outlet, "category_id": uuid4(), "product_ids": [apple]}, InvalidInput),
        (open_count, {**outlet, "product_ids": [service]}, StockNotTracked),
        (open_count, {**outlet, "product_ids": [apple, apple]}, RepeatedProduct),
        (add_counted, {"count_id": count, "lines": [{"product_id": apple, "quantity": "-2"}]}, CountedBelowZero),
        (add_counted, {"count_id": uuid4(), "lines": [{"product_id": apple, "quantity": "1"}]}, CountNotFound),
        (add_counted, {"count_id": count, "lines": []}, InvalidInput),
        (recount_stock, {"count_id": count, "product_ids": [shop.products[1]]}, NotInDocument),
    ]
    for operation, data, error in refused:
        with pytest.raises(error):
            app.run(operation, shop.clerk, {"id": new_id(), **data})
    with pytest.raises(PermissionDenied):
        app.run(approve_count, shop.clerk, {"id": count})
    with pytest.raises(OutletNotYours):
        app.run(get_count, replace(shop.clerk, outlet_ids=frozenset({uuid4()})), {"id": count})
    assert everything(app, shop) == before

    entry = {"id": new_id(), "count_id": count, "lines": [{"product_id": apple, "quantity": "1"}]}
    app.run(add_counted, shop.clerk, entry)
    assert app.run(add_counted, shop.clerk, entry).lines[0].counted == 2
    with pytest.raises(StockConflict):
        app.run(add_counted, shop.clerk, {**entry, "lines": [{"product_id": apple, "quantity": "9"}]})
    gone = app.run(cancel_count, shop.clerk, {"id": count})
    assert app.run(cancel_count, shop.clerk, {"id": count}).state == gone.state == "cancelled"
    for operation, data in (
        (approve_count, {"id": count}),
        (add_counted, {**entry, "id": new_id()}),
        (recount_stock, {"id": new_id(), "count_id": count, "product_ids": [apple]}),
    ):
        with pytest.raises(WrongState, match="cancelled"):
            app.run(operation, shop.manager, data)
    assert level(app, shop, apple)[0] == 10


@pytest.fixture
def crowd(make_app: Callable[..., App], database_url: str) -> App:
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_six_people_counting_at_once_lose_nothing(crowd: App, shop: Shop) -> None:
    for each in shop.products:
        stocked(crowd, shop, each, "100")
    count = opened(crowd, shop)

    def work(number: int) -> bool:
        order = shop.products[:: 1 if number % 2 else -1]
        for _ in range(5):
            tally(crowd, shop, count, dict.fromkeys(order, "2"))
        return True

    assert at_once([lambda number=number: work(number) for number in range(6)]) == [True] * 6
    assert seen(crowd, shop, count) == [(sku, 60, 100, -40) for sku in ("A-1", "B-2", "C-3")]


def test_selling_and_moving_while_counting_never_moves_the_difference(crowd: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(crowd, shop, apple, "1000")
    count = opened(crowd, shop)

    def sells() -> bool:
        for _ in range(8):
            sell(crowd, shop, "1")
        return True

    def moves() -> bool:
        line = {"product_id": apple, "delta": "2"}
        for _ in range(8):
            data = {"outlet_id": shop.outlet_id, "reason": "found", "lines": [line]}
            crowd.run(adjust_stock, shop.manager, data)
        return True

    def counts_right() -> bool:
        # Whatever the level is at the moment of the entry, ten fewer are on the shelf.
        for _ in range(4):
            here = level(crowd, shop, apple)[0]
            crowd.run(recount_stock, shop.clerk, {"id": new_id(), "count_id": count, "product_ids": [apple]})
            tally(crowd, shop, count, {apple: str(here - 10)})
        return True

    assert at_once([sells, sells, moves, counts_right]) == [True] * 4
    ((_, counted, expected, difference),) = seen(crowd, shop, count)
    assert counted - expected == difference
    crowd.run(approve_count, shop.manager, {"id": count})
    assert level(crowd, shop, apple)[0] == Decimal(1000 - 16 + 16) + difference
    assert_books_hold(crowd, shop)


def test_two_approvals_at_once_post_once_also_beside_somebody_still_counting(crowd: App, shop: Shop) -> None:
    apple, bread, _ = shop.products
    stocked(crowd, shop, apple, "10")
    stocked(crowd, shop, bread, "10")
    count = opened(crowd, shop)
    tally(crowd, shop, count, {apple: "7"})

    approvals = [lambda: crowd.run(approve_count, shop.manager, {"id": count}) for _ in range(4)]
    counting = [lambda: tally(crowd, shop, count, {bread: "9"}) for _ in range(2)]
    answers = at_once([*approvals, *counting])

    assert all(each == answers[0] for each in answers[:4])
    assert not isinstance(answers[0], Exception)
    late = sum(isinstance(each, WrongState) for each in answers[4:])
    posted = rows(crowd, "SELECT count(*) AS n FROM stock_movements WHERE document_id = %s", (count,))[0]["n"]
    # Who was in time is in the count, who was not is refused.
    assert level(crowd, shop, apple)[0] == 7
    assert level(crowd, shop, bread)[0] == {2: 10, 1: 9, 0: 18}[late]
    assert posted == (1 if late == 2 else 2)
    assert_books_hold(crowd, shop)
