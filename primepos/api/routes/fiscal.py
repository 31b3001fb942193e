"""Closings and what the fiscal export holds."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.fiscal import service


class FiscalController(Controller):
    """Closing periods, and reading the sealed books."""

    path = "/api/v1/fiscal"
    tags = ("fiscal",)

    close = runs(service.close_period, "POST", "/closings", status=HTTPStatus.CREATED)
    closings = runs(service.list_closings, "GET", "/closings")
    outline = runs(service.outline, "GET", "/outline")
    sales = runs(service.exported_sales, "GET", "/sales")
