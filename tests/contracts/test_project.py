"""What the project promises as a package: reasons, locks, a complete wheel, honest gates, living links."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts import coverage_gate, docs, venv

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-embedded.lock")


def normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def declared() -> dict[str, set[str]]:
    extras = PROJECT["project"]["optional-dependencies"]
    return {
        "Always installed": {normal(name) for name in PROJECT["project"]["dependencies"]},
        **{f"Extra `{extra}`": {normal(name) for name in names} for extra, names in extras.items()},
    }


def test_every_dependency_has_a_reason_and_every_reason_a_dependency():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    given = {}
    for section in page.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        rows = re.findall(r"^\| ([\w-]+) \| (.{10,}) \|$", body, re.MULTILINE)
        given[title] = {normal(name) for name, _ in rows}
    assert given == declared()


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_pins_every_line_with_a_hash_and_names_no_index(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^(\S.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    pins = [block for block in blocks if not block.startswith("#")]
    assert pins
    assert [block for block in pins if "==" not in block or "--hash=sha256:" not in block] == []
    assert not re.search(r"index|://|find-links|trusted", text)


def test_the_locks_hold_what_is_declared_and_agree():
    def pinned(name):
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    whole, shop = map(pinned, LOCKS)
    wanted = declared()
    assert set().union(*wanted.values()) - {normal(name) for name in whole} == set()
    assert wanted["Always installed"] | wanted["Extra `embedded`"] <= {normal(name) for name in shop}
    assert shop.items() <= whole.items()


@pytest.mark.slow
def test_a_wheel_holds_the_migrations_and_everything_else_the_package_needs(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = next(archive.read(name).decode() for name in names if name.endswith("METADATA"))
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "primepos").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    migrations = {
        f"primepos/_migrations/{path.relative_to(ROOT / 'migrations').as_posix()}"
        for path in (ROOT / "migrations").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "primepos/_migrations/env.py" in migrations
    assert (package | migrations) - names == set()
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "bench/"))]
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_wheel_works_in_an_empty_environment(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "empty")], check=True)
    python = tmp_path / "empty" / "bin" / "python"
    lock = ROOT / "requirements-embedded.lock"
    subprocess.run([python, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", *tmp_path.glob("*.whl")], check=True)
    primepos = tmp_path / "empty" / "bin" / "primepos"
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_DATA_HOME": str(tmp_path / "data")}
    for command in (["--version"], ["--help"], ["migrate", "plan"], ["migrate", "up"], ["db", "stop"]):
        answer = subprocess.run(
            [primepos, *command], cwd=tmp_path, env=home, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, (command, answer.stdout, answer.stderr)


def summary(lines: tuple[int, int], branches: tuple[int, int]) -> dict:
    return {
        "covered_lines": lines[0],
        "num_statements": lines[1],
        "covered_branches": branches[0],
        "num_branches": branches[1],
    }


def measured(total, files):
    return {
        "totals": total,
        "files": {
            name: {"summary": figures, "missing_lines": [3], "missing_branches": [[3, 5]]}
            for name, figures in files.items()
        },
    }


WANTED = {"overall": 80, "files": {"primepos/pricing/**": 100}}
FULL = summary((10, 10), (4, 4))


def test_the_coverage_gate_passes_what_is_covered():
    assert (
        coverage_gate.problems(measured(summary((80, 100), (8, 10)), {"primepos/pricing/cart.py": FULL}), WANTED) == []
    )


def test_the_coverage_gate_counts_branches_on_their_own():
    few = summary((1000, 1000), (79, 100))
    (line,) = coverage_gate.problems(measured(few, {"primepos/pricing/cart.py": FULL}), WANTED)
    assert line == "overall: 79.0 % of branches, 98.1 % in all; wanted 80 %"


def test_the_coverage_gate_names_lines_and_branches_missed_in_a_full_file():
    files = {"primepos/pricing/cart.py": summary((9, 10), (4, 4)), "primepos/cli/main.py": summary((0, 9), (0, 4))}
    (line,) = coverage_gate.problems(measured(FULL, files), WANTED)
    assert line == "primepos/pricing/cart.py: 92.9 %, wanted 100 %; lines missed: 3; branches missed: 3->5"


def test_the_coverage_gate_refuses_a_pattern_without_files():
    assert coverage_gate.problems(measured(FULL, {}), WANTED) == [
        "primepos/pricing/**: matches no file that was measured"
    ]


def test_a_file_without_branches_counts_as_covered():
    assert coverage_gate.figures(summary((0, 0), (0, 0))) == (100.0, 100.0)


def test_the_gate_of_this_project_is_the_promised_one():
    assert PROJECT["tool"]["primepos"]["coverage"] == {
        "overall": 80,
        "files": {
            "primepos/pricing/**": 100,
            "primepos/domain/sales/booking*.py": 100,
            "primepos/domain/sales/posting.py": 100,
        },
    }


def test_generated_pages_are_up_to_date():
    stale = [name for name, make in docs.PAGES.items() if (ROOT / name).read_text(encoding="utf-8") != make()]
    assert stale == []


def test_no_link_of_a_page_is_dead():
    assert docs.dead_links(ROOT) == []


def test_a_dead_link_is_found_and_code_and_the_web_are_let_be(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a page.md").write_text("[up](../README.md#top) [here](#x) [gone](gone.md)")
    (tmp_path / "README.md").write_text(
        "[page](docs/a%20page.md) [web](https://example.org/x) `[code](no.md)`\n```\n[fenced](no.md)\n```\n"
    )
    assert docs.dead_links(tmp_path) == ["docs/a page.md: gone.md"]


def test_an_environment_is_current_only_with_what_is_wanted(tmp_path):
    environment = tmp_path / "an environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    wanted = venv.fingerprint(["embedded"])
    assert not venv.is_current(environment, wanted)
    (environment / ".primepos-stamp").write_text("\n".join(venv.fingerprint(["embedded", "test"])))
    assert venv.is_current(environment, wanted)
    assert not venv.is_current(environment, venv.fingerprint(["embedded", "more"]))
    (environment / "bin" / "python").unlink()
    assert not venv.is_current(environment, wanted)
