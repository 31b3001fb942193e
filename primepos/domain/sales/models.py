"""Sales and everything that is booked with one: lines, taxes, payments, ledger."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from primepos.core.models import QUANTITY, RATE, TIMESTAMP, UNIT_PRICE, TenantDetail, tenant_reference


class Sale(TenantDetail, table=True):
    """One paid sale, its void, a refund, or an imported one. Never changed after booking; amounts in minor units.

    ``base + tax + rounding + value = total``; payments of the sale add up to ``total``. ``value`` is what was sold that
    is no revenue: gift cards, money onto accounts, deposits. A ``void`` is a record of its own
    with every figure negated and ``void_of`` naming what it undoes. A ``refund`` takes goods back: its lines are below
    zero, and :class:`SaleReturn` says of which line of which sale each is. An ``imported`` one has no shift, no
    number and no chain, but an external number.
    """

    __tablename__ = "sales"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("register_id", "registers"),
        tenant_reference("shift_id", "shifts"),
        tenant_reference("customer_id", "customers"),
        sa.ForeignKeyConstraint(["tenant_id", "void_of"], ["sales.tenant_id", "sales.id"]),
        sa.Index(
            "sales_series_idx",
            "tenant_id",
            "register_id",
            "epoch",
            "number",
            unique=True,
            postgresql_where=sa.text("number IS NOT NULL"),
        ),
        sa.Index(
            "sales_void_of_idx", "tenant_id", "void_of", unique=True, postgresql_where=sa.text("void_of IS NOT NULL")
        ),
        sa.Index(
            "sales_external_idx",
            "tenant_id",
            "source",
            "external_number",
            unique=True,
            postgresql_where=sa.text("external_number IS NOT NULL"),
        ),
        sa.Index("sales_business_date_idx", "tenant_id", "business_date", "id"),
        sa.Index("sales_shift_id_idx", "tenant_id", "shift_id", postgresql_where=sa.text("shift_id IS NOT NULL")),
        sa.Index("sales_outlet_id_idx", "tenant_id", "outlet_id", "business_date", "id"),
        sa.Index(
            "sales_customer_id_idx",
            "tenant_id",
            "customer_id",
            "business_date",
            "id",
            postgresql_where=sa.text("customer_id IS NOT NULL"),
        ),
        sa.CheckConstraint("kind IN ('sale', 'void', 'refund', 'imported')", name="kind"),
        sa.CheckConstraint("total = base + tax + rounding + value", name="total"),
        sa.CheckConstraint("(kind = 'void') = (void_of IS NOT NULL)", name="void"),
        sa.CheckConstraint(
            "CASE WHEN kind = 'imported' THEN external_number IS NOT NULL AND number IS NULL AND shift_id IS NULL"
            " ELSE coalesce(number, 0) >= 1 AND coalesce(epoch, 0) >= 1 AND register_id IS NOT NULL"
            " AND shift_id IS NOT NULL AND hash IS NOT NULL AND prev_hash IS NOT NULL AND body_hash IS NOT NULL END",
            name="series",
        ),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    outlet_id: UUID
    register_id: UUID | None = None
    shift_id: UUID | None = None
    epoch: int | None = None
    number: int | None = Field(default=None, sa_type=sa.BigInteger)
    receipt: str
    business_date: date
    sold_at: datetime = Field(sa_type=TIMESTAMP)
    received_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    cashier_id: UUID | None = None
    cashier: str = ""
    currency: str
    base: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    rounding: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    request_hash: bytes | None = None
    body_hash: bytes | None = None
    prev_hash: bytes | None = None
    hash: bytes | None = None
    flags: list[str] = Field(sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")))
    void_of: UUID | None = None
    reason: str | None = None
    source: str = Field(default="", sa_column_kwargs={"server_default": ""})
    external_number: str | None = None
    customer_number: str | None = None
    pricing: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSONB))
    value: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("0")})
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})


class SaleLine(TenantDetail, table=True):
    """One line as it was charged; name, price and tax rules are frozen here. Amounts in minor units.

    ``base + tax = total``; ``discount`` is what was taken off, already out of ``total``. ``taxes`` holds one row
    ``[tax code, rate, minor units]`` for each tax of the line.
    """

    __tablename__ = "sale_lines"
    __table_args__ = (
        tenant_reference("sale_id", "sales"),
        tenant_reference("product_id", "products"),
        sa.Index("sale_lines_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("total = base + tax", name="total"),
        sa.CheckConstraint("line_no >= 1", name="line_no"),
        sa.CheckConstraint("kind IN ('goods', 'gift_card', 'store_credit', 'account', 'deposit')", name="kind"),
        sa.CheckConstraint("kind = 'goods' OR (tax = 0 AND product_id IS NULL)", name="value"),
    )

    sale_id: UUID = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    product_id: UUID | None = None
    sku: str
    name: str
    quantity: Decimal = Field(sa_type=QUANTITY)
    unit_price: Decimal = Field(sa_type=UNIT_PRICE)
    discount: int = Field(sa_type=sa.BigInteger)
    base: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    taxes: list[Any] = Field(sa_column=sa.Column(JSONB, nullable=False, server_default=sa.text("'[]'")))
    kind: str = Field(default="goods", sa_column_kwargs={"server_default": "goods"})
    unit: str = Field(default="", sa_column_kwargs={"server_default": ""})
    factor: Decimal = Field(default=1, sa_type=QUANTITY, sa_column_kwargs={"server_default": sa.text("1")})
    lot: str = Field(default="", sa_column_kwargs={"server_default": ""})
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    cost: int | None = Field(default=None, sa_type=sa.BigInteger)
    details: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSONB))


class SaleTax(TenantDetail, table=True):
    """One tax of one sale, summed over its lines; sale and return lines apart. Amounts in minor units."""

    __tablename__ = "sale_taxes"
    __table_args__ = (tenant_reference("sale_id", "sales"),)

    sale_id: UUID = Field(primary_key=True)
    tax_no: int = Field(primary_key=True)
    code: str
    name: str
    rate: Decimal = Field(sa_type=RATE)
    base: int = Field(sa_type=sa.BigInteger)
    amount: int = Field(sa_type=sa.BigInteger)


class SaleReturn(TenantDetail, table=True):
    """What one line of a refund takes back; a void takes back everything its sale sold.

    ``nth`` counts the returns of the sold line from 1 on and ``before`` is what the earlier ones took back, so two at
    the same moment meet in the unique index, and never more than was ``sold`` comes back; but what a till took back
    while it could not ask has happened, and is marked as ``excess``.
    """

    __tablename__ = "sale_returns"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "sale_id", "line_no"], ["sale_lines.tenant_id", "sale_lines.sale_id", "sale_lines.line_no"]
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "of_sale_id", "of_line_no"],
            ["sale_lines.tenant_id", "sale_lines.sale_id", "sale_lines.line_no"],
        ),
        sa.Index("sale_returns_nth_idx", "tenant_id", "of_sale_id", "of_line_no", "nth", unique=True),
        sa.CheckConstraint("nth >= 1", name="nth"),
        sa.CheckConstraint("quantity > 0 AND before >= 0 AND (excess OR before + quantity <= sold)", name="quantity"),
    )

    sale_id: UUID = Field(primary_key=True)
    line_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    of_sale_id: UUID
    of_line_no: int = Field(sa_type=sa.BigInteger)
    nth: int = Field(sa_type=sa.BigInteger)
    before: Decimal = Field(sa_type=QUANTITY)
    quantity: Decimal = Field(sa_type=QUANTITY)
    sold: Decimal = Field(sa_type=QUANTITY)
    excess: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class LedgerEntry(TenantDetail, table=True):
    """One leg of a sale's double entry: debit positive, credit negative; a sale's legs add up to zero.

    Accounts: ``cash``, ``card`` (debit), ``revenue``, ``tax:CODE``, ``rounding`` (credit); ``receivable`` is what
    customers owe, ``gift_card``, ``store_credit``, ``points``, ``deposit`` and ``tip`` are what is owed to others.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        tenant_reference("sale_id", "sales"),
        sa.Index("ledger_entries_account_idx", "tenant_id", "account", "business_date"),
        sa.CheckConstraint("amount <> 0", name="amount"),
    )

    sale_id: UUID = Field(primary_key=True)
    entry_no: int = Field(primary_key=True)
    account: str
    amount: int = Field(sa_type=sa.BigInteger)
    business_date: date
