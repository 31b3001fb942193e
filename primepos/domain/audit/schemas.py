"""What goes in and comes out of reading the trail."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]


class ListAudit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows to show. ``operation`` is a name, or with a trailing dot a feature (``sales.``).

    ``since`` is included, ``until`` is not.
    """

    operation: Annotated[str, Meta(max_length=100, pattern=r"\A[a-z_]+\.[a-z_]*\Z")] | None = None
    outcome: Literal["done", "refused"] | None = None
    actor_id: UUID | None = None
    register_id: UUID | None = None
    subject: Text | None = None
    request_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    after: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class AuditRow(Struct, frozen=True, kw_only=True):
    """One act done or refused: who, in which role, with whose approval, about what."""

    at: datetime
    operation: str
    outcome: str
    error_code: str | None
    actor_kind: str
    actor_id: UUID | None
    actor_name: str
    role: str | None
    approver_id: UUID | None
    approver_name: str | None
    register_id: UUID | None
    subject: str | None
    data: dict[str, Any]
    request_id: str


class AuditPage(Struct, frozen=True, kw_only=True):
    """Rows, newest first; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[AuditRow]
    next: str | None
