"""The demo: a day sold through the real till, kept for the next run, thrown away when asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from primepos.cli import session
from primepos.cli.demo.house import DemoHouse
from primepos.core.settings import load_settings
from primepos.domain.sales.service import list_sales
from primepos.till.engine import Command
from primepos.till.keys import Mode

ROOT = Path(__file__).resolve().parents[2]
# What the script sells: 10 sales, one of them void.
TOTAL = 12_495
BOOKED = 11


@pytest.fixture
def demo_environment(fresh_database, monkeypatch, tmp_path):
    """An empty data directory and a database of the test's own."""
    monkeypatch.setenv("PRIMEPOS_ENV", "development")
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path / "demo"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "demo"
    session.use_app(None)


def test_without_a_terminal_a_day_is_sold_and_its_figures_printed(demo_environment, command):
    ran = command("demo")
    assert ran.code == 0
    receipt, z_report, totals = ran.out.partition("Z REPORT 1")[0], ran.out, ran.out.partition("The day's totals")[2]
    assert "TOTAL EUR                          33.15" in receipt
    assert "TOTAL EUR                         124.95" in z_report
    assert "Difference                         -0.05" in z_report
    assert "Receipts          Q1-000001 to Q1-000011" in z_report
    assert totals.split()[: totals.split().index("VAT")][-6:] == ["sales", "10", "voids", "1", "net", "117.65"]
    assert "The books hold: 11 sales" in ran.err


def test_a_second_run_keeps_what_was_sold_and_sells_another_day(demo_environment, command):
    first = command("demo", "--json").json
    pins = (demo_environment / "demo-pins.json").read_text()
    second = command("demo", "--json").json
    assert (first["figures"]["total"], second["figures"]["total"]) == (TOTAL, TOTAL)
    assert (first["figures"]["shift"]["z_number"], second["figures"]["shift"]["z_number"]) == (1, 2)
    assert (first["figures"]["first_receipt"], second["figures"]["first_receipt"]) == ("Q1-000001", "Q1-000012")
    assert (first["day"]["taxes"]["total"]["total"], second["day"]["taxes"]["total"]["total"]) == (TOTAL, 2 * TOTAL)
    assert first["books_hold"] is second["books_hold"] is True
    assert (demo_environment / "demo-pins.json").read_text() == pins


def test_nobody_knows_a_pin_beforehand_and_nobody_else_may_read_them(demo_environment, command):
    command("demo", "--json")
    file = demo_environment / "demo-pins.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(json.loads(file.read_text())) == ["1", "11", "12", "2", "21"]
    for text in ("shop.yaml", "day.till"):
        source = (ROOT / "primepos" / "cli" / "demo" / text).read_text()
        assert not any(pin in source for pin in json.loads(file.read_text()).values())


def test_lost_pins_are_made_anew_and_nothing_else_changes(demo_environment, command):
    command("demo", "--json")
    (demo_environment / "demo-pins.json").unlink()
    again = command("demo", "--json").json
    assert again["figures"]["shift"]["z_number"] == 2
    assert again["day"]["taxes"]["total"]["total"] == 2 * TOTAL


def test_a_till_that_is_in_use_is_left_alone(demo_environment, command):
    settings = load_settings(component="cli")
    with DemoHouse(settings, tell=lambda _text: None).opened() as house, house.open_free_till(fresh=False) as till:
        cashier = next(each for each in house.people() if each["role"] == "cashier")
        for text in (cashier["code"], cashier["pin"], "100"):
            till.engine.handle(Command("enter", text))
        assert till.engine.mode is Mode.SELLING
        with house.open_free_till(fresh=False) as other:
            assert other.place.prefix == "Q2"
        till.engine.handle(Command("enter", "LEMON"))
    session.use_app(None)

    # The shift and the sale are still open, so the scripted day takes the next till.
    told = command("demo", "--json").json
    assert told["figures"]["first_receipt"] == "Q2-000001"
    with DemoHouse(settings, tell=lambda _text: None).opened() as house, house.open_free_till(fresh=False) as till:
        assert till.place.prefix == "Q1"
        assert till.journal.open_shift() is not None


def test_at_a_terminal_the_till_opens_signed_in_with_an_open_shift(demo_environment, command, monkeypatch):
    from primepos.cli.commands import demo
    from primepos.tui.till import app as screen

    seen = {}

    def sell_a_lemon(opener):
        with opener(lambda _count: None) as till:
            seen.update(mode=till.engine.mode, box=till.engine.box.lines, person=till.desk.person.name)
            till.engine.handle(Command("enter"))
            till.engine.handle(Command("enter", "LEMON"))
            till.engine.handle(Command("exact_cash"))
            till.delivery.flush()

    monkeypatch.setattr(screen, "run_till", sell_a_lemon)
    with DemoHouse(load_settings(component="cli"), tell=lambda _text: None).opened() as house:
        demo._open_till(house)
        pins = house.pins
        assert [each.total for each in house.run(list_sales, {}).items] == [45]
    assert (seen["mode"], seen["person"]) == (Mode.SELLING, "Aoife")
    assert all(any(pin in line for line in seen["box"]) for pin in pins.values())


@pytest.mark.slow
def test_two_that_start_at_once_both_sell_their_day(demo_environment):
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "primepos", "demo", "--json"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    finished = [(each.communicate(), each.returncode) for each in running]
    assert [code for _, code in finished] == [0, 0], [err for (_, err), _ in finished]
    told = [json.loads(out) for (out, _), _ in finished]
    assert [each["figures"]["total"] for each in told] == [TOTAL, TOTAL]
    assert all(each["books_hold"] for each in told)
    settings = load_settings(component="cli")
    with DemoHouse(settings, tell=lambda _text: None).opened() as house:
        assert len(house.run(list_sales, {"limit": 200}).items) == 2 * BOOKED


@pytest.mark.parametrize("environment", ["shop", "production"])
def test_a_real_shops_data_are_no_place_to_play(monkeypatch, tmp_path, environment):
    from primepos.cli.demo.house import NoPlaceForDemo, check_place
    from primepos.core.settings import Environment

    class Elsewhere:
        def __init__(self) -> None:
            self.environment = Environment(environment)

    with pytest.raises(NoPlaceForDemo):
        check_place(Elsewhere())


def test_a_demo_that_shares_its_server_is_not_thrown_away(demo_environment, command):
    assert command("demo", "reset", "--json").json["removed"] is False
    command("demo", "--json")
    asked = command("demo", "reset", "--json")
    assert asked.refusal["code"] == "CONFIRMATION_REQUIRED"
    refused = command("demo", "reset", "--yes", "--json")
    assert (refused.code, refused.refusal["code"]) == (6, "DEMO_NOT_ALONE")
    assert (demo_environment / "demo-pins.json").is_file()


@pytest.mark.slow
def test_the_demo_has_a_database_of_its_own_and_leaves_nothing_running(monkeypatch, tmp_path, command):
    for name in ("PRIMEPOS_ENV", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "a demo"
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(home))
    monkeypatch.chdir(tmp_path)
    from primepos.core.embedded.cluster import Cluster

    cluster = Cluster(home / "postgres")
    try:
        first = command("demo", "--json")
        assert first.json["figures"]["total"] == TOTAL, first.err
        assert "Building the tables" in first.err
        assert cluster.status().state == "stopped"
        assert command("demo", "--json").json["figures"]["shift"]["z_number"] == 2

        assert command("demo", "reset", "--yes", "--json").json["removed"] is True
        assert list((home / "till").glob("*-*")) == []
        assert not (home / "demo-pins.json").exists()
    finally:
        session.use_app(None)
        cluster.destroy()
