"""People at the till."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Controller

from primepos.api.endpoint import left_out, runs
from primepos.domain.staff import service

# The path names a person by id, so the other way of naming them is left out.
_BY_ID: dict[str, Any] = {"into": {"id": "staff_id"}, "supplied": {"code": left_out}}


class StaffController(Controller):
    """Who sells, and their PINs."""

    path = "/api/v1/staff"
    tags = ("staff",)

    create = runs(service.create_staff, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_staff, "GET")
    sign_in = runs(service.sign_in, "POST", "/sign-in")
    update = runs(service.update_staff, "PATCH", "/{id:str}", into={"id": "staff_id"})
    archive = runs(service.archive_staff, "POST", "/{id:str}/archive", **_BY_ID)
    unarchive = runs(service.unarchive_staff, "POST", "/{id:str}/unarchive", **_BY_ID)
    set_pin = runs(service.set_pin, "PUT", "/{id:str}/pin", **_BY_ID)
    set_badge = runs(service.set_badge, "PUT", "/{id:str}/badge", **_BY_ID)
    take_badge = runs(service.take_badge, "DELETE", "/{id:str}/badge", **_BY_ID)
    rates = runs(service.list_rates, "GET", "/commission-rates")
    set_commission = runs(service.set_commission, "PUT", "/{id:str}/commission", **_BY_ID)
    reset_pin = runs(service.reset_pin, "POST", "/{id:str}/pin-reset", **_BY_ID)
