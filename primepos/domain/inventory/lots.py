"""How lots and serial numbers move: a lot is the sum of its movements, and a serial number is a lot of one piece.

Lots are locked in the order of product and lot, and before the stock levels of the same act: value accounts, coupons,
lots, levels, register. What is taken from a lot is checked and taken in one statement; a serial number that two sell
at the same moment is sold once, and a CHECK stands behind that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.domain.inventory.lot_errors import LotDiffers, LotNotHere, LotsExceedStock

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    import psycopg

    from primepos.core.context import Context
    from primepos.core.db import Pipeline

# What is not there cannot be taken: neither a second time, nor more than there is. A till's sale happened, so what it
# names is taken as far as it is there, and the caller is told of the rest by its absence.
_TAKE: Final = """
    WITH given AS MATERIALIZED (
        SELECT x.product_id, x.lot, sum(x.quantity) AS quantity
          FROM json_to_recordset(%(steps)s::json) AS x(product_id uuid, lot text, quantity numeric)
         GROUP BY x.product_id, x.lot
    ), held AS MATERIALIZED (
        SELECT l.product_id, l.lot FROM stock_lots l
          JOIN given g ON g.product_id = l.product_id AND g.lot = l.lot
         WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s
         ORDER BY l.product_id, l.lot FOR UPDATE OF l
    ), taken AS (
        UPDATE stock_lots l SET quantity = l.quantity - g.quantity
          FROM given g JOIN held h ON h.product_id = g.product_id AND h.lot = g.lot
         WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s AND l.product_id = g.product_id AND l.lot = g.lot
           AND l.quantity >= g.quantity
        RETURNING l.product_id, l.lot
    ), moved AS (
        INSERT INTO lot_movements
               (tenant_id, outlet_id, product_id, lot, at, kind, quantity, sale_id, line_no, reason, actor_id,
                actor_name)
        SELECT %(tenant)s, %(outlet)s, x.product_id, x.lot, %(at)s, %(kind)s, -x.quantity, %(sale)s, x.n, %(reason)s,
               %(actor_id)s, %(actor)s
          FROM json_to_recordset(%(steps)s::json) AS x(n int, product_id uuid, lot text, quantity numeric)
          JOIN taken t ON t.product_id = x.product_id AND t.lot = x.lot
    )
    SELECT product_id, lot FROM taken
"""
# What comes back goes where it is taken back, as the lot it was: it expires when it did, whichever outlet it came from.
_PUT: Final = """
    WITH given AS MATERIALIZED (
        SELECT x.product_id, x.lot, max(x.expires_on) AS expires_on, sum(x.quantity) AS quantity
          FROM json_to_recordset(%(steps)s::json)
               AS x(product_id uuid, lot text, expires_on date, quantity numeric)
         GROUP BY x.product_id, x.lot
    ), put AS (
        INSERT INTO stock_lots AS l
               (tenant_id, outlet_id, product_id, lot, is_serial, expires_on, quantity, received_at)
        SELECT %(tenant)s, %(outlet)s, g.product_id, g.lot, p.tracking = 'serial',
               coalesce(g.expires_on, (SELECT max(o.expires_on) FROM stock_lots o
                                        WHERE o.tenant_id = p.tenant_id AND o.product_id = p.id AND o.lot = g.lot)),
               g.quantity, %(at)s
          FROM given g JOIN products p ON p.tenant_id = %(tenant)s AND p.id = g.product_id
         WHERE NOT (%(happened)s AND p.tracking = 'serial' AND EXISTS (
               SELECT FROM stock_lots o WHERE o.tenant_id = p.tenant_id AND o.product_id = p.id AND o.lot = g.lot
                  AND o.is_serial AND o.quantity = 1))
         ORDER BY g.product_id, g.lot
        ON CONFLICT (tenant_id, outlet_id, product_id, lot) DO UPDATE SET quantity = l.quantity + EXCLUDED.quantity
        RETURNING l.product_id, l.lot, l.quantity, l.expires_on
    ), moved AS (
        INSERT INTO lot_movements
               (tenant_id, outlet_id, product_id, lot, at, kind, quantity, sale_id, line_no, reason, actor_id,
                actor_name)
        SELECT %(tenant)s, %(outlet)s, x.product_id, x.lot, %(at)s, %(kind)s, x.quantity, %(sale)s, x.n, %(reason)s,
               %(actor_id)s, %(actor)s
          FROM json_to_recordset(%(steps)s::json) AS x(n int, product_id uuid, lot text, quantity numeric)
          JOIN put ON put.product_id = x.product_id AND put.lot = x.lot
    )
    SELECT product_id, lot, quantity, expires_on FROM put
