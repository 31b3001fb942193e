"""Paying: what is left, what is change, what was rounded to coins. All amounts are minor units of one currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from primepos.core.amounts import allocate
from primepos.pricing.errors import InvalidTender
from primepos.pricing.rounding import CashRule, cash_rounding

CASH = "cash"


@dataclass(frozen=True, slots=True)
class Tender:
    """One payment as handed over: its kind (``cash``, ``card``, ...) and amount, negative when money goes back."""

    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a ticket stands with the tenders so far.

    ``remaining`` is what any other tender still has to pay, ``cash_due`` what it comes to if the rest is paid in cash
    (rounded to coins). ``rounding`` is the rounding difference as its own row, known once complete; ``change`` is
    given in cash. When complete: sum of tenders - change == total + rounding.
    """

    remaining: int
    cash_due: int
    change: int
    rounding: int
    complete: bool


def settle(total: int, tenders: Sequence[Tender], rule: CashRule | None = None) -> Settlement:
    """Compare tenders with a total, in whole minor units, after rounding to coins.

    Change comes from cash only. With a rule for cash only, a ticket paid without cash is not rounded; otherwise what
    the other tenders leave is rounded whatever pays it, and they may pay the rounded total. A refund (negative total)
    settles as the mirror of its sale.

    Raises:
        InvalidTender: a tender of zero or of the wrong sign, or more than the total by tenders that give no change.
    """
    sign = -1 if total < 0 or (not total and any(tender.amount < 0 for tender in tenders)) else 1
    due = sign * total
    cash = other = 0
    for tender in tenders:
        amount = sign * tender.amount
        if amount <= 0:
            raise InvalidTender(problem="a tender must have the sign of the total and not be zero")
        if tender.kind == CASH:
            cash += amount
        else:
            other += amount
    left = rounded = due - other
    rounds_all = rule is not None and not rule.cash_only
    if rule is not None and left >= 0:
        rounded += cash_rounding(left, rule)
    elif rule is not None and rounds_all and other == due + cash_rounding(due, rule):
        rounded = 0
    if rounded < 0:
        raise InvalidTender(problem="only cash gives change: the other tenders are more than the total")
    needed = rounded if rounds_all or cash else left
    if cash >= needed:
        return Settlement(0, 0, sign * (cash - needed), sign * (needed - left), complete=True)
    return Settlement(sign * (left - cash), sign * (rounded - cash), 0, 0, complete=False)


def mirror_tenders(tenders: Iterable[Tender]) -> tuple[Tender, ...]:
    """Give the tenders of a full refund: each paid back by the way it came."""
    return tuple(Tender(tender.kind, -tender.amount) for tender in tenders)


def refund_shares(total: int, tenders: Sequence[Tender]) -> tuple[Tender, ...]:
    """Share a partial refund over the tenders of its sale by their amounts; the shares sum to ``total`` exactly.

    Raises:
        InvalidTender: the refund is more than the tenders paid.
    """
    paid = [tender.amount for tender in tenders]
    if not 0 < total <= sum(paid):
        raise InvalidTender(problem="a refund must be above zero and no more than was paid")
    shares = zip(tenders, allocate(total, paid), strict=True)
    return tuple(Tender(tender.kind, -share) for tender, share in shares if share)


def drawer_expected(opening_counted: int, cash_movements: Iterable[int]) -> int:
    """Give the cash a drawer should hold: the float counted at *this* opening plus every movement since.

    Movements are signed: cash tendered, change given (negative), paid in, paid out, refunds in cash.
    """
    return opening_counted + sum(cash_movements)


def drawer_difference(opening_counted: int, cash_movements: Iterable[int], counted: int) -> int:
    """Give over (positive) or short (negative): the counted end minus what :func:`drawer_expected` says."""
    return counted - drawer_expected(opening_counted, cash_movements)
