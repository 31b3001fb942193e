"""Registers: tills and their series of receipts."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from primepos.core.errors import PermissionDenied
from primepos.domain.outlets.errors import (
    DuplicatePrefix,
    DuplicateRegister,
    OutletArchived,
    OutletNotFound,
    OutletNotYours,
    RegisterNotFound,
    ServerRegisterStays,
)
from primepos.domain.outlets.service import (
    archive_outlet,
    archive_register,
    create_outlet,
    create_register,
    get_register,
    list_registers,
    start_new_epoch,
    unarchive_register,
)
from tests.domain.inner_room import count, in_room, refusals
from tests.factories import rows


def test_a_till_starts_its_first_series_at_one(app, shop):
    made = app.run(create_register, shop.manager, {"outlet_id": shop.outlet_id, "code": "2", "name": "Till 2"})

    assert (made.kind, made.prefix, made.epoch, made.next_number) == ("till", "MAIN-2", 1, 1)
    assert made.last_hash == "00" * 32
    assert app.run(get_register, shop.device, {"id": made.id}) == made


def test_a_register_code_is_unique_in_its_outlet_only(app, shop):
    other = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    app.run(create_register, shop.owner, {"outlet_id": other.id, "code": "till-1", "name": "Till"})

    with pytest.raises(DuplicateRegister):
        app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": "till-1", "name": "Till"})
    assert count(app, "registers", shop.tenant_id) == 4


def test_a_receipt_prefix_is_unique_in_the_tenant(app, shop):
    other = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})

    with pytest.raises(DuplicatePrefix):
        app.run(
            create_register,
            shop.owner,
            {"outlet_id": other.id, "code": "1", "name": "Till", "prefix": shop.till_prefix},
        )
    assert count(app, "registers", shop.tenant_id) == 3


def test_an_archived_outlet_gets_no_new_till(app, shop):
    app.run(archive_outlet, shop.owner, {"id": shop.outlet_id})

    with pytest.raises(OutletArchived):
        app.run(create_register, shop.owner, {"outlet_id": shop.outlet_id, "code": "2", "name": "Till"})
    assert count(app, "registers", shop.tenant_id) == 2


def test_registers_are_listed_server_first_and_archived_apart(app, shop):
    app.run(archive_register, shop.owner, {"id": shop.till_id})

    assert [each.code for each in app.run(list_registers, shop.cashier).items] == ["server"]
    archived = app.run(list_registers, shop.cashier, {"archived": True, "outlet_id": shop.outlet_id})
    assert [each.id for each in archived.items] == [shop.till_id]
    assert app.run(unarchive_register, shop.owner, {"id": shop.till_id}).archived_at is None
    assert [each.code for each in app.run(list_registers, shop.cashier).items] == ["server", "till-1"]


def test_a_till_that_lost_its_disk_starts_a_new_series_and_the_gap_is_declared(app, shop):
    def sold_forty(ctx):
        ctx.uow.run(
            "UPDATE registers SET next_number = 41, last_hash = %s WHERE tenant_id = %s AND id = %s",
            (b"\x07" * 32, ctx.tenant_id, shop.till_id),
        )

    in_room(app, shop.owner, sold_forty)

    after = app.run(start_new_epoch, shop.manager, {"id": shop.till_id, "reason": "disk failed"})

    assert (after.epoch, after.next_number, after.last_hash) == (2, 1, "00" * 32)
    (event,) = rows(
        app,
        "SELECT data, subject FROM audit_events WHERE tenant_id = %s AND operation = 'registers.new_epoch'",
        (shop.tenant_id,),
    )
    assert event["subject"] == f"register {shop.till_prefix}"
    assert event["data"] == {
        "reason": "disk failed",
        "old_epoch": 1,
        "gap_from": 41,
        "last_hash": "07" * 32,
        "new_epoch": 2,
    }


@pytest.mark.parametrize("operation", [archive_register, start_new_epoch])
def test_the_outlets_own_register_stays(app, shop, operation):
    data = {"id": shop.server_id} | ({"reason": "x"} if operation is start_new_epoch else {})

    with pytest.raises(ServerRegisterStays):
        app.run(operation, shop.owner, data)
    server = app.run(get_register, shop.owner, {"id": shop.server_id})
    assert (server.archived_at, server.epoch) == (None, 1)


@pytest.mark.parametrize("operation", [get_register, archive_register, unarchive_register, start_new_epoch])
def test_another_tenants_register_is_not_found_and_stays_as_it_is(app, shop, other_shop, operation):
    before = rows(app, "SELECT * FROM registers WHERE id = %s", (other_shop.till_id,))
    more = {"reason": "x"} if operation is start_new_epoch else {}

    for register_id in (other_shop.till_id, uuid4()):
        with pytest.raises(RegisterNotFound):
            app.run(operation, shop.owner, {"id": register_id} | more)
    assert rows(app, "SELECT * FROM registers WHERE id = %s", (other_shop.till_id,)) == before


@pytest.mark.parametrize("operation", [create_register, list_registers])
def test_another_tenants_outlet_is_not_found(app, shop, other_shop, operation):
    more = {"code": "9", "name": "Nine"} if operation is create_register else {}

    with pytest.raises(OutletNotFound):
        app.run(operation, shop.owner, {"outlet_id": other_shop.outlet_id} | more)
    assert count(app, "registers", other_shop.tenant_id) == 2


def test_a_manager_of_another_outlet_changes_no_register_here(app, shop):
    elsewhere = replace(shop.manager, outlet_ids=frozenset({uuid4()}))

    with pytest.raises(OutletNotYours):
        app.run(archive_register, elsewhere, {"id": shop.till_id})
    with pytest.raises(OutletNotYours):
        app.run(create_register, elsewhere, {"outlet_id": shop.outlet_id, "code": "9", "name": "Nine"})
    assert app.run(list_registers, elsewhere).items == []
    assert app.run(get_register, shop.owner, {"id": shop.till_id}).archived_at is None


@pytest.mark.parametrize("operation", [create_register, archive_register, unarchive_register, start_new_epoch])
def test_who_may_not_write_registers_is_refused_and_audited(app, shop, operation):
    before = rows(app, "SELECT * FROM registers WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,))

    with pytest.raises(PermissionDenied):
        app.run(operation, shop.cashier, {"id": shop.till_id})

    assert rows(app, "SELECT * FROM registers WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,)) == before
    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]
