"""Price lists, promotions, coupons and mappings of taxes."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.offers import service


class PriceListsController(Controller):
    """Other prices for some customers, outlets or hours."""

    path = "/api/v1/price-lists"
    tags = ("price lists",)

    create = runs(service.create_price_list, "POST", status=HTTPStatus.CREATED, located="/api/v1/price-lists/{id}")
    find = runs(service.list_price_lists, "GET")
    price = runs(service.ask_price, "GET", "/price")
    show = runs(service.show_price_list, "GET", "/{id:str}")
    update = runs(service.update_price_list, "PATCH", "/{id:str}")
    archive = runs(service.archive_price_list, "POST", "/{id:str}/archive")
    set_prices = runs(service.set_list_prices, "PUT", "/{id:str}/prices", into={"id": "price_list_id"})


class PromotionsController(Controller):
    """What takes money off by itself."""

    path = "/api/v1/promotions"
    tags = ("promotions",)

    create = runs(service.create_promotion, "POST", status=HTTPStatus.CREATED, located="/api/v1/promotions/{id}")
    find = runs(service.list_promotions, "GET")
    attempt = runs(service.try_promotions, "POST", "/try")
    show = runs(service.show_promotion, "GET", "/{id:str}")
    update = runs(service.update_promotion, "PATCH", "/{id:str}")
    archive = runs(service.archive_promotion, "POST", "/{id:str}/archive")


class CouponsController(Controller):
    """Codes that call a promotion."""

    path = "/api/v1/coupons"
    tags = ("coupons",)

    create = runs(service.create_coupons, "POST", status=HTTPStatus.CREATED, keyed=True)
    find = runs(service.list_coupons, "GET")
    check = runs(service.check_coupon, "GET", "/check")
    block = runs(service.block_coupon, "POST", "/block")
    hold = runs(service.hold_coupon, "POST", "/holds", status=HTTPStatus.CREATED, keyed=True)
    release = runs(service.release_coupon, "DELETE", "/holds/{id:str}")


class TaxMappingsController(Controller):
    """Which taxes a customer bears."""

    path = "/api/v1/tax-mappings"
    tags = ("taxes",)

    create = runs(service.create_tax_mapping, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_tax_mappings, "GET")
    update = runs(service.update_tax_mapping, "PATCH", "/{id:str}")
    archive = runs(service.archive_tax_mapping, "POST", "/{id:str}/archive")


class OffersController(Controller):
    """What a till keeps of all of them."""

    path = "/api/v1/offers"
    tags = ("tills",)

    snapshot = runs(service.pull_offers, "GET", "/snapshot")
