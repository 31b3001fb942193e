"""Amounts: read exactly, refused when they are not decimal, rounded away from zero, shared without losing a cent."""

from __future__ import annotations

import csv
import json
import os
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core import amounts
from primepos.core.amounts import (
    CURRENCIES,
    MAX_MINOR,
    CurrencyMismatch,
    InvalidAllocation,
    InvalidAmount,
    Money,
    UnknownCurrency,
    allocate,
    currency,
    divide_half_up,
    parse_decimal,
    parse_quantity,
    parse_tax_amount,
    parse_unit_price,
    plain_amount,
    round_half_up,
    round_step,
)
from primepos.core.errors import InvalidInput

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
D = Decimal


def test_every_currency_has_the_exponent_of_the_iso_list():
    path = SHARED / "money" / "currencies.csv"
    if not path.exists():
        pytest.skip("no shared data")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["code"]: int(row["iso4217_exponent"]) for row in rows if row["iso4217_exponent"]} == {
        code: found.exponent for code, found in CURRENCIES.items()
    }


@pytest.mark.parametrize("code", ["XXX", "XAU", "eur", "EURO", "", "€", "EUR\x00", "ＥＵＲ"])
def test_a_code_without_minor_unit_is_no_currency(code):
    with pytest.raises(UnknownCurrency) as refusal:
        currency(code)
    assert refusal.value.code == "UNKNOWN_CURRENCY"


def test_minor_per_major():
    assert [currency(code).minor_per_major for code in ("JPY", "EUR", "KWD", "CLF")] == [1, 100, 1000, 10_000]


@pytest.mark.parametrize(
    ("amount", "code", "minor", "text"),
    [
        ("12.30", "EUR", 1230, "12.30 EUR"),
        (D("-0.05"), "EUR", -5, "-0.05 EUR"),
        (7, "JPY", 7, "7 JPY"),
        ("1.500", "KWD", 1500, "1.500 KWD"),
        ("1.2000", "EUR", 120, "1.20 EUR"),
        ("90071992547409.91", "EUR", MAX_MINOR, "90071992547409.91 EUR"),
    ],
)
def test_money_is_read_and_written_exactly(amount, code, minor, text):
    money = Money.from_decimal(amount, code)
    assert money == Money(minor, code)
    assert str(money) == text
    assert Money.from_decimal(money.to_decimal(), code) == money


@pytest.mark.parametrize(
    "amount", ["0.005", D("0.001"), "90071992547409.92", "1e30", D("1E+30"), D("1E+29"), 10**40, 0.1]
)
def test_an_amount_that_is_not_whole_minor_units_is_refused(amount):
    with pytest.raises(InvalidAmount):
        Money.from_decimal(amount, "EUR")


@pytest.mark.parametrize("minor", [1.0, D(1), True, "1", None])
def test_money_holds_whole_minor_units_only(minor):
    with pytest.raises(InvalidAmount):
        Money(minor, "EUR")


def test_money_of_one_currency_adds_subtracts_and_compares():
    five, seven = Money(5, "EUR"), Money(7, "EUR")
    assert (five + seven, five - seven, -five) == (Money(12, "EUR"), Money(-2, "EUR"), Money(-5, "EUR"))
    assert five < seven
    assert five <= Money(5, "EUR")
    assert seven > five
    assert seven >= Money(7, "EUR")
    assert bool(five)
    assert not Money(0, "EUR")


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_money_of_two_currencies_does_not_mix(mix):
    with pytest.raises(CurrencyMismatch):
        mix(Money(5, "EUR"), Money(5, "USD"))
    assert Money(5, "EUR") != Money(5, "USD")


@pytest.mark.parametrize(
    ("parse", "good", "value"),
    [
        (parse_quantity, "1.234", D("1.234")),
        (parse_quantity, "-2", D(-2)),
        (parse_quantity, "+2.5000", D("2.5")),
        (parse_quantity, D("1E+1"), D(10)),
        (parse_quantity, D("1E+2"), D(100)),
        (parse_quantity, D("1.0000000"), D(1)),
        (parse_quantity, "-0.000", D(0)),
        (parse_quantity, D("0E-999999"), D(0)),
        (parse_unit_price, "0.0001", D("0.0001")),
        (parse_unit_price, "9999999999.9999", D("9999999999.9999")),
        (parse_unit_price, 3, D(3)),
        (parse_tax_amount, "5.5", D("5.5")),
        (parse_tax_amount, "-47", D(-47)),
    ],
)
def test_numbers_are_read_exactly_and_written_plainly(parse, good, value):
    read = parse(good)
    assert read == value
    assert "E" not in str(read)
    assert str(read) != "-0"


