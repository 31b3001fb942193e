"""From what comes back to what is booked: lines, taxes and tenders of a refund, before the database is asked.

Pure: the same sale, the same earlier returns and the same wish give the same refund, to the minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from primepos.core.amounts import parse_quantity
from primepos.core.errors import InvalidInput
from primepos.domain.sales.booking import Priced, negated, negated_payment, settled_payments, sums_of
from primepos.domain.sales.chain import THOUSANDTH
from primepos.domain.sales.errors import CardExceeded, NothingToRefund, ReturnExceedsSold, TendersDiffer, ValueExceeded
from primepos.domain.sales.schemas import LineTax, RefundableLine, ReturnedLine, SaleLine, SaleOut, SalePayment, SaleTax
from primepos.domain.sales.wallet import NO_WALLET, Wallet
from primepos.pricing.returns import share
from primepos.pricing.rounding import cash_rounding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from primepos.domain.sales.schemas import RefundLine, TenderIn
    from primepos.pricing.rounding import CashRule

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What came back of a sale before: by line how often and how much, by tax its base, by card how much."""

    times: Mapping[int, int] = field(default_factory=dict)
    quantities: Mapping[int, Decimal] = field(default_factory=dict)
    tax_bases: Mapping[tuple[str, Decimal], int] = field(default_factory=dict)
    cards: Mapping[str, int] = field(default_factory=dict)

    def left(self, sale: SaleOut, line_no: int) -> Decimal:
        """Return how much of a line can still come back; a line that took goods back itself has nothing left."""
        return max(sale.lines[line_no - 1].quantity - self.quantities.get(line_no, _NONE), _NONE)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing has come back yet."""
        return not self.times


@dataclass(frozen=True, slots=True)
class Return:
    """One line that comes back: which, how much, and whether it can be sold again."""

    line_no: int
    quantity: Decimal
    restock: bool


def wanted_returns(sale: SaleOut, earlier: Earlier, asked: Sequence[RefundLine]) -> list[Return]:
    """Return what is to come back, in the order of the sale's lines; nothing asked for is everything that is left.

    Raises:
        NothingToRefund: everything has come back already.
        ReturnExceedsSold: more than what is left of a line.
        InvalidInput: a line that the sale has not, or one named twice.
    """
    if not asked:
        everything = [
            Return(n, left, restock=True) for n in range(1, len(sale.lines) + 1) if (left := earlier.left(sale, n)) > 0
        ]
        if not everything:
            raise NothingToRefund
        return everything
    found: dict[int, Return] = {}
    for each in asked:
        if each.line_no > len(sale.lines):
            raise InvalidInput(f"lines: the sale has no line {each.line_no}")
        if each.line_no in found:
            raise InvalidInput(f"lines: line {each.line_no} is named twice")
        left = earlier.left(sale, each.line_no)
        quantity = left if each.quantity is None else parse_quantity(each.quantity)
        if quantity > left or not left:
            raise ReturnExceedsSold(line=each.line_no, left=f"{left.normalize():f}")
        if quantity <= 0:
            raise InvalidInput(f"lines: the quantity of line {each.line_no} must be above zero")
        found[each.line_no] = Return(each.line_no, quantity, each.restock)
    return [found[n] for n in sorted(found)]


def price_refund(
    sale: SaleOut,
    earlier: Earlier,
    returns: Sequence[Return],
    tenders: Sequence[TenderIn],
    rule: CashRule | None,
    wallet: Wallet = NO_WALLET,
) -> Priced:
    """Return what the refund books, every figure below zero. Goods that move are added by the caller.

    A whole sale that comes back at once, to whatever paid for it, is its mirror. Otherwise each amount is its share,
    and the last return of a sale takes what is left, so that all returns together are the sale.

    Raises:
        TendersDiffer, CardExceeded: see :func:`_paid_back`.
    """
    is_last = _is_last(sale, earlier, returns)
    if len(returns) == len(sale.lines) and is_last and earlier.is_nothing and not tenders and _mirrors(sale.payments):
        return negated(sale)
    lines = [_line(sale.lines[each.line_no - 1], earlier, each) for each in returns]
    base, tax, value = sums_of(lines)
    due = base + tax + value
    payments, rounding = _paid_back(sale, earlier, -due, tenders, rule, wallet)
    return Priced(
        lines=lines,
        taxes=_taxes(sale, earlier, lines, is_last=is_last),
        payments=payments,
        quantities=[],
        base=base,
        tax=tax,
        rounding=rounding,
        total=due + rounding,
        value=value,
    )


def _mirrors(payments: Sequence[SalePayment]) -> bool:
    """Tell whether a whole refund gives back what came in; money of another currency is given back in the shop's."""
    return bool(payments) and all(each.currency is None for each in payments)


