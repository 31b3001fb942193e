"""SQL over what people sold: their commission, and what they did that is worth a look.

Reads the rows of sales and of cash beside this feature's own; amounts are minor units. Who sold is the salesperson
where one is named, else the cashier, by their number on the staff or by their account.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.db import UnitOfWork

# One person for an id that is a number on the staff or an account; of several with one account the first who works.
_PERSON = (
    " JOIN LATERAL (SELECT p.id, p.code, p.name FROM staff p WHERE p.tenant_id = %(tenant_id)s"
    " AND (p.id = {id} OR p.user_id = {id})"
    " ORDER BY p.id = {id} DESC, p.archived_at IS NOT NULL, p.id LIMIT 1) p ON true"
)
_DAYS = (
    " WHERE s.tenant_id = %(tenant_id)s AND s.business_date BETWEEN %(since)s AND %(until)s"
    " AND (%(outlets)s::uuid[] IS NULL OR s.outlet_id = ANY(%(outlets)s))"
)
# What comes back takes off whoever sold it, at the rate of the day it was sold, whoever took it back and when. Goods
# that came back without a receipt were sold by nobody who is known.
_COMMISSION = f"""
WITH line AS (
    SELECT l.base, coalesce(o.business_date, s.business_date) AS sold_on, o.id IS NOT NULL AS is_back,
           CASE WHEN o.id IS NOT NULL THEN coalesce(o.salesperson_id, o.cashier_id)
                WHEN s.kind IN ('sale', 'imported') THEN coalesce(s.salesperson_id, s.cashier_id) END AS seller
      FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id AND l.kind = 'goods'
      LEFT JOIN sale_returns r ON r.tenant_id = l.tenant_id AND r.sale_id = l.sale_id AND r.line_no = l.line_no
      LEFT JOIN sales o ON o.tenant_id = s.tenant_id AND o.id = coalesce(r.of_sale_id, s.void_of)
    {_DAYS}
), day AS (
    SELECT seller, sold_on, sum(base) AS base, coalesce(sum(base) FILTER (WHERE is_back), 0) AS back
      FROM line WHERE seller IS NOT NULL GROUP BY seller, sold_on
)
SELECT p.id AS staff_id, p.code, p.name, rate.percent::numeric(7, 4) AS percent,
       sum(day.base - day.back)::bigint AS sold, sum(day.back)::bigint AS returned, sum(day.base)::bigint AS base
  FROM day {_PERSON.format(id="day.seller")}
  JOIN LATERAL (SELECT c.percent FROM commission_rates c WHERE c.tenant_id = %(tenant_id)s AND c.staff_id = p.id
                   AND c.valid_from <= day.sold_on ORDER BY c.valid_from DESC, c.nth DESC LIMIT 1) rate ON true
 WHERE %(staff_id)s::uuid IS NULL OR p.id = %(staff_id)s
 GROUP BY p.id, p.code, p.name, rate.percent ORDER BY p.code, rate.percent
"""
_FIGURES = f"""
WITH record AS (
    SELECT s.cashier_id AS who, max(s.cashier) AS called,
           count(*) FILTER (WHERE s.kind IN ('sale', 'imported')) AS sales,
           coalesce(sum(s.total) FILTER (WHERE s.kind IN ('sale', 'imported')), 0) AS sold,
           count(*) FILTER (WHERE s.kind = 'refund') AS refunds,
           coalesce(-sum(s.total) FILTER (WHERE s.kind = 'refund'), 0) AS refunded,
           count(*) FILTER (WHERE s.kind = 'void') AS voids,
           coalesce(-sum(s.total) FILTER (WHERE s.kind = 'void'), 0) AS voided,
           coalesce(sum(n.discounts) FILTER (WHERE s.kind = 'sale'), 0) AS discounts,
           coalesce(sum(n.discounted) FILTER (WHERE s.kind = 'sale'), 0) AS discounted,
           coalesce(sum(n.overrides) FILTER (WHERE s.kind = 'sale'), 0) AS overrides
      FROM sales s CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE l.discount <> 0) AS discounts, sum(l.discount) AS discounted,
                  count(*) FILTER (WHERE l.details ->> 'rule' = 'override') AS overrides
             FROM sale_lines l WHERE l.tenant_id = s.tenant_id AND l.sale_id = s.id) n
    {_DAYS} GROUP BY s.cashier_id
), opened AS (
    SELECT m.actor_id AS who, max(m.actor) AS called, count(*) AS no_sales
      FROM cash_movements m JOIN (
           SELECT h.tenant_id, h.id, h.business_date, r.outlet_id
             FROM shifts h JOIN registers r ON r.tenant_id = h.tenant_id AND r.id = h.register_id) s
        ON s.tenant_id = m.tenant_id AND s.id = m.shift_id
    {_DAYS} AND m.kind = 'no_sale' GROUP BY m.actor_id
), agreed AS (
    SELECT a.decided_by_id AS who, max(a.decided_by) AS called, count(*) AS approvals
      FROM approvals a WHERE a.tenant_id = %(tenant_id)s AND a.state = 'used'
       AND a.used_at >= %(from_at)s AND a.used_at < %(to_at)s
       AND (%(outlets)s::uuid[] IS NULL OR EXISTS (SELECT 1 FROM registers r WHERE r.tenant_id = a.tenant_id
            AND r.id = a.register_id AND r.outlet_id = ANY(%(outlets)s))) GROUP BY a.decided_by_id
), taken_off AS (
    SELECT p.id AS who, max(x.person) AS called, count(*) AS removed
      FROM removed_lines x LEFT JOIN staff p ON p.tenant_id = x.tenant_id AND p.code = upper(x.person)
     WHERE x.tenant_id = %(tenant_id)s AND x.at >= %(from_at)s AND x.at < %(to_at)s
       AND x.act IN ('line_removed', 'quantity_reduced', 'ticket_given_up')
       AND (%(outlets)s::uuid[] IS NULL OR x.outlet_id = ANY(%(outlets)s)) GROUP BY p.id
), everybody AS (
    SELECT who, called FROM record UNION ALL SELECT who, called FROM opened UNION ALL SELECT who, called FROM agreed
    UNION ALL SELECT who, called FROM taken_off
), known AS (
    SELECT e.who, coalesce(p.id, e.who) AS person, p.code, coalesce(p.name, e.called) AS name
      FROM (SELECT who, max(called) AS called FROM everybody GROUP BY who) e
      LEFT {_PERSON.format(id="e.who").lstrip()}
)
SELECT known.person AS staff_id, max(known.code) AS code, max(known.name) AS name,
       coalesce(sum(record.sales), 0)::bigint AS sales, coalesce(sum(record.sold), 0)::bigint AS sold,
       coalesce(sum(record.refunds), 0)::bigint AS refunds, coalesce(sum(record.refunded), 0)::bigint AS refunded,
       coalesce(sum(record.voids), 0)::bigint AS voids, coalesce(sum(record.voided), 0)::bigint AS voided,
       coalesce(sum(record.discounts), 0)::bigint AS discounts,
       coalesce(sum(record.discounted), 0)::bigint AS discounted,
       coalesce(sum(record.overrides), 0)::bigint AS overrides,
       coalesce(sum(taken_off.removed), 0)::bigint AS removed,
       coalesce(sum(opened.no_sales), 0)::bigint AS no_sales, coalesce(sum(agreed.approvals), 0)::bigint AS approvals
  FROM known
  LEFT JOIN record ON record.who IS NOT DISTINCT FROM known.who
  LEFT JOIN opened ON opened.who IS NOT DISTINCT FROM known.who
  LEFT JOIN taken_off ON taken_off.who IS NOT DISTINCT FROM known.who
  LEFT JOIN agreed ON agreed.who IS NOT DISTINCT FROM known.who
 GROUP BY known.person, CASE WHEN known.person IS NULL THEN known.name END
 ORDER BY max(known.code) NULLS LAST, max(known.name), known.person
