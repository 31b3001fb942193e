"""What goes into and comes out of the operations on sales. Amounts are minor units of the sale's currency."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Code
from primepos.domain.values.schemas import CardCode

Quantity = Annotated[Decimal, Meta(description="up to three places")]
UnitPrice = Annotated[Decimal, Meta(description="in currency units, up to four places")]
Minor = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
# Nothing that moves a cursor, turns the direction of writing or cannot be written down at all.
Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"\A[^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]*\Z",
    ),
]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


LotName = Annotated[str, Meta(max_length=64, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]


class SellLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line a caller asks for: a product by id or SKU; the server prices it.

    ``unit_price`` overrides the catalogue and needs ``sale:price_override``; a discount needs
    ``sale:line_discount`` within the grant's limit. Discounts have the sign of the quantity. ``unit`` is the pack that
    is sold, quantity and price being of packs then; ``lot`` the lot or serial number of goods that are tracked so.
    """

    product_id: UUID | None = None
    sku: Text | None = None
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = None
    discount_percent: Decimal = Decimal(0)
    discount: Annotated[int, Meta(ge=0, le=10**15)] = 0
    note: Text = ""
    unit: Annotated[str, Meta(max_length=32)] = ""
    lot: LotName = ""


TenderKind = Literal["cash", "card", "gift_card", "store_credit", "account", "points"]


class TenderIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One payment as handed over, before change.

    A gift card is named by its ``code`` or ``account_id``; store credit, the account and points are those of the
    record's customer unless ``account_id`` names another. Points are given by what they are to pay for.
    ``authorisation_id`` is what was kept for it before. Cash of another ``currency`` says how much of it there is,
    in its minor units; ``amount`` is what that comes to at the shop's rate.
    """

    kind: TenderKind
    amount: Annotated[int, Meta(gt=0, le=10**15)]
    reference: Annotated[str, Meta(max_length=64, pattern=r"^[ -~]*$")] = ""
    code: CardCode | None = None
    account_id: UUID | None = None
    authorisation_id: UUID | None = None
    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")] | None = None
    foreign_amount: Annotated[int, Meta(gt=0, le=10**15)] | None = None

    def __post_init__(self) -> None:
        if (self.currency is None) != (self.foreign_amount is None) or (self.currency and self.kind != "cash"):
            raise ValueError("cash of another currency says which and how much of it")
        if self.kind in ("cash", "card") and (self.code or self.account_id or self.authorisation_id):
            raise ValueError("cash and cards have no code, account or authorisation")
        if self.code is not None and (self.kind != "gift_card" or self.account_id is not None):
            raise ValueError("only a gift card has a code, and then no account_id")


class SellValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Value that is sold: a gift card, or money onto a card, store credit or a customer's account. Untaxed.

    ``card_id`` is a new card's, made by the caller, and ``code`` what is printed on it (one is made without); an
    existing card is topped up by its ``code`` or ``account_id``. Credit and accounts are the record's customer's.
    """

    kind: Literal["gift_card", "store_credit", "account"]
    amount: Annotated[int, Meta(gt=0, le=10**15)]
    card_id: UUID | None = None
    code: CardCode | None = None
    account_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.kind != "gift_card" and (self.card_id or self.code or self.account_id):
            raise ValueError("credit and accounts are the customer's of the record")
        if self.kind == "gift_card" and not (self.card_id or self.code or self.account_id):
            raise ValueError("name a new card by card_id, an old one by its code or account_id")
        if self.account_id is not None and (self.card_id or self.code):
            raise ValueError("an account_id says it all")


class CouponIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A coupon as printed or typed; ``hold_id`` is the use of it that was held for this ticket, if one was."""

    code: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[ -~]*$")]
    hold_id: UUID | None = None


class BookSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale to be priced and booked by the server, into the outlet's own series.

    ``id`` is the caller's UUID and makes the call safe to repeat. ``total`` is what the caller shows the
    customer; if the server's prices make another one, nothing is booked and both are told. ``age_confirmed``: whoever
    books has seen that the customer is as old as the goods require. ``coupons`` call promotions; ``tax_mapping`` is the
    code of one that a person chose (``exempt`` is always there) and needs ``sale:tax_override``.
    """

    id: UUID
    outlet_id: UUID
    lines: Annotated[list[SellLine], Meta(max_length=2000)] = []
    tenders: Annotated[list[TenderIn], Meta(max_length=50)]
    ticket_discount_percent: Decimal = Decimal(0)
    ticket_discount: Annotated[int, Meta(ge=0, le=10**15)] = 0
    total: Minor | None = None
    tip: Annotated[int, Meta(ge=0, le=10**12)] = 0
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: Text = ""
    values: Annotated[list[SellValue], Meta(max_length=50)] = []
    age_confirmed: bool = False
    coupons: Annotated[list[CouponIn], Meta(max_length=20)] = []
    tax_mapping: Code | None = None

    def __post_init__(self) -> None:
        if not self.lines and not self.values:
            raise ValueError("lines: a sale has at least one line")


