"""Enrolled tills."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.accounts import service


class DevicesController(Controller):
    """Which registers have a till that may deliver sales; a device is known by its register."""

    path = "/api/v1/devices"
    tags = ("devices",)

    enrol = runs(service.enrol_device, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_devices, "GET")
    revoke = runs(service.revoke_device, "DELETE", "/{id:str}", into={"id": "register_id"})
