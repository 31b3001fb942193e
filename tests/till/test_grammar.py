"""What typed lines mean: examples, and properties over everything that can be typed."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from primepos.core.amounts import currency
from primepos.till import grammar
from primepos.till.errors import NotUnderstood
from primepos.till.figures import Figures, locale_of, read_decimal
from primepos.till.grammar import Code, Discount, Nothing, Quantity, read_discount, read_sale
from primepos.till.inert import fit, inert, left, right, width, wrap

anything = st.text(st.characters(codec=None), max_size=100)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", Nothing()),
        ("  ", Nothing()),
        ("4006381333931", Code("4006381333931")),
        ("A-1", Code("A-1")),
        ("6*A-1", Code("A-1", Decimal(6))),
        ("0.275*HAM", Code("HAM", Decimal("0.275"))),
        ("0,5*HAM", Code("HAM", Decimal("0.5"))),
        ("6*", Quantity(Decimal(6))),
        (".5*", Quantity(Decimal("0.5"))),
        ("size*9", Code("size*9")),
    ],
)
def test_a_line_of_the_sale_screen(text, meant):
    assert read_sale(text) == meant


@pytest.mark.parametrize("text", ["0*", "0*A-1", "*A-1", "1.2345*A", "9999999999*A"])
def test_quantities_that_cannot_be_are_refused(text):
    with pytest.raises(NotUnderstood):
        read_sale(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10", Discount(percent=Decimal(10))),
        ("12.5%", Discount(percent=Decimal("12.5"))),
        ("-2.50", Discount(amount="2.50")),
        ("-2,50", Discount(amount="2,50")),
    ],
)
def test_a_ticket_discount(text, meant):
    assert read_discount(text) == meant


@pytest.mark.parametrize("text", ["", "101", "-", "ten", "1e1", "--1", "10%%", "٣"])
def test_discounts_that_cannot_be_are_refused(text):
    with pytest.raises(NotUnderstood):
        read_discount(text)


@given(anything)
@example("\x1b[31m6*A-1\x1b[0m")
@example("\x9b2J")
def test_whatever_is_typed_gives_a_command_of_visible_signs_or_a_refusal(text):
    try:
        meant = read_sale(text)
    except NotUnderstood:
        return
    if isinstance(meant, Code):
        assert meant.code.isprintable()
        assert 0 < len(meant.code) <= grammar.MAX_LENGTH
        assert meant.quantity is None or meant.quantity > 0
    elif isinstance(meant, Quantity):
        assert meant.quantity > 0


@given(st.integers(1, 999), st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9-]{0,20}\Z"))
def test_a_quantity_before_a_code_reads_back(quantity, code):
    assert read_sale(f"{quantity}*{code}") == Code(code, Decimal(quantity))
    assert read_sale(code) == Code(code)


@given(st.integers(0, 10**11), st.sampled_from(["EUR", "JPY", "KWD"]), st.sampled_from([".", ","]))
def test_a_typed_amount_reads_back_to_the_minor_unit(minor, code, point):
    figures = Figures(currency(code))
    typed = str(figures.to_money(minor).to_decimal()).replace(".", point)
    assert figures.read(typed) == minor


@given(anything)
def test_only_plain_numbers_are_amounts(text):
    try:
        value = read_decimal(text)
    except NotUnderstood:
        return
    assert set(text) <= set("0123456789.,")
    assert value >= 0


def test_more_decimals_than_the_currency_has_are_refused():
    with pytest.raises(NotUnderstood, match="EUR has 2 decimals"):
        Figures(currency("EUR")).read("1.005")
    with pytest.raises(NotUnderstood, match="JPY has 0 decimals"):
        Figures(currency("JPY")).read("1.5")


@given(anything)
def test_inert_texts_steer_nothing(text):
    shown = inert(text)
    assert all(sign.isprintable() or sign in "\u200c\u200d" for sign in shown)
    assert inert(shown) == shown


def test_naughty_strings_are_inert(shared_data):
    for text in json.loads((shared_data / "bad-input" / "blns.json").read_text()):
        shown = inert(text)
        assert "\x1b" not in shown
        assert "\n" not in shown
        shown.encode()


@given(anything, st.integers(1, 40))
def test_columns_are_exact_and_nothing_is_wider(text, columns):
    shown = inert(text)
    assert width(fit(shown, columns)) <= columns
    assert width(left(shown, columns)) == columns
    assert width(right(shown, columns)) == columns
    if columns > 1:
        assert all(width(line) <= columns for line in wrap(shown, columns))


@pytest.mark.parametrize(
    ("country", "locale", "text"),
    [
        ("DE", "de_DE", "-1.234,50 €"),
        ("US", "en_US", "-€1,234.50"),
        ("", "en_US", "-€1,234.50"),
        ("ZZ", "en_US", "-€1,234.50"),
    ],
)
def test_amounts_are_written_as_in_the_country(country, locale, text):
    assert locale_of(country) == locale
    assert Figures(currency("EUR"), locale).money(-123450) == text
