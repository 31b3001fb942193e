"""Signing in: who may, where to, and what a refusal gives away."""

from __future__ import annotations

from uuid import uuid4

import pytest

from primepos.core import security
from primepos.core.context import operator
from primepos.core.errors import InvalidInput, Unauthenticated
from primepos.core.tokens import read_access
from primepos.domain.accounts import credentials
from primepos.domain.accounts.errors import (
    BadCredentials,
    NoAccount,
    NotAMember,
    SessionEnded,
    TenantRequired,
)
from primepos.domain.accounts.service import (
    block_user,
    create_superuser,
    create_user,
    disable_user,
    login,
    logout,
    me,
    refresh,
    switch_tenant,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import rows

ADMIN = operator("tests")


def sessions(app, user_id):
    return rows(app, "SELECT id, tenant_id, revoked_why FROM login_sessions WHERE user_id = %s ORDER BY id", (user_id,))


def test_a_member_of_one_tenant_signs_in_without_naming_it(app, shop, person, sign_in, identity):
    pat = person(shop, "manager", outlet_ids=[str(shop.outlet_id)])
    tokens = sign_in(pat)
    assert (tokens.tenant, tokens.role, tokens.token_type) == (shop.slug, "manager", "Bearer")
    assert (tokens.expires_in, tokens.refresh_expires_in) == (3600, 604800)
    assert tokens.must_change_password is False
    who = identity(tokens)
    assert (who.kind, who.tenant_id, who.role, who.actor_id) == ("user", shop.tenant_id, "manager", pat.id)
    assert who.outlet_ids == frozenset({shop.outlet_id})
    claims = read_access(tokens.access_token, app.settings, app.clock)
    assert (claims.user_id, claims.tenant_id, claims.session_id) == (pat.id, shop.key, who.session_id)


@pytest.mark.parametrize("typed", ["PAT@{}.test", "  pat@{}.test ", "\uff30at@{}.test"])
def test_an_address_is_known_however_it_is_typed(app, shop, person, sign_in, typed):
    place = f"p{uuid4().hex[:8]}"
    person(shop, email=f"pat@{place}.test")
    assert app.run(login, data={"email": typed.format(place), "password": "vier traurige Ziegen 7"}).tenant == shop.slug


def test_every_wrong_address_or_password_is_refused_in_the_same_words(app, shop, person, refused):
    pat = person(shop)
    blocked = person(shop)
    app.run(block_user, ADMIN, {"email": blocked.email})
    texts = set()
    for email, password in (
        (pat.email, "wrong password"),
        (f"{uuid4().hex}@shop.test", pat.password),
        ("no address at all", pat.password),
        (blocked.email, blocked.password),
    ):
        request_id = uuid4().hex
        with pytest.raises(BadCredentials) as caught:
            app.run(login, data={"email": email, "password": password}, request_id=request_id)
        texts.add((caught.value.code, str(caught.value), str(caught.value.data), caught.value.hint))
        assert refused(request_id) == ["BAD_CREDENTIALS"]
    assert len(texts) == 1
    assert sessions(app, pat.id) == []


def test_an_unknown_address_costs_one_hash_too(app, monkeypatch):
    checked = []
    monkeypatch.setattr(
        credentials,
        "verify_password",
        lambda stored, given: checked.append(stored) or security.verify_password(stored, given),
    )
    with pytest.raises(BadCredentials):
        app.run(login, data={"email": f"{uuid4().hex}@shop.test", "password": "anything at all"})
    assert checked == [None]


def test_a_password_is_checked_in_its_normal_form(app, shop, person):
    composed = "Stra\u00dfe f\u00fcr caf\u00e9 42"
    decomposed = "Stra\u00dfe fu\u0308r cafe\u0301 42"
    pat = person(shop, password=composed)
    assert app.run(login, data={"email": pat.email, "password": decomposed}).tenant == shop.slug


def test_a_member_of_several_tenants_must_name_one_after_the_right_password(
    app, shop, other_shop, person, sign_in, identity
):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "accountant"})
    with pytest.raises(BadCredentials):
        app.run(login, data={"email": pat.email, "password": "wrong password"})
    with pytest.raises(TenantRequired) as caught:
        sign_in(pat)
    assert caught.value.data["tenants"] == sorted([shop.slug, other_shop.slug])
    assert sessions(app, pat.id) == []
    there = sign_in(pat, tenant=other_shop.slug)
    assert (there.role, identity(there).tenant_id) == ("accountant", other_shop.tenant_id)


def test_a_tenant_one_does_not_belong_to_is_refused_like_one_that_does_not_exist(
    app, shop, other_shop, person, sign_in
):
    pat = person(shop)
    for slug in (other_shop.slug, "no-such-shop"):
        with pytest.raises(NotAMember) as caught:
            sign_in(pat, tenant=slug)
        assert str(caught.value) == f"You do not belong to {slug!r}"
    assert sessions(app, pat.id) == []


def test_nobody_signs_in_to_a_suspended_tenant(app, shop, person, sign_in):
    pat = person(shop)
    app.run(suspend_tenant, ADMIN, {"slug": shop.slug})
    for more in ({}, {"tenant": shop.slug}):
        with pytest.raises(TenantSuspended):
            sign_in(pat, **more)
    assert sessions(app, pat.id) == []


def test_a_suspended_tenant_is_left_out_of_the_choice(app, shop, other_shop, person, sign_in):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "cashier"})
    app.run(suspend_tenant, ADMIN, {"slug": shop.slug})
    assert sign_in(pat).tenant == other_shop.slug


