"""Shifts, what moves cash in and out of their drawers, and the safe that it goes to. Amounts are minor units."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, TenantDetail, TenantScoped, json_column, tenant_reference


class Shift(Identified, TenantDetail, table=True):
    """One turn at a register, from counted float to counted drawer. Amounts are minor units.

    ``expected`` is the counted opening plus what cash came and went in this shift, never anything carried from
    the shift before. At most one shift of a register is open: a partial unique index says so. *Ended* is no more
    sales, *closed* is counted; ``rules`` are the tenant's at the opening, ``taken_out`` went to the safe at the end.
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
    ended_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    ended_by_id: UUID | None = None
    ended_by: str | None = None
    expected_float: int | None = Field(default=None, sa_type=sa.BigInteger)
    opening_reason: str | None = None
    taken_out: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    reason: str | None = None
    approved_by_id: UUID | None = None
    approved_by: str | None = None
    forced: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    rules: dict[str, Any] = json_column()


class CashMovement(Identified, TenantDetail, table=True):
    """Cash that came into a drawer or left it outside a sale, or a drawer that was opened for no sale. Append-only.

    ``amount`` has the drawer's sign: paid in and loans from the safe above zero, paid out, drops to the safe and
    pickups below, no-sale zero. ``late``: it came in after the shift was closed and is on the supplement to its Z.
    """

    __tablename__ = "cash_movements"
    __table_args__ = (
        tenant_reference("shift_id", "shifts"),
        sa.Index("cash_movements_shift_id_idx", "tenant_id", "shift_id", "moved_at", "id"),
        sa.CheckConstraint(
            "CASE kind WHEN 'paid_in' THEN amount > 0 WHEN 'loan' THEN amount > 0 WHEN 'paid_out' THEN amount < 0"
            " WHEN 'drop' THEN amount < 0 WHEN 'pickup' THEN amount < 0 WHEN 'no_sale' THEN amount = 0 ELSE false END",
            name="amount",
        ),
    )

    shift_id: UUID
    kind: str
    currency: str
    amount: int = Field(sa_type=sa.BigInteger)
    reason: str
    reference: str = Field(default="", sa_column_kwargs={"server_default": ""})
    moved_at: datetime = Field(sa_type=TIMESTAMP)
    recorded_at: datetime = Field(default=None, sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    actor_id: UUID | None = None
    actor: str
    approved_by_id: UUID | None = None
    approved_by: str | None = None
    late: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class CashCount(Identified, TenantDetail, table=True):
    """One count of a drawer's cash in one currency: at the opening, in between, or towards the closing. Append-only.

    ``denominations`` is ``{"value in minor units": pieces}`` where coins and notes were counted one by one.
    """

    __tablename__ = "cash_counts"
    __table_args__ = (
        tenant_reference("shift_id", "shifts"),
        sa.Index("cash_counts_shift_id_idx", "tenant_id", "shift_id", "counted_at"),
        sa.CheckConstraint("kind IN ('opening', 'spot', 'closing')", name="kind"),
        sa.CheckConstraint("counted >= 0", name="counted"),
    )

    shift_id: UUID
    kind: str
    currency: str
    counted: int = Field(sa_type=sa.BigInteger)
    expected: int | None = Field(default=None, sa_type=sa.BigInteger)
    denominations: dict[str, int] | None = Field(default=None, sa_type=JSONB)
    counted_at: datetime = Field(sa_type=TIMESTAMP)
    actor_id: UUID | None = None
    actor: str


class CashVariance(Identified, TenantDetail, table=True):
    """A difference booked as over (above zero) or short, by shift, kind and tender. Append-only."""

    __tablename__ = "cash_variances"
    __table_args__ = (
        tenant_reference("shift_id", "shifts"),
        sa.Index(
            "cash_variances_once_idx",
            "tenant_id",
            "shift_id",
            "kind",
            "tender",
            "currency",
            unique=True,
            postgresql_where=sa.text("kind <> 'adjustment'"),
        ),
        sa.Index("cash_variances_business_date_idx", "tenant_id", "business_date", "id"),
        sa.CheckConstraint("kind IN ('opening', 'closing', 'adjustment')", name="kind"),
        sa.CheckConstraint("amount <> 0", name="amount"),
    )

    shift_id: UUID
    kind: str
    tender: str
    currency: str
    amount: int = Field(sa_type=sa.BigInteger)
    reason: str
    business_date: date
    booked_at: datetime = Field(sa_type=TIMESTAMP)
    actor_id: UUID | None = None
    actor: str
    approved_by_id: UUID | None = None
    approved_by: str | None = None


class CashAdjustment(Identified, TenantDetail, table=True):
    """Another count for a closed shift, proposed by one person and confirmed or refused by another.

    ``confirmed`` is NULL while it waits; at most one waits for each shift and currency.
    """

    __tablename__ = "cash_adjustments"
    __table_args__ = (
        tenant_reference("shift_id", "shifts"),
        sa.Index(
            "cash_adjustments_one_open_idx",
            "tenant_id",
            "shift_id",
            "currency",
            unique=True,
            postgresql_where=sa.text("confirmed IS NULL"),
        ),
        sa.Index("cash_adjustments_shift_id_idx", "tenant_id", "shift_id", "proposed_at"),
        sa.CheckConstraint("counted_after >= 0 AND counted_after <> counted_before", name="counted"),
        sa.CheckConstraint(
            "(confirmed IS NULL) = (decided_at IS NULL) AND (confirmed IS NULL) = (decided_by IS NULL)"
            " AND (decided_by_id IS NULL OR decided_by_id IS DISTINCT FROM proposed_by_id)",
            name="decided",
        ),
    )

    shift_id: UUID
    currency: str
    counted_before: int = Field(sa_type=sa.BigInteger)
    counted_after: int = Field(sa_type=sa.BigInteger)
    reason: str
    proposed_at: datetime = Field(sa_type=TIMESTAMP)
    proposed_by_id: UUID | None = None
    proposed_by: str
    confirmed: bool | None = None
    decided_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    decided_by_id: UUID | None = None
    decided_by: str | None = None


class ShiftPerson(TenantDetail, table=True):
    """Somebody who signed in while a shift was open, and when first."""

    __tablename__ = "shift_people"
    __table_args__ = (tenant_reference("shift_id", "shifts"),)

    shift_id: UUID = Field(primary_key=True)
    actor_id: UUID = Field(primary_key=True)
    name: str
    joined_at: datetime = Field(sa_type=TIMESTAMP)


class ShiftReport(TenantDetail, table=True):
    """The Z report of a shift as it was at the closing: numbered, final, printed again from here. Append-only."""

    __tablename__ = "shift_reports"
    __table_args__ = (
        tenant_reference("shift_id", "shifts"),
        sa.UniqueConstraint("tenant_id", "register_id", "z_number"),
    )

    shift_id: UUID = Field(primary_key=True)
    register_id: UUID
    z_number: int = Field(sa_type=sa.BigInteger)
    made_at: datetime = Field(sa_type=TIMESTAMP)
    figures: dict[str, Any] = Field(sa_type=JSONB)


class Safe(TenantDetail, table=True):
    """What an outlet's safe holds of one currency: the sum of its entries, never below zero."""

    __tablename__ = "safes"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        sa.CheckConstraint("balance >= 0", name="balance"),
        sa.CheckConstraint("entries >= 0", name="entries"),
    )

    outlet_id: UUID = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    balance: int = Field(sa_type=sa.BigInteger)
    entries: int = Field(sa_type=sa.BigInteger)


