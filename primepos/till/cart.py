"""The open sale: lines, discounts and tenders as the events made them, priced by the one pricing engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec

from primepos.core.ids import new_id
from primepos.domain.sales.chain import GENESIS, TEN_THOUSANDTH, THOUSANDTH
from primepos.domain.sales.schemas import (
    AppliedOffer,
    Component,
    DeliverSale,
    LineDetails,
    LineTax,
    SaleLine,
    SalePayment,
    SaleTax,
)
from primepos.pricing.cart import Cart, CartLine, PricedCart, price_cart
from primepos.pricing.occasions import Occasion
from primepos.pricing.offers import Offered, Offers, Wanted, offer
from primepos.pricing.pricelists import Ware
from primepos.pricing.tender import Settlement, Tender, settle
from primepos.till import events

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime
    from uuid import UUID

    from primepos.pricing.lines import Rounding
    from primepos.pricing.rounding import CashRule
    from primepos.pricing.taxes import TaxRule

_decode = msgspec.json.Decoder(events.Event).decode
_encode = msgspec.json.Encoder(decimal_format="string").encode
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the open sale. ``number`` counts lines as they were added and is never used twice."""

    number: int
    product_id: UUID
    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    list_price: Decimal
    sold_by: str
    taxes: tuple[TaxRule, ...]
    discount_percent: Decimal = ZERO
    category_id: UUID | None = None
    parent_id: UUID | None = None
    tax_class_id: UUID | None = None
    unit: str = ""
    factor: Decimal = ONE
    piece_price: Decimal | None = None
    parts: tuple[events.PartOnLine, ...] = ()

    @property
    def pack_price(self) -> Decimal | None:
        """What a pack costs where that does not follow from its pieces."""
        if self.piece_price is None or self.list_price == (self.piece_price * self.factor).quantize(TEN_THOUSANDTH):
            return None
        return self.list_price

    @property
    def plain(self) -> bool:
        """Whether another piece of the same product may simply be counted onto this line."""
        return self.sold_by == "each" and self.unit_price == self.list_price and not self.discount_percent


@dataclass(frozen=True, slots=True)
class Counter:
    """The offers by which a till sells, and where it stands; a sale keeps those it began with."""

    outlet_id: UUID
    zone: str
    offers: Offers
    taxes: dict[UUID, tuple[TaxRule, ...]]


