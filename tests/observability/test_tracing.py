"""Traces: a request, the operation inside it, the exchanges inside that; and the ids that join them to the log."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos.adapters.telemetry.otel import headers_of
from primepos.adapters.telemetry.starting import flush_telemetry, start_telemetry
from primepos.api.app import build_app
from primepos.bootstrap import build_app as build_core
from primepos.core import observing
from primepos.core.log import configure_logging
from primepos.core.settings import Secret
from tests.api.conftest import HOST, People, a_sale
from tests.api.test_serve import ROOT
from tests.conftest import settings_for
from tests.observability.sinks import a_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.observability.sinks import Sink

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", exc_type=ImportError)

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CANARY = "canary-31d0aa"


@pytest.fixture
def collector() -> Iterator[Sink]:
    with a_sink() as sink:
        yield sink


def spans_of(sink: Sink) -> tuple[dict[str, Any], list[Any]]:
    """Return the resource and the spans of one delivery."""
    path, headers, body = sink.next()
    assert path == "/v1/traces"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-key"] == CANARY
    sent = trace_service.ExportTraceServiceRequest.FromString(body)
    (resource,) = sent.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    return named, [span for scope in resource.scope_spans for span in scope.spans]


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_request_is_one_trace_down_to_the_database(app, database_url, tmp_path, clock, shop, collector):
    settings = settings_for(
        database_url,
        tmp_path,
        LOG_FORMAT="json",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"X-Key={CANARY}",
        OTEL_SERVICE_NAME="pos-test",
    )
    lines = io.StringIO()
    configure_logging(settings, lines)
    start_telemetry(settings)
    core = build_core(settings, clock=clock)
    people = People()
    with TestClient(build_app(core, resolve=people), base_url=HOST) as client:
        headers = {**people.headers(shop.cashier), "traceparent": PARENT, "X-Request-ID": "req-traced-1"}
        sale = a_sale(shop, sale_id="01a20000-0000-7000-8000-000000000001")
        assert client.post("/api/v1/sales", json=sale, headers=headers).status_code == 201
    core.database.dispose()
    flush_telemetry()
    resource, spans = spans_of(collector)
    assert resource["service.name"] == "pos-test"
    assert resource["deployment.environment.name"] == "test"
    (request,) = [each for each in spans if each.name == "POST /api/v1/sales"]
    (operation,) = [each for each in spans if each.name == "sales.book"]
    exchanges = [each for each in spans if each.name == "postgresql"]
    assert {each.trace_id.hex() for each in spans} == {PARENT[3:35]}
    assert request.parent_span_id.hex() == PARENT[36:52]
    assert operation.parent_span_id == request.span_id
    assert exchanges
    assert {each.parent_span_id for each in exchanges} == {operation.span_id}
    told = attributes(request)
    assert (told["http.route"], told["http.response.status_code"]) == ("/api/v1/sales", 201)
    assert told["primepos.request_id"] == "req-traced-1"
    assert any("INSERT INTO" in attributes(each)["db.query.text"] for each in exchanges)
    assert sale["id"] not in "".join(attributes(each)["db.query.text"] for each in exchanges)
    written = [json.loads(line) for line in lines.getvalue().splitlines()]
    line = next(each for each in written if each["event"] == "http.request")
    assert (line["trace_id"], line["span_id"]) == (PARENT[3:35], request.span_id.hex())
    assert line["request_id"] == "req-traced-1"
    assert CANARY not in lines.getvalue()


def test_two_places_may_be_told_of_the_same_request(app, database_url, tmp_path, clock, shop, collector, tracker):
    settings = settings_for(
        database_url,
        tmp_path,
        LOG_FORMAT="json",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"X-Key={CANARY}",
        SENTRY_DSN=tracker.dsn,
        SENTRY_TRACES_SAMPLE_RATE="1",
    )
    lines = io.StringIO()
    configure_logging(settings, lines)
    start_telemetry(settings)
    core = build_core(settings, clock=clock)
    people = People()
    with TestClient(build_app(core, resolve=people), base_url=HOST) as client:
        assert client.get("/api/v1/products", headers=people.headers(shop.cashier)).status_code == 200
    core.database.dispose()
    flush_telemetry()
    _, spans = spans_of(collector)
    (request,) = [each for each in spans if each.name == "GET /api/v1/products"]
    transaction = tracker.event("transaction")
    assert transaction["transaction"] == "GET /api/v1/products"
    assert len([each for each in transaction["spans"] if each["op"] == "db"]) == len(
        [each for each in spans if each.name == "postgresql"]
    )
    line = next(each for each in map(json.loads, lines.getvalue().splitlines()) if each["event"] == "http.request")
    assert line["trace_id"] == request.trace_id.hex()


def test_what_an_error_says_is_no_part_of_a_trace(app, database_url, tmp_path, collector):
    settings = settings_for(
        database_url,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"X-Key={CANARY}",
    )
    configure_logging(settings, io.StringIO())
    start_telemetry(settings)

    def broken(_app: Any, _token: str) -> Any:
        raise RuntimeError("free-text-9f1")

    with TestClient(build_app(app, resolve=broken), base_url=HOST, raise_server_exceptions=False) as client:
        assert client.get("/api/v1/products", headers={"Authorization": "Bearer x"}).status_code == 500
    flush_telemetry()
    _, spans = spans_of(collector)
    assert attributes(spans[0])["error.type"] == "RuntimeError"
    assert spans[0].status.code == 2
    assert b"free-text-9f1" not in b"".join(collector.raw)


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (PARENT, {"trace_id": PARENT[3:35], "span_id": PARENT[36:52]}),
        (PARENT.upper(), {"trace_id": PARENT[3:35], "span_id": PARENT[36:52]}),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", {}),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", {}),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", {}),
        ('00-x"y\\n-z-01', {}),
    ],
)
def test_a_callers_trace_is_on_the_line_though_nobody_traces(app, settings, given, ids):
    lines = io.StringIO()
    configure_logging(settings, lines)
    with TestClient(build_app(app), base_url=HOST) as client:
        client.get("/api/v1", headers={"traceparent": given, "CF-Ray": "8a1b2c3d4e5f-FRA"})
        client.get("/api/v1", headers={"CF-Ray": "no ray\x1b at all"})
    first, second = (line for line in lines.getvalue().splitlines() if "http.request" in line)
    assert "cf_ray=8a1b2c3d4e5f-FRA" in first
    assert {name: f"{name}={text}" in first for name, text in ids.items()} == dict.fromkeys(ids, True)
    assert ("trace_id" in first) == bool(ids)
    assert "request_id=" in second or "-" in second
    assert "cf_ray" not in second


def test_tracing_off_costs_no_span(app, shop):
    assert observing.tracer() is None
    assert observing.span("x") is observing.span("y")
    assert observing.request_span("GET", None).ids() == {}


def test_headers_are_read_as_the_standard_writes_them():
    assert headers_of(Secret("Api-Key=a=b, x = y ,nothing,=z")) == {"api-key": "a=b", "x": "y"}
    assert headers_of(None) == {}


def test_without_the_extra_the_refusal_says_what_to_install(tmp_path):
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from primepos.core.settings import load_settings\n"
        "from primepos.core.errors import BadConfiguration\n"
        "from primepos.adapters.telemetry.starting import start_telemetry\n"
        "try:\n"
        "    start_telemetry(load_settings({'PRIMEPOS_ENV': 'test', 'PRIMEPOS_DATA_DIR': '/tmp',"
        " 'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:4318'}))\n"
        "except BadConfiguration as error:\n"
        "    print(error.hint)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install 'primepos[otel]'" in ended.stdout
