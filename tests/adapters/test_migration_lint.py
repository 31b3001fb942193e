"""The lint finds every bad migration, on its line, and leaves good ones alone; an outside linter is asked too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from primepos.adapters import migration_files
from primepos.adapters.migration_errors import MigrationUnreadable, SqlParserMissing
from primepos.adapters.migration_lint import Report, lint, start_after
from primepos.adapters.migration_rules import RULES, Severity
from tests.adapters.bad_migrations import CASES, GOOD, LABELS, LIMITS, whole
from tests.adapters.channel_revisions import copy_migrations, write

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
        pytest.fail("squawk-cli is missing; it comes with the extra test")
    return found


def ask_squawk(*files: Path, own_transactions: bool = False) -> dict[str, list[tuple[str, int]]]:
    """Return what squawk finds in each file: rule and line, counted from 1."""
    asked = [squawk(), "--reporter", "json", "--pg-version", "15", *map(str, files)]
    asked += [] if own_transactions else ["--assume-in-transaction"]
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


def test_a_validated_check_of_an_earlier_file_lets_a_column_become_required(tmp_path):
    files = written(
        tmp_path,
        [
            ("1 add", "ALTER TABLE sales ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID;"),
            ("2 prove", "ALTER TABLE sales VALIDATE CONSTRAINT c;"),
            ("3 require", "ALTER TABLE sales ALTER COLUMN note SET NOT NULL;"),
            ("4 another", "ALTER TABLE sales ALTER COLUMN other SET NOT NULL;"),
        ],
    )
    assert [(each.path.rpartition("/")[2], each.rule) for each in lint(list(files.values())).findings] == [
        ("4_another.sql", "MIG037")
    ]


# --- allowances ------------------------------------------------------------------------------------------------------

ALLOW = "-- primepos: allow MIG040 until=2026-12-31 reason=empty since the pilot ended\n"
DROP = "ALTER TABLE sales DROP COLUMN note;\n"


def looked(folder: Path, sql: str, today: date = date(2026, 12, 1)) -> Report:
    (file,) = written(folder, [("one", LABELS + LIMITS + sql)]).values()
    return lint([file], today=today)


def test_an_allowance_with_a_reason_lets_one_statement_pass(tmp_path):
    report = looked(tmp_path, ALLOW + DROP + DROP)
    assert [(each.rule, each.line) for each in report.findings] == [("MIG040", 8)]
    assert [(each.rule, each.line, each.allowed.reason) for each in report.allowed] == [
        ("MIG040", 7, "empty since the pilot ended")
    ]


@pytest.mark.parametrize(
    ("allowance", "note"),
    [
        (ALLOW.replace("reason=empty since the pilot ended", ""), "the allowance gives no reason"),
        (ALLOW.replace("until=2026-12-31 ", ""), "the allowance has no end: until=YYYY-MM-DD"),
        (ALLOW.replace("2026-12-31", "soon"), "the allowance ends at no date: soon"),
        (ALLOW.replace("2026-12-31", "2026-11-30"), "the allowance ended on 2026-11-30"),
    ],
)
def test_an_allowance_without_reason_end_or_validity_does_not_hold(tmp_path, allowance, note):
    report = looked(tmp_path, allowance + DROP)
    assert [(each.rule, each.note) for each in report.findings] == [("MIG040", note)]
    assert report.allowed == ()


def test_an_allowance_holds_through_its_last_day(tmp_path):
    assert looked(tmp_path, ALLOW + DROP, date(2026, 12, 31)).findings == ()
    assert len(looked(tmp_path, ALLOW + DROP, date(2027, 1, 1)).findings) == 1


def test_an_allowance_for_another_rule_or_for_nothing_is_a_finding(tmp_path):
    report = looked(tmp_path, ALLOW.replace("MIG040", "MIG039") + DROP)
    assert sorted((each.rule, each.line, each.severity) for each in report.findings) == [
        ("MIG039", 6, Severity.LOW),
        ("MIG040", 7, Severity.CRITICAL),
    ]
    unknown = looked(tmp_path, ALLOW.replace("MIG040", "MIG999"))
    assert [each.message for each in unknown.findings] == ["an allowance for nothing: MIG999 is no rule of this lint"]


def test_one_allowance_may_name_several_rules(tmp_path):
    sql = ALLOW.replace("MIG040", "MIG040, MIG049") + "TRUNCATE sales CASCADE;\n"
    report = looked(tmp_path, sql)
    assert report.findings == ()
    assert {each.rule for each in report.allowed} == {"MIG040", "MIG049"}


def test_a_rule_of_the_whole_file_is_let_off_at_its_top(tmp_path):
    text = whole("SELECT 1;").replace("-- primepos: irreversible reason=a test\n", "")
    text = "-- primepos: allow MIG045 until=2026-12-31 reason=a look only\n\n" + text
    file = tmp_path / "x.sql"
    file.write_text(text.replace("SET lock_timeout", "SELECT 1;\nSET lock_timeout"), encoding="utf-8")
    report = lint([file], today=date(2026, 12, 1))
    assert [each.rule for each in report.findings] == []
    assert [each.rule for each in report.allowed] == ["MIG045"]


# --- revisions -------------------------------------------------------------------------------------------------------


def test_history_is_left_out_and_nothing_of_it_is_worse_than_advice():
    everything = lint(history=False)
    assert [str(each) for each in everything.at_least(Severity.MEDIUM)] == []
    assert everything.history == 0
    recent = lint()
    assert recent.history == int(start_after() or 0)
    assert recent.files == everything.files - recent.history


def test_a_finding_names_the_line_of_the_python_that_says_it(tmp_path):
    location = copy_migrations(tmp_path / "migrations")
    body = (
        "TEXTS = (\n"
        '    "ALTER TABLE sales ADD COLUMN a text",\n'
        '    """\n'
        "    CREATE TABLE t (\n"
        "        a jsonb,\n"
        "        b json\n"
        "    )\n"
        '    """,\n'
        ")\n\n\n"
        "def upgrade():\n"
        "    for each in TEXTS:\n"
        "        op.execute(each)\n"
        "    for name in ('a', 'b'):\n"
        "        op.execute(\n"
        '            f"CREATE INDEX {name}_idx"\n'
        '            f" ON sales ({name})"\n'
        "        )\n"
        "    op.drop_column('sales', 'note')\n\n\n"
        "def downgrade():\n    op.execute('SELECT 1')\n"
    )
    revision = write(location, "lines", body)
    (file,) = location.glob(f"versions/*-{revision}_lines.py")
    lines = file.read_text(encoding="utf-8").splitlines()

    def line_of(text: str) -> int:
        return next(number for number, line in enumerate(lines, 1) if text in line)

    found = [(each.rule, each.line) for each in lint([file], location=location).findings]
    assert found == [
        ("MIG043", line_of("b json")),
        ("MIG034", line_of("op.execute(") + 2),
        ("MIG034", line_of("op.execute(") + 2),
        ("MIG040", line_of("drop_column")),
    ]