def goods_back(
    sale: SaleOut,
    earlier: Earlier,
    returns: Sequence[Return],
    moved: Sequence[tuple[int, UUID, Decimal]],
    *,
    first: int,
) -> list[tuple[int, UUID, Decimal]]:
    """Return what goes back into stock, below zero: of what each line ``moved`` when it was sold, its share.

    A pack moved several pieces and a kit its components; all returns of a line together bring back exactly what it
    took. ``first`` is the number that the first return has in its record.
    """
    found = []
    for n, each in enumerate(returns, first):
        if not each.restock:
            continue
        sold, before = sale.lines[each.line_no - 1].quantity, earlier.quantities.get(each.line_no, _NONE)
        for line_no, product_id, taken in moved:
            if line_no == each.line_no:
                then = (taken * before / sold).quantize(THOUSANDTH)
                now = (taken * (before + each.quantity) / sold).quantize(THOUSANDTH)
                if now != then:
                    found.append((n, product_id, then - now))
    return found


def _is_last(sale: SaleOut, earlier: Earlier, returns: Sequence[Return]) -> bool:
    """Tell whether nothing of the sale is left after these returns."""
    back = {each.line_no: each.quantity for each in returns}
    return all(earlier.left(sale, n) == back.get(n, _NONE) for n in range(1, len(sale.lines) + 1))


def returned_lines(sale: SaleOut, earlier: Earlier, returns: Sequence[Return], *, after: int = 0) -> list[ReturnedLine]:
    """Return which line of the sale each line of the record takes back, and how many times that happened before.

    ``after`` is how many lines stand before them.
    """
    return [
        ReturnedLine(
            line_no=n,
            of_sale_id=sale.id,
            of_line_no=each.line_no,
            quantity=each.quantity,
            nth=earlier.times.get(each.line_no, 0) + 1,
            before=earlier.quantities.get(each.line_no, _NONE),
            sold=sale.lines[each.line_no - 1].quantity,
        )
        for n, each in enumerate(returns, after + 1)
    ]


def price_exchange(
    sale: SaleOut,
    earlier: Earlier,
    returns: Sequence[Return],
    sold: Priced,
    tenders: Sequence[TenderIn],
    rule: CashRule | None,
    wallet: Wallet = NO_WALLET,
) -> Priced:
    """Return what an exchange books: the goods taken instead, then those that came back, and the difference settled.

    Taxes of what is sold and of what comes back stay apart. Goods that come back are added by the caller.

    Raises:
        NotPaid: the tenders do not cover a difference that the customer owes.
        TendersDiffer, CardExceeded: see :func:`_paid_back`; also for tenders where nothing is owed.
    """
    lines = [_line(sale.lines[each.line_no - 1], earlier, each) for each in returns]
    base, tax, value = sums_of([*sold.lines, *lines])
    due = base + tax + value
    if due > 0:
        payments, rounding = settled_payments(due, tenders, rule)
    elif due < 0:
        payments, rounding = _paid_back(sale, earlier, -due, tenders, rule, wallet)
    elif tenders:
        raise TendersDiffer(due=0, given=sum(each.amount for each in tenders))
    else:
        payments, rounding = [], 0
    return Priced(
        lines=[*sold.lines, *lines],
        taxes=[*sold.taxes, *_taxes(sale, earlier, lines, is_last=_is_last(sale, earlier, returns))],
        payments=payments,
        quantities=list(sold.quantities),
        base=base,
        tax=tax,
        rounding=rounding,
        total=due + rounding,
        value=value,
    )


def what_is_left(sale: SaleOut, earlier: Earlier) -> list[RefundableLine]:
    """Return what can still come back of each line, and what all of it is worth in minor units."""
    found = []
    for n, line in enumerate(sale.lines, 1):
        left, before = earlier.left(sale, n), earlier.quantities.get(n, _NONE)
        amount = share(line.total, before=before, quantity=left, sold=line.quantity) if left else 0
        found.append(
            RefundableLine(
                line_no=n, sku=line.sku, name=line.name, sold=line.quantity, returned=before, left=left, amount=amount
            )
        )
    return found


def worth_back(sale: SaleOut, earlier: Earlier, returns: Sequence[Return]) -> int:
    """Return what came back of a sale before and comes back now, together, in minor units above zero."""
    back = {each.line_no: each.quantity for each in returns}
    return sum(
        share(line.total, before=_NONE, quantity=quantity, sold=line.quantity)
        for n, line in enumerate(sale.lines, 1)
        if (quantity := earlier.quantities.get(n, _NONE) + back.get(n, _NONE)) > 0
    )


