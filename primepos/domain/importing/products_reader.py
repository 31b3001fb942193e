"""Products out of a file, one a row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.errors import InvalidInput
from primepos.domain.catalog.schemas import UpsertProduct
from primepos.domain.importing.cells import (
    CellProblem,
    clean,
    read_choice,
    read_name,
    read_price,
    read_sku,
    read_tax_class,
)
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.tables import Layout

_BETWEEN_CODES: Final = re.compile(r"[\s,;|]+")
_SOLD_BY: Final = {
    "each": "each", "piece": "each", "pieces": "each", "pc": "each", "pcs": "each", "unit": "each", "no": "each",
    "weight": "weight", "kg": "weight", "kilogram": "weight", "yes": "weight",
}  # fmt: skip


@dataclass(slots=True)
class ProductUnit:
    """One row of the file; ``product`` is None where it could not be read."""

    row: int
    cells: list[str]
    product: UpsertProduct | None
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 1


@dataclass(frozen=True, slots=True)
class ProductsFile:
    """A file of products; :meth:`products` reads it."""

    file: SourceFile
    layout: Layout
    tax_classes: frozenset[str]
    decimal_comma: bool
    total_rows: int

    def products(self) -> Iterator[ProductUnit]:
        """Give every row as a product, or as a refusal that says why not."""
        for row, cells in rows(self.file, self.layout):
            try:
                self.layout.check(cells)
                yield ProductUnit(row, cells, self._product(cells))
            except CellProblem as problem:
                yield ProductUnit(row, cells, None, [Refusal(row, problem.code, problem.problem, cells)])

    def _product(self, cells: Sequence[str]) -> UpsertProduct:
        def cell(name: str) -> str:
            return self.layout.cell(cells, name)

        codes = [code for code in _BETWEEN_CODES.split(clean(cell("barcode"))) if code]
        if not clean(cell("sku")) and not codes:
            raise CellProblem("MISSING_VALUE", "neither a code nor a barcode says which product this is")
        values: dict[str, Any] = {
            "sku": read_sku(cell("sku")) if clean(cell("sku")) else codes[0],
            "name": read_name(cell("name")),
            "unit_price": read_price(cell("unit_price"), self.decimal_comma),
            "category": read_name(cell("category")) or None,
            "tax_class": self._tax_class(cell("tax_class")),
            "sold_by": _sold_by(cell("sold_by")),
            "track_stock": read_choice(cell("track_stock"), "track stock"),
            "barcodes": [{"code": code} for code in dict.fromkeys(codes)],
        }
        if not values["name"]:
            raise CellProblem("MISSING_VALUE", "name is empty")
        try:
            return msgspec.convert(values, UpsertProduct)
        except msgspec.ValidationError as error:
            raise CellProblem("VALUE_REFUSED", str(error)) from None
        except InvalidInput as error:
            raise CellProblem("BAD_NUMBER", error.message) from None

    def _tax_class(self, cell: str) -> str | None:
        if not clean(cell):
            return None
        code = read_tax_class(cell)
        if code not in self.tax_classes:
            raise CellProblem("UNKNOWN_TAX_CLASS", f"there is no tax class {code}")
        return code


def _sold_by(cell: str) -> str | None:
    text = clean(cell).casefold()
    if not text:
        return None
    if text not in _SOLD_BY:
        raise CellProblem("BAD_CHOICE", "sold by is neither each nor weight")
    return _SOLD_BY[text]


def read_products(
    file: SourceFile, layout: Layout, *, tax_classes: frozenset[str], decimal_comma: bool = False
) -> ProductsFile:
    """Count the rows of a file of products and return it, ready to give them.

    ``tax_classes`` are the codes a row may name. Raises: :class:`FileUnreadable`.
    """
    return ProductsFile(file, layout, tax_classes, decimal_comma, sum(1 for _ in rows(file, layout)))
