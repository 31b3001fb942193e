"""What nobody foresaw reaches the error tracker, cleaned; what was foreseen does not."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from litestar.testing import TestClient

from primepos import __version__
from primepos.adapters.telemetry.figures import read
from primepos.adapters.telemetry.starting import flush_telemetry, start_telemetry
from primepos.api.app import build_app
from primepos.bootstrap import build_app as build_core
from primepos.core.context import operator
from primepos.core.log import configure_logging, get_logger, report_failures_to
from primepos.core.redaction import REDACTED
from primepos.domain.accounts import service as accounts
from primepos.domain.jobs.tasks import TASKS, Task
from primepos.worker import run_worker
from tests.api.conftest import HOST, People
from tests.api.test_serve import PASSWORD, ROOT, environment, serve
from tests.conftest import settings_for
from tests.factories import a_shop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.observability.sinks import Sink

CANARY = "canary-7c1e55"


def reporting(app: Any, url: str, folder: Path, sink: Sink, **more: str) -> Any:
    """Return settings that report to ``sink``, and begin to."""
    del app
    settings = settings_for(url, folder, SENTRY_DSN=sink.dsn, RENDER_GIT_COMMIT="abc1234", LOG_FORMAT="json", **more)
    configure_logging(settings, io.StringIO())
    start_telemetry(settings)
    return settings


def test_a_bug_in_the_api_is_sent_with_what_joins_it_to_the_log_and_without_secrets(
    app, database_url, tmp_path, tracker, shop
):
    reporting(app, database_url, tmp_path, tracker)

    def broken(_app: Any, token: str) -> Any:
        password = f"local-{CANARY}"
        raise RuntimeError(f"cannot read {token} with password={password} of postgresql://me:{CANARY}@db/x")

    with TestClient(build_app(app, resolve=broken), base_url=HOST, raise_server_exceptions=False) as client:
        headers = {"Authorization": f"Bearer {CANARY}", "X-Request-ID": "req-sentry-1", "Cookie": f"a={CANARY}"}
        answer = client.get(f"/api/v1/products?token={CANARY}", headers=headers)
        assert (answer.status_code, answer.json()["request_id"]) == (500, "req-sentry-1")
    event = tracker.event()
    assert event["release"] == "abc1234"
    assert event["environment"] == "test"
    assert event["level"] == "error"
    assert event["tags"]["request_id"] == "req-sentry-1"
    error = event["exception"]["values"][-1]
    assert error["type"] == "RuntimeError"
    assert f"password={REDACTED}" in error["value"]
    assert error["stacktrace"]["frames"][-1]["function"] == "broken"
    assert '"vars"' not in json.dumps(event)
    assert not event.get("request")
    assert not event.get("breadcrumbs", {}).get("values")
    assert CANARY not in json.dumps(event).replace(f"cannot read {CANARY}", "")


def test_refusals_are_not_sent_whatever_their_status(app, database_url, tmp_path, tracker, shop, make_app):
    reporting(app, database_url, tmp_path, tracker)
    people = People()
    away = make_app("postgresql://nobody:x@127.0.0.1:1/none")
    with TestClient(build_app(app, resolve=people), base_url=HOST, raise_server_exceptions=False) as client:
        cashier = people.headers(shop.cashier)
        assert client.get("/nothing").status_code == 404
        assert client.get("/api/v1/products").status_code == 401
        assert client.get("/api/v1/audit", headers=cashier).status_code == 403
        assert client.post("/api/v1/sales", headers=cashier, json={}).status_code == 422
        assert client.post("/api/v1/sales", headers=cashier, content=b"{").status_code == 415
    with TestClient(build_app(away, resolve=people), base_url=HOST, raise_server_exceptions=False) as client:
        assert client.get("/api/v1/products", headers=cashier).status_code == 503
    flush_telemetry()
    assert tracker.arrived.empty()


def test_a_job_that_breaks_is_sent_once_with_its_task(app, fresh_database, make_app, tmp_path, tracker):
    core = make_app(fresh_database)
    reporting(core, fresh_database, tmp_path, tracker)

    def breaks(_app: Any, _arguments: Any) -> None:
        raise LookupError(f"secret={CANARY}")

    TASKS["test.breaks"] = Task("test.breaks", breaks, attempts=1)
    try:
        from primepos.core.db import apart

        apart(lambda: core.database.tenant(1), lambda uow: core._jobs.defer(uow, "test.breaks", tenant_id=1))
        run_worker(core, once=True)
    finally:
        del TASKS["test.breaks"]
    flush_telemetry()
    event = tracker.event()
    assert event["exception"]["values"][-1]["type"] == "LookupError"
    assert event["tags"]["task"] == "test.breaks"
    assert event["tags"]["job_id"]
    assert CANARY not in json.dumps(event)
    assert read(fresh_database).jobs.ended == {("test.breaks", "failed"): 1}
    assert tracker.arrived.empty()


@pytest.mark.slow
def test_a_bug_at_the_command_line_is_sent_before_it_ends(database_url, tmp_path, tracker):
    program = (
        "import sys\n"
        "from primepos.cli.main import app, run\n"
        "@app.command()\n"
        f"def boom() -> None: raise RuntimeError('token={CANARY}')\n"
        "sys.exit(run(app, ['boom']))\n"
    )
    variables = environment(
        database_url, tmp_path, SENTRY_DSN=tracker.dsn, SSL_CERT_FILE=str(tracker.ca_file), HOME=str(tmp_path)
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 70
    event = tracker.event()
    assert event["release"] == f"primepos@{__version__}"
    assert event["tags"]["component"] == "cli"
    crash = next(tmp_path.rglob("crash.log")).read_text()
    assert "RuntimeError: token=" in crash
    for text in (ended.stdout, ended.stderr, crash, json.dumps(event)):
        assert CANARY not in text.replace(program, "").replace(f"'token={CANARY}'", "")


def test_requests_are_traced_at_the_rate_that_is_set(app, database_url, tmp_path, tracker, clock, shop):
    settings = reporting(app, database_url, tmp_path, tracker, SENTRY_TRACES_SAMPLE_RATE="1")
    people = People()
    core = build_core(settings, clock=clock)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with TestClient(build_app(core, resolve=people), base_url=HOST) as client:
        client.get("/api/v1/products", headers={**people.headers(shop.cashier), "traceparent": parent})
    core.database.dispose()
    flush_telemetry()
    traced = tracker.event("transaction")
    assert traced["transaction"] == "GET /api/v1/products"
    assert traced["contexts"]["trace"]["trace_id"] == parent[3:35]
    assert traced["contexts"]["trace"]["parent_span_id"] == parent[36:52]
    operation = next(each for each in traced["spans"] if each["op"] == "operation")
    assert operation["description"] == "catalog.list_products"
    exchanges = [each for each in traced["spans"] if each["op"] == "db"]
    assert exchanges
    assert {each["parent_span_id"] for each in exchanges} == {operation["span_id"]}


def test_an_error_that_is_logged_with_its_exception_is_reported_and_the_carriers_own_never(tmp_path):
    told: list[str] = []
    settings = settings_for("postgresql://x@127.0.0.1/x", tmp_path)
    configure_logging(settings, io.StringIO())
    report_failures_to(lambda error, fields: told.append(f"{type(error).__name__} {fields.get('job')}"))
    for logger, level in (
        ("uvicorn.error", logging.ERROR),
        ("somebody", logging.WARNING),
        ("opentelemetry.exporter.otlp", logging.ERROR),
        ("urllib3.connectionpool", logging.ERROR),
    ):
        logging.getLogger(logger).log(level, "it broke", exc_info=KeyError(logger))
    get_logger("x").error("job.failed", job=7, exc_info=IndexError())
    get_logger("x").warning("job.again", exc_info=IndexError())
    get_logger("x").error("no.exception")
    assert told == ["KeyError None", "IndexError 7"]


def test_nothing_is_loaded_and_nothing_sent_without_a_dsn(tmp_path):
    program = (
        "import sys\n"
        "from primepos.core.settings import load_settings\n"
        "from primepos.adapters.telemetry.starting import start_telemetry, flush_telemetry\n"
        "start_telemetry(load_settings({'PRIMEPOS_ENV': 'test', 'PRIMEPOS_DATA_DIR': '/tmp'}))\n"
        "flush_telemetry()\n"
        "print(sorted({'sentry_sdk', 'opentelemetry', 'prometheus_client'} & sys.modules.keys()))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.long
def test_a_served_process_sends_what_is_waiting_before_it_ends(make_app, fresh_database, tmp_path, tracker):
    from primepos.core.clock import SystemClock

    core = make_app(fresh_database)
    shop = a_shop(core)
    core.clock = SystemClock()
    email = f"owner@{shop.slug}.example.org"
    who = {"email": email, "name": "Olga", "role": "owner", "password": PASSWORD}
    core.run(accounts.create_user, operator("test", shop.tenant_id), who)
    variables = environment(
        fresh_database,
        tmp_path,
        SENTRY_DSN=tracker.dsn,
        SSL_CERT_FILE=str(tracker.ca_file),
        RENDER_GIT_COMMIT="abc1234",
    )
    with serve(variables, "--workers", "2") as served:
        signed_in = served.http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        served.http.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        # A schema that nobody foresaw.
        with psycopg.connect(fresh_database, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit_events RENAME COLUMN operation TO what")
        answer = served.http.get("/api/v1/audit", headers={"X-Request-ID": "req-served-1"})
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0
    event = tracker.event()
    assert (event["release"], event["tags"]["request_id"]) == ("abc1234", "req-served-1")
    assert event["exception"]["values"][-1]["type"] in {"ProgrammingError", "UndefinedColumn"}
    for secret in (PASSWORD, signed_in.json()["access_token"], "publickeycanary"):
        assert secret not in json.dumps(event) + json.dumps(served.log)
