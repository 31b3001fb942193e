"""Make the virtual environment of this checkout and keep it up to date.

    python3 scripts/venv.py DIRECTORY [EXTRA...]

Called by the Makefile and by .ci/run. Needs nothing but Python. A second call finds the stamp and ends at once;
two calls at a time wait for each other. Installs from the lock (with hashes) and falls back to the ranges of
pyproject.toml where the lock does not fit this Python or platform.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST = (3, 11)
LOCKS = {"embedded": "requirements-embedded.lock", "test": "requirements.lock"}


def main(arguments: list[str]) -> int:
    """Bring the environment in ``arguments[0]`` up to date with the extras that follow; return the exit code."""
    if sys.version_info < LEAST:
        return run_with_newer_python(arguments)
    directory, extras = Path(arguments[0]).absolute(), sorted(set(arguments[1:]))
    wanted = fingerprint(extras)
    if is_current(directory, wanted):
        return 0
    try:
        with exclusive(directory.with_name(directory.name + ".lock")):
            # The one who held the lock before may have done the work.
            if is_current(directory, wanted):
                return 0
            return build(directory, extras, wanted)
    except PermissionError as error:
        print(
            f"{error.filename} belongs to another account. Use an environment of your own:  make VENV=.venv-mine ...",
            file=sys.stderr,
        )
        return 2


def build(directory: Path, extras: list[str], wanted: set[str]) -> int:
    """Create the environment if it is not there or broken, install, and leave a stamp."""
    python = python_of(directory)
    # The scripts of an environment name its path: a checkout that was moved gets a new one.
    moved = bool(stamp_of(directory)) and f"at:{ROOT}" not in stamp_of(directory)
    if moved or not works(python):
        print(f"Making a virtual environment in {directory.name} ...", file=sys.stderr)
        if directory.exists():
            shutil.rmtree(directory)
        if not create(directory):
            return 2
    elif "extra:test" in stamp_of(directory):
        # `make demo` after `make test` must not take the test tools away.
        extras = sorted({*extras, "test"})
        wanted = fingerprint(extras)
    print(f"Installing PrimePOS ({', '.join(extras) or 'no extras'}) ...", file=sys.stderr)
    if not install(python, extras):
        return 2
    (directory / ".primepos-stamp").write_text("\n".join(sorted(wanted)), encoding="utf-8")
    return 0


def create(directory: Path) -> bool:
    """Create an environment with pip in it, by venv or else by virtualenv; say what to do if neither is there."""
    made = subprocess.run([sys.executable, "-m", "venv", str(directory)], check=False, capture_output=True, text=True)
    if made.returncode == 0:
        return True
    shutil.rmtree(directory, ignore_errors=True)
    other = subprocess.run(
        [sys.executable, "-m", "virtualenv", "--quiet", str(directory)], check=False, capture_output=True, text=True
    )
    if other.returncode == 0:
        return True
    shutil.rmtree(directory, ignore_errors=True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(
        f"This Python ({sys.executable}) cannot make virtual environments:\n{made.stdout}{made.stderr}\n"
        f"Debian and Ubuntu keep that part in a package of its own:  apt install python{version}-venv",
        file=sys.stderr,
    )
    return False


def install(python: Path, extras: list[str]) -> bool:
    """Install the dependencies from the lock, or by range where that fails, then this checkout in place."""
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    lock = LOCKS["test" if "test" in extras else "embedded"]
    named = f".[{','.join(extras)}]" if extras else "."
    if (ROOT / lock).exists():
        locked = subprocess.run([*pip, "install", "--require-hashes", "-r", lock], check=False, cwd=ROOT)
        if locked.returncode == 0:
            here = subprocess.run([*pip, "install", "--no-deps", "-e", named], check=False, cwd=ROOT)
            complete = subprocess.run([*pip, "check"], check=False, cwd=ROOT)
            if here.returncode == 0 and complete.returncode == 0:
                return True
        print("The lock does not fit here; installing by the ranges of pyproject.toml ...", file=sys.stderr)
    return subprocess.run([*pip, "install", "-e", named], check=False, cwd=ROOT).returncode == 0


def fingerprint(extras: list[str]) -> set[str]:
    """Return what an up-to-date environment was made from."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", *LOCKS.values()):
        path = ROOT / name
        digest.update(path.read_bytes() if path.exists() else b"-")
    return {f"from:{digest.hexdigest()}", f"at:{ROOT}", *(f"extra:{extra}" for extra in extras)}


def stamp_of(directory: Path) -> set[str]:
    """Return what the environment was made from; nothing if it is not there."""
    try:
        return set((directory / ".primepos-stamp").read_text(encoding="utf-8").splitlines())
    except OSError:
        return set()


def is_current(directory: Path, wanted: set[str]) -> bool:
    """Tell whether the environment holds at least what is wanted and its Python still runs."""
    return wanted <= stamp_of(directory) and works(python_of(directory))


def python_of(directory: Path) -> Path:
    """Return the interpreter of an environment."""
    return directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(python: Path) -> bool:
    """Tell whether an interpreter starts; a moved or upgraded system Python leaves dead links."""
    try:
        return subprocess.run([str(python), "-c", "import pip"], check=False, capture_output=True).returncode == 0
    except OSError:
        # Not there, or made by root from a Python that this account may not read.
        return False


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting as long as another process does; the file stays, or a third could lock a new one."""
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_with_newer_python(arguments: list[str]) -> int:
    """Run this script by the newest Python on the path that is new enough."""
    for minor in range(20, LEAST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return subprocess.run([found, __file__, *arguments], check=False).returncode
    print("PrimePOS needs Python 3.11 or newer; none is on the path.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: venv.py DIRECTORY [EXTRA...]")
    sys.exit(main(sys.argv[1:]))
