"""Never-rule 12: what starts fast must not load what is slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "alembic",
    "environs",
    "httpx",
    "litestar",
    "opentelemetry",
    "procrastinate",
    "prometheus_client",
    "psycopg",
    "rich",
    "sentry_sdk",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
    "textual",
}
# Typer itself converts values with it, once a command line is more than a question for help.
CONVERSION = {"pydantic"}

PROBE = """
import json, sys
from primepos.__main__ import main
code = 0
try:
    main()
except SystemExit as leaving:
    code = leaving.code or 0
sys.stdout.flush()
sys.stderr.write("LOADED" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded_by(*arguments: str, **variables: str) -> tuple[int, set[str], str]:
    """Run primepos in a process of its own; return its exit code, the packages it loaded and its stdout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "_PRIMEPOS"))}
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(answer.stderr.rpartition("LOADED")[2])
    return code, set(names), answer.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), (), ("--debug", "--version")])
def test_help_loads_no_heavy_package(arguments):
    _, names, _ = loaded_by(*arguments)
    assert names & (HEAVY | CONVERSION) == set()


def test_a_command_that_does_not_exist_loads_no_heavy_package():
    code, names, _ = loaded_by("nonsense")
    assert code == 2
    assert names & HEAVY == set()


def test_version_is_answered_before_typer_is_loaded():
    code, names, out = loaded_by("--version")
    assert code == 0
    assert out.startswith("primepos ")
    assert names & {*HEAVY, "typer", "msgspec", "traceback"} == set()


def test_completion_of_a_command_name_loads_no_heavy_package():
    code, names, out = loaded_by(
        _PRIMEPOS_COMPLETE="complete_bash", COMP_WORDS="primepos sa", COMP_CWORD="1", _TYPER_COMPLETE_ARGS="primepos sa"
    )
    assert code == 0
    assert out.split() == ["sales"]
    assert names & HEAVY == set()


@pytest.mark.parametrize("module", ["primepos", "primepos.core", "primepos.domain", "primepos.pricing", "primepos.cli"])
def test_a_package_root_loads_nothing(module):
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, {module}; print(sorted(n for n in sys.modules if n.startswith('primepos')))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    parts = module.split(".")
    assert json.loads(answer.stdout.replace("'", '"')) == [".".join(parts[: n + 1]) for n in range(len(parts))]
