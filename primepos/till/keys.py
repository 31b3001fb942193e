"""The one registry of what keys do: it feeds the keyboard, the hints on the screen, the help and the printed card."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Mode(Enum):
    """What the till is doing; decides which keys work."""

    SIGNED_OUT = "signed_out"
    NO_SHIFT = "no_shift"
    SELLING = "selling"
    PAYING = "paying"
    RECEIPT = "receipt"


SELLING = frozenset({Mode.SELLING})
PAYING = frozenset({Mode.PAYING})
AFTER = frozenset({Mode.RECEIPT})
# The receipt of the last sale stays on the screen until the next key: every key of the sale works there too.
SALE = SELLING | AFTER
STANDING = SALE | {Mode.NO_SHIFT}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does.

    ``key`` is Textual's name of it; one visible character works only at the start of an empty entry unless ``after``
    is set, which is what must stand before it: ``number`` (it then acts on what was typed) or ``any``.
    ``shown`` is how people call it, ``brief`` the label where there is little room, ``hint`` the word in the row of
    hints, empty for keys that are not named there.
    """

    name: str
    key: str
    shown: str
    label: str
    modes: frozenset[Mode]
    hint: str = ""
    after: str = ""
    brief: str = ""


ACTIONS: Final = (
    Action("help", "f1", "F1", "This card", frozenset(Mode), "Help", brief="All keys"),
    Action("search", "f2", "F2", "Search by name, code or barcode", SALE, "Search", brief="Search"),
    Action("price_check", "f3", "F3", "Price check: look, do not sell", SALE, "Price?", brief="Price check"),
    Action("price", "f5", "F5", "Another price for the selected line", SELLING, "Price", brief="Another price"),
    Action(
        "ticket_discount",
        "f6",
        "F6",
        "Ticket discount: 10 is percent, -2.50 an amount",
        SELLING,
        "Ticket %",
        brief="Ticket discount",
    ),
    Action("hold", "f7", "F7", "Put the sale on hold", SELLING, "", brief="Hold"),
    Action("resume", "f8", "F8", "Take up a sale that is on hold", SALE, "", brief="Resume"),
    Action("pay", "f9", "F9", "Pay (or Enter on an empty line)", SELLING, "Pay", brief="Pay"),
    Action("exact_cash", "f12", "F12", "Exact cash, and done", SELLING, "Exact cash", brief="Exact cash, done"),
    Action(
        "finish_quietly",
        "f12",
        "F12",
        "Finish without showing the receipt",
        PAYING,
        "No receipt",
        brief="Done, no receipt",
    ),
    Action("plus", "+", "+", "One more of the selected line", SELLING, "", brief="One more"),
    Action("minus", "-", "-", "One less of the selected line", SELLING, "", brief="One less"),
    Action(
        "percent", "%", "n %", "Discount in percent on the selected line", SELLING, "", "number", brief="Line discount"
    ),
    Action("void_line", "delete", "Del", "Take the selected line off", SELLING, "Remove", brief="Take line off"),
    Action("explain", "?", "?", "How the selected line's total came about", SELLING, "", brief="Explain the line"),
    Action("up", "up", "↑", "Select the line above", frozenset(Mode), ""),
    Action("down", "down", "↓", "Select the line below", frozenset(Mode), ""),
    Action("card", "c", "n c", "Card for that amount; c alone: the rest", PAYING, "Card", "any", brief="Card"),
    Action("gift_card", "g", "n g", "Gift card", PAYING, "", "any"),
    Action("account", "a", "n a", "On account", PAYING, "", "any"),
    Action("points", "l", "n l", "Loyalty points", PAYING, "", "any"),
    Action("remove_tender", "backspace", "Backspace", "Take the last payment back", PAYING, "", brief="Take back"),
    Action("cancel_sale", "ctrl+k", "Ctrl+K", "Give the whole sale up", SELLING, "", brief="Give sale up"),
    Action(
        "reprint", "ctrl+r", "Ctrl+R", "Show the last receipt again, marked COPY", SALE, "", brief="Copy of receipt"
    ),
    Action("void_sale", "ctrl+x", "Ctrl+X", "Void the last sale of this shift", SALE, "", brief="Void last sale"),
    Action("x_report", "ctrl+t", "Ctrl+T", "X report: figures of the shift so far", SALE, "", brief="X report"),
    Action(
        "lock",
        "ctrl+l",
        "Ctrl+L",
        "Lock, or let somebody else sign in",
        STANDING | PAYING,
        "Lock",
        brief="Lock, switch",
    ),
    Action(
        "close_shift",
        "ctrl+e",
        "Ctrl+E",
        "Count the drawer and close the shift",
        SALE,
        "Close shift",
        brief="Close shift",
    ),
    Action("leave", "ctrl+q", "Ctrl+Q", "Leave the till; nothing is lost", frozenset(Mode), ""),
    Action("escape", "escape", "Esc", "Back, or put a message away", frozenset(Mode), "", brief="Back"),
    Action("enter", "enter", "Enter", "Take what was typed; on an empty line: pay", frozenset(Mode), ""),
)

# They say so when they are pressed; the card names only what works.
NOT_TAKEN: Final = frozenset({"gift_card", "account", "points"})

TYPED: Final = (
    ("digits Enter", "Code, barcode or label of a product", Mode.SELLING),
    ("n * code", "Quantity, then the code; n * Enter: of the selected line", Mode.SELLING),
    ("digits Enter", "Cash that was handed over; Enter alone: exact", Mode.PAYING),
)


def action_for(key: str, mode: Mode) -> Action | None:
    """Return what a key does in a mode, None if nothing."""
    return _BY_KEY.get((key, mode))


def hints(mode: Mode) -> list[Action]:
    """Return the actions whose keys are named on the screen in a mode, in the order of the card."""
    return [each for each in ACTIONS if mode in each.modes and each.hint]


def card() -> str:
    """Return the whole card of keys as plain text, for printing and for help."""
    lines = ["PrimePOS till: keys", ""]
    for title, mode in (("Sale", Mode.SELLING), ("Pay", Mode.PAYING)):
        lines.append(f"{title} screen")
        lines += [f"  {shown:<14}{label}" for shown, label, where in TYPED if where is mode]
        lines += [
            f"  {each.shown:<14}{each.label}"
            for each in ACTIONS
            if mode in each.modes and (mode is Mode.SELLING or Mode.SELLING not in each.modes or each.name == "escape")
            if each.name not in NOT_TAKEN
        ]
        lines.append("")
    lines.append("An act that needs a manager asks for code and PIN, each with Enter.")
    return "\n".join(lines)


_BY_KEY: Final = {(each.key, mode): each for each in ACTIONS for mode in each.modes}
