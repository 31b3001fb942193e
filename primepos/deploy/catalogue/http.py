"""HTTP050-HTTP056, HTTP077, HTTP078, HTTP080: the probes, the way to HTTPS, and what the whole amounts to.

The other checks of the area are beside this module: headers in ``http_headers``, origins and hosts in ``http_callers``,
what is closed in ``http_closed``, how it refuses in ``http_refusals``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from primepos.core.redaction import Redactor
from primepos.deploy import observatory
from primepos.deploy.catalogue import http_callers, http_closed, http_headers, http_refusals
from primepos.deploy.check import CRITICAL, HIGH, LOW, MEDIUM, Needs, check, failed, passed, skipped
from primepos.deploy.observatory_page import place_of
from primepos.deploy.observatory_points import is_scored
from primepos.deploy.prober import API, DeploymentUnreachable

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.prober import Answer, Prober
    from primepos.deploy.target import Target

# Importing them registers their checks.
BESIDE = (http_callers, http_closed, http_headers, http_refusals)

LIVE, READY = "/health/", "/health/ready/"
LIVE_WITHIN_S = 1.0
READ_WITHIN_S = 0.5
READS = 10
YEAR_S = 31_536_000
WANTED_SCORE = 90
EXCERPT = 120

_REASONS: Final = frozenset({"database_unreachable", "database_timeout", "migrations_pending", "shutting_down"})
_WORD = re.compile(r"[a-z_]{1,40}")
# What a probe's own fields may hold; any other may be a flag, a count or one word.
_FIELDS: Final = {
    "status": re.compile(r"healthy|ready|not_ready"),
    "database": re.compile(r"connected"),
    "error": re.compile("|".join(sorted(_REASONS))),
    "version": re.compile(r"[0-9]+(?:\.[0-9]+){0,3}[A-Za-z0-9.+-]{0,20}"),
    "commit": re.compile(r"[0-9a-f]{7,64}"),
}


@check(
    "HTTP050", CRITICAL, Needs.URL,
    rule="GET /health/ answers 200 healthy within a second, to anybody, under every name of the service",
    remedy="Look at the log of the start; `primepos doctor explain DOC06`", anchor="audit 1",
)  # fmt: skip
def liveness(target: Target) -> Outcome:
    """Ask the liveness probe under its own and every allowed name."""
    prober = target.http
    answer = prober.get(LIVE)
    if answer.status != 200 or answer.json().get("status") != "healthy":
        return failed(f"{LIVE}: {answer.status} {excerpt(answer)}")
    quickest = min([answer.seconds, *(prober.times(LIVE, 2) if answer.seconds >= LIVE_WITHIN_S else [])])
    if quickest >= LIVE_WITHIN_S:
        return failed(f"{LIVE}: {quickest * 1000:.0f} ms at best of three, at most {LIVE_WITHIN_S * 1000:.0f}")
    refused, silent = _under_other_names(target, prober)
    if refused:
        return failed(f"{LIVE} is refused under {', '.join(refused)}")
    unseen = f"; not reached from here: {', '.join(silent)}" if silent else ""
    return passed(f"200 healthy in {quickest * 1000:.0f} ms{unseen}")


@check(
    "HTTP051", CRITICAL, Needs.URL, rule="GET /health/ready/ answers 200 with the database connected",
    remedy="`primepos doctor` says what the database lacks", anchor="audit 1",
)  # fmt: skip
def readiness(target: Target) -> Outcome:
    """Ask the readiness probe."""
    answer = target.http.get(READY)
    body = answer.json()
    if answer.status == 200 and body.get("status") == "ready" and body.get("database") == "connected":
        return passed("200 ready, database connected")
    return failed(f"{READY}: {answer.status} {excerpt(answer)}")


@check(
    "HTTP052", HIGH, Needs.URL, rule="The probes' bodies tell nothing of the inside, and are kept by nobody",
    remedy="Answer with fixed words; the detail belongs in the log", anchor="ASVS 16.5.1",
)  # fmt: skip
def probes_leak_nothing(target: Target) -> Outcome:
    """Look at every field of the probes, and whether a cache may keep them."""
    problems = []
    for path in (LIVE, READY):
        answer = target.http.get(path)
        problems += [f"{path} says {name}" for name, value in answer.json().items() if not _is_harmless(name, value)]
        if "no-store" not in answer.words("cache-control"):
            problems.append(f"{path} without Cache-Control: no-store")
        if answer.status == 200 and not answer.json():
            problems.append(f"{path} is no JSON object")
    return failed("; ".join(problems)) if problems else passed("known fields only, no-store")


@check(
    "HTTP054", CRITICAL, Needs.URL, rule="Plain HTTP leads to HTTPS on the same host at the first hop",
    remedy="Let the platform redirect; PrimePOS does with PRIMEPOS_ENV=production and TRUSTED_PROXIES",
    anchor="Django security.W008",
)  # fmt: skip
def plain_http_redirects(target: Target) -> Outcome:
    """Follow the first redirection from plain HTTP."""
    prober = target.http
    answer = prober.plain(API)
    if answer is None:
        if prober.is_https:
            return passed("nothing listens for plain HTTP")
        return failed(f"{prober.base} is plain HTTP and nothing answers at its port 80")
    place = place_of(answer.header("location") or "")
    if answer.status in {301, 302, 307, 308} and place.scheme == "https" and place.hostname == prober.host:
        return passed(f"{answer.status} to {place.scheme}://{place.netloc}")
    told = f"{answer.status} to {place.scheme or '?'}://{place.netloc}" if place.netloc else str(answer.status)
    return failed(f"http://{prober.host}{API}: {told}")


@check(
    "HTTP055", HIGH, Needs.URL, rule="Strict-Transport-Security for a year, subdomains too",
    remedy="HSTS_SECONDS=31536000 and HSTS_INCLUDE_SUBDOMAINS=True", anchor="Django security.W004, W005",
)  # fmt: skip
def hsts(target: Target) -> Outcome:
    """Read the HSTS header."""
    given = target.http.get(API).values("strict-transport-security")
    if not given:
        return failed("no Strict-Transport-Security")
    value = given[0]
    if (observatory.hsts_max_age(value) or 0) < YEAR_S or "includesubdomains" not in _directives(value):
        return failed(f"Strict-Transport-Security: {value[:EXCERPT]}")
    return passed(value[:EXCERPT])


@check(
    "HTTP056", LOW, Needs.URL, rule="Strict-Transport-Security asks for preloading",
    remedy="HSTS_PRELOAD=True once every subdomain has HTTPS for good", anchor="Django security.W021",
)  # fmt: skip
def hsts_preload(target: Target) -> Outcome:
    """Look for preload in the HSTS header."""
    value = target.http.get(API).header("strict-transport-security") or ""
    return passed(value[:EXCERPT]) if "preload" in _directives(value) else failed(value[:EXCERPT] or "no header")


@check(
    "HTTP077", LOW, Needs.URL, rule="The slowest of ten reads takes less than half a second",
    remedy="Look at `primepos ops db` and at the region of the database",
)  # fmt: skip
def reads_are_quick(target: Target) -> Outcome:
    """Read ten times, one after the other."""
    taken = sorted(target.http.times(API, READS))
    told = f"{taken[0] * 1000:.0f} to {taken[-1] * 1000:.0f} ms"
    # Of ten the 95th percentile is the slowest.
    return passed(told) if taken[-1] < READ_WITHIN_S else failed(told)


@check(
    "HTTP078", MEDIUM, Needs.URL, rule="What runs is the commit that was checked",
    remedy="Wait for the deploy to end, or check the commit that runs",
)  # fmt: skip
def commit_runs(target: Target) -> Outcome:
    """Compare the commit of /health/ with the one checked."""
    if target.commit is None:
        return skipped("which commit is checked is not known: no repository and no RENDER_GIT_COMMIT")
    runs = target.http.get(LIVE).json().get("commit")
    if not isinstance(runs, str) or not runs:
        return failed(f"{LIVE} names no commit; checked is {target.commit[:12]}")
    same = target.commit.startswith(runs) or runs.startswith(target.commit)
    told = f"runs {runs[:12]}, checked {target.commit[:12]}"
    return passed(told) if same else failed(told)


@check(
    "HTTP080", MEDIUM, Needs.URL, rule="The HTTP Observatory would give 90 points",
    remedy="Mend what takes points, the worst first", anchor="MDN HTTP Observatory",
)  # fmt: skip
def observatory_score(target: Target) -> Outcome:
    """Score the root of the API."""
    return scored(target.http, API, None, WANTED_SCORE)


def scored(prober: Prober, path: str, origin: str | None, wanted: int) -> Outcome:
    """Return whether a page gets the points that are wanted, and what gave and took them."""
    page = prober.page(path, origin)
    if not is_scored(page.status):
        return failed(f"{path} answers {page.status}, which is not scored")
    score = observatory.score(page)
    told = f"{score.points} ({score.grade}): {score.breakdown()}"
    return passed(told) if score.points >= wanted else failed(told)


def excerpt(answer: Answer) -> str:
    """Return the beginning of a body, without secrets, on one line."""
    return Redactor().text(" ".join(answer.text.split()), cap=EXCERPT)


def _under_other_names(target: Target, prober: Prober) -> tuple[list[str], list[str]]:
    """Return the allowed names under which the probe is refused, and those that cannot be reached from here."""
    refused, silent = [], []
    for name in target.examination.values["ALLOWED_HOSTS"]:
        if name == prober.host:
            continue
        try:
            answer = prober.get(LIVE, origin=f"https://{name}")
        except DeploymentUnreachable:
            silent.append(name)
        else:
            if answer.status != 200:
                refused.append(f"{name} ({answer.status})")
    return refused, silent


def _is_harmless(name: str, value: Any) -> bool:
    if isinstance(value, bool | int | None):
        return True
    if not isinstance(value, str):
        return False
    known = _FIELDS.get(name, _WORD)
    return known.fullmatch(value) is not None


def _directives(value: str) -> set[str]:
    return {part.strip().lower() for part in value.split(";")}