def test_a_file_that_is_no_revision_no_sql_or_not_there_is_refused(tmp_path):
    stray = tmp_path / "x.py"
    stray.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(MigrationUnreadable, match="none of the revisions"):
        lint([stray])
    wrong = tmp_path / "x.sql"
    wrong.write_text("SELECT 1;\nALTER TABEL sales;\n", encoding="utf-8")
    with pytest.raises(MigrationUnreadable, match=r"x\.sql:2 cannot be looked into: syntax error"):
        lint([wrong])
    with pytest.raises(MigrationUnreadable):
        lint([tmp_path / "nothing.sql"])


def test_a_revision_that_asks_the_database_for_its_sql_is_named(tmp_path):
    location = copy_migrations(tmp_path / "migrations")
    body = "def upgrade():\n    op.get_bind().execute('SELECT 1').scalar()\n\n\ndef downgrade():\n    pass\n"
    revision = write(location, "asks", body)
    with pytest.raises(MigrationUnreadable, match=f"2026-12-01-{revision}_asks.py cannot be looked into"):
        lint(location=location)


def test_without_the_parser_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "postgast", None)
    with pytest.raises(SqlParserMissing) as refusal:
        lint()
    assert "postgast" in str(refusal.value)


# --- our own migrations, judged by others ----------------------------------------------------------------------------

# Types that were chosen, not slipped in: tenants are numbered by integers, the queue is a library's. The transaction
# around each revision is the runner's, and so are the limits.
CHOSEN = {"prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-text-field", "prefer-identity"}


def test_squawk_finds_nothing_but_chosen_types_in_our_own_migrations(tmp_path):
    files, below = [], None
    for each in migration_files.revisions(None, "head"):
        sql = migration_files.sql_of(below, each.revision)
        below = each.revision
        file = tmp_path / f"{each.revision}.sql"
        file.write_text(LIMITS + sql, encoding="utf-8")
        files.append(file)
    found = {
        (name, rule, line) for name, rules in ask_squawk(*files, own_transactions=True).items() for rule, line in rules
    }
    # A constraint that is dropped only to be added again, wider, takes nothing away.
    assert {each for each in found if each[1] not in CHOSEN | {"ban-drop-constraint"}} == set()
