"""What goes in and comes out of the operations on tenants."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from primepos.core.amounts import CURRENCIES, RoundingMethod, currency
from primepos.core.context import TenantInfo
from primepos.core.errors import PrimePOSError
from primepos.core.security import check_slug
from primepos.core.texts import Name, Note, tidy
from primepos.domain.tenancy.errors import UnknownZone
from primepos.pricing.barcodes import read_rules

Slug = Annotated[str, Meta(min_length=2, max_length=63)]
Country = Annotated[str, Meta(pattern=r"\A([A-Z]{2})?\Z")]
ZoneName = Annotated[str, Meta(min_length=1, max_length=64)]
Hour = Annotated[int, Meta(ge=0, le=12)]
PageSize = Annotated[int, Meta(ge=1, le=200)]
DifferenceLimit = Annotated[int, Meta(ge=0, le=10**12)]


class CashRounding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an amount paid in cash is rounded: to ``step_minor`` minor units of the tenant's currency."""

    step_minor: Annotated[int, Meta(ge=1, le=1_000_000)]
    method: RoundingMethod = "half_up"


class LabelRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule for codes with a weight, price or count in them; see :class:`primepos.pricing.barcodes.BarcodeRule`."""

    pattern: Annotated[str, Meta(min_length=1, max_length=100)]
    decimals: Annotated[int, Meta(ge=0, le=6)] = 0
    name: Annotated[str, Meta(max_length=100)] = ""


class PointsProgramme(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How customers earn and use points: ``earn`` for each ``per_minor`` spent; ``burn`` of them pay ``worth_minor``.

    What is earned is rounded down, what is paid with points up. Products of ``excluded_categories`` earn none. Points
    that are not used within ``expiry_months`` lapse, the oldest first; without it they stay.
    """

    earn: Annotated[int, Meta(ge=1, le=1_000_000)]
    per_minor: Annotated[int, Meta(ge=1, le=10**9)]
    burn: Annotated[int, Meta(ge=1, le=1_000_000)]
    worth_minor: Annotated[int, Meta(ge=1, le=10**9)]
    excluded_categories: Annotated[list[UUID], Meta(max_length=500)] = []
    expiry_months: Annotated[int, Meta(ge=1, le=240)] | None = None


