"""The line of a request has every agreed field, and the lines inside it can be joined to it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from litestar.testing import TestClient

from primepos.api.app import build_app
from primepos.bootstrap import build_app as build_core
from primepos.core.log import configure_logging
from tests.api.conftest import HOST, People
from tests.conftest import settings_for

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def lines_of(settings: Any, database: Any, requests: Any, resolve: Any) -> list[dict[str, Any]]:
    stream = io.StringIO()
    configure_logging(settings, stream)
    core = build_core(settings, database=database)
    with TestClient(build_app(core, resolve=resolve), base_url=HOST, raise_server_exceptions=False) as client:
        requests(client)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_agreed_field_is_on_the_line(database, database_url, tmp_path, shop):
    settings = settings_for(
        database_url, tmp_path, LOG_FORMAT="json", RENDER_GIT_COMMIT="abc1234", RENDER_INSTANCE_ID="srv-x-1"
    )
    people = People()
    somebody = replace(shop.cashier, outlet_ids=frozenset({shop.outlet_id}))

    def ask(client: Any) -> None:
        headers = {
            **people.headers(somebody),
            "X-Request-ID": "req-line-1",
            "traceparent": PARENT,
            "CF-Ray": "8a1b2c3d4e5f-FRA",
        }
        assert client.get("/api/v1/audit", headers=headers).status_code == 403

    lines = lines_of(settings, database, ask, people)
    line = next(each for each in lines if each["event"] == "http.request")
    assert datetime.fromisoformat(line.pop("ts")).utcoffset() is not None
    assert isinstance(line.pop("duration_s"), float)
    assert line.pop("bytes") > 100
    assert line == {
        "level": "warning",
        "event": "http.request",
        "msg": "",
        "request_id": "req-line-1",
        "trace_id": PARENT[3:35],
        "span_id": PARENT[36:52],
        "cf_ray": "8a1b2c3d4e5f-FRA",
        "method": "GET",
        "route": "/api/v1/audit",
        "status": 403,
        "client_ip": "testclient",
        "operation": "audit.list",
        "error_code": "PERMISSION_DENIED",
        "tenant_id": shop.tenant_id,
        "user_id": str(somebody.actor_id),
        "role": "cashier",
        "outlet_id": str(shop.outlet_id),
        "env": "test",
        "release": "abc1234",
        "instance": "srv-x-1",
    }
    denied = next(each for each in lines if each["event"] == "authz.denied")
    assert denied["level"] == "warning"
    assert (denied["permission"], denied["operation"]) == ("audit:read", "audit.list")
    assert (denied["request_id"], denied["trace_id"]) == ("req-line-1", PARENT[3:35])


def test_a_bug_names_its_type_on_both_of_its_lines(database, database_url, tmp_path):
    settings = settings_for(database_url, tmp_path, LOG_FORMAT="json")

    def broken(_app: Any, _token: str) -> Any:
        raise ZeroDivisionError

    def ask(client: Any) -> None:
        assert client.get("/api/v1/products", headers={"Authorization": "Bearer x"}).status_code == 500

    lines = lines_of(settings, database, ask, broken)
    failed = next(each for each in lines if each["event"] == "http.failed")
    line = next(each for each in lines if each["event"] == "http.request")
    assert (failed["exc_type"], line["exc_type"], line["level"]) == ("ZeroDivisionError", "ZeroDivisionError", "error")
    assert failed["request_id"] == line["request_id"]
    assert "ZeroDivisionError" in failed["trace"]
    assert "trace" not in line


def test_probes_and_scrapes_are_no_news(database, database_url, tmp_path):
    settings = settings_for(database_url, tmp_path, LOG_FORMAT="json", LOG_LEVEL="info", METRICS_TOKEN="m" * 40)

    def ask(client: Any) -> None:
        assert client.get("/health").status_code == 200
        assert client.get("/metrics", headers={"Authorization": f"Bearer {'m' * 40}"}).status_code == 200
        assert client.get("/api/v1").status_code == 200

    lines = lines_of(settings, database, ask, None)
    assert [each["route"] for each in lines if each["event"] == "http.request"] == ["/api/v1"]


def test_an_approval_that_is_missing_is_no_alarm(database, database_url, tmp_path, shop):
    settings = settings_for(database_url, tmp_path, LOG_FORMAT="json")
    people = People()

    def ask(client: Any) -> None:
        answer = client.delete(f"/api/v1/sales/{shop.outlet_id}", headers=people.headers(shop.cashier))
        assert answer.json()["code"] == "APPROVAL_REQUIRED"

    assert "authz.denied" not in [each["event"] for each in lines_of(settings, database, ask, people)]
