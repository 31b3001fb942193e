"""What the tests of offers begin from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.ids import new_id
from primepos.domain.customers.service import create_customer, create_group
from primepos.domain.offers.service import (
    create_coupons,
    create_price_list,
    create_promotion,
    set_list_prices,
    try_promotions,
)

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.operations import App
    from primepos.domain.offers.schemas import CouponOut, PriceListOut, PromotionOut, TriedCart
    from tests.factories import Shop


def a_list(app: App, shop: Shop, code: str = "trade", *prices: dict[str, Any], **more: Any) -> PriceListOut:
    """Add a price list with prices."""
    made: PriceListOut = app.run(create_price_list, shop.manager, {"code": code, "name": code.title(), **more})
    if prices:
        app.run(set_list_prices, shop.manager, {"price_list_id": made.id, "prices": list(prices)})
    return made


def a_promotion(app: App, shop: Shop, code: str = "ten", **more: Any) -> PromotionOut:
    """Add a promotion: ten percent off everything, unless said otherwise."""
    data = {"code": code, "name": code.title(), "kind": "percent", "percent": "10", **more}
    made: PromotionOut = app.run(create_promotion, shop.manager, data)
    return made


def a_coupon(app: App, shop: Shop, promotion: PromotionOut, **more: Any) -> CouponOut:
    """Make one coupon that calls a promotion, single-use unless said otherwise."""
    data = {"id": new_id(), "promotion_id": promotion.id, **({} if "codes" in more else {"count": 1}), **more}
    made: CouponOut = app.run(create_coupons, shop.manager, data).items[0]
    return made


def a_customer(app: App, shop: Shop, name: str = "Anna", **more: Any) -> UUID:
    """Add a customer and return their id."""
    made: UUID = app.run(create_customer, shop.owner, {"id": new_id(), "name": name, **more}).id
    return made


def a_group(app: App, shop: Shop, code: str = "club") -> UUID:
    """Add a group of customers and return its id."""
    made: UUID = app.run(create_group, shop.manager, {"code": code, "name": code.title()}).id
    return made


def tried(app: App, shop: Shop, *lines: tuple[str, str], **more: Any) -> TriedCart:
    """Ask what a cart of (SKU, quantity) would cost."""
    data = {
        "outlet_id": shop.outlet_id,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        **more,
    }
    found: TriedCart = app.run(try_promotions, shop.cashier, data)
    return found
