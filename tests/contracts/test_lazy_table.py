"""The table of commands holds string targets, which rot silently: every one is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from primepos.cli.lazy import LAZY, LazyGroup, load_command
from primepos.cli.main import app

COMMANDS = Path(__file__).resolve().parents[2] / "primepos" / "cli" / "commands"
FIRST_LIGHT = """
    init demo till serve worker env migrate db ops tenants users outlets registers devices taxes categories products
    stock sales shifts report import price barcode
""".split()


def leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield every command that can be run, with the words that call it."""
    children = getattr(command, "commands", {})
    if not children or command.invoke_without_command:
        yield path, command
    for name, child in children.items():
        yield from leaves(f"{path} {name}", child)


def test_the_table_holds_the_promised_commands():
    assert [name for name in LAZY if name in FIRST_LIGHT] == FIRST_LIGHT


@pytest.mark.parametrize("name", LAZY)
def test_every_target_is_a_typer_app_under_its_name(name):
    command = load_command(name)
    assert command.name == name


def test_every_command_module_is_in_the_table():
    modules = {f"primepos.cli.commands.{file.stem}:app" for file in COMMANDS.glob("*.py") if file.stem[0] != "_"}
    assert modules - {command.target for command in LAZY.values()} == set()


@pytest.mark.parametrize("name", LAZY)
def test_every_command_explains_itself_with_an_example(name):
    command = load_command(name)
    root = typer.main.get_command(app).make_context("primepos", [], resilient_parsing=True)
    silent = []
    for path, leaf in leaves(name, command):
        context = leaf.make_context(path, [], parent=root, resilient_parsing=True)
        text = leaf.get_help(context)
        if "Example" not in text or f"primepos {name}" not in text.partition("Example")[2]:
            silent.append(path)
    assert silent == []


@pytest.mark.parametrize("name", LAZY)
def test_every_option_of_every_command_has_help(name):
    silent = [
        f"{path} {parameter.name}"
        for path, leaf in leaves(name, load_command(name))
        for parameter in leaf.params
        if not getattr(parameter, "hidden", False) and not getattr(parameter, "help", None)
    ]
    assert silent == []


@pytest.mark.parametrize("name", LAZY)
def test_a_summary_fits_its_line(name):
    summary = LAZY[name].summary
    assert summary.endswith(".")
    assert len(summary) <= 60
    assert summary == LazyGroup(name="x").get_command(None, name).get_short_help_str(80)
