"""What a shop lays down about its stock: reasons for corrections, reorder points, what happens below zero.

The reasons below are every tenant's from the start; a tenant's own of the same code takes its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.inventory import ledger
from primepos.domain.inventory.errors import ReasonUnknown
from primepos.domain.inventory.queries import outlets_of
from primepos.domain.inventory.schemas import LowPage, LowRow, PolicyOut, ReasonOut

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.inventory.schemas import ListLow, SetReason, SetReorder

REASONS: Final = (
    ReasonOut(code="correction", name="Correction", direction="either", archived=False),
    ReasonOut(code="damage", name="Damaged", direction="out", archived=False),
    ReasonOut(code="expired", name="Expired", direction="out", archived=False),
    ReasonOut(code="found", name="Found", direction="in", archived=False),
    ReasonOut(code="gift", name="Given away", direction="out", archived=False),
    ReasonOut(code="own-use", name="Own use", direction="out", archived=False),
    ReasonOut(code="theft", name="Stolen", direction="out", archived=False),
)

_REASONS: Final = (
    "SELECT code, name, direction, archived_at IS NOT NULL AS archived FROM stock_reasons WHERE tenant_id = %s"
)
_SET_REASON: Final = """
    INSERT INTO stock_reasons AS r (tenant_id, code, name, direction, archived_at)
    VALUES (%(tenant)s, %(code)s, %(name)s, %(direction)s, %(archived_at)s)
    ON CONFLICT (tenant_id, code) DO UPDATE
       SET name = EXCLUDED.name, direction = EXCLUDED.direction,
           archived_at = CASE WHEN EXCLUDED.archived_at IS NULL THEN NULL
                              ELSE coalesce(r.archived_at, EXCLUDED.archived_at) END
"""
_SET_REORDER: Final = """
    INSERT INTO stock_rules (tenant_id, outlet_id, product_id, minimum, target)
    VALUES (%(tenant)s, %(outlet)s, %(product)s, %(minimum)s, %(target)s)
    ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE
       SET minimum = EXCLUDED.minimum, target = EXCLUDED.target
"""
_END_REORDER: Final = "DELETE FROM stock_rules WHERE tenant_id = %s AND outlet_id = %s AND product_id = %s"
LOW: Final = """
    SELECT r.outlet_id, o.code AS outlet, r.product_id, p.sku, p.name, coalesce(l.quantity, 0) AS quantity,
           r.minimum, r.target, way.quantity AS in_transit,
           greatest(r.target - coalesce(l.quantity, 0) - way.quantity, 0) AS suggested
      FROM stock_rules r
      JOIN outlets o ON o.tenant_id = r.tenant_id AND o.id = r.outlet_id AND o.archived_at IS NULL
      JOIN products p ON p.tenant_id = r.tenant_id AND p.id = r.product_id AND p.track_stock
                     AND p.archived_at IS NULL
      LEFT JOIN stock_levels l ON l.tenant_id = r.tenant_id AND l.outlet_id = r.outlet_id
                              AND l.product_id = r.product_id
      CROSS JOIN LATERAL (
          SELECT coalesce(sum(n.shipped - n.received - n.damaged - n.lost - n.back), 0) AS quantity
            FROM stock_transfer_lines n
            JOIN stock_transfers t ON t.tenant_id = n.tenant_id AND t.id = n.transfer_id
             AND t.state = 'in_transit' AND t.to_outlet_id = r.outlet_id
           WHERE n.tenant_id = r.tenant_id AND n.product_id = r.product_id) way
     WHERE r.tenant_id = %(tenant)s AND coalesce(l.quantity, 0) <= r.minimum
       AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
"""
_LOW_PAGE: Final = f"""{LOW}
       AND (%(outlet)s::text IS NULL OR (o.code, p.sku) > (%(outlet)s::text, %(sku)s::text))
     ORDER BY o.code, p.sku LIMIT %(limit)s
