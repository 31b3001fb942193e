"""Categories of products."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.catalog import service


class CategoriesController(Controller):
    """How products are grouped."""

    path = "/api/v1/categories"
    tags = ("categories",)

    create = runs(service.create_category, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_categories, "GET")
    archive = runs(service.archive_category, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_category, "POST", "/{id:str}/unarchive")
