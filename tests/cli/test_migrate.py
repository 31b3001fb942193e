"""``primepos migrate`` as a person and a deploy script use it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from primepos import __version__
from primepos.adapters import migration_files, migrations
from primepos.core.embedded.cluster import Cluster
from tests.adapters.bad_migrations import LABELS, LIMITS
from tests.adapters.channel_revisions import copy_migrations
from tests.contracts.test_migrations import execute, run_script

REVISIONS = [each.revision for each in migration_files.revisions(None, "head")]


@pytest.fixture
def database(cluster: Cluster, monkeypatch, tmp_path) -> Iterator[str]:
    """The URL of an empty database, which the environment names."""
    name = f"cli_{os.getpid()}_{tmp_path.name[-20:]}".replace("-", "_")
    cluster.create_database(name)
    url = cluster.owner_url(name)
    monkeypatch.setenv("PRIMEPOS_ENV", "test")
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", url)
    yield url
    cluster.drop_database(name)


def test_up_applies_everything_and_then_nothing(database, command):
    first = command("migrate", "up")
    assert (first.code, first.out) == (0, "")
    assert [line.split(":")[0] for line in first.err.splitlines()[:-1]] == [f"Applying {each}" for each in REVISIONS]
    assert command("migrate", "up", "--json").json == {"applied": [], "current": REVISIONS[-1]}
    assert command("migrate", "verify").code == 0


def test_status_and_plan_say_what_is_missing_and_change_nothing(database, command):
    command("migrate", "up", "--to", "0002")
    found = command("migrate", "status", "--json").json
    assert (found["current"], found["head"], found["is_current"]) == ("0002", REVISIONS[-1], False)
    assert [each["revision"] for each in found["pending"]] == REVISIONS[2:]
    assert "0003" in command("migrate", "status").out
    planned = command("migrate", "plan", "--json").json
    assert [each["revision"] for each in planned] == REVISIONS[2:]
    assert (planned[0]["phase"], planned[0]["locks"]) == ("expand", [])
    assert {(each["in_transaction"], each["step"]) for each in planned[0]["each"]} == {(True, None)}
    assert planned[0]["statements"] == len(planned[0]["each"])
    assert "CREATE TABLE" in command("migrate", "plan", "--sql").out
    assert command("migrate", "status", "--format", "json").json == found
    assert [each["phase"] for each in found["applied"]] == ["expand", "expand"]
    assert migrations.current(database) == "0002"


def test_a_dry_run_prints_sql_that_does_the_same(database, command):
    printed = command("migrate", "up", "--dry-run")
    assert migrations.current(database) is None
    run_script(database, printed.out)
    assert command("migrate", "verify", "--json").json == {"ok": True, "problems": []}
    assert command("migrate", "plan").err == "Nothing to do: the schema is up to date.\n"


def test_down_needs_a_yes(database, command):
    command("migrate", "up")
    asked = command("migrate", "down", "--to", "0002", "--json")
    assert (asked.code, asked.refusal["code"]) == (2, "CONFIRMATION_REQUIRED")
    assert migrations.current(database) == REVISIONS[-1]
    assert "DROP" in command("migrate", "down", "--to", "0002", "--dry-run").out
    done = command("migrate", "down", "--to", "0002", "--yes", "--json").json
    assert done == {"undone": REVISIONS[:1:-1], "current": "0002"}
    assert command("migrate", "down", "--to", "0002", "--json").json["undone"] == []


def test_verify_ends_with_1_when_the_schema_is_not_right(database, command):
    command("migrate", "up")
    execute(database, "ALTER TABLE staff NO FORCE ROW LEVEL SECURITY")
    ran = command("migrate", "verify", "--json")
    assert ran.code == 1
    assert json.loads(ran.out) == {
        "ok": False,
        "problems": [{"what": "isolation", "problem": "staff lacks forced row-level security"}],
    }
    assert "staff lacks forced row-level security" in command("migrate", "verify").out


def test_an_unknown_revision_is_not_found_and_an_absent_server_unavailable(database, command, monkeypatch):
    assert command("migrate", "up", "--to", "0815", "--json").refusal["code"] == "REVISION_UNKNOWN"
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    ran = command("migrate", "status", "--json")
    assert (ran.code, ran.refusal["code"]) == (8, "DATABASE_UNREACHABLE")
    assert "x@" not in ran.err


def test_migrations_run_at_the_url_of_their_own(database, command, monkeypatch):
    monkeypatch.setenv("MIGRATION_DATABASE_URL", database)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    assert command("migrate", "up", "--json").json["current"] == REVISIONS[-1]


def test_new_writes_a_file(tmp_path, command):
    location = tmp_path / "migrations"
    copy_migrations(location)
    made = command("migrate", "new", "add gift cards", "--directory", str(location), "--json").json["path"]
    assert made.endswith("_add_gift_cards.py")
    assert "Phase: expand" in (location / "versions" / made.rpartition("/")[2]).read_text()


def test_new_writes_a_migrate_and_a_contract_with_what_they_must_say(tmp_path, command):
    location = copy_migrations(tmp_path / "migrations")
    at = ("--directory", str(location))
    filled = Path(command("migrate", "new", "fill the channel", "--phase", "migrate", *at, "--json").json["path"])
    assert "Phase: migrate" in filled.read_text()
    assert "backfill(revision, " in filled.read_text()
    made = command("migrate", "new", "drop it", "--phase", "contract", "--unused-since", "0.0.9", *at, "--json").json
    assert f"Phase: contract\nRelease: {__version__}\nUnused since: 0.0.9" in Path(made["path"]).read_text()
    again = command("migrate", "new", "drop it", *at, "--json")
    assert (again.code, again.refusal["code"]) == (6, "MIGRATION_NAME_TAKEN")
    assert command("migrate", "new", "drop more", "--phase", "contract", *at).code == 2
    # It waits for the next release: this one expands.
    assert f"{Path(made['path']).name}:5: MIG046" in command("migrate", "lint", *at).out


def test_lint_ends_with_1_and_names_the_line(tmp_path, command):
    file = tmp_path / "change.sql"
    file.write_text(LABELS + LIMITS + "ALTER TABLE sales DROP COLUMN note;\nCREATE TABLE t (a json);\n")
    ran = command("migrate", "lint", str(file))
    assert ran.code == 1
    assert [line.partition(".sql:")[2] for line in ran.out.splitlines()] == [
        "6: MIG040: column sales.note is taken away, and this is no contract",
        "7: MIG043: a would better be jsonb",
    ]
    assert ran.err.splitlines()[-1] == "2 found in 4 statements in 1 files."
    found = json.loads(command("migrate", "lint", str(file), "--json").out)
    assert [(each["rule"], each["severity"], each["line"]) for each in found["findings"]] == [
        ("MIG040", "critical", 6),
        ("MIG043", "low", 7),
    ]
    file.write_text(LABELS + LIMITS + "CREATE TABLE t (a json);\n")
    assert command("migrate", "lint", str(file), "--fail-on", "medium").code == 0
    assert command("migrate", "lint", str(tmp_path / "nothing.sql")).code == 2
