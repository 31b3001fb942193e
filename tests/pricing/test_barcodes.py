"""Codes as scanned: check digits that others agree with, labels by the rules of a shop, nothing guessed."""

from __future__ import annotations

import csv
import json
import lzma
import os
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, isbn

from primepos.core.amounts import divide_half_up
from primepos.pricing.barcodes import BarcodeRule, LabelLine, describe, label_line, parse_barcode, read_rules
from primepos.pricing.check_digits import (
    CodeKind,
    canonical_gtin,
    classify,
    expand_upc_e,
    gtin_holds,
    isbn10_holds,
    mod10,
    value_check_digit,
)
from primepos.pricing.errors import InvalidBarcodeRule, InvalidLabel

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
D = Decimal


def vectors(name):
    """Read a file of codes as parameters; one skipped parameter where the data is not there."""
    path = SHARED / "barcodes" / name
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no shared data"))]
    with path.open(newline="", encoding="utf-8") as file:
        return [pytest.param(row, id="-".join(list(row.values())[:2]) or "empty") for row in csv.DictReader(file)]


@pytest.mark.parametrize("row", vectors("gtin-vectors.csv"))
def test_gtin_vector(row):
    kind = classify(row["value"])
    assert (kind.check_digit_ok is True) is (row["valid"] == "1")
    if row["symbology"] == "ISBN":
        assert kind.symbology in {"ISBN-10", "ISBN-13"}
    elif row["valid"] == "1" and not row["note"].startswith("check digit right, all zero"):
        family = {"ITF-14": "GTIN-14"}.get(row["symbology"], row["symbology"])
        assert kind.symbology.replace("ISBN-13", "EAN-13").replace("ISSN-13", "EAN-13") == family
    if row["note"].startswith("->"):
        assert kind.gtin == row["note"][2:].zfill(14)
    if "all zero" in row["note"]:
        scan = parse_barcode(row["value"])
        assert (scan.problem, scan.refused) == ("ALL_ZERO", True)


# What the regions of the vectors print on their labels, as the shops there would write it down.
BALTIC = [("23{item:6}{weight:4}c", 3), ("24{item:6}{weight:4}c", 2), ("25{item:6}{weight:4}c", 1)]
NORDIC_PRICES = [("20{item:6}{price:4}c", 2), ("21{item:6}{price:4}c", 1), ("22{item:6}{price:4}c", 0)]
REGIONS = {
    "DENMARK": [
        *[(f"2{n}{{item:5}}{{price:5}}c", 2) for n in (1, 3)],
        *[(f"2{n}{{item:5}}{{weight:5}}c", 3) for n in (6, 8)],
    ],
    "ESTONIA": BALTIC,
    "FINLAND": BALTIC,
    "GERMANY": [
        *[(f"2{n}{{item:4}}v{{price:5}}c", 2) for n in (2, 3)],
        *[(f"2{n}{{item:4}}v{{count:5}}c", 0) for n in (5, 6)],
        *[(f"2{n}{{item:4}}v{{weight:5}}c", 3) for n in (8, 9)],
    ],
    "GREAT_BRITAIN": [("20{item:5}v{price:4}c", 2)],
    "LATVIA": BALTIC,
    "LITHUANIA": BALTIC,
    "NORWAY": [*NORDIC_PRICES, ("23{item:6}{weight:4}c", 3)],
    "SWEDEN": [*NORDIC_PRICES, ("23{item:6}{weight:4}c", 3), ("24{item:6}{weight:4}c", 2)],
}


@pytest.mark.parametrize("row", vectors("rcn-vectors.csv"))
def test_label_of_a_region(row):
    rules = tuple(BarcodeRule(pattern, decimals) for pattern, decimals in REGIONS[row["region"]])
    scan = parse_barcode(row["value"], rules)
    assert scan.check_digit_ok is True
    if row["result"] == "error":
        assert (scan.problem, scan.refused) == ("BAD_VALUE_CHECK_DIGIT", True)
        return
    stated = {"weight": row["weight_kg"], "count": row["count"], "price": row["price"]}
    meaning = {kind: D(value) for kind, value in stated.items() if value}
    assert scan.problem is None
    assert ({} if scan.value is None else {scan.kind: scan.value}) == meaning
    assert scan.kind == (next(iter(meaning)) if meaning else "article")


