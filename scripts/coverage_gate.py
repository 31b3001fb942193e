"""Fail if too little of the package was run by the tests; write reports/coverage.xml.

The wanted figures are in pyproject.toml, [tool.primepos.coverage]: `overall` is the least percentage of branches
(and of statements and branches together) over all, `files` maps a pattern to the same figure for each file it matches.
"""

from __future__ import annotations

import fnmatch
import json
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def percent(covered: int, total: int) -> float:
    """Return how much of the total is covered; all of nothing is covered."""
    return 100.0 if total == 0 else 100.0 * covered / total


def figures(summary: dict[str, Any]) -> tuple[float, float]:
    """Return the percentage of branches, and of statements and branches together, of a coverage summary."""
    branches = percent(summary["covered_branches"], summary["num_branches"])
    both = percent(
        summary["covered_lines"] + summary["covered_branches"], summary["num_statements"] + summary["num_branches"]
    )
    return branches, both


def problems(measured: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return a line for every figure that is missed, and for every pattern that matches no file."""
    found = []
    branches, both = figures(measured["totals"])
    if min(branches, both) < wanted["overall"]:
        found.append(f"overall: {branches:.1f} % of branches, {both:.1f} % in all; wanted {wanted['overall']} %")
    for pattern, least in wanted["files"].items():
        files = [name for name in measured["files"] if fnmatch.fnmatch(name.replace("\\", "/"), pattern)]
        if not files:
            found.append(f"{pattern}: matches no file that was measured")
        for name in files:
            branches, both = figures(measured["files"][name]["summary"])
            if min(branches, both) < least:
                lines = ", ".join(map(str, measured["files"][name]["missing_lines"])) or "none"
                jumps = ", ".join(f"{a}->{b}" for a, b in measured["files"][name].get("missing_branches", [])) or "none"
                found.append(f"{name}: {both:.1f} %, wanted {least} %; lines missed: {lines}; branches missed: {jumps}")
    return found


def main() -> int:
    """Judge the data in .coverage; return 1 if a figure is missed."""
    import coverage

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["primepos"]["coverage"]
    measurement = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    measurement.load()
    (ROOT / "reports").mkdir(exist_ok=True)
    measurement.xml_report(outfile=str(ROOT / "reports" / "coverage.xml"))
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "coverage.json"
        measurement.json_report(outfile=str(report))
        measured = json.loads(report.read_text(encoding="utf-8"))
    branches, both = figures(measured["totals"])
    print(f"coverage: {branches:.1f} % of branches, {both:.1f} % of statements and branches")
    missed = problems(measured, wanted)
    for line in missed:
        print(f"coverage gate: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
