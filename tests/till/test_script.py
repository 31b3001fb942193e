"""Recorded shifts: the same keyboard and engine, played from a text; and the command around them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.till.errors import ScriptFailed
from primepos.till.keys import ACTIONS, NOT_TAKEN, Mode, card
from primepos.till.script import play
from tests.factories import rows
from tests.till.world import CASHIER, CASHIER_PIN

DAY = f"""
# a short day
type {CASHIER}
type {CASHIER_PIN}
type 100
type A-1
type 6*4006381333931
press F12
pause 45
type C-3
keys 5%
press F9
keys 5c
press Enter
press Esc Ctrl+E
type 120.49
press Enter Esc
"""


def test_a_recorded_day_sells_delivers_and_closes(world, clock):
    played = play(world.till, DAY, advance=clock.advance)
    assert len(played.receipts) == 2
    assert "TOTAL EUR" + "16,00".rjust(31) in played.receipts[0]
    assert "Card" + "5,00".rjust(36) in played.receipts[1]
    (report,) = played.reports
    assert "Z REPORT 1" in report
    assert "TOTAL EUR" + "25,49".rjust(31) in report
    found = rows(
        world.app,
        "SELECT total, sold_at FROM sales WHERE tenant_id = %s ORDER BY number",
        (world.shop.tenant_id,),
    )
    assert [each["total"] for each in found] == [1600, 949]
    assert found[1]["sold_at"] - found[0]["sold_at"] == timedelta(minutes=45)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("dance", "Line 1 (dance): a line begins with type, keys, press or pause"),
        ("press F13", "Line 1 (press F13): no key is called f13"),
        ("pause soon", "Line 1 (pause soon): a pause is a number of minutes"),
        (f"\ntype {CASHIER}\ntype {CASHIER_PIN}\ntype 0\ntype nope", "Line 5 (type nope): No product nope"),
    ],
)
def test_a_script_stops_at_the_first_line_that_fails(world, script, problem):
    with pytest.raises(ScriptFailed) as caught:
        play(world.till, script)
    assert str(caught.value) == problem


def test_every_named_key_of_the_card_can_be_pressed_by_a_script(till):
    till.scan("A-1")
    till.press("f12", "escape")
    for action in ACTIONS:
        if " " not in action.shown and action.name not in {"close_shift", "lock"}:
            play(till.till, f"press {action.shown}")
            till.press("escape", "escape", "escape")
    assert till.lines == []


def test_the_card_names_every_key_once_a_screen():
    text = card()
    for action in ACTIONS:
        assert (f"  {action.shown}" in text) is (action.name not in NOT_TAKEN), action.name
    assert all(len(line) <= 72 for line in text.splitlines())


def test_no_two_actions_share_a_key_in_a_mode():
    for mode in Mode:
        used = [action.key for action in ACTIONS if mode in action.modes]
        assert len(used) == len(set(used)), mode


@pytest.fixture
def at_a_shell(world):
    """The command line on the test's own App; the till is not open elsewhere."""
    world.till.close()
    session.use_app(world.app)
    yield world
    session.use_app(None)


def test_the_command_plays_a_script_and_prints_receipt_and_z(at_a_shell, tmp_path, capsys):
    file = tmp_path / "day.till"
    file.write_text(DAY)
    assert run(cli, ["till", "--tenant", at_a_shell.shop.slug, "--script", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("TOTAL EUR") == 2
    assert "Z REPORT 1" in shown


def test_a_till_that_does_not_exist_is_named(at_a_shell, tmp_path, capsys):
    file = tmp_path / "day.till"
    file.write_text(DAY)
    code = run(cli, ["till", "--tenant", at_a_shell.shop.slug, "--register", "till-9", "--script", str(file)])
    assert code == 5
    assert "error[NO_SUCH_TILL]: There is no such till" in capsys.readouterr().err


def test_without_a_terminal_the_till_says_what_to_do(capsys):
    assert run(cli, ["till"]) == 2
    assert "hint: Use --script FILE" in capsys.readouterr().err


def test_the_keys_are_printed_without_a_database(capsys):
    assert run(cli, ["till", "--keys"]) == 0
    assert capsys.readouterr().out.rstrip("\n") == card().rstrip("\n")
