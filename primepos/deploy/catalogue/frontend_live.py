"""FE064, FE066, FE067: the frontend as it runs; FE065 reads its scripts by :func:`live_scripts`."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from primepos.deploy.catalogue.http import scored
from primepos.deploy.catalogue.http_callers import preflight_problem
from primepos.deploy.check import HIGH, MEDIUM, Needs, check, failed, not_applicable, passed
from primepos.deploy.observatory_page import place_of

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.prober import Prober
    from primepos.deploy.target import Target

PROTECTED_PAGES: Final = ("/dashboard", "/admin", "/sales", "/inventory", "/reports", "/settings")
CLOSED = frozenset({301, 302, 303, 307, 308, 401, 403})
WANTED_SCORE = 75
MOST_SCRIPTS = 40


@check(
    "FE064", HIGH, Needs.URL, Needs.FRONTEND_URL, rule="The frontend answers with a page, and may call the API",
    remedy="List the frontend's origin in CORS_ALLOWED_ORIGINS; `primepos doctor explain DOC02`", anchor="audit",
)  # fmt: skip
def frontend_calls_the_api(target: Target) -> Outcome:
    """Fetch the first page and send the preflight of its origin."""
    prober = target.http
    origin = _frontend(prober)
    page = prober.page("/", origin)
    if page.status != 200 or not page.is_html:
        return failed(f"{origin}/: {page.status} {(page.values('content-type') or ['no content type'])[0][:60]}")
    problem = preflight_problem(prober, origin)
    return failed(f"{origin}: {problem}") if problem else passed(f"{origin}: 200 HTML, may call with a token")


@check(
    "FE066", HIGH, Needs.URL, Needs.FRONTEND_URL, rule="Pages for people who signed in are closed to others",
    remedy="Check the session in the frontend's middleware, before the page is rendered", anchor="audit",
)  # fmt: skip
def pages_are_closed(target: Target) -> Outcome:
    """Ask for the usual pages without a session."""
    prober = target.http
    origin = _frontend(prober)
    statuses = {path: prober.get(path, origin=origin).status for path in PROTECTED_PAGES}
    there = {path: status for path, status in statuses.items() if status not in {404, 410}}
    if not there:
        return not_applicable(f"none of {', '.join(PROTECTED_PAGES)} is there")
    bad = [f"{path}: {status}" for path, status in there.items() if status not in CLOSED]
    told = ", ".join(f"{path} {status}" for path, status in there.items())
    return failed("; ".join(bad)) if bad else passed(told)


@check(
    "FE067", MEDIUM, Needs.URL, Needs.FRONTEND_URL, rule="The HTTP Observatory would give the frontend 75 points",
    remedy="Set the headers in next.config.js or vercel.json, the worst first", anchor="MDN HTTP Observatory",
)  # fmt: skip
def frontend_score(target: Target) -> Outcome:
    """Score the first page."""
    return scored(target.http, "/", _frontend(target.http), WANTED_SCORE)


def live_scripts(prober: Prober) -> list[tuple[str, str]]:
    """Return the scripts that the frontend's first page loads from its own host, as (URL, text); the first forty.

    Raises: DeploymentUnreachable, LookupError without a frontend.
    """
    origin = _frontend(prober)
    found = _Scripts()
    found.read(prober.get("/", origin=origin).text)
    scripts = []
    for source in list(dict.fromkeys(found.sources))[:MOST_SCRIPTS]:
        parts = place_of(_joined(origin, source))
        if f"{parts.scheme}://{parts.netloc}" == origin:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            scripts.append((f"{origin}{path}", prober.get(path, origin=origin).text))
    return scripts


class _Scripts(HTMLParser):
    """Collects where a page's scripts come from."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def read(self, text: str) -> None:
        """Read a page; what the library cannot read ends it there."""
        with contextlib.suppress(AssertionError):
            self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a script, or one that is to be loaded soon."""
        given = dict(attrs)
        if tag == "script" and given.get("src"):
            self.sources.append(given["src"] or "")
        elif tag == "link" and given.get("as") == "script" and given.get("href"):
            self.sources.append(given["href"] or "")


def _joined(origin: str, source: str) -> str:
    try:
        return urljoin(f"{origin}/", source)
    except ValueError:
        return ""


def _frontend(prober: Prober) -> str:
    if prober.frontend is None:
        raise LookupError("no frontend URL was given")
    return prober.frontend
