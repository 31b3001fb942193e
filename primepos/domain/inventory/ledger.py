"""How stock moves: a movement and the level it makes are written together, and a level is the sum of its movements.

Lock order, everywhere: the document's row (transfer, count, order), then levels by outlet and by product, then
allotments, then a register's row. So two acts on the same goods wait for each other and never deadlock.

What goods are worth is a moving average of each level, worked out in the statement that moves it:

- Goods that come in at a cost blend into the average by quantity.
- Where there was nothing, or less than nothing, the average becomes the cost of what comes in (ERPNext's rule,
  ``stock_ledger.get_moving_average_values``); what was sold before it came keeps the cost it was sold at.
- Goods that go out, and goods that come in without a cost (a find, a refund, a count), leave the average as it is.
  So do goods that go back to a supplier: they leave at the average, and what the supplier credits beyond or below it
  is a difference of price (Odoo's rule, "Average price on returned goods").
- A transfer carries the average of where it came from.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from primepos.domain.inventory.errors import NegativeStock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from primepos.core.context import Context

Kind = Literal[
    "sale",
    "void",
    "refund",
    "receive",
    "adjust",
    "opening",
    "count",
    "transfer_out",
    "transfer_in",
    "supplier_return",
    "revalue",
]

# What a document's own quantity is multiplied by to become a movement. A sale's lines say what went out; the lines of
# a void or refund are negative already, as its every figure is, so what comes back has the same sign rule as a sale.
SIGNS: Final[Mapping[Kind, int]] = {
    "sale": -1,
    "void": -1,
    "refund": -1,
    "receive": 1,
    "adjust": 1,
    "opening": 1,
    "count": 1,
    "transfer_out": -1,
    "transfer_in": 1,
    "supplier_return": -1,
    "revalue": 1,
}

ALLOW: Final = "allow"
BLOCK: Final = "block"
POLICY_KEY: Final = "stock_policy"
COST_PLACES: Final = Decimal("0.000001")

# Takes the locks and says what is there; a level that was never moved begins at zero, its sum of no movements.
LOCK_LEVELS: Final = """
    INSERT INTO stock_levels AS l (tenant_id, outlet_id, product_id, quantity)
    SELECT %(tenant)s, %(outlet)s, p.id, 0 FROM unnest(%(products)s::uuid[]) AS p(id) ORDER BY p.id
    ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE SET quantity = l.quantity
    RETURNING product_id, quantity, allotted, average_cost
"""

# One statement for any number of products of one outlet. ``products`` holds none twice; a cost is None where nobody
# knows it, and then what moves is worth the average.
MOVE: Final = """
    WITH moved AS MATERIALIZED (
        SELECT m.product_id, m.quantity, m.cost
          FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(costs)s::numeric[])
               AS m(product_id, quantity, cost)
    ), level AS (
        INSERT INTO stock_levels AS l (tenant_id, outlet_id, product_id, quantity, average_cost)
        SELECT %(tenant)s, %(outlet)s, product_id, quantity, CASE WHEN quantity > 0 THEN cost END
          FROM moved ORDER BY product_id
        ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE
           SET quantity = l.quantity + EXCLUDED.quantity,
               average_cost = CASE
                   WHEN EXCLUDED.average_cost IS NULL THEN l.average_cost
                   WHEN l.average_cost IS NULL OR l.quantity <= 0 THEN EXCLUDED.average_cost
                   ELSE round((l.quantity * l.average_cost + EXCLUDED.quantity * EXCLUDED.average_cost)
                              / (l.quantity + EXCLUDED.quantity), 6) END
        RETURNING product_id, quantity, allotted, average_cost
    ), movement AS (
        INSERT INTO stock_movements
               (tenant_id, outlet_id, product_id, at, kind, quantity, reason, actor_id, actor_name, unit_cost,
                reason_code, document_id)
        SELECT %(tenant)s, %(outlet)s, m.product_id, %(at)s, %(kind)s, m.quantity, %(reason)s::text,
               %(actor_id)s::uuid, %(actor)s, CASE WHEN m.quantity > 0 THEN coalesce(m.cost, l.average_cost)
                                                   ELSE l.average_cost END,
               %(reason_code)s::text, %(document)s::uuid
          FROM moved m JOIN level l ON l.product_id = m.product_id ORDER BY m.product_id
    )
    SELECT product_id, quantity, allotted, average_cost FROM level
