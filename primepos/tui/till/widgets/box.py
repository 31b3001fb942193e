"""What stands over the screen: a message that stays until Esc, a question, a text to read, a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from primepos.till.boxes import Box, SearchBox
from primepos.till.inert import left, right, width, wrap
from primepos.tui.till.widgets.entry import entry_text

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from primepos.till.figures import Figures

_HELP = {
    "error": "Esc puts this away",
    "info": "Esc or Enter: back",
    "ask": "Enter: go on   Esc: back",
    "search": "↑ ↓ choose   Enter: sell   Esc: back",
}
_WIDTH = 56


class BoxPanel(Vertical):
    """Draws the box on top; hidden while there is none."""

    def __init__(self, figures: Figures) -> None:
        """``figures`` writes prices of what was found."""
        super().__init__(id="box")
        self._figures = figures
        self.display = False

    def compose(self) -> ComposeResult:
        """Make title, text, entry and help."""
        yield Static("", id="box-title", markup=False)
        with VerticalScroll(id="box-body", can_focus=False):
            yield Static("", id="box-text", markup=False)
        yield Static("", id="box-entry", markup=False)
        yield Static("", id="box-help", markup=False)

    def show(self, box: Box | None, typed: str, queued: int) -> None:
        """Draw a box with what was typed into it, or hide."""
        self.display = box is not None
        if box is None:
            return
        for kind in _HELP:
            self.set_class(box.kind == kind, kind)
        self._place(box)
        self.query_one("#box-title", Static).update(Content(box.title))
        self.query_one("#box-text", Static).update(self._text(box))
        entry = self.query_one("#box-entry", Static)
        entry.display = bool(box.prompt)
        entry.update(entry_text(box.prompt, typed, is_secret=box.secret))
        more = "   ↑ ↓ scroll" if box.wide else ""
        waiting = f"   {queued} scans wait" if queued else ""
        self.query_one("#box-help", Static).update(Content(_HELP[box.kind] + more + waiting))

    def _place(self, box: Box) -> None:
        """Stand in the middle, as wide as the text needs."""
        widest = max((width(line) for line in box.lines), default=0) if box.wide else 0
        columns, rows = self.screen.size
        side = max((columns - max(_WIDTH, widest + 1) - 8) // 2, 1)
        top = 1 if box.wide else max((rows - 14) // 4, 1)
        self.styles.margin = (top, side, 0, side)
        # Title, entry and help stay in view; only the text scrolls.
        frame = 8 + (2 if box.prompt else 0)
        self.query_one("#box-body", VerticalScroll).styles.max_height = max(rows - top - frame - 1, 3)

    def scroll_text(self, lines: int) -> None:
        """Move a long text up or down."""
        self.query_one("#box-body", VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self, box: Box) -> Content:
        if isinstance(box, SearchBox):
            return self._hits(box)
        if box.wide:
            return Content("\n".join(box.lines))
        return Content("\n".join(piece for line in box.lines for piece in (wrap(line, _WIDTH) or [""])))

    def _hits(self, box: SearchBox) -> Content:
        if not box.hits:
            text = "Nothing found." if box.query.strip() else "Type words of the name, a code or a category."
            return Content.assemble((text, "$till-quiet"))
        room = 9
        first = max(box.index - room + 1, 0)
        lines = []
        for at, product in enumerate(box.hits[first : first + room], first):
            chosen = at == box.index
            mark = "▸ " if chosen else "  "
            price = right(self._figures.price(product.unit_price), 10)
            row = f"{mark}{left(product.name, _WIDTH - 24)} {left(product.sku, 10)} {price}"
            lines.append(Content.assemble((row, "$till-on-chosen on $till-chosen bold" if chosen else "")))
        more = len(box.hits) - first - room
        if more > 0:
            lines.append(Content.assemble((f"  ↓ {more} more", "$till-quiet")))
        return Content("\n").join(lines)
