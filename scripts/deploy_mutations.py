"""Run the tests of the deploy gate and print how many faults were put before each check, and how many it found.

    python scripts/deploy_mutations.py [--each] [PYTEST ARGUMENTS, tests/deploy by default]

A fault counts as found when a test saw the real check fail; two tests with the same evidence are one fault. Tests that
fail are told, and make the exit code 1.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


class Watch:
    """Notes what each check of the catalogue says while the tests run."""

    def __init__(self) -> None:
        self.faults: dict[str, set[str]] = defaultdict(set)
        self.passes: dict[str, int] = defaultdict(int)

    def pytest_sessionstart(self) -> None:
        """Put the watching in front of every check."""
        from primepos.deploy import check as checks

        for one in checks.catalogue():
            checks._CHECKS[one.id] = replace(one, run=self._watched(one.id, one.run))  # noqa: SLF001 - its registry

    def _watched(self, check_id: str, run: Any) -> Any:
        from primepos.deploy.check import Status

        @wraps(run)
        def watched(target: Any) -> Any:
            outcome = run(target)
            if outcome.status is Status.FAIL:
                self.faults[check_id].add(outcome.evidence)
            elif outcome.status is Status.PASS:
                self.passes[check_id] += 1
            return outcome

        return watched


def table(watch: Watch, *, each: bool) -> str:
    """Return the table by area, or with ``each`` a line for every check."""
    from primepos.deploy.check import Area, catalogue

    checks = catalogue()
    lines = ["| area | checks | built | with a fault found | faults found |", "|---|---:|---:|---:|---:|"]
    for area in Area:
        here = [one for one in checks if one.area is area]
        found = [len(watch.faults[one.id]) for one in here]
        built = sum(one.unbuilt is None for one in here)
        lines.append(f"| {area.value} | {len(here)} | {built} | {sum(map(bool, found))} | {sum(found)} |")
    found = [len(watch.faults[one.id]) for one in checks]
    built = sum(one.unbuilt is None for one in checks)
    lines.append(f"| all | {len(checks)} | {built} | {sum(map(bool, found))} | {sum(found)} |")
    if each:
        lines += ["", "| check | faults found | passed |", "|---|---:|---:|"]
        lines += [f"| {one.id} | {len(watch.faults[one.id])} | {watch.passes[one.id]} |" for one in checks]
    missed = [one.id for one in checks if one.unbuilt is None and not watch.faults[one.id]]
    if missed:
        lines += ["", f"Never seen to fail: {', '.join(missed)}"]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the tests and print the table; return 1 when a test failed or a built check was never seen to fail."""
    from primepos.deploy.check import catalogue

    each = "--each" in arguments
    more = [one for one in arguments if one != "--each"]
    watch = Watch()
    code = pytest.main(
        [
            "-q",
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            *(more or ["tests/deploy"]),
        ],
        plugins=[watch],
    )
    print(table(watch, each=each))
    return 1 if code or any(one.unbuilt is None and not watch.faults[one.id] for one in catalogue()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
