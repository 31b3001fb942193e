"""Series, their gaps and their sums, set by set: however many registers a shop has, the statements stay as many."""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.domain.fiscal.schemas import ClosingOut, ClosingTax

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from primepos.core.db import UnitOfWork

MOST_MISSING: Final = 100

_CLOSINGS: Final = """
SELECT r.prefix || '/' || c.epoch AS series, c.register_id, c.epoch, c.period, c.closing_no, c.until, c.from_number,
       c.to_number, c.sales, c.voids, c.refunds, c.base, c.tax, c.rounding, c.value, c.total, c.sold, c.grand_total,
       c.grand_sold, c.taxes, encode(c.last_hash, 'hex') AS last_hash, encode(c.prev_hash, 'hex') AS prev_hash,
       encode(c.hash, 'hex') AS hash, c.closed_at, c.closed_by
  FROM fiscal_closings c JOIN registers r ON r.tenant_id = c.tenant_id AND r.id = c.register_id
 WHERE c.tenant_id = %(tenant)s
"""
_EVERY: Final = _CLOSINGS.replace("SELECT r.prefix", "SELECT c.tenant_id, r.prefix").replace(
    " WHERE c.tenant_id = %(tenant)s", " ORDER BY c.tenant_id, c.register_id, c.epoch, c.period, c.closing_no"
)
_LATEST: Final = (
    "SELECT DISTINCT ON (register_id, epoch) * FROM (" + _CLOSINGS + " AND c.period = %(period)s) c"
    " ORDER BY register_id, epoch, closing_no DESC"
)
_PAGE: Final = (
    _CLOSINGS + " AND c.period = %(period)s ORDER BY c.closed_at DESC, series, c.closing_no DESC LIMIT %(limit)s"
)
_ALL: Final = _CLOSINGS + " ORDER BY series, c.period, c.closing_no"
# Where each series can be closed to: up to the first number that is missing, the first of a later day, or its head.
_EDGES: Final = """
WITH done AS (
    SELECT register_id, epoch, max(to_number) AS to_number FROM fiscal_closings
     WHERE tenant_id = %(tenant)s AND period = %(period)s GROUP BY 1, 2
), open AS (
    SELECT s.register_id, s.epoch, s.number, s.business_date, coalesce(d.to_number, 0) AS done,
           coalesce(d.to_number, 0) + row_number() OVER (PARTITION BY s.register_id, s.epoch ORDER BY s.number) AS place
      FROM sales s LEFT JOIN done d ON d.register_id = s.register_id AND d.epoch = s.epoch
     WHERE s.tenant_id = %(tenant)s AND s.number > coalesce(d.to_number, 0)
), edge AS (
    SELECT register_id, epoch, done, max(number) AS head, min(place) FILTER (WHERE number <> place) AS missing,
           min(number) FILTER (WHERE business_date > %(until)s) AS later
      FROM open GROUP BY 1, 2, 3
), range AS (
    SELECT register_id, epoch, done, missing, least(head, missing - 1, later - 1) AS to_number FROM edge
)
SELECT r.prefix || '/' || g.epoch AS series, g.register_id, g.epoch, g.done + 1 AS from_number, g.to_number,
       CASE WHEN g.to_number = g.missing - 1 THEN g.missing END AS missing, f.*, t.taxes
  FROM range g JOIN registers r ON r.tenant_id = %(tenant)s AND r.id = g.register_id
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE s.kind = 'sale')::int AS sales, count(*) FILTER (WHERE s.kind = 'void')::int AS voids,
           count(*) FILTER (WHERE s.kind = 'refund')::int AS refunds,
           coalesce(sum(s.base), 0)::bigint AS base, coalesce(sum(s.tax), 0)::bigint AS tax,
           coalesce(sum(s.rounding), 0)::bigint AS rounding, coalesce(sum(s.value), 0)::bigint AS value,
           coalesce(sum(s.total), 0)::bigint AS total,
           coalesce(sum(s.total) FILTER (WHERE s.kind = 'sale'), 0)::bigint AS sold,
           encode((array_agg(s.hash ORDER BY s.number DESC))[1], 'hex') AS last_hash
      FROM sales s WHERE s.tenant_id = %(tenant)s AND s.register_id = g.register_id AND s.epoch = g.epoch
       AND s.number BETWEEN g.done + 1 AND g.to_number) f
 CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_array(x.code, x.rate::text, x.base, x.amount) ORDER BY x.code, x.rate), '[]')
           AS taxes FROM (
        SELECT a.code, a.rate, sum(a.base)::bigint AS base, sum(a.amount)::bigint AS amount
          FROM sales s JOIN sale_taxes a ON a.tenant_id = s.tenant_id AND a.sale_id = s.id
         WHERE s.tenant_id = %(tenant)s AND s.register_id = g.register_id AND s.epoch = g.epoch
           AND s.number BETWEEN g.done + 1 AND g.to_number GROUP BY 1, 2) x) t
 ORDER BY series
"""
_INSERT: Final = """
INSERT INTO fiscal_closings (tenant_id, register_id, epoch, period, closing_no, until, from_number, to_number, sales,
                             voids, refunds, base, tax, rounding, total, sold, grand_total, grand_sold, taxes,
                             last_hash, prev_hash, hash, closed_at, closed_by_id, closed_by, value)
SELECT %(tenant)s, x.register_id, x.epoch, x.period, x.closing_no, x.until, x.from_number, x.to_number, x.sales,
       x.voids, x.refunds, x.base, x.tax, x.rounding, x.total, x.sold, x.grand_total, x.grand_sold, x.taxes,
       decode(x.last_hash, 'hex'), decode(x.prev_hash, 'hex'), decode(x.hash, 'hex'), %(at)s, %(actor)s, x.closed_by,
       x.value
  FROM json_to_recordset(%(closings)s::json)
       AS x(register_id uuid, epoch int, period text, closing_no int, until date, from_number bigint, to_number bigint,
            sales int, voids int, refunds int, base bigint, tax bigint, rounding bigint, total bigint, sold bigint,
            grand_total bigint, grand_sold bigint, taxes jsonb, last_hash text, prev_hash text, hash text,
            closed_by text, value bigint)
"""
_SERIES: Final = """
SELECT r.prefix || '/' || s.epoch AS series, s.register_id, s.epoch, count(*)::int AS sales,
       max(s.number) AS last_number,
       encode((array_agg(s.hash ORDER BY s.number DESC))[1], 'hex') AS last_hash,
       CASE WHEN count(*) = max(s.number) THEN '{}' ELSE array(
           SELECT n FROM generate_series(1, max(s.number)) AS n
            WHERE NOT EXISTS (SELECT FROM sales o WHERE o.tenant_id = %(tenant)s AND o.register_id = s.register_id
                                 AND o.epoch = s.epoch AND o.number = n) ORDER BY n LIMIT %(most)s) END AS missing
  FROM sales s JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE s.tenant_id = %(tenant)s AND s.number IS NOT NULL
 GROUP BY r.prefix, s.register_id, s.epoch ORDER BY series
"""


