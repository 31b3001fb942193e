"""What a till's record takes back and moves, worked out from what the server knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.customers.queries import ids_known
from primepos.domain.sales import queries
from primepos.domain.sales.booking import Priced
from primepos.domain.sales.chain import THOUSANDTH
from primepos.domain.sales.errors import BrokenSale, SaleNotFound, UnknownProduct
from primepos.domain.sales.tendering import (
    VALUE_KINDS,
    ValuePart,
    ask_value,
    plan_refund,
    plan_sale,
    plan_void,
    wallet_of,
)
from primepos.domain.values import finding
from primepos.domain.values.ledger import moved_from, note_seals
from primepos.domain.values.points import rule_of
from primepos.domain.values.queries import draw_allotment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.sales.queries import Goods
    from primepos.domain.sales.schemas import DeliverSale, ReturnedLine, SaleLine


def delivered_returns(ctx: Context, data: DeliverSale) -> list[ReturnedLine]:
    """Return which sold lines a till's record takes back, counted as the server has them at this moment.

    Raises:
        SaleNotFound: the sale is not there yet; the till sends the record again later.
        BrokenSale: the lines are not those that were sold, or of more than one sale.
    """
    if not data.returns:
        return []
    of_sales = {each.of_sale_id for each in data.returns}
    if len(of_sales) > 1:
        raise BrokenSale(problem="it takes goods of more than one sale back")
    sale_id = of_sales.pop()
    times, quantities, _, _ = queries.returned_before(ctx.uow, ctx.tenant_id, sale_id)
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, sale_id)
    if sale is None:
        raise SaleNotFound(sale=str(sale_id))
    if sale.kind not in ("sale", "imported"):
        raise BrokenSale(problem="what it takes back was not sold")
    found = []
    for each in data.returns:
        if not 1 <= each.of_line_no <= len(sale.lines):
            raise BrokenSale(problem=f"the sale has no line {each.of_line_no}")
        sold, back = sale.lines[each.of_line_no - 1], data.lines[each.line_no - 1]
        if (sold.product_id, sold.sku, sold.unit_price) != (back.product_id, back.sku, back.unit_price):
            raise BrokenSale(problem=f"line {each.line_no} is not what was sold")
        found.append(
            msgspec.structs.replace(
                each,
                quantity=each.quantity.quantize(THOUSANDTH),
                nth=times.get(each.of_line_no, 0) + 1,
                before=quantities.get(each.of_line_no, sold.quantity * 0),
                sold=sold.quantity,
            )
        )
    return found


def require_known(ctx: Context, data: DeliverSale, ids: Collection[UUID], goods: Sequence[Goods]) -> None:
    """See that everything a till's record names is there.

    Raises:
        UnknownProduct, CustomerNotFound: the till sends the record again once it is.
    """
    missing = set(ids) - {each.id for each in goods}
    if missing:
        raise UnknownProduct(product=", ".join(sorted(str(each) for each in missing)))
    if data.customer_id is not None and not ids_known(ctx, [data.customer_id]):
        raise CustomerNotFound(customer=str(data.customer_id))


def products_of(line: SaleLine) -> list[UUID]:
    """Return the products that a line names: its own and those that a kit is made of."""
    own = [] if line.product_id is None else [line.product_id]
    return own if line.details is None else own + [each.product_id for each in line.details.components]


def delivered_goods(data: DeliverSale, tracked: Collection[UUID]) -> list[tuple[int, UUID, Decimal]]:
    """Return the tracked goods that each line moved: of a pack its pieces, of a kit its components."""
    found: list[tuple[int, UUID, Decimal]] = []
    for n, line in enumerate(data.lines, 1):
        if n in data.not_restocked and line.quantity < 0:
            continue
        pieces = (line.quantity * line.factor).quantize(THOUSANDTH)
        if line.details is not None and line.details.components:
            found.extend(
                (n, each.product_id, (pieces * each.quantity).quantize(THOUSANDTH))
                for each in line.details.components
                if each.product_id in tracked
            )
        elif line.product_id is not None and line.product_id in tracked:
            found.append((n, line.product_id, pieces))
    return found


def delivered_value(
    ctx: Context, data: DeliverSale, returns: Sequence[ReturnedLine], settings: Mapping[str, Any]
) -> list[str]:
    """Do what a till's record did to value, before the record itself is booked, and return what is odd about it.

    It happened, so it is taken whatever is there: ``VALUE_SHORT`` where less was left than was taken, or a card was
    blocked or over; ``VALUE_UNKNOWN`` where an account is not there, so that nothing could be taken from it;
    ``ALLOTMENT_EXCEEDED`` where the till took without asking more than it was allotted. Value accounts are locked here,
    by id, before the goods.
    """
    uses = any(each.kind in VALUE_KINDS for each in data.payments) or any(
        line.kind in VALUE_KINDS for line in data.lines
    )
    if not uses and data.void_of is None and not returns and (data.customer_id is None or rule_of(settings) is None):
        return []
    flags: set[str] = set()
    if data.void_of is None and _says_no_account(data):
        flags.add("VALUE_UNKNOWN")
    plan = _delivered_plan(ctx, data, returns, settings, flags)
    if not plan:
        return sorted(flags)
    at = ctx.clock.now()
    with ctx.uow.pipeline() as pipe:
        cursor = ask_value(pipe, ctx, plan, sale_id=data.id, day=data.business_date)
    moved = {} if cursor is None else moved_from(cursor)
    note_seals(ctx, moved)
    captured = {each for found in moved.values() for each in found.captured}
    for each in plan.moves:
        found = moved[each.account_id]
        if each.amount < 0 and each.by_line is None:
            over = found.expires_on is not None and found.expires_on < data.business_date
            if found.is_short or found.state != "active" or over:
                flags.add("VALUE_SHORT")
        if data.kind == "sale" and each.payment_seq is not None and each.authorisation_id not in captured:
            drawn = -each.amount
            if not draw_allotment(ctx, data.register_id, found.kind, drawn, at):
                flags.add("ALLOTMENT_EXCEEDED")
    return sorted(flags)


def _delivered_plan(
    ctx: Context, data: DeliverSale, returns: Sequence[ReturnedLine], settings: Mapping[str, Any], flags: set[str]
) -> ValuePart:
    """Return what a till's record does to value; payments of accounts that are not here are left out and flagged."""
    if data.void_of is not None:
        return plan_void(ctx, None, data.void_of, forced=True)
    ids = {each.account_id for each in data.payments if each.account_id is not None}
    sold = {
        line.details.account_id
        for line in data.lines
        if line.kind in VALUE_KINDS and line.details is not None and line.details.account_id is not None
    }
    found = finding.find(ctx, ids=ids | sold, customer_id=data.customer_id, is_strict=False)
    for line in data.lines:
        card = None if line.details is None else line.details.account_id
        if line.kind == "gift_card" and card is not None and card not in found.by_id and line.total > 0:
            # Sold at the till while it could not ask: the card begins with this record.
            found.new_card(ctx, card, None)
    known = found.by_id
    if (ids | sold) - known.keys():
        flags.add("VALUE_UNKNOWN")
    entry = Priced(
        lines=[line if _is_known(line, known) else msgspec.structs.replace(line, total=0) for line in data.lines],
        taxes=[],
        payments=[
            each if each.account_id in known else msgspec.structs.replace(each, account_id=None)
            for each in data.payments
        ],
        quantities=[],
        base=data.base,
        tax=data.tax,
        rounding=data.rounding,
        total=data.total,
        value=data.value,
    )
    if not returns:
        if rule_of(settings) is None and any(each.kind == "points" for each in entry.payments):
            flags.add("VALUE_UNKNOWN")
            entry.payments[:] = [
                msgspec.structs.replace(each, account_id=None) if each.kind == "points" else each
                for each in entry.payments
            ]
        return plan_sale(ctx, settings, entry, found, forced=True)
    sale = queries.read_sale(ctx.uow, ctx.tenant_id, returns[0].of_sale_id)
    if sale is None:
        return ValuePart()
    return plan_refund(wallet_of(ctx, settings, sale, ()), sale, entry, returns, forced=True)


def _says_no_account(data: DeliverSale) -> bool:
    """Tell whether value pays or is sold without a word of whose it is."""
    return any(each.kind in VALUE_KINDS and each.account_id is None for each in data.payments) or any(
        line.kind in VALUE_KINDS and (line.details is None or line.details.account_id is None) for line in data.lines
    )


def _is_known(line: SaleLine, known: Collection[UUID]) -> bool:
    """Tell whether what a line sells value onto is here; goods always are."""
    return line.kind not in VALUE_KINDS or (line.details is not None and line.details.account_id in known)
