"""Play a recorded shift: the keys of a day from a text file, through the same keyboard and engine as the screen.

A line is one of these; blank lines and lines that begin with ``#`` are skipped::

    type 6*4006381333931     what is typed or scanned, then Enter
    press F12                keys by the names on the card, several with blanks between them
    keys 10%                 characters one by one, without Enter
    pause 15                 let 15 minutes pass, where the clock can be moved
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from primepos.till.errors import ScriptFailed
from primepos.till.keys import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.till.till import Till

_NAMES: Final = {each.shown.lower(): each.key for each in ACTIONS if " " not in each.shown}
_NAMES.update(up="up", down="down")
_MOST_MINUTES: Final = 24 * 60


@dataclass(slots=True)
class Played:
    """What came of a script: the text of each receipt and of each Z report, in their order."""

    receipts: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)


def play(till: Till, script: str, *, advance: Callable[[timedelta], None] | None = None) -> Played:
    """Play a script at a till, deliver what was sold, and return its receipts and reports.

    ``advance`` moves the clock for ``pause``; without it pauses are skipped.

    Raises:
        ScriptFailed: a line is not understood, or the till refused what it did; what was sold before stays sold.
    """
    played = Played()
    last = till.desk.last
    reports = len(till.desk.reports)
    for number, raw in enumerate(script.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        problem = _do(till, *line.partition(" ")[::2], advance)
        box = till.engine.box
        if not problem and box is not None and box.kind == "error":
            problem = " ".join(box.lines)
        if problem:
            raise ScriptFailed(line=number, text=line[:60], problem=problem)
        if till.desk.last is not None and till.desk.last is not last:
            last = till.desk.last
            played.receipts.append("\n".join(till.desk.shown_receipt))
    till.delivery.flush()
    played.reports.extend(till.desk.reports[reports:])
    return played


def _do(till: Till, verb: str, rest: str, advance: Callable[[timedelta], None] | None) -> str:
    """Do one line and return what is wrong with it, empty if nothing."""
    match verb:
        case "type":
            _type(till, rest.strip())
            _press(till, "enter")
        case "keys":
            _type(till, rest.strip())
        case "press":
            for name in rest.lower().split():
                if name not in _NAMES:
                    return f"no key is called {name}"
                _press(till, _NAMES[name])
        case "pause":
            if not rest.strip().isdecimal() or int(rest) > _MOST_MINUTES:
                return "a pause is a number of minutes"
            if advance is not None:
                advance(timedelta(minutes=int(rest)))
        case _:
            return "a line begins with type, keys, press or pause"
    return ""


def _type(till: Till, text: str) -> None:
    for sign in text:
        _press(till, sign, sign)


def _press(till: Till, key: str, character: str | None = None) -> None:
    command = till.keyboard.press(key, character)
    if command is not None:
        till.engine.handle(command)
