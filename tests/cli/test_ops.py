"""``primepos ops``: what the operator sees of the database, and what the bill comes to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos.adapters.database_report import DatabaseReport, IndexState, TableState, database_report, findings_of
from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.cli import session
from primepos.deploy.cost import own_prices
from tests.api.test_serve import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ran

CANARY = "canary-77ab10"


@pytest.fixture
def ops(app: Any, command: Callable[..., Ran]) -> Iterator[Callable[..., Ran]]:
    session.use_app(app)
    yield lambda *args: command("ops", *args)
    session.use_app(None)


# --- the database ----------------------------------------------------------------------------------------------------


def test_the_report_shows_the_database_and_its_largest_tables(ops, database, shop):
    del shop
    seen = ops("db", "--json", "--most", "5").json
    assert seen["database"] == database.engine.url.database
    assert int(seen["server_version"].split(".")[0]) >= 13
    assert seen["bytes"] > 1_000_000
    assert 1 <= seen["used_connections"] <= seen["max_connections"]
    assert len(seen["tables"]) == 5
    sizes = [each["bytes"] for each in seen["tables"]]
    assert sizes == sorted(sizes, reverse=True)
    ours = [each for each in seen["connections"] if each["application"] == "primepos ops"]
    assert sum(each["connections"] for each in ours) >= 1
    assert 0 < seen["freeze_age"] < seen["freeze_age_limit"]


def test_who_waits_for_whose_lock_is_shown_without_what_was_typed(ops, fresh_database):
    with (
        psycopg.connect(fresh_database, application_name="holder") as holder,
        psycopg.connect(fresh_database, application_name="waiter", autocommit=True) as waiter,
    ):
        holding_pid, waiting_pid = holder.info.backend_pid, waiter.info.backend_pid
        holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                waiter.execute(f"SELECT * FROM alembic_version WHERE version_num = '{CANARY}'")
            except psycopg.Error as error:
                failed.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            seen = database_report(fresh_database, longer_than_s=0)
            while not seen.waiting:
                assert thread.is_alive()
                seen = database_report(fresh_database, longer_than_s=0)
        finally:
            holder.rollback()
            thread.join()
    assert failed == []
    (waiting,) = seen.waiting
    assert (waiting.pid, waiting.application) == (waiting_pid, "waiter")
    assert (waiting.lock, waiting.relation) == ("relation AccessShareLock", "alembic_version")
    assert waiting.statement == "SELECT * FROM alembic_version WHERE version_num = ?"
    (by,) = waiting.held_by
    assert (by.pid, by.application, by.state) == (holding_pid, "holder", "idle in transaction")
    assert by.statement == "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"
    assert {each.pid for each in seen.running} >= {by.pid, waiting.pid}
    assert [each.runbook for each in seen.findings][:1] == ["lock-storm"]
    # Sizes are told all the same, though the lock on that table could not be had.
    assert len(seen.tables) == 10


def test_an_index_whose_build_failed_is_found(fresh_database):
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE probe (a int)")
        connection.execute("INSERT INTO probe VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY probe_a ON probe (a)")
    seen = database_report(fresh_database, most=1)
    assert [(each.index, each.state) for each in seen.indexes] == [("probe_a", "invalid")]
    assert "Index probe_a is invalid: its build failed" in [each.what for each in seen.findings]


def test_it_is_readable_for_people_and_names_its_runbooks(ops):
    ran = ops("db", "--longer-than", "0")
    assert ran.code == 0
    for heading in ("Connections:", "Largest tables:"):
        assert heading in ran.err
    assert "oldest transaction id" in ran.out


def test_looking_changes_nothing_even_if_it_wanted_to(fresh_database):
    from primepos.adapters import database_report as module

    with (
        module._connected(fresh_database) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("CREATE TABLE probe (a int)")


def test_nothing_is_left_on_a_connection_that_a_pooler_hands_on(fresh_database, monkeypatch):
    from primepos.adapters.telemetry import figures

    statements: list[str] = []

    class Listening(psycopg.Cursor):
        def execute(self, query, *more, **named):
            statements.append(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *more, **named)

    real = psycopg.connect

    def connect(*given: Any, **named: Any) -> Any:
        made = real(*given, **named)
        made.cursor_factory = Listening
        return made

    monkeypatch.setattr(psycopg, "connect", connect)
    database_report(fresh_database)
    assert figures.read(fresh_database).is_up
    settings = [each for each in statements if each.lstrip().upper().startswith("SET")]
    assert len(settings) >= 5
    assert [each for each in settings if not each.startswith(("SET LOCAL", "SET TRANSACTION"))] == []


def test_a_database_that_is_away_is_told_without_its_password():
    with pytest.raises(DatabaseUnreachable) as refused:
        database_report(f"postgresql://me:{CANARY}@127.0.0.1:1/none")
    assert CANARY not in str(refused.value)


QUIET = DatabaseReport(
    database="d", server_version="16", bytes=1, sees_all=True, max_connections=100, used_connections=10,
    connections=[], running=[], waiting=[], slow=None, tables=[], indexes=[], table_cache_hit_percent=None,
    index_cache_hit_percent=None, freeze_age=1000, freeze_age_limit=200_000_000, findings=[],
)  # fmt: skip


def a_table(**more: Any) -> TableState:
    said = {
        "table": "sales", "bytes": 1, "rows": 90_000, "dead_rows": 0, "dead_percent": 0, "last_vacuum": None,
        "sequential_scans": 0, "index_scans": 0, "freeze_age": 1,
    }  # fmt: skip
    return TableState(**{**said, **more})


@pytest.mark.parametrize(
    ("changed", "runbooks"),
    [
        ({}, []),
        ({"used_connections": 80}, []),
        ({"used_connections": 81}, ["pool-exhausted"]),
        ({"freeze_age": 150_000_000}, []),
        ({"freeze_age": 150_000_001}, ["disk-full"]),
        ({"tables": [a_table(dead_rows=22_500, dead_percent=20)]}, ["disk-full"]),
        ({"tables": [a_table(dead_rows=9_999, dead_percent=90)]}, []),
        ({"indexes": [IndexState(index="i", table="t", bytes=1, state="unused")]}, []),
        ({"indexes": [IndexState(index="i", table="t", bytes=1, state="invalid")]}, ["failed-migration"]),
    ],
)
def test_each_limit_is_where_it_says(changed, runbooks):
    import msgspec

    found = list(findings_of(msgspec.structs.replace(QUIET, **changed)))
    assert [each.runbook for each in found] == runbooks
    assert all((ROOT / "docs" / "runbooks" / f"{each.runbook}.md").is_file() for each in found)


# --- the bill --------------------------------------------------------------------------------------------------------


def blueprint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "render.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_our_own_blueprint_has_a_price(command):
    cost = command("ops", "cost", "--file", str(ROOT / "render.yaml"), "--json").json
    assert cost["total_cents"] == sum(each["cents"] for each in cost["lines"])
    assert cost["total_cents"] >= 3000
    assert cost["as_of"] == own_prices().as_of


def test_instances_disks_replicas_and_standbys_add_up(command, tmp_path):
    path = blueprint(
        tmp_path,
        """
