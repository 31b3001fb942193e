"""The app that every screen of PrimePOS starts from: colours, and work that runs beside the screen."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App

from primepos.core.errors import InternalError, PrimePOSError
from primepos.tui.messages import Done, Refused
from primepos.tui.theme import PALETTES

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
Result = TypeVar("Result")
ENV_THEME = "PRIMEPOS_THEME"


class PrimeApp(App[Result], inherit_bindings=False):
    """An app with our colours whose workers never touch widgets: they post :class:`Done` or :class:`Refused`."""

    TITLE = "PrimePOS"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, **more: Any) -> None:
        """``PRIMEPOS_THEME`` chooses ``primepos``, ``primepos-light`` or ``primepos-contrast``."""
        super().__init__(**more)
        for palette in PALETTES:
            self.register_theme(palette.theme())
        wanted = os.environ.get(ENV_THEME, "")
        self.theme = wanted if wanted in {palette.name for palette in PALETTES} else PALETTES[0].name
        # Nothing slides: a till is looked at all day.
        self.animation_level = "none"
        self.crash: Exception | None = None

    def _handle_exception(self, error: Exception) -> None:
        """Remember the first bug that ended the app, for whoever ran it."""
        if self.crash is None:
            self.crash = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Leave without a word: Textual would print a trace with every local variable, a PIN just typed included."""
        self._close_messages_no_wait()

    def run_apart(self, name: str, work: Callable[[], Any]) -> None:
        """Run something slow on a thread; the app gets :class:`Done` or :class:`Refused` with ``name``."""

        def run() -> None:
            try:
                result = work()
            except PrimePOSError as error:
                self.post_message(Refused(name, error))
            except Exception:  # the face's edge: a bug must not leave the screen waiting for ever
                log.exception("%s failed", name)
                self.post_message(Refused(name, InternalError()))
            else:
                self.post_message(Done(name, result))

        self.run_worker(run, name=name, thread=True, exit_on_error=False)
