"""What every act at the till works on: the open sale, the shift, the person, the boxes over the screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from primepos.core.errors import PermissionDenied, PrimePOSError, Unauthenticated
from primepos.core.permissions import Act, Decision, Permission
from primepos.till.boxes import Box
from primepos.till.cart import Counter, OpenSale, encoded, restored
from primepos.till.errors import NotNow
from primepos.till.events import Event, Held, Resumed, reduces
from primepos.till.inert import inert
from primepos.till.keys import Mode
from primepos.till.runner import Actor, Person

if TYPE_CHECKING:
    from decimal import Decimal

    from primepos.core.clock import Clock
    from primepos.domain.payments.terminal import CardTerminal
    from primepos.domain.sales.schemas import DeliverSale
    from primepos.till.cart import Line
    from primepos.till.catalogue import Catalogue
    from primepos.till.delivery import Delivery
    from primepos.till.journal import Journal
    from primepos.till.place import Place
    from primepos.till.runner import Runner
    from primepos.till.session import Session

# Scans behind an error are kept, but a jammed scanner must not fill the memory.
MOST_QUEUED = 100


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift that is open on this register; amounts in minor units.

    ``difference_limit`` and ``held_at_close`` are the shop's rules as they were when it was opened; a shift that has
    ``ended`` sells no more and is still to be counted.
    """

    id: UUID
    business_date: date
    opened_at: datetime
    opening_float: int
    opened_by: str
    difference_limit: int | None = None
    held_at_close: str = "carry"
    ended: bool = False


