"""One walk through each feature over the API: what goes in comes out, in the agreed form."""

from __future__ import annotations

from decimal import Decimal

from primepos.core.ids import new_id
from tests.api.conftest import a_sale


def test_a_shift_opens_sells_and_closes(ask, shop):
    shift_id = str(new_id())
    opened = ask(
        shop.cashier,
        "POST",
        "/api/v1/shifts",
        json={"id": shift_id, "register_id": str(shop.till_id), "opening_float": 10000},
    )
    assert (opened.status_code, opened.headers["location"]) == (201, f"/api/v1/shifts/{shift_id}")
    twice = ask(
        shop.cashier,
        "POST",
        "/api/v1/shifts",
        json={"id": str(new_id()), "register_id": str(shop.till_id), "opening_float": 1},
    )
    assert (twice.status_code, twice.json()["code"]) == (409, "SHIFT_ALREADY_OPEN")
    found = ask(shop.manager, "GET", "/api/v1/shifts", params={"is_open": "true", "register_id": str(shop.till_id)})
    assert [each["id"] for each in found.json()["items"]] == [shift_id]
    figures = ask(shop.manager, "GET", f"/api/v1/shifts/{shift_id}/figures").json()
    assert (figures["sales"], figures["total"], figures["shift"]["expected"]) == (0, 0, None)
    closed = ask(shop.manager, "POST", f"/api/v1/shifts/{shift_id}/close", json={"counted": 9990})
    assert (closed.status_code, closed.json()["difference"], closed.json()["z_number"]) == (200, -10, 1)
    again = ask(shop.manager, "POST", f"/api/v1/shifts/{shift_id}/close", json={"counted": 9990})
    assert (again.status_code, again.content) == (200, closed.content)
    other = ask(shop.manager, "POST", f"/api/v1/shifts/{shift_id}/close", json={"counted": 9991})
    assert (other.status_code, other.json()["code"]) == (409, "SHIFT_CLOSED")
    shown = ask(shop.manager, "GET", f"/api/v1/shifts/{shift_id}").json()
    assert (shown["counted"], shown["closed_by"]) == (9990, "Manager")


def test_a_product_is_made_changed_found_and_archived(ask, shop):
    body = {"sku": "TEA-1", "name": "Green tea", "unit_price": "3.49", "barcodes": [{"code": "4006381333948"}]}
    made = ask(shop.owner, "POST", "/api/v1/products", json=body)
    assert made.status_code == 201, made.text
    product, where = made.json(), made.headers["location"]
    assert Decimal(product["unit_price"]) == Decimal("3.49")
    assert ask(shop.owner, "POST", "/api/v1/products", json=body).json()["code"] == "DUPLICATE_SKU"
    changed = ask(shop.owner, "PATCH", where, json={"unit_price": "3.99", "version": product["version"]})
    assert Decimal(changed.json()["unit_price"]) == Decimal("3.99")
    stale = ask(shop.owner, "PATCH", where, json={"name": "Old tea", "version": product["version"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "STALE_VERSION")
    assert stale.json()["data"] == {"version": changed.json()["version"]}
    hits = ask(shop.cashier, "GET", "/api/v1/products/search", params={"query": "gree te"}).json()["items"]
    assert [each["sku"] for each in hits] == ["TEA-1"]
    looked_up = ask(shop.cashier, "GET", "/api/v1/products/lookup", params={"code": "4006381333948"}).json()
    assert (looked_up["product"]["sku"], looked_up["found_by"]) == ("TEA-1", "barcode")
    assert ask(shop.owner, "POST", f"{where}/archive").json()["archived_at"] is not None
    listed = ask(shop.owner, "GET", "/api/v1/products", params={"archived": "true"}).json()["items"]
    assert [each["sku"] for each in listed] == ["TEA-1"]
    assert ask(shop.owner, "POST", f"{where}/unarchive").json()["archived_at"] is None
    assert ask(shop.owner, "GET", where).json()["sku"] == "TEA-1"


def test_stock_comes_in_is_corrected_and_sold(ask, shop):
    apple, outlet = str(shop.products[0]), str(shop.outlet_id)
    come = ask(
        shop.clerk,
        "POST",
        "/api/v1/stock/receive",
        json={"outlet_id": outlet, "lines": [{"product_id": apple, "quantity": "10"}]},
    )
    assert (come.status_code, come.json()["code"]) == (403, "APPROVAL_REQUIRED")
    come = ask(
        shop.manager,
        "POST",
        "/api/v1/stock/receive",
        json={"outlet_id": outlet, "lines": [{"product_id": apple, "quantity": "10"}]},
    )
    assert (come.status_code, Decimal(come.json()["lines"][0]["quantity"])) == (200, 10)
    ask(
        shop.manager,
        "POST",
        "/api/v1/stock/adjust",
        json={"outlet_id": outlet, "lines": [{"product_id": apple, "delta": "-2"}], "reason": "broken"},
    )
    ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=str(new_id())))
    level = ask(shop.clerk, "GET", "/api/v1/stock/levels", params={"product_id": apple}).json()["items"]
    assert [Decimal(each["quantity"]) for each in level] == [7]
    moved = ask(shop.clerk, "GET", "/api/v1/stock/movements", params={"product_id": apple}).json()["items"]
    assert [(each["kind"], Decimal(each["quantity"])) for each in moved] == [
        ("sale", -1),
        ("adjust", -2),
        ("receive", 10),
    ]


