"""Goods at several places, and what is there of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from primepos.core.ids import new_id
from primepos.domain.inventory.service import receive_stock
from primepos.domain.outlets.service import create_outlet
from tests.factories import rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop


def a_warehouse(app: App, shop: Shop, code: str = "depot") -> UUID:
    """Return a second location that sells nothing."""
    made: UUID = app.run(create_outlet, shop.owner, {"code": code, "name": code.title(), "kind": "warehouse"}).id
    return made


def stocked(
    app: App, shop: Shop, product: UUID, quantity: str, cost: str | None = None, at: UUID | None = None
) -> None:
    """Have so many of a product arrive, at a cost in currency units where it is known."""
    line = {"product_id": product, "quantity": quantity, "unit_cost": cost}
    app.run(receive_stock, shop.manager, {"id": new_id(), "outlet_id": at or shop.outlet_id, "lines": [line]})


def level(app: App, shop: Shop, product: UUID, at: UUID | None = None) -> tuple[Decimal, Decimal | None]:
    """Return how much there is and what one is worth in minor units; the level must be the sum of its movements."""
    found = rows(
        app,
        "SELECT l.quantity, l.average_cost, coalesce((SELECT sum(m.quantity) FROM stock_movements m"
        " WHERE m.tenant_id = l.tenant_id AND m.outlet_id = l.outlet_id AND m.product_id = l.product_id), 0) AS moved"
        " FROM stock_levels l WHERE l.tenant_id = %s AND l.outlet_id = %s AND l.product_id = %s",
        (shop.tenant_id, at or shop.outlet_id, product),
    )
    if not found:
        return Decimal(0), None
    assert found[0]["quantity"] == found[0]["moved"]
    return found[0]["quantity"], found[0]["average_cost"]


def worth(app: App, shop: Shop) -> Decimal:
    """Return what all goods of a shop are worth, those in transit included, in minor units."""
    found = rows(
        app,
        "SELECT coalesce((SELECT sum(quantity * average_cost) FROM stock_levels WHERE tenant_id = %(tenant)s), 0)"
        " + coalesce((SELECT sum((shipped - received - damaged - lost - back) * unit_cost) FROM stock_transfer_lines"
        " WHERE tenant_id = %(tenant)s), 0) AS worth",
        {"tenant": shop.tenant_id},
    )
    value: Decimal = found[0]["worth"]
    return value


def everything(app: App, shop: Shop) -> dict[str, Any]:
    """Return every row about stock and purchases: equal before and after means that nothing was written."""
    tables = (
        "stock_levels",
        "stock_movements",
        "stock_documents",
        "stock_transfers",
        "stock_transfer_lines",
        "stock_counts",
        "stock_count_lines",
        "stock_count_entries",
        "stock_allotments",
        "purchase_orders",
        "purchase_order_lines",
        "purchase_receipts",
        "purchase_receipt_lines",
        "supplier_returns",
        "supplier_return_lines",
    )
    return {
        table: sorted(str(row) for row in rows(app, f"SELECT * FROM {table} WHERE tenant_id = %s", (shop.tenant_id,)))
        for table in tables
    }
