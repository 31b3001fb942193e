"""Stock: levels, movements, corrections, receipts, openings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from uuid import uuid4

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.catalog.service import update_product
from primepos.domain.inventory.errors import NegativeStock, OpeningExists, RepeatedProduct, StockNotTracked
from primepos.domain.inventory.ledger import SIGNS, lock_levels, move, movement
from primepos.domain.inventory.service import (
    adjust_stock,
    list_levels,
    list_movements,
    open_stock,
    receive_stock,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.service import create_outlet
from tests.domain.inner_room import count, in_room, refusals
from tests.factories import a_product, a_shop, rows

CHANGES = [adjust_stock, receive_stock, open_stock]


def adjust(app, shop, *lines, reason="count", identity=None, outlet_id=None):
    return app.run(
        adjust_stock,
        identity or shop.manager,
        {
            "outlet_id": outlet_id or shop.outlet_id,
            "reason": reason,
            "lines": [{"product_id": product, kind: quantity} for product, kind, quantity in lines],
        },
    )


def change(operation, outlet_id, product_id, quantity="1"):
    line = {"product_id": product_id, "delta" if operation is adjust_stock else "quantity": quantity}
    reason = {"reason": "x"} if operation is adjust_stock else {}
    return {"outlet_id": outlet_id, "lines": [line]} | reason


def levels(app, shop):
    found = rows(
        app, "SELECT product_id, quantity FROM stock_levels WHERE tenant_id = %s ORDER BY product_id", (shop.tenant_id,)
    )
    return {row["product_id"]: row["quantity"] for row in found}


def moved(done):
    return [(line.product_id, line.moved, line.quantity) for line in done.lines]


@pytest.fixture
def blocking(app):
    """A shop that blocks what is not there."""
    return a_shop(app, settings={"stock_policy": "block"})


def test_differences_move_levels_and_are_remembered_with_reason_and_author(app, shop):
    apple, bread, _ = shop.products

    first = adjust(app, shop, (bread, "delta", "2.5"), (apple, "delta", "10"), reason="  found in the   cellar ")
    second = adjust(app, shop, (apple, "delta", "-0.125"), reason="eaten")

    assert moved(first) == [(apple, 10, 10), (bread, Decimal("2.5"), Decimal("2.5"))]
    assert moved(second) == [(apple, Decimal("-0.125"), Decimal("9.875"))]
    page = app.run(list_movements, shop.cashier, {"product_id": apple})
    assert [(row.kind, row.quantity, row.reason, row.actor_name) for row in page.items] == [
        ("adjust", Decimal("-0.125"), "eaten", "Manager"),
        ("adjust", 10, "found in the cellar", "Manager"),
    ]
    assert page.items[0].at == app.clock.now()


def test_a_count_moves_a_level_by_what_is_missing(app, shop):
    apple, bread, cheese = shop.products
    adjust(app, shop, (apple, "delta", "10"), (bread, "delta", "4"))

    done = adjust(app, shop, (apple, "counted", "7"), (bread, "counted", "4"), (cheese, "counted", "1.5"))

    assert moved(done) == [(apple, -3, 7), (bread, 0, 4), (cheese, Decimal("1.5"), Decimal("1.5"))]
    assert count(app, "stock_movements", shop.tenant_id) == 4


def test_differences_and_counts_may_stand_in_one_act(app, shop):
    apple, bread, _ = shop.products

    assert moved(adjust(app, shop, (bread, "counted", "3"), (apple, "delta", "1"))) == [(apple, 1, 1), (bread, 3, 3)]


def test_by_default_stock_may_fall_below_zero(app, shop):
    assert moved(adjust(app, shop, (shop.products[0], "delta", "-2"))) == [(shop.products[0], -2, -2)]


def test_where_the_shop_blocks_nothing_falls_below_zero_and_nothing_at_all_is_changed(app, blocking):
    apple, bread, cheese = blocking.products
    adjust(app, blocking, (apple, "delta", "3"), (bread, "delta", "1"))
    before = levels(app, blocking)

    with pytest.raises(NegativeStock) as refused:
        adjust(app, blocking, (apple, "delta", "-3"), (bread, "delta", "-1.001"), (cheese, "delta", "-1"))

    assert refused.value.data == {"products": "B-2, C-3"}
    assert levels(app, blocking) == before
    assert count(app, "stock_movements", blocking.tenant_id) == 2
    assert refusals(app, blocking.tenant_id) == [("inventory.adjust", "NEGATIVE_STOCK")]
    assert moved(adjust(app, blocking, (apple, "delta", "-3"))) == [(apple, -3, 0)]


def test_where_the_shop_blocks_a_level_below_zero_may_still_come_up(app, blocking):
    apple = blocking.products[0]
    in_room(
        app,
        blocking.owner,
        lambda ctx: ctx.uow.run(
            "INSERT INTO stock_levels (tenant_id, outlet_id, product_id, quantity) VALUES (%s, %s, %s, -5)",
            (ctx.tenant_id, blocking.outlet_id, apple),
        ),
    )

    assert moved(adjust(app, blocking, (apple, "delta", "2"))) == [(apple, 2, -3)]
    with pytest.raises(NegativeStock):
        adjust(app, blocking, (apple, "delta", "-1"))


def test_goods_received_are_added(app, shop):
    apple, bread, _ = shop.products
    data = {
        "outlet_id": shop.outlet_id,
        "lines": [{"product_id": bread, "quantity": "0.001"}, {"product_id": apple, "quantity": 24}],
        "reason": "note 7711",
    }

    assert moved(app.run(receive_stock, shop.manager, data)) == [
        (apple, 24, 24),
        (bread, Decimal("0.001"), Decimal("0.001")),
    ]
    assert moved(app.run(receive_stock, shop.manager, data))[0] == (apple, 24, 48)
    (first, _) = app.run(list_movements, shop.owner, {"product_id": apple}).items
    assert (first.kind, first.quantity, first.reason) == ("receive", 24, "note 7711")


def test_stock_is_opened_once_and_before_anything_moved(app, shop):
    apple, bread, cheese = shop.products

    def opening(*lines):
        return {"outlet_id": shop.outlet_id, "lines": [{"product_id": p, "quantity": q} for p, q in lines]}

    assert moved(app.run(open_stock, shop.manager, opening((apple, "5"), (bread, "0")))) == [
        (apple, 5, 5),
        (bread, 0, 0),
    ]
    for lines in ([(apple, "6")], [(bread, "1"), (cheese, "1")]):
        with pytest.raises(OpeningExists):
            app.run(open_stock, shop.manager, opening(*lines))
    adjust(app, shop, (cheese, "delta", "1"))
    with pytest.raises(OpeningExists) as refused:
        app.run(open_stock, shop.manager, opening((cheese, "2")))

    assert refused.value.data == {"products": "C-3"}
    assert levels(app, shop) == {apple: 5, bread: 0, cheese: 1}
    other = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    elsewhere = opening((apple, "2")) | {"outlet_id": other.id}
    assert moved(app.run(open_stock, shop.manager, elsewhere)) == [(apple, 2, 2)]


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        (adjust_stock, {"delta": "0"}),
        (adjust_stock, {"delta": "0.0001"}),
        (adjust_stock, {"delta": "NaN"}),
        (adjust_stock, {"delta": "1000000000"}),
        (adjust_stock, {"counted": "-1"}),
        (adjust_stock, {}),
        (adjust_stock, {"delta": "1", "counted": "1"}),
        (receive_stock, {"quantity": "0"}),
        (receive_stock, {"quantity": "-1"}),
        (receive_stock, {"quantity": "1.0001"}),
        (open_stock, {"quantity": "-1"}),
    ],
)
def test_quantities_that_make_no_sense_are_refused(app, shop, operation, line):
    reason = {"reason": "x"} if operation is adjust_stock else {}
    with pytest.raises(InvalidInput):
        app.run(
            operation,
            shop.manager,
            {"outlet_id": shop.outlet_id, "lines": [{"product_id": shop.products[0], **line}], **reason},
        )
    assert levels(app, shop) == {}


def test_an_adjustment_needs_a_reason_and_lines(app, shop):
    line = {"product_id": shop.products[0], "delta": "1"}
    for data in (
        {"lines": [line]},
        {"lines": [line], "reason": " "},
        {"lines": [], "reason": "x"},
        {"lines": [line] * 501, "reason": "x"},
    ):
        with pytest.raises(InvalidInput):
            app.run(adjust_stock, shop.manager, {"outlet_id": shop.outlet_id, **data})
    assert levels(app, shop) == {}


def test_a_level_beyond_what_can_be_stored_is_refused_whole(app, shop):
    apple, bread, _ = shop.products
    in_room(
        app,
        shop.owner,
        lambda ctx: move(ctx, shop.outlet_id, "opening", {apple: Decimal(99999999999)}),
    )

    with pytest.raises(InvalidInput):
        adjust(app, shop, (bread, "delta", "1"), (apple, "delta", "1"))

    assert levels(app, shop) == {apple: Decimal(99999999999)}
    assert count(app, "stock_movements", shop.tenant_id) == 1


@pytest.mark.parametrize("operation", CHANGES)
def test_a_product_stands_on_one_line(app, shop, operation):
    data = change(operation, shop.outlet_id, shop.products[0])

    with pytest.raises(RepeatedProduct):
        app.run(operation, shop.manager, data | {"lines": data["lines"] * 2})
    assert levels(app, shop) == {}


@pytest.mark.parametrize("operation", CHANGES)
def test_what_is_not_tracked_does_not_move(app, shop, operation):
    service = a_product(app, shop, sku="WRAP", price="1", track_stock=False)

    with pytest.raises(StockNotTracked) as refused:
        app.run(operation, shop.manager, change(operation, shop.outlet_id, service))
    assert refused.value.data == {"products": "WRAP"}
    assert levels(app, shop) == {}


@pytest.mark.parametrize("operation", CHANGES)
def test_foreign_outlets_and_products_are_not_found_and_stay_as_they_are(app, shop, other_shop, operation):
    for outlet_id in (other_shop.outlet_id, uuid4()):
        with pytest.raises(OutletNotFound):
            app.run(operation, shop.manager, change(operation, outlet_id, shop.products[0]))
    for product_id in (other_shop.products[0], uuid4()):
        with pytest.raises(ProductNotFound):
            app.run(operation, shop.manager, change(operation, shop.outlet_id, product_id))

    assert levels(app, shop) == levels(app, other_shop) == {}


@pytest.mark.parametrize("operation", CHANGES)
def test_a_manager_of_another_outlet_moves_nothing_here(app, shop, operation):
    elsewhere = replace(shop.manager, outlet_ids=frozenset({uuid4()}))

    with pytest.raises(OutletNotYours):
        app.run(operation, elsewhere, change(operation, shop.outlet_id, shop.products[0]))
    assert levels(app, shop) == {}
    assert refusals(app, shop.tenant_id) == [(operation.name, "OUTLET_NOT_YOURS")]


@pytest.mark.parametrize("operation", CHANGES)
def test_who_may_not_adjust_is_refused_and_audited(app, shop, operation):
    data = change(operation, shop.outlet_id, shop.products[0])

    with pytest.raises(PermissionDenied):
        app.run(operation, shop.cashier, data)
    with pytest.raises(ApprovalRequired):
        app.run(operation, shop.clerk, data)

    assert levels(app, shop) == {}
    assert refusals(app, shop.tenant_id) == [
        (operation.name, "PERMISSION_DENIED"),
        (operation.name, "APPROVAL_REQUIRED"),
    ]


def all_pages(app, operation, identity, **data):
    after = None
    while True:
        page = app.run(operation, identity, data | ({"after": after} if after else {}))
        yield page.items
        after = page.next
        if after is None:
            return


def test_levels_are_listed_lowest_first_without_repeating_or_missing_one(app, shop):
    apple, bread, cheese = shop.products
    north = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    adjust(app, shop, (apple, "delta", "5"), (bread, "delta", "-1"), (cheese, "delta", "5"))
    adjust(app, shop, (apple, "delta", "5"), (cheese, "delta", "0.5"), outlet_id=north.id)

    for limit in (1, 2, 50):
        found = list(chain(*all_pages(app, list_levels, shop.cashier, limit=limit)))
        assert [(row.sku, row.outlet, row.quantity) for row in found[:2]] == [
            ("B-2", "main", -1),
            ("C-3", "north", Decimal("0.5")),
        ]
        assert {(row.sku, row.name, row.outlet) for row in found[2:]} == {
            ("A-1", "Apple", "main"),
            ("A-1", "Apple", "north"),
            ("C-3", "Cheese", "main"),
        }
        assert len(found) == 5
    only = app.run(list_levels, shop.owner, {"outlet_id": north.id, "product_id": cheese}).items
    assert [(row.outlet_id, row.product_id, row.quantity) for row in only] == [(north.id, cheese, Decimal("0.5"))]
    low = app.run(list_levels, shop.owner, {"at_most": "0.5"}).items
    assert [row.quantity for row in low] == [-1, Decimal("0.5")]
    here = replace(shop.cashier, outlet_ids=frozenset({north.id}))
    assert {row.outlet for row in app.run(list_levels, here).items} == {"north"}
    with pytest.raises(OutletNotYours):
        app.run(list_levels, here, {"outlet_id": shop.outlet_id})


def test_movements_are_listed_newest_first_without_repeating_or_missing_one(app, shop, clock):
    apple = shop.products[0]
    north = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    for number in range(1, 8):
        # Two acts at one moment, then a later one.
        clock.advance(timedelta(seconds=number % 2))
        adjust(app, shop, (apple, "delta", str(number)), outlet_id=north.id if number == 4 else None)

    for limit in (1, 3, 50):
        found = list(chain(*all_pages(app, list_movements, shop.cashier, product_id=apple, limit=limit)))
        assert [row.quantity for row in found] == [7, 6, 5, 4, 3, 2, 1]
    there = app.run(list_movements, shop.owner, {"product_id": apple, "outlet_id": north.id}).items
    assert [row.quantity for row in there] == [4]
    here = replace(shop.cashier, outlet_ids=frozenset({shop.outlet_id}))
    assert len(app.run(list_movements, here, {"product_id": apple}).items) == 6


@pytest.mark.parametrize("operation", [list_levels, list_movements])
def test_a_list_of_foreign_things_is_not_found(app, shop, other_shop, operation):
    adjust(app, other_shop, (other_shop.products[0], "delta", "5"))

    with pytest.raises(ProductNotFound):
        app.run(operation, shop.owner, {"product_id": other_shop.products[0]})
    with pytest.raises(OutletNotFound):
        app.run(operation, shop.owner, {"product_id": shop.products[0], "outlet_id": other_shop.outlet_id})
    assert app.run(list_levels, shop.owner).items == []
    with pytest.raises(InvalidInput):
        app.run(operation, shop.owner, {"product_id": shop.products[0], "after": "nowhere"})


@pytest.mark.parametrize("operation", [list_levels, list_movements])
def test_who_may_not_read_stock_is_refused_and_audited(app, shop, operation):
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.device, {"product_id": shop.products[0]})
    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]


def test_products_no_longer_tracked_are_not_listed(app, shop):
    adjust(app, shop, (shop.products[0], "delta", "5"))
    app.run(update_product, shop.owner, {"id": shop.products[0], "track_stock": False})

    assert app.run(list_levels, shop.owner).items == []


def test_a_sale_goes_out_and_its_void_comes_back():
    assert {kind for kind, sign in SIGNS.items() if sign < 0} == {
        "sale",
        "void",
        "refund",
        "transfer_out",
        "supplier_return",
    }
    assert set(SIGNS.values()) == {-1, 1}
    assert movement("sale", Decimal(2)) == -2
    assert movement("void", Decimal(-2)) == 2
    assert movement("refund", Decimal(-2)) == 2


def test_moving_nothing_is_no_work(app, shop):
    assert in_room(app, shop.owner, lambda ctx: move(ctx, shop.outlet_id, "adjust", {})) == {}


def test_locking_a_level_that_was_never_moved_begins_it_at_zero(app, shop):
    assert in_room(app, shop.owner, lambda ctx: lock_levels(ctx, shop.outlet_id, shop.products)) == dict.fromkeys(
        shop.products, 0
    )
    assert count(app, "stock_movements", shop.tenant_id) == 0
