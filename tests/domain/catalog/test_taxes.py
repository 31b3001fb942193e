"""Taxes, tax classes and categories."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.errors import (
    CategoryNotFound,
    DuplicateCategory,
    DuplicateTax,
    DuplicateTaxClass,
    TaxClassNotFound,
    TaxNotFound,
)
from primepos.domain.catalog.queries import ensure_category, ensure_tax, ensure_tax_class, tax_rules_by_class
from primepos.domain.catalog.schemas import CreateTax
from primepos.domain.catalog.service import (
    archive_category,
    create_category,
    create_tax,
    create_tax_class,
    list_categories,
    list_tax_classes,
    list_taxes,
    set_class_taxes,
    unarchive_category,
    update_tax,
)
from primepos.pricing.errors import InvalidTax, UnsolvableTaxes
from primepos.pricing.taxes import TaxRule
from tests.domain.inner_room import count, in_room, refusals
from tests.factories import rows


def a_tax(app, shop, code, amount="5", **more):
    return app.run(create_tax, shop.owner, {"code": code, "name": code, "amount": amount, "included": True, **more})


def test_a_tax_is_made_and_listed_by_code(app, shop):
    made = a_tax(app, shop, "city", "-2.5", included=False, affects_base=True, base_affected=False)

    assert (made.kind, made.amount, made.included) == ("percent", Decimal("-2.5"), False)
    assert (made.affects_base, made.base_affected) == (True, False)
    assert [each.code for each in app.run(list_taxes, shop.cashier).items] == ["city", "std"]


def test_a_second_tax_with_the_same_code_is_refused(app, shop):
    with pytest.raises(DuplicateTax):
        a_tax(app, shop, "std")
    assert count(app, "taxes", shop.tenant_id) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "NaN"},
        {"amount": "1000"},
        {"amount": "1.00001"},
        {"kind": "none"},
        {"code": "a b"},
        {"name": ""},
        {"included": None},
    ],
)
def test_what_is_no_tax_is_refused(app, shop, wrong):
    with pytest.raises(InvalidInput):
        app.run(create_tax, shop.owner, {"code": "x", "name": "X", "amount": "5", "included": True, **wrong})
    assert count(app, "taxes", shop.tenant_id) == 1


def test_a_fixed_tax_may_be_thousands_of_a_small_currency_and_a_percentage_may_not(app, shop):
    fixed = {"code": "bag", "name": "Bag", "kind": "fixed", "amount": "25000.5", "included": False}
    made = app.run(create_tax, shop.owner, fixed)
    assert made.amount == Decimal("25000.5")
    assert app.run(update_tax, shop.owner, {"id": made.id, "amount": "99999999.9999"}).amount == Decimal(
        "99999999.9999"
    )
    for wrong in ({"id": made.id, "amount": "100000000"}, {"id": shop.tax_id, "amount": "1000"}):
        with pytest.raises(InvalidInput):
            app.run(update_tax, shop.owner, wrong)
    stored = rows(app, "SELECT code, amount FROM taxes WHERE tenant_id = %s ORDER BY code", (shop.tenant_id,))
    assert [(each["code"], each["amount"]) for each in stored] == [
        ("bag", Decimal("99999999.9999")),
        ("std", Decimal(19)),
    ]


def test_a_tax_that_leaves_no_base_is_refused(app, shop):
    with pytest.raises(UnsolvableTaxes):
        a_tax(app, shop, "all", "-100")
    with pytest.raises(InvalidTax):
        a_tax(app, shop, "gross", "100", kind="division", included=False)
    assert count(app, "taxes", shop.tenant_id) == 1


def test_a_changed_rate_is_told_before_and_after(app, shop):
    changed = app.run(update_tax, shop.owner, {"id": shop.tax_id, "amount": "16", "name": "VAT 16%"})

    assert (changed.code, changed.name, changed.amount, changed.included) == ("std", "VAT 16%", 16, True)
    (event,) = rows(app, "SELECT data FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,))
    assert event["data"]["before"]["amount"] == "19.000000"
    assert event["data"]["after"]["amount"] == "16"


def test_a_change_that_a_class_cannot_be_worked_out_with_is_refused(app, shop):
    half = a_tax(app, shop, "half", "-50")
    app.run(set_class_taxes, shop.owner, {"tax_class_id": shop.tax_class_id, "tax_ids": [shop.tax_id, half.id]})

    with pytest.raises(UnsolvableTaxes):
        app.run(update_tax, shop.owner, {"id": shop.tax_id, "amount": "-50"})

    assert [each.amount for each in app.run(list_taxes, shop.owner).items] == [-50, 19]


def test_a_class_keeps_its_taxes_in_the_order_given(app, shop):
    first, second = a_tax(app, shop, "z-first"), a_tax(app, shop, "a-second")

    made = app.run(
        create_tax_class, shop.owner, {"code": "food", "name": "Food", "tax_ids": [first.id, shop.tax_id, second.id]}
    )
    assert [tax.code for tax in made.taxes] == ["z-first", "std", "a-second"]
    turned = app.run(set_class_taxes, shop.owner, {"tax_class_id": made.id, "tax_ids": [second.id, first.id]})
    assert [tax.code for tax in turned.taxes] == ["a-second", "z-first"]
    listed = app.run(list_tax_classes, shop.cashier).items
    assert [(each.code, [tax.code for tax in each.taxes]) for each in listed] == [
        ("food", ["a-second", "z-first"]),
        ("standard", ["std"]),
    ]
    exempt = app.run(set_class_taxes, shop.owner, {"tax_class_id": made.id, "tax_ids": []})
    assert exempt.taxes == []


def test_a_tax_stands_once_in_a_class(app, shop):
    with pytest.raises(InvalidTax):
        app.run(set_class_taxes, shop.owner, {"tax_class_id": shop.tax_class_id, "tax_ids": [shop.tax_id, shop.tax_id]})
    assert count(app, "tax_class_taxes", shop.tenant_id) == 1


def test_a_class_that_cannot_be_worked_out_is_refused_whole(app, shop):
    halves = [a_tax(app, shop, code, "-50").id for code in ("h1", "h2")]

    with pytest.raises(UnsolvableTaxes):
        app.run(create_tax_class, shop.owner, {"code": "odd", "name": "Odd", "tax_ids": halves})
    with pytest.raises(DuplicateTaxClass):
        app.run(create_tax_class, shop.owner, {"code": "standard", "name": "Again"})
    assert count(app, "tax_classes", shop.tenant_id) == 1


def test_foreign_taxes_and_classes_are_not_found(app, shop, other_shop):
    for tax_id in (other_shop.tax_id, uuid4()):
        with pytest.raises(TaxNotFound):
            app.run(update_tax, shop.owner, {"id": tax_id, "amount": "1"})
        with pytest.raises(TaxNotFound):
            app.run(set_class_taxes, shop.owner, {"tax_class_id": shop.tax_class_id, "tax_ids": [tax_id]})
        with pytest.raises(TaxNotFound):
            app.run(create_tax_class, shop.owner, {"code": "x", "name": "X", "tax_ids": [tax_id]})
    with pytest.raises(TaxClassNotFound):
        app.run(set_class_taxes, shop.owner, {"tax_class_id": other_shop.tax_class_id, "tax_ids": []})

    assert [each.amount for each in app.run(list_taxes, other_shop.owner).items] == [19]
    assert count(app, "tax_class_taxes", other_shop.tenant_id) == 1
    assert count(app, "tax_classes", shop.tenant_id) == 1


@pytest.mark.parametrize("operation", [create_tax, update_tax, create_tax_class, set_class_taxes])
def test_only_the_owner_writes_taxes(app, shop, operation):
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.manager, {"id": shop.tax_id})

    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]
    assert count(app, "taxes", shop.tenant_id) == 1
    assert count(app, "tax_class_taxes", shop.tenant_id) == 1


def test_categories_are_made_listed_archived_and_brought_back(app, shop):
    for name in ("Vegetables", " Fruit "):
        app.run(create_category, shop.clerk, {"name": name})
    fruit = app.run(list_categories, shop.cashier).items[0]
    assert fruit.name == "Fruit"

    archived = app.run(archive_category, shop.clerk, {"id": fruit.id})
    assert archived.archived_at == app.clock.now()
    assert app.run(archive_category, shop.clerk, {"id": fruit.id}) == archived
    assert [each.name for each in app.run(list_categories, shop.cashier).items] == ["Vegetables"]
    assert [each.name for each in app.run(list_categories, shop.cashier, {"archived": True}).items] == ["Fruit"]
    assert app.run(unarchive_category, shop.clerk, {"id": fruit.id}) == fruit


def test_a_second_category_with_the_same_name_is_refused(app, shop):
    app.run(create_category, shop.owner, {"name": "Fruit"})

    with pytest.raises(DuplicateCategory):
        app.run(create_category, shop.owner, {"name": " Fruit"})
    assert count(app, "categories", shop.tenant_id) == 1


def test_another_tenants_category_is_not_found(app, shop, other_shop):
    theirs = app.run(create_category, other_shop.owner, {"name": "Theirs"})

    for operation in (archive_category, unarchive_category):
        with pytest.raises(CategoryNotFound):
            app.run(operation, shop.owner, {"id": theirs.id})
    assert app.run(list_categories, other_shop.owner).items == [theirs]


@pytest.mark.parametrize("operation", [create_category, archive_category, unarchive_category])
def test_who_may_not_write_products_writes_no_categories(app, shop, operation):
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.cashier, {"name": "Fruit"})
    assert count(app, "categories", shop.tenant_id) == 0
    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]


def test_the_rules_of_a_class_are_what_the_pricing_engine_takes(app, shop):
    app.run(create_tax_class, shop.owner, {"code": "exempt", "name": "Exempt"})

    rules = in_room(app, shop.owner, tax_rules_by_class)

    assert sorted(rules.values(), key=len) == [
        (),
        (TaxRule(id="std", name="VAT 19%", kind="percent", amount=Decimal(19), included=True),),
    ]


def test_provisioning_the_same_taxes_again_changes_nothing(app, shop):
    def provision(rate: str, order: list[str]):
        def work(ctx):
            return [
                ensure_tax(ctx, CreateTax(code="red", name="Reduced", amount=Decimal(rate), included=True))[1],
                ensure_tax_class(ctx, "food", "Food", order)[1],
                ensure_category(ctx, "Fruit")[1],
            ]

        return in_room(app, shop.owner, work)

    assert provision("7", ["red", "std"]) == ["created", "created", "created"]
    assert provision("7.00", ["red", "std"]) == ["unchanged", "unchanged", "unchanged"]
    assert provision("5", ["std", "red"]) == ["updated", "updated", "unchanged"]
    with pytest.raises(TaxNotFound):
        provision("5", ["nope"])
