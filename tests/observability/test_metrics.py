"""The page of metrics: what it names, what is counted where, who may read it, and that processes add up."""

from __future__ import annotations

import os
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos import __version__
from primepos.adapters.telemetry.figures import FiguresCollector, read
from primepos.api.app import build_app
from primepos.bootstrap import build_app as build_core
from primepos.core.clock import SystemClock
from primepos.core.context import operator
from primepos.core.db import apart
from primepos.core.ids import new_id
from primepos.domain.accounts import service as accounts
from primepos.domain.jobs.facts import LAST_BACKUP
from primepos.domain.ops.jobs_done import BUCKETS, JobTally
from tests.api.conftest import HOST, People, a_sale
from tests.api.test_serve import PASSWORD, environment, serve
from tests.conftest import settings_for
from tests.factories import a_shop
from tests.observability.pages import TOKEN, families, value, values

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {
    "primepos_http_requests": "counter",
    "primepos_http_request_duration_seconds": "histogram",
    "primepos_http_requests_in_flight": "gauge",
    "primepos_db_pool_connections": "gauge",
    "primepos_db_query_duration_seconds": "histogram",
    "primepos_db_up": "gauge",
    "primepos_auth_attempts": "counter",
    "primepos_authz_denied": "counter",
    "primepos_ratelimit_rejected": "counter",
    "primepos_jobs": "counter",
    "primepos_job_oldest_age_seconds": "gauge",
    "primepos_job_duration_seconds": "histogram",
    "primepos_sales_completed": "counter",
    "primepos_sale_sync_conflicts": "counter",
    "primepos_migration_pending": "gauge",
    "primepos_build_info": "gauge",
    "primepos_backup_last_success_timestamp_seconds": "gauge",
}
UNITS = ("_seconds", "_total", "_in_flight", "_connections", "_up", "_pending", "_info")
LABELS = {"method", "route", "status", "state", "outcome", "permission", "policy", "kind", "version", "commit", "le"}


