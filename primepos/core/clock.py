"""Time: one clock that can be faked, and the business day of an outlet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time; tests and simulations pass their own."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


# What a clock can show that is only wrong: from one that fell back to its beginning to one set far ahead. Beyond
# these no zone can be added and no calendar be shown.
FIRST_YEAR, LAST_YEAR = 1970, 2199


def is_plausible(at: date) -> bool:
    """Tell whether a date, or moment, lies within what a till's clock can show."""
    return FIRST_YEAR <= at.year <= LAST_YEAR


def utc_text(at: datetime) -> str:
    """Write a moment in UTC to the microsecond, as the trail keeps it and the auditor reads it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is moved; for tests, demos and simulations."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move forward (or back) by ``by``."""
        self._at += by


def business_date(at: datetime, zone: str, day_starts_hour: int = 0) -> date:
    """Return the store's business day of a moment: local date, before ``day_starts_hour`` still yesterday.

    A bar that closes at 02:00 sets ``day_starts_hour`` to, say, 5.
    """
    local = at.astimezone(ZoneInfo(zone))
    return (local - timedelta(hours=day_starts_hour)).date()
