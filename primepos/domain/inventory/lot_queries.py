"""Lots as people see them. Statements name their tenant; row-level security stands behind that."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.lot_errors import LotNotFound
from primepos.domain.inventory.lot_schemas import (
    ComponentStock,
    KitAvailability,
    ListLots,
    LotPage,
    LotRow,
    LotStepRow,
    LotTrace,
    TraceLot,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from primepos.core.context import Context

# A lot without a day of expiry comes after those that have one.
_FOREVER: Final = date(9999, 12, 31)
_LOTS: Final = """
    SELECT l.outlet_id, o.code AS outlet, l.product_id, p.sku, p.name, l.lot, l.is_serial, l.expires_on,
           coalesce(l.expires_on < %(today)s::date, false) AS is_expired, l.quantity, l.received_at
      FROM stock_lots l
      JOIN outlets o ON o.tenant_id = l.tenant_id AND o.id = l.outlet_id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %(tenant)s AND (%(gone)s OR l.quantity > 0)
       AND (%(outlets)s::uuid[] IS NULL OR l.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(product)s::uuid IS NULL OR l.product_id = %(product)s::uuid)
       AND (%(by)s::date IS NULL OR l.expires_on <= %(by)s::date)
       AND (%(expires)s::date IS NULL
            OR (coalesce(l.expires_on, %(forever)s::date), l.received_at, l.product_id, l.outlet_id, l.lot)
               > (%(expires)s::date, %(received)s::timestamptz, %(after_product)s::uuid, %(after_outlet)s::uuid,
                  %(after_lot)s::text))
     ORDER BY coalesce(l.expires_on, %(forever)s::date), l.received_at, l.product_id, l.outlet_id, l.lot
     LIMIT %(limit)s
"""
# Sales are a feature above this one; what a movement names is read, nothing of it is decided here.
_TRACE: Final = """
    SELECT m.id, m.at, o.code AS outlet, m.kind, m.quantity, m.sale_id, s.receipt, c.id AS customer_id,
           c.name AS customer, m.reason, m.actor_name
      FROM lot_movements m
      JOIN outlets o ON o.tenant_id = m.tenant_id AND o.id = m.outlet_id
      LEFT JOIN sales s ON s.tenant_id = m.tenant_id AND s.id = m.sale_id
      LEFT JOIN customers b ON b.tenant_id = s.tenant_id AND b.id = s.customer_id
      LEFT JOIN customers c ON c.tenant_id = b.tenant_id AND c.id = coalesce(b.merged_into, b.id)
     WHERE m.tenant_id = %(tenant)s AND m.product_id = %(product)s AND m.lot = %(lot)s
       AND (%(outlets)s::uuid[] IS NULL OR m.outlet_id = ANY(%(outlets)s::uuid[]))
       AND (%(id)s::bigint IS NULL OR m.id > %(id)s::bigint)
     ORDER BY m.id LIMIT %(limit)s
"""
_PARTS: Final = """
    SELECT k.sku AS kit, k.kind, m.id AS product_id, m.sku, c.quantity, m.track_stock,
           coalesce(l.quantity, 0) AS in_stock
      FROM products k
      LEFT JOIN kit_components c ON c.tenant_id = k.tenant_id AND c.kit_id = k.id
      LEFT JOIN products m ON m.tenant_id = c.tenant_id AND m.id = c.component_id
      LEFT JOIN stock_levels l ON l.tenant_id = m.tenant_id AND l.product_id = m.id AND l.outlet_id = %(outlet)s
     WHERE k.tenant_id = %(tenant)s AND k.id = %(product)s ORDER BY c.position
"""


def list_lots(ctx: Context, data: ListLots, today: date) -> LotPage:
    """Return a page of lots in the outlets the identity works in, the first to expire first."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "today": today,
        "gone": data.gone,
        "outlets": _outlets(ctx, data.outlet_id),
        "product": data.product_id,
        "by": data.expires_by,
        "forever": _FOREVER,
        "expires": None,
        "received": None,
        "after_product": None,
        "after_outlet": None,
        "after_lot": None,
        "limit": data.limit + 1,
    }
    if data.after is not None:
        names = ("expires", "received", "after_product", "after_outlet", "after_lot")
        values |= zip(names, decode_cursor(data.after, date, datetime, str, str, str), strict=True)
    found = [LotRow(**row) for row in ctx.uow.rows(_LOTS, values)]
    page = found[: data.limit]
    if len(found) <= data.limit:
        return LotPage(items=page, next=None)
    end = page[-1]
    mark = encode_cursor(end.expires_on or _FOREVER, end.received_at, end.product_id, end.outlet_id, end.lot)
    return LotPage(items=page, next=mark)


def trace_lot(ctx: Context, data: TraceLot) -> LotTrace:
    """Return a page of what moved a lot, oldest first. Raises: :class:`LotNotFound`."""
    values = {
        "tenant": ctx.tenant_id,
        "product": data.product_id,
        "lot": data.lot,
        "outlets": _outlets(ctx, None),
        "id": None if data.after is None else decode_cursor(data.after, int)[0],
        "limit": data.limit + 1,
    }
    found = [LotStepRow(**row) for row in ctx.uow.rows(_TRACE, values)]
    if not found and data.after is None:
        raise LotNotFound(lot=data.lot, sku=str(data.product_id))
    page = found[: data.limit]
    mark = encode_cursor(page[-1].id) if len(found) > data.limit else None
    return LotTrace(product_id=data.product_id, lot=data.lot, items=page, next=mark)


def kit_availability(ctx: Context, outlet_id: UUID, product_id: UUID) -> KitAvailability:
    """Return how many of a kit an outlet can make: as many as the scarcest component is enough for.

    Raises: :class:`ProductNotFound` for what is no kit.
    """
    found = ctx.uow.rows(_PARTS, {"tenant": ctx.tenant_id, "outlet": outlet_id, "product": product_id})
    if not found or found[0]["kind"] != "kit":
        raise ProductNotFound(product=str(product_id))
    parts = [
        ComponentStock(
            product_id=row["product_id"],
            sku=row["sku"],
            quantity=row["quantity"],
            in_stock=row["in_stock"],
            enough_for=max(0, int(row["in_stock"] // row["quantity"])),
        )
        for row in found
        if row["track_stock"]
    ]
    available = min((each.enough_for for each in parts), default=None)
    return KitAvailability(product_id=product_id, sku=found[0]["kit"], available=available, components=parts)


def tracked_by(ctx: Context, products: Collection[UUID]) -> dict[UUID, tuple[str, str, bool]]:
    """Return SKU, kind of tracking and whether stock is counted, by product. Raises: :class:`ProductNotFound`."""
    found = ctx.uow.rows(
        "SELECT id, sku, tracking, track_stock FROM products WHERE tenant_id = %s AND id = ANY(%s)",
        (ctx.tenant_id, list(products)),
    )
    missing = set(products) - {row["id"] for row in found}
    if missing:
        raise ProductNotFound(product=str(min(missing)))
    return {row["id"]: (row["sku"], row["tracking"], row["track_stock"]) for row in found}


def _outlets(ctx: Context, outlet_id: UUID | None) -> list[UUID] | None:
    """Return the outlets to look into; None is all. The one asked for has been checked."""
    if outlet_id is not None:
        return [outlet_id]
    return None if ctx.identity.outlet_ids is None else list(ctx.identity.outlet_ids)
