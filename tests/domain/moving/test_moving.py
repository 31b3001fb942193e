"""A shop that moves: nothing forgotten, nothing different, nothing half; and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos.adapters.backup.errors import BackupDamaged, BackupKeyWrong
from primepos.cli.moving import read_in, write_out
from primepos.core.context import operator
from primepos.core.db import run_in_transaction
from primepos.core.errors import PermissionDenied, PrimePOSError
from primepos.core.ids import new_id
from primepos.core.settings_types import Secret
from primepos.domain.accounts.service import create_user
from primepos.domain.cash.service import close_shift
from primepos.domain.customers.service import create_customer, get_customer, merge_customers
from primepos.domain.fiscal.service import close_period, exported_sales
from primepos.domain.fiscal.service import outline as fiscal_outline
from primepos.domain.moving import queries
from primepos.domain.moving.errors import (
    NotArriving,
    NotMoving,
    NotWhole,
    OtherSchema,
    PartDiffers,
    ShiftsOpen,
    StillSettling,
    TenantHere,
)
from primepos.domain.moving.service import (
    begin_move,
    finish_arrival,
    give_up_arrival,
    open_arrival,
    outline,
    put_rows,
    read_rows,
)
from primepos.domain.moving.tables import STAYS, erasing_order, moved_tables
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from primepos.domain.schema import scoped_tables
from primepos.domain.staff.service import create_staff
from primepos.domain.tenancy.lookup import operator_in
from primepos.domain.tenancy.service import resume_tenant
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.core.operations import App
    from tests.factories import Shop

ADMIN = operator("tests")
KEY = Secret("a key that both sides agreed on, long enough")
# Given anew on the other server, or sealed with its own key.
ANEW = {"tenant_id", "email_sealed", "phone_sealed", "email_hash", "phone_hash", "grams", "pin_hash"}


def a_busy_shop(app: App) -> Shop:
    """A shop with a bit of everything that is chained, sealed or tied to people."""
    shop = a_shop(app)
    shift = a_shift(app, shop)
    till = TillSeries(shop, shift, NOON)
    for _ in range(3):
        app.run(deliver_sale, shop.device, till.sell())
    first = app.run(book_sale, shop.cashier, basket(shop))
    app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": first.id, "reason": "wrong"})
    app.run(close_shift, shop.cashier, {"shift_id": shift, "counted": 11_350})
    app.run(close_period, shop.owner, {"period": "day"})
    ada = app.run(create_customer, shop.owner, {"name": "Ada", "email": "ada@example.com", "phone": "+49 30 1234567"})
    bob = app.run(create_customer, shop.owner, {"name": "Bob"})
    app.run(merge_customers, shop.owner, {"id": bob.id, "into": ada.id})
    mail = f"{shop.slug}@example.com"
    app.run(create_user, shop.owner, {"email": mail, "name": "Owner", "role": "owner"})
    app.run(create_staff, shop.owner, {"code": "42", "name": "Cashier", "role": "cashier", "pin": "4711"})
    return shop


def settle(app: App, shop: Shop) -> None:
    """Let the seconds pass in which sessions end everywhere."""

    def work(uow: Any) -> None:
        uow.run("UPDATE tenants SET moved_at = moved_at - interval '1 minute' WHERE id = %s", (shop.tenant_id,))
        uow.commit()

    run_in_transaction(app.database.system_session, work)


def stored(app: App, tenant_id: int, table: str) -> list[str]:
    columns = [
        name for name in moved_tables()[table].columns if name not in ANEW and (table, name) != ("products", "version")
    ]
    what = ", ".join(columns)
    found = rows(app, f"SELECT ({what})::text AS row FROM {table} WHERE tenant_id = %s", (tenant_id,))
    return sorted(row["row"] for row in found)


def sealed_books(app: App, owner: Any) -> tuple[Any, list[Any]]:
    """Everything that the fiscal export holds, but for the signature of the file: its key is the installation's own."""
    found = app.run(fiscal_outline, owner, {})
    sales = []
    for series in found.series:
        asked = {"register_id": series.register_id, "epoch": series.epoch, "up_to": series.last_number}
        sales += app.run(exported_sales, owner, asked).items
    return msgspec.structs.replace(found, key="", signature=""), sales


def test_every_table_moves_or_says_why_not() -> None:
    assert set(moved_tables()) | set(STAYS) == scoped_tables()
    assert set(moved_tables()) & set(STAYS) == set()
    assert set(erasing_order()) == scoped_tables()


