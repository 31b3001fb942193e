"""Closed days whose summary is missing: no shift closed them, or a late delivery took it away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from primepos.domain.jobs.nightly import Chore, across_tenants
from primepos.domain.jobs.tasks import TASKS

if TYPE_CHECKING:
    from datetime import date

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App

_JOB = "reporting.summarise_day"
_REACH = timedelta(days=62)
# East of Greenwich tomorrow has begun; nowhere is the day before yesterday still going on.
_SURELY_OVER = timedelta(hours=36)

_DAYS = """
SELECT s.tenant_id, s.outlet_id, s.business_date
  FROM (SELECT DISTINCT tenant_id, outlet_id, business_date FROM sales WHERE business_date BETWEEN %s AND %s) s
 WHERE NOT EXISTS (SELECT FROM day_summaries d WHERE d.tenant_id = s.tenant_id AND d.outlet_id = s.outlet_id
                      AND d.business_date = s.business_date)
 ORDER BY s.tenant_id, s.business_date, s.outlet_id
"""


def days_without_summary(uow: UnitOfWork, since: date, until: date) -> list[dict[str, Any]]:
    """Return tenant, outlet and day of every day with sales that has no summary, across tenants, both ends included."""
    uow.allow_time(0)
    return uow.rows(_DAYS, (since, until))


def summarise_closed_days(app: App) -> dict[str, Any]:
    """Make the summaries of days that are over and have none, as the job does; says how many days there were.

    Reports are right without them, and slower.
    """
    last = (app.clock.now() - _SURELY_OVER).date()
    days = across_tenants(app, lambda uow: days_without_summary(uow, last - _REACH, last), read_only=True)
    for day in days:
        TASKS[_JOB].run(app, day)
    return {"days": len(days)}


SUMMARIES = Chore("summaries", "Sum up days that are over", summarise_closed_days)
