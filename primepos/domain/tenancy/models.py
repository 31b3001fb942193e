"""Tenants. Inside the database a tenant is a 32-bit integer; outside it is a slug and a UUID."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.ids import new_id
from primepos.core.models import TIMESTAMP, Table, Timestamped, json_column


class Tenant(Timestamped, Table, table=True):
    """One shop or chain. Its currency is fixed once a sale is booked."""

    __tablename__ = "tenants"
    __table_args__ = (
        sa.CheckConstraint("status IN ('active', 'suspended', 'arriving', 'moved')", name="status"),
        sa.CheckConstraint("day_starts_hour BETWEEN 0 AND 12", name="day_starts_hour"),
    )

    id: int | None = Field(default=None, sa_column=sa.Column(sa.Integer, sa.Identity(always=True), primary_key=True))
    key: UUID = Field(default_factory=new_id, unique=True)
    slug: str = Field(unique=True)
    name: str
    status: str = Field(default="active", sa_column_kwargs={"server_default": "active"})
    currency: str
    country: str = Field(default="", sa_column_kwargs={"server_default": ""})
    zone: str
    day_starts_hour: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    settings: dict[str, Any] = json_column()
    # Still active and warned: suspended by the night's job from then on.
    suspends_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    moved_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
