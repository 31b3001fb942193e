"""What goes in and comes out of the time clock."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Code, Name, tidy
from primepos.domain.accounts.schemas import PageSize, Secretive
from primepos.domain.staff.schemas.people import BadgeText, Pin, check_shown

Moment = Annotated[datetime, Meta(tz=True)]


class _Shown(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who clocks: whoever asks, or who shows a code with its PIN or a badge at a register.

    ``register_id`` is needed at the server's shell only.
    """

    code: Code | None = None
    pin: Pin | None = None
    badge: BadgeText | None = None
    register_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.shows:
            check_shown(self.code, self.pin, self.badge)

    @property
    def shows(self) -> bool:
        """Whether somebody shows who they are."""
        return self.code is not None or self.pin is not None or self.badge is not None


class ClockIn(_Shown, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who begins to work. ``id`` is the caller's own; the same again is answered the same."""

    id: UUID


class ClockOut(_Shown, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who stops working."""


class CorrectEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stretch of work was in truth, and why. Without both times it never was. ``id`` is the caller's own."""

    id: UUID
    entry_id: UUID
    reason: Name
    in_at: Moment | None = None
    out_at: Moment | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        if (self.in_at is None) != (self.out_at is None):
            raise ValueError("give both times, or neither where there was no work")


class AddEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of work that nobody clocked, and why. ``id`` is the caller's own."""

    id: UUID
    staff_id: UUID
    in_at: Moment
    out_at: Moment
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class ListEntries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of entries of the business days ``since`` to ``until``, both included, at most 366."""

    since: date
    until: date
    staff_id: UUID | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: PageSize = 50


class AskHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose hours of which business days, both included, at most 366. Without ``staff_id`` everybody's one may see."""

    since: date
    until: date
    staff_id: UUID | None = None


class ClockEntryOut(Struct, frozen=True, kw_only=True):
    """One stretch of work: as it was clocked and, in ``in_at`` and ``out_at``, as it counts.

    ``kind`` is clocked or added. Without ``in_at`` a correction says that it never was. ``corrections`` counts them;
    the last one's reason and author stand here.
    """

    id: UUID
    staff_id: UUID
    code: str
    name: str
    kind: str
    is_open: bool
    clocked_in_at: datetime
    clocked_out_at: datetime | None
    in_at: datetime | None
    out_at: datetime | None
    corrections: int
    reason: str | None
    corrected_by: str | None
    corrected_at: datetime | None


class ClockPage(Struct, frozen=True, kw_only=True):
    """Entries by when they were clocked; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[ClockEntryOut]
    next: str | None


class DayWorked(Struct, frozen=True, kw_only=True):
    """What one person worked on one business day, in whole seconds. ``is_open``: they are in, and it counts to now."""

    staff_id: UUID
    code: str
    name: str
    day: date
    seconds: int
    entries: int
    is_open: bool
    is_corrected: bool


class HoursOut(Struct, frozen=True, kw_only=True):
    """Days worked by person's code and day; ``seconds`` is the sum."""

    since: date
    until: date
    rows: list[DayWorked]
    seconds: int
