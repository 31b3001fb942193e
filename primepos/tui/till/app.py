"""The till's app: keys to the engine, views to the screens, slow commands and the opening on threads."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from textual import events
from textual.css.query import NoMatches

from primepos.core.errors import InternalError, PrimePOSError
from primepos.till.keys import Mode
from primepos.tui.base import PrimeApp
from primepos.tui.messages import Done, Refused
from primepos.tui.till.screens.base import TillScreen
from primepos.tui.till.screens.doors import FloatScreen, LoadingScreen, SignInScreen
from primepos.tui.till.screens.sale import PayScreen, ReceiptScreen, SaleScreen
from primepos.tui.till.widgets.box import BoxPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.till.engine import Command
    from primepos.till.till import Till
    from primepos.till.view import View

log = logging.getLogger(__name__)

_SCREENS: Final[dict[Mode, type[TillScreen]]] = {
    each.MODE: each for each in (SignInScreen, FloatScreen, SaleScreen, PayScreen, ReceiptScreen)
}
IDLE_LOCK_S: Final = 300
_MOST_WAITING_KEYS: Final = 500
_SOON_S: Final = 0.02
OPEN, COMMAND = "open", "command"
# What some terminals send for Backspace.
ALIASES: Final = {"ctrl+h": "backspace"}


class TillApp(PrimeApp[PrimePOSError | None]):
    """Ends with None, or with the error that kept the till from opening."""

    CSS_PATH = "styles.tcss"

    def __init__(self, opener: Callable[[Callable[[int], None]], Till], *, idle_lock_s: int = IDLE_LOCK_S) -> None:
        """``opener`` opens the till on a thread and tells how many products have come."""
        super().__init__()
        self._opener = opener
        self._idle_lock_s = idle_lock_s
        self._till: Till | None = None
        self._busy = False
        self._waiting: deque[tuple[str, str | None]] = deque(maxlen=_MOST_WAITING_KEYS)
        self._touched = time.monotonic()
        self._mode: Mode | None = None
        self._view: View | None = None

    def on_mount(self) -> None:
        """Open the till beside a screen that says so."""
        self.push_screen(LoadingScreen())
        self.run_apart(OPEN, lambda: self._opener(self._progress))
        self.set_interval(1, self._tick)

    def on_unmount(self) -> None:
        """Give the register back."""
        if self._till is not None:
            self._till.close()

    def _progress(self, products: int) -> None:
        self.call_from_thread(self._show_progress, products)

    def _show_progress(self, products: int) -> None:
        if isinstance(self.screen, LoadingScreen):
            self.screen.progress(products)

    # --- keys -------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Take every key here, in the order they come.

        Textual's bindings and widgets each have a queue of their own: a scanner's Enter would overtake its digits, and
        keys typed while screens change would be lost.
        """
        match event:
            case events.Key():
                character = event.character if event.is_printable else None
                self.press(ALIASES.get(event.key, event.key), character)
            case events.Paste():
                self._paste(event.text)
            case _:
                await super().on_event(event)

    def _paste(self, text: str) -> None:
        """Take a pasted text; each line end in it is an Enter, so a scanner that pastes works too."""
        for sign in text.replace("\r\n", "\n").replace("\r", "\n"):
            if sign == "\n":
                self.press("enter", None)
            elif sign.isprintable():
                self.press(sign, sign)

    def press(self, key: str, character: str | None) -> None:
        """Take one key; while something slow runs, keys wait their turn."""
        self._touched = time.monotonic()
        if self._till is None:
            return
        if self._busy:
            self._waiting.append((key, character))
            return
        box = self._till.engine.box
        if box is not None and key in {"up", "down"} and box.kind in {"info", "error"}:
            self.screen.query_one(BoxPanel).scroll_text(1 if key == "down" else -1)
            return
        command = self._till.keyboard.press(key, character)
        if command is not None:
            self._do(command)
        self._redraw()

    def _do(self, command: Command) -> None:
        till = self._till
        if till is None:
            return
        if till.engine.is_slow(command):
            self._busy = True
            self.run_apart(COMMAND, lambda: till.engine.handle(command))
            return
        try:
            till.engine.handle(command)
        except Exception:  # the face's edge: a bug must not take the counter down; what is paid is in the journal
            log.exception("%s failed", command.name)
            till.desk.fail(InternalError())

    # --- workers ----------------------------------------------------------------------------------------------------

    def on_done(self, message: Done) -> None:
        """Something slow has ended."""
        if message.name == OPEN:
            self._till = message.result
            self._till.start_delivery()
        self._go_on()

    def on_refused(self, message: Refused) -> None:
        """Something slow was refused."""
        if message.name == OPEN:
            self.exit(message.error)
            return
        if self._till is not None:
            self._till.desk.fail(message.error)
        self._go_on()

    def _go_on(self) -> None:
        self._busy = False
        self._redraw()
        while self._waiting and not self._busy:
            self.press(*self._waiting.popleft())

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        till = self._till
        if till is None or self._busy:
            return
        idle = time.monotonic() - self._touched
        if idle > self._idle_lock_s and till.engine.mode is not Mode.SIGNED_OUT:
            self._touched = time.monotonic()
            self.press("escape", None)
            self.press("ctrl+l", None)
        self._redraw()

    def _redraw(self) -> None:
        till = self._till
        if till is None:
            return
        if not self._busy:
            self._view = till.engine.view()
        view = self._view
        if view is None:
            return
        if till.desk.leaving:
            self.exit(None)
            return
        if view.bell and not self._busy:
            till.desk.bell = False
            self.bell()
        if view.mode is not self._mode:
            self._mode = view.mode
            self.switch_screen(_SCREENS[view.mode](till.place.figures))
            self.call_after_refresh(self._redraw)
            return
        if isinstance(self.screen, TillScreen):
            try:
                self.screen.show(view, till.keyboard.buffer, busy=self._busy)
            except NoMatches:
                # Screens change piece by piece: what is not there yet, or no more, is drawn the next time.
                self.set_timer(_SOON_S, self._redraw)


def run_till(opener: Callable[[Callable[[int], None]], Till]) -> None:
    """Run the till at this terminal until it is left.

    Raises:
        PrimePOSError: why it could not be opened. Exception: the bug that ended it, as the till's own process meets it.
    """
    till = TillApp(opener)
    refused = till.run()
    if till.crash is not None:
        raise till.crash
    if refused is not None:
        raise refused
