"""Every route, for every role: the answer is the matrix's, and nobody gets in by guessing a URL."""

from __future__ import annotations

from uuid import uuid4

import pytest

from primepos.api.app import endpoints
from primepos.core.permissions import Decision, Permission, grant_of

ROLES = ("owner", "manager", "cashier", "clerk", "accountant", "device")
REFUSALS = {"PERMISSION_DENIED", "APPROVAL_REQUIRED", "UNAUTHENTICATED", "TOKEN_INVALID"}
ROUTES = [(path.replace("{id:str}", "{id}"), endpoint) for path, _, endpoint in endpoints()]


@pytest.mark.parametrize(("path", "endpoint"), ROUTES, ids=[f"{each.method} {path}" for path, each in ROUTES])
def test_a_route_answers_each_role_as_the_matrix_says(api, ask, shop, path, endpoint):
    where = path.format(id=uuid4())
    body = {} if endpoint.in_query else {"json": {}}
    permission = endpoint.operation.permission
    anonymous = ask(None, endpoint.method, where, **body)
    if permission is Permission.PUBLIC:
        assert anonymous.json()["code"] not in REFUSALS
        return
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "UNAUTHENTICATED")
    assert anonymous.headers["www-authenticate"].startswith("Bearer")
    for name in ROLES:
        identity = shop.people[name]
        answer = ask(identity, endpoint.method, where, **body)
        code = answer.json().get("code") if answer.content else None
        if permission is Permission.SELF:
            assert code not in REFUSALS, name
            continue
        match grant_of(identity.role, permission).decision:
            case Decision.DENY:
                assert (answer.status_code, code) == (403, "PERMISSION_DENIED"), name
            case Decision.APPROVE:
                assert (answer.status_code, code) == (403, "APPROVAL_REQUIRED"), name
            case Decision.ALLOW:
                assert code not in REFUSALS, name


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
    answer = ask(shop.people[role], method, path.format(id=uuid4()), **body)
    assert (answer.status_code not in {401, 403}) is allowed, answer.text


def test_an_unknown_role_may_do_nothing(ask, shop):
    from dataclasses import replace

    stranger = replace(shop.owner, role="emperor")
    for path in ("/api/v1/sales", "/api/v1/products", "/api/v1/users", "/api/v1/tenant"):
        assert ask(stranger, "GET", path).status_code == 403