"""

# A new worth without a movement of goods; it stands in the ledger all the same, as a movement of nothing.
REVALUE: Final = """
    WITH level AS (
        UPDATE stock_levels l SET average_cost = c.cost
          FROM unnest(%(products)s::uuid[], %(costs)s::numeric[]) AS c(product_id, cost)
         WHERE l.tenant_id = %(tenant)s AND l.outlet_id = %(outlet)s AND l.product_id = c.product_id
        RETURNING l.product_id, l.quantity, l.allotted, l.average_cost
    ), movement AS (
        INSERT INTO stock_movements
               (tenant_id, outlet_id, product_id, at, kind, quantity, reason, actor_id, actor_name, unit_cost)
        SELECT %(tenant)s, %(outlet)s, product_id, %(at)s, 'revalue', 0, %(reason)s::text, %(actor_id)s::uuid,
               %(actor)s, average_cost
          FROM level ORDER BY product_id
    )
    SELECT product_id, quantity, allotted, average_cost FROM level
"""

_POLICIES: Final = """
    SELECT p.id, coalesce(own.policy, o.settings->>'stock_policy') AS policy
      FROM products p
      JOIN outlets o ON o.tenant_id = p.tenant_id AND o.id = %(outlet)s
      LEFT JOIN product_stock_policies own ON own.tenant_id = p.tenant_id AND own.product_id = p.id
     WHERE p.tenant_id = %(tenant)s AND p.id = ANY(%(products)s::uuid[])
"""


class Level(NamedTuple):
    """A level after an act: how much there is, how much of it is registers', what one is worth in minor units."""

    quantity: Decimal
    allotted: Decimal
    average_cost: Decimal | None


def movement(kind: Kind, quantity: Decimal) -> Decimal:
    """Return the signed movement of a document's quantity: a sale of 2 moves -2, its void's line of -2 moves 2."""
    return quantity * SIGNS[kind]


def tenant_policy(ctx: Context) -> str:
    """Return the tenant's rule for levels below zero: ``allow``, ``warn`` or ``block``."""
    return str(ctx.tenant.settings.get(POLICY_KEY) or ALLOW)


def policies(ctx: Context, outlet_id: UUID, products: Iterable[UUID]) -> dict[UUID, str]:
    """Return the rule of each product in an outlet: the product's own, else the outlet's, else the tenant's."""
    found = ctx.uow.rows(_POLICIES, {"tenant": ctx.tenant_id, "outlet": outlet_id, "products": sorted(set(products))})
    return {row["id"]: row["policy"] or tenant_policy(ctx) for row in found}


