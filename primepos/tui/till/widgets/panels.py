"""The right side: what it comes to, where the payment stands, the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Digits, Static

from primepos.till.inert import left, right, width

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from primepos.till.view import View

_LARGE_FIGURES = frozenset("0123456789+-.,: ")


class BigAmount(Vertical):
    """An amount in large figures where they fit, in bold where they do not. The label says what it is."""

    def __init__(self, label: str, **more: str) -> None:
        """``label`` stands above the amount."""
        super().__init__(**more)  # type: ignore[arg-type]  # id and classes only
        self._label = label
        self._text = ""

    def compose(self) -> ComposeResult:
        """Make label, figures and the plain amount."""
        yield Static(self._label, classes="label", markup=False)
        yield Digits("", classes="large")
        yield Static("", classes="plain", markup=False)

    def show(self, amount: str, label: str | None = None) -> None:
        """Draw an amount with its currency."""
        if label is not None and label != self._label:
            self._label = label
            self.query_one(".label", Static).update(Content(label))
        if amount != self._text:
            self._text = amount
            self._draw()

    def on_resize(self) -> None:
        """Choose anew whether the large figures fit."""
        self._draw()

    def _draw(self) -> None:
        figures = "".join(sign for sign in self._text if sign in _LARGE_FIGURES).strip()
        fits = bool(figures) and sum(1 if sign in ".,: " else 3 for sign in figures) <= self.content_size.width
        large, plain = self.query_one(".large", Digits), self.query_one(".plain", Static)
        large.display, plain.display = fits, not fits
        large.update(figures)
        plain.update(Content(self._text))


class Rows(Widget):
    """Labels at the left, figures flush right."""

    def __init__(self, **more: str) -> None:
        """Start empty."""
        super().__init__(**more)  # type: ignore[arg-type]  # id and classes only
        self._rows: tuple[tuple[str, str], ...] = ()

    def show(self, rows: tuple[tuple[str, str], ...]) -> None:
        """Draw these rows."""
        if rows != self._rows:
            self._rows = rows
            self.refresh(layout=True)

    def render(self) -> Content:
        """Draw them."""
        columns = self.content_size.width
        lines = []
        for label, figure in self._rows:
            head = left(label, max(columns - width(figure) - 1, 0))
            lines.append(Content.assemble((head, "$till-quiet"), right(figure, columns - width(head))))
        return Content("\n").join(lines)


class TotalPanel(Vertical):
    """The grand total in large figures, taxes and discount, and how many pieces there are."""

    def compose(self) -> ComposeResult:
        """Make the total and the rows."""
        yield BigAmount("Total", id="total")
        yield Rows(id="rows")

    def show(self, view: View) -> None:
        """Draw what the sale comes to."""
        self.query_one("#total", BigAmount).show(view.total, f"Total {view.currency}")
        rows = [("Pieces", view.pieces), *view.taxes]
        if view.discount:
            rows.insert(1, ("Discount", view.discount))
        if view.queued:
            rows.append(("Scans waiting", str(view.queued)))
        self.query_one("#rows", Rows).show(tuple(rows))


class PayPanel(Vertical):
    """What is still to be paid, in large figures, with the payments taken so far."""

    def compose(self) -> ComposeResult:
        """Make the amount and the rows."""
        yield BigAmount("To pay", id="due")
        yield Rows(id="tenders")
        yield Static("", id="quick", markup=False)

    def show(self, view: View) -> None:
        """Draw where the payment stands."""
        pay = view.pay
        if pay is None:
            return
        label = "Paid: Enter finishes" if pay.is_complete else f"To pay {view.currency}"
        self.query_one("#due", BigAmount).show(pay.cash_due, label)
        rows = [("Total", view.total), *pay.tenders]
        if pay.rounding:
            rows.append(("Rounding to coins", pay.rounding))
        if pay.remaining != pay.cash_due and not pay.is_complete:
            rows.append(("By card", pay.remaining))
        self.query_one("#tenders", Rows).show(tuple(rows))
        hand = "  ".join(pay.quick)
        self.query_one("#quick", Static).update(Content(hand))


class ReceiptPanel(Widget):
    """The receipt as it is printed; the end of a long one is what is shown."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="receipt")
        self._lines: tuple[str, ...] = ()

    def show(self, lines: tuple[str, ...]) -> None:
        """Draw these lines."""
        if lines != self._lines:
            self._lines = lines
            self.refresh(layout=True)

    def render(self) -> Content:
        """Draw the last lines that fit."""
        rows = self.content_size.height
        lines = list(self._lines)
        if len(lines) > rows > 1:
            lines = ["⋮", *lines[-(rows - 1) :]]
        return Content("\n".join(lines))
