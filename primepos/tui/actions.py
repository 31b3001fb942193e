"""From the registry of keys to the screen: the row of hints. The keyboard and the help read the same registry."""

from __future__ import annotations

from primepos.till.keys import ACTIONS, Mode, hints


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
    # Enter pays as F9 does; what is used most has to fit into 80 columns.
    rest = [word for word in words if word not in last and word[0] != "F9"]
    rest.sort(key=lambda word: word[0] not in {"F12", "F2", "Del"})
    return [*first, *rest, *last]


def key_words(mode: Mode) -> list[tuple[str, str]]:
    """Return every key of a mode with a short label, for screens with room to list them."""
    left_out = {"enter", "up", "down", "leave", "gift_card", "account", "points"}
    return [
        (each.shown, each.brief or each.label) for each in ACTIONS if mode in each.modes and each.name not in left_out
    ]
