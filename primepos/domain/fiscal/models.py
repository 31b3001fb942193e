"""Closings: running totals over a series of receipts, chained like the receipts themselves."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, TenantDetail, tenant_reference


class FiscalClosing(TenantDetail, table=True):
    """The closing of a day, month or year of one register's series. Never changed; amounts in minor units.

    It covers the numbers ``from_number`` to ``to_number``, which follow those of the closing before: what comes late
    with an earlier date is in the next one, never between two. ``taxes`` holds ``[code, rate, base, amount]``.
    ``grand_total`` is over every closing so far, ``grand_sold`` what was sold before voids and refunds took off.
    """

    __tablename__ = "fiscal_closings"
    __table_args__ = (
        tenant_reference("register_id", "registers"),
        sa.CheckConstraint("period IN ('day', 'month', 'year')", name="period"),
        sa.CheckConstraint("closing_no >= 1 AND from_number >= 1 AND to_number >= from_number", name="numbers"),
        sa.CheckConstraint("total = base + tax + rounding + value", name="total"),
    )

    register_id: UUID = Field(primary_key=True)
    epoch: int = Field(sa_type=sa.BigInteger, primary_key=True)
    period: str = Field(primary_key=True)
    closing_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    until: date
    from_number: int = Field(sa_type=sa.BigInteger)
    to_number: int = Field(sa_type=sa.BigInteger)
    sales: int = Field(sa_type=sa.BigInteger)
    voids: int = Field(sa_type=sa.BigInteger)
    refunds: int = Field(sa_type=sa.BigInteger)
    base: int = Field(sa_type=sa.BigInteger)
    tax: int = Field(sa_type=sa.BigInteger)
    rounding: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    sold: int = Field(sa_type=sa.BigInteger)
    grand_total: int = Field(sa_type=sa.BigInteger)
    grand_sold: int = Field(sa_type=sa.BigInteger)
    taxes: list[Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    last_hash: bytes
    prev_hash: bytes
    hash: bytes
    closed_at: datetime = Field(sa_type=TIMESTAMP)
    closed_by_id: UUID | None = None
    closed_by: str
    value: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("0")})
