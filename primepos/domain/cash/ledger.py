# ruff: noqa: S608  every statement is put together from constants of this feature
"""What is written around a drawer and in a safe: movements, counts, differences, adjustments, entries of the safe.

A safe's balance is changed under its own row's lock, in one statement that refuses to go below zero, together with
the entry that explains it. The safe's row is the last lock that is taken: after the register's and the shift's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from primepos.core.db import UnitOfWork
from primepos.domain.cash.errors import SafeShort
from primepos.domain.cash.seals import SEALS

_encode = msgspec.json.Encoder().encode


class Counted(Struct, frozen=True, kw_only=True):
    """One count of one currency, and what there should have been."""

    id: UUID
    currency: str
    counted: int
    expected: int | None = None
    denominations: dict[str, int] | None = None


class Variance(Struct, frozen=True, kw_only=True):
    """A difference of one tender: over above zero, short below."""

    id: UUID
    tender: str
    currency: str
    amount: int


Sealed = dict[str, str]

_INSERT_MOVEMENT = (
    "INSERT INTO cash_movements (tenant_id, id, shift_id, kind, currency, amount, reason, reference, moved_at,"
    " recorded_at, actor_id, actor, approved_by_id, approved_by, late) VALUES (%(tenant)s, %(id)s, %(shift)s,"
    " %(kind)s, %(currency)s, %(amount)s, %(reason)s, %(reference)s, %(at)s, %(now)s, %(actor_id)s, %(actor)s,"
    " %(approver_id)s, %(approver)s, %(late)s)"
    " RETURNING id, " + SEALS["cash_movements"] + " AS seal"
)
_INSERT_COUNTS = (
    "INSERT INTO cash_counts (tenant_id, id, shift_id, kind, currency, counted, expected, denominations,"
    " counted_at, actor_id, actor) SELECT %(tenant)s, x.id, %(shift)s, %(kind)s, x.currency, x.counted,"
    " x.expected, x.denominations, %(at)s, %(actor_id)s, %(actor)s FROM json_to_recordset(%(counts)s::json)"
    " AS x(id uuid, currency text, counted bigint, expected bigint, denominations jsonb)"
    " RETURNING id, " + SEALS["cash_counts"] + " AS seal"
)
_INSERT_VARIANCES = (
    "INSERT INTO cash_variances (tenant_id, id, shift_id, kind, tender, currency, amount, reason, business_date,"
    " booked_at, actor_id, actor, approved_by_id, approved_by) SELECT %(tenant)s, x.id, %(shift)s, %(kind)s,"
    " x.tender, x.currency, x.amount, %(reason)s, %(business_date)s, %(at)s, %(actor_id)s, %(actor)s,"
    " %(approver_id)s, %(approver)s FROM json_to_recordset(%(found)s::json)"
    " AS x(id uuid, tender text, currency text, amount bigint)"
    " RETURNING id, " + SEALS["cash_variances"] + " AS seal"
)
_STORE_Z = (
    "INSERT INTO shift_reports (tenant_id, shift_id, register_id, z_number, made_at, figures)"
    " VALUES (%s, %s, %s, %s, %s, %s) RETURNING " + SEALS["shift_reports"] + " AS seal"
)
_MOVEMENT = """
SELECT m.id, m.shift_id, m.kind, m.currency, m.amount, m.reason, m.reference, m.moved_at, m.recorded_at, m.actor_id,
       m.actor, m.approved_by_id, m.approved_by, m.late
  FROM cash_movements m
"""
_MOVEMENTS = (
    _MOVEMENT
    + """
  JOIN shifts s ON s.tenant_id = m.tenant_id AND s.id = m.shift_id
  JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE m.tenant_id = %(tenant)s AND (%(shift)s::uuid IS NULL OR m.shift_id = %(shift)s)
   AND (%(kind)s::text IS NULL OR m.kind = %(kind)s)
   AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
   AND (%(own)s::uuid IS NULL OR s.opened_by_id = %(own)s OR m.actor_id = %(own)s)
   AND (%(after_at)s::timestamptz IS NULL OR (m.moved_at, m.id) < (%(after_at)s, %(after_id)s::uuid))
 ORDER BY m.moved_at DESC, m.id DESC LIMIT %(limit)s
