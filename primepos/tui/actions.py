"""From the registry of keys to Textual: bindings for the keys that have names, words for the row of hints."""

from __future__ import annotations

from textual.binding import Binding

from primepos.till.keys import ACTIONS, Mode, hints

# Keys that edit the entry line; everything else that has a name comes from the registry.
_EDITING = ("backspace", "ctrl+h", "ctrl+u")


def till_bindings() -> list[Binding]:
    """Return a binding for every named key, before any widget can swallow it; characters go to the entry line."""
    named = dict.fromkeys([*(each.key for each in ACTIONS if len(each.key) > 1), *_EDITING])
    return [Binding(key, f"press({key!r})", show=False, priority=True) for key in named]


def hint_words(mode: Mode) -> list[tuple[str, str]]:
    """Return the keys worth naming in a mode with a word each, most useful first."""
    words = [(each.shown.removeprefix("n "), each.hint) for each in hints(mode)]
    first = {
        Mode.SELLING: [("Enter", "Pay")],
        Mode.PAYING: [("Enter", "Cash"), ("Esc", "Back")],
        Mode.RECEIPT: [("Enter", "Next sale")],
        Mode.SIGNED_OUT: [("Enter", "Go on")],
        Mode.NO_SHIFT: [("Enter", "Open the shift")],
    }[mode]
    last = [word for word in words if word[0] == "F1"]
    return [*first, *(word for word in words if word not in last and word[0] != "F9"), *last]
