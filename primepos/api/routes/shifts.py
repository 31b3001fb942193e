"""Shifts of registers."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.cash import service


class ShiftsController(Controller):
    """Opening, closing, reading; the figures are the X report, and the Z report once closed."""

    path = "/api/v1/shifts"
    tags = ("shifts",)

    open = runs(service.open_shift, "POST", status=HTTPStatus.CREATED, located="/api/v1/shifts/{id}")
    find = runs(service.list_shifts, "GET")
    show = runs(service.show_shift, "GET", "/{id:str}", into={"id": "shift_id"})
    close = runs(service.close_shift, "POST", "/{id:str}/close", into={"id": "shift_id"})
    figures = runs(service.shift_figures, "GET", "/{id:str}/figures", into={"id": "shift_id"})