def test_an_outlet_and_its_register(ask, shop):
    made = ask(shop.owner, "POST", "/api/v1/outlets", json={"code": "north", "name": "North"})
    assert made.status_code == 201
    outlet = made.json()["id"]
    assert [each["kind"] for each in made.json()["registers"]] == ["server"]
    register = ask(
        shop.manager, "POST", "/api/v1/registers", json={"outlet_id": outlet, "code": "till-9", "name": "Till 9"}
    )
    assert (register.status_code, register.json()["next_number"]) == (201, 1)
    where = register.headers["location"]
    epoch = ask(shop.manager, "POST", f"{where}/new-epoch", json={"reason": "lost disk"})
    assert (epoch.status_code, epoch.json()["epoch"]) == (200, 2)
    changed = ask(shop.owner, "PATCH", f"/api/v1/outlets/{outlet}", json={"name": "North end"})
    assert changed.json()["name"] == "North end"
    assert ask(shop.owner, "POST", f"/api/v1/outlets/{outlet}/archive").json()["archived_at"] is not None
    codes = [each["code"] for each in ask(shop.owner, "GET", "/api/v1/outlets").json()["items"]]
    assert codes == ["main"]


def test_taxes_classes_and_categories(ask, shop):
    tax = ask(shop.owner, "POST", "/api/v1/taxes", json={"code": "low", "name": "7%", "amount": "7", "included": True})
    assert tax.status_code == 201, tax.text
    made = ask(
        shop.owner,
        "POST",
        "/api/v1/tax-classes",
        json={"code": "reduced", "name": "Reduced", "tax_ids": [tax.json()["id"]]},
    )
    assert [each["code"] for each in made.json()["taxes"]] == ["low"]
    emptied = ask(shop.owner, "PUT", f"/api/v1/tax-classes/{made.json()['id']}/taxes", json={"tax_ids": []})
    assert emptied.json()["taxes"] == []
    changed = ask(shop.owner, "PATCH", f"/api/v1/taxes/{tax.json()['id']}", json={"amount": "8"})
    assert Decimal(changed.json()["amount"]) == 8
    category = ask(shop.owner, "POST", "/api/v1/categories", json={"name": "Tea"})
    assert (category.status_code, ask(shop.cashier, "GET", "/api/v1/categories").json()["items"][0]["name"]) == (
        201,
        "Tea",
    )


def test_the_sales_report_shows_what_was_sold(ask, shop):
    for _ in range(3):
        ask(shop.cashier, "POST", "/api/v1/sales", json=a_sale(shop, sale_id=str(new_id())))
    report = ask(shop.manager, "GET", "/api/v1/reports/sales", params={"group_by": "day"}).json()
    assert (report["currency"], report["total"]["sales"], report["total"]["total"]) == ("EUR", 3, 300)
    assert [(each["key"], each["total"]) for each in report["rows"]] == [("2026-03-02", 300)]


def test_the_shop_shows_and_changes_how_it_is_set_up(ask, shop):
    assert ask(shop.cashier, "GET", "/api/v1/tenant").json()["slug"] == shop.slug
    changed = ask(shop.owner, "PATCH", "/api/v1/tenant", json={"settings": {"receipt_footer": "Thank you"}})
    assert changed.status_code == 200, changed.text
    assert ask(shop.owner, "GET", "/api/v1/tenant").json()["settings"]["receipt_footer"] == "Thank you"
    refused = ask(shop.manager, "PATCH", "/api/v1/tenant", json={"settings": {}})
    assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")


def test_staff_get_a_pin_and_leave(ask, shop):
    made = ask(shop.owner, "POST", "/api/v1/staff", json={"code": "ada", "name": "Ada", "pin": "4729"})
    assert (made.status_code, made.json()["pin"]) == (201, "set")
    where = f"/api/v1/staff/{made.json()['id']}"
    assert ask(shop.owner, "PUT", f"{where}/pin", json={"pin": "1234"}).json()["code"] == "WEAK_PIN"
    signed_in = ask(shop.device, "POST", "/api/v1/staff/sign-in", json={"code": "ada", "pin": "4729"})
    assert (signed_in.status_code, signed_in.json()["register_id"]) == (200, str(shop.till_id))
    assert ask(shop.owner, "POST", f"{where}/archive").json()["is_archived"] is True


def test_another_tenants_things_are_not_there(ask, shop, other_shop):
    for path in (
        f"/api/v1/products/{shop.products[0]}",
        f"/api/v1/outlets/{shop.outlet_id}",
        f"/api/v1/registers/{shop.till_id}",
    ):
        assert ask(shop.owner, "GET", path).status_code == 200
        assert ask(other_shop.owner, "GET", path).status_code == 404
        assert ask(other_shop.owner, "POST", f"{path}/archive").status_code == 404
