"""The bars at the top and the bottom: where we are, which keys work, how the till stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from primepos.till.inert import fit, left, width
from primepos.tui.actions import hint_words, key_words

if TYPE_CHECKING:
    from textual.geometry import Size

    from primepos.till.keys import Mode
    from primepos.till.view import Status, View


class TopBar(Widget):
    """The shop at the left, what the screen is for at the right."""

    def __init__(self, title: str) -> None:
        """``title`` names the screen."""
        super().__init__(id="top")
        self.shop = ""
        self.title_text = title

    def show(self, shop: str) -> None:
        """Draw the shop's name."""
        if shop != self.shop:
            self.shop = shop
            self.refresh()

    def render(self) -> Content:
        """Draw the bar."""
        columns = self.content_size.width
        shop = fit(self.shop, columns - width(self.title_text) - 2)
        gap = columns - width(shop) - width(self.title_text)
        return Content.assemble((shop, "bold"), " " * gap, (self.title_text, "$accent"))


class Hints(Widget):
    """The keys that work now, as many as there is room for."""

    def __init__(self, mode: Mode) -> None:
        """``mode`` decides which keys are named."""
        super().__init__(id="hints")
        self._mode = mode

    def render(self) -> Content:
        """Draw key and word in pairs."""
        parts: list[Content] = []
        used = 0
        words = hint_words(self._mode)
        helping = words[-1]
        room = self.content_size.width - len(helping[0]) - len(helping[1]) - 3
        for key, word in words[:-1]:
            used += len(key) + len(word) + 3
            if used > room:
                break
            parts.append(Content.assemble((key, "bold $accent"), (f" {word}  ", "$till-quiet")))
        parts.append(Content.assemble((helping[0], "bold $accent"), (f" {helping[1]}", "$till-quiet")))
        return Content("").join(parts)


class KeyList(Widget):
    """Every key that works now with what it does; for screens with room."""

    def __init__(self, mode: Mode) -> None:
        """``mode`` decides which keys are listed."""
        super().__init__()
        self._keys = key_words(mode)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row for each key."""
        del container, viewport, width
        return len(self._keys)

    def render(self) -> Content:
        """Draw key and label in two columns."""
        room = self.content_size.width - 10
        rows = [
            Content.assemble((left(key, 10), "$accent"), (fit(label, room), "$till-quiet")) for key, label in self._keys
        ]
        return Content("\n").join(rows)


class StatusLine(Widget):
    """Outlet, register, cashier, shift, connection and clock; the connection keeps its room when it gets narrow."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="status")
        self._status: Status | None = None

    def show(self, view: View) -> None:
        """Draw how the till stands."""
        if view.status != self._status:
            self._status = view.status
            self.refresh()

    def render(self) -> Content:
        """Draw the line."""
        status = self._status
        if status is None:
            return Content("")
        columns = self.content_size.width
        sign = "●" if status.is_online else "○"
        last = f"{sign} {status.connection}  {status.clock}"
        where = " · ".join(each for each in (status.outlet, status.register, status.cashier, status.shift) if each)
        head = fit(where, columns - width(last) - 2)
        gap = max(columns - width(head) - width(last), 0)
        colour = "$till-good" if status.is_online else "bold $warning"
        return Content.assemble(
            (head, "$till-quiet"),
            " " * gap,
            (f"{sign} {status.connection}", colour),
            (f"  {status.clock}", "$foreground"),
        )
