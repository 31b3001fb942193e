"""What goes into and comes out of the operations on orders. Amounts are minor units."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.domain.sales.schemas import Reason, SaleOut, SellLine, TenderIn, Text

OrderKind = Literal["held", "quote", "layaway"]
Amount = Annotated[int, Meta(gt=0, le=10**15)]


class SaveOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put a ticket aside, or change one that is. ``id`` is the caller's and makes the first call safe to repeat.

    Without ``version`` it is new; with it, it replaces what that version says. A quote promises its prices until
    ``valid_until``; of what is on hold the prices are those of the day it is sold.
    """

    id: UUID
    kind: OrderKind = "held"
    outlet_id: UUID
    lines: Annotated[list[SellLine], Meta(min_length=1, max_length=2000)]
    ticket_discount_percent: Decimal = Decimal(0)
    ticket_discount: Annotated[int, Meta(ge=0, le=10**15)] = 0
    customer_id: UUID | None = None
    label: Text = ""
    note: Text = ""
    valid_until: date | None = None
    version: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if (self.kind == "quote") != (self.valid_until is not None):
            raise ValueError("a quote, and nothing else, says how long its prices are valid")
        if self.kind == "layaway" and self.customer_id is None:
            raise ValueError("what is laid away is laid away for a customer")


class TicketOut(Struct, frozen=True, kw_only=True):
    """An order as it stands. ``owner_register_id`` None: at no till, so whoever comes first may take it."""

    id: UUID
    number: int
    kind: OrderKind
    state: Literal["open", "sold", "cancelled"]
    version: int
    outlet_id: UUID
    owner_register_id: UUID | None
    customer_id: UUID | None
    label: str
    note: str
    lines: list[SellLine]
    ticket_discount_percent: Decimal
    ticket_discount: int
    currency: str
    total: int
    deposit: int
    valid_until: date | None
    sale_id: UUID | None
    reason: str | None
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


class TicketRow(Struct, frozen=True, kw_only=True):
    """An order in a list."""

    id: UUID
    number: int
    kind: OrderKind
    state: str
    version: int
    outlet_id: UUID
    owner_register_id: UUID | None
    customer_id: UUID | None
    label: str
    currency: str
    total: int
    deposit: int
    lines: int
    valid_until: date | None
    changed_at: datetime
    changed_by: str


class GetOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for one order."""

    id: UUID


class ListOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of orders, newest first; open ones unless ``ended``. ``after`` is the ``next`` of a page."""

    kind: OrderKind | None = None
    outlet_id: UUID | None = None
    customer_id: UUID | None = None
    ended: bool = False
    after: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class TicketPage(Struct, frozen=True, kw_only=True):
    """A page of orders; ``next`` None says it is the last."""

    items: list[TicketRow]
    next: int | None


class TakeOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take an order over from whichever register has it."""

    id: UUID
    version: Annotated[int, Meta(ge=1)]


class CancelOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give an order up."""

    id: UUID
    version: Annotated[int, Meta(ge=1)]
    reason: Reason


class SellOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sell an order: its deposit pays first, ``tenders`` the rest. ``sale_id`` makes the call safe to repeat."""

    id: UUID
    version: Annotated[int, Meta(ge=1)]
    sale_id: UUID
    tenders: Annotated[list[TenderIn], Meta(max_length=50)] = []
    age_confirmed: bool = False


class PayDeposit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pay something on an order. ``sale_id`` is the record's and makes the call safe to repeat."""

    id: UUID
    sale_id: UUID
    amount: Amount
    tenders: Annotated[list[TenderIn], Meta(min_length=1, max_length=50)]


class ReturnDeposit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give the whole deposit back in cash, or by ``card``. ``sale_id`` is the record's; safe to repeat with it."""

    id: UUID
    sale_id: UUID
    reason: Reason
    to: Literal["cash", "card"] = "cash"


class DepositPaid(Struct, frozen=True, kw_only=True):
    """The record of a deposit, and the order after it."""

    order: TicketOut
    sale: SaleOut


class Removed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something taken off a ticket or made less before payment. ``id`` is made where it happened."""

    id: UUID
    ticket_id: UUID
    at: datetime
    person: Text = ""
    approver: Text = ""
    act: Literal[
        "line_removed",
        "quantity_reduced",
        "price_reduced",
        "discount_given",
        "payment_taken_back",
        "ticket_given_up",
    ]
    sku: Text = ""
    name: Text = ""
    quantity: Decimal | None = None
    amount: Annotated[int, Meta(ge=-(10**15), le=10**15)] | None = None


class ReportRemoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was taken off tickets at a register; what is known already is left alone."""

    outlet_id: UUID
    register_id: UUID | None = None
    items: Annotated[list[Removed], Meta(min_length=1, max_length=1000)]


class ReportedRemoved(Struct, frozen=True, kw_only=True):
    """How many were new."""

    added: int


class ListRemoved(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of what was taken off tickets, newest first."""

    since: datetime | None = None
    until: datetime | None = None
    outlet_id: UUID | None = None
    person: Text | None = None
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class RemovedRow(Struct, frozen=True, kw_only=True):
    """One thing taken off, and where."""

    id: UUID
    outlet_id: UUID
    register_id: UUID | None
    ticket_id: UUID
    at: datetime
    person: str
    approver: str
    act: str
    sku: str
    name: str
    quantity: Decimal | None
    amount: int | None


class RemovedPage(Struct, frozen=True, kw_only=True):
    """A page; ``next`` None says it is the last."""

    items: list[RemovedRow]
    next: str | None
