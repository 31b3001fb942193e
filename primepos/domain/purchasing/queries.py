"""Suppliers, what they sell, and what to order. Statements name their tenant; row-level security stands behind that."""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.ids import new_id
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.inventory.queries import outlets_of
from primepos.domain.inventory.rules import LOW
from primepos.domain.purchasing.errors import SupplierNotFound
from primepos.domain.purchasing.schemas import (
    SuggestionPage,
    SuggestionRow,
    SupplierItemPage,
    SupplierItemRow,
    SupplierOut,
    SupplierPage,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.purchasing.schemas import (
        CreateSupplier,
        ListSupplierItems,
        ListSuppliers,
        SetSupplierItem,
        SuggestOrders,
    )

_COLUMNS: Final = "id, code, name, email, phone, note, lead_days, archived_at"
_ADD: Final = f"""
    INSERT INTO suppliers (tenant_id, id, code, name, email, phone, note, lead_days)
    VALUES (%(tenant)s, %(id)s, %(code)s, %(name)s, %(email)s, %(phone)s, %(note)s, %(lead_days)s)
    RETURNING {_COLUMNS}
"""
_FIND: Final = f"SELECT {_COLUMNS} FROM suppliers WHERE tenant_id = %s AND id = %s"
_CHANGE: Final = f"""
    UPDATE suppliers
       SET name = %(name)s, email = %(email)s, phone = %(phone)s, note = %(note)s, lead_days = %(lead_days)s,
           archived_at = %(archived_at)s, updated_at = now()
     WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING {_COLUMNS}
"""
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM suppliers
     WHERE tenant_id = %(tenant)s AND (archived_at IS NOT NULL) = %(archived)s
       AND (%(after)s::text IS NULL OR code > %(after)s::text)
     ORDER BY code LIMIT %(limit)s
"""
_SET_ITEM: Final = """
    INSERT INTO supplier_items (tenant_id, supplier_id, product_id, supplier_sku, pack_size, cost, lead_days)
    VALUES (%(tenant)s, %(supplier)s, %(product)s, %(sku)s, %(pack_size)s, %(cost)s, %(lead_days)s)
    ON CONFLICT (tenant_id, supplier_id, product_id) DO UPDATE
       SET supplier_sku = EXCLUDED.supplier_sku, pack_size = EXCLUDED.pack_size, cost = EXCLUDED.cost,
           lead_days = EXCLUDED.lead_days
"""
_ITEMS: Final = """
    SELECT i.supplier_id, s.code AS supplier, i.product_id, p.sku, p.name, i.supplier_sku, i.pack_size, i.cost,
           coalesce(i.lead_days, s.lead_days) AS lead_days
      FROM supplier_items i
      JOIN suppliers s ON s.tenant_id = i.tenant_id AND s.id = i.supplier_id
      JOIN products p ON p.tenant_id = i.tenant_id AND p.id = i.product_id
     WHERE i.tenant_id = %(tenant)s
       AND (%(supplier)s::uuid IS NULL OR i.supplier_id = %(supplier)s::uuid)
       AND (%(products)s::uuid[] IS NULL OR i.product_id = ANY(%(products)s::uuid[]))
       AND (%(sku)s::text IS NULL OR (p.sku, s.code) > (%(sku)s::text, %(code)s::text))
     ORDER BY p.sku, s.code LIMIT %(limit)s
"""
# Who sells it for least a base unit; what is not received of orders that are still going counts as coming.
_SUGGEST: Final = f"""
    SELECT low.outlet_id, low.outlet, low.product_id, low.sku, low.name, low.quantity, low.minimum, low.target,
           low.in_transit, coming.quantity AS on_order, best.supplier_id, best.supplier, best.pack_size, best.cost,
           ceil(lack.quantity / coalesce(best.pack_size, 0.001)) * coalesce(best.pack_size, 0.001) AS suggested
      FROM ({LOW}) low
      CROSS JOIN LATERAL (
          SELECT coalesce(sum(greatest(n.quantity - n.cancelled - n.received, 0)), 0) AS quantity
            FROM purchase_order_lines n
            JOIN purchase_orders o ON o.tenant_id = n.tenant_id AND o.id = n.order_id
             AND o.outlet_id = low.outlet_id AND o.state NOT IN ('closed', 'cancelled')
           WHERE n.tenant_id = %(tenant)s AND n.product_id = low.product_id) coming
      CROSS JOIN LATERAL (SELECT low.target - low.quantity - low.in_transit - coming.quantity AS quantity) lack
      LEFT JOIN LATERAL (
          SELECT i.supplier_id, s.code AS supplier, i.pack_size, i.cost FROM supplier_items i
            JOIN suppliers s ON s.tenant_id = i.tenant_id AND s.id = i.supplier_id AND s.archived_at IS NULL
           WHERE i.tenant_id = %(tenant)s AND i.product_id = low.product_id
             AND (%(supplier)s::uuid IS NULL OR i.supplier_id = %(supplier)s::uuid)
           ORDER BY i.cost / i.pack_size, s.code LIMIT 1) best ON true
     WHERE lack.quantity > 0 AND (%(supplier)s::uuid IS NULL OR best.supplier_id IS NOT NULL)
       AND (%(outlet)s::text IS NULL OR (low.outlet, low.sku) > (%(outlet)s::text, %(sku)s::text))
     ORDER BY low.outlet, low.sku LIMIT %(limit)s
"""


def add_supplier(ctx: Context, data: CreateSupplier) -> SupplierOut:
    """Add a supplier. Raises: ``DUPLICATE_SUPPLIER``."""
    values = {
        "tenant": ctx.tenant_id,
        "id": new_id(),
        "code": data.code,
        "name": data.name,
        "email": data.email,
        "phone": data.phone,
        "note": data.note,
        "lead_days": data.lead_days,
    }
    return SupplierOut(**ctx.uow.rows(_ADD, values)[0])


def find_supplier(ctx: Context, supplier_id: UUID, *, lock: bool = False) -> SupplierOut:
    """Return a supplier, locked against changes if asked. Raises: ``SUPPLIER_NOT_FOUND``."""
    found = ctx.uow.rows(f"{_FIND} FOR UPDATE" if lock else _FIND, (ctx.tenant_id, supplier_id))
    if not found:
        raise SupplierNotFound
    return SupplierOut(**found[0])


def change_supplier(ctx: Context, supplier: SupplierOut, changes: Mapping[str, Any]) -> SupplierOut:
    """Change what ``changes`` names of a supplier that is locked."""
    fields = ("name", "email", "phone", "note", "lead_days", "archived_at")
    values = {name: changes.get(name, getattr(supplier, name)) for name in fields}
    return SupplierOut(**ctx.uow.rows(_CHANGE, {"tenant": ctx.tenant_id, "id": supplier.id, **values})[0])


def list_suppliers(ctx: Context, data: ListSuppliers) -> SupplierPage:
    """Return a page of suppliers by code."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "archived": data.archived,
        "after": None if data.after is None else decode_cursor(data.after, str)[0],
        "limit": data.limit + 1,
    }
    found = [SupplierOut(**row) for row in ctx.uow.rows(_LIST, values)]
    page = found[: data.limit]
    return SupplierPage(items=page, next=encode_cursor(page[-1].code) if len(found) > data.limit else None)