def lock_levels(ctx: Context, outlet_id: UUID, products: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Lock the levels of these products until the commit and return them."""
    return {each: level.quantity for each, level in lock_levels_whole(ctx, outlet_id, products).items()}


def lock_levels_whole(ctx: Context, outlet_id: UUID, products: Iterable[UUID]) -> dict[UUID, Level]:
    """Lock the levels of these products until the commit and return them with what they are worth."""
    found = ctx.uow.rows(LOCK_LEVELS, {"tenant": ctx.tenant_id, "outlet": outlet_id, "products": sorted(set(products))})
    return _levels(found)


def move(
    ctx: Context,
    outlet_id: UUID,
    kind: Kind,
    quantities: Mapping[UUID, Decimal],
    reason: str | None = None,
    *,
    costs: Mapping[UUID, Decimal | None] | None = None,
    reason_code: str | None = None,
) -> dict[UUID, Decimal]:
    """Move products of one outlet by what a document of this kind says, and return their new levels.

    ``costs`` is what a base unit of what comes in is worth, in minor units. The levels stay locked until the commit.
    Raises: :class:`NegativeStock` where the rule is *block* and a movement out would leave less than nothing, or less
    than what registers hold; the transaction must then end, as it does when an operation is refused.
    """
    moved = move_whole(ctx, outlet_id, kind, quantities, reason, costs=costs, reason_code=reason_code)
    return {each: level.quantity for each, level in moved.items()}


def move_whole(
    ctx: Context,
    outlet_id: UUID,
    kind: Kind,
    quantities: Mapping[UUID, Decimal],
    reason: str | None = None,
    *,
    costs: Mapping[UUID, Decimal | None] | None = None,
    reason_code: str | None = None,
    document_id: UUID | None = None,
    happened: bool = False,
) -> dict[UUID, Level]:
    """Move products as :func:`move` does, and return their new levels with what they are worth.

    ``happened`` says that the goods are gone already: then no rule stands in the way.
    """
    if not quantities:
        return {}
    products = sorted(quantities)
    moved = {each: movement(kind, quantities[each]) for each in products}
    values: dict[str, Any] = {
        **_act(ctx, outlet_id, reason),
        "products": products,
        "quantities": [moved[each] for each in products],
        "costs": [(costs or {}).get(each) for each in products],
        "kind": kind,
        "reason_code": reason_code,
        "document": document_id,
    }
    levels = _levels(ctx.uow.rows(MOVE, values))
    short = [each for each in products if moved[each] < 0 and levels[each].quantity < levels[each].allotted]
    if short and not happened:
        _refuse_short(ctx, outlet_id, short)
    return levels


def revalue(ctx: Context, outlet_id: UUID, costs: Mapping[UUID, Decimal], reason: str) -> dict[UUID, Level]:
    """Set what a base unit of each product is worth in an outlet, in minor units; the levels are locked."""
    products = sorted(costs)
    lock_levels(ctx, outlet_id, products)
    values = {**_act(ctx, outlet_id, reason), "products": products, "costs": [costs[each] for each in products]}
    return _levels(ctx.uow.rows(REVALUE, values))


def blended(parts: Iterable[tuple[Decimal, Decimal | None]]) -> Decimal | None:
    """Return the cost of goods of several costs put together, by quantity; parts of unknown cost take the others'."""
    known = [(quantity, cost) for quantity, cost in parts if cost is not None and quantity > 0]
    total = sum((quantity for quantity, _ in known), Decimal(0))
    if not total:
        return None
    return (sum((quantity * cost for quantity, cost in known), Decimal(0)) / total).quantize(COST_PLACES)


def skus(ctx: Context, products: Iterable[UUID]) -> str:
    """Return the SKUs of products, for a refusal to name them."""
    found = ctx.uow.rows(
        "SELECT sku FROM products WHERE tenant_id = %s AND id = ANY(%s) ORDER BY sku", (ctx.tenant_id, list(products))
    )
    return ", ".join(row["sku"] for row in found)


def _act(ctx: Context, outlet_id: UUID, reason: str | None) -> dict[str, Any]:
    who = ctx.identity
    return {
        "tenant": ctx.tenant_id,
        "outlet": outlet_id,
        "at": ctx.clock.now(),
        "reason": reason,
        "actor_id": who.actor_id,
        "actor": who.name[:200],
    }


def _refuse_short(ctx: Context, outlet_id: UUID, short: list[UUID]) -> None:
    rules = policies(ctx, outlet_id, short)
    blocked = [each for each in short if rules.get(each) == BLOCK]
    if blocked:
        raise NegativeStock(products=skus(ctx, blocked))
    warned = [str(each) for each in short if rules.get(each) != ALLOW]
    if warned:
        ctx.audit.data["below_zero"] = warned


def _levels(found: list[dict[str, Any]]) -> dict[UUID, Level]:
    return {row["product_id"]: Level(row["quantity"], row["allotted"], row["average_cost"]) for row in found}
