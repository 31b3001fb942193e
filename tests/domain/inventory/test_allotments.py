"""Allotments: what a till holds is its own to sell, offline too, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.inventory.errors import NegativeStock, NotAllotted, NotEnoughToAllot, StockConflict
from primepos.domain.inventory.service import (
    adjust_stock,
    allot_stock,
    explain_stock,
    list_allotments,
    list_levels,
    release_stock,
)
from primepos.domain.outlets.errors import OutletNotYours, RegisterNotFound
from primepos.domain.outlets.service import create_register
from primepos.domain.sales.errors import OutOfStock
from primepos.domain.sales.service import book_sale, deliver_sale
from tests.conftest import NOON
from tests.domain.inventory.goods import everything, level, stocked
from tests.domain.sales.test_races import at_once
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def shop(app: App) -> Shop:
    """A shop that sells nothing that is not there, with ten of everything."""
    made = a_shop(app, settings={"stock_policy": "block"})
    for each in made.products:
        stocked(app, made, each, "10")
    return made


def lines(quantities: dict[UUID, str]) -> list[dict[str, Any]]:
    return [{"product_id": each, "quantity": quantity} for each, quantity in quantities.items()]


def allot(app: App, shop: Shop, quantities: dict[UUID, str], register: UUID | None = None) -> list[Decimal]:
    data = {"id": new_id(), "register_id": register or shop.till_id, "lines": lines(quantities)}
    return [each.allotted for each in app.run(allot_stock, shop.clerk, data).items]


def held(app: App, shop: Shop) -> dict[str, tuple[Decimal, Decimal]]:
    """Return what each product's tills hold and what is free; the level's sum must be the tills' own."""
    found = rows(
        app,
        "SELECT p.sku, l.allotted, l.quantity - l.allotted AS free, coalesce(sum(a.quantity), 0) AS tills"
        " FROM stock_levels l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id"
        " LEFT JOIN stock_allotments a ON a.tenant_id = l.tenant_id AND a.outlet_id = l.outlet_id"
        " AND a.product_id = l.product_id WHERE l.tenant_id = %s GROUP BY 1, 2, 3 ORDER BY 1",
        (shop.tenant_id,),
    )
    assert all(each["allotted"] == each["tills"] for each in found)
    return {each["sku"]: (each["allotted"], each["free"]) for each in found}


def test_what_a_till_holds_is_not_there_for_others(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    assert allot(app, shop, {apple: "9"}) == [9]
    assert held(app, shop)["A-1"] == (9, 1)
    with pytest.raises(OutOfStock):
        app.run(book_sale, shop.cashier, basket(shop))
    data = {"outlet_id": shop.outlet_id, "reason": "x", "lines": [{"product_id": apple, "delta": "-2"}]}
    with pytest.raises(NegativeStock):
        app.run(adjust_stock, shop.manager, data)
    one = [{"product_id": apple, "quantity": "1"}]
    assert app.run(book_sale, shop.cashier, basket(shop, lines=one)).total == 100
    shown = app.run(list_levels, shop.cashier, {"product_id": apple}).items[0]
    assert (shown.quantity, shown.allotted) == (9, 9)
    assert app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id}).allotted == 9
    assert_books_hold(app, shop)


