"""What reports are asked and what they answer. Amounts are minor units of the tenant's currency."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Code

Grouping = Literal["day", "month", "outlet", "product", "tax", "tender", "hour"]
GROUPINGS: tuple[str, ...] = get_args(Grouping)


class AskSales(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what was sold from business day ``since`` to ``until``, both included; without them, from first to last.

    ``outlet_id``, or ``outlet`` with its code, asks for one outlet; without either, for all that the caller works in.
    ``limit`` bounds the rows, the largest amounts first where the rows are products; the total is over everything.
    """

    group_by: Grouping = "day"
    since: date | None = None
    until: date | None = None
    outlet_id: UUID | None = None
    outlet: Code | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until")
        if self.outlet_id is not None and self.outlet is not None:
            raise ValueError("give either the id or the code of an outlet")


class SalesFigure(Struct, frozen=True, kw_only=True):
    """One row of a report; what its kind of row does not have is None.

    ``key`` is the day, the month (2026-03), the hour (00 to 23, local), an outlet's code, a SKU, a tax's code or a
    tender (cash less change, card, gift_card and others, ``unrecorded`` for imported sales); ``name`` says it in words.
    ``sales`` counts sales and imported ones, ``voids`` their counter-records, and the amounts are over both.
    ``base + tax + rounding + value = total``, where ``value`` is what was sold that is no revenue, such as gift cards;
    a product has no rounding and no value, a tax only its base and tax, a tender only its total.
    """

    key: str
    name: str = ""
    sales: int | None = None
    voids: int | None = None
    refunds: int | None = None
    lines: int | None = None
    quantity: Decimal | None = None
    base: int | None = None
    tax: int | None = None
    rounding: int | None = None
    value: int | None = None
    total: int | None = None


class SalesReport(Struct, frozen=True, kw_only=True):
    """What was sold: rows, oldest first or largest first, and the total over all rows, also those left out.

    ``is_complete`` is false where ``limit`` left rows out.
    """

    currency: str
    currency_exponent: int
    group_by: str
    since: date | None
    until: date | None
    rows: list[SalesFigure]
    total: SalesFigure
    is_complete: bool


MarginGrouping = Literal["product", "category", "outlet", "day", "month"]
MARGIN_GROUPINGS: tuple[str, ...] = get_args(MarginGrouping)


class AskMargin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what was earned from business day ``since`` to ``until``, both included; without them, from first to last.

    ``outlet_id``, or ``outlet`` with its code, asks for one outlet; without either, for all that the caller works in.
    ``limit`` bounds the rows, the largest margins first; days and months come in their order.
    """

    group_by: MarginGrouping = "product"
    since: date | None = None
    until: date | None = None
    outlet_id: UUID | None = None
    outlet: Code | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until")
        if self.outlet_id is not None and self.outlet is not None:
            raise ValueError("give either the id or the code of an outlet")


class MarginFigure(Struct, frozen=True, kw_only=True):
    """One row: net sales of goods, what they were worth, and the difference; minor units.

    ``margin = known_base - cost`` and ``percent`` is its share of ``known_base``, in percent with two decimals, None of
    nothing. ``known_base`` is net sales of the lines whose cost is known; the others are ``uncosted_lines`` and
    ``uncosted_base``. Voids and refunds are taken off.
    """

    key: str
    name: str = ""
    lines: int
    quantity: Decimal
    base: int
    known_base: int
    cost: int
    margin: int
    percent: Decimal | None
    uncosted_lines: int
    uncosted_base: int


class MarginReport(Struct, frozen=True, kw_only=True):
    """What was earned: rows, and the total over all rows, also those left out.

    ``is_complete`` is false where ``limit`` left rows out.
    """

    currency: str
    currency_exponent: int
    group_by: str
    since: date | None
    until: date | None
    rows: list[MarginFigure]
    total: MarginFigure
    is_complete: bool


class SummariseDay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one business day of one outlet."""

    outlet_id: UUID
    business_date: date


class DaySummaryOut(Struct, frozen=True, kw_only=True):
    """The summary as it was made: how many sales and SKUs of the day it holds; a day without sales has none."""

    outlet_id: UUID
    business_date: date
    sales: int
    voids: int
    refunds: int
    products: int
    total: int
