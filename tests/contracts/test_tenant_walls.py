"""The three locks, proven by walking the database's own catalogue: nobody has to remember to add a table here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlmodel import select

from primepos.core.db import TenantScopeMissing, TenantSession, run_in_transaction
from primepos.domain.catalog.models import Product, TaxClass
from primepos.domain.sales.service import book_sale
from primepos.domain.schema import GLOBAL_TABLES, METADATA
from tests.factories import basket, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    """The login that migrates: owner of every table, and no superuser."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def tenant_tables(connection: psycopg.Connection) -> list[str]:
    """Every table of the schema that is not on the reviewed list of global ones."""
    found = connection.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    return sorted(name for (name,) in found if name not in GLOBAL_TABLES)


def test_the_login_is_neither_superuser_nor_above_the_policies(owner: psycopg.Connection) -> None:
    flags = owner.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    assert flags == (False, False)
    roles = owner.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin FROM pg_roles"
        " WHERE rolname IN ('primepos_app', 'primepos_search', 'primepos_system') ORDER BY 1"
    ).fetchall()
    assert roles == [
        ("primepos_app", False, False, False, False),
        ("primepos_search", False, False, False, False),
        ("primepos_system", False, False, False, False),
    ]


def test_every_tenant_table_is_locked_three_times(owner: psycopg.Connection) -> None:
    for table in tenant_tables(owner):
        flags = owner.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (table,)
        ).fetchone()
        assert flags == (True, True), f"{table} is not under forced row-level security"
        key = owner.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indrelid = %s::regclass AND i.indisprimary",
            (table,),
        ).fetchone()
        assert key == ("tenant_id",), f"the key of {table} does not begin with the tenant"
        policies = owner.execute(
            "SELECT policyname, roles::text, qual IS NOT NULL AND qual <> 'true' AS looks, with_check IS NOT NULL"
            " FROM pg_policies WHERE tablename = %s AND 'primepos_app' = ANY(roles)",
            (table,),
        ).fetchall()
        assert policies == [(f"{table}_tenant", "{primepos_app}", True, True)], table
        to_public = owner.execute(
            "SELECT count(*) FROM pg_policies WHERE tablename = %s AND 'public' = ANY(roles)", (table,)
        ).fetchone()
        assert to_public == (0,), f"{table} has a policy for everybody"


def test_every_tenant_table_is_a_scoped_model(owner: psycopg.Connection) -> None:
    assert sorted(set(METADATA.tables) - set(GLOBAL_TABLES)) == tenant_tables(owner)


def test_every_foreign_key_between_tenant_tables_carries_the_tenant(owner: psycopg.Connection) -> None:
    keys = owner.execute(
        "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,"
        " (SELECT array_agg(a.attname::text) FROM pg_attribute a"
        " WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey))"
        " FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace"
    ).fetchall()
    tables = set(tenant_tables(owner))
    between = [(name, columns) for name, child, parent, columns in keys if child in tables and parent in tables]
    assert len(between) > 15
    assert [name for name, columns in between if "tenant_id" not in columns] == []


