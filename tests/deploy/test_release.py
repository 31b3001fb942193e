"""``primepos release``: judge, migrate, judge again; nothing is touched where the gate refuses."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from primepos.adapters import migrations
from primepos.cli.commands import check_deploy
from primepos.core.database_url import DatabaseAddress, parse_database_url
from primepos.core.embedded.cluster import Cluster
from primepos.deploy import gate
from primepos.deploy import release as releasing
from primepos.deploy.check import CRITICAL, HIGH, Needs, failed, passed
from tests.cli.conftest import command as command  # noqa: PLC0414 - a fixture of the command line's tests
from tests.deploy.doubles import WRONG, a_check
from tests.deploy.world import GOOD_ENVIRONMENT, a_project

HEAD = migrations.head()


def in_production(url: str) -> str:
    """Return the URL of a local database as a platform writes it: a name of its own, without a domain."""
    address = parse_database_url(url)
    named = DatabaseAddress(address.user, address.password, "dpg-test-a", address.port, address.name, address.options)
    return named.with_option("hostaddr", "127.0.0.1").url()


@pytest.fixture
def database(cluster: Cluster, monkeypatch, tmp_path) -> Iterator[str]:
    """The URL of an empty database, in an environment that is otherwise fit for production."""
    name = f"release_{os.getpid()}_{tmp_path.name[-20:]}".replace("-", "_").lower()
    cluster.create_database(name)
    for variable in os.environ.keys() & GOOD_ENVIRONMENT.keys():
        monkeypatch.delenv(variable)
    url = in_production(cluster.owner_url(name))
    for variable, text in {**GOOD_ENVIRONMENT, "DATABASE_URL": url, "DB_SSLMODE": "prefer"}.items():
        monkeypatch.setenv(variable, text)
    monkeypatch.chdir(tmp_path)
    yield url
    cluster.drop_database(name)


@pytest.fixture
def a_gate(monkeypatch):
    """Let these checks be the catalogue."""

    def use(*made):
        for module in (gate, releasing, check_deploy):
            monkeypatch.setattr(module, "catalogue", lambda: made)

    return use


def revision(url: str) -> str | None:
    return migrations.current(url)


def test_a_release_judges_migrates_and_judges_again(database, command, a_gate):
    seen: list[tuple[str, str | None]] = []

    def noting(name):
        def look(target):
            seen.append((name, revision(target.database_url)))
            return passed("seen")

        return look

    a_gate(
        a_check("ENV001", noting("ENV001")),
        a_check("DB020", noting("DB020"), Needs.DATABASE),
        a_check("DB023", noting("DB023"), Needs.DATABASE),
        a_check("MIG031", noting("MIG031"), Needs.STATIC, Needs.DATABASE),
        a_check("HTTP050", AssertionError(), Needs.URL),
    )
    ran = command("release")
    assert (ran.code, ran.out) == (0, "")
    assert seen == [
        ("ENV001", None), ("DB020", None), ("MIG031", None),
        ("DB020", HEAD), ("DB023", HEAD), ("MIG031", HEAD),
    ]  # fmt: skip
    lines = ran.err.splitlines()
    assert lines[0] == "Before the migrations: GO, 3 of 3 checks gave an answer"
    assert lines[1].startswith("Applying 0001")
    assert lines[-2:] == [
        "After the migrations: GO, 3 of 3 checks gave an answer",
        f"Released: {len(migrations.state(database).applied)} revisions applied.",
    ]
    # The second release finds nothing to do.
    again = command("release", "--json").json
    assert (again["released"], again["applied"], again["after"]["verdict"]) == (True, [], "GO")


def test_a_no_go_touches_nothing(database, command, a_gate):
    a_gate(
        a_check("ENV001", WRONG, severity=CRITICAL),
        a_check("DB020", None, Needs.DATABASE),
        a_check("DB023", AssertionError("it ran"), Needs.DATABASE),
    )
    ran = command("release")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "Before the migrations: NO-GO, 2 of 2 checks gave an answer",
        "  ENV001 FAIL critical: it is wrong",
        "    To do: mend ENV001",
        "Not released.",
    ]
    assert revision(database) is None
    with psycopg.connect(database) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert held == (0,)


def test_the_line_can_be_drawn_lower(database, command, a_gate):
    a_gate(a_check("ENV001"), a_check("ENV002", WRONG, severity=HIGH))
    assert command("release", "--fail-on", "high").code == 1
    assert revision(database) is None
    assert command("release").code == 0
    assert revision(database) == HEAD


def test_a_check_that_crashes_stops_a_release(database, command, a_gate):
    a_gate(a_check("ENV001"), a_check("ENV002", KeyError("x")))
    assert command("release").code == 3
    assert revision(database) is None


def test_a_database_that_is_not_right_after_the_migrations_fails_the_release(database, command, a_gate):
    a_gate(a_check("ENV001"), a_check("DB023", failed("superuser"), Needs.DATABASE, severity=CRITICAL))
    ran = command("release", "--json")
    data = json.loads(ran.out)
    assert (ran.code, data["released"], data["before"]["verdict"], data["after"]["verdict"]) == (
        1,
        False,
        "GO",
        "NO-GO",
    )
    assert data["after"]["open"] == [
        {
            "id": "DB023", "severity": "critical", "status": "fail", "evidence": "superuser", "remedy": "mend DB023",
        }
    ]  # fmt: skip
    assert revision(database) == HEAD
    assert command("release").err.splitlines()[-1] == "Not released: the schema is migrated, the old one serves on."


def test_the_gate_can_be_passed_by_with_a_reason_that_stays(database, command, a_gate):
    a_gate(a_check("ENV001", WRONG, severity=CRITICAL), a_check("DB023", WRONG, Needs.DATABASE, severity=CRITICAL))
    refused = command("release", "--skip-gate", "--json")
    assert (refused.code, refused.refusal["code"]) == (2, "REASON_MISSING")
    assert revision(database) is None
    ran = command("release", "--skip-gate", "--reason", "INC-42, roll forward", "--json")
    data = ran.json
    assert ran.err.splitlines()[0].startswith("THE GATE WAS SKIPPED by ")
    assert ran.err.splitlines()[0].endswith(": INC-42, roll forward")
    assert data["gate_skipped"]["reason"] == "INC-42, roll forward"
    assert (data["released"], data["before"], data["after"]["verdict"]) == (True, None, "NO-GO")
    assert revision(database) == HEAD


def test_an_unfit_environment_lists_everything_and_touches_nothing(database, command, a_gate, monkeypatch):
    a_gate(a_check("ENV001"))
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.delenv("ALLOWED_HOSTS")
    ran = command("release")
    assert ran.code == 78
    assert "Production mode missing required ENV variables" in ran.err
    assert "SECRET_KEY" in ran.err
    assert "ALLOWED_HOSTS" in ran.err
    assert revision(database) is None


def test_a_release_remembers_which_environment_the_database_is(database, command, a_gate, monkeypatch):
    a_gate(a_check("ENV001"))
    assert command("release").code == 0
    monkeypatch.setenv("PRIMEPOS_ENV", "staging")
    refused = command("release")
    assert (refused.code, "WRONG_ENVIRONMENT" in refused.err) == (78, True)
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE primepos_system")
        row = connection.execute("SELECT value FROM installation WHERE name = 'environment'").fetchone()
    assert row == ("production",)


def test_two_releases_at_once_take_turns_and_both_succeed(database, a_gate):
    a_gate(a_check("ENV001"))
    codes: list[int] = []
    start = threading.Barrier(2)

    def go() -> None:
        target = check_deploy.target_of(None, None)
        target.database_url = database
        start.wait(60)
        codes.append(releasing.release(target, database, migrate=migrations.upgrade).exit_code)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    assert revision(database) == HEAD


def test_the_real_gate_lets_the_good_deployment_through(database, command, tmp_path):
    project: Path = tmp_path / "project"
    project.mkdir()
    a_project(project)
    ran = command("release", "--project", str(project), "--json")
    data = json.loads(ran.out)
    assert (ran.code, data["released"]) == (0, True), data
    assert [one["id"] for one in data["before"]["open"] if one["severity"] == "critical"] == []
    assert revision(database) == HEAD
