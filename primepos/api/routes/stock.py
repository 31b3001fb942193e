"""Stock: levels, transfers between locations and counts."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.inventory import lot_operations, service

_CREATED = HTTPStatus.CREATED


class StockController(Controller):
    """How much there is, what moved it, putting it right, and what the shop lays down about it."""

    path = "/api/v1/stock"
    tags = ("stock",)

    levels = runs(service.list_levels, "GET", "/levels")
    movements = runs(service.list_movements, "GET", "/movements")
    explain = runs(service.explain_stock, "GET", "/explain")
    costs = runs(service.list_costs, "GET", "/costs")
    low = runs(service.list_low, "GET", "/low")
    in_transit = runs(service.list_in_transit, "GET", "/in-transit")
    adjust = runs(service.adjust_stock, "POST", "/adjust")
    receive = runs(service.receive_stock, "POST", "/receive")
    opening = runs(service.open_stock, "POST", "/opening")
    revalue = runs(service.revalue_stock, "POST", "/revalue")
    reasons = runs(service.list_reasons, "GET", "/reasons")
    reason = runs(service.set_reason, "PUT", "/reasons/{code:str}")
    reorder = runs(service.set_reorder, "PUT", "/reorder")
    policy = runs(service.show_policy, "GET", "/policy")
    set_policy = runs(service.set_policy, "PUT", "/policy")
    allotments = runs(service.list_allotments, "GET", "/allotments")
    allot = runs(service.allot_stock, "POST", "/allotments", keyed=True)
    release = runs(service.release_stock, "POST", "/allotments/release", keyed=True)
    lots = runs(lot_operations.list_lots, "GET", "/lots")
    receive_lots = runs(lot_operations.receive_lots, "POST", "/lots", keyed=True)
    write_off_lots = runs(lot_operations.write_off_lots, "POST", "/lots/write-off", keyed=True)
    trace_lot = runs(lot_operations.trace_lot, "GET", "/lots/trace")
    kits = runs(lot_operations.kit_availability, "GET", "/kits")


class TransfersController(Controller):
    """Goods on their way from one location to another."""

    path = "/api/v1/stock/transfers"
    tags = ("stock",)

    request = runs(
        service.request_transfer, "POST", status=_CREATED, keyed=True, located="/api/v1/stock/transfers/{id}"
    )
    find = runs(service.list_transfers, "GET")
    show = runs(service.get_transfer, "GET", "/{id:str}")
    ship = runs(service.ship_transfer, "POST", "/{transfer:str}/ship", into={"transfer": "transfer_id"}, keyed=True)
    receive = runs(
        service.receive_transfer, "POST", "/{transfer:str}/receive", into={"transfer": "transfer_id"}, keyed=True
    )
    close = runs(service.close_transfer, "POST", "/{transfer:str}/close", into={"transfer": "transfer_id"}, keyed=True)
    cancel = runs(service.cancel_transfer, "POST", "/{id:str}/cancel")


class CountsController(Controller):
    """Counting stock while the shop goes on."""

    path = "/api/v1/stock/counts"
    tags = ("stock",)

    begin = runs(service.open_count, "POST", status=_CREATED, keyed=True, located="/api/v1/stock/counts/{id}")
    find = runs(service.list_counts, "GET")
    show = runs(service.get_count, "GET", "/{id:str}")
    lines = runs(service.list_count_lines, "GET", "/{id:str}/lines")
    add = runs(service.add_counted, "POST", "/{count:str}/entries", into={"count": "count_id"}, keyed=True)
    again = runs(service.recount_stock, "POST", "/{count:str}/recount", into={"count": "count_id"}, keyed=True)
    approve = runs(service.approve_count, "POST", "/{id:str}/approve")
    cancel = runs(service.cancel_count, "POST", "/{id:str}/cancel")
