"""What was earned on goods: net sales less what the goods were worth when they were sold.

The cost of a line was written with the sale, from the average of its level, so a later delivery or correction does not
change yesterday's margin. Lines whose cost nobody knew are counted apart and stay out of the margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_SUMS: Final = """
       count(*) AS lines, coalesce(sum(l.quantity), 0) AS quantity, coalesce(sum(l.base), 0)::bigint AS base,
       coalesce(sum(l.base) FILTER (WHERE l.cost IS NOT NULL), 0)::bigint AS known_base,
       coalesce(sum(l.cost), 0)::bigint AS cost, count(*) FILTER (WHERE l.cost IS NULL) AS uncosted_lines,
       coalesce(sum(l.base) FILTER (WHERE l.cost IS NULL), 0)::bigint AS uncosted_base"""
_FROM: Final = """
  FROM sales s
  JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id AND l.kind = 'goods'"""
_OF_PRODUCT: Final = """
  LEFT JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id"""
_WHERE: Final = """
 WHERE s.tenant_id = %(tenant)s
   AND s.business_date BETWEEN coalesce(%(since)s::date, '-infinity') AND coalesce(%(until)s::date, 'infinity')
   AND (%(outlets)s::uuid[] IS NULL OR s.outlet_id = ANY(%(outlets)s))"""
# Key and name of each kind of row, and what has to be joined for them. A product goes by its SKU as it was sold.
_KEYS: Final = {
    "product": ("l.sku", "max(coalesce(p.name, l.name))", _OF_PRODUCT),
    "category": (
        "coalesce(c.name, '')",
        "''",
        f"{_OF_PRODUCT}\n  LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id",
    ),
    "outlet": ("o.code", "max(o.name)", "\n  JOIN outlets o ON o.tenant_id = s.tenant_id AND o.id = s.outlet_id"),
    "day": ("s.business_date::text", "''", ""),
    "month": ("to_char(s.business_date, 'YYYY-MM')", "''", ""),
}


def _statement(key: str, name: str, joins: str) -> str:
    return (
        f"SELECT grouping({key}) = 1 AS is_total, {key} AS key, {name} AS name,{_SUMS}{_FROM}{joins}{_WHERE}"
        f"\n GROUP BY GROUPING SETS (({key}), ())"
    )


MARGINS: Final = {each: _statement(*parts) for each, parts in _KEYS.items()}


def margins(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    group_by: str,
    since: date | None,
    until: date | None,
    outlets: Sequence[UUID] | None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of the report, unordered, and its total, all of one moment; ``outlets`` None means every one."""
    values = {
        "tenant": tenant_id,
        "since": since,
        "until": until,
        "outlets": None if outlets is None else list(outlets),
    }
    found = uow.rows(MARGINS[group_by], values)
    rows = [row for row in found if not row["is_total"]]
    total = next(row for row in found if row["is_total"])
    return rows, total
