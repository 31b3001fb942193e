"""What goes into and comes out of the operations on value. Amounts are minor units, or whole points."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Name, tidy

Kind = Literal["gift_card", "store_credit", "account", "points"]
CardCode = Annotated[str, Meta(min_length=8, max_length=100, pattern=r"\A[0-9A-Za-z -]*\Z")]
Positive = Annotated[int, Meta(gt=0, le=10**15)]
Signed = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]


class IssueCard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gift card given away by the office: nothing is paid for it. ``id`` is the card's and makes it safe to repeat.

    ``code`` is what is printed on the card; without one, one is made. ``expires_on`` is the last day it is good.
    """

    id: UUID
    amount: Positive
    reason: Name
    code: CardCode | None = None
    expires_on: date | None = None
    customer_id: UUID | None = None

    def __post_init__(self) -> None:
        tidy(self, "reason")


class CardIssued(Struct, frozen=True, kw_only=True):
    """A card as it was issued. ``code`` is told here and never again; None where the server cannot know it any more."""

    account_id: UUID
    code: str | None
    tail: str
    balance: int
    currency: str
    expires_on: date | None


class AdjustHolder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a customer ``amount`` more, or less, of what they have; opened where there is none. ``id``: safe to repeat.

    Minor units, or whole points.
    """

    id: UUID
    customer_id: UUID
    amount: Signed
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")
        if not self.amount:
            raise ValueError("amount must not be zero")


class AdjustValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put a balance right by ``amount``, above or below zero. ``id`` makes the call safe to repeat."""

    id: UUID
    account_id: UUID
    amount: Signed
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")
        if not self.amount:
            raise ValueError("amount must not be zero")


class BlockCard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a card or credit from which nothing is to be taken any more, or again, and why."""

    account_id: UUID
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


class ByCode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a gift card by its code, as typed or scanned."""

    code: CardCode


class ByAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a card or account by its id."""

    account_id: UUID


class ByCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a customer."""

    customer_id: UUID


class ValueOut(Struct, frozen=True, kw_only=True):
    """One card or account. ``balance`` is what the shop owes the holder; below zero the holder owes the shop.

    ``available`` can be taken now: the balance, less what is authorised, down to the credit ``limit``. A gift card
    shows only the ``tail`` of its code. ``worth`` is what points pay for, in minor units,
    ``customer`` number and name of the holder.
    """

    account_id: UUID
    kind: Kind
    customer_id: UUID | None
    tail: str
    currency: str | None
    balance: int
    held: int
    available: int
    limit: int
    state: str
    expires_on: date | None
    opened_at: datetime
    worth: int | None = None
    customer: str = ""


