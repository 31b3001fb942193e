"""Tables in text: which character parts the cells, which column means what, and the rows one by one.

Columns are known by their names, never by their place: exports of the same system differ by year, language and shop.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import CellProblem
from primepos.domain.importing.errors import ColumnsMissing, FileUnreadable, UnknownColumn, UnknownField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from primepos.domain.importing.files import SourceFile

DELIMITERS: Final = (",", ";", "\t", "|")
# Longer than any honest cell; a quote that is never closed would swallow the rest of the file.
_LONGEST_CELL: Final = 100_000
_LONGEST_SHOWN: Final = 40
#: Columns that our own files of refused rows put before the original ones.
ERROR_COLUMNS: Final = ("error_row", "error_code", "error_problem")
_SPOILT: Final = re.compile(r"[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field that a kind of import knows: the column names it goes by, best first, and whether it must be there."""

    aliases: tuple[str, ...]
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read: what parts its cells, its header, and for each field the place of its column.

    ``fixed`` holds fields that have one value for the whole file.
    """

    delimiter: str
    header: tuple[str, ...]
    places: Mapping[str, int]
    fixed: Mapping[str, str] = field(default_factory=dict)
    may_be_spoilt: bool = False

    def cell(self, cells: Sequence[str], name: str) -> str:
        """Return a field's cell as it is written, empty where the row is too short or the file lacks the column."""
        place = self.places.get(name)
        if place is None:
            return self.fixed.get(name, "")
        return cells[place] if place < len(cells) else ""

    def picker(self, *names: str) -> Callable[[Sequence[str]], Sequence[str]]:
        """Return what takes the cells of these fields out of a row, as :meth:`cell` does, in one step where it can."""
        places = [self.places.get(name, -1) for name in names]
        needed = max(places) + 1

        def one_by_one(cells: Sequence[str]) -> Sequence[str]:
            return [self.cell(cells, name) for name in names]

        if len(names) < 2 or -1 in places:
            return one_by_one
        at_once = itemgetter(*places)
        return lambda cells: at_once(cells) if len(cells) >= needed else one_by_one(cells)

    def check(self, cells: Sequence[str]) -> None:
        """See that the row has no more cells than the header has names, and no bytes that are no text."""
        if len(cells) > len(self.header):
            raise CellProblem(
                "TOO_MANY_CELLS", f"the row has {len(cells)} cells, the header {len(self.header)}; is a quote missing?"
            )
        if self.may_be_spoilt:
            for name, cell in zip(self.header, cells, strict=False):
                if (found := _SPOILT.search(cell)) is not None:
                    byte = ord(found[0]) - 0xDC00
                    problem = f"byte {byte:#04x} in column {name[:_LONGEST_SHOWN]} is not of the file's encoding"
                    raise CellProblem("BAD_ENCODING", problem)


def read_layout(
    file: SourceFile,
    wanted: Mapping[str, Wanted],
    *,
    mapping: Mapping[str, str] | None = None,
    fixed: Mapping[str, str] | None = None,
    delimiter: str | None = None,
) -> Layout:
    """Find out how a file is laid out, from its header alone.

    ``mapping`` goes from column names to fields and comes before the names a field is known by; names match whatever
    their case, blanks and signs. Of the possible delimiters the one that makes most sense of the header is taken.
    Raises: :class:`ColumnsMissing`, :class:`UnknownColumn`, :class:`UnknownField`, :class:`FileUnreadable`.
    """
    mapping, fixed = mapping or {}, fixed or {}
    for name in (*mapping.values(), *fixed):
        if name not in wanted:
            raise UnknownField(field=name, fields=", ".join(wanted))
    tries = [_try_delimiter(file, wanted, mapping, fixed, each) for each in ([delimiter] if delimiter else DELIMITERS)]
    best = max(tries, key=lambda layout: (len(layout.places), len(layout.header)))
    known = {column_key(name) for name in best.header}
    columns = ", ".join(name[:_LONGEST_SHOWN] for name in best.header) or "none"
    for column in mapping:
        if column_key(column) not in known:
            raise UnknownColumn(column=column, columns=columns)
    missing = [name for name, each in wanted.items() if each.is_required and name not in {*best.places, *fixed}]
    if missing:
        raise ColumnsMissing(file=file.name, fields=", ".join(missing), columns=columns)
    return best


def _try_delimiter(
    file: SourceFile,
    wanted: Mapping[str, Wanted],
    mapping: Mapping[str, str],
    fixed: Mapping[str, str],
    delimiter: str,
) -> Layout:
    header = _first(file, delimiter)
    places: dict[str, int] = {}
    by_key: dict[str, int] = {}
    for place, name in enumerate(header):
        if own_column(name):
            by_key.setdefault(column_key(name), place)
    for column, name in mapping.items():
        if column_key(column) in by_key:
            places[name] = by_key[column_key(column)]
    for name, each in wanted.items():
        if name not in places and name not in fixed:
            found = next((by_key[alias] for alias in map(column_key, each.aliases) if alias in by_key), None)
            if found is not None and found not in places.values():
                places[name] = found
    return Layout(delimiter, header, places, fixed, bool(file.spoilt_bytes))


def own_column(name: str) -> bool:
    """Tell whether a column is the file's own, not one that our files of refused rows put before the others."""
    return name.strip() not in ERROR_COLUMNS


def read_header(file: SourceFile, delimiter: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the sign that parts the cells and the names of the columns, told from the header alone.

    The sign is the one that makes most columns of it. Raises: :class:`FileUnreadable`.
    """
    found = [(sign, _first(file, sign)) for sign in ([delimiter] if delimiter else DELIMITERS)]
    return max(found, key=lambda each: len(each[1]))


def _first(file: SourceFile, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next((cells for _, cells in _records(file, delimiter)), []))
    except FileUnreadable:
        # With another sign the quotes may stand elsewhere.
        return ()


def column_key(name: str) -> str:
    """Return what two ways of writing a column's name have in common: its letters and digits, without capitals."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", name).casefold())


def rows(file: SourceFile, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Give each row after the header with its number, the header being row 1; empty rows are passed over.

    Raises: :class:`FileUnreadable` for a quote that is never closed.
    """
    records = _records(file, layout.delimiter)
    next(records, None)
    yield from records


def _records(file: SourceFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    number = 0
    with file.open() as text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            for number, cells in enumerate(reader, 1):
                if any(map(str.strip, cells)):
                    yield number, cells
        except csv.Error as error:
            raise FileUnreadable(
                file=file.name, problem=f"after row {number}: {error}; is a quote never closed?"
            ) from None
