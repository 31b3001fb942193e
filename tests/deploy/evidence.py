"""What a pipeline has written by the time the gate runs: tests that passed, lines they ran, no known hole."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path

from tests.deploy.world import NOW, git

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def write_evidence(project: Path, into: Path) -> None:
    """Write the reports of a run over the project's commit, made the day before the judgement."""
    commit = git(project, "rev-parse", "HEAD").strip()
    (into / "junit.xml").write_text(
        '<testsuites><testsuite tests="9" failures="0" errors="0" skipped="0"><properties>'
        f'<property name="commit" value="{commit}"/></properties></testsuite></testsuites>'
    )
    (into / "coverage.xml").write_text('<coverage lines-valid="100" lines-covered="92"/>')
    pinned = _PIN.findall((project / "requirements.lock").read_text())
    told = [{"name": name, "version": version, "vulns": []} for name, version in pinned]
    (into / "pip-audit.json").write_text(json.dumps({"dependencies": told, "fixes": []}))
    for file in into.iterdir():
        at = (NOW - timedelta(days=1)).timestamp()
        os.utime(file, (at, at))