services:
  - {type: web, name: api, runtime: python, plan: standard, numInstances: 3, disk: {name: d, mountPath: /d, sizeGB: 20}}
  - {type: worker, name: jobs, runtime: python}
  - {type: cron, name: nightly, runtime: python, schedule: "0 2 * * *"}
  - {type: web, name: site, runtime: static}
databases:
  - name: db
    plan: pro-4gb
    diskSizeGB: 50
    highAvailability: {enabled: true}
    readReplicas: [{name: one}, {name: two}]
  - {name: scratch, plan: free}
""",
    )
    cost = command("ops", "cost", "--file", path, "--json").json
    lines = {(each["resource"], each["what"]): each["cents"] for each in cost["lines"]}
    assert lines == {
        ("api", "web standard"): 3 * 2500,
        ("api", "disk, GB"): 20 * 25,
        ("jobs", "worker starter"): 700,
        ("nightly", "cron job"): 100,
        ("db", "postgres pro-4gb"): 4 * 5500,
        ("db", "storage, GB"): 4 * 50 * 30,
        ("scratch", "postgres free"): 0,
    }
    assert cost["total_cents"] == cost["most_cents"] == 7500 + 500 + 700 + 100 + 22000 + 6000
    shown = command("ops", "cost", "--file", path)
    assert shown.out.splitlines()[-1].split()[-1] == "368.00"


def test_a_service_that_may_scale_has_two_prices(command, tmp_path):
    path = blueprint(
        tmp_path,
        "services:\n- {type: web, name: api, runtime: python, plan: pro, numInstances: 9,"
        " scaling: {minInstances: 2, maxInstances: 5, targetCPUPercent: 60}}\n",
    )
    cost = command("ops", "cost", "--file", path, "--json").json
    assert (cost["total_cents"], cost["most_cents"]) == (17000, 42500)
    assert "170.00 to 425.00" in command("ops", "cost", "--file", path).out


@pytest.mark.parametrize(
    ("text", "kind", "plan"),
    [
        ("services: [{type: web, name: api, plan: gigantic}]", "instance", "gigantic"),
        ("databases: [{name: db, plan: standard}]", "postgres", "standard"),
        ("services: [{type: keyvalue, name: kv, plan: pro}]", "keyvalue", "pro"),
    ],
)
def test_a_plan_without_a_known_price_is_an_error_and_no_guess(command, tmp_path, text, kind, plan):
    ran = command("ops", "cost", "--file", blueprint(tmp_path, text), "--json")
    assert ran.code == 2
    assert ran.refusal["code"] == "UNKNOWN_PLAN"
    assert (ran.refusal["data"]["kind"], ran.refusal["data"]["plan"]) == (kind, plan)
    assert "render.com/pricing" in ran.refusal["hint"]


def test_a_table_of_ones_own_counts_instead(command, tmp_path):
    table = tmp_path / "ours.toml"
    table.write_text(
        'as_of = "2030-01-01"\ncurrency = "EUR"\nsource = "the contract"\n[instance]\ngigantic = "999.99"\n'
        "[postgres]\n[keyvalue]\n[cron]\n[storage]\n",
        encoding="utf-8",
    )
    path = blueprint(tmp_path, "services: [{type: web, name: api, plan: gigantic, numInstances: 3}]")
    cost = command("ops", "cost", "--file", path, "--prices", str(table), "--json").json
    assert (cost["currency"], cost["as_of"], cost["total_cents"]) == ("EUR", "2030-01-01", 299_997)


@pytest.mark.parametrize("bad", ['"1.005"', '"-1"', '"much"', "7", '"NaN"'])
def test_a_table_that_is_none_is_refused(command, tmp_path, bad):
    table = tmp_path / "ours.toml"
    table.write_text(
        f'as_of = "x"\ncurrency = "EUR"\nsource = "x"\n[instance]\nstarter = {bad}\n[postgres]\n[keyvalue]\n[cron]\n'
        "[storage]\n",
        encoding="utf-8",
    )
    path = blueprint(tmp_path, "services: []")
    ran = command("ops", "cost", "--file", path, "--prices", str(table), "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "BAD_PRICES")


@pytest.mark.parametrize("text", [None, "", "services: [", "- just a list"])
def test_a_file_that_is_no_blueprint_is_refused(command, tmp_path, text):
    path = str(tmp_path / "none.yaml") if text is None else blueprint(tmp_path, text)
    ran = command("ops", "cost", "--file", path, "--json")
    assert (ran.code, ran.refusal["code"]) == (5, "NO_BLUEPRINT")
