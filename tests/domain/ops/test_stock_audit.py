"""Whoever edits stock or purchases by hand is found: goods in transit, counts, allotments, receipts, averages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from primepos.core.ids import new_id
from primepos.domain.inventory.service import (
    add_counted,
    allot_stock,
    approve_count,
    close_transfer,
    open_count,
    receive_transfer,
    request_transfer,
    ship_transfer,
)
from primepos.domain.ops.service import verify_own_books
from primepos.domain.purchasing.service import (
    approve_order,
    create_order,
    create_supplier,
    receive_order,
    return_to_supplier,
    send_order,
)
from tests.domain.inventory.goods import a_warehouse, stocked
from tests.domain.ops.test_auditor import Forger, superuser_url
from tests.factories import a_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App


@pytest.fixture
def forger(make_app: Callable[..., App], fresh_database: str, cluster: Cluster) -> Iterator[Forger]:
    """A superuser beside a shop that bought, moved, counted, held and sent back, whose books hold."""
    app = make_app(fresh_database)
    shop = a_shop(app)
    depot, (apple, bread, _) = a_warehouse(app, shop), shop.products
    stocked(app, shop, apple, "10", "0.40")
    stocked(app, shop, apple, "5", "0.70")
    supplier = app.run(create_supplier, shop.owner, {"code": "s", "name": "S"}).id
    line = {"product_id": bread, "quantity": "20", "cost": "1.10"}
    order = {"id": new_id(), "supplier_id": supplier, "outlet_id": depot, "lines": [line]}
    app.run(create_order, shop.owner, order)
    for step in (approve_order, send_order):
        app.run(step, shop.owner, {"id": order["id"]})
    app.run(receive_order, shop.owner, {"id": new_id(), "order_id": order["id"]})
    back = {"id": new_id(), "order_id": order["id"], "lines": [{"product_id": bread, "quantity": "2"}], "reason": "x"}
    app.run(return_to_supplier, shop.owner, back)
    for quantity, missing in (("6", "back"), ("4", None)):
        goods = [{"product_id": bread, "quantity": quantity}]
        ends = {"from_outlet_id": depot, "to_outlet_id": shop.outlet_id}
        transfer = app.run(request_transfer, shop.owner, {"id": new_id(), **ends, "lines": goods}).id
        app.run(ship_transfer, shop.owner, {"id": new_id(), "transfer_id": transfer})
        arrived = [{"product_id": bread, "received": "2", "damaged": "1"}]
        app.run(receive_transfer, shop.owner, {"id": new_id(), "transfer_id": transfer, "lines": arrived})
        if missing:
            app.run(close_transfer, shop.owner, {"id": new_id(), "transfer_id": transfer, "missing": missing})
    count = app.run(open_count, shop.owner, {"id": new_id(), "outlet_id": shop.outlet_id}).id
    counted = [{"product_id": apple, "quantity": "12"}]
    app.run(add_counted, shop.owner, {"id": new_id(), "count_id": count, "lines": counted})
    app.run(approve_count, shop.owner, {"id": count})
    held = [{"product_id": apple, "quantity": "5"}]
    app.run(allot_stock, shop.owner, {"id": new_id(), "register_id": shop.till_id, "lines": held})
    assert app.run(verify_own_books, shop.owner, {}).problems == []
    with psycopg.connect(superuser_url(cluster, fresh_database), autocommit=True) as connection:
        yield Forger(app, shop, connection)


EDITS = (
    "UPDATE stock_levels SET allotted = allotted + 1",
    "UPDATE stock_levels SET average_cost = average_cost + 0.000001",
    "UPDATE stock_levels SET average_cost = NULL",
    "UPDATE stock_allotments SET quantity = quantity - 1",
    "DELETE FROM stock_allotments",
    "UPDATE stock_movements SET unit_cost = unit_cost + 0.000001 WHERE kind = 'count'",
    "UPDATE stock_movements SET unit_cost = unit_cost + 1 WHERE kind = 'receive' AND document_id IS NULL",
    "UPDATE stock_movements SET unit_cost = NULL WHERE kind = 'transfer_in'",
    "UPDATE stock_movements SET document_id = gen_random_uuid() WHERE kind = 'transfer_out'",
    "UPDATE stock_movements SET document_id = NULL WHERE kind = 'count'",
    "UPDATE stock_movements SET document_id = NULL WHERE kind = 'receive' AND document_id IS NOT NULL",
    "UPDATE stock_movements SET kind = 'adjust' WHERE kind = 'count'",
    "UPDATE stock_movements SET kind = 'adjust', document_id = NULL WHERE kind = 'supplier_return'",
    "UPDATE stock_movements SET reason_code = 'theft' WHERE kind = 'receive'",
    "UPDATE stock_transfer_lines SET received = received + 1, damaged = damaged - 1",
    "UPDATE stock_transfer_lines SET shipped = shipped + 1",
    "UPDATE stock_transfer_lines SET over = over + 1",
    "UPDATE stock_transfer_lines SET back = back - 1, lost = lost + 1 WHERE back > 0",
    "UPDATE stock_transfers SET state = 'closed'",
    "UPDATE stock_transfers SET state = 'requested' WHERE state = 'in_transit'",
    "UPDATE stock_count_lines SET posted = posted + 1",
    "UPDATE stock_count_lines SET counted = counted + 1 WHERE counted IS NOT NULL",
    "UPDATE stock_count_lines SET expected = expected + 1 WHERE counted IS NOT NULL",
    "UPDATE stock_count_entries SET quantity = quantity + 1",
    "UPDATE stock_counts SET state = 'cancelled'",
    "UPDATE purchase_order_lines SET received = received + 1",
    "UPDATE purchase_order_lines SET returned = returned - 1",
    "UPDATE purchase_order_lines SET amount = amount + 1",
    "UPDATE purchase_orders SET total = total - 1",
    "UPDATE purchase_receipt_lines SET quantity = quantity + 1",
    "UPDATE purchase_receipt_lines SET unit_cost = unit_cost + 0.000001",
    "DELETE FROM purchase_receipt_lines",
    "UPDATE supplier_returns SET expected = expected + 1",
    "UPDATE supplier_return_lines SET quantity = quantity + 1",
    "DELETE FROM supplier_return_lines",
)


def test_every_edit_of_stock_and_purchases_is_found(forger: Forger) -> None:
    assert [edit for edit in EDITS if forger.tried(edit) != (True, True)] == []
