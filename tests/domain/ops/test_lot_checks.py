"""Whoever edits lots by hand is found."""

from __future__ import annotations

import psycopg
import pytest

from primepos.core.ids import new_id
from primepos.domain.catalog.service import create_product
from primepos.domain.inventory.lot_operations import receive_lots, write_off_lots
from primepos.domain.ops.service import verify_own_books
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale
from tests.domain.ops.test_auditor import superuser_url
from tests.factories import a_shop, basket

SOLD = "sale_id IS NOT NULL AND kind = 'sale'"


@pytest.fixture(scope="module")
def url(cluster, template):
    """A database of this module's own, whose lots are spoilt."""
    name = f"lots_{template}"
    cluster.create_database(name, template)
    yield cluster.owner_url(name)
    cluster.drop_database(name)


@pytest.fixture
def books(make_app, url):
    app = make_app(url)
    shop = a_shop(app)
    milk = {"sku": "MILK", "name": "Milk", "unit_price": "1.00", "tracking": "lot"}
    made = app.run(create_product, shop.owner, milk).id
    lines = [{"product_id": made, "lot": each, "quantity": "10"} for each in ("L1", "L2")]
    app.run(receive_lots, shop.owner, {"outlet_id": shop.outlet_id, "lines": lines})
    gone = {"outlet_id": shop.outlet_id, "lines": [{"product_id": made, "lot": "L1"}], "reason": "broken"}
    app.run(write_off_lots, shop.owner, gone)
    line = {"product_id": made, "lot": "L1", "quantity": "3"}
    sale = app.run(book_sale, shop.owner, basket(shop, lines=[line]))
    back = {"id": new_id(), "sale_id": sale.id, "lines": [{"line_no": 1, "quantity": "1"}], "reason": "sour"}
    app.run(refund_sale, shop.owner, back)
    assert app.run(verify_own_books, shop.owner, {}).ok
    return app, shop


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE stock_lots SET quantity = quantity + 1 WHERE lot = 'L1'",
        "UPDATE stock_lots SET quantity = quantity + CASE lot WHEN 'L1' THEN 1 ELSE -1 END",
        "UPDATE lot_movements SET quantity = quantity + 1 WHERE kind = 'receive' AND lot = 'L1'",
        "DELETE FROM lot_movements WHERE kind = 'adjust'",
        f"DELETE FROM lot_movements WHERE {SOLD}",
        (
            f"WITH gone AS (DELETE FROM lot_movements WHERE {SOLD} RETURNING *)"
            " UPDATE stock_lots l SET quantity = l.quantity - gone.quantity FROM gone WHERE l.lot = gone.lot"
            " AND l.tenant_id = gone.tenant_id"
        ),
        (
            f"WITH other AS (UPDATE lot_movements SET lot = 'L2' WHERE {SOLD} RETURNING tenant_id, quantity)"
            " UPDATE stock_lots l SET quantity = l.quantity + CASE l.lot WHEN 'L2' THEN other.quantity"
            " ELSE -other.quantity END FROM other WHERE l.tenant_id = other.tenant_id"
        ),
        f"UPDATE lot_movements SET kind = 'void' WHERE {SOLD}",
        f"UPDATE lot_movements SET actor_name = 'Somebody' WHERE {SOLD}",
        f"UPDATE lot_movements SET line_no = 2 WHERE {SOLD}",
    ],
)
def test_a_lot_that_was_edited_by_hand_is_found(books, cluster, url, tampering):
    app, shop = books
    with psycopg.connect(superuser_url(cluster, url)) as connection:
        changed = connection.execute(tampering).rowcount
    assert changed
    found = app.run(verify_own_books, shop.owner, {})
    assert not found.ok
    assert any("lot" in str(each) for each in found.problems), found.problems
