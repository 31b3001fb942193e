"""Builders of what tests start from. They write rows directly, so a test of one operation leans on no other."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from primepos.core.context import Identity
from primepos.core.db import run_in_transaction
from primepos.core.ids import new_id
from primepos.core.permissions import Role
from primepos.domain.catalog.models import Product, ProductBarcode, Tax, TaxClass, TaxClassTax
from primepos.domain.outlets.models import Outlet, Register
from primepos.domain.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App

_serial = itertools.count(1)


@dataclass(slots=True)
class Shop:
    """A tenant ready to sell, as the tests see it."""

    tenant_id: int
    key: UUID
    slug: str
    outlet_id: UUID
    till_id: UUID
    server_id: UUID
    till_prefix: str
    server_prefix: str
    tax_class_id: UUID
    tax_id: UUID
    products: list[UUID] = field(default_factory=list)
    people: dict[str, Identity] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Identity:
        """Give ``shop.owner``, ``shop.manager``, ``shop.cashier``, ``shop.clerk``, ``shop.accountant``, ``shop.device``."""
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None


def _committed(app: App, work: Callable[[UnitOfWork], Any]) -> Any:
    def run(uow: UnitOfWork) -> Any:
        result = work(uow)
        uow.commit()
        return result

    return run_in_transaction(app.database.system_session, run)


def a_shop(
    app: App,
    *,
    currency: str = "EUR",
    zone: str = "Europe/Berlin",
    rate: str = "19",
    included: bool = True,
    settings: dict[str, Any] | None = None,
) -> Shop:
    """Return a fresh tenant with an outlet, a till, the server's register, one tax and three products.

    Prices: ``A-1`` 1.00, ``B-2`` 2.50 (barcode 4006381333931), ``C-3`` 9.99; all at ``rate`` percent.
    """
    number = next(_serial)
    slug = f"shop-{os.getpid()}-{number}-{uuid4().hex[:6]}"
    prefix = f"T{number}"

    def work(uow: UnitOfWork) -> Shop:
        session = uow.session
        tenant = Tenant(
            slug=slug, name=f"Shop {number}", currency=currency, zone=zone, country="DE", settings=settings or {}
        )
        session.add(tenant)
        session.flush()
        assert tenant.id is not None
        tid = tenant.id
        outlet = Outlet(tenant_id=tid, code="main", name="Main street")
        session.add(outlet)
        session.flush()
        till = Register(tenant_id=tid, outlet_id=outlet.id, code="till-1", name="Till 1", kind="till", prefix=prefix)
        server = Register(
            tenant_id=tid, outlet_id=outlet.id, code="server", name="Server", kind="server", prefix=f"{prefix}S"
        )
        tax = Tax(
            tenant_id=tid, code="std", name=f"VAT {rate}%", kind="percent", amount=Decimal(rate), included=included
        )
        tax_class = TaxClass(tenant_id=tid, code="standard", name="Standard")
        session.add_all([till, server, tax, tax_class])
        session.flush()
        session.add(TaxClassTax(tenant_id=tid, tax_class_id=tax_class.id, tax_id=tax.id, sequence=1))
        products = [
            Product(tenant_id=tid, sku=sku, name=name, unit_price=Decimal(price), tax_class_id=tax_class.id)
            for sku, name, price in (("A-1", "Apple", "1.00"), ("B-2", "Bread", "2.50"), ("C-3", "Cheese", "9.99"))
        ]
        session.add_all(products)
        session.flush()
        session.add(ProductBarcode(tenant_id=tid, code="4006381333931", product_id=products[1].id))
        session.flush()
        return Shop(
            tenant_id=tid,
            key=tenant.key,
            slug=slug,
            outlet_id=outlet.id,
            till_id=till.id,
            server_id=server.id,
            till_prefix=prefix,
            server_prefix=f"{prefix}S",
            tax_class_id=tax_class.id,
            tax_id=tax.id,
            products=[each.id for each in products],
        )

    shop: Shop = _committed(app, work)
    for name, role in (
        ("owner", Role.OWNER),
        ("manager", Role.MANAGER),
        ("cashier", Role.CASHIER),
        ("clerk", Role.STOCK_CLERK),
        ("accountant", Role.ACCOUNTANT),
    ):
        shop.people[name] = Identity(
            kind="user", tenant_id=shop.tenant_id, role=role, actor_id=new_id(), name=name.title()
        )
    shop.people["device"] = Identity(
        kind="device",
        tenant_id=shop.tenant_id,
        role=Role.DEVICE,
        actor_id=shop.till_id,
        name="Till 1",
        register_id=shop.till_id,
        outlet_ids=frozenset({shop.outlet_id}),
    )
    return shop


def a_product(app: App, shop: Shop, *, sku: str, price: str, name: str | None = None, track_stock: bool = True) -> UUID:
    """Add one product to a shop and return its id."""

    def work(uow: UnitOfWork) -> UUID:
        product = Product(
            tenant_id=shop.tenant_id,
            sku=sku,
            name=name or sku,
            unit_price=Decimal(price),
            tax_class_id=shop.tax_class_id,
            track_stock=track_stock,
        )
        uow.session.add(product)
        uow.flush()
        return product.id

    made: UUID = _committed(app, work)
    return made


def rows(app: App, sql: str, parameters: dict[str, Any] | tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """Read rows across tenants, for assertions."""
    found: list[dict[str, Any]] = []

    def work(uow: UnitOfWork) -> None:
        found.extend(uow.rows(sql, parameters))

    run_in_transaction(lambda: app.database.system_session(read_only=True), work)
    return found
