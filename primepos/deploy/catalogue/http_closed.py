"""HTTP067-HTTP070: what anybody may see, and what nobody may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.deploy.check import CRITICAL, HIGH, Needs, check, failed, passed
from primepos.deploy.prober import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from primepos.deploy.check import Outcome
    from primepos.deploy.target import Target

# One reading route of each part of the API; asked as well as what the application itself says it protects.
PROTECTED: Final = (
    "/api/v1/auth/me", "/api/v1/users", "/api/v1/outlets", "/api/v1/registers", "/api/v1/products",
    "/api/v1/stock/levels", "/api/v1/sales", "/api/v1/reports/sales", "/api/v1/audit",
)  # fmt: skip
MOST_SAMPLED = 12
INSIDE: Final = (
    "/admin/", "/schema", "/schema/openapi.json", "/metrics", "/docs", "/swagger", "/redoc", "/openapi.json", "/debug",
)  # fmt: skip
FILES: Final = (
    "/.env", "/.git/HEAD", "/.git/config", "/render.yaml", "/backup.sql", "/.env.production", "/dump.sql",
    "/.aws/credentials",
)  # fmt: skip
NOT_SERVED = frozenset({403, 404, 410})


@check(
    "HTTP067", CRITICAL, Needs.URL, rule="What is protected answers 401 with WWW-Authenticate: Bearer to a stranger",
    remedy="`primepos doctor explain DOC05`; each route must declare its permission", anchor="OWASP API2",
)  # fmt: skip
def protected_is_closed(target: Target) -> Outcome:
    """Ask for a sample of protected routes without a token."""
    bad, asked = [], _sample(target)
    for path in asked:
        answer = target.http.get(path)
        scheme = (answer.header("www-authenticate") or "").partition(" ")[0]
        if answer.status != 401:
            bad.append(f"{path}: {answer.status}")
        elif scheme.lower() != "bearer":
            bad.append(f"{path}: WWW-Authenticate {scheme or 'missing'}")
    return failed("; ".join(bad)) if bad else passed(f"{len(asked)} routes answer 401 Bearer")


@check(
    "HTTP068", HIGH, Needs.URL, rule="The root of the API answers 200",
    remedy="Look at the path of the proxy in front", anchor="audit",
)  # fmt: skip
def root_answers(target: Target) -> Outcome:
    """Ask for the root."""
    answer = target.http.get(API)
    return passed(f"{API}: 200") if answer.status == 200 else failed(f"{API}: {answer.status}")


@check(
    "HTTP069", HIGH, Needs.URL, rule="Administration, description and metrics are not shown to strangers",
    remedy="PRIMEPOS_ENV=production closes the description; set METRICS_TOKEN", anchor="ASVS 13.4.5",
)  # fmt: skip
def inside_is_closed(target: Target) -> Outcome:
    """Ask for each without a token."""
    return _none_shown(target, INSIDE, lambda status: status >= 300)


@check(
    "HTTP070", CRITICAL, Needs.URL, rule="No file of the server can be fetched",
    remedy="Take the files away, then change every secret in them: they are known by now", anchor="ASVS 13.4.1",
)  # fmt: skip
def files_are_not_served(target: Target) -> Outcome:
    """Ask for files that are often forgotten."""
    return _none_shown(target, FILES, NOT_SERVED.__contains__)


def _none_shown(target: Target, paths: Iterable[str], is_closed: Callable[[int], bool]) -> Outcome:
    statuses = {path: target.http.get(path).status for path in paths}
    bad = [f"{path}: {status}" for path, status in statuses.items() if not is_closed(status)]
    return failed("; ".join(bad)) if bad else passed(f"{len(statuses)} paths are closed")


def _sample(target: Target) -> tuple[str, ...]:
    """Return the routes to ask for: some of each part, spread over what the application says it has."""
    if target.make_surface is None:
        return PROTECTED
    paths = sorted({
        route.path
        for route in target.surface.routes
        if route.method == "GET" and route.permission not in {None, "public"} and "{" not in route.path
    })  # fmt: skip
    step = max(len(paths) // MOST_SAMPLED, 1)
    return tuple(dict.fromkeys([PROTECTED[0], *paths[::step]])) if paths else PROTECTED
