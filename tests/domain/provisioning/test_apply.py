"""Making a tenant be as a document says: who may, all or nothing, what is kept, two at once."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from primepos.core.errors import PermissionDenied
from primepos.core.security import WeakPin, verify_pin
from primepos.domain.catalog.service import (
    archive_category,
    archive_product,
    create_category,
    list_categories,
    look_up_code,
)
from primepos.domain.outlets.service import archive_outlet, archive_register
from primepos.domain.provisioning.reading import BadShopFile, read_shop
from primepos.domain.provisioning.service import apply_shop, plan_shop
from primepos.domain.staff.service import archive_staff, create_staff
from primepos.pricing.errors import UnsolvableTaxes
from tests.factories import rows

TABLES = (
    "taxes tax_classes tax_class_taxes categories outlets registers staff products product_barcodes price_changes"
    " tenants"
).split()


def document(shop: Any, **sections: Any) -> Any:
    """A document for the shop of the test, which has an outlet, taxes and three products already."""
    number = shop.slug.split("-")[2]
    tenant = {"slug": shop.slug, "name": f"Shop {number}", "currency": "EUR", "country": "DE", "zone": "Europe/Berlin"}
    return {"shop": read_shop({"tenant": {**tenant, **sections.pop("tenant", {})}, **sections})}


def everything(app: Any) -> dict[str, list[dict[str, Any]]]:
    return {table: rows(app, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES}


def changed(answer: Any) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.action) for each in answer.changes]


def test_what_is_right_already_is_left_alone(app, shop):
    before = everything(app)
    data = document(
        shop,
        outlets=[{"code": "main", "name": "Main street", "registers": [{"code": "till-1", "name": "Till 1"}]}],
        taxes=[{"code": "std", "name": "VAT 19%", "amount": "19", "included": "true"}],
        tax_classes=[{"code": "standard", "name": "Standard", "taxes": ["std"]}],
        products=[
            {"sku": "B-2", "name": "Bread", "unit_price": "2.5", "barcodes": "4006381333931"},
            {"sku": "A-1", "name": "Apple", "unit_price": "1", "sold_by": "each", "tax_class": "standard"},
        ],
    )
    done = app.run(apply_shop, shop.owner, data)
    assert changed(done) == []
    assert {kind: each.unchanged for kind, each in done.counts.items()} == {
        "tenant": 1, "tax": 1, "tax_class": 1, "outlet": 1, "register": 1, "product": 2,
    }  # fmt: skip
    assert everything(app) == before


def test_a_plan_says_what_applying_does_and_only_applying_does_it(app, shop):
    data = document(
        shop,
        tenant={"name": "Renamed", "settings": {"stock_policy": "block"}},
        categories=["Fruit"],
        products=[{"sku": "A-1", "name": "Apple", "unit_price": "1.20", "category": "Fruit"}],
    )
    before = everything(app)
    plan = app.run(plan_shop, shop.owner, data)
    assert everything(app) == before
    done = app.run(apply_shop, shop.owner, data)
    assert (
        changed(plan)
        == changed(done)
        == [
            ("tenant", shop.slug, "changed"),
            ("category", "Fruit", "created"),
            ("product", "A-1", "changed"),
        ]
    )
    fields = {each.name: each.fields for each in plan.changes}
    assert fields[shop.slug]["settings.stock_policy"] == ["allow", "block"]
    assert fields["A-1"] == {"unit_price": ["1", "1.2"], "category": [None, "Fruit"]}
    assert app.run(plan_shop, shop.owner, data).changes == []


def test_a_changed_price_is_remembered_with_who_set_it(app, shop):
    app.run(apply_shop, shop.owner, document(shop, products=[{"sku": "A-1", "name": "Apple", "unit_price": "1.20"}]))
    found = rows(
        app, "SELECT old_price, new_price, actor_name FROM price_changes WHERE tenant_id = %s", (shop.tenant_id,)
    )
    assert found == [{"old_price": Decimal("1.0000"), "new_price": Decimal("1.2000"), "actor_name": "Owner"}]


@pytest.mark.parametrize("person", ["manager", "cashier", "clerk", "accountant", "device"])
@pytest.mark.parametrize("operation", [plan_shop, apply_shop])
def test_only_the_owner_may(app, shop, person, operation):
    before = everything(app)
    with pytest.raises(PermissionDenied):
        app.run(operation, getattr(shop, person), document(shop, categories=["Fruit"]))
    assert everything(app) == before


def test_it_is_one_row_in_the_trail(app, shop):
    app.run(apply_shop, shop.owner, document(shop, categories=["Fruit", "Drinks"]))
    found = rows(app, "SELECT subject, data, outcome FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,))
    assert [(each["subject"], each["data"]["created"], each["outcome"]) for each in found] == [("shop file", 2, "done")]


def test_a_refusal_late_in_the_document_leaves_nothing_behind(app, shop):
    before = everything(app)
    data = document(
        shop,
        categories=["Fruit"],
        outlets=[{"code": "pier", "name": "Pier"}],
        staff=[{"code": "9", "name": "Eve", "pin": {"env": "EVE", "value": "1234"}}],
    )
    with pytest.raises(WeakPin):
        app.run(apply_shop, shop.owner, data)
    assert everything(app) == before


def test_taxes_that_leave_no_base_are_refused_whole(app, shop):
    before = everything(app)
    data = document(
        shop,
        taxes=[{"code": "odd", "name": "Odd", "amount": "-100", "included": "true"}],
        tax_classes=[{"code": "odd", "name": "Odd", "taxes": ["odd"]}],
    )
    with pytest.raises(UnsolvableTaxes):
        app.run(apply_shop, shop.owner, data)
    assert everything(app) == before


def test_another_shops_things_are_neither_seen_nor_touched(app, shop, other_shop):
    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (other_shop.tenant_id,))
    done = app.run(
        apply_shop,
        shop.owner,
        document(shop, products=[{"sku": "Z-1", "name": "Zebra", "unit_price": "9", "barcodes": "5901234123457"}]),
    )
    assert changed(done) == [("product", "Z-1", "created")]
    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY sku", (other_shop.tenant_id,)) == before
    plan = app.run(
        plan_shop, other_shop.owner, document(other_shop, products=[{"sku": "Z-1", "name": "Z", "unit_price": "1"}])
    )
    assert changed(plan) == [("product", "Z-1", "created")]


def test_what_the_document_names_is_taken_into_use_again(app, shop):
    category = app.run(create_category, shop.owner, {"name": "Fruit"})
    rows_before = everything(app)
    app.run(archive_product, shop.owner, {"id": shop.products[0]})
    app.run(archive_register, shop.owner, {"id": shop.till_id})
    app.run(archive_outlet, shop.owner, {"id": shop.outlet_id})
    app.run(archive_category, shop.owner, {"id": category.id})

    done = app.run(
        apply_shop,
        shop.owner,
        document(
            shop,
            categories=["Fruit"],
            outlets=[{"code": "main", "name": "Main street", "registers": [{"code": "till-1", "name": "Till 1"}]}],
            products=[{"sku": "A-1", "name": "Apple", "unit_price": "1"}],
        ),
    )

    assert changed(done) == [
        ("category", "Fruit", "changed"),
        ("outlet", "main", "changed"),
        ("register", "main/till-1", "changed"),
        ("product", "A-1", "changed"),
    ]
    assert [each.fields for each in done.changes] == [{"archived": ["yes", "no"]}] * 4
    for table in ("outlets", "registers", "products", "categories"):
        assert all(
            each["archived_at"] is None for each in everything(app)[table] if each["tenant_id"] == shop.tenant_id
        )
    assert len(app.run(list_categories, shop.owner).items) == 1
    assert rows_before["tenants"] == everything(app)["tenants"]


def test_what_the_document_does_not_name_stays(app, shop):
    app.run(apply_shop, shop.owner, document(shop, outlets=[{"code": "pier", "name": "Pier"}]))
    found = rows(app, "SELECT code FROM outlets WHERE tenant_id = %s ORDER BY code", (shop.tenant_id,))
    assert [each["code"] for each in found] == ["main", "pier"]
    assert len(rows(app, "SELECT 1 FROM products WHERE tenant_id = %s", (shop.tenant_id,))) == 3


def test_barcodes_are_added_and_never_taken_off(app, shop):
    data = document(
        shop, products=[{"sku": "B-2", "name": "Bread", "unit_price": "2.5", "barcodes": ["5901234123457*6"]}]
    )
    done = app.run(apply_shop, shop.owner, data)
    assert done.changes[0].fields == {"barcodes": ["4006381333931", "4006381333931, 5901234123457*6"]}
    assert app.run(look_up_code, shop.cashier, {"code": "4006381333931"}).quantity == 1
    assert app.run(look_up_code, shop.cashier, {"code": "5901234123457"}).quantity == 6


@pytest.mark.parametrize(
    ("products", "field", "problem"),
    [
        (
            [{"sku": "A-1", "name": "Apple", "unit_price": "1", "barcodes": "4006381333931"}],
            "products.A-1.barcodes",
            "4006381333931 belongs to B-2",
        ),
        (
            [
                {"sku": "N", "name": "New", "unit_price": "1", "barcodes": "036000291452"},
                {"sku": "M", "name": "More", "unit_price": "1", "barcodes": "0036000291452"},
            ],
            "products.M.barcodes",
            "0036000291452 belongs to N",
        ),
    ],
)
def test_a_barcode_of_another_product_is_refused(app, shop, products, field, problem):
    before = everything(app)
    with pytest.raises(BadShopFile) as refusal:
        app.run(apply_shop, shop.owner, document(shop, products=products))
    assert refusal.value.data["problems"] == [{"field": field, "problem": problem}]
    assert everything(app) == before


@pytest.mark.parametrize(
    ("outlets", "problem"),
    [
        ([{"code": "pier", "name": "P", "server_prefix": "{till}"}], "'{till}' is the prefix of main/till-1"),
        (
            [{"code": "pier", "name": "P", "registers": [{"code": "server", "name": "S"}]}],
            "'server' is the server's own register",
        ),
        (
            [{"code": "main", "name": "M", "registers": [{"code": "till-1", "name": "T", "prefix": "NEW"}]}],
            "is '{till}' for good: receipts carry it",
        ),
    ],
)
def test_prefixes_are_unique_and_for_good(app, shop, outlets, problem):
    filled = [
        {key: value.format(till=shop.till_prefix) if isinstance(value, str) else value for key, value in each.items()}
        for each in outlets
    ]
    with pytest.raises(BadShopFile) as refusal:
        app.run(plan_shop, shop.owner, document(shop, outlets=filled))
    assert problem.format(till=shop.till_prefix) in [each["problem"] for each in refusal.value.data["problems"]]


# --- staff -----------------------------------------------------------------------------------------------------------


def pin_hash(app: Any, shop: Any, code: str) -> str | None:
    found = rows(app, "SELECT pin_hash FROM staff WHERE tenant_id = %s AND code = %s", (shop.tenant_id, code))
    hashed: str | None = found[0]["pin_hash"]
    return hashed


def test_a_pin_is_made_once_and_told_once(app, shop):
    data = document(shop, staff=[{"code": "9", "name": "Eve", "pin": "generate"}])
    first = app.run(apply_shop, shop.owner, data)
    assert [(each.code, each.name) for each in first.pins] == [("9", "Eve")]
    hashed = pin_hash(app, shop, "9")
    assert verify_pin(hashed, first.pins[0].pin, app.settings.pin_pepper)
    assert app.run(apply_shop, shop.owner, data).pins == []
    assert pin_hash(app, shop, "9") == hashed


def test_a_pin_never_shows_when_an_answer_is_printed_or_audited(app, shop):
    data = document(shop, staff=[{"code": "9", "name": "Eve", "pin": {"env": "EVE", "value": "482916"}}])
    done = app.run(apply_shop, shop.owner, data)
    assert done.pins == []
    assert "482916" not in f"{data} {done!r}"
    assert "482916" not in str(rows(app, "SELECT data FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)))
    assert verify_pin(pin_hash(app, shop, "9"), "482916", app.settings.pin_pepper)


def test_a_pin_that_somebody_has_is_kept(app, shop):
    app.run(create_staff, shop.owner, {"code": "9", "name": "Eve", "pin": "482916"})
    done = app.run(
        apply_shop,
        shop.owner,
        document(shop, staff=[{"code": "9", "name": "Eva", "pin": {"env": "E", "value": "771294"}}]),
    )
    assert done.changes[0].fields == {"name": ["Eve", "Eva"]}
    assert verify_pin(pin_hash(app, shop, "9"), "482916", app.settings.pin_pepper)


def test_somebody_who_left_comes_back_with_a_new_pin_or_none(app, shop):
    for code in ("8", "9"):
        app.run(create_staff, shop.owner, {"code": code, "name": "Eve", "pin": "482916"})
        app.run(archive_staff, shop.owner, {"code": code})
    data = document(shop, staff=[{"code": "8", "name": "Eve"}, {"code": "9", "name": "Eve", "pin": "generate"}])
    done = app.run(apply_shop, shop.owner, data)
    assert [each.code for each in done.pins] == ["9"]
    assert pin_hash(app, shop, "8") is None
    assert not verify_pin(pin_hash(app, shop, "9"), "482916", app.settings.pin_pepper)


def test_people_are_tied_to_the_outlets_the_document_names(app, shop):
    data = document(
        shop, outlets=[{"code": "pier", "name": "Pier"}], staff=[{"code": "9", "name": "Eve", "outlets": ["pier"]}]
    )
    app.run(apply_shop, shop.owner, data)
    found = rows(
        app,
        "SELECT o.code FROM staff s JOIN outlets o ON o.id = ANY (s.outlet_ids)"
        " WHERE s.tenant_id = %s AND s.code = '9'",
        (shop.tenant_id,),
    )
    assert found == [{"code": "pier"}]


def test_two_that_apply_at_once_take_turns(app, shop):
    data = document(
        shop,
        categories=["Fruit"],
        outlets=[{"code": "pier", "name": "Pier", "registers": [{"code": "till-1", "name": "T"}]}],
        staff=[{"code": "9", "name": "Eve", "pin": "generate"}],
        products=[{"sku": f"N-{number}", "name": f"New {number}", "unit_price": "1"} for number in range(50)],
    )
    answers: list[Any] = []
    gate = threading.Barrier(2)

    def act() -> None:
        gate.wait()
        answers.append(app.run(apply_shop, shop.owner, data))

    threads = [threading.Thread(target=act) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(len(each.changes) for each in answers) == [0, 54]
    assert sum(len(each.pins) for each in answers) == 1
    assert len(rows(app, "SELECT 1 FROM products WHERE tenant_id = %s", (shop.tenant_id,))) == 53
