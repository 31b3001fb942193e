"""Shifts in the database. The figures read the booked rows of sales, payments and movements, the source of every total.

Lock order of this feature: the register's row, then the shift's, then the safe's. A sale takes its stock levels before
the register's row, and nothing here touches stock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_SHIFT = """
SELECT s.id, s.register_id, r.outlet_id, r.kind, s.business_date, s.opened_at, s.opened_by, s.opened_by_id,
       s.opening_float, s.closed_at, s.closed_by, s.closed_by_id, s.expected, s.counted, s.difference, s.z_number,
       s.expected_float, s.opening_float - s.expected_float AS opening_difference, s.opening_reason,
       s.ended_at, s.ended_by, s.ended_by_id, s.taken_out, s.reason, s.approved_by, s.approved_by_id, s.forced, s.rules,
       r.prefix AS register
  FROM shifts s JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE s.tenant_id = %(tenant)s
"""
_PAGE = (
    _SHIFT
    + """
   AND (%(register)s::uuid IS NULL OR s.register_id = %(register)s)
   AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
   AND (%(is_open)s::boolean IS NULL OR (s.closed_at IS NULL) = %(is_open)s)
   AND (%(after_at)s::timestamptz IS NULL OR (s.opened_at, s.id) < (%(after_at)s, %(after_id)s::uuid))
 ORDER BY s.opened_at DESC, s.id DESC
 LIMIT %(limit)s
"""
)
# What a drawer should hold, by currency: what was counted into it, plus its own sales' cash less change, plus what was
# moved. What came in after the closing is on the supplement, never in here.
_DRAWER = """
SELECT x.currency, sum(x.amount)::bigint AS expected FROM (
    SELECT t.currency, s.opening_float AS amount
      FROM shifts s JOIN tenants t ON t.id = s.tenant_id WHERE s.tenant_id = %(tenant)s AND s.id = %(shift)s
    UNION ALL
    SELECT CASE WHEN p.foreign_amount IS NULL THEN t.currency ELSE p.currency END,
           coalesce(p.foreign_amount, p.amount)
      FROM sales s JOIN tenants t ON t.id = s.tenant_id
      JOIN payments p ON p.tenant_id = s.tenant_id AND p.sale_id = s.id AND p.kind IN ('cash', 'change')
     WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s AND NOT 'LATE' = ANY(s.flags)
    UNION ALL
    SELECT m.currency, m.amount FROM cash_movements m
     WHERE m.tenant_id = %(tenant)s AND m.shift_id = %(shift)s AND NOT m.late
    UNION ALL
    SELECT c.currency, c.counted FROM cash_counts c JOIN tenants t ON t.id = c.tenant_id
     WHERE c.tenant_id = %(tenant)s AND c.shift_id = %(shift)s AND c.kind = 'opening' AND c.currency <> t.currency
) x GROUP BY x.currency ORDER BY x.currency
"""
_CLOSE = """
UPDATE shifts SET closed_at = %(at)s, closed_by_id = %(actor)s, closed_by = %(name)s, expected = %(expected)s,
       counted = %(counted)s, difference = coalesce(%(counted)s::bigint - %(expected)s::bigint, 0),
       ended_at = coalesce(ended_at, %(at)s), ended_by_id = CASE WHEN ended_at IS NULL THEN %(actor)s::uuid
       ELSE ended_by_id END, ended_by = coalesce(ended_by, %(name)s), taken_out = %(taken_out)s, reason = %(reason)s,
       approved_by_id = %(approver)s, approved_by = %(approver_name)s, forced = %(forced)s,
       z_number = (SELECT coalesce(max(z.z_number), 0) + 1 FROM shifts z
                    WHERE z.tenant_id = %(tenant)s AND z.register_id = %(register)s)
 WHERE tenant_id = %(tenant)s AND id = %(shift)s AND closed_at IS NULL
