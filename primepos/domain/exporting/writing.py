"""Tables as files: CSV and XLSX that no spreadsheet works out, and that come back as they were.

A text that begins with ``= + - @``, a tab or a line's end (or the wide forms of the signs) would be worked out by a
spreadsheet; one apostrophe in front keeps it a text (OWASP, CSV Injection). A text that begins with an apostrophe gets
one more, so that taking exactly one off gives back every text: that is what makes the round trip exact. Numbers are
ours, not anybody's text, and stay numbers, the negative ones too.
"""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from primepos.domain.exporting.schemas import ColumnOut

_WORKED_OUT: Final = re.compile(r"[=+\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]")
_NUMBERS: Final = frozenset({"number", "money"})
# What a spreadsheet keeps of a number; what is longer stays a text, to the last digit.
_EXACT_DIGITS: Final = 15
_MOST_SHEET_ROWS: Final = 1_048_576
_LONGEST_SHEET_CELL: Final = 32_767
_CUT: Final = " [cut]"
_LONGEST_SHEET_NAME: Final = 25


def harmless(text: str) -> str:
    """Return a text as it may stand in a file that a spreadsheet opens."""
    return f"'{text}" if _WORKED_OUT.match(text) else text


def original(cell: str) -> str:
    """Return the text that :func:`harmless` was given."""
    return cell[1:] if cell[:1] == "'" else cell


def is_locale(name: str) -> bool:
    """Tell whether there is a locale of this name, such as de or en_GB."""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return False
    return True


class Writer(Protocol):
    """Takes the rows of one table after the other."""

    def begin(self, name: str, columns: Sequence[ColumnOut]) -> None:
        """Begin a table."""
        ...

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows of the table that was begun."""
        ...


class CsvWriter:
    """Writes one table as CSV: UTF-8, commas, points and ISO dates; with a ``locale`` as people there open files.

    A locale is for the eye: its file has a byte order mark, its own decimal sign and dates, and semicolons where the
    comma is taken.
    """

    def __init__(self, into: IO[str], locale: str | None = None) -> None:
        self._into = into
        self._shape = _Local(locale) if locale else None
        self._writer: Any = None
        self._kinds: list[str] = []

    def begin(self, name: str, columns: Sequence[ColumnOut]) -> None:
        """Write the header."""
        del name
        delimiter = self._shape.delimiter if self._shape else ","
        if self._shape:
            self._into.write("\ufeff")
        self._writer = csv.writer(self._into, delimiter=delimiter, lineterminator="\n")
        self._kinds = [column.kind for column in columns]
        self._writer.writerow([column.name for column in columns])

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows."""
        local, kinds = self._shape, self._kinds
        texts = [place for place, kind in enumerate(kinds) if kind == "text"]
        for row in rows:
            cells = list(row)
            for place in texts:
                if _WORKED_OUT.match(cells[place]):
                    cells[place] = f"'{cells[place]}"
            if local is not None:
                cells = [local.tell(kind, cell) for kind, cell in zip(kinds, cells, strict=True)]
            self._writer.writerow(cells)


class _Local:
    """How people of a locale write numbers and dates."""

    def __init__(self, locale: str) -> None:
        from babel import Locale
        from babel.numbers import get_decimal_symbol

        self._locale = Locale.parse(locale.replace("-", "_"))
        self._point = get_decimal_symbol(self._locale)
        self.delimiter = ";" if self._point == "," else ","

    def tell(self, kind: str, cell: str) -> str:
        """Return a cell as they write it."""
        if not cell:
            return cell
        if kind in _NUMBERS:
            return cell.replace(".", self._point)
        if kind == "day":
            return self._day(date.fromisoformat(cell))
        if kind == "moment":
            moment = datetime.fromisoformat(cell)
            return f"{self._day(moment.date())} {moment:%H:%M:%S}"
        return cell

    def _day(self, day: date) -> str:
        from babel.dates import format_skeleton

        return str(format_skeleton("yMMdd", day, locale=self._locale))


class SheetWriter:
    """Writes tables into one XLSX, a sheet each (more where rows need them); memory stays flat however long they are.

    Every text is stored as a text, never as a formula, and carries the apostrophe of :func:`harmless` as well: the
    sheet may be saved as CSV by the next program. Use as a context manager; the file is whole when the block ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._book: Any = None
        self._sheet: Any = None
        self._columns: Sequence[ColumnOut] = ()
        self._name = ""
        self._row = 0
        self._part = 1

    def __enter__(self) -> Self:
        import xlsxwriter

        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(self._path), options)
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self._book.close()

    def begin(self, name: str, columns: Sequence[ColumnOut]) -> None:
        """Begin a sheet."""
        self._name, self._columns, self._part = name[:_LONGEST_SHEET_NAME], columns, 1
        self._begin_sheet(self._name)

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """Write rows, onto a further sheet where one is full."""
        kinds = [column.kind for column in self._columns]
        for row in rows:
            if self._row >= _MOST_SHEET_ROWS:
                self._part += 1
                self._begin_sheet(f"{self._name} {self._part}")
            for place, (kind, cell) in enumerate(zip(kinds, row, strict=True)):
                self._cell(place, kind, cell)
            self._row += 1

    def _begin_sheet(self, name: str) -> None:
        self._sheet = self._book.add_worksheet(name)
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, column.name)
        self._row = 1

    def _cell(self, place: int, kind: str, cell: str) -> None:
        if not cell:
            return
        if kind in _NUMBERS and sum(map(str.isdigit, cell)) <= _EXACT_DIGITS:
            self._sheet.write_number(self._row, place, Decimal(cell))
            return
        text = harmless(cell) if kind == "text" else cell
        if len(text) > _LONGEST_SHEET_CELL:
            text = text[: _LONGEST_SHEET_CELL - len(_CUT)] + _CUT
        self._sheet.write_string(self._row, place, text)