class Watched:
    """An API of its own whose page can be read, and somebody to ask as."""

    def __init__(self, client: TestClient[Any], people: People) -> None:
        self.client = client
        self.people = people

    def ask(self, identity: Any, method: str, path: str, **more: Any) -> Any:
        headers = {**(self.people.headers(identity) if identity else {}), **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def page(self, **headers: str) -> str:
        answer = self.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", **headers})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def watched(settings: Any, database: Any, clock: Any, database_url: str, tmp_path: Any) -> Iterator[Watched]:
    chosen = settings_for(database_url, tmp_path, METRICS_TOKEN=TOKEN, RENDER_GIT_COMMIT="abc1234")
    people = People()
    app = build_core(chosen, database=database, clock=clock)
    with TestClient(build_app(app, resolve=people), base_url=HOST, raise_server_exceptions=False) as client:
        yield Watched(client, people)


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_page_names_what_was_agreed_and_nothing_else(watched, shop):
    tally = JobTally()
    tally.count("reporting.summarise_day", "done", 0.3)
    watched.ask(shop.cashier, "GET", "/api/v1/products")
    found = {name: family.type for name, family in families(watched.page()).items()}
    # There is no figure for a backup before there is a backup.
    assert found == {name: kind for name, kind in NAMES.items() if "backup" not in name}


def test_names_keep_prometheus_rules_and_labels_hold_nobody(watched, shop):
    watched.ask(shop.cashier, "GET", "/api/v1/products")
    page = watched.page()
    samples = [sample for family in families(page).values() for sample in family.samples]
    assert len(samples) > 40
    for sample in samples:
        base = re.sub(r"_(bucket|sum|count)$", "", sample.name)
        assert re.fullmatch(r"primepos_[a-z]+(_[a-z]+)*", base), base
        assert base.endswith(UNITS) or base == "primepos_jobs_total", base
        assert sample.labels.keys() <= LABELS, sample
    for family in families(page).values():
        assert family.documentation.endswith("."), family.name
    assert str(shop.tenant_id) not in {text for sample in samples for text in sample.labels.values()}
    assert str(shop.cashier.actor_id) not in page


def test_open_metrics_is_spoken_to_who_asks_for_it_and_passes_its_stricter_parser(watched, shop):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict

    watched.ask(shop.cashier, "GET", "/api/v1/products")
    watched.ask(shop.cashier, "GET", "/api/v1/audit")
    page = watched.page(Accept="application/openmetrics-text;version=1.0.0")
    assert page.endswith("# EOF\n")
    found = {family.name: family.type for family in strict(page)}
    assert found == {name: kind for name, kind in NAMES.items() if "backup" not in name}
    plain = watched.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert plain.headers["content-type"].startswith("text/plain; version=")


# --- what is counted -------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_template_method_and_status(watched, shop):
    first = watched.ask(shop.owner, "GET", f"/api/v1/products/{shop.products[0]}")
    assert first.status_code == 200
    watched.ask(shop.owner, "HEAD", f"/api/v1/products/{shop.products[1]}")
    watched.ask(shop.owner, "GET", f"/api/v1/products/{new_id()}")
    watched.ask(None, "GET", "/wp-login.php")
    watched.ask(None, "GET", "/wp-admin.php")
    watched.ask(None, "BREW", "/api/v1")
    watched.client.get("/api/v1", headers={"Host": "evil.example"})
    page = watched.page()
    route = "/api/v1/products/{id}"
    name = "primepos_http_requests_total"
    assert value(page, name, "GET", route, "200") == 1
    assert value(page, name, "HEAD", route, "200") == 1
    assert value(page, name, "GET", route, "404") == 1
    assert value(page, name, "GET", "unmatched", "404") == 2
    assert value(page, name, "GET", "unmatched", "400") == 1
    assert [key for key in values(page, name) if key[0] == "BREW"] == []
    assert sum(number for key, number in values(page, name).items() if key[0] == "other") == 1
    assert value(page, "primepos_http_request_duration_seconds_count", "GET", route) == 2
    assert value(page, "primepos_http_request_duration_seconds_bucket", "+Inf", "GET", route) == 2
    # The one that asks.
    assert value(page, "primepos_http_requests_in_flight") == 1


def test_the_pool_and_the_exchanges_with_the_database_are_seen(watched, shop):
    before = value(watched.page(), "primepos_db_query_duration_seconds_count")
    watched.ask(shop.owner, "GET", "/api/v1/products")
    watched.ask(shop.owner, "POST", "/api/v1/categories", json={"name": "Fruit"})
    page = watched.page()
    assert value(page, "primepos_db_query_duration_seconds_count") >= before + 3
    assert value(page, "primepos_db_pool_connections", "limit") == 10
    assert value(page, "primepos_db_pool_connections", "in_use") == 0
    assert value(page, "primepos_db_pool_connections", "idle") >= 1
    assert value(page, "primepos_db_up") == 1
    assert value(page, "primepos_migration_pending") == 0
    assert values(page, "primepos_build_info") == {("abc1234", __version__): 1.0}


def test_a_sale_is_counted_once_however_often_it_is_sent(watched, shop):
    sale = a_sale(shop, sale_id=str(new_id()))
    for _ in range(3):
        assert watched.ask(shop.cashier, "POST", "/api/v1/sales", json=sale).status_code == 201
    other = watched.ask(shop.cashier, "POST", "/api/v1/sales", json={**sale, "tenders": [], "total": None})
    assert other.status_code in {409, 422}
    differs = {**sale, "lines": [{"sku": "A-1"}, {"sku": "A-1"}], "total": 200}
    differs["tenders"] = [{"kind": "cash", "amount": 200}]
    assert watched.ask(shop.cashier, "POST", "/api/v1/sales", json=differs).json()["code"] == "SALE_CONFLICT"
    voided = watched.ask(
        shop.manager, "POST", f"/api/v1/sales/{sale['id']}/void", json={"id": str(new_id()), "reason": "mistake"}
    )
    assert voided.status_code in {200, 201}, voided.text
    page = watched.page()
    assert value(page, "primepos_sales_completed_total") == 1
    assert value(page, "primepos_sale_sync_conflicts_total") >= 1


def test_refusals_are_counted_by_permission_and_outcome(watched, shop):
    email = f"owner@{shop.slug}.example.org"
    core = watched.client.app.state.primepos_door.app
    core.run(
        accounts.create_user,
        operator("test", shop.tenant_id),
        {"email": email, "name": "Olga", "role": "owner", "password": PASSWORD},
    )
    login = "/api/v1/auth/login"
    assert watched.ask(None, "POST", login, json={"email": email, "password": PASSWORD}).status_code == 200
    for _ in range(5):
        assert watched.ask(None, "POST", login, json={"email": email, "password": "wrong"}).status_code == 401
    assert watched.ask(None, "POST", login, json={"email": email, "password": "wrong"}).status_code == 429
    assert watched.ask(shop.cashier, "GET", "/api/v1/audit").status_code == 403
    page = watched.page()
    name = "primepos_auth_attempts_total"
    assert (value(page, name, "success"), value(page, name, "failed"), value(page, name, "throttled")) == (1, 5, 1)
    assert values(page, "primepos_authz_denied_total") == {("audit:read",): 1.0}
    assert value(page, "primepos_ratelimit_rejected_total", "login-account") == 1


# --- who may read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer \udcff", "x"]
)
def test_without_the_very_token_nobody_reads(watched, given):
    headers = {} if given is None else {"Authorization": given.encode("utf-8", "surrogateescape")}
    answer = watched.client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "primepos_" not in answer.text


