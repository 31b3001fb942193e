"""Stock: what is there, and every movement that made it so."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import QUANTITY, TIMESTAMP, TenantDetail, tenant_reference


class StockLevel(TenantDetail, table=True):
    """How much of a product an outlet has: always the sum of its movements."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_levels_product_id_idx", "tenant_id", "product_id"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    outlet_id: UUID = Field(primary_key=True)
    product_id: UUID = Field(primary_key=True)
    quantity: Decimal = Field(sa_type=QUANTITY)


class StockMovement(TenantDetail, table=True):
    """One change of a level, signed. Rows are only ever added; the sign belongs to the kind.

    A movement of a sale names the sale and its line, so the same cause can never be booked twice.
    """

    __tablename__ = "stock_movements"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("product_id", "products"),
        sa.Index("stock_movements_product_id_idx", "tenant_id", "product_id", "outlet_id", "at"),
        sa.Index("stock_movements_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.Index(
            "stock_movements_cause_idx",
            "tenant_id",
            "sale_id",
            "line_no",
            unique=True,
            postgresql_where=sa.text("sale_id IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'sale' THEN true WHEN 'void' THEN true WHEN 'refund' THEN quantity > 0"
            " WHEN 'receive' THEN quantity > 0 WHEN 'adjust' THEN quantity <> 0 WHEN 'opening' THEN true"
            " ELSE false END",
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


class StockDocument(TenantDetail, table=True):
    """One act on stock under the caller's own id, so that a call repeated after a lost answer moves nothing twice."""

    __tablename__ = "stock_documents"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.Index("stock_documents_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.CheckConstraint("kind IN ('adjust', 'receive', 'opening')", name="kind"),
    )

    id: UUID = Field(primary_key=True)
    outlet_id: UUID
    kind: str
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    request_hash: bytes
    answer: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
