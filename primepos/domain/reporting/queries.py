"""Figures over sales: from the summaries of days where they stand, from the rows themselves where they do not.

A summary stands while no sale has been added to its day (a trigger on ``sales`` takes it away), so for every outlet
and day exactly one of the two is read, and a report is right to the cent whether or not the jobs have run.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from primepos.core.db import UnitOfWork

# The same number as in the trigger primepos_forget_summary of the migration.
_LOCK_DAY: Final = (
    "SELECT pg_advisory_xact_lock(7768, hashtext(%(outlet)s::uuid::text) # (%(day)s::date - DATE '2000-01-01'))"
)
_CLEAR: Final = (
    "DELETE FROM {table} WHERE tenant_id = %(tenant)s AND outlet_id = %(outlet)s AND business_date = %(day)s"
)
# Figures of the sales in reach of the alias s.
_HEADS: Final = """
       count(*) FILTER (WHERE s.kind IN ('sale', 'imported')) AS sales,
       count(*) FILTER (WHERE s.kind = 'void') AS voids,
       count(*) FILTER (WHERE s.kind = 'refund') AS refunds,
       coalesce(sum(n.lines) FILTER (WHERE s.kind IN ('sale', 'imported')), 0)::bigint AS lines,
       coalesce(sum(s.base), 0)::bigint AS base, coalesce(sum(s.tax), 0)::bigint AS tax,
       coalesce(sum(s.rounding), 0)::bigint AS rounding, coalesce(sum(s.value), 0)::bigint AS value,
       coalesce(sum(s.total), 0)::bigint AS total"""
_LINES_OF_SALE: Final = """
       CROSS JOIN LATERAL (SELECT count(*) AS lines FROM sale_lines l
                            WHERE l.tenant_id = s.tenant_id AND l.sale_id = s.id) n"""
_PAID_FOR_SALE: Final = """
       CROSS JOIN LATERAL (
            SELECT coalesce(sum(p.amount) FILTER (WHERE p.kind IN ('cash', 'change')), 0)::bigint AS cash,
                   coalesce(sum(p.amount) FILTER (WHERE p.kind = 'card'), 0)::bigint AS card
              FROM payments p WHERE p.tenant_id = s.tenant_id AND p.sale_id = s.id) paid"""
# What was paid by neither, by kind: points, gift cards, tips that went out again.
_OTHERWISE: Final = """(
    SELECT jsonb_object_agg(w.kind, w.amount) FROM (
        SELECT p.kind, sum(p.amount)::bigint AS amount
          FROM sales o JOIN payments p ON p.tenant_id = o.tenant_id AND p.sale_id = o.id
         WHERE o.tenant_id = %(tenant)s AND o.outlet_id = {outlet} AND o.business_date = {day}
           AND p.kind NOT IN ('cash', 'change', 'card') GROUP BY p.kind) w) AS tenders"""
_PAID: Final = ", coalesce(sum(paid.cash), 0)::bigint AS cash, coalesce(sum(paid.card), 0)::bigint AS card"
# A product goes by the name it was last sold under.
_GOODS: Final = """
       l.sku, (array_agg(l.name ORDER BY s.sold_at DESC, s.id DESC, l.line_no DESC))[1] AS name,
       sum(l.quantity) AS quantity, sum(l.base)::bigint AS base, sum(l.tax)::bigint AS tax,
       sum(l.total)::bigint AS total"""

_SUMMARISE: Final = f"""
INSERT INTO day_summaries (tenant_id, outlet_id, business_date, sales, voids, refunds, lines, base, tax, rounding,
                           value, total, cash, card, tenders)
SELECT %(tenant)s, %(outlet)s, %(day)s, {_HEADS}{_PAID}, {_OTHERWISE.format(outlet="%(outlet)s", day="%(day)s")}
  FROM sales s{_LINES_OF_SALE}{_PAID_FOR_SALE}
 WHERE s.tenant_id = %(tenant)s AND s.outlet_id = %(outlet)s AND s.business_date = %(day)s
HAVING count(*) > 0
RETURNING sales, voids, refunds, total
"""
_SUMMARISE_GOODS: Final = f"""
INSERT INTO product_day_summaries (tenant_id, outlet_id, business_date, sku, name, quantity, base, tax, total)
SELECT %(tenant)s, %(outlet)s, %(day)s, {_GOODS}
  FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id AND l.kind = 'goods'
 WHERE s.tenant_id = %(tenant)s AND s.outlet_id = %(outlet)s AND s.business_date = %(day)s
 GROUP BY l.sku
