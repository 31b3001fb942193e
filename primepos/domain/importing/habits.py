"""How a file writes numbers and dates, told from what stands in it; what has two readings is asked, never guessed.

A number proves its decimal sign where only one reading makes sense: ``1.234,50``, ``0.5``, ``12,5``. ``1,234`` proves
nothing. A date proves its order where a part is above twelve; ``03/04/2024`` proves nothing. Dates with a month's
name, with the year first, or with dots (which are written day first wherever dots are written) need no proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import bare_number, clean
from primepos.domain.importing.errors import DatesAmbiguous, NumbersAmbiguous
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.tables import Layout

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
_SAMPLES: Final = 3
_ONE_SIGN: Final = re.compile(r"(\d*)([.,])(\d+)", re.ASCII)
_DATE: Final = re.compile(r"(\d{1,4})([/\-.])(\d{1,2})\2(\d{1,4})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Habits:
    """How one file writes: whether its decimals follow a comma, and the orders or patterns its dates are tried in."""

    decimal_comma: bool = False
    date_formats: tuple[str, ...] = ()


@dataclass(slots=True)
class NumberEvidence:
    """What the numbers seen so far say of the decimal sign."""

    sign: str | None = None
    samples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, cell: str) -> None:
        """Look at one more cell."""
        bare = bare_number(cell).lstrip("+-").strip("()")
        points, commas = bare.count("."), bare.count(",")
        if not points and not commas:
            return
        if points and commas:
            self.sign = "." if bare.rindex(".") > bare.rindex(",") else ","
        elif points > 1 or commas > 1:
            self.sign = "," if points else "."
        elif (found := _ONE_SIGN.fullmatch(bare)) is not None:
            before, sign, after = found.groups()
            if len(after) != 3 or len(before) > 3 or before[:1] in {"", "0"}:
                self.sign = sign
            elif len(self.samples) < _SAMPLES:
                self.samples.append((row, cell.strip()))


@dataclass(slots=True)
class DateEvidence:
    """What the dates seen so far say of the order of day and month."""

    order: str | None = None
    samples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, cell: str) -> None:
        """Look at one more cell."""
        text = clean(cell)
        found = _DATE.match(text)
        if found is None:
            return
        first, sign, second, _ = found.groups()
        if len(first) == 4 or sign == ".":
            self.order = YEAR_FIRST if len(first) == 4 else DAY_FIRST
        elif int(first) > 12:
            self.order = DAY_FIRST
        elif int(second) > 12:
            self.order = MONTH_FIRST
        elif int(first) != int(second) and len(self.samples) < _SAMPLES:
            self.samples.append((row, text))


def tell_habits(
    file: SourceFile,
    layout: Layout,
    *,
    numbers: Sequence[int],
    dates: Sequence[int] = (),
    decimal: str | None = None,
    formats: tuple[str, ...] = (),
) -> Habits:
    """Find out how the columns at these places are written, reading no further than the first proof of each.

    ``decimal`` (``point`` or ``comma``) and ``formats`` are what the person says; then nothing is looked at. Numbers
    of a spreadsheet have one reading. Raises: :class:`NumbersAmbiguous`, :class:`DatesAmbiguous` with up to three
    rows to look at, :class:`FileUnreadable`.
    """
    number, date = NumberEvidence(), DateEvidence()
    ask_number = decimal is None and bool(numbers)
    ask_date = not formats and bool(dates)
    if ask_number or ask_date:
        for row, cells in rows(file, layout):
            if ask_number and number.sign is None:
                for place in numbers:
                    if place < len(cells):
                        number.add(row, cells[place])
            if ask_date and date.order is None:
                for place in dates:
                    if place < len(cells):
                        date.add(row, cells[place])
            if not (ask_number and number.sign is None) and not (ask_date and date.order is None):
                break
    if ask_number and number.sign is None and number.samples and not file.is_sheet:
        raise NumbersAmbiguous(file=file.name, samples=_shown(number.samples))
    if ask_date and date.order is None and date.samples:
        raise DatesAmbiguous(file=file.name, samples=_shown(date.samples))
    comma = decimal == "comma" if decimal is not None else number.sign == ","
    return Habits(comma, formats or ((date.order,) if date.order else ()))


def _shown(samples: Sequence[tuple[int, str]]) -> str:
    return ", ".join(f"row {row}: {text[:40]}" for row, text in samples)
