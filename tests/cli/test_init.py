"""``primepos init`` and ``primepos db``: a real shop on one machine, with a PostgreSQL of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from primepos.cli import session
from primepos.cli.commands.init import Answers, shop_of, slug_of
from primepos.core.embedded.cluster import Cluster
from primepos.domain.provisioning.reading import BadShopFile
from tests.cli.conftest import Ran


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty data directory that nothing else points away from."""
    for name in ("PRIMEPOS_ENV", "DATABASE_URL", "MIGRATION_DATABASE_URL", "PRIMEPOS_TENANT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path / "shop"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "shop"
    session.use_app(None)
    Cluster(tmp_path / "shop" / "postgres").destroy()


def forget_app() -> None:
    """Begin as a new process would."""
    if session._opened:
        session._opened[0].database.dispose()
    session.use_app(None)


@pytest.mark.slow
def test_a_shop_is_set_up_once_and_its_server_started_and_stopped(
    home: Path, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIMEPOS_PIN", "482916")
    args = ("init", "--name", "Café Zwölf", "--country", "DE", "--owner", "Ann", "--yes", "--json")
    made = command(*args).json
    assert made == {"tenant": "cafe-zwolf", "is_new": True, "data_dir": str(home), "pins": []}
    assert (home / "shop.env").stat().st_mode & 0o777 == 0o600
    secrets = (home / "shop.env").read_text()
    assert "482916" not in secrets
    monkeypatch.delenv("PRIMEPOS_PIN")
    forget_app()

    again = command("init", "--json").json
    assert (again["tenant"], again["is_new"]) == ("cafe-zwolf", False)
    assert (home / "shop.env").read_text() == secrets
    assert [each["kind"] for each in command("registers", "list", "--json").json] == ["server", "till"]
    assert [each["code"] for each in command("users", "list", "--staff", "--json").json["items"]] == ["1"]
    assert (
        command("products", "create", "A", "--name", "Apple", "--price", "1", "--json").json["tax_class"] == "standard"
    )
    forget_app()

    status = command("db", "status", "--json").json
    assert (status["state"], status["data_dir"]) == ("running", str(home / "postgres"))
    assert command("db", "start").err.startswith(f"PostgreSQL {status['version_major']} was running")
    assert command("db", "psql", "--admin", "--json").json["url"].startswith("postgresql://postgres:")
    # Not every server comes with psql, nor every machine.
    assert command("db", "psql", "--", "-c", "SELECT 1").code in {0, 5}
    assert command("db", "upgrade", "--json").json["upgraded"] is None
    assert command("db", "upgrade", "--discard-old", "--yes", "--json").json == {"discarded": []}
    assert command("db", "stop", "--yes", "--json").json["was_running"] is True
    assert command("db", "stop", "--json").json["was_running"] is False
    assert command("db", "status", "--json").json["state"] == "stopped"

    refused = command("demo", "--json")
    assert (refused.code, refused.refusal["code"]) == (7, "NO_PLACE_FOR_DEMO")


def test_without_a_terminal_every_answer_that_is_missing_is_named(home, command):
    ran = command("init", "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "ANSWERS_MISSING")
    assert [each["field"] for each in ran.refusal["data"]["problems"]] == ["--name", "--country", "--owner"]
    assert not home.exists()


def test_a_country_with_many_time_zones_needs_one_to_be_named(home, command):
    ran = command("init", "--name", "x", "--country", "US", "--owner", "Ann", "--yes", "--json")
    assert [each["field"] for each in ran.refusal["data"]["problems"]] == ["--zone"]
    assert not home.exists()


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("PRIMEPOS_ENV", "development", "NOT_FOR_HERE"),
        ("DATABASE_URL", "postgresql://a:b@127.0.0.1/c", "NOT_FOR_HERE"),
        ("PRIMEPOS_PIN", "1234", "WEAK_PIN"),
    ],
)
def test_what_stands_in_the_way_is_said_before_anything_is_made(home, command, monkeypatch, variable, value, code):
    monkeypatch.setenv(variable, value)
    ran = command("init", "--name", "x", "--country", "DE", "--owner", "Ann", "--yes", "--json")
    assert ran.refusal["code"] == code
    assert not home.exists()


def test_wrong_answers_are_all_named_before_anything_is_made(home, command):
    args = ("--currency", "XXX", "--zone", "Mars/Base", "--tax", "many")
    ran = command("init", "--name", "x", "--country", "DE", "--owner", "Ann", "--yes", "--json", *args)
    fields = [each["field"] for each in ran.refusal["data"]["problems"]]
    assert fields == ["tenant.currency", "tenant.zone", "taxes[0].amount"]
    assert not home.exists()


def test_a_demo_in_the_directory_is_not_made_a_shop(home, command):
    home.mkdir()
    (home / "demo-pins.json").write_text("{}")
    ran = command("init", "--name", "x", "--country", "DE", "--owner", "Ann", "--yes", "--json")
    assert (ran.code, ran.refusal["code"]) == (6, "DEMO_IN_THE_WAY")
    assert not (home / "shop.env").exists()


def test_a_server_of_ones_own_has_nothing_embedded(command, monkeypatch, tmp_path):
    monkeypatch.setenv("PRIMEPOS_ENV", "development")
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@127.0.0.1/c")
    ran = command("db", "status", "--json")
    assert (ran.code, ran.refusal["code"]) == (7, "NOT_EMBEDDED")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Corner Shop", "corner-shop"),
        ("Café Zwölf", "cafe-zwolf"),
        ("24/7", "shop-24-7"),
        ("東京", "shop"),
        ("A", "shop-a"),
        ("x" * 80, "x" * 40),
    ],
)
def test_a_short_name_is_made_of_any_name(name, slug):
    assert slug_of(name) == slug


def answers(**changes: Any) -> Answers:
    given: dict[str, Any] = {
        "name": "Corner", "slug": "corner", "country": "IE", "currency": "EUR", "zone": "Europe/Dublin",
        "rates": ("23", "13.5", "0"), "included": True, "tax_name": "VAT", "outlet": "Quay", "address": "",
        "owner": "Ann",
    }  # fmt: skip
    return Answers(**{**given, **changes})


def test_answers_become_a_document():
    shop = shop_of(answers(), None)
    assert [(each.code, str(each.amount), each.included) for each in shop.taxes] == [
        ("standard", "23", True), ("reduced", "13.5", True),
    ]  # fmt: skip
    assert [(each.code, list(each.taxes)) for each in shop.tax_classes] == [
        ("standard", ["standard"]), ("reduced", ["reduced"]), ("zero", []),
    ]  # fmt: skip
    assert shop.outlets[0].registers[0].prefix == "T1"
    assert shop.staff[0].pin.generate is True
    assert shop_of(answers(), "482916").staff[0].pin.value == "482916"
    with pytest.raises(BadShopFile):
        shop_of(answers(currency="EURO"), None)


def test_questions_are_asked_at_a_terminal_and_no_is_an_answer(home, command, monkeypatch, capsys):
    from primepos.cli.commands import init

    replies = iter(["Corner", "de", "", "", "19 7", "", "", "Ann", "n"])

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return next(replies) + "\n"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(init.getpass, "getpass", lambda _prompt: "")
    from primepos.cli.main import app, run

    assert run(app, ["init"]) == 1
    told = capsys.readouterr().err
    assert "Time zone [Europe/Berlin]" in told
    assert "Corner (corner)" in told
    assert "19 %, 7 %" in told
    assert not home.exists()
