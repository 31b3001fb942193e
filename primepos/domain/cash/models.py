"""Shifts."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, TenantDetail, tenant_reference


class Shift(Identified, TenantDetail, table=True):
    """One turn at a register, from counted float to counted drawer. Amounts are minor units.

    ``expected`` is the counted opening plus what cash came and went in this shift, never anything carried from
    the shift before. At most one shift of a register is open: a partial unique index says so.
    """

    __tablename__ = "shifts"
    __table_args__ = (
        tenant_reference("register_id", "registers"),
        sa.Index(
            "shifts_one_open_idx",
            "tenant_id",
            "register_id",
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("shifts_register_id_idx", "tenant_id", "register_id", "opened_at"),
        sa.UniqueConstraint("tenant_id", "register_id", "z_number"),
        sa.CheckConstraint("opening_float >= 0", name="opening_float"),
        sa.CheckConstraint("counted IS NULL OR counted >= 0", name="counted"),
        sa.CheckConstraint(
            "closed_at IS NULL OR (z_number IS NOT NULL AND expected IS NOT NULL AND difference IS NOT NULL)",
            name="closed",
        ),
    )

    register_id: UUID
    business_date: date
    opened_at: datetime = Field(sa_type=TIMESTAMP)
    opened_by_id: UUID | None = None
    opened_by: str
    opening_float: int = Field(sa_type=sa.BigInteger)
    closed_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    closed_by_id: UUID | None = None
    closed_by: str | None = None
    expected: int | None = Field(default=None, sa_type=sa.BigInteger)
    counted: int | None = Field(default=None, sa_type=sa.BigInteger)
    difference: int | None = Field(default=None, sa_type=sa.BigInteger)
    z_number: int | None = None
