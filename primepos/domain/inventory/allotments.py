"""Goods that one till may sell and nobody else, so that *block* holds while it is offline.

A level knows how much of it is allotted; a till gets more only where the level has that much left beside. Whoever
changes an allotment holds the lock of its level first, so a register's allotments and the level's sum move together.
A till's delivered sale draws on what it holds; what it sold beyond is flagged like any sale below zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.inventory import ledger
from primepos.domain.inventory.errors import NotAllotted, NotEnoughToAllot
from primepos.domain.inventory.queries import outlets_of
from primepos.domain.inventory.schemas import AllotmentPage, AllotmentRow, Allotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.inventory.schemas import ListAllotments

_NONE: Final = Decimal(0)
_RESERVE: Final = """
    UPDATE stock_levels l SET allotted = l.allotted + x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
     WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s AND l.product_id = x.product_id
       AND l.quantity - l.allotted >= x.quantity
    RETURNING l.product_id
"""
_GIVE: Final = """
    INSERT INTO stock_allotments AS a (tenant_id, register_id, product_id, outlet_id, quantity)
    SELECT %(tenant)s, %(register)s, x.product_id, %(outlet)s, x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity) ORDER BY x.product_id
    ON CONFLICT (tenant_id, register_id, product_id) DO UPDATE SET quantity = a.quantity + EXCLUDED.quantity
"""
_TAKE: Final = """
    UPDATE stock_allotments a SET quantity = a.quantity - x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
     WHERE a.tenant_id = %(tenant)s AND a.register_id = %(register)s AND a.product_id = x.product_id
       AND a.quantity >= x.quantity
    RETURNING a.product_id
"""
_FREE: Final = """
    UPDATE stock_levels l SET allotted = l.allotted - x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
     WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s AND l.product_id = x.product_id
"""
# A statement of its own after the sale's, so that it sees what was held when the locks were had.
_DRAW: Final = """
    WITH held AS (
        SELECT a.product_id, least(a.quantity, x.quantity) AS drawn
          FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
          JOIN stock_allotments a ON a.tenant_id = %(tenant)s AND a.register_id = %(register)s
                                 AND a.product_id = x.product_id AND a.quantity > 0
    ), taken AS (
        UPDATE stock_allotments a SET quantity = a.quantity - held.drawn FROM held
         WHERE a.tenant_id = %(tenant)s AND a.register_id = %(register)s AND a.product_id = held.product_id
    )
    UPDATE stock_levels l SET allotted = l.allotted - held.drawn FROM held
     WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s AND l.product_id = held.product_id
"""
_HELD: Final = (
    "SELECT product_id, quantity FROM stock_allotments WHERE tenant_id = %s AND register_id = %s AND quantity > 0"
)
_ROWS: Final = """
    SELECT a.register_id, r.prefix AS register, a.product_id, p.sku, p.name, a.quantity AS allotted,
           l.quantity - l.allotted AS free
      FROM stock_allotments a
      JOIN registers r ON r.tenant_id = a.tenant_id AND r.id = a.register_id
      JOIN products p ON p.tenant_id = a.tenant_id AND p.id = a.product_id
      JOIN stock_levels l ON l.tenant_id = a.tenant_id AND l.outlet_id = a.outlet_id AND l.product_id = a.product_id
     WHERE a.tenant_id = %(tenant)s
"""
_OF_REGISTER: Final = f"{_ROWS} AND a.register_id = %(register)s AND a.product_id = ANY(%(products)s) ORDER BY p.sku"
_LIST: Final = f"""{_ROWS} AND a.quantity > 0
       AND (%(register)s::uuid IS NULL OR a.register_id = %(register)s::uuid)
       AND (%(outlets)s::uuid[] IS NULL OR a.outlet_id = ANY(%(outlets)s))
       AND (%(after)s::text IS NULL OR (r.prefix, p.sku) > (%(after)s::text, %(sku)s::text))
     ORDER BY r.prefix, p.sku LIMIT %(limit)s
