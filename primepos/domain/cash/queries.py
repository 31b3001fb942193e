"""Shifts in the database. The figures read the booked rows of sales and payments, the one source of every total."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_SHIFT = """
SELECT s.id, s.register_id, r.outlet_id, r.kind, s.business_date, s.opened_at, s.opened_by, s.opened_by_id,
       s.opening_float, s.closed_at, s.closed_by, s.closed_by_id, s.expected, s.counted, s.difference, s.z_number,
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
_CASH = """
SELECT coalesce(sum(p.amount), 0)::bigint AS cash FROM sales s
  JOIN payments p ON p.tenant_id = s.tenant_id AND p.sale_id = s.id
 WHERE s.tenant_id = %s AND s.shift_id = %s AND p.kind IN ('cash', 'change')
"""
_CLOSE = """
UPDATE shifts SET closed_at = %(at)s, closed_by_id = %(actor)s, closed_by = %(name)s, expected = %(expected)s,
       counted = %(counted)s, difference = coalesce(%(counted)s::bigint - %(expected)s::bigint, 0),
       z_number = (SELECT coalesce(max(z.z_number), 0) + 1 FROM shifts z
                    WHERE z.tenant_id = %(tenant)s AND z.register_id = %(register)s)
 WHERE tenant_id = %(tenant)s AND id = %(shift)s AND closed_at IS NULL
"""


def find_shift(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> dict[str, Any] | None:
    """Return a shift with its register's outlet, kind and prefix, or None."""
    found = uow.rows(_SHIFT + " AND s.id = %(shift)s", {"tenant": tenant_id, "shift": shift_id})
    return found[0] if found else None


def page_of_shifts(uow: UnitOfWork, tenant_id: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a page of shifts, newest first."""
    return uow.rows(_PAGE, {"tenant": tenant_id, **wanted})


def lock_register(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> dict[str, Any] | None:
    """Lock a register's row: whoever opens, closes or books into its series takes turns here."""
    found = uow.rows(
        "SELECT id, outlet_id, kind, prefix, epoch, open_shift_id, archived_at FROM registers"
        " WHERE tenant_id = %s AND id = %s FOR UPDATE",
        (tenant_id, register_id),
    )
    return found[0] if found else None


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
) -> None:
    """Open a shift and make it the one that the register books into."""
    uow.run(
        "INSERT INTO shifts (tenant_id, id, register_id, business_date, opened_at, opened_by_id, opened_by,"
        " opening_float) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (tenant_id, shift_id, register_id, business_date, opened_at, actor_id, actor, opening_float),
    )
    uow.run(
        "UPDATE registers SET open_shift_id = %s WHERE tenant_id = %s AND id = %s", (shift_id, tenant_id, register_id)
    )


def close_shift(
    uow: UnitOfWork,
    tenant_id: int,
    shift: Mapping[str, Any],
    *,
    at: datetime,
    actor_id: UUID | None,
    actor: str,
    counted: int | None,
) -> None:
    """Close a shift under its register's lock: expected is the counted opening plus the cash of its own sales."""
    cash = uow.rows(_CASH, (tenant_id, shift["id"]))[0]["cash"]
    uow.run(
        _CLOSE,
        {
            "tenant": tenant_id,
            "shift": shift["id"],
            "register": shift["register_id"],
            "at": at,
            "actor": actor_id,
            "name": actor,
            "expected": shift["opening_float"] + cash,
            "counted": counted,
        },
    )
    uow.run(
        "UPDATE registers SET open_shift_id = NULL WHERE tenant_id = %s AND id = %s AND open_shift_id = %s",
        (tenant_id, shift["register_id"], shift["id"]),
    )


def roll_server_shift(uow: UnitOfWork, tenant_id: int, register_id: UUID, day: date, at: datetime) -> UUID | None:
    """See that the server's own register has the shift of business day ``day`` open, closing an older one.

    Returns the shift it opened, or None where another caller was faster. Nobody counts a drawer here: it closes
    itself with nothing counted and no difference.
    """
    register = lock_register(uow, tenant_id, register_id)
    if register is None:
        return None
    if register["open_shift_id"] is not None:
        current = find_shift(uow, tenant_id, register["open_shift_id"])
        if current is not None and current["business_date"] >= day:
            return None
        if current is not None:
            close_shift(uow, tenant_id, current, at=at, actor_id=None, actor="server", counted=None)
    shift_id = new_id()
    insert_shift(
        uow,
        tenant_id,
        shift_id=shift_id,
        register_id=register_id,
        business_date=day,
        opened_at=at,
        actor_id=None,
        actor="server",
        opening_float=0,
    )
    return shift_id


_FIGURES = """
SELECT count(*) FILTER (WHERE kind = 'sale') AS sales, count(*) FILTER (WHERE kind = 'void') AS voids,
       count(*) FILTER (WHERE kind = 'refund') AS refunds,
       coalesce(sum(base), 0)::bigint AS base, coalesce(sum(tax), 0)::bigint AS tax,
       coalesce(sum(rounding), 0)::bigint AS rounding, coalesce(sum(total), 0)::bigint AS total,
       (array_agg(receipt ORDER BY epoch, number))[1] AS first_receipt,
       (array_agg(receipt ORDER BY epoch DESC, number DESC))[1] AS last_receipt,
       count(*) FILTER (WHERE 'LATE' = ANY(flags)) AS late
  FROM sales WHERE tenant_id = %(tenant)s AND shift_id = %(shift)s
"""
_TENDERS = """
SELECT CASE p.kind WHEN 'change' THEN 'cash' ELSE p.kind END AS kind,
       count(*) FILTER (WHERE p.kind <> 'change') AS count, sum(p.amount)::bigint AS amount
  FROM sales s JOIN payments p ON p.tenant_id = s.tenant_id AND p.sale_id = s.id
 WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s
 GROUP BY 1 ORDER BY 1
"""
_TAXES = """
SELECT x.code, x.name, x.rate, sum(x.base)::bigint AS base, sum(x.amount)::bigint AS amount
  FROM sales s JOIN sale_taxes x ON x.tenant_id = s.tenant_id AND x.sale_id = s.id
 WHERE s.tenant_id = %(tenant)s AND s.shift_id = %(shift)s
 GROUP BY 1, 2, 3 ORDER BY 1, 3
"""


def figures(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Return totals, tenders and taxes of a shift: three statements in one round trip."""
    which = {"tenant": tenant_id, "shift": shift_id}
    with uow.pipeline() as pipe:
        head = pipe.execute(_FIGURES, which, as_dicts=True)
        tenders = pipe.execute(_TENDERS, which, as_dicts=True)
        taxes = pipe.execute(_TAXES, which, as_dicts=True)
    return head.fetchone() or {}, tenders.fetchall(), taxes.fetchall()