"""
)
_ADJUSTMENT = """
SELECT a.id, a.shift_id, a.currency, a.counted_before, a.counted_after, a.reason, a.proposed_at, a.proposed_by_id,
       a.proposed_by, a.confirmed, a.decided_at, a.decided_by_id, a.decided_by, r.outlet_id, s.business_date
  FROM cash_adjustments a JOIN shifts s ON s.tenant_id = a.tenant_id AND s.id = a.shift_id
  JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE a.tenant_id = %(tenant)s
"""
_ADJUSTMENTS = (
    _ADJUSTMENT
    + """
   AND (%(shift)s::uuid IS NULL OR a.shift_id = %(shift)s)
   AND (%(waiting)s::boolean IS NULL OR (a.confirmed IS NULL) = %(waiting)s)
   AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
   AND (%(after_at)s::timestamptz IS NULL OR (a.proposed_at, a.id) < (%(after_at)s, %(after_id)s::uuid))
 ORDER BY a.proposed_at DESC, a.id DESC LIMIT %(limit)s
"""
)
_VARIANCES = """
SELECT v.id, v.shift_id, r.prefix AS register, v.kind, v.tender, v.currency, v.amount, v.reason, v.business_date,
       v.booked_at, v.actor, v.approved_by
  FROM cash_variances v JOIN shifts s ON s.tenant_id = v.tenant_id AND s.id = v.shift_id
  JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id
 WHERE v.tenant_id = %(tenant)s AND (%(shift)s::uuid IS NULL OR v.shift_id = %(shift)s)
   AND (%(since)s::date IS NULL OR v.business_date >= %(since)s)
   AND (%(until)s::date IS NULL OR v.business_date <= %(until)s)
   AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
   AND (%(after_at)s::timestamptz IS NULL OR (v.booked_at, v.id) < (%(after_at)s, %(after_id)s::uuid))
 ORDER BY v.booked_at DESC, v.id DESC LIMIT %(limit)s
"""
# The lock, and the row where there was none yet.
_LOCK_SAFE = """
INSERT INTO safes AS s (tenant_id, outlet_id, currency, balance, entries)
VALUES (%(tenant)s, %(outlet)s, %(currency)s, 0, 0)
ON CONFLICT (tenant_id, outlet_id, currency) DO UPDATE SET entries = s.entries
RETURNING balance
"""
_MOVE_SAFE = (
    """
WITH safe AS (
    UPDATE safes SET balance = balance + %(amount)s::bigint, entries = entries + 1
     WHERE tenant_id = %(tenant)s AND outlet_id = %(outlet)s AND currency = %(currency)s
       AND balance + %(amount)s::bigint >= 0
    RETURNING balance, entries
)
INSERT INTO safe_entries (tenant_id, id, outlet_id, currency, entry_no, kind, amount, balance, shift_id, reason,
                          reference, moved_at, actor_id, actor, approved_by_id, approved_by)
SELECT %(tenant)s, %(id)s, %(outlet)s, %(currency)s, safe.entries, %(kind)s, %(amount)s, safe.balance, %(shift)s,
       %(reason)s, %(reference)s, %(at)s, %(actor_id)s, %(actor)s, %(approver_id)s, %(approver)s FROM safe
RETURNING id, """
    + SEALS["safe_entries"]
    + " AS seal"
)
_ENTRY = """
SELECT e.id, e.outlet_id, e.currency, e.entry_no, e.kind, e.amount, e.balance, e.shift_id, e.reason, e.reference,
       e.moved_at, e.actor_id, e.actor, e.approved_by FROM safe_entries e WHERE e.tenant_id = %(tenant)s
"""


def _sealed(uow: UnitOfWork, table: str, insert: str, parameters: Mapping[str, Any]) -> Sealed:
    """Run an INSERT that returns seals, and return the seal of each new row by its table and id."""
    found = uow.rows(insert, parameters)
    return {f"{table}:{row['id']}": row["seal"] for row in found}


def find_movement(uow: UnitOfWork, tenant_id: int, movement_id: UUID) -> dict[str, Any] | None:
    """Return one movement, or None."""
    found = uow.rows(f"{_MOVEMENT} WHERE m.tenant_id = %s AND m.id = %s", (tenant_id, movement_id))
    return found[0] if found else None


def insert_movement(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any]) -> Sealed:
    """Write one movement and return its seal; ``amount`` has the drawer's sign."""
    return _sealed(
        uow,
        "cash_movements",
        _INSERT_MOVEMENT,
        {"tenant": tenant_id, **values},
    )


