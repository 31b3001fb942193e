"""Value in a sale: cards, credit, accounts and points that pay, that are sold, earned, and taken back.

What moves is worked out here and written by the value ledger in the booking's own transaction: before the goods, since
value accounts are locked first (by id), then stock levels, then the register's row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.core.permissions import Act, Permission
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.sales import queries
from primepos.domain.sales.chain import TEN_THOUSANDTH, THOUSANDTH
from primepos.domain.sales.schemas import LineDetails, SaleLine
from primepos.domain.sales.wallet import SHOWN, Wallet, of_account
from primepos.domain.values import finding
from primepos.domain.values.errors import (
    CodeRefused,
    CodeTaken,
    PointsNotOffered,
    ValueBlocked,
    ValueExpired,
    ValueNotFound,
    ValueShort,
)
from primepos.domain.values.ledger import Move, ask_moves, moved_from, note_seals, require_moved
from primepos.domain.values.points import rule_of
from primepos.pricing.returns import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline
    from primepos.domain.sales.booking import Priced
    from primepos.domain.sales.schemas import ReturnedLine, SaleOut, SalePayment, SellValue, TenderIn
    from primepos.domain.values.finding import Found, Holding, SaleEntry
    from primepos.domain.values.points import PointsRule

#: How a record can be refused for the value in it.
VALUE_REFUSALS = (
    ValueNotFound,
    ValueShort,
    ValueBlocked,
    ValueExpired,
    CodeRefused,
    CodeTaken,
    CustomerNotFound,
    PointsNotOffered,
)
VALUE_KINDS = frozenset({"gift_card", "store_credit", "account", "points"})
_NAMES = {"gift_card": "Gift card", "store_credit": "Store credit", "account": "Payment on account"}


@dataclass(frozen=True, slots=True)
class ValuePart:
    """What a record does to value: accounts opened for it, and every entry it makes."""

    opened: tuple[dict[str, Any], ...] = ()
    moves: tuple[Move, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.opened or self.moves)


NO_VALUE = ValuePart()


def ask_value(
    pipe: Pipeline, ctx: Context, value: ValuePart, *, sale_id: UUID, day: date
) -> psycopg.Cursor[Any] | None:
    """Send what a record does to value, before the record itself: a statement, and one more where accounts are opened.

    None where it does nothing to value, and nothing is sent.
    """
    if not value:
        return None
    if value.opened:
        finding.ask_open(pipe, ctx, value.opened)
    return ask_moves(
        pipe,
        ctx.tenant_id,
        value.moves,
        sale_id=sale_id,
        at=ctx.clock.now(),
        day=day,
        actor_id=ctx.identity.actor_id,
        actor=ctx.identity.name,
    )


def require_value(ctx: Context, value: ValuePart, cursor: psycopg.Cursor[Any] | None, day: date) -> None:
    """Refuse a record whose value did not hold; the transaction must then end. What it did is kept in the trail.

    Raises: ValueNotFound, ValueBlocked, ValueExpired, ValueShort.
    """
    if cursor is not None:
        moved = moved_from(cursor)
        require_moved(value.moves, moved, day)
        note_seals(ctx, moved)


def value_acts(
    tenders: Sequence[TenderIn], values: Sequence[SellValue] = (), *, outlet_id: UUID, subject: str
) -> list[Act]:
    """Return what must be authorised before value is taken or sold: letting a customer owe, giving out cards."""
    owed = sum(each.amount for each in tenders if each.kind == "account")
    given = sum(each.amount for each in values if each.kind != "account")
    acts = ((Permission.SALE_CREDIT_SALE, owed), (Permission.GIFTCARD_ISSUE, given))
    return [
        Act(permission=permission, amount=by, outlet_id=outlet_id, subject=subject) for permission, by in acts if by
    ]


def find_value(
    ctx: Context,
    settings: Mapping[str, Any],
    tenders: Sequence[TenderIn],
    customer_id: UUID | None,
    values: Sequence[SellValue] = (),
) -> Found | None:
    """Return the accounts that a record means: one statement, and None without any where no value is used.

    Raises: CodeRefused, CustomerNotFound.
    """
    paid = [each for each in tenders if each.kind in VALUE_KINDS]
    earns = customer_id is not None and rule_of(settings) is not None
    if not paid and not values and not earns:
        return None
    named: list[TenderIn | SellValue] = [*paid, *values]
    return finding.find(
        ctx,
        codes=[each.code for each in named if each.code is not None and getattr(each, "card_id", None) is None],
        ids=[each.account_id for each in named if each.account_id is not None],
        customer_id=customer_id,
    )


def value_lines(ctx: Context, found: Found | None, values: Sequence[SellValue]) -> list[SaleLine]:
    """Return the lines that sell value, each saying onto which account. Raises: ValueNotFound, CustomerNotFound."""
    if found is None:
        return []
    lines = []
    for each in values:
        if each.card_id is not None:
            holding = found.new_card(ctx, each.card_id, each.code)
        elif each.kind == "gift_card":
            holding = found.named("gift_card", each.code, each.account_id)
        else:
            holding = found.customers(ctx, each.kind)
        lines.append(value_line(ctx, each.kind, holding, each.amount))
    return lines


def value_line(
    ctx: Context, kind: str, holding: Holding, amount: int, *, pays: UUID | None = None, note: str = ""
) -> SaleLine:
    """Return a line that sells ``amount`` minor units of value: untaxed, and no revenue."""
    exponent = ctx.tenant.currency.exponent
    shown = f" {SHOWN}{holding.tail}" if holding.tail else ""
    return SaleLine(
        product_id=None,
        sku="",
        name=f"{_NAMES[kind]}{shown}",
        quantity=Decimal(1).quantize(THOUSANDTH),
        unit_price=Decimal(amount).scaleb(-exponent).quantize(TEN_THOUSANDTH),
        discount=0,
        base=amount,
        tax=0,
        total=amount,
        taxes=[],
        kind=kind,  # type: ignore[arg-type]  # every key of _NAMES is a kind of line
        note=note,
        details=LineDetails(account_id=holding.id, pays=pays),
    )


def with_accounts(priced: Priced, tenders: Sequence[TenderIn], found: Found | None) -> Priced:
    """Return the record with the account that each payment comes from; the payments begin with the tenders.

    Raises: ValueNotFound.
    """
    if found is None:
        return priced
    payments = list(priced.payments)
    for place, tender in enumerate(tenders):
        if tender.kind in VALUE_KINDS:
            holding = found.named(tender.kind, tender.code, tender.account_id)
            shown = f"{SHOWN}{holding.tail}" if holding.tail else ""
            payments[place] = of_account(payments[place], holding.id, shown, tender.authorisation_id)
    return replace(priced, payments=payments)


def plan_sale(
    ctx: Context, settings: Mapping[str, Any], priced: Priced, found: Found | None, *, forced: bool = False
) -> ValuePart:
    """Return what a sale does to value: what pays is taken, what is sold is given, and points are earned.

    ``forced``: it happened at a till, whatever is there. Raises: PointsNotOffered.
    """
    if found is None:
        return NO_VALUE
    rule = rule_of(settings)
    moves = [_paid(n, payment, rule, forced=forced) for n, payment in _of_value(priced.payments)]
    for n, line in enumerate(priced.lines, 1):
        if line.kind in _NAMES and line.details is not None and line.details.account_id is not None and line.total:
            moves.append(
                Move(
                    account_id=line.details.account_id,
                    amount=line.total,
                    cause="payment" if line.kind == "account" else "sale",
                    line_no=n,
                    of_sale_id=line.details.pays,
                    forced=forced,
                )
            )
    if rule is not None and found.customer_id is not None:
        moves.extend(_earned(ctx, rule, priced, found))
    return ValuePart(tuple(found.opened), _in_order(moves))


def _of_value(payments: Sequence[SalePayment]) -> list[tuple[int, SalePayment]]:
    return [(n, each) for n, each in enumerate(payments, 1) if each.kind in VALUE_KINDS and each.account_id is not None]


def _paid(n: int, payment: SalePayment, rule: PointsRule | None, *, forced: bool) -> Move:
    amount, worth = payment.amount, None
    if payment.kind == "points":
        if rule is None:
            raise PointsNotOffered
        amount, worth = rule.cost(payment.amount), payment.amount
    if payment.account_id is None:
        raise TypeError("a payment of value names its account")
    return Move(
        account_id=payment.account_id,
        amount=-amount,
        cause="sale",
        payment_seq=n,
        authorisation_id=payment.authorisation_id,
        worth=worth,
        forced=forced,
    )


def _earned(ctx: Context, rule: PointsRule, priced: Priced, found: Found) -> list[Move]:
    excluded = queries.products_in(ctx.uow, ctx.tenant_id, rule.excluded, priced.lines) if rule.excluded else set()
    lines = [
        (n, line.total)
        for n, line in enumerate(priced.lines, 1)
        if line.kind == "goods" and line.product_id not in excluded
    ]
    total = sum(line.total for line in priced.lines if line.kind == "goods")
    in_points = sum(each.amount for each in priced.payments if each.kind == "points")
    by_line = rule.earned(lines, paid_in_points=min(in_points, total), total=total)
    points = sum(each for _, each in by_line)
    if not points:
        return []
    account = found.customers(ctx, "points")
    return [Move(account_id=account.id, amount=points, cause="sale", by_line=by_line)]


def _in_order(moves: Sequence[Move]) -> tuple[Move, ...]:
    """Return the moves numbered: what is taken before what is given, so that no entry looks shorter than it was."""
    ordered = sorted(moves, key=lambda each: each.amount > 0)
    return tuple(msgspec.structs.replace(each, n=n) for n, each in enumerate(ordered))


def plan_void(ctx: Context, sale: SaleOut | None, sale_id: UUID, *, forced: bool = False) -> ValuePart:
    """Return what undoing a sale does to value: the mirror of all its entries.

    What a sold card holds is taken back, or the void is refused where it is spent; points that were earned are taken
    back in any case.
    """
    if sale is not None and not _touched_value(sale):
        return NO_VALUE
    own, _ = finding.entries_of_sale(ctx.uow, ctx.tenant_id, sale_id)
    return ValuePart(moves=_in_order([_mirror(each, sale_id, forced=forced) for each in own]))


def _touched_value(sale: SaleOut) -> bool:
    """Tell whether a sale may have entries: it was paid by value, sold some, or a customer may have earned points."""
    return (
        sale.customer_id is not None
        or any(each.account_id is not None for each in sale.payments)
        or any(line.kind in _NAMES for line in sale.lines)
    )


def _mirror(entry: SaleEntry, sale_id: UUID, *, forced: bool) -> Move:
    return Move(
        account_id=entry.account_id,
        amount=-entry.amount,
        cause="void",
        line_no=entry.line_no,
        payment_seq=entry.payment_seq,
        of_sale_id=entry.of_sale_id or sale_id,
        worth=None if entry.worth is None else -entry.worth,
        by_line=None if entry.by_line is None else [[n, -points] for n, points in entry.by_line],
        forced=forced or entry.by_line is not None,
    )


def wallet_of(ctx: Context, settings: Mapping[str, Any], sale: SaleOut, tenders: Sequence[TenderIn]) -> Wallet:
    """Return what a sale did to value, with the accounts that ``tenders`` of its refund name; opened where it must be.

    Nothing is asked where there is nothing of value. The sale's accounts stay locked, so that two refunds of it do not
    both give back what one of them may. Raises: CodeRefused, CustomerNotFound.
    """
    found = None
    if any(each.kind in VALUE_KINDS for each in tenders):
        found = find_value(ctx, settings, tenders, sale.customer_id)
        named = any(each.kind == "store_credit" and each.account_id is None for each in tenders)
        if found is not None and named and found.customer_id is not None:
            found.customers(ctx, "store_credit")
    own = finding.entries_of_sale(ctx.uow, ctx.tenant_id, sale.id)[0] if _touched_value(sale) else []
    if not own:
        return Wallet(found=found)
    finding.lock(ctx, {each.account_id for each in own})
    _, later = finding.entries_of_sale(ctx.uow, ctx.tenant_id, sale.id)
    back = queries.value_paid_back(ctx.uow, ctx.tenant_id, sale.id)
    return Wallet(own, [each for each in later if each.cause == "refund"], back, found)


def plan_refund(
    wallet: Wallet,
    sale: SaleOut,
    priced: Priced,
    returns: Sequence[ReturnedLine],
    *,
    forced: bool = False,
) -> ValuePart:
    """Return what goods that come back do to value.

    Money goes back to the accounts that paid; what a sold card or credit holds is taken back, and where it is spent
    the refund is refused; points earned with the lines that come back are taken back, whatever is left of them.
    """
    moves = [_back(n, payment, wallet, sale) for n, payment in _of_value(priced.payments) if payment.amount < 0]
    for each in returns:
        line = priced.lines[each.line_no - 1]
        if line.kind in _NAMES and line.details is not None and line.details.account_id is not None and line.total:
            moves.append(
                Move(
                    account_id=line.details.account_id,
                    amount=line.total,
                    cause="refund",
                    line_no=each.line_no,
                    of_sale_id=line.details.pays or sale.id,
                    forced=forced,
                )
            )
    moves.extend(_points_back(wallet, sale, returns))
    opened = () if wallet.found is None else tuple(wallet.found.opened)
    return ValuePart(opened, _in_order(moves))


def plan_exchange(
    ctx: Context,
    settings: Mapping[str, Any],
    wallet: Wallet,
    sale: SaleOut,
    priced: Priced,
    returns: Sequence[ReturnedLine],
    tenders: Sequence[TenderIn],
) -> tuple[Priced, ValuePart]:
    """Return the exchange with the accounts that pay its difference, and what it does to value.

    What comes back and what is taken instead are one record: points are taken back with the one, earned with the other.
    """
    back = plan_refund(wallet, sale, priced, returns)
    found = wallet.found
    if found is None and sale.customer_id is not None:
        found = find_value(ctx, settings, (), sale.customer_id)
    if any(each.amount > 0 for each in priced.payments):
        priced = with_accounts(priced, tenders, found)
    sold = replace(
        priced,
        lines=[line if line.quantity > 0 else _nothing(line) for line in priced.lines],
        payments=[
            each if each.amount > 0 else msgspec.structs.replace(each, account_id=None) for each in priced.payments
        ],
    )
    paid = plan_sale(ctx, settings, sold, found)
    opened = tuple({each["id"]: each for each in (*back.opened, *paid.opened)}.values())
    return priced, ValuePart(opened, _in_order(_joined([*back.moves, *paid.moves])))


def _nothing(line: SaleLine) -> SaleLine:
    """Return a line that came back as one that earns nothing."""
    return msgspec.structs.replace(line, total=0, base=0, tax=0, kind="goods")


def _joined(moves: Sequence[Move]) -> list[Move]:
    """Return the moves with points earned and points taken back made one: a record has one entry of each cause."""
    joined: dict[UUID, Move] = {}
    others = []
    for each in moves:
        if each.by_line is None:
            others.append(each)
        elif (known := joined.get(each.account_id)) is None:
            joined[each.account_id] = each
        else:
            amount, by_line = known.amount + each.amount, sorted([*(known.by_line or []), *each.by_line])
            joined[each.account_id] = msgspec.structs.replace(known, amount=amount, by_line=by_line, cause="sale")
    return [*others, *(each for each in joined.values() if each.amount)]


def _back(n: int, payment: SalePayment, wallet: Wallet, sale: SaleOut) -> Move:
    """Return a payment that goes back to an account; of points that paid, their share."""
    if payment.account_id is None:
        raise TypeError("a payment of value names its account")
    amount, worth = -payment.amount, None
    if payment.kind == "points":
        spent = [each for each in wallet.own if each.account_id == payment.account_id and each.worth]
        given = [each for each in wallet.later if each.account_id == payment.account_id and each.worth]
        whole = sum(each.worth or 0 for each in spent)
        before = -sum(each.worth or 0 for each in given)
        points = -sum(each.amount for each in spent)
        amount = share(points, before=Decimal(before), quantity=Decimal(-payment.amount), sold=Decimal(whole))
        worth = payment.amount
    return Move(
        account_id=payment.account_id,
        amount=amount,
        cause="refund",
        payment_seq=n,
        of_sale_id=sale.id,
        worth=worth,
    )


def _points_back(wallet: Wallet, sale: SaleOut, returns: Sequence[ReturnedLine]) -> list[Move]:
    """Return the points that the lines which come back had earned; a piece of a line takes its share back."""
    moves = []
    for entry in wallet.own:
        if entry.by_line is None:
            continue
        earned: dict[int, int] = dict(entry.by_line)  # type: ignore[arg-type]  # pairs, as the rule wrote them
        by_line = []
        for each in returns:
            points = earned.get(each.of_line_no, 0)
            if not points:
                continue
            back = share(points, before=each.before, quantity=each.quantity, sold=each.sold)
            if back:
                by_line.append([each.line_no, -back])
        if by_line:
            taken = sum(points for _, points in by_line)
            moves.append(
                Move(
                    account_id=entry.account_id,
                    amount=taken,
                    cause="refund",
                    of_sale_id=sale.id,
                    by_line=by_line,
                    forced=True,
                )
            )
    return moves
