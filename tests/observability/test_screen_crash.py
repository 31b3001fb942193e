"""A till that crashes tells its bug to the command line's edge, and prints nothing of what was typed."""

from __future__ import annotations

import sys

import pytest
import typer

from primepos.cli.main import run
from primepos.tui.base import PrimeApp
from primepos.tui.till.app import TillApp, run_till

PIN = "83619452"


@pytest.fixture
def headless(monkeypatch):
    real = PrimeApp.run
    monkeypatch.setattr(PrimeApp, "run", lambda self: real(self, headless=True))


def crash() -> None:
    typed = PIN
    raise RuntimeError(f"drawn wrongly after {len(typed)} keys")


def test_a_crash_prints_no_variable(headless, capfd):
    class Broken(PrimeApp[None]):
        def on_mount(self) -> None:
            typed = PIN
            crash()
            assert typed

    app = Broken()
    app.run()
    assert isinstance(app.crash, RuntimeError)
    out, err = capfd.readouterr()
    assert PIN not in out + err


def test_the_bug_of_a_till_is_reported_like_any_other(headless, monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(TillApp, "on_mount", lambda _self: crash())
    cli = typer.Typer()

    @cli.command()
    def till() -> None:
        run_till(lambda _progress: sys.exit("never opened"))

    assert run(cli, []) == 70
    out, err = capfd.readouterr()
    assert "error[INTERNAL_ERROR]" in err
    log = next(tmp_path.rglob("crash.log")).read_text(encoding="utf-8")
    assert "RuntimeError: drawn wrongly after 8 keys" in log
    assert PIN not in out + err + log
