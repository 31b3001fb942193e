"""The example workflow: each of its commands that needs no network is run, in a copy of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.evidence import write_evidence
from tests.deploy.world import GOOD_ENVIRONMENT, ROOT, a_project

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "deploy/ci/github.yml").read_text(encoding="utf-8"))
STEPS: dict[str, list[dict[str, Any]]] = {name: job["steps"] for name, job in WORKFLOW["jobs"].items()}
# The start of each command that is not run here, and why.
NOT_RUN = {
    ".ci/run": "is this very suite",
    "pipx run pip-audit": "asks for advisories over the network",
    "pip install": "needs a package index",
    "curl --fail": "asks the platform to deploy",
    "for attempt": "asks the running deployment",
    'primepos check-deploy --url "$API_URL"': "asks the running deployment",
}


def is_run(step: dict[str, Any]) -> bool:
    return "run" in step and not step["run"].startswith(tuple(NOT_RUN))


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, Any]:
    """A machine of the platform: a checkout, a place for secrets, a summary, and primepos on the path."""
    project, temp, tools = tmp_path / "project", tmp_path / "temp", tmp_path / "bin"
    for folder in (project, temp, tools, project / "reports"):
        folder.mkdir()
    a_project(project)
    write_evidence(project, project / "reports")
    (tools / "primepos").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m primepos "$@"\n')
    (tools / "primepos").chmod(0o755)
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        "cwd": project,
        "env": {
            **kept,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "RUNNER_TEMP": str(temp),
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
            "PRODUCTION_ENV": settings(),
        },
    }


def settings(**changed: str) -> str:
    return "\n".join(f"{name}={text}" for name, text in {**GOOD_ENVIRONMENT, **changed}.items())


def run_job(name: str, runner: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Run the commands of a job as the platform does; return name, exit code and output of each."""
    done: list[tuple[str, int, str]] = []
    for step in STEPS[name]:
        if not is_run(step):
            continue
        if any(code for _, code, _ in done) and step.get("if") != "always()":
            continue
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            capture_output=True, text=True, check=False, **runner,
        )  # fmt: skip
        done.append((step["name"], ran.returncode, ran.stdout + ran.stderr))
    return done


def test_the_gate_of_the_example_lets_the_good_deployment_through(runner):
    done = run_job("gate", runner)
    assert [(name, code) for name, code, _ in done] == [
        ("Take over the settings, readable by this job alone", 0),
        ("Go or no-go", 0),
        ("Say it beside the lines", 0),
        ("Say it in the summary", 0),
        ("Write it for code scanning", 0),
    ], done
    project: Path = runner["cwd"]
    report = json.loads((project / "gate.json").read_text())
    assert report["verdict"] in {"GO", "CONDITIONAL GO"}
    assert "::notice title=check-deploy::" in done[2][2]
    assert Path(runner["env"]["GITHUB_STEP_SUMMARY"]).read_text().startswith(f"## {report['verdict']}")
    assert json.loads((project / "gate.sarif").read_text())["version"] == "2.1.0"
    assert (Path(runner["env"]["RUNNER_TEMP"]) / "production.env").stat().st_mode & 0o077 == 0


def test_the_gate_of_the_example_stops_a_deployment_that_is_not_fit(runner):
    runner["env"]["PRODUCTION_ENV"] = settings(DEBUG="True")
    done = run_job("gate", runner)
    assert [code for _, code, _ in done] == [0, 1, 0, 0, 0]
    assert "title=ENV004" in done[2][2]


def test_every_command_is_run_or_has_its_reason():
    commands = [step["run"] for steps in STEPS.values() for step in steps if "run" in step]
    assert [start for start in NOT_RUN if not any(one.startswith(start) for one in commands)] == []
    assert sum(is_run(step) for steps in STEPS.values() for step in steps) == 5


def test_a_deployment_waits_for_the_gate_and_the_gate_for_the_tests():
    assert WORKFLOW["jobs"]["deploy"]["needs"] == "gate"
    assert WORKFLOW["jobs"]["gate"]["needs"] == "test"


def test_the_options_of_the_commands_that_are_not_run_exist(runner):
    (command,) = [one["run"] for one in STEPS["deploy"] if one.get("name") == "Ask the running deployment"]
    nowhere = {**runner["env"], "API_URL": "http://127.0.0.1:9", "FRONTEND_URL": "http://127.0.0.1:9"}
    ran = subprocess.run(
        ["bash", "-c", command], cwd=runner["cwd"], env=nowhere, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3, ran.stderr
    assert "does not answer" in ran.stdout
