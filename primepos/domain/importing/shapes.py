"""What exports of a system look like, and how one of their rows becomes the fields that every import knows.

A shape is told by the names of its columns. Some systems say a thing once for several rows (a product's name stands on
its first variant only), or put rows into a list of goods that are none: a shape's :data:`Reshape` puts that right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from re import Pattern
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import Exact
from primepos.domain.importing.tables import Wanted, column_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from primepos.domain.importing.tables import Layout

#: Fields of one row by name, as written; empty where the file has no such column or nothing in it.
Values = dict[str, str]
#: Makes a row's fields right; None for a row that is none of what is read. Raises: ``CellProblem``.
Reshape = Callable[[Values], Values | None]

MOST_OPTIONS: Final = 3


def as_it_is(values: Values) -> Values:
    """Leave a row as it is."""
    return values


def nothing_kept() -> Reshape:
    """Make the reshape of a system whose rows stand for themselves."""
    return as_it_is


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of export of one system.

    ``marks`` are columns that, all together, no other export has. ``by_place`` are fields with a column for each of
    the shop's places, told by a pattern whose group is the place. ``numbers`` and ``dates`` are the fields that are
    written in the file's way. ``is_exact``: an export of ours, whose cells are read to the letter.
    """

    system: str
    kind: str
    title: str
    fields: Mapping[str, Wanted]
    marks: tuple[str, ...] = ()
    reshape: Callable[[], Reshape] = nothing_kept
    by_place: Mapping[str, Pattern[str]] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    is_exact: bool = False

    def fits(self, header: Iterable[str]) -> bool:
        """Tell whether a header is this export's."""
        keys = {column_key(name) for name in header}
        return bool(self.marks) and all(column_key(mark) in keys for mark in self.marks)

    def columns(self, layout: Layout, name: str) -> dict[str, int]:
        """Return the places in the row of a field that has a column for each of the shop's places."""
        found: dict[str, int] = {}
        for place, column in enumerate(layout.header):
            told = self.by_place[name].fullmatch(column.strip())
            if told is not None:
                found.setdefault(told[1].strip(), place)
        return found

    def numeric_places(self, layout: Layout) -> list[int]:
        """Return the places of every column that holds numbers."""
        plain = [layout.places[name] for name in self.numbers if name in layout.places]
        return [*plain, *(place for name in self.by_place for place in self.columns(layout, name).values())]

    def date_places(self, layout: Layout) -> list[int]:
        """Return the places of every column that holds dates."""
        return [layout.places[name] for name in self.dates if name in layout.places]


def values_of(layout: Layout, cells: Sequence[str], *, is_exact: bool = False) -> Values:
    """Return the fields of a row; of an export of ours without the apostrophes that it put in front."""
    if is_exact:
        told = ((name, layout.cell(cells, name)) for name in (*layout.places, *layout.fixed))
        return {name: Exact(cell[1:] if cell[:1] == "'" else cell) for name, cell in told}
    return {name: layout.cell(cells, name) for name in (*layout.places, *layout.fixed)}


def told_options(values: Values) -> list[tuple[str, str]]:
    """Return the options of a variant in their order: name and value."""
    pairs = [
        (values.get(f"option_{n}_name", "").strip(), values.get(f"option_{n}_value", "").strip())
        for n in range(1, MOST_OPTIONS + 1)
    ]
    return [(name or f"Option {n}", value) for n, (name, value) in enumerate(pairs, 1) if value]


def full_name(name: str, options: Iterable[str]) -> str:
    """Return what a variant is called: its product and what tells it apart."""
    told = " / ".join(value for value in options if value)
    return f"{name} - {told}" if told else name
