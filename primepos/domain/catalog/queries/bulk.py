"""Loading many products at once: one statement a batch, whatever it holds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from primepos.core.ids import new_id
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import TaxClassNotFound
from primepos.domain.catalog.queries.products import lock_catalogue, stored_code
from primepos.domain.catalog.queries.taxes import default_tax_class, list_tax_classes
from primepos.domain.catalog.schemas import UpsertCounts, UpsertProduct
from primepos.domain.plans.room import require_room

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from primepos.core.context import Context

# Rows that would change nothing are left out before the INSERT: working out search pieces costs more than all else.
_UPSERT: Final = """
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(%(ids)s::uuid[], %(skus)s::text[], %(names)s::text[], %(prices)s::numeric[],
                             %(classes)s::text[], %(categories)s::text[], %(sold_by)s::text[], %(tracked)s::boolean[])
                      AS g(id, sku, name, unit_price, tax_class, category, sold_by, track_stock)
    ), old AS MATERIALIZED (
        SELECT p.* FROM products p WHERE p.tenant_id = %(tenant)s AND p.sku = ANY(%(skus)s::text[])
    ), new_category AS (
        INSERT INTO categories (tenant_id, id, name)
        SELECT %(tenant)s, n.id, n.name
          FROM unnest(%(category_ids)s::uuid[], %(category_names)s::text[]) AS n(id, name)
        ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id, name
    ), category AS (
        SELECT id, name FROM new_category
        UNION ALL
        SELECT id, name FROM categories WHERE tenant_id = %(tenant)s AND name = ANY(%(category_names)s::text[])
    ), code AS (
        SELECT k.code, k.quantity, coalesce(old.id, given.id) AS product_id, b.product_id AS owner_id,
               b.quantity AS old_quantity
          FROM unnest(%(codes)s::text[], %(code_skus)s::text[], %(code_quantities)s::numeric[])
               AS k(code, sku, quantity)
          JOIN given ON given.sku = k.sku
          LEFT JOIN old ON old.sku = k.sku
          LEFT JOIN product_barcodes b ON b.tenant_id = %(tenant)s AND b.code = k.code
    ), new_code AS (
        SELECT * FROM code WHERE owner_id IS NULL OR (owner_id = product_id AND old_quantity <> quantity)
    ), wanted AS (
        SELECT g.id AS new_id, o.id AS old_id, g.sku, g.name, coalesce(c.id, o.category_id) AS category_id,
               coalesce(t.id, o.tax_class_id, %(default_class)s::uuid) AS tax_class_id,
               CASE WHEN %(reprice)s OR o.id IS NULL THEN g.unit_price ELSE o.unit_price END AS unit_price,
               coalesce(g.sold_by, o.sold_by, 'each') AS sold_by,
               coalesce(g.track_stock, o.track_stock, true) AS track_stock,
               o.unit_price AS old_price, o.unit_price <> g.unit_price AND NOT %(reprice)s AS price_kept
          FROM given g
          LEFT JOIN old o ON o.sku = g.sku
          LEFT JOIN category c ON c.name = g.category
          LEFT JOIN tax_classes t ON t.tenant_id = %(tenant)s AND t.code = g.tax_class
    ), changed AS (
        SELECT w.* FROM wanted w LEFT JOIN old o ON o.id = w.old_id
         WHERE o.id IS NULL
            OR (w.name, w.category_id, w.tax_class_id, w.unit_price, w.sold_by, w.track_stock)
               IS DISTINCT FROM (o.name, o.category_id, o.tax_class_id, o.unit_price, o.sold_by, o.track_stock)
            OR EXISTS (SELECT FROM new_code n WHERE n.product_id = o.id)
    ), written AS (
        INSERT INTO products
               (tenant_id, id, sku, name, category_id, tax_class_id, unit_price, sold_by, track_stock)
        SELECT %(tenant)s, new_id, sku, name, category_id, tax_class_id, unit_price, sold_by, track_stock
          FROM changed ORDER BY sku
        ON CONFLICT (tenant_id, sku) DO UPDATE
           SET name = EXCLUDED.name, category_id = EXCLUDED.category_id, tax_class_id = EXCLUDED.tax_class_id,
               unit_price = EXCLUDED.unit_price, sold_by = EXCLUDED.sold_by, track_stock = EXCLUDED.track_stock,
               updated_at = now()
        RETURNING id
    ), priced AS (
        INSERT INTO price_changes (tenant_id, product_id, old_price, new_price, actor_id, actor_name)
        SELECT %(tenant)s, coalesce(old_id, new_id), old_price, unit_price, %(actor_id)s::uuid, %(actor)s
          FROM changed WHERE old_price IS DISTINCT FROM unit_price
        RETURNING 1
    ), coded AS (
        INSERT INTO product_barcodes (tenant_id, code, product_id, quantity)
        SELECT %(tenant)s, code, product_id, quantity FROM new_code
        ON CONFLICT (tenant_id, code) DO UPDATE SET quantity = EXCLUDED.quantity
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM changed WHERE old_id IS NULL) AS created,
           (SELECT count(*) FROM changed WHERE old_id IS NOT NULL) AS updated,
           (SELECT count(*) FROM wanted WHERE price_kept) AS prices_kept,
           (SELECT coalesce(array_agg(code ORDER BY code), '{}') FROM code WHERE owner_id <> product_id) AS taken