"""


def outlet_named(uow: UnitOfWork, tenant_id: int, *, outlet_id: UUID | None, code: str | None = None) -> UUID | None:
    """Return the id of the tenant's outlet with this id or code, archived or not, or None."""
    found = uow.rows(
        "SELECT id FROM outlets WHERE tenant_id = %s AND (id = %s OR code = %s)", (tenant_id, outlet_id, code)
    )
    return found[0]["id"] if found else None


def summarise_day(uow: UnitOfWork, tenant_id: int, outlet_id: UUID, day: date) -> dict[str, int]:
    """Make the summaries of one outlet's business day anew from its rows, under the day's lock.

    Who adds a sale to the day waits for this transaction, and this one for them. A day without sales gets none.
    """
    which = {"tenant": tenant_id, "outlet": outlet_id, "day": day}
    # Its own round trip: what follows must not see less than what was committed before the lock was had.
    uow.run(_LOCK_DAY, which)
    with uow.pipeline() as pipe:
        pipe.execute(_CLEAR.format(table="product_day_summaries"), which)
        pipe.execute(_CLEAR.format(table="day_summaries"), which)
        made = pipe.execute(_SUMMARISE, which, as_dicts=True)
        goods = pipe.execute(_SUMMARISE_GOODS, which)
    row = made.fetchone() or {"sales": 0, "voids": 0, "refunds": 0, "total": 0}
    return {**row, "products": goods.rowcount}


# done: standing summaries; gaps: outlets and days without one, whose rows are read, each by its own index range. Days
# before the first and after the last sale are cut off first, so an open-ended range costs nothing.
_REACH: Final = """
WITH place AS MATERIALIZED (
    SELECT o.id, o.code, o.name FROM outlets o
     WHERE o.tenant_id = %(tenant)s AND (%(outlets)s::uuid[] IS NULL OR o.id = ANY(%(outlets)s))
), span AS MATERIALIZED (
    SELECT greatest(%(since)s::date, edge.first) AS first, least(%(until)s::date, edge.last) AS last
      FROM (SELECT min(business_date) AS first, max(business_date) AS last FROM sales
             WHERE tenant_id = %(tenant)s) edge
     WHERE edge.first IS NOT NULL
), done AS MATERIALIZED (
    SELECT d.* FROM day_summaries d, span
     WHERE d.tenant_id = %(tenant)s AND d.business_date BETWEEN span.first AND span.last
       AND d.outlet_id IN (SELECT id FROM place)
), gaps AS MATERIALIZED (
    SELECT place.id AS outlet_id, span.first + n AS day
      FROM place, span, generate_series(0, span.last - span.first) AS n
    EXCEPT
    SELECT outlet_id, business_date FROM done
)"""
_DAYS: Final = f"""{_REACH}, figures AS MATERIALIZED (
    SELECT outlet_id, business_date, sales, voids, refunds, lines, base, tax, rounding, value, total, cash, card,
           tenders FROM done
    UNION ALL
    SELECT gaps.outlet_id, gaps.day, f.* FROM gaps CROSS JOIN LATERAL (
        SELECT {_HEADS}{_PAID}, {_OTHERWISE.format(outlet="gaps.outlet_id", day="gaps.day")}
          FROM sales s{_LINES_OF_SALE}{_PAID_FOR_SALE}
         WHERE s.tenant_id = %(tenant)s AND s.outlet_id = gaps.outlet_id AND s.business_date = gaps.day
        HAVING count(*) > 0) f
)"""
# Every statement ends with one row more, the total over everything, so rows and total are of the same moment.
_SUMS: Final = """sum(sales)::bigint AS sales, sum(voids)::bigint AS voids, sum(refunds)::bigint AS refunds,
       sum(lines)::bigint AS lines,
       sum(base)::bigint AS base, sum(tax)::bigint AS tax, sum(rounding)::bigint AS rounding,
       sum(value)::bigint AS value, sum(total)::bigint AS total"""
_TOTAL: Final = f"""
UNION ALL
SELECT true, '', '', {_SUMS}, NULL FROM figures
"""
_NOTHING: Final = "NULL::bigint"
_IN_GAPS: Final = "s.tenant_id = %(tenant)s AND s.outlet_id = gaps.outlet_id AND s.business_date = gaps.day"
_IN_REACH: Final = """s.tenant_id = %(tenant)s AND s.business_date BETWEEN span.first AND span.last
       AND s.outlet_id IN (SELECT id FROM place)"""