def page_of_movements(uow: UnitOfWork, tenant_id: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a page of movements, newest first."""
    return uow.rows(_MOVEMENTS, {"tenant": tenant_id, **wanted})


def find_count(uow: UnitOfWork, tenant_id: int, count_id: UUID) -> dict[str, Any] | None:
    """Return one count, or None."""
    found = uow.rows(
        "SELECT id, shift_id, kind, currency, counted, expected, denominations, counted_at, actor_id, actor"
        " FROM cash_counts WHERE tenant_id = %s AND id = %s",
        (tenant_id, count_id),
    )
    return found[0] if found else None


def insert_counts(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any], counts: Sequence[Counted]) -> Sealed:
    """Write counts of one moment, one for each currency, and return their seals."""
    return _sealed(
        uow,
        "cash_counts",
        _INSERT_COUNTS,
        {"tenant": tenant_id, "counts": _encode(counts).decode(), **values},
    )


def closing_counts(uow: UnitOfWork, tenant_id: int, shift_id: UUID) -> set[str]:
    """Return the currencies that were counted towards the closing of a shift."""
    found = uow.rows(
        "SELECT DISTINCT currency FROM cash_counts WHERE tenant_id = %s AND shift_id = %s AND kind = 'closing'",
        (tenant_id, shift_id),
    )
    return {row["currency"] for row in found}


def was_counted_by(uow: UnitOfWork, tenant_id: int, shift_id: UUID, counted: int, actor_id: UUID) -> bool:
    """Tell whether somebody has counted this towards the closing of a shift."""
    return bool(
        uow.rows(
            "SELECT id FROM cash_counts WHERE tenant_id = %s AND shift_id = %s AND kind = 'closing' AND counted = %s"
            " AND actor_id = %s LIMIT 1",
            (tenant_id, shift_id, counted, actor_id),
        )
    )


def last_closing_count(uow: UnitOfWork, tenant_id: int, shift_id: UUID, currency: str) -> int:
    """Return what was counted last of a currency towards the closing of a shift, zero where nobody did."""
    found = uow.rows(
        "SELECT counted FROM cash_counts WHERE tenant_id = %s AND shift_id = %s AND currency = %s"
        " AND kind = 'closing' ORDER BY counted_at DESC, id DESC LIMIT 1",
        (tenant_id, shift_id, currency),
    )
    counted: int = found[0]["counted"] if found else 0
    return counted


def book_variances(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any], found: Sequence[Variance]) -> Sealed:
    """Book differences as over or short, one for each tender, and return their seals; those of zero are none."""
    differing = [each for each in found if each.amount]
    if not differing:
        return {}
    return _sealed(
        uow,
        "cash_variances",
        _INSERT_VARIANCES,
        {"tenant": tenant_id, "found": _encode(differing).decode(), "approver_id": None, "approver": None, **values},
    )


def insert_report(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    shift_id: UUID,
    register_id: UUID,
    z_number: int,
    made_at: datetime,
    figures: str,
) -> Sealed:
    """Store the Z of a shift and return its seal; ``figures`` is JSON."""
    found = uow.rows(_STORE_Z, (tenant_id, shift_id, register_id, z_number, made_at, figures))
    return {f"shift_reports:{shift_id}": found[0]["seal"]}


def page_of_variances(uow: UnitOfWork, tenant_id: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a page of booked differences, newest first."""
    return uow.rows(_VARIANCES, {"tenant": tenant_id, **wanted})


def find_adjustment(uow: UnitOfWork, tenant_id: int, adjustment_id: UUID) -> dict[str, Any] | None:
    """Return one adjustment with its shift's outlet and day, or None."""
    found = uow.rows(_ADJUSTMENT + " AND a.id = %(id)s", {"tenant": tenant_id, "id": adjustment_id})
    return found[0] if found else None


def page_of_adjustments(uow: UnitOfWork, tenant_id: int, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a page of adjustments, newest first."""
    return uow.rows(_ADJUSTMENTS, {"tenant": tenant_id, **wanted})


def adjusted_by(uow: UnitOfWork, tenant_id: int, shift_id: UUID, currency: str) -> int:
    """Return what confirmed adjustments have added to a shift's count."""
    found = uow.rows(
        "SELECT coalesce(sum(counted_after - counted_before), 0)::bigint AS amount FROM cash_adjustments"
        " WHERE tenant_id = %s AND shift_id = %s AND currency = %s AND confirmed",
        (tenant_id, shift_id, currency),
    )
    amount: int = found[0]["amount"]
    return amount


def insert_adjustment(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any]) -> None:
    """Write a proposal; the database allows one that waits for each shift and currency."""
    uow.run(
        "INSERT INTO cash_adjustments (tenant_id, id, shift_id, currency, counted_before, counted_after, reason,"
        " proposed_at, proposed_by_id, proposed_by) VALUES (%(tenant)s, %(id)s, %(shift)s, %(currency)s, %(before)s,"
        " %(after)s, %(reason)s, %(at)s, %(actor_id)s, %(actor)s)",
        {"tenant": tenant_id, **values},
    )


def decide_adjustment(
    uow: UnitOfWork,
    tenant_id: int,
    adjustment_id: UUID,
    *,
    confirmed: bool,
    at: datetime,
    actor_id: UUID | None,
    actor: str,
) -> bool:
    """Confirm or refuse a proposal that waits; False where somebody was faster."""
    return bool(
        uow.rows(
            "UPDATE cash_adjustments SET confirmed = %s, decided_at = %s, decided_by_id = %s, decided_by = %s"
            " WHERE tenant_id = %s AND id = %s AND confirmed IS NULL RETURNING id",
            (confirmed, at, actor_id, actor, tenant_id, adjustment_id),
        )
    )


def lock_safe(uow: UnitOfWork, tenant_id: int, outlet_id: UUID, currency: str) -> int:
    """Lock a safe until the commit and return its balance; whoever repeats an act is answered after this."""
    found = uow.rows(_LOCK_SAFE, {"tenant": tenant_id, "outlet": outlet_id, "currency": currency})
    balance: int = found[0]["balance"]
    return balance


def move_safe(uow: UnitOfWork, tenant_id: int, values: Mapping[str, Any]) -> Sealed:
    """Change a safe by ``amount``, with the entry that explains it, unless it would go below zero; return its seal.

    Raises:
        SafeShort: it does not hold that much.
    """
    lock_safe(uow, tenant_id, values["outlet"], values["currency"])
    sealed = _sealed(uow, "safe_entries", _MOVE_SAFE, {"tenant": tenant_id, **values})
    if not sealed:
        raise SafeShort(amount=-values["amount"], currency=values["currency"])
    return sealed


def find_entry(uow: UnitOfWork, tenant_id: int, entry_id: UUID) -> dict[str, Any] | None:
    """Return one entry of a safe, or None."""
    found = uow.rows(_ENTRY + " AND e.id = %(id)s", {"tenant": tenant_id, "id": entry_id})
    return found[0] if found else None


def entries_of(
    uow: UnitOfWork, tenant_id: int, outlet_id: UUID, currency: str, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Return a page of a safe's entries, newest first, numbered below ``before``."""
    return uow.rows(
        _ENTRY + " AND e.outlet_id = %(outlet)s AND e.currency = %(currency)s"
        " AND (%(before)s::bigint IS NULL OR e.entry_no < %(before)s) ORDER BY e.entry_no DESC LIMIT %(limit)s",
        {"tenant": tenant_id, "outlet": outlet_id, "currency": currency, "before": before, "limit": limit},
    )


def safes(
    uow: UnitOfWork, tenant_id: int, *, outlet_id: UUID | None, outlets: list[UUID] | None
) -> list[dict[str, Any]]:
    """Return what the safes hold, by outlet and currency."""
    return uow.rows(
        "SELECT s.outlet_id, o.name AS outlet, s.currency, s.balance, s.entries FROM safes s"
        " JOIN outlets o ON o.tenant_id = s.tenant_id AND o.id = s.outlet_id WHERE s.tenant_id = %(tenant)s"
        " AND (%(outlet)s::uuid IS NULL OR s.outlet_id = %(outlet)s)"
        " AND (%(outlets)s::uuid[] IS NULL OR s.outlet_id = ANY(%(outlets)s)) ORDER BY o.name, o.id, s.currency",
        {"tenant": tenant_id, "outlet": outlet_id, "outlets": outlets},
    )


def outlet_exists(uow: UnitOfWork, tenant_id: int, outlet_id: UUID) -> bool:
    """Tell whether the tenant has this outlet."""
    return bool(uow.rows("SELECT id FROM outlets WHERE tenant_id = %s AND id = %s", (tenant_id, outlet_id)))
