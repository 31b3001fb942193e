"""Editing many products: they are chosen in one statement and changed in another, with the history of their prices.

Everybody who changes products holds the catalogue's lock, so what was chosen is what is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.domain.catalog.bulk_schemas import MOST_PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context
    from primepos.domain.catalog.bulk_schemas import Choice

_CHOOSE: Final = """
    SELECT p.id, p.sku, p.name, p.unit_price, p.category_id, c.name AS category, p.tax_class_id, t.code AS tax_class,
           p.minimum_age, p.archived_at, p.version, p.kind, p.kit_price
      FROM products p JOIN tax_classes t ON t.tenant_id = p.tenant_id AND t.id = p.tax_class_id
      LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
      LEFT JOIN product_variants v ON v.tenant_id = p.tenant_id AND v.product_id = p.id
      LEFT JOIN products o ON o.tenant_id = v.tenant_id AND o.id = v.parent_id
     WHERE p.tenant_id = %(tenant)s AND (p.archived_at IS NOT NULL) = %(archived)s
       AND (NOT %(named)s OR p.id = ANY(%(ids)s) OR p.sku = ANY(%(skus)s))
       AND (%(category)s::text IS NULL OR c.name = %(category)s::text)
       AND (%(tax_class)s::text IS NULL OR t.code = %(tax_class)s::text)
       AND (%(parent)s::text IS NULL OR o.sku = %(parent)s::text)
       AND (%(prefix)s::text IS NULL OR starts_with(p.sku, %(prefix)s::text))
       AND (%(price_from)s::numeric IS NULL OR p.unit_price >= %(price_from)s::numeric)
       AND (%(price_to)s::numeric IS NULL OR p.unit_price <= %(price_to)s::numeric)
     ORDER BY p.sku LIMIT %(limit)s
"""
_EDIT: Final = """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(products)s::json)
                      AS g(id uuid, unit_price numeric, old_price numeric, category_id uuid, tax_class_id uuid,
                           minimum_age bigint, archived_at timestamptz)
    ), edited AS (
        UPDATE products p
           SET unit_price = g.unit_price, category_id = g.category_id, tax_class_id = g.tax_class_id,
               minimum_age = g.minimum_age, archived_at = g.archived_at, updated_at = now()
          FROM given g WHERE p.tenant_id = %(tenant)s AND p.id = g.id
        RETURNING p.version
    ), priced AS (
        INSERT INTO price_changes (tenant_id, product_id, old_price, new_price, actor_id, actor_name)
        SELECT %(tenant)s, g.id, g.old_price, g.unit_price, %(actor_id)s, %(actor)s
          FROM given g WHERE g.old_price <> g.unit_price ORDER BY g.id
    )
    SELECT max(version) AS version FROM edited
"""


def chosen_products(ctx: Context, choice: Choice) -> list[dict[str, Any]]:
    """Return the products that fit, by SKU; one more than an edit takes says that there are too many."""
    return ctx.uow.rows(
        _CHOOSE,
        {
            "tenant": ctx.tenant_id,
            "archived": choice.archived,
            "named": bool(choice.ids or choice.skus),
            "ids": choice.ids,
            "skus": choice.skus,
            "category": choice.category,
            "tax_class": choice.tax_class,
            "parent": choice.parent,
            "prefix": choice.sku_prefix,
            "price_from": choice.price_from,
            "price_to": choice.price_to,
            "limit": MOST_PRODUCTS + 1,
        },
    )


def edit_products(ctx: Context, products: Sequence[dict[str, Any]]) -> int:
    """Let products be as given, with the history of their prices; return their newest version."""
    who = ctx.identity
    rows = [{**each, "unit_price": str(each["unit_price"]), "old_price": str(each["old_price"])} for each in products]
    found = ctx.uow.rows(
        _EDIT,
        {
            "tenant": ctx.tenant_id,
            "products": msgspec.json.encode(rows).decode(),
            "actor_id": who.actor_id,
            "actor": who.name[:200],
        },
    )
    return int(found[0]["version"])
