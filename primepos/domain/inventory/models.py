"""Stock: what is there, and every movement that made it so."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import QUANTITY, TIMESTAMP, TenantDetail, TenantScoped, tenant_reference

# What one base unit is worth: minor units, with six places since an average is a quotient.
COST = sa.Numeric(20, 6)
_NONE = {"server_default": "0"}


class StockLevel(TenantDetail, table=True):
    """How much of a product an outlet has: always the sum of its movements.

    ``average_cost`` is in minor units per base unit, None while no cost is known; ``allotted`` is what registers may
    sell while they are offline, the sum of their allotments.
    """

    __tablename__ = "stock_levels"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_levels_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("average_cost >= 0", name="average_cost"),
        sa.CheckConstraint("allotted >= 0", name="allotted"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    outlet_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    quantity: Decimal = Field(sa_type=QUANTITY)
    average_cost: Decimal | None = Field(default=None, sa_type=COST)
    allotted: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs={"server_default": "0"})


class StockMovement(TenantDetail, table=True):
    """One change of a level, signed. Rows are only ever added; the sign belongs to the kind.

    A movement of a sale names the sale and its line, so the same cause can never be booked twice; others name their
    document: a transfer, a count, a receipt, a supplier return. ``unit_cost`` is what one base unit was worth when it
    moved, in minor units.
    """

    __tablename__ = "stock_movements"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_movements_product_id_idx", "tenant_id", "product_id", "outlet_id", "at"),
        sa.Index("stock_movements_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.Index(
            "stock_movements_line_idx",
            "tenant_id",
            "sale_id",
            "line_no",
            "product_id",
            unique=True,
            postgresql_where=sa.text("sale_id IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'sale' THEN true WHEN 'void' THEN true WHEN 'refund' THEN quantity > 0"
            " WHEN 'receive' THEN quantity > 0 WHEN 'adjust' THEN quantity <> 0 WHEN 'opening' THEN true"
            " WHEN 'count' THEN quantity <> 0 WHEN 'transfer_out' THEN quantity < 0"
            " WHEN 'transfer_in' THEN quantity > 0 WHEN 'supplier_return' THEN quantity < 0"
            " WHEN 'revalue' THEN quantity = 0 ELSE false END",
            name="kind",
        ),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    outlet_id: UUID
    product_id: UUID
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    kind: str
    quantity: Decimal = Field(sa_type=QUANTITY)
    sale_id: UUID | None = None
    line_no: int | None = None
    reason: str | None = None
    actor_id: UUID | None = None
    actor_name: str = ""
    unit_cost: Decimal | None = Field(default=None, sa_type=COST)
    reason_code: str | None = None
    document_id: UUID | None = None


class StockDocument(TenantDetail, table=True):
    """One act on stock under the caller's own id, so that a call repeated after a lost answer moves nothing twice."""

    __tablename__ = "stock_documents"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.Index("stock_documents_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.CheckConstraint(
            "kind IN ('adjust', 'receive', 'opening', 'revalue', 'allot', 'release', 'transfer', 'ship', 'arrive',"
            " 'settle', 'count', 'tally', 'recount', 'order', 'purchase', 'return')",
            name="kind",
        ),
    )

    id: UUID = Field(primary_key=True)
    outlet_id: UUID
    kind: str
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    request_hash: bytes
    answer: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))


class StockLot(TenantDetail, table=True):
    """How much of a lot of a product an outlet has: always the sum of its movements.

    A serial number is a lot of one piece: it is in one outlet of the tenant, once, or nowhere.
    """

    __tablename__ = "stock_lots"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_lots_product_id_idx", "tenant_id", "product_id", "lot"),
        sa.Index(
            "stock_lots_expires_on_idx",
            "tenant_id",
            "outlet_id",
            "expires_on",
            postgresql_where=sa.text("quantity > 0"),
        ),
        sa.Index(
            "stock_lots_serial_idx",
            "tenant_id",
            "product_id",
            "lot",
            unique=True,
            postgresql_where=sa.text("is_serial AND quantity = 1"),
        ),
        sa.CheckConstraint("NOT is_serial OR quantity IN (0, 1)", name="serial"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    outlet_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    lot: str = Field(primary_key=True)
    is_serial: bool
    expires_on: date | None = None
    quantity: Decimal = Field(sa_type=QUANTITY)
    received_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})


