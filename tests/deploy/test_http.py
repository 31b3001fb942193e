"""The checks of a running deployment: the good one passes all, and each fault is found by its check and no other."""

from __future__ import annotations

import json
import ssl
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from primepos.deploy import check, prober
from primepos.deploy.catalogue import frontend_live, http, tls
from primepos.deploy.check import Severity, Status
from tests.deploy.live import (
    API_HOST,
    COMMIT,
    HSTS,
    ORIGIN,
    PLATFORM_HOST,
    SHOP_HOST,
    Authority,
    Live,
    Sent,
    problem,
    sent,
)
from tests.deploy.world import a_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.deploy.check import Check, Outcome
    from primepos.deploy.target import Target
    from tests.deploy.live import Asked

NAMES = (API_HOST, PLATFORM_HOST, SHOP_HOST)
MODULES = {http.__name__, tls.__name__, frontend_live.__name__, *(each.__name__ for each in http.BESIDE)}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(authority) -> Iterator[Live]:
    live = Live(authority, authority.issue(*NAMES))
    yield live
    live.close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(prober, "WAIT_S", 0.01)


@pytest.fixture
def live(running) -> Iterator[Live]:
    good = running.context
    yield running
    running.use(good)
    running.break_answers = None
    running.seconds = 0.0


def mine() -> list[Check]:
    found = [one for one in check._CHECKS.values() if one.run.__module__ in MODULES]
    assert len(found) == 30 + 3
    return found


def target_of(folder: Any, live: Live, environ: dict[str, str | None] | None = None, **more: Any) -> Target:
    target = a_target(folder, {"RENDER_GIT_COMMIT": COMMIT, **(environ or {})}, url=f"https://{API_HOST}", active=True)
    target.now = datetime.now(UTC)
    target.http = live.prober(**more)
    return target


def look_at_all(target: Target) -> dict[str, Outcome]:
    found = {one.id: one.run(target) for one in mine()}
    target.close()
    return found


def failing(found: dict[str, Outcome]) -> set[str]:
    return {name for name, outcome in found.items() if outcome.status is Status.FAIL}


def test_a_good_deployment_passes_every_check(tmp_path, live):
    found = look_at_all(target_of(tmp_path, live))
    assert {name: outcome.evidence for name, outcome in found.items() if outcome.status is not Status.PASS} == {}


def test_eight_checks_at_a_time_see_the_same_and_ask_no_more(tmp_path, live):
    asked: list[tuple[str, str, str, str]] = []

    def noted(request: Asked, good: Sent) -> Sent:
        kept = request.header("X-Request-ID") + request.header("Origin")
        asked.append((request.method, request.host, request.path, kept))
        return good

    live.break_answers = noted
    look_at_all(target_of(tmp_path, live))
    alone = sorted(asked)
    asked.clear()
    target = target_of(tmp_path, live)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda one: one.run(target), mine()))
    target.close()
    assert {outcome.status for outcome in outcomes} == {Status.PASS}
    assert sorted(asked) == alone


# --- one fault each --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What is broken, and which checks see it; HTTP080 and FE067 add up what others judge one by one."""

    check: str
    answers: Callable[[Asked, Sent], Sent | None] | None = None
    certificate: Callable[[Authority], ssl.SSLContext] | None = None
    environ: dict[str, str | None] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    slow_s: float = 0.0


def on(path: str, change: Callable[[Sent], Sent], *, method: str | None = None, host: str | None = None) -> Any:
    """Change the answers at one path, over HTTPS."""

    def broken(asked: Asked, good: Sent) -> Sent:
        here = asked.path.partition("?")[0] == path and asked.is_https
        same = method in {None, asked.method} and (host is None or host == asked.host)
        return change(good) if here and same else good

    return broken


def everywhere(change: Callable[[Sent], Sent], host: str = API_HOST) -> Any:
    """Change every answer of the API over HTTPS."""
    return lambda asked, good: change(good) if asked.is_https and asked.host == host else good


def header(name: str, value: str | None, host: str = API_HOST) -> Any:
    return everywhere(lambda good: good.having(name, value), host)


def served(path: str) -> Any:
    return on(path, lambda good: sent(200, {"a": "file"}))


def when(is_it: Callable[[Asked], bool], change: Callable[[Asked, Sent], Sent | None]) -> Any:
    return lambda asked, good: change(asked, good) if is_it(asked) else good


def is_plain_api(asked: Asked) -> bool:
    return not asked.is_https and asked.host == API_HOST


def reflecting(asked: Asked, good: Sent) -> Sent:
    return good.having("Access-Control-Allow-Origin", asked.header("Origin"))


def redirect(place: str) -> Any:
    return when(is_plain_api, lambda _, good: good.having("Location", place))


