"""What goes into and comes out of the operations on transfers. Quantities have up to three places."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Note
from primepos.domain.inventory.schemas import MOST_LINES, Cursor, PageSize, StockLine, above_zero, not_negative

TransferState = Literal["requested", "in_transit", "closed", "cancelled"]


class RequestTransfer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for goods of another location. ``id`` is the caller's, and the transfer's."""

    id: UUID
    from_outlet_id: UUID
    to_outlet_id: UUID
    lines: Annotated[list[StockLine], Meta(min_length=1, max_length=MOST_LINES)]
    note: Note = ""

    def __post_init__(self) -> None:
        if self.from_outlet_id == self.to_outlet_id:
            raise ValueError("a transfer goes to another location")
        for line in self.lines:
            above_zero(line.quantity)


class ShipTransfer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send the goods of a transfer; without lines, all that was asked for. ``id`` makes the call safe to repeat.

    A line of zero leaves a product out; a product that nobody asked for may be sent as well.
    """

    id: UUID
    transfer_id: UUID
    lines: Annotated[list[StockLine], Meta(max_length=MOST_LINES)] = []

    def __post_init__(self) -> None:
        for line in self.lines:
            not_negative(line.quantity)


class ArrivedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a product arrived fit to be sold (``received``), and how much arrived ``damaged``."""

    product_id: UUID
    received: Decimal = Decimal(0)
    damaged: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not not_negative(self.received, "received") + not_negative(self.damaged, "damaged"):
            raise ValueError("say how much arrived")


class ReceiveTransfer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take in what arrived of a transfer; without lines, all that is in transit. ``id`` makes it safe to repeat.

    More may arrive than was sent by the papers: then the sender gave away more than it wrote down, and both levels
    follow what happened.
    """

    id: UUID
    transfer_id: UUID
    lines: Annotated[list[ArrivedLine], Meta(max_length=MOST_LINES)] = []


class CloseTransfer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End a transfer: what is still in transit is ``lost``, or ``back`` where it came from. ``id``: safe to repeat."""

    id: UUID
    transfer_id: UUID
    missing: Literal["lost", "back"]


class GetTransfer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one transfer."""

    id: UUID


class ListTransfers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for transfers, the newest first; in one state, from or to one location if asked."""

    state: TransferState | None = None
    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class TransferLineOut(Struct, frozen=True, kw_only=True):
    """One product of a transfer. ``in_transit = shipped - received - damaged - lost - back``; ``over`` came beyond."""

    line_no: int
    product_id: UUID
    sku: str
    name: str
    requested: Decimal
    shipped: Decimal
    received: Decimal
    damaged: Decimal
    lost: Decimal
    back: Decimal
    over: Decimal
    in_transit: Decimal


class TransferRow(Struct, frozen=True, kw_only=True):
    """A transfer in a list."""

    id: UUID
    number: int
    from_outlet_id: UUID
    from_outlet: str
    to_outlet_id: UUID
    to_outlet: str
    state: str
    note: str
    requested_at: datetime
    requested_by: str
    shipped_at: datetime | None
    shipped_by: str | None
    closed_at: datetime | None
    closed_by: str | None


class TransferOut(TransferRow, frozen=True, kw_only=True):
    """A transfer with its lines."""

    lines: list[TransferLineOut]


class TransferPage(Struct, frozen=True, kw_only=True):
    """A page of transfers; ``next`` None says it is the last."""

    items: list[TransferRow]
    next: str | None


class ListInTransit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what is on its way; from or to one location if asked."""

    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class InTransitRow(Struct, frozen=True, kw_only=True):
    """Goods on their way, and what they are worth in minor units (None where no cost is known)."""

    transfer_id: UUID
    number: int
    from_outlet: str
    to_outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    value: int | None


class InTransitPage(Struct, frozen=True, kw_only=True):
    """A page of goods in transit; ``next`` None says it is the last."""

    items: list[InTransitRow]
    next: str | None
