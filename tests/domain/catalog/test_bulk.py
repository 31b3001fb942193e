"""Loading many products at once, and again."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from primepos.core.errors import InvalidInput
from primepos.domain.catalog.errors import TaxClassMissing, TaxClassNotFound
from primepos.domain.catalog.queries import product_ids, upsert_products
from primepos.domain.catalog.schemas import BarcodeIn, UpsertCounts, UpsertProduct
from primepos.domain.catalog.service import (
    archive_product,
    create_tax_class,
    get_product,
    list_categories,
    pull_snapshot,
)
from tests.domain.inner_room import count, in_room
from tests.factories import rows


def entry(sku, price="1", name=None, codes=(), **more):
    return UpsertProduct(
        sku=sku,
        name=name or sku,
        unit_price=Decimal(price),
        barcodes=[BarcodeIn(code=each) if isinstance(each, str) else BarcodeIn(**each) for each in codes],
        **more,
    )


def load(app, identity, *entries):
    done = in_room(app, identity, lambda ctx: upsert_products(ctx, entries))
    assert isinstance(done, UpsertCounts)
    return done


def counts(done):
    return done.created, done.updated, done.unchanged


def test_new_products_come_with_categories_taxes_barcodes_and_first_prices(app, shop):
    app.run(create_tax_class, shop.owner, {"code": "food", "name": "Food"})

    done = load(
        app,
        shop.clerk,
        entry(
            "N-1", "1.2345", "Nut  mix", ["036000291452", {"code": "BOX", "quantity": Decimal(6)}], category="Snacks"
        ),
        entry("N-2", "2", category="Snacks", tax_class="food", sold_by="weight", track_stock=False),
        entry("N-3", "3", category="Drinks"),
    )

    assert counts(done) == (3, 0, 0)
    assert (done.prices_kept, done.barcodes_taken) == (0, [])
    first = app.run(get_product, shop.owner, {"sku": "N-1"})
    assert (first.name, first.unit_price, first.category) == ("Nut mix", Decimal("1.2345"), "Snacks")
    assert (first.tax_class, first.sold_by, first.track_stock) == ("standard", "each", True)
    assert [(each.code, each.quantity) for each in first.barcodes] == [("0036000291452", 1), ("BOX", 6)]
    second = app.run(get_product, shop.owner, {"sku": "N-2"})
    assert (second.category_id, second.tax_class) == (first.category_id, "food")
    assert (second.sold_by, second.track_stock) == ("weight", False)
    assert [each.name for each in app.run(list_categories, shop.owner).items] == ["Drinks", "Snacks"]
    changes = rows(app, "SELECT * FROM price_changes WHERE tenant_id = %s ORDER BY new_price", (shop.tenant_id,))
    assert [(row["old_price"], row["new_price"], row["actor_name"]) for row in changes] == [
        (None, Decimal("1.2345"), "Clerk"),
        (None, Decimal(2), "Clerk"),
        (None, Decimal(3), "Clerk"),
    ]


def test_the_same_again_changes_nothing_and_makes_no_new_versions(app, shop):
    batch = [entry(f"N-{n}", "1.5", category="C", codes=[f"CODE-{n}"]) for n in range(50)]
    assert counts(load(app, shop.owner, *batch)) == (50, 0, 0)
    version = app.run(pull_snapshot, shop.device).version

    assert counts(load(app, shop.owner, *reversed(batch))) == (0, 0, 50)

    assert app.run(pull_snapshot, shop.device, {"since_version": version}).products == []
    assert count(app, "price_changes", shop.tenant_id) == 50


def test_only_what_differs_is_written(app, shop):
    load(app, shop.owner, *[entry(f"N-{n}", category="C") for n in range(6)])
    version = app.run(pull_snapshot, shop.device).version

    done = load(
        app,
        shop.owner,
        entry("N-0", category="C"),
        entry("N-1", "2"),
        entry("N-2", name="Renamed"),
        entry("N-3", codes=["X"]),
        entry("N-4", category="D"),
        entry("N-5", track_stock=False),
        entry("N-6"),
    )

    assert counts(done) == (1, 5, 1)
    changed = app.run(pull_snapshot, shop.device, {"since_version": version}).products
    assert {each.sku for each in changed} == {"N-1", "N-2", "N-3", "N-4", "N-5", "N-6"}
    assert {each.sku: each.category for each in changed} == {
        "N-1": "C", "N-2": "C", "N-3": "C", "N-4": "D", "N-5": "C", "N-6": None,
    }  # fmt: skip


def test_what_a_row_leaves_out_stays(app, shop):
    load(app, shop.owner, entry("N", category="C", sold_by="weight", track_stock=False, codes=["X"]))

    assert counts(load(app, shop.owner, entry("N"))) == (0, 0, 1)
    assert counts(load(app, shop.owner, entry("N", sold_by="each"))) == (0, 1, 0)

    after = app.run(get_product, shop.owner, {"sku": "N"})
    assert (after.category, after.sold_by, after.track_stock) == ("C", "each", False)
    assert [each.code for each in after.barcodes] == ["X"]


def test_without_the_right_to_reprice_prices_of_existing_products_stay(app, shop):
    done = load(app, shop.clerk, entry("A-1", "0.01", "Apple"), entry("B-2", "0.01", "Brown bread"), entry("N", "0.01"))

    assert counts(done) == (1, 1, 1)
    assert done.prices_kept == 2
    assert app.run(get_product, shop.owner, {"sku": "A-1"}).unit_price == 1
    bread = app.run(get_product, shop.owner, {"sku": "B-2"})
    assert (bread.name, bread.unit_price) == ("Brown bread", Decimal("2.5"))
    assert count(app, "price_changes", shop.tenant_id) == 1

    assert counts(load(app, shop.manager, entry("A-1", "0.01", "Apple"))) == (0, 1, 0)
    assert app.run(get_product, shop.owner, {"sku": "A-1"}).unit_price == Decimal("0.01")


def test_a_code_of_another_product_stays_there_and_is_told(app, shop):
    done = load(app, shop.owner, entry("N-1", codes=["4006381333931", "SAME"]), entry("N-2", codes=["SAME", "OWN"]))

    assert counts(done) == (2, 0, 0)
    assert done.barcodes_taken == ["4006381333931", "SAME"]
    for sku, codes in (("B-2", ["4006381333931"]), ("N-1", ["SAME"]), ("N-2", ["OWN"])):
        assert [each.code for each in app.run(get_product, shop.owner, {"sku": sku}).barcodes] == codes


def test_a_new_pack_quantity_is_a_change(app, shop):
    load(app, shop.owner, entry("N", codes=[{"code": "X", "quantity": Decimal(6)}]))

    assert counts(load(app, shop.owner, entry("N", codes=[{"code": "X", "quantity": Decimal(12)}]))) == (0, 1, 0)
    assert app.run(get_product, shop.owner, {"sku": "N"}).barcodes[0].quantity == 12


def test_of_a_sku_given_twice_the_last_row_counts(app, shop):
    assert counts(load(app, shop.owner, entry("N", "1"), entry("N", "2"))) == (1, 0, 0)
    assert app.run(get_product, shop.owner, {"sku": "N"}).unit_price == 2


def test_an_archived_product_is_updated_and_stays_archived(app, shop):
    app.run(archive_product, shop.owner, {"id": shop.products[0]})

    assert counts(load(app, shop.owner, entry("A-1", "5"))) == (0, 1, 0)
    assert app.run(get_product, shop.owner, {"sku": "A-1"}).archived_at is not None


def test_an_unknown_tax_class_refuses_the_whole_batch(app, shop):
    with pytest.raises(TaxClassNotFound):
        load(app, shop.owner, entry("N-1"), entry("N-2", tax_class="nope"))
    app.run(create_tax_class, shop.owner, {"code": "a", "name": "A"})
    in_room(app, shop.owner, lambda ctx: ctx.uow.run("UPDATE tax_classes SET code = 'b' WHERE code = 'standard'"))
    with pytest.raises(TaxClassMissing):
        load(app, shop.owner, entry("N-1"))
    assert count(app, "products", shop.tenant_id) == 3
    assert counts(load(app, shop.owner, entry("N-1", tax_class="a"))) == (1, 0, 0)


def test_no_rows_are_no_work(app, shop):
    assert counts(load(app, shop.owner)) == (0, 0, 0)


def test_another_tenants_products_with_the_same_skus_stay_as_they_are(app, shop, other_shop):
    before = rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY id", (other_shop.tenant_id,))

    load(app, shop.owner, entry("A-1", "7", "Mine", codes=["4006381333931"], category="Mine"))

    assert rows(app, "SELECT * FROM products WHERE tenant_id = %s ORDER BY id", (other_shop.tenant_id,)) == before
    assert count(app, "categories", other_shop.tenant_id) == 0
    assert in_room(app, other_shop.owner, lambda ctx: product_ids(ctx, ["A-1", "nope"])) == {
        "A-1": other_shop.products[0]
    }


@pytest.mark.parametrize("wrong", [{"sku": ""}, {"name": " "}, {"unit_price": Decimal(-1)}, {"sold_by": "m"}])
def test_a_row_that_is_no_product_is_refused_when_it_is_read(wrong):
    from primepos.core.operations import parse

    with pytest.raises(InvalidInput):
        parse(UpsertProduct, {"sku": "N", "name": "N", "unit_price": Decimal(1)} | wrong)


def test_two_loads_at_once_make_every_product_once(app, shop):
    batch = [entry(f"N-{n}", category=f"C-{n % 3}", codes=[f"X-{n}"]) for n in range(200)]
    done: list[UpsertCounts] = []
    start = threading.Barrier(4)

    def run(part):
        start.wait(30)
        done.append(load(app, shop.owner, *part))

    threads = [threading.Thread(target=run, args=(part,)) for part in (batch, batch[::-1], batch[:100], batch[100:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(done) == 4
    assert sum(each.created for each in done) == 200
    assert sum(each.updated for each in done) == 0
    assert count(app, "products", shop.tenant_id) == 203
    assert count(app, "categories", shop.tenant_id) == 3
    assert count(app, "product_barcodes", shop.tenant_id) == 201
