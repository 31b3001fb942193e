"""The product search: finds what people type, in one tenant only, through the index under row-level security."""

from __future__ import annotations

import csv
import json
import lzma
import statistics
import sys
import time
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from primepos.bootstrap import build_app
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.queries import upsert_products
from primepos.domain.catalog.schemas import BarcodeIn, UpsertProduct
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    search_products,
    set_barcodes,
    update_product,
)
from tests.domain.inner_room import in_room, refusals
from tests.factories import a_product, a_shop


def found(app, shop, query, **more):
    return [hit.sku for hit in app.run(search_products, shop.cashier, {"query": query, **more}).items]


@pytest.fixture
def stocked(app, shop):
    for sku, name in (
        ("TEA-1", "Green tea, 20 bags"),
        ("TEA-2", "Tea green loose"),
        ("CUP", "Cup for green tea"),
        ("ÖL-5", "Olivenöl Ätna 5 l"),
        ("100%", "Juice 100% apple"),
        ("A_B", "Under_score"),
    ):
        a_product(app, shop, sku=sku, price="1", name=name)
    return shop


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("green tea", ["TEA-1", "CUP", "TEA-2"]),
        ("TEA GREEN", ["TEA-2", "CUP", "TEA-1"]),
        ("  bags  gre ", ["TEA-1"]),
        ("een", ["CUP", "TEA-1", "TEA-2"]),
        ("gr te", ["CUP", "TEA-1", "TEA-2"]),
        ("g", ["TEA-1", "CUP", "TEA-2"]),
        ("CUP", ["CUP"]),
        ("tea-1", ["TEA-1"]),
        ("olivenöl ät", ["ÖL-5"]),
        ("ÄTNA", ["ÖL-5"]),
        ("a\u0308tna", ["ÖL-5"]),
        ("100%", ["100%"]),
        ("under", ["A_B"]),
        ("green coffee", []),
        ("ea gr", []),
    ],
)
def test_words_and_pieces_are_found_best_first(app, stocked, query, skus):
    assert found(app, stocked, query) == skus


def test_an_exact_sku_or_barcode_comes_first_and_is_told(app, stocked):
    app.run(set_barcodes, stocked.owner, {"product_id": stocked.products[2], "barcodes": [{"code": "036000291452"}]})
    a_product(app, stocked, sku="X", price="1", name="Apple A-1 copy")

    hits = app.run(search_products, stocked.cashier, {"query": "A-1"}).items
    assert [(hit.sku, hit.exact, hit.unit_price) for hit in hits][:2] == [
        ("A-1", True, Decimal(1)),
        ("X", False, Decimal(1)),
    ]
    for code in ("036000291452", "0036000291452", "00036000291452"):
        assert found(app, stocked, code) == ["C-3"]
    assert found(app, stocked, "4006381333931") == ["B-2"]


def test_archived_products_are_not_found(app, shop):
    app.run(archive_product, shop.owner, {"id": shop.products[1]})

    for query in ("bread", "B-2", "4006381333931"):
        assert found(app, shop, query) == []


def test_a_changed_name_is_found_at_once(app, shop):
    app.run(update_product, shop.owner, {"id": shop.products[1], "name": "Baguette"})

    assert found(app, shop, "bread") == []
    assert found(app, shop, "bague") == ["B-2"]


def test_no_more_than_asked_for(app, shop):
    for number in range(25):
        a_product(app, shop, sku=f"N{number:02}", price="1", name=f"Needle {number:02}")

    assert len(found(app, shop, "needle")) == 20
    assert found(app, shop, "needle", limit=3) == ["N00", "N01", "N02"]
    for limit in (0, 201):
        with pytest.raises(InvalidInput):
            found(app, shop, "needle", limit=limit)


@pytest.mark.parametrize(
    "query",
    ["", " ", "%", "%%%", "_", "___", "'", "''; DROP TABLE products; --", '"', "\\", "\\%", "$$", "^", ".*", "|", "🍏"],
)
def test_odd_queries_find_nothing_and_break_nothing(app, stocked, query):
    assert found(app, stocked, query) == []


@pytest.mark.parametrize("query", ["a\0b", "a\nb", "\x1b[2J", "\ud800", "x" * 201])
def test_queries_that_are_no_text_are_refused(app, shop, query):
    with pytest.raises(InvalidInput):
        found(app, shop, query)


def test_the_longest_query_is_answered(app, shop):
    assert found(app, shop, "x" * 200) == []
    assert found(app, shop, "y " * 100) == []


def test_naughty_strings_break_nothing(app, shop, shared_data):
    strings = json.loads((shared_data / "bad-input" / "blns.json").read_text(encoding="utf-8"))
    assert len(strings) > 400
    for text in strings:
        try:
            found(app, shop, text)
        except InvalidInput:
            continue


