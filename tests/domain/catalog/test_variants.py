"""Variants, units and kits: made at once, priced, found, and never in each other's way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from primepos.core.errors import PermissionDenied
from primepos.domain.catalog.errors import (
    BadComponent,
    BarcodeTaken,
    DuplicateSku,
    DuplicateVariant,
    KitPriceFollows,
    NotAKit,
    NotAParent,
    NothingWeighed,
    OptionsInUse,
    ProductNotFound,
    RepeatedBarcode,
    RepeatedUnit,
    TooManyVariants,
    UnitMismatch,
)
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    create_variants,
    get_product,
    list_products,
    list_variants,
    look_up_code,
    pull_snapshot,
    search_products,
    set_barcodes,
    set_kit,
    set_units,
    unarchive_product,
    update_product,
)
from primepos.domain.sales.service import book_sale
from tests.factories import basket, rows

SIZES = {"name": "size", "values": ["S", "M", "L"]}
COLOURS = {"name": "colour", "values": ["red", "blue"]}


def product(app, shop, sku, price="1.00", **more):
    return app.run(create_product, shop.owner, {"sku": sku, "name": sku.title(), "unit_price": price, **more})


def make(app, shop, product_id, *options, identity=None, **more):
    data = {"product_id": product_id, "options": list(options), **more}
    return app.run(create_variants, identity or shop.owner, data)


@pytest.fixture
def shirt(app, shop):
    return product(app, shop, "SHIRT", "19.90", minimum_age=18, content_quantity="1", content_unit="piece")


# --- variants ---------------------------------------------------------------------------------------------------------


def test_every_combination_is_made_at_once_with_what_the_parent_says(app, shop, shirt):
    found = make(app, shop, shirt.id, COLOURS, SIZES)

    assert (found.created, found.parent.kind, found.parent.options) == (6, "parent", found.options)
    assert [(each.sku, each.name, each.unit_price) for each in found.variants] == [
        (f"SHIRT-{colour.upper()}-{size}", f"Shirt ({colour}, {size})", Decimal("19.90"))
        for colour in ("red", "blue")
        for size in ("S", "M", "L")
    ]
    one = app.run(get_product, shop.cashier, {"sku": "SHIRT-RED-S"})
    assert (one.kind, one.parent_sku, one.option_values, one.minimum_age) == ("variant", "SHIRT", ["red", "S"], 18)
    assert one.tax_class == "standard"
    prices = rows(app, "SELECT count(*) AS n FROM price_changes WHERE product_id = %s", (one.id,))
    assert prices == [{"n": 1}]


def test_the_same_call_again_makes_nothing_and_a_new_value_makes_what_is_new(app, shop, shirt):
    make(app, shop, shirt.id, SIZES)
    assert make(app, shop, shirt.id, SIZES).created == 0
    found = make(app, shop, shirt.id, {"name": "size", "values": ["XS", "S", "M", "L"]})
    assert (found.created, [each.option_values for each in found.variants]) == (1, [["XS"], ["S"], ["M"], ["L"]])


def test_named_variants_have_their_own_sku_price_and_barcodes(app, shop, shirt):
    given = [{"values": ["S"], "sku": "S-1", "unit_price": "9.90", "barcodes": ["4006381333948"]}, {"values": ["M"]}]
    found = make(app, shop, shirt.id, SIZES, variants=given)
    assert [(each.sku, each.unit_price, each.barcodes) for each in found.variants] == [
        ("S-1", Decimal("9.90"), ["4006381333948"]),
        ("SHIRT-M", Decimal("19.90"), []),
    ]
    assert app.run(look_up_code, shop.cashier, {"code": "4006381333948"}).product.sku == "S-1"


def test_a_parent_is_not_scanned_and_not_on_the_till_but_found_and_listed_as_one(app, shop, shirt):
    make(app, shop, shirt.id, SIZES)
    with pytest.raises(ProductNotFound):
        app.run(look_up_code, shop.cashier, {"code": "SHIRT"})
    pulled = {each.sku: each for each in app.run(pull_snapshot, shop.device, {}).products}
    assert (pulled["SHIRT"].archived, pulled["SHIRT-S"].archived) == (True, False)
    hits = app.run(search_products, shop.cashier, {"query": "shirt"}).items
    assert [(each.sku, each.kind, each.parent_sku) for each in hits] == [
        ("SHIRT", "parent", None),
        ("SHIRT-L", "variant", "SHIRT"),
        ("SHIRT-M", "variant", "SHIRT"),
        ("SHIRT-S", "variant", "SHIRT"),
    ]
    page = app.run(list_products, shop.cashier, {"parent_id": shirt.id})
    assert [(each.sku, each.option_values) for each in page.items] == [
        ("SHIRT-L", ["L"]),
        ("SHIRT-M", ["M"]),
        ("SHIRT-S", ["S"]),
    ]


def test_a_parents_new_name_and_its_archive_are_its_variants(app, shop, shirt):
    made = make(app, shop, shirt.id, SIZES)
    app.run(update_product, shop.owner, {"id": made.variants[0].id, "name": "The small one"})
    app.run(update_product, shop.owner, {"id": shirt.id, "name": "Tee"})
    app.run(archive_product, shop.owner, {"id": shirt.id})
    found = app.run(list_variants, shop.cashier, {"id": shirt.id}).variants
    assert [(each.name, each.archived_at is not None) for each in found] == [
        ("The small one", True),
        ("Tee (M)", True),
        ("Tee (L)", True),
    ]
    app.run(unarchive_product, shop.owner, {"id": shirt.id})
    found = app.run(list_variants, shop.cashier, {"id": shirt.id}).variants
    assert [each.archived_at for each in found] == [None, None, None]


def refused(app, shop, error, act, data, identity=None):
    before = rows(app, "SELECT id, version FROM products WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,))
    with pytest.raises(error):
        app.run(act, identity or shop.owner, data)
    assert rows(app, "SELECT id, version FROM products WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,)) == before


def test_what_has_a_life_of_its_own_cannot_become_a_parent(app, shop, shirt):
    made = make(app, shop, shirt.id, SIZES)
    app.run(book_sale, shop.cashier, basket(shop))
    kit = product(app, shop, "KIT")
    app.run(set_kit, shop.owner, {"product_id": kit.id, "components": [{"sku": "C-3"}]})
    for each in (made.variants[0].id, kit.id, *shop.products):
        refused(app, shop, NotAParent, create_variants, {"product_id": each, "options": [SIZES]})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"options": [COLOURS]}, OptionsInUse),
        ({"options": [{"name": "size", "values": ["S", "M"]}]}, OptionsInUse),
        ({"options": [SIZES], "variants": [{"values": ["XXL"]}]}, OptionsInUse),
        (
            {"options": [{"name": "size", "values": ["S", "M", "L", "X"]}], "variants": [{"values": ["X"]}] * 2},
            DuplicateVariant,
        ),
        (
            {
                "options": [{"name": "size", "values": ["S", "M", "L", "X"]}],
                "variants": [{"values": ["X"], "sku": "A-1"}],
            },
            DuplicateSku,
        ),
        (
            {
                "options": [{"name": "size", "values": ["S", "M", "L", "X"]}],
                "variants": [{"values": ["X"], "barcodes": ["4006381333931"]}],
            },
            BarcodeTaken,
        ),
        (
            {
                "options": [{"name": "size", "values": ["S", "M", "L", "X"]}],
                "variants": [{"values": ["X"], "barcodes": ["1", "1"]}],
            },
            RepeatedBarcode,
        ),
        (
            {
                "options": [
                    {"name": "size", "values": [str(n) for n in range(100)]},
                    {"name": "b", "values": list("abcdef")},
                ]
            },
            TooManyVariants,
        ),
        ({"product_id": "01900000-0000-7000-8000-000000000000", "options": [SIZES]}, ProductNotFound),
    ],
)
def test_what_would_break_the_options_is_refused_and_makes_nothing(app, shop, shirt, change, error):
    if error is not TooManyVariants:
        make(app, shop, shirt.id, SIZES)
    refused(app, shop, error, create_variants, {"product_id": shirt.id, **change})


def test_a_cashier_makes_no_variants_units_or_kits(app, shop):
    one = shop.products[0]
    for act, data in (
        (create_variants, {"product_id": one, "options": [SIZES]}),
        (set_units, {"product_id": one, "units": []}),
        (set_kit, {"product_id": one, "components": []}),
    ):
        refused(app, shop, PermissionDenied, act, data, shop.cashier)


# --- units ------------------------------------------------------------------------------------------------------------


def units(app, shop, product_id, *given, identity=None):
    return app.run(set_units, identity or shop.owner, {"product_id": product_id, "units": list(given)})


def test_a_barcodes_pack_size_stands_for_the_unit_of_that_size(app, shop):
    cola = product(app, shop, "COLA", barcodes=[{"code": "4006381333948", "quantity": "6"}])
    before = app.run(look_up_code, shop.cashier, {"code": "4006381333948"})
    assert (before.quantity, before.unit, before.unit_price) == (Decimal(6), "", Decimal(1))

    found = units(app, shop, cola.id, {"code": "six-pack", "factor": "6", "unit_price": "4.99"})

    assert [(each.code, each.factor, each.unit_price, each.has_own_price) for each in found.units] == [
        ("six-pack", Decimal(6), Decimal("4.99"), True)
    ]
    after = app.run(look_up_code, shop.cashier, {"code": "4006381333948"})
    assert (after.quantity, after.unit, after.factor, after.unit_price) == (1, "six-pack", 6, Decimal("4.99"))
    assert app.run(look_up_code, shop.cashier, {"code": "COLA"}).unit == ""


def test_a_unit_without_a_price_follows_the_products(app, shop):
    cola = product(app, shop, "COLA")
    units(app, shop, cola.id, {"code": "case", "factor": "24"})
    app.run(update_product, shop.owner, {"id": cola.id, "unit_price": "1.10"})
    assert app.run(get_product, shop.cashier, {"id": cola.id}).units[0].unit_price == Decimal("26.40")


@pytest.mark.parametrize(
    "given",
    [
        [{"code": "a", "factor": "6"}, {"code": "b", "factor": "6"}],
        [{"code": "a", "factor": "6"}, {"code": "a", "factor": "7"}],
        [{"code": "piece", "factor": "6"}],
    ],
)
def test_two_units_of_one_name_or_size_are_refused(app, shop, given):
    refused(app, shop, RepeatedUnit, set_units, {"product_id": shop.products[0], "units": given})


def test_who_may_not_price_makes_units_but_gives_them_no_price(app, shop):
    one = shop.products[0]
    assert units(app, shop, one, {"code": "case", "factor": "6"}, identity=shop.clerk).units[0].code == "case"
    with pytest.raises(PermissionDenied):
        units(app, shop, one, {"code": "case", "factor": "6", "unit_price": "1"}, identity=shop.clerk)


def test_weighed_goods_are_counted_in_kilograms_and_lose_their_tare(app, shop):
    ham = product(app, shop, "HAM", "20.00", sold_by="weight", tare="0.015")
    assert (ham.unit, ham.tare) == ("kg", Decimal("0.015"))
    assert app.run(look_up_code, shop.cashier, {"code": "HAM", "gross": "0.515"}).quantity == Decimal("0.500")
    for code, gross in (("HAM", "0.015"), ("HAM", "0.010"), ("A-1", "1")):
        with pytest.raises(NothingWeighed):
            app.run(look_up_code, shop.cashier, {"code": code, "gross": gross})
    wrong = {"sku": "X", "name": "X", "unit_price": "1", "sold_by": "weight", "unit": "piece"}
    refused(app, shop, UnitMismatch, create_product, wrong)
    changed = app.run(update_product, shop.owner, {"id": ham.id, "sold_by": "each"})
    assert changed.unit == "piece"


# --- kits -------------------------------------------------------------------------------------------------------------


def kit(app, shop, product_id, *components, price="own", identity=None):
    data = {"product_id": product_id, "components": list(components), "price": price}
    return app.run(set_kit, identity or shop.owner, data)


def test_a_kit_keeps_its_own_price_or_follows_its_components(app, shop):
    box = product(app, shop, "BOX", "3.00")
    parts = ({"sku": "A-1", "quantity": "2"}, {"product_id": shop.products[1]})
    found = kit(app, shop, box.id, *parts)
    assert (found.kind, found.unit_price, [each.sku for each in found.components]) == ("kit", 3, ["A-1", "B-2"])

    assert kit(app, shop, box.id, *parts, price="sum").unit_price == Decimal("4.50")
    app.run(update_product, shop.owner, {"id": shop.products[0], "unit_price": "1.25"})
    followed = app.run(get_product, shop.cashier, {"id": box.id})
    assert followed.unit_price == Decimal("5.00")
    logged = rows(
        app,
        "SELECT old_price, new_price, actor_name FROM price_changes WHERE product_id = %s ORDER BY id DESC LIMIT 1",
        (box.id,),
    )
    assert logged == [{"old_price": Decimal("4.5"), "new_price": 5, "actor_name": "its components"}]
    assert followed.version > found.version, "a till must hear of it"
    refused(app, shop, KitPriceFollows, update_product, {"id": box.id, "unit_price": "1"})


def test_a_kit_without_components_is_an_ordinary_product_again(app, shop):
    box = product(app, shop, "BOX", "3.00")
    kit(app, shop, box.id, {"sku": "A-1"}, price="sum")
    found = kit(app, shop, box.id)
    assert (found.kind, found.kit_price, found.unit_price, found.components) == ("simple", "own", 1, [])


def test_nothing_nested_or_out_of_use_goes_into_a_kit(app, shop, shirt):
    make(app, shop, shirt.id, SIZES)
    box, big = product(app, shop, "BOX"), product(app, shop, "BIG")
    kit(app, shop, box.id, {"sku": "A-1"})
    app.run(archive_product, shop.owner, {"id": shop.products[2]})
    product(app, shop, "PHONE", tracking="serial")
    for part in ("BOX", "SHIRT", "C-3", "BIG", "PHONE"):
        refused(app, shop, BadComponent, set_kit, {"product_id": big.id, "components": [{"sku": part}]})
    twice = {"product_id": big.id, "components": [{"sku": "B-2"}, {"product_id": shop.products[1]}]}
    refused(app, shop, BadComponent, set_kit, twice)
    refused(app, shop, ProductNotFound, set_kit, {"product_id": big.id, "components": [{"sku": "NONE"}]})
    for each in (shop.products[0], shirt.id):
        refused(app, shop, NotAKit, set_kit, {"product_id": each, "components": [{"sku": "B-2"}]})
    refused(app, shop, BadComponent, update_product, {"id": shop.products[0], "tracking": "lot"})


def test_the_till_hears_of_units_and_components(app, shop):
    box = product(app, shop, "BOX", minimum_age=16)
    kit(app, shop, box.id, {"sku": "A-1", "quantity": "2"})
    units(app, shop, shop.products[0], {"code": "case", "factor": "24"})
    app.run(set_barcodes, shop.owner, {"product_id": shop.products[0], "barcodes": [{"code": "X1", "quantity": "24"}]})
    pulled = {each.sku: each for each in app.run(pull_snapshot, shop.device, {}).products}
    assert (pulled["BOX"].kind, pulled["BOX"].minimum_age) == ("kit", 16)
    assert [(each.sku, each.quantity) for each in pulled["BOX"].components] == [("A-1", 2)]
    assert [(each.code, each.unit_price) for each in pulled["A-1"].units] == [("case", 24)]
