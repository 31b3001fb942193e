"""Spreadsheets (XLSX) as text: the first sheet with something in it, cell by cell, without any guessing.

A spreadsheet says itself what is a number, a date or a text, so each is written in the one form that has one reading:
numbers with a point, dates as ISO 8601. What a formula last gave is taken for its value; nothing is worked out.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.domain.importing.errors import FileUnreadable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from python_calamine import CalamineSheet

ZIP: Final = b"PK\x03\x04"
OLD: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The reader holds a sheet in memory, the empty cells between too; a small archive can unpack to terabytes, and two
# cells in opposite corners make seventeen thousand million.
MOST_UNPACKED: Final = 512 * 1024**2
MOST_CELLS: Final = 10_000_000
_WORKBOOK: Final = "xl/workbook.xml"
_SHEETS: Final = "xl/worksheets/"
_CHUNK: Final = 1 << 20
_LONGEST_TAG: Final = 64
# XML cannot hold these two; they are written by name, and the reader leaves the name.
_NO_CHARACTER: Final = re.compile("_x(FFFE|FFFF)_")
# A cell says its column by letters; a row its number.
_COLUMN: Final = re.compile(rb'<(?:\w+:)?c [^>]{0,40}?r="([A-Z]{1,3})\d', re.ASCII)
_ROW: Final = re.compile(rb'<(?:\w+:)?row [^>]{0,40}?r="(\d{1,9})"', re.ASCII)


def is_sheet(start: bytes) -> bool:
    """Tell from its first bytes whether a file is a spreadsheet, an old one or an archive, which are refused later."""
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
                if found.height or sheet is not None:
                    _write(found, into)
                    return
    except (calamine.CalamineError, calamine.PasswordError) as error:
        told = "it is locked with a password" if isinstance(error, calamine.PasswordError) else str(error)
        raise FileUnreadable(file=path.name, problem=f"it cannot be read as a spreadsheet: {told[:200]}") from None


def _check_size(path: Path) -> None:
    """Look at an archive before anything is unpacked into memory. Raises: :class:`FileUnreadable`."""
    with path.open("rb") as file:
        if not file.read(len(ZIP)).startswith(ZIP):
            raise FileUnreadable(file=path.name, problem="it is an old kind of spreadsheet; save it as XLSX or CSV")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if _WORKBOOK not in {each.filename for each in members}:
                raise FileUnreadable(file=path.name, problem="it is no XLSX; save it as XLSX or CSV")
            if sum(each.file_size for each in members) > MOST_UNPACKED:
                problem = f"it unpacks to more than {MOST_UNPACKED // 1024**2} MiB"
                raise FileUnreadable(file=path.name, problem=problem)
            for each in members:
                if each.filename.startswith(_SHEETS) and _extent(archive, each) > MOST_CELLS:
                    raise FileUnreadable(file=path.name, problem=f"a sheet spans more than {MOST_CELLS:,} cells")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileUnreadable(file=path.name, problem=f"it is damaged or cut off ({error})") from None


def _extent(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return how many cells a sheet spans, from its corner to the last row and column that anything stands in."""
    columns, last_row = set[bytes](), 0
    rest = b""
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK):
            text = rest + chunk
            columns.update(_COLUMN.findall(text))
            last_row = max([last_row, *map(int, _ROW.findall(text))])
            rest = text[-_LONGEST_TAG:]
    return last_row * max((_number(letters) for letters in columns), default=0)


def _number(letters: bytes) -> int:
    """Return the number of a column: A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _write(found: CalamineSheet, into: IO[bytes]) -> None:
    text = io.TextIOWrapper(into, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    # Rows come from the very first on, so they keep the numbers the spreadsheet shows; columns do not.
    margin = [""] * (found.start or (0, 0))[1]
    writer.writerows(margin + [as_text(cell) for cell in cells] for cells in found.iter_rows())
    text.detach()


def as_text(value: Any) -> str:
    """Return a cell's value in the one form that has one reading; a whole number has no decimals."""
    if isinstance(value, str):
        return _NO_CHARACTER.sub(lambda found: chr(int(found[1], 16)), value.replace("\r\n", "\n"))
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
