"""Passwords, PINs, tokens and the names people sign in with."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core import security
from primepos.core.errors import BadConfiguration, ErrorKind, InvalidInput
from primepos.core.security import (
    COMMON_PASSWORDS_FILE,
    PASSWORD_MAX,
    RESERVED_SLUGS,
    InvalidEmail,
    InvalidSlug,
    WeakPassword,
    WeakPin,
    check_password,
    check_pin,
    check_slug,
    common_passwords,
    hash_password,
    hash_pin,
    hash_token,
    needs_rehash,
    new_token,
    normalise_email,
    normalise_password,
    same,
    verify_password,
    verify_pin,
)
from primepos.core.settings import Secret

SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
GOOD = "wet sock under lamp"
PEPPER = Secret("pepper-pepper-pepper-pepper-pepper")


# --- hashing passwords -----------------------------------------------------------------------------------------------


def test_a_hash_is_argon2id_with_our_parameters_and_a_salt_of_its_own():
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert security.ARGON2_MEMORY_KIB >= 19 * 1024
    assert security.ARGON2_PASSES >= 2
    assert not needs_rehash(first)


def test_the_right_password_verifies_and_no_other():
    stored = hash_password(GOOD)
    assert verify_password(stored, GOOD)
    assert not verify_password(stored, GOOD + " ")
    assert not verify_password(stored, GOOD.upper())
    assert not verify_password(stored, "")


def test_every_keyboards_way_to_type_a_password_is_the_same():
    stored = hash_password("caf\u00e9 ﬁlter ２２")
    assert verify_password(stored, "cafe\u0301 filter 22")


def test_nobody_has_no_password_and_no_password_is_nobodys():
    assert not verify_password(None, GOOD)
    assert not verify_password(None, "")


def test_the_hash_of_nobody_costs_what_a_real_one_costs():
    assert security._NOBODY.split("$")[:4] == hash_password(GOOD).split("$")[:4]
    assert not needs_rehash(security._NOBODY)


def test_an_unknown_user_takes_as_many_hashes_as_a_known_one(monkeypatch):
    stored, calls = hash_password(GOOD), []
    real = security._hasher

    class Counting:
        def verify(self, stored: str, given: bytes) -> bool:
            calls.append(stored)
            return real.verify(stored, given)

    monkeypatch.setattr(security, "_hasher", Counting())
    for one in (stored, None, "not a hash"):
        calls.clear()
        assert not verify_password(one, "wrong")
        assert len([call for call in calls if call.startswith("$argon2id")]) == 1


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=1", "pbkdf2_sha256$1$a$b", "\x00"])
def test_a_damaged_hash_is_nobodys_and_wants_a_new_one(stored):
    assert not verify_password(stored, GOOD)
    assert needs_rehash(stored)


def test_a_hash_of_older_parameters_still_verifies_and_wants_a_new_one():
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert verify_password(old, GOOD)
    assert needs_rehash(old)


def test_a_megabyte_is_not_hashed_and_never_right():
    stored = hash_password("a" * PASSWORD_MAX)
    assert verify_password(stored, "a" * PASSWORD_MAX)
    assert not verify_password(stored, "a" * 1_000_000)
    assert not verify_password(stored, "a" * (PASSWORD_MAX + 1))


# --- the policy (ASVS 5.0, 6.2) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "xkw3 pq9",  # 6.2.1: 8 characters
        "nur kleine buchstaben",  # 6.2.5: no composition rule
        "74031859264701",
        "ÄÖÜ ß éèê!",
        "пять больших зонтов",
        "雨の日に傘を三本忘れた",
        "🦆🪑🧦🪣🔧🚲🧊🎺",
        "h" + "ui3k fj2m" * 28,  # 6.2.9: 64 and more
        "Tr0ub4dor&3x",
        " spaces around ",
        "correct mule battery clip",
        "a-marmalade-catastrophe",
        "my dog ate the primepos manual twice",
    ],
)
def test_accepted(password):
    assert verify_password(hash_password(check_password(password)), password)


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "seven77", "x" * 257, "\ud800" * 9,
        "password", "Password1", "P@ssw0rd!", "pa$$word123", "12345678", "123456789", "87654321", "qwertyui",
        "QWERTZUIOP", "asdfghjk", "1q2w3e4r", "1qaz2wsx", "iloveyou", "letmein1", "welcome123", "Sunshine!",
        "football99",
        "abcabcabc", "aaaaaaaa", "abababab", "abcdefgh", "zyxwvuts", "11111112", "changeme!", "admin123",
        "administrator",
        "ｐａｓｓｗｏｒｄ",
        "dragon2024", "Liverpool1", "monkey!!", "Winter2025", "passw0rd1234", "primepos", "PrimePOS1",
        "pr1mepos!", "pointofsale",
    ],
)  # fmt: skip
def test_refused(password):
    with pytest.raises(WeakPassword) as refused:
        check_password(password)
    assert refused.value.code == "WEAK_PASSWORD"
    assert refused.value.kind is ErrorKind.INVALID
    assert isinstance(refused.value, InvalidInput)
    if len(password) > 3 and password != "password":
        assert password not in str(refused.value) + repr(refused.value.data)


@pytest.mark.parametrize(
    "password", ["jane.doe99", "JaneDoe2024", "cornershop1", "corner-shop!", "doe.jane1", "j4nedoe99"]
)
def test_what_is_known_about_a_person_is_no_password(password):
    check_password("something else " + password, context=["jane.doe@corner-shop.test", "Jane Doe", "Corner Shop"])
    with pytest.raises(WeakPassword, match="your address, your name"):
        check_password(
            password, context=["jane.doe@corner-shop.test", "janedoe", "Jane Doe", "Corner Shop", "cornershop"]
        )


def test_the_list_is_what_the_documentation_says_it_is():
    words = common_passwords()
    page = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text("utf-8")
    assert "about 5,500 words and passwords" in page
    assert 5_400 <= len(words) <= 5_600
    assert words == {word.casefold() for word in words}
    assert all(re.fullmatch(r"[a-z]+", word) or len(word) >= 8 for word in words)
    assert COMMON_PASSWORDS_FILE.read_text("utf-8").startswith("# Common passwords, compiled by hand")


@given(st.text(max_size=300))
def test_every_text_is_accepted_or_refused_never_an_accident(text):
    with suppress(WeakPassword):
        assert check_password(text, context=["someone@shop.test"]) == normalise_password(text)


def test_long_random_passwords_are_never_refused():
    for _ in range(300):
        check_password(new_token()[:20], context=["someone@shop.test", "Some Shop"])


# --- PINs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", ["4071", "93517", "806294", "9035718", "17403926", "0407"])
def test_a_pin_may_be(pin):
    stored = hash_pin(check_pin(pin), PEPPER)
    assert verify_pin(stored, pin, PEPPER)
    assert not verify_pin(stored, pin[::-1], PEPPER)
    assert not verify_pin(stored, pin + "0", PEPPER)
    assert pin not in stored


@pytest.mark.parametrize(
    "pin",
    ["", "123", "123456789", "0000", "1111", "1234", "4321", "9876", "0123", "7890", "90123", "1212", "121212",
     "123123",
     "1221", "2580", "1984", "2024", "12345678", "11111111", "12a4", "１２３４", "٠٤٠٧", " 4071", "4071\n", "-407",
     "112233"],
)  # fmt: skip
def test_a_pin_may_not_be(pin):
    with pytest.raises(WeakPin) as refused:
        check_pin(pin)
    assert refused.value.code == "WEAK_PIN"


def test_most_pins_remain():
    allowed = 0
    for number in range(10_000):
        try:
            check_pin(f"{number:04d}")
        except WeakPin:
            continue
        allowed += 1
    assert 9_500 < allowed < 9_950


def test_without_its_pepper_a_pin_does_not_verify():
    stored = hash_pin("4071", PEPPER)
    assert not verify_pin(stored, "4071", Secret("another-pepper-another-pepper-another"))
    assert not verify_password(stored, "4071")
    assert not verify_pin(None, "4071", PEPPER)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_missing_pepper_is_a_matter_of_configuration():
    for pepper in (Secret(""), Secret("short")):
        with pytest.raises(BadConfiguration, match="PIN_PEPPER"):
            hash_pin("4071", pepper)
        with pytest.raises(BadConfiguration, match="PIN_PEPPER"):
            verify_pin(None, "4071", pepper)


# --- opaque tokens ---------------------------------------------------------------------------------------------------


def test_tokens_are_256_bits_and_stored_as_a_digest():
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_comparison_takes_any_text():
    assert same("é\ud800", "é\ud800")
    assert not same("a", "b")
    assert not same("a", "aa")
    assert same("", "")


# --- e-mail addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Jane.Doe@Shop.Test", "jane.doe@shop.test"),
        ("  jane@shop.test\n", "jane@shop.test"),
        ("ｊａｎｅ＠ｓｈｏｐ．ｔｅｓｔ", "jane@shop.test"),
        ("JOSÉ@shop.test", "josé@shop.test"),
        ("Jose\u0301@shop.test", "josé@shop.test"),
        ("o'brien+till2@sub.shop-x.test", "o'brien+till2@sub.shop-x.test"),
        ("STRASSE@shop.test", "strasse@shop.test"),
        ("straße@shop.test", "strasse@shop.test"),
        ("dev@localhost", "dev@localhost"),
        ("kasse@müller.test", "kasse@müller.test"),
    ],
)
def test_an_address_has_one_form(text, normal):
    assert normalise_email(text) == normal
    assert normalise_email(normal) == normal


@pytest.mark.parametrize(
    "text",
    ["", "@", "jane", "jane@", "@shop.test", "jane@@shop.test", "a b@shop.test", ".jane@shop.test", "ja..ne@shop.test",
     "jane.@shop.test", "jane@shop", "jane@-shop.test", "jane@shop-.test", "jane@shop..test", "jane@shop.test.",
     "jane@sh op.test", "jane\x00@shop.test", "jane\n@shop.test", "jane\u200b@shop.test", "jane\u202e@shop.test",
     "jane@shop.test\r\nBcc: x@y.test", "<jane@shop.test>", '"a"@shop.test', "jane@sh_op.test", "jane@[10.0.0.1]",
     "a" * 65 + "@shop.test", "a@" + "b" * 250 + ".test", "jane@shop.test,joe@shop.test"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidEmail) as refused:
        normalise_email(text)
    assert refused.value.code == "INVALID_EMAIL"


@given(st.text(max_size=80))
def test_normalising_an_address_twice_changes_nothing(text):
    try:
        once = normalise_email(text)
    except InvalidEmail:
        return
    assert normalise_email(once) == once
    assert once.isprintable()


# --- short names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["corner", "corner-shop", "shop24", "24-7", "a1", "x" * 63, "a-b-c-d"])
def test_a_short_name_may_be(slug):
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug",
    ["", "a", "x" * 64, "Corner", "corner shop", "corner_shop", "-corner", "corner-", "corner--shop", "xn--80ak6aa92e",
     "cörner", "сorner", "ｃorner", "corner\n", "corner\u200b", "cor\u202ener", "../etc", "a.b", "admin", "api", "null",
     "42", "007", "shop%20", "shop;drop", "shop\x00"],
)  # fmt: skip
def test_a_short_name_may_not_be(slug):
    with pytest.raises(InvalidSlug) as refused:
        check_slug(slug)
    assert refused.value.code == "INVALID_SLUG"


def test_reserved_names_are_refused_and_would_be_fine_otherwise():
    for slug in RESERVED_SLUGS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug), slug
        with pytest.raises(InvalidSlug):
            check_slug(slug)


def test_naughty_strings_are_no_accident():
    file = SHARED / "bad-input" / "blns.json"
    if not file.exists():
        pytest.skip("no shared data")
    for text in json.loads(file.read_text("utf-8")):
        for judge, refusal in (
            (check_password, WeakPassword),
            (normalise_email, InvalidEmail),
            (check_slug, InvalidSlug),
        ):
            with suppress(refusal):
                assert judge(judge(text)) == judge(text)
