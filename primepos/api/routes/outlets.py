"""Outlets."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.outlets import service


class OutletsController(Controller):
    """The shops of a tenant."""

    path = "/api/v1/outlets"
    tags = ("outlets",)

    create = runs(service.create_outlet, "POST", status=HTTPStatus.CREATED, located="/api/v1/outlets/{id}")
    find = runs(service.list_outlets, "GET")
    show = runs(service.get_outlet, "GET", "/{id:str}")
    update = runs(service.update_outlet, "PATCH", "/{id:str}")
    archive = runs(service.archive_outlet, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_outlet, "POST", "/{id:str}/unarchive")
