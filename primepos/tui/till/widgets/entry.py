"""The entry line: always focused, shows what the keyboard holds, sends it every character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from primepos.till.inert import fit, inert

if TYPE_CHECKING:
    from textual import events

MASK = "•"


class Entry(Widget, can_focus=True):
    """What is being typed, after what is asked for. It edits nothing itself: the till's keyboard does."""

    class Typed(Message):
        """A character was typed."""

        def __init__(self, key: str, character: str) -> None:
            """``key`` is Textual's name of it."""
            super().__init__()
            self.key = key
            self.character = character

    class Pasted(Message):
        """A text was pasted, or a scanner in keyboard mode sent one at once."""

        def __init__(self, text: str) -> None:
            """``text`` is as it came."""
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="entry")
        self.prompt = ""
        self.typed = ""
        self.is_secret = False
        self.notice = ""

    def show(self, prompt: str, typed: str, *, is_secret: bool, notice: str = "") -> None:
        """Draw what is asked for and what was typed; a notice stands at the right until the next key."""
        if (prompt, typed, is_secret, notice) != (self.prompt, self.typed, self.is_secret, self.notice):
            self.prompt, self.typed, self.is_secret, self.notice = prompt, typed, is_secret, notice
            self.refresh()

    def render(self) -> Content:
        """Draw the line; the block at its end is the cursor and does not blink."""
        shown = entry_text(self.prompt, self.typed, is_secret=self.is_secret)
        room = self.content_size.width - shown.cell_length - 2
        if not self.notice or room < 8:
            return shown
        notice = fit(self.notice, room)
        gap = self.content_size.width - shown.cell_length - Content(notice).cell_length
        return Content.assemble(shown, " " * gap, (notice, "$accent"))

    def on_key(self, event: events.Key) -> None:
        """Send characters on; keys with names are bindings of the app."""
        if event.character is not None and event.is_printable:
            event.stop()
            event.prevent_default()
            self.post_message(self.Typed(event.key, event.character))

    def on_paste(self, event: events.Paste) -> None:
        """Send a pasted text on."""
        event.stop()
        self.post_message(self.Pasted(event.text))


def entry_text(prompt: str, typed: str, *, is_secret: bool) -> Content:
    """Return prompt, text and cursor; a secret shows only how long it is."""
    shown = MASK * len(typed) if is_secret else inert(typed)
    label = [(f"{prompt} ", "$till-quiet"), ("› ", "$accent")] if prompt else []
    return Content.assemble(*label, (shown, "bold $foreground"), (" ", "reverse"))
