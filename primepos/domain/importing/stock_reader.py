"""Stock levels out of a file: what is there of each product in each place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import CellProblem, clean, read_quantity, read_sku
from primepos.domain.importing.errors import LocationUnknown
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.schemas import GivenLevel
from primepos.domain.importing.shapes import values_of
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.schemas import OutletName
    from primepos.domain.importing.shapes import Shape, Values
    from primepos.domain.importing.tables import Layout

_BETWEEN_CODES: Final = re.compile(r"[\s,;|]+")
#: The place of a file that names none.
ANYWHERE: Final = ""


@dataclass(slots=True)
class StockUnit:
    """One row of the file with the levels it says; none where the row is no product or says nothing of stock."""

    row: int
    cells: list[str]
    levels: list[GivenLevel]
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 1


@dataclass(slots=True)
class StockFile:
    """A file of stock levels; :meth:`levels` reads it. ``outlets`` says which outlet each of its places is."""

    file: SourceFile
    layout: Layout
    shape: Shape
    decimal_comma: bool
    outlets: Mapping[str, str]
    total_rows: int = 0

    def places(self) -> list[str]:
        """Return the places the file speaks of, in its order; one without a name where it names none."""
        columns = self._columns()
        if columns:
            return list(columns)
        if "place" not in self.layout.places and "place" not in self.layout.fixed:
            return [ANYWHERE]
        found = (clean(self.layout.cell(cells, "place")) for _, cells in rows(self.file, self.layout))
        return list(dict.fromkeys(found))

    def levels(self) -> Iterator[StockUnit]:
        """Give every row with its levels, or a refusal that says why not. A level that is told twice is refused."""
        reshape = self.shape.reshape()
        columns = self._columns()
        seen: set[tuple[str, str]] = set()
        for row, cells in rows(self.file, self.layout):
            try:
                self.layout.check(cells)
                values = reshape(values_of(self.layout, cells, is_exact=self.shape.is_exact))
                found = [] if values is None else self._levels(values, cells, columns)
                _note(found, seen)
                yield StockUnit(row, cells, found)
            except CellProblem as problem:
                yield StockUnit(row, cells, [], [Refusal(row, problem.code, problem.problem, cells)])

    def _columns(self) -> dict[str, int]:
        return self.shape.columns(self.layout, "quantity") if "quantity" in self.shape.by_place else {}

    def _levels(self, values: Values, cells: Sequence[str], columns: Mapping[str, int]) -> list[GivenLevel]:
        told = {place: cells[n] for place, n in columns.items() if n < len(cells)} or {
            clean(values.get("place", "")): values.get("quantity", "")
        }
        told = {place: cell for place, cell in told.items() if clean(cell)}
        if not told:
            return []
        codes = [code for code in _BETWEEN_CODES.split(clean(values.get("barcode", ""))) if code]
        if not clean(values.get("sku", "")) and not codes:
            raise CellProblem("MISSING_VALUE", "neither a code nor a barcode says which product this is")
        sku = read_sku(values["sku"]) if clean(values.get("sku", "")) else codes[0]
        found = []
        for place, cell in told.items():
            outlet = self.outlets.get(place)
            if outlet is None:
                raise CellProblem("LOCATION_UNKNOWN", f"no outlet is named for {place or 'a row without a place'}")
            found.append(GivenLevel(sku=sku, outlet=outlet, quantity=read_quantity(cell, self.decimal_comma)))
        return found


def _note(found: Sequence[GivenLevel], seen: set[tuple[str, str]]) -> None:
    """Remember what the file said; the last of two levels of one product would be a guess."""
    twice = [level for level in found if (level.outlet, level.sku) in seen]
    if twice:
        raise CellProblem("SKU_TWICE", f"the stock of {twice[0].sku} is told twice")
    seen.update((level.outlet, level.sku) for level in found)


def read_stock(
    file: SourceFile, layout: Layout, shape: Shape, *, decimal_comma: bool, outlets: Mapping[str, str] | None = None
) -> StockFile:
    """Count the rows of a file of stock levels and return it, ready to give them. Raises: :class:`FileUnreadable`."""
    found = StockFile(file, layout, shape, decimal_comma, outlets or {})
    found.total_rows = sum(1 for _ in rows(file, layout))
    return found


def outlets_of(
    places: Sequence[str], outlets: Sequence[OutletName], named: Mapping[str, str], outlet: str | None
) -> dict[str, str]:
    """Return which outlet each place of a file is: as was said, else the one of that code or name, else the only one.

    Raises: :class:`LocationUnknown`.
    """
    codes = {each.code for each in outlets}
    told = ", ".join(f"{each.code} ({each.name})" for each in outlets) or "none"
    for code in [*named.values(), *([outlet] if outlet else [])]:
        if code not in codes:
            raise LocationUnknown(location=code, outlets=told)
    found: dict[str, str] = {}
    for place in places:
        known = {each.code for each in outlets if place.casefold() in {each.code.casefold(), each.name.casefold()}}
        if place in named:
            found[place] = named[place]
        elif outlet is not None and (len(places) == 1 or not place):
            found[place] = outlet
        elif len(known) == 1:
            found[place] = known.pop()
        elif len(places) == 1 and len(outlets) == 1:
            found[place] = outlets[0].code
        else:
            raise LocationUnknown(location=place or "this file's place", outlets=told)
    return found
