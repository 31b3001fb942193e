"""Dates and times as people and tills write them: parts in an order, twelve or twenty-four hours, names of months."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

ORDERS: Final = {"dmy": (0, 1, 2), "mdy": (1, 0, 2), "ymd": (2, 1, 0)}
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"),
        1,
    )
    for name in names.split()
}  # fmt: skip
_NUMERIC: Final = re.compile(r"(\d{1,4})([/\-.])(\d{1,2})\2(\d{1,4})(?:[T,\s]+(.*))?", re.ASCII)
_MONTH_DAY: Final = re.compile(r"([A-Za-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?:[,\s]+(?:at )?(.*))?", re.ASCII)
_DAY_MONTH: Final = re.compile(r"(\d{1,2})[ -]([A-Za-z]+)\.?,?[ -](\d{4})(?:[,\s]+(?:at )?(.*))?", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*([AaPp]\.?\s?[Mm]\.?)?\s*(UTC|GMT|Z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def parse_in_order(text: str, order: str | None) -> datetime | None:
    """Return a moment whose parts stand in ``order``, or None where it is written otherwise.

    Without an order only what has one reading is understood: the year first, dots between (day first), or a month's
    name. The zone is the text's own; without one the answer has none. Years of two digits are 1969 to 2068 (POSIX).
    """
    # U+202F stands before AM and PM in what newer systems write.
    text = " ".join(text.split())
    found = _NUMERIC.fullmatch(text)
    if found is not None:
        first, sign, second, third, clock = found.groups()
        if len(first) == 4:
            year, month, day = first, second, third
        else:
            told = order or ("dmy" if sign == "." else None)
            if told is None or (order == "ymd" and len(third) == 4):
                return None
            parts = (first, second, third)
            day, month, year = (parts[place] for place in ORDERS[told])
        return _moment(_year(year), int(month), int(day), clock)
    if (found := _MONTH_DAY.fullmatch(text)) is not None:
        month, day, year, clock = found.groups()
    elif (found := _DAY_MONTH.fullmatch(text)) is not None:
        day, month, year, clock = found.groups()
    else:
        return None
    number = _MONTHS.get(month.lower())
    return _moment(int(year), number, int(day), clock) if number else None


def _year(text: str) -> int:
    number = int(text)
    if len(text) > 2:
        return number
    return number + (1900 if number >= 69 else 2000)


def _moment(year: int, month: int, day: int, clock: str | None) -> datetime | None:
    hour = minute = second = 0
    zone = None
    if clock:
        found = _TIME.fullmatch(clock.strip())
        if found is None:
            return None
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        if found[4]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if found[4][0] in "pP" else 0)
        zone = _zone(found[5])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in {"UTC", "GMT", "Z"}:
        return timezone(timedelta())
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes)) if minutes < 24 * 60 else None
