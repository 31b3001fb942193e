"""Uses of coupons: a shared balance, checked and changed in one guarded statement.

``used + held`` of a coupon may not pass ``most_uses``. Whoever wants a use locks the coupon's row first (several by
id), and whoever finds a hold that has expired ends it in the same statement; a coupon without end keeps no balance and
is not locked. Lock order of a booking: coupons by id, each before its holds, then stock levels and the register's row.
"""
# ruff: noqa: S608 - statements are put together from the constants of this module; values are parameters

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline, UnitOfWork

LIFETIME: Final = timedelta(minutes=15)

_ASKED: Final = (
    "asked AS MATERIALIZED"
    " (SELECT x.coupon, x.hold FROM json_to_recordset(%(uses)s::json) AS x(coupon uuid, hold uuid))"
)
_EXPIRE: Final = """
    expired AS (
        UPDATE coupon_holds h SET state = 'expired', settled_at = %(at)s FROM locked
         WHERE h.tenant_id = %(tenant)s AND h.coupon_id = locked.id AND h.state = 'held' AND h.expires_at <= %(at)s
           AND h.id NOT IN (SELECT hold FROM asked WHERE hold IS NOT NULL)
        RETURNING h.coupon_id
    )
"""
TAKE: Final = f"""
WITH {_ASKED}, locked AS MATERIALIZED (
        SELECT c.id FROM coupons c WHERE c.tenant_id = %(tenant)s AND c.id IN (SELECT coupon FROM asked)
           AND c.most_uses IS NOT NULL ORDER BY c.id FOR UPDATE
    ), {_EXPIRE}, captured AS (
        UPDATE coupon_holds h SET state = 'captured', settled_at = %(at)s, sale_id = %(sale)s FROM asked
         WHERE h.tenant_id = %(tenant)s AND h.id = asked.hold AND h.coupon_id = asked.coupon AND h.state = 'held'
           AND (SELECT count(*) FROM locked) >= 0
        RETURNING h.coupon_id
    ), freed AS (
        SELECT l.id, (SELECT count(*) FROM captured k WHERE k.coupon_id = l.id)
                     + (SELECT count(*) FROM expired e WHERE e.coupon_id = l.id) AS n
          FROM locked l
    ), taken AS (
        UPDATE coupons c SET used = c.used + 1, held = c.held - freed.n FROM freed
         WHERE c.tenant_id = %(tenant)s AND c.id = freed.id
           AND (%(happened)s::boolean OR (c.blocked_at IS NULL AND c.used + c.held - freed.n < c.most_uses))
        RETURNING c.id, c.used > c.most_uses AS is_over
    )
SELECT a.coupon, coalesce(t.is_over, false) FROM asked a JOIN coupons c ON c.tenant_id = %(tenant)s AND c.id = a.coupon
  LEFT JOIN taken t ON t.id = a.coupon
 WHERE t.id IS NOT NULL OR (c.most_uses IS NULL AND (%(happened)s::boolean OR c.blocked_at IS NULL))
"""
_LOG: Final = """
INSERT INTO coupon_uses (tenant_id, coupon_id, sale_id, quantity, by_sale_id, customer_id, at)
SELECT %(tenant)s, x.coupon, %(sale)s, 1, %(sale)s, %(customer)s::uuid, %(at)s
  FROM json_to_recordset(%(uses)s::json) AS x(coupon uuid, hold uuid)
"""
_HOLD: Final = f"""
WITH asked AS (SELECT NULL::uuid AS hold), locked AS MATERIALIZED (
        SELECT c.id, c.most_uses FROM coupons c WHERE c.tenant_id = %(tenant)s AND c.id = %(coupon)s FOR UPDATE
    ), {_EXPIRE}, taken AS (
        UPDATE coupons c SET held = c.held + 1 - (SELECT count(*) FROM expired) FROM locked
         WHERE c.tenant_id = %(tenant)s AND c.id = locked.id AND c.blocked_at IS NULL
           AND c.used + c.held - (SELECT count(*) FROM expired) < c.most_uses
        RETURNING c.id
    )
INSERT INTO coupon_holds (tenant_id, id, coupon_id, outlet_id, register_id, customer_id, held_at, expires_at, actor_id,
                          actor_name)
SELECT %(tenant)s, %(id)s, locked.id, %(outlet)s, %(register)s::uuid, %(customer)s::uuid, %(at)s, %(expires)s,
       %(actor_id)s::uuid, %(actor)s
  FROM locked WHERE locked.most_uses IS NULL OR EXISTS (SELECT FROM taken)
RETURNING id
"""
_RELEASE: Final = """
WITH locked AS MATERIALIZED (
        SELECT c.id FROM coupons c JOIN coupon_holds h ON h.tenant_id = c.tenant_id AND h.coupon_id = c.id
         WHERE h.tenant_id = %(tenant)s AND h.id = %(id)s FOR UPDATE OF c
    ), released AS (
        UPDATE coupon_holds h SET state = CASE WHEN h.expires_at > %(at)s THEN 'released' ELSE 'expired' END,
               settled_at = %(at)s
          FROM locked WHERE h.tenant_id = %(tenant)s AND h.id = %(id)s AND h.state = 'held'
        RETURNING h.coupon_id
    )
UPDATE coupons c SET held = c.held - 1 FROM released
 WHERE c.tenant_id = %(tenant)s AND c.id = released.coupon_id AND c.most_uses IS NOT NULL
"""
_SWEEP: Final = """
WITH locked AS MATERIALIZED (
        SELECT c.tenant_id, c.id FROM coupons c
         WHERE EXISTS (SELECT FROM coupon_holds h WHERE h.tenant_id = c.tenant_id AND h.coupon_id = c.id
                          AND h.state = 'held' AND h.expires_at <= %(at)s)
         ORDER BY c.tenant_id, c.id LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), expired AS (
        UPDATE coupon_holds h SET state = 'expired', settled_at = %(at)s FROM locked
         WHERE h.tenant_id = locked.tenant_id AND h.coupon_id = locked.id AND h.state = 'held'
           AND h.expires_at <= %(at)s
        RETURNING h.tenant_id, h.coupon_id
    ), freed AS (
        UPDATE coupons c SET held = c.held - e.n
          FROM (SELECT tenant_id, coupon_id, count(*) AS n FROM expired GROUP BY 1, 2) e
         WHERE c.tenant_id = e.tenant_id AND c.id = e.coupon_id AND c.most_uses IS NOT NULL
    )
SELECT count(*) AS expired FROM expired
"""
# Two statements: who waited for the coupon's row then sees what the other has taken back meanwhile.
_LOCK_USED: Final = """
SELECT c.id FROM coupons c
 WHERE c.tenant_id = %(tenant)s AND c.id IN (
       SELECT u.coupon_id FROM coupon_uses u WHERE u.tenant_id = %(tenant)s AND u.sale_id = ANY(%(sales)s::uuid[]))
 ORDER BY c.id FOR UPDATE
"""
_GIVE_BACK: Final = """
WITH now_back AS (
        SELECT x.sale, x.line, sum(x.quantity) AS quantity
          FROM json_to_recordset(%(returns)s::json) AS x(sale uuid, line bigint, quantity numeric) GROUP BY 1, 2
    ), whole AS (
        SELECT s.id FROM unnest(%(sales)s::uuid[]) AS s(id)
         WHERE %(all)s::boolean OR NOT EXISTS (
               SELECT FROM sale_lines l
                WHERE l.tenant_id = %(tenant)s AND l.sale_id = s.id AND l.quantity > 0
                  AND l.quantity > coalesce((SELECT sum(b.quantity) FROM sale_returns b WHERE b.tenant_id = l.tenant_id
                                                AND b.of_sale_id = l.sale_id AND b.of_line_no = l.line_no), 0)
                                   + coalesce((SELECT n.quantity FROM now_back n
                                                WHERE n.sale = l.sale_id AND n.line = l.line_no), 0))
    ), back AS (
        INSERT INTO coupon_uses (tenant_id, coupon_id, sale_id, quantity, by_sale_id, customer_id, at)
        SELECT u.tenant_id, u.coupon_id, u.sale_id, -1, %(by)s, u.customer_id, %(at)s
          FROM coupon_uses u JOIN whole ON whole.id = u.sale_id
         WHERE u.tenant_id = %(tenant)s AND u.quantity = 1
            ON CONFLICT DO NOTHING
        RETURNING coupon_id
    )
UPDATE coupons c SET used = c.used - (SELECT count(*) FROM back b WHERE b.coupon_id = c.id)
 WHERE c.tenant_id = %(tenant)s AND c.id IN (SELECT coupon_id FROM back) AND c.most_uses IS NOT NULL
"""
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class CouponUse:
    """One use of a coupon by a sale, perhaps one that was held for it."""

    coupon: UUID
    hold: UUID | None = None


