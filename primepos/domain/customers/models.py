"""Customers, their groups, what they agreed to, and the words they are found by."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import (
    TIMESTAMP,
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    tenant_reference,
)


class Customer(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """One person or company that buys. ``number`` is what is typed at the till, unique within the tenant.

    E-mail and phone are stored sealed (``*_sealed``); ``*_hash`` is a keyed hash by which they are found. A record
    that was merged names its survivor, never another merged one. An erased one keeps id, dates and nothing else.
    ``request_hash`` tells a repeated creation from another one under the same id, and is keyed too.
    """

    __tablename__ = "customers"
    __table_args__ = (
        tenant_reference("merged_into", "customers"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.Index("customers_name_idx", "tenant_id", "name", "id"),
        sa.Index(
            "customers_email_hash_idx",
            "tenant_id",
            "email_hash",
            postgresql_where=sa.text("email_hash IS NOT NULL"),
        ),
        sa.Index(
            "customers_phone_hash_idx",
            "tenant_id",
            "phone_hash",
            postgresql_where=sa.text("phone_hash IS NOT NULL"),
        ),
        sa.Index(
            "customers_merged_into_idx",
            "tenant_id",
            "merged_into",
            postgresql_where=sa.text("merged_into IS NOT NULL"),
        ),
        sa.CheckConstraint("(number IS NULL) = (erased_at IS NOT NULL)", name="number"),
        sa.CheckConstraint("(email_sealed IS NULL) = (email_hash IS NULL)", name="email"),
        sa.CheckConstraint("(phone_sealed IS NULL) = (phone_hash IS NULL)", name="phone"),
        sa.CheckConstraint("merged_into <> id", name="merged"),
        sa.CheckConstraint("tax_exempt OR (exemption_number IS NULL AND exempt_until IS NULL)", name="exemption"),
        sa.CheckConstraint(
            "erased_at IS NULL OR (email_sealed IS NULL AND phone_sealed IS NULL AND company IS NULL"
            " AND address IS NULL AND tax_number IS NULL AND born_on IS NULL AND notes IS NULL"
            " AND exemption_number IS NULL AND request_hash IS NULL AND name = '')",
            name="erased",
        ),
    )

    number: str | None = None
    name: str
    company: str | None = None
    email_sealed: bytes | None = None
    email_hash: bytes | None = None
    phone_sealed: bytes | None = None
    phone_hash: bytes | None = None
    address: str | None = None
    tax_number: str | None = None
    born_on: date | None = None
    notes: str | None = None
    language: str | None = None
    price_list: str | None = None
    tax_exempt: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    exemption_number: str | None = None
    exempt_until: date | None = None
    version: int = Field(default=1, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "1"})
    merged_into: UUID | None = None
    erased_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    source: str | None = None
    request_hash: bytes | None = None


class CustomerCounter(TenantScoped, table=True):
    """The next number of a tenant's customers: above every plain number that was ever given."""

    __tablename__ = "customer_counters"
    __table_args__ = (sa.CheckConstraint("next_number >= 1", name="next_number"),)

    next_number: int = Field(sa_type=sa.BigInteger)


class CustomerGroup(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """A kind of customers that prices and promotions can be made for."""

    __tablename__ = "customer_groups"
    __table_args__ = (sa.UniqueConstraint("tenant_id", "code"),)

    code: str
    name: str


class CustomerGroupMember(TenantDetail, table=True):
    """A customer is in a group."""

    __tablename__ = "customer_group_members"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        tenant_reference("group_id", "customer_groups"),
        sa.Index("customer_group_members_group_id_idx", "tenant_id", "group_id", "customer_id"),
    )

    customer_id: UUID = Field(primary_key=True)
    group_id: UUID = Field(primary_key=True)


class CustomerWord(TenantDetail, table=True):
    """A word of a customer's name, company or number, without accents and capitals, to be found by its beginning."""

    __tablename__ = "customer_words"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        sa.Index("customer_words_customer_id_idx", "tenant_id", "customer_id", "word"),
    )

    word: str = Field(sa_type=sa.Text(collation="C"), primary_key=True)
    customer_id: UUID = Field(primary_key=True)


class CustomerConsent(TenantDetail, table=True):
    """What a customer agreed to, or no longer does: the latest row of a purpose counts. Rows are only ever added.

    ``how`` is one of a list, so that nothing here tells who the customer was once they are erased.
    """

    __tablename__ = "customer_consents"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        sa.Index("customer_consents_customer_id_idx", "tenant_id", "customer_id", "purpose", "id"),
        sa.CheckConstraint("purpose IN ('email', 'phone', 'sms', 'post', 'profiling')", name="purpose"),
        sa.CheckConstraint("how IN ('in_person', 'paper', 'phone', 'email', 'web', 'import')", name="how"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    customer_id: UUID
    purpose: str
    given: bool
    how: str
    at: datetime = Field(sa_type=TIMESTAMP)
    actor_id: UUID | None = None
    actor_name: str
