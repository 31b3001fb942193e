"""Facts of this installation and the counters that slow attackers down; the queue's tables are its own."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Table


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
