"""What a shop lays down: which way a reason goes, when to order again, and what happens below zero."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.inventory.errors import NegativeStock, ReasonUnknown, StockNotTracked, WrongDirection
from primepos.domain.inventory.service import (
    adjust_stock,
    list_low,
    list_movements,
    list_reasons,
    request_transfer,
    set_policy,
    set_reason,
    set_reorder,
    ship_transfer,
    show_policy,
)
from primepos.domain.outlets.errors import OutletNotYours
from primepos.domain.sales.errors import OutOfStock
from primepos.domain.sales.service import book_sale, deliver_sale
from tests.conftest import NOON
from tests.domain.inventory.goods import a_warehouse, everything, level, stocked
from tests.factories import TillSeries, a_product, a_shift, a_shop, assert_books_hold, basket

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop


def adjust(app: App, shop: Shop, code: str, **line: Any) -> None:
    lines = [{"product_id": shop.products[0], **line}]
    app.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, "reason_code": code, "lines": lines})


def test_the_reason_has_the_sign(app: App, shop: Shop) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "10")
    for code in ("damage", "theft", "gift", "own-use", "expired"):
        adjust(app, shop, code, quantity="1")
    adjust(app, shop, "found", quantity="3")
    adjust(app, shop, "correction", delta="-1")
    adjust(app, shop, "damage", delta="-1")
    assert level(app, shop, apple)[0] == 6
    before = everything(app, shop)
    for code, line in (
        ("damage", {"delta": "1"}),
        ("theft", {"counted": "9"}),
        ("found", {"delta": "-1"}),
        ("found", {"counted": "1"}),
        ("correction", {"quantity": "1"}),
    ):
        with pytest.raises(WrongDirection):
            adjust(app, shop, code, **line)
    with pytest.raises(ReasonUnknown):
        adjust(app, shop, "because", quantity="1")
    for line in ({"quantity": "-1"}, {"quantity": "0"}, {"quantity": "1", "delta": "1"}):
        with pytest.raises(InvalidInput):
            adjust(app, shop, "damage", **line)
    assert everything(app, shop) == before
    found = app.run(list_movements, shop.clerk, {"product_id": apple, "limit": 1}).items[0]
    assert (found.reason_code, found.reason, found.quantity) == ("damage", "Damaged", -1)


def test_a_shop_has_reasons_of_its_own(app: App, shop: Shop) -> None:
    stocked(app, shop, shop.products[0], "10")
    app.run(set_reason, shop.owner, {"code": "tasting", "name": "For tasting", "direction": "out"})
    app.run(set_reason, shop.owner, {"code": "gift", "name": "Present", "direction": "out", "archived": True})
    adjust(app, shop, "tasting", quantity="2")
    with pytest.raises(ReasonUnknown):
        adjust(app, shop, "gift", quantity="1")
    known = {each.code: each.name for each in app.run(list_reasons, shop.cashier, {}).items}
    assert ("gift" in known, known["tasting"]) == (False, "For tasting")
    assert "gift" in {each.code for each in app.run(list_reasons, shop.cashier, {"all": True}).items}
    with pytest.raises(PermissionDenied):
        app.run(set_reason, shop.manager, {"code": "x", "name": "X", "direction": "in"})


def test_what_runs_out_is_named_with_what_fills_it_up(app: App, shop: Shop) -> None:
    apple, bread, cheese = shop.products
    depot = a_warehouse(app, shop)
    here = {"outlet_id": shop.outlet_id}
    stocked(app, shop, apple, "4")
    stocked(app, shop, bread, "50")
    stocked(app, shop, apple, "100", at=depot)
    app.run(set_reorder, shop.clerk, {**here, "product_id": apple, "minimum": "5", "target": "20"})
    app.run(set_reorder, shop.clerk, {**here, "product_id": bread, "minimum": "5", "target": "20"})
    app.run(set_reorder, shop.clerk, {**here, "product_id": cheese, "minimum": "2"})
    data = {"id": new_id(), "from_outlet_id": depot, "to_outlet_id": shop.outlet_id}
    transfer = app.run(request_transfer, shop.clerk, {**data, "lines": [{"product_id": apple, "quantity": "6"}]}).id
    app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer})

    first = app.run(list_low, shop.clerk, {"limit": 1})
    rest = app.run(list_low, shop.clerk, {"limit": 1, "after": first.next})

    found = [(each.sku, each.quantity, each.in_transit, each.suggested) for each in (*first.items, *rest.items)]
    assert (found, rest.next) == ([("A-1", 4, 6, 10), ("C-3", 0, 0, 2)], None)
    app.run(set_reorder, shop.clerk, {**here, "product_id": cheese, "minimum": None})
    assert [each.sku for each in app.run(list_low, shop.clerk, here).items] == ["A-1"]
    service = a_product(app, shop, sku="WRAP", price="1", track_stock=False)
    with pytest.raises(StockNotTracked):
        app.run(set_reorder, shop.clerk, {**here, "product_id": service, "minimum": "1"})
    for wrong in ({"minimum": "-1"}, {"minimum": "5", "target": "4"}, {"minimum": None, "target": "4"}):
        with pytest.raises(InvalidInput):
            app.run(set_reorder, shop.clerk, {**here, "product_id": apple, **wrong})
    with pytest.raises(PermissionDenied):
        app.run(set_reorder, shop.cashier, {**here, "product_id": apple, "minimum": "1"})
    with pytest.raises(OutletNotYours):
        app.run(list_low, replace(shop.clerk, outlet_ids=frozenset({depot})), here)


def test_a_products_rule_stands_above_the_outlets_and_that_above_the_tenants(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    apple, bread, _ = shop.products
    here = {"outlet_id": shop.outlet_id}
    with pytest.raises(OutOfStock, match="A-1, B-2"):
        app.run(book_sale, shop.cashier, basket(shop))
    app.run(set_policy, shop.owner, {**here, "policy": "warn"})
    warned = app.run(book_sale, shop.cashier, basket(shop))
    assert (warned.flags, level(app, shop, apple)[0]) == (["NEGATIVE_STOCK"], -2)
    app.run(set_policy, shop.owner, {"product_id": bread, "policy": "block"})
    with pytest.raises(OutOfStock) as refused:
        app.run(book_sale, shop.cashier, basket(shop))
    assert refused.value.data == {"products": "B-2"}
    lines = [{"product_id": bread, "delta": "-1"}, {"product_id": apple, "delta": "-1"}]
    with pytest.raises(NegativeStock):
        app.run(adjust_stock, shop.manager, {**here, "reason": "x", "lines": lines})
    shown = app.run(show_policy, shop.clerk, {**here, "product_id": bread})
    assert (shown.tenant, shown.outlet, shown.product, shown.policy) == ("block", "warn", "block", "block")
    for each in (apple, bread):
        app.run(set_policy, shop.owner, {"product_id": each, "policy": "allow"})
    assert app.run(book_sale, shop.cashier, basket(shop)).flags == []
    for which in (here, {"product_id": apple}, {"product_id": bread}):
        done = app.run(set_policy, shop.owner, {**which, "policy": None})
        assert done.policy == "block"
    for wrong in ({"policy": "allow"}, {**here, "product_id": apple, "policy": "allow"}, {**here, "policy": "maybe"}):
        with pytest.raises(InvalidInput):
            app.run(set_policy, shop.owner, wrong)
    with pytest.raises(PermissionDenied):
        app.run(set_policy, shop.manager, {**here, "policy": "allow"})
    assert_books_hold(app, shop)


def test_a_tills_sale_is_flagged_under_warn_and_block_and_booked_under_all(app: App) -> None:
    for rule, flags in (("allow", []), ("warn", ["NEGATIVE_STOCK"]), ("block", ["NEGATIVE_STOCK"])):
        shop = a_shop(app, settings={"stock_policy": rule})
        till = TillSeries(shop, a_shift(app, shop), NOON)
        assert app.run(deliver_sale, shop.device, till.sell()).flags == flags
        for each in shop.products[:2]:
            app.run(set_policy, shop.owner, {"product_id": each, "policy": "allow"})
        assert app.run(deliver_sale, shop.device, till.sell()).flags == []
        assert level(app, shop, shop.products[0])[0] == -4
