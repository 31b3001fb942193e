"""Levels and movements as people see them. Statements name their tenant; row-level security stands behind that."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.errors import OpeningExists, StockNotTracked
from primepos.domain.inventory.schemas import (
    LevelPage,
    LevelRow,
    ListLevels,
    ListMovements,
    MovementPage,
    MovementRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from primepos.core.context import Context

_LEVELS: Final = """
    SELECT l.outlet_id, o.code AS outlet, l.product_id, p.sku, p.name, l.quantity
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
    SELECT m.id, m.outlet_id, m.product_id, m.at, m.kind, m.quantity, m.sale_id, m.line_no, m.reason, m.actor_name
      FROM stock_movements m
     WHERE m.tenant_id = %(tenant)s AND m.product_id = %(product)s
       AND (%(outlets)s::uuid[] IS NULL OR m.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(id)s::bigint IS NULL OR (m.at, m.id) < (%(at)s::timestamptz, %(id)s::bigint))
     ORDER BY m.at DESC, m.id DESC LIMIT %(limit)s
"""


def list_levels(ctx: Context, data: ListLevels) -> LevelPage:
    """Return a page of the levels in the outlets the identity works in, the lowest first.

    Raises: ``PRODUCT_NOT_FOUND``.
    """
    if data.product_id is not None:
        known_products(ctx, [data.product_id])
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlets": _outlets(ctx, data.outlet_id),
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
        "outlets": _outlets(ctx, data.outlet_id),
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


def _outlets(ctx: Context, outlet_id: UUID | None) -> list[UUID] | None:
    """Return the outlets to look into; None is all. The one asked for has been checked."""
    if outlet_id is not None:
        return [outlet_id]
    return None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
