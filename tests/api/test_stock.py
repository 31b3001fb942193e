"""Stock and purchases over HTTP: paths, states, keys and what stays hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.ids import new_id
from tests.domain.inventory.goods import a_warehouse, level, stocked

if TYPE_CHECKING:
    from litestar.testing import TestClient

    from primepos.core.operations import App
    from tests.api.conftest import People
    from tests.factories import Shop

STOCK = "/api/v1/stock"


def test_goods_are_transferred_and_explained(api: TestClient[Any], app: App, shop: Shop, people: People) -> None:
    depot, apple, clerk = a_warehouse(app, shop), shop.products[0], people.headers(shop.clerk)
    stocked(app, shop, apple, "10", "0.40", at=depot)
    key = str(new_id())
    body = {
        "id": key,
        "from_outlet_id": str(depot),
        "to_outlet_id": str(shop.outlet_id),
        "lines": [{"product_id": str(apple), "quantity": "4"}],
    }
    made = api.post(f"{STOCK}/transfers", json=body, headers={**clerk, "Idempotency-Key": key})
    assert (made.status_code, made.headers["Location"]) == (201, f"{STOCK}/transfers/{key}")
    for step in ("ship", "receive"):
        done = api.post(f"{STOCK}/transfers/{key}/{step}", json={"id": str(new_id())}, headers=clerk)
        assert done.status_code == 200
    assert (done.json()["state"], level(app, shop, apple)) == ("closed", (4, 40))
    again = api.post(f"{STOCK}/transfers/{key}/ship", json={"id": str(new_id())}, headers=clerk)
    assert (again.status_code, again.json()["code"]) == (409, "WRONG_STATE")
    asked = {"product_id": str(apple), "outlet_id": str(shop.outlet_id)}
    told = api.get(f"{STOCK}/explain", params=asked, headers=clerk).json()
    assert (told["level"], told["holds"], told["movements"][0]["document"]) == ("4.000", True, "transfer 1")
    refused = api.get(f"{STOCK}/costs", headers=people.headers(shop.cashier))
    assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")


def test_an_order_is_received(api: TestClient[Any], app: App, shop: Shop, people: People) -> None:
    apple, clerk, manager = shop.products[0], people.headers(shop.clerk), people.headers(shop.manager)
    supplier = api.post("/api/v1/suppliers", json={"code": "dairy", "name": "Dairy"}, headers=clerk).json()["id"]
    item = api.put(f"/api/v1/suppliers/{supplier}/items/{apple}", json={"cost": "0.35"}, headers=clerk)
    assert (item.status_code, item.json()["cost"]) == (200, "0.3500")
    order = str(new_id())
    body = {
        "id": order,
        "supplier_id": supplier,
        "outlet_id": str(shop.outlet_id),
        "lines": [{"product_id": str(apple), "quantity": "10"}],
    }
    assert api.post("/api/v1/purchases", json=body, headers=clerk).json()["total"] == 350
    assert api.post(f"/api/v1/purchases/{order}/approve", json={}, headers=clerk).status_code == 403
    for step, who in (("approve", manager), ("send", clerk)):
        assert api.post(f"/api/v1/purchases/{order}/{step}", json={}, headers=who).status_code == 200
    taken = api.post(f"/api/v1/purchases/{order}/receipts", json={"id": str(new_id())}, headers=clerk)
    assert (taken.status_code, taken.json()["state"]) == (201, "received")
    assert level(app, shop, apple) == (10, 35)
    found = api.get("/api/v1/purchases", params={"state": "received"}, headers=clerk).json()
    assert [each["number"] for each in found["items"]] == [1]
