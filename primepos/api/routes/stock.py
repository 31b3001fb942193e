"""Stock."""

from __future__ import annotations

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.inventory import service


class StockController(Controller):
    """How much there is, what moved it, and putting it right."""

    path = "/api/v1/stock"
    tags = ("stock",)

    levels = runs(service.list_levels, "GET", "/levels")
    movements = runs(service.list_movements, "GET", "/movements")
    adjust = runs(service.adjust_stock, "POST", "/adjust")
    receive = runs(service.receive_stock, "POST", "/receive")
    opening = runs(service.open_stock, "POST", "/opening")