digits = lambda low, high: st.text("0123456789", min_size=low, max_size=high)


@given(digits(7, 17))
def test_check_digits_agree_with_another_library(body):
    assert mod10(body) == int(ean.calc_check_digit(body))
    code = f"{body}{mod10(body)}"
    assert gtin_holds(code)
    wrong = f"{body}{(mod10(body) + 1) % 10}"
    assert not gtin_holds(wrong)


@given(digits(12, 12), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_never_passes(body, place, change):
    code = f"{body}{mod10(body)}"
    wrong = f"{code[:place]}{(int(code[place]) + change) % 10}{code[place + 1 :]}"
    assert not gtin_holds(wrong)


@given(digits(9, 9), st.sampled_from("0123456789X"))
def test_isbn_10_agrees_with_another_library(body, last):
    assert isbn10_holds(f"{body}{last}") is isbn.is_valid(f"{body}{last}")
    if isbn10_holds(f"{body}{last}"):
        assert classify(f"{body}{last}").canonical == isbn.to_isbn13(f"{body}{last}")


@given(st.sampled_from("01"), digits(6, 6))
def test_an_expanded_upc_e_is_twelve_digits_and_keeps_its_check_digit(system, body):
    upc_a = expand_upc_e(f"{system}{body}7")
    assert upc_a is not None
    assert (len(upc_a), upc_a[0], upc_a[-1]) == (12, system, "7")


@pytest.mark.parametrize("code", ["", "1234567", "123456789", "21234565", "a1234565", "0123456 "])
def test_what_is_no_upc_e_is_not_expanded(code):
    assert expand_upc_e(code) is None


@given(st.integers(4, 5).flatmap(lambda count: digits(count, count)), st.data())
def test_one_wrong_digit_in_a_value_never_passes_its_own_check(value, data):
    place, change = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(1, 9))
    wrong = f"{value[:place]}{(int(value[place]) + change) % 10}{value[place + 1 :]}"
    assert value_check_digit(wrong) != value_check_digit(value)


@pytest.mark.parametrize("digit", range(10))
def test_the_weighting_products_are_those_of_the_general_specifications(digit):
    # 2-: twice, tens taken off the units; 3: three times, units; 5+ and 5-: five times, tens added to or taken off.
    units, tens = lambda product: product % 10, lambda product: product // 10
    two_minus, three = (units(digit * 2) - tens(digit * 2)) % 10, units(digit * 3)
    five_plus, five_minus = units(digit * 5) + tens(digit * 5), (units(digit * 5) - tens(digit * 5)) % 10
    assert value_check_digit(f"{digit}000") == value_check_digit(f"0{digit}00") == two_minus * 3 % 10
    assert value_check_digit(f"00{digit}0") == three * 3 % 10
    assert value_check_digit(f"000{digit}") == five_minus * 3 % 10
    inverse = {(units(d * 5) - tens(d * 5)) % 10: d for d in range(10)}
    assert value_check_digit(f"{digit}0000") == value_check_digit(f"000{digit}0") == inverse[-five_plus % 10]
    assert value_check_digit(f"0{digit}000") == value_check_digit(f"0000{digit}") == inverse[-two_minus % 10]
    assert value_check_digit(f"00{digit}00") == inverse[-five_minus % 10]


