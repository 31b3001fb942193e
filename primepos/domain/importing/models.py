"""Imports: which file has come how far, how files of a shape are read, and files that are handed in over the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from primepos.core.models import TIMESTAMP, Identified, TenantDetail, TenantScoped, tenant_reference

KINDS = "kind IN ('products', 'customers', 'stock', 'sales')"


class ImportRun(Identified, TenantScoped, table=True):
    """One file being brought in, known by the SHA-256 of its bytes and what it is read as."""

    __tablename__ = "import_runs"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "kind", "fingerprint"),
        sa.CheckConstraint(KINDS, name="kind"),
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


class ImportMapping(TenantScoped, table=True):
    """How files with this header are read: column to field, and how they write numbers and dates."""

    __tablename__ = "import_mappings"
    __table_args__ = (sa.CheckConstraint(KINDS, name="kind"),)

    kind: str = Field(primary_key=True)
    header: str = Field(primary_key=True)
    columns: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    reading: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    saved_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    saved_by_id: UUID | None = None


class ImportUpload(TenantDetail, table=True):
    """A file handed in over the API, under the id of its job's ticket; ``role`` is what its sender may do."""

    __tablename__ = "import_uploads"
    __table_args__ = (
        tenant_reference("id", "job_tickets"),
        sa.CheckConstraint(KINDS, name="kind"),
        sa.CheckConstraint("parts >= 1", name="parts"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    file_name: str
    parts: int = Field(sa_type=sa.BigInteger)
    options: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    request_hash: bytes
    role: str
    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    created_by_id: UUID | None = None
    created_by: str
    refused: str | None = None


class ImportPart(TenantDetail, table=True):
    """A piece of a file that is handed in; gone when the file has been read."""

    __tablename__ = "import_parts"
    __table_args__ = (
        tenant_reference("upload_id", "import_uploads"),
        sa.CheckConstraint("part_no >= 1", name="part_no"),
    )

    upload_id: UUID = Field(primary_key=True)
    part_no: int = Field(sa_type=sa.BigInteger, primary_key=True)
    content: bytes