class LineTax(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """One tax of one line, as charged: code, rate and amount."""

    code: Text
    rate: Decimal
    amount: Minor


class AppliedOffer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A promotion that took something off a line: its code, its name then, how many minor units.

    ``coupon`` is the code that called it, ``hold_id`` the use of it that was held for the ticket.
    """

    code: Text
    name: Text
    amount: Minor
    coupon: Annotated[str, Meta(max_length=64)] = ""
    hold_id: UUID | None = None


class Component(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one unit of a kit is made of: so many of this product leave the stock for it."""

    product_id: UUID
    sku: Text
    quantity: Quantity


class LineDetails(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why a line costs what it does, and what it is made of; frozen with the sale and sealed.

    ``list_price`` is what the catalogue asked, ``rule`` where the unit price came from (``list:CODE``, ``override``),
    ``offers`` what took something off it, ``tax_mapping`` the code of the mapping that gave it other taxes than its
    goods have, ``explain`` how the rest came about, in words. ``checked`` says who saw to
    what the goods require, such as an age. A line that sells value says onto which ``account_id``, and which sale on
    account it ``pays``.
    """

    list_price: UnitPrice | None = None
    rule: Text = ""
    offers: Annotated[list[AppliedOffer], Meta(max_length=50)] = []
    explain: Annotated[list[Text], Meta(max_length=50)] = []
    components: Annotated[list[Component], Meta(max_length=100)] = []
    checked: Text = ""
    tax_mapping: Annotated[str, Meta(max_length=64)] = ""
    account_id: UUID | None = None
    pays: UUID | None = None


LineKind = Literal["goods", "gift_card", "store_credit", "account", "deposit"]
PaymentKind = Literal["cash", "card", "change", "tip", "gift_card", "store_credit", "account", "points", "deposit"]


class SaleLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line as charged. ``base + tax = total``; ``discount`` is already out of the total.

    A line of another ``kind`` than ``goods`` sells value (a gift card, money onto an account, a deposit): it bears no
    tax and is no revenue. ``unit`` and ``factor`` are of a pack: ``factor`` pieces of the product are in one.
    """

    product_id: UUID | None
    sku: Text
    name: Text
    quantity: Quantity
    unit_price: UnitPrice
    discount: Minor
    base: Minor
    tax: Minor
    total: Minor
    taxes: Annotated[list[LineTax], Meta(max_length=20)]
    kind: LineKind = "goods"
    unit: Annotated[str, Meta(max_length=32)] = ""
    factor: Quantity = Decimal("1.000")
    lot: Annotated[str, Meta(max_length=64)] = ""
    note: Text = ""
    details: LineDetails | None = None


class SaleTax(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tax of the whole sale; sale and return lines apart."""

    code: Text
    name: Text
    rate: Decimal
    base: Minor
    amount: Minor


class SalePayment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that came in (positive) or went out (negative, as change and tips do).

    ``account_id`` is the value account it came from and ``authorisation_id`` what held it there. Money of another
    currency says how much of it and at which ``rate``: ``amount`` of ours for one of its whole units.
    """

    kind: PaymentKind
    amount: Minor
    reference: Annotated[str, Meta(max_length=64)] = ""
    account_id: UUID | None = None
    authorisation_id: UUID | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    foreign_amount: Minor | None = None
    rate: Decimal | None = None


class ReturnedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which line of which sale a line takes back: the ``nth`` return of it, after ``before`` of the ``sold``."""

    line_no: int
    of_sale_id: UUID
    of_line_no: int
    quantity: Quantity
    nth: int
    before: Quantity
    sold: Quantity


class DeliverSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale that happened at a till, as its journal holds it: priced, paid, numbered and chained there.

    ``returns`` say which lines take goods of one earlier sale back; ``nth``, ``before`` and ``sold`` of them are worked
    out again by the server. Goods of the lines ``not_restocked`` cannot be sold again.
    """

    id: UUID
    kind: Literal["sale", "void", "refund"] = "sale"
    register_id: UUID
    shift_id: UUID
    epoch: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    number: Annotated[int, Meta(ge=1, le=2**62)]
    business_date: date
    sold_at: Annotated[datetime, Meta(tz=True)]
    cashier_id: UUID | None = None
    cashier: Text = ""
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    lines: Annotated[list[SaleLine], Meta(min_length=1, max_length=2000)]
    taxes: Annotated[list[SaleTax], Meta(max_length=200)]
    payments: Annotated[list[SalePayment], Meta(max_length=100)]
    base: Minor
    tax: Minor
    rounding: Minor
    total: Minor
    value: Minor = 0
    void_of: UUID | None = None
    reason: Text | None = None
    returns: Annotated[list[ReturnedLine], Meta(max_length=2000)] = []
    not_restocked: Annotated[list[int], Meta(max_length=2000)] = []
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: Text = ""
    prev_hash: Hash
    hash: Hash


class SaleOut(Struct, frozen=True, kw_only=True):
    """A booked sale, whole. ``hash`` seals it into its series; ``flags`` say what a person should look at.

    ``base + tax + rounding + value = total``; ``value`` is what was sold that is no revenue, such as gift cards.
    """

    id: UUID
    kind: str
    receipt: str
    outlet_id: UUID
    register_id: UUID | None
    shift_id: UUID | None
    epoch: int | None
    number: int | None
    business_date: date
    sold_at: datetime
    received_at: datetime
    cashier: str
    currency: str
    base: int
    tax: int
    rounding: int
    total: int
    change: int
    lines: list[SaleLine]
    taxes: list[SaleTax]
    payments: list[SalePayment]
    prev_hash: str | None
    hash: str | None
    flags: list[str]
    void_of: UUID | None = None
    voided_by: UUID | None = None
    reason: str | None = None
    external_number: str | None = None
    returns: list[ReturnedLine] = []
    value: int = 0
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: str = ""


class SaleRow(Struct, frozen=True, kw_only=True):
    """A sale in a list."""

    id: UUID
    kind: str
    receipt: str
    outlet_id: UUID
    business_date: date
    sold_at: datetime
    cashier: str
    currency: str
    total: int
    lines: int
    flags: list[str]
    void_of: UUID | None


class GetSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for one sale by id."""

    id: UUID


class ListSales(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of sales, newest business day first. ``after`` is the ``next`` of the page before.

    ``receipt`` is a number as printed; a register that began a new series may have given it more than once.
    """

    outlet_id: UUID | None = None
    shift_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    flagged: bool = False
    receipt: Annotated[str, Meta(max_length=64)] | None = None
    after: Annotated[str, Meta(max_length=64)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class SalePage(Struct, frozen=True, kw_only=True):
    """A page of sales; ``next`` None says it is the last."""

    items: list[SaleRow]
    next: str | None


class VoidSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Undo a sale in its own shift. ``id`` is the counter-record's and makes the call safe to repeat."""

    id: UUID
    sale_id: UUID
    reason: Reason


class RefundLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a sale that comes back. Without ``quantity`` all that is left of it; ``restock`` false is a loss."""

    line_no: Annotated[int, Meta(ge=1, le=2000)]
    quantity: Quantity | None = None
    restock: bool = True


class RefundSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take goods of a sale back, by its receipt. ``id`` is the refund's and makes the call safe to repeat.

    Without ``lines`` everything that is left comes back. Without ``tenders`` the money goes where it came from: to the
    cards first, the rest in cash. ``outlet_id`` is where it is paid out and the goods go, the sale's own by default.
    """

    id: UUID
    sale_id: UUID
    outlet_id: UUID | None = None
    lines: Annotated[list[RefundLine], Meta(max_length=2000)] = []
    tenders: Annotated[list[TenderIn], Meta(max_length=50)] = []
    reason: Reason


class RefundableLine(Struct, frozen=True, kw_only=True):
    """What can still come back of one line: ``amount`` is what all that is left is worth, in minor units."""

    line_no: int
    sku: str
    name: str
    sold: Decimal
    returned: Decimal
    left: Decimal
    amount: int


class Refundable(Struct, frozen=True, kw_only=True):
    """What can still come back of a sale; ``cards`` is what can go back to cards, in minor units."""

    sale_id: UUID
    receipt: str
    currency: str
    lines: list[RefundableLine]
    amount: int
    cards: int


class ReturnLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product that comes back without a receipt, by id or SKU; ``restock`` false is a loss.

    ``unit_price`` is what is given for it instead of today's price and needs ``sale:price_override``.
    """

    product_id: UUID | None = None
    sku: Text | None = None
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = None
    restock: bool = True
    unit: Annotated[str, Meta(max_length=32)] = ""
    lot: LotName = ""

    @property
    def note(self) -> str:
        """What comes back says nothing of itself; the record has a reason."""
        return ""

    @property
    def discount_percent(self) -> Decimal:
        """Nothing is taken off what comes back."""
        return Decimal(0)

    @property
    def discount(self) -> int:
        """Nothing is taken off what comes back."""
        return 0


class ReturnGoods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take goods back whose receipt is lost, at today's prices, for cash. ``id`` makes the call safe to repeat."""

    id: UUID
    outlet_id: UUID
    lines: Annotated[list[ReturnLine], Meta(min_length=1, max_length=200)]
    reason: Reason


class ExchangeGoods(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take goods of a sale back and sell others in one record. ``id`` makes the call safe to repeat.

    ``returns`` are lines of the sale ``sale_id``, ``lines`` what is taken instead. ``tenders`` pay the difference;
    where it is the customer's, leave them out: it goes to the cards that paid first, the rest in cash.
    """

    id: UUID
    sale_id: UUID
    outlet_id: UUID | None = None
    returns: Annotated[list[RefundLine], Meta(min_length=1, max_length=2000)]
    lines: Annotated[list[SellLine], Meta(min_length=1, max_length=2000)]
    tenders: Annotated[list[TenderIn], Meta(max_length=50)] = []
    reason: Reason
    age_confirmed: bool = False


class PaySale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pay for a sale that was made on account, in whole or in part. ``id`` is the record's: safe to repeat.

    ``amount`` is what is paid of it, by default all that is open; the tenders may be more, in cash.
    """

    id: UUID
    sale_id: UUID
    outlet_id: UUID | None = None
    amount: Annotated[int, Meta(gt=0, le=10**15)] | None = None
    tenders: Annotated[list[TenderIn], Meta(min_length=1, max_length=50)]
    note: Text = ""


class PayAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that a customer brings for their account; it settles the oldest sales first. ``id``: safe to repeat."""

    id: UUID
    customer_id: UUID
    outlet_id: UUID
    amount: Annotated[int, Meta(gt=0, le=10**15)]
    tenders: Annotated[list[TenderIn], Meta(min_length=1, max_length=50)]
    note: Text = ""


class SaleSettlement(Struct, frozen=True, kw_only=True):
    """How far a sale is paid: at once, on account, and of that how much is still open; minor units.

    ``status`` is ``paid``, ``part_paid`` or ``open``.
    """

    sale_id: UUID
    receipt: str
    currency: str
    total: int
    on_account: int
    open: int
    status: str
    payments: list[SalePayment]
