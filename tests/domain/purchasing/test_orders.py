"""Orders: approved, sent, received in parts at what they cost, never more than tolerated, and partly sent back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.errors import (
    NegativeStock,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    WrongState,
)
from primepos.domain.inventory.service import adjust_stock, explain_stock, set_reorder
from primepos.domain.outlets.errors import OutletNotYours
from primepos.domain.purchasing.errors import (
    DuplicateSupplier,
    NoCost,
    OrderNotFound,
    OverReceipt,
    ReturnExceedsReceived,
    SupplierArchived,
    SupplierNotFound,
    SupplierReturnNotFound,
)
from primepos.domain.purchasing.service import (
    approve_order,
    archive_supplier,
    cancel_order,
    close_order,
    create_order,
    create_supplier,
    credit_return,
    get_order,
    get_supplier,
    get_supplier_return,
    list_orders,
    list_receipts,
    list_supplier_items,
    list_supplier_returns,
    list_suppliers,
    receive_order,
    remove_supplier_item,
    return_to_supplier,
    send_order,
    set_supplier_item,
    suggest_orders,
    unarchive_supplier,
    update_order,
    update_supplier,
)
from tests.domain.inventory.goods import everything, level, stocked
from tests.domain.sales.test_races import at_once
from tests.factories import a_product, a_shop, assert_books_hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from primepos.domain.purchasing.schemas import OrderOut, ReceiptOut
    from tests.factories import Shop


@pytest.fixture
def dairy(app: App, shop: Shop) -> UUID:
    """A supplier who sells apples by the dozen for 4.80, and bread one by one for 1.10."""
    made: UUID = app.run(create_supplier, shop.clerk, {"code": "dairy", "name": "Hill Dairy", "lead_days": 2}).id
    apple, bread, _ = shop.products
    item = {"supplier_id": made, "product_id": apple, "supplier_sku": "4711", "pack_size": "12", "cost": "4.80"}
    app.run(set_supplier_item, shop.clerk, item)
    app.run(set_supplier_item, shop.clerk, {"supplier_id": made, "product_id": bread, "cost": "1.10", "lead_days": 1})
    return made


def line(product: UUID, quantity: str, **more: Any) -> dict[str, Any]:
    return {"product_id": product, "quantity": quantity, **more}


def draft(app: App, shop: Shop, supplier: UUID, *lines: dict[str, Any], **more: Any) -> OrderOut:
    data = {"id": new_id(), "supplier_id": supplier, "outlet_id": shop.outlet_id, "lines": list(lines), **more}
    made: OrderOut = app.run(create_order, shop.clerk, data)
    return made


def sent(app: App, shop: Shop, supplier: UUID, *lines: dict[str, Any], **more: Any) -> UUID:
    order = draft(app, shop, supplier, *lines, **more).id
    app.run(approve_order, shop.manager, {"id": order})
    app.run(send_order, shop.clerk, {"id": order})
    return order


def receive(app: App, shop: Shop, order: UUID, *lines: dict[str, Any]) -> ReceiptOut:
    done: ReceiptOut = app.run(receive_order, shop.clerk, {"id": new_id(), "order_id": order, "lines": list(lines)})
    return done


def back(app: App, shop: Shop, order: UUID, *lines: dict[str, Any], **more: Any) -> Any:
    data = {"id": new_id(), "order_id": order, "lines": list(lines), "reason": "past its date", **more}
    return app.run(return_to_supplier, shop.clerk, data)


def test_an_order_goes_its_way_and_levels_and_costs_follow_what_arrives(app: App, shop: Shop, dairy: UUID) -> None:
    apple, bread, _ = shop.products
    stocked(app, shop, apple, "12", "0.30")
    order = draft(app, shop, dairy, line(apple, "24"), line(bread, "10"), expected_on="2026-03-04", note="early")
    assert (order.number, order.state, order.total) == (1, "draft", 960 + 1100)
    assert [(each.supplier_sku, each.pack_size, each.cost, each.amount) for each in order.lines] == [
        ("4711", 12, Decimal("4.80"), 960),
        ("", 1, Decimal("1.10"), 1100),
    ]
    assert app.run(approve_order, shop.manager, {"id": order.id}).approved_by == "Manager"
    assert app.run(send_order, shop.clerk, {"id": order.id}).state == "sent"

    first = receive(app, shop, order.id, line(apple, "12"))
    assert (first.state, first.total, [each.unit_cost for each in first.lines]) == ("partly_received", 480, [40])
    assert level(app, shop, apple) == (24, 35)
    # The rest came dearer than ordered.
    second = receive(app, shop, order.id, line(apple, "12", cost="6.00"), line(bread, "10"))
    assert (second.state, second.total) == ("received", 600 + 1100)
    assert (level(app, shop, apple), level(app, shop, bread)) == ((36, 40), (10, 110))
    closed = app.run(close_order, shop.clerk, {"id": order.id})
    assert (closed.state, [each.cancelled for each in closed.lines]) == ("closed", [0, 0])
    assert app.run(list_receipts, shop.accountant, {"order_id": order.id}).items[0].id == first.id
    told = app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id})
    assert [each.document for each in told.movements] == [None, "order 1", "order 1"]
    assert told.holds
    assert_books_hold(app, shop)


def test_the_rest_of_an_order_is_cancelled_by_closing_it(app: App, shop: Shop, dairy: UUID) -> None:
    apple, bread, _ = shop.products
    order = sent(app, shop, dairy, line(apple, "24"), line(bread, "10"))
    receive(app, shop, order, line(apple, "20"))
    with pytest.raises(WrongState, match="partly received"):
        app.run(cancel_order, shop.clerk, {"id": order})
    closed = app.run(close_order, shop.clerk, {"id": order})
    assert [(each.received, each.cancelled, each.open) for each in closed.lines] == [(20, 4, 0), (0, 10, 0)]
    assert app.run(close_order, shop.clerk, {"id": order}) == closed
    with pytest.raises(WrongState, match="closed"):
        receive(app, shop, order)


def test_more_than_was_ordered_comes_in_as_far_as_the_order_tolerates(app: App, shop: Shop, dairy: UUID) -> None:
    apple, bread, cheese = shop.products
    order = sent(app, shop, dairy, line(apple, "20"), line(bread, "10"), over_percent="10")
    before = everything(app, shop)
    with pytest.raises(OverReceipt, match="A-1"):
        receive(app, shop, order, line(apple, "22.001"), line(bread, "10"))
    with pytest.raises(NotInDocument, match="C-3"):
        receive(app, shop, order, line(cheese, "1"))
    with pytest.raises(RepeatedProduct):
        receive(app, shop, order, line(apple, "1"), line(apple, "1"))
    assert everything(app, shop) == before
    assert receive(app, shop, order, line(apple, "21"), line(bread, "10")).state == "received"
    assert receive(app, shop, order, line(apple, "1")).state == "received"
    with pytest.raises(OverReceipt):
        receive(app, shop, order, line(apple, "0.001"))
    with pytest.raises(InvalidInput, match="still to come"):
        receive(app, shop, order)
    assert level(app, shop, apple)[0] == 22


def test_every_step_is_taken_once_and_in_its_order(app: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    data = {"id": new_id(), "supplier_id": dairy, "outlet_id": shop.outlet_id, "lines": [line(apple, "24")]}
    order = app.run(create_order, shop.clerk, data)
    assert app.run(create_order, shop.clerk, data) == order
    with pytest.raises(StockConflict):
        app.run(create_order, shop.clerk, {**data, "note": "another"})
    which = {"id": order.id}
    for operation, asked in (
        (send_order, which),
        (close_order, which),
        (receive_order, {"id": new_id(), "order_id": order.id}),
    ):
        with pytest.raises(WrongState, match="draft"):
            app.run(operation, shop.manager, asked)
    changed = app.run(update_order, shop.clerk, {**which, "lines": [line(apple, "36", cost="0.50")], "note": "x"})
    assert (changed.total, changed.note, changed.lines[0].pack_size) == (1800, "x", 1)
    approved = app.run(approve_order, shop.manager, which)
    assert app.run(approve_order, shop.manager, which) == approved
    with pytest.raises(WrongState, match="approved"):
        app.run(update_order, shop.clerk, {**which, "note": "y"})
    assert app.run(send_order, shop.clerk, which) == app.run(send_order, shop.clerk, which)
    take = {"id": new_id(), "order_id": order.id, "lines": [line(apple, "6")], "reference": "note 1"}
    receipt = app.run(receive_order, shop.clerk, take)
    assert app.run(receive_order, shop.clerk, take) == receipt
    with pytest.raises(StockConflict):
        app.run(receive_order, shop.clerk, {**take, "lines": [line(apple, "7")]})
    assert level(app, shop, apple) == (6, 50)
    other = draft(app, shop, dairy, line(apple, "12")).id
    gone = app.run(cancel_order, shop.clerk, {"id": other})
    assert (gone.state, app.run(cancel_order, shop.clerk, {"id": other})) == ("cancelled", gone)
    page = app.run(list_orders, shop.accountant, {"limit": 1})
    rest = app.run(list_orders, shop.accountant, {"limit": 1, "after": page.next})
    assert ([each.number for each in (*page.items, *rest.items)], rest.next) == ([2, 1], None)
    assert [each.number for each in app.run(list_orders, shop.clerk, {"state": "partly_received"}).items] == [1]


def test_what_makes_no_sense_is_refused_and_changes_nothing(app: App, shop: Shop, dairy: UUID) -> None:
    apple, _, cheese = shop.products
    service = a_product(app, shop, sku="WRAP", price="1", track_stock=False)
    order = draft(app, shop, dairy, line(apple, "24")).id
    before = everything(app, shop)
    refused: list[tuple[list[dict[str, Any]], type[Exception]]] = [
        ([line(cheese, "1")], NoCost),
        ([line(service, "1", cost="1")], StockNotTracked),
        ([line(uuid4(), "1", cost="1")], ProductNotFound),
        ([line(apple, "1"), line(apple, "2")], RepeatedProduct),
        ([line(apple, "0")], InvalidInput),
        ([line(apple, "1", cost="-1")], InvalidInput),
        ([line(apple, "1", pack_size="0")], InvalidInput),
        ([], InvalidInput),
    ]
    for lines, error in refused:
        with pytest.raises(error):
            draft(app, shop, dairy, *lines)
        with pytest.raises(error):
            app.run(update_order, shop.clerk, {"id": order, "lines": lines})
    with pytest.raises(SupplierNotFound):
        draft(app, shop, uuid4(), line(apple, "1"))
    with pytest.raises(InvalidInput):
        draft(app, shop, dairy, line(apple, "1"), over_percent="101")
    with pytest.raises(OrderNotFound):
        app.run(get_order, shop.clerk, {"id": uuid4()})
    for operation, who in ((approve_order, shop.clerk), (send_order, shop.cashier), (get_order, shop.cashier)):
        with pytest.raises(PermissionDenied):
            app.run(operation, who, {"id": order})
    stranger = replace(shop.manager, outlet_ids=frozenset({uuid4()}))
    for operation in (approve_order, send_order, cancel_order, close_order, get_order):
        with pytest.raises(OutletNotYours):
            app.run(operation, stranger, {"id": order})
    assert app.run(list_orders, stranger, {}).items == []
    assert everything(app, shop) == before


def test_goods_go_back_at_the_average_and_a_credit_of_what_they_cost_is_expected(
    app: App, shop: Shop, dairy: UUID
) -> None:
    apple = shop.products[0]
    stocked(app, shop, apple, "24", "0.10")
    order = sent(app, shop, dairy, line(apple, "24"))
    receive(app, shop, order, line(apple, "12"))
    receive(app, shop, order, line(apple, "12", cost="6.00"))
    assert level(app, shop, apple) == (48, Decimal("27.5"))

    made = back(app, shop, order, line(apple, "6"))

    # 24 cost 10.80: 45 each.
    assert (made.number, made.expected, made.state) == (1, 270, "open")
    assert level(app, shop, apple) == (42, Decimal("27.5"))
    told = app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id, "limit": 1})
    assert [(each.kind, each.quantity, each.document) for each in told.movements] == [
        ("supplier_return", -6, "return 1")
    ]
    before = everything(app, shop)
    with pytest.raises(ReturnExceedsReceived, match="A-1"):
        back(app, shop, order, line(apple, "18.001"))
    with pytest.raises(NotInDocument):
        back(app, shop, order, line(shop.products[1], "1"))
    stranger = replace(shop.clerk, outlet_ids=frozenset({uuid4()}))
    more = {"id": new_id(), "order_id": order, "lines": [line(apple, "1")], "reason": "x"}
    with pytest.raises(OutletNotYours):
        app.run(return_to_supplier, stranger, more)
    assert everything(app, shop) == before
    assert [each.expected for each in app.run(list_supplier_returns, shop.clerk, {"open": True}).items] == [270]
    credited = app.run(credit_return, shop.clerk, {"id": made.id, "amount": 260})
    assert (credited.state, credited.credited) == ("credited", 260)
    assert app.run(credit_return, shop.clerk, {"id": made.id, "amount": 260}) == credited
    with pytest.raises(WrongState, match="credited"):
        app.run(credit_return, shop.clerk, {"id": made.id, "amount": 270})
    assert app.run(get_supplier_return, shop.accountant, {"id": made.id}).credited == 260
    assert app.run(list_supplier_returns, shop.clerk, {"open": True}).items == []
    with pytest.raises(SupplierReturnNotFound):
        app.run(credit_return, shop.clerk, {"id": uuid4(), "amount": 1})
    assert_books_hold(app, shop)


def test_what_is_sold_already_does_not_go_back_where_the_shop_blocks(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    apple = shop.products[0]
    supplier = app.run(create_supplier, shop.clerk, {"code": "s", "name": "S"}).id
    order = sent(app, shop, supplier, line(apple, "10", cost="1"))
    receive(app, shop, order)
    gone = {"outlet_id": shop.outlet_id, "reason_code": "theft", "lines": [line(apple, "8")]}
    app.run(adjust_stock, shop.manager, gone)
    with pytest.raises(NegativeStock):
        back(app, shop, order, line(apple, "3"))
    assert app.run(get_order, shop.clerk, {"id": order}).lines[0].returned == 0


def test_suppliers_are_kept_with_what_they_sell(app: App, shop: Shop, dairy: UUID) -> None:
    apple, bread, _ = shop.products
    with pytest.raises(DuplicateSupplier):
        app.run(create_supplier, shop.clerk, {"code": "dairy", "name": "Another"})
    changed = app.run(update_supplier, shop.clerk, {"id": dairy, "phone": "555", "lead_days": 3})
    assert (changed.name, changed.phone, changed.lead_days) == ("Hill Dairy", "555", 3)
    found = app.run(list_supplier_items, shop.accountant, {"supplier_id": dairy}).items
    assert [(each.sku, each.pack_size, each.cost, each.lead_days) for each in found] == [
        ("A-1", 12, Decimal("4.80"), 3),
        ("B-2", 1, Decimal("1.10"), 1),
    ]
    app.run(create_supplier, shop.clerk, {"code": "hill", "name": "Hill"})
    page = app.run(list_suppliers, shop.clerk, {"limit": 1})
    assert [each.code for each in page.items] == ["dairy"]
    assert [each.code for each in app.run(list_suppliers, shop.clerk, {"after": page.next}).items] == ["hill"]
    app.run(remove_supplier_item, shop.clerk, {"supplier_id": dairy, "product_id": bread})
    assert [each.sku for each in app.run(list_supplier_items, shop.clerk, {"product_id": bread}).items] == []
    archived = app.run(archive_supplier, shop.clerk, {"id": dairy})
    assert app.run(archive_supplier, shop.clerk, {"id": dairy}) == archived
    with pytest.raises(SupplierArchived):
        draft(app, shop, dairy, line(apple, "1"))
    assert [each.code for each in app.run(list_suppliers, shop.clerk, {"archived": True}).items] == ["dairy"]
    assert app.run(unarchive_supplier, shop.clerk, {"id": dairy}).archived_at is None
    for operation, data in (
        (create_supplier, {"code": "x", "name": "X"}),
        (get_supplier, {"id": dairy}),
        (set_supplier_item, {"supplier_id": dairy, "product_id": apple, "cost": "1"}),
    ):
        with pytest.raises(PermissionDenied):
            app.run(operation, shop.cashier, data)
    for operation in (get_supplier, update_supplier, archive_supplier, unarchive_supplier):
        with pytest.raises(SupplierNotFound):
            app.run(operation, shop.manager, {"id": uuid4()})
    with pytest.raises(ProductNotFound):
        app.run(set_supplier_item, shop.clerk, {"supplier_id": dairy, "product_id": uuid4(), "cost": "1"})


def test_it_is_suggested_to_order_what_runs_out_from_who_sells_it_for_least(app: App, shop: Shop, dairy: UUID) -> None:
    apple, bread, cheese = shop.products
    for product, minimum, target in ((apple, "10", "40"), (bread, "5", "20"), (cheese, "1", "3")):
        data = {"outlet_id": shop.outlet_id, "product_id": product, "minimum": minimum, "target": target}
        app.run(set_reorder, shop.clerk, data)
    stocked(app, shop, apple, "8")
    stocked(app, shop, bread, "6")
    dear = app.run(create_supplier, shop.clerk, {"code": "dear", "name": "Dear"}).id
    app.run(set_supplier_item, shop.clerk, {"supplier_id": dear, "product_id": apple, "cost": "0.41"})
    found = app.run(suggest_orders, shop.clerk, {}).items
    # 32 apples are missing: three dozen. Nobody is known to sell cheese.
    assert [(each.sku, each.supplier, each.suggested, each.on_order) for each in found] == [
        ("A-1", "dairy", 36, 0),
        ("C-3", None, 3, 0),
    ]
    order = draft(app, shop, dairy, line(apple, "24")).id
    rest = app.run(suggest_orders, shop.clerk, {"supplier_id": dear}).items
    assert [(each.sku, each.supplier, each.suggested, each.on_order) for each in rest] == [("A-1", "dear", 8, 24)]
    app.run(cancel_order, shop.clerk, {"id": order})
    page = app.run(suggest_orders, shop.clerk, {"limit": 1})
    assert [each.sku for each in app.run(suggest_orders, shop.clerk, {"after": page.next}).items] == ["C-3"]


@pytest.fixture
def crowd(make_app: Callable[..., App], database_url: str) -> App:
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_the_last_units_of_a_line_are_received_once(crowd: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    order = sent(crowd, shop, dairy, line(apple, "24"))

    answers = at_once([lambda: receive(crowd, shop, order, line(apple, "5")) for _ in range(6)])

    assert sum(isinstance(each, OverReceipt) for each in answers) == 2
    assert crowd.run(get_order, shop.clerk, {"id": order}).lines[0].received == 20
    rest = at_once([lambda: receive(crowd, shop, order) for _ in range(4)])
    assert sum(isinstance(each, InvalidInput) for each in rest) == 3
    assert level(crowd, shop, apple) == (24, 40)
    assert_books_hold(crowd, shop)


def test_receiving_closing_and_cancelling_at_once_agree(crowd: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    order = sent(crowd, shop, dairy, line(apple, "24"))

    answers = at_once(
        [
            *[lambda: receive(crowd, shop, order, line(apple, "12")) for _ in range(2)],
            *[lambda: crowd.run(close_order, shop.clerk, {"id": order}) for _ in range(2)],
            *[lambda: crowd.run(cancel_order, shop.clerk, {"id": order}) for _ in range(2)],
        ]
    )

    done = crowd.run(get_order, shop.clerk, {"id": order})
    received = sum(12 for each in answers[:2] if not isinstance(each, Exception))
    assert done.lines[0].received == received == level(crowd, shop, apple)[0]
    assert done.state in {"closed", "cancelled"}
    assert done.state == "closed" or received == 0


def test_twins_of_a_receipt_a_return_and_an_order_are_one(crowd: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    asked = {"id": new_id(), "supplier_id": dairy, "outlet_id": shop.outlet_id, "lines": [line(apple, "24")]}
    order = {"id": asked["id"]}
    steps: list[tuple[Any, dict[str, Any]]] = [
        (create_order, asked),
        (approve_order, order),
        (send_order, order),
        (receive_order, {"id": new_id(), "order_id": asked["id"]}),
        (return_to_supplier, {"id": new_id(), "order_id": asked["id"], "lines": [line(apple, "4")], "reason": "x"}),
        (close_order, order),
    ]
    for operation, data in steps:
        answers = at_once([lambda step=operation, given=data: crowd.run(step, shop.manager, given) for _ in range(4)])
        assert not isinstance(answers[0], Exception)
        assert all(each == answers[0] for each in answers)
    assert level(crowd, shop, apple) == (20, 40)
    assert_books_hold(crowd, shop)


def test_no_more_goes_back_than_arrived_whoever_sends_it(crowd: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    order = sent(crowd, shop, dairy, line(apple, "24"))
    receive(crowd, shop, order)

    answers = at_once([lambda: back(crowd, shop, order, line(apple, "5")) for _ in range(6)])

    assert sum(isinstance(each, ReturnExceedsReceived) for each in answers) == 2
    assert sorted(each.number for each in answers if not isinstance(each, Exception)) == [1, 2, 3, 4]
    assert level(crowd, shop, apple)[0] == 4
    assert_books_hold(crowd, shop)


def test_orders_made_at_once_are_numbered_without_a_gap(crowd: App, shop: Shop, dairy: UUID) -> None:
    apple = shop.products[0]
    answers = at_once(
        [lambda: [draft(crowd, shop, dairy, line(apple, "1")).number for _ in range(4)] for _ in range(6)]
    )
    assert sorted(number for each in answers if isinstance(each, list) for number in each) == list(range(1, 25))