class Desk:
    """The state of the till and the parts that acts use. Changed by one thread at a time."""

    def __init__(
        self,
        *,
        place: Place,
        runner: Runner,
        journal: Journal,
        catalogue: Catalogue,
        session: Session,
        delivery: Delivery,
        clock: Clock,
        receipts: Path,
        terminal: CardTerminal | None = None,
    ) -> None:
        """Start signed out; ``receipts`` is the directory that receipts are written to as text.

        Without a ``terminal`` the cashier uses one beside the till and notes what it took.
        """
        self.place = place
        self.runner = runner
        self.journal = journal
        self.catalogue = catalogue
        self.session = session
        self.delivery = delivery
        self.clock = clock
        self.receipts = receipts
        self.terminal = terminal
        self.mode = Mode.SIGNED_OUT
        self.code = ""
        self.shift: Shift | None = None
        self.sale = self.new_sale()
        self.selected: int | None = None
        self.boxes: list[Box] = []
        self.queue: deque[str] = deque(maxlen=MOST_QUEUED)
        self.notice = ""
        self.bell = False
        self.last: DeliverSale | None = None
        self.shown_receipt: list[str] = []
        self.leaving = False
        self.reports: list[str] = []

    # --- people -----------------------------------------------------------------------------------------------------

    @property
    def person(self) -> Person:
        """Who is signed in.

        Raises:
            Unauthenticated: nobody is.
        """
        if self.session.person is None:
            raise Unauthenticated
        return self.session.person

    def actor(self, approver: Person | None = None) -> bytes:
        """Return who acts and who approved it, as the journal stores it."""
        return Actor(person=self.person, approver=approver).encoded()

    def authorise(
        self,
        permission: Permission,
        what: str,
        act: Callable[[Person | None], None],
        *,
        percent: Decimal | None = None,
        amount: int | None = None,
        sold_on: date | None = None,
    ) -> None:
        """Do an act if the person may, or after a second person's consent to this very act, once.

        ``percent`` off a price, ``amount`` in minor units and the day of the sale it goes back to are held against the
        limits of the grant. ``act`` gets who approved it, None where nobody had to.

        Raises:
            PermissionDenied: this role may not do it at all.
        """
        grant = self.person.grant(permission)
        asked = Act(
            permission=permission,
            percent=percent,
            amount=None if amount is None else abs(amount),
            sold_on=sold_on,
            outlet_id=self.place.outlet_id,
        )
        if grant.covers(asked, self.today):
            act(None)
            return
        if grant.decision is Decision.DENY:
            raise PermissionDenied(permission=permission.value)
        self._ask_approver(asked, what, act)

    @property
    def today(self) -> date | None:
        """The business day of the open shift."""
        return None if self.shift is None else self.shift.business_date

    def _ask_approver(self, asked: Act, what: str, act: Callable[[Person | None], None]) -> None:
        box = Box("ask", "Manager's approval", [what], prompt="Manager code", code="APPROVAL_REQUIRED")

        def take_code(code: str) -> None:
            if not code:
                return

            def take_pin(pin: str) -> None:
                try:
                    approver = self.session.approve(code, pin, asked, self.today)
                except PrimePOSError:
                    # Start again at the code: which of the two was wrong is nobody's business.
                    box.prompt, box.secret, box.slow, box.answer = "Manager code", False, False, take_code
                    raise
                self.boxes.remove(box)
                act(approver)

            box.prompt, box.secret, box.slow, box.answer = f"PIN of {inert(code)}", True, True, take_pin

        box.answer = take_code
        self.boxes.append(box)

    # --- messages ---------------------------------------------------------------------------------------------------

    def fail(self, error: PrimePOSError) -> None:
        """Show a refusal with a tone; it stays until Esc."""
        lines = [inert(error.message), *([inert(error.hint)] if error.hint else [])]
        self.boxes.append(Box("error", "Not done", lines, code=error.code))
        self.bell = True

    def say(self, text: str) -> None:
        """Show a short notice that is gone with the next key."""
        self.notice = inert(text)

    def show(self, title: str, lines: list[str], *, wide: bool = False) -> None:
        """Show a text until Esc or Enter."""
        self.boxes.append(Box("info", title, lines, wide=wide))

    # --- the open sale ----------------------------------------------------------------------------------------------

    def new_sale(self, sale_id: UUID | None = None) -> OpenSale:
        """Return an empty sale under the rules of this place."""
        place = self.place
        sale = OpenSale(
            exponent=place.figures.currency.exponent,
            rounding=place.rounding,
            cash_rule=place.cash_rule,
            counter=self.counter(),
        )
        if sale_id is not None:
            sale.id = sale_id
        return sale

    def counter(self) -> Counter | None:
        """Return the offers that a sale which begins now is priced by; None where the shop has none."""
        offers = self.catalogue.offers
        if not offers:
            return None
        return Counter(self.place.outlet_id, self.place.zone, offers, self.catalogue.class_taxes)

    def restore(self) -> bool:
        """Take up the sale that was open when the till was last stopped; tell whether it has lines."""
        cart_id = self.journal.last_cart()
        if cart_id is None:
            return False
        found = restored(self.new_sale(cart_id), (each.event for each in self.journal.events(cart_id)))
        if found.cancelled or found.held or not (found.lines or found.tenders or found.asked):
            return False
        self.sale = found
        return True

    def record(self, event: Event, approver: Person | None = None) -> None:
        """Try an event, write it to the journal, and only then let the sale change.

        Raises: what the pricing engine refuses; NotNow where the shift has ended; TillCannotWrite, with the sale as it
        was.
        """
        if self.shift is not None and self.shift.ended:
            raise NotNow(problem="This shift has ended: count the drawer and close it")
        changed = self.sale.tried(event)
        self.journal.record(
            self.sale.id,
            encoded(event),
            at=self.clock.now(),
            who=self.person.code,
            approver=None if approver is None else approver.code,
            reduces=reduces(event),
            held=_held_by(event),
        )
        self.sale = changed

    def note_end(self) -> None:
        """Take note that the open shift sells no more."""
        if self.shift is not None:
            self.shift = replace(self.shift, ended=True)

    @property
    def line(self) -> Line | None:
        """The selected line: the last one unless another was chosen."""
        lines = self.sale.lines
        if not lines:
            return None
        return next((line for line in lines if line.number == self.selected), lines[-1])

    def move(self, steps: int) -> None:
        """Select another line, ``steps`` further down, or up if negative."""
        lines, line = self.sale.lines, self.line
        if line is not None:
            at = min(max(lines.index(line) + steps, 0), len(lines) - 1)
            self.selected = lines[at].number

    def enqueue(self, text: str) -> None:
        """Keep a scan that came while a box was open; it is sold when the box is gone."""
        if len(self.queue) < MOST_QUEUED:
            self.queue.append(text)
        self.bell = True


def _held_by(event: Event) -> tuple[int, int] | bool | None:
    """Return what an event says of being on hold: lines and total, False where that is over, None if nothing."""
    match event:
        case Held():
            return event.lines, event.total
        case Resumed():
            return False
        case _:
            return None
