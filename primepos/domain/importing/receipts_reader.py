"""Sales out of a system's own export, put together by the system's own rules, each receipt whole or not at all.

A receipt's rows need not stand together, so the file is read twice, as :mod:`sales_reader` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from primepos.core.amounts import InvalidAmount
from primepos.domain.importing.cells import CellProblem
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.sales_reader import SaleUnit, refuse_whole
from primepos.domain.importing.schemas import SeenGoods
from primepos.domain.importing.shapes import Values, values_of
from primepos.domain.importing.systems.receipts import NO_GOODS
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.systems.receipts import Reading, ReceiptShape
    from primepos.domain.importing.tables import Layout

_INVALID: Final = "VALUE_REFUSED"


@dataclass(slots=True)
class ReceiptsFile:
    """A file of receipts, read through once; :meth:`sales` reads it again."""

    file: SourceFile
    layout: Layout
    shape: ReceiptShape
    reading: Reading
    total_rows: int = 0
    passed_over: int = 0
    _last_rows: dict[str, int] = field(default_factory=dict)
    _goods: dict[str, SeenGoods] = field(default_factory=dict)

    def goods(self, sku: str) -> SeenGoods:
        """Return what the file knows of a code: its latest name and price."""
        return self._goods[sku]

    def skus(self) -> list[str]:
        """Return every code of goods in the file, sorted; shipping and its like are none."""
        return sorted(self._goods)

    def sales(self) -> Iterator[SaleUnit]:
        """Give every sale in the order in which the file completes them; always the same order for the same file."""
        open_rows: dict[str, list[tuple[int, list[str], Values]]] = {}
        for row, cells in rows(self.file, self.layout):
            values = values_of(self.layout, cells)
            number = self.shape.number(values)
            if number is None:
                yield SaleUnit(1, None)
            elif not number:
                refusal = Refusal(row, "MISSING_VALUE", "number is empty", cells)
                yield SaleUnit(1, None, [refusal])
            else:
                lines = open_rows.setdefault(number, [])
                lines.append((row, cells, values))
                if self._last_rows[number] == row:
                    yield from self._receipt(number, open_rows.pop(number))

    def scan(self) -> None:
        """Learn where each receipt ends and which goods there are."""
        for row, cells in rows(self.file, self.layout):
            self.total_rows += 1
            number = self.shape.number(values_of(self.layout, cells))
            if number is None:
                self.passed_over += 1
            elif number:
                self._last_rows[number] = row
        for unit in self.sales():
            for line in unit.sale.lines if unit.sale is not None else ():
                if line.sku not in NO_GOODS:
                    price = max(Decimal(line.unit_price), Decimal(0))
                    seen = self._goods.get(line.sku)
                    if seen is None or price:
                        self._goods[line.sku] = SeenGoods(sku=line.sku, name=line.name, unit_price=price)

    def _receipt(self, number: str, lines: Sequence[tuple[int, list[str], Values]]) -> Iterator[SaleUnit]:
        where = [(row, cells, cells) for row, cells, _ in lines]
        for row, cells, _ in lines:
            try:
                self.layout.check(cells)
            except CellProblem as problem:
                yield refuse_whole(where, {row: problem})
                return
        try:
            made = self.shape.assemble(number, [values for _, _, values in lines], self.reading)
        except CellProblem as problem:
            yield refuse_whole(where, dict.fromkeys((row for row, _, _ in lines), problem))
            return
        except InvalidAmount as error:
            invalid = CellProblem(_INVALID, error.message)
            yield refuse_whole(where, dict.fromkeys((row for row, _, _ in lines), invalid))
            return
        # What comes of a receipt beside the sale (its refund) is loaded before the rows count as settled.
        for extra in made[1:]:
            yield SaleUnit(0, extra)
        yield SaleUnit(len(lines), made[0] if made else None)


def read_receipts(file: SourceFile, layout: Layout, shape: ReceiptShape, reading: Reading) -> ReceiptsFile:
    """Read a file of receipts through and return it, ready to give its sales. Raises: :class:`FileUnreadable`."""
    found = ReceiptsFile(file, layout, shape, reading)
    found.scan()
    return found
