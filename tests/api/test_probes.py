"""What the platform asks: alive at any price, ready only when the database can be worked with."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from primepos import __version__
from primepos.adapters.readiness import NotReady, known_revisions
from primepos.api.app import READINESS_KEY
from primepos.api.probes import Readiness
from tests.api.conftest import serving
from tests.conftest import settings_for

if TYPE_CHECKING:
    from pathlib import Path

NOBODY_LISTENS = "postgresql://nobody:secret-word@127.0.0.1:9/nowhere"


@pytest.fixture
def dead(make_app, people):
    """A client of an API whose database is not there."""
    with serving(make_app(NOBODY_LISTENS), people) as client:
        yield client


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_the_process_says_that_it_lives(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "version": __version__})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/health/", "/health/ready/"])
def test_probes_answer_head_without_a_body(api, path):
    whole, head = api.get(path), api.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("path", ["/health/", "/health/ready/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_probes_take_no_other_method(api, path, method):
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_process_lives_while_the_database_is_down(dead):
    assert dead.get("/health/").status_code == 200


@pytest.mark.parametrize("host", ["10.1.2.3:10000", "anything.example", ""])
def test_probes_are_answered_for_any_host(api, host):
    assert api.get("/health/", headers={"host": host}).status_code == 200


def test_ready_means_a_database_at_the_schema_of_this_code(api):
    answer = api.get("/health/ready/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "database": "connected"})


def test_a_database_that_is_not_there_is_unreachable_and_nothing_of_it_is_told(dead):
    answer = dead.get("/health/ready/")
    assert (answer.status_code, answer.json()) == (503, {"status": "not_ready", "error": "database_unreachable"})
    assert answer.headers["retry-after"] == "5"


def test_an_empty_database_waits_for_its_migrations(cluster, make_app, people, request):
    name = f"empty_{abs(hash(request.node.nodeid)) % 10**9}"
    cluster.create_database(name)
    with serving(make_app(cluster.owner_url(name)), people) as client:
        answer = client.get("/health/ready/")
    cluster.drop_database(name)
    assert (answer.status_code, answer.json()["error"]) == (503, "migrations_pending")


@pytest.mark.parametrize(("revision", "error"), [("older", "migrations_pending"), ("from_a_newer_release", None)])
def test_an_older_schema_waits_and_a_newer_one_serves(fresh_database, make_app, people, revision, error):
    app = make_app(fresh_database)
    _, older = known_revisions()
    wanted = min(older) if revision == "older" else revision
    with app.database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{wanted}'")
    with serving(app, people) as client:
        assert client.get("/health/ready/").json().get("error") == error


def test_a_server_that_stops_wants_no_traffic_and_still_lives(api):
    getattr(api.app.state, READINESS_KEY).stop()
    answer = api.get("/health/ready/")
    assert (answer.status_code, answer.json()["error"]) == (503, "shutting_down")
    assert api.get("/health/").status_code == 200


def test_a_database_that_hangs_is_told_as_a_timeout_and_holds_one_thread_only():
    asked, release = [], threading.Event()

    def hang() -> NotReady | None:
        asked.append(threading.current_thread().name)
        release.wait(20)
        return None

    async def ask() -> list[NotReady | None]:
        readiness = Readiness(hang)
        found = list(await asyncio.gather(*(readiness.reason() for _ in range(5))))
        release.set()
        readiness.close()
        return found

    assert asyncio.run(ask()) == [NotReady.DATABASE_TIMEOUT] * 5
    assert len(asked) == 1


def test_however_often_it_is_asked_it_looks_once_a_second():
    looks = []

    async def ask() -> None:
        readiness = Readiness(lambda: looks.append(1))
        for _ in range(50):
            assert await readiness.reason() is None
        readiness.close()

    asyncio.run(ask())
    assert len(looks) == 1


def test_the_commit_is_shown_where_the_platform_tells_it(database_url, tmp_path: Path, people, database, clock):
    from primepos.bootstrap import build_app

    settings = settings_for(database_url, tmp_path, RENDER="", RENDER_GIT_COMMIT="abc123")
    with serving(build_app(settings, database=database, clock=clock), people) as client:
        assert client.get("/health").json() == {"status": "healthy", "version": __version__, "commit": "abc123"}
