"""Outlets: made with their server register, changed, archived, seen by those who work there."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.outlets.errors import DuplicateOutlet, DuplicatePrefix, OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import ensure_outlet, ensure_register
from primepos.domain.outlets.service import (
    archive_outlet,
    create_outlet,
    get_outlet,
    list_outlets,
    unarchive_outlet,
    update_outlet,
)
from tests.domain.inner_room import count, in_room, refusals
from tests.factories import rows


def test_an_outlet_is_made_with_one_server_register(app, shop):
    made = app.run(create_outlet, shop.owner, {"code": "north", "name": "  North   gate ", "address": "1 Quay\nPort"})

    assert (made.code, made.name, made.address, made.archived_at) == ("north", "North gate", "1 Quay\nPort", None)
    (server,) = made.registers
    assert (server.kind, server.code, server.prefix) == ("server", "server", "NORTH-0")
    assert (server.epoch, server.next_number, server.last_hash) == (1, 1, "00" * 32)
    assert app.run(get_outlet, shop.cashier, {"id": made.id}) == made


def test_an_outlet_takes_the_server_prefix_it_is_given(app, shop):
    made = app.run(create_outlet, shop.owner, {"code": "n", "name": "N", "server_prefix": "WEB"})

    assert [register.prefix for register in made.registers] == ["WEB"]


def test_a_second_outlet_with_the_same_code_is_refused(app, shop):
    with pytest.raises(DuplicateOutlet):
        app.run(create_outlet, shop.owner, {"code": "main", "name": "Again"})

    assert count(app, "outlets", shop.tenant_id) == 1
    assert count(app, "registers", shop.tenant_id) == 2
    assert refusals(app, shop.tenant_id) == [("outlets.create", "DUPLICATE_OUTLET")]


def test_an_outlet_with_a_taken_receipt_prefix_is_refused(app, shop):
    with pytest.raises(DuplicatePrefix):
        app.run(create_outlet, shop.owner, {"code": "n", "name": "N", "server_prefix": shop.till_prefix})

    assert count(app, "outlets", shop.tenant_id) == 1


def test_another_tenant_may_have_the_same_codes_and_prefixes(app, shop, other_shop):
    wanted = {"code": "n", "name": "N", "server_prefix": "WEB"}

    assert app.run(create_outlet, shop.owner, wanted).id != app.run(create_outlet, other_shop.owner, wanted).id


@pytest.mark.parametrize("code", ["", "-a", "a b", "ä", "x" * 33, "a\0"])
def test_a_code_that_needs_quoting_is_refused(app, shop, code):
    with pytest.raises(InvalidInput):
        app.run(create_outlet, shop.owner, {"code": code, "name": "N"})


def test_outlets_are_listed_by_code_in_use_or_archived(app, shop):
    for code in ("z", "a"):
        app.run(create_outlet, shop.owner, {"code": code, "name": code})
    archived = app.run(create_outlet, shop.owner, {"code": "old", "name": "Old"})
    app.run(archive_outlet, shop.owner, {"id": archived.id})

    assert [row.code for row in app.run(list_outlets, shop.cashier).items] == ["a", "main", "z"]
    assert [row.code for row in app.run(list_outlets, shop.cashier, {"archived": True}).items] == ["old"]


def test_who_works_in_some_outlets_sees_only_those(app, shop):
    other = app.run(create_outlet, shop.owner, {"code": "north", "name": "North"})
    here = replace(shop.manager, outlet_ids=frozenset({shop.outlet_id}))

    assert [row.code for row in app.run(list_outlets, here).items] == ["main"]
    with pytest.raises(OutletNotYours):
        app.run(get_outlet, here, {"id": other.id})
    assert refusals(app, shop.tenant_id) == [("outlets.get", "OUTLET_NOT_YOURS")]


def test_an_update_changes_what_is_given_and_leaves_the_rest(app, shop):
    changed = app.run(update_outlet, shop.owner, {"id": shop.outlet_id, "address": "2 Hill"})
    assert (changed.name, changed.address) == ("Main street", "2 Hill")

    changed = app.run(update_outlet, shop.owner, {"id": shop.outlet_id, "name": "Hill"})
    assert (changed.name, changed.address) == ("Hill", "2 Hill")


def test_archive_and_unarchive_can_be_repeated(app, shop):
    first = app.run(archive_outlet, shop.owner, {"id": shop.outlet_id})
    assert first.archived_at == app.clock.now()
    assert app.run(archive_outlet, shop.owner, {"id": shop.outlet_id}) == first
    assert app.run(unarchive_outlet, shop.owner, {"id": shop.outlet_id}).archived_at is None
    assert app.run(unarchive_outlet, shop.owner, {"id": shop.outlet_id}).archived_at is None


@pytest.mark.parametrize("operation", [get_outlet, update_outlet, archive_outlet, unarchive_outlet])
def test_another_tenants_outlet_is_not_found_and_stays_as_it_is(app, shop, other_shop, operation):
    before = rows(app, "SELECT * FROM outlets WHERE id = %s", (other_shop.outlet_id,))
    data = {"id": other_shop.outlet_id}

    with pytest.raises(OutletNotFound):
        app.run(operation, shop.owner, data | ({"name": "Mine"} if operation is update_outlet else {}))
    with pytest.raises(OutletNotFound):
        app.run(operation, shop.owner, {"id": uuid4()})

    assert rows(app, "SELECT * FROM outlets WHERE id = %s", (other_shop.outlet_id,)) == before


@pytest.mark.parametrize("operation", [create_outlet, update_outlet, archive_outlet, unarchive_outlet])
def test_who_may_not_write_outlets_is_refused_and_audited(app, shop, operation):
    before = rows(app, "SELECT * FROM outlets WHERE tenant_id = %s", (shop.tenant_id,))

    with pytest.raises(PermissionDenied):
        app.run(operation, shop.manager, {"id": shop.outlet_id})

    assert rows(app, "SELECT * FROM outlets WHERE tenant_id = %s", (shop.tenant_id,)) == before
    assert refusals(app, shop.tenant_id) == [(operation.name, "PERMISSION_DENIED")]


def test_provisioning_the_same_outlet_again_changes_nothing(app, shop):
    def provision(name: str):
        def work(ctx):
            outlet, outlet_change = ensure_outlet(ctx, "west", name, "3 Row")
            _, till_change = ensure_register(ctx, outlet, "1", f"{name} 1")
            return outlet_change, till_change

        return in_room(app, shop.owner, work)

    assert provision("West") == ("created", "created")
    assert provision("West") == ("unchanged", "unchanged")
    assert provision("Far west") == ("updated", "updated")
    found = rows(
        app,
        "SELECT r.prefix, r.name FROM registers r JOIN outlets o USING (tenant_id)"
        " WHERE o.id = r.outlet_id AND o.tenant_id = %s AND o.code = 'west' ORDER BY r.prefix",
        (shop.tenant_id,),
    )
    assert found == [{"prefix": "WEST-0", "name": "Server"}, {"prefix": "WEST-1", "name": "Far west 1"}]
