"""Authorisations: so much of a balance is kept for one sale, for a quarter of an hour.

The till asks before it writes a paid sale to its journal; booking captures in its own transaction. Lock order as in
``ledger``: the account first, its authorisations under it. A coupon's use or a product's stock can be held in the same
table; who holds one keeps its own count, under its own lock, before it comes here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork

LIFETIME: Final = timedelta(minutes=15)
Subject = Literal["coupon", "stock"]
_BATCH: Final = 500

_FIND: Final = """
SELECT a.id, a.account_id, v.kind, a.amount, a.worth, a.expires_at, a.request_hash,
       CASE WHEN a.state = 'held' AND a.expires_at <= %(at)s THEN 'expired' ELSE a.state END AS state
  FROM authorisations a LEFT JOIN value_accounts v ON v.tenant_id = a.tenant_id AND v.id = a.account_id
 WHERE a.tenant_id = %(tenant)s AND a.id = %(id)s
"""

_HOLD: Final = """
WITH locked AS MATERIALIZED (
    SELECT v.id, v.kind, v.balance, v.held, v.floor, v.state, v.expires_on
      FROM value_accounts v WHERE v.tenant_id = %(tenant)s AND v.id = %(account)s FOR UPDATE
), lapsed AS (
    UPDATE authorisations a SET state = 'expired', settled_at = %(at)s FROM locked
     WHERE a.tenant_id = %(tenant)s AND a.account_id = locked.id AND a.state = 'held' AND a.expires_at <= %(at)s
    RETURNING a.amount
), judged AS MATERIALIZED (
    SELECT l.*, f.freed, l.balance - l.held + f.freed - l.floor AS available
      FROM locked l, (SELECT coalesce(sum(amount), 0)::bigint AS freed FROM lapsed) f
), kept AS (
    UPDATE value_accounts v SET held = v.held - j.freed + %(amount)s FROM judged j
     WHERE v.tenant_id = %(tenant)s AND v.id = j.id AND j.state = 'active'
       AND (j.expires_on IS NULL OR j.expires_on >= %(today)s) AND j.available >= %(amount)s
    RETURNING v.id
), made AS (
    INSERT INTO authorisations (tenant_id, id, subject, subject_id, account_id, amount, worth, register_id, sale_id,
                                made_at, expires_at, request_hash, actor)
    SELECT %(tenant)s, %(id)s, 'value', kept.id, kept.id, %(amount)s, %(worth)s::bigint, %(register)s::uuid,
           %(sale)s::uuid, %(at)s, %(expires)s, %(hash)s, %(actor)s
      FROM kept
    RETURNING id
)
SELECT j.kind, j.state, j.expires_on, j.available, EXISTS (SELECT FROM made) AS made FROM judged j
"""
_RELEASE: Final = """
WITH locked AS MATERIALIZED (
    SELECT v.id FROM value_accounts v
      JOIN authorisations a ON a.tenant_id = v.tenant_id AND a.account_id = v.id
     WHERE v.tenant_id = %(tenant)s AND a.id = %(id)s FOR UPDATE OF v
), freed AS (
    UPDATE authorisations a
       SET state = CASE WHEN a.expires_at > %(at)s THEN 'released' ELSE 'expired' END, settled_at = %(at)s
     WHERE a.tenant_id = %(tenant)s AND a.id = %(id)s AND a.state = 'held' AND (SELECT count(*) FROM locked) >= 0
    RETURNING a.account_id, a.amount
)
UPDATE value_accounts v SET held = v.held - freed.amount FROM freed
 WHERE v.tenant_id = %(tenant)s AND v.id = freed.account_id
