"""People of a tenant."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Controller

from primepos.api.endpoint import left_out, runs
from primepos.domain.accounts import service

# The path names a person by id, so the other way of naming them is left out.
_BY_ID: dict[str, Any] = {"into": {"id": "user_id"}, "supplied": {"email": left_out}}


class UsersController(Controller):
    """Letting people in, their roles, shutting them out."""

    path = "/api/v1/users"
    tags = ("users",)

    create = runs(service.create_user, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_users, "GET")
    invite = runs(service.invite_user, "POST", "/invitations", status=HTTPStatus.CREATED)
    set_role = runs(service.set_role, "PUT", "/{id:str}/role", **_BY_ID)
    disable = runs(service.disable_user, "POST", "/{id:str}/disable", **_BY_ID)
    enable = runs(service.enable_user, "POST", "/{id:str}/enable", **_BY_ID)
    reset_password = runs(service.reset_password, "POST", "/{id:str}/password-reset", **_BY_ID)
