"""HTTP065, HTTP066, HTTP071: how it refuses."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from primepos.core.redaction import Redactor
from primepos.deploy.check import CRITICAL, HIGH, Needs, check, failed, passed

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.prober import Answer, Prober
    from primepos.deploy.target import Target

LOGIN = "/api/v1/auth/login"
PROBLEM_JSON = "application/problem+json"
ATTEMPTS = 6
LONG_ID = "9" * 4000
# Reserved by RFC 2606: nobody can ever have an account there.
NOBODYS_DOMAIN = "check-deploy.invalid"
_INSIDE: Final = re.compile(
    r"Traceback|File \"|\bline \d+, in |site-packages|/(?:usr|home|opt|srv|app|var|root)/[\w./-]+|\w+\.py\b"
    r"|\b(?:psycopg|sqlalchemy|litestar|msgspec|uvicorn)\b|\bat 0x[0-9a-f]+|\bSELECT .+ FROM\b"
    r"|\b\w+(?:Error|Exception)\("
)
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


class Refusal(NamedTuple):
    """A request that must be refused, and with which status."""

    method: str
    path: str
    status: int
    body: bytes | None = None


TABLE: Final = (
    Refusal("GET", "/api/v1/auth/me", 401),
    Refusal("GET", "/api/v1/there-is-nothing-here", 404),
    Refusal("DELETE", "/health/", 405),
    Refusal("POST", LOGIN, 400, b'{"email": '),
)


@check(
    "HTTP065", CRITICAL, Needs.URL, rule="Refusals show no trace, no path and no class of the code",
    remedy="DEBUG=False and PRIMEPOS_ENV=production; `primepos doctor explain DOC04`", anchor="Enlightn AppDebugHide",
)  # fmt: skip
def refusals_show_no_inside(target: Target) -> Outcome:
    """Ask for what is not there, with what cannot be read, and with what is far too long."""
    oversized = Refusal("GET", f"/api/v1/sales/{LONG_ID}", 0)
    bad = []
    for one in (*TABLE, oversized):
        answer = _asked(target.http, one)
        path = one.path if len(one.path) < 60 else f"{one.path[:30]}..."
        shown = _INSIDE.search(answer.text)
        if shown:
            bad.append(f"{one.method} {path}: {Redactor().text(shown[0], cap=80)!r}")
        elif answer.status >= 500:
            bad.append(f"{one.method} {path}: {answer.status}")
    return failed("; ".join(bad)) if bad else passed(f"{len(TABLE) + 1} refusals show nothing")


@check(
    "HTTP066", HIGH, Needs.URL, rule="401, 404, 405 and 400 are problem documents with code and request_id",
    remedy="A proxy answers in place of PrimePOS: let its errors through", anchor="audit 4, RFC 9457",
)  # fmt: skip
def refusals_are_problems(target: Target) -> Outcome:
    """Look at one refusal of each kind."""
    bad = []
    for one in TABLE:
        told = _no_problem_document(_asked(target.http, one), one.status)
        if told:
            bad.append(f"{one.method} {one.path}: {told}")
    return failed("; ".join(bad)) if bad else passed("401, 404, 405, 400: code and request_id each")


@check(
    "HTTP071", HIGH, Needs.URL, Needs.ACTIVE,
    rule="The sixth wrong password in a minute is refused with 429 and Retry-After, known account or not",
    remedy="RATE_LIMIT_LOGIN=5/minute and RATE_LIMIT_STORE=database", anchor="audit 6",
)  # fmt: skip
def guessing_is_slowed(target: Target) -> Outcome:
    """Sign in with wrong passwords as somebody who cannot exist."""
    tag = secrets.token_hex(6)
    answers = [_guess(target.http, f"probe-{tag}@{NOBODYS_DOMAIN}") for _ in range(ATTEMPTS)]
    statuses = ", ".join(str(answer.status) for answer in answers)
    last = next((answer for answer in answers if answer.status == 429), None)
    if last is None:
        return failed(f"six wrong passwords: {statuses}")
    wait = last.header("retry-after") or ""
    if not (wait.isascii() and wait.isdigit() and int(wait) > 0):
        return failed(f"429 with Retry-After: {wait[:40] or 'missing'}")
    told = {_said(answer) for answer in answers if answer.status != 429}
    if told:
        told.add(_said(_guess(target.http, f"other-{tag}@{NOBODYS_DOMAIN}")))
    if len(told) > 1:
        return failed("accounts that do not exist are told apart: " + " / ".join(sorted(told))[:200])
    return passed(f"{statuses}; Retry-After: {wait}")


def _asked(prober: Prober, one: Refusal) -> Answer:
    headers = None if one.body is None else {"Content-Type": "application/json"}
    return prober.ask(one.method, one.path, headers=headers, body=one.body)


def _no_problem_document(answer: Answer, status: int) -> str | None:
    """Return what an answer lacks of a problem document, None where it is one."""
    if answer.status != status:
        return f"{answer.status}, not {status}"
    kind = (answer.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != PROBLEM_JSON:
        return f"content-type {kind or 'missing'}"
    body = answer.json()
    if not _CODE.fullmatch(str(body.get("code", ""))):
        return "no code"
    if not body.get("request_id") or body["request_id"] != answer.header("x-request-id"):
        return "no request_id, or not that of the header"
    return None


def _guess(prober: Prober, email: str) -> Answer:
    body = json.dumps({"email": email, "password": f"wrong-{secrets.token_hex(8)}"}).encode()
    return prober.ask("POST", LOGIN, headers={"Content-Type": "application/json"}, body=body, fresh=True)


def _said(answer: Answer) -> str:
    """Return what an answer tells whoever guesses: everything but its own id."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return f"{answer.status} {json.dumps(body, sort_keys=True)}"
