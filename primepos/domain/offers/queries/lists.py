"""Price lists and their prices, now and at any moment."""
# ruff: noqa: S608 - statements are put together from the constants of this package; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.ids import new_id
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.offers.errors import PriceListNotFound
from primepos.domain.offers.queries.shared import (
    MANY,
    ONE,
    PRICE_LIST_AUDIENCE,
    categories_by,
    encode,
    products_by,
    terms_of,
)
from primepos.domain.offers.schemas import ListPriceOut, PriceChangeOut, PriceListOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.offers.schemas import ListPriceIn

_LISTS: Final = f"SELECT o.*, {PRICE_LIST_AUDIENCE} FROM price_lists o WHERE o.tenant_id = %(tenant)s"
_PRICES: Final = """
SELECT i.id, i.product_id, p.sku, i.category_id, c.name AS category, i.kind, i.amount, i.from_quantity, i.since,
       i.until, i.actor_name AS set_by
  FROM price_list_items i
  LEFT JOIN products p ON p.tenant_id = i.tenant_id AND p.id = i.product_id
  LEFT JOIN categories c ON c.tenant_id = i.tenant_id AND c.id = i.category_id
 WHERE i.tenant_id = %(tenant)s AND i.price_list_id = %(list)s AND i.since <= %(at)s
   AND (i.until IS NULL OR i.until > %(at)s)
   AND (%(after)s::uuid IS NULL OR i.id > %(after)s::uuid)
 ORDER BY i.id LIMIT %(limit)s
"""
# What holds now ends where another price takes its place, and stays where it is the same: two statements, whatever
# the number of prices.
_END: Final = """
WITH given AS (
    SELECT x.* FROM json_to_recordset(%(prices)s::json)
        AS x(product uuid, category uuid, kind text, amount numeric, from_quantity numeric)
)
UPDATE price_list_items i SET until = %(at)s FROM given g
 WHERE i.tenant_id = %(tenant)s AND i.price_list_id = %(list)s AND i.until IS NULL
   AND i.product_id IS NOT DISTINCT FROM g.product AND i.category_id IS NOT DISTINCT FROM g.category
   AND i.from_quantity = g.from_quantity AND (i.kind, i.amount) IS DISTINCT FROM (g.kind, g.amount)
"""
_BEGIN: Final = """
INSERT INTO price_list_items (tenant_id, id, price_list_id, product_id, category_id, kind, amount, from_quantity, since,
                              actor_id, actor_name)
SELECT %(tenant)s, x.id, %(list)s, x.product, x.category, x.kind, x.amount, x.from_quantity, %(at)s, %(actor_id)s::uuid,
       %(actor)s
  FROM json_to_recordset(%(prices)s::json)
    AS x(id uuid, product uuid, category uuid, kind text, amount numeric, from_quantity numeric)
 WHERE x.amount IS NOT NULL
    ON CONFLICT DO NOTHING
"""
_CHANGES: Final = """
SELECT * FROM (
    SELECT h.at, NULL AS price_list, 'price' AS kind, h.new_price AS amount, 1::numeric AS from_quantity,
           h.actor_name AS by FROM price_changes h
     WHERE h.tenant_id = %(tenant)s AND h.product_id = %(product)s AND h.at <= %(at)s
    UNION ALL
    SELECT i.since, l.code, i.kind, i.amount, i.from_quantity, i.actor_name FROM price_list_items i
      JOIN price_lists l ON l.tenant_id = i.tenant_id AND l.id = i.price_list_id
     WHERE i.tenant_id = %(tenant)s AND i.product_id = %(product)s AND i.since <= %(at)s
    UNION ALL
    SELECT i.until, l.code, i.kind, NULL, i.from_quantity, '' FROM price_list_items i
      JOIN price_lists l ON l.tenant_id = i.tenant_id AND l.id = i.price_list_id
     WHERE i.tenant_id = %(tenant)s AND i.product_id = %(product)s AND i.until <= %(at)s
       AND NOT EXISTS (SELECT FROM price_list_items n WHERE n.tenant_id = i.tenant_id
                          AND n.price_list_id = i.price_list_id AND n.product_id = i.product_id
                          AND n.from_quantity = i.from_quantity AND n.since = i.until)
) AS changes ORDER BY at DESC, price_list NULLS LAST, from_quantity LIMIT 50
"""
# The price before the first change after the moment; where there is none, the price of now.
_CATALOGUE_AT: Final = """
SELECT p.id, p.sku, p.name, p.tax_class_id, p.sold_by, coalesce(
       (SELECT h.new_price FROM price_changes h WHERE h.tenant_id = p.tenant_id AND h.product_id = p.id
           AND h.at <= %(at)s ORDER BY h.at DESC, h.id DESC LIMIT 1),
       (SELECT h.old_price FROM price_changes h WHERE h.tenant_id = p.tenant_id AND h.product_id = p.id
           AND h.at > %(at)s ORDER BY h.at, h.id LIMIT 1),
       p.unit_price) AS unit_price
  FROM products p
 WHERE p.tenant_id = %(tenant)s AND (p.id = ANY(%(ids)s::uuid[]) OR p.sku = ANY(%(skus)s::text[]))
"""


