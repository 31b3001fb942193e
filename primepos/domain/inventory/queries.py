"""Levels and movements as people see them. Statements name their tenant; row-level security stands behind that."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.inventory.errors import OpeningExists, StockNotTracked
from primepos.domain.inventory.schemas import (
    CostPage,
    CostRow,
    ExplainedMovement,
    ExplainStock,
    LevelPage,
    LevelRow,
    ListCosts,
    ListLevels,
    ListMovements,
    MovementPage,
    MovementRow,
    StockExplained,
)
from primepos.domain.outlets.errors import OutletNotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from primepos.core.context import Context

_LEVELS: Final = """
    SELECT l.outlet_id, o.code AS outlet, l.product_id, p.sku, p.name, l.quantity, l.allotted
      FROM stock_levels l
      JOIN outlets o ON o.tenant_id = l.tenant_id AND o.id = l.outlet_id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %(tenant)s AND p.track_stock
       AND (%(outlets)s::uuid[] IS NULL OR l.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(product)s::uuid IS NULL OR l.product_id = %(product)s::uuid)
       AND (%(at_most)s::numeric IS NULL OR l.quantity <= %(at_most)s::numeric)
       AND (%(quantity)s::numeric IS NULL
            OR (l.quantity, l.product_id, l.outlet_id)
               > (%(quantity)s::numeric, %(after_product)s::uuid, %(after_outlet)s::uuid))
     ORDER BY l.quantity, l.product_id, l.outlet_id LIMIT %(limit)s
"""
_MOVEMENTS: Final = """
    SELECT m.id, m.outlet_id, m.product_id, m.at, m.kind, m.quantity, m.sale_id, m.line_no, m.reason,
           m.reason_code, m.document_id, m.actor_name
      FROM stock_movements m
     WHERE m.tenant_id = %(tenant)s AND m.product_id = %(product)s
       AND (%(outlets)s::uuid[] IS NULL OR m.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(id)s::bigint IS NULL OR (m.at, m.id) < (%(at)s::timestamptz, %(id)s::bigint))
     ORDER BY m.at DESC, m.id DESC LIMIT %(limit)s
"""

# What is worth nothing because nothing is there, or less, has no value.
_COSTS: Final = """
    SELECT l.outlet_id, o.code AS outlet, l.product_id, p.sku, p.name, l.quantity, l.average_cost,
           round(greatest(l.quantity, 0) * l.average_cost)::bigint AS value
      FROM stock_levels l
      JOIN outlets o ON o.tenant_id = l.tenant_id AND o.id = l.outlet_id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %(tenant)s AND p.track_stock
       AND (%(outlets)s::uuid[] IS NULL OR l.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(products)s::uuid[] IS NULL OR l.product_id = ANY(%(products)s::uuid[]))
       AND (%(sku)s::text IS NULL OR (p.sku, l.outlet_id) > (%(sku)s::text, %(after_outlet)s::uuid))
     ORDER BY p.sku, l.outlet_id LIMIT %(limit)s