@dataclass(slots=True)
class OpenSale:
    """A sale before it is paid. Its id is the sale's id, so finishing it twice books once.

    It is priced by the offers of ``counter`` at the moment ``at`` which its first line came on.
    """

    exponent: int
    rounding: Rounding = "per_line"
    cash_rule: CashRule | None = None
    id: UUID = field(default_factory=new_id)
    lines: list[Line] = field(default_factory=list)
    tenders: list[events.Tendered] = field(default_factory=list)
    ticket_percent: Decimal = ZERO
    ticket_minor: int = 0
    next_line: int = 1
    cancelled: bool = False
    held: bool = False
    asked: events.CardAsked | None = None
    counter: Counter | None = None
    at: datetime | None = None
    _priced: PricedCart | None = None
    _offered: tuple[Offered, ...] = ()

    def apply(self, event: events.Event) -> None:
        """Change the sale as the event says."""
        self._priced = None
        match event:
            case events.LineAdded():
                self.lines.append(_line(event))
                self.at = self.at or event.at
                self.next_line = event.line + 1
            case events.QuantitySet():
                self._change(event.line, quantity=event.quantity)
            case events.PriceSet():
                self._change(event.line, unit_price=event.unit_price)
            case events.LineDiscounted():
                self._change(event.line, discount_percent=event.percent)
            case events.LineVoided():
                self.lines = [line for line in self.lines if line.number != event.line]
                if not self.lines:
                    self.ticket_percent, self.ticket_minor = ZERO, 0
            case events.TicketDiscounted():
                self.ticket_percent, self.ticket_minor = event.percent, event.minor
            case events.Cancelled():
                self.lines, self.tenders = [], []
                self.ticket_percent, self.ticket_minor = ZERO, 0
                self.cancelled = True
            case events.Held() | events.Resumed():
                self.held = isinstance(event, events.Held)
            case _:
                self._pay(event)

    def _pay(self, event: events.Tendered | events.TenderRemoved | events.CardAsked | events.CardAnswered) -> None:
        match event:
            case events.Tendered():
                self.tenders.append(event)
            case events.TenderRemoved():
                self.tenders.pop()
            case events.CardAsked():
                self.asked = event
            case events.CardAnswered():
                self.asked = None
                if event.outcome == "approved":
                    self.tenders.append(
                        events.Tendered(
                            kind="card", amount=event.amount, reference=event.reference, attempt=event.attempt
                        )
                    )

    def tried(self, event: events.Event) -> OpenSale:
        """Return the sale as it would be after the event; this one stays as it is.

        Raises: whatever the pricing engine refuses, before anything is written down.
        """
        trial = replace(self, lines=list(self.lines), tenders=list(self.tenders), _priced=None)
        trial.apply(event)
        if trial.lines:
            trial.priced()
        return trial

    def _change(self, number: int, **values: object) -> None:
        self.lines = [
            replace(line, **values) if line.number == number else line  # type: ignore[arg-type]  # named above
            for line in self.lines
        ]

    def priced(self) -> PricedCart:
        """Return the sale priced; worked out once after each change."""
        if self._priced is None:
            self._priced = price_cart(
                Cart(
                    tuple(self._cart_lines()),
                    exponent=self.exponent,
                    rounding=self.rounding,
                    ticket_discount_percent=self.ticket_percent,
                    ticket_discount_minor=self.ticket_minor,
                )
            )
        return self._priced

    def _cart_lines(self) -> list[CartLine]:
        """Return the lines at list prices, with promotions and mapped taxes; without offers as they were scanned."""
        counter, self._offered = self.counter, ()
        if counter is None or self.at is None:
            return [CartLine(line.unit_price, line.quantity, line.taxes, line.discount_percent) for line in self.lines]
        wanted = [
            Wanted(
                Ware(line.product_id, line.piece_price or line.list_price, line.category_id, line.parent_id),
                line.quantity,
                line.tax_class_id or line.product_id,
                typed=None if line.unit_price == line.list_price else line.unit_price,
                discount_percent=line.discount_percent,
                by_piece=line.sold_by == "each",
                factor=line.factor,
                unit_price=line.pack_price,
            )
            for line in self.lines
        ]
        # The taxes of a line are those that it was scanned with, whatever its class bears by now.
        taxes = {**counter.taxes, **{line.tax_class_id or line.product_id: line.taxes for line in self.lines}}
        occasion = Occasion(self.at.astimezone(ZoneInfo(counter.zone)), counter.outlet_id)
        self._offered = offer(wanted, counter.offers, taxes, occasion, exponent=self.exponent).lines
        return [each.line for each in self._offered]

    def _made_of(self, at: int) -> LineDetails | None:
        """Return what is sealed with the line at this place: why it costs what it does, and what a kit is made of."""
        why, parts = self.details(at), self.lines[at].parts
        if not parts:
            return why
        made = [
            Component(product_id=each.product_id, sku=each.sku, quantity=each.quantity.quantize(THOUSANDTH))
            for each in parts
        ]
        return msgspec.structs.replace(why or LineDetails(), components=made)

    def details(self, at: int) -> LineDetails | None:
        """Return why the line at this place costs what it does; None where it is the catalogue's price."""
        offered = self._offered[at] if self._offered else None
        if offered is None:
            return None
        resolved = offered.resolved
        listed = None if resolved is None else resolved.listed
        if resolved is not None and listed is None and not offered.reductions and offered.mapping is None:
            return None
        return LineDetails(
            list_price=self.lines[at].list_price.quantize(TEN_THOUSANDTH),
            rule="override" if resolved is None else "" if listed is None else f"list:{listed.code}",
            offers=[AppliedOffer(code=each.code, name=each.name, amount=each.minor) for each in offered.reductions],
            tax_mapping="" if offered.mapping is None else offered.mapping.code,
            explain=[each[:200] for each in self.priced().lines[at].explain()[:50]],
        )

    @property
    def total(self) -> int:
        """What the lines come to, in minor units, before rounding to coins."""
        return self.priced().total

    def settled(self, *more: Tender) -> Settlement:
        """Return where the payment stands, with further tenders if given.

        Raises:
            InvalidTender: a tender that cannot be taken.
        """
        tenders = [Tender(each.kind, each.amount) for each in self.tenders] + list(more)
        if not self.total and not tenders:
            return Settlement(remaining=0, cash_due=0, change=0, rounding=0, complete=True)
        return settle(self.total, tenders, self.cash_rule)

    def sealed_by_journal(
        self,
        *,
        register_id: UUID,
        shift_id: UUID,
        business_date: date,
        sold_at: datetime,
        cashier_id: UUID,
        cashier: str,
        currency: str,
    ) -> DeliverSale:
        """Return the paid sale; its number and hashes are placeholders until the journal has given it a place."""
        priced, settled = self.priced(), self.settled()
        payments = [SalePayment(kind=t.kind, amount=t.amount, reference=t.reference) for t in self.tenders]
        if settled.change:
            payments.append(SalePayment(kind="change", amount=-settled.change))
        return DeliverSale(
            id=self.id,
            kind="sale",
            register_id=register_id,
            shift_id=shift_id,
            epoch=1,
            number=1,
            business_date=business_date,
            sold_at=sold_at,
            cashier_id=cashier_id,
            cashier=cashier,
            currency=currency,
            lines=[
                SaleLine(
                    product_id=line.product_id,
                    sku=line.sku,
                    name=line.name,
                    quantity=line.quantity.quantize(THOUSANDTH),
                    unit_price=each.line.unit_price.quantize(TEN_THOUSANDTH),
                    discount=each.discount,
                    base=each.base,
                    tax=each.total - each.base,
                    total=each.total,
                    taxes=[
                        LineTax(code=rule.id, rate=rule.amount, amount=amount)
                        for rule, amount in zip(each.line.taxes, each.taxes, strict=True)
                    ],
                    unit=line.unit,
                    factor=line.factor.quantize(THOUSANDTH),
                    details=self._made_of(at),
                )
                for at, (line, each) in enumerate(zip(self.lines, priced.lines, strict=True))
            ],
            taxes=[
                SaleTax(
                    code=each.rule.id, name=each.rule.name, rate=each.rule.amount, base=each.base, amount=each.amount
                )
                for each in priced.taxes
            ],
            payments=payments,
            base=priced.base,
            tax=priced.tax,
            rounding=settled.rounding,
            total=priced.total + settled.rounding,
            prev_hash=GENESIS,
            hash=GENESIS,
        )


