"""The screens of a sale: scanning, paying, the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical

from primepos.till.keys import Mode
from primepos.tui.till.screens.base import TillScreen
from primepos.tui.till.widgets.bars import KeyList
from primepos.tui.till.widgets.lines import LineList
from primepos.tui.till.widgets.panels import BigAmount, PayPanel, ReceiptPanel, Rows, TotalPanel

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from primepos.till.view import View


class SaleScreen(TillScreen):
    """Lines at the left, what they come to at the right."""

    MODE = Mode.SELLING
    TITLE = "Sale"

    def body(self) -> ComposeResult:
        """Make lines and total."""
        with Horizontal(id="body"):
            yield LineList()
            with Vertical(id="side"):
                yield TotalPanel()
                yield KeyList(self.MODE)

    def draw(self, view: View) -> None:
        """Draw the sale."""
        self.query_one(LineList).show(view.lines)
        self.query_one(TotalPanel).show(view)


class PayScreen(TillScreen):
    """The same lines, and what is still to be paid."""

    MODE = Mode.PAYING
    TITLE = "Pay"

    def body(self) -> ComposeResult:
        """Make lines and payment."""
        with Horizontal(id="body"):
            yield LineList()
            with Vertical(id="side"):
                yield PayPanel()
                yield KeyList(self.MODE)

    def draw(self, view: View) -> None:
        """Draw the payment."""
        self.query_one(LineList).show(view.lines)
        self.query_one(PayPanel).show(view)


class ReceiptScreen(TillScreen):
    """The receipt of what was just sold, and the change in large figures; the next scan begins the next sale."""

    MODE = Mode.RECEIPT
    TITLE = "Receipt"

    def body(self) -> ComposeResult:
        """Make receipt and change."""
        with Horizontal(id="body"):
            yield ReceiptPanel()
            with Vertical(id="side"):
                yield BigAmount("Change", id="change")
                yield Rows(id="rows")
                yield KeyList(self.MODE)

    def draw(self, view: View) -> None:
        """Draw the receipt."""
        self.query_one(ReceiptPanel).show(view.receipt)
        self.query_one("#change", BigAmount).show(view.change, "Change")
        waiting = [("Scans waiting", str(view.queued))] if view.queued else []
        self.query_one("#rows", Rows).show((*view.paid, *waiting))