def test_no_value_check_digit_is_defined_for_three_digits():
    with pytest.raises(ValueError, match="3 digits"):
        value_check_digit("123")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("4006381333931", CodeKind("EAN-13", True, "04006381333931", "4006381333931")),
        ("036000291452", CodeKind("UPC-A", True, "00036000291452", "0036000291452")),
        ("0036000291452", CodeKind("EAN-13", True, "00036000291452", "0036000291452")),
        ("96385074", CodeKind("EAN-8", True, "00000096385074", "96385074")),
        ("0000096385074", CodeKind("EAN-13", True, "00000096385074", "96385074")),
        ("98412345678908", CodeKind("GTIN-14", True, "98412345678908", "98412345678908")),
        ("04252614", CodeKind("UPC-E", True, "00042100005264", "0042100005264")),
        ("9780306406157", CodeKind("ISBN-13", True, "09780306406157", "9780306406157")),
        ("9771234567003", CodeKind("ISSN-13", True, "09771234567003", "9771234567003")),
        ("0306406152", CodeKind("ISBN-10", True, "09780306406157", "9780306406157")),
        ("080442957X", CodeKind("ISBN-10", True, "09780804429573", "9780804429573")),
        ("0306406153", CodeKind("ISBN-10", False)),
        ("106141411234567897", CodeKind("SSCC-18", True)),
        ("4006381333932", CodeKind("EAN-13", False)),
        ("34252617", CodeKind("EAN-8", False)),
        ("04252615", CodeKind("EAN-8", False)),
        ("ABC-123", CodeKind("internal", None)),
        ("12345", CodeKind("internal", None)),
        ("４００６３８１３３３９３１", CodeKind("internal", None)),
    ],
)
def test_a_code_is_classified_by_its_shape(code, kind):
    assert classify(code) == kind


def test_one_article_has_one_canonical_code_however_it_is_scanned():
    forms = ["036000291452", "0036000291452", "00036000291452"]
    assert {classify(form).canonical for form in forms} == {"0036000291452"}
    assert canonical_gtin("10614141000415") == "10614141000415"


SCALE = BarcodeRule("21{item:5}{weight:5}c", 3, "scale")


def test_a_weight_label_is_looked_up_by_its_base_code_and_by_its_item_number():
    scan = parse_barcode("2100001027506", (SCALE,))
    assert (scan.kind, scan.item, scan.value, scan.problem) == ("weight", "00001", D("2.750"), None)
    assert scan.base_code == "2100001000004"
    assert scan.lookup_codes == ("2100001000004", "00001")
    assert gtin_holds(scan.base_code)


def test_an_article_is_looked_up_by_canonical_code_first():
    assert parse_barcode("036000291452", (SCALE,)).lookup_codes == ("0036000291452", "036000291452", "00036000291452")
    assert parse_barcode("A-1").lookup_codes == ("A-1",)


def test_a_label_of_nothing_is_an_error():
    scan = parse_barcode("2100001000004", (SCALE,))
    assert (scan.problem, scan.refused, scan.value) == ("ZERO_VALUE", True, D("0.000"))


def test_a_label_with_a_wrong_check_digit_is_taken_apart_and_refused():
    scan = parse_barcode("2100001027507", (SCALE,))
    assert (scan.item, scan.value, scan.check_digit_ok) == ("00001", D("2.750"), False)
    assert (scan.problem, scan.refused) == ("BAD_CHECK_DIGIT", True)


def test_the_outer_check_digit_is_judged_before_the_inner_one():
    british = BarcodeRule("20{item:5}v{price:4}c", 2)
    assert parse_barcode("2011122912346", (british,)).problem is None
    assert parse_barcode("2011122812349", (british,)).problem == "BAD_VALUE_CHECK_DIGIT"
    assert parse_barcode("2011122812340", (british,)).problem == "BAD_CHECK_DIGIT"


def test_a_number_of_the_shop_with_a_wrong_check_digit_may_be_looked_up():
    scan = parse_barcode("12345678")
    assert (scan.problem, scan.refused, scan.lookup_codes) == ("BAD_CHECK_DIGIT", False, ("12345678",))


def test_without_rules_no_prefix_means_anything():
    scan = parse_barcode("2100001027506")
    assert (scan.kind, scan.item, scan.value, scan.problem) == ("article", None, None, None)


def test_the_first_rule_that_fits_decides():
    wide = BarcodeRule("2{item:6}{price:5}c", 2)
    assert parse_barcode("2100001027506", (SCALE, wide)).kind == "weight"
    assert parse_barcode("2100001027506", (wide, SCALE)).kind == "price"


@pytest.mark.parametrize("code", ["02100001027506", "2100001027506"])
def test_a_label_padded_to_fourteen_digits_is_the_same_label(code):
    assert parse_barcode(code, (SCALE,)).value == D("2.750")


