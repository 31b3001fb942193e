"""Shows the deploy gate what this API is: the real application, built for it in this process, asked and read.

Nothing leaves the process: behind the application stands a database that is none. What can be seen by trying is tried
(a forged token, a weak password, an injected fault, every route without a token); only what cannot is read off the
declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from litestar import Litestar

from primepos.api.app import openapi
from primepos.api.asking import FIELD, Asker
from primepos.api.bounds import limits, throttles
from primepos.api.endpoint import OPT_KEY, Endpoint
from primepos.api.probes import PUBLIC_KEY
from primepos.api.trying import password_rules, token_rules
from primepos.core.operations import OPERATIONS
from primepos.core.permissions import GRANTS, Decision, Permission, Role, grant_of
from primepos.core.settings import Settings
from primepos.deploy.source_scan import package_sources
from primepos.deploy.surface import Route, Surface, Webhooks
from primepos.domain import schema

_USED = re.compile(r"\bPermission\.([A-Z_]+)")


def build_surface(settings: Settings) -> Surface:
    """Build the API for ``settings`` and return what it says of itself; nothing is connected to."""
    asker = Asker(settings)
    routes = tuple(_routes(asker.api))
    return Surface(
        environment=settings.environment.value,
        routes=routes,
        permissions=frozenset(each.value for each in Permission),
        used=_used_permissions(),
        grants=_grants(),
        defaults=_role_defaults(),
        strangers=tuple(
            each.value
            for each in Permission
            for role in (None, "", "no-such-role")
            if grant_of(role, each).decision is not Decision.DENY
        ),
        tables=tuple(sorted(schema.METADATA.tables)),
        unscoped=tuple(sorted(set(schema.METADATA.tables) - schema.scoped_tables() - set(schema.GLOBAL_TABLES))),
        passwords=password_rules(),
        tokens=token_rules(settings),
        throttles=tuple(throttles(settings, asker)),
        limits=limits(asker, (route.operation for route in routes if route.operation)),
        audited=asker.audited(),
        webhooks=_webhooks(routes),
        ask=asker.ask,
        ask_all=asker.ask_all,
        describe=openapi,
    )


def _routes(api: Litestar) -> Iterator[Route]:
    for route in api.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if handler is None or "OPTIONS" in getattr(handler, "http_methods", ()):
                continue
            endpoint: Endpoint | None = handler.opt.get(OPT_KEY)
            public = handler.opt.get(PUBLIC_KEY)
            for method in sorted(getattr(handler, "http_methods", {"*"})):
                yield Route(
                    method=method,
                    path=FIELD.sub(lambda found: found[0].partition(":")[0].rstrip("}") + "}", route.path),
                    operation=endpoint.operation.name if endpoint else None,
                    permission=endpoint.operation.permission.value if endpoint else None,
                    handler=str(handler.name or handler.handler_name),
                    public=public,
                )


def _used_permissions() -> frozenset[str]:
    """Return the permissions that anything asks for: operations by declaration, services by name in the source."""
    used = {operation.permission.value for operation in OPERATIONS.values()}
    for source in package_sources():
        if not source.path.endswith("/permissions.py"):
            for name in _USED.findall(source.text):
                if name in Permission.__members__:
                    used.add(Permission[name].value)
    return frozenset(used)


def _grants() -> dict[str, dict[str, str]]:
    return {
        role.value: {
            permission.value: "own" if grant.own else grant.decision.value
            for permission, grant in sorted(GRANTS[role].items())
        }
        for role in Role
    }


def _role_defaults() -> dict[str, str]:
    """Return the role that an operation gives where its caller names none, for those that do."""
    found = {}
    for name, operation in OPERATIONS.items():
        for field in msgspec.structs.fields(operation.input):
            default = field.default
            if field.encode_name == "role" and default not in {msgspec.NODEFAULT, msgspec.UNSET, None}:
                found[name] = str(default)
    return found


def _webhooks(routes: tuple[Route, ...]) -> Webhooks | None:
    """Return how webhooks are signed; None while there are none. Until they say so here, they count as unsigned."""
    if not any("webhook" in route.path for route in routes):
        return None
    return Webhooks(has_hmac=False, has_timestamp=False)