class ListCards(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of gift cards: by the last places of their codes, by state, or only those with money on them."""

    state: Literal["active", "blocked", "closed"] | None = None
    tail: Annotated[str, Meta(max_length=4, pattern=r"\A[0-9A-Za-z]*\Z")] | None = None
    in_use: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class ListHolders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of what customers have of a kind; ``in_use`` leaves out those at zero."""

    kind: Literal["store_credit", "account", "points"] = "account"
    in_use: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class ValuePage(Struct, frozen=True, kw_only=True):
    """A page of cards or accounts; ``next`` None says it is the last."""

    items: list[ValueOut]
    next: str | None


class CustomerValue(Struct, frozen=True, kw_only=True):
    """Everything of value a customer has with the shop, gift cards in their name included."""

    items: list[ValueOut]


class ListEntries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what made a balance, newest first. ``after`` is the ``next`` of the page before."""

    account_id: UUID
    after: Annotated[int, Meta(ge=1)] | None = None
    limit: PageSize = 50


class EntryOut(Struct, frozen=True, kw_only=True):
    """One change of a balance, with the balance after it; ``receipt`` is the sale's it belongs to."""

    entry_no: int
    at: datetime
    business_date: date
    cause: str
    amount: int
    balance: int
    worth: int | None
    sale_id: UUID | None
    receipt: str | None
    of_sale_id: UUID | None
    reason: str | None
    actor: str


class EntryPage(Struct, frozen=True, kw_only=True):
    """A page of entries; ``next`` None says it is the last."""

    items: list[EntryOut]
    next: int | None


class Adjusted(Struct, frozen=True, kw_only=True):
    """An entry that was written, and the balance after it."""

    account_id: UUID
    entry_no: int
    amount: int
    balance: int


class SetLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a customer may owe, in minor units; 0 ends buying on account. Opens the account where there is none."""

    customer_id: UUID
    limit: Annotated[int, Meta(ge=0, le=10**15)]


class AskStatement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a customer's account over business days, both ends included; without them everything there is."""

    customer_id: UUID
    since: date | None = None
    until: date | None = None


class Statement(Struct, frozen=True, kw_only=True):
    """A customer's account over a period: what was there, each entry, what is there. Below zero the customer owes.

    ``is_complete`` false: there are more entries than one answer holds; ask for a shorter period.
    """

    account_id: UUID
    customer_id: UUID
    currency: str
    since: date | None
    until: date | None
    opening: int
    entries: list[EntryOut]
    closing: int
    limit: int
    is_complete: bool


class AskAgeing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask who owes how much since when, on a day; one customer or all. ``after`` is the ``next`` of the page before."""

    on: date | None = None
    customer_id: UUID | None = None
    after: Cursor | None = None
    limit: PageSize = 50


class AgeingRow(Struct, frozen=True, kw_only=True):
    """What one customer owes, by how many days ago it was sold: all of it above zero, in minor units."""

    account_id: UUID
    customer_id: UUID
    customer: str
    owed: int
    days_0_30: int
    days_31_60: int
    days_61_90: int
    days_over_90: int
    oldest_on: date


class Ageing(Struct, frozen=True, kw_only=True):
    """Who owes, the largest debt first."""

    on: date
    currency: str
    items: list[AgeingRow]
    next: str | None


class OpenSale(Struct, frozen=True, kw_only=True):
    """A sale on account and what of it is still open."""

    sale_id: UUID | None
    receipt: str | None
    business_date: date
    charged: int
    open: int


class OpenSales(Struct, frozen=True, kw_only=True):
    """What a customer's debt is made of, the oldest first; payments that name no sale settle the oldest first."""

    items: list[OpenSale]


class AskLiabilities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what the shop owes in all."""


class LiabilityRow(Struct, frozen=True, kw_only=True):
    """One kind of value: how many accounts are not at zero, what the shop owes, what it is owed, what is authorised."""

    kind: Kind
    accounts: int
    owed_to_customers: int
    owed_by_customers: int
    held: int


class Liabilities(Struct, frozen=True, kw_only=True):
    """What the shop owes and is owed, by kind; points count as points."""

    currency: str
    rows: list[LiabilityRow]


class Authorise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep ``amount`` minor units for a sale for a quarter of an hour. ``id`` is the till's: safe to repeat.

    From a gift card by its ``code``, or by ``account_id``, or from what a customer has of a ``kind``. Points are kept
    by what they are to pay for.
    """

    id: UUID
    amount: Positive
    code: CardCode | None = None
    account_id: UUID | None = None
    customer_id: UUID | None = None
    kind: Literal["store_credit", "account", "points"] | None = None
    register_id: UUID | None = None
    sale_id: UUID | None = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.code, self.account_id, self.customer_id)) != 1:
            raise ValueError("name either a code, an account_id or a customer_id")
        if (self.customer_id is None) != (self.kind is None):
            raise ValueError("with a customer_id goes the kind of value, and only with it")


class AuthorisationOut(Struct, frozen=True, kw_only=True):
    """What is kept: ``amount`` in minor units, or points, ``worth`` what points pay for. ``id`` goes into the journal.

    ``state`` is held, captured, released or expired.
    """

    id: UUID
    account_id: UUID
    kind: Kind
    amount: int
    worth: int | None
    state: str
    expires_at: datetime


class ById(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names an authorisation."""

    id: UUID


class SetAllotment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a kind a register may take while the server is away, until ``expires_at``; 0 takes it away.

    Counting begins anew with each new ``id``; the same one again changes nothing.
    """

    id: UUID
    register_id: UUID
    kind: Kind
    amount: Annotated[int, Meta(ge=0, le=10**15)]
    expires_at: Annotated[datetime, Meta(tz=True)]


class ListAllotments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what registers may take while the server is away."""

    register_id: UUID | None = None


class AllotmentOut(Struct, frozen=True, kw_only=True):
    """What a register may take of a kind while the server is away, and what delivered sales have drawn on it."""

    register_id: UUID
    kind: Kind
    amount: int
    used: int
    expires_at: datetime


class Allotments(Struct, frozen=True, kw_only=True):
    """Allotments, by register and kind."""

    items: list[AllotmentOut]


class TidyValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask the books of value to be tidied."""


class Tidied(Struct, frozen=True, kw_only=True):
    """How many authorisations had run out, cards had expired, customers' points lapsed, and merged accounts moved."""

    authorisations: int
    cards: int
    points: int
    merged: int
