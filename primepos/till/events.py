"""What can happen to an open sale. Each event is written to the journal before the screen shows it.

Replaying the events of a sale gives the sale as it stood; they carry the prices and taxes that were shown, so a
catalogue that changes in between changes nothing.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.pricing.taxes import TaxRule

Minor = Annotated[int, Meta(ge=0, le=10**15)]


class TaxOnLine(Struct, frozen=True, kw_only=True):
    """One tax as a line bears it; see :class:`primepos.pricing.taxes.TaxRule`."""

    code: str
    name: str
    kind: Literal["percent", "fixed", "division"]
    amount: Decimal
    included: bool
    affects_base: bool = False
    base_affected: bool = True

    def rule(self) -> TaxRule:
        """Return the rule that the pricing engine takes."""
        return TaxRule(
            id=self.code,
            name=self.name,
            kind=self.kind,
            amount=self.amount,
            included=self.included,
            affects_base=self.affects_base,
            base_affected=self.base_affected,
        )


class PartOnLine(Struct, frozen=True, array_like=True):
    """So much of a product in one of a kit."""

    product_id: UUID
    sku: str
    quantity: Decimal


class LineAdded(Struct, frozen=True, kw_only=True, tag="line_added"):
    """A product came onto the sale. ``list_price`` is the catalogue's; ``unit_price`` may be a label's.

    ``category_id``, ``parent_id`` and ``tax_class_id`` are what offers name goods by, ``at`` is when it came on: a sale
    is priced by the offers of the moment at which it began. Of a pack ``unit`` and ``factor`` are told, prices are of
    one pack and ``piece_price`` is the product's own; of a kit the ``parts`` that leave the stock.
    """

    line: int
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    list_price: Decimal
    sold_by: str
    taxes: list[TaxOnLine]
    category_id: UUID | None = None
    parent_id: UUID | None = None
    tax_class_id: UUID | None = None
    at: datetime | None = None
    unit: str = ""
    factor: Decimal = Decimal(1)
    piece_price: Decimal | None = None
    parts: list[PartOnLine] = []


class QuantitySet(Struct, frozen=True, kw_only=True, tag="quantity_set"):
    """A line's quantity is another one now; ``was`` says which it was."""

    line: int
    quantity: Decimal
    was: Decimal


class PriceSet(Struct, frozen=True, kw_only=True, tag="price_set"):
    """A line's unit price was overridden."""

    line: int
    unit_price: Decimal
    was: Decimal


class LineDiscounted(Struct, frozen=True, kw_only=True, tag="line_discounted"):
    """A line's discount is this percentage now; 0 takes it away."""

    line: int
    percent: Decimal
    was: Decimal


class LineVoided(Struct, frozen=True, kw_only=True, tag="line_voided"):
    """A line was taken off; what it was is kept for the log."""

    line: int
    sku: str
    name: str
    quantity: Decimal
    total: int


class TicketDiscounted(Struct, frozen=True, kw_only=True, tag="ticket_discounted"):
    """The ticket's discount is this now: a percentage and an amount in minor units."""

    percent: Decimal = Decimal(0)
    minor: Minor = 0


class Tendered(Struct, frozen=True, kw_only=True, tag="tendered"):
    """Money was handed over, before change; a terminal's payment names its ``attempt``."""

    kind: Literal["cash", "card"]
    amount: Minor
    reference: str = ""
    attempt: UUID | None = None


class CardAsked(Struct, frozen=True, kw_only=True, tag="card_asked"):
    """A terminal is about to be asked to charge a card; until it has answered nobody knows whether it did."""

    attempt: UUID
    amount: Minor
    terminal: str


class CardAnswered(Struct, frozen=True, kw_only=True, tag="card_answered"):
    """The terminal has answered for good."""

    attempt: UUID
    outcome: Literal["approved", "declined", "cancelled"]
    amount: Minor
    reference: str = ""
    reason: str = ""


class TenderRemoved(Struct, frozen=True, kw_only=True, tag="tender_removed"):
    """The last tender was taken back."""

    kind: str
    amount: Minor


class Cancelled(Struct, frozen=True, kw_only=True, tag="cancelled"):
    """The whole sale was given up before payment."""

    lines: int
    total: int


class Held(Struct, frozen=True, kw_only=True, tag="held"):
    """The sale was set aside, with so many lines and this total in minor units."""

    lines: int
    total: int


class Resumed(Struct, frozen=True, kw_only=True, tag="resumed"):
    """The sale that was set aside is the open one again."""


Event = (
    LineAdded
    | QuantitySet
    | PriceSet
    | LineDiscounted
    | LineVoided
    | TicketDiscounted
    | Tendered
    | CardAsked
    | CardAnswered
    | TenderRemoved
    | Cancelled
    | Held
    | Resumed
)


def reduces(event: Event) -> bool:
    """Tell whether an event takes something from the sale: these make up the log of what was removed or reduced."""
    match event:
        case LineVoided() | Cancelled() | TenderRemoved():
            return True
        case QuantitySet():
            return event.quantity < event.was
        case PriceSet():
            return event.unit_price < event.was
        case LineDiscounted():
            return event.percent > event.was
        case TicketDiscounted():
            return bool(event.percent or event.minor)
        case _:
            return False