class LotMovement(TenantDetail, table=True):
    """One change of a lot, signed. Rows are only ever added; a movement of a sale names the sale and its line."""

    __tablename__ = "lot_movements"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "outlet_id", "product_id", "lot"],
            ["stock_lots.tenant_id", "stock_lots.outlet_id", "stock_lots.product_id", "stock_lots.lot"],
        ),
        sa.Index("lot_movements_product_id_idx", "tenant_id", "product_id", "lot", "at"),
        sa.Index(
            "lot_movements_cause_idx",
            "tenant_id",
            "sale_id",
            "line_no",
            "product_id",
            "lot",
            unique=True,
            postgresql_where=sa.text("sale_id IS NOT NULL"),
        ),
        sa.CheckConstraint("kind IN ('receive', 'assign', 'adjust', 'sale', 'void', 'refund')", name="kind"),
        sa.CheckConstraint("quantity <> 0", name="quantity"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    outlet_id: UUID
    product_id: UUID
    lot: str
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    kind: str
    quantity: Decimal = Field(sa_type=QUANTITY)
    sale_id: UUID | None = None
    line_no: int | None = Field(default=None, sa_type=sa.BigInteger)
    reason: str | None = None
    actor_id: UUID | None = None
    actor_name: str = ""


class StockReason(TenantScoped, table=True):
    """Why stock is corrected, in the tenant's words. The sign of a correction is its reason's direction."""

    __tablename__ = "stock_reasons"
    __table_args__ = (sa.CheckConstraint("direction IN ('out', 'in', 'either')", name="direction"),)

    code: str = Field(primary_key=True)
    name: str
    direction: str
    archived_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)


class StockRule(TenantDetail, table=True):
    """When a product is to be ordered again at a location, and up to how much."""

    __tablename__ = "stock_rules"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_rules_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("minimum >= 0 AND target >= minimum", name="minimum"),
    )

    outlet_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    minimum: Decimal = Field(sa_type=QUANTITY)
    target: Decimal = Field(sa_type=QUANTITY)


class ProductStockPolicy(TenantDetail, table=True):
    """What happens when this product would fall below zero, whatever tenant and outlet say."""

    __tablename__ = "product_stock_policies"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.CheckConstraint("policy IN ('allow', 'warn', 'block')", name="policy"),
    )

    product_id: UUID = Field(primary_key=True)
    policy: str


class StockAllotment(TenantDetail, table=True):
    """So many of a product are this register's to sell, offline too; to others they are not there."""

    __tablename__ = "stock_allotments"
    __table_args__ = (
        tenant_reference("register_id", "registers"),
        tenant_reference("product_id", "products"),
        tenant_reference("outlet_id", "outlets"),
        sa.Index("stock_allotments_product_id_idx", "tenant_id", "product_id"),
        sa.Index("stock_allotments_outlet_id_product_id_idx", "tenant_id", "outlet_id", "product_id"),
        sa.CheckConstraint("quantity >= 0", name="quantity"),
    )

    register_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    outlet_id: UUID
    quantity: Decimal = Field(sa_type=QUANTITY)


