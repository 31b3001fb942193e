"""Accounts of value, the entries that make their balances, what is authorised, what a register may take offline."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, TenantDetail, tenant_reference
from primepos.domain.customers.standing import register_hold

_KINDS = "kind IN ('gift_card', 'store_credit', 'account', 'points')"


class ValueAccount(TenantDetail, table=True):
    """What the shop owes one holder, in minor units, or in points: always the sum of its entries.

    Below zero the holder owes the shop; ``floor`` is how far that may go (a credit limit, as a negative figure).
    ``held`` is authorised and not yet captured. A gift card is known by the hash of its code only.
    """

    __tablename__ = "value_accounts"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        sa.Index(
            "value_accounts_code_idx",
            "tenant_id",
            "code_hash",
            unique=True,
            postgresql_where=sa.text("code_hash IS NOT NULL"),
        ),
        sa.Index(
            "value_accounts_holder_idx",
            "tenant_id",
            "customer_id",
            "kind",
            unique=True,
            postgresql_where=sa.text("kind <> 'gift_card'"),
        ),
        sa.Index("value_accounts_customer_id_idx", "tenant_id", "customer_id"),
        sa.Index("value_accounts_kind_idx", "tenant_id", "kind", "id"),
        sa.CheckConstraint(_KINDS, name="kind"),
        sa.CheckConstraint("state IN ('active', 'blocked', 'closed')", name="state"),
        sa.CheckConstraint("held >= 0", name="held"),
        sa.CheckConstraint("floor <= 0 AND (floor = 0 OR kind = 'account')", name="floor"),
        sa.CheckConstraint(
            "(kind = 'gift_card') = (code_hash IS NOT NULL) AND (kind = 'gift_card' OR customer_id IS NOT NULL)",
            name="holder",
        ),
        sa.CheckConstraint("(kind = 'points') = (currency IS NULL)", name="currency"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    customer_id: UUID | None = None
    code_hash: bytes | None = None
    code_tail: str = Field(default="", sa_column_kwargs={"server_default": ""})
    currency: str | None = None
    balance: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    held: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    floor: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    entries: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    state: str = Field(default="active", sa_column_kwargs={"server_default": "active"})
    expires_on: date | None = None
    opened_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    opened_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    request_hash: bytes | None = None


class ValueEntry(TenantDetail, table=True):
    """One change of a balance, signed, with the balance after it. Rows are only ever added, numbered by account.

    ``worth`` is what points stood for in minor units when they paid; ``by_line`` which line of the sale earned how
    many points. ``of_sale_id`` is the sale that is paid or undone. ``is_forced``: it happened, whatever was there.
    """

    __tablename__ = "value_entries"
    __table_args__ = (
        tenant_reference("account_id", "value_accounts"),
        sa.Index(
            "value_entries_cause_idx",
            "tenant_id",
            "sale_id",
            "account_id",
            "line_no",
            "payment_seq",
            unique=True,
            postgresql_where=sa.text("sale_id IS NOT NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        sa.Index(
            "value_entries_of_sale_id_idx",
            "tenant_id",
            "of_sale_id",
            postgresql_where=sa.text("of_sale_id IS NOT NULL"),
        ),
        sa.Index(
            "value_entries_act_idx", "tenant_id", "act_id", unique=True, postgresql_where=sa.text("act_id IS NOT NULL")
        ),
        sa.CheckConstraint(
            "cause IN ('issue', 'sale', 'refund', 'void', 'payment', 'adjust', 'expire', 'merge')", name="cause"
        ),
        sa.CheckConstraint("(cause IN ('sale', 'refund', 'void', 'payment')) = (sale_id IS NOT NULL)", name="sale"),
        sa.CheckConstraint("amount <> 0", name="amount"),
        sa.CheckConstraint("entry_no >= 1", name="entry_no"),
    )

    account_id: UUID = Field(primary_key=True)
    entry_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    at: datetime = Field(sa_type=TIMESTAMP)
    business_date: date
    cause: str
    amount: int = Field(sa_type=sa.BigInteger)
    balance: int = Field(sa_type=sa.BigInteger)
    worth: int | None = Field(default=None, sa_type=sa.BigInteger)
    sale_id: UUID | None = None
    line_no: int | None = Field(default=None, sa_type=sa.BigInteger)
    payment_seq: int | None = Field(default=None, sa_type=sa.BigInteger)
    of_sale_id: UUID | None = None
    authorisation_id: UUID | None = None
    by_line: list[Any] | None = Field(default=None, sa_column=sa.Column(JSONB))
    is_forced: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    act_id: UUID | None = None
    request_hash: bytes | None = None
    reason: str | None = None
    actor_id: UUID | None = None
    actor: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Authorisation(TenantDetail, table=True):
    """So much of something is kept for one sale until it is booked, released or its time is over.

    ``subject`` is ``value`` (an account), ``coupon`` (one use) or ``stock`` (thousandths of a product's unit).
    """

    __tablename__ = "authorisations"
    __table_args__ = (
        tenant_reference("account_id", "value_accounts"),
        tenant_reference("register_id", "registers"),
        sa.Index(
            "authorisations_account_id_idx", "tenant_id", "account_id", postgresql_where=sa.text("state = 'held'")
        ),
        sa.Index(
            "authorisations_subject_id_idx", "tenant_id", "subject_id", postgresql_where=sa.text("state = 'held'")
        ),
        sa.Index(
            "authorisations_expires_at_idx", "tenant_id", "expires_at", postgresql_where=sa.text("state = 'held'")
        ),
        sa.Index("authorisations_register_id_idx", "tenant_id", "register_id"),
        sa.CheckConstraint(
            "subject IN ('value', 'coupon', 'stock') AND (subject = 'value') = (account_id IS NOT NULL)",
            name="subject",
        ),
        sa.CheckConstraint(
            "state IN ('held', 'captured', 'released', 'expired') AND (state = 'held') = (settled_at IS NULL)"
            " AND (state = 'captured') = (captured IS NOT NULL)",
            name="state",
        ),
        sa.CheckConstraint("amount > 0", name="amount"),
    )

    id: UUID = Field(primary_key=True)
    subject: str
    subject_id: UUID
    account_id: UUID | None = None
    amount: int = Field(sa_type=sa.BigInteger)
    worth: int | None = Field(default=None, sa_type=sa.BigInteger)
    captured: int | None = Field(default=None, sa_type=sa.BigInteger)
    register_id: UUID | None = None
    sale_id: UUID | None = None
    state: str = Field(default="held", sa_column_kwargs={"server_default": "held"})
    made_at: datetime = Field(sa_type=TIMESTAMP)
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    settled_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    request_hash: bytes
    actor: str = Field(default="", sa_column_kwargs={"server_default": ""})


class ValueAllotment(TenantDetail, table=True):
    """How much of one kind of value a register may take while the server is away, and how much of it is taken."""

    __tablename__ = "value_allotments"
    __table_args__ = (
        tenant_reference("register_id", "registers"),
        sa.CheckConstraint(_KINDS, name="kind"),
        sa.CheckConstraint("amount >= 0 AND used >= 0", name="amount"),
    )

    register_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    id: UUID
    amount: int = Field(sa_type=sa.BigInteger)
    used: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    made_at: datetime = Field(sa_type=TIMESTAMP)
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    made_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


# Points lapse with the person; money that is owed either way does not.
register_hold(
    "an account or store credit is not settled",
    "SELECT FROM value_accounts v WHERE v.tenant_id = %(tenant)s AND v.customer_id = ANY(%(ids)s)"
    " AND v.kind IN ('account', 'store_credit') AND v.balance <> 0",
)
