"""What answers carry and give away, and how much a caller can ask for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from primepos.deploy.catalogue.application.access import OPEN
from primepos.deploy.check import (
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    check,
    failed,
    not_applicable,
    passed,
)
from primepos.deploy.shown import listed
from primepos.deploy.surface import INJECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from primepos.deploy.surface import Answer, Surface
    from primepos.deploy.target import Target

# What must not be read in an answer: marks of a traceback, of a path, of a class.
_TRACES: Final = ("Traceback", 'File "', ".py", "RuntimeError", "primepos.", "/srv/", "site-packages", "sqlalchemy")
_PROBLEM: Final = ("type", "title", "status", "detail", "instance", "error", "code", "request_id")

# Headers that every answer carries, and what each must say (ASVS 3.4, MDN HTTP Observatory).
_HEADERS: Final[Mapping[str, Callable[[str], bool]]] = {
    "x-content-type-options": lambda value: value == "nosniff",
    "content-security-policy": lambda value: "default-src 'none'" in value and "frame-ancestors 'none'" in value,
    "x-frame-options": lambda value: value == "DENY",
    "referrer-policy": lambda value: value == "no-referrer",
    "cross-origin-resource-policy": lambda value: value in {"same-origin", "same-site"},
    "cache-control": lambda value: "no-store" in value,
    "x-request-id": bool,
}

# What describes or shows the inside, under the names that tools and attackers try.
INSIDE: Final = (
    "/schema/openapi.json", "/schema", "/schema/swagger", "/schema/redoc", "/openapi.json", "/docs", "/redoc",
    "/metrics", "/debug", "/__debug__/", "/api/v1/debug", "/api/v1/metrics", "/admin/", "/.env", "/.git/config",
)  # fmt: skip
_CLOSED: Final = frozenset({401, 403, 404})

BODY_BYTES: Final = 10 * 1024 * 1024
PAGE_ROWS: Final = 2000
# A report is one answer and no list to leaf through; its rows are at most the products of a shop.
REPORT_ROWS: Final = 100_000


@check(
    "SEC021",
    CRITICAL,
    rule="what nobody foresaw is answered with a fixed problem document: no trace, no path, no class",
    remedy="let the handlers of api/errors.py answer; never put str(error) into an answer",
    anchor="ASVS 16.5.1/16.5.4",
)
def failures_give_nothing_away(target: Target) -> Outcome:
    """Let the application fail in the middle of a request and read what it answers."""
    answer = target.surface.ask("GET", "/api/v1/auth/me", fault=True)
    text = answer.body.decode("utf-8", "replace")
    wrong = []
    if answer.status != 500:
        wrong.append(f"status {answer.status}, not 500")
    if answer.header("content-type") != "application/problem+json":
        wrong.append(f"sent as {answer.header('content-type')}")
    wrong += [f"the answer says {mark!r}" for mark in (*INJECTED.split(), *_TRACES) if mark in text]
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        wrong.append("the body is no JSON object")
    else:
        wrong += [f"{name} is missing" for name in _PROBLEM if name not in body]
        if body.get("code") != "INTERNAL_ERROR":
            wrong.append(f"code {str(body.get('code'))[:40]}")
    if wrong:
        return failed(listed(wrong))
    return passed(f"500 {answer.header('content-type')}, code INTERNAL_ERROR, {len(answer.body)} bytes without a trace")


@check(
    "SEC022",
    HIGH,
    rule="every answer carries the security headers, errors and refusals at the door too",
    remedy="answer from inside primepos.api.edge.Edge; HSTS_SECONDS=31536000",
    anchor="Django security.W001/W002",
)
def answers_carry_security_headers(target: Target) -> Outcome:
    """Ask for each kind of answer there is, and look at what it carries."""
    surface = target.surface
    wants_hsts = target.settings is None or bool(target.settings.hsts_seconds)
    kinds = dict(_kinds(surface))
    wrong = []
    for kind, answer in kinds.items():
        missing = [name for name, holds in _HEADERS.items() if not holds(answer.header(name) or "")]
        if wants_hsts and not (answer.header("strict-transport-security") or "").startswith("max-age="):
            missing.append("strict-transport-security")
        if answer.header("server") or answer.header("x-powered-by"):
            missing.append("no Server or X-Powered-By")
        if missing:
            wrong.append(f"{kind} ({answer.status}) lacks {', '.join(missing)}")
    if wrong:
        return failed(listed(wrong))
    return passed(f"{len(_HEADERS) + wants_hsts} headers on {len(kinds)} kinds of answers: {', '.join(kinds)}")


def _kinds(surface: Surface) -> Iterator[tuple[str, Answer]]:
    """Return one answer of each kind: from a handler, from the framework, from the edge, from a failure."""
    ask = surface.ask
    yield "liveness", ask("GET", "/health")
    yield "root", ask("GET", "/api/v1")
    yield "not signed in", ask("GET", "/api/v1/sales")
    yield "unreadable body", ask("POST", "/api/v1/auth/login", headers={"content-type": "application/json"}, body=b"{")
    yield "unknown path", ask("GET", "/no/such/path")
    yield "wrong method", ask("PATCH", "/api/v1/auth/login")
    yield "foreign host", ask("GET", "/api/v1", headers={"host": "evil.invalid"})
    yield "plain HTTP", ask("GET", "/api/v1", headers={"x-forwarded-proto": "http"})
    yield "failure", ask("GET", "/api/v1/auth/me", fault=True)


@check(
    "SEC023",
    HIGH,
    rule="the description of the API, metrics and anything for debugging are closed",
    remedy="PRIMEPOS_ENV=production; METRICS_TOKEN; take the route away",
    anchor="ASVS 13.4.5",
)
def the_inside_is_closed(target: Target) -> Outcome:
    """Ask for what shows the inside, without a token."""
    surface = target.surface
    answers = surface.ask_all([("GET", path) for path in INSIDE])
    wrong = [
        f"{path} answers {answer.status}" for path, answer in zip(INSIDE, answers, strict=True)
        if answer.status not in _CLOSED
    ]  # fmt: skip
    wrong += [f"{route} is open to everybody" for route in surface.routes if route.public and str(route) not in OPEN]
    if wrong:
        return failed(listed(wrong))
    return passed(f"{len(INSIDE)} paths asked for, none answers to somebody without a token")


@check(
    "SEC030",
    HIGH,
    rule="a cookie is Secure, HttpOnly, SameSite and bound to its host by the prefix __Host-",
    remedy="name it __Host-NAME and set Secure; HttpOnly; SameSite=Lax; Path=/",
    anchor="Django security.W010-W016, ASVS 3.3",
)
def cookies_are_guarded(target: Target) -> Outcome:
    """Look for cookies in every kind of answer."""
    found = [
        (kind, value)
        for kind, answer in _kinds(target.surface)
        for name, value in answer.headers
        if name == "set-cookie"
    ]
    if not found:
        return passed("no answer sets a cookie: tokens travel in the Authorization header, which no site can forge")
    wrong = []
    for kind, value in found:
        name = value.partition("=")[0]
        flags = {part.strip().partition("=")[0].lower() for part in value.split(";")[1:]}
        missing = [flag for flag in ("secure", "httponly", "samesite") if flag not in flags]
        if not name.startswith("__Host-"):
            missing.append("the prefix __Host-")
        if missing:
            wrong.append(f"{name} ({kind}) lacks {', '.join(missing)}")
    return failed(listed(wrong)) if wrong else passed(f"{len(found)} cookies, each guarded")


@check(
    "SEC031",
    LOW,
    rule="webhooks are signed with an HMAC over the body and a timestamp",
    remedy="sign them; see the webhooks guide",
    anchor="audit",
)
def webhooks_are_signed(target: Target) -> Outcome:
    """Look at how webhooks are signed."""
    found = target.surface.webhooks
    if found is None:
        return not_applicable("there are no webhooks")
    missing = [name for name, has in (("HMAC", found.has_hmac), ("timestamp", found.has_timestamp)) if not has]
    return failed(f"webhooks go out without {' and '.join(missing)}") if missing else passed("HMAC and timestamp")


@check(
    "SEC033",
    MEDIUM,
    rule="bodies, pages and uploads are bounded",
    remedy="MAX_BODY_BYTES in api/app.py; Meta(le=...) on the field limit of a list; name the types an upload takes",
    anchor="API4",
)
def requests_are_bounded(target: Target) -> Outcome:
    """Look at the bounds, and ask for what lies beyond."""
    surface = target.surface
    limits = surface.limits
    wrong = []
    if limits.body_bytes is None or limits.body_bytes > BODY_BYTES:
        wrong.append(f"a body may have {limits.body_bytes or 'any number of'} bytes")
    for name, most in limits.pages.items():
        allowed = REPORT_ROWS if name.startswith("reporting.") else PAGE_ROWS
        if most is None or most > allowed:
            wrong.append(f"{name} gives {most or 'any number of'} rows")
    wrong += [f"uploads of {kind} are taken" for kind in limits.uploads if kind in {"*/*", ""}]
    odd = [kind for kind in limits.media_types if kind != "application/json"]
    wrong += [f"bodies of {kind} are taken" for kind in odd]
    if wrong:
        return failed(listed(wrong))
    most = max(limits.pages.values(), key=lambda rows: rows or 0, default=0)
    return passed(f"{limits.body_bytes} bytes a body, {len(limits.pages)} lists of at most {most} rows, JSON only")
