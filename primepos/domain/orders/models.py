"""Tickets that are not sold yet, and what was taken off tickets before they were paid."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import QUANTITY, TIMESTAMP, TenantDetail, TenantScoped, tenant_reference


class Order(TenantDetail, table=True):
    """A ticket put aside. ``content`` is what it sells, ``total`` what that came to when it was last changed.

    ``owner_register_id`` is the register that has it; another one takes it over first. ``version`` grows with each
    change, so nobody changes what somebody else has changed meanwhile. ``deposit`` is what the customer has paid on it
    and not used yet, in minor units; it is zero once the order is sold or cancelled.
    """

    __tablename__ = "orders"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("owner_register_id", "registers"),
        tenant_reference("customer_id", "customers"),
        sa.Index("orders_number_idx", "tenant_id", "number", unique=True),
        sa.Index("orders_open_idx", "tenant_id", "outlet_id", "id", postgresql_where=sa.text("state = 'open'")),
        sa.Index(
            "orders_owner_register_id_idx",
            "tenant_id",
            "owner_register_id",
            postgresql_where=sa.text("owner_register_id IS NOT NULL"),
        ),
        sa.Index(
            "orders_customer_id_idx", "tenant_id", "customer_id", postgresql_where=sa.text("customer_id IS NOT NULL")
        ),
        sa.CheckConstraint("kind IN ('held', 'quote', 'layaway')", name="kind"),
        sa.CheckConstraint("state IN ('open', 'sold', 'cancelled')", name="state"),
        sa.CheckConstraint("(state = 'sold') = (sale_id IS NOT NULL)", name="sold"),
        sa.CheckConstraint("deposit >= 0 AND (deposit = 0 OR state = 'open')", name="deposit"),
        sa.CheckConstraint("number >= 1", name="number"),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_type=sa.BigInteger)
    kind: str
    state: str = Field(default="open", sa_column_kwargs={"server_default": "open"})
    version: int = Field(default=1, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("1")})
    outlet_id: UUID
    owner_register_id: UUID | None = None
    customer_id: UUID | None = None
    label: str = Field(default="", sa_column_kwargs={"server_default": ""})
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    content: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    currency: str
    total: int = Field(sa_type=sa.BigInteger)
    deposit: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("0")})
    valid_until: date | None = None
    sale_id: UUID | None = None
    reason: str | None = None
    request_hash: bytes
    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    created_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    changed_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    changed_by: str = Field(default="", sa_column_kwargs={"server_default": ""})


class OrderCounter(TenantScoped, table=True):
    """The next number of a tenant's orders, drawn in one statement."""

    __tablename__ = "order_counters"

    next_number: int = Field(default=1, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.text("1")})


class RemovedLine(TenantDetail, table=True):
    """Something that was on a ticket and was taken off or made less before payment. Rows are only ever added."""

    __tablename__ = "removed_lines"
    __table_args__ = (
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("register_id", "registers"),
        sa.Index("removed_lines_at_idx", "tenant_id", "at", "id"),
        sa.Index("removed_lines_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.Index(
            "removed_lines_register_id_idx",
            "tenant_id",
            "register_id",
            postgresql_where=sa.text("register_id IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "act IN ('line_removed', 'quantity_reduced', 'price_reduced', 'discount_given', 'payment_taken_back',"
            " 'ticket_given_up')",
            name="act",
        ),
    )

    id: UUID = Field(primary_key=True)
    outlet_id: UUID
    register_id: UUID | None = None
    ticket_id: UUID
    at: datetime = Field(sa_type=TIMESTAMP)
    received_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    approver: str = Field(default="", sa_column_kwargs={"server_default": ""})
    act: str
    sku: str = Field(default="", sa_column_kwargs={"server_default": ""})
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    quantity: Decimal | None = Field(default=None, sa_type=QUANTITY)
    amount: int | None = Field(default=None, sa_type=sa.BigInteger)