@pytest.mark.parametrize("parse", [parse_quantity, parse_unit_price, parse_tax_amount])
@pytest.mark.parametrize(
    "bad",
    [
        *(1.5, 0.0, True, None, b"1", [1], float("nan"), 10**31),
        *(D(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999", "0.0000001")),
        *("0.0000001", "", " ", "1 ", " 1", "1.", ".5", "1,5", "1e3", "1E3", "0x10", "NaN", "inf", "١٢", "１", "²"),
        *("1_000", "--1", "1.2.3", "1\n", "\x001", "9" * 31, "1" + "0" * 29, "1000000000000000"),
        pytest.param(10**5000, id="a number of 5001 digits"),
    ],
)
def test_what_is_not_a_sane_decimal_is_refused(parse, bad):
    with pytest.raises(InvalidAmount) as refusal:
        parse(bad)
    assert isinstance(refusal.value, InvalidInput)
    assert refusal.value.code == "INVALID_AMOUNT"


@pytest.mark.parametrize(
    ("parse", "largest", "beyond"),
    [
        (parse_quantity, "999999999.999", "1000000000"),
        (parse_unit_price, "9999999999.9999", "10000000000"),
        (parse_tax_amount, "999999999.999999", "1000000000"),
    ],
)
def test_numbers_have_a_limit_on_both_sides(parse, largest, beyond):
    assert parse(largest) == D(largest)
    assert parse(f"-{largest}") == -D(largest)
    for text in (beyond, f"-{beyond}"):
        with pytest.raises(InvalidAmount):
            parse(text)


def test_naughty_text_is_never_a_number_by_accident():
    folder = SHARED / "bad-input"
    if not folder.exists():
        pytest.skip("no shared data")
    naughty = json.loads((folder / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((folder / "fuzzdb").glob("*.txt")):
        naughty += file.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    read = {}
    for text in [*naughty, *(f"{text}\x00" for text in naughty)]:
        try:
            read[text] = parse_decimal(text, what="x", places=6, maximum=D(10) ** 12)
        except InvalidAmount:
            continue
    assert all(set(text) <= set("0123456789+-.") for text in read)
    assert read
    assert all(value == D(text) for text, value in read.items())


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)


@given(decimals, st.sampled_from(["1", "0.01", "0.05", "0.001", "0.25", "3", "0.03", "0.000001"]))
def test_rounding_goes_to_the_nearest_step_and_a_half_away_from_zero(value, step):
    rounded = round_half_up(value, D(step))
    with localcontext(prec=60):
        assert rounded % D(step) == 0
        assert abs(rounded - value) * 2 <= D(step)
        if abs(rounded - value) * 2 == D(step):
            assert abs(rounded) > abs(value)
    assert round_half_up(-value, D(step)) == -rounded


@given(decimals)
def test_rounding_to_cents_agrees_with_the_decimal_module(value):
    assert round_half_up(value, D("0.01")) == value.quantize(D("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [("-0.945", "0.01", "-0.95"), ("7.5", "5", "10"), ("7.5", "1E+1", "10"), ("2.4", "1.0", "2.0")],
)
def test_rounded_numbers_carry_the_places_of_their_step(value, step, text):
    assert str(round_half_up(D(value), D(step))) == text


@pytest.mark.parametrize(
    ("value", "step"),
    [(1.5, D(1)), (D(1), 0.05), (D("NaN"), D(1)), (D(1), D(0)), (D(1), D("-0.05")), (D(1), D("Infinity"))],
)
def test_rounding_refuses_floats_and_steps_that_are_no_steps(value, step):
    with pytest.raises(InvalidAmount):
        round_half_up(value, step)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_integer_division_agrees_with_the_decimal_module(numerator, denominator):
    with localcontext(prec=60):
        quotient = (D(numerator) / D(denominator)).quantize(D(1), ROUND_HALF_UP)
    assert divide_half_up(numerator, denominator) == int(quotient)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("half_up", [1570, 1575, 1575]),
        ("half_down", [1570, 1575, 1575]),
        ("half_even", [1570, 1575, 1575]),
        ("up", [1575, 1575, 1580]),
        ("down", [1570, 1575, 1575]),
    ],
)
def test_coins_are_rounded_by_the_method_of_the_outlet(method, expected):
    up, down = method == "up", method == "down"
    assert [round_step(value, 10, method) for value in (14, 16, 24, 26)] == [
        *(20 if up else 10, 10 if down else 20),
        *(30 if up else 20, 20 if down else 30),
    ]
    assert [round_step(value, 5, method) for value in (1572, 1575, 1577)] == expected
    assert round_step(0, 5, method) == 0


@pytest.mark.parametrize(
    ("method", "of_25", "of_15"),
    [("half_up", 30, 20), ("half_down", 20, 10), ("half_even", 20, 20), ("up", 30, 20), ("down", 20, 10)],
)
def test_half_a_step_goes_where_the_method_says_and_a_refund_mirrors_it(method, of_25, of_15):
    assert (round_step(25, 10, method), round_step(15, 10, method)) == (of_25, of_15)
    assert (round_step(-25, 10, method), round_step(-15, 10, method)) == (-of_25, -of_15)


@pytest.mark.parametrize(
    ("value", "step", "method"), [(1, 0, "up"), (1, -5, "up"), (1.0, 5, "up"), (1, D(5), "up"), (1, 5, "biggest_tax")]
)
def test_a_step_or_method_that_does_not_exist_is_refused(value, step, method):
    with pytest.raises(InvalidAmount):
        round_step(value, step, method)


@pytest.mark.parametrize(
    ("amount", "ratios", "shares"),
    [
        (5, [1, 3], [1, 4]),
        (100, [1, 3], [25, 75]),
        (5, [50, 50], [3, 2]),
        (5, [0, 50, 50], [0, 3, 2]),
        (-5, [1, 3], [-1, -4]),
        (0, [1, 2], [0, 0]),
        (7, [3], [7]),
        (2, [1, 1, 1, 1], [1, 1, 0, 0]),
    ],
)
def test_units_left_over_go_to_the_largest_ratios_first(amount, ratios, shares):
    assert allocate(amount, ratios) == shares


@pytest.mark.parametrize("ratios", [[], [0], [0, 0], [1, -1], [-1]])
def test_ratios_that_share_nothing_are_refused(ratios):
    with pytest.raises(InvalidAllocation):
        allocate(100, ratios)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1).filter(any))
