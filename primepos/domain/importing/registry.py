"""Every export that is known, by what is imported from it, and how a file's own is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.dialects import GENERIC_PRODUCTS
from primepos.domain.importing.dialects import SALES as LINE_DIALECTS
from primepos.domain.importing.errors import WrongExport
from primepos.domain.importing.shapes import Shape
from primepos.domain.importing.systems import goods, levels, own, people, receipts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.domain.importing.dialects import Dialect
    from primepos.domain.importing.systems.receipts import ReceiptShape

PRODUCTS, CUSTOMERS, STOCK, SALES = "products", "customers", "stock", "sales"
KINDS: Final = (PRODUCTS, CUSTOMERS, STOCK, SALES)


def _as_shape(dialect: Dialect) -> Shape:
    numbers = ("quantity", "unit_price")
    return Shape(
        dialect.name, SALES, f"sales lines ({dialect.name})", dialect.fields, numbers=numbers, dates=("sold_at",)
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The exports of one kind: those that are told by their columns, and the one for anybody's list."""

    shapes: tuple[Shape, ...]
    generic: Shape

    def systems(self) -> list[str]:
        """Return the names that ``--from`` takes."""
        return list(dict.fromkeys([*(shape.system for shape in self.shapes), self.generic.system]))


_ONLINE_RETAIL: Final = Shape(
    "online-retail",
    SALES,
    "the Online Retail data",
    LINE_DIALECTS["online-retail"].fields,
    marks=("InvoiceNo", "StockCode", "InvoiceDate", "CustomerID"),
    numbers=("quantity", "unit_price"),
    dates=(),
)
EXPORTS: Final[Mapping[str, Known]] = {
    PRODUCTS: Known((own.PRODUCTS, *goods.PRODUCTS), GENERIC_PRODUCTS),
    CUSTOMERS: Known((own.CUSTOMERS, *people.CUSTOMERS), people.GENERIC_CUSTOMERS),
    STOCK: Known((own.STOCK, *levels.STOCK), levels.GENERIC_STOCK),
    SALES: Known((*(each.shape for each in receipts.SALES), _ONLINE_RETAIL), _as_shape(LINE_DIALECTS["generic"])),
}


def detect(kind: str, header: Sequence[str], file: str) -> Shape:
    """Return the export that a header belongs to, anybody's list where it is none that is known.

    Raises: :class:`WrongExport` for a known export that holds something else.
    """
    known = EXPORTS[kind]
    for shape in known.shapes:
        if shape.fits(header):
            return shape
    for other in EXPORTS.values():
        for shape in other.shapes:
            if shape.fits(header):
                raise WrongExport(file=file, found=shape.title, wanted=kind)
    return known.generic


def choose(kind: str, system: str, header: Sequence[str]) -> Shape | None:
    """Return the export of a named system that fits a header best, None for a system without any of this kind."""
    known = EXPORTS[kind]
    if system == known.generic.system:
        return known.generic
    found = [shape for shape in known.shapes if shape.system == system]
    return next((shape for shape in found if shape.fits(header)), found[0] if found else None)


def receipts_of(shape: Shape) -> ReceiptShape | None:
    """Return how the receipts of an export of sales are put together, None for lists of plain lines."""
    return next((each for each in receipts.SALES if each.shape is shape), None)
