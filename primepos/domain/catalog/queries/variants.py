"""Parents and their variants: making many at once, naming them, archiving them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.ids import new_id
from primepos.domain.catalog.variant_schemas import VariantRow
from primepos.domain.plans.room import require_room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.catalog.schemas import OptionOut, ProductOut
    from primepos.domain.catalog.variant_schemas import NewVariant

_ROWS: Final = (
    "SELECT p.id, p.sku, p.name, p.unit_price, v.option_values, p.archived_at,"
    " coalesce((SELECT json_agg(b.code ORDER BY b.code) FROM product_barcodes b"
    " WHERE b.tenant_id = p.tenant_id AND b.product_id = p.id), '[]') AS barcodes"
    " FROM product_variants v JOIN products p ON p.tenant_id = v.tenant_id AND p.id = v.product_id"
    " WHERE v.tenant_id = %s AND v.parent_id = %s"
)
# What the parent says holds for each of its variants at first; from then on each is a product of its own.
_MAKE: Final = """
    WITH given AS MATERIALIZED (
        SELECT g.id, g.sku, g.name, g.unit_price, g.option_values
          FROM json_to_recordset(%(variants)s::json)
               AS g(id uuid, sku text, name text, unit_price numeric, option_values text[])
    ), made AS (
        INSERT INTO products (tenant_id, id, sku, name, category_id, tax_class_id, unit_price, sold_by, track_stock,
                              kind, unit, content_quantity, content_unit, tare, tracking, minimum_age)
        SELECT p.tenant_id, g.id, g.sku, g.name, p.category_id, p.tax_class_id, g.unit_price, p.sold_by, p.track_stock,
               'variant', p.unit, p.content_quantity, p.content_unit, p.tare, p.tracking, p.minimum_age
          FROM products p, given g WHERE p.tenant_id = %(tenant)s AND p.id = %(parent)s ORDER BY g.sku
    ), placed AS (
        INSERT INTO product_variants (tenant_id, product_id, parent_id, option_values)
        SELECT %(tenant)s, g.id, %(parent)s, g.option_values FROM given g ORDER BY g.option_values
    ), priced AS (
        INSERT INTO price_changes (tenant_id, product_id, new_price, actor_id, actor_name)
        SELECT %(tenant)s, g.id, g.unit_price, %(actor_id)s, %(actor)s FROM given g ORDER BY g.sku
    )
    INSERT INTO product_barcodes (tenant_id, code, product_id)
    SELECT %(tenant)s, b.code, b.id FROM json_to_recordset(%(barcodes)s::json) AS b(code text, id uuid)
"""


def name_of_variant(parent: str, values: Sequence[str]) -> str:
    """Return what a variant is called at first: ``T-shirt (red, M)``."""
    return f"{parent} ({', '.join(values)})"


def list_variants(ctx: Context, parent: ProductOut) -> list[VariantRow]:
    """Return the variants of a parent, archived ones too, in the order of its options' values."""
    found = [
        VariantRow(barcodes=msgspec.convert(row.pop("barcodes"), list[str]), **row)
        for row in ctx.uow.rows(_ROWS, (ctx.tenant_id, parent.id))
    ]
    places = [{value: place for place, value in enumerate(option.values)} for option in parent.options]
    return sorted(
        found, key=lambda each: [place.get(value, 0) for place, value in zip(places, each.option_values, strict=False)]
    )


def set_options(ctx: Context, parent_id: UUID, options: Sequence[OptionOut]) -> None:
    """Give a parent exactly these options in this order."""
    which = (ctx.tenant_id, parent_id)
    ctx.uow.run("DELETE FROM product_options WHERE tenant_id = %s AND product_id = %s", which)
    ctx.uow.run(
        "INSERT INTO product_options (tenant_id, product_id, position, name, option_values)"
        " SELECT %s, %s, o.position, o.name, o.option_values FROM json_to_recordset(%s::json)"
        " AS o(position int, name text, option_values text[])",
        (
            *which,
            msgspec.json.encode(
                [
                    {"position": place, "name": each.name, "option_values": each.values}
                    for place, each in enumerate(options, 1)
                ]
            ).decode(),
        ),
    )


def make_variants(ctx: Context, parent: ProductOut, variants: Sequence[NewVariant]) -> None:
    """Make products of these, one statement for all of them; codes are in their stored form.

    Raises: ``DUPLICATE_SKU``, ``DUPLICATE_VARIANT``, ``BARCODE_TAKEN``.
    """
    rows: list[dict[str, Any]] = []
    barcodes: list[dict[str, Any]] = []
    for each in variants:
        product_id = new_id()
        rows.append(
            {
                "id": product_id,
                "sku": each.sku,
                "name": name_of_variant(parent.name, each.values),
                "unit_price": str(each.unit_price if each.unit_price is not None else parent.unit_price),
                "option_values": each.values,
            }
        )
        barcodes += [{"code": code, "id": product_id} for code in each.barcodes]
    who = ctx.identity
    ctx.uow.run(
        _MAKE,
        {
            "tenant": ctx.tenant_id,
            "parent": parent.id,
            "variants": msgspec.json.encode(rows).decode(),
            "barcodes": msgspec.json.encode(barcodes).decode(),
            "actor_id": who.actor_id,
            "actor": who.name[:200],
        },
    )
    require_room(ctx.uow, ctx.tenant_id, "products")


def rename_variants(ctx: Context, parent: ProductOut, name: str) -> None:
    """Call the variants that are called after their parent after its new name."""
    ctx.uow.run(
        "UPDATE products p SET name = %(name)s || substr(p.name, length(%(old)s) + 1), updated_at = now()"
        " FROM product_variants v WHERE v.tenant_id = %(tenant)s AND v.parent_id = %(parent)s"
        " AND p.tenant_id = v.tenant_id AND p.id = v.product_id"
        " AND p.name = %(old)s || ' (' || array_to_string(v.option_values, ', ') || ')'",
        {"tenant": ctx.tenant_id, "parent": parent.id, "name": name, "old": parent.name},
    )


def archive_variants(ctx: Context, parent: ProductOut, moment: datetime | None) -> None:
    """Archive the variants on sale together with their parent, or bring back those that went with it."""
    ctx.uow.run(
        "UPDATE products p SET archived_at = %(at)s, updated_at = now() FROM product_variants v"
        " WHERE v.tenant_id = %(tenant)s AND v.parent_id = %(parent)s AND p.tenant_id = v.tenant_id"
        " AND p.id = v.product_id AND p.archived_at IS NOT DISTINCT FROM %(before)s",
        {"tenant": ctx.tenant_id, "parent": parent.id, "at": moment, "before": parent.archived_at},
    )


def was_moved(ctx: Context, product_id: UUID) -> bool:
    """Tell whether a product was ever sold or moved: it is then a thing, and no name for others."""
    # Stock and sales are features above this one; whether a row points here is all that is asked.
    found = ctx.uow.rows(
        "SELECT EXISTS (SELECT FROM stock_movements m WHERE m.tenant_id = %(tenant)s AND m.product_id = %(id)s)"
        " OR EXISTS (SELECT FROM sale_lines l WHERE l.tenant_id = %(tenant)s AND l.product_id = %(id)s) AS moved",
        {"tenant": ctx.tenant_id, "id": product_id},
    )
    return bool(found[0]["moved"])