def test_shares_always_sum_to_the_amount_and_none_goes_to_a_zero_ratio(amount, ratios):
    shares = allocate(amount, ratios)
    assert sum(shares) == amount
    assert all(share == 0 for share, ratio in zip(shares, ratios, strict=True) if ratio == 0)
    for share, ratio in zip(shares, ratios, strict=True):
        assert abs(share * sum(ratios) - amount * ratio) < sum(ratios)
    assert allocate(-amount, ratios) == [-share for share in shares]


@given(st.integers(-(10**30), 10**30), st.integers(0, 6))
def test_plain_amounts_do_not_depend_on_the_decimal_context(minor, exponent):
    with localcontext(prec=3):
        text = str(plain_amount(minor, exponent))
    with localcontext(prec=60):
        assert D(text).scaleb(exponent) == minor
    assert len(text.partition(".")[2]) == exponent


def test_reading_does_not_depend_on_the_decimal_context():
    with localcontext(prec=2):
        assert str(parse_unit_price("1234567.8912")) == "1234567.8912"
        assert str(round_half_up(D("1234567.895"), D("0.01"))) == "1234567.90"
        assert Money.from_decimal("1234567.89", "EUR").minor == 123456789


def test_the_module_has_no_float():
    source = Path(amounts.__file__).read_text(encoding="utf-8")
    assert "float(" not in source
