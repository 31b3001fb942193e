"""Products: made, read, listed, changed, archived."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.errors import (
    BadCheckDigit,
    BarcodeTaken,
    CategoryArchived,
    CategoryNotFound,
    DuplicateSku,
    ProductNotFound,
    RepeatedBarcode,
    StaleVersion,
    TaxClassMissing,
    TaxClassNotFound,
)
from primepos.domain.catalog.service import (
    archive_category,
    archive_product,
    create_category,
    create_product,
    create_tax_class,
    get_product,
    list_products,
    unarchive_product,
    update_product,
)
from tests.domain.inner_room import count, refusals
from tests.factories import a_product, rows


def prices(app, product_id):
    return [
        (row["old_price"], row["new_price"], row["actor_name"])
        for row in rows(app, "SELECT * FROM price_changes WHERE product_id = %s ORDER BY id", (product_id,))
    ]


def test_a_product_is_made_with_its_first_price_category_and_barcodes(app, shop):
    category = app.run(create_category, shop.owner, {"name": "Fruit"})

    made = app.run(
        create_product,
        shop.manager,
        {
            "sku": "0042 x",
            "name": "  Quince   1½ kg ",
            "unit_price": "3.1234",
            "category": "Fruit",
            "sold_by": "weight",
            "track_stock": False,
            "barcodes": [{"code": "96385074"}, {"code": "BOX-6", "quantity": "6"}],
        },
    )

    assert (made.sku, made.name, made.unit_price) == ("0042 x", "Quince 1½ kg", Decimal("3.1234"))
    assert (made.tax_class, made.tax_class_id) == ("standard", shop.tax_class_id)
    assert (made.category, made.category_id) == ("Fruit", category.id)
    assert (made.sold_by, made.track_stock, made.archived_at) == ("weight", False, None)
    assert [(each.code, each.quantity) for each in made.barcodes] == [("96385074", 1), ("BOX-6", 6)]
    assert app.run(get_product, shop.cashier, {"id": made.id}) == made
    assert app.run(get_product, shop.cashier, {"sku": "0042 x"}) == made
    assert prices(app, made.id) == [(None, Decimal("3.1234"), "Manager")]


def test_skus_differ_by_case_blanks_and_leading_zeros(app, shop):
    for sku in ("7a", "7A", "07a", "7a ", "7 a"):
        app.run(create_product, shop.owner, {"sku": sku, "name": "Thing", "unit_price": "1"})

    found = [row.sku for row in app.run(list_products, shop.owner).items]
    assert sorted(found) == sorted(["7a", "7A", "07a", "7a ", "7 a", "A-1", "B-2", "C-3"])


def test_a_second_product_with_the_same_sku_is_refused_archived_or_not(app, shop):
    app.run(archive_product, shop.owner, {"id": shop.products[0]})

    with pytest.raises(DuplicateSku):
        app.run(create_product, shop.owner, {"sku": "A-1", "name": "Again", "unit_price": "1"})

    assert count(app, "products", shop.tenant_id) == 3
    assert refusals(app, shop.tenant_id) == [("catalog.create_product", "DUPLICATE_SKU")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sku": ""},
        {"sku": "   "},
        {"sku": "x" * 65},
        {"sku": "a\0b"},
        {"sku": "a\nb"},
        {"sku": "\ud800"},
        {"name": ""},
        {"name": " "},
        {"name": "a\x1b[31m"},
        {"name": "x" * 201},
        {"name": "a\u202eb"},
        {"unit_price": "-0.01"},
        {"unit_price": "1.00001"},
        {"unit_price": "NaN"},
        {"unit_price": "1e400"},
        {"unit_price": "10000000000"},
        {"sold_by": "meter"},
        {"unknown": 1},
        {"barcodes": [{"code": "a b"}]},
        {"barcodes": [{"code": "ä"}]},
        {"barcodes": [{"code": "1", "quantity": "0"}]},
        {"barcodes": [{"code": "1", "quantity": "0.0001"}]},
    ],
)
def test_what_no_product_can_have_is_refused(app, shop, wrong):
    with pytest.raises(InvalidInput):
        app.run(create_product, shop.owner, {"sku": "N-1", "name": "New", "unit_price": "1", **wrong})

    assert count(app, "products", shop.tenant_id) == 3


def test_a_barcode_that_is_refused_leaves_no_product_behind(app, shop):
    wanted = {"sku": "N-1", "name": "New", "unit_price": "1"}

    with pytest.raises(BadCheckDigit):
        app.run(create_product, shop.owner, wanted | {"barcodes": [{"code": "4006381333932"}]})
    with pytest.raises(RepeatedBarcode):
        app.run(create_product, shop.owner, wanted | {"barcodes": [{"code": "1"}, {"code": "1"}]})
    with pytest.raises(BarcodeTaken):
        app.run(create_product, shop.owner, wanted | {"barcodes": [{"code": "4006381333931"}]})

    assert count(app, "products", shop.tenant_id) == 3
    assert count(app, "price_changes", shop.tenant_id) == 0


def test_without_a_standard_class_the_tax_class_must_be_said_if_there_are_several(app, shop):
    from primepos.domain.catalog.queries.taxes import find_tax_class
    from tests.domain.inner_room import in_room

    def rename(ctx):
        find_tax_class(ctx, shop.tax_class_id).code = "full"

    in_room(app, shop.owner, rename)
    wanted = {"sku": "N-1", "name": "New", "unit_price": "1"}
    assert app.run(create_product, shop.owner, wanted).tax_class == "full"
    app.run(create_tax_class, shop.owner, {"code": "exempt", "name": "Exempt"})

    with pytest.raises(TaxClassMissing):
        app.run(create_product, shop.owner, wanted | {"sku": "N-2"})
    assert app.run(create_product, shop.owner, wanted | {"sku": "N-2", "tax_class": "exempt"}).tax_class == "exempt"
    with pytest.raises(TaxClassNotFound):
        app.run(create_product, shop.owner, wanted | {"sku": "N-3", "tax_class": "nope"})


def test_foreign_tax_classes_and_categories_are_not_found(app, shop, other_shop):
    foreign = app.run(create_category, other_shop.owner, {"name": "Theirs"})
    wanted = {"sku": "N-1", "name": "New", "unit_price": "1"}

    with pytest.raises(TaxClassNotFound):
        app.run(create_product, shop.owner, wanted | {"tax_class_id": other_shop.tax_class_id})
    with pytest.raises(CategoryNotFound):
        app.run(create_product, shop.owner, wanted | {"category_id": foreign.id})
    with pytest.raises(CategoryNotFound):
        app.run(list_products, shop.owner, {"category_id": foreign.id})
    with pytest.raises(TaxClassNotFound):
        app.run(update_product, shop.owner, {"id": shop.products[0], "tax_class_id": other_shop.tax_class_id})
    with pytest.raises(CategoryNotFound):
        app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": foreign.id})

    assert count(app, "products", shop.tenant_id) == 3


@pytest.mark.parametrize("operation", [get_product, update_product, archive_product, unarchive_product])
def test_another_tenants_product_is_not_found_and_stays_as_it_is(app, shop, other_shop, operation):
    theirs = other_shop.products[0]
    before = rows(app, "SELECT * FROM products WHERE id = %s", (theirs,))
    more = {"name": "Mine"} if operation is update_product else {}

    for product_id in (theirs, uuid4()):
        with pytest.raises(ProductNotFound):
            app.run(operation, shop.owner, {"id": product_id} | more)

    assert rows(app, "SELECT * FROM products WHERE id = %s", (theirs,)) == before


def test_one_product_is_asked_for_by_id_or_sku_not_both_not_neither(app, shop):
    for data in ({}, {"id": shop.products[0], "sku": "A-1"}):
        with pytest.raises(InvalidInput):
            app.run(get_product, shop.owner, data)
    with pytest.raises(ProductNotFound):
        app.run(get_product, shop.owner, {"sku": "a-1"})


def pages(app, identity, **data):
    items, after = [], None
    while True:
        page = app.run(list_products, identity, data | ({"after": after} if after else {}))
        items.append([row.sku for row in page.items])
        if page.next is None:
            return items
        after = page.next


def test_lists_walk_by_sku_or_name_without_repeating_or_missing_a_row(app, shop):
    for sku, name in (("D-4", "Bread"), ("Ä-5", "Bread"), ("a-0", "Zebra")):
        a_product(app, shop, sku=sku, price="1", name=name)

    by_sku = pages(app, shop.cashier, limit=2)
    assert [len(page) for page in by_sku] == [2, 2, 2]
    assert list(chain(*by_sku)) == sorted(["A-1", "B-2", "C-3", "D-4", "Ä-5", "a-0"])
    by_name = list(chain(*pages(app, shop.cashier, limit=1, order="name")))
    assert by_name[0] == "A-1"
    assert set(by_name[1:4]) == {"B-2", "D-4", "Ä-5"}
    assert by_name[4:] == ["C-3", "a-0"]


def test_lists_take_a_category_and_the_archived_ones(app, shop):
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": fruit.id})
    app.run(archive_product, shop.owner, {"id": shop.products[2]})

    assert pages(app, shop.owner) == [["A-1", "B-2"]]
    assert pages(app, shop.owner, archived=True) == [["C-3"]]
    assert pages(app, shop.owner, category_id=fruit.id) == [["A-1"]]
    assert pages(app, shop.owner, category_id=fruit.id, archived=True) == [[]]


@pytest.mark.parametrize("after", ["x", "!!", "WzFd", "WyJhXHUwMDAwIl0"])
def test_a_place_that_is_none_is_refused(app, shop, after):
    with pytest.raises(InvalidInput):
        app.run(list_products, shop.owner, {"after": after})


def test_a_place_of_another_order_is_refused(app, shop):
    after = app.run(list_products, shop.owner, {"limit": 1, "order": "name"}).next

    with pytest.raises(InvalidInput):
        app.run(list_products, shop.owner, {"after": after})


def test_an_update_changes_what_is_given_and_grows_the_version(app, shop):
    before = app.run(get_product, shop.owner, {"id": shop.products[1]})

    after = app.run(update_product, shop.clerk, {"id": before.id, "name": " Rye  bread", "track_stock": False})

    assert (after.name, after.track_stock, after.sku, after.unit_price) == ("Rye bread", False, "B-2", Decimal("2.5"))
    assert after.version > before.version
    assert after.barcodes == before.barcodes
    assert prices(app, before.id) == []


def test_an_update_to_what_is_already_so_makes_no_new_version(app, shop):
    before = app.run(get_product, shop.owner, {"id": shop.products[1]})

    after = app.run(update_product, shop.owner, {"id": before.id, "name": "Bread", "unit_price": "2.50"})

    assert after == before
    assert prices(app, before.id) == []


def test_a_category_is_taken_off_by_null_and_left_by_silence(app, shop):
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    product = {"id": shop.products[0]}

    assert app.run(update_product, shop.owner, product | {"category_id": fruit.id}).category == "Fruit"
    assert app.run(update_product, shop.owner, product | {"name": "Pear"}).category == "Fruit"
    assert app.run(update_product, shop.owner, product | {"category_id": None}).category is None


def test_an_archived_category_takes_no_product(app, shop):
    fruit = app.run(create_category, shop.owner, {"name": "Fruit"})
    app.run(archive_category, shop.owner, {"id": fruit.id})

    with pytest.raises(CategoryArchived):
        app.run(update_product, shop.owner, {"id": shop.products[0], "category_id": fruit.id})
    with pytest.raises(CategoryArchived):
        app.run(create_product, shop.owner, {"sku": "N", "name": "N", "unit_price": "1", "category": "Fruit"})


def test_a_price_change_is_remembered_with_its_author(app, shop):
    product = {"id": shop.products[0]}
    app.run(update_product, shop.manager, product | {"unit_price": "1.10"})
    app.run(update_product, shop.owner, product | {"unit_price": "0"})

    assert prices(app, shop.products[0]) == [
        (Decimal(1), Decimal("1.1"), "Manager"),
        (Decimal("1.1"), Decimal(0), "Owner"),
    ]


def test_a_stock_clerk_may_rename_but_not_reprice(app, shop):
    before = app.run(get_product, shop.owner, {"id": shop.products[0]})

    with pytest.raises(PermissionDenied):
        app.run(update_product, shop.clerk, {"id": before.id, "name": "Cheap apple", "unit_price": "0.10"})

    assert app.run(get_product, shop.owner, {"id": before.id}) == before
    assert prices(app, before.id) == []
    assert refusals(app, shop.tenant_id) == [("catalog.update_product", "PERMISSION_DENIED")]
    # The price as it is asks for nothing.
    assert app.run(update_product, shop.clerk, {"id": before.id, "name": "Pear", "unit_price": "1"}).name == "Pear"


def test_a_stale_version_changes_nothing(app, shop):
    read = app.run(get_product, shop.owner, {"id": shop.products[0]})
    newer = app.run(update_product, shop.owner, {"id": read.id, "version": read.version, "name": "Pear"})

    with pytest.raises(StaleVersion) as refused:
        app.run(update_product, shop.manager, {"id": read.id, "version": read.version, "name": "Plum"})

    assert refused.value.data == {"version": newer.version}
    assert app.run(get_product, shop.owner, {"id": read.id}) == newer


def test_an_update_to_a_taken_sku_is_refused(app, shop):
    with pytest.raises(DuplicateSku):
        app.run(update_product, shop.owner, {"id": shop.products[0], "sku": "B-2"})
    assert app.run(get_product, shop.owner, {"id": shop.products[0]}).sku == "A-1"


def test_archive_and_unarchive_can_be_repeated(app, shop):
    product = {"id": shop.products[0]}

    first = app.run(archive_product, shop.clerk, product)
    assert first.archived_at == app.clock.now()
    assert app.run(archive_product, shop.clerk, product) == first
    back = app.run(unarchive_product, shop.clerk, product)
    assert back.archived_at is None
    assert back.version > first.version
    assert app.run(unarchive_product, shop.clerk, product) == back


@pytest.mark.parametrize("operation", [create_product, update_product, archive_product, unarchive_product])
def test_who_may_not_write_products_is_refused_and_audited(app, shop, operation):
    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,))

    with pytest.raises(PermissionDenied):
        app.run(operation, shop.cashier, {"id": shop.products[0]})

    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,)) == before
    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]
