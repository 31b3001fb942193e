"""What goes into and comes out of the operations on shifts. Amounts are minor units."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

Counted = Annotated[int, Meta(ge=0, le=10**15)]


class OpenShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open a till's shift with a counted float. ``id`` is the caller's and makes the call safe to repeat."""

    id: UUID
    register_id: UUID
    opening_float: Counted
    opened_at: Annotated[datetime, Meta(tz=True)] | None = None


class CloseShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close a shift with the counted cash."""

    shift_id: UUID
    counted: Counted


class ShowShift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for one shift by id."""

    shift_id: UUID


class ListShifts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for shifts, newest first. ``after`` is the ``next`` of the page before."""

    register_id: UUID | None = None
    is_open: bool | None = None
    after: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class ShiftOut(Struct, frozen=True, kw_only=True):
    """A shift. ``expected`` and ``difference`` are None for who may not read them: a blind close."""

    id: UUID
    register_id: UUID
    outlet_id: UUID
    kind: str
    business_date: date
    opened_at: datetime
    opened_by: str
    opening_float: int
    closed_at: datetime | None
    closed_by: str | None
    expected: int | None
    counted: int | None
    difference: int | None
    z_number: int | None


class ShiftPage(Struct, frozen=True, kw_only=True):
    """A page of shifts; ``next`` None says it is the last."""

    items: list[ShiftOut]
    next: str | None


class TenderFigure(Struct, frozen=True, kw_only=True):
    """What came in by one kind of tender, change already off cash."""

    kind: str
    count: int
    amount: int


class TaxFigure(Struct, frozen=True, kw_only=True):
    """One tax of the shift."""

    code: str
    name: str
    rate: str
    base: int
    amount: int


class ShiftFigures(Struct, frozen=True, kw_only=True):
    """The figures of an X report (open shift) or a Z report (closed, numbered and final).

    Who closes blind gets no cash, no taxes and no totals before the close: any of them, less the cards, is the cash.
    Worked out from the stored rows of the shift's sales, voids and refunds, never from rounded parts. ``late`` counts
    what was delivered after closing: the supplement to the Z.
    """

    shift: ShiftOut
    currency: str
    register: str
    sales: int
    voids: int
    refunds: int
    first_receipt: str | None
    last_receipt: str | None
    base: int | None
    tax: int | None
    rounding: int | None
    total: int | None
    tenders: list[TenderFigure]
    taxes: list[TaxFigure]
    late: int
