"""What goes in and comes out of commission and of the figures by person."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from primepos.core.texts import Code


class SetCommission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody gets of their sales in percent, from ``valid_from`` on; without a day from today on."""

    percent: Decimal
    staff_id: UUID | None = None
    code: Code | None = None
    valid_from: date | None = None

    def __post_init__(self) -> None:
        if (self.staff_id is None) == (self.code is None):
            raise ValueError("name the person by staff_id or by code")
        if not (self.percent.is_finite() and 0 <= self.percent <= 100):
            raise ValueError("percent must be from 0 to 100")
        if int(self.percent.as_tuple().exponent) < -4:
            raise ValueError("percent has at most four decimals")


class ListRates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose rates; without a person everybody's."""

    staff_id: UUID | None = None


class AskStaffFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which business days, both included, at most 366."""

    since: date
    until: date
    outlet_id: UUID | None = None


class AskCommission(AskStaffFigures, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which business days, both included, at most 366, and of whom."""

    staff_id: UUID | None = None


class RateOut(Struct, frozen=True, kw_only=True):
    """A rate from a day on."""

    staff_id: UUID
    code: str
    name: str
    valid_from: date
    percent: Decimal
    set_at: datetime
    set_by: str


class RatesOut(Struct, frozen=True, kw_only=True):
    """Rates by person's code and day."""

    items: list[RateOut]


class CommissionRow(Struct, frozen=True, kw_only=True):
    """What somebody sold at one rate, in minor units before tax: ``sold`` less ``returned`` (below zero) is ``base``.

    ``commission`` is its percentage, rounded half up.
    """

    staff_id: UUID
    code: str
    name: str
    percent: Annotated[Decimal, Meta()]
    sold: int
    returned: int
    base: int
    commission: int


class CommissionOut(Struct, frozen=True, kw_only=True):
    """Commission by person's code and rate; ``commission`` is the sum of the rows."""

    since: date
    until: date
    currency: str
    currency_exponent: int
    rows: list[CommissionRow]
    commission: int


class StaffFigure(Struct, frozen=True, kw_only=True):
    """What one person did: how often, and how much in minor units.

    ``code`` None: not on the staff. ``discounts`` are lines with one, ``overrides`` lines whose price was changed,
    ``removed`` what was taken off tickets before they were paid, ``no_sales`` drawers opened for no sale, ``approvals``
    what they agreed to.
    """

    staff_id: UUID | None
    code: str | None
    name: str | None
    sales: int
    sold: int
    refunds: int
    refunded: int
    voids: int
    voided: int
    discounts: int
    discounted: int
    overrides: int
    removed: int
    no_sales: int
    approvals: int


class StaffReport(Struct, frozen=True, kw_only=True):
    """Figures by person, staff first by code."""

    since: date
    until: date
    currency: str
    currency_exponent: int
    rows: list[StaffFigure]