def test_naughty_strings_can_be_names_and_are_then_found(app, shop, shared_data):
    strings = json.loads((shared_data / "bad-input" / "blns.json").read_text(encoding="utf-8"))
    kept = []
    for number, text in enumerate(strings):
        try:
            made = app.run(create_product, shop.owner, {"sku": f"N{number}", "name": text, "unit_price": "1"})
        except InvalidInput:
            continue
        kept.append(made)
    assert len(kept) > 300
    for product in kept:
        if any(sign.isalnum() for sign in product.name):
            hits = app.run(search_products, shop.cashier, {"query": product.sku}).items
            assert hits[0].id == product.id
            assert hits[0].exact


def test_no_query_ever_finds_another_tenants_goods(app, shop, other_shop):
    a_product(app, other_shop, sku="SECRET-9", price="1", name="Secret sauce")
    app.run(
        set_barcodes, other_shop.owner, {"product_id": other_shop.products[0], "barcodes": [{"code": "5449000000996"}]}
    )
    theirs = other_shop.tenant_id

    for query in ("secret", "sauce", "SECRET-9", "5449000000996", f"{theirs}:sec", f"{theirs} secret", f"{theirs}:^s"):
        assert found(app, shop, query) == []
    for query in ("apple", "a", "4006381333931"):
        hits = app.run(search_products, shop.cashier, {"query": query}).items
        assert {hit.id for hit in hits} <= set(shop.products)
        assert hits


def test_a_forged_tenant_setting_in_the_query_changes_nothing(app, shop, other_shop):
    """The function takes the tenant from the transaction; its arguments are only ever data."""
    assert found(app, shop, f"'); SELECT set_config('app.tenant', '{other_shop.tenant_id}', true); --") == []
    assert len(found(app, shop, "a")) == 1


def test_who_may_not_read_products_is_refused_and_audited(app, shop):
    with pytest.raises(PermissionDenied):
        app.run(search_products, replace(shop.cashier, role="nobody"), {"query": "a"})
    assert refusals(app, shop.tenant_id) == [("catalog.search", "PERMISSION_DENIED")]


@pytest.fixture(scope="module")
def food(database, settings, shared_data):
    """A shop with 20,000 real products and another with the same, so that the index holds foreign pieces too."""
    app = build_app(settings, database=database)
    with lzma.open(
        shared_data / "open-food-facts" / "off-sample-20k.csv.xz", "rt", newline="", encoding="utf-8"
    ) as file:
        goods = list(csv.DictReader(file))
    shops = [a_shop(app), a_shop(app)]
    entries = []
    for row in goods:
        try:
            code = [BarcodeIn(code=row["code"])]
            entries.append(
                UpsertProduct(sku=row["code"], name=row["product_name"][:200], unit_price=Decimal(1), barcodes=code)
            )
        except InvalidInput:
            continue
    assert len(entries) > 19_000
    for shop in shops:
        for start in range(0, len(entries), 5000):
            in_room(app, shop.owner, lambda ctx, at=start: upsert_products(ctx, entries[at : at + 5000]))
    return app, shops, entries


@pytest.mark.slow
def test_twenty_thousand_products_are_searched_through_the_index(food, cluster, database_url):
    app, (shop, _), entries = food
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ANALYZE products")
        owner.execute("ANALYZE product_barcodes")
    with psycopg.connect(database_url) as connection:
        connection.execute("SET LOCAL ROLE primepos_search")
        connection.execute("SELECT set_config('app.tenant', %s, true)", (str(shop.tenant_id),))
        plan = "\n".join(
            row[0]
            for row in connection.execute(
                "EXPLAIN SELECT id FROM products p WHERE p.grams @> %s AND p.archived_at IS NULL AND p.tenant_id = %s"
                " AND position('chocolate' IN lower(p.sku || ' ' || p.name)) > 0 LIMIT 500",
                ([f"{shop.tenant_id}:{piece}" for piece in ("cho", "hoc", "oco")], shop.tenant_id),
            )
        )
    assert "products_grams_idx" in plan
    assert "Seq Scan" not in plan

    timings = []
    skus = {entry.sku for entry in entries}
    for query in ("choco", "chocolate", "bio", "le", "milk choc", "pâtes", "a", "zzzzzz", entries[7].sku):
        for _ in range(5):
            began = time.perf_counter()
            hits = app.run(search_products, shop.cashier, {"query": query}).items
            timings.append((time.perf_counter() - began) * 1000)
        assert bool(hits) == (query != "zzzzzz")
        assert {hit.sku for hit in hits} <= skus
    # Shown with -rP: a figure to look at, not one to fail by.
    sys.stdout.write(f"search in {len(entries)} products, whole operation: p50 {statistics.median(timings):.2f} ms\n")
