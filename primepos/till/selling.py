"""Acts on the open sale: scanning, quantities, prices, discounts, lines taken off."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from primepos.core.amounts import parse_quantity, parse_unit_price
from primepos.core.permissions import Permission
from primepos.till import events, grammar
from primepos.till.boxes import Box, SearchBox
from primepos.till.errors import NotUnderstood
from primepos.till.figures import read_decimal
from primepos.till.inert import inert
from primepos.till.keys import Mode

if TYPE_CHECKING:
    from primepos.till.cart import Line
    from primepos.till.catalogue import Found
    from primepos.till.desk import Desk
    from primepos.till.runner import Person

ONE = Decimal(1)


def enter(desk: Desk, text: str) -> None:
    """Take a typed or scanned line of the sale screen; an empty one goes on to paying."""
    meant = grammar.read_sale(text)
    match meant:
        case grammar.Nothing():
            pay(desk)
        case grammar.Code():
            add(desk, desk.catalogue.look_up(meant.code), meant.quantity)
        case grammar.Quantity():
            line = _line(desk)
            if line is not None:
                _set_quantity(desk, line, meant.quantity)


def add(desk: Desk, found: Found, times: Decimal | None = None) -> None:
    """Put what was found on the sale, ``times`` over; more of the last line's product is counted onto that line."""
    desk.journal.check_room()
    if not desk.sale.lines:
        desk.sale.counter = desk.counter()
    product = found.product
    quantity = parse_quantity(found.quantity * (times or ONE))
    if times is not None:
        _check_pieces(quantity, product.sold_by, product.name)
    last = desk.sale.lines[-1] if desk.sale.lines else None
    if (
        last is not None
        and last.plain
        and not found.labelled
        and last.product_id == product.id
        and last.unit_price == found.unit_price
        and last.unit == found.unit
    ):
        more = parse_quantity(last.quantity + quantity)
        desk.record(events.QuantitySet(line=last.number, quantity=more, was=last.quantity))
    else:
        desk.record(
            events.LineAdded(
                line=desk.sale.next_line,
                product_id=product.id,
                sku=product.sku,
                name=product.name,
                quantity=quantity,
                unit_price=found.unit_price,
                list_price=found.unit_price if found.unit else product.unit_price,
                sold_by=product.sold_by,
                taxes=list(product.taxes),
                category_id=product.category_id,
                parent_id=product.parent_id,
                tax_class_id=product.tax_class_id,
                at=desk.clock.now(),
                unit=found.unit,
                factor=found.factor,
                piece_price=product.unit_price if found.unit else None,
                parts=product.makeup.parts,
            )
        )
    desk.mode = Mode.SELLING
    desk.selected = None


def plus(desk: Desk, _text: str) -> None:
    """One more of the selected line."""
    line = _line(desk)
    if line is not None:
        _set_quantity(desk, line, parse_quantity(line.quantity + ONE))


def minus(desk: Desk, text: str) -> None:
    """One less of the selected line; the last piece takes the line off."""
    line = _line(desk)
    if line is not None and line.quantity > ONE:
        _set_quantity(desk, line, line.quantity - ONE)
    elif line is not None:
        void_line(desk, text)


def void_line(desk: Desk, _text: str) -> None:
    """Take the selected line off; the log keeps what it was."""
    line = _line(desk)
    if line is None:
        return
    at = desk.sale.lines.index(line)
    event = events.LineVoided(
        line=line.number,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        total=desk.sale.priced().lines[at].total,
    )

    def act(approver: Person | None) -> None:
        desk.record(event, approver)
        rest = desk.sale.lines
        desk.selected = rest[min(at, len(rest) - 1)].number if rest else None

    desk.authorise(Permission.SALE_LINE_VOID, f"Take off {inert(line.name)}", act, amount=event.total)


def percent(desk: Desk, text: str) -> None:
    """Discount the selected line by so many percent; 0 takes a discount away."""
    line = _line(desk)
    if line is None:
        return
    value = grammar.read_percent(text)

    def act(approver: Person | None) -> None:
        desk.record(events.LineDiscounted(line=line.number, percent=value, was=line.discount_percent), approver)

    what = f"{desk.place.figures.percent(value)} % off {inert(line.name)}"
    amount = _minor(desk, line.unit_price * line.quantity * value / 100)
    desk.authorise(Permission.SALE_LINE_DISCOUNT, what, act, percent=value, amount=amount)


def ask_price(desk: Desk, _text: str) -> None:
    """Ask for another unit price of the selected line."""
    line = _line(desk)
    if line is None:
        return
    figures = desk.place.figures

    def answer(text: str) -> None:
        price = parse_unit_price(read_decimal(grammar.clean(text).strip()))
        desk.boxes.remove(box)

        def act(approver: Person | None) -> None:
            desk.record(events.PriceSet(line=line.number, unit_price=price, was=line.unit_price), approver)

        what = f"{inert(line.name)} at {figures.price(price)} instead of {figures.price(line.unit_price)}"
        cut = max(line.list_price - price, Decimal(0))
        share = cut * 100 / line.list_price if line.list_price else Decimal(0)
        desk.authorise(
            Permission.SALE_PRICE_OVERRIDE, what, act, percent=share, amount=_minor(desk, cut * line.quantity)
        )

    now = f"{inert(line.name)}, now {figures.price(line.unit_price)}"
    box = Box("ask", "Another price", [now], "New price", answer)
    desk.boxes.append(box)