def set_item(ctx: Context, data: SetSupplierItem) -> SupplierItemRow:
    """Make a supplier's item be as given."""
    values = {
        "tenant": ctx.tenant_id,
        "supplier": data.supplier_id,
        "product": data.product_id,
        "sku": data.supplier_sku,
        "pack_size": data.pack_size,
        "cost": data.cost,
        "lead_days": data.lead_days,
    }
    ctx.uow.run(_SET_ITEM, values)
    return items_of(ctx, data.supplier_id, [data.product_id])[0]


def remove_item(ctx: Context, supplier_id: UUID, product_id: UUID) -> None:
    """Take a product off a supplier's list; again changes nothing."""
    ctx.uow.run(
        "DELETE FROM supplier_items WHERE tenant_id = %s AND supplier_id = %s AND product_id = %s",
        (ctx.tenant_id, supplier_id, product_id),
    )


def items_of(ctx: Context, supplier_id: UUID, products: Collection[UUID]) -> list[SupplierItemRow]:
    """Return how a supplier sells these products, those it sells."""
    values = {
        "tenant": ctx.tenant_id,
        "supplier": supplier_id,
        "products": list(products),
        "sku": None,
        "code": None,
        "limit": len(products),
    }
    return [SupplierItemRow(**row) for row in ctx.uow.rows(_ITEMS, values)]


def list_items(ctx: Context, data: ListSupplierItems) -> SupplierItemPage:
    """Return a page of what suppliers sell, by SKU and supplier."""
    sku, code = (None, None) if data.after is None else decode_cursor(data.after, str, str)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "supplier": data.supplier_id,
        "products": None if data.product_id is None else [data.product_id],
        "sku": sku,
        "code": code,
        "limit": data.limit + 1,
    }
    found = [SupplierItemRow(**row) for row in ctx.uow.rows(_ITEMS, values)]
    page = found[: data.limit]
    end = encode_cursor(page[-1].sku, page[-1].supplier) if len(found) > data.limit else None
    return SupplierItemPage(items=page, next=end)


def suggest(ctx: Context, data: SuggestOrders) -> SuggestionPage:
    """Return a page of what to order, by outlet and SKU."""
    outlet, sku = (None, None) if data.after is None else decode_cursor(data.after, str, str)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "supplier": data.supplier_id,
        "outlet": outlet,
        "sku": sku,
        "limit": data.limit + 1,
    }
    found = [SuggestionRow(**row) for row in ctx.uow.rows(_SUGGEST, values)]
    page = found[: data.limit]
    end = encode_cursor(page[-1].outlet, page[-1].sku) if len(found) > data.limit else None
    return SuggestionPage(items=page, next=end)
