"""The people of a tenant: let in, given roles, shut out; and the rules that keep a tenant its owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.security import InvalidEmail, WeakPassword
from primepos.domain.accounts.errors import (
    AlreadyMember,
    BadCredentials,
    EmailTaken,
    LastOwner,
    OutletsNotFound,
    OwnRole,
    RoleNotFound,
    RoleNotYours,
    SessionEnded,
    UserNotFound,
)
from primepos.domain.accounts.service import (
    block_user,
    create_superuser,
    create_user,
    disable_user,
    enable_user,
    invite_user,
    list_users,
    set_role,
    unblock_user,
)
from tests.factories import rows

ADMIN = operator("tests")
SECRET = "vier traurige Ziegen 7"


def an_email():
    return f"{uuid4().hex[:12]}@shop.test"


def members(app, shop):
    return {
        row["email"]: row["role"]
        for row in rows(
            app,
            "SELECT u.email, CASE WHEN m.disabled_at IS NULL THEN m.role ELSE 'out' END AS role"
            " FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = %s",
            (shop.tenant_id,),
        )
    }


@pytest.mark.parametrize("role", ["owner", "manager", "cashier", "stock_clerk", "accountant"])
def test_an_owner_lets_people_in_with_any_role(app, shop, role):
    email = an_email()
    made = app.run(
        create_user,
        shop.owner,
        {
            "email": email.upper(),
            "name": " Pat  Doe ",
            "role": role,
            "outlet_ids": [str(shop.outlet_id)],
            "password": SECRET,
        },
    )
    assert (made.user.email, made.user.name, made.user.role) == (email, "Pat Doe", role)
    assert (made.user.outlet_ids, made.user.is_disabled) == ([shop.outlet_id], False)
    assert (made.is_new, made.temporary_password) == (True, None)
    assert members(app, shop) == {email: role}
    trail = rows(
        app,
        "SELECT subject, data FROM audit_events WHERE tenant_id = %s AND operation = 'users.create'",
        (shop.tenant_id,),
    )
    assert trail == [{"subject": f"user:{made.user.id}", "data": {"role": role, "is_new": True}}]


@pytest.mark.parametrize("role", ["saas_admin", "device", "nobody"])
def test_no_tenant_gives_a_role_that_is_not_a_persons(app, shop, role):
    with pytest.raises((InvalidInput, RoleNotFound)):
        app.run(create_user, shop.owner, {"email": an_email(), "name": "Pat", "role": role, "password": SECRET})
    assert members(app, shop) == {}


def test_who_has_an_account_keeps_name_and_password(app, shop, other_shop, person, sign_in):
    pat = person(shop)
    made = app.run(
        create_user,
        other_shop.owner,
        {"email": pat.email, "name": "Impostor", "role": "manager", "password": "ganz anders 12 Worte"},
    )
    assert (made.is_new, made.temporary_password, made.user.name, made.user.role) == (False, None, "Pat Doe", "manager")
    assert sign_in(pat, tenant=other_shop.slug).role == "manager"
    assert members(app, shop) == {pat.email: "cashier"}


def test_nobody_is_let_in_twice(app, shop, person):
    pat = person(shop)
    with pytest.raises(AlreadyMember):
        app.run(create_user, shop.owner, {"email": pat.email, "name": "Pat", "role": "owner"})
    assert members(app, shop) == {pat.email: "cashier"}


def test_one_person_let_in_by_many_at_once_has_one_account(app, shop, other_shop):
    email, barrier = an_email(), Barrier(2)

    def let_in(where):
        barrier.wait()
        return app.run(create_user, where.owner, {"email": email, "name": "Pat", "role": "cashier"})

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(let_in, [shop, other_shop]))
    assert sorted(one.is_new for one in made) == [False, True]
    assert len({one.user.id for one in made}) == 1
    assert sum(one.temporary_password is not None for one in made) == 1


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("email", "no address", InvalidEmail),
        ("email", "a@b\x00.test", InvalidEmail),
        ("password", "password", WeakPassword),
        ("name", "", InvalidInput),
        ("name", "x\x00", InvalidInput),
        ("outlet_ids", [], InvalidInput),
        ("outlet_ids", [str(uuid4())], OutletsNotFound),
    ],
)
def test_what_cannot_be_right_lets_nobody_in(app, shop, field, value, error):
    values = {"email": an_email(), "name": "Pat", "role": "cashier", "password": SECRET, field: value}
    with pytest.raises(error):
        app.run(create_user, shop.owner, values)
    assert members(app, shop) == {}


def test_another_tenants_outlet_is_not_found(app, shop, other_shop, person):
    foreign = [str(other_shop.outlet_id)]
    pat = person(shop)
    with pytest.raises(OutletsNotFound):
        app.run(create_user, shop.owner, {"email": an_email(), "name": "P", "role": "cashier", "outlet_ids": foreign})
    with pytest.raises(OutletsNotFound):
        app.run(set_role, shop.owner, {"user_id": str(pat.id), "role": "manager", "outlet_ids": foreign})
    with pytest.raises(OutletsNotFound):
        app.run(invite_user, shop.owner, {"email": an_email(), "role": "cashier", "outlet_ids": foreign})
    assert members(app, shop) == {pat.email: "cashier"}


@pytest.mark.parametrize("role", ["cashier", "stock_clerk"])
def test_a_manager_lets_in_those_they_look_after(app, shop, role):
    app.run(create_user, shop.manager, {"email": an_email(), "name": "Pat", "role": role, "password": SECRET})
    assert list(members(app, shop).values()) == [role]


@pytest.mark.parametrize("role", ["owner", "manager", "accountant"])
def test_a_manager_makes_nobody_their_equal(app, shop, role, refused):
    request_id = uuid4().hex
    with pytest.raises(RoleNotYours):
        app.run(create_user, shop.manager, {"email": an_email(), "name": "P", "role": role}, request_id=request_id)
    assert refused(request_id) == ["ROLE_NOT_YOURS"]
    assert members(app, shop) == {}


def test_a_manager_of_one_outlet_lets_nobody_into_all(app, shop):
    here = replace(shop.manager, outlet_ids=frozenset({shop.outlet_id}))
    values = {"email": an_email(), "name": "Pat", "role": "cashier", "password": SECRET}
    with pytest.raises(RoleNotYours):
        app.run(create_user, here, values)
    app.run(create_user, here, values | {"outlet_ids": [str(shop.outlet_id)]})
    assert list(members(app, shop).values()) == ["cashier"]


@pytest.mark.parametrize("name", ["cashier", "clerk", "accountant", "device"])
@pytest.mark.parametrize("operation", [create_user, invite_user, list_users, set_role, disable_user, enable_user])
def test_others_look_after_nobody(app, shop, person, name, operation, refused):
    pat, request_id = person(shop), uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.people[name], {"user_id": str(pat.id)}, request_id=request_id)
    assert refused(request_id) == ["PERMISSION_DENIED"]
    assert members(app, shop) == {pat.email: "cashier"}


def test_people_are_listed_page_by_page_and_only_ones_own(app, shop, other_shop, person):
    emails = sorted(person(shop, role).email for role in ("owner", "manager", "cashier", "stock_clerk", "accountant"))
    person(other_shop)
    first = app.run(list_users, shop.owner, {"limit": 3})
    second = app.run(list_users, shop.owner, {"limit": 3, "after": first.next})
    assert [row.email for row in (*first.items, *second.items)] == emails
    assert second.next is None
    seen = app.run(list_users, shop.manager, {})
    assert sorted(row.role for row in seen.items) == ["cashier", "stock_clerk"]


def test_a_role_is_given_and_holds_at_once_in_this_process(app, shop, person, sign_in, identity):
    pat = person(shop)
    tokens = sign_in(pat)
    changed = app.run(
        set_role, shop.owner, {"email": pat.email, "role": "manager", "outlet_ids": [str(shop.outlet_id)]}
    )
    assert (changed.role, changed.outlet_ids) == ("manager", [shop.outlet_id])
    assert (identity(tokens).role, identity(tokens).outlet_ids) == ("manager", frozenset({shop.outlet_id}))
    kept = app.run(set_role, shop.owner, {"email": pat.email, "role": "cashier"})
    assert kept.outlet_ids == [shop.outlet_id]
    everywhere = app.run(set_role, shop.owner, {"email": pat.email, "role": "cashier", "outlet_ids": None})
    assert everywhere.outlet_ids is None


def test_a_manager_gives_no_roles(app, shop, person):
    pat = person(shop)
    with pytest.raises(PermissionDenied):
        app.run(set_role, shop.manager, {"user_id": str(pat.id), "role": "stock_clerk"})
    assert members(app, shop) == {pat.email: "cashier"}


def test_nobody_changes_the_role_they_hold(app, shop, person, owner_of):
    owner = owner_of(shop)
    person(shop, "owner")
    before = members(app, shop)
    with pytest.raises(OwnRole):
        app.run(set_role, owner, {"user_id": str(owner.actor_id), "role": "manager"})
    with pytest.raises(OwnRole):
        app.run(disable_user, owner, {"user_id": str(owner.actor_id)})
    with pytest.raises(OwnRole):
        app.run(enable_user, owner, {"user_id": str(owner.actor_id)})
    assert members(app, shop) == before


def test_the_last_owner_stays(app, shop, person):
    pat = person(shop, "owner")
    shell = operator("root", shop.tenant_id)
    for operation, more in ((set_role, {"role": "manager"}), (disable_user, {})):
        with pytest.raises(LastOwner):
            app.run(operation, shell, {"user_id": str(pat.id), **more})
    assert members(app, shop) == {pat.email: "owner"}


def test_an_owner_who_cannot_enter_does_not_count(app, shop, person):
    pat, blocked, out = (person(shop, "owner") for _ in range(3))
    shell = operator("root", shop.tenant_id)
    app.run(block_user, ADMIN, {"email": blocked.email})
    app.run(disable_user, shell, {"email": out.email})
    with pytest.raises(LastOwner):
        app.run(disable_user, shell, {"email": pat.email})


@pytest.mark.parametrize("_again", range(3))
@pytest.mark.parametrize("operation", [set_role, disable_user])
def test_two_owners_removed_at_once_leave_one(app, shop, person, operation, _again):
    shell, more = operator("root", shop.tenant_id), {"role": "manager"} if operation is set_role else {}
    pair, barrier = [person(shop, "owner") for _ in range(2)], Barrier(2)

    def remove(who):
        barrier.wait()
        try:
            app.run(operation, shell, {"user_id": str(who.id), **more})
        except LastOwner:
            return "last"
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(remove, pair))
    assert outcomes == ["last", "removed"]
    assert list(members(app, shop).values()).count("owner") == 1


def test_who_is_shut_out_comes_back_with_the_same_role(app, shop, person, sign_in):
    pat = person(shop, "manager")
    assert app.run(disable_user, shop.owner, {"user_id": str(pat.id)}).is_disabled
    tokens = sign_in(pat)
    assert (tokens.tenant, tokens.role) == (None, None)
    assert app.run(enable_user, shop.owner, {"user_id": str(pat.id)}).is_disabled is False
    assert sign_in(pat).role == "manager"


def test_being_shut_out_of_one_tenant_leaves_the_other(app, shop, other_shop, person, sign_in, identity):
    pat = person(shop)
    app.run(create_user, other_shop.owner, {"email": pat.email, "name": "Pat", "role": "owner"})
    here, there = sign_in(pat, tenant=shop.slug), sign_in(pat, tenant=other_shop.slug)
    app.run(disable_user, shop.owner, {"user_id": str(pat.id)})
    with pytest.raises(SessionEnded):
        identity(here)
    assert identity(there).tenant_id == other_shop.tenant_id


def test_a_manager_shuts_out_no_owner(app, shop, person):
    pat, other = person(shop, "owner"), person(shop, "owner")
    for operation in (disable_user, enable_user):
        with pytest.raises(RoleNotYours):
            app.run(operation, shop.manager, {"user_id": str(pat.id)})
    assert members(app, shop) == {pat.email: "owner", other.email: "owner"}


def test_another_tenants_people_are_not_found(app, shop, other_shop, person):
    stranger = person(other_shop, "cashier")
    for operation, more in ((set_role, {"role": "owner"}), (disable_user, {}), (enable_user, {})):
        for named in ({"user_id": str(stranger.id)}, {"email": stranger.email}):
            with pytest.raises(UserNotFound):
                app.run(operation, shop.owner, {**named, **more})
    assert members(app, other_shop) == {stranger.email: "cashier"}


@pytest.mark.parametrize("named", [{}, {"user_id": str(uuid4()), "email": "a@b.test"}, {"user_id": "7"}])
def test_a_person_is_named_in_one_way(app, shop, named):
    with pytest.raises(InvalidInput):
        app.run(disable_user, shop.owner, named)


# --- the installation ------------------------------------------------------------------------------------------------


def test_an_administrator_is_made_at_the_shell(app):
    email = an_email()
    made = app.run(create_superuser, ADMIN, {"email": email, "name": "Root", "password": SECRET})
    assert (made.email, made.role) == (email, "saas_admin")
    with pytest.raises(EmailTaken):
        app.run(create_superuser, ADMIN, {"email": email, "name": "Root", "password": SECRET})
    with pytest.raises(WeakPassword):
        app.run(create_superuser, ADMIN, {"email": an_email(), "name": "Root", "password": "password1"})
    with pytest.raises(InvalidEmail):
        app.run(create_superuser, ADMIN, {"email": "root", "name": "Root", "password": SECRET})
    assert len(rows(app, "SELECT id FROM users WHERE email = %s AND is_superuser", (email,))) == 1


@pytest.mark.parametrize("name", ["owner", "manager", "cashier", "device"])
@pytest.mark.parametrize("operation", [create_superuser, block_user, unblock_user])
def test_nobody_inside_a_tenant_touches_the_installations_accounts(app, shop, name, operation, refused):
    email, request_id = an_email(), uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(
            operation,
            shop.people[name],
            {"email": email, "name": "Root", "password": SECRET},
            request_id=request_id,
        )
    assert refused(request_id) == ["PERMISSION_DENIED"]
    assert rows(app, "SELECT id FROM users WHERE email = %s", (email,)) == []


def test_a_blocked_account_is_dead_everywhere_until_it_is_unblocked(app, shop, person, sign_in, identity):
    pat = person(shop)
    tokens = sign_in(pat)
    assert app.run(block_user, ADMIN, {"email": pat.email}).is_disabled
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(BadCredentials):
        sign_in(pat)
    assert app.run(unblock_user, ADMIN, {"email": pat.email}).is_disabled is False
    with pytest.raises(SessionEnded):
        identity(tokens)
    assert sign_in(pat).tenant == shop.slug


def test_an_account_nobody_has_is_not_blocked(app):
    for operation in (block_user, unblock_user):
        with pytest.raises(UserNotFound):
            app.run(operation, ADMIN, {"email": an_email()})
