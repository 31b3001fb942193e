"""How much of its plan a tenant uses, put together from what it has and has booked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from primepos.domain.plans import queries
from primepos.domain.plans.schemas import MonthUsed, PlanStanding, UsageOut

if TYPE_CHECKING:
    from primepos.core.db import UnitOfWork


def usage(uow: UnitOfWork, tenant_id: int, since: date | None, until: date | None) -> UsageOut:
    """Return what a tenant uses, for months from ``since`` to ``until``; seven statements however much there is."""
    this_month = queries.today_of(uow, tenant_id).replace(day=1)
    first = since or until or this_month
    last = until or this_month
    plan = queries.plan_today(uow, tenant_id)
    history = queries.plan_history(uow, tenant_id)
    counted = queries.count_now(uow, tenant_id)
    return UsageOut(
        plan=None if plan is None else plan["code"],
        now=[
            PlanStanding(what=what, used=counted[what], limit=None if plan is None else plan[what])
            for what in queries.COUNTED
        ],
        months=[month_used(row, history) for row in queries.months_used(uow, tenant_id, first, after(last))],
        rows=queries.rows_kept(uow, tenant_id),
    )


def after(month: date) -> date:
    """Return the first day of the month that follows."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def month_used(row: dict[str, Any], history: list[dict[str, Any]]) -> MonthUsed:
    """Hold a month against the plan that the tenant had at its end."""
    end = after(_first_day(row["month"]))
    had = next((each for each in history if each["starts_on"] < end), None)
    limit = None if had is None else had["sales_a_month"]
    return MonthUsed(
        month=row["month"],
        sales=row["sales"],
        lines=row["lines"],
        others=row["others"],
        plan=None if had is None else had["plan"],
        limit=limit,
        over=0 if limit is None else max(0, row["sales"] - limit),
    )


def _first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)
