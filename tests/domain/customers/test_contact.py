"""E-mail addresses, phone numbers and words in one form, whatever is typed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primepos.core.security import InvalidEmail
from primepos.domain.customers.contact import (
    PhoneProblem,
    clean_email,
    clean_phone,
    fold,
    looks_like_email,
    looks_like_phone,
    phone_tail,
    same_phone,
    words_of,
)

few = settings(max_examples=60, deadline=None)
DIGITS = st.text("0123456789", min_size=3, max_size=15)
SIGNS = st.text(" -/.\u00a0\u2013", max_size=3)


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("0171 / 123 45 67", "01711234567"),
        ("+49 (0) 171 1234567", "+491711234567"),
        ("0049 171 1234567", "+491711234567"),
        ("+1 (555) 010-0199", "+15550100199"),
        ("（０３）１２３４", "031234"),
        ("110", "110"),
    ],
)
def test_a_phone_number_has_one_form(typed, clean):
    assert clean_phone(typed) == clean


@pytest.mark.parametrize("typed", ["", "12", "call me", "+49 171 x", "++49 171", "1" * 16, "+", "12+34567"])
def test_what_is_no_phone_number_is_refused(typed):
    with pytest.raises(PhoneProblem):
        clean_phone(typed)
    assert looks_like_phone(typed) is None


@few
@given(DIGITS, st.booleans(), st.lists(SIGNS, min_size=15, max_size=15))
def test_signs_between_digits_change_nothing_and_a_clean_number_stays(digits, is_international, signs):
    digits = digits if not digits.startswith("00") else "1" + digits[1:]
    plain = ("+" if is_international else "") + digits
    written = ("+" if is_international else "") + "".join(a + b for a, b in zip(digits, signs, strict=False))
    clean = clean_phone(written)
    assert clean == plain
    assert clean_phone(clean) == clean
    assert same_phone(clean, clean)


@few
@given(st.text("123456789", min_size=1, max_size=2), st.text("0123456789", min_size=8, max_size=11))
def test_a_number_with_and_without_its_country_is_one_and_found_as_one(country, national):
    national = "1" + national[1:]
    home, abroad = clean_phone("0" + national), clean_phone(f"+{country}{national}")
    assert same_phone(home, abroad)
    assert same_phone(abroad, home)
    assert phone_tail(home) == phone_tail(abroad)


def test_numbers_of_two_countries_differ():
    assert not same_phone("+491711234567", "+431711234567")
    assert not same_phone("01711234567", "01721234567")


@few
@given(st.from_regex(r"\A[a-zA-Z0-9]{1,10}(\.[a-zA-Z0-9]{1,5})?@[a-zA-Z]{1,8}\.[a-z]{2,4}\Z"))
def test_an_address_has_one_form_in_whatever_case_it_is_typed(typed):
    clean = clean_email(f" {typed.upper()} ")
    assert clean == clean_email(typed) == clean_email(clean) == looks_like_email(typed)


def test_what_is_no_address_is_refused_without_being_repeated():
    with pytest.raises(InvalidEmail) as caught:
        clean_email("quint at example")
    assert "quint" not in str(caught.value)


@few
@given(st.text(max_size=60))
def test_words_have_no_capitals_and_folding_them_again_changes_nothing(text):
    words = words_of(text)
    assert words == sorted(set(words))
    assert all(fold(word) == word for word in words)
    assert set(words_of(*words)) <= set(words) | {part for word in words for part in words_of(word)}


@pytest.mark.parametrize(
    ("text", "folded"),
    [("MÜLLER", "muller"), ("Strauß", "strauss"), ("Łukasz Ørsted", "lukasz orsted"), ("Ǻngström", "angstrom"),
     ("İstanbul", "istanbul"), ("Ａｎａ", "ana"), ("한국", "한국")],
)  # fmt: skip
def test_accents_and_capitals_are_left_out(text, folded):
    assert fold(text) == folded