def restored(empty: OpenSale, stored: Iterable[bytes]) -> OpenSale:
    """Return the sale that the stored events make, starting from an empty one with its id."""
    for each in stored:
        empty.apply(_decode(each))
    return empty


def decoded(stored: bytes) -> events.Event:
    """Return an event from how the journal stores it."""
    event: events.Event = _decode(stored)
    return event


def encoded(event: events.Event) -> bytes:
    """Return an event as the journal stores it."""
    return _encode(event)


def counter_record(
    sale: DeliverSale, *, void_id: UUID, shift_id: UUID, sold_at: datetime, cashier_id: UUID, cashier: str, reason: str
) -> DeliverSale:
    """Return what undoes a sale: every amount and quantity negated, to the minor unit; the journal gives it a place."""
    change = msgspec.structs.replace
    return change(
        sale,
        id=void_id,
        kind="void",
        void_of=sale.id,
        reason=reason,
        shift_id=shift_id,
        sold_at=sold_at,
        cashier_id=cashier_id,
        cashier=cashier,
        lines=[
            change(
                line,
                quantity=-line.quantity,
                discount=-line.discount,
                base=-line.base,
                tax=-line.tax,
                total=-line.total,
                taxes=[change(each, amount=-each.amount) for each in line.taxes],
            )
            for line in sale.lines
        ],
        taxes=[change(each, base=-each.base, amount=-each.amount) for each in sale.taxes],
        payments=[change(each, amount=-each.amount) for each in sale.payments],
        base=-sale.base,
        tax=-sale.tax,
        rounding=-sale.rounding,
        total=-sale.total,
    )


def _line(event: events.LineAdded) -> Line:
    return Line(
        number=event.line,
        product_id=event.product_id,
        sku=event.sku,
        name=event.name,
        quantity=event.quantity,
        unit_price=event.unit_price,
        list_price=event.list_price,
        sold_by=event.sold_by,
        taxes=tuple(each.rule() for each in event.taxes),
        category_id=event.category_id,
        parent_id=event.parent_id,
        tax_class_id=event.tax_class_id,
        unit=event.unit,
        factor=event.factor,
        piece_price=event.piece_price,
        parts=tuple(event.parts),
    )