def test_with_the_token_it_is_read_by_address_as_scrapers_do(watched):
    assert "primepos_db_up 1.0" in watched.page(Host="10.1.2.3:10000")
    with_token = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3:10000"}
    assert watched.client.get("/api/v1", headers=with_token).status_code == 400


def test_without_a_token_set_strangers_find_nothing(app, people):
    with TestClient(build_app(app, resolve=people), base_url=HOST) as client:
        answer = client.get("/metrics", headers={"Authorization": "Bearer "})
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.fixture
def people():
    return People()


# --- what the database knows -----------------------------------------------------------------------------------------


def test_jobs_of_all_workers_are_added_up(make_app, fresh_database):
    app = make_app(fresh_database)
    first, second = JobTally(), JobTally()
    first.count("a.b", "done", 0.05)
    first.count("a.b", "done", 0.1)
    first.count("a.b", "failed", 7200)
    second.count("a.b", "done", 2)
    second.count("c.d", "retried", 0.25)
    for tally in (first, second, first):
        tally.add_to(app.database)
    page = render(fresh_database)
    assert values(page, "primepos_jobs_total") == {
        ("a.b", "done"): 3.0,
        ("a.b", "failed"): 1.0,
        ("c.d", "retried"): 1.0,
    }
    name = "primepos_job_duration_seconds"
    counted = [value(page, f"{name}_bucket", "a.b", limit) for limit in BUCKETS]
    assert counted == [2, 2, 2, 3, 3, 3, 3, 3, 4]
    assert value(page, f"{name}_sum", "a.b") == pytest.approx(7202.15)
    assert value(page, f"{name}_count", "a.b") == 4


def test_what_could_not_be_added_is_added_next_time(make_app, fresh_database):
    app = make_app(fresh_database)
    away = make_app("postgresql://nobody:x@127.0.0.1:1/none")
    tally = JobTally()
    tally.count("a.b", "done", 1)
    with pytest.raises(Exception, match="database"):
        tally.add_to(away.database)
    tally.add_to(app.database)
    assert read(fresh_database).jobs.ended == {("a.b", "done"): 1}


def test_the_queue_and_the_last_backup_are_read(make_app, fresh_database):
    app = make_app(fresh_database)
    assert value(render(fresh_database), "primepos_job_oldest_age_seconds") == 0

    def prepare(uow: Any) -> None:
        uow.run("INSERT INTO installation VALUES (%s, '2026-03-01T02:00:00+00:00')", (LAST_BACKUP,))

    apart(app.database.system_session, prepare)
    apart(lambda: app.database.tenant(1), lambda uow: app._jobs.defer(uow, "a.b", tenant_id=1))
    found = read(fresh_database)
    assert found.oldest_job_s is not None
    assert found.oldest_job_s > 0
    page = render(fresh_database)
    assert value(page, "primepos_backup_last_success_timestamp_seconds") == 1772330400
    assert value(page, "primepos_migration_pending") == 0


def test_a_database_that_is_away_is_a_figure_and_no_error():
    page = render("postgresql://nobody:x@127.0.0.1:1/none")
    assert value(page, "primepos_db_up") == 0
    assert "primepos_job_oldest_age_seconds" not in page
    assert value(page, "primepos_build_info", "unknown", "1") == 1


