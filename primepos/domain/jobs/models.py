"""Facts of this installation and the counters that slow attackers down; the queue's tables are its own."""

from datetime import datetime

from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Table


class Installation(Table, table=True):
    """One fact about this database, such as which environment it belongs to."""

    __tablename__ = "installation"

    name: str = Field(primary_key=True)
    value: str


class ThrottleCounter(Table, table=True):
    """Attempts counted in one window, shared by every process."""

    __tablename__ = "throttle_counters"

    key: str = Field(primary_key=True)
    hits: int
    expires_at: datetime = Field(sa_type=TIMESTAMP)
