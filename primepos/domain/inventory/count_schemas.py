"""What goes into and comes out of the operations on counts. Quantities have up to three places."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.amounts import parse_quantity
from primepos.core.texts import Note
from primepos.domain.inventory.schemas import MOST_LINES, Cursor, PageSize, StockLine

CountState = Literal["open", "approved", "cancelled"]
Products = Annotated[list[UUID], Meta(max_length=MOST_LINES)]


class OpenCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Begin to count a whole location, one category of it, or a list of products. ``id`` is the caller's.

    ``blind``: who counts is not told how much there should be.
    """

    id: UUID
    outlet_id: UUID
    category_id: UUID | None = None
    product_ids: Products = []
    blind: bool = True
    note: Note = ""

    def __post_init__(self) -> None:
        if self.category_id is not None and self.product_ids:
            raise ValueError("give either a category or products")


class AddCounted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one person counted in one go; it adds to what others counted. ``id`` makes the call safe to repeat.

    Below zero takes back what was counted by mistake; zero says that there is none.
    """

    id: UUID
    count_id: UUID
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=MOST_LINES)]

    def __post_init__(self) -> None:
        for line in self.lines:
            parse_quantity(line.quantity)


class Recount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have products counted again from nothing. ``id`` makes the call safe to repeat."""

    id: UUID
    count_id: UUID
    product_ids: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_LINES)]


class ApproveCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make levels follow a count. ``uncounted_are_zero``: what stands in it and was not counted is not there."""

    id: UUID
    uncounted_are_zero: bool = False


class GetCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one count."""

    id: UUID


class ListCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for counts, the newest first; in one state or of one location if asked."""

    state: CountState | None = None
    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class ListCountLines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the lines of a count by SKU; only those not counted yet, or those that differ, if asked."""

    id: UUID
    only: Literal["uncounted", "different"] | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class CountOut(Struct, frozen=True, kw_only=True):
    """A count: how many lines it has, how many of them are counted, and how many of those differ.

    ``different`` is None where the count is blind and the caller may not approve it.
    """

    id: UUID
    number: int
    outlet_id: UUID
    outlet: str
    scope: str
    category_id: UUID | None
    blind: bool
    state: str
    note: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    lines: int
    counted: int
    different: int | None


class CountPage(Struct, frozen=True, kw_only=True):
    """A page of counts; ``next`` None says it is the last."""

    items: list[CountOut]
    next: str | None


class CountLineRow(Struct, frozen=True, kw_only=True):
    """One product of a count: what was counted, and what the level was at the last moment of counting it.

    ``expected`` and ``difference`` are None where nobody counted yet, and for who counts blindly.
    """

    product_id: UUID
    sku: str
    name: str
    round: int
    counted: Decimal | None
    counted_at: datetime | None
    expected: Decimal | None
    difference: Decimal | None
    posted: Decimal | None


class CountLinePage(Struct, frozen=True, kw_only=True):
    """A page of lines; ``next`` None says it is the last."""

    items: list[CountLineRow]
    next: str | None


class CountedLine(Struct, frozen=True, kw_only=True):
    """What is counted of a product so far, by everybody."""

    product_id: UUID
    round: int
    counted: Decimal | None


class Counted(Struct, frozen=True, kw_only=True):
    """What is counted so far of the products of a call."""

    outlet_id: UUID
    count_id: UUID
    lines: list[CountedLine]
