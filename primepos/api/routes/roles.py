"""Roles of a shop."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.staff import service


class RolesController(Controller):
    """What people may do: the built-in roles, and the shop's own."""

    path = "/api/v1/roles"
    tags = ("roles",)

    create = runs(service.create_role, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_roles, "GET")
    show = runs(service.show_role, "GET", "/{id:str}", into={"id": "name"})
    update = runs(service.update_role, "PATCH", "/{id:str}", into={"id": "name"})
    delete = runs(service.delete_role, "DELETE", "/{id:str}", into={"id": "name"})
