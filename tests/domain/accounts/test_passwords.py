"""Passwords: chosen, changed, and given for a day to who lost theirs."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import PermissionDenied
from primepos.core.security import WeakPassword, hash_password
from primepos.domain.accounts import credentials
from primepos.domain.accounts.errors import (
    BadCredentials,
    NoAccount,
    OwnRole,
    PasswordUnchanged,
    RoleNotYours,
    SessionEnded,
    UserNotFound,
    UserOfOthers,
    WrongPassword,
)
from primepos.domain.accounts.service import change_password, create_user, login, me, refresh, reset_password
from primepos.domain.accounts.throttle import LoginThrottled
from primepos.domain.tenancy.service import current_tenant
from tests.factories import rows

BETTER = "elf gelbe Laternen 3"


def stored(app, user_id):
    return rows(app, "SELECT password_hash, password_expires_at FROM users WHERE id = %s", (user_id,))[0]


def test_changing_the_password_ends_every_other_session(app, shop, person, sign_in, identity):
    pat = person(shop)
    here, there = sign_in(pat), sign_in(pat)
    app.run(change_password, identity(here), {"current_password": pat.password, "new_password": BETTER})
    assert identity(here).actor_id == pat.id
    with pytest.raises(SessionEnded):
        identity(there)
    with pytest.raises(SessionEnded):
        app.run(refresh, data={"refresh_token": there.refresh_token})
    with pytest.raises(BadCredentials):
        sign_in(pat)
    assert app.run(login, data={"email": pat.email, "password": BETTER}).tenant == shop.slug


def test_a_wrong_current_password_changes_nothing_and_counts_as_a_failure(
    app, shop, person, sign_in, identity, refused
):
    pat = person(shop)
    who, before = identity(sign_in(pat)), stored(app, pat.id)
    for _ in range(5):
        request_id = uuid4().hex
        with pytest.raises(WrongPassword):
            app.run(
                change_password,
                who,
                {"current_password": "wrong password", "new_password": BETTER},
                request_id=request_id,
            )
        assert refused(request_id) == ["WRONG_PASSWORD"]
    with pytest.raises(LoginThrottled):
        app.run(change_password, who, {"current_password": pat.password, "new_password": BETTER})
    assert stored(app, pat.id) == before


@pytest.mark.parametrize("password", ["short", "password123", "aaaaaaaaaaaa", "12345678901", "PrimePOS2026"])
def test_a_weak_password_is_refused(app, shop, person, sign_in, identity, password):
    pat = person(shop)
    who, before = identity(sign_in(pat)), stored(app, pat.id)
    with pytest.raises(WeakPassword):
        app.run(change_password, who, {"current_password": pat.password, "new_password": password})
    assert stored(app, pat.id) == before


def test_the_old_password_is_no_new_one(app, shop, person, sign_in, identity):
    pat = person(shop)
    with pytest.raises(PasswordUnchanged):
        app.run(
            change_password,
            identity(sign_in(pat)),
            {"current_password": pat.password, "new_password": pat.password},
        )


def test_a_till_has_no_password(app, shop):
    with pytest.raises(NoAccount):
        app.run(change_password, shop.device, {"current_password": "x", "new_password": BETTER})


def test_a_person_without_a_password_gets_one_for_a_day_that_only_serves_to_choose_another(
    app, shop, identity, sign_in, clock
):
    email = f"{uuid4().hex}@shop.test"
    made = app.run(create_user, shop.owner, {"email": email, "name": "Pat", "role": "cashier"})
    assert made.is_new
    assert made.password_expires_at == clock.now() + timedelta(hours=24)
    tokens = app.run(login, data={"email": email, "password": made.temporary_password})
    assert tokens.must_change_password
    who = identity(tokens)
    assert who.role is None
    with pytest.raises(PermissionDenied):
        app.run(current_tenant, who)
    assert app.run(me, who).must_change_password
    app.run(change_password, who, {"current_password": made.temporary_password, "new_password": BETTER})
    assert stored(app, made.user.id)["password_expires_at"] is None
    assert identity(tokens).role == "cashier"
    assert app.run(login, data={"email": email, "password": BETTER}).must_change_password is False


def test_a_temporary_password_is_dead_after_a_day(app, shop, clock):
    email = f"{uuid4().hex}@shop.test"
    made = app.run(create_user, shop.owner, {"email": email, "name": "Pat", "role": "cashier"})
    clock.advance(timedelta(hours=24))
    with pytest.raises(BadCredentials):
        app.run(login, data={"email": email, "password": made.temporary_password})


def test_a_reset_ends_every_session_and_the_old_password(app, shop, person, sign_in, identity):
    pat = person(shop)
    tokens = sign_in(pat)
    given = app.run(reset_password, shop.owner, {"email": pat.email.upper()})
    assert given.user.id == pat.id
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(BadCredentials):
        sign_in(pat)
    assert app.run(login, data={"email": pat.email, "password": given.password}).must_change_password
    trail = rows(
        app,
        "SELECT operation, subject, data::text AS data FROM audit_events WHERE tenant_id = %s AND operation = %s",
        (shop.tenant_id, "users.reset_password"),
    )
    assert [row["subject"] for row in trail] == [f"user:{pat.id}"]
    assert given.password not in trail[0]["data"]


def test_a_manager_resets_cashiers_only(app, shop, person, refused):
    cashier, owner = person(shop), person(shop, "owner")
    assert app.run(reset_password, shop.manager, {"user_id": str(cashier.id)}).user.id == cashier.id
    before, request_id = stored(app, owner.id), uuid4().hex
    with pytest.raises(RoleNotYours):
        app.run(reset_password, shop.manager, {"user_id": str(owner.id)}, request_id=request_id)
    assert refused(request_id) == ["ROLE_NOT_YOURS"]
    assert stored(app, owner.id) == before


@pytest.mark.parametrize("name", ["cashier", "clerk", "accountant", "device"])
def test_others_reset_nothing(app, shop, person, name, refused):
    pat, request_id = person(shop), uuid4().hex
    before = stored(app, pat.id)
    with pytest.raises(PermissionDenied):
        app.run(reset_password, shop.people[name], {"user_id": str(pat.id)}, request_id=request_id)
    assert refused(request_id) == ["PERMISSION_DENIED"]
    assert stored(app, pat.id) == before


def test_another_tenants_person_is_not_found(app, shop, other_shop, person):
    stranger = person(other_shop)
    before = stored(app, stranger.id)
    for named in ({"user_id": str(stranger.id)}, {"email": stranger.email}):
        with pytest.raises(UserNotFound):
            app.run(reset_password, shop.owner, named)
    assert stored(app, stranger.id) == before


def test_an_account_that_opens_other_tenants_is_not_taken_over_by_one_of_them(app, shop, other_shop, person):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "cashier"})
    before = stored(app, pat.id)
    with pytest.raises(UserOfOthers):
        app.run(reset_password, other_shop.owner, {"user_id": str(pat.id)})
    assert stored(app, pat.id) == before
    shell = operator("root", other_shop.tenant_id)
    assert app.run(reset_password, shell, {"user_id": str(pat.id)}).user.id == pat.id


def test_nobody_resets_their_own(app, shop, owner_of):
    me_myself = owner_of(shop)
    with pytest.raises(OwnRole):
        app.run(reset_password, me_myself, {"user_id": str(me_myself.actor_id)})


def test_an_old_hash_is_renewed_at_the_next_sign_in(app, shop, person, sign_in, monkeypatch):
    pat = person(shop)
    before = stored(app, pat.id)["password_hash"]
    monkeypatch.setattr(credentials, "needs_rehash", lambda _: True)
    sign_in(pat)
    assert stored(app, pat.id)["password_hash"] != before
    monkeypatch.undo()
    assert sign_in(pat).tenant == shop.slug


def test_a_sign_in_that_a_change_overtook_is_refused(app, shop, person, sign_in, monkeypatch):
    """The password is changed after it was checked and before the session begins."""
    pat = person(shop)
    real = credentials.needs_rehash

    def overtaken(stored_hash):
        given = app.run(reset_password, operator("root", shop.tenant_id), {"user_id": str(pat.id)})
        assert given.password
        return real(stored_hash)

    monkeypatch.setattr(credentials, "needs_rehash", overtaken)
    with pytest.raises(BadCredentials):
        sign_in(pat)
    assert rows(app, "SELECT id FROM login_sessions WHERE user_id = %s", (pat.id,)) == []
    assert hash_password("x" * 12).startswith("$argon2id$")
