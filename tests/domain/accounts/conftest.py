"""People with passwords, for the tests of signing in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest

from primepos.core.context import Identity
from primepos.core.tokens import read_access
from primepos.domain.accounts.identities import forget_identities, resolve_identity
from primepos.domain.accounts.service import create_user, login
from tests.factories import rows

PASSWORD = "vier traurige Ziegen 7"


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    id: UUID
    email: str
    password: str = PASSWORD


@pytest.fixture
def person(app):
    """Make ``person(shop, role="cashier")``: an account that belongs to the shop."""

    def make(shop, role="cashier", email=None, **more):
        email = email or f"{role}-{uuid4().hex[:10]}@shop.test"
        values = {"email": email, "name": "Pat Doe", "role": role, "password": PASSWORD} | more
        made = app.run(create_user, shop.owner, values)
        return Person(made.user.id, made.user.email)

    return make


@pytest.fixture
def sign_in(app):
    """Sign a person in: ``sign_in(person, tenant=None)`` gives the tokens."""

    def run(who, **more):
        return app.run(login, data={"email": who.email, "password": who.password} | more)

    return run


@pytest.fixture
def identity(app):
    """Give the identity behind an access token, as the API would, with nothing remembered."""

    def resolve(tokens) -> Identity:
        forget_identities(app.database)
        return resolve_identity(app.database, read_access(tokens.access_token, app.settings, app.clock), app.clock)

    return resolve


@pytest.fixture
def owner_of(app, person, sign_in, identity):
    """Give a shop a real owner who is signed in: ``owner_of(shop)`` is their identity."""

    def make(shop):
        return identity(sign_in(person(shop, "owner")))

    return make


@pytest.fixture
def refused(app):
    """Give the error codes that the trail has for a request."""

    def codes(request_id):
        return [
            row["error_code"]
            for row in rows(
                app,
                "SELECT error_code FROM audit_events WHERE outcome = 'refused' AND request_id = %(id)s UNION ALL"
                " SELECT error_code FROM system_audit_events WHERE outcome = 'refused' AND request_id = %(id)s",
                {"id": request_id},
            )
        ]

    return codes


def outside(identity: Identity) -> Identity:
    """Return the same person outside every tenant."""
    return replace(identity, tenant_id=None, role=None)
