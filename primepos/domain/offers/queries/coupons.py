"""Coupons: who may use what, and what is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.ids import new_id
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.offers.errors import CouponNotFound
from primepos.domain.offers.schemas import CouponOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from primepos.core.context import Context

_COUPONS: Final = """
SELECT k.id, k.code, k.promotion_id, p.code AS promotion, k.customer_id, k.most_uses,
       CASE WHEN k.most_uses IS NOT NULL THEN k.used ELSE (
            SELECT coalesce(sum(u.quantity), 0)::bigint FROM coupon_uses u
             WHERE u.tenant_id = k.tenant_id AND u.coupon_id = k.id) END AS used,
       (SELECT count(*) FROM coupon_holds h WHERE h.tenant_id = k.tenant_id AND h.coupon_id = k.id
           AND h.state = 'held' AND h.expires_at > %(at)s) AS held,
       k.valid_from, k.valid_to, k.blocked_at, k.blocked_reason
  FROM coupons k JOIN promotions p ON p.tenant_id = k.tenant_id AND p.id = k.promotion_id
 WHERE k.tenant_id = %(tenant)s
"""


def known_batch(ctx: Context, batch_id: UUID) -> bytes | None:
    """Return the fingerprint of the call that made a batch of coupons, None where there is none."""
    found = ctx.uow.rows(
        "SELECT request_hash FROM coupon_batches WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, batch_id)
    )
    return bytes(found[0]["request_hash"]) if found else None


def add_batch(ctx: Context, batch_id: UUID, promotion_id: UUID, fingerprint: bytes, count: int, at: datetime) -> None:
    """Write down who makes a batch of coupons."""
    who = ctx.identity
    ctx.uow.run(
        "INSERT INTO coupon_batches (tenant_id, id, promotion_id, request_hash, coupons, made_at, made_by_id, made_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (ctx.tenant_id, batch_id, promotion_id, fingerprint, count, at, who.actor_id, who.name[:200]),
    )


def add_coupons(ctx: Context, batch_id: UUID, codes: Sequence[str], values: Mapping[str, Any]) -> None:
    """Add coupons of a batch. Raises: ``DUPLICATE_COUPON``."""
    ctx.uow.run(
        "INSERT INTO coupons"
        " (tenant_id, id, code, batch_id, promotion_id, customer_id, most_uses, valid_from, valid_to)"
        " SELECT %(tenant)s, x.id, x.code, %(batch)s, %(promotion)s, %(customer)s::uuid, %(most_uses)s::bigint,"
        " %(valid_from)s::timestamptz, %(valid_to)s::timestamptz"
        " FROM unnest(%(ids)s::uuid[], %(codes)s::text[]) AS x(id, code)",
        {"tenant": ctx.tenant_id, "batch": batch_id, "ids": [new_id() for _ in codes], "codes": list(codes), **values},
    )


def codes_taken(ctx: Context, codes: Sequence[str]) -> set[str]:
    """Return which of these codes are some coupon's already."""
    found = ctx.uow.rows(
        "SELECT code FROM coupons WHERE tenant_id = %s AND code = ANY(%s)", (ctx.tenant_id, list(codes))
    )
    return {row["code"] for row in found}


def coupons_of_batch(ctx: Context, batch_id: UUID, at: datetime) -> list[CouponOut]:
    """Return the coupons of a batch, by code."""
    asked = {"tenant": ctx.tenant_id, "at": at, "batch": batch_id}
    return [_coupon_out(row) for row in ctx.uow.rows(f"{_COUPONS} AND k.batch_id = %(batch)s ORDER BY k.code", asked)]


def get_coupon(ctx: Context, code: str, at: datetime) -> CouponOut:
    """Return the coupon with this code. Raises ``COUPON_NOT_FOUND``."""
    found = ctx.uow.rows(f"{_COUPONS} AND k.code = %(code)s", {"tenant": ctx.tenant_id, "at": at, "code": code})
    if not found:
        raise CouponNotFound(coupon=code)
    return _coupon_out(found[0])


def list_coupons(
    ctx: Context, at: datetime, *, promotion: UUID | None, customer: UUID | None, after: str | None, limit: int
) -> tuple[list[CouponOut], str | None]:
    """Return a page of coupons by code."""
    asked = {
        "tenant": ctx.tenant_id,
        "at": at,
        "promotion": promotion,
        "customer": customer,
        "after": None if after is None else decode_cursor(after, str)[0],
        "limit": limit + 1,
    }
    rows = ctx.uow.rows(
        f"{_COUPONS} AND (%(promotion)s::uuid IS NULL OR k.promotion_id = %(promotion)s::uuid)"
        " AND (%(customer)s::uuid IS NULL OR k.customer_id = %(customer)s::uuid)"
        " AND (%(after)s::text IS NULL OR k.code > %(after)s::text) ORDER BY k.code LIMIT %(limit)s",
        asked,
    )
    page = [_coupon_out(row) for row in rows[:limit]]
    return page, encode_cursor(page[-1].code) if len(rows) > limit else None


def _coupon_out(row: Mapping[str, Any]) -> CouponOut:
    most = row["most_uses"]
    left = None if most is None else max(0, most - row["used"] - row["held"])
    return CouponOut(**row, left=left)


def block_coupon(ctx: Context, coupon_id: UUID, at: datetime | None, reason: str | None) -> None:
    """Block a coupon, or let it be used again where ``at`` is None."""
    ctx.uow.run(
        "UPDATE coupons SET blocked_at = %s, blocked_reason = %s WHERE tenant_id = %s AND id = %s",
        (at, reason, ctx.tenant_id, coupon_id),
    )


def known_hold(ctx: Context, hold_id: UUID) -> dict[str, Any] | None:
    """Return a held use of a coupon: the coupon's code, the promotion's, state, when it ends, where; or None."""
    found = ctx.uow.rows(
        "SELECT h.coupon_id, k.code, p.code AS promotion, h.state, h.expires_at, h.outlet_id, h.customer_id"
        " FROM coupon_holds h JOIN coupons k ON k.tenant_id = h.tenant_id AND k.id = h.coupon_id"
        " JOIN promotions p ON p.tenant_id = k.tenant_id AND p.id = k.promotion_id"
        " WHERE h.tenant_id = %s AND h.id = %s",
        (ctx.tenant_id, hold_id),
    )
    return found[0] if found else None