def test_no_view_and_no_unpinned_definer_function_is_within_reach(owner: psycopg.Connection) -> None:
    views = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
    ).fetchall()
    assert views == []
    definers = owner.execute(
        "SELECT proname, pg_get_userbyid(proowner), proconfig::text FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert definers == [("primepos_search_products", "primepos_search", '{"search_path=public, pg_temp"}')]


def test_a_raw_select_sees_one_tenant_in_every_table(
    app: App, shop: Shop, other_shop: Shop, owner: psycopg.Connection
) -> None:
    for each in (shop, other_shop):
        app.run(book_sale, each.cashier, basket(each))
    filled = 0
    for table in tenant_tables(owner):
        seen: set[int] = set()

        def look(uow: UnitOfWork, table: str = table, seen: set[int] = seen) -> None:
            seen.update(row["tenant_id"] for row in uow.rows(f'SELECT DISTINCT tenant_id FROM "{table}"'))

        run_in_transaction(lambda: app.database.tenant(shop.tenant_id, read_only=True), look)
        assert seen <= {shop.tenant_id}, table
        filled += bool(seen)
    assert filled > 12


def test_without_a_tenant_the_application_sees_and_writes_nothing(owner: psycopg.Connection, shop: Shop) -> None:
    with owner.transaction():
        owner.execute("SET LOCAL ROLE primepos_app")
        for table in tenant_tables(owner):
            counted = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert counted == (0,), table
    smuggle = "SET LOCAL ROLE primepos_app; INSERT INTO categories (tenant_id, id, name) VALUES ({}, {}, 'x')"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(sql.SQL(smuggle).format(shop.tenant_id, str(shop.outlet_id)))


def test_the_owner_sees_no_tenants_row(owner: psycopg.Connection, shop: Shop) -> None:
    assert shop.products
    for table in tenant_tables(owner):
        counted = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert counted == (0,), table


def test_after_a_commit_the_connection_carries_no_tenant(app: App, shop: Shop) -> None:
    uow = app.database.tenant(shop.tenant_id)
    uow.rows("SELECT 1 AS one")
    connection = uow.driver_connection()
    uow.commit()
    after = connection.execute("SELECT current_setting('app.tenant', true), current_user").fetchone()
    connection.rollback()
    uow.close()
    assert after is not None
    assert after[0] in ("", None)
    assert after[1] == "primepos_owner"


def test_rows_cannot_be_written_for_another_tenant(app: App, shop: Shop, other_shop: Shop) -> None:
    def smuggle(uow: UnitOfWork) -> None:
        uow.run(
            "INSERT INTO categories (tenant_id, id, name) VALUES (%s, gen_random_uuid(), 'smuggled')",
            (other_shop.tenant_id,),
        )

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_in_transaction(lambda: app.database.tenant(shop.tenant_id), smuggle)
    assert rows(app, "SELECT count(*) AS n FROM categories WHERE name = 'smuggled'") == [{"n": 0}]


def test_a_product_cannot_point_at_another_tenants_tax_class(app: App, shop: Shop, other_shop: Shop) -> None:
    def cross(uow: UnitOfWork) -> None:
        uow.session.add(
            Product(tenant_id=shop.tenant_id, sku="X", name="X", unit_price=1, tax_class_id=other_shop.tax_class_id)
        )
        uow.flush()

    mine = "SELECT count(*) AS n FROM products WHERE tenant_id = %s AND sku = 'X'"
    with pytest.raises(Exception, match=r"not found|foreign key"):
        run_in_transaction(lambda: app.database.tenant(shop.tenant_id), cross)
    assert rows(app, mine, (shop.tenant_id,)) == [{"n": 0}]


@pytest.mark.parametrize(
    "statement",
    [
        select(Product),
        select(Product.id, Product.tenant_id),
        select(sa.func.count(), sa.func.min(Product.tenant_id)).select_from(Product),
        select(TaxClass).where(TaxClass.id.in_(select(Product.tax_class_id))),
    ],
    ids=["rows", "columns", "aggregate", "subquery"],
)
def test_the_session_adds_the_tenant_to_every_query(
    app: App, shop: Shop, other_shop: Shop, statement: sa.Select
) -> None:
    found: list[object] = []

    def look(uow: UnitOfWork) -> None:
        # As the system's role every row is in reach, so only the session's own lock is left to hold.
        session = TenantSession(bind=uow.session.connection(), info={"tenant_id": shop.tenant_id})
        found.extend(session.exec(statement) if hasattr(session, "exec") else session.execute(statement).all())

    assert other_shop.products
    run_in_transaction(lambda: app.database.system_session(read_only=True), look)
    text = repr(found)
    assert found
    assert all(str(product) not in text for product in other_shop.products)
    assert str(other_shop.tax_class_id) not in text


def test_a_session_without_a_tenant_refuses_to_ask(app: App) -> None:
    def look(uow: UnitOfWork) -> None:
        TenantSession(bind=uow.session.connection()).execute(select(Product)).all()

    with pytest.raises(TenantScopeMissing):
        run_in_transaction(lambda: app.database.system_session(read_only=True), look)
