"""Taxes and tax classes."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.catalog import service


class TaxesController(Controller):
    """Single taxes."""

    path = "/api/v1/taxes"
    tags = ("taxes",)

    create = runs(service.create_tax, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_taxes, "GET")
    update = runs(service.update_tax, "PATCH", "/{id:str}")


class TaxClassesController(Controller):
    """What a product is taxed by: taxes in the order in which they are worked out."""

    path = "/api/v1/tax-classes"
    tags = ("taxes",)

    create = runs(service.create_tax_class, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_tax_classes, "GET")
    set_taxes = runs(service.set_class_taxes, "PUT", "/{id:str}/taxes", into={"id": "tax_class_id"})
