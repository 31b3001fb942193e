"""What a product is sold by and made of: its units, and the components of a kit.

Everybody who writes here holds the catalogue's lock, so what was read under it stays as it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from primepos.domain.catalog.errors import BadComponent, ProductNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.catalog.variant_schemas import ComponentIn, UnitIn

_ADD_UNITS: Final = """
    INSERT INTO product_units (tenant_id, product_id, code, name, factor, unit_price)
    SELECT %(tenant)s, %(product)s, g.code, g.name, g.factor, g.unit_price
      FROM json_to_recordset(%(units)s::json) AS g(code text, name text, factor numeric, unit_price numeric)
"""
_ADD_COMPONENTS: Final = """
    INSERT INTO kit_components (tenant_id, kit_id, component_id, quantity, position)
    SELECT %(tenant)s, %(kit)s, c.component_id, c.quantity, c.position
      FROM json_to_recordset(%(components)s::json) AS c(component_id uuid, quantity numeric, position int)
"""


def put_units(ctx: Context, product_id: UUID, units: Sequence[UnitIn]) -> None:
    """Give a product exactly these units."""
    which = {"tenant": ctx.tenant_id, "product": product_id}
    ctx.uow.run("DELETE FROM product_units WHERE tenant_id = %(tenant)s AND product_id = %(product)s", which)
    rows = [
        {
            "code": each.code,
            "name": each.name or each.code,
            "factor": str(each.factor),
            "unit_price": None if each.unit_price is None else str(each.unit_price),
        }
        for each in units
    ]
    ctx.uow.run(_ADD_UNITS, {**which, "units": msgspec.json.encode(rows).decode()})


def checked_components(ctx: Context, kit_id: UUID, given: Sequence[ComponentIn]) -> dict[UUID, Decimal]:
    """Return product and quantity of each component.

    Raises: :class:`ProductNotFound`; :class:`BadComponent` for a kit, a parent, the kit itself, a product that is
    archived or tracked by lot, or one that stands twice.
    """
    found = ctx.uow.rows(
        "SELECT id, sku, kind, archived_at, tracking FROM products"
        " WHERE tenant_id = %s AND (id = ANY(%s) OR sku = ANY(%s))",
        (
            ctx.tenant_id,
            [each.product_id for each in given if each.product_id is not None],
            [each.sku for each in given if each.sku is not None],
        ),
    )
    by_id = {row["id"]: row for row in found}
    by_sku = {row["sku"]: row for row in found}
    wanted: dict[UUID, Decimal] = {}
    for each in given:
        row = by_id.get(each.product_id) if each.product_id is not None else by_sku.get(each.sku)
        if row is None:
            raise ProductNotFound(product=str(each.product_id or each.sku))
        problem = None
        if row["id"] == kit_id:
            problem = "it is the kit itself"
        elif row["kind"] in {"kit", "parent"}:
            problem = f"it is a {row['kind']}"
        elif row["archived_at"] is not None:
            problem = "it is archived"
        elif row["tracking"] != "none":
            problem = "it is tracked by lot or serial number, which a kit could not name"
        elif row["id"] in wanted:
            problem = "it stands twice"
        if problem is not None:
            raise BadComponent(sku=row["sku"], problem=problem)
        wanted[row["id"]] = each.quantity
    return wanted


def put_components(ctx: Context, kit_id: UUID, components: dict[UUID, Decimal]) -> None:
    """Make a kit of exactly these components, in their order."""
    which = {"tenant": ctx.tenant_id, "kit": kit_id}
    ctx.uow.run("DELETE FROM kit_components WHERE tenant_id = %(tenant)s AND kit_id = %(kit)s", which)
    rows = [
        {"component_id": product, "quantity": str(quantity), "position": place}
        for place, (product, quantity) in enumerate(components.items(), 1)
    ]
    ctx.uow.run(_ADD_COMPONENTS, {**which, "components": msgspec.json.encode(rows).decode()})


def price_of_components(ctx: Context, components: dict[UUID, Decimal]) -> Decimal:
    """Return what components cost together, in currency units with four places."""
    found = ctx.uow.rows(
        "SELECT round(coalesce(sum(p.unit_price * c.quantity), 0), 4) AS price"
        " FROM unnest(%s::uuid[], %s::numeric[]) AS c(id, quantity)"
        " JOIN products p ON p.tenant_id = %s AND p.id = c.id",
        (list(components), list(components.values()), ctx.tenant_id),
    )
    price: Decimal = found[0]["price"]
    return price


def kits_with(ctx: Context, product_id: UUID) -> list[str]:
    """Return the SKUs of the kits that a product is a component of."""
    found = ctx.uow.rows(
        "SELECT p.sku FROM kit_components c JOIN products p ON p.tenant_id = c.tenant_id AND p.id = c.kit_id"
        " WHERE c.tenant_id = %s AND c.component_id = %s ORDER BY p.sku",
        (ctx.tenant_id, product_id),
    )
    return [row["sku"] for row in found]
