"""What goes into and comes out of the operations on stock. Quantities have up to three places."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from primepos.core.amounts import InvalidAmount, parse_quantity, parse_unit_price
from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Code, Name, tidy

Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
Policy = Literal["allow", "warn", "block"]
Direction = Literal["out", "in", "either"]
MOST_LINES = 500


def not_negative(quantity: Decimal, what: str = "quantity") -> Decimal:
    """Return a quantity of zero or more. Raises: :class:`InvalidAmount`."""
    checked = parse_quantity(quantity)
    if checked < 0:
        raise InvalidAmount(what=what, problem="must not be below zero")
    return checked


def above_zero(quantity: Decimal, what: str = "quantity") -> Decimal:
    """Return a quantity above zero. Raises: :class:`InvalidAmount`."""
    checked = parse_quantity(quantity)
    if checked <= 0:
        raise InvalidAmount(what=what, problem="must be above zero")
    return checked


def parse_cost(cost: Decimal) -> Decimal:
    """Return what a unit cost: currency units of at most four places, zero or more. Raises: :class:`InvalidAmount`."""
    checked = parse_unit_price(cost)
    if checked < 0:
        raise InvalidAmount(what="cost", problem="must not be below zero")
    return checked


class AdjustLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product: how much more or less there is (``delta``), how much was counted (``counted``), or ``quantity``.

    A ``quantity`` is above zero; whether it goes out or comes in is said by the reason's code.
    """

    product_id: UUID
    delta: Decimal | None = None
    counted: Decimal | None = None
    quantity: Decimal | None = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.delta, self.counted, self.quantity)) != 1:
            raise ValueError("give either a delta, a counted quantity, or a quantity with a reason's code")
        if self.quantity is not None:
            force_setattr(self, "quantity", above_zero(self.quantity))
        if self.delta is not None:
            force_setattr(self, "delta", parse_quantity(self.delta))
            if not self.delta:
                raise InvalidAmount(what="delta", problem="must not be zero")
        if self.counted is not None:
            force_setattr(self, "counted", not_negative(self.counted, "counted"))


class AdjustStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction of one outlet's stock and the reason for it, in words, by its code, or both: all lines or none.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[AdjustLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name | None = None
    reason_code: Code | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        if self.reason is None and self.reason_code is None:
            raise ValueError("give a reason")
        if self.reason_code is None and any(each.quantity is not None for each in self.lines):
            raise ValueError("a quantity without a sign needs a reason_code, which says its direction")


class StockLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one product."""

    product_id: UUID
    quantity: Decimal


class CostedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one product, and what one of it cost: a unit price in currency units, None where nobody knows."""

    product_id: UUID
    quantity: Decimal
    unit_cost: Decimal | None = None

    def __post_init__(self) -> None:
        if self.unit_cost is not None:
            force_setattr(self, "unit_cost", parse_cost(self.unit_cost))


class ReceiveStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods that came into an outlet; every quantity is above zero. ``reason`` may name the delivery note.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[CostedLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        for line in self.lines:
            above_zero(line.quantity)


class OpenStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an outlet had of products before their first movement; zero or more.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[CostedLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")
        for line in self.lines:
            not_negative(line.quantity)


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
    """How much of a product an outlet has; ``allotted`` of it may be sold by registers only that hold it."""

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    allotted: Decimal


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
    reason_code: str | None
    document_id: UUID | None
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


class CostLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one base unit of a product is worth from now on: a unit price in currency units."""

    product_id: UUID
    unit_cost: Decimal

    def __post_init__(self) -> None:
        force_setattr(self, "unit_cost", parse_cost(self.unit_cost))


class RevalueStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set what products are worth in an outlet, and why; no goods move. ``id`` makes the call safe to repeat."""

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[CostLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class ListCosts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what stock is worth, by SKU; of one outlet or product if asked."""

    outlet_id: UUID | None = None
    product_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class CostRow(Struct, frozen=True, kw_only=True):
    """What a product is worth in an outlet: the average of one base unit and of all of it, in minor units.

    Both are None while no cost is known.
    """

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    average_cost: Decimal | None
    value: int | None


class CostPage(Struct, frozen=True, kw_only=True):
    """A page of costs; ``next`` None says it is the last."""

    items: list[CostRow]
    next: str | None


class Revalued(Struct, frozen=True, kw_only=True):
    """The costs as they are now."""

    outlet_id: UUID
    items: list[CostRow]


class ExplainStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how a level came about; the newest ``limit`` movements one by one, those before them as their sum."""

    product_id: UUID
    outlet_id: UUID
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ExplainedMovement(Struct, frozen=True, kw_only=True):
    """One movement, what it is of, and the level after it.

    ``document`` is a receipt's number, or the number of a transfer, a count or a return to a supplier.
    """

    id: int
    at: datetime
    kind: str
    quantity: Decimal
    running: Decimal
    document: str | None
    document_id: UUID | None
    reason_code: str | None
    reason: str | None
    actor_name: str


class StockExplained(Struct, frozen=True, kw_only=True):
    """How a level came about: ``opening`` and the movements after it add up to ``level``; ``holds`` says that they do.

    ``in_transit`` is on its way here and not in the level; ``allotted`` is in it and registers' own to sell.
    """

    outlet_id: UUID
    product_id: UUID
    sku: str
    name: str
    opening: Decimal
    movements: list[ExplainedMovement]
    level: Decimal
    allotted: Decimal
    in_transit: Decimal
    holds: bool


class ListReasons(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the reasons in use, or for all of them."""

    all: bool = False


class SetReason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what a reason's code means: ``out`` takes stock away, ``in`` adds to it, ``either`` may do both."""

    code: Code
    name: Name
    direction: Direction
    archived: bool = False

    def __post_init__(self) -> None:
        tidy(self, "name")


class ReasonOut(Struct, frozen=True, kw_only=True):
    """A reason for correcting stock."""

    code: str
    name: str
    direction: str
    archived: bool


class ReasonList(Struct, frozen=True, kw_only=True):
    """Every reason asked for, by code."""

    items: list[ReasonOut]


class SetReorder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say when a product is to be ordered again at a location, and up to how much; None ends it."""

    outlet_id: UUID
    product_id: UUID
    minimum: Decimal | None
    target: Decimal | None = None

    def __post_init__(self) -> None:
        if self.minimum is None:
            if self.target is not None:
                raise ValueError("a target needs a minimum")
            return
        minimum = not_negative(self.minimum, "minimum")
        target = minimum if self.target is None else not_negative(self.target, "target")
        if target < minimum:
            raise ValueError("the target is below the minimum")
        force_setattr(self, "minimum", minimum)
        force_setattr(self, "target", target)


class ReorderOut(Struct, frozen=True, kw_only=True):
    """The reorder point as it is now; None is none."""

    outlet_id: UUID
    product_id: UUID
    minimum: Decimal | None
    target: Decimal | None


class ListLow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask which products have come down to their minimum; of one outlet if asked."""

    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class LowRow(Struct, frozen=True, kw_only=True):
    """A product at or below its minimum. ``suggested`` fills it up to its target, goods in transit counted in."""

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    minimum: Decimal
    target: Decimal
    in_transit: Decimal
    suggested: Decimal


class LowPage(Struct, frozen=True, kw_only=True):
    """A page of products that run out; ``next`` None says it is the last."""

    items: list[LowRow]
    next: str | None


class SetPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what happens below zero for one product or in one outlet; None leaves it to the rule above it."""

    product_id: UUID | None = None
    outlet_id: UUID | None = None
    policy: Policy | None

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.outlet_id is None):
            raise ValueError("give either a product or an outlet")


class ShowPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask which rule holds; of a product in an outlet, or of either."""

    product_id: UUID | None = None
    outlet_id: UUID | None = None


class PolicyOut(Struct, frozen=True, kw_only=True):
    """What each of the three says, and what holds: the product's rule, else the outlet's, else the tenant's."""

    tenant: str
    outlet: str | None
    product: str | None
    policy: str


class AllotStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a till so many more of its outlet's goods to sell, offline too; all lines or none."""

    id: UUID
    register_id: UUID
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=MOST_LINES)]

    def __post_init__(self) -> None:
        for line in self.lines:
            above_zero(line.quantity)


class ReleaseStock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take back what a till holds; without lines, all of it."""

    id: UUID
    register_id: UUID
    lines: Annotated[list[StockLine], Meta(max_length=MOST_LINES)] = []

    def __post_init__(self) -> None:
        for line in self.lines:
            above_zero(line.quantity)


class ListAllotments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what tills hold; one of them if asked."""

    register_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class AllotmentRow(Struct, frozen=True, kw_only=True):
    """What a till holds of a product, and how much of the level nobody holds."""

    register_id: UUID
    register: str
    product_id: UUID
    sku: str
    name: str
    allotted: Decimal
    free: Decimal


class AllotmentPage(Struct, frozen=True, kw_only=True):
    """A page of allotments; ``next`` None says it is the last."""

    items: list[AllotmentRow]
    next: str | None


class Allotted(Struct, frozen=True, kw_only=True):
    """What a till holds now of the products asked about."""

    outlet_id: UUID
    register_id: UUID
    items: list[AllotmentRow]