"""


def give(ctx: Context, outlet_id: UUID, register_id: UUID, quantities: Mapping[UUID, Decimal]) -> Allotted:
    """Let a register sell so many more; all products or none. Raises: :class:`NotEnoughToAllot`."""
    values = _values(ctx, outlet_id, register_id, quantities)
    ledger.lock_levels(ctx, outlet_id, quantities)
    done = {row["product_id"] for row in ctx.uow.rows(_RESERVE, values)}
    if done != set(quantities):
        raise NotEnoughToAllot(products=ledger.skus(ctx, set(quantities) - done))
    ctx.uow.run(_GIVE, values)
    return _held(ctx, outlet_id, register_id, list(quantities))


def take_back(ctx: Context, outlet_id: UUID, register_id: UUID, quantities: Mapping[UUID, Decimal]) -> Allotted:
    """Take back so much of what a register holds, or all of it where nothing is named. Raises: :class:`NotAllotted`."""
    every = not quantities
    if every:
        quantities = _now(ctx, register_id)
    ledger.lock_levels(ctx, outlet_id, quantities)
    if every:
        # It may have sold some since; now that the levels are locked it cannot.
        now = _now(ctx, register_id)
        quantities = {each: now.get(each, _NONE) for each in quantities}
    values = _values(ctx, outlet_id, register_id, quantities)
    done = {row["product_id"] for row in ctx.uow.rows(_TAKE, values)}
    if done != set(quantities):
        raise NotAllotted(products=ledger.skus(ctx, set(quantities) - done))
    ctx.uow.run(_FREE, values)
    return _held(ctx, outlet_id, register_id, list(quantities))


def list_allotments(ctx: Context, data: ListAllotments) -> AllotmentPage:
    """Return a page of what registers hold, by register and SKU."""
    after, sku = (None, None) if data.after is None else decode_cursor(data.after, str, str)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "register": data.register_id,
        "outlets": outlets_of(ctx, None),
        "after": after,
        "sku": sku,
        "limit": data.limit + 1,
    }
    found = [AllotmentRow(**row) for row in ctx.uow.rows(_LIST, values)]
    page = found[: data.limit]
    end = encode_cursor(page[-1].register, page[-1].sku) if len(found) > data.limit else None
    return AllotmentPage(items=page, next=end)


def _now(ctx: Context, register_id: UUID) -> dict[UUID, Decimal]:
    return {row["product_id"]: row["quantity"] for row in ctx.uow.rows(_HELD, (ctx.tenant_id, register_id))}


def _held(ctx: Context, outlet_id: UUID, register_id: UUID, products: list[UUID]) -> Allotted:
    values = {"tenant": ctx.tenant_id, "register": register_id, "products": products}
    found = [AllotmentRow(**row) for row in ctx.uow.rows(_OF_REGISTER, values)]
    return Allotted(outlet_id=outlet_id, register_id=register_id, items=found)


def _values(ctx: Context, outlet_id: UUID, register_id: UUID, quantities: Mapping[UUID, Decimal]) -> dict[str, Any]:
    products = sorted(quantities)
    return {
        "tenant": ctx.tenant_id,
        "outlet": outlet_id,
        "register": register_id,
        "products": products,
        "quantities": [quantities[each] for each in products],
    }


def draw(ctx: Context, outlet_id: UUID, register_id: UUID, sold: Iterable[tuple[int, UUID, Decimal]]) -> None:
    """Let a till's delivered sale use up what the till holds of its goods; the sale has their levels locked.

    ``sold`` are line numbers, products and quantities; what comes back is anybody's.
    """
    sums: dict[UUID, Decimal] = {}
    for _, product, quantity in sold:
        sums[product] = sums.get(product, _NONE) + quantity
    values = _values(ctx, outlet_id, register_id, {each: by for each, by in sums.items() if by > 0})
    ctx.uow.run(_DRAW, values)
