"""What goes into and comes out of closings and the fiscal export. Amounts are minor units."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from primepos.domain.sales.schemas import ReturnedLine, SaleLine, SalePayment, SaleTax

Period = Literal["day", "month", "year"]


class ClosePeriod(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Close every series through the day, month or year that ends with ``until``; through today without it."""

    period: Period = "day"
    until: date | None = None


class ClosingTax(Struct, frozen=True, kw_only=True):
    """One tax over the numbers of a closing."""

    code: str
    rate: Decimal
    base: int
    amount: int


class ClosingOut(Struct, frozen=True, kw_only=True):
    """A closing, as it stands for good; see :class:`primepos.domain.fiscal.models.FiscalClosing`."""

    series: str
    period: Period
    closing_no: int
    until: date
    from_number: int
    to_number: int
    sales: int
    voids: int
    refunds: int
    base: int
    tax: int
    rounding: int
    total: int
    sold: int
    grand_total: int
    grand_sold: int
    taxes: list[ClosingTax]
    last_hash: str
    prev_hash: str
    hash: str
    closed_at: datetime
    closed_by: str
    value: int = 0


class WaitingSeries(Struct, frozen=True, kw_only=True):
    """A series that could be closed only up to a number that is missing: a till has not delivered it yet."""

    series: str
    missing: int


class Closed(Struct, frozen=True, kw_only=True):
    """What was closed now; a series without new sales has no new closing."""

    closings: list[ClosingOut]
    waiting: list[WaitingSeries]


class ListClosings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the closings of a kind of period, newest first."""

    period: Period = "day"
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ClosingList(Struct, frozen=True, kw_only=True):
    """Closings, newest first."""

    items: list[ClosingOut]


class AskOutline(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what an export would hold at this moment."""


class SeriesOutline(Struct, frozen=True, kw_only=True):
    """One series as it stands: how many sales, its last number and hash, and the numbers that are missing."""

    series: str
    register_id: UUID
    epoch: int
    sales: int
    last_number: int
    last_hash: str
    missing: list[int]


class Outline(Struct, frozen=True, kw_only=True):
    """What an export holds, and its seal: an Ed25519 ``signature`` over the heads of all series and all closings.

    ``key`` is the public half (hexadecimal) of the key that made it; ``zone`` is that of the business days.
    """

    shop: str
    currency: str
    zone: str
    made_at: datetime
    key: str
    series: list[SeriesOutline]
    closings: list[ClosingOut]
    signature: str


class AskSales(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the sales of a series after a number, in order."""

    register_id: UUID
    epoch: Annotated[int, Meta(ge=1)]
    after: Annotated[int, Meta(ge=0)] = 0
    up_to: Annotated[int, Meta(ge=1)]
    limit: Annotated[int, Meta(ge=1, le=500)] = 500


class ExportedSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sealed sale with everything that its seal covers."""

    series: str
    number: int
    receipt: str
    id: UUID
    kind: str
    void_of: UUID | None
    reason: str | None
    shift_id: UUID
    business_date: date
    sold_at: datetime
    cashier: str
    currency: str
    lines: list[SaleLine]
    taxes: list[SaleTax]
    payments: list[SalePayment]
    returns: list[ReturnedLine]
    base: int
    tax: int
    rounding: int
    total: int
    prev_hash: str
    hash: str
    value: int = 0
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: str = ""


class ExportedSales(Struct, frozen=True, kw_only=True):
    """Sales of a series, in order."""

    items: list[ExportedSale]