def ask_ticket_discount(desk: Desk, _text: str) -> None:
    """Ask for a discount on the whole ticket."""
    if _line(desk) is None:
        return
    figures = desk.place.figures

    def answer(text: str) -> None:
        wanted = grammar.read_discount(text)
        minor = figures.read(wanted.amount) if wanted.amount else 0
        event = events.TicketDiscounted(percent=wanted.percent or Decimal(0), minor=minor)
        desk.sale.tried(event)
        desk.boxes.remove(box)

        def act(approver: Person | None) -> None:
            desk.record(event, approver)

        off = figures.money(minor) if minor else f"{figures.percent(event.percent)} %"
        full = desk.sale.tried(events.TicketDiscounted(percent=Decimal(0), minor=0)).total
        amount = full - desk.sale.tried(event).total
        share = event.percent if not minor else Decimal(amount * 100) / full if full else Decimal(100)
        desk.authorise(Permission.SALE_TICKET_DISCOUNT, f"{off} off the ticket", act, percent=share, amount=amount)

    lines = ["10 takes ten percent off, -2.50 takes an amount off, 0 takes the discount away."]
    box = Box("ask", "Discount on the ticket", lines, "Discount", answer)
    desk.boxes.append(box)


def cancel(desk: Desk, _text: str) -> None:
    """Give the whole sale up, after asking; the log keeps what was on it."""
    if _line(desk) is None:
        return
    event = events.Cancelled(lines=len(desk.sale.lines), total=desk.sale.total)
    what = f"Give up this sale of {desk.place.figures.money(event.total)}"

    def act(approver: Person | None) -> None:
        desk.record(event, approver)
        desk.sale, desk.selected = desk.new_sale(), None
        desk.say("The sale was given up")

    def answer(text: str) -> None:
        if text:
            raise NotUnderstood(text=text[:40], problem="Enter gives the sale up, Esc goes back")
        desk.boxes.remove(box)
        desk.authorise(Permission.SALE_CANCEL, what, act)

    box = Box("ask", "Give the sale up?", [what, "Enter gives it up, Esc goes back."], "", answer)
    desk.boxes.append(box)


def search(desk: Desk, _text: str) -> None:
    """Open the search over the local catalogue."""

    def answer(_text: str) -> None:
        if box.hits:
            chosen = box.hits[box.index]
            desk.boxes.remove(box)
            add(desk, desk.catalogue.look_up(chosen.sku))
        else:
            desk.bell = True

    box = SearchBox("search", "Search", [], "Search", answer)
    desk.boxes.append(box)


def price_check(desk: Desk, _text: str) -> None:
    """Ask for a code and show what it costs; nothing is sold."""
    figures = desk.place.figures

    def answer(text: str) -> None:
        meant = grammar.read_sale(text)
        if not isinstance(meant, grammar.Code):
            return
        found = desk.catalogue.look_up(meant.code)
        box.lines = [
            found.product.name,
            f"{figures.price(found.unit_price)} {desk.place.currency}"
            + (f", this label: {figures.quantity(found.quantity)}" if found.labelled else ""),
            inert(f"SKU {found.product.sku}" + (f", {found.product.category}" if found.product.category else "")),
        ]

    box = Box("ask", "Price check", ["Scan or type a code; nothing is sold."], "Code", answer, code="PRICE_CHECK")
    desk.boxes.append(box)


def explain(desk: Desk, _text: str) -> None:
    """Show how the selected line's total came about."""
    line = _line(desk)
    if line is not None:
        priced = desk.sale.priced().lines[desk.sale.lines.index(line)]
        desk.show(inert(line.name), [inert(each) for each in priced.explain()])


def pay(desk: Desk, _text: str = "") -> None:
    """Go on to paying."""
    if not desk.sale.lines:
        desk.say("Nothing to pay yet: scan or type a code")
        return
    desk.journal.check_room()
    desk.mode = Mode.PAYING


def _line(desk: Desk) -> Line | None:
    if desk.line is None:
        desk.say("There is no line yet: scan or type a code")
    return desk.line


def _set_quantity(desk: Desk, line: Line, quantity: Decimal) -> None:
    _check_pieces(quantity, line.sold_by, line.name)
    event = events.QuantitySet(line=line.number, quantity=quantity, was=line.quantity)
    if quantity >= line.quantity:
        desk.record(event)
        return

    def act(approver: Person | None) -> None:
        desk.record(event, approver)

    figures = desk.place.figures
    what = f"{inert(line.name)}: {figures.quantity(quantity)} instead of {figures.quantity(line.quantity)}"
    amount = _minor(desk, line.unit_price * (line.quantity - quantity))
    desk.authorise(Permission.SALE_LINE_VOID, what, act, amount=amount)


def _minor(desk: Desk, amount: Decimal) -> int:
    """Return an amount in currency units as minor units, rounded half up."""
    return int(amount.scaleb(desk.place.figures.currency.exponent).quantize(ONE, rounding=ROUND_HALF_UP))


def _check_pieces(quantity: Decimal, sold_by: str, name: str) -> None:
    if sold_by == "each" and quantity != quantity.to_integral_value():
        raise NotUnderstood(text=f"{quantity:f}", problem=f"{inert(name)} is sold by the piece")