def test_a_database_that_went_silent_holds_up_no_scrape(monkeypatch):
    from primepos.adapters.telemetry import figures

    silent, asked = threading.Event(), []

    def never(url: str) -> figures.Figures:
        asked.append(url)
        silent.wait(60)
        return figures.Figures(is_up=True)

    monkeypatch.setattr(figures, "read", never)
    monkeypatch.setattr(figures, "PATIENCE_S", 0.01)
    monkeypatch.setattr(figures, "KEPT_S", 0)
    collector = FiguresCollector("url", version="1", commit="")
    assert not collector._figures().is_up
    assert not collector._figures().is_up
    assert asked == ["url"]
    silent.set()
    monkeypatch.setattr(figures, "PATIENCE_S", 60)
    assert collector._figures().is_up
    assert collector._figures().is_up
    assert asked == ["url", "url"]


def test_a_database_without_our_schema_is_up_and_lacks_every_migration(cluster):
    cluster.create_database("empty_for_metrics")
    try:
        page = render(cluster.owner_url("empty_for_metrics"))
    finally:
        cluster.drop_database("empty_for_metrics")
    assert value(page, "primepos_db_up") == 1
    assert value(page, "primepos_migration_pending") >= 2
    assert "primepos_job_oldest_age_seconds" not in page


def render(url: str) -> str:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(FiguresCollector(url, version="1", commit=""))
    return generate_latest(registry).decode()


# --- several processes -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_tell_the_same_sum_also_after_one_of_them_was_killed(make_app, fresh_database, tmp_path):
    app = make_app(fresh_database)
    a_shop(app)
    app.clock = SystemClock()
    asked = 60
    with serve(environment(fresh_database, tmp_path), "--workers", "2") as served:
        _wait_for(served, "Application startup complete", 2)
        for _ in range(asked):
            # A connection of its own each: the kernel spreads them over the processes.
            assert served.http.get("/api/v1", headers={"Connection": "close"}).status_code == 200
        count = ("primepos_http_requests_total", "GET", "/api/v1", "200")
        pages = [served.http.get("/metrics", headers={"Connection": "close"}) for _ in range(8)]
        assert {page.status_code for page in pages} == {200}
        assert {value(page.text, *count) for page in pages} == {asked}
        assert value(pages[-1].text, "primepos_http_requests_in_flight") == 1
        behind_a_proxy = served.http.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
        assert behind_a_proxy.status_code == 404
        killed = next(int(re.findall(r"\d+", each["msg"])[0]) for each in served.log if "Started server" in each["msg"])
        os.kill(killed, signal.SIGKILL)
        # Only when the supervisor has seen the end of one does it start another, and forgets the gauges of the first.
        _wait_for(served, "Application startup complete", 3)
        page = _page_of_whoever_answers(served)
        assert value(page, "primepos_db_pool_connections", "limit") == 20
        assert value(page, *count) == asked
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0


def _wait_for(served: Any, told: str, times: int) -> None:
    """Wait until so many processes have told so in their log; asking them meanwhile would only hold them up."""
    while sum(told in each.get("msg", "") for each in list(served.log)) < times:
        assert served.process.poll() is None
        threading.Event().wait(0.02)


def _page_of_whoever_answers(served: Any) -> str:
    import httpx

    while True:
        try:
            return served.http.get("/metrics", headers={"Connection": "close"}).text
        except httpx.TransportError:
            continue


def test_calls_beyond_the_quota_are_counted_by_their_policy(database, database_url, tmp_path, clock, shop):
    chosen = settings_for(database_url, tmp_path, METRICS_TOKEN=TOKEN, RATE_LIMIT_API="2/hour")
    people = People()
    core = build_core(chosen, database=database, clock=clock)
    with TestClient(build_app(core, resolve=people), base_url=HOST, raise_server_exceptions=False) as client:
        watched = Watched(client, people)
        statuses = [watched.ask(shop.clerk, "GET", "/api/v1/products").status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        page = watched.page()
    assert values(page, "primepos_ratelimit_rejected_total") == {("api",): 2.0}
    assert value(page, "primepos_http_requests_total", "GET", "/api/v1/products", "429") == 2
