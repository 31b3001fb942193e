"""What goes into and comes out of the operations on suppliers and orders.

Quantities are in base units, with up to three places. A cost is a unit price in currency units, for one pack; amounts
are minor units.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from primepos.core.amounts import MAX_MINOR, InvalidAmount, parse_decimal
from primepos.core.texts import Code, Name, Note, tidy
from primepos.domain.inventory.schemas import MOST_LINES, Cursor, PageSize, above_zero, parse_cost

Days = Annotated[int, Meta(ge=0, le=3650)]
Text = Annotated[str, Meta(max_length=200)]
Minor = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
OrderState = Literal["draft", "approved", "sent", "partly_received", "received", "closed", "cancelled"]


class CreateSupplier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new supplier. ``lead_days``: how long a delivery usually takes."""

    code: Code
    name: Name
    email: Text = ""
    phone: Text = ""
    note: Note = ""
    lead_days: Days = 0

    def __post_init__(self) -> None:
        tidy(self, "name", "email", "phone")


class UpdateSupplier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a supplier; what is left out stays."""

    id: UUID
    name: Name | UnsetType = UNSET
    email: Text | UnsetType = UNSET
    phone: Text | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    lead_days: Days | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name", "email", "phone")


class GetSupplier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one supplier."""

    id: UUID


class ListSuppliers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the suppliers in use by code, or for the archived ones instead."""

    archived: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class SupplierOut(Struct, frozen=True, kw_only=True):
    """A supplier."""

    id: UUID
    code: str
    name: str
    email: str
    phone: str
    note: str
    lead_days: int
    archived_at: datetime | None


class SupplierPage(Struct, frozen=True, kw_only=True):
    """A page of suppliers; ``next`` None says it is the last."""

    items: list[SupplierOut]
    next: str | None


class SetSupplierItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say how a supplier sells a product: their number, base units a pack, price of a pack, days to wait."""

    supplier_id: UUID
    product_id: UUID
    supplier_sku: Text = ""
    pack_size: Decimal = Decimal(1)
    cost: Decimal
    lead_days: Days | None = None

    def __post_init__(self) -> None:
        tidy(self, "supplier_sku")
        force_setattr(self, "pack_size", above_zero(self.pack_size, "pack size"))
        force_setattr(self, "cost", parse_cost(self.cost))


class RemoveSupplierItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say that a supplier does not sell a product any more."""

    supplier_id: UUID
    product_id: UUID


class ListSupplierItems(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what suppliers sell, by SKU; what one of them sells, or who sells a product, if asked."""

    supplier_id: UUID | None = None
    product_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class SupplierItemRow(Struct, frozen=True, kw_only=True):
    """A product as a supplier sells it; ``lead_days`` is the item's own, or the supplier's."""

    supplier_id: UUID
    supplier: str
    product_id: UUID
    sku: str
    name: str
    supplier_sku: str
    pack_size: Decimal
    cost: Decimal
    lead_days: int


class SupplierItemPage(Struct, frozen=True, kw_only=True):
    """A page of what suppliers sell; ``next`` None says it is the last."""

    items: list[SupplierItemRow]
    next: str | None


class OrderLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a product, in base units. Pack and cost are the supplier's list's where they are left out."""

    product_id: UUID
    quantity: Decimal
    pack_size: Decimal | None = None
    cost: Decimal | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "quantity", above_zero(self.quantity))
        if self.pack_size is not None:
            force_setattr(self, "pack_size", above_zero(self.pack_size, "pack size"))
        if self.cost is not None:
            force_setattr(self, "cost", parse_cost(self.cost))


OrderLines = Annotated[list[OrderLine], Meta(min_length=1, max_length=MOST_LINES)]


def _percent(value: Decimal) -> Decimal:
    checked = parse_decimal(value, what="over_percent", places=3, maximum=Decimal(100))
    if checked < 0:
        raise InvalidAmount(what="over_percent", problem="must not be below zero")
    return checked


class CreateOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft of an order. ``id`` is the caller's, and the order's.

    ``over_percent`` is how much more than was ordered may be taken in, of each line.
    """

    id: UUID
    supplier_id: UUID
    outlet_id: UUID
    lines: OrderLines
    expected_on: date | None = None
    over_percent: Decimal = Decimal(0)
    note: Note = ""

    def __post_init__(self) -> None:
        force_setattr(self, "over_percent", _percent(self.over_percent))


class UpdateOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a draft; what is left out stays, ``lines`` take the place of all that were there."""

    id: UUID
    lines: OrderLines | UnsetType = UNSET
    expected_on: date | UnsetType | None = UNSET
    over_percent: Decimal | UnsetType = UNSET
    note: Note | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not isinstance(self.over_percent, UnsetType):
            force_setattr(self, "over_percent", _percent(self.over_percent))


class GetOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one order."""

    id: UUID


class ListOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for orders, the newest first; in one state, of one supplier or for one location if asked."""

    state: OrderState | None = None
    supplier_id: UUID | None = None
    outlet_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class OrderLineOut(Struct, frozen=True, kw_only=True):
    """One product of an order; ``open`` is what is still to come."""

    line_no: int
    product_id: UUID
    sku: str
    name: str
    supplier_sku: str
    quantity: Decimal
    pack_size: Decimal
    cost: Decimal
    amount: int
    received: Decimal
    returned: Decimal
    cancelled: Decimal
    open: Decimal


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order in a list; ``total`` is what was ordered, in minor units."""

    id: UUID
    number: int
    supplier_id: UUID
    supplier: str
    outlet_id: UUID
    outlet: str
    state: str
    expected_on: date | None
    over_percent: Decimal
    note: str
    total: int
    created_at: datetime
    created_by: str
    approved_by: str | None
    sent_at: datetime | None
    closed_at: datetime | None


class OrderOut(OrderRow, frozen=True, kw_only=True):
    """An order with its lines."""

    lines: list[OrderLineOut]


class OrderPage(Struct, frozen=True, kw_only=True):
    """A page of orders; ``next`` None says it is the last."""

    items: list[OrderRow]
    next: str | None


class ArrivedGoods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a product of the order arrived, in base units; ``cost`` of a pack where it is not as ordered."""

    product_id: UUID
    quantity: Decimal
    cost: Decimal | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "quantity", above_zero(self.quantity))
        if self.cost is not None:
            force_setattr(self, "cost", parse_cost(self.cost))


class ReceiveOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take in a delivery; without lines, all that is still to come. ``id`` is the caller's, and the receipt's."""

    id: UUID
    order_id: UUID
    lines: Annotated[list[ArrivedGoods], Meta(max_length=MOST_LINES)] = []
    reference: Text = ""

    def __post_init__(self) -> None:
        tidy(self, "reference")


class ReceiptLineOut(Struct, frozen=True, kw_only=True):
    """What arrived of a product, and what it cost in minor units: one base unit, and all of it."""

    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    unit_cost: Decimal
    amount: int


class ReceiptOut(Struct, frozen=True, kw_only=True):
    """A delivery as it was taken in, and the state it left the order in."""

    id: UUID
    order_id: UUID
    order: int
    outlet_id: UUID
    reference: str
    received_at: datetime
    received_by: str
    state: str
    total: int
    lines: list[ReceiptLineOut]


class ListReceipts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the deliveries of one order, oldest first."""

    order_id: UUID


class ReceiptList(Struct, frozen=True, kw_only=True):
    """Every delivery of an order."""

    items: list[ReceiptOut]


class ReturnedGoods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of a product goes back, in base units."""

    product_id: UUID
    quantity: Decimal

    def __post_init__(self) -> None:
        force_setattr(self, "quantity", above_zero(self.quantity))


class ReturnToSupplier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send goods of an order back, from where it was delivered or from ``outlet_id``. ``id`` is the caller's."""

    id: UUID
    order_id: UUID
    outlet_id: UUID | None = None
    lines: Annotated[list[ReturnedGoods], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class GetSupplierReturn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one return."""

    id: UUID


class CreditReturn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what the supplier credited for a return, in minor units."""

    id: UUID
    amount: Minor


class ListSupplierReturns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for returns, the newest first; only those whose credit is open, or of one order, if asked."""

    order_id: UUID | None = None
    open: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class SupplierReturnRow(Struct, frozen=True, kw_only=True):
    """A return in a list: what it should be worth at what the goods cost, and what was credited; minor units."""

    id: UUID
    number: int
    order_id: UUID
    order: int
    supplier: str
    outlet_id: UUID
    outlet: str
    reason: str
    state: str
    expected: int
    credited: int | None
    returned_at: datetime
    returned_by: str


class SupplierReturnLineOut(Struct, frozen=True, kw_only=True):
    """What went back of a product and the credit expected for it, in minor units."""

    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    amount: int


class SupplierReturnOut(SupplierReturnRow, frozen=True, kw_only=True):
    """A return with its lines."""

    lines: list[SupplierReturnLineOut]


class SupplierReturnPage(Struct, frozen=True, kw_only=True):
    """A page of returns; ``next`` None says it is the last."""

    items: list[SupplierReturnRow]
    next: str | None


class SuggestOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what to order: what has come down to its minimum; for one location or from one supplier if asked."""

    outlet_id: UUID | None = None
    supplier_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class SuggestionRow(Struct, frozen=True, kw_only=True):
    """So much to order, in whole packs, from who sells it for least; without a supplier nobody is known to sell it.

    It fills the level up to its target, with what is in transit and what is on order (drafts too) counted in.
    """

    outlet_id: UUID
    outlet: str
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    minimum: Decimal
    target: Decimal
    in_transit: Decimal
    on_order: Decimal
    supplier_id: UUID | None
    supplier: str | None
    pack_size: Decimal | None
    cost: Decimal | None
    suggested: Decimal


class SuggestionPage(Struct, frozen=True, kw_only=True):
    """A page of what to order; ``next`` None says it is the last."""

    items: list[SuggestionRow]
    next: str | None