"""


def commission(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    since: date,
    until: date,
    staff_id: UUID | None,
    outlets: list[UUID] | None,
) -> list[dict[str, Any]]:
    """Return what people sold, what of it came back, and the base that is left, by person and rate."""
    return uow.rows(
        _COMMISSION,
        {"tenant_id": tenant_id, "since": since, "until": until, "staff_id": staff_id, "outlets": outlets},
    )


def figures(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    since: date,
    until: date,
    from_at: datetime,
    to_at: datetime,
    outlets: list[UUID] | None,
) -> list[dict[str, Any]]:
    """Return what each person rang up, undid, took off, opened and agreed to, of business days and of moments."""
    return uow.rows(
        _FIGURES,
        {
            "tenant_id": tenant_id,
            "since": since,
            "until": until,
            "from_at": from_at,
            "to_at": to_at,
            "outlets": outlets,
        },
    )


def set_rate(uow: UnitOfWork, tenant_id: int, values: dict[str, Any]) -> None:
    """Write a rate from a day on, beside what was said before; the person must be locked."""
    uow.run(
        "INSERT INTO commission_rates (tenant_id, staff_id, valid_from, nth, percent, set_at, set_by_id, set_by)"
        " SELECT %(tenant_id)s, %(staff_id)s, %(valid_from)s, coalesce(max(nth), 0) + 1, %(percent)s, %(now)s,"
        " %(by_id)s::uuid, %(by)s FROM commission_rates WHERE tenant_id = %(tenant_id)s"
        " AND staff_id = %(staff_id)s AND valid_from = %(valid_from)s",
        {**values, "tenant_id": tenant_id},
    )


def rate_on(uow: UnitOfWork, tenant_id: int, staff_id: UUID, day: date) -> Decimal | None:
    """Return a person's rate of a day, exactly as it was said for that day; None if nothing was said for it."""
    rows = uow.rows(
        "SELECT percent FROM commission_rates WHERE tenant_id = %s AND staff_id = %s AND valid_from = %s"
        " ORDER BY nth DESC LIMIT 1",
        (tenant_id, staff_id, day),
    )
    return rows[0]["percent"] if rows else None


def rates(uow: UnitOfWork, tenant_id: int, staff_id: UUID | None) -> list[dict[str, Any]]:
    """Return the rates that count, of everybody or of one person, by code and day."""
    return uow.rows(
        "SELECT DISTINCT ON (p.code, c.valid_from) c.staff_id, p.code, p.name, c.valid_from,"
        " c.percent::numeric(7, 4) AS percent, c.set_at,"
        " c.set_by FROM commission_rates c JOIN staff p ON p.tenant_id = c.tenant_id AND p.id = c.staff_id"
        " WHERE c.tenant_id = %(tenant_id)s AND (%(staff_id)s::uuid IS NULL OR c.staff_id = %(staff_id)s)"
        " ORDER BY p.code, c.valid_from, c.nth DESC",
        {"tenant_id": tenant_id, "staff_id": staff_id},
    )
