"""Barcodes of products: several each, one owner each, GTINs checked and brought to one length."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from uuid import uuid4

import pytest

from primepos.core.errors import PermissionDenied
from primepos.domain.catalog.errors import BadCheckDigit, BarcodeTaken, ProductNotFound, RepeatedBarcode
from primepos.domain.catalog.queries.products import stored_code
from primepos.domain.catalog.service import get_product, set_barcodes
from tests.domain.inner_room import refusals
from tests.factories import rows


def codes(app, shop, product_id):
    found = app.run(get_product, shop.owner, {"id": product_id}).barcodes
    return [(each.code, each.quantity) for each in found]


def put(app, shop, product_id, *barcodes, **more):
    given = [{"code": each} if isinstance(each, str) else {"code": each[0], "quantity": each[1]} for each in barcodes]
    return app.run(set_barcodes, shop.clerk, {"product_id": product_id, "barcodes": given, **more})


def test_a_product_gets_exactly_the_codes_given(app, shop):
    bread = shop.products[1]
    before = app.run(get_product, shop.owner, {"id": bread})

    after = put(app, shop, bread, "SHELF-7", ("5449000000996", "6"), ("5901234123457", "0.250"))

    assert codes(app, shop, bread) == [("5449000000996", 6), ("5901234123457", Decimal("0.25")), ("SHELF-7", 1)]
    assert after.version > before.version


def test_the_same_codes_again_make_no_new_version(app, shop):
    first = put(app, shop, shop.products[0], ("X", "2"), "Y")

    assert put(app, shop, shop.products[0], "Y", ("X", "2.0")) == first


def test_another_pack_quantity_is_a_change(app, shop):
    first = put(app, shop, shop.products[0], ("X", "2"))

    second = put(app, shop, shop.products[0], ("X", "3"))
    assert second.version > first.version
    assert codes(app, shop, shop.products[0]) == [("X", 3)]


def test_no_codes_takes_all_off(app, shop):
    put(app, shop, shop.products[1])

    assert codes(app, shop, shop.products[1]) == []


def test_a_code_of_another_product_is_refused_whatever_its_length(app, shop):
    put(app, shop, shop.products[0], "036000291452")

    for same in ("036000291452", "0036000291452", "00036000291452"):
        with pytest.raises(BarcodeTaken):
            put(app, shop, shop.products[1], same)
    assert codes(app, shop, shop.products[1]) == [("4006381333931", 1)]
    assert refusals(app, shop.tenant_id) == [("catalog.set_barcodes", "BARCODE_TAKEN")] * 3


def test_another_tenant_may_have_the_same_code(app, shop, other_shop):
    put(app, shop, shop.products[0], "X")
    put(app, other_shop, other_shop.products[0], "X")

    assert codes(app, shop, shop.products[0]) == codes(app, other_shop, other_shop.products[0]) == [("X", 1)]


def test_a_code_is_given_once(app, shop):
    with pytest.raises(RepeatedBarcode):
        put(app, shop, shop.products[0], "036000291452", "0036000291452")
    assert codes(app, shop, shop.products[0]) == []


@pytest.mark.parametrize("code", ["4006381333932", "036000291453", "96385075", "10012345678903"])
def test_a_gtin_with_a_wrong_check_digit_is_refused_unless_allowed(app, shop, code):
    with pytest.raises(BadCheckDigit):
        put(app, shop, shop.products[0], code)
    assert codes(app, shop, shop.products[0]) == []

    put(app, shop, shop.products[0], code, allow_invalid=True)
    assert codes(app, shop, shop.products[0]) == [(code, 1)]


@pytest.mark.parametrize("code", ["1", "1234567", "123456789", "12345678901", "ABCDEFGH", "4006-3813", "0306406152"])
def test_a_code_that_does_not_claim_to_be_a_gtin_is_taken_as_it_is(app, shop, code):
    put(app, shop, shop.products[0], code)

    assert codes(app, shop, shop.products[0]) == [(code, 1)]


def test_published_gtins_are_taken_or_refused_as_they_should_be(shared_data):
    with (shared_data / "barcodes" / "gtin-vectors.csv").open(newline="") as file:
        vectors = [row for row in csv.DictReader(file) if re.fullmatch(r"[0-9]{12,14}", row["value"])]
    assert len(vectors) > 10
    for row in vectors:
        if row["valid"] == "1":
            assert stored_code(row["value"], allow_invalid=False).lstrip("0") == row["value"].lstrip("0")
        else:
            with pytest.raises(BadCheckDigit):
                stored_code(row["value"], allow_invalid=False)


def test_another_tenants_product_gets_no_codes(app, shop, other_shop):
    before = rows(app, "SELECT * FROM product_barcodes WHERE tenant_id = %s", (other_shop.tenant_id,))

    for product_id in (other_shop.products[1], uuid4()):
        with pytest.raises(ProductNotFound):
            put(app, shop, product_id, "MINE")
    assert rows(app, "SELECT * FROM product_barcodes WHERE tenant_id = %s", (other_shop.tenant_id,)) == before


def test_who_may_not_write_products_sets_no_codes(app, shop):
    with pytest.raises(PermissionDenied):
        app.run(set_barcodes, shop.cashier, {"product_id": shop.products[1], "barcodes": []})

    assert codes(app, shop, shop.products[1]) == [("4006381333931", 1)]
    assert refusals(app, shop.tenant_id) == [("catalog.set_barcodes", "PERMISSION_DENIED")]