class StockTransfer(TenantDetail, table=True):
    """Goods on their way from one location to another. Its state only advances."""

    __tablename__ = "stock_transfers"
    __table_args__ = (
        tenant_reference("from_outlet_id", "outlets"),
        tenant_reference("to_outlet_id", "outlets"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.Index("stock_transfers_from_outlet_id_idx", "tenant_id", "from_outlet_id"),
        sa.Index("stock_transfers_to_outlet_id_idx", "tenant_id", "to_outlet_id"),
        sa.CheckConstraint("state IN ('requested', 'in_transit', 'closed', 'cancelled')", name="state"),
        sa.CheckConstraint("from_outlet_id <> to_outlet_id", name="outlets"),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=sa.BigInteger)
    from_outlet_id: UUID
    to_outlet_id: UUID
    state: str
    note: str
    requested_at: datetime = Field(sa_type=TIMESTAMP)
    requested_by_id: UUID | None = None
    requested_by: str
    shipped_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    shipped_by_id: UUID | None = None
    shipped_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    closed_by_id: UUID | None = None
    closed_by: str | None = None


class StockTransferLine(TenantDetail, table=True):
    """One product of a transfer. What is in transit is ``shipped`` less ``received``, ``damaged``, ``lost``, ``back``.

    ``over`` came beyond what was shipped: it left and arrived at that moment. ``unit_cost`` is what the goods were
    worth where they came from, in minor units.
    """

    __tablename__ = "stock_transfer_lines"
    __table_args__ = (
        tenant_reference("transfer_id", "stock_transfers"),
        tenant_reference("product_id", "products"),
        sa.UniqueConstraint("tenant_id", "transfer_id", "product_id"),
        sa.Index("stock_transfer_lines_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("requested >= 0", name="requested"),
        sa.CheckConstraint(
            "received >= 0 AND damaged >= 0 AND lost >= 0 AND back >= 0 AND over >= 0",
            name="parts",
        ),
        sa.CheckConstraint("shipped >= received + damaged + lost + back", name="in_transit"),
    )

    transfer_id: UUID = Field(primary_key=True)
    line_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    product_id: UUID
    requested: Decimal = Field(sa_type=QUANTITY)
    shipped: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    received: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    damaged: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    lost: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    back: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    over: Decimal = Field(default=Decimal(0), sa_type=QUANTITY, sa_column_kwargs=_NONE)
    unit_cost: Decimal | None = Field(default=None, sa_type=COST)


class StockCount(TenantDetail, table=True):
    """A stocktaking of a location, a category in it, or a list of products. Its state only advances."""

    __tablename__ = "stock_counts"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("category_id", "categories"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.Index("stock_counts_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.Index("stock_counts_category_id_idx", "tenant_id", "category_id"),
        sa.CheckConstraint("state IN ('open', 'approved', 'cancelled')", name="state"),
        sa.CheckConstraint("scope IN ('outlet', 'category', 'list')", name="scope"),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=sa.BigInteger)
    outlet_id: UUID
    category_id: UUID | None = None
    scope: str
    blind: bool
    state: str
    note: str
    opened_at: datetime = Field(sa_type=TIMESTAMP)
    opened_by_id: UUID | None = None
    opened_by: str
    closed_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    closed_by_id: UUID | None = None
    closed_by: str | None = None


class StockCountLine(TenantDetail, table=True):
    """One product of a count: the sum of its round's entries, and the level at the moment of the last of them.

    ``posted`` is the difference that approval moved.
    """

    __tablename__ = "stock_count_lines"
    __table_args__ = (
        tenant_reference("count_id", "stock_counts"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_count_lines_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint(
            "num_nonnulls(counted, expected, counted_at) IN (0, 3) AND coalesce(counted, 0) >= 0 AND round >= 1",
            name="counted",
        ),
    )

    count_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    round: int = Field(default=1, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "1"})
    counted: Decimal | None = Field(default=None, sa_type=QUANTITY)
    expected: Decimal | None = Field(default=None, sa_type=QUANTITY)
    counted_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    posted: Decimal | None = Field(default=None, sa_type=QUANTITY)


class StockCountEntry(TenantDetail, table=True):
    """What one person counted of one product in one go. Rows are only ever added."""

    __tablename__ = "stock_count_entries"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "count_id", "product_id"],
            ["stock_count_lines.tenant_id", "stock_count_lines.count_id", "stock_count_lines.product_id"],
        ),
        sa.Index("stock_count_entries_count_id_product_id_idx", "tenant_id", "count_id", "product_id"),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    count_id: UUID
    round: int = Field(sa_type=sa.BigInteger)
    quantity: Decimal = Field(sa_type=QUANTITY)
    counted_at: datetime = Field(sa_type=TIMESTAMP)
    counted_by_id: UUID | None = None
    counted_by: str
