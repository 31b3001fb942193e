"""Products, their barcodes, and finding them."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import left_out, runs
from primepos.domain.catalog import service


class ProductsController(Controller):
    """What is sold."""

    path = "/api/v1/products"
    tags = ("products",)

    create = runs(service.create_product, "POST", status=HTTPStatus.CREATED, located="/api/v1/products/{id}")
    find = runs(service.list_products, "GET")
    search = runs(service.search_products, "GET", "/search")
    look_up = runs(service.look_up_code, "GET", "/lookup")
    snapshot = runs(service.pull_snapshot, "GET", "/snapshot")
    show = runs(service.get_product, "GET", "/{id:str}", supplied={"sku": left_out})
    update = runs(service.update_product, "PATCH", "/{id:str}")
    barcodes = runs(service.set_barcodes, "PUT", "/{id:str}/barcodes", into={"id": "product_id"})
    archive = runs(service.archive_product, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_product, "POST", "/{id:str}/unarchive")