def send_take(
    pipe: Pipeline, tenant_id: int, sale_id: UUID, uses: Sequence[CouponUse], at: datetime, *, happened: bool = False
) -> psycopg.Cursor[Any]:
    """Take one use of each coupon for a sale; before the booking. Gives ``(coupon, is beyond its uses)`` for each.

    A coupon that does not come back was not to be had: the caller refuses, and nothing stays. With ``happened`` a till
    has taken it already, so it is counted all the same.
    """
    asked = {"tenant": tenant_id, "sale": sale_id, "uses": _encode(uses).decode(), "at": at, "happened": happened}
    return pipe.execute(TAKE, asked)


def send_log(
    pipe: Pipeline, tenant_id: int, sale_id: UUID, uses: Sequence[CouponUse], customer: UUID | None, at: datetime
) -> None:
    """Write down the uses that were taken; after the booking, whose row they name."""
    told = {"tenant": tenant_id, "sale": sale_id, "uses": _encode(uses).decode(), "customer": customer, "at": at}
    pipe.execute(_LOG, told)


def send_give_back(
    pipe: Pipeline,
    tenant_id: int,
    *,
    by: UUID,
    sales: Sequence[UUID],
    returns: Sequence[tuple[UUID, int, str]],
    at: datetime,
    whole: bool,
) -> None:
    """Give the uses of sales back that a void (``whole``) or a refund undoes; before the booking of ``by``.

    A refund gives them back where, with ``returns`` (sale, line, quantity), everything that was sold has come back.
    """
    back = _encode([{"sale": sale, "line": line, "quantity": quantity} for sale, line, quantity in returns]).decode()
    which = {"tenant": tenant_id, "sales": list(sales), "by": by, "returns": back, "at": at, "all": whole}
    pipe.execute(_LOCK_USED, {"tenant": tenant_id, "sales": list(sales)})
    pipe.execute(_GIVE_BACK, which)


