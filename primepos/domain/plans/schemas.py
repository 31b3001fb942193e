"""What goes in and comes out of the operations on plans."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.texts import Name, tidy

PlanCode = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Most = Annotated[int, Meta(ge=0, le=10**12)]
Feature = Literal["exports", "gift_cards", "imports", "own_roles", "promotions", "purchasing"]
Features = Annotated[list[Feature], Meta(max_length=20)]
Slug = Annotated[str, Meta(min_length=2, max_length=63)]
Limited = Literal["outlets", "registers", "users", "products"]


class CreatePlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan. A limit left out is without bound; ``without`` names the features it does not have.

    ``registers`` are tills, ``users`` people who sign in by password or PIN, ``products`` and the others those in use.
    """

    code: PlanCode
    name: Name
    outlets: Most | None = None
    registers: Most | None = None
    users: Most | None = None
    products: Most | None = None
    sales_a_month: Most | None = None
    without: Features = []

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdatePlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a plan, for everybody who has it; what is left out stays, null is without bound."""

    code: PlanCode
    name: Name | UnsetType = UNSET
    outlets: Most | UnsetType | None = UNSET
    registers: Most | UnsetType | None = UNSET
    users: Most | UnsetType | None = UNSET
    products: Most | UnsetType | None = UNSET
    sales_a_month: Most | UnsetType | None = UNSET
    without: Features | UnsetType = UNSET
    archived: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


class PlanOut(Struct, frozen=True, kw_only=True):
    """A plan. A limit that is null is without bound."""

    code: str
    name: str
    outlets: int | None
    registers: int | None
    users: int | None
    products: int | None
    sales_a_month: int | None
    without: list[str]
    archived_at: datetime | None


class PlanList(Struct, frozen=True, kw_only=True):
    """The plans of the installation, by code."""

    items: list[PlanOut]


class AssignPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a tenant a plan from a day on; without the day, from today. ``plan`` null takes the limits away."""

    slug: Slug
    plan: PlanCode
    starts_on: date | None = None


class PlanPeriod(Struct, frozen=True, kw_only=True):
    """That a tenant has, had or will have a plan from a day on."""

    starts_on: date
    plan: str
    set_at: datetime
    set_by: str


class PlanHistory(Struct, frozen=True, kw_only=True):
    """Which plans a tenant has had and will have, the newest first."""

    items: list[PlanPeriod]


class TenantSlug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one tenant."""

    slug: Slug


class AskUsage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the months from ``since`` (``2026-01``) to ``until``, both included; without them, this month.

    ``slug`` names the tenant for an administrator of the installation; within a tenant it is one's own.
    """

    since: Annotated[str, Meta(pattern=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z")] | None = None
    until: Annotated[str, Meta(pattern=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z")] | None = None
    slug: Slug | None = None


class MonthUsed(Struct, frozen=True, kw_only=True):
    """What was booked in one month of the business calendar: sales with their lines, and voids and refunds beside.

    ``over`` is by how many sales the month is beyond ``limit``; they were booked all the same.
    """

    month: str
    sales: int
    lines: int
    others: int
    plan: str | None
    limit: int | None
    over: int


class PlanStanding(Struct, frozen=True, kw_only=True):
    """How much of one thing is in use now, and how much the plan has room for; null is without bound."""

    what: str
    used: int
    limit: int | None


class UsageOut(Struct, frozen=True, kw_only=True):
    """What a tenant uses: now, by month, and how many rows of each large table it keeps."""

    plan: str | None
    now: list[PlanStanding]
    months: list[MonthUsed]
    rows: dict[str, int]


def changed_columns(data: UpdatePlan) -> dict[str, object]:
    """Return what a change names, by column but for ``archived``."""
    given = {
        name: getattr(data, name)
        for name in ("name", "outlets", "registers", "users", "products", "sales_a_month")
        if getattr(data, name) is not UNSET
    }
    if not isinstance(data.without, UnsetType):
        given["features"] = sorted(set(msgspec.to_builtins(data.without)))
    return given