def test_a_upc_label_is_read_with_and_without_its_leading_zero():
    american = BarcodeRule("2{item:5}{price:5}c", 2)
    code = f"20123401299{mod10('20123401299')}"
    for form in (code, f"0{code}", f"00{code}"):
        scan = parse_barcode(form, (american,))
        assert (scan.kind, scan.item, scan.value) == ("price", "01234", D("12.99"))
    assert parse_barcode(f"1{code}", (american,)).kind == "article"
    written_as_ean = BarcodeRule("02{item:5}{price:5}c", 2)
    assert [parse_barcode(form, (written_as_ean,)).value for form in (code, f"0{code}", f"00{code}")] == [
        D("12.99")
    ] * 3


def test_an_eight_digit_rule_reads_eight_digits_only():
    count = BarcodeRule("02{item:3}{count:2}c")
    code = f"0212312{mod10('0212312')}"
    assert parse_barcode(code, (count,)).value == 12
    assert parse_barcode(code.zfill(13), (count,)).kind == "article"
    assert parse_barcode("2100001027506", (count,)).kind == "article"
    assert parse_barcode(code, (SCALE,)).kind == "article"


def test_a_rule_without_value_names_an_item():
    own = BarcodeRule("29{item:10}c", name="own label")
    scan = parse_barcode("2911111111111", (own,))
    assert (scan.kind, scan.item, scan.value, scan.problem) == ("item", "1111111111", None, None)
    assert scan.lookup_codes == ("2911111111111", "1111111111")


def test_digits_that_say_nothing_are_left_out_of_the_base_code():
    rule = BarcodeRule("2{item:5}{weight:5}.c", 3)
    body = "212345001234"
    scan = parse_barcode(f"{body}{mod10(body)}", (rule,))
    assert scan.base_code == f"212345000000{mod10('212345000000')}"


@pytest.mark.parametrize(
    "code", ["", " ", "1 2", "4006381333931\n", "4006381333931\x00", "é", "\x1b[2J", "9" * 49, "１２３４５６７８"]
)
def test_what_is_no_code_is_refused(code):
    scan = parse_barcode(code, (SCALE,))
    assert (scan.problem, scan.refused) == ("NOT_A_CODE", True)


