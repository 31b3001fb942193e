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
    read_quantity,
    read_sku,
    read_tax_class,
)
from primepos.domain.importing.dialects import GENERIC_PRODUCTS as GENERIC
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.shapes import told_options, values_of
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.shapes import Shape, Values
    from primepos.domain.importing.tables import Layout

_BETWEEN_CODES: Final = re.compile(r"[\s,;|]+")
_SOLD_BY: Final = {
    "each": "each", "piece": "each", "pieces": "each", "pc": "each", "pcs": "each", "unit": "each", "no": "each",
    "weight": "weight", "kg": "weight", "kilogram": "weight", "yes": "weight",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VariantOf:
    """What a row says of the product it is a variant of: under which code and name, and what tells it apart."""

    parent: str
    parent_name: str
    options: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class ProductUnit:
    """One row of the file; ``product`` is None where it could not be read, or where the row is no product."""

    row: int
    cells: list[str]
    product: UpsertProduct | None
    refusals: list[Refusal] = field(default_factory=list)
    rows: int = 1
    variant: VariantOf | None = None
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class ProductsFile:
    """A file of products; :meth:`products` reads it."""

    file: SourceFile
    layout: Layout
    tax_classes: frozenset[str]
    decimal_comma: bool
    total_rows: int
    shape: Shape = GENERIC
    place: str | None = None

    def products(self) -> Iterator[ProductUnit]:
        """Give every row as a product, as none, or as a refusal that says why not."""
        reshape = self.shape.reshape()
        prices = self.shape.columns(self.layout, "unit_price") if "unit_price" in self.shape.by_place else {}
        for row, cells in rows(self.file, self.layout):
            try:
                self.layout.check(cells)
                values = reshape(values_of(self.layout, cells, is_exact=self.shape.is_exact))
                if values is None:
                    yield ProductUnit(row, cells, None)
                    continue
                if prices:
                    values["unit_price"] = self._price_of(
                        values, {name: cells[n] for name, n in prices.items() if n < len(cells)}
                    )
                yield ProductUnit(
                    row,
                    cells,
                    self._product(values),
                    variant=_variant_of(values),
                    is_archived=bool(read_choice(values.get("archived", ""), "archived")),
                )
            except CellProblem as problem:
                yield ProductUnit(row, cells, None, [Refusal(row, problem.code, problem.problem, cells)])

    def _price_of(self, values: Values, prices: Mapping[str, str]) -> str:
        """Return the price of the place that was asked for; without one all that say a price must say the same."""
        if self.place is not None:
            return next((cell for name, cell in prices.items() if name.casefold() == self.place.casefold()), "")
        told = {clean(cell) for cell in prices.values() if clean(cell)}
        if len(told) > 1:
            raise CellProblem(
                "PRICES_DIFFER", f"its price differs by place; name one with --place: {', '.join(prices)}"
            )
        return told.pop() if told else values.get("unit_price", "")

    def _product(self, cells: Values) -> UpsertProduct:
        def cell(name: str) -> str:
            return cells.get(name, "")

        if cell("kind") == "kit":
            raise CellProblem("KIT_REFUSED", "what a kit is made of is not in this file; make it by hand")
        codes = [code for code in _BETWEEN_CODES.split(clean(cell("barcode"))) if code]
        if not clean(cell("sku")) and not codes:
            raise CellProblem("MISSING_VALUE", "neither a code nor a barcode says which product this is")
        if clean(cell("unit_price")).casefold() == "variable":
            raise CellProblem("PRICE_OPEN", "the price is typed in at the till; give it one here")
        values: dict[str, Any] = {
            "sku": read_sku(cell("sku")) if clean(cell("sku")) else codes[0],
            "name": read_name(cell("name")),
            "unit_price": read_price(cell("unit_price"), self.decimal_comma),
            "category": read_name(cell("category")) or None,
            "tax_class": self._tax_class(cell("tax_class")),
            "sold_by": _sold_by(cell("sold_by")),
            "track_stock": read_choice(cell("track_stock"), "track stock"),
            "barcodes": _barcodes(codes, cell("barcode_quantities")),
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


def _barcodes(codes: Sequence[str], quantities: str) -> list[dict[str, str]]:
    """Return codes with what one scan of each means; without quantities that is one."""
    told = clean(quantities).split()
    if told and len(told) != len(codes):
        raise CellProblem("BAD_NUMBER", "there are not as many quantities as barcodes")
    pairs = dict(zip(codes, [read_quantity(each) for each in told] or ["1"] * len(codes), strict=True))
    return [{"code": code, "quantity": quantity} for code, quantity in pairs.items()]


def _variant_of(values: Values) -> VariantOf | None:
    if values.get("kind") == "parent":
        return VariantOf(read_sku(values["sku"]), read_name(values["name"]), ())
    parent = values.get("parent_sku", "") or values.get("handle", "") or values.get("group", "")
    options = told_options(values)
    if not options or not (values.get("group", "") or values.get("parent_sku", "")):
        return None
    return VariantOf(read_sku(parent)[:64], read_name(values.get("group", "")), tuple(options))


def read_products(
    file: SourceFile,
    layout: Layout,
    *,
    tax_classes: frozenset[str],
    decimal_comma: bool = False,
    shape: Shape = GENERIC,
    place: str | None = None,
) -> ProductsFile:
    """Count the rows of a file of products and return it, ready to give them.

    ``tax_classes`` are the codes a row may name; ``place`` is whose prices are meant where a file has several.
    Raises: :class:`FileUnreadable`.
    """
    total = sum(1 for _ in rows(file, layout))
    return ProductsFile(file, layout, tax_classes, decimal_comma, total, shape, place)
