"""The local catalogue: what a code stands for as the server says, deltas, search, and files that can be thrown away."""

from __future__ import annotations

import csv
import itertools
import lzma
import sqlite3
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.core.operations import OPERATIONS
from primepos.till.catalogue import Catalogue
from primepos.till.errors import ProductUnknown

CLASS = UUID(int=7)
RULES = [
    {"pattern": "2{item:6}{weight:5}c", "decimals": 3, "name": "weight"},
    {"pattern": "02{item:5}{price:5}c", "decimals": 2, "name": "price"},
]


def a_product(sku, name, *, price="1.00", codes=(), category=None, archived=False, product_id=None, sold_by="each"):
    return SimpleNamespace(
        id=product_id or new_id(),
        sku=sku,
        name=name,
        unit_price=Decimal(price),
        tax_class_id=CLASS,
        category=category,
        sold_by=sold_by,
        archived=archived,
        barcodes=[SimpleNamespace(code=code, quantity=Decimal(1)) for code in codes],
    )


def a_page(*products, version=1):
    classes = [SimpleNamespace(id=CLASS, taxes=[])]
    return SimpleNamespace(products=products, tax_classes=classes, barcode_rules=[], version=version, more=False)


@pytest.fixture
def catalogue(tmp_path):
    made = Catalogue(tmp_path / "catalogue.sqlite3", exponent=2)
    yield made
    made.close()


CODES = [
    "A-1",
    "a-1",
    "4006381333931",
    "04006381333931",
    "006381333931",
    "2100001027506",
    "2100001000004",
    "2100001027507",
    "0200001012349",
    "0200001000001",
    "WHEEL",
    "0000000000000",
    "2999999012345",
    "6-pack",
    "9999",
]


@pytest.mark.parametrize("code", CODES)
def test_a_code_stands_for_what_the_server_says(app, shop, world, code):
    """One test a code: the same product, quantity and price, or the same refusal."""
    make = OPERATIONS["catalog.create_product"]
    app.run(OPERATIONS["tenancy.update_settings"], shop.owner, {"settings": {"barcode_rules": RULES}})
    for data in (
        {
            "sku": "HAM",
            "name": "Ham",
            "unit_price": "19.90",
            "sold_by": "weight",
            "barcodes": [{"code": "2100001000004"}],
        },
        {"sku": "WHEEL", "name": "Cheese", "unit_price": "12.50", "sold_by": "weight", "barcodes": [{"code": "00001"}]},
        {"sku": "WATER", "name": "Water", "unit_price": "0.89", "barcodes": [{"code": "6-pack", "quantity": "6"}]},
    ):
        app.run(make, shop.owner, data)
    world.till.catalogue.pull(world.line)

    def asked(look_up):
        try:
            found = look_up()
        except PrimePOSError as error:
            return error.code
        return (str(found.product.id), found.quantity, found.unit_price)

    local = asked(lambda: world.till.catalogue.look_up(code))
    assert local == asked(lambda: app.run(OPERATIONS["catalog.lookup"], shop.cashier, {"code": code}))


def test_only_what_changed_is_pulled_and_archived_products_are_dropped(app, shop, world):
    catalogue = world.till.catalogue
    assert catalogue.count() == 3
    world.line.calls.clear()
    assert catalogue.pull(world.line) == 0
    assert world.line.calls == ["catalog.snapshot"]
    app.run(OPERATIONS["catalog.update_product"], shop.owner, {"id": shop.products[0], "unit_price": "1.20"})
    app.run(OPERATIONS["catalog.archive_product"], shop.owner, {"id": shop.products[2]})
    assert catalogue.pull(world.line) == 2
    assert catalogue.look_up("A-1").unit_price == Decimal("1.20")
    with pytest.raises(ProductUnknown):
        catalogue.look_up("C-3")
    assert [each.sku for each in catalogue.search("che")] == []


def test_a_sku_that_moves_to_another_product_moves_here_too(catalogue):
    old, new = new_id(), new_id()
    catalogue.take(a_page(a_product("X", "Old", codes=["11"], product_id=old)))
    catalogue.take(a_page(a_product("X", "New", codes=["11"], product_id=new), version=2))
    assert catalogue.look_up("X").product.id == new
    assert catalogue.look_up("11").product.name == "New"
    assert catalogue.count() == 1


def test_what_was_pulled_is_there_after_a_restart(tmp_path):
    path = tmp_path / "catalogue.sqlite3"
    first = Catalogue(path, exponent=2)
    first.take(a_page(a_product("X", "Thing"), version=42))
    first.close()
    second = Catalogue(path, exponent=2)
    assert (second.version, second.look_up("X").product.name) == (42, "Thing")
    second.close()


@pytest.mark.parametrize("damage", ["garbage", "other version"])
def test_a_damaged_or_old_file_is_made_anew(tmp_path, damage):
    path = tmp_path / "catalogue.sqlite3"
    Catalogue(path, exponent=2).close()
    if damage == "garbage":
        path.write_bytes(b"not a database" * 1000)
    else:
        with sqlite3.connect(path) as db:
            db.execute("UPDATE meta SET value = '0' WHERE key = 'format'")
    made = Catalogue(path, exponent=2)
    assert (made.version, made.count()) == (0, 0)
    made.close()


def test_search_finds_exact_codes_first_then_beginnings_then_words(catalogue):
    catalogue.take(
        a_page(
            a_product("tea", "Green leaves"),
            a_product("S1", "Black tea", category="Drinks"),
            a_product("S2", "Tea Earl Grey", category="Drinks"),
            a_product("S3", "Crème fraîche", codes=["4006381333931"]),
            a_product("S4", "Pot", category="Tea things"),
        )
    )
    assert [each.sku for each in catalogue.search("tea")] == ["tea", "S2", "S1", "S4"]
    assert [each.sku for each in catalogue.search("CREME frai")] == ["S3"]
    assert [each.sku for each in catalogue.search("4006")] == ["S3"]
    assert [each.sku for each in catalogue.search("grey earl")] == ["S2"]
    assert [each.sku for each in catalogue.search("drinks")] == ["S1", "S2"]
    assert catalogue.search("   ") == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_nothing_that_is_typed_breaks_the_search(catalogue, text):
    if not catalogue.count():
        catalogue.take(a_page(a_product("X", "Thing")))
    for product in catalogue.search(text):
        assert product.sku == "X"


@pytest.mark.slow
def test_a_real_catalogue_is_found_by_code_and_by_name(catalogue, shared_data):
    with lzma.open(shared_data / "open-food-facts" / "off-sample-20k.csv.xz", "rt", encoding="utf-8") as file:
        found = [each for each in csv.DictReader(file) if each.get("code") and each.get("product_name", "").strip()]
    goods = {each["code"]: each["product_name"] for each in itertools.islice(found, 4000)}
    catalogue.take(a_page(*(a_product(f"P{n}", name, codes=[code]) for n, (code, name) in enumerate(goods.items()))))
    assert catalogue.count() == len(goods)
    missing = [code for n, code in enumerate(goods) if catalogue.look_up(f"P{n}").product.sku != f"P{n}"]
    assert missing == []
    scanned = 0
    for n, code in enumerate(goods):
        try:
            scanned += catalogue.look_up(code).product.sku == f"P{n}"
        except PrimePOSError:
            continue
    assert scanned / len(goods) > 0.99
    for name in itertools.islice(goods.values(), 0, 4000, 400):
        word = max(name.split(), key=len)
        assert catalogue.search(word), word
