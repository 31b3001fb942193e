"""The entry line: always focused, shows what the till's keyboard holds."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from primepos.till.inert import fit, inert

MASK = "•"


class Entry(Widget, can_focus=True):
    """What is being typed, after what is asked for. It takes no keys itself: the app does, in the order they come."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="entry")
        self.prompt = ""
        self.typed = ""
        self.is_secret = False
        self.is_active = True
        self.notice = ""

    def show(self, prompt: str, typed: str, *, is_secret: bool, is_active: bool, notice: str = "") -> None:
        """Draw what is asked for and what was typed; a notice stands at the right until the next key.

        Not active: something over the screen takes the keys.
        """
        before = (self.prompt, self.typed, self.is_secret, self.is_active, self.notice)
        if (prompt, typed, is_secret, is_active, notice) != before:
            self.prompt, self.typed, self.is_secret, self.is_active, self.notice = (
                prompt,
                typed,
                is_secret,
                is_active,
                notice,
            )
            self.set_class(not is_active, "inactive")
            self.refresh()

    def render(self) -> Content:
        """Draw the line; the block at its end is the cursor and does not blink."""
        shown = entry_text(self.prompt, self.typed, is_secret=self.is_secret) if self.is_active else Content("")
        room = self.content_size.width - shown.cell_length - 2
        if not self.notice or room < 8:
            return shown
        notice = fit(self.notice, room)
        gap = self.content_size.width - shown.cell_length - Content(notice).cell_length
        return Content.assemble(shown, " " * gap, (notice, "$accent"))


def entry_text(prompt: str, typed: str, *, is_secret: bool) -> Content:
    """Return prompt, text and cursor; a secret shows only how long it is."""
    shown = MASK * len(typed) if is_secret else inert(typed)
    label = [(f"{prompt} ", "$till-quiet"), ("› ", "$accent")] if prompt else []
    return Content.assemble(*label, (shown, "bold $foreground"), (" ", "reverse"))