def hold(
    ctx: Context, hold_id: UUID, coupon: UUID, *, outlet: UUID, customer: UUID | None, at: datetime
) -> datetime | None:
    """Keep one use of a coupon for :data:`LIFETIME`; return when it ends, None where there is none left."""
    who = ctx.identity
    expires = at + LIFETIME
    made = ctx.uow.rows(
        _HOLD,
        {
            "tenant": ctx.tenant_id,
            "id": hold_id,
            "coupon": coupon,
            "outlet": outlet,
            "register": who.register_id,
            "customer": customer,
            "at": at,
            "expires": expires,
            "actor_id": who.actor_id,
            "actor": who.name[:200],
        },
    )
    return expires if made else None


def release(ctx: Context, hold_id: UUID, at: datetime) -> None:
    """Give a held use back; one that is settled stays as it is."""
    ctx.uow.run(_RELEASE, {"tenant": ctx.tenant_id, "id": hold_id, "at": at})


def sweep(uow: UnitOfWork, at: datetime) -> int:
    """End holds that have expired, of every tenant this transaction may see, a thousand coupons at a time.

    Whoever wants a coupon does this for it anyway; this is for those that nobody asks for.
    """
    ended = 0
    while found := uow.rows(_SWEEP, {"at": at})[0]["expired"]:
        ended += int(found)
    return ended