"""
# What the last closing of this register left in its drawer: its count, as adjusted since, less what went to the safe.
_LEFT = """
SELECT (s.counted - s.taken_out + coalesce((
           SELECT sum(a.counted_after - a.counted_before) FROM cash_adjustments a JOIN tenants t ON t.id = a.tenant_id
            WHERE a.tenant_id = s.tenant_id AND a.shift_id = s.id AND a.confirmed AND a.currency = t.currency
       ), 0))::bigint AS left_in_drawer
  FROM shifts s WHERE s.tenant_id = %s AND s.register_id = %s AND s.z_number IS NOT NULL
 ORDER BY s.z_number DESC LIMIT 1
"""


def find_shift(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> dict[str, Any] | None:
    """Return a shift with its register's outlet, kind and prefix, or None."""
    found = uow.rows(_SHIFT + " AND s.id = %(shift)s", {"tenant": tenant_id, "shift": shift_id})
    return found[0] if found else None


def page_of_shifts(uow: UnitOfWork, tenant_id: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a page of shifts, newest first."""
    return uow.rows(_PAGE, {"tenant": tenant_id, **wanted})


def lock_register(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> dict[str, Any] | None:
    """Lock a register's row: whoever opens, closes, moves cash or books into its series takes turns here."""
    found = uow.rows(
        "SELECT id, outlet_id, kind, prefix, epoch, open_shift_id, archived_at FROM registers"
        " WHERE tenant_id = %s AND id = %s FOR UPDATE",
        (tenant_id, register_id),
    )
    return found[0] if found else None


def lock_shift(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> None:
    """Lock a shift's row: whoever proposes or decides another count for it takes turns here."""
    uow.run("SELECT FROM shifts WHERE tenant_id = %s AND id = %s FOR UPDATE", (tenant_id, shift_id))


def left_in_drawer(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> int | None:
    """Return what the last closing left in a register's drawer; None where nobody counted, or there was none."""
    found = uow.rows(_LEFT, (tenant_id, register_id))
    left: int | None = found[0]["left_in_drawer"] if found else None
    return left


def insert_shift(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    shift_id: UUID,
    register_id: UUID,
    business_date: date,
    opened_at: datetime,
    actor_id: UUID | None,
    actor: str,
    opening_float: int,
    expected_float: int | None = None,
    reason: str | None = None,
    rules: str = "{}",
) -> None:
    """Open a shift and make it the one that the register books into; ``rules`` is JSON."""
    uow.run(
        "INSERT INTO shifts (tenant_id, id, register_id, business_date, opened_at, opened_by_id, opened_by,"
        " opening_float, expected_float, opening_reason, rules) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tenant_id,
            shift_id,
            register_id,
            business_date,
            opened_at,
            actor_id,
            actor,
            opening_float,
            expected_float,
            reason,
            rules,
        ),
    )
    uow.run(
        "UPDATE registers SET open_shift_id = %s WHERE tenant_id = %s AND id = %s", (shift_id, tenant_id, register_id)
    )


def drawer(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> dict[str, int]:
    """Return what the drawer of a shift should hold by now, by currency, in minor units of each."""
    found = uow.rows(_DRAWER, {"tenant": tenant_id, "shift": shift_id})
    return {row["currency"]: row["expected"] for row in found}


def write_closing(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any]) -> None:
    """Close a shift under its register's lock and number it; the register books into none from then on."""
    uow.run(_CLOSE, {"tenant": tenant_id, **values})
    uow.run(
        "UPDATE registers SET open_shift_id = NULL WHERE tenant_id = %s AND id = %s AND open_shift_id = %s",
        (tenant_id, values["register"], values["shift"]),
    )


def end_shift(
    uow: UnitOfWork, tenant_id: int, shift_id: UUID, *, at: datetime, actor_id: UUID | None, who: str
) -> bool:
    """Say that a shift sells no more; False where it was said before, or the shift is closed."""
    return bool(
        uow.rows(
            "UPDATE shifts SET ended_at = %s, ended_by_id = %s, ended_by = %s"
            " WHERE tenant_id = %s AND id = %s AND ended_at IS NULL AND closed_at IS NULL RETURNING id",
            (at, actor_id, who, tenant_id, shift_id),
        )
    )


def join_shift(uow: UnitOfWork, tenant_id: int, shift_id: UUID, *, actor_id: UUID, name: str, at: datetime) -> None:
    """Remember who signed in while a shift is open; the first time counts."""
    uow.run(
        "INSERT INTO shift_people (tenant_id, shift_id, actor_id, name, joined_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (tenant_id, shift_id, actor_id, name, at),
    )


_FIGURES = """
SELECT count(*) FILTER (WHERE kind = 'sale') AS sales, count(*) FILTER (WHERE kind = 'void') AS voids,
       count(*) FILTER (WHERE kind = 'refund') AS refunds,
       coalesce(sum(base), 0)::bigint AS base, coalesce(sum(tax), 0)::bigint AS tax,
       coalesce(sum(rounding), 0)::bigint AS rounding, coalesce(sum(value), 0)::bigint AS value,
       coalesce(sum(total), 0)::bigint AS total,
       (array_agg(receipt ORDER BY epoch, number))[1] AS first_receipt,
       (array_agg(receipt ORDER BY epoch DESC, number DESC))[1] AS last_receipt
  FROM sales WHERE tenant_id = %(tenant)s AND shift_id = %(shift)s AND 'LATE' = ANY(flags) = %(late)s
"""
_TENDERS = """
SELECT CASE p.kind WHEN 'change' THEN 'cash' ELSE p.kind END AS kind,
       count(*) FILTER (WHERE p.kind <> 'change') AS count, sum(p.amount)::bigint AS amount
  FROM sales s JOIN payments p ON p.tenant_id = s.tenant_id AND p.sale_id = s.id
 WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s AND 'LATE' = ANY(s.flags) = %(late)s
 GROUP BY 1 ORDER BY 1
"""
_TAXES = """
SELECT x.code, x.name, x.rate, sum(x.base)::bigint AS base, sum(x.amount)::bigint AS amount
  FROM sales s JOIN sale_taxes x ON x.tenant_id = s.tenant_id AND x.sale_id = s.id
 WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s AND 'LATE' = ANY(s.flags) = %(late)s
 GROUP BY 1, 2, 3 ORDER BY 1, 3
"""
_MOVED = """
SELECT kind, currency, count(*) AS count, sum(amount)::bigint AS amount FROM cash_movements
 WHERE tenant_id = %(tenant)s AND shift_id = %(shift)s AND late = %(late)s GROUP BY 1, 2 ORDER BY 1, 2
"""
_PERSONS = """
SELECT x.name, count(*) FILTER (WHERE x.kind = 'sale') AS sales, count(*) FILTER (WHERE x.kind = 'void') AS voids,
       count(*) FILTER (WHERE x.kind = 'refund') AS refunds, count(*) FILTER (WHERE x.kind = 'no_sale') AS no_sales
  FROM (SELECT s.cashier_id AS who, s.cashier AS name, s.kind FROM sales s
         WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s AND 'LATE' = ANY(s.flags) = %(late)s
        UNION ALL
        SELECT m.actor_id, m.actor, m.kind FROM cash_movements m
         WHERE m.tenant_id = %(tenant)s AND m.shift_id = %(shift)s AND m.late = %(late)s AND m.kind = 'no_sale') x
 GROUP BY x.who, x.name ORDER BY x.name, x.who
"""
_PEOPLE = """
SELECT p.name FROM shift_people p WHERE p.tenant_id = %(tenant)s AND p.shift_id = %(shift)s
 ORDER BY p.joined_at, p.name
"""


def figures(uow: UnitOfWork, tenant_id: int, shift_id: UUID, *, late: bool = False) -> dict[str, Any]:
    """Return totals, tenders, taxes, movements and people of a shift, in one round trip.

    ``late`` asks for what came in after the closing, and only that.
    """
    which = {"tenant": tenant_id, "shift": shift_id, "late": late}
    with uow.pipeline() as pipe:
        head = pipe.execute(_FIGURES, which, as_dicts=True)
        tenders = pipe.execute(_TENDERS, which, as_dicts=True)
        taxes = pipe.execute(_TAXES, which, as_dicts=True)
        moved = pipe.execute(_MOVED, which, as_dicts=True)
        persons = pipe.execute(_PERSONS, which, as_dicts=True)
        people = pipe.execute(_PEOPLE, which, as_dicts=True)
    return {
        **(head.fetchone() or {}),
        "tenders": tenders.fetchall(),
        "taxes": taxes.fetchall(),
        "movements": moved.fetchall(),
        "persons": persons.fetchall(),
        "people": [row["name"] for row in people.fetchall()],
    }


# From the last closed period on: what a fiscal closing covers has no hole.
_MISSING = """
WITH base AS (
    SELECT coalesce(max(c.to_number), 0) AS number FROM fiscal_closings c
     WHERE c.tenant_id = %(tenant)s AND c.register_id = %(register)s AND c.epoch = %(epoch)s
)
SELECT n.number FROM base, generate_series(base.number + 1, %(number)s::bigint) AS n(number)
 WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = %(tenant)s AND s.register_id = %(register)s
                      AND s.epoch = %(epoch)s AND s.number = n.number)
 ORDER BY n.number LIMIT %(limit)s
"""


def missing_receipts(
    uow: UnitOfWork, tenant_id: int, shift: Mapping[str, Any], *, epoch: int, number: int, limit: int = 100
) -> list[str]:
    """Return the receipts up to ``number`` that a register has printed and no sale here has, the lowest first."""
    asked = {"tenant": tenant_id, "register": shift["register_id"], "epoch": epoch, "number": number, "limit": limit}
    return [f"{shift['register']}-{row['number']:06d}" for row in uow.rows(_MISSING, asked)]


def held_at(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> list[str]:
    """Return the sales on hold that the server knows to be of a register, each in a few words, the oldest first."""
    found = uow.rows(
        "SELECT number, label, total, created_by FROM orders WHERE tenant_id = %s AND owner_register_id = %s"
        " AND kind = 'held' AND state = 'open' ORDER BY number LIMIT 100",
        (tenant_id, register_id),
    )
    return [
        f"{row['number']}: {row['label'] or row['created_by']}, {row['total']}"
        if row["label"] or row["created_by"]
        else f"{row['number']}: {row['total']}"
        for row in found
    ]


def home_currency(uow: UnitOfWork, tenant_id: int) -> str:
    """Return the currency that a tenant sells in."""
    code: str = uow.rows("SELECT currency FROM tenants WHERE id = %s", (tenant_id,))[0]["currency"]
    return code


def stored_report(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> dict[str, Any] | None:
    """Return the figures of a shift's Z as they were stored; None where it was closed before they were."""
    found = uow.rows("SELECT figures FROM shift_reports WHERE tenant_id = %s AND shift_id = %s", (tenant_id, shift_id))
    return found[0]["figures"] if found else None


def denominations(uow: UnitOfWork, tenant_id: int, currency: str) -> list[tuple[int, str]]:
    """Return the coins and notes that a tenant has set for a currency, smallest first."""
    found = uow.rows(
        "SELECT value, kind FROM denominations WHERE tenant_id = %s AND currency = %s ORDER BY value",
        (tenant_id, currency),
    )
    return [(row["value"], row["kind"]) for row in found]


def set_denominations(uow: UnitOfWork, tenant_id: int, currency: str, items: list[tuple[int, str]]) -> None:
    """Put these coins and notes in the place of what a tenant had set for a currency.

    Two who set them at once take turns at the tenant's row, so that none of one stays among those of the other.
    """
    uow.run("SELECT FROM tenants WHERE id = %s FOR NO KEY UPDATE", (tenant_id,))
    uow.run("DELETE FROM denominations WHERE tenant_id = %s AND currency = %s", (tenant_id, currency))
    uow.run(
        "INSERT INTO denominations (tenant_id, currency, value, kind)"
        " SELECT %s, %s, x.value, x.kind FROM unnest(%s::bigint[], %s::text[]) AS x(value, kind)",
        (tenant_id, currency, [value for value, _ in items], [kind for _, kind in items]),
    )
