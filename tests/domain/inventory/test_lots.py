"""Lots and serial numbers in stock: received, assigned, written off, listed by expiry; told apart from each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied, PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.catalog.service import create_product
from primepos.domain.inventory.errors import StockConflict
from primepos.domain.inventory.lot_errors import (
    LotDiffers,
    LotNotFound,
    LotNotHere,
    LotsExceedStock,
    NotTracked,
    RepeatedLot,
    SerialInStock,
    SerialOfMany,
)
from primepos.domain.inventory.lot_operations import (
    kit_availability,
    list_lots,
    receive_lots,
    trace_lot,
    write_off_lots,
)
from primepos.domain.inventory.service import receive_stock
from primepos.domain.outlets.service import create_outlet
from tests.factories import a_shop, counts, rows


def product(app, shop, sku, tracking):
    data = {"sku": sku, "name": sku, "unit_price": "1", "tracking": tracking}
    return app.run(create_product, shop.owner, data).id


def line(product_id, lot, quantity="1", expires_on=None):
    return {"product_id": product_id, "lot": lot, "quantity": quantity, "expires_on": expires_on}


def receive(app, shop, *lines, identity=None, **more):
    data = {"outlet_id": shop.outlet_id, "lines": list(lines), **more}
    return app.run(receive_lots, identity or shop.owner, data)


def write_off(app, shop, *lines, **more):
    data = {"outlet_id": shop.outlet_id, "lines": list(lines), "reason": "expired", **more}
    return app.run(write_off_lots, shop.owner, data)


def state(app, shop):
    """Return lots and level of everything: they come to the same where every piece has its lot."""
    lots = rows(app, "SELECT lot, quantity FROM stock_lots WHERE tenant_id = %s", (shop.tenant_id,))
    level = rows(app, "SELECT sum(quantity) AS n FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    moved = rows(app, "SELECT sum(quantity) AS n FROM lot_movements WHERE tenant_id = %s", (shop.tenant_id,))
    assert (moved[0]["n"] or 0) == sum(row["quantity"] for row in lots)
    return {row["lot"]: row["quantity"] for row in lots}, level[0]["n"]


@pytest.fixture
def milk(app, shop):
    return product(app, shop, "MILK", "lot")


@pytest.fixture
def phone(app, shop):
    return product(app, shop, "PHONE", "serial")


def test_goods_come_in_under_their_lots_and_the_first_to_expire_is_named_first(app, shop, milk):
    receive(
        app, shop, line(milk, "LATE", "5", "2026-05-01"), line(milk, "NONE", "1"), line(milk, "SOON", "7", "2026-03-01")
    )
    receive(app, shop, line(milk, "SOON", "3"))

    assert state(app, shop) == ({"LATE": 5, "NONE": 1, "SOON": 10}, 16)
    found = app.run(list_lots, shop.cashier, {"product_id": milk, "outlet_id": shop.outlet_id})
    assert [(each.lot, each.quantity, each.is_expired) for each in found.items] == [
        ("SOON", 10, True),
        ("LATE", 5, False),
        ("NONE", 1, False),
    ]
    due = app.run(list_lots, shop.cashier, {"expires_by": "2026-03-31"})
    assert [each.lot for each in due.items] == ["SOON"]


def test_a_long_list_comes_in_pages_without_a_gap(app, shop, milk):
    days = [None, "2026-05-01", "2026-04-01", "2026-04-01", None, "2026-06-01"]
    receive(app, shop, *[line(milk, f"L{n}", "1", day) for n, day in enumerate(days)])
    seen, after = [], None
    while True:
        page = app.run(list_lots, shop.cashier, {"limit": 2, "after": after})
        seen += [each.lot for each in page.items]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == [f"L{n}" for n in range(6)]
    assert seen[:4] == ["L2", "L3", "L1", "L5"]


def test_goods_in_stock_get_their_lots_later_and_no_more_than_there_are(app, shop, milk):
    app.run(receive_stock, shop.owner, {"outlet_id": shop.outlet_id, "lines": [{"product_id": milk, "quantity": "5"}]})
    receive(app, shop, line(milk, "A", "3"), in_stock=True)
    assert state(app, shop) == ({"A": 3}, 5)
    with pytest.raises(LotsExceedStock):
        receive(app, shop, line(milk, "B", "3"), in_stock=True)
    assert state(app, shop) == ({"A": 3}, 5)


def test_what_is_written_off_leaves_lot_and_stock(app, shop, milk):
    receive(app, shop, line(milk, "A", "5"))
    write_off(app, shop, line(milk, "A", "2"))
    assert state(app, shop) == ({"A": 3}, 3)
    with pytest.raises(LotNotHere):
        write_off(app, shop, line(milk, "A", "4"))
    assert state(app, shop) == ({"A": 3}, 3)
    found = app.run(trace_lot, shop.manager, {"product_id": milk, "lot": "A"})
    assert [(each.kind, each.quantity, each.reason) for each in found.items] == [
        ("receive", 5, None),
        ("adjust", -2, "expired"),
    ]


def test_a_call_that_is_repeated_moves_nothing_twice(app, shop, milk):
    once = {"id": new_id()}
    assert receive(app, shop, line(milk, "A", "5"), **once) == receive(app, shop, line(milk, "A", "5"), **once)
    assert state(app, shop) == ({"A": 5}, 5)
    with pytest.raises(StockConflict):
        receive(app, shop, line(milk, "A", "6"), **once)
    gone = {"id": new_id()}
    assert write_off(app, shop, line(milk, "A", "1"), **gone) == write_off(app, shop, line(milk, "A", "1"), **gone)
    assert state(app, shop) == ({"A": 4}, 4)


def test_a_serial_number_is_in_stock_once_whichever_outlet(app, shop, phone):
    receive(app, shop, line(phone, "SN-1"))
    other = app.run(create_outlet, shop.owner, {"code": "two", "name": "Two"}).id
    for outlet in (shop.outlet_id, other):
        with pytest.raises(SerialInStock):
            app.run(receive_lots, shop.owner, {"outlet_id": outlet, "lines": [line(phone, "SN-1")]})
    assert state(app, shop) == ({"SN-1": 1}, 1)
    write_off(app, shop, line(phone, "SN-1"))
    app.run(receive_lots, shop.owner, {"outlet_id": other, "lines": [line(phone, "SN-1")]})
    where = rows(app, "SELECT outlet_id FROM stock_lots WHERE tenant_id = %s AND quantity = 1", (shop.tenant_id,))
    assert [row["outlet_id"] for row in where] == [other]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (lambda m, p, s: [line(s.products[0], "A")], NotTracked),
        (lambda m, p, s: [line(m, "A"), line(m, "A")], RepeatedLot),
        (lambda m, p, s: [line(p, "SN", "2")], SerialOfMany),
        (lambda m, p, s: [line(s.outlet_id, "A")], ProductNotFound),
        (lambda m, p, s: [line(m, "A", "0")], InvalidInput),
        (lambda m, p, s: [line(m, "KNOWN", "1", "2026-12-31")], LotDiffers),
    ],
)
def test_what_cannot_be_a_lot_is_refused_and_nothing_moves(app, shop, milk, phone, lines, error):
    receive(app, shop, line(milk, "KNOWN", "1", "2026-06-30"))
    before = counts(app, shop)
    with pytest.raises(error):
        receive(app, shop, *lines(milk, phone, shop))
    assert counts(app, shop) == before
    assert state(app, shop) == ({"KNOWN": 1}, 1)


def test_who_may_what(app, shop, milk):
    with pytest.raises(PermissionDenied):
        receive(app, shop, line(milk, "A"), identity=shop.cashier)
    with pytest.raises(ApprovalRequired):
        receive(app, shop, line(milk, "A"), identity=shop.clerk)
    with pytest.raises(LotNotFound):
        app.run(trace_lot, shop.cashier, {"product_id": milk, "lot": "A"})
    with pytest.raises(ProductNotFound):
        app.run(kit_availability, shop.cashier, {"outlet_id": shop.outlet_id, "product_id": milk})


def test_a_serial_number_that_eight_receive_at_once_is_in_stock_once(make_app, database_url):
    app = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    shop = a_shop(app)
    made = product(app, shop, "PHONE", "serial")
    gate = Barrier(8)

    def one(_n):
        gate.wait()
        try:
            return receive(app, shop, line(made, "SN-1")).lines[0].quantity
        except PrimePOSError as error:
            return type(error)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert sorted(answers, key=str) == sorted([Decimal(1), *[SerialInStock] * 7], key=str)
    assert state(app, shop) == ({"SN-1": 1}, 1)
