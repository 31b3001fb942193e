"""Pin the dependencies with hashes, within the ranges of pyproject.toml: `make lock`.

Writes requirements.lock (extras embedded and test) and, from it, requirements-embedded.lock (what a shop installs).
Both are made by Python 3.11, the oldest that PrimePOS supports, and name no package index.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--quiet",
    "--no-emit-find-links",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-header",
    "--no-annotate",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--resolver=backtracking",
]
HEADER = "# Made by `make lock` on Python {version}; do not edit.\n"


def main(arguments: list[str]) -> int:
    """Write both locks; `--upgrade` takes the newest versions that the ranges allow."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if sys.version_info[:2] != (3, 11):
        print(f"make the lock with Python 3.11, not {version}: PYTHON=python3.11 make lock", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        python = Path(scratch) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-tools>=7.5,<8"], check=True)
        whole, shop = "requirements.lock", "requirements-embedded.lock"
        compile_ = [python, "-m", "piptools", "compile", *OPTIONS, *arguments, "pyproject.toml"]
        subprocess.run([*compile_, "--extra", "embedded", "--extra", "test", "-o", whole], check=True, cwd=ROOT)
        # Seeded with the whole lock, pip-compile keeps its versions: the shop gets what the tests ran on.
        (ROOT / shop).write_text((ROOT / whole).read_text(encoding="utf-8"), encoding="utf-8")
        subprocess.run([*compile_, "--extra", "embedded", "-o", shop], check=True, cwd=ROOT)
    for name in (whole, shop):
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        if not text.startswith(HEADER[:10]):
            path.write_text(HEADER.format(version=version) + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