def closings_of(uow: UnitOfWork, tenant_id: int, *, period: str | None, limit: int = 0) -> list[ClosingOut]:
    """Return the newest closings of a kind of period, or without one every closing, series by series."""
    if period is None:
        return [closing_from(row) for row in uow.rows(_ALL, {"tenant": tenant_id})]
    return [closing_from(row) for row in uow.rows(_PAGE, {"tenant": tenant_id, "period": period, "limit": limit})]


def every_closing(uow: UnitOfWork) -> list[dict[str, Any]]:
    """Return the row of every closing that this transaction may see, each with its tenant; see ``closing_from``."""
    return uow.rows(_EVERY)


def latest_closings(uow: UnitOfWork, tenant_id: int, period: str) -> dict[tuple[UUID, int], ClosingOut]:
    """Return the last closing of each series, by register and epoch."""
    found = uow.rows(_LATEST, {"tenant": tenant_id, "period": period})
    return {(row["register_id"], row["epoch"]): closing_from(row) for row in found}


def open_ranges(uow: UnitOfWork, tenant_id: int, period: str, until: date) -> list[dict[str, Any]]:
    """Return what there is to close of each series that has anything new, with its sums; in order of the series."""
    return uow.rows(_EDGES, {"tenant": tenant_id, "period": period, "until": until})


def insert_closings(
    uow: UnitOfWork, tenant_id: int, rows: Sequence[dict[str, Any]], *, at: Any, actor_id: UUID | None
) -> None:
    """Write closings, all or none."""
    closings = msgspec.json.encode(list(rows)).decode()
    uow.run(_INSERT, {"tenant": tenant_id, "closings": closings, "at": at, "actor": actor_id})


def series_of(uow: UnitOfWork, tenant_id: int) -> list[dict[str, Any]]:
    """Return every series with how many sales it has, its head and what is missing in it."""
    return uow.rows(_SERIES, {"tenant": tenant_id, "most": MOST_MISSING})


def closing_from(row: dict[str, Any]) -> ClosingOut:
    """Return a closing from its row."""
    known = {name: row[name] for name in ClosingOut.__struct_fields__ if name != "taxes"}
    return ClosingOut(**known, taxes=taxes_from(row["taxes"]))


def taxes_from(rows: Sequence[Sequence[Any]]) -> list[ClosingTax]:
    """Return the taxes of a closing from how they are stored."""
    from decimal import Decimal

    return [ClosingTax(code=code, rate=Decimal(rate), base=base, amount=amount) for code, rate, base, amount in rows]