class SafeEntry(Identified, TenantDetail, table=True):
    """One movement of a safe, numbered without a gap, with the balance it left. Append-only.

    Drops and what a closing took out come in; loans to drawers and deposits at the bank go out; a count corrects.
    """

    __tablename__ = "safe_entries"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "outlet_id", "currency"], ["safes.tenant_id", "safes.outlet_id", "safes.currency"]
        ),
        sa.UniqueConstraint("tenant_id", "outlet_id", "currency", "entry_no"),
        sa.CheckConstraint(
            "CASE kind WHEN 'drop' THEN amount > 0 WHEN 'closing' THEN amount > 0 WHEN 'loan' THEN amount < 0"
            " WHEN 'deposit' THEN amount < 0 WHEN 'count' THEN true ELSE false END",
            name="amount",
        ),
        sa.CheckConstraint("balance >= 0", name="balance"),
    )

    outlet_id: UUID
    currency: str
    entry_no: int = Field(sa_type=sa.BigInteger)
    kind: str
    amount: int = Field(sa_type=sa.BigInteger)
    balance: int = Field(sa_type=sa.BigInteger)
    shift_id: UUID | None = None
    reason: str
    reference: str = Field(default="", sa_column_kwargs={"server_default": ""})
    moved_at: datetime = Field(sa_type=TIMESTAMP)
    actor_id: UUID | None = None
    actor: str
    approved_by_id: UUID | None = None
    approved_by: str | None = None


class Denomination(TenantScoped, table=True):
    """One coin or note that a tenant counts, by its value in minor units; without rows, the common ones of a currency.

    A tenant that sets a currency's denominations has rows for all of them.
    """

    __tablename__ = "denominations"
    __table_args__ = (
        sa.CheckConstraint("value > 0", name="value"),
        sa.CheckConstraint("kind IN ('coin', 'note')", name="kind"),
    )

    currency: str = Field(primary_key=True)
    value: int = Field(sa_type=sa.BigInteger, primary_key=True)
    kind: str
