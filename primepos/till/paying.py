"""Acts of the pay screen: tenders, change, and the moment the sale becomes a journal entry."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from primepos.core.ids import new_id
from primepos.core.permissions import Permission
from primepos.domain.sales.chain import receipt_number
from primepos.till import cards, events, grammar
from primepos.till.boxes import Box
from primepos.till.cart import counter_record
from primepos.till.errors import NothingToVoid, NotNow, TenderRefused
from primepos.till.inert import inert
from primepos.till.keys import Mode
from primepos.till.receipt import receipt_lines

if TYPE_CHECKING:
    from primepos.domain.sales.schemas import DeliverSale
    from primepos.till.desk import Desk
    from primepos.till.runner import Person

# No customer hands over so much more than the price; a barcode typed as an amount does.
_MOST_CHANGE_MAJOR = 1_000_000
# Euro, yen, won and rupee notes: what people are likely to hand over.
_NOTES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)


def enter(desk: Desk, text: str) -> None:
    """Take cash: what was typed, or exactly what is due; finish when the total is covered."""
    text = grammar.clean(text).strip()
    if desk.catalogue.knows(text):
        desk.enqueue(text)
        desk.say("A scan waits until this sale is paid")
        return
    settled = desk.sale.settled()
    if settled.complete:
        finish(desk)
        return
    amount = desk.place.figures.read(text) if text else settled.cash_due
    most = settled.cash_due + _MOST_CHANGE_MAJOR * desk.place.figures.currency.minor_per_major
    if amount > most:
        raise TenderRefused(problem=f"{desk.place.figures.money(amount)} in cash cannot be right")
    if text and not amount:
        raise TenderRefused(problem="Nothing was handed over")
    tender(desk, "cash", amount)


def tender(desk: Desk, kind: Literal["cash", "card"], amount: int, *, show: bool = True) -> None:
    """Write down a tender and finish the sale if it covers the total; zero just finishes what is paid.

    Raises: InvalidTender, with nothing written.
    """
    cards.require_settled(desk)
    if amount:
        event = events.Tendered(kind=kind, amount=amount)
        desk.sale.tried(event).settled()
        desk.record(event)
    if desk.sale.settled().complete:
        finish(desk, show=show)


def card(desk: Desk, text: str) -> None:
    """Take a card for the amount typed, or for the rest; an open attempt is asked about first."""
    if desk.sale.asked is not None:
        cards.ask_again(desk, lambda: _finish_if_paid(desk))
        return
    settled = desk.sale.settled()
    amount = desk.place.figures.read(text) if text else settled.remaining
    if not amount and not settled.complete:
        raise TenderRefused(problem="Type the amount, or c alone for the rest")
    if desk.terminal is not None and amount:
        cards.ask(desk, desk.terminal, amount, lambda: _finish_if_paid(desk))
    else:
        tender(desk, "card", amount)


def _finish_if_paid(desk: Desk) -> None:
    if desk.sale.asked is None and desk.sale.settled().complete:
        finish(desk)


def gift_card(_desk: Desk, _text: str) -> None:
    """Refuse: this shop takes cash and cards."""
    raise TenderRefused(problem="This shop does not take gift cards")


def account(_desk: Desk, _text: str) -> None:
    """Refuse: this shop takes cash and cards."""
    raise TenderRefused(problem="This shop does not sell on account")


def points(_desk: Desk, _text: str) -> None:
    """Refuse: this shop takes cash and cards."""
    raise TenderRefused(problem="This shop does not take loyalty points")


def remove_tender(desk: Desk, _text: str) -> None:
    """Take the last tender back."""
    cards.require_settled(desk)
    if not desk.sale.tenders:
        desk.say("No payment to take back")
        return
    last = desk.sale.tenders[-1]
    cards.take_back(desk, last)
    desk.record(events.TenderRemoved(kind=last.kind, amount=last.amount))


def back(desk: Desk) -> None:
    """Go back to the sale.

    Raises:
        NotNow: money has been taken.
    """
    cards.require_settled(desk)
    if desk.sale.tenders:
        raise NotNow(problem="Take the payments back first, with Backspace")
    desk.mode = Mode.SELLING


def exact_cash(desk: Desk, _text: str) -> None:
    """From the sale screen: all of it in cash, to the coin, and done."""
    if not desk.sale.lines:
        desk.say("Nothing to pay yet: scan or type a code")
        return
    desk.journal.check_room()
    tender(desk, "cash", desk.sale.settled().cash_due)


def finish_quietly(desk: Desk, _text: str) -> None:
    """Finish with what is paid, the rest in exact cash, without showing the receipt."""
    settled = desk.sale.settled()
    tender(desk, "cash", 0 if settled.complete else settled.cash_due, show=False)


def finish(desk: Desk, *, show: bool = True) -> None:
    """Write the paid sale to the journal, and only then show its receipt and begin the next.

    Raises:
        TillCannotWrite: nothing was sold; sale and tenders stay as they are, Enter tries again.
    """
    shift, person = desk.shift, desk.person
    if shift is None:
        raise NotNow(problem="Open a shift first")
    cards.require_settled(desk)
    sale = desk.journal.append_sale(
        desk.sale.sealed_by_journal(
            register_id=desk.place.register_id,
            shift_id=shift.id,
            business_date=shift.business_date,
            sold_at=desk.clock.now(),
            cashier_id=person.staff_id,
            cashier=person.name,
            currency=desk.place.currency,
        ),
        actor=desk.actor(),
    )
    desk.sale, desk.selected = desk.new_sale(), None
    _sold(desk, sale, show=show)


def ask_void(desk: Desk, _text: str) -> None:
    """Ask why the last sale of this shift is void, then undo it by a counter-record.

    Raises:
        NothingToVoid: there is none, or it was voided; an older one is refunded.
    """
    sale = desk.journal.last_standing_sale(desk.shift.id) if desk.shift is not None else None
    if sale is None:
        raise NothingToVoid(problem="There is no sale in this shift that can be voided")
    number = receipt_number(desk.place.prefix, sale.number)
    what = f"Void {number} of {desk.place.figures.money(sale.total)}"

    def answer(text: str) -> None:
        reason = " ".join(inert(text).split())[:200]
        if not reason:
            raise NotNow(problem="A void needs a reason")
        desk.boxes.remove(box)
        desk.authorise(
            Permission.SALE_VOID,
            f"{what}: {reason}",
            lambda approver: _void(desk, sale, reason, approver),
            amount=sale.total,
            sold_on=sale.business_date,
        )

    box = Box("ask", "Void the last sale", [what], "Reason", answer)
    desk.boxes.append(box)


def _void(desk: Desk, sale: DeliverSale, reason: str, approver: Person | None) -> None:
    shift, person = desk.shift, desk.person
    if shift is None:
        raise NotNow(problem="Open a shift first")
    record = desk.journal.append_sale(
        counter_record(
            sale,
            void_id=new_id(),
            shift_id=shift.id,
            sold_at=desk.clock.now(),
            cashier_id=person.staff_id,
            cashier=person.name,
            reason=reason,
        ),
        actor=desk.actor(approver),
    )
    _sold(desk, record, show=True)


def reprint(desk: Desk, _text: str) -> None:
    """Show the last receipt of this register again, marked as a copy."""
    last = desk.journal.last_sale()
    if last is None:
        desk.say("Nothing was sold on this register yet")
        return

    def act(_approver: Person | None) -> None:
        desk.show("Copy", receipt_lines(last, desk.place, copy=True), wide=True)

    desk.authorise(Permission.RECEIPT_REPRINT, "Show a receipt again", act)


def quick_amounts(due: int, minor_per_major: int) -> list[int]:
    """Return what a customer is likely to hand over for ``due`` minor units, smallest first, at most three."""
    if due <= 0:
        return []
    notes = [note * minor_per_major for note in _NOTES if 20 * note * minor_per_major >= due]
    likely = {-(-due // note) * note for note in notes}
    return sorted(each for each in likely if due < each <= 20 * due + 10 * minor_per_major)[:3]


def _sold(desk: Desk, sale: DeliverSale, *, show: bool) -> None:
    """Show what is in the journal now. The receipt's text file may fail: the sale stands, and it can be shown again."""
    desk.last = sale
    lines = receipt_lines(sale, desk.place)
    desk.shown_receipt = lines
    desk.mode = Mode.RECEIPT if show else Mode.SELLING
    number = receipt_number(desk.place.prefix, sale.number)
    file = desk.receipts / f"{number}.txt" if sale.epoch == 1 else desk.receipts / f"{number}-e{sale.epoch}.txt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with contextlib.suppress(OSError):
            file.chmod(0o600)
    except OSError as error:
        desk.say(f"The receipt could not be written to a file: {error.strerror}. Ctrl+R shows it again.")
    if not show:
        change = -sum(each.amount for each in sale.payments if each.kind == "change")
        desk.say(f"{number} done" + (f", change {desk.place.figures.money(change)}" if change else ""))
    desk.delivery.wake()