def test_a_shop_arrives_as_it_left(app: App, make_app: Callable[..., App], fresh_database: str, tmp_path: Path) -> None:
    shop = a_busy_shop(app)
    there = make_app(fresh_database)
    # Numbers of tenants differ between servers: nothing may lean on them.
    for _ in range(2):
        a_shop(there)
    file = tmp_path / "shop.tenant"
    counts = write_out(app, shop.owner, file, KEY, wait=lambda _: settle(app, shop))
    assert counts["sales"] == 5
    assert b"ada@example.com" not in file.read_bytes()
    slug, arrived = read_in(there, file, KEY)
    assert slug == shop.slug
    owner = operator_in(there.database, slug, "tests")
    assert owner.tenant_id is not None
    assert owner.tenant_id != shop.tenant_id
    for table in moved_tables():
        if table in {"audit_events", "memberships", "staff"}:
            assert arrived[table] == counts[table], table
        else:
            assert stored(there, owner.tenant_id, table) == stored(app, shop.tenant_id, table), table
    assert sealed_books(there, owner) == sealed_books(app, operator_in(app.database, slug, "tests"))
    there_shop = a_shop(there)
    there_shop.tenant_id, there_shop.people["owner"] = owner.tenant_id, owner
    assert_books_hold(there, there_shop)
    ada = next(row for row in rows(there, "SELECT id FROM customers WHERE name = 'Ada'"))
    assert there.run(get_customer, owner, {"id": ada["id"]}).email == "ada@example.com"
    people = rows(
        there,
        "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id WHERE tenant_id = %s",
        (owner.tenant_id,),
    )
    assert people == [{"email": f"{slug}@example.com"}]
    assert rows(there, "SELECT status FROM tenants WHERE slug = %s", (slug,)) == [{"status": "active"}]
    assert rows(app, "SELECT status FROM tenants WHERE slug = %s", (slug,)) == [{"status": "moved"}]
    with pytest.raises(TenantHere):
        read_in(there, file, KEY)


def test_a_file_that_was_changed_or_has_another_key_does_nothing(app: App, tmp_path: Path) -> None:
    shop = a_shop(app)
    file = tmp_path / "shop.tenant"
    write_out(app, shop.owner, file, KEY, wait=lambda _: settle(app, shop))
    with pytest.raises(BackupKeyWrong):
        read_in(app, file, Secret("another key"))
    raw = bytearray(file.read_bytes())
    raw[-40] ^= 1
    other = tmp_path / "changed.tenant"
    other.write_bytes(raw)
    with pytest.raises(BackupDamaged):
        read_in(app, other, KEY)
    other.write_bytes(b"something else")
    with pytest.raises(BackupDamaged):
        read_in(app, other, KEY)


def test_an_open_shift_keeps_the_shop_and_one_that_left_sells_nothing(app: App) -> None:
    shop = a_shop(app)
    shift = a_shift(app, shop)
    with pytest.raises(ShiftsOpen):
        app.run(begin_move, shop.owner, {})
    with pytest.raises(NotMoving):
        app.run(outline, shop.owner, {})
    app.run(close_shift, shop.cashier, {"shift_id": shift, "counted": 10_000})
    app.run(begin_move, shop.owner, {})
    first = app.run(begin_move, shop.owner, {}).moved_at
    with pytest.raises(StillSettling):
        app.run(read_rows, shop.owner, {"table": "sales"})
    settle(app, shop)
    assert app.run(outline, shop.owner, {}).tenant.slug == shop.slug
    with pytest.raises(PrimePOSError) as refused:
        app.run(book_sale, shop.cashier, basket(shop))
    assert refused.value.code == "TENANT_SUSPENDED"
    assert first is not None
    assert app.run(resume_tenant, ADMIN, {"slug": shop.slug}).status == "active"


def test_what_arrives_is_seen_by_nobody_goes_on_where_it_was_and_must_be_whole(
    app: App, make_app: Callable[..., App], fresh_database: str
) -> None:
    shop, there = a_shop(app), make_app(fresh_database)
    app.run(begin_move, shop.owner, {})
    settle(app, shop)
    found = app.run(outline, shop.owner, {})
    with pytest.raises(OtherSchema):
        there.run(open_arrival, ADMIN, {"revision": "0001", "tenant": found.tenant})
    coming = {"revision": found.revision, "tenant": found.tenant}
    assert there.run(open_arrival, ADMIN, coming).parts == 0
    parts = [each for each in (app.run(read_rows, shop.owner, {"table": name}) for name in found.tables) if each.count]
    for number, part in enumerate(parts[:3], start=1):
        data = {"slug": shop.slug, "part_no": number, "table": part.table, "rows": part.rows}
        there.run(put_rows, ADMIN, data)
        there.run(put_rows, ADMIN, data)
        with pytest.raises(PartDiffers):
            there.run(put_rows, ADMIN, {**data, "rows": "[]"})
    assert there.run(open_arrival, ADMIN, coming).parts == min(3, len(parts))
    assert rows(there, "SELECT status FROM tenants WHERE slug = %s", (shop.slug,)) == [{"status": "arriving"}]
    with pytest.raises(PartDiffers):
        there.run(put_rows, ADMIN, {"slug": shop.slug, "part_no": 9, "table": "sales", "rows": "[]"})
    with pytest.raises(NotWhole):
        there.run(finish_arrival, ADMIN, {"slug": shop.slug, "rows": {"sales": 1}})
    assert there.run(give_up_arrival, ADMIN, {"slug": shop.slug}).rows > 0
    assert rows(there, "SELECT * FROM tenants WHERE slug = %s", (shop.slug,)) == []
    with pytest.raises(NotArriving):
        app.run(give_up_arrival, ADMIN, {"slug": shop.slug})


def test_only_the_owner_carries_a_shop_out_and_only_the_operator_brings_one_in(app: App, shop: Shop) -> None:
    for who in (shop.manager, shop.cashier, shop.accountant, shop.device, ADMIN):
        with pytest.raises(PermissionDenied):
            app.run(begin_move, who, {})
    with pytest.raises(PermissionDenied):
        app.run(give_up_arrival, shop.owner, {"slug": shop.slug})
    assert queries.SETTLE_S > 5
