"""The till's state machine: a command in, a new state out. The screen, scripts and tests all drive this.

Nothing here waits for a key or draws. Commands that ask the server (signing in, approvals, opening and closing a
shift, reports) say so by :meth:`Engine.is_slow`, so that a screen can run them beside its own loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from primepos.core.errors import PrimePOSError
from primepos.till import drawer, holding, keys, paying, selling, shifts
from primepos.till.boxes import Box, SearchBox
from primepos.till.grammar import clean
from primepos.till.keys import Mode
from primepos.till.view import View, make_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.till.desk import Desk


@dataclass(frozen=True, slots=True)
class Command:
    """What a key asks for: the name of an action of the registry, and what had been typed."""

    name: str
    text: str = ""


_ACTS: Final[dict[str, Callable[[Any, str], None]]] = {
    "search": selling.search,
    "price_check": selling.price_check,
    "price": selling.ask_price,
    "ticket_discount": selling.ask_ticket_discount,
    "pay": selling.pay,
    "plus": selling.plus,
    "minus": selling.minus,
    "percent": selling.percent,
    "void_line": selling.void_line,
    "explain": selling.explain,
    "cancel_sale": selling.cancel,
    "hold": holding.hold,
    "resume": holding.ask_resume,
    "exact_cash": paying.exact_cash,
    "finish_quietly": paying.finish_quietly,
    "card": paying.card,
    "gift_card": paying.gift_card,
    "account": paying.account,
    "points": paying.points,
    "remove_tender": paying.remove_tender,
    "reprint": paying.reprint,
    "void_sale": paying.ask_void,
    "x_report": shifts.x_report,
    "paid_in": drawer.paid_in,
    "paid_out": drawer.paid_out,
    "drop": drawer.drop,
    "pickup": drawer.pickup,
    "no_sale": drawer.no_sale,
    "spot_count": drawer.spot_count,
    "end_shift": drawer.end_shift,
    "preflight": drawer.preflight,
    "lock": shifts.lock,
    "close_shift": shifts.ask_count,
    "leave": shifts.leave,
    "up": lambda desk, _: desk.move(-1),
    "down": lambda desk, _: desk.move(1),
}
_PROMPTS: Final = {
    Mode.NO_SHIFT: "Counted float",
    Mode.SELLING: "Code",
    Mode.PAYING: "Cash",
    Mode.RECEIPT: "Code",
}


class Engine:
    """The till without a screen."""

    def __init__(self, desk: Desk) -> None:
        """Work on a desk that nobody else changes."""
        self.desk = desk

    @property
    def mode(self) -> Mode:
        """What the till is doing."""
        return self.desk.mode

    @property
    def box(self) -> Box | None:
        """What stands over the screen, if anything."""
        return self.desk.boxes[-1] if self.desk.boxes else None

    @property
    def prompt(self) -> str:
        """What the entry line asks for; empty if only Esc and Enter work."""
        if self.box is not None:
            return self.box.prompt
        if self.mode is Mode.SIGNED_OUT:
            return "PIN" if self.desk.code else "Staff code"
        return _PROMPTS[self.mode]

    @property
    def is_secret(self) -> bool:
        """Whether what is typed must not be shown."""
        if self.box is not None:
            return self.box.secret
        return self.mode is Mode.SIGNED_OUT and bool(self.desk.code)

    def is_slow(self, command: Command) -> bool:
        """Tell whether a command asks the server and may take its time."""
        if self.box is not None:
            return command.name == "enter" and self.box.slow
        if command.name == "enter":
            return self.mode is Mode.NO_SHIFT or (self.mode is Mode.SIGNED_OUT and bool(self.desk.code))
        if command.name in {"card", "remove_tender"}:
            return self.desk.terminal is not None
        return command.name in {"x_report", "preflight"}

    def handle(self, command: Command) -> View:
        """Do what a command asks and return how things stand; a refusal becomes a message that stays until Esc."""
        desk = self.desk
        desk.notice, desk.bell = "", False
        try:
            self._dispatch(command)
        except PrimePOSError as error:
            desk.fail(error)
        self._drain()
        return self.view()

    def refine(self, query: str) -> None:
        """Search again with what has been typed so far, while the search is open."""
        if isinstance(self.box, SearchBox):
            self.box.query = query
            self.box.hits = self.desk.catalogue.search(clean(query))
            self.box.index = 0

    def view(self) -> View:
        """Return all that a screen shows."""
        return make_view(self.desk, self.prompt, secret=self.is_secret)

    def _dispatch(self, command: Command) -> None:
        if command.name == "help":
            if self.box is None:
                self.desk.show("Keys", keys.card().splitlines(), wide=True)
        elif command.name == "escape":
            self._escape()
        elif self.box is not None:
            self._in_box(self.box, command)
        elif command.name == "enter":
            self._enter(command.text)
        else:
            act = _ACTS.get(command.name)
            if act is not None:
                act(self.desk, command.text)

    def _enter(self, text: str) -> None:
        match self.mode:
            case Mode.SIGNED_OUT:
                if text or self.desk.code:
                    shifts.enter_sign_in(self.desk, text)
            case Mode.NO_SHIFT:
                shifts.enter_float(self.desk, text)
            case Mode.PAYING:
                paying.enter(self.desk, text)
            case Mode.SELLING:
                selling.enter(self.desk, text)
            case Mode.RECEIPT:
                if text:
                    selling.enter(self.desk, text)
                else:
                    self.desk.mode = Mode.SELLING

    def _escape(self) -> None:
        desk = self.desk
        if desk.boxes:
            desk.boxes.pop()
        elif desk.mode is Mode.PAYING:
            paying.back(desk)
        elif desk.mode is Mode.RECEIPT:
            desk.mode = Mode.SELLING
        elif desk.mode is Mode.SIGNED_OUT:
            desk.code = ""

    def _in_box(self, box: Box, command: Command) -> None:
        desk = self.desk
        if command.name in {"up", "down"} and isinstance(box, SearchBox) and box.hits:
            box.index = min(max(box.index + (1 if command.name == "down" else -1), 0), len(box.hits) - 1)
        if command.name != "enter":
            return
        text = clean(command.text).strip()
        # A scan never answers a question and never puts a message away: it waits its turn.
        if text and (not box.prompt or (box.kind != "search" and box.code != "PRICE_CHECK" and self._is_scan(text))):
            desk.enqueue(text)
        elif box.kind == "info":
            desk.boxes.remove(box)
        elif box.answer is not None:
            box.answer(text)
        else:
            desk.bell = True

    def _is_scan(self, text: str) -> bool:
        return self.desk.mode in keys.SALE | keys.PAYING and self.desk.catalogue.knows(text)

    def _drain(self) -> None:
        """Sell what was scanned while a box stood over the screen, until one of them needs attention."""
        desk = self.desk
        while desk.queue and not desk.boxes and desk.mode in keys.SALE:
            try:
                selling.enter(desk, desk.queue.popleft())
            except PrimePOSError as error:
                desk.fail(error)
