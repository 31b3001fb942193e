"""What goes into and comes out of the operations on customers. Amounts are minor units of the tenant's currency."""

import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from primepos.core.paging import CURSOR_LENGTH
from primepos.core.texts import Code, Name, Note, Sku, tidy
from primepos.domain.customers.contact import PhoneProblem, clean_email, clean_phone
from primepos.domain.customers.errors import InvalidPhone

# Typed at the till and printed on cards.
Number = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[A-Za-z0-9][A-Za-z0-9._/-]*\Z")]
Address = Annotated[str, Meta(max_length=500, pattern=r"\A[^\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]*\Z")]
Email = Annotated[str, Meta(min_length=3, max_length=254)]
Phone = Annotated[str, Meta(min_length=3, max_length=40)]
Language = Annotated[str, Meta(max_length=16, pattern=r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")]
ShortText = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z")]
Version = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Cursor = Annotated[str, Meta(min_length=1, max_length=CURSOR_LENGTH)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
Groups = Annotated[list[Code], Meta(max_length=50)]
Purpose = Literal["email", "phone", "sms", "post", "profiling"]
How = Literal["in_person", "paper", "phone", "email", "web", "import"]
MOST_ROWS = 1000
FIRST_BIRTHDAY = date(1880, 1, 1)

# The texts of a profile that have one form: NFKC, blanks tidied.
_TIDIED = ("name", "company", "tax_number", "exemption_number")


def _profile(struct: Any) -> None:
    """Bring the fields of a profile into their one form. Raises: ``INVALID_EMAIL``, ``INVALID_PHONE``."""
    tidy(struct, *_TIDIED)
    if isinstance(struct.email, str):
        force_setattr(struct, "email", clean_email(struct.email))
    if isinstance(struct.phone, str):
        try:
            force_setattr(struct, "phone", clean_phone(struct.phone))
        except PhoneProblem as problem:
            raise InvalidPhone(reason=str(problem)) from None
    for field in ("address", "notes"):
        if isinstance(text := getattr(struct, field), str):
            force_setattr(struct, field, unicodedata.normalize("NFC", text).strip() or None)
    if isinstance(struct.born_on, date) and struct.born_on < FIRST_BIRTHDAY:
        raise ValueError("born before 1880")


class CreateCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new customer. ``id`` is the caller's own, so a till can make one while the server is away, and send it twice.

    Without ``number`` the next free one is given. ``groups`` are codes. ``price_list`` is the code of a price list;
    groups and price list need ``pricelist:write``, a tax exemption ``sale:tax_override``.
    """

    id: UUID | None = None
    number: Number | None = None
    name: Name
    company: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    address: Address | None = None
    tax_number: ShortText | None = None
    born_on: date | None = None
    notes: Note | None = None
    language: Language | None = None
    price_list: Code | None = None
    groups: Groups = []
    tax_exempt: bool = False
    exemption_number: ShortText | None = None
    exempt_until: date | None = None

    def __post_init__(self) -> None:
        _profile(self)
        if not self.tax_exempt and (self.exemption_number or self.exempt_until):
            raise ValueError("an exemption's number and end belong to a customer who is tax_exempt")


class UpdateCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a customer; what is left out stays, null empties. ``version`` is the one the caller read."""

    id: UUID
    version: Version | None = None
    number: Number | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    company: Name | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    tax_number: ShortText | UnsetType | None = UNSET
    born_on: date | UnsetType | None = UNSET
    notes: Note | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    price_list: Code | UnsetType | None = UNSET
    groups: Groups | UnsetType = UNSET
    tax_exempt: bool | UnsetType = UNSET
    exemption_number: ShortText | UnsetType | None = UNSET
    exempt_until: date | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        _profile(self)


class CustomerRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer as a file of another system has them, for the import.

    Found again by ``number``, else by ``email``, else by ``key``: whatever names the row in its source for ever.
    Groups that do not exist are made. ``consents`` are purposes agreed to. Empty fields change nothing.
    """

    key: Sku
    number: Number | None = None
    name: Name
    company: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    address: Address | None = None
    tax_number: ShortText | None = None
    born_on: date | None = None
    notes: Note | None = None
    language: Language | None = None
    price_list: Code | None = None
    groups: Groups = []
    tax_exempt: bool | None = None
    exemption_number: ShortText | None = None
    exempt_until: date | None = None
    consents: Annotated[list[Purpose], Meta(max_length=5)] = []

    def __post_init__(self) -> None:
        _profile(self)


class LoadCustomers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Customers of a file of ``source``; a dry run says what would be done and does nothing."""

    source: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,31}\Z")]
    rows: Annotated[list[CustomerRow], Meta(max_length=MOST_ROWS)]
    dry_run: bool = False


class RefusedRow(Struct, frozen=True, kw_only=True):
    """A row that was not taken: its place in the batch from 0, a stable code, and what is wrong in words."""

    index: int
    code: str
    problem: str


class CustomersLoaded(Struct, frozen=True, kw_only=True):
    """What a batch did, or would do."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[RefusedRow] = []


class NameCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one customer by id."""

    id: UUID


class FindCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one customer, by id or by number."""

    id: UUID | None = None
    number: Number | None = None

    def __post_init__(self) -> None:
        if (self.id is None) == (self.number is None):
            raise ValueError("give either an id or a number")


class ListCustomers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of customers by name, of one group if asked, or for the archived ones instead.

    ``after`` is the ``next`` of the page before.
    """

    group: Code | None = None
    archived: bool = False
    after: Cursor | None = None
    limit: PageSize = 50


class SearchCustomers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for customers by number, beginnings of words of name and company, e-mail or phone; best first."""

    query: Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]
    limit: PageSize = 20


class ConsentOut(Struct, frozen=True, kw_only=True):
    """What was agreed to or withdrawn: for what, when, how, and who of the shop wrote it down."""

    purpose: str
    given: bool
    how: str
    at: datetime
    by: str


class CustomerOut(Struct, frozen=True, kw_only=True):
    """A customer. ``consents`` are the purposes agreed to as it stands; ``merged_from`` records that became this one.

    Of one who was erased only ids, dates and the consents' facts are left, and ``number`` is empty.
    """

    id: UUID
    number: str
    name: str
    company: str | None
    email: str | None
    phone: str | None
    address: str | None
    tax_number: str | None
    born_on: date | None
    notes: str | None
    language: str | None
    price_list: str | None
    groups: list[str]
    tax_exempt: bool
    exemption_number: str | None
    exempt_until: date | None
    consents: list[str]
    merged_from: list[UUID]
    version: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    erased_at: datetime | None


class CustomerSummary(Struct, frozen=True, kw_only=True):
    """A customer in a list. ``exact`` says that number, e-mail or phone are those that were searched for."""

    id: UUID
    number: str
    name: str
    company: str | None
    email: str | None
    phone: str | None
    groups: list[str]
    archived_at: datetime | None
    exact: bool = False


class CustomerPage(Struct, frozen=True, kw_only=True):
    """A page of customers; ``next`` None says it is the last."""

    items: list[CustomerSummary]
    next: str | None


class CustomerHits(Struct, frozen=True, kw_only=True):
    """Customers that were found, best first."""

    items: list[CustomerSummary]


class RecordConsent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write down that a customer agreed to something (``given``), or no longer does."""

    id: UUID
    purpose: Purpose
    given: bool
    how: How


class ConsentList(Struct, frozen=True, kw_only=True):
    """Everything a customer ever agreed to or withdrew, oldest first."""

    items: list[ConsentOut]


class MergeCustomers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make two records of one person one: ``id`` goes, ``into`` stays and is given what it lacks."""

    id: UUID
    into: UUID


class AskHistory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of a customer's sales, newest first. ``after`` is the ``next`` of the page before."""

    id: UUID
    after: Cursor | None = None
    limit: PageSize = 50


class BoughtRow(Struct, frozen=True, kw_only=True):
    """A sale or refund of a customer, refunds below zero; one that ``is_voided`` counts for nothing."""

    id: UUID
    kind: str
    receipt: str
    outlet_id: UUID
    business_date: date
    sold_at: datetime
    currency: str
    total: int
    is_voided: bool


class CustomerTotals(Struct, frozen=True, kw_only=True):
    """What a customer came to: sales that stand, what they spent on goods less refunds, and the last visit.

    Money put onto cards and accounts is spent when it is used.
    """

    visits: int
    spent: int
    currency: str
    last_seen: datetime | None


class HistoryPage(Struct, frozen=True, kw_only=True):
    """A page of a customer's sales and the totals over all of them; ``next`` None says it is the last."""

    items: list[BoughtRow]
    totals: CustomerTotals
    next: str | None


class EraseCustomer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Erase a person for good. ``confirm`` must be true: nothing brings them back."""

    id: UUID
    confirm: bool

    def __post_init__(self) -> None:
        if not self.confirm:
            raise ValueError("confirm must be true")


class Erased(Struct, frozen=True, kw_only=True):
    """A person that was erased, and how many sales stay without one."""

    id: UUID
    erased_at: datetime
    records: int
    sales: int


class BoughtLine(Struct, frozen=True, kw_only=True):
    """One line of a sale of a customer."""

    sku: str
    name: str
    quantity: str
    total: int


class BoughtSale(Struct, frozen=True, kw_only=True):
    """A sale of a customer with its lines."""

    sale: BoughtRow
    lines: list[BoughtLine]


class ChangeNote(Struct, frozen=True, kw_only=True):
    """Something that was done to the record of a customer, as the audit trail has it."""

    at: datetime
    operation: str


class CustomerData(Struct, frozen=True, kw_only=True):
    """Everything that is held about one person; ``sales_left_out`` counts sales beyond the most that are given."""

    customer: CustomerOut
    merged: list[CustomerOut]
    consents: list[ConsentOut]
    totals: CustomerTotals
    sales: list[BoughtSale]
    sales_left_out: int
    changes: list[ChangeNote]


class CreateCustomerGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new group of customers."""

    code: Code
    name: Name

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdateCustomerGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a group; an archived one keeps its members, counts for nothing and is given to nobody."""

    id: UUID
    name: Name | UnsetType = UNSET
    archived: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


class ListCustomerGroups(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the groups in use, or for the archived ones instead."""

    archived: bool = False


class CustomerGroupOut(Struct, frozen=True, kw_only=True):
    """A group of customers."""

    id: UUID
    code: str
    name: str
    archived_at: datetime | None


class CustomerGroupList(Struct, frozen=True, kw_only=True):
    """Groups of customers, by code."""

    items: list[CustomerGroupOut]


class ResealCustomers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seal anew what an older key sealed, up to ``limit`` customers."""

    limit: Annotated[int, Meta(ge=1, le=5000)] = 500


class Resealed(Struct, frozen=True, kw_only=True):
    """How many customers were sealed anew, and whether there are more."""

    customers: int
    more: bool