def get_price_list(ctx: Context, list_id: UUID) -> PriceListOut:
    """Return a price list. Raises ``PRICE_LIST_NOT_FOUND``."""
    found = ctx.uow.rows(_LISTS + ONE, {"tenant": ctx.tenant_id, "id": list_id})
    if not found:
        raise PriceListNotFound(price_list=str(list_id))
    return _list_out(found[0])


def list_price_lists(ctx: Context, *, archived: bool) -> list[PriceListOut]:
    """Return the price lists in use, or the archived ones, the higher priority first."""
    asked = {"tenant": ctx.tenant_id, "archived": archived}
    return [_list_out(row) for row in ctx.uow.rows(_LISTS + MANY.format(order="o.priority DESC, o.code"), asked)]


def _list_out(row: Mapping[str, Any]) -> PriceListOut:
    return PriceListOut(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        priority=row["priority"],
        step=row["step"],
        terms=terms_of(row),
        archived_at=row["archived_at"],
    )


def list_prices(
    ctx: Context, list_id: UUID, at: datetime, after: str | None, limit: int
) -> tuple[list[ListPriceOut], str | None]:
    """Return a page of the prices of a list as they were at a moment, in the order in which they were first set."""
    asked = {
        "tenant": ctx.tenant_id,
        "list": list_id,
        "at": at,
        "after": None if after is None else decode_cursor(after, str)[0],
        "limit": limit + 1,
    }
    rows = ctx.uow.rows(_PRICES, asked)
    page = rows[:limit]
    mark = encode_cursor(str(page[-1]["id"])) if len(rows) > limit else None
    return [ListPriceOut(**{name: value for name, value in row.items() if name != "id"}) for row in page], mark


def set_prices(ctx: Context, list_id: UUID, given: Sequence[ListPriceIn], at: datetime) -> int:
    """Set prices of a list whose tenant's offers are locked; return how many there were. What is the same stays.

    Raises: ``PRODUCT_NOT_FOUND``, ``CATEGORY_NOT_FOUND``.
    """
    products = products_by(
        ctx,
        [each.product_id for each in given if each.product_id is not None],
        [each.sku for each in given if each.sku is not None],
    )
    categories = categories_by(
        ctx,
        [each.category_id for each in given if each.category_id is not None],
        [each.category for each in given if each.category is not None],
    )
    # The last of several for the same goods and quantity counts.
    rows: dict[tuple[UUID | None, UUID | None, Decimal], dict[str, Any]] = {}
    for each in given:
        product = products.get(each.product_id if each.product_id is not None else each.sku or "")
        category = categories.get(each.category_id if each.category_id is not None else each.category or "")
        rows[product, category, each.from_quantity] = {
            "id": new_id(),
            "product": product,
            "category": category,
            "kind": each.kind,
            "amount": each.amount,
            "from_quantity": each.from_quantity,
        }
    who = ctx.identity
    which = {
        "tenant": ctx.tenant_id,
        "list": list_id,
        "at": at,
        "prices": encode(list(rows.values())).decode(),
        "actor_id": who.actor_id,
        "actor": who.name[:200],
    }
    with ctx.uow.pipeline() as pipe:
        pipe.execute(_END, which)
        pipe.execute(_BEGIN, which)
    return len(rows)


def products_at(
    ctx: Context, ids: Sequence[UUID], skus: Sequence[str], at: datetime
) -> dict[UUID | str, dict[str, Any]]:
    """Return products with the catalogue's price of a moment, by id and by SKU. Raises ``PRODUCT_NOT_FOUND``."""
    rows = ctx.uow.rows(_CATALOGUE_AT, {"tenant": ctx.tenant_id, "ids": list(ids), "skus": list(skus), "at": at})
    found: dict[UUID | str, dict[str, Any]] = {row["id"]: row for row in rows} | {row["sku"]: row for row in rows}
    for each in (*ids, *skus):
        if each not in found:
            raise ProductNotFound(product=str(each))
    return found


def price_changes(ctx: Context, product_id: UUID, at: datetime) -> list[PriceChangeOut]:
    """Return the latest fifty changes of a product's prices up to a moment, newest first."""
    asked = {"tenant": ctx.tenant_id, "product": product_id, "at": at}
    return [PriceChangeOut(**row) for row in ctx.uow.rows(_CHANGES, asked)]
