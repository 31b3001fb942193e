"""Promotions and their goods."""
# ruff: noqa: S608 - statements are put together from the constants of this package; values are parameters

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.domain.offers.errors import PromotionNotFound
from primepos.domain.offers.queries.shared import (
    MANY,
    ONE,
    PROMOTION_AUDIENCE,
    categories_by,
    encode,
    products_by,
    terms_of,
)
from primepos.domain.offers.schemas import GoodsOut, PromotionOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Context
    from primepos.domain.offers.schemas import GoodsIn

_PROMOTIONS: Final = (
    f"SELECT o.*, {PROMOTION_AUDIENCE},"
    " coalesce((SELECT jsonb_agg(jsonb_build_array(g.slot, g.product_id, g.category_id) ORDER BY g.id)"
    " FROM promotion_goods g WHERE g.tenant_id = o.tenant_id AND g.promotion_id = o.id), '[]') AS goods"
    " FROM promotions o WHERE o.tenant_id = %(tenant)s"
)


def get_promotion(ctx: Context, promotion_id: UUID) -> PromotionOut:
    """Return a promotion. Raises ``PROMOTION_NOT_FOUND``."""
    found = ctx.uow.rows(_PROMOTIONS + ONE, {"tenant": ctx.tenant_id, "id": promotion_id})
    if not found:
        raise PromotionNotFound(promotion=str(promotion_id))
    return _promotion_out(found[0])


def list_promotions(ctx: Context, *, archived: bool) -> list[PromotionOut]:
    """Return the promotions in use, or the archived ones, in the order in which they are applied."""
    asked = {"tenant": ctx.tenant_id, "archived": archived}
    rows = ctx.uow.rows(_PROMOTIONS + MANY.format(order="o.priority DESC, o.code"), asked)
    return [_promotion_out(row) for row in rows]


def _promotion_out(row: Mapping[str, Any]) -> PromotionOut:
    rule = row["rule"]

    def goods(slot: int, count: int) -> GoodsOut:
        mine = [each for each in row["goods"] if each[0] == slot]
        return GoodsOut(
            product_ids=[UUID(product) for _, product, _ in mine if product],
            category_ids=[UUID(category) for _, _, category in mine if category],
            count=count,
        )

    return PromotionOut(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        kind=row["kind"],
        goods=goods(0, 1),
        parts=[goods(slot, count) for slot, count in enumerate(rule["parts"], 1)],
        percent=Decimal(rule["percent"]),
        amount=rule["minor"],
        count=rule["count"],
        pay=rule["pay"],
        threshold=rule["threshold"],
        repeat=rule["repeat"],
        priority=row["priority"],
        stackable=row["is_stackable"],
        needs_coupon=row["needs_coupon"],
        most_per_ticket=row["most_per_ticket"],
        terms=terms_of(row),
        archived_at=row["archived_at"],
    )


def set_goods(ctx: Context, promotion_id: UUID, slots: Mapping[int, GoodsIn]) -> None:
    """Say which goods the slots of a promotion are for; slots not named stay.

    Raises: ``PRODUCT_NOT_FOUND``, ``CATEGORY_NOT_FOUND``.
    """
    every = list(slots.values())
    products = products_by(
        ctx, [x for each in every for x in each.product_ids], [x for each in every for x in each.skus]
    )
    categories = categories_by(
        ctx, [x for each in every for x in each.category_ids], [x for each in every for x in each.categories]
    )
    rows: list[dict[str, Any]] = [
        {"slot": slot, "product": product, "category": None}
        for slot, each in slots.items()
        for product in dict.fromkeys([*(products[x] for x in each.product_ids), *(products[x] for x in each.skus)])
    ] + [
        {"slot": slot, "product": None, "category": category}
        for slot, each in slots.items()
        for category in dict.fromkeys(
            [*(categories[x] for x in each.category_ids), *(categories[x] for x in each.categories)]
        )
    ]
    ctx.uow.run(
        "DELETE FROM promotion_goods WHERE tenant_id = %s AND promotion_id = %s AND slot = ANY(%s)",
        (ctx.tenant_id, promotion_id, list(slots)),
    )
    ctx.uow.run(
        "INSERT INTO promotion_goods (tenant_id, promotion_id, slot, product_id, category_id)"
        " SELECT %(tenant)s, %(promotion)s, x.slot, x.product, x.category"
        " FROM json_to_recordset(%(rows)s::json) AS x(slot bigint, product uuid, category uuid)",
        {"tenant": ctx.tenant_id, "promotion": promotion_id, "rows": encode(rows).decode()},
    )


def drop_slots(ctx: Context, promotion_id: UUID, above: int) -> None:
    """Forget the goods of the slots above a number: the parts that a bundle has no more."""
    ctx.uow.run(
        "DELETE FROM promotion_goods WHERE tenant_id = %s AND promotion_id = %s AND slot > %s",
        (ctx.tenant_id, promotion_id, above),
    )


def rule_of(**figures: Any) -> str:
    """Return the figures of a promotion as its column keeps them."""
    return encode(figures).decode()
