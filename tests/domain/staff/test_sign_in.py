"""Signing in by code and PIN: where, how often, and what a refusal gives away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from primepos.core.context import ANONYMOUS, Approval, operator
from primepos.core.errors import ApprovalRequired, PermissionDenied, Unauthenticated
from primepos.core.operations import Nothing, Operation, Scope
from primepos.core.permissions import Permission
from primepos.core.security import verify_pin
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.staff import pins
from primepos.domain.staff.errors import PinNotHere, PinRefused, PinThrottled
from primepos.domain.staff.identities import staff_identity
from primepos.domain.staff.service import archive_staff, create_staff, reset_pin, set_pin, sign_in
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import rows

PIN, WRONG = "739146", "864209"


@pytest.fixture
def kim(app, shop):
    return app.run(create_staff, shop.owner, {"code": "kim", "name": "Kim Lee", "pin": PIN})


def standing(app, kim):
    return rows(app, "SELECT pin_failures, pin_locked_at IS NOT NULL AS locked FROM staff WHERE id = %s", (kim.id,))[0]


def enter(app, identity, code="kim", pin=PIN, **more):
    return app.run(sign_in, identity, {"code": code, "pin": pin, **more})


def refuse(app, identity, code="kim", pin=WRONG, **more):
    with pytest.raises(PinRefused) as caught:
        enter(app, identity, code, pin, **more)
    return caught.value.code, str(caught.value), str(caught.value.data), caught.value.hint


def test_code_and_pin_open_the_register_one_stands_at(app, shop, kim):
    found = enter(app, shop.device, "Kim")
    assert (found.staff_id, found.code, found.name, found.role) == (kim.id, "KIM", "Kim Lee", "cashier")
    assert (found.register_id, found.outlet_id, found.outlet_ids) == (shop.till_id, shop.outlet_id, None)
    who = staff_identity(shop.device, found)
    assert (who.kind, who.tenant_id, who.role, who.actor_id) == ("staff", shop.tenant_id, "cashier", kim.id)
    assert (who.register_id, who.outlet_ids, who.name) == (shop.till_id, None, "Kim Lee")


def test_the_person_at_the_shell_names_the_register(app, shop, other_shop, kim):
    shell = operator("root", shop.tenant_id)
    assert enter(app, shell, register_id=str(shop.till_id)).register_id == shop.till_id
    for more in ({}, {"register_id": str(uuid4())}, {"register_id": str(other_shop.till_id)}):
        with pytest.raises(RegisterNotFound):
            enter(app, shell, **more)


def test_a_till_signs_in_for_itself_only(app, shop, kim):
    with pytest.raises(RegisterNotFound):
        enter(app, shop.device, register_id=str(shop.server_id))
    assert standing(app, kim) == {"pin_failures": 0, "locked": False}


@pytest.mark.parametrize("name", ["owner", "manager", "cashier", "clerk", "accountant"])
def test_a_pin_opens_nothing_for_a_caller_who_is_at_no_register(app, shop, kim, name):
    with pytest.raises(PinNotHere):
        enter(app, shop.people[name], register_id=str(shop.till_id))
    assert standing(app, kim) == {"pin_failures": 0, "locked": False}


def test_a_stranger_must_sign_in_first(app, shop, kim):
    with pytest.raises(Unauthenticated):
        enter(app, ANONYMOUS)


def test_every_refusal_reads_the_same(app, shop, other_shop, kim):
    app.run(create_staff, shop.owner, {"code": "nopin", "name": "No Pin"})
    app.run(create_staff, shop.owner, {"code": "gone", "name": "Gone", "pin": PIN})
    app.run(archive_staff, shop.owner, {"code": "gone"})
    app.run(create_staff, other_shop.owner, {"code": "theirs", "name": "T", "pin": PIN})
    texts = {
        refuse(app, shop.device, "kim", WRONG),
        refuse(app, shop.device, "nobody", PIN),
        refuse(app, shop.device, "nopin", PIN),
        refuse(app, shop.device, "gone", PIN),
        refuse(app, shop.device, "theirs", PIN),
    }
    assert len(texts) == 1
    trail = rows(
        app,
        "SELECT outcome, error_code FROM audit_events WHERE tenant_id = %s AND operation = 'staff.sign_in'",
        (shop.tenant_id,),
    )
    assert trail == [{"outcome": "refused", "error_code": "PIN_REFUSED"}] * 5


def test_a_code_nobody_has_costs_one_hash_too(app, shop, monkeypatch):
    checked = []
    monkeypatch.setattr(
        pins, "verify_pin", lambda stored, pin, pepper: checked.append(stored) or verify_pin(stored, pin, pepper)
    )
    refuse(app, shop.device, "nobody")
    assert checked == [None]


def test_five_wrong_pins_lock_it_for_the_right_one_too(app, shop, kim):
    for failures in range(1, 6):
        refuse(app, shop.device)
        assert standing(app, kim) == {"pin_failures": failures, "locked": failures == 5}
    locked = refuse(app, shop.device, pin=PIN)
    assert locked == refuse(app, shop.device, "nobody")
    assert standing(app, kim) == {"pin_failures": 5, "locked": True}


def test_the_right_pin_forgets_the_wrong_ones_before(app, shop, kim):
    for _ in range(4):
        refuse(app, shop.device)
    enter(app, shop.device)
    assert standing(app, kim) == {"pin_failures": 0, "locked": False}
    for _ in range(4):
        refuse(app, shop.device)
    assert enter(app, shop.device).staff_id == kim.id


@pytest.mark.parametrize("operation", [set_pin, reset_pin])
def test_a_manager_unlocks_it(app, shop, kim, operation):
    for _ in range(5):
        refuse(app, shop.device)
    if operation is set_pin:
        app.run(set_pin, shop.manager, {"code": "kim", "pin": WRONG})
        fresh = WRONG
    else:
        fresh = app.run(reset_pin, shop.manager, {"code": "kim"}).pin
    assert standing(app, kim) == {"pin_failures": 0, "locked": False}
    assert enter(app, shop.device, pin=fresh).staff_id == kim.id
    refuse(app, shop.device, pin=PIN)


def test_a_sweep_of_pins_gets_five_tries_even_all_at_once(app, shop, kim, monkeypatch):
    compared = []

    def watched(stored, pin, pepper):
        compared.append(stored is not None)
        return verify_pin(stored, pin, pepper)

    monkeypatch.setattr(pins, "verify_pin", watched)

    def guess(number):
        try:
            enter(app, shop.device, pin=f"{900000 + number * 37}")
        except (PinRefused, PinThrottled) as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(guess, range(24)))
    assert "in" not in outcomes
    assert sum(compared) == 5
    assert standing(app, kim) == {"pin_failures": 5, "locked": True}


def test_ten_wrong_pins_lock_the_register_for_a_quarter_of_an_hour(app, shop, kim, clock):
    for _ in range(10):
        refuse(app, shop.device, "nobody")
    with pytest.raises(PinThrottled) as caught:
        enter(app, shop.device)
    assert caught.value.data == {"retry_after_s": 900}
    assert standing(app, kim) == {"pin_failures": 0, "locked": False}
    clock.advance(timedelta(minutes=15))
    assert enter(app, shop.device).staff_id == kim.id


def test_the_lock_of_one_register_leaves_the_others_alone(app, shop, other_shop, kim):
    app.run(create_staff, other_shop.owner, {"code": "kim", "name": "Kim", "pin": PIN})
    for _ in range(10):
        refuse(app, shop.device, "nobody")
    assert enter(app, other_shop.device).register_id == other_shop.till_id
    assert enter(app, operator("root", shop.tenant_id), register_id=str(shop.server_id)).register_id == shop.server_id


def test_people_work_in_their_outlets_only(app, shop):
    def work(uow):
        outlet = uuid4()
        uow.run(
            "INSERT INTO outlets (tenant_id, id, code, name) VALUES (%s, %s, 'other', 'Other')",
            (shop.tenant_id, outlet),
        )
        uow.commit()
        return outlet

    uow = app.database.system_session()
    other = work(uow)
    uow.close()
    made = app.run(create_staff, shop.owner, {"code": "sam", "name": "Sam", "pin": PIN, "outlet_ids": [str(other)]})
    refuse(app, shop.device, "sam", PIN)
    assert standing(app, made) == {"pin_failures": 0, "locked": False}


def test_a_suspended_tenant_still_lets_people_in_to_close_their_shift(app, shop, kim):
    app.run(suspend_tenant, operator("tests"), {"slug": shop.slug})
    assert enter(app, shop.device).staff_id == kim.id


def test_no_secret_is_in_the_trail(app, shop, kim):
    enter(app, shop.device)
    refuse(app, shop.device)
    trail = str(rows(app, "SELECT * FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)))
    assert PIN not in trail
    assert WRONG not in trail


# --- approvals -------------------------------------------------------------------------------------------------------


def _open_drawer(ctx, _data):
    ctx.note("drawer")
    return Nothing()


OPEN_DRAWER = Operation(
    name="test.open_drawer",
    permission=Permission.CASH_DRAWER_OPEN,
    handler=_open_drawer,
    input=Nothing,
    output=Nothing,
    raises=(),
    scope=Scope.TENANT,
    reads=False,
    summary="Open the drawer.",
    doc="Open the drawer.",
)


@pytest.fixture
def cashier(app, shop, kim):
    return staff_identity(shop.device, enter(app, shop.device))


@pytest.fixture
def boss(app, shop):
    return app.run(create_staff, shop.owner, {"code": "boss", "name": "The Boss", "role": "manager", "pin": WRONG})


def drawer_trail(app, shop):
    return rows(
        app,
        "SELECT outcome, error_code, actor_name, approver_id, approver_name FROM audit_events"
        " WHERE tenant_id = %s AND operation = 'test.open_drawer' ORDER BY id",
        (shop.tenant_id,),
    )


def test_a_manager_agrees_and_both_are_in_the_trail(app, shop, cashier, boss):
    with pytest.raises(ApprovalRequired):
        app.run(OPEN_DRAWER, cashier)
    app.run(OPEN_DRAWER, cashier, approval=Approval("boss", WRONG))
    refused, done = drawer_trail(app, shop)
    assert (refused["outcome"], refused["error_code"], refused["approver_id"]) == ("refused", "APPROVAL_REQUIRED", None)
    assert (done["outcome"], done["actor_name"], done["approver_id"]) == ("done", "Kim Lee", boss.id)
    assert done["approver_name"] == "The Boss"


def test_wrong_pins_of_an_approver_stay_counted_although_the_act_is_refused(app, shop, cashier, boss):
    for failures in range(1, 6):
        with pytest.raises(PinRefused):
            app.run(OPEN_DRAWER, cashier, approval=Approval("boss", "111999"))
        assert standing(app, boss)["pin_failures"] == failures
    with pytest.raises(PinRefused):
        app.run(OPEN_DRAWER, cashier, approval=Approval("boss", WRONG))
    assert {row["outcome"] for row in drawer_trail(app, shop)} == {"refused"}


def test_nobody_approves_themselves_or_what_they_may_not(app, shop, cashier, kim):
    app.run(create_staff, shop.owner, {"code": "peer", "name": "Peer", "pin": WRONG})
    app.run(create_staff, shop.owner, {"code": "books", "name": "Books", "role": "accountant", "pin": WRONG})
    for code, pin in (("kim", PIN), ("peer", WRONG), ("books", WRONG)):
        with pytest.raises(ApprovalRequired):
            app.run(OPEN_DRAWER, cashier, approval=Approval(code, pin))
    assert {row["outcome"] for row in drawer_trail(app, shop)} == {"refused"}


def test_an_approver_of_another_tenant_is_nobody(app, shop, other_shop, cashier):
    app.run(create_staff, other_shop.owner, {"code": "boss", "name": "B", "role": "owner", "pin": WRONG})
    with pytest.raises(PinRefused):
        app.run(OPEN_DRAWER, cashier, approval=Approval("boss", WRONG))


def test_a_pin_approves_nothing_for_a_caller_who_is_at_no_register(app, shop, boss):
    for who in (shop.cashier, replace(shop.cashier, kind="staff")):
        with pytest.raises(PinNotHere):
            app.run(OPEN_DRAWER, who, approval=Approval("boss", WRONG))
    assert standing(app, boss) == {"pin_failures": 0, "locked": False}


def test_an_approver_of_another_outlet_is_refused(app, shop, cashier):
    uow = app.database.system_session()
    outlet = uuid4()
    uow.run(
        "INSERT INTO outlets (tenant_id, id, code, name) VALUES (%s, %s, 'other', 'Other')", (shop.tenant_id, outlet)
    )
    uow.commit()
    uow.close()
    app.run(
        create_staff,
        shop.owner,
        {"code": "far", "name": "Far", "role": "manager", "pin": WRONG, "outlet_ids": [str(outlet)]},
    )
    with pytest.raises(PinRefused):
        app.run(OPEN_DRAWER, cashier, approval=Approval("far", WRONG))
    app.run(
        create_staff,
        shop.owner,
        {"code": "near", "name": "Near", "role": "manager", "pin": WRONG, "outlet_ids": [str(shop.outlet_id)]},
    )
    app.run(OPEN_DRAWER, cashier, approval=Approval("near", WRONG))
    assert [row["outcome"] for row in drawer_trail(app, shop)] == ["refused", "done"]


def test_who_may_not_sign_in_at_all_is_denied(app, shop, kim):
    nobody = replace(shop.device, role=None)
    with pytest.raises(PermissionDenied):
        enter(app, nobody)
