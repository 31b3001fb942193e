"""Facts of this installation, the counters that slow attackers down, and tickets; the queue's tables are its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, Table, TenantScoped, json_column


class Installation(Table, table=True):
    """One fact about this database, such as which environment it belongs to."""

    __tablename__ = "installation"

    name: str = Field(primary_key=True)
    value: str


class ThrottleCounter(Table, table=True):
    """Attempts counted in one window, shared by every process; ``moments`` where each one matters."""

    __tablename__ = "throttle_counters"
    __table_args__ = (sa.Index("throttle_counters_expires_at_idx", "expires_at"),)

    key: str = Field(primary_key=True)
    hits: int
    moments: list[datetime] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(TIMESTAMP), nullable=False, server_default="{}")
    )
    expires_at: datetime = Field(sa_type=TIMESTAMP)


class JobTicket(Identified, TenantScoped, table=True):
    """What a person who asked for a job may see of it: how far it is, and what came of it.

    The queue forgets a job that went well; its ticket stays. ``preparing`` is a job whose file is not complete yet.
    """

    __tablename__ = "job_tickets"
    __table_args__ = (
        sa.CheckConstraint("state IN ('preparing', 'waiting', 'running', 'done', 'failed')", name="state"),
        sa.CheckConstraint("rows_done >= 0 AND rows_total >= 0", name="rows"),
        sa.CheckConstraint("(ended_at IS NOT NULL) = (state IN ('done', 'failed'))", name="ended_at"),
    )

    task: str
    state: str
    rows_done: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    rows_total: int | None = Field(default=None, sa_type=sa.BigInteger)
    outcome: dict[str, Any] = json_column()
    error: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    asked_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    asked_by_id: UUID | None = None
    asked_by: str
    started_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    ended_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
