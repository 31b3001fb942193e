"""Run the whole suite with its long tests, then again on every installed PostgreSQL that is supported.

python scripts/check_long.py [PYTEST ARGUMENT...]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = range(15, 19)
HOMES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")


def installed() -> dict[str, str]:
    """Return the binary directories of the supported servers on this machine, by version."""
    homes = {str(version): [home.format(version) for home in HOMES] for version in SUPPORTED}
    return {version: home for version, places in homes.items() for home in places if (Path(home) / "initdb").exists()}


def main(arguments: list[str]) -> int:
    """Return 0 if every run passed."""
    runs = {
        "the packaged PostgreSQL": {},
        **{f"PostgreSQL {v}": {"PRIMEPOS_PG_BIN": b} for v, b in installed().items()},
    }
    failed = []
    (ROOT / "reports").mkdir(exist_ok=True)
    for number, (name, variables) in enumerate(runs.items()):
        print(f"== the suite on {name}", flush=True)
        junit = f"--junitxml=reports/junit-long-{number}.xml"
        command = [sys.executable, "-m", "pytest", "-m", "long or not long", junit, *arguments]
        if subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, **variables}).returncode != 0:
            failed.append(name)
    if "15" not in installed():
        print("PostgreSQL 15 is not installed here: not tested on it (on Debian 12: apt install postgresql-15)")
    for name in failed:
        print(f"failed on {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
