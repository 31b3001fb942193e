"""Roles of a shop's own: what they can hold, who may make them, and when they count."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.permissions import GRANTABLE, GRANTS, LIMITS, Decision, Grant, Permission, Role
from primepos.domain.accounts.errors import (
    GrantNotPossible,
    LastOwner,
    MoreThanYours,
    OutletsNotFound,
    OwnRole,
    RoleNotFound,
    RoleNotYours,
)
from primepos.domain.accounts.roles import read_grants, stored_grants
from primepos.domain.accounts.service import disable_user, list_users, me, set_role
from primepos.domain.outlets.service import list_outlets
from primepos.domain.staff.errors import RoleChanged, RoleInUse, RoleLocked, RoleTaken
from primepos.domain.staff.service import (
    archive_staff,
    create_role,
    create_staff,
    delete_role,
    list_roles,
    reset_pin,
    show_role,
    update_role,
    update_staff,
)
from tests.contracts.every_operation import every_operation
from tests.domain.sales.test_races import at_once
from tests.domain.staff.conftest import PIN
from tests.factories import rows

ALLOW = {"decision": "allow"}
GRANT_OUTLET = uuid4()


def make(app, who, name="helper", *grants, **more):
    return app.run(create_role, who, {"name": name, "title": "Helper", "grants": list(grants), **more})


def may(role, permission):
    return next((each for each in role.grants if each.permission == permission), None)


def stored(app, shop):
    return rows(app, "SELECT name, grants, version FROM roles WHERE tenant_id = %s ORDER BY name", (shop.tenant_id,))


def test_a_role_begins_like_another_and_says_what_differs(app, shop):
    made = make(
        app,
        shop.owner,
        "lead",
        {"permission": "refund:with_receipt", **ALLOW, "max_amount": 5000, "days_back": 30},
        {"permission": "sale:line_discount", **ALLOW, "max_percent": "12.5"},
        {"permission": "sale:hold", "decision": "deny"},
        like="cashier",
    )
    assert (made.name, made.is_built_in, made.version, made.people) == ("lead", False, 1, 0)
    refund = may(made, "refund:with_receipt")
    assert (refund.decision, refund.max_amount, refund.days_back, refund.max_percent) == ("allow", 5000, 30, None)
    assert may(made, "sale:line_discount").max_percent == Decimal("12.5")
    assert may(made, "sale:hold") is None
    assert may(made, "sale:void").decision == "approve"
    assert may(made, "sale:read").own is True
    assert app.run(show_role, shop.manager, {"name": "lead"}) == made


def test_the_list_is_the_built_in_roles_and_then_ones_own(app, shop):
    make(app, shop.owner, "zeta")
    make(app, shop.owner, "alpha")
    app.run(create_staff, shop.owner, {"code": "1", "name": "A", "role": "alpha"})
    found = app.run(list_roles, shop.manager, {}).items
    assert [(each.name, each.people) for each in found] == [
        ("owner", 0),
        ("manager", 0),
        ("cashier", 0),
        ("stock_clerk", 0),
        ("accountant", 0),
        ("alpha", 1),
        ("zeta", 0),
    ]
    assert found[0].title == "Owner"
    with pytest.raises(RoleNotFound):
        app.run(show_role, shop.owner, {"name": "device"})


def test_what_is_stored_is_what_was_granted():
    grants = {
        Permission.SALE_VOID: Grant(
            Decision.ALLOW, max_amount=0, days_back=0, outlets=frozenset({GRANT_OUTLET}), max_percent=Decimal("0.5")
        ),
        Permission.SALE_READ: Grant(Decision.ALLOW, own=True),
        Permission.SALE_CREATE: Grant(Decision.APPROVE),
    }
    assert read_grants(stored_grants(grants)) == grants
    assert read_grants(stored_grants(grants) | {"moon:land": {"decision": "allow"}}) == grants


@pytest.mark.parametrize(
    "grant",
    [
        {"permission": "tenant:create", **ALLOW},
        {"permission": "tenant:suspend", **ALLOW},
        {"permission": "plan:write", **ALLOW},
        {"permission": "sale:deliver", **ALLOW},
        {"permission": "moon:land", **ALLOW},
        {"permission": "tax:write", **ALLOW, "max_amount": 5},
        {"permission": "sale:void", **ALLOW, "max_percent": "5"},
        {"permission": "sale:void", "decision": "approve", "max_amount": 5},
        {"permission": "tax:write", **ALLOW, "own": True},
    ],
)
def test_a_role_cannot_hold_what_could_not_mean_what_it_says(app, shop, grant):
    with pytest.raises(GrantNotPossible):
        make(app, shop.owner, "helper", grant)
    assert stored(app, shop) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_percent", "101"), ("max_percent", "NaN"), ("max_amount", -1), ("days_back", -1), ("decision", "maybe")],
)
def test_limits_are_bounded(app, shop, field, value):
    with pytest.raises(InvalidInput):
        make(app, shop.owner, "helper", {"permission": "sale:line_discount", **ALLOW, field: value})
    with pytest.raises(InvalidInput):
        make(app, shop.owner, "helper", *[{"permission": "sale:void", **ALLOW}] * 2)


def test_no_role_of_a_shop_reaches_beyond_the_shop():
    assert not GRANTABLE & set(GRANTS[Role.SAAS_ADMIN]) - set(GRANTS[Role.OWNER])
    assert Permission.SALE_DELIVER not in GRANTABLE
    assert Permission.TENANT_CREATE not in GRANTABLE


def test_an_act_whose_permission_can_be_bounded_weighs_itself():
    silent = [name for name, each in every_operation().items() if each.permission in LIMITS and not each.weighs]
    assert silent == []


def test_outlets_of_a_limit_are_the_shops_own(app, shop, other_shop):
    with pytest.raises(OutletsNotFound):
        make(app, shop.owner, "helper", {"permission": "sale:void", **ALLOW, "outlet_ids": [other_shop.outlet_id]})
    made = make(app, shop.owner, "helper", {"permission": "sale:void", **ALLOW, "outlet_ids": [shop.outlet_id]})
    assert may(made, "sale:void").outlet_ids == [shop.outlet_id]


@pytest.mark.parametrize("name", ["owner", "cashier", "saas_admin", "device", "none"])
def test_built_in_roles_are_locked(app, shop, name):
    for act, more in ((create_role, {"title": "Mine"}), (update_role, {"title": "Mine"}), (delete_role, {})):
        with pytest.raises(RoleLocked):
            app.run(act, shop.owner, {"name": name, **more})
    assert stored(app, shop) == []


def test_a_name_is_taken_once_and_another_shop_has_its_own(app, shop, other_shop):
    make(app, shop.owner, "lead")
    with pytest.raises(RoleTaken):
        make(app, shop.owner, "lead")
    make(app, other_shop.owner, "lead")
    make(app, shop.owner, "second", like="lead")
    with pytest.raises(RoleNotFound):
        make(app, other_shop.owner, "third", like="second")
    for act in (show_role, delete_role):
        with pytest.raises(RoleNotFound):
            app.run(act, other_shop.owner, {"name": "second"})


def test_what_is_not_named_stays_and_a_change_that_was_overtaken_is_refused(app, shop):
    make(app, shop.owner, "lead", {"permission": "sale:void", **ALLOW, "max_amount": 9}, like="cashier")
    changed = app.run(
        update_role, shop.owner, {"name": "lead", "grants": [{"permission": "sale:hold", "decision": "approve"}]}
    )
    assert (changed.version, changed.title) == (2, "Helper")
    assert may(changed, "sale:void").max_amount == 9
    assert may(changed, "sale:hold").decision == "approve"
    with pytest.raises(RoleChanged):
        app.run(update_role, shop.owner, {"name": "lead", "title": "X", "version": 1})
    trail = rows(
        app,
        "SELECT data FROM audit_events WHERE tenant_id = %s AND operation = 'roles.update' AND outcome = 'done'",
        (shop.tenant_id,),
    )
    assert trail[0]["data"] == {
        "changes": {"sale:hold": {"decision": "approve"}},
        "before": {"sale:hold": {"decision": "allow"}},
    }


def test_only_who_may_write_roles_does(app, shop):
    for who in (shop.manager, shop.cashier, shop.accountant, shop.device):
        with pytest.raises(PermissionDenied):
            make(app, who)
    assert stored(app, shop) == []


@pytest.fixture
def deputy(app, shop):
    """Somebody who may write roles and look after people, and otherwise holds little."""
    make(
        app,
        shop.owner,
        "deputy",
        {"permission": "role:write", **ALLOW},
        {"permission": "user:write", **ALLOW},
        {"permission": "sale:void", **ALLOW, "max_amount": 1000},
        {"permission": "sale:hold", "decision": "approve"},
        {"permission": "sale:read", **ALLOW, "own": True},
    )
    grants = read_grants(stored(app, shop)[0]["grants"])
    return replace(shop.manager, role="deputy", grants=grants)


@pytest.mark.parametrize(
    "grant",
    [
        {"permission": "tax:write", **ALLOW},
        {"permission": "tax:write", "decision": "approve"},
        {"permission": "sale:void", **ALLOW},
        {"permission": "sale:void", **ALLOW, "max_amount": 1001},
        {"permission": "sale:hold", **ALLOW},
        {"permission": "sale:read", **ALLOW},
    ],
)
def test_nobody_grants_more_than_they_hold(app, shop, deputy, grant):
    with pytest.raises(MoreThanYours) as caught:
        make(app, deputy, "mine", grant)
    assert caught.value.data == {"permissions": grant["permission"]}
    make(app, deputy, "mine")
    with pytest.raises(MoreThanYours):
        app.run(update_role, deputy, {"name": "mine", "grants": [grant]})
    assert {row["name"] for row in stored(app, shop)} == {"deputy", "mine"}


def test_as_much_as_they_hold_they_may_grant(app, shop, deputy):
    made = make(
        app,
        deputy,
        "mine",
        {"permission": "sale:void", **ALLOW, "max_amount": 1000, "days_back": 1},
        {"permission": "sale:hold", "decision": "approve"},
        {"permission": "sale:read", **ALLOW, "own": True},
    )
    assert len(made.grants) == 3


def test_a_role_above_ones_own_is_neither_changed_nor_deleted_nor_given(app, shop, deputy):
    make(app, shop.owner, "taxes", {"permission": "tax:write", **ALLOW})
    for act, more in ((update_role, {"title": "Mine"}), (delete_role, {})):
        with pytest.raises(MoreThanYours):
            app.run(act, deputy, {"name": "taxes", **more})
    for role in ("taxes", "owner", "manager"):
        with pytest.raises(RoleNotYours):
            app.run(create_staff, deputy, {"code": "9", "name": "N", "role": role})
    boss = app.run(create_staff, shop.owner, {"code": "boss", "name": "B", "role": "owner", "pin": PIN})
    for act in (reset_pin, archive_staff):
        with pytest.raises(RoleNotYours):
            app.run(act, deputy, {"staff_id": boss.id})


def test_nobody_edits_the_role_they_hold_by_account_or_at_the_till(app, shop, deputy, person):
    for act, more in ((update_role, {"title": "Mine"}), (delete_role, {})):
        with pytest.raises(OwnRole):
            app.run(act, deputy, {"name": "deputy", **more})
    owner = person(shop, "owner")
    make(app, shop.owner, "lead")
    app.run(create_staff, shop.owner, {"code": "o", "name": "O", "role": "lead", "user_id": str(owner.id)})
    with pytest.raises(OwnRole):
        app.run(update_role, replace(shop.owner, actor_id=owner.id), {"name": "lead", "title": "Mine"})


def test_a_role_that_somebody_has_is_not_deleted(app, shop, person):
    make(app, shop.owner, "lead", like="cashier")
    staff = app.run(create_staff, shop.owner, {"code": "1", "name": "A", "role": "lead"})
    user = person(shop, "lead")
    with pytest.raises(RoleInUse) as caught:
        app.run(delete_role, shop.owner, {"name": "lead"})
    assert caught.value.data["people"] == 2
    app.run(update_staff, shop.owner, {"staff_id": staff.id, "role": "cashier"})
    app.run(set_role, shop.owner, {"user_id": user.id, "role": "cashier"})
    app.run(delete_role, shop.owner, {"name": "lead"})
    assert stored(app, shop) == []
    with pytest.raises(RoleNotFound):
        app.run(create_staff, shop.owner, {"code": "2", "name": "B", "role": "lead"})


def test_a_role_counts_where_people_sign_in_by_password_and_a_change_at_once(app, shop, person, enter, identity):
    make(app, shop.owner, "helper", {"permission": "product:read", **ALLOW})
    tokens = enter(person(shop, "helper"))
    who = identity(tokens)
    assert (who.role, who.grant(Permission.PRODUCT_READ).decision) == ("helper", Decision.ALLOW)
    assert app.run(me, who).permissions == {"product:read": "allow"}
    with pytest.raises(PermissionDenied):
        app.run(list_outlets, who, {})
    changes = [{"permission": "tenant:read", **ALLOW}]
    app.run(update_role, shop.owner, {"name": "helper", "grants": changes})
    assert app.run(list_outlets, identity(tokens), {}).items


def test_a_role_counts_at_the_till(app, shop, at_till, lead):
    who = at_till("lea", lead)
    assert who.role == "shift_lead"
    assert who.grant(Permission.REFUND_WITH_RECEIPT) == Grant(Decision.ALLOW, max_amount=5000, days_back=30)
    assert who.grant(Permission.TAX_WRITE).decision is Decision.DENY


def test_a_manager_looks_after_those_who_look_after_nobody(app, shop, lead, person):
    make(app, shop.owner, "packer", {"permission": "product:read", **ALLOW})
    app.run(create_staff, shop.manager, {"code": "p", "name": "P", "role": "packer"})
    with pytest.raises(RoleNotYours):
        app.run(create_staff, shop.manager, {"code": "l", "name": "L", "role": lead})
    person(shop, "packer", email="packer@shop.test")
    person(shop, lead, email="lead@shop.test")
    assert [each.email for each in app.run(list_users, shop.manager, {}).items] == ["packer@shop.test"]


def test_eight_that_shut_each_other_out_leave_one_owner(make_app, database_url, app, shop, person):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    owners = [person(shop, "owner") for _ in range(4)]
    calls = [
        lambda each=each, act=act: wide.run(
            act, shop.owner, {"user_id": each.id, **({"role": "cashier"} if act is set_role else {})}
        )
        for each in owners
        for act in (disable_user, set_role)
    ]
    answers = at_once(calls)
    left = rows(
        app,
        "SELECT count(*) AS n FROM memberships WHERE tenant_id = %s AND role = 'owner' AND disabled_at IS NULL",
        (shop.tenant_id,),
    )
    assert left == [{"n": 1}]
    assert any(isinstance(each, LastOwner) for each in answers)


def test_a_role_is_deleted_or_given_never_both(make_app, database_url, app, shop):
    wide = make_app(database_url, DB_POOL_SIZE="8")
    make(app, shop.owner, "lead")
    calls = [lambda: wide.run(delete_role, shop.owner, {"name": "lead"})] * 4
    calls += [
        lambda n=n: wide.run(create_staff, shop.owner, {"code": f"s{n}", "name": "S", "role": "lead"}) for n in range(4)
    ]
    at_once(calls)
    given = rows(app, "SELECT count(*) AS n FROM staff WHERE tenant_id = %s AND role = 'lead'", (shop.tenant_id,))
    assert (len(stored(app, shop)) == 1) == (given[0]["n"] > 0)
