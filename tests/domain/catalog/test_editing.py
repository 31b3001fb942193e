"""Many products changed at once: shown first, written in one go, with the history of their prices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.amounts import currency
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.bulk_schemas import Change
from primepos.domain.catalog.errors import (
    CategoryArchived,
    CategoryNotFound,
    KitPriceFollows,
    NothingToEdit,
    StaleVersion,
    TaxClassNotFound,
    TooManyProducts,
)
from primepos.domain.catalog.repricing import new_price, with_ending
from primepos.domain.catalog.service import (
    archive_category,
    create_category,
    create_product,
    edit_products,
    get_product,
    set_kit,
    update_product,
)
from tests.factories import rows


def edit(app, shop, choice, change, *, identity=None, **more):
    return app.run(edit_products, identity or shop.owner, {"choice": choice, "change": change, **more})


def prices(app, shop):
    found = rows(app, "SELECT sku, unit_price FROM products WHERE tenant_id = %s ORDER BY sku", (shop.tenant_id,))
    return {row["sku"]: row["unit_price"] for row in found}


ALL = {"everything": True}


def test_a_dry_run_shows_what_would_change_and_changes_nothing(app, shop):
    before = prices(app, shop)
    done = edit(app, shop, ALL, {"raise_percent": "10", "ending": "0.99"}, dry_run=True)
    assert (done.dry_run, done.chosen, done.changed, done.repriced) == (True, 3, 3, 3)
    assert [(each.sku, each.changes["unit_price"]) for each in done.items] == [
        ("A-1", [Decimal("1.0000"), Decimal("0.9900")]),
        ("B-2", [Decimal("2.5000"), Decimal("2.9900")]),
        ("C-3", [Decimal("9.9900"), Decimal("10.9900")]),
    ]
    assert prices(app, shop) == before


def test_prices_rise_by_percent_in_one_go_with_their_history_and_one_row_in_the_trail(app, shop):
    done = edit(app, shop, {"price_from": "2.00"}, {"raise_percent": "10"})
    assert (done.changed, prices(app, shop)) == (
        2,
        {"A-1": Decimal(1), "B-2": Decimal("2.75"), "C-3": Decimal("10.99")},
    )
    history = rows(
        app,
        "SELECT old_price, new_price, actor_name FROM price_changes WHERE tenant_id = %s ORDER BY old_price",
        (shop.tenant_id,),
    )
    assert [(row["old_price"], row["new_price"], row["actor_name"]) for row in history] == [
        (Decimal("2.50"), Decimal("2.75"), "Owner"),
        (Decimal("9.99"), Decimal("10.99"), "Owner"),
    ]
    trail = rows(
        app,
        "SELECT data FROM audit_events WHERE tenant_id = %s AND operation = 'catalog.edit_products'",
        (shop.tenant_id,),
    )
    assert [(row["data"]["repriced"], row["data"]["skus"]) for row in trail] == [(2, ["B-2", "C-3"])]


def test_with_the_version_of_a_dry_run_the_same_call_raises_no_price_twice(app, shop):
    change = {"raise_percent": "10"}
    seen = edit(app, shop, ALL, change, dry_run=True)
    edit(app, shop, ALL, change, version=seen.version)
    after = prices(app, shop)
    with pytest.raises(StaleVersion):
        edit(app, shop, ALL, change, version=seen.version)
    assert prices(app, shop) == after


def test_category_tax_class_age_and_archive_change_together(app, shop):
    app.run(create_category, shop.owner, {"name": "Deals"})
    done = edit(app, shop, {"skus": ["A-1", "B-2"]}, {"category": "Deals", "minimum_age": 18, "archive": True})
    assert done.changed == 2
    one = app.run(get_product, shop.owner, {"sku": "A-1"})
    assert (one.category, one.minimum_age, one.archived_at is not None) == ("Deals", 18, True)
    assert edit(app, shop, {"category": "Deals"}, {"no_category": True}).chosen == 0
    back = edit(app, shop, {"category": "Deals", "archived": True}, {"unarchive": True, "no_category": True})
    assert (back.changed, app.run(get_product, shop.owner, {"sku": "A-1"}).category) == (2, None)


def test_what_is_the_same_already_makes_no_version(app, shop):
    before = app.run(get_product, shop.owner, {"sku": "A-1"}).version
    assert edit(app, shop, {"skus": ["A-1"]}, {"unit_price": "1.00"}).changed == 0
    assert app.run(get_product, shop.owner, {"sku": "A-1"}).version == before


@pytest.mark.parametrize(
    ("choice", "change", "error"),
    [
        ({}, {"unit_price": "1"}, NothingToEdit),
        (ALL, {}, NothingToEdit),
        (ALL, {"category": "None"}, CategoryNotFound),
        (ALL, {"category": "Old"}, CategoryArchived),
        (ALL, {"tax_class": "none"}, TaxClassNotFound),
        ({"skus": ["BOX"]}, {"raise_percent": "5"}, KitPriceFollows),
        (ALL, {"unit_price": "1", "raise_percent": "5"}, InvalidInput),
        (ALL, {"raise_percent": "-100"}, InvalidInput),
        (ALL, {"ending": "100"}, InvalidInput),
    ],
)
def test_what_cannot_be_done_changes_nothing(app, shop, choice, change, error):
    old = app.run(create_category, shop.owner, {"name": "Old"})
    app.run(archive_category, shop.owner, {"id": old.id})
    box = app.run(create_product, shop.owner, {"sku": "BOX", "name": "Box", "unit_price": "1"})
    app.run(set_kit, shop.owner, {"product_id": box.id, "components": [{"sku": "A-1"}], "price": "sum"})
    before = prices(app, shop)
    with pytest.raises(error):
        edit(app, shop, choice, change)
    assert prices(app, shop) == before


def test_too_many_at_once_are_refused(app, shop, monkeypatch):
    monkeypatch.setattr("primepos.domain.catalog.service.editing.MOST_PRODUCTS", 2)
    with pytest.raises(TooManyProducts):
        edit(app, shop, ALL, {"minimum_age": 18})


def test_a_clerk_edits_products_but_no_prices_and_a_cashier_nothing(app, shop):
    assert edit(app, shop, {"skus": ["A-1"]}, {"minimum_age": 16}, identity=shop.clerk).changed == 1
    before = prices(app, shop)
    for identity, change in ((shop.clerk, {"unit_price": "1"}), (shop.cashier, {"minimum_age": 16})):
        with pytest.raises(PermissionDenied):
            edit(app, shop, ALL, change, identity=identity)
    assert prices(app, shop) == before


def test_a_kits_price_follows_an_edit_of_its_components(app, shop):
    box = app.run(create_product, shop.owner, {"sku": "BOX", "name": "Box", "unit_price": "1"})
    parts = [{"sku": "A-1", "quantity": "2"}, {"sku": "B-2"}]
    app.run(set_kit, shop.owner, {"product_id": box.id, "components": parts, "price": "sum"})
    edit(app, shop, {"skus": ["A-1", "B-2"]}, {"raise_percent": "100"})
    assert prices(app, shop)["BOX"] == Decimal(9)
    history = rows(app, "SELECT new_price FROM price_changes WHERE product_id = %s ORDER BY id", (box.id,))
    assert [row["new_price"] for row in history][-1] == Decimal(9)
    app.run(update_product, shop.owner, {"id": shop.products[1], "unit_price": "0"})
    assert prices(app, shop)["BOX"] == Decimal(4)


@pytest.mark.parametrize(
    ("price", "ending", "expected"),
    [
        ("12.30", "0.99", "11.99"),
        ("12.50", "0.99", "12.99"),
        ("12.49", "0.99", "12.99"),
        ("0.10", "0.99", "0.99"),
        ("47.00", "9.90", "49.90"),
        ("120", "95", "95"),
        ("5.99", "0.99", "5.99"),
        ("0", "0.99", "0"),
    ],
)
def test_a_price_ends_as_asked_at_the_nearest_above_half(price, ending, expected):
    assert with_ending(Decimal(price), Decimal(ending)) == Decimal(expected)


@given(price=st.decimals("0.01", "9999", places=2), percent=st.decimals("-50", "200", places=1))
def test_a_raised_price_is_never_below_zero_and_ends_right(price, percent):
    if percent == 0:
        return
    change = Change(raise_percent=percent, ending=Decimal("0.95"))
    found = new_price(price, change, currency("EUR"))
    assert found % 1 == Decimal("0.95")
    assert abs(found - price * (100 + percent) / 100) <= max(Decimal("0.5"), Decimal("0.95"))
