"""Ranges of business days, as reports of people take them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from primepos.core.clock import is_plausible
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from primepos.core.context import Context

MOST_DAYS: Final = 366


def require_days(since: date, until: date) -> None:
    """Refuse a range that ends before it begins or is longer than a year. Raises InvalidInput."""
    if not (is_plausible(since) and is_plausible(until) and 0 <= (until - since).days < MOST_DAYS):
        raise InvalidInput(f"until: must be from since to {MOST_DAYS - 1} days later")


def moments_of(ctx: Context, since: date, until: date) -> tuple[datetime, datetime]:
    """Return when the first of the tenant's business days begins and when the last one has ended, in UTC."""
    zone, starts = ZoneInfo(ctx.tenant.zone), time(ctx.tenant.day_starts_hour)
    return (
        datetime.combine(since, starts, zone).astimezone(UTC),
        datetime.combine(until + timedelta(days=1), starts, zone).astimezone(UTC),
    )
