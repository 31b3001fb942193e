"""What holds for every answer, whoever made it: hosts, origins, headers, request ids, HEAD."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from primepos.api.app import READINESS_KEY
from primepos.bootstrap import build_app
from primepos.core.settings import load_settings
from tests.api.conftest import serving
from tests.conftest import settings_for

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGIN = "https://pos.shop.test"
CSP = "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def api_with(database_url, database, clock, people, tmp_path) -> Callable[..., Any]:
    """Give an API with other settings: ``with api_with(HSTS_SECONDS="60") as client``."""

    def make(**variables: str) -> Any:
        settings = settings_for(database_url, tmp_path, **variables)
        return serving(build_app(settings, database=database, clock=clock), people)

    return make


@pytest.fixture
def production(database, clock, people, tmp_path) -> Any:
    """An API as production runs it: public hosts, https only."""
    secret = "Z9-" + "q7Xw2mLr8Tk4" * 5
    settings = load_settings(
        {
            "PRIMEPOS_ENV": "production",
            "DATABASE_URL": "postgresql://app:q7Xw2mLr8Tk4@db.shop.test:5432/primepos?sslmode=require",
            "SECRET_KEY": secret,
            "JWT_SECRET_KEY": secret[::-1],
            "PIN_PEPPER": secret + "p",
            "BACKUP_KEY": secret + "b",
            "ALLOWED_HOSTS": "api.shop.test",
            "CORS_ALLOWED_ORIGINS": ORIGIN,
            "HSTS_SECONDS": "31536000",
            "HSTS_INCLUDE_SUBDOMAINS": "True",
            "PRIMEPOS_DATA_DIR": str(tmp_path),
        },
        component="serve",
    )
    return serving(build_app(settings, database=database, clock=clock), people)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/api/v1", 200),
        ("GET", "/api/v1/sales", 401),
        ("GET", "/nothing/here", 404),
        ("PUT", "/api/v1/sales", 405),
        ("OPTIONS", "/api/v1/sales", 204),
    ],
)
def test_every_answer_has_the_security_headers(api, method, path, status):
    answer = api.request(method, path)
    assert answer.status_code == status
    said = {name: answer.headers.get(name) for name in SECURITY}
    assert said == SECURITY
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": CSP,
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def broken(app: Any, token: str) -> Any:
    raise RuntimeError(token)


def test_every_kind_of_answer_has_them(production, shop, database, clock, database_url, tmp_path):
    """Whoever made it: the edge, the framework, an operation, a bug; in production, with HSTS."""
    host = {"host": "api.shop.test", "X-Forwarded-Proto": "https"}
    sent = {**host, "Content-Type": "application/json"}
    login = "/api/v1/auth/login"
    wrong = {"json": {"email": f"{shop.slug}@shop.test", "password": "wrong password"}, "headers": host}
    preflight = {"Access-Control-Request-Method": "POST"}
    asked = [
        (200, "GET", "/health/", {}),
        (405, "POST", "/health/", {}),
        (200, "GET", "/api/v1", {"headers": host}),
        (204, "OPTIONS", login, {"headers": host}),
        (204, "OPTIONS", login, {"headers": {**host, **preflight, "Origin": ORIGIN}}),
        (403, "OPTIONS", login, {"headers": {**host, **preflight, "Origin": "https://evil.example"}}),
        (308, "GET", "/api/v1", {"headers": {**host, "X-Forwarded-Proto": "http"}, "follow_redirects": False}),
        (400, "GET", "/api/v1", {"headers": {"host": "evil.example"}}),
        (400, "POST", login, {"headers": sent, "content": b"{"}),
        (401, "GET", "/api/v1/sales", {"headers": host}),
        (404, "GET", "/nothing", {"headers": host}),
        (404, "GET", "/schema/openapi.json", {"headers": host}),
        (405, "PUT", login, {"headers": host}),
        (405, "TRACE", "/api/v1", {"headers": host}),
        (413, "POST", login, {"headers": sent, "content": b" " * 1_100_000}),
        (415, "POST", login, {"headers": {**host, "Content-Type": "text/plain"}, "content": b"{}"}),
        (422, "POST", login, {"headers": sent, "content": b"{}"}),
        *[(401, "POST", login, wrong)] * 5,
        (429, "POST", login, wrong),
    ]
    expected = {**SECURITY, "strict-transport-security": "max-age=31536000; includeSubDomains"}
    with production as client:
        answers = [(status, path, client.request(method, path, **more)) for status, method, path, more in asked]
        getattr(client.app.state, READINESS_KEY).stop()
        answers.append((503, "/health/ready/", client.get("/health/ready/")))
    settings = settings_for(database_url, tmp_path, HSTS_SECONDS="31536000", HSTS_INCLUDE_SUBDOMAINS="True")
    with serving(build_app(settings, database=database, clock=clock), broken) as client:
        failed = client.get("/api/v1/sales", headers={"Authorization": "Bearer secret-of-somebody"})
        answers.append((500, "/api/v1/sales", failed))
        assert "secret-of-somebody" not in failed.text
    for status, path, answer in answers:
        assert answer.status_code == status, path
        assert {name: answer.headers.get(name) for name in expected} == expected, (status, path)
        assert UUID7.fullmatch(answer.headers["x-request-id"])
        assert "server" not in answer.headers
        if status >= 400 and not path.startswith("/health/ready"):
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "code", "request_id"} <= set(answer.json())


def test_an_answer_while_stopping_ends_its_connection(api):
    assert "connection" not in api.get("/api/v1").headers
    getattr(api.app.state, READINESS_KEY).stop()
    assert api.get("/api/v1").headers["connection"] == "close"
    assert api.get("/nothing").headers["connection"] == "close"


def test_a_valid_request_id_is_kept_and_another_is_replaced(api):
    assert api.get("/api/v1", headers={"X-Request-ID": "till-7.42_x"}).headers["x-request-id"] == "till-7.42_x"
    for bad in ("", "-x", "a b", "x" * 65, "a/b", "ü"):
        made = api.get("/api/v1", headers={"X-Request-ID": bad.encode("latin-1")}).headers["x-request-id"]
        assert UUID7.fullmatch(made), bad


def test_two_requests_have_two_ids_and_an_error_names_its_own(api):
    first, second = api.get("/nothing"), api.get("/nothing")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.json()["request_id"] == first.headers["x-request-id"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "LOCALHOST", "localhost.:80", "[::1]:8000", "[::1]"])
def test_hosts_of_this_server_are_answered(api, host):
    assert api.get("/api/v1", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "",
        "a b",
        "localhost:port",
        "[::1",
        "localhost@evil",
        "*",
        "::1",
        "127.1",
        "0x7f.1",
        "localhost/",
        "localhost, localhost",
        "localhost:123456",
    ],
)
def test_other_hosts_are_refused(api, host):
    answer = api.get("/api/v1", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "HOST_NOT_ALLOWED")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_listed_origin_may_ask_and_read_what_it_needs(api_with):
    with api_with(CORS_ALLOWED_ORIGINS=ORIGIN) as client:
        asked = client.options(
            "/api/v1/sales",
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert (asked.status_code, asked.content) == (204, b"")
        assert asked.headers["access-control-allow-origin"] == ORIGIN
        assert {"POST", "DELETE", "PATCH"} <= set(asked.headers["access-control-allow-methods"].split(", "))
        assert {"Authorization", "Content-Type"} <= set(asked.headers["access-control-allow-headers"].split(", "))
        read = client.get("/api/v1/sales", headers={"Origin": ORIGIN})
        assert read.status_code == 401
        assert read.headers["access-control-allow-origin"] == ORIGIN
        assert read.headers["vary"] == "Origin"
        assert {"X-Request-ID", "Retry-After"} <= set(read.headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-credentials" not in read.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://pos.shop.test.evil.example", ORIGIN + ":1"]
)
def test_no_other_origin_is_ever_repeated(api_with, origin):
    with api_with(CORS_ALLOWED_ORIGINS=ORIGIN) as client:
        read = client.get("/api/v1", headers={"Origin": origin})
        assert read.status_code == 200
        asked = client.options("/api/v1", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
        assert (asked.status_code, asked.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED")
        for answer in (read, asked):
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.headers["vary"] == "Origin"


def test_options_says_what_a_path_takes(api):
    assert api.options("/api/v1/sales").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert api.options("/api/v1/products/lookup").headers["allow"] == "GET, HEAD, OPTIONS"
    assert api.options("/nothing").status_code == 404


def test_head_answers_like_get_without_a_body(ask, shop):
    whole = ask(shop.owner, "GET", "/api/v1/sales")
    head = ask(shop.owner, "HEAD", "/api/v1/sales")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert ask(None, "HEAD", "/api/v1/sales").status_code == 401


def test_hsts_is_sent_as_it_is_set(api_with):
    with api_with(HSTS_SECONDS="60", HSTS_INCLUDE_SUBDOMAINS="True", HSTS_PRELOAD="True") as client:
        assert client.get("/nothing").headers["strict-transport-security"] == "max-age=60; includeSubDomains; preload"


def test_production_sends_plain_http_to_https_and_hides_its_description(production):
    with production as client:
        host = {"host": "api.shop.test"}
        plain = client.get(
            "/api/v1/sales?limit=2", headers={**host, "X-Forwarded-Proto": "http"}, follow_redirects=False
        )
        assert plain.status_code == 308
        assert plain.headers["location"] == "https://api.shop.test/api/v1/sales?limit=2"
        assert plain.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert client.get("/health/", headers={"X-Forwarded-Proto": "http"}).status_code == 200
        encrypted = {**host, "X-Forwarded-Proto": "https"}
        assert client.get("/api/v1", headers=encrypted).status_code == 200
        assert client.get("/schema/openapi.json", headers=encrypted).status_code == 404


@pytest.mark.parametrize("path", ["/admin/", "/.env", "/.git/HEAD", "/render.yaml", "/backup.sql", "/metrics", "/docs"])
def test_nothing_is_found_where_scanners_look(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_the_root_says_what_this_is(api):
    assert (api.get("/api/v1/").status_code, api.get("/api/v1/").json()["version"]) == (200, "v1")
