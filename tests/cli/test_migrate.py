"""``primepos migrate`` as a person and a deploy script use it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from primepos.adapters import migration_files, migrations
from primepos.core.embedded.cluster import Cluster
from tests.contracts.test_migrations import copy_migrations, execute

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
    assert "CREATE TABLE" in command("migrate", "plan", "--sql").out
    assert migrations.current(database) == "0002"


def test_a_dry_run_prints_sql_that_does_the_same(database, command):
    printed = command("migrate", "up", "--dry-run")
    assert migrations.current(database) is None
    execute(database, printed.out)
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
