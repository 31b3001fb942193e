"""What a till's record takes back and moves, worked out from what the server knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.domain.sales import queries
from primepos.domain.sales.chain import THOUSANDTH
from primepos.domain.sales.errors import BrokenSale, SaleNotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context
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


def products_of(line: SaleLine) -> list[UUID]:
    """Return the products that a line names: its own and those that a kit is made of."""
    own = [] if line.product_id is None else [line.product_id]
    return own if line.details is None else own + [each.product_id for each in line.details.components]


def delivered_goods(data: DeliverSale, tracked: Collection[UUID]) -> list[tuple[int, UUID, Decimal]]:
    """Return the tracked goods that each line moved: of a pack its pieces, of a kit its components."""
    found = []
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
