"""Spreadsheets (XLSX, XLS, ODS) as text: the first sheet with something in it, cell by cell, without any guessing.

A spreadsheet says itself what is a number, a date or a text, so each is written in the one form that has one reading:
numbers with a point, dates as ISO 8601. What a formula last gave is taken for its value; nothing is worked out.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.domain.importing.errors import FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import IO

ZIP: Final = b"PK\x03\x04"
OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The reader holds a sheet in memory; a small archive can unpack to terabytes.
MOST_UNPACKED: Final = 512 * 1024**2
MOST_CELLS: Final = 20_000_000


def is_sheet(start: bytes) -> bool:
    """Tell from its first bytes whether a file is a spreadsheet (or an archive, which is refused later)."""
    return start.startswith((ZIP, OLD))


def write_as_csv(path: Path, into: IO[bytes], sheet: str | None = None) -> None:
    """Write a sheet as CSV in UTF-8: the named one, else the first that is not empty.

    Raises: :class:`FileUnreadable` for a damaged, encrypted or too large file, and for a sheet that is not there.
    """
    import python_calamine as calamine

    _check_size(path)
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            names = book.sheet_names
            if sheet is not None and sheet not in names:
                raise FileUnreadable(file=path.name, problem=f"there is no sheet {sheet}; there are {', '.join(names)}")
            for name in [sheet] if sheet is not None else names:
                found = book.get_sheet_by_name(name)
                if found.total_height * found.total_width > MOST_CELLS:
                    raise FileUnreadable(file=path.name, problem=f"sheet {name} has more than {MOST_CELLS:,} cells")
                if found.height or sheet is not None:
                    # From the very first row, so that rows keep the numbers the spreadsheet shows.
                    _write(found.to_python(skip_empty_area=False), into)
                    return
    except (calamine.CalamineError, calamine.PasswordError) as error:
        told = "it is locked with a password" if isinstance(error, calamine.PasswordError) else str(error)
        raise FileUnreadable(file=path.name, problem=f"it cannot be read as a spreadsheet: {told[:200]}") from None


def _check_size(path: Path) -> None:
    with path.open("rb") as file:
        if not file.read(len(ZIP)).startswith(ZIP):
            return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile as error:
        raise FileUnreadable(file=path.name, problem=f"it is damaged or cut off ({error})") from None
    if unpacked > MOST_UNPACKED:
        raise FileUnreadable(file=path.name, problem=f"it unpacks to more than {MOST_UNPACKED // 1024**2} MiB")


def _write(found: Iterable[Iterable[Any]], into: IO[bytes]) -> None:
    text = io.TextIOWrapper(into, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([as_text(cell) for cell in cells] for cells in found)
    text.detach()


def as_text(value: Any) -> str:
    """Return a cell's value in the one form that has one reading; a whole number has no decimals."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        midnight = not (value.hour or value.minute or value.second)
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    # The shortest text that means this number: 4.35 is stored as 4.3499999999999996.
    told = f"{Decimal(repr(value)):f}"
    return told.removesuffix(".0")