def test_a_delivered_sale_draws_on_what_its_till_holds(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    allot(app, shop, {apple: "3"})
    till = TillSeries(shop, a_shift(app, shop), NOON)

    first = till.sell()
    assert app.run(deliver_sale, shop.device, first).flags == []
    assert held(app, shop)["A-1"] == (1, 7)
    # Delivered again, it draws nothing more.
    app.run(deliver_sale, shop.device, first)
    assert held(app, shop)["A-1"] == (1, 7)
    # One of the allotment, one of what is free.
    assert app.run(deliver_sale, shop.device, till.sell()).flags == []
    assert held(app, shop)["A-1"] == (0, 6)
    # What comes back is anybody's.
    app.run(deliver_sale, shop.device, till.void(first))
    assert held(app, shop)["A-1"] == (0, 8)
    assert_books_hold(app, shop)


def test_a_sale_into_what_another_till_holds_happened_and_is_flagged(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    other = app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": "t2", "name": "Two"}).id
    allot(app, shop, {apple: "9"}, other)
    till = TillSeries(shop, a_shift(app, shop), NOON)

    assert app.run(deliver_sale, shop.device, till.sell()).flags == ["NEGATIVE_STOCK"]

    assert held(app, shop)["A-1"] == (9, -1)
    assert level(app, shop, apple)[0] == 8
    assert_books_hold(app, shop)


def test_it_is_given_and_taken_back_once(app: App, shop: Shop) -> None:
    apple, bread, cheese = shop.products
    data = {"id": new_id(), "register_id": shop.till_id, "lines": lines({apple: "4", bread: "2.5"})}
    done = app.run(allot_stock, shop.clerk, data)
    assert app.run(allot_stock, shop.clerk, data) == done
    with pytest.raises(StockConflict):
        app.run(allot_stock, shop.clerk, {**data, "lines": lines({apple: "5"})})
    back = {"id": new_id(), "register_id": shop.till_id, "lines": lines({apple: "1"})}
    assert [each.allotted for each in app.run(release_stock, shop.clerk, back).items] == [3]
    app.run(release_stock, shop.clerk, back)
    page = app.run(list_allotments, shop.cashier, {"limit": 1})
    rest = app.run(list_allotments, shop.cashier, {"limit": 1, "after": page.next, "register_id": shop.till_id})
    found = [(each.sku, each.allotted, each.free) for each in (*page.items, *rest.items)]
    assert (found, rest.next) == ([("A-1", 3, 7), ("B-2", Decimal("2.5"), Decimal("7.5"))], None)
    before = everything(app, shop)
    with pytest.raises(NotAllotted, match="A-1"):
        app.run(release_stock, shop.clerk, {**back, "id": new_id(), "lines": lines({apple: "4", bread: "1"})})
    with pytest.raises(NotEnoughToAllot, match="C-3"):
        allot(app, shop, {apple: "1", cheese: "11"})
    with pytest.raises(InvalidInput):
        allot(app, shop, {apple: "0"})
    with pytest.raises(InvalidInput, match="till"):
        allot(app, shop, {apple: "1"}, shop.server_id)
    with pytest.raises(RegisterNotFound):
        allot(app, shop, {apple: "1"}, uuid4())
    with pytest.raises(PermissionDenied):
        app.run(allot_stock, shop.cashier, {**data, "id": new_id()})
    stranger = replace(shop.clerk, outlet_ids=frozenset({uuid4()}))
    for operation in (allot_stock, release_stock):
        with pytest.raises(OutletNotYours):
            app.run(operation, stranger, {**data, "id": new_id()})
    with pytest.raises(OutletNotYours):
        app.run(list_allotments, stranger, {"register_id": shop.till_id})
    assert app.run(list_allotments, stranger, {}).items == []
    assert everything(app, shop) == before
    app.run(release_stock, shop.clerk, {"id": new_id(), "register_id": shop.till_id})
    assert held(app, shop) == {"A-1": (0, 10), "B-2": (0, 10), "C-3": (0, 10)}


@pytest.fixture
def crowd(make_app: Callable[..., App], database_url: str) -> App:
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_the_last_goods_are_sold_or_held_and_never_both(crowd: App, shop: Shop) -> None:
    apple = shop.products[0]

    def sells() -> int:
        done = 0
        for _ in range(4):
            try:
                crowd.run(book_sale, shop.cashier, basket(shop, lines=lines({apple: "1"})))
            except OutOfStock:
                continue
            done += 1
        return done

    def holds() -> int:
        done = 0
        for _ in range(4):
            try:
                allot(crowd, shop, {apple: "1"})
            except NotEnoughToAllot:
                continue
            done += 1
        return done

    answers = at_once([sells, holds, sells, holds, sells, holds])

    sold, given = (sum(each for each in answers[start::2] if isinstance(each, int)) for start in (0, 1))
    assert sold + given == 10
    assert held(crowd, shop)["A-1"] == (given, 0)
    assert level(crowd, shop, apple)[0] == given
    assert_books_hold(crowd, shop)


def test_delivering_giving_and_taking_back_at_once_lose_nothing(crowd: App, shop: Shop) -> None:
    apple, bread, _ = shop.products
    stocked(crowd, shop, apple, "90")
    stocked(crowd, shop, bread, "90")
    allot(crowd, shop, {apple: "20", bread: "10"})
    till = TillSeries(shop, a_shift(crowd, shop), NOON)
    sales = [till.sell() for _ in range(8)]

    def delivers() -> bool:
        for each in sales:
            crowd.run(deliver_sale, shop.device, each)
        return True

    def gives() -> bool:
        for _ in range(6):
            allot(crowd, shop, {bread: "1", apple: "1"})
        return True

    def takes() -> bool:
        for _ in range(4):
            crowd.run(release_stock, shop.clerk, {"id": new_id(), "register_id": shop.till_id})
        return True

    assert at_once([delivers, gives, takes, gives, takes]) == [True] * 5
    held(crowd, shop)
    assert [level(crowd, shop, each)[0] for each in (apple, bread)] == [84, 92]
    crowd.run(release_stock, shop.clerk, {"id": new_id(), "register_id": shop.till_id})
    assert held(crowd, shop)["A-1"] == (0, 84)
    assert_books_hold(crowd, shop)
