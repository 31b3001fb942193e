"""The people at the till: added, changed, archived, given PINs; and by whom."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.security import WeakPin, check_pin, verify_pin
from primepos.domain.accounts.errors import OutletsNotFound, OwnRole, RoleNotYours, UserNotFound
from primepos.domain.accounts.service import create_user
from primepos.domain.staff.errors import StaffArchived, StaffCodeTaken, StaffNotFound
from primepos.domain.staff.pins import random_pin
from primepos.domain.staff.service import (
    archive_staff,
    create_staff,
    list_staff,
    reset_pin,
    set_pin,
    unarchive_staff,
    update_staff,
)
from tests.factories import rows

PIN = "739146"


def stored(app, shop):
    return rows(app, "SELECT * FROM staff WHERE tenant_id = %s ORDER BY code", (shop.tenant_id,))


def add(app, identity, **more):
    values = {"code": f"c{uuid4().hex[:6]}", "name": "Kim Lee", "role": "cashier"} | more
    return app.run(create_staff, identity, values)


def refused(app, shop, request_id):
    found = rows(
        app,
        "SELECT error_code FROM audit_events WHERE tenant_id = %s AND request_id = %s AND outcome = 'refused'",
        (shop.tenant_id, request_id),
    )
    return [row["error_code"] for row in found]


def test_a_person_is_added_with_a_pin_that_is_stored_as_a_hash(app, shop):
    made = add(app, shop.owner, code="kim1", name=" Kim  Lee ", pin=PIN, outlet_ids=[str(shop.outlet_id)])
    assert (made.code, made.name, made.role, made.pin) == ("KIM1", "Kim Lee", "cashier", "set")
    assert (made.outlet_ids, made.is_archived, made.user_id) == ([shop.outlet_id], False, None)
    row = stored(app, shop)[0]
    assert row["pin_hash"].startswith("$argon2id$")
    assert verify_pin(row["pin_hash"], PIN, app.settings.pin_pepper)
    trail = rows(
        app,
        "SELECT subject, data::text AS data FROM audit_events WHERE tenant_id = %s AND operation = 'staff.create'",
        (shop.tenant_id,),
    )
    assert [entry["subject"] for entry in trail] == [f"staff:{made.id}"]
    assert PIN not in trail[0]["data"]


def test_a_person_without_a_pin_has_none(app, shop):
    assert add(app, shop.owner).pin == "none"


def test_a_code_is_given_once_whatever_its_case_and_to_the_archived_too(app, shop, other_shop):
    first = add(app, shop.owner, code="kim")
    app.run(archive_staff, shop.owner, {"staff_id": str(first.id)})
    with pytest.raises(StaffCodeTaken):
        add(app, shop.owner, code="KIM")
    assert len(stored(app, shop)) == 1
    assert add(app, other_shop.owner, code="kim").code == "KIM"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("pin", "1234", WeakPin),
        ("pin", "12", WeakPin),
        ("pin", "\u0661\u0662\u0663\u0664", WeakPin),
        ("code", "", InvalidInput),
        ("code", "a b", InvalidInput),
        ("code", "x" * 33, InvalidInput),
        ("name", "\x1b[2J", InvalidInput),
        ("role", "saas_admin", InvalidInput),
        ("role", "device", InvalidInput),
        ("outlet_ids", [], InvalidInput),
        ("outlet_ids", [str(uuid4())], OutletsNotFound),
        ("user_id", "0190a000-0000-7000-8000-000000000001", UserNotFound),
    ],
)
def test_what_cannot_be_right_adds_nobody(app, shop, field, value, error):
    with pytest.raises(error):
        add(app, shop.owner, **{field: value})
    assert stored(app, shop) == []


def test_another_tenants_outlet_or_account_is_not_found(app, shop, other_shop):
    stranger = app.run(
        create_user, other_shop.owner, {"email": f"{uuid4().hex}@x.test", "name": "S", "role": "cashier"}
    )
    with pytest.raises(OutletsNotFound):
        add(app, shop.owner, outlet_ids=[str(other_shop.outlet_id)])
    with pytest.raises(UserNotFound):
        add(app, shop.owner, user_id=str(stranger.user.id))
    assert stored(app, shop) == []


@pytest.mark.parametrize("name", ["cashier", "clerk", "accountant", "device"])
@pytest.mark.parametrize(
    "operation", [create_staff, list_staff, update_staff, archive_staff, unarchive_staff, set_pin, reset_pin]
)
def test_only_owners_and_managers_look_after_staff(app, shop, name, operation):
    add(app, shop.owner, pin=PIN)
    before, request_id = stored(app, shop), uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.people[name], {"staff_id": str(before[0]["id"])}, request_id=request_id)
    assert refused(app, shop, request_id) == ["PERMISSION_DENIED"]
    assert stored(app, shop) == before


def test_another_tenants_staff_is_not_found(app, shop, other_shop):
    stranger = add(app, other_shop.owner, pin=PIN)
    before = stored(app, other_shop)
    for operation, more in (
        (update_staff, {"name": "Mine"}),
        (archive_staff, {}),
        (unarchive_staff, {}),
        (set_pin, {"pin": "864209"}),
        (reset_pin, {}),
    ):
        with pytest.raises(StaffNotFound):
            app.run(operation, shop.owner, {"staff_id": str(stranger.id), **more})
    assert stored(app, other_shop) == before


@pytest.mark.parametrize("role", ["owner", "manager", "accountant"])
def test_a_manager_makes_nobody_their_equal(app, shop, role):
    with pytest.raises(RoleNotYours):
        add(app, shop.manager, role=role)
    kim = add(app, shop.manager)
    with pytest.raises(RoleNotYours):
        app.run(update_staff, shop.manager, {"staff_id": str(kim.id), "role": role})
    assert [row["role"] for row in stored(app, shop)] == ["cashier"]


def test_a_manager_does_not_touch_those_above(app, shop):
    boss = add(app, shop.owner, role="owner", pin=PIN)
    before = stored(app, shop)
    for operation, more in (
        (update_staff, {"name": "Mine"}),
        (archive_staff, {}),
        (unarchive_staff, {}),
        (set_pin, {"pin": "864209"}),
        (reset_pin, {}),
    ):
        with pytest.raises(RoleNotYours):
            app.run(operation, shop.manager, {"staff_id": str(boss.id), **more})
    assert stored(app, shop) == before


def test_a_manager_of_one_outlet_looks_after_that_outlet(app, shop):
    here = replace(shop.manager, outlet_ids=frozenset({shop.outlet_id}))
    kim = add(app, here, outlet_ids=[str(shop.outlet_id)])
    with pytest.raises(RoleNotYours):
        add(app, here)
    with pytest.raises(RoleNotYours):
        app.run(update_staff, here, {"staff_id": str(kim.id), "outlet_ids": None})
    assert [row["outlet_ids"] for row in stored(app, shop)] == [[shop.outlet_id]]


def test_only_what_is_named_is_changed(app, shop):
    kim = add(app, shop.owner, pin=PIN, outlet_ids=[str(shop.outlet_id)])
    changed = app.run(update_staff, shop.owner, {"staff_id": str(kim.id), "role": "manager"})
    assert (changed.name, changed.role, changed.outlet_ids, changed.pin) == (
        "Kim Lee",
        "manager",
        [shop.outlet_id],
        "set",
    )
    changed = app.run(update_staff, shop.owner, {"staff_id": str(kim.id), "name": "Kim Park", "outlet_ids": None})
    assert (changed.name, changed.role, changed.outlet_ids) == ("Kim Park", "manager", None)
    assert app.run(update_staff, shop.owner, {"staff_id": str(kim.id)}) == changed


def test_nobody_changes_their_own_standing_at_the_till(app, shop):
    account = app.run(create_user, shop.owner, {"email": f"{uuid4().hex}@x.test", "name": "M", "role": "manager"})
    mine = add(app, shop.owner, user_id=str(account.user.id))
    me = replace(shop.manager, actor_id=account.user.id)
    for operation, more in ((update_staff, {"role": "stock_clerk"}), (archive_staff, {}), (unarchive_staff, {})):
        with pytest.raises(OwnRole):
            app.run(operation, me, {"staff_id": str(mine.id), **more})
    assert app.run(update_staff, me, {"staff_id": str(mine.id), "name": "Me"}).name == "Me"
    assert stored(app, shop)[0]["role"] == "cashier"


def test_who_leaves_is_archived_and_comes_back_without_a_pin(app, shop):
    kim = add(app, shop.owner, code="kim", pin=PIN)
    assert app.run(archive_staff, shop.owner, {"code": "Kim"}).is_archived
    when = stored(app, shop)[0]["archived_at"]
    assert app.run(archive_staff, shop.owner, {"code": "kim"}).is_archived
    assert stored(app, shop)[0]["archived_at"] == when
    for operation, more in (
        (update_staff, {"staff_id": str(kim.id), "name": "X"}),
        (set_pin, {"code": "kim", "pin": PIN}),
        (reset_pin, {"code": "kim"}),
    ):
        with pytest.raises(StaffArchived):
            app.run(operation, shop.owner, more)
    back = app.run(unarchive_staff, shop.owner, {"code": "kim"})
    assert (back.is_archived, back.pin) == (False, "none")
    assert app.run(unarchive_staff, shop.owner, {"code": "kim"}) == back


def test_staff_is_listed_page_by_page(app, shop, other_shop):
    for code in ("b", "a", "d", "c"):
        add(app, shop.owner, code=code, outlet_ids=[str(shop.outlet_id)] if code == "d" else None)
    add(app, other_shop.owner, code="z")
    app.run(archive_staff, shop.owner, {"code": "c"})
    first = app.run(list_staff, shop.owner, {"limit": 2})
    second = app.run(list_staff, shop.owner, {"limit": 2, "after": first.next})
    assert [row.code for row in (*first.items, *second.items)] == ["A", "B", "D"]
    assert second.next is None
    assert [row.code for row in app.run(list_staff, shop.owner, {"archived": True}).items] == ["C"]
    elsewhere = app.run(list_staff, shop.owner, {"outlet_id": str(uuid4())})
    assert [row.code for row in elsewhere.items] == ["A", "B"]


def test_a_pin_is_set_and_reset(app, shop):
    add(app, shop.owner, code="kim")
    assert app.run(set_pin, shop.manager, {"code": "kim", "pin": PIN}).pin == "set"
    before = stored(app, shop)[0]["pin_hash"]
    with pytest.raises(WeakPin):
        app.run(set_pin, shop.manager, {"code": "kim", "pin": "0000"})
    assert stored(app, shop)[0]["pin_hash"] == before
    made = app.run(reset_pin, shop.manager, {"code": "kim"})
    assert verify_pin(stored(app, shop)[0]["pin_hash"], made.pin, app.settings.pin_pepper)
    assert made.pin not in repr(made)


def test_a_random_pin_has_no_pattern():
    made = {random_pin() for _ in range(50)}
    assert {len(pin) for pin in made} == {6}
    assert {check_pin(pin) for pin in made} == made
