"""Putting products under the products they are variants of, a batch at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from primepos.domain.catalog.queries import upsert_products
from primepos.domain.catalog.schemas import UpsertProduct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context
    from primepos.domain.importing.schemas import GivenVariant

# A parent is a name for others: what was sold, counted or is something else already cannot become one.
_PARENTS: Final = """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(parents)s::json) AS g(sku text, options text[])
    ), parent AS (
        SELECT p.id, p.kind, g.options FROM products p JOIN given g ON g.sku = p.sku
         WHERE p.tenant_id = %(tenant)s AND (p.kind = 'parent' OR p.kind = 'simple'
           AND NOT EXISTS (SELECT FROM stock_movements m WHERE m.tenant_id = p.tenant_id AND m.product_id = p.id)
           AND NOT EXISTS (SELECT FROM sale_lines l WHERE l.tenant_id = p.tenant_id AND l.product_id = p.id))
    ), made AS (
        UPDATE products p SET kind = 'parent', updated_at = now() FROM parent
         WHERE p.tenant_id = %(tenant)s AND p.id = parent.id AND parent.kind = 'simple'
    )
    INSERT INTO product_options (tenant_id, product_id, position, name, option_values)
    SELECT %(tenant)s, parent.id, o.position, o.name, ARRAY['']::text[]
      FROM parent, unnest(parent.options) WITH ORDINALITY AS o(name, position)
    ON CONFLICT DO NOTHING
"""
_JOIN: Final = """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(variants)s::json) AS g(sku text, parent text, option_values text[])
    ), placed AS (
        INSERT INTO product_variants (tenant_id, product_id, parent_id, option_values)
        SELECT %(tenant)s, p.id, parent.id, g.option_values
          FROM given g
          JOIN products parent ON parent.tenant_id = %(tenant)s AND parent.sku = g.parent AND parent.kind = 'parent'
          JOIN products p ON p.tenant_id = %(tenant)s AND p.sku = g.sku AND p.kind = 'simple'
         WHERE cardinality(g.option_values) = (SELECT count(*) FROM product_options o
                                                WHERE o.tenant_id = %(tenant)s AND o.product_id = parent.id)
         ORDER BY g.sku
        ON CONFLICT DO NOTHING
        RETURNING product_id
    )
    UPDATE products p SET kind = 'variant', updated_at = now() FROM placed
     WHERE p.tenant_id = %(tenant)s AND p.id = placed.product_id
"""
# Values in the order in which they came; the empty one that an option began with goes.
_VALUES: Final = """
    UPDATE product_options o SET option_values = coalesce(nullif(n.option_values, '{}'), o.option_values)
      FROM (SELECT o.product_id, o.position,
                   array_agg(x.value ORDER BY x.rank, x.value) FILTER (WHERE x.value <> '') AS option_values
              FROM product_options o
              JOIN products p ON p.tenant_id = o.tenant_id AND p.id = o.product_id AND p.sku = ANY(%(skus)s::text[])
              CROSS JOIN LATERAL (
                  SELECT y.value, min(y.rank) AS rank FROM (
                      SELECT u.value, u.rank FROM unnest(o.option_values) WITH ORDINALITY AS u(value, rank)
                      UNION ALL
                      SELECT v.option_values[o.position], 1000000 FROM product_variants v
                       WHERE v.tenant_id = o.tenant_id AND v.parent_id = o.product_id
                  ) y GROUP BY y.value
              ) x
             WHERE o.tenant_id = %(tenant)s
             GROUP BY o.product_id, o.position) n
     WHERE o.tenant_id = %(tenant)s AND o.product_id = n.product_id AND o.position = n.position
       AND n.option_values IS NOT NULL AND o.option_values <> n.option_values
"""


def join(ctx: Context, variants: Sequence[GivenVariant]) -> int:
    """Put products under their parents, which are made where they are missing; return how many were put there.

    The products of the batch are there already, and the catalogue is locked. What is a variant stays one; a product
    that cannot be a parent, or whose options are others, keeps no variants: they stay products of their own.
    """
    if not variants:
        return 0
    parents: dict[str, GivenVariant] = {}
    for each in variants:
        # A parent's own row says nothing of options; its first variant does.
        if each.parent not in parents or (each.options and not parents[each.parent].options):
            parents[each.parent] = each
    there = ctx.uow.rows(
        "SELECT sku FROM products WHERE tenant_id = %s AND sku = ANY(%s::text[])", (ctx.tenant_id, list(parents))
    )
    known = {row["sku"] for row in there}
    missing = [
        UpsertProduct(
            sku=sku, name=each.parent_name or sku, unit_price=Decimal(0), track_stock=False, category=each.category
        )
        for sku, each in parents.items()
        if sku not in known
    ]
    if missing:
        upsert_products(ctx, missing)
    tenant = {"tenant": ctx.tenant_id}
    told = [{"sku": sku, "options": each.options} for sku, each in parents.items()]
    ctx.uow.run(_PARENTS, {**tenant, "parents": msgspec.json.encode(told).decode()})
    rows = [{"sku": each.sku, "parent": each.parent, "option_values": each.values} for each in variants if each.values]
    joined = ctx.uow.run(_JOIN, {**tenant, "variants": msgspec.json.encode(rows).decode()})
    ctx.uow.run(_VALUES, {**tenant, "skus": list(parents)})
    return joined
