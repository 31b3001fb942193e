"""Builders of what tests start from. They write rows directly, so a test of one operation leans on no other."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec

from primepos.core.context import Identity
from primepos.core.db import run_in_transaction
from primepos.core.ids import new_id
from primepos.core.permissions import Role
from primepos.domain.catalog.models import Product, ProductBarcode, Tax, TaxClass, TaxClassTax
from primepos.domain.outlets.models import Outlet, Register
from primepos.domain.sales.chain import GENESIS, body_of, link_hash, series_name
from primepos.domain.sales.schemas import DeliverSale, LineTax, SaleLine, SalePayment, SaleTax
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
        """Give ``shop.owner``, ``.manager``, ``.cashier``, ``.clerk``, ``.accountant`` and ``.device``."""
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


def a_shift(app: App, shop: Shop, *, opening_float: int = 10_000) -> UUID:
    """Open a shift on the shop's till and return its id."""
    from primepos.domain.cash.service import open_shift

    data = {"id": new_id(), "register_id": shop.till_id, "opening_float": opening_float}
    return app.run(open_shift, shop.cashier, data).id


@dataclass(slots=True)
class TillSeries:
    """A till as far as the server sees it: it numbers and chains its sales by itself."""

    shop: Shop
    shift_id: UUID
    sold_at: datetime
    prefix: str = ""
    epoch: int = 1
    number: int = 0
    head: str = GENESIS

    def void(self, sale: DeliverSale) -> DeliverSale:
        """Return the next record of the till, which undoes a sale of it."""
        lines = [
            msgspec.structs.replace(
                each,
                quantity=-each.quantity,
                discount=-each.discount,
                base=-each.base,
                tax=-each.tax,
                total=-each.total,
                taxes=[msgspec.structs.replace(tax, amount=-tax.amount) for tax in each.taxes],
            )
            for each in sale.lines
        ]
        return self.sell(
            kind="void",
            void_of=sale.id,
            reason="wrong customer",
            lines=lines,
            taxes=[msgspec.structs.replace(each, base=-each.base, amount=-each.amount) for each in sale.taxes],
            payments=[msgspec.structs.replace(each, amount=-each.amount) for each in sale.payments],
            base=-sale.base,
            tax=-sale.tax,
            total=-sale.total,
        )

    def sell(self, *, skip: int = 0, **changes: Any) -> DeliverSale:
        """Return the next sale of the series: two apples at 1.00 and one bread at 2.50, 19 % included, paid 5.00 cash.

        ``skip`` leaves numbers out; ``changes`` replace fields before the sale is sealed.
        """
        self.number += 1 + skip
        sale = DeliverSale(
            id=new_id(),
            register_id=self.shop.till_id,
            shift_id=self.shift_id,
            epoch=self.epoch,
            number=self.number,
            business_date=self.sold_at.date(),
            sold_at=self.sold_at,
            cashier="Cashier",
            currency="EUR",
            lines=[
                _line(self.shop.products[0], "A-1", "Apple", "2", "1.00", base=168, tax=32),
                _line(self.shop.products[1], "B-2", "Bread", "1", "2.50", base=210, tax=40),
            ],
            taxes=[SaleTax(code="std", name="VAT 19%", rate=Decimal(19), base=378, amount=72)],
            payments=[SalePayment(kind="cash", amount=500), SalePayment(kind="change", amount=-50)],
            base=378,
            tax=72,
            rounding=0,
            total=450,
            prev_hash=self.head,
            hash=GENESIS,
        )
        sale = msgspec.structs.replace(sale, **changes)
        sealed = self.seal(sale)
        self.head = sealed.hash
        return sealed

    def seal(self, sale: DeliverSale) -> DeliverSale:
        """Return the sale with the hash of its content and place."""
        series = series_name(self.prefix or self.shop.till_prefix, sale.epoch)
        return msgspec.structs.replace(sale, hash=link_hash(sale.prev_hash, series, sale.number, body_of(sale)))


def _line(product_id: UUID, sku: str, name: str, quantity: str, price: str, *, base: int, tax: int) -> SaleLine:
    return SaleLine(
        product_id=product_id,
        sku=sku,
        name=name,
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        discount=0,
        base=base,
        tax=tax,
        total=base + tax,
        taxes=[LineTax(code="std", rate=Decimal(19), amount=tax)],
    )


def basket(shop: Shop, *, paid: int = 1000, **changes: Any) -> dict[str, Any]:
    """Return what a caller sends to book two apples and a bread (4.50), paid in cash."""
    return {
        "id": new_id(),
        "outlet_id": shop.outlet_id,
        "lines": [
            {"product_id": shop.products[0], "quantity": "2"},
            {"product_id": shop.products[1], "quantity": "1"},
        ],
        "tenders": [{"kind": "cash", "amount": paid}],
        **changes,
    }


BOOKED_TABLES = (
    "sales",
    "sale_lines",
    "sale_taxes",
    "payments",
    "stock_movements",
    "stock_levels",
    "stock_lots",
    "lot_movements",
    "ledger_entries",
    "sale_returns",
    "coupon_uses",
    "value_entries",
    "shifts",
)


def counts(app: App, shop: Shop) -> dict[str, int]:
    """Return how many rows of each booked kind a shop has: equal before and after means nothing was written."""
    return {
        table: rows(app, f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %s", (shop.tenant_id,))[0]["n"]
        for table in BOOKED_TABLES
    }


def assert_books_hold(app: App, shop: Shop) -> None:
    """Run the auditor over the shop's books."""
    from primepos.domain.ops.service import verify_own_books

    found = app.run(verify_own_books, shop.owner, {})
    assert found.ok, found.problems
