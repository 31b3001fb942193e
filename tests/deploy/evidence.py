"""What a pipeline has written by the time the gate runs: tests that passed, lines they ran, no known hole."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

from primepos.deploy.catalogue.application import supplies
from tests.deploy.world import NOW, git


def write_evidence(project: Path, into: Path) -> None:
    """Write the reports of a run over the project's commit, made the day before the judgement."""
    commit = git(project, "rev-parse", "HEAD").strip()
    (into / "junit.xml").write_text(
        '<testsuites><testsuite tests="9" failures="0" errors="0" skipped="0"><properties>'
        f'<property name="commit" value="{commit}"/></properties></testsuite></testsuites>'
    )
    (into / "coverage.xml").write_text('<coverage lines-valid="100" lines-covered="92"/>')
    pinned = supplies.locked((project / "requirements.lock").read_text())
    told = [{"name": name, "version": version, "vulns": []} for _, name, version, _ in pinned]
    (into / supplies.AUDIT).write_text(json.dumps({"dependencies": told, "fixes": []}))
    for file in into.iterdir():
        at = (NOW - timedelta(days=1)).timestamp()
        os.utime(file, (at, at))
