"""The lines of the open sale: the selected one is marked, and it or the last is always in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from primepos.till.inert import left, right, width

if TYPE_CHECKING:
    from primepos.till.view import LineView

MARK = "▸ "
_ROOMY = 70


class LineList(Widget):
    """Quantity, name, unit price, discount and total of each line, figures flush right."""

    def __init__(self) -> None:
        """Start without lines."""
        super().__init__(id="lines")
        self.lines: tuple[LineView, ...] = ()

    def show(self, lines: tuple[LineView, ...]) -> None:
        """Draw these lines."""
        if lines != self.lines:
            self.lines = lines
            self.refresh()

    def render(self) -> Content:
        """Draw as many lines as there is room for, around the selected one."""
        columns, rows = self.content_size.width, self.content_size.height
        if not self.lines:
            return Content.assemble(("\n  Scan a product, type its code, or press F2 to search.", "$till-quiet"))
        room = max(rows - 1, 1)
        chosen = next((at for at, line in enumerate(self.lines) if line.is_selected), len(self.lines) - 1)
        first = max(min(chosen - room + 1 + min(2, len(self.lines) - 1 - chosen), len(self.lines) - room), 0)
        roomy = columns >= _ROOMY
        head = ("Qty", "Price", "Less" if roomy else "", "Total")
        table = [head, *(self._figures(line, roomy=roomy) for line in self.lines)]
        widths = [max(width(row[at]) for row in table) + 2 for at in range(len(head))]
        drawn = [Content.assemble((self._row("", "", head, widths, columns), "$till-quiet"))]
        for line in self.lines[first : first + room]:
            mark = MARK if line.is_selected else ""
            text = self._row(mark, line.name, self._figures(line, roomy=roomy), widths, columns)
            drawn.append(Content.assemble((text, "$till-on-chosen on $till-chosen bold" if line.is_selected else "")))
        if first:
            drawn[0] = Content.assemble((left(f"  ↑ {first} more", columns), "$till-quiet"))
        return Content("\n").join(drawn)

    @staticmethod
    def _figures(line: LineView, *, roomy: bool) -> tuple[str, str, str, str]:
        if roomy:
            return line.quantity, line.price, line.discount, line.total
        # Where there is no column for it, a sign says that the line is discounted.
        return line.quantity, f"{line.price}*" if line.discount else line.price, "", line.total

    @staticmethod
    def _row(mark: str, name: str, figures: tuple[str, ...], widths: list[int], columns: int) -> str:
        written = "".join(right(figure, at) for figure, at in zip(figures, widths, strict=True) if at > 2)
        room = columns - len(MARK) - width(written) - 1
        return f"{left(mark, len(MARK))}{left(name, max(room, 0))}{written} "
