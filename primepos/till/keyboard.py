"""From keys to commands: the entry line without a screen. A scanner is a keyboard that ends with Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.till.boxes import SearchBox
from primepos.till.engine import Command
from primepos.till.grammar import MAX_LENGTH, is_number
from primepos.till.keys import Action, Mode, action_for

if TYPE_CHECKING:
    from primepos.till.engine import Engine

_IN_BOXES = frozenset({"enter", "escape", "up", "down", "help"})


class Keyboard:
    """The entry line: keeps what is typed and says which command a key completes."""

    def __init__(self, engine: Engine) -> None:
        """Read modes and boxes from ``engine``; it is changed by :meth:`Engine.handle` only."""
        self._engine = engine
        self.buffer = ""

    def press(self, key: str, character: str | None = None) -> Command | None:
        """Take one key by Textual's name, with the character it makes if any; return the command it completes."""
        if key == "escape":
            return self._escape()
        if key == "backspace" and self.buffer:
            self._set(self.buffer[:-1])
            return None
        if key == "ctrl+u":
            self._set("")
            return None
        action = self._action(key, character)
        if action is not None:
            text = "" if action.name in {"up", "down", "help"} else self._take()
            return Command(action.name, text)
        if character is not None and character.isprintable():
            self._set((self.buffer + character)[:MAX_LENGTH])
        return None

    def _escape(self) -> Command | None:
        box = self._engine.box
        reading = box is not None and not box.prompt
        if self.buffer and not reading:
            self._set("")
            return None
        self._set("")
        return Command("escape")

    def _action(self, key: str, character: str | None) -> Action | None:
        mode = self._engine.mode
        name = character if character is not None and len(character) == 1 and character.isprintable() else key
        if mode is Mode.PAYING:
            name = name.lower() if len(name) == 1 else name
        action = action_for(name, mode)
        if action is None:
            return None
        if self._engine.box is not None:
            return action if action.name in _IN_BOXES else None
        if len(action.key) > 1:
            return action
        fits = {"": not self.buffer, "number": is_number(self.buffer), "any": not self.buffer or is_number(self.buffer)}
        return action if fits[action.after] else None

    def _set(self, text: str) -> None:
        self.buffer = text
        if isinstance(self._engine.box, SearchBox):
            self._engine.refine(text)

    def _take(self) -> str:
        text, self.buffer = self.buffer, ""
        return text