class ForeignCash(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cash of another currency that the shop takes: ``rate`` of its own whole units for one of the other's."""

    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
    rate: Decimal

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise ValueError(f"{self.currency} is no currency")
        if not (self.rate.is_finite() and Decimal("0.0000000001") <= self.rate <= Decimal(1_000_000_000)):
            raise ValueError("a rate is above zero and at most 1000000000, with ten places at most")
        if self.rate != self.rate.quantize(Decimal("0.0000000001")):
            raise ValueError("a rate has ten places at most")


class TenantSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a tenant sells.

    ``expired_goods`` says what becomes of a lot after its last day: sold, sold and flagged, or refused.
    ``stock_policy`` says whether a sale beyond the stock on hand is booked (allow), booked and flagged (warn) or
    refused (block).
    ``difference_limit`` is how far, in minor units, a drawer's count may be off before a manager must consent to the
    closing; None is without limit. ``held_at_close`` says whether sales on hold stay for the next shift (carry) or
    must be finished first (block). A shift keeps the two as they were when it was opened.
    """

    tax_rounding: Literal["per_line", "global"] = "per_line"
    cash_rounding: CashRounding | None = None
    foreign_cash: Annotated[list[ForeignCash], Meta(max_length=20)] = []
    barcode_rules: Annotated[list[LabelRule], Meta(max_length=50)] = []
    stock_policy: Literal["allow", "warn", "block"] = "allow"
    expired_goods: Literal["allow", "flag", "refuse"] = "flag"
    points: PointsProgramme | None = None
    gift_card_months: Annotated[int, Meta(ge=1, le=240)] | None = None
    difference_limit: DifferenceLimit | None = None
    held_at_close: Literal["carry", "block"] = "carry"
    receipt_header: Note = ""
    receipt_footer: Note = ""

    def __post_init__(self) -> None:
        _check_rules(self.barcode_rules)


class TenantSettingsChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings to change; what is left out stays as it is."""

    tax_rounding: Literal["per_line", "global"] | UnsetType = UNSET
    cash_rounding: CashRounding | UnsetType | None = UNSET
    foreign_cash: Annotated[list[ForeignCash], Meta(max_length=20)] | UnsetType = UNSET
    barcode_rules: Annotated[list[LabelRule], Meta(max_length=50)] | UnsetType = UNSET
    stock_policy: Literal["allow", "warn", "block"] | UnsetType = UNSET
    expired_goods: Literal["allow", "flag", "refuse"] | UnsetType = UNSET
    points: PointsProgramme | UnsetType | None = UNSET
    gift_card_months: Annotated[int, Meta(ge=1, le=240)] | UnsetType | None = UNSET
    difference_limit: DifferenceLimit | UnsetType | None = UNSET
    held_at_close: Literal["carry", "block"] | UnsetType = UNSET
    receipt_header: Note | UnsetType = UNSET
    receipt_footer: Note | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not isinstance(self.barcode_rules, UnsetType):
            _check_rules(self.barcode_rules)


class CreateTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new shop or chain. ``day_starts_hour`` is when its business day begins, for those who sell past midnight."""

    slug: Slug
    name: Name
    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
    zone: ZoneName
    country: Country = ""
    day_starts_hour: Hour = 0
    settings: TenantSettings = field(default_factory=TenantSettings)

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdateTenantSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one's own tenant; what is left out stays. Currency and short name never change."""

    name: Name | UnsetType = UNSET
    zone: ZoneName | UnsetType = UNSET
    day_starts_hour: Hour | UnsetType = UNSET
    settings: TenantSettingsChange | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


class ListTenants(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of tenants by short name, after ``after``."""

    after: Slug | None = None
    limit: PageSize = 50
    status: Literal["active", "suspended"] | None = None


class TenantBySlug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one tenant."""

    slug: Slug


class SuspendTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names the tenant to suspend or resume, and why."""

    slug: Slug
    reason: Annotated[str, Meta(max_length=500)] = ""


class TenantOut(Struct, frozen=True, kw_only=True):
    """One tenant. ``currency_exponent`` is how many decimals its minor unit stands for."""

    key: UUID
    slug: str
    name: str
    status: str
    currency: str
    currency_exponent: int
    country: str
    zone: str
    day_starts_hour: int
    settings: TenantSettings
    created_at: datetime
    updated_at: datetime


class TenantRow(Struct, frozen=True, kw_only=True):
    """One line of the list of tenants."""

    key: UUID
    slug: str
    name: str
    status: str
    currency: str
    zone: str
    created_at: datetime


class TenantPage(Struct, frozen=True, kw_only=True):
    """Tenants by short name; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[TenantRow]
    next: str | None


def settings_of(tenant: TenantInfo) -> TenantSettings:
    """Return a tenant's settings with every default filled in."""
    return msgspec.convert(tenant.settings, TenantSettings)


def checked_slug(text: str) -> str:
    """Return a short name if a tenant may have it. Raises InvalidSlug."""
    return check_slug(text)


def checked_zone(text: str) -> str:
    """Return the name of a time zone if the IANA database has it. Raises UnknownZone."""
    if text not in _zones():
        raise UnknownZone(zone=text)
    return text


def checked_currency(text: str) -> str:
    """Return the code of a currency that can be counted in minor units. Raises UnknownCurrency."""
    return currency(text).code


@cache
def _zones() -> frozenset[str]:
    # "localtime" and "Factory" mean another zone on every machine.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _check_rules(rules: list[LabelRule]) -> None:
    try:
        read_rules([msgspec.to_builtins(rule) for rule in rules])
    except PrimePOSError as error:
        raise ValueError(str(error)) from None
