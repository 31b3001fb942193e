"""CPU of starting the command line, beside a bare Python and `django-admin --version`, interleaved in one run.

    python bench/cold_start.py [--runs N] [--django PATH/TO/django-admin]

Without --django, Django is looked for on the PATH; without it that row is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path


def cpu_ms(command: list[str]) -> float:
    """Return the user and system CPU of one run of a command, in milliseconds."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> int:
    """Print the medians and the ratio the design asks for; return 1 if `--help` costs more than Django's version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--django", default=shutil.which("django-admin"))
    options = parser.parse_args()
    script = str(Path(sys.executable).with_name("primepos"))
    own = [script] if Path(script).exists() else [sys.executable, "-m", "primepos"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "primepos --version": [*own, "--version"],
        "primepos --help": [*own, "--help"],
    }
    if options.django:
        commands["django-admin --version"] = [options.django, "--version"]
    for command in commands.values():
        cpu_ms(command)
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            measured[name].append(cpu_ms(command))
    medians = {name: statistics.median(values) for name, values in measured.items()}
    print(f"{'CPU of a start, median of ' + str(options.runs):<34}{'ms':>8}{'x python':>10}")
    for name, value in medians.items():
        print(f"{name:<34}{value:>8.1f}{value / medians['python -c pass']:>10.2f}")
    if "django-admin --version" not in medians:
        print("django-admin is not on the path: no comparison")
        return 0
    ratio = medians["primepos --help"] / medians["django-admin --version"]
    print(f"primepos --help is {ratio:.2f} x django-admin --version (gate 1.00)")
    return 1 if ratio > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
