"""Looking up what was scanned: barcode, SKU, then the shop's rules for labels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog.errors import LabelRefused, ProductNotFound
from primepos.domain.catalog.service import archive_product, create_product, look_up_code, set_barcodes
from primepos.pricing.check_digits import mod10
from primepos.pricing.errors import InvalidLabel
from tests.domain.inner_room import refusals
from tests.factories import a_shop

RULES = [
    {"pattern": "21{item:5}{weight:5}c", "decimals": 3},
    {"pattern": "22{item:5}{price:5}c", "decimals": 2},
    {"pattern": "23{item:5}{count:5}c"},
]


def ean(body: str) -> str:
    return f"{body}{mod10(body)}"


@pytest.fixture
def deli(app):
    """A shop with labels: ham by weight under the zeroed weight label, rolls by the piece under their item number."""
    shop = a_shop(app, settings={"barcode_rules": RULES})
    for sku, price, sold_by, code in (
        ("HAM", "12.90", "weight", ean("210000100000")),
        ("ROLL", "0.45", "each", "00002"),
        ("00003", "8.00", "weight", "CHEESE"),
        ("FREE", "0", "weight", "00004"),
    ):
        data = {"sku": sku, "name": sku, "unit_price": price, "sold_by": sold_by, "barcodes": [{"code": code}]}
        app.run(create_product, shop.owner, data)
    return shop


def line(app, shop, code):
    found = app.run(look_up_code, shop.cashier, {"code": code})
    return found.product.sku, found.quantity, found.unit_price, found.found_by


def test_a_barcode_finds_its_product_and_pack_quantity(app, shop):
    app.run(
        set_barcodes,
        shop.owner,
        {"product_id": shop.products[0], "barcodes": [{"code": "APPLE"}, {"code": "BOX", "quantity": "12"}]},
    )

    assert line(app, shop, "4006381333931") == ("B-2", 1, Decimal("2.5"), "barcode")
    assert line(app, shop, "APPLE") == ("A-1", 1, 1, "barcode")
    assert line(app, shop, "BOX") == ("A-1", 12, 1, "barcode")


@pytest.mark.parametrize("stored", ["036000291452", "0036000291452", "00036000291452"])
@pytest.mark.parametrize("scanned", ["036000291452", "0036000291452", "00036000291452"])
def test_a_upc_is_found_in_whichever_length_it_is_scanned(app, shop, stored, scanned):
    app.run(set_barcodes, shop.owner, {"product_id": shop.products[0], "barcodes": [{"code": stored}]})

    assert line(app, shop, scanned) == ("A-1", 1, 1, "barcode")


def test_a_sku_is_found_to_the_letter_and_after_the_barcodes(app, shop):
    assert line(app, shop, "A-1") == ("A-1", 1, 1, "sku")
    with pytest.raises(ProductNotFound):
        line(app, shop, "a-1")

    app.run(set_barcodes, shop.owner, {"product_id": shop.products[1], "barcodes": [{"code": "A-1"}]})
    assert line(app, shop, "A-1")[0] == "B-2"


def test_a_code_with_a_wrong_check_digit_is_not_guessed(app, shop):
    with pytest.raises(ProductNotFound) as refused:
        line(app, shop, "4006381333932")
    assert refused.value.hint == "The check digit is wrong: scan it again."


def test_a_weight_label_gives_the_weight(app, deli):
    assert line(app, deli, ean("210000102750")) == ("HAM", Decimal("2.75"), Decimal("12.9"), "label")


def test_a_price_label_on_weighed_goods_gives_the_weight_that_makes_the_price(app, deli):
    found = app.run(look_up_code, deli.cashier, {"code": ean("220000300450")})

    assert (found.product.sku, found.label, found.label_value) == ("00003", "price", Decimal("4.5"))
    assert (found.quantity, found.unit_price) == (Decimal("0.563"), 8)
    assert round(found.quantity * found.unit_price, 2) == Decimal("4.50")


def test_a_price_label_on_a_piece_is_the_price_of_that_piece(app, deli):
    assert line(app, deli, ean("220000200399")) == ("ROLL", 1, Decimal("3.99"), "label")


def test_a_count_label_gives_the_count(app, deli):
    assert line(app, deli, ean("230000200012")) == ("ROLL", 12, Decimal("0.45"), "label")


def test_a_label_finds_its_item_number_as_a_sku(app, deli):
    assert line(app, deli, ean("210000301000")) == ("00003", 1, 8, "label")


def test_a_label_that_weighs_nothing_is_refused_even_where_the_code_is_the_products(app, deli):
    with pytest.raises(LabelRefused) as refused:
        line(app, deli, ean("210000100000"))
    assert refused.value.data["problem"] == "ZERO_VALUE"


def test_a_label_with_a_wrong_check_digit_is_refused(app, deli):
    right = ean("210000102750")
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)

    with pytest.raises(LabelRefused) as refused:
        line(app, deli, wrong)
    assert refused.value.data["problem"] == "BAD_CHECK_DIGIT"


def test_a_label_of_an_unknown_item_is_no_line(app, deli):
    with pytest.raises(ProductNotFound) as refused:
        line(app, deli, ean("219999901000"))
    assert refused.value.data == {"product": "99999"}


def test_a_price_label_on_free_goods_makes_no_quantity(app, deli):
    with pytest.raises(InvalidLabel):
        line(app, deli, ean("220000400100"))


def test_an_exact_barcode_goes_before_the_label_rules(app, deli):
    code = ean("210000102750")
    app.run(set_barcodes, deli.owner, {"product_id": deli.products[0], "barcodes": [{"code": code}]})

    assert line(app, deli, code) == ("A-1", 1, 1, "barcode")


def test_without_rules_a_label_is_only_a_number(app, shop):
    with pytest.raises(ProductNotFound):
        line(app, shop, ean("210000102750"))


def test_archived_products_are_not_found(app, shop):
    app.run(archive_product, shop.owner, {"id": shop.products[1]})

    for code in ("4006381333931", "B-2"):
        with pytest.raises(ProductNotFound):
            line(app, shop, code)


def test_another_tenants_codes_are_not_found(app, shop, other_shop):
    app.run(set_barcodes, other_shop.owner, {"product_id": other_shop.products[0], "barcodes": [{"code": "THEIRS"}]})
    app.run(create_product, other_shop.owner, {"sku": "THEIR-SKU", "name": "x", "unit_price": "1"})

    for code in ("THEIRS", "THEIR-SKU"):
        with pytest.raises(ProductNotFound):
            line(app, shop, code)


@pytest.mark.parametrize("code", ["", " ", "a\0b", "a\nb", "x" * 65])
def test_what_no_scanner_sends_is_refused(app, shop, code):
    with pytest.raises(InvalidInput):
        app.run(look_up_code, shop.cashier, {"code": code})


@pytest.mark.parametrize("code", ["%", "_", "'", '"; --', "\\", "A_1", "ä"])
def test_odd_codes_find_nothing(app, shop, code):
    with pytest.raises(ProductNotFound):
        app.run(look_up_code, shop.cashier, {"code": code})


def test_who_may_not_read_products_is_refused_and_audited(app, shop):
    from dataclasses import replace

    with pytest.raises(PermissionDenied):
        app.run(look_up_code, replace(shop.cashier, role="nobody"), {"code": "A-1"})
    assert refusals(app, shop.tenant_id) == [("catalog.lookup", "PERMISSION_DENIED")]


def test_a_label_finer_than_a_line_is_rounded_and_refused_when_nothing_is_left(app):
    shop = a_shop(app, settings={"barcode_rules": [{"pattern": "21{item:5}{weight:5}c", "decimals": 6}]})
    app.run(set_barcodes, shop.owner, {"product_id": shop.products[0], "barcodes": [{"code": "00001"}]})

    assert line(app, shop, ean("210000112500"))[1] == Decimal("0.013")
    with pytest.raises(LabelRefused) as refused:
        line(app, shop, ean("210000100499"))
    assert refused.value.data["problem"] == "ZERO_VALUE"


def test_a_label_without_a_value_is_one_piece(app):
    shop = a_shop(app, settings={"barcode_rules": [{"pattern": "20{item:10}c"}]})
    app.run(set_barcodes, shop.owner, {"product_id": shop.products[0], "barcodes": [{"code": "0000000007"}]})

    assert line(app, shop, ean("200000000007")) == ("A-1", 1, 1, "label")
