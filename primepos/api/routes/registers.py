"""Registers."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.outlets import service


class RegistersController(Controller):
    """The tills of an outlet and their series of receipts."""

    path = "/api/v1/registers"
    tags = ("registers",)

    create = runs(service.create_register, "POST", status=HTTPStatus.CREATED, located="/api/v1/registers/{id}")
    find = runs(service.list_registers, "GET")
    show = runs(service.get_register, "GET", "/{id:str}")
    archive = runs(service.archive_register, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_register, "POST", "/{id:str}/unarchive")
    new_epoch = runs(service.start_new_epoch, "POST", "/{id:str}/new-epoch")