"""
# A plan that does not know how long the arrays are takes them for short and compares every row with every other.
# Planning each call would mend that, but would plan every foreign key check anew as well, and badly for a tenant that
# the statistics do not know yet: a look at all its products for each row. So the comparing is forbidden instead.
_WITHOUT_LOOPS: Final = """
    SELECT old.present, set_config('enable_nestloop', 'off', true)
      FROM (SELECT current_setting('enable_nestloop') AS present) AS old
"""
_LOOPS_AS_BEFORE: Final = "SELECT set_config('enable_nestloop', %s, true)"


def upsert_products(ctx: Context, rows: Sequence[UpsertProduct]) -> UpsertCounts:
    """Make the products with these SKUs be as given, in one statement; a few thousand rows a call are a good batch.

    A SKU given twice counts once, the last row wins. Missing categories are made. Codes are added, never taken off;
    one that belongs to another product stays there and is named in the answer. Prices of existing products change
    only where the identity holds ``product:price_write``, and each change is remembered. Archived products stay so.

    Raises: :class:`TaxClassNotFound`, ``TAX_CLASS_MISSING`` (a row without one, and no default), ``QUOTA_EXCEEDED``.
    """
    lock_catalogue(ctx)
    by_sku = {row.sku: row for row in rows}
    given = list(by_sku.values())
    known_classes = {each.code for each in list_tax_classes(ctx)}
    for row in given:
        if row.tax_class is not None and row.tax_class not in known_classes:
            raise TaxClassNotFound(tax_class=row.tax_class)
    default = default_tax_class(ctx).id if any(row.tax_class is None for row in given) else None
    categories = sorted({row.category for row in given if row.category is not None})
    codes, repeated = _codes(given)
    who = ctx.identity
    present = ctx.uow.rows(_WITHOUT_LOOPS)[0]["present"]
    done = ctx.uow.rows(
        _UPSERT,
        {
            "tenant": ctx.tenant_id,
            "ids": [new_id() for _ in given],
            "skus": list(by_sku),
            "names": [row.name for row in given],
            "prices": [row.unit_price for row in given],
            "classes": [row.tax_class for row in given],
            "categories": [row.category for row in given],
            "sold_by": [row.sold_by for row in given],
            "tracked": [row.track_stock for row in given],
            "category_ids": [new_id() for _ in categories],
            "category_names": categories,
            "codes": list(codes),
            "code_skus": [sku for sku, _ in codes.values()],
            "code_quantities": [quantity for _, quantity in codes.values()],
            "default_class": default,
            "reprice": may_reprice(ctx),
            "actor_id": who.actor_id,
            "actor": who.name[:200],
        },
    )[0]
    ctx.uow.rows(_LOOPS_AS_BEFORE, (present,))
    if done["created"]:
        require_room(ctx.uow, ctx.tenant_id, "products")
    return UpsertCounts(
        created=done["created"],
        updated=done["updated"],
        unchanged=len(given) - done["created"] - done["updated"],
        prices_kept=done["prices_kept"],
        barcodes_taken=sorted({*done["taken"], *repeated}),
    )


def product_ids(ctx: Context, skus: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of the products with these SKUs, archived ones too; unknown SKUs are left out."""
    found = ctx.uow.rows(
        "SELECT sku, id FROM products WHERE tenant_id = %s AND sku = ANY(%s::text[])", (ctx.tenant_id, list(skus))
    )
    return {row["sku"]: row["id"] for row in found}


def may_reprice(ctx: Context) -> bool:
    """Tell whether the act may change the price of an existing product: the identity's right, or the approver's."""
    people = [ctx.identity, *([ctx.approver] if ctx.approver is not None else [])]
    return any(person.can(Permission.PRODUCT_PRICE_WRITE) for person in people)


def _codes(given: Iterable[UpsertProduct]) -> tuple[dict[str, tuple[str, Decimal]], set[str]]:
    """Return stored code to SKU and quantity, and the codes that a second product of the batch claims."""
    codes: dict[str, tuple[str, Decimal]] = {}
    repeated: set[str] = set()
    for row in given:
        for barcode in row.barcodes:
            # What a file says is taken as it is: its numbers are on the goods already.
            code = stored_code(barcode.code, allow_invalid=True)
            if codes.setdefault(code, (row.sku, barcode.quantity))[0] != row.sku:
                repeated.add(code)
    return codes, repeated
