"""Reports."""

from __future__ import annotations

from litestar import Controller

from primepos.api.endpoint import left_out, runs
from primepos.domain.reporting import service


class ReportsController(Controller):
    """What was sold, and what was earned on it."""

    path = "/api/v1/reports"
    tags = ("reports",)

    sales = runs(service.report_sales, "GET", "/sales", supplied={"outlet": left_out})
    margin = runs(service.report_margin, "GET", "/margin", supplied={"outlet": left_out})
