"""Enrolled tills: one device a till, tokens that last, and out at once when it is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from primepos.core.context import operator
from primepos.core.errors import PermissionDenied
from primepos.domain.accounts.errors import NotEnrolled, RefreshReused, SessionEnded, TillNotFound
from primepos.domain.accounts.service import (
    block_user,
    enrol_device,
    list_devices,
    logout,
    me,
    refresh,
    revoke_device,
)
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import rows


def enrol(app, shop, who=None):
    return app.run(enrol_device, who or shop.owner, {"register_id": str(shop.till_id)})


def live(app, shop):
    found = rows(
        app,
        "SELECT count(*) AS n FROM login_sessions"
        " WHERE tenant_id = %s AND register_id IS NOT NULL AND revoked_at IS NULL",
        (shop.tenant_id,),
    )
    return found[0]["n"]


def test_an_enrolled_device_acts_as_its_till(app, shop, identity):
    for who in (shop.owner, shop.manager, operator("root", shop.tenant_id)):
        tokens = enrol(app, shop, who)
        assert (tokens.tenant, tokens.role, tokens.must_change_password) == (shop.slug, "device", False)
        found = identity(tokens)
        assert replace(found, session_id=None) == shop.device
    assert live(app, shop) == 1
    assert app.run(me, found).kind == "device"


def test_a_till_is_one_device(app, shop, identity):
    old = enrol(app, shop)
    new = enrol(app, shop)
    with pytest.raises(SessionEnded):
        identity(old)
    with pytest.raises(SessionEnded):
        app.run(refresh, data={"refresh_token": old.refresh_token})
    assert identity(new).register_id == shop.till_id


def test_two_devices_enrolled_at_once_leave_one(app, shop):
    barrier = Barrier(3)

    def go(_):
        barrier.wait()
        return enrol(app, shop)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(go, range(3)))
    assert live(app, shop) == 1


def test_a_till_comes_back_after_a_season_and_keeps_the_rules_of_refreshing(app, shop, identity, clock):
    first = enrol(app, shop)
    clock.advance(timedelta(days=200))
    second = app.run(refresh, data={"refresh_token": first.refresh_token})
    assert identity(second).kind == "device"
    clock.advance(timedelta(seconds=11))
    with pytest.raises(RefreshReused):
        app.run(refresh, data={"refresh_token": first.refresh_token})
    with pytest.raises(SessionEnded):
        identity(second)


def test_a_lost_till_is_out_at_once(app, shop, identity):
    tokens = enrol(app, shop)
    app.run(revoke_device, shop.manager, {"register_id": str(shop.till_id)})
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(NotEnrolled):
        app.run(revoke_device, shop.manager, {"register_id": str(shop.till_id)})
    trail = rows(
        app,
        "SELECT operation, outcome, subject FROM audit_events WHERE tenant_id = %s ORDER BY id",
        (shop.tenant_id,),
    )
    assert [(row["operation"], row["outcome"]) for row in trail] == [
        ("devices.enrol", "done"),
        ("devices.revoke", "done"),
    ]
    assert {row["subject"] for row in trail} == {f"register:{shop.till_id}"}


def test_a_till_can_sign_itself_off(app, shop, identity):
    tokens = enrol(app, shop)
    app.run(logout, identity(tokens))
    with pytest.raises(SessionEnded):
        identity(tokens)


def test_a_till_outlives_the_account_of_who_enrolled_it(app, shop, person, sign_in, identity):
    pat = person(shop, "manager")
    tokens = enrol(app, shop, identity(sign_in(pat)))
    app.run(block_user, operator("tests"), {"email": pat.email})
    assert identity(tokens).kind == "device"


def test_an_archived_till_is_dead(app, shop, identity):
    tokens = enrol(app, shop)
    uow = app.database.system_session()
    uow.run("UPDATE registers SET archived_at = now() WHERE id = %s", (shop.till_id,))
    uow.commit()
    uow.close()
    with pytest.raises(SessionEnded):
        identity(tokens)
    with pytest.raises(TillNotFound):
        enrol(app, shop)


def test_only_a_till_of_ones_own_is_enrolled(app, shop, other_shop):
    elsewhere = replace(shop.manager, outlet_ids=frozenset({uuid4()}))
    for who, register in (
        (shop.owner, other_shop.till_id),
        (shop.owner, shop.server_id),
        (shop.owner, uuid4()),
        (elsewhere, shop.till_id),
    ):
        for operation in (enrol_device, revoke_device):
            with pytest.raises(TillNotFound):
                app.run(operation, who, {"register_id": str(register)})
    assert (live(app, shop), live(app, other_shop)) == (0, 0)


@pytest.mark.parametrize("name", ["cashier", "clerk", "accountant", "device"])
@pytest.mark.parametrize("operation", [enrol_device, list_devices, revoke_device])
def test_others_enrol_nothing(app, shop, name, operation, refused):
    request_id = uuid4().hex
    with pytest.raises(PermissionDenied):
        app.run(operation, shop.people[name], {"register_id": str(shop.till_id)}, request_id=request_id)
    assert refused(request_id) == ["PERMISSION_DENIED"]
    assert live(app, shop) == 0


def test_enrolled_tills_are_listed(app, shop, other_shop, clock):
    enrol(app, shop)
    enrol(app, other_shop)
    page = app.run(list_devices, shop.manager, {})
    assert [(row.register_id, row.code, row.outlet_id, row.enrolled_at) for row in page.items] == [
        (shop.till_id, "till-1", shop.outlet_id, clock.now())
    ]
    assert page.next is None
    elsewhere = replace(shop.manager, outlet_ids=frozenset({uuid4()}))
    assert app.run(list_devices, elsewhere, {}).items == []
    app.run(revoke_device, shop.owner, {"register_id": str(shop.till_id)})
    assert app.run(list_devices, shop.owner, {}).items == []


def test_nothing_is_enrolled_in_a_suspended_tenant_and_what_is_stays_to_deliver(app, shop, identity):
    tokens = enrol(app, shop)
    app.run(suspend_tenant, operator("tests"), {"slug": shop.slug})
    with pytest.raises(TenantSuspended):
        enrol(app, shop)
    assert identity(app.run(refresh, data={"refresh_token": tokens.refresh_token})).kind == "device"
