"""The trail: one row for every act done or refused. Rows are only ever added."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Table, TenantScoped


class AuditEvent(TenantScoped, table=True):
    """One act inside a tenant: who, in which role, with whose approval, what, about what, how it ended."""

    __tablename__ = "audit_events"
    __table_args__ = (
        sa.Index("audit_events_tenant_id_at_idx", "tenant_id", "at"),
        sa.CheckConstraint("outcome IN ('done', 'refused')", name="outcome"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    operation: str
    outcome: str
    error_code: str | None = None
    actor_kind: str
    actor_id: UUID | None = None
    actor_name: str
    role: str | None = None
    approver_id: UUID | None = None
    approver_name: str | None = None
    register_id: UUID | None = None
    subject: str | None = None
    data: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False, server_default=sa.text("'{}'")))
    request_id: str


class SystemAuditEvent(Table, table=True):
    """One act that belongs to no tenant: signing in, making a tenant, suspending one."""

    __tablename__ = "system_audit_events"
    __table_args__ = (
        sa.Index("system_audit_events_at_idx", "at"),
        sa.CheckConstraint("outcome IN ('done', 'refused')", name="outcome"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    operation: str
    outcome: str
    error_code: str | None = None
    actor_kind: str
    actor_id: UUID | None = None
    actor_name: str
    role: str | None = None
    approver_id: UUID | None = None
    approver_name: str | None = None
    register_id: UUID | None = None
    subject: str | None = None
    data: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False, server_default=sa.text("'{}'")))
    request_id: str
