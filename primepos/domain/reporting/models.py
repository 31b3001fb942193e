"""Summaries of closed days, so a year's report need not read a year's lines."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import QUANTITY, TenantDetail, tenant_reference


class DaySummary(TenantDetail, table=True):
    """What one outlet sold on one business day: made by a job, gone as soon as a sale is added to the day.

    ``sales`` and ``lines`` count sales and imported ones, ``voids`` and ``refunds`` their counter-records; amounts are
    the sums over all of them, in minor units. ``cash`` is less change; ``tenders`` holds what was paid in other
    ways, by kind.
    """

    __tablename__ = "day_summaries"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.Index("day_summaries_business_date_idx", "tenant_id", "business_date"),
    )

    outlet_id: UUID = Field(primary_key=True)
    business_date: date = Field(primary_key=True)
    sales: int
    voids: int
    refunds: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("0")})
    lines: int
    base: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    rounding: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    cash: int = Field(sa_type=sa.BigInteger)
    card: int = Field(sa_type=sa.BigInteger)
    value: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("0")})
    tenders: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSONB))


class ProductDaySummary(TenantDetail, table=True):
    """What one outlet sold of one SKU on one business day. Amounts in minor units.

    Stands only beside the :class:`DaySummary` of its day: what is left of a day without one counts for nothing.
    """

    __tablename__ = "product_day_summaries"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.Index("product_day_summaries_business_date_idx", "tenant_id", "business_date"),
    )

    outlet_id: UUID = Field(primary_key=True)
    business_date: date = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    name: str
    quantity: Decimal = Field(sa_type=QUANTITY)
    base: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