"""
# One statement, so that no sale falls between the level and its movements. In the order of the numbers, which is the
# order in which the level's lock was had. A receipt's text is sales' own, named here for people.
_EXPLAINED: Final = """
    WITH level AS (
        SELECT p.tenant_id, p.id AS product_id, p.sku, p.name, coalesce(l.quantity, 0) AS level,
               coalesce(l.allotted, 0) AS allotted,
               (SELECT coalesce(sum(n.shipped - n.received - n.damaged - n.lost - n.back), 0)
                  FROM stock_transfer_lines n
                  JOIN stock_transfers t ON t.tenant_id = n.tenant_id AND t.id = n.transfer_id
                                        AND t.state = 'in_transit'
                 WHERE n.tenant_id = p.tenant_id AND n.product_id = p.id
                   AND t.to_outlet_id = %(outlet)s) AS in_transit
          FROM products p
          LEFT JOIN stock_levels l ON l.tenant_id = p.tenant_id AND l.product_id = p.id
                                  AND l.outlet_id = %(outlet)s
         WHERE p.tenant_id = %(tenant)s AND p.id = %(product)s
    ), moved AS (
        SELECT m.*, sum(m.quantity) OVER (ORDER BY m.id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
          FROM stock_movements m
         WHERE m.tenant_id = %(tenant)s AND m.product_id = %(product)s AND m.outlet_id = %(outlet)s
         ORDER BY m.id DESC LIMIT %(limit)s
    )
    SELECT level.sku, level.name, level.level, level.allotted, level.in_transit,
           m.id, m.at, m.kind, m.quantity, m.running,
           coalesce(s.receipt, 'transfer ' || t.number, 'count ' || c.number, 'return ' || b.number,
                    'order ' || po.number) AS document,
           coalesce(m.document_id, m.sale_id) AS document_id, m.reason_code, m.reason, m.actor_name
      FROM level
      LEFT JOIN moved m ON true
      LEFT JOIN sales s ON s.tenant_id = level.tenant_id AND s.id = m.sale_id
      LEFT JOIN stock_transfers t ON t.tenant_id = level.tenant_id AND t.id = m.document_id
      LEFT JOIN stock_counts c ON c.tenant_id = level.tenant_id AND c.id = m.document_id
      LEFT JOIN supplier_returns b ON b.tenant_id = level.tenant_id AND b.id = m.document_id
      LEFT JOIN purchase_receipts r ON r.tenant_id = level.tenant_id AND r.id = m.document_id
      LEFT JOIN purchase_orders po ON po.tenant_id = level.tenant_id AND po.id = r.order_id
     ORDER BY m.id
"""


def list_levels(ctx: Context, data: ListLevels) -> LevelPage:
    """Return a page of the levels in the outlets the identity works in, the lowest first.

    Raises: ``PRODUCT_NOT_FOUND``.
    """
    if data.product_id is not None:
        known_products(ctx, [data.product_id])
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "product": data.product_id,
        "at_most": data.at_most,
        "quantity": None,
        "after_product": None,
        "after_outlet": None,
        "limit": data.limit + 1,
    }
    if data.after is not None:
        keys = decode_cursor(data.after, Decimal, str, str)
        values["quantity"], values["after_product"], values["after_outlet"] = keys
    found = [LevelRow(**row) for row in ctx.uow.rows(_LEVELS, values)]
    page = found[: data.limit]
    if len(found) <= data.limit:
        return LevelPage(items=page, next=None)
    end = page[-1]
    return LevelPage(items=page, next=encode_cursor(end.quantity, end.product_id, end.outlet_id))


def list_movements(ctx: Context, data: ListMovements) -> MovementPage:
    """Return a page of a product's movements in the outlets the identity works in, newest first.

    Raises: ``PRODUCT_NOT_FOUND``.
    """
    known_products(ctx, [data.product_id])
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "product": data.product_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "at": None,
        "id": None,
        "limit": data.limit + 1,
    }
    if data.after is not None:
        values["at"], values["id"] = decode_cursor(data.after, datetime, int)
    found = [MovementRow(**row) for row in ctx.uow.rows(_MOVEMENTS, values)]
    page = found[: data.limit]
    if len(found) <= data.limit:
        return MovementPage(items=page, next=None)
    return MovementPage(items=page, next=encode_cursor(page[-1].at, page[-1].id))


def list_costs(ctx: Context, data: ListCosts) -> CostPage:
    """Return a page of what stock is worth in the outlets the identity works in, by SKU."""
    sku, outlet = (None, None) if data.after is None else decode_cursor(data.after, str, str)
    products = None if data.product_id is None else [data.product_id]
    found = costs_of(ctx, outlets_of(ctx, data.outlet_id), products, sku=sku, after_outlet=outlet, limit=data.limit + 1)
    page = found[: data.limit]
    if len(found) <= data.limit:
        return CostPage(items=page, next=None)
    return CostPage(items=page, next=encode_cursor(page[-1].sku, page[-1].outlet_id))


def costs_of(
    ctx: Context,
    outlets: list[UUID] | None,
    products: list[UUID] | None,
    *,
    sku: str | None = None,
    after_outlet: str | None = None,
    limit: int = 500,
) -> list[CostRow]:
    """Return what these products are worth in these outlets, by SKU; None is all."""
    values = {
        "tenant": ctx.tenant_id,
        "outlets": outlets,
        "products": products,
        "sku": sku,
        "after_outlet": after_outlet,
        "limit": limit,
    }
    return [CostRow(**row) for row in ctx.uow.rows(_COSTS, values)]


def explain(ctx: Context, data: ExplainStock) -> StockExplained:
    """Return how a level came about, the movements oldest first. Raises: ``PRODUCT_NOT_FOUND``."""
    values = {
        "tenant": ctx.tenant_id,
        "product": data.product_id,
        "outlet": data.outlet_id,
        "limit": data.limit,
    }
    found = ctx.uow.rows(_EXPLAINED, values)
    if not found:
        raise ProductNotFound(product=str(data.product_id))
    head = found[0]
    shown = ExplainedMovement.__struct_fields__
    moved = [ExplainedMovement(**{name: row[name] for name in shown}) for row in found if row["id"] is not None]
    opening = moved[0].running - moved[0].quantity if moved else Decimal(0)
    return StockExplained(
        outlet_id=data.outlet_id,
        product_id=data.product_id,
        sku=head["sku"],
        name=head["name"],
        opening=opening,
        movements=moved,
        level=head["level"],
        allotted=head["allotted"],
        in_transit=head["in_transit"],
        holds=(moved[-1].running if moved else opening) == head["level"],
    )


def known_products(ctx: Context, products: Collection[UUID]) -> list[dict[str, Any]]:
    """Return id, SKU and whether stock is tracked of each product. Raises: ``PRODUCT_NOT_FOUND``."""
    found = ctx.uow.rows(
        "SELECT id, sku, track_stock FROM products WHERE tenant_id = %s AND id = ANY(%s) ORDER BY sku",
        (ctx.tenant_id, list(products)),
    )
    missing = set(products) - {row["id"] for row in found}
    if missing:
        raise ProductNotFound(product=str(min(missing)))
    return found


def known_category(ctx: Context, category_id: UUID) -> None:
    """Make sure a category is there. Raises: ``CATEGORY_NOT_FOUND``."""
    if not ctx.uow.rows("SELECT id FROM categories WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, category_id)):
        raise CategoryNotFound(category=str(category_id))


def known_outlet(ctx: Context, outlet_id: UUID) -> None:
    """Make sure an outlet is there, whether or not the caller works in it. Raises: ``OUTLET_NOT_FOUND``."""
    if not ctx.uow.rows("SELECT id FROM outlets WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, outlet_id)):
        raise OutletNotFound


def tracked_products(ctx: Context, products: Collection[UUID]) -> None:
    """Make sure every product is there and its stock is tracked.

    Raises: ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``.
    """
    untracked = [row["sku"] for row in known_products(ctx, products) if not row["track_stock"]]
    if untracked:
        raise StockNotTracked(products=", ".join(untracked))


def never_moved(ctx: Context, outlet_id: UUID, products: Collection[UUID]) -> None:
    """Make sure no product has moved in the outlet; their levels are locked. Raises: ``OPENING_EXISTS``."""
    moved = ctx.uow.rows(
        "SELECT p.sku FROM products p WHERE p.tenant_id = %(tenant)s AND p.id = ANY(%(products)s)"
        " AND EXISTS (SELECT FROM stock_movements m WHERE m.tenant_id = %(tenant)s AND m.product_id = p.id"
        " AND m.outlet_id = %(outlet)s) ORDER BY p.sku",
        {"tenant": ctx.tenant_id, "outlet": outlet_id, "products": list(products)},
    )
    if moved:
        raise OpeningExists(products=", ".join(row["sku"] for row in moved))


def outlets_of(ctx: Context, outlet_id: UUID | None) -> list[UUID] | None:
    """Return the outlets to look into; None is all. The one asked for has been checked."""
    if outlet_id is not None:
        return [outlet_id]
    return None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