"""
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class LotStep:
    """So much of a lot, above zero; ``n`` is the line of the sale that it belongs to."""

    product_id: UUID
    lot: str
    quantity: Decimal
    n: int | None = None
    expires_on: date | None = None


def send_take(
    pipe: Pipeline,
    *,
    tenant_id: int,
    outlet_id: UUID,
    kind: str,
    steps: Sequence[LotStep],
    at: datetime,
    actor_id: UUID | None,
    actor: str,
    sale_id: UUID | None = None,
    reason: str | None = None,
) -> psycopg.Cursor[Any]:
    """Send what takes these from their lots; the answer names the lots that had as much."""
    return pipe.execute(_TAKE, _values(tenant_id, outlet_id, kind, steps, at, actor_id, actor, sale_id, reason))


def send_put(
    pipe: Pipeline,
    *,
    tenant_id: int,
    outlet_id: UUID,
    kind: str,
    steps: Sequence[LotStep],
    at: datetime,
    actor_id: UUID | None,
    actor: str,
    sale_id: UUID | None = None,
    reason: str | None = None,
    happened: bool = False,
) -> psycopg.Cursor[Any]:
    """Send what puts these into their lots; ``SERIAL_IN_STOCK`` where a serial number is in stock already.

    What ``happened`` at a till is not refused: such a serial number is left where it is, and missing in the answer.
    """
    values = _values(tenant_id, outlet_id, kind, steps, at, actor_id, actor, sale_id, reason)
    return pipe.execute(_PUT, {**values, "happened": happened})


def _values(
    tenant_id: int,
    outlet_id: UUID,
    kind: str,
    steps: Sequence[LotStep],
    at: datetime,
    actor_id: UUID | None,
    actor: str,
    sale_id: UUID | None,
    reason: str | None,
) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "outlet": outlet_id,
        "kind": kind,
        "steps": _encode(list(steps)).decode(),
        "at": at,
        "sale": sale_id,
        "reason": reason,
        "actor_id": actor_id,
        "actor": actor[:200],
    }


def not_taken(cursor: psycopg.Cursor[Any], steps: Sequence[LotStep]) -> list[str]:
    """Return the lots that had not as much, by name."""
    taken = {(row[0], row[1]) for row in cursor.fetchall()}
    return sorted({each.lot for each in steps if (each.product_id, each.lot) not in taken})


def put_lots(ctx: Context, outlet_id: UUID, kind: str, steps: Sequence[LotStep], reason: str | None) -> None:
    """Put goods into lots. Raises: :class:`LotDiffers` (another day of expiry), ``SERIAL_IN_STOCK``."""
    who = ctx.identity
    with ctx.uow.pipeline() as pipe:
        cursor = send_put(
            pipe,
            tenant_id=ctx.tenant_id,
            outlet_id=outlet_id,
            kind=kind,
            steps=steps,
            at=ctx.clock.now(),
            actor_id=who.actor_id,
            actor=who.name,
            reason=reason,
        )
    said = {(each.product_id, each.lot): each.expires_on for each in steps}
    for product_id, lot, _, expires_on in cursor.fetchall():
        if said[product_id, lot] not in {None, expires_on}:
            raise LotDiffers(lot=lot, sku=str(product_id), expires_on=str(expires_on))


def take_lots(ctx: Context, outlet_id: UUID, kind: str, steps: Sequence[LotStep], reason: str | None) -> None:
    """Take goods out of lots. Raises: :class:`LotNotHere`."""
    who = ctx.identity
    with ctx.uow.pipeline() as pipe:
        cursor = send_take(
            pipe,
            tenant_id=ctx.tenant_id,
            outlet_id=outlet_id,
            kind=kind,
            steps=steps,
            at=ctx.clock.now(),
            actor_id=who.actor_id,
            actor=who.name,
            reason=reason,
        )
    if missing := not_taken(cursor, steps):
        raise LotNotHere(lots=", ".join(missing))


def require_within_stock(
    ctx: Context, outlet_id: UUID, products: Collection[UUID], levels: dict[UUID, Decimal]
) -> None:
    """See that no product has more in lots than in stock, whose level is locked. Raises: :class:`LotsExceedStock`."""
    found = ctx.uow.rows(
        "SELECT l.product_id, p.sku, sum(l.quantity) AS lots FROM stock_lots l"
        " JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id"
        " WHERE l.tenant_id = %s AND l.outlet_id = %s AND l.product_id = ANY(%s) GROUP BY l.product_id, p.sku",
        (ctx.tenant_id, outlet_id, list(products)),
    )
    for row in found:
        if row["lots"] > levels[row["product_id"]]:
            raise LotsExceedStock(sku=row["sku"], lots=str(row["lots"]), stock=str(levels[row["product_id"]]))
