"""Products, their barcodes, and finding them."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import known_tag, left_out, runs
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
    edit = runs(service.edit_products, "POST", "/edit")
    variants = runs(service.list_variants, "GET", "/{id:str}/variants")
    create_variants = runs(service.create_variants, "POST", "/{id:str}/variants", into={"id": "product_id"})
    units = runs(service.set_units, "PUT", "/{id:str}/units", into={"id": "product_id"})
    kit = runs(service.set_kit, "PUT", "/{id:str}/kit", into={"id": "product_id"})
    image = runs(service.get_image, "GET", "/{id:str}/image", supplied={"known": known_tag}, sends_file="image/webp")
    set_image = runs(service.set_image, "PUT", "/{id:str}/image", into={"id": "product_id"})
    remove_image = runs(service.remove_image, "DELETE", "/{id:str}/image")


class LabelsController(Controller):
    """Labels for shelves and goods."""

    path = "/api/v1/labels"
    tags = ("labels",)

    sheets = runs(service.list_sheets, "GET", "/sheets")
    show = runs(service.list_labels, "POST", "/preview")
    # Drawn from what is sent, and nothing is changed by it.
    draw = runs(service.print_labels, "POST", sends_file="application/pdf")