"""
_SET_PRODUCT: Final = """
    INSERT INTO product_stock_policies (tenant_id, product_id, policy) VALUES (%(tenant)s, %(product)s, %(policy)s)
    ON CONFLICT (tenant_id, product_id) DO UPDATE SET policy = EXCLUDED.policy
"""
_END_PRODUCT: Final = "DELETE FROM product_stock_policies WHERE tenant_id = %(tenant)s AND product_id = %(product)s"
_SET_OUTLET: Final = """
    UPDATE outlets SET updated_at = now(),
           settings = CASE WHEN %(policy)s::text IS NULL THEN settings - 'stock_policy'
                           ELSE settings || jsonb_build_object('stock_policy', %(policy)s::text) END
     WHERE tenant_id = %(tenant)s AND id = %(outlet)s
"""


def reasons(ctx: Context) -> dict[str, ReasonOut]:
    """Return every reason by its code, the tenant's own and those it was given."""
    own = [ReasonOut(**row) for row in ctx.uow.rows(_REASONS, (ctx.tenant_id,))]
    return {each.code: each for each in (*REASONS, *own)}


def reason_in_use(ctx: Context, code: str) -> ReasonOut:
    """Return the reason with this code. Raises: :class:`ReasonUnknown`, also where it is out of use."""
    found = reasons(ctx).get(code)
    if found is None or found.archived:
        raise ReasonUnknown(reason=code)
    return found


def set_reason(ctx: Context, data: SetReason) -> None:
    """Make a reason be as given; what was booked under its code keeps its sign."""
    ctx.uow.run(
        _SET_REASON,
        {
            "tenant": ctx.tenant_id,
            "code": data.code,
            "name": data.name,
            "direction": data.direction,
            "archived_at": ctx.clock.now() if data.archived else None,
        },
    )


def set_reorder(ctx: Context, data: SetReorder) -> None:
    """Set or end a reorder point; outlet and product have been checked."""
    if data.minimum is None:
        ctx.uow.run(_END_REORDER, (ctx.tenant_id, data.outlet_id, data.product_id))
        return
    values = {
        "tenant": ctx.tenant_id,
        "outlet": data.outlet_id,
        "product": data.product_id,
        "minimum": data.minimum,
        "target": data.target,
    }
    ctx.uow.run(_SET_REORDER, values)


def list_low(ctx: Context, data: ListLow) -> LowPage:
    """Return a page of what has come down to its minimum, by outlet and SKU."""
    outlet, sku = (None, None) if data.after is None else decode_cursor(data.after, str, str)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "outlet": outlet,
        "sku": sku,
        "limit": data.limit + 1,
    }
    found = [LowRow(**row) for row in ctx.uow.rows(_LOW_PAGE, values)]
    page = found[: data.limit]
    return LowPage(items=page, next=encode_cursor(page[-1].outlet, page[-1].sku) if len(found) > data.limit else None)


def set_policy(ctx: Context, product_id: UUID | None, outlet_id: UUID | None, policy: str | None) -> None:
    """Set what happens below zero for a product or in an outlet; both have been checked."""
    values = {"tenant": ctx.tenant_id, "product": product_id, "outlet": outlet_id, "policy": policy}
    if outlet_id is not None:
        ctx.uow.run(_SET_OUTLET, values)
    else:
        ctx.uow.run(_END_PRODUCT if policy is None else _SET_PRODUCT, values)


def show_policy(ctx: Context, product_id: UUID | None, outlet_id: UUID | None) -> PolicyOut:
    """Return what tenant, outlet and product say, and what holds."""
    found = ctx.uow.rows(
        "SELECT (SELECT settings->>'stock_policy' FROM outlets WHERE tenant_id = %(tenant)s AND id = %(outlet)s)"
        " AS outlet, (SELECT policy FROM product_stock_policies WHERE tenant_id = %(tenant)s"
        " AND product_id = %(product)s) AS product",
        {"tenant": ctx.tenant_id, "outlet": outlet_id, "product": product_id},
    )[0]
    tenant = ledger.tenant_policy(ctx)
    return PolicyOut(tenant=tenant, **found, policy=found["product"] or found["outlet"] or tenant)
