"""Imports: which file has come how far, so an interrupted one goes on where it stopped."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, TenantScoped


class ImportRun(Identified, TenantScoped, table=True):
    """One file being brought in, known by the SHA-256 of its bytes and what it is read as."""

    __tablename__ = "import_runs"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "kind", "fingerprint"),
        sa.CheckConstraint("kind IN ('products', 'sales')", name="kind"),
        sa.CheckConstraint("rows_done >= 0", name="rows_done"),
    )

    kind: str
    source: str
    file_name: str
    fingerprint: str
    rows_done: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    started_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    finished_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    started_by_id: UUID | None = None
