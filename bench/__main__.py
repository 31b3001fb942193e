"""``python -m bench``: measure, print the table, and say which gates hold."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.booking import measure

HOLDS = {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b}


def show(figures: dict[str, Any]) -> bool:
    """Print the figures; tell whether every gate holds."""
    print(f"{'':34}{'sales/s':>9}{'/pgbench':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'refused':>9}")
    for row in figures["rows"]:
        cells = [row["per_second"], row["of_pgbench"], row["p50_ms"], row["p99_ms"], row["cpu_ms"], row["refused"]]
        print(
            f"{row['name']:34}"
            + "".join(f"{'' if c is None else c:>{w}}" for c, w in zip(cells, (9, 10, 9, 9, 9, 9), strict=True))
        )
    print("\nrows inserted / updated per sale")
    for table, ours in figures["tuples"]["PrimePOS"].items():
        theirs = figures["tuples"]["pgbench"][table]
        print(f"{table:34}PrimePOS {ours[0]:g} / {ours[1]:g}   pgbench {theirs[0]:g} / {theirs[1]:g}")
    print()
    good = True
    for gate in figures["gates"]:
        holds = HOLDS[gate["how"]](gate["value"], gate["gate"])
        good = good and holds
        print(f"{'holds' if holds else 'FAILS':6}{gate['name']:38}{gate['value']!s:>8} {gate['how']} {gate['gate']}")
    return good


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep as many processes computing while the block runs: a machine that has other things to do as well."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--quick", action="store_true", help="two rounds of two seconds: for a look, not for a figure")
    parser.add_argument("--skip-django", action="store_true")
    parser.add_argument("--beside", type=int, default=0, metavar="N", help="keep N processes computing meanwhile")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    asked = parser.parse_args()
    rounds, seconds = (2, 2) if asked.quick else (asked.rounds, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="primepos-bench-") as folder, busy(asked.beside):
        figures = measure(Path(folder), rounds=rounds, seconds=seconds, with_django=not asked.skip_django)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    return 0 if show(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
