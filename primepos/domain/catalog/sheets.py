"""Sheets of labels that are sold in shops, as data: how many labels of which size lie where on which paper.

Sizes are the makers' nominal ones and the sheets are symmetric, so the margins follow. Counts and sizes of the sheets
agree with the template data of gLabels (github.com/jimevins/glabels-qt, templates/avery-iso-templates.xml and
avery-us-templates.xml), whose margins differ from these by less than a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from primepos.domain.catalog.errors import SheetNotFound

A4: Final = (Decimal(210), Decimal(297))
LETTER: Final = (Decimal("215.9"), Decimal("279.4"))


@dataclass(frozen=True, slots=True)
class SheetFormat:
    """A sheet of ``across`` by ``down`` labels; every length in millimetres, ``gap`` between neighbours."""

    name: str
    about: str
    paper: tuple[Decimal, Decimal]
    across: int
    down: int
    width: Decimal
    height: Decimal
    gap: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))

    @property
    def count(self) -> int:
        """How many labels a sheet has."""
        return self.across * self.down

    def place(self, index: int) -> tuple[Decimal, Decimal]:
        """Return the left and top edge of the label at ``index``, counted from 0 row by row."""
        row, column = divmod(index, self.across)
        left = (self.paper[0] - self.across * self.width - (self.across - 1) * self.gap[0]) / 2
        top = (self.paper[1] - self.down * self.height - (self.down - 1) * self.gap[1]) / 2
        return left + column * (self.width + self.gap[0]), top + row * (self.height + self.gap[1])


def _a4(name: str, across: int, down: int, width: str, height: str, gap: str = "2.54") -> SheetFormat:
    about = f"A4, {across * down} labels of {width} x {height} mm"
    return SheetFormat(name, about, A4, across, down, Decimal(width), Decimal(height), (Decimal(gap), Decimal(0)))


def _roll(width: str, height: str) -> SheetFormat:
    size = (Decimal(width), Decimal(height))
    return SheetFormat(f"roll-{width}x{height}", f"label printer, {width} x {height} mm", size, 1, 1, *size)


SHEETS: Final = {
    each.name: each
    for each in (
        _a4("L4732", 5, 16, "35.6", "16.9", "2.5"),
        _a4("L4770", 4, 10, "45.7", "25.4", "2.8"),
        _a4("L7160", 3, 7, "63.5", "38.1"),
        _a4("L7161", 3, 6, "63.5", "46.6"),
        _a4("L7162", 2, 8, "99.1", "33.9"),
        _a4("L7163", 2, 7, "99.1", "38.1"),
        _a4("L7651", 5, 13, "38.1", "21.2"),
        SheetFormat(
            "5160", "Letter, 30 labels of 2 5/8 x 1 inch", LETTER, 3, 10, Decimal("66.675"), Decimal("25.4"),
            (Decimal("3.175"), Decimal(0)),
        ),
        _roll("57", "32"),
        _roll("62", "29"),
    )
}  # fmt: skip


def find_sheet(name: str) -> SheetFormat:
    """Return a sheet by its name, in whichever case. Raises: :class:`SheetNotFound`."""
    known = {each.lower(): sheet for each, sheet in SHEETS.items()}
    if name.lower() not in known:
        raise SheetNotFound(sheet=name, known=", ".join(SHEETS))
    return known[name.lower()]
