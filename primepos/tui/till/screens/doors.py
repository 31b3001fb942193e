"""The screens before selling: loading, signing in, opening a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Center, Middle, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from primepos.till.keys import Mode
from primepos.tui.till.screens.base import TillScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from primepos.till.view import View


class LoadingScreen(Screen[None]):
    """Shown while the journal is opened and the catalogue pulled."""

    def compose(self) -> ComposeResult:
        """Make the one line there is."""
        with Middle(), Center():
            yield Static("Opening the till …", id="loading", markup=False)

    def progress(self, products: int) -> None:
        """Say how many products have come."""
        self.query_one("#loading", Static).update(Content(f"Opening the till … {products:,} products"))


class _Card(TillScreen):
    """A few words in the middle of the screen."""

    HEADING: ClassVar[str] = ""

    def body(self) -> ComposeResult:
        """Make the card."""
        with Middle(id="middle"), Center(), Vertical(id="card"):
            yield Static(self.HEADING, id="heading", markup=False)
            yield Static("", id="words", markup=False)

    def words(self, view: View) -> list[str]:
        """Return what to say."""
        return [view.status.outlet, view.status.register]

    def draw(self, view: View) -> None:
        """Draw what there is to say."""
        self.query_one("#words", Static).update(Content("\n".join(self.words(view))))


class SignInScreen(_Card):
    """Code, then PIN."""

    MODE = Mode.SIGNED_OUT
    TITLE = "Sign in"
    HEADING = "Who is at the till?"

    def words(self, view: View) -> list[str]:
        """Return where one signs in, and what is still on the counter."""
        waiting = f"A sale of {view.total} is open." if view.lines else "Type your staff code, then your PIN."
        return [f"{view.status.outlet} · {view.status.register}", "", waiting]


class FloatScreen(_Card):
    """Opening a shift with a counted float."""

    MODE = Mode.NO_SHIFT
    TITLE = "Open a shift"
    HEADING = "Count the float"

    def words(self, view: View) -> list[str]:
        """Return what to do."""
        return [
            f"{view.status.outlet} · {view.status.register} · {view.status.cashier}",
            "",
            "Count the cash that is in the drawer now",
            f"and type it in {view.currency}, for example 100 or 100.00.",
        ]
