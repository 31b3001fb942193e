"""PostgreSQL URLs: what is wrong is named, and never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.database_url import DatabaseAddress, parse_database_url
from primepos.core.settings import Secret

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql://u:p@h/db", ("u", "p", "h", 5432, "db")),
        ("postgres://u:p%40%2F%3A%23@h:6432/d%20b", ("u", "p@/:#", "h", 6432, "d b")),
        ("POSTGRESQL://u@[::1]:5/db", ("u", "", "::1", 5, "db")),
        ("postgresql:///db?host=/tmp/sock&port=5544&user=me", ("me", "", "/tmp/sock", 5544, "db")),
        ("postgresql://u:p@%2Ftmp%2Fs/db", ("u", "p", "/tmp/s", 5432, "db")),
        ("postgresql://h:5432/db?application_name=a@b", ("", "", "h", 5432, "db")),
    ],
)
def test_a_url_is_taken_apart(url, parts):
    address = parse_database_url(url)
    assert (address.user, address.password.reveal(), address.host, address.port, address.name) == parts


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not a URL"),
        ("sqlite:///pos.db", "SQLite"),
        ("mysql://u:p@h/db", "does not start with"),
        ("postgresql+psycopg://u:p@h/db", "driver"),
        ("postgresql://u:p@h", "names no database"),
        ("postgresql://u:p@h/", "names no database"),
        ("postgresql://u:p@h/a/b", "more than one '/'"),
        ("postgresql://u:p@h:0/db", "port"),
        ("postgresql://u:p@h:65536/db", "port"),
        ("postgresql://u:p@h:pg/db", "port"),
        ("postgresql://u:pass@word@h/db", "'@' as %40"),
        ("postgresql://u:pass/word@h/db", "'/' as %2F"),
        ("postgresql://u:pass#word@h/db", "'#' as %23"),
        ("postgresql://u:pass?word@h/db", "'?' as %3F"),
        ("postgresql://u:pass:word@h/db", "':' as %3A"),
        ("postgresql://u:pass%word@h/db", "'%' as %25"),
        ("postgresql://u:a@b/c#d:e@h/db", "'#' as %23, '/' as %2F, ':' as %3A, '@' as %40"),
        ("postgresql://u:p@h/db?sslmod=require", "does not know"),
    ],
)
def test_what_is_wrong_is_named_without_the_password(url, told):
    with pytest.raises(ValueError) as refused:
        parse_database_url(url)
    assert told in str(refused.value)
    assert "pass" not in str(refused.value).replace("password", "")
    assert "word@" not in str(refused.value).replace("user:password@host", "")


@given(user=PLAIN, password=PLAIN, host=st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,5})?", fullmatch=True), name=PLAIN)
def test_any_address_survives_its_own_url(user, password, host, name):
    address = DatabaseAddress(user, Secret(password), host, 6543, name)
    if "/" in name:
        return
    assert parse_database_url(address.url()) == address


@given(password=st.text(min_size=6, max_size=40))
def test_no_url_however_broken_gives_its_password_away(password):
    try:
        shown = parse_database_url(f"postgresql://u:{password}@h/db").redacted()
    except ValueError as error:
        shown = str(error)
    assert password not in shown


def test_a_redacted_url_hides_secret_options_too():
    url = "postgresql://u:hunter2@h/db?sslmode=require&sslpassword=hunter3"
    assert parse_database_url(url).redacted() == "postgresql://u:***@h:5432/db?sslmode=require&sslpassword=%2A%2A%2A"


@pytest.mark.parametrize(
    ("host", "local", "public"),
    [
        ("localhost", True, False), ("127.8.8.8", True, False), ("::1", True, False), ("0.0.0.0", True, False),
        ("/run/pg", True, False), ("", True, False), ("dpg-abc", False, False), ("db.host.test", False, True),
        ("db.localhost", True, False), ("10.0.0.5", False, True),
    ],
)  # fmt: skip
def test_local_and_public_hosts(host, local, public):
    address = DatabaseAddress("u", Secret(""), host, 5432, "db")
    assert (address.is_local, address.is_public) == (local, public)