"""
# At most so many accounts in one transaction; whoever is in use is let be, and is tidied by whoever uses it.
_SWEEP: Final = """
WITH locked AS MATERIALIZED (
    SELECT v.id FROM value_accounts v
     WHERE v.tenant_id = %(tenant)s AND v.held > 0 AND EXISTS (
           SELECT FROM authorisations a WHERE a.tenant_id = v.tenant_id AND a.account_id = v.id AND a.state = 'held'
              AND a.expires_at <= %(at)s)
     ORDER BY v.id LIMIT 500 FOR UPDATE SKIP LOCKED
), lapsed AS (
    UPDATE authorisations a SET state = 'expired', settled_at = %(at)s FROM locked
     WHERE a.tenant_id = %(tenant)s AND a.account_id = locked.id AND a.state = 'held' AND a.expires_at <= %(at)s
    RETURNING a.account_id, a.amount
), freed AS (
    UPDATE value_accounts v SET held = v.held - f.amount
      FROM (SELECT account_id, sum(amount)::bigint AS amount FROM lapsed GROUP BY 1) f
     WHERE v.tenant_id = %(tenant)s AND v.id = f.account_id
    RETURNING v.id
), others AS (
    UPDATE authorisations a SET state = 'expired', settled_at = %(at)s
     WHERE a.tenant_id = %(tenant)s AND a.account_id IS NULL AND a.state = 'held' AND a.expires_at <= %(at)s
    RETURNING a.id
)
SELECT (SELECT count(*) FROM lapsed) + (SELECT count(*) FROM others) AS lapsed, (SELECT count(*) FROM freed) AS accounts
"""


def find(uow: UnitOfWork, tenant_id: int, authorisation_id: UUID, at: datetime) -> dict[str, Any] | None:
    """Return an authorisation as it counts at this moment, or None."""
    found = uow.rows(_FIND, {"tenant": tenant_id, "id": authorisation_id, "at": at})
    return found[0] if found else None


def hold(
    ctx: Context,
    *,
    authorisation_id: UUID,
    account_id: UUID,
    amount: int,
    worth: int | None,
    register_id: UUID | None,
    sale_id: UUID | None,
    fingerprint: bytes,
    day: date,
) -> dict[str, Any] | None:
    """Keep ``amount`` of an account for a sale; return the account as it was, with ``made``, or None without one.

    Where ``made`` is false nothing is kept and the transaction must end.
    """
    at = ctx.clock.now()
    found = ctx.uow.rows(
        _HOLD,
        {
            "tenant": ctx.tenant_id,
            "id": authorisation_id,
            "account": account_id,
            "amount": amount,
            "worth": worth,
            "register": register_id,
            "sale": sale_id,
            "at": at,
            "expires": at + LIFETIME,
            "today": day,
            "hash": fingerprint,
            "actor": ctx.identity.name[:200],
        },
    )
    return found[0] if found else None


def release(ctx: Context, authorisation_id: UUID) -> None:
    """Give back what was kept; one that is settled stays as it is."""
    ctx.uow.run(_RELEASE, {"tenant": ctx.tenant_id, "id": authorisation_id, "at": ctx.clock.now()})


def sweep(uow: UnitOfWork, tenant_id: int, at: datetime) -> int:
    """Let go what has run out, and return how many authorisations that were."""
    lapsed: int = 0
    while True:
        found = uow.rows(_SWEEP, {"tenant": tenant_id, "at": at})[0]
        lapsed += int(found["lapsed"])
        if found["accounts"] < _BATCH:
            return lapsed


_HOLD_OTHER: Final = """
INSERT INTO authorisations (tenant_id, id, subject, subject_id, amount, register_id, sale_id, made_at, expires_at,
                            request_hash, actor)
VALUES (%(tenant)s, %(id)s, %(subject)s, %(what)s, %(amount)s, %(register)s::uuid, %(sale)s::uuid, %(at)s,
        %(expires)s, %(hash)s, %(actor)s)
"""
_HELD_OTHER: Final = """
SELECT coalesce(sum(amount), 0)::bigint AS held FROM authorisations
 WHERE tenant_id = %(tenant)s AND subject_id = %(what)s AND account_id IS NULL AND state = 'held'
   AND expires_at > %(at)s AND id IS DISTINCT FROM %(but)s::uuid
"""
_CAPTURE_OTHER: Final = """
UPDATE authorisations SET state = 'captured', captured = amount, settled_at = %(at)s
 WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s) AND account_id IS NULL AND state = 'held' AND expires_at > %(at)s
RETURNING id
"""


def hold_other(
    ctx: Context,
    *,
    authorisation_id: UUID,
    subject: Subject,
    subject_id: UUID,
    amount: int,
    register_id: UUID | None,
    sale_id: UUID | None,
    fingerprint: bytes,
) -> None:
    """Keep a use of a coupon, or thousandths of a product, for a sale.

    The caller holds the lock of what it is about (the coupon's row, the stock level) and has seen, with
    :func:`held_of_other`, that it holds.
    """
    at = ctx.clock.now()
    ctx.uow.run(
        _HOLD_OTHER,
        {
            "tenant": ctx.tenant_id,
            "id": authorisation_id,
            "subject": subject,
            "what": subject_id,
            "amount": amount,
            "register": register_id,
            "sale": sale_id,
            "at": at,
            "expires": at + LIFETIME,
            "hash": fingerprint,
            "actor": ctx.identity.name[:200],
        },
    )


def held_of_other(ctx: Context, subject_id: UUID, *, but: UUID | None = None) -> int:
    """Return how much of a coupon or product is kept for sales right now, leaving out the authorisation ``but``."""
    values = {"tenant": ctx.tenant_id, "what": subject_id, "at": ctx.clock.now(), "but": but}
    held: int = ctx.uow.rows(_HELD_OTHER, values)[0]["held"]
    return held


def capture_other(ctx: Context, ids: list[UUID]) -> set[UUID]:
    """Capture what a booking names of coupons and stock; return those that held until now."""
    values = {"tenant": ctx.tenant_id, "ids": ids, "at": ctx.clock.now()}
    return {row["id"] for row in ctx.uow.rows(_CAPTURE_OTHER, values)}
