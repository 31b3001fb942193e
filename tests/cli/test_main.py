"""The edge of the command line: every outcome becomes text on the right stream and the right exit code."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from primepos import __version__
from primepos.cli.exits import MEANINGS, ExitCode, exit_code_for, exit_code_table
from primepos.cli.lazy import LAZY
from primepos.cli.main import app as real_app
from primepos.cli.main import run, wants_json
from primepos.core.errors import (
    ApprovalRequired,
    BadConfiguration,
    Conflict,
    ErrorKind,
    InternalError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PrimePOSError,
    RuleViolation,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

ROOT = Path(__file__).resolve().parents[2]

REFUSALS = [
    (InvalidInput(), 2),
    (Unauthenticated(), 3),
    (PermissionDenied(permission="sale:void"), 4),
    (ApprovalRequired(permission="sale:refund"), 4),
    (NotFound(what="Sale"), 5),
    (Conflict(), 6),
    (RuleViolation(), 7),
    (TooManyRequests(retry_after_s=9), 8),
    (Unavailable(), 8),
    (BadConfiguration(), 78),
    (InternalError(), 70),
]


def an_app(outcome):
    """Build a command line with one group and one command that ends as told."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.callback()
    def root() -> None: ...

    @app.command()
    def act(count: int = 1, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        outcome()

    return app


def raising(error):
    def outcome():
        raise error

    return an_app(outcome)


@pytest.fixture(autouse=True)
def crash_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PRIMEPOS_DEBUG", raising=False)
    return tmp_path


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_of_refusal_has_an_exit_code_that_is_no_success(kind):
    assert exit_code_for(kind) > 0


def test_every_exit_code_is_explained_in_the_table():
    assert set(MEANINGS) == set(ExitCode)
    assert [line.split("|")[1].strip() for line in exit_code_table().splitlines()[2:]] == [
        str(code.value) for code in ExitCode
    ]


@pytest.mark.parametrize(("error", "code"), REFUSALS, ids=lambda value: getattr(value, "code", value))
def test_a_refusal_is_a_line_on_stderr_and_its_exit_code(capsys, error, code):
    assert run(raising(error), ["act"]) == code
    assert capsys.readouterr() == ("", f"error[{error.code}]: {error.message}\n")


def test_a_refusal_shows_its_problems_and_its_hint(capsys):
    error = InvalidInput(hint="See --help.", problems=[{"field": "price", "problem": "below zero"}, "odd"])
    assert run(raising(error), ["act"]) == 2
    assert capsys.readouterr().err == (
        "error[INVALID_INPUT]: The input is not valid\n  - price: below zero\n  - odd\nhint: See --help.\n"
    )


def test_a_refusal_with_json_is_an_object_on_stderr(capsys):
    assert run(raising(NotFound(what="Sale", hint="List them.")), ["act", "--json"]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {
        "code": "NOT_FOUND",
        "message": "Sale not found",
        "data": {"what": "Sale"},
        "hint": "List them.",
    }


def test_terminal_escapes_in_a_message_are_not_obeyed(capsys):
    run(raising(NotFound(what="\x1b[31mred\x07")), ["act"])
    assert capsys.readouterr().err == "error[NOT_FOUND]: �[31mred� not found\n"


def test_a_bug_is_written_to_the_crash_log_and_not_to_the_screen(capsys, crash_directory):
    assert run(raising(ZeroDivisionError("deep inside")), ["act"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[INTERNAL_ERROR]: Internal error\nhint: The details are in ")
    assert "deep inside" not in err
    (log,) = crash_directory.rglob("crash.log")
    assert "ZeroDivisionError: deep inside" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_bug_with_json_is_an_object_without_details(capsys):
    assert run(raising(ZeroDivisionError("deep inside")), ["act", "--json"]) == 70
    answer = json.loads(capsys.readouterr().err)
    assert (answer["code"], answer["message"], answer["data"]) == ("INTERNAL_ERROR", "Internal error", {})


def test_a_bug_shows_its_traceback_with_debug(capsys, monkeypatch):
    monkeypatch.setenv("PRIMEPOS_DEBUG", "1")
    assert run(raising(ZeroDivisionError("deep inside")), ["act"]) == 70
    assert "ZeroDivisionError: deep inside" in capsys.readouterr().err


def test_a_bug_without_a_writable_log_still_ends_well(capsys, monkeypatch, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    assert run(raising(ZeroDivisionError("deep inside")), ["act"]) == 70
    assert capsys.readouterr().err == "error[INTERNAL_ERROR]: Internal error\nhint: Run again with --debug to see it.\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (typer.Exit(7), 7),
        (typer.Abort(), 1),
        (SystemExit(3), 3),
        (SystemExit(None), 0),
        (SystemExit("said"), 1),
    ],
    ids=repr,
)
def test_other_ways_to_leave_keep_their_code(error, code):
    assert run(raising(error), ["act"]) == code


def test_success_is_zero_and_silent(capsys):
    assert run(an_app(lambda: None), ["act"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [["act", "--count", "many"], ["act", "--nonsense"], ["nonsense"]])
def test_a_usage_error_is_two_and_says_how_to_get_help(capsys, arguments):
    assert run(an_app(lambda: None), arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: primepos" in err
    assert "--help' for help" in err


def test_a_usage_error_with_json_is_an_object(capsys):
    assert run(an_app(lambda: None), ["act", "--json", "--count", "many"]) == 2
    answer = json.loads(capsys.readouterr().err)
    assert answer["code"] == "USAGE"
    assert "'--count'" in answer["message"]


def test_a_mistyped_command_is_answered_with_the_likely_one(capsys):
    assert run(real_app, ["sale"]) == 2
    assert "No such command 'sale'. Did you mean 'sales'" in capsys.readouterr().err


def test_a_command_unlike_any_is_answered_without_a_guess(capsys):
    assert run(real_app, ["xyzzy"]) == 2
    assert "No such command 'xyzzy'.\n" in capsys.readouterr().err


def test_help_lists_every_command_with_its_summary(capsys):
    assert run(real_app, ["--help"]) == 0
    out = capsys.readouterr().out
    for name, command in LAZY.items():
        assert f"  {name} " in out
        assert command.summary in out
    assert "Examples:" in out


def test_debug_before_the_command_reaches_the_edge(capsys, monkeypatch):
    monkeypatch.setenv("PRIMEPOS_DEBUG", "0")
    run(real_app, ["--debug", "nonsense"])
    assert os.environ["PRIMEPOS_DEBUG"] == "1"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["act", "--json"], True), (["act"], False), (["act", "--", "--json"], False), ([], False)],
)
def test_json_is_wanted_only_by_the_option(arguments, wanted):
    assert wants_json(arguments) is wanted


@pytest.mark.parametrize("command", [["--version"], ["--debug", "--version"]])
def test_version_is_printed_alone(command):
    answer = subprocess.run(
        [sys.executable, "-m", "primepos", *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (answer.stdout, answer.stderr) == (f"primepos {__version__}\n", "")


def test_a_reader_that_leaves_early_causes_no_noise():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        answer = subprocess.run(
            [sys.executable, "-m", "primepos", "--help"], cwd=ROOT, stdout=nobody, stderr=subprocess.PIPE, check=False
        )
    assert answer.stderr == b""
    assert answer.returncode == 1


def test_an_error_without_a_hint_of_its_class_keeps_json_small(capsys):
    run(raising(PrimePOSError()), ["act", "--json"])
    assert "hint" not in json.loads(capsys.readouterr().err)
