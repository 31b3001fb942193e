"""How stock moves: a movement and the level it makes are written together, and a level is the sum of its movements.

Who moves several products touches their levels in the order of the products' ids, so two acts on the same goods wait
for each other and never deadlock.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from primepos.domain.inventory.errors import NegativeStock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from primepos.core.context import Context

Kind = Literal["sale", "void", "refund", "receive", "adjust", "opening"]

# What a document's own quantity is multiplied by to become a movement. A sale's lines say what went out; the lines of
# a void or refund are negative already, as its every figure is, so what comes back has the same sign rule as a sale.
SIGNS: Final[Mapping[Kind, int]] = {"sale": -1, "void": -1, "refund": -1, "receive": 1, "adjust": 1, "opening": 1}

BLOCK: Final = "block"

# Takes the locks and says what is there; a level that was never moved begins at zero, its sum of no movements.
LOCK_LEVELS: Final = """
    INSERT INTO stock_levels AS l (tenant_id, outlet_id, product_id, quantity)
    SELECT %(tenant)s, %(outlet)s, p.id, 0 FROM unnest(%(products)s::uuid[]) AS p(id) ORDER BY p.id
    ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE SET quantity = l.quantity
    RETURNING product_id, quantity
"""

# One statement for any number of products of one outlet. ``products`` holds none twice.
MOVE: Final = """
    WITH moved AS MATERIALIZED (
        SELECT m.product_id, m.quantity
          FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS m(product_id, quantity)
    ), level AS (
        INSERT INTO stock_levels AS l (tenant_id, outlet_id, product_id, quantity)
        SELECT %(tenant)s, %(outlet)s, product_id, quantity FROM moved ORDER BY product_id
        ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE SET quantity = l.quantity + EXCLUDED.quantity
        RETURNING product_id, quantity
    ), movement AS (
        INSERT INTO stock_movements
               (tenant_id, outlet_id, product_id, at, kind, quantity, reason, actor_id, actor_name)
        SELECT %(tenant)s, %(outlet)s, product_id, %(at)s, %(kind)s, quantity, %(reason)s::text, %(actor_id)s::uuid,
               %(actor)s
          FROM moved ORDER BY product_id
    )
    SELECT product_id, quantity FROM level
"""


def movement(kind: Kind, quantity: Decimal) -> Decimal:
    """Return the signed movement of a document's quantity: a sale of 2 moves -2, its void's line of -2 moves 2."""
    return quantity * SIGNS[kind]


def blocks_negative(ctx: Context) -> bool:
    """Tell whether the tenant's rule is that no level falls below zero."""
    policy = ctx.tenant.settings.get("stock_policy")
    return bool(policy == BLOCK)


def lock_levels(ctx: Context, outlet_id: UUID, products: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Lock the levels of these products until the commit and return them."""
    found = ctx.uow.rows(LOCK_LEVELS, {"tenant": ctx.tenant_id, "outlet": outlet_id, "products": sorted(set(products))})
    return {row["product_id"]: row["quantity"] for row in found}


def move(
    ctx: Context, outlet_id: UUID, kind: Kind, quantities: Mapping[UUID, Decimal], reason: str | None = None
) -> dict[UUID, Decimal]:
    """Move products of one outlet by what a document of this kind says, and return their new levels.

    The levels stay locked until the commit. Raises: :class:`NegativeStock` where the tenant blocks and a movement
    out would leave less than nothing; the transaction must then end, as it does when an operation is refused.
    """
    if not quantities:
        return {}
    who = ctx.identity
    products = sorted(quantities)
    moved = {each: movement(kind, quantities[each]) for each in products}
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlet": outlet_id,
        "products": products,
        "quantities": [moved[each] for each in products],
        "at": ctx.clock.now(),
        "kind": kind,
        "reason": reason,
        "actor_id": who.actor_id,
        "actor": who.name[:200],
    }
    levels = {row["product_id"]: row["quantity"] for row in ctx.uow.rows(MOVE, values)}
    short = [each for each in products if levels[each] < 0 and moved[each] < 0]
    if short and blocks_negative(ctx):
        raise NegativeStock(products=", ".join(_skus(ctx, short)))
    return levels


def _skus(ctx: Context, products: list[UUID]) -> list[str]:
    found = ctx.uow.rows(
        "SELECT sku FROM products WHERE tenant_id = %s AND id = ANY(%s) ORDER BY sku", (ctx.tenant_id, products)
    )
    return [row["sku"] for row in found]
