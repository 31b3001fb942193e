"""Suppliers, orders, receipts and returns."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import (
    QUANTITY,
    RATE,
    TIMESTAMP,
    UNIT_PRICE,
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    tenant_reference,
)

_NONE = {"server_default": "0"}


def _order_line() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "order_id", "order_line_no"],
        ["purchase_order_lines.tenant_id", "purchase_order_lines.order_id", "purchase_order_lines.line_no"],
    )


class Supplier(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """Whom the shop buys from. ``lead_days`` is how long a delivery usually takes."""

    __tablename__ = "suppliers"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("lead_days >= 0", name="lead_days"),
    )

    code: str
    name: str
    email: str
    phone: str
    note: str
    lead_days: int = Field(sa_type=sa.BigInteger)


class SupplierItem(TenantDetail, table=True):
    """A product as a supplier sells it: their number, base units a pack, price of a pack in currency units."""

    __tablename__ = "supplier_items"
    __table_args__ = (
        tenant_reference("supplier_id", "suppliers"),
        tenant_reference("product_id", "products"),
        sa.Index("supplier_items_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("pack_size > 0 AND cost >= 0 AND coalesce(lead_days, 0) >= 0", name="pack"),
    )

    supplier_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    supplier_sku: str
    pack_size: Decimal = Field(sa_type=QUANTITY)
    cost: Decimal = Field(sa_type=UNIT_PRICE)
    lead_days: int | None = Field(default=None, sa_type=sa.BigInteger)


class PurchaseOrder(TenantDetail, table=True):
    """What was ordered from a supplier for a location. Its state only advances; ``total`` is in minor units."""

    __tablename__ = "purchase_orders"
    __table_args__ = (
        tenant_reference("supplier_id", "suppliers"),
        tenant_reference("outlet_id", "outlets"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.Index("purchase_orders_supplier_id_idx", "tenant_id", "supplier_id"),
        sa.Index("purchase_orders_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'sent', 'partly_received', 'received', 'closed', 'cancelled')",
            name="state",
        ),
        sa.CheckConstraint("over_percent BETWEEN 0 AND 100", name="over_percent"),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=sa.BigInteger)
    supplier_id: UUID
    outlet_id: UUID
    state: str
    expected_on: date | None = None
    over_percent: Decimal = Field(sa_type=RATE)
    note: str
    total: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=TIMESTAMP)
    created_by_id: UUID | None = None
    created_by: str
    approved_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    approved_by_id: UUID | None = None
    approved_by: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    sent_by_id: UUID | None = None
    sent_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    closed_by_id: UUID | None = None
    closed_by: str | None = None


class PurchaseOrderLine(TenantDetail, table=True):
    """One product of an order. Quantities are in base units; ``cost`` is the price of a pack in currency units.

    ``received`` and ``returned`` are the sums of the receipts' and returns' lines; ``cancelled`` will not come.
    """

    __tablename__ = "purchase_order_lines"
    __table_args__ = (
        tenant_reference("order_id", "purchase_orders"),
        tenant_reference("product_id", "products"),
        sa.UniqueConstraint("tenant_id", "order_id", "product_id"),
        sa.Index("purchase_order_lines_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("quantity > 0 AND pack_size > 0 AND cost >= 0", name="quantity"),
        sa.CheckConstraint(
            "received >= 0 AND returned >= 0 AND cancelled >= 0 AND returned <= received", name="received"
        ),
    )

    order_id: UUID = Field(primary_key=True)
    line_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    product_id: UUID
    quantity: Decimal = Field(sa_type=QUANTITY)
    pack_size: Decimal = Field(sa_type=QUANTITY)
    cost: Decimal = Field(sa_type=UNIT_PRICE)
    amount: int = Field(sa_type=sa.BigInteger)
    received: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    returned: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    cancelled: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)


class PurchaseReceipt(TenantDetail, table=True):
    """One delivery on an order. Rows are only ever added."""

    __tablename__ = "purchase_receipts"
    __table_args__ = (
        tenant_reference("order_id", "purchase_orders"),
        tenant_reference("outlet_id", "outlets"),
        sa.Index("purchase_receipts_order_id_idx", "tenant_id", "order_id"),
        sa.Index("purchase_receipts_outlet_id_idx", "tenant_id", "outlet_id"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID
    outlet_id: UUID
    reference: str
    received_at: datetime = Field(sa_type=TIMESTAMP)
    received_by_id: UUID | None = None
    received_by: str


class PurchaseReceiptLine(TenantDetail, table=True):
    """What came of one line, and at what cost: minor units per base unit. Rows are only ever added."""

    __tablename__ = "purchase_receipt_lines"
    __table_args__ = (
        tenant_reference("receipt_id", "purchase_receipts"),
        tenant_reference("product_id", "products"),
        _order_line(),
        sa.Index("purchase_receipt_lines_product_id_idx", "tenant_id", "product_id"),
        sa.Index("purchase_receipt_lines_order_id_order_line_no_idx", "tenant_id", "order_id", "order_line_no"),
        sa.CheckConstraint("quantity > 0 AND unit_cost >= 0", name="quantity"),
    )

    receipt_id: UUID = Field(primary_key=True)
    line_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    order_id: UUID
    order_line_no: int = Field(sa_type=sa.BigInteger)
    product_id: UUID
    quantity: Decimal = Field(sa_type=QUANTITY)
    unit_cost: Decimal = Field(sa_type=sa.Numeric(20, 6))
    amount: int = Field(sa_type=sa.BigInteger)


class SupplierReturn(TenantDetail, table=True):
    """Goods that went back to a supplier, and the credit that is expected for them, in minor units."""

    __tablename__ = "supplier_returns"
    __table_args__ = (
        tenant_reference("order_id", "purchase_orders"),
        tenant_reference("outlet_id", "outlets"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.Index("supplier_returns_order_id_idx", "tenant_id", "order_id"),
        sa.Index("supplier_returns_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.CheckConstraint(
            "CASE state WHEN 'open' THEN credited IS NULL WHEN 'credited' THEN credited >= 0 ELSE false END",
            name="state",
        ),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=sa.BigInteger)
    order_id: UUID
    outlet_id: UUID
    reason: str
    state: str
    expected: int = Field(sa_type=sa.BigInteger)
    credited: int | None = Field(default=None, sa_type=sa.BigInteger)
    returned_at: datetime = Field(sa_type=TIMESTAMP)
    returned_by_id: UUID | None = None
    returned_by: str
    credited_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    credited_by_id: UUID | None = None
    credited_by: str | None = None


class SupplierReturnLine(TenantDetail, table=True):
    """What went back of one line and the credit it is worth. Rows are only ever added."""

    __tablename__ = "supplier_return_lines"
    __table_args__ = (
        tenant_reference("return_id", "supplier_returns"),
        tenant_reference("product_id", "products"),
        _order_line(),
        sa.Index("supplier_return_lines_product_id_idx", "tenant_id", "product_id"),
        sa.Index("supplier_return_lines_order_id_order_line_no_idx", "tenant_id", "order_id", "order_line_no"),
        sa.CheckConstraint("quantity > 0 AND amount >= 0", name="quantity"),
    )

    return_id: UUID = Field(primary_key=True)
    line_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    order_id: UUID
    order_line_no: int = Field(sa_type=sa.BigInteger)
    product_id: UUID
    quantity: Decimal = Field(sa_type=QUANTITY)
    amount: int = Field(sa_type=sa.BigInteger)
