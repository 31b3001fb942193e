"""What goes into and comes out of the operations on stock. Quantities have up to three places."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from primepos.core.amounts import InvalidAmount, parse_quantity
from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Name, tidy

Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
Kind = Literal["sale", "void", "refund", "receive", "adjust", "opening"]
MOST_LINES = 500


class AdjustLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product: either how much more or less there is (``delta``), or how much was counted (``counted``)."""

    product_id: UUID
    delta: Decimal | None = None
    counted: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.delta is None) == (self.counted is None):
            raise ValueError("give either a delta or a counted quantity")
        if self.delta is not None:
            force_setattr(self, "delta", parse_quantity(self.delta))
            if not self.delta:
                raise InvalidAmount(what="delta", problem="must not be zero")
        if self.counted is not None:
            force_setattr(self, "counted", _not_negative(self.counted, "counted"))


class AdjustStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction of one outlet's stock and the reason for it: all lines or none.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[AdjustLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class StockLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one product."""

    product_id: UUID
    quantity: Decimal


class ReceiveStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods that came into an outlet; every quantity is above zero. ``reason`` may name the delivery note.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        for line in self.lines:
            if parse_quantity(line.quantity) <= 0:
                raise InvalidAmount(what="quantity", problem="must be above zero")


class OpenStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an outlet had of products before their first movement; zero or more.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        for line in self.lines:
            _not_negative(line.quantity, "quantity")


class ListLevels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for levels, the lowest first; of one outlet or product, or only those of ``at_most`` or less."""

    outlet_id: UUID | None = None
    product_id: UUID | None = None
    at_most: Decimal | None = None
    after: Cursor | None = None
    limit: PageSize = 50

    def __post_init__(self) -> None:
        if self.at_most is not None:
            parse_quantity(self.at_most)


class ListMovements(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the movements of a product, newest first; in one outlet if asked."""

    product_id: UUID
    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class LevelRow(Struct, frozen=True, kw_only=True):
    """How much of a product an outlet has."""

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal


class LevelPage(Struct, frozen=True, kw_only=True):
    """A page of levels; ``next`` None says it is the last."""

    items: list[LevelRow]
    next: str | None


class MovementRow(Struct, frozen=True, kw_only=True):
    """One change of a level: signed quantity, why and by whom."""

    id: int
    outlet_id: UUID
    product_id: UUID
    at: datetime
    kind: str
    quantity: Decimal
    sale_id: UUID | None
    line_no: int | None
    reason: str | None
    actor_name: str


class MovementPage(Struct, frozen=True, kw_only=True):
    """A page of movements; ``next`` None says it is the last."""

    items: list[MovementRow]
    next: str | None


class MovedLine(Struct, frozen=True, kw_only=True):
    """By how much a product's level changed, and where it is now."""

    product_id: UUID
    moved: Decimal
    quantity: Decimal


class StockMoved(Struct, frozen=True, kw_only=True):
    """What an act did to the levels of an outlet, by product; a line that changed nothing has moved 0."""

    outlet_id: UUID
    lines: list[MovedLine]


def _not_negative(quantity: Decimal, what: str) -> Decimal:
    checked = parse_quantity(quantity)
    if checked < 0:
        raise InvalidAmount(what=what, problem="must not be below zero")
    return checked