_BY: Final = {
    "day": f"""{_DAYS}
SELECT false AS is_total, business_date::text AS key, '' AS name, {_SUMS}, NULL::numeric AS quantity
  FROM figures GROUP BY business_date{_TOTAL}""",
    "month": f"""{_DAYS}
SELECT false AS is_total, to_char(business_date, 'YYYY-MM') AS key, '' AS name, {_SUMS}, NULL::numeric AS quantity
  FROM figures GROUP BY 2{_TOTAL}""",
    "outlet": f"""{_DAYS}
SELECT false AS is_total, place.code AS key, place.name, {_SUMS}, NULL::numeric AS quantity
  FROM figures JOIN place ON place.id = figures.outlet_id GROUP BY place.code, place.name{_TOTAL}""",
    "tender": f"""{_DAYS}
SELECT false AS is_total, t.key, t.name,
       {_NOTHING} AS sales, {_NOTHING} AS voids, {_NOTHING} AS refunds, {_NOTHING} AS lines,
       {_NOTHING} AS base, {_NOTHING} AS tax, {_NOTHING} AS rounding, {_NOTHING} AS value,
       sum(t.total)::bigint AS total,
       NULL::numeric AS quantity
  FROM figures CROSS JOIN LATERAL (
        SELECT * FROM (VALUES ('cash', 'Cash', cash), ('card', 'Card', card),
                              ('unrecorded', 'Not recorded', total - cash - card - coalesce((
                                  SELECT sum(value::bigint) FROM jsonb_each_text(tenders)), 0))) AS v(key, name, total)
        UNION ALL
        SELECT key, initcap(replace(key, '_', ' ')), value::bigint FROM jsonb_each_text(tenders)) AS t
 GROUP BY t.key, t.name HAVING sum(abs(t.total)) > 0{_TOTAL}""",
    "product": f"""{_DAYS}, goods AS (
    SELECT g.sku, g.name, g.business_date, g.quantity, g.base, g.tax, g.total
      FROM product_day_summaries g JOIN done ON done.outlet_id = g.outlet_id AND done.business_date = g.business_date
     WHERE g.tenant_id = %(tenant)s
    UNION ALL
    SELECT l.sku, l.name, gaps.day, l.quantity, l.base, l.tax, l.total FROM gaps CROSS JOIN LATERAL (
        SELECT {_GOODS} FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id
           AND l.kind = 'goods' WHERE {_IN_GAPS} GROUP BY l.sku) l
)
SELECT false AS is_total, sku AS key, (array_agg(name ORDER BY business_date DESC, name))[1] AS name,
       {_NOTHING} AS sales, {_NOTHING} AS voids, {_NOTHING} AS refunds, {_NOTHING} AS lines, sum(base)::bigint AS base,
       sum(tax)::bigint AS tax, {_NOTHING} AS rounding, {_NOTHING} AS value, sum(total)::bigint AS total,
       sum(quantity) AS quantity
  FROM goods GROUP BY sku{_TOTAL}""",
    # Taxes and hours are in no summary: they are read from the rows of the whole range.
    "tax": f"""{_DAYS}
SELECT false AS is_total, x.code AS key, (array_agg(x.name ORDER BY s.sold_at DESC))[1] AS name,
       {_NOTHING} AS sales, {_NOTHING} AS voids, {_NOTHING} AS refunds, {_NOTHING} AS lines,
       sum(x.base)::bigint AS base, sum(x.amount)::bigint AS tax, {_NOTHING} AS rounding, {_NOTHING} AS value,
       {_NOTHING} AS total, x.rate AS quantity
  FROM span, sales s JOIN sale_taxes x ON x.tenant_id = s.tenant_id AND x.sale_id = s.id
 WHERE {_IN_REACH}
 GROUP BY x.code, x.rate{_TOTAL}""",
    "hour": f"""{_REACH}, figures AS MATERIALIZED (
    SELECT to_char(s.sold_at AT TIME ZONE %(zone)s, 'HH24') AS hour, {_HEADS}
      FROM span, sales s{_LINES_OF_SALE} WHERE {_IN_REACH} GROUP BY 1
)
SELECT false AS is_total, hour AS key, '' AS name, {_SUMS}, NULL::numeric AS quantity
  FROM figures GROUP BY hour{_TOTAL}""",
}


def sales_figures(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    group_by: str,
    since: date | None,
    until: date | None,
    outlets: Sequence[UUID] | None,
    zone: str,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of a report, unordered, and its total, all of one moment.

    ``outlets`` None means every one. Of a tax ``quantity`` holds the rate. Sums over nothing are None.
    """
    found = uow.rows(
        _BY[group_by],
        {
            "tenant": tenant_id,
            "since": since,
            "until": until,
            "outlets": None if outlets is None else list(outlets),
            "zone": zone,
        },
    )
    rows = [row for row in found if not row["is_total"]]
    return rows, next(row for row in found if row["is_total"])