def test_an_administrator_signs_in_outside_every_tenant(app, identity, shop):
    email = f"root-{uuid4().hex[:8]}@ops.test"
    app.run(create_superuser, ADMIN, {"email": email, "name": "Root", "password": "lange geheime Worte 9"})
    tokens = app.run(login, data={"email": email, "password": "lange geheime Worte 9"})
    who = identity(tokens)
    assert (tokens.tenant, tokens.role, who.tenant_id, who.role) == (None, "saas_admin", None, "saas_admin")
    with pytest.raises(NotAMember):
        app.run(login, data={"email": email, "password": "lange geheime Worte 9", "tenant": shop.slug})


def test_a_sign_in_is_audited_without_secrets(app, shop, person):
    pat = person(shop)
    request_id = uuid4().hex
    tokens = app.run(login, data={"email": pat.email, "password": pat.password}, request_id=request_id)
    trail = rows(app, "SELECT * FROM system_audit_events WHERE request_id = %s", (request_id,))
    assert [(row["operation"], row["outcome"], row["subject"]) for row in trail] == [
        ("accounts.login", "done", f"user:{pat.id}")
    ]
    assert pat.password not in str(trail)
    assert tokens.refresh_token not in str(trail)
    stored = rows(app, "SELECT token_hash FROM refresh_tokens WHERE session_id = %s", (sessions(app, pat.id)[0]["id"],))
    assert stored == [{"token_hash": security.hash_token(tokens.refresh_token)}]


def test_secrets_do_not_show_when_printed(app, shop, person, sign_in):
    tokens = sign_in(person(shop))
    assert repr(tokens) == str(tokens) == "SignedIn(...)"


@pytest.mark.parametrize(
    "data",
    [
        {"email": "a@b.test"},
        {"email": "a@b.test", "password": ""},
        {"email": "a@b.test", "password": "x" * 1025},
        {"email": "a" * 321, "password": "x"},
        {"email": "a@b.test", "password": "x", "role": "owner"},
    ],
)
def test_a_shapeless_sign_in_is_refused(app, data):
    with pytest.raises(InvalidInput):
        app.run(login, data=data)


def test_after_signing_out_both_tokens_are_dead(app, shop, person, sign_in, identity):
    pat = person(shop)
    tokens, other = sign_in(pat), sign_in(pat)
    app.run(logout, identity(tokens))
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(SessionEnded):
        app.run(refresh, data={"refresh_token": tokens.refresh_token})
    assert identity(other).actor_id == pat.id
    assert [row["revoked_why"] for row in sessions(app, pat.id)] == ["signed out", None]
    trail = rows(
        app, "SELECT tenant_id FROM audit_events WHERE operation = 'accounts.logout' AND actor_id = %s", (pat.id,)
    )
    assert trail == [{"tenant_id": shop.tenant_id}]


def test_a_stranger_cannot_sign_out(app):
    for operation in (logout, me, switch_tenant):
        with pytest.raises(Unauthenticated):
            app.run(operation)


def test_me_shows_who_where_and_what(app, shop, other_shop, person, sign_in, identity):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "owner"})
    shown = app.run(me, identity(sign_in(pat, tenant=shop.slug)))
    assert (shown.kind, shown.id, shown.email, shown.name) == ("user", pat.id, pat.email, "Pat Doe")
    assert (shown.tenant, shown.role, shown.must_change_password) == (shop.slug, "cashier", False)
    assert shown.permissions["sale:create"] == "allow"
    assert shown.permissions["sale:void"] == "approve"
    assert "settings:write" not in shown.permissions
    assert {row.tenant: row.role for row in shown.memberships} == {shop.slug: "cashier", other_shop.slug: "owner"}


def test_me_shows_a_till_too(app, shop):
    shown = app.run(me, shop.device)
    assert (shown.kind, shown.email, shown.tenant, shown.register_id) == ("device", None, shop.slug, shop.till_id)
    assert shown.memberships == []


def test_switching_ends_the_session_and_begins_another_there(app, shop, other_shop, person, sign_in, identity):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "manager"})
    before = sign_in(pat, tenant=shop.slug)
    after = app.run(switch_tenant, identity(before), {"tenant": other_shop.slug})
    assert (after.tenant, after.role, identity(after).tenant_id) == (other_shop.slug, "manager", other_shop.tenant_id)
    with pytest.raises(SessionEnded):
        identity(before)


def test_switching_goes_nowhere_one_does_not_belong(app, shop, other_shop, person, sign_in, identity):
    tokens = sign_in(person(shop))
    for data in ({"tenant": other_shop.slug}, {"tenant": None}):
        with pytest.raises(NotAMember):
            app.run(switch_tenant, identity(tokens), data)
    assert identity(tokens).tenant_id == shop.tenant_id


def test_switching_to_a_suspended_tenant_is_refused(app, shop, other_shop, person, sign_in, identity):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "manager"})
    tokens = sign_in(pat, tenant=shop.slug)
    app.run(suspend_tenant, ADMIN, {"slug": other_shop.slug})
    with pytest.raises(TenantSuspended):
        app.run(switch_tenant, identity(tokens), {"tenant": other_shop.slug})
    assert identity(tokens).tenant_id == shop.tenant_id


def test_a_till_has_no_tenants_to_switch_to(app, shop):
    with pytest.raises(NoAccount):
        app.run(switch_tenant, shop.device, {"tenant": shop.slug})


def test_being_shut_out_ends_the_session(app, shop, person, sign_in, identity):
    pat = person(shop)
    tokens = sign_in(pat)
    app.run(disable_user, shop.owner, {"user_id": str(pat.id)})
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(SessionEnded):
        app.run(refresh, data={"refresh_token": tokens.refresh_token})
