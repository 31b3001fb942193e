"""Sales out of a file of lines: put together by their number, checked whole, given one at a time.

A sale's lines need not stand together, so the file is read twice: once to learn where each sale ends and what its
goods are called, once to give each sale as soon as its last line has come. Memory holds the numbers and the sales that
are open at the moment, not the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from primepos.core.amounts import MAX_MINOR, InvalidAmount
from primepos.domain.importing.cells import (
    CellProblem,
    clean,
    line_total,
    read_moment,
    read_name,
    read_price,
    read_quantity,
    read_sku,
)
from primepos.domain.importing.refusals import Refusal
from primepos.domain.importing.schemas import ImportedLine, ImportedSale, SeenGoods
from primepos.domain.importing.tables import rows

if TYPE_CHECKING:
    from primepos.domain.importing.dialects import Dialect
    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.tables import Layout

# A row's number, its cells, and of these the ones that are read.
Row = tuple[int, list[str], Sequence[str]]
_READ: Final = ("number", "sold_at", "sku", "name", "quantity", "unit_price", "customer")

_INCOMPLETE: Final = "SALE_INCOMPLETE"
_TOO_LARGE: Final = "AMOUNT_TOO_LARGE"


@dataclass(slots=True)
class SaleUnit:
    """One sale of the file with the rows it was made of; ``sale`` is None where a row could not be read."""

    rows: int
    sale: ImportedSale | None
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(slots=True)
class _Goods:
    """What the file says of one code: the names it goes by, how often each, and the last price it was sold at."""

    names: Counter[str] = field(default_factory=Counter)
    unsold_name: str = ""
    price: str = "0"


@dataclass(slots=True)
class SalesFile:
    """A file of sales, read through once; :meth:`sales` reads it again."""

    file: SourceFile
    layout: Layout
    dialect: Dialect
    zone: str
    exponent: int
    formats: tuple[str, ...]
    decimal_comma: bool
    total_rows: int = 0
    _last_rows: dict[str, int] = field(default_factory=dict)
    _goods: dict[str, _Goods] = field(default_factory=dict)

    def goods(self, sku: str) -> SeenGoods:
        """Return what the file knows of a code: its most frequent name on lines that were paid, its last price."""
        seen = self._goods.get(sku)
        if seen is None:
            return SeenGoods(sku=sku, name=sku, unit_price=Decimal(0))
        name = seen.names.most_common(1)[0][0] if seen.names else seen.unsold_name
        return SeenGoods(sku=sku, name=name or sku, unit_price=Decimal(seen.price))

    def skus(self) -> list[str]:
        """Return every code in the file, sorted."""
        return sorted(self._goods)

    def sales(self) -> Iterator[SaleUnit]:
        """Give every sale in the order in which the file completes them; always the same order for the same file."""
        open_sales: dict[str, list[Row]] = {}
        pick = self.layout.picker(*_READ)
        for row, cells in rows(self.file, self.layout):
            read = pick(cells)
            number = clean(read[0])
            if not number:
                yield refuse_whole([(row, cells, read)], {row: CellProblem("MISSING_VALUE", "number is empty")})
                continue
            lines = open_sales.setdefault(number, [])
            lines.append((row, cells, read))
            if self._last_rows[number] == row:
                yield self._sale(number, open_sales.pop(number))

    def _scan(self) -> None:
        pick = self.layout.picker(*_READ)
        comma = self.decimal_comma
        for row, cells in rows(self.file, self.layout):
            self.total_rows += 1
            number, _, sku, name, _, price, _ = pick(cells)
            number = clean(number)
            if number:
                self._last_rows[number] = row
            try:
                sku, name, price = read_sku(sku), read_name(name), read_price(price, comma)
            except CellProblem:
                continue
            seen = self._goods.get(sku)
            if seen is None:
                seen = self._goods[sku] = _Goods()
            # Lines without a price are corrections of stock; what stands there is as often a remark as a name.
            if price in _FREE or price[0] == "-":
                seen.unsold_name = seen.unsold_name or name
            else:
                seen.price = price
                if name:
                    seen.names[name] += 1

    def _sale(self, number: str, lines: Sequence[Row]) -> SaleUnit:
        problems: dict[int, CellProblem] = {}
        made: list[ImportedLine] = []
        moments = set()
        customer = ""
        total = 0
        try:
            number = read_sku(number, "number")
        except CellProblem as problem:
            return refuse_whole(lines, dict.fromkeys((row for row, _, _ in lines), problem))
        for row, cells, read in lines:
            try:
                self.layout.check(cells)
                moments.add(read_moment(self._when(cells, read[1]), self.zone, self.formats))
                line = self._line(read)
                total += line_total(line.quantity, line.unit_price, self.exponent)
                made.append(line)
                customer = customer or _customer(read[6])
            except CellProblem as problem:
                problems[row] = problem
            except InvalidAmount as error:
                problems[row] = CellProblem(_TOO_LARGE, error.message)
        if problems:
            return refuse_whole(lines, problems)
        if abs(total) > MAX_MINOR:
            too_large = CellProblem(_TOO_LARGE, "the sale's total is too large")
            return refuse_whole(lines, dict.fromkeys((row for row, _, _ in lines), too_large))
        sold_at, day = min(moments)
        return SaleUnit(
            len(lines),
            ImportedSale(
                number=number,
                sold_at=sold_at,
                business_date=day,
                customer=customer or None,
                is_cancellation=self._is_cancellation(number, made),
                lines=made,
            ),
        )

    def _when(self, cells: Sequence[str], at: str) -> str:
        time = clean(self.layout.cell(cells, "time")) if "time" in self.layout.places else ""
        return f"{clean(at)} {time}" if time else at

    def _line(self, read: Sequence[str]) -> ImportedLine:
        sku = read_sku(read[2])
        return ImportedLine(
            sku,
            read_name(read[3]) or self.goods(sku).name,
            read_quantity(read[4], self.decimal_comma),
            read_price(read[5], self.decimal_comma),
        )

    def _is_cancellation(self, number: str, lines: Sequence[ImportedLine]) -> bool:
        if self.dialect.cancellation:
            return number.startswith(self.dialect.cancellation)
        return all(line.quantity.startswith("-") for line in lines)


_FREE: Final = frozenset({"0", "0.0", "0.00", "0.000", "0.0000"})


def read_sales(
    file: SourceFile,
    layout: Layout,
    dialect: Dialect,
    *,
    zone: str,
    exponent: int,
    formats: tuple[str, ...] = (),
    decimal_comma: bool = False,
) -> SalesFile:
    """Read a file of sales through and return it, ready to give its sales.

    ``zone`` is where the clock hung that the file's times were read off, ``exponent`` the decimals of the currency,
    ``formats`` are tried on times before the dialect's own.
    Raises: :class:`FileUnreadable`.
    """
    found = SalesFile(file, layout, dialect, zone, exponent, (*formats, *dialect.formats), decimal_comma)
    found._scan()  # noqa: SLF001 - the second half of making one
    return found


def _customer(cell: str) -> str:
    """Return a customer's number as text; spreadsheets make 17850.0 of 17850."""
    text = clean(cell)
    if text.endswith(".0") and text[:-2].isdecimal():
        text = text[:-2]
    return read_sku(text, "customer") if text else ""


def refuse_whole(lines: Sequence[Row], problems: dict[int, CellProblem]) -> SaleUnit:
    """Refuse a sale whole: half a sale would be wrong in every report."""
    refusals = []
    for row, cells, _ in lines:
        problem = problems.get(row)
        if problem is None:
            refusals.append(Refusal(row, _INCOMPLETE, "another line of this sale cannot be read", cells))
        else:
            refusals.append(Refusal(row, problem.code, problem.problem, cells))
    return SaleUnit(len(lines), None, refusals)
