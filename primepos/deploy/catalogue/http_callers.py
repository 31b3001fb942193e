"""HTTP062-HTTP064: which pages may call the API, and under which name it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.deploy.check import CRITICAL, HIGH, Needs, check, failed, not_applicable, passed
from primepos.deploy.prober import API

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.prober import Answer, Prober
    from primepos.deploy.target import Target

ME = "/api/v1/auth/me"
STRANGER = "https://stranger.check-deploy.invalid"
BOGUS_HOST = "bogus.check-deploy.invalid"
# By the application 400; by an edge in front of it that knows no such name, one of the others.
REFUSED_HOST = frozenset({400, 403, 404, 409, 421})


@check(
    "HTTP062", CRITICAL, Needs.URL, rule="No origin is allowed that is not listed, null neither",
    remedy="List exact origins in CORS_ALLOWED_ORIGINS; look for a proxy that adds CORS headers of its own",
    anchor="MDN HTTP Observatory",
)  # fmt: skip
def strangers_are_not_allowed(target: Target) -> Outcome:
    """Ask as pages of foreign origins, look-alikes of the listed ones among them."""
    prober = target.http
    strangers = [STRANGER, "null"]
    for origin in _origins(target)[:1]:
        strangers += [f"{origin}.check-deploy.invalid", origin.replace("https://", "https://not-", 1)]
    bad = []
    for origin in strangers:
        answers = (prober.get(API, headers={"Origin": origin}), prober.preflight(origin, ME))
        bad += [f"{origin}: {told}" for answer in answers if (told := _allowed(answer, origin))]
    return failed("; ".join(dict.fromkeys(bad))) if bad else passed(f"{len(strangers)} foreign origins get no leave")


@check(
    "HTTP063", HIGH, Needs.URL, rule="Pages of each listed origin may call with a token, and caches tell origins apart",
    remedy="`primepos doctor explain DOC02`; Vary: Origin must reach the browser", anchor="audit B2",
)  # fmt: skip
def listed_origins_are_allowed(target: Target) -> Outcome:
    """Send the preflight of each listed origin, and a request."""
    origins = _origins(target)
    if not origins:
        return not_applicable("CORS_ALLOWED_ORIGINS is empty")
    bad = [f"{origin}: {told}" for origin in origins if (told := preflight_problem(target.http, origin))]
    return failed("; ".join(bad)) if bad else passed(f"{len(origins)} may call with a token")


@check(
    "HTTP064", HIGH, Needs.URL, rule="A name that is not ours is refused",
    remedy="Set ALLOWED_HOSTS to the names of the service", anchor="Django security.W020",
)  # fmt: skip
def foreign_hosts_are_refused(target: Target) -> Outcome:
    """Ask for a host that nobody has."""
    answer = target.http.get(API, headers={"Host": BOGUS_HOST})
    told = f"Host {BOGUS_HOST}: {answer.status}"
    return passed(told) if answer.status in REFUSED_HOST else failed(told)


def preflight_problem(prober: Prober, origin: str) -> str | None:
    """Return why a page of ``origin`` could not call with a token, None where it can."""
    asked = prober.preflight(origin, ME)
    answer = prober.get(API, headers={"Origin": origin})
    if asked.status not in {200, 204}:
        return f"the preflight answers {asked.status}"
    if any(each.header("access-control-allow-origin") != origin for each in (asked, answer)):
        return "Access-Control-Allow-Origin does not name it"
    if "authorization" not in asked.words("access-control-allow-headers"):
        return "Authorization is not among the allowed headers"
    if not all({"origin", "*"} & each.words("vary") for each in (asked, answer)):
        return "Vary: Origin is missing"
    return None


def _origins(target: Target) -> tuple[str, ...]:
    origins: tuple[str, ...] = target.examination.values["CORS_ALLOWED_ORIGINS"] or ()
    return origins


def _allowed(answer: Answer, origin: str) -> str | None:
    """Return what of an answer would let a foreign page read it."""
    leave = answer.header("access-control-allow-origin")
    if leave in {origin, "*", "null"}:
        return f"Access-Control-Allow-Origin: {leave}"
    if leave and (answer.header("access-control-allow-credentials") or "").strip().lower() == "true":
        return f"credentials with Access-Control-Allow-Origin: {leave}"
    return None
