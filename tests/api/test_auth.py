"""Signing in and out with real tokens, and the throttle in front of it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos.api.app import build_app
from primepos.core.context import operator
from primepos.domain.accounts import service as accounts
from tests.api.conftest import HOST
from tests.factories import a_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.operations import App
    from tests.factories import Shop

PASSWORD = "correct horse battery 9"
AUTH = "/api/v1/auth"


@contextmanager
def signing_in(app: App) -> Iterator[TestClient[Any]]:
    """Give a client of the API as it is served: tokens are real."""
    with TestClient(build_app(app), base_url=HOST) as client:
        yield client


@pytest.fixture
def web(app):
    with signing_in(app) as client:
        yield client


def a_user(app: App, shop: Shop, role: str = "owner", email: str | None = None) -> str:
    """Let somebody in and return their e-mail address."""
    address = email or f"{role}@{shop.slug}.example.org"
    data = {"email": address, "name": role.title(), "role": role, "password": PASSWORD}
    app.run(accounts.create_user, operator("test", shop.tenant_id), data)
    return address


def sign_in(web: Any, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return web.post(f"{AUTH}/login", json={"email": email, "password": password, **more})


def bearer(answer: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_in_look_around_renew_and_out(app, web, shop):
    first = sign_in(web, a_user(app, shop))
    assert first.status_code == 200
    assert (first.json()["token_type"], first.json()["expires_in"], first.json()["tenant"]) == (
        "Bearer",
        3600,
        shop.slug,
    )
    me = web.get(f"{AUTH}/me", headers=bearer(first)).json()
    assert (me["role"], me["tenant"], me["permissions"]["sale:void"]) == ("owner", shop.slug, "allow")
    second = web.post(f"{AUTH}/refresh", json={"refresh_token": first.json()["refresh_token"]})
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first.json()["refresh_token"]
    assert web.get("/api/v1/sales", headers=bearer(second)).status_code == 200
    out = web.post(f"{AUTH}/logout", headers=bearer(second))
    assert (out.status_code, out.content) == (204, b"")
    refused = web.get(f"{AUTH}/me", headers=bearer(second))
    assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_ENDED")
    renewed = web.post(f"{AUTH}/refresh", json={"refresh_token": second.json()["refresh_token"]})
    assert renewed.status_code == 401


def test_a_worn_out_token_keeps_nobody_from_signing_in(app, web, shop):
    email = a_user(app, shop)
    answer = web.post(
        f"{AUTH}/login", json={"email": email, "password": PASSWORD}, headers={"Authorization": "Bearer worn-out"}
    )
    assert answer.status_code == 200


def test_an_access_token_ends_after_its_hour(app, web, shop, clock):
    signed_in = sign_in(web, a_user(app, shop))
    clock.advance(timedelta(seconds=3599))
    assert web.get(f"{AUTH}/me", headers=bearer(signed_in)).status_code == 200
    clock.advance(timedelta(seconds=1))
    late = web.get(f"{AUTH}/me", headers=bearer(signed_in))
    assert (late.status_code, late.json()["code"]) == (401, "TOKEN_EXPIRED")
    assert 'error="invalid_token"' in late.headers["www-authenticate"]


def test_the_sixth_failure_in_a_minute_is_429_for_anybody_known_or_not(app, web, shop):
    for email in (a_user(app, shop), f"nobody@{shop.slug}.example.org"):
        answers = [sign_in(web, email, "wrong password 1") for _ in range(6)]
        assert [each.status_code for each in answers] == [401] * 5 + [429]
        assert {each.json()["code"] for each in answers[:5]} == {"BAD_CREDENTIALS"}
        assert answers[5].json()["code"] == "LOGIN_THROTTLED"
        assert 1 <= int(answers[5].headers["retry-after"]) <= 60
        assert answers[0].headers["www-authenticate"].startswith("Bearer")


def test_the_caller_cannot_choose_the_address_that_failures_are_counted_for(web):
    answer = web.post(f"{AUTH}/login", json={"email": "a@b.example", "password": "x", "client_ip": "10.9.8.7"})
    assert (answer.status_code, answer.json()["problems"]) == (
        422,
        [{"field": "client_ip", "problem": "must not be given here"}],
    )


def test_thirty_cashiers_behind_one_router_sign_in_at_eight(app, web, shop):
    email = a_user(app, shop)
    assert [sign_in(web, email).status_code for _ in range(7)] == [200] * 7


def test_who_belongs_to_two_shops_chooses_and_changes(app, web, shop):
    other = a_shop(app)
    email = a_user(app, shop)
    a_user(app, other, "cashier", email)
    undecided = sign_in(web, email)
    assert (undecided.status_code, undecided.json()["code"]) == (422, "TENANT_REQUIRED")
    assert sorted(undecided.json()["data"]["tenants"]) == sorted([shop.slug, other.slug])
    here = sign_in(web, email, tenant=shop.slug)
    there = web.post(f"{AUTH}/switch", json={"tenant": other.slug}, headers=bearer(here))
    assert (there.status_code, there.json()["role"]) == (200, "cashier")
    assert web.get("/api/v1/outlets", headers=bearer(there)).json()["items"][0]["id"] == str(other.outlet_id)


def test_a_new_password_ends_the_old_one(app, web, shop):
    email = a_user(app, shop)
    signed_in = sign_in(web, email)
    body = {"current_password": PASSWORD, "new_password": "another long phrase 7"}
    changed = web.post(f"{AUTH}/password", json=body, headers=bearer(signed_in))
    assert changed.status_code == 204, changed.text
    assert sign_in(web, email).status_code == 401
    assert sign_in(web, email, "another long phrase 7").status_code == 200


def test_registration_needs_an_invitation_unless_it_is_open(app, web, shop):
    body = {"name": "Eve", "email": f"eve@{shop.slug}.example.org", "password": PASSWORD}
    uninvited = web.post(f"{AUTH}/register", json=body)
    assert (uninvited.status_code, uninvited.json()["code"]) == (403, "REGISTRATION_CLOSED")
    owner = sign_in(web, a_user(app, shop))
    invited = web.post(
        "/api/v1/users/invitations", json={"email": body["email"], "role": "cashier"}, headers=bearer(owner)
    )
    assert invited.status_code == 201
    made = web.post(f"{AUTH}/register", json={**body, "invitation": invited.json()["token"]})
    assert (made.status_code, made.json()["email"]) == (201, body["email"])
    assert sign_in(web, body["email"]).json()["role"] == "cashier"


def test_a_person_of_the_tenant_is_let_in_changed_and_shut_out(app, web, shop):
    owner = bearer(sign_in(web, a_user(app, shop)))
    body = {"email": f"max@{shop.slug}.example.org", "name": "Max", "role": "cashier", "password": PASSWORD}
    made = web.post("/api/v1/users", json=body, headers=owner)
    assert made.status_code == 201, made.text
    user_id = made.json()["user"]["id"]
    cashier = bearer(sign_in(web, body["email"]))
    assert web.get("/api/v1/users", headers=cashier).status_code == 403
    promoted = web.put(f"/api/v1/users/{user_id}/role", json={"role": "manager"}, headers=owner)
    assert (promoted.status_code, promoted.json()["role"]) == (200, "manager")
    assert web.get("/api/v1/users", headers=cashier).status_code == 200
    assert web.post(f"/api/v1/users/{user_id}/disable", headers=owner).json()["is_disabled"] is True
    assert web.get("/api/v1/users", headers=cashier).status_code == 401
    assert web.post(f"/api/v1/users/{user_id}/enable", headers=owner).json()["is_disabled"] is False


def test_no_password_and_no_token_is_written_to_the_log(app, web, shop, caplog):
    email = a_user(app, shop)
    caplog.set_level("DEBUG")
    signed_in = sign_in(web, email)
    sign_in(web, email, "a wrong secret phrase")
    web.get(f"{AUTH}/me", headers=bearer(signed_in))
    text = caplog.text
    assert "http.request" in text
    for secret in (PASSWORD, "a wrong secret phrase", signed_in.json()["access_token"]):
        assert secret not in text
