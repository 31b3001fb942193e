"""What goes in and comes out of asking for another person's consent."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Note
from primepos.domain.accounts.schemas import PageSize
from primepos.domain.staff.schemas.roles import MostAmount, PermissionName


class ActIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act and what it weighs, as the refusal ``APPROVAL_REQUIRED`` named it in ``acts``."""

    permission: PermissionName
    percent: Decimal | None = None
    amount: MostAmount | None = None
    sold_on: date | None = None
    outlet_id: UUID | None = None
    subject: Annotated[str, Meta(min_length=1, max_length=200)] | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and not (self.percent.is_finite() and abs(self.percent) <= 1_000_000):
            raise ValueError("percent must be a plain number")


class AskApproval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to do and may not do alone. ``id`` is the caller's own; the same again is answered the same.

    ``operation`` and ``acts`` are what the refusal of the act named.
    """

    id: UUID
    operation: Annotated[str, Meta(max_length=100, pattern=r"\A[a-z_]+\.[a-z_]+\Z")]
    acts: Annotated[list[ActIn], Meta(min_length=1, max_length=50)]
    note: Note | None = None


class ApprovalRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one approval."""

    id: UUID


class ListApprovals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of approvals, newest first; ``state`` ``asked`` are those that wait for an answer."""

    state: Literal["asked", "granted", "refused", "used", "expired"] | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: PageSize = 50


class ApprovalOut(Struct, frozen=True, kw_only=True):
    """One approval: what for, by whom asked and answered, and how it stands until ``expires_at``.

    ``state`` is asked, granted, refused, used or expired.
    """

    id: UUID
    state: str
    operation: str
    acts: list[ActIn]
    note: str | None
    register_id: UUID | None
    asked_at: datetime
    asked_by: str
    asked_by_id: UUID | None
    expires_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decided_by_id: UUID | None
    used_at: datetime | None


class ApprovalPage(Struct, frozen=True, kw_only=True):
    """Approvals, newest first; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[ApprovalOut]
    next: str | None
