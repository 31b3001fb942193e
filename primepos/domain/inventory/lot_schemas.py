"""What goes into and comes out of the operations on lots and serial numbers. Quantities have up to three places."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.amounts import InvalidAmount, parse_quantity
from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Name, tidy

Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
# What stands on the goods; kept to the letter.
LotName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
MOST_LINES = 500


class LotLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a product under a lot, or one piece under its serial number; the day after which it is not good."""

    product_id: UUID
    lot: LotName
    quantity: Decimal = Decimal(1)
    expires_on: date | None = None

    def __post_init__(self) -> None:
        if parse_quantity(self.quantity) <= 0:
            raise InvalidAmount(what="quantity", problem="must be above zero")


class ReceiveLots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods that came into an outlet under lots or serial numbers; all lines or none.

    ``in_stock``: they are in stock already, as after a purchase order or a count, and only their lots were not said.
    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[LotLine], Meta(min_length=1, max_length=MOST_LINES)]
    in_stock: bool = False
    reason: Name | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class WriteOffLots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods of lots that are gone: expired, broken, sent back. Lot and stock fall together; all lines or none.

    ``id`` is the caller's and makes the call safe to repeat.
    """

    id: UUID | None = None
    outlet_id: UUID
    lines: Annotated[list[LotLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class ListLots(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the lots in stock, the first to expire first; of one outlet or product, or those that expire by a day.

    Of one product and outlet, the first is the one to sell next. ``gone`` shows those that are used up, too.
    """

    outlet_id: UUID | None = None
    product_id: UUID | None = None
    expires_by: date | None = None
    gone: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class TraceLot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask where a lot or serial number came from and went."""

    product_id: UUID
    lot: LotName
    after: Cursor | None = None
    limit: PageSize = 100


class AskAvailability(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask how many of a kit an outlet can make."""

    outlet_id: UUID
    product_id: UUID


class LotsMoved(Struct, frozen=True, kw_only=True):
    """What an act put into lots of an outlet, or took out of them."""

    outlet_id: UUID
    lines: list[LotLine]


class LotRow(Struct, frozen=True, kw_only=True):
    """How much of a lot an outlet has."""

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    lot: str
    is_serial: bool
    expires_on: date | None
    is_expired: bool
    quantity: Decimal
    received_at: datetime


class LotPage(Struct, frozen=True, kw_only=True):
    """A page of lots; ``next`` None says it is the last."""

    items: list[LotRow]
    next: str | None


class LotStepRow(Struct, frozen=True, kw_only=True):
    """One movement of a lot: when, where, how much, and of a sale its receipt and whose it was."""

    id: int
    at: datetime
    outlet: str
    kind: str
    quantity: Decimal
    sale_id: UUID | None
    receipt: str | None
    customer_id: UUID | None
    customer: str | None
    reason: str | None
    actor_name: str


class LotTrace(Struct, frozen=True, kw_only=True):
    """Where a lot came from and went, oldest first; ``next`` None says that this is all."""

    product_id: UUID
    lot: str
    items: list[LotStepRow]
    next: str | None


class ComponentStock(Struct, frozen=True, kw_only=True):
    """How much of a component there is, and for how many kits it is enough."""

    product_id: UUID
    sku: str
    quantity: Decimal
    in_stock: Decimal
    enough_for: int


class KitAvailability(Struct, frozen=True, kw_only=True):
    """How many of a kit can be made; None where no component's stock is counted."""

    product_id: UUID
    sku: str
    available: int | None
    components: list[ComponentStock]
