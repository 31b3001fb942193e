"""Who may do what: authentication, permissions, the matrix of roles and routes, tenants, the audit trail."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import CRITICAL, HIGH, Outcome, Place, check, failed, passed
from primepos.deploy.shown import listed
from primepos.deploy.surface import PUBLIC, matrix_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.deploy.target import Target

SNAPSHOT: Final = "deploy/role-matrix.toml"

# Everything else needs a token. Whoever adds one says here why it may do without.
OPEN: Final[Mapping[str, str]] = {
    "GET /health": "liveness: the platform asks without a token",
    "GET /health/ready": "readiness: the platform asks without a token",
    "GET /metrics": "has a token of its own; SEC023 looks at it",
    "GET /api/v1": "says what this is, and nothing else",
    "GET /schema/openapi.json": "the same for every installation; SEC023 sees that production does not serve it",
    "POST /api/v1/auth/login": "this is where tokens come from",
    "POST /api/v1/auth/refresh": "the refresh token in the body is the credential",
    "POST /api/v1/auth/register": "sign-up, where REGISTRATION allows it",
}

# Roles that may be filled in: they sell, or count goods, and see no report of others.
LEAST: Final = frozenset({"cashier", "stock_clerk"})

# Held by roles and asked for by nothing yet: the feature comes later.
AWAITED: Final[Mapping[str, str]] = {
    name: feature
    for feature, names in {
        "accounting export": "accounting:export",
        "API keys and webhooks": "apikey:write webhook:write",
        "card terminals": "payment:offline_card",
        "refunds and held sales": "refund:no_receipt sale:hold",
        "more reports": "report:export report:margin",
        "export, erasure and support": "tenant:support_grant",
    }.items()
    for name in names.split()
}


@check(
    "SEC010",
    CRITICAL,
    rule="every route but the listed ones asks who is there",
    remedy="declare the route with runs(operation, ...); list a public one in catalogue/application/access.py",
    anchor="API2",
)
def routes_ask_who_is_there(target: Target) -> Outcome:
    """Ask every route that is not on the list without a token: each must answer 401."""
    surface = target.surface
    closed = [route for route in surface.routes if str(route) not in OPEN]
    open_ones = [
        f"{route} answers {answer.status} without a token"
        for route, answer in zip(closed, surface.ask_all([(route.method, route.path) for route in closed]), strict=True)
        if answer.status != 401
    ]
    if open_ones:
        return failed(listed(open_ones))
    return passed(f"{len(closed)} routes answer 401 without a token, {len(surface.routes) - len(closed)} are listed")


@check(
    "SEC011",
    CRITICAL,
    rule="every protected route declares a registered permission, and every permission is asked for by something",
    remedy="name a member of Permission in the operation's declaration; take out a permission that nothing asks for",
    anchor="API5",
)
def permissions_are_declared(target: Target) -> Outcome:
    """Compare routes, permissions and what asks for them."""
    surface = target.surface
    wrong = [
        f"{route} ({route.handler}) declares {route.permission or 'no permission'}"
        for route in surface.routes
        if str(route) not in OPEN
        and (route.permission in {None, PUBLIC} or route.permission not in surface.permissions)
    ]
    wrong += [f"nothing asks for {name}" for name in sorted(surface.permissions - surface.used) if name not in AWAITED]
    if wrong:
        return failed(listed(wrong))
    waiting = len(surface.permissions - surface.used)
    return passed(
        f"{len(surface.routes)} routes, {len(surface.used)} permissions in use, {waiting} of features to come"
    )


@check(
    "SEC012",
    CRITICAL,
    rule="which role may call which route is what was last reviewed and committed",
    remedy="read the differences; if they are meant: python scripts/docs.py, and commit deploy/role-matrix.toml",
    anchor="audit 3",
)
def matrix_is_as_committed(target: Target) -> Outcome:
    """Compare the snapshot with the application, line by line."""
    text = target.text(SNAPSHOT)
    if text is None:
        return failed(f"{SNAPSHOT} is not in this project", Place(SNAPSHOT))
    try:
        then = tomllib.loads(text).get("routes", {})
    except tomllib.TOMLDecodeError as error:
        return failed(f"{SNAPSHOT} cannot be read: {error}", Place(SNAPSHOT))
    now = tomllib.loads(matrix_text(target.surface))["routes"]
    changed = [
        *(f"{route} is new" for route in now.keys() - then.keys()),
        *(f"{route} is gone" for route in then.keys() - now.keys()),
        *(_changed(route, then[route], now[route]) for route in now.keys() & then.keys() if now[route] != then[route]),
    ]
    if changed:
        lines = {line.partition(" = ")[0].strip('"'): number for number, line in enumerate(text.splitlines(), 1)}
        places = [
            Place(SNAPSHOT, lines[route]) for route in sorted(then) if then[route] != now.get(route) and route in lines
        ]
        return failed(listed(sorted(changed)), *places[:5])
    return passed(f"{len(now)} routes for {len(target.surface.grants)} roles as committed")


def _changed(route: str, then: Mapping[str, object], now: Mapping[str, object]) -> str:
    parts = [
        f"{name} {then.get(name) or 'nobody'} -> {now.get(name) or 'nobody'}"
        for name in ("permission", "allow", "own", "approve")
        if then.get(name) != now.get(name)
    ]
    return f"{route}: {'; '.join(parts)}"


@check(
    "SEC013",
    CRITICAL,
    rule="every table of a tenant is scoped by the session, and nobody queries beside it",
    remedy="derive the model from TenantScoped or TenantDetail; take rows through the unit of work",
    anchor="API1",
)
def tenants_are_kept_apart(target: Target) -> Outcome:
    """Look for models that the session would not scope, and for sessions and connections made elsewhere."""
    from primepos.deploy.source_scan import package_connections

    surface = target.surface
    loose = package_connections()
    wrong = [f"table {name} is neither scoped nor on the list of global ones" for name in surface.unscoped]
    wrong += [f"{one.what} at {one.place}" for one in loose]
    if wrong:
        return failed(listed(wrong), *(one.place for one in loose[:5]))
    return passed(f"{len(surface.tables)} tables are scoped or global for a reason; one module makes sessions")


@check(
    "SEC014",
    HIGH,
    rule="nobody gets a role that was not given, and a role that does not exist may do nothing",
    remedy="take the default away, or make it cashier",
    anchor="audit 3",
)
def default_role_is_the_least(target: Target) -> Outcome:
    """Look at the roles that operations fill in, and at what an unknown role may do."""
    surface = target.surface
    wrong = [f"{name} gives the role {role}" for name, role in surface.defaults.items() if role not in LEAST]
    wrong += [f"an unknown role may do {name}" for name in surface.strangers]
    if wrong:
        return failed(listed(wrong))
    given = ", ".join(f"{name} gives {role}" for name, role in surface.defaults.items()) or "none is filled in"
    return passed(f"an unknown role may do nothing; roles filled in: {given}")


@check(
    "SEC032",
    HIGH,
    rule="refusals and sign-ins leave a row in the audit trail",
    remedy="run the operation through App.run, which writes the row",
    anchor="ASVS 16.3.1/16.3.2",
)
def refusals_are_audited(target: Target) -> Outcome:
    """Look at what the trail was told when each kind of event happened."""
    told = target.surface.audited
    missing = [name for name, leaves_trace in told.items() if not leaves_trace]
    if missing:
        return failed(f"no audit row for: {', '.join(missing)}")
    return passed(f"tried, each left its row: {', '.join(told)}")
