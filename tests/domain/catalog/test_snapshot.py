"""The till's copy of the catalogue: complete, in pages, never missing a change."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from primepos.core.errors import PermissionDenied
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    pull_snapshot,
    set_barcodes,
    update_product,
    update_tax,
)
from tests.domain.inner_room import in_room, refusals
from tests.factories import a_product, a_shop, rows


def pull(app, shop, since=0, **more):
    return app.run(pull_snapshot, shop.device, {"since_version": since, **more})


def test_a_first_pull_holds_all_a_till_needs_to_price(app):
    rules = [{"pattern": "21{item:5}{weight:5}c", "decimals": 3, "name": "scale"}]
    shop = a_shop(app, settings={"barcode_rules": rules}, currency="KWD")

    page = pull(app, shop)

    assert [each.sku for each in page.products] == ["A-1", "B-2", "C-3"]
    bread = page.products[1]
    assert (bread.name, bread.unit_price, bread.sold_by, bread.archived) == ("Bread", Decimal("2.5"), "each", False)
    assert [(each.code, each.quantity) for each in bread.barcodes] == [("4006381333931", 1)]
    (tax_class,) = page.tax_classes
    assert bread.tax_class_id == tax_class.id == shop.tax_class_id
    (tax,) = tax_class.taxes
    assert (tax.code, tax.kind, tax.amount, tax.included) == ("std", "percent", 19, True)
    assert [(each.pattern, each.decimals, each.name) for each in page.barcode_rules] == [
        ("21{item:5}{weight:5}c", 3, "scale")
    ]
    assert (page.currency, page.more, page.version) == ("KWD", False, page.products[-1].version)


def test_nothing_new_gives_nothing_and_stays_where_it_was(app, shop):
    version = pull(app, shop).version

    again = pull(app, shop, version)
    assert (again.products, again.version, again.more) == ([], version, False)


def test_only_what_changed_since_comes_archived_ones_to_be_dropped(app, shop):
    version = pull(app, shop).version
    app.run(update_product, shop.owner, {"id": shop.products[2], "unit_price": "8"})
    app.run(archive_product, shop.owner, {"id": shop.products[0]})
    app.run(set_barcodes, shop.owner, {"product_id": shop.products[1], "barcodes": []})

    page = pull(app, shop, version)

    assert [(each.sku, each.archived) for each in page.products] == [("C-3", False), ("A-1", True), ("B-2", False)]
    assert page.products[0].unit_price == 8
    assert page.products[2].barcodes == []


def test_a_changed_tax_is_on_the_next_pull_without_any_changed_product(app, shop):
    version = pull(app, shop).version
    app.run(update_tax, shop.owner, {"id": shop.tax_id, "amount": "16"})

    page = pull(app, shop, version)
    assert page.products == []
    assert page.tax_classes[0].taxes[0].amount == 16


def test_a_walk_in_pages_misses_nothing_even_if_products_change_meanwhile(app, shop):
    for number in range(7):
        a_product(app, shop, sku=f"N{number}", price="1")
    kept, after = {}, None
    pages = 0
    while True:
        page = pull(app, shop, 0, limit=3, **({} if after is None else {"after": after}))
        kept.update({each.id: each for each in page.products})
        pages += 1
        if pages == 2:
            # One that was already taken, and one that is still to come.
            app.run(update_product, shop.owner, {"id": shop.products[0], "name": "Changed"})
            app.run(archive_product, shop.owner, {"id": max(kept)})
        after = page.version
        if not page.more:
            break
    found = rows(app, "SELECT id, name, version, archived_at FROM products WHERE tenant_id = %s", (shop.tenant_id,))
    assert {row["id"]: (row["name"], row["version"], row["archived_at"] is not None) for row in found} == {
        each.id: (each.name, each.version, each.archived) for each in kept.values()
    }
    assert len(kept) == 10


def test_another_tenants_products_are_never_in_it(app, shop, other_shop):
    app.run(update_product, other_shop.owner, {"id": other_shop.products[0], "name": "Theirs"})

    assert {each.id for each in pull(app, shop).products} == set(shop.products)


def test_versions_become_visible_in_order_so_a_slow_writer_is_not_missed(app, shop):
    """A writer that drew its version first and commits last holds later ones back."""
    start = pull(app, shop).version
    may_commit, wrote = threading.Event(), threading.Event()

    def slow(ctx):
        ctx.uow.run(
            "UPDATE products SET name = 'Slow' WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, shop.products[0])
        )
        wrote.set()
        assert may_commit.wait(30)

    first = threading.Thread(target=in_room, args=(app, shop.owner, slow))
    first.start()
    assert wrote.wait(30)
    second = threading.Thread(
        target=app.run,
        args=(create_product, shop.owner, {"sku": "Q", "name": "Quick", "unit_price": "1"}),
    )
    second.start()
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 7767 AND objid = %s"
    while not rows(app, waiting, (shop.tenant_id,)):
        assert second.is_alive(), "the quick writer did not wait"

    between = pull(app, shop, start)
    assert between.products == []
    assert between.version == start
    may_commit.set()
    first.join(30)
    second.join(30)

    assert [each.name for each in pull(app, shop, between.version).products] == ["Slow", "Quick"]


def test_writers_of_different_tenants_do_not_wait_for_each_other(app, shop, other_shop):
    def work(ctx):
        ctx.uow.run("UPDATE products SET name = 'x' WHERE tenant_id = %s AND sku = 'A-1'", (ctx.tenant_id,))
        return app.run(update_product, other_shop.owner, {"id": other_shop.products[0], "name": "Theirs"}).name

    assert in_room(app, shop.owner, work) == "Theirs"


def test_who_may_not_read_products_is_refused_and_audited(app, shop):
    with pytest.raises(PermissionDenied):
        app.run(pull_snapshot, replace(shop.device, role="nobody"))
    assert refusals(app, shop.tenant_id) == [("catalog.snapshot", "PERMISSION_DENIED")]
