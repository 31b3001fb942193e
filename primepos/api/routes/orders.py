"""Tickets that are not sold yet, and what was taken off tickets."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.orders import service


class OrdersController(Controller):
    """On hold, quoted, laid away."""

    path = "/api/v1/orders"
    tags = ("orders",)

    save = runs(service.save_order, "PUT", "/{id:str}")
    find = runs(service.list_orders, "GET")
    show = runs(service.get_order, "GET", "/{id:str}")
    take = runs(service.take_over, "POST", "/{id:str}/take")
    cancel = runs(service.cancel_order, "POST", "/{id:str}/cancel")
    sell = runs(service.sell_order, "POST", "/{id:str}/sale", status=HTTPStatus.CREATED)
    deposit = runs(service.pay_deposit, "POST", "/{id:str}/deposits", status=HTTPStatus.CREATED)
    give_back = runs(service.return_deposit, "POST", "/{id:str}/deposits/return", status=HTTPStatus.CREATED)


class RemovedController(Controller):
    """What was on a ticket and was taken off before it was paid."""

    path = "/api/v1/removed-lines"
    tags = ("orders",)

    report = runs(service.report_removed, "POST")
    find = runs(service.list_removed, "GET")
