"""The lint finds every bad migration, on its line, and leaves good ones alone; an outside linter is asked too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from primepos.adapters.migration_lint import lint
from primepos.adapters.migration_rules import RULES
from tests.adapters.bad_migrations import CASES, GOOD, whole

# What squawk 2.70 looks for when nothing is said; prefer-repack is for PostgreSQL 19 only.
SQUAWK = set(
    """adding-field-with-default adding-foreign-key-constraint adding-not-nullable-field adding-required-field
    adding-serial-primary-key-field ban-alter-domain-with-add-constraint ban-alter-identity ban-char-field
    ban-concurrent-index-creation-in-transaction ban-create-domain-with-constraint ban-drop-column ban-drop-constraint
    ban-drop-database ban-drop-default ban-drop-domain ban-drop-extension ban-drop-function
    ban-drop-generated-expression ban-drop-not-null ban-drop-schema ban-drop-sequence ban-drop-table ban-drop-type
    ban-drop-view ban-duplicate-column-assignments ban-set-schema ban-truncate-cascade ban-uncommitted-transaction
    changing-column-type constraint-missing-not-valid disallowed-unique-constraint identifier-too-long
    prefer-bigint-over-int prefer-bigint-over-smallint prefer-identity prefer-robust-stmts prefer-text-field
    prefer-timestamp-tz renaming-column renaming-object renaming-table require-concurrent-index-creation
    require-concurrent-index-deletion require-concurrent-partition-detach require-concurrent-reindex
    require-enum-value-ordering require-lock-timeout require-statement-timeout transaction-nesting""".split()
)


def squawk() -> str:
    """Return where squawk is; it comes with the extra `test`."""
    beside = Path(sys.executable).with_name("squawk")
    found = str(beside) if beside.exists() else shutil.which("squawk")
    if found is None:
        pytest.skip("squawk-cli is not installed: pip install squawk-cli")
    return found


def ask_squawk(*files: Path) -> dict[str, list[tuple[str, int]]]:
    """Return what squawk finds in each file: rule and line, counted from 1."""
    asked = [squawk(), "--reporter", "json", "--pg-version", "15", "--assume-in-transaction", *map(str, files)]
    ran = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert ran.returncode in {0, 1}, ran.stderr
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for each in json.loads(ran.stdout):
        found[Path(each["file"]).name].append((each["rule_name"], each["line"] + 1))
    return found


def written(folder: Path, cases: list[tuple[str, str]]) -> dict[str, Path]:
    files = {}
    for name, sql in cases:
        files[name] = folder / f"{name.replace(' ', '_').replace(',', '')}.sql"
        files[name].write_text(whole(sql), encoding="utf-8")
    return files


@pytest.mark.parametrize(("name", "sql", "ours"), [case[:3] for case in CASES], ids=[case[0] for case in CASES])
def test_each_bad_migration_breaks_exactly_the_rules_it_was_made_for(tmp_path, name, sql, ours):
    (file,) = written(tmp_path, [(name, sql)]).values()
    assert {each.rule for each in lint([file]).findings} == ours


@pytest.mark.parametrize(("name", "sql"), GOOD, ids=[case[0] for case in GOOD])
def test_a_good_migration_breaks_none(tmp_path, name, sql):
    (file,) = written(tmp_path, [(name, sql)]).values()
    assert [str(each) for each in lint([file]).findings] == []


def test_every_rule_is_broken_by_a_case():
    assert set().union(*(case[2] for case in CASES)) == RULES.keys()


def test_whatever_squawk_finds_in_a_bad_migration_we_find_too_on_the_same_line(tmp_path):
    cases = [(case[0], case[1]) for case in CASES]
    files = written(tmp_path, cases)
    theirs = ask_squawk(*files.values())
    missed, seen = [], set()
    for name, file in files.items():
        ours = {(each.rule, each.line) for each in lint([file]).findings}
        for rule, line in theirs[file.name]:
            seen.add(rule)
            if rule.startswith("ban-drop-") and "phase contract" in file.read_text():
                continue  # a contract may, when its labels are right: squawk knows no phases
            ids = {each.id for each in RULES.values() if rule in each.squawk}
            if not ids & {mine for mine, at in ours if at == line or rule == "ban-uncommitted-transaction"}:
                missed.append((name, rule, line))
    assert missed == []
    assert SQUAWK - seen == set(), "a rule of squawk that no case breaks"
    assert seen <= SQUAWK


def test_each_case_is_found_by_the_rules_of_squawk_it_was_made_for(tmp_path):
    files = written(tmp_path, [(case[0], case[1]) for case in CASES])
    theirs = ask_squawk(*files.values())
    lacking = {case[0]: case[3] - {rule for rule, _ in theirs[files[case[0]].name]} for case in CASES}
    assert {name: rules for name, rules in lacking.items() if rules} == {}