def old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.issue(*NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


SCORE, SHOP_SCORE = frozenset({"HTTP080"}), frozenset({"FE067"})
LEAK = 'Traceback (most recent call last): File "/app/primepos/api/app.py", line 3, in f'
GUESSED = "/api/v1/auth/login"

FAULTS = {
    "liveness-503": Fault("HTTP050", on("/health/", lambda good: replace(good, status=503), method="GET")),
    "liveness-unhealthy": Fault(
        "HTTP050", on("/health/", lambda good: good.saying({"status": "ready", "commit": COMMIT}), method="GET")
    ),
    "liveness-slow": Fault("HTTP050", on("/health/", lambda good: good), slow_s=1.5),
    "liveness-refused-by-name": Fault(
        "HTTP050", on("/health/", lambda _: sent(400, {"status": "healthy"}), host=PLATFORM_HOST)
    ),
    "readiness-503": Fault(
        "HTTP051",
        on(
            "/health/ready/",
            lambda good: replace(good, status=503).saying({"status": "not_ready", "error": "database_unreachable"}),
        ),
    ),
    "probe-names-a-host": Fault(
        "HTTP052",
        on(
            "/health/ready/",
            lambda good: good.saying({"status": "ready", "database": "connected", "host": "dpg-c0ffee-a:5432"}),
        ),
    ),
    "probe-tells-an-error": Fault(
        "HTTP052", on("/health/", lambda good: good.saying({**good.json, "error": "could not connect to server"}))
    ),
    "probe-is-cached": Fault("HTTP052", on("/health/", lambda good: good.having("Cache-Control", "max-age=60"))),
    "plain-http-serves": Fault(
        "HTTP054",
        when(is_plain_api, lambda _, good: sent(200, {"name": "PrimePOS"})),
        also=SCORE,
    ),
    "plain-http-leads-elsewhere": Fault("HTTP054", redirect(f"https://{PLATFORM_HOST}/api/v1/")),
    "plain-http-leads-to-http": Fault(
        "HTTP054",
        when(
            is_plain_api,
            lambda asked, good: good.having("Location", f"http://{PLATFORM_HOST}{asked.path}"),
        ),
    ),
    "hsts-missing": Fault("HTTP055", header("Strict-Transport-Security", None), also=SCORE | {"HTTP056"}),
    "hsts-half-a-year": Fault("HTTP055", header("Strict-Transport-Security", HSTS.replace("31536000", "15768000"))),
    "hsts-without-subdomains": Fault("HTTP055", header("Strict-Transport-Security", "max-age=31536000; preload")),
    "hsts-without-preload": Fault(
        "HTTP056", header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    ),
    "nosniff-missing": Fault("HTTP057", header("X-Content-Type-Options", None)),
    "nosniff-missing-on-404": Fault(
        "HTTP057", on("/api/v1/there-is-nothing-here", lambda good: good.having("X-Content-Type-Options", None))
    ),
    "policy-missing": Fault("HTTP058", header("Content-Security-Policy", None), also=SCORE),
    "policy-lets-forms-out": Fault(
        "HTTP058", header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
    ),
    "framing": Fault(
        "HTTP059",
        everywhere(
            lambda good: good.having("X-Frame-Options", None).having(
                "Content-Security-Policy",
                "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors *",
            )
        ),
        # frame-ancestors is one of the five as well.
        also=frozenset({"HTTP058"}),
    ),
    "referrer-unsafe": Fault("HTTP060", header("Referrer-Policy", "unsafe-url")),
    "opener-missing": Fault("HTTP061", header("Cross-Origin-Opener-Policy", None)),
    "resource-policy-wrong": Fault("HTTP061", header("Cross-Origin-Resource-Policy", "whatever")),
    "origin-reflected": Fault("HTTP062", when(lambda asked: bool(asked.header("Origin")) and asked.is_api, reflecting)),
    "origin-null-allowed": Fault("HTTP062", when(lambda asked: asked.header("Origin") == "null", reflecting)),
    "origin-look-alike-allowed": Fault(
        "HTTP062", when(lambda asked: asked.header("Origin").startswith(ORIGIN), reflecting)
    ),
    "origins-all-allowed": Fault(
        "HTTP062",
        when(
            lambda asked: asked.header("Origin") not in {"", ORIGIN},
            lambda _, good: good.having("Access-Control-Allow-Origin", "*"),
        ),
    ),
    "preflight-refused": Fault(
        "HTTP063",
        when(lambda asked: asked.method == "OPTIONS", lambda _, good: replace(good, status=403)),
        also=frozenset({"FE064"}),
    ),
    "preflight-without-authorization": Fault(
        "HTTP063",
        when(
            lambda asked: asked.method == "OPTIONS",
            lambda _, good: good.having("Access-Control-Allow-Headers", "Content-Type"),
        ),
        also=frozenset({"FE064"}),
    ),
    "vary-missing": Fault("HTTP063", header("Vary", None), also=frozenset({"FE064"})),
    "another-origin-is-listed": Fault(
        "HTTP063", environ={"CORS_ALLOWED_ORIGINS": f"{ORIGIN},https://office.brightfruit.shop"}
    ),
    "any-host-answers": Fault(
        "HTTP064", when(lambda asked: asked.host.startswith("bogus"), lambda _, good: sent(200, {"name": "PrimePOS"}))
    ),
    "trace-in-404": Fault(
        "HTTP065", on("/api/v1/there-is-nothing-here", lambda good: good.saying({**good.json, "detail": LEAK}))
    ),
    "long-id-breaks": Fault(
        "HTTP065",
        when(lambda asked: len(asked.path) > 3000, lambda _, good: replace(good, status=500)),
    ),
    "driver-named": Fault(
        "HTTP065",
        on(GUESSED, lambda good: good.saying({**good.json, "detail": "psycopg.errors.SyntaxError at 0x7f00"})),
    ),
    "proxy-answers-in-html": Fault(
        "HTTP066", on("/api/v1/there-is-nothing-here", lambda good: good.having("Content-Type", "text/html"))
    ),
    "refusal-without-code": Fault("HTTP066", on("/health/", lambda good: good.saying({}), method="DELETE")),
    "refusal-with-another-id": Fault(
        "HTTP066", on("/api/v1/auth/me", lambda good: good.saying({**good.json, "request_id": "other"}), method="GET")
    ),
    "sales-are-open": Fault("HTTP067", on("/api/v1/sales", lambda _: sent(200, []))),
    "sales-without-challenge": Fault(
        "HTTP067", on("/api/v1/sales", lambda good: good.having("WWW-Authenticate", None))
    ),
    "metrics-are-open": Fault("HTTP069", served("/metrics")),
    "admin-is-open": Fault("HTTP069", served("/admin/")),
    "description-is-open": Fault("HTTP069", served("/schema/openapi.json")),
    "env-is-served": Fault("HTTP070", served("/.env")),
    "git-is-served": Fault("HTTP070", served("/.git/HEAD")),
    "blueprint-is-served": Fault("HTTP070", served("/render.yaml")),
    "guessing-is-free": Fault(
        "HTTP071",
        when(
            lambda asked: asked.path == GUESSED and b"probe-" in asked.body,
            lambda _, good: good if good.status != 429 else problem(401, "WRONG_CREDENTIALS", "r"),
        ),
    ),
    "no-word-when-to-return": Fault("HTTP071", on(GUESSED, lambda good: good.having("Retry-After", None))),
    "accounts-are-told-apart": Fault(
        "HTTP071",
        when(
            lambda asked: asked.path == GUESSED and b"other-" in asked.body,
            lambda _, good: good.saying({**good.json, "code": "NO_SUCH_ACCOUNT"}),
        ),
    ),
    "rate-limit-missing": Fault("HTTP072", header("RateLimit", None)),
    "rate-limit-superseded": Fault("HTTP072", header("RateLimit-Policy", "1000;w=3600")),
    "rate-limit-of-no-policy": Fault("HTTP072", header("RateLimit", '"other";r=1;t=2')),
    "trace-echoes": Fault(
        "HTTP073", when(lambda asked: asked.method == "TRACE", lambda _, good: replace(good, status=200))
    ),
    "server-tells-its-version": Fault("HTTP073", header("Server", "nginx/1.18.0")),
    "request-id-missing": Fault(
        "HTTP075", on("/api/v1/", lambda good: good.having("X-Request-ID", None), method="GET")
    ),
    "request-id-always-the-same": Fault(
        "HTTP075",
        when(
            lambda asked: asked.path == "/api/v1/" and not asked.header("X-Request-ID"),
            lambda _, good: good.having("X-Request-ID", "always-the-same"),
        ),
    ),
    "request-id-replaced": Fault(
        "HTTP075",
        when(
            lambda asked: bool(asked.header("X-Request-ID")), lambda _, good: good.having("X-Request-ID", "another-one")
        ),
    ),
    "reads-are-slow": Fault("HTTP077", on("/api/v1/", lambda good: good), slow_s=0.7),
    "another-commit-runs": Fault(
        "HTTP078", on("/health/", lambda good: good.saying({**good.json, "commit": "0" * 40}))
    ),
    "certificate-of-a-stranger": Fault(
        "TLS001", certificate=lambda by: by.issue(*NAMES, self_signed=True), also=SCORE | SHOP_SCORE
    ),
    "certificate-for-another-name": Fault(
        "TLS001", certificate=lambda by: by.issue("other.brightfruit.shop"), also=SCORE | SHOP_SCORE
    ),
    "certificate-expired": Fault("TLS002", certificate=lambda by: by.issue(*NAMES, days=-3), also=SCORE | SHOP_SCORE),
    "certificate-ends-soon": Fault("TLS002", certificate=lambda by: by.issue(*NAMES, days=20)),
    "old-tls": Fault("TLS003", certificate=old_tls),
    "frontend-is-down": Fault(
        "FE064", on("/", lambda good: replace(good, status=502), host=SHOP_HOST), also=SHOP_SCORE
    ),
    "frontend-is-no-page": Fault(
        "FE064", on("/", lambda good: good.having("Content-Type", "text/plain"), host=SHOP_HOST)
    ),
    "dashboard-is-open": Fault("FE066", on("/dashboard", lambda good: replace(good, status=200), host=SHOP_HOST)),
    "frontend-without-headers": Fault(
        "FE067",
        everywhere(
            lambda good: good.having("Strict-Transport-Security", None).having("Content-Security-Policy", None),
            SHOP_HOST,
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_check_and_no_other(name, tmp_path, live, authority):
    fault = FAULTS[name]
    if fault.certificate is not None:
        live.use(fault.certificate(authority))
    if fault.answers is not None:
        live.break_answers = _slowed(live, fault) if fault.slow_s else fault.answers
    found = look_at_all(target_of(tmp_path, live, fault.environ))
    assert failing(found) == {fault.check} | fault.also, {each: found[each].evidence for each in failing(found)}


def _slowed(live: Live, fault: Fault) -> Any:
    slow = "/health/" if fault.check == "HTTP050" else "/api/v1/"

    def broken(asked: Asked, good: Sent) -> Sent:
        if asked.path == slow and asked.is_https:
            live.seconds += fault.slow_s
        return good

    return broken


def test_every_check_has_a_fault_that_only_it_finds():
    assert {fault.check for fault in FAULTS.values()} | {"HTTP068", "HTTP080"} == {one.id for one in mine()}


def test_a_root_that_does_not_answer_is_found_with_all_that_looks_at_it(tmp_path, live):
    live.break_answers = on("/api/v1/", lambda good: replace(good, status=404))
    assert failing(look_at_all(target_of(tmp_path, live))) == {"HTTP068", "HTTP080"}


def test_a_score_below_90_is_told_with_what_took_the_points(tmp_path, live):
    cookie = "session=1"
    live.break_answers = header("Set-Cookie", cookie)
    found = look_at_all(target_of(tmp_path, live))
    assert failing(found) == {"HTTP080"}
    assert found["HTTP080"].evidence.startswith("70 (B): cookies-session-without-httponly-flag -30")


def test_a_certificate_with_a_week_left_is_critical(tmp_path, live, authority):
    live.use(authority.issue(*NAMES, days=6))
    found = look_at_all(target_of(tmp_path, live))
    assert failing(found) == {"TLS002"}
    assert found["TLS002"].severity is Severity.CRITICAL
    assert "6 days left" in found["TLS002"].evidence


def test_where_nothing_listens_for_plain_http_nothing_can_be_sent_over_it(tmp_path, live):
    https, _ = live.ports
    target = target_of(
        tmp_path, live, connect_to={(API_HOST, 443): ("127.0.0.1", https), (API_HOST, 80): ("127.0.0.1", 1)}
    )
    (redirects,) = [one for one in mine() if one.id == "HTTP054"]
    assert redirects.run(target).status is Status.PASS


def test_a_plain_http_url_is_no_deployment(tmp_path, live):
    target = target_of(tmp_path, live, url=f"http://{API_HOST}")
    wanted = {"TLS001", "TLS002", "TLS003"}
    assert failing({one.id: one.run(target) for one in mine() if one.id in wanted}) == wanted


def test_no_evidence_shows_what_a_body_leaked(tmp_path, live):
    secret = "postgresql://primepos:dWk3LqZ8vXn5RtY2@dpg-c0ffee-a/primepos"
    live.break_answers = on("/health/ready/", lambda good: replace(good, status=503).saying({"error": secret}))
    found = look_at_all(target_of(tmp_path, live))
    assert {"HTTP051", "HTTP052"} <= failing(found)
    assert "dWk3LqZ8vXn5RtY2" not in json.dumps([outcome.evidence for outcome in found.values()])


def test_the_scripts_of_the_frontend_can_be_read(live):
    scripts = frontend_live.live_scripts(live.prober())
    assert scripts == [(f"{ORIGIN}/app.js", f'fetch("https://{API_HOST}/api/v1/products")')]
