"""Every route, for every role: the answer is the matrix's, and nobody gets in by guessing a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from primepos.api.app import endpoints
from primepos.bootstrap import build_app
from primepos.core.clock import FrozenClock
from primepos.core.ids import new_id
from primepos.core.permissions import Decision, Permission, grant_of
from tests.api.conftest import People, asking, serving
from tests.conftest import NOON
from tests.factories import Shop, a_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.db import Database
    from primepos.core.operations import App
    from primepos.core.settings import Settings

ROLES = ("owner", "manager", "cashier", "clerk", "accountant", "device")
REFUSALS = {"PERMISSION_DENIED", "APPROVAL_REQUIRED", "UNAUTHENTICATED", "TOKEN_INVALID"}
ROUTES = [(path.replace(":str}", "}"), endpoint) for path, _, endpoint in endpoints()]
# What changes what the same people may do afterwards: done to a shop of its own.
ENDS_THE_SHOP = {"moving.begin"}
# An erasure takes two people of two sides itself: the consent that a till could give says nothing of it.
TWO_SIDES = {"erasing.agree", "erasing.cancel", "erasing.run"}
# Names of things that are not there; ids are new ones each time.
NAMES = {
    "slug": "no-such-shop",
    "code": "no-such-code",
    "kind": "products",
    "header": "0" * 64,
    "dataset": "products",
    "table": "products",
    "name": "no-such-file",
    "part_no": "1",
    "currency": "EUR",
}
IDS = ("id", "transfer", "count", "order", "supplier", "product")


def filled(path: str) -> str:
    """Return the path with a fitting value for every part that is a parameter."""
    return path.format(**NAMES, **{name: new_id() for name in IDS})


@pytest.fixture(scope="module")
def app(settings: Settings, database: Database) -> App:
    """One App for all questions of this module: starting one for each would be most of the work."""
    return build_app(settings, database=database, clock=FrozenClock(NOON))


@pytest.fixture(scope="module")
def shop(app: App) -> Shop:
    """One shop for all questions: nothing that is asked for here exists in it."""
    return a_shop(app)


@pytest.fixture(scope="module")
def ask(app: App) -> Iterator[Callable[..., Any]]:
    """Send a request as somebody, to one API over the module's App."""
    people = People()
    with serving(app, people) as client:
        yield asking(client, people)


@pytest.mark.parametrize(("path", "endpoint"), ROUTES, ids=[f"{each.method} {path}" for path, each in ROUTES])
def test_a_route_answers_each_role_as_the_matrix_says(app, ask, shop, path, endpoint):
    where = filled(path)
    body = {} if endpoint.in_query else {"json": {}}
    permission = endpoint.operation.permission
    anonymous = ask(None, endpoint.method, where, **body)
    if permission is Permission.PUBLIC:
        assert anonymous.json()["code"] not in REFUSALS
        return
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "UNAUTHENTICATED")
    assert anonymous.headers["www-authenticate"].startswith("Bearer")
    people = (a_shop(app) if endpoint.operation.name in ENDS_THE_SHOP else shop).people
    for name in ROLES:
        identity = people[name]
        answer = ask(identity, endpoint.method, where, **body)
        code = answer.json().get("code") if is_told(answer) else None
        if permission is Permission.SELF:
            assert code not in REFUSALS, name
            continue
        match grant_of(identity.role, permission).decision:
            case Decision.DENY:
                assert (answer.status_code, code) == (403, "PERMISSION_DENIED"), name
            case Decision.APPROVE if endpoint.operation.name in TWO_SIDES:
                assert (answer.status_code, code) == (404, "TENANT_NOT_FOUND"), name
            case Decision.APPROVE:
                assert (answer.status_code, code) == (403, "APPROVAL_REQUIRED"), name
            case Decision.ALLOW:
                assert code not in REFUSALS, name


def is_told(answer: Any) -> bool:
    """Say whether an answer is an object that may hold a code: a file that was given is none."""
    return bool(answer.content) and "json" in answer.headers["content-type"]


# What the shop's people were promised, said outright: a matrix that is wrong must not agree with itself.
PROMISED = [
    ("cashier", "POST", "/api/v1/sales", True),
    ("cashier", "GET", "/api/v1/products", True),
    ("cashier", "POST", "/api/v1/shifts", True),
    ("cashier", "DELETE", "/api/v1/sales/{id}", False),
    ("cashier", "POST", "/api/v1/products", False),
    ("cashier", "POST", "/api/v1/users", False),
    ("cashier", "PUT", "/api/v1/users/{id}/role", False),
    ("cashier", "POST", "/api/v1/stock/adjust", False),
    ("cashier", "GET", "/api/v1/audit", False),
    ("cashier", "POST", "/api/v1/taxes", False),
    ("cashier", "PATCH", "/api/v1/tenant", False),
    ("cashier", "POST", "/api/v1/sales/deliver", False),
    ("clerk", "POST", "/api/v1/sales", False),
    ("clerk", "GET", "/api/v1/reports/sales", False),
    ("clerk", "GET", "/api/v1/stock/levels", True),
    ("accountant", "GET", "/api/v1/reports/sales", True),
    ("accountant", "POST", "/api/v1/sales", False),
    ("manager", "DELETE", "/api/v1/sales/{id}", True),
    ("manager", "POST", "/api/v1/products", True),
    ("manager", "PUT", "/api/v1/users/{id}/role", False),
    ("manager", "POST", "/api/v1/outlets", False),
    ("manager", "POST", "/api/v1/sales/deliver", False),
    ("owner", "POST", "/api/v1/outlets", True),
    ("owner", "PUT", "/api/v1/users/{id}/role", True),
    ("owner", "POST", "/api/v1/sales/deliver", False),
    ("device", "POST", "/api/v1/sales/deliver", True),
    ("device", "POST", "/api/v1/sales", False),
    ("device", "GET", "/api/v1/users", False),
]


@pytest.mark.parametrize(("role", "method", "path", "allowed"), PROMISED)
def test_what_was_promised_holds(ask, shop, role, method, path, allowed):
    body = {} if method in {"GET", "DELETE"} else {"json": {}}
    answer = ask(shop.people[role], method, filled(path), **body)
    assert (answer.status_code not in {401, 403}) is allowed, answer.text


def test_an_unknown_role_may_do_nothing(ask, shop):
    from dataclasses import replace

    stranger = replace(shop.owner, role="emperor")
    for path in ("/api/v1/sales", "/api/v1/products", "/api/v1/users", "/api/v1/tenant"):
        assert ask(stranger, "GET", path).status_code == 403
