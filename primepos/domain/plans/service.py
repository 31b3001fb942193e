"""Operations on plans: made and given by the operator of the installation; what is used is seen by both."""

from __future__ import annotations

from datetime import date

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.operations import Nothing, Scope, operation
from primepos.core.permissions import Permission
from primepos.domain.plans import metering, queries
from primepos.domain.plans.errors import PlanArchived, PlanInThePast, PlanNotFound, PlanTaken
from primepos.domain.plans.schemas import (
    AskUsage,
    AssignPlan,
    CreatePlan,
    PlanHistory,
    PlanList,
    PlanOut,
    PlanPeriod,
    TenantSlug,
    UpdatePlan,
    UsageOut,
    changed_columns,
)
from primepos.domain.tenancy.errors import TenantNotFound
from primepos.domain.tenancy.queries import resolve_slug


@operation("plans.create", permission=Permission.PLAN_WRITE, scope=Scope.SYSTEM, raises=(PlanTaken,))
def create_plan(ctx: Context, data: CreatePlan) -> PlanOut:
    """Make a plan: how many outlets, tills, people and products a tenant may have, how many sales a month are in it.

    Sales beyond are booked all the same, and shown. Raises PlanTaken.
    """
    values = {
        "code": data.code,
        "name": data.name,
        "outlets": data.outlets,
        "registers": data.registers,
        "users": data.users,
        "products": data.products,
        "sales_a_month": data.sales_a_month,
        "features": sorted(set(data.without)),
    }
    row = queries.insert_plan(ctx.uow, values)
    ctx.note(f"plan:{data.code}", **{name: value for name, value in values.items() if name != "code"})
    return _plan(row)


@operation("plans.update", permission=Permission.PLAN_WRITE, scope=Scope.SYSTEM, raises=(PlanNotFound,))
def update_plan(ctx: Context, data: UpdatePlan) -> PlanOut:
    """Change a plan for everybody who has it. Who uses more than a lowered limit keeps it and can add no more.

    Raises PlanNotFound.
    """
    values = changed_columns(data)
    if data.archived is not UNSET:
        values["archived"] = data.archived
    row = queries.change_plan(ctx.uow, data.code, values)
    ctx.note(f"plan:{data.code}", **values)
    return _plan(row)


@operation("plans.list", permission=Permission.PLAN_WRITE, scope=Scope.SYSTEM, reads=True)
def list_plans(ctx: Context, _data: Nothing) -> PlanList:
    """List the plans of the installation by code, those no longer given too."""
    return PlanList(items=[_plan(row) for row in queries.every_plan(ctx.uow)])


@operation(
    "plans.assign",
    permission=Permission.PLAN_WRITE,
    scope=Scope.SYSTEM,
    raises=(PlanNotFound, PlanArchived, PlanInThePast, TenantNotFound),
)
def assign_plan(ctx: Context, data: AssignPlan) -> PlanHistory:
    """Give a tenant a plan from a day on; the days before keep theirs. Again changes nothing.

    A plan that does not fit what is there already takes nothing away: it only leaves no room for more.
    Raises PlanNotFound, PlanArchived, PlanInThePast, TenantNotFound.
    """
    tenant_id = resolve_slug(ctx.uow, data.slug)
    today = queries.today_of(ctx.uow, tenant_id)
    starts_on = data.starts_on or today
    if starts_on < today:
        raise PlanInThePast(today=today.isoformat())
    queries.put_tenant_plan(ctx.uow, tenant_id, data.plan, starts_on, ctx.identity.name)
    ctx.note(f"tenant:{data.slug}", plan=data.plan, starts_on=starts_on.isoformat())
    return _history(ctx, tenant_id)


@operation("plans.history", permission=Permission.PLAN_WRITE, scope=Scope.SYSTEM, reads=True, raises=(TenantNotFound,))
def plan_history(ctx: Context, data: TenantSlug) -> PlanHistory:
    """Show which plans a tenant has, had and will have, the newest first. Raises TenantNotFound."""
    return _history(ctx, resolve_slug(ctx.uow, data.slug))


@operation("usage.read", permission=Permission.USAGE_READ, scope=Scope.SYSTEM, reads=True, raises=(TenantNotFound,))
def read_usage(ctx: Context, data: AskUsage) -> UsageOut:
    """Show what a tenant uses: what counts against its plan now, sales and lines by month, rows kept.

    Counted from the rows themselves each time, so asking twice counts nothing twice. An administrator of the
    installation names the tenant and sees these numbers only; a person of the tenant sees their own.
    Raises TenantNotFound.
    """
    if ctx.identity.tenant_id is None:
        if data.slug is None:
            raise TenantNotFound(slug="")
        tenant_id = resolve_slug(ctx.uow, data.slug)
    else:
        tenant_id = ctx.tenant_id
        if data.slug is not None and resolve_slug(ctx.uow, data.slug) != tenant_id:
            raise TenantNotFound(slug=data.slug)
    ctx.uow.allow_time(0)
    return metering.usage(ctx.uow, tenant_id, _month(data.since), _month(data.until))


def _month(text: str | None) -> date | None:
    return None if text is None else date(int(text[:4]), int(text[5:]), 1)


def _history(ctx: Context, tenant_id: int) -> PlanHistory:
    return PlanHistory(
        items=[
            PlanPeriod(starts_on=row["starts_on"], plan=row["plan"], set_at=row["set_at"], set_by=row["set_by"])
            for row in queries.plan_history(ctx.uow, tenant_id)
        ]
    )


def _plan(row: dict[str, object]) -> PlanOut:
    values = {name: value for name, value in row.items() if name != "features"}
    return PlanOut(without=list(row["features"]), **values)  # type: ignore[call-overload, arg-type]  # a row is untyped