def test_naughty_input_never_breaks_the_scanner():
    folder = SHARED / "bad-input"
    if not folder.exists():
        pytest.skip("no shared data")
    naughty = json.loads((folder / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((folder / "fuzzdb").glob("*.txt")):
        naughty += file.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    for text in [*naughty, *(f"{text}\x00" for text in naughty)]:
        scan = parse_barcode(text, (SCALE,))
        assert scan.kind == "article"
        assert scan.refused or (text.isascii() and text.isprintable() and " " not in text)


def test_codes_that_people_really_typed_wrong_do_not_hold():
    path = SHARED / "open-food-facts" / "off-bad-barcodes.csv.xz"
    if not path.exists():
        pytest.skip("no shared data")
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        codes = [row[0] for row in csv.reader(file)][1:]
    assert len(codes) > 10_000
    # A UPC-E or an ISBN-10 is right by its own rule, though it is no GTIN.
    holding = [
        code
        for code in codes
        if classify(code).check_digit_ok and classify(code).symbology not in {"UPC-E", "ISBN-10", "SSCC-18"}
    ]
    assert holding == []


@pytest.mark.parametrize(
    "pattern",
    [
        "", "c", "2", "2{item:5}{price:5}", "2{item:5}c{price:5}", "2{price:11}c", "2{item:5}{price:4}{weight:1}c",
        "2{item:5}{item:5}cc",
        "2{item:5}{price:6}c1", "{item:7}{price:5}c", "2{item:0}{price:10}c", "2{sku:6}{price:5}c",
        "2{item:6} {price:5}c", "2{item:5}v{price:3}..c",
        "2{item:5}vv{price:4}c", "21{item:9}vc", "2{item:6}{price:5}C", "２1{item:5}{price:5}c",
        "2{item:50}{price:50}c", "2{item:5}{price:5}cc",
    ],
)  # fmt: skip
def test_a_pattern_that_is_not_well_formed_is_refused(pattern):
    with pytest.raises(InvalidBarcodeRule):
        BarcodeRule(pattern, 2)


@pytest.mark.parametrize(
    ("pattern", "decimals"),
    [
        ("21{item:5}{price:5}c", -1),
        ("21{item:5}{price:5}c", 7),
        ("21{item:5}{price:5}c", 2.0),
        ("21{item:10}c", 2),
        (None, 2),
    ],
)
def test_decimals_that_make_no_sense_are_refused(pattern, decimals):
    with pytest.raises(InvalidBarcodeRule):
        BarcodeRule(pattern, decimals)


def test_rules_are_read_from_plain_data():
    rows = [
        {"pattern": "21{item:5}{weight:5}c", "decimals": D(3), "name": "scale"},
        {"pattern": "29{item:10}c", "name": None},
    ]
    assert read_rules(rows) == read_rules({"rules": rows}) == (SCALE, BarcodeRule("29{item:10}c"))
    assert read_rules([]) == ()


@pytest.mark.parametrize(
    "data",
    [
        None, "x", {}, {"rules": {}}, [1], [{}], [{"pattern": 5}], [{"pattern": "29{item:10}c", "prefix": "2"}],
        [{"pattern": "21{item:5}{price:5}c", "decimals": "2"}],
        [{"pattern": "21{item:5}{price:5}c", "decimals": D("2.5")}],
    ],
)  # fmt: skip
def test_rules_of_another_shape_are_refused(data):
    with pytest.raises(InvalidBarcodeRule):
        read_rules(data)


def test_a_description_is_plain_data():
    assert describe("2100001027506", (SCALE,)) == {
        "code": "2100001027506",
        "symbology": "EAN-13",
        "check_digit_ok": True,
        "gtin": "02100001027506",
        "canonical": "2100001027506",
        "kind": "weight",
        "item": "00001",
        "value": D("2.750"),
        "base_code": "2100001000004",
        "lookup_codes": ["2100001000004", "00001"],
        "rule": "scale",
        "problem": None,
        "refused": False,
        "weight": D("2.750"),
    }
    unnamed = describe("2911111111111", (BarcodeRule("29{item:10}c"),))
    assert (unnamed["rule"], unnamed["kind"], unnamed["value"]) == ("29{item:10}c", "item", None)
    assert describe("A-1")["rule"] is None


@pytest.mark.parametrize(
    ("label", "unit_price", "line"),
    [
        ("2.39", "7.99", LabelLine(D("0.299"), D("7.99"))),
        ("2.39", "129.90", LabelLine(D("0.018"), D("132.7778"))),
        ("0.01", "129.90", LabelLine(D("0.001"), D("10.0000"))),
        ("12.00", "4.00", LabelLine(D("3.000"), D("4.00"))),
    ],
)
def test_a_price_label_sells_the_quantity_and_charges_the_label(label, unit_price, line):
    assert label_line(D(label), D(unit_price), 2) == line


@given(st.integers(1, 99999), st.integers(1, 9_999_999))
def test_a_price_label_is_charged_to_the_cent(label_minor, unit_minor):
    label, unit_price = D(label_minor).scaleb(-2), D(unit_minor).scaleb(-4)
    line = label_line(label, unit_price, 2)
    charged = Fraction(line.quantity) * Fraction(line.unit_price) * 100
    assert divide_half_up(charged.numerator, charged.denominator) == label_minor
    assert line.quantity >= D("0.001")
    exact = Fraction(label) / Fraction(unit_price)
    assert abs(Fraction(line.quantity) - exact) <= max(Fraction(1, 2000), Fraction(1, 1000) - exact)


@pytest.mark.parametrize(("label", "unit_price"), [("0", "1"), ("-1", "1"), ("1", "0"), ("1", "-1")])
def test_a_price_label_of_nothing_is_refused(label, unit_price):
    with pytest.raises(InvalidLabel):
        label_line(D(label), D(unit_price), 2)