def _line(line: SaleLine, earlier: Earlier, back: Return) -> SaleLine:
    before = earlier.quantities.get(back.line_no, _NONE)

    def part(amount: int) -> int:
        return -share(amount, before=before, quantity=back.quantity, sold=line.quantity)

    taxes = [LineTax(code=each.code, rate=each.rate, amount=part(each.amount)) for each in line.taxes]
    tax, total = sum(each.amount for each in taxes), part(line.total)
    return msgspec.structs.replace(
        line, quantity=-back.quantity, discount=part(line.discount), base=total - tax, tax=tax, total=total, taxes=taxes
    )


def _taxes(sale: SaleOut, earlier: Earlier, lines: Sequence[SaleLine], *, is_last: bool) -> list[SaleTax]:
    amounts: dict[tuple[str, Decimal], int] = {}
    bases: dict[tuple[str, Decimal], int] = {}
    for line in lines:
        for each in line.taxes:
            key = (each.code, each.rate)
            amounts[key] = amounts.get(key, 0) + each.amount
            bases[key] = bases.get(key, 0) + line.base
    named = {(each.code, each.rate): each for each in sale.taxes}
    if is_last and len(named) == len(sale.taxes):
        # A tax on top of another has a base of its own; the last return takes what is left of it.
        bases = {key: -(each.base + earlier.tax_bases.get(key, 0)) for key, each in named.items() if key in amounts}
    return [
        msgspec.structs.replace(each, base=bases[key], amount=amounts[key])
        for key, each in named.items()
        if key in amounts
    ]


def _paid_back(
    sale: SaleOut,
    earlier: Earlier,
    due: int,
    tenders: Sequence[TenderIn],
    rule: CashRule | None,
    wallet: Wallet,
) -> tuple[list[SalePayment], int]:
    """Return the payments of a refund of ``due`` minor units, below zero, and what was rounded to coins.

    Without tenders the cards that paid get back up to what each paid, in their order, then the gift cards, credit,
    accounts and points that paid, and the rest is cash.

    Raises:
        TendersDiffer: the tenders given are not what is due. CardExceeded: more to cards than they paid.
        ValueExceeded: more to a gift card, an account or points than they paid.
    """
    back = _wanted_back(sale, earlier, tenders, wallet) if tenders else _as_it_came(sale, earlier, due, wallet)
    without_cash = sum(each.amount for each in back)
    in_cash = due - without_cash
    rounding = cash_rounding(in_cash, rule) if rule is not None and (in_cash or not rule.cash_only) else 0
    in_cash += rounding
    given = sum(each.amount for each in tenders)
    if tenders and given != without_cash + in_cash:
        raise TendersDiffer(due=without_cash + in_cash, given=given)
    payments = [negated_payment(each) for each in back]
    if in_cash:
        payments.append(SalePayment(kind="cash", amount=-in_cash))
    return payments, -rounding


def _as_it_came(sale: SaleOut, earlier: Earlier, due: int, wallet: Wallet) -> list[SalePayment]:
    """Return what goes back to cards, then to value, above zero; what is left of ``due`` is cash."""
    found = []
    for reference, left in cards_left(sale, earlier).items():
        amount = min(left, due)
        if amount > 0:
            found.append(SalePayment(kind="card", amount=amount, reference=reference))
            due -= amount
    for paid in wallet.sources(sale):
        amount = min(wallet.left(sale, paid), due)
        if amount > 0:
            found.append(msgspec.structs.replace(paid, amount=amount, authorisation_id=None))
            due -= amount
    return found


def _wanted_back(sale: SaleOut, earlier: Earlier, tenders: Sequence[TenderIn], wallet: Wallet) -> list[SalePayment]:
    """Return what is asked to go back without cash, above zero. Raises: CardExceeded, ValueExceeded."""
    found = [
        SalePayment(kind="card", amount=each.amount, reference=each.reference)
        for each in tenders
        if each.kind == "card"
    ]
    left = sum(cards_left(sale, earlier).values())
    if sum(each.amount for each in found) > left:
        raise CardExceeded(left=left)
    asked: dict[UUID, int] = {}
    for tender in tenders:
        if tender.kind in ("cash", "card"):
            continue
        payment = wallet.destination(sale, tender)
        if payment.account_id is not None and payment.kind != "store_credit":
            asked[payment.account_id] = asked.get(payment.account_id, 0) + tender.amount
            if asked[payment.account_id] > wallet.left(sale, payment):
                raise ValueExceeded(kind=tender.kind.replace("_", " "), left=wallet.left(sale, payment))
        found.append(payment)
    return found


def cards_left(sale: SaleOut, earlier: Earlier) -> dict[str, int]:
    """Return how much can still go back to each card that paid, by its reference; in minor units."""
    paid: dict[str, int] = {}
    for each in sale.payments:
        if each.kind == "card":
            paid[each.reference] = paid.get(each.reference, 0) + each.amount
    return {reference: amount + earlier.cards.get(reference, 0) for reference, amount in paid.items()}
