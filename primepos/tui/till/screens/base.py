"""What all screens of the till share: top bar, entry line, hints, status line, and the box that may stand over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from primepos.till.keys import Mode
from primepos.tui.till.widgets.bars import Hints, StatusLine, TopBar
from primepos.tui.till.widgets.box import BoxPanel
from primepos.tui.till.widgets.entry import Entry

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from primepos.till.figures import Figures
    from primepos.till.view import View


class TillScreen(Screen[None]):
    """Draws a view; knows nothing of keys and changes nothing."""

    MODE: ClassVar[Mode]
    TITLE: ClassVar[str] = ""
    AUTO_FOCUS: ClassVar[str] = "#entry"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it as it is

    def __init__(self, figures: Figures) -> None:
        """``figures`` writes the prices that are found."""
        super().__init__()
        self.figures = figures

    def compose(self) -> ComposeResult:
        """Make the frame around the body."""
        yield TopBar(self.TITLE)
        yield from self.body()
        yield Entry()
        yield Hints(self.MODE)
        yield StatusLine()
        yield BoxPanel(self.figures)

    def body(self) -> ComposeResult:
        """Make what is in the middle."""
        yield from ()

    def draw(self, view: View) -> None:
        """Draw the body; the frame is drawn by :meth:`show`."""

    def show(self, view: View, typed: str, *, busy: bool = False) -> None:
        """Draw all of a view, and what has been typed.

        Raises:
            NoMatches: the screen is only coming or already going.
        """
        self.query_one(TopBar).show(view.shop)
        self.query_one(Entry).show(
            "One moment" if busy else view.prompt,
            "" if busy else typed,
            is_secret=view.is_secret,
            is_active=view.box is None,
            notice=view.notice,
        )
        self.query_one(StatusLine).show(view)
        self.query_one(BoxPanel).show(view.box, "" if busy else typed, view.queued)
        self.draw(view)
