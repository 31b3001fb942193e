"""What travels: decimals in one form, numbers exact, queries read by their schema."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.api.errors import MalformedRequest
from primepos.api.wire import DECIMAL_PATTERN, check_decimals, decode_body, decode_query, encode, holds_decimals
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.schemas import UpdateProduct
from primepos.domain.sales.schemas import BookSale, DeliverSale, ListSales, SaleTax


@given(st.decimals(min_value=-(10**15) + 1, max_value=10**15 - 1, places=4))
def test_every_price_travels_there_and_back_without_loss(number):
    text = f"{number:f}"
    sent = SaleTax(code="a", name="b", rate=number, base=0, amount=0)
    assert json.loads(encode(sent))["rate"] == str(number)
    check_decimals(UpdateProduct, {"unit_price": text})
    assert Decimal(json.loads(encode(sent))["rate"]) == number


@given(st.text(max_size=12) | st.from_regex(r"[-+0-9.eE_ ]{1,8}", fullmatch=True))
def test_a_decimal_is_taken_exactly_if_the_published_pattern_says_so(text):
    published = re.search(DECIMAL_PATTERN.replace("$", r"\Z"), text) is not None
    try:
        check_decimals(UpdateProduct, {"unit_price": text})
        taken = True
    except InvalidInput:
        taken = False
    assert taken is published


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, "1e3", "NaN", "Infinity", "0x10", "1_000", "٣"])
def test_nothing_else_passes_for_a_decimal(value):
    with pytest.raises(InvalidInput) as caught:
        check_decimals(BookSale, {"lines": [{"quantity": "1"}, {"quantity": value}]})
    assert [each["field"] for each in caught.value.data["problems"]] == ["lines[1].quantity"]


def test_every_wrong_decimal_is_named_also_inside_arrays():
    body = {"lines": [{"quantity": 1, "unit_price": "1.00", "taxes": [["std", 19, 16], ["low", "7", 3]]}]}
    with pytest.raises(InvalidInput) as caught:
        check_decimals(DeliverSale, body)
    assert [each["field"] for each in caught.value.data["problems"]] == ["lines[0].quantity", "lines[0].taxes[0][1]"]


def test_null_and_wrong_shapes_are_left_to_the_schema():
    check_decimals(BookSale, {"lines": None, "ticket_discount_percent": "0"})
    check_decimals(BookSale, {"lines": [1, {"unit_price": None}]})
    assert (holds_decimals(BookSale), holds_decimals(ListSales)) == (True, False)


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_whole_numbers_are_exact_however_they_are_written(number):
    assert decode_body(str(number).encode()) == number
    assert decode_body(f"{number}.0".encode()) == number
    assert type(decode_body(f"{number}.000".encode())) is int


@pytest.mark.parametrize("text", ["0.1", "1e-1", "1e400", "1.00000000000000000001"])
def test_fractions_stay_exact_until_they_are_refused(text):
    assert decode_body(text.encode()) == Decimal(text)


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[1,]", b"NaN", b"'a'", b'"\\ud800"', b"[" * 100_000])
def test_what_is_no_json_is_told_as_such(raw):
    with pytest.raises(MalformedRequest):
        decode_body(raw)


def test_an_empty_body_is_an_empty_object():
    assert decode_body(b"") == {}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"", {}),
        (b"limit=5&flagged=true", {"limit": 5, "flagged": True}),
        (b"limit=5.0&flagged=false", {"limit": 5, "flagged": False}),
        (b"limit=05&flagged=1", {"limit": "05", "flagged": "1"}),
        (b"after=1&since=2026-03-02", {"after": "1", "since": "2026-03-02"}),
        (b"after=a%20b%2B&limit=", {"after": "a b+", "limit": ""}),
        (b"other=true", {"other": "true"}),
    ],
)
def test_a_query_is_read_as_its_schema_wants(query, fields):
    assert decode_query(query, ListSales) == fields


@pytest.mark.parametrize("query", [b"after=%ff", b"a=1&" * 60, b"after=\xc3\xa4"])
def test_a_query_that_cannot_be_read_is_told_as_such(query):
    with pytest.raises(MalformedRequest):
        decode_query(query, ListSales)
