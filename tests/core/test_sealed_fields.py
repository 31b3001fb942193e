"""Sealed fields: what is sealed is opened, with the right key, in its own place and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primepos.core.errors import BadConfiguration
from primepos.core.sealed_fields import FieldKeyMissing, Keyring, keyring_of
from primepos.core.settings_types import Secret

ROW = uuid4()
PLACE = ("customers.email", 7, ROW)
OLD, NEW = Keyring(["old"]), Keyring(["new", "old"])


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300).filter(lambda text: text.isprintable() or not text))
def test_what_was_sealed_is_opened_and_says_nothing(text):
    sealed = OLD.seal(text, *PLACE)
    assert OLD.open(sealed, *PLACE) == text
    assert OLD.seal(text, *PLACE) != sealed
    if len(text) > 3:
        assert text.encode() not in sealed


@pytest.mark.parametrize(
    "other", [("customers.phone", 7, ROW), ("customers.email", 8, ROW), ("customers.email", 7, uuid4())]
)
def test_a_value_opens_in_its_own_place_only(other):
    with pytest.raises(FieldKeyMissing):
        OLD.open(OLD.seal("ana@example.org", *PLACE), *other)


def test_a_value_that_was_changed_or_cut_does_not_open_and_is_not_told():
    sealed = OLD.seal("ana@example.org", *PLACE)
    for n in (0, 3, 8, 20, len(sealed) - 1):
        broken = bytes(byte ^ (n == at) for at, byte in enumerate(sealed))
        with pytest.raises(FieldKeyMissing) as caught:
            OLD.open(broken, *PLACE)
        assert "ana" not in str(caught.value)
    for cut in (b"", sealed[:4], sealed[:20], sealed[:-1]):
        with pytest.raises(FieldKeyMissing):
            OLD.open(cut, *PLACE)


def test_a_new_key_seals_and_the_old_one_still_opens():
    before = OLD.seal("ana@example.org", *PLACE)
    assert NEW.open(before, *PLACE) == "ana@example.org"
    assert not NEW.is_newest(before)
    after = NEW.seal("ana@example.org", *PLACE)
    assert NEW.is_newest(after)
    assert after.startswith(NEW.newest)
    with pytest.raises(FieldKeyMissing):
        OLD.open(after, *PLACE)


def test_hashes_tell_tenants_fields_and_keys_apart_and_both_keys_are_looked_for():
    one = OLD.hash("ana@example.org", "customers.email", 7)
    assert len({one, OLD.hash("ana@example.org", "customers.email", 8), OLD.hash("ana@example.org", "customers.x", 7),
                NEW.hash("ana@example.org", "customers.email", 7)}) == 4  # fmt: skip
    assert NEW.hashes("ana@example.org", "customers.email", 7) == [
        NEW.hash("ana@example.org", "customers.email", 7),
        one,
    ]


def some_settings(fields="", secret="s" * 50, fallbacks=()):
    return SimpleNamespace(
        field_encryption_keys=tuple(Secret(each) for each in fields.split(",") if each),
        secret_key=Secret(secret),
        secret_key_fallbacks=tuple(Secret(each) for each in fallbacks),
    )


def test_without_keys_of_their_own_fields_are_sealed_under_one_that_follows_secret_key():
    sealed = keyring_of(some_settings()).seal("x", *PLACE)
    rotated = some_settings(secret="t" * 50, fallbacks=["s" * 50])
    assert keyring_of(rotated).open(sealed, *PLACE) == "x"
    with_keys = some_settings(fields="A" * 43)
    assert keyring_of(with_keys).open(sealed, *PLACE) == "x"
    assert not keyring_of(with_keys).is_newest(sealed)
    with pytest.raises(FieldKeyMissing):
        keyring_of(some_settings(secret="t" * 50)).open(sealed, *PLACE)


def test_the_same_key_in_another_spelling_is_the_same():
    sealed = keyring_of(some_settings(fields="-" * 43)).seal("x", *PLACE)
    assert keyring_of(some_settings(fields="+" * 43 + "=")).is_newest(sealed)


def test_without_any_key_nothing_is_sealed():
    with pytest.raises(BadConfiguration):
        keyring_of(some_settings(secret=""))
