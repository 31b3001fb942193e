"""People at the till."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from primepos.core.models import (
    RATE,
    TIMESTAMP,
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    tenant_reference,
)


class StaffMember(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """One person who signs in at a register by code and PIN. ``outlet_ids`` NULL means every outlet.

    Five wrong PINs lock the PIN until a manager resets it.
    """

    __tablename__ = "staff"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("pin_failures >= 0", name="pin_failures"),
    )

    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None = Field(default=None, sa_column=sa.Column(ARRAY(PG_UUID(as_uuid=True))))
    pin_hash: str | None = None
    pin_failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    pin_locked_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    user_id: UUID | None = Field(default=None, foreign_key="users.id")


class StaffBadge(TenantDetail, table=True):
    """The badge of one person, known by a keyed hash of what it says. A new one takes the place of the old."""

    __tablename__ = "staff_badges"
    __table_args__ = (tenant_reference("staff_id", "staff"), sa.UniqueConstraint("tenant_id", "badge_hash"))

    staff_id: UUID = Field(primary_key=True)
    badge_hash: str
    given_at: datetime = Field(sa_type=TIMESTAMP)


class StoredApproval(Identified, TenantScoped, table=True):
    """One consent: asked, then granted or refused by another person, then used once. Who is named stays named.

    ``acts`` are the acts it is for, with their amounts; ``register_id`` is where it may be used. It holds until
    ``expires_at``, as a question and again as an answer. ``used_for`` is the hash of the call that used it.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        tenant_reference("register_id", "registers"),
        sa.Index("approvals_asked_at_idx", "tenant_id", "asked_at"),
        sa.CheckConstraint("jsonb_typeof(acts) = 'array'", name="acts"),
        sa.CheckConstraint("state IN ('asked', 'granted', 'refused', 'used')", name="state"),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)", name="decided"
        ),
        sa.CheckConstraint(
            "(state = 'used') = (used_at IS NOT NULL) AND (used_at IS NULL) = (used_for IS NULL)", name="used"
        ),
        sa.CheckConstraint("state IN ('asked', 'refused') OR decided_by_id IS DISTINCT FROM asked_by_id", name="other"),
    )

    operation: str
    acts: list[Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    note: str | None = None
    state: str
    register_id: UUID | None = None
    asked_at: datetime = Field(sa_type=TIMESTAMP)
    asked_by_id: UUID | None = None
    asked_by_account_id: UUID | None = None
    asked_by: str
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    decided_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    decided_by_id: UUID | None = None
    decided_by: str | None = None
    decided_role: str | None = None
    used_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    used_for: bytes | None = None


class ClockEntry(Identified, TenantDetail, table=True):
    """One stretch of work as it was clocked; its times are never changed, a correction stands beside them.

    An ``added`` one was not clocked at all: somebody who may wrote it down later, and why is in its correction.
    Nobody has two that are open.
    """

    __tablename__ = "clock_entries"
    __table_args__ = (
        tenant_reference("staff_id", "staff"),
        tenant_reference("in_register_id", "registers"),
        tenant_reference("out_register_id", "registers"),
        sa.Index("clock_entries_open_idx", "tenant_id", "staff_id", unique=True, postgresql_where=sa.text("is_open")),
        sa.Index("clock_entries_in_at_idx", "tenant_id", "in_at"),
        sa.CheckConstraint("kind IN ('clocked', 'added')", name="kind"),
        sa.CheckConstraint("out_at >= in_at", name="times"),
        sa.CheckConstraint("NOT is_open OR (out_at IS NULL AND kind = 'clocked')", name="open"),
    )

    staff_id: UUID
    kind: str
    is_open: bool
    in_at: datetime = Field(sa_type=TIMESTAMP)
    in_register_id: UUID | None = None
    out_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    out_register_id: UUID | None = None


class ClockCorrection(TenantDetail, table=True):
    """What a stretch of work was in truth, who says so and why. The last one counts; without times it never was."""

    __tablename__ = "clock_corrections"
    __table_args__ = (
        tenant_reference("entry_id", "clock_entries"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.CheckConstraint("nth >= 1", name="nth"),
        sa.CheckConstraint("(in_at IS NULL) = (out_at IS NULL) AND out_at >= in_at", name="times"),
    )

    entry_id: UUID = Field(primary_key=True)
    nth: int = Field(sa_type=sa.BigInteger, primary_key=True)
    id: UUID
    in_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    out_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    reason: str
    corrected_at: datetime = Field(sa_type=TIMESTAMP)
    corrected_by_id: UUID | None = None
    corrected_by: str


class CommissionRate(TenantDetail, table=True):
    """What a person gets of their sales from a day on, in percent of the base. Of one day the last one set counts."""

    __tablename__ = "commission_rates"
    __table_args__ = (
        tenant_reference("staff_id", "staff"),
        sa.CheckConstraint("nth >= 1", name="nth"),
        sa.CheckConstraint("percent >= 0 AND percent <= 100", name="percent"),
    )

    staff_id: UUID = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    nth: int = Field(sa_type=sa.BigInteger, primary_key=True)
    percent: Decimal = Field(sa_type=RATE)
    set_at: datetime = Field(sa_type=TIMESTAMP)
    set_by_id: UUID | None = None
    set_by: str
