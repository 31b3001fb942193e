"""What goes in and comes out of moving a tenant."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

Slug = Annotated[str, Meta(min_length=2, max_length=63)]
TableName = Annotated[str, Meta(pattern=r"\A[a-z_]{1,63}\Z")]
FileName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,200}\Z")]
Rows = Annotated[str, Meta(min_length=2, max_length=8_000_000)]


class ShopStanding(Struct, frozen=True, kw_only=True):
    """Where a tenant's move stands."""

    slug: str
    status: str
    moved_at: datetime | None


class TenantRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tenant itself, as it travels; ``settings`` is JSON text."""

    key: UUID
    slug: Slug
    name: Annotated[str, Meta(max_length=500)]
    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
    country: Annotated[str, Meta(max_length=2)]
    zone: Annotated[str, Meta(max_length=64)]
    day_starts_hour: Annotated[int, Meta(ge=0, le=12)]
    settings: Annotated[str, Meta(max_length=1_000_000)]
    created_at: datetime


class ShopOutline(Struct, frozen=True, kw_only=True):
    """What there is to carry: the tenant, its tables in the order to add them in, its files, and the schema."""

    revision: str
    tenant: TenantRecord
    tables: list[str]
    files: list[str]


class AskRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next rows of a table, behind ``after``."""

    table: TableName
    after: Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(max_length=8)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


class RowsOut(Struct, frozen=True, kw_only=True):
    """Rows as a JSON array in text, so that no number loses a digit; ``next`` is None on the last page."""

    table: str
    count: int
    rows: str
    next: list[str] | None


class AskFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one file of the tenant."""

    name: FileName


class FileOut(Struct, frozen=True, kw_only=True):
    """One file."""

    name: str
    content: bytes


class OpenArrival(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant that is coming: its record and the schema it comes from."""

    revision: Annotated[str, Meta(max_length=64)]
    tenant: TenantRecord


class ArrivalOut(Struct, frozen=True, kw_only=True):
    """A tenant that is arriving, and how many parts are here: the next one to send is one more."""

    slug: str
    parts: int


class PutRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part: rows of one table, as they were read. Numbers count from 1; the same part again changes nothing."""

    slug: Slug
    part_no: Annotated[int, Meta(ge=1)]
    table: TableName
    rows: Rows


class PutFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the tenant."""

    slug: Slug
    name: FileName
    content: Annotated[bytes, Meta(max_length=4_000_000)]


class FinishArrival(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything was sent: how many rows of each table."""

    slug: Slug
    rows: dict[str, int]


Scope = Literal["personal", "everything"]


class AskErasure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for an erasure: of personal data (customers, staff) or of everything. ``id`` is the caller's own."""

    id: UUID
    slug: Slug
    scope: Scope
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class ErasureRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one erasure of a tenant."""

    id: UUID
    slug: Slug


class ErasureOut(Struct, frozen=True, kw_only=True):
    """An erasure: who asked, who agreed, from when it can be done; ``rows`` are gone once it was."""

    id: UUID
    slug: str
    scope: str
    reason: str
    asked_at: datetime
    asked_by: str
    agreed_by: str | None
    due_at: datetime | None
    cancelled_at: datetime | None
    done_at: datetime | None
    rows: int | None = None


class ArrivingSlug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one tenant."""

    slug: Slug


class ShopErased(Struct, frozen=True, kw_only=True):
    """How many rows are gone."""

    slug: str
    rows: int
