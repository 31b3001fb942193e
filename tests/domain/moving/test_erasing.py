"""Erasing a shop: two sides, a waiting time, the law's hold, all of it and nothing of anybody else."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.context import Identity, operator
from primepos.core.errors import PermissionDenied
from primepos.core.ids import new_id
from primepos.core.permissions import Role
from primepos.domain.customers.service import create_customer
from primepos.domain.moving.errors import ErasureNotFound, FiscalHold, NotDue, SecondPerson, ShopInUse
from primepos.domain.moving.holding import held_until
from primepos.domain.moving.service import agree_erasure, ask_erasure, cancel_erasure, run_erasure
from primepos.domain.sales.service import book_sale
from primepos.domain.schema import GLOBAL_TABLES, METADATA
from primepos.domain.staff.service import create_staff
from primepos.domain.tenancy.errors import TenantNotFound
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import assert_books_hold, basket, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop

ADMIN = Identity(kind="user", role=Role.SAAS_ADMIN, actor_id=new_id(), name="Ops")


def left_of(app: App, tenant_id: int) -> dict[str, int]:
    found = {
        table: rows(app, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", (tenant_id,))[0]["n"]
        for table in METADATA.tables
        if table not in GLOBAL_TABLES
    }
    return {table: number for table, number in found.items() if number}


def agreed(app: App, shop: Shop, scope: str) -> dict[str, Any]:
    """Ask as the owner, agree as the installation, and suspend the shop."""
    which = {"id": new_id(), "slug": shop.slug}
    app.run(ask_erasure, shop.owner, {**which, "scope": scope, "reason": "leaving"})
    app.run(agree_erasure, ADMIN, which)
    app.run(suspend_tenant, ADMIN, {"slug": shop.slug})
    return which


def test_everything_goes_after_the_hold_and_nothing_of_another_shop(
    app: App, shop: Shop, other_shop: Shop, clock: FrozenClock
) -> None:
    for each in (shop, other_shop):
        app.run(book_sale, each.cashier, basket(each))
    others = left_of(app, other_shop.tenant_id)
    which = agreed(app, shop, "everything")
    clock.advance(timedelta(days=31))
    with pytest.raises(FiscalHold) as held:
        app.run(run_erasure, ADMIN, which)
    assert held.value.data == {"until": "2037-01-01"}
    assert_books_hold(app, shop)
    clock.advance(timedelta(days=366 * 11))
    before = left_of(app, shop.tenant_id)
    done = app.run(run_erasure, ADMIN, which)
    assert done.rows == sum(before.values())
    assert left_of(app, shop.tenant_id) == {}
    assert rows(app, "SELECT * FROM tenants WHERE slug = %s", (shop.slug,)) == []
    assert left_of(app, other_shop.tenant_id) == others
    stone = hashlib.sha256(shop.slug.encode()).digest()
    assert len(rows(app, "SELECT * FROM tenant_tombstones WHERE slug_hash = %s", (stone,))) == 1
    trail = rows(
        app,
        "SELECT actor_name, data ->> 'scope' AS scope FROM system_audit_events WHERE operation = 'erasing.run'"
        " AND outcome = 'done' AND subject = %s",
        (f"tenant:{stone.hex()[:16]}",),
    )
    assert trail == [{"actor_name": "Ops", "scope": "everything"}]
    with pytest.raises(TenantNotFound):
        app.run(run_erasure, ADMIN, which)


def test_people_go_at_once_and_sealed_sales_stay(app: App, shop: Shop, clock: FrozenClock) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    app.run(create_customer, shop.owner, {"name": "Ada", "email": "ada@example.com"})
    app.run(create_staff, shop.owner, {"code": "42", "name": "Carla", "role": "cashier", "pin": "4711"})
    which = agreed(app, shop, "personal")
    clock.advance(timedelta(days=31))
    app.run(run_erasure, ADMIN, which)
    tenant = (shop.tenant_id,)
    assert rows(app, "SELECT name, email_sealed, number FROM customers WHERE tenant_id = %s", tenant) == [
        {"name": "", "email_sealed": None, "number": None}
    ]
    assert rows(app, "SELECT name, pin_hash FROM staff WHERE tenant_id = %s", tenant) == [
        {"name": "ShopErased", "pin_hash": None}
    ]
    assert len(rows(app, "SELECT id FROM sales WHERE tenant_id = %s", tenant)) == 1
    assert_books_hold(app, shop)
    with pytest.raises(NotDue):
        app.run(run_erasure, ADMIN, which)


def test_it_takes_two_sides_and_its_time_and_either_calls_it_off(app: App, shop: Shop, clock: FrozenClock) -> None:
    which = {"id": new_id(), "slug": shop.slug}
    asked = {**which, "scope": "everything", "reason": "leaving"}
    app.run(ask_erasure, shop.owner, asked)
    app.run(ask_erasure, shop.owner, asked)
    another_owner = Identity(kind="user", tenant_id=shop.tenant_id, role=Role.OWNER, actor_id=new_id(), name="Two")
    for who in (shop.owner, another_owner):
        with pytest.raises(SecondPerson):
            app.run(agree_erasure, who, which)
    with pytest.raises(NotDue):
        app.run(run_erasure, ADMIN, which)
    app.run(agree_erasure, ADMIN, which)
    with pytest.raises(NotDue):
        app.run(run_erasure, ADMIN, which)
    clock.advance(timedelta(days=31))
    with pytest.raises(ShopInUse):
        app.run(run_erasure, ADMIN, which)
    with pytest.raises(NotDue):
        app.run(run_erasure, shop.owner, which)
    app.run(cancel_erasure, shop.owner, which)
    with pytest.raises(NotDue):
        app.run(run_erasure, ADMIN, which)
    # At one shell two people cannot be told apart.
    mine = {"id": new_id(), "slug": shop.slug}
    app.run(ask_erasure, operator("a", shop.tenant_id), {**mine, "scope": "personal", "reason": "r"})
    with pytest.raises(SecondPerson):
        app.run(agree_erasure, operator("b"), mine)


def test_of_another_shop_nothing_is_asked_nor_seen(app: App, shop: Shop, other_shop: Shop) -> None:
    which = {"id": new_id(), "slug": other_shop.slug}
    app.run(ask_erasure, other_shop.owner, {**which, "scope": "personal", "reason": "r"})
    with pytest.raises(TenantNotFound):
        app.run(ask_erasure, shop.owner, {"id": new_id(), "slug": other_shop.slug, "scope": "personal", "reason": "r"})
    for operation in (agree_erasure, cancel_erasure, run_erasure):
        with pytest.raises(TenantNotFound):
            app.run(operation, shop.owner, which)
        with pytest.raises(ErasureNotFound):
            app.run(operation, ADMIN, {**which, "id": new_id()})
        for who in (other_shop.manager, other_shop.cashier):
            with pytest.raises(PermissionDenied):
                app.run(operation, who, which)


def test_books_are_held_by_country_to_the_end_of_a_year() -> None:
    day = date(2026, 3, 2)
    assert held_until("DE", day) == date(2037, 1, 1)
    assert held_until("AT", day) == date(2034, 1, 1)
    assert held_until("", day) == date(2037, 1, 1)
    assert held_until("DE", None) is None


def test_without_naming_the_tenant_that_is_erased_nothing_can_be_removed(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))

    for table, column in (("payments", "tenant_id"), ("audit_events", "tenant_id"), ("tenants", "id")):
        before = rows(app, f"SELECT * FROM {table} WHERE {column} = %s", (shop.tenant_id,))
        uow = app.database.system_session()
        with pytest.raises(Exception, match=r"app\.erasing|invalid input syntax"):
            uow.run(f"DELETE FROM {table} WHERE {column} = %s", (shop.tenant_id,))
        uow.close()
        assert before
        assert rows(app, f"SELECT * FROM {table} WHERE {column} = %s", (shop.tenant_id,)) == before
