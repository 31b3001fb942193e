"""What the operator of an installation and its tenants agree on: plans, support access, leaving and arriving."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Archivable, Identified, Table, TenantScoped, Timestamped

_NOW = {"server_default": sa.func.now()}


class Plan(Archivable, Timestamped, Table, table=True):
    """A plan of this installation. A limit that is None is without bound; ``features`` are those switched off."""

    __tablename__ = "plans"
    __table_args__ = (
        sa.CheckConstraint(
            "outlets >= 0 AND registers >= 0 AND users >= 0 AND products >= 0 AND sales_a_month >= 0", name="limits"
        ),
    )

    code: str = Field(primary_key=True)
    name: str
    outlets: int | None = Field(default=None, sa_type=sa.BigInteger)
    registers: int | None = Field(default=None, sa_type=sa.BigInteger)
    users: int | None = Field(default=None, sa_type=sa.BigInteger)
    products: int | None = Field(default=None, sa_type=sa.BigInteger)
    sales_a_month: int | None = Field(default=None, sa_type=sa.BigInteger)
    features: list[str] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))
    )


class TenantPlan(TenantScoped, table=True):
    """Which plan a tenant has from a day on, until the day of the next row."""

    __tablename__ = "tenant_plans"
    __table_args__ = (sa.Index("tenant_plans_plan_idx", "plan"),)

    starts_on: date = Field(primary_key=True)
    plan: str = Field(foreign_key="plans.code")
    set_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs=_NOW)
    set_by: str


class SupportGrant(Identified, TenantScoped, table=True):
    """An owner's leave for one administrator of the installation to look into the tenant, or act in it, for hours."""

    __tablename__ = "support_grants"
    __table_args__ = (
        sa.Index("support_grants_user_id_idx", "user_id"),
        sa.CheckConstraint("mode IN ('read', 'act')", name="mode"),
        sa.CheckConstraint("expires_at > granted_at", name="expires_at"),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
    )

    user_id: UUID = Field(foreign_key="users.id")
    mode: str
    reason: str
    granted_at: datetime = Field(sa_type=TIMESTAMP)
    granted_by_id: UUID | None = None
    granted_by: str
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    withdrawn_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    withdrawn_by: str | None = None


class TenantErasure(Identified, TenantScoped, table=True):
    """An erasure that two sides want: of personal data, or of everything. Agreed to, it waits until ``due_at``."""

    __tablename__ = "tenant_erasures"
    __table_args__ = (
        sa.CheckConstraint("scope IN ('personal', 'everything')", name="scope"),
        sa.CheckConstraint("asked_by_side IN ('tenant', 'installation')", name="side"),
        sa.CheckConstraint("due_at > asked_at AND (due_at IS NULL) = (agreed_by IS NULL)", name="due_at"),
        sa.CheckConstraint("(cancelled_at IS NULL) = (cancelled_by IS NULL)", name="cancelled"),
    )

    scope: str
    reason: str
    asked_at: datetime = Field(sa_type=TIMESTAMP)
    asked_by_id: UUID | None = None
    asked_by: str
    asked_by_side: str
    agreed_by_id: UUID | None = None
    agreed_by: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    cancelled_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    cancelled_by: str | None = None
    done_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)


class TenantTombstone(Identified, Table, table=True):
    """That a tenant was here: the SHA-256 of its short name, and when all of it was erased."""

    __tablename__ = "tenant_tombstones"
    __table_args__ = (sa.CheckConstraint("rows >= 0", name="rows"),)

    slug_hash: bytes
    erased_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs=_NOW)
    rows: int = Field(sa_type=sa.BigInteger)


class TenantArrival(TenantScoped, table=True):
    """One part of a tenant that is moving in, taken over once; the rows go when the move is done."""

    __tablename__ = "tenant_arrivals"
    __table_args__ = (sa.CheckConstraint("part_no >= 1 AND rows >= 0", name="part_no"),)

    part_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    table_name: str
    rows: int = Field(sa_type=sa.BigInteger)
    digest: bytes
    arrived_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs=_NOW)
