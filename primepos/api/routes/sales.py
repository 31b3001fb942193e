"""Sales."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from litestar import Controller

from primepos.api.endpoint import Call, runs
from primepos.domain.returns import service as returns
from primepos.domain.sales import service

_REASON = "Deleted over the API"


def _void_id(_call: Call, data: Mapping[str, Any]) -> str:
    """Return the id of the counter-record of a sale: a sale is voided once, so deleting it again finds the same."""
    return str(uuid5(NAMESPACE_OID, f"void:{str(data.get('sale_id')).lower()}"))


class SalesController(Controller):
    """Booking, delivering, reading, voiding and refunding."""

    path = "/api/v1/sales"
    tags = ("sales",)

    book = runs(service.book_sale, "POST", status=HTTPStatus.CREATED, keyed=True, located="/api/v1/sales/{id}")
    deliver = runs(
        service.deliver_sale, "POST", "/deliver", status=HTTPStatus.CREATED, keyed=True, located="/api/v1/sales/{id}"
    )
    find = runs(service.list_sales, "GET")
    show = runs(service.get_sale, "GET", "/{id:str}")
    void = runs(
        service.void_sale,
        "POST",
        "/{id:str}/void",
        status=HTTPStatus.CREATED,
        into={"id": "sale_id"},
        located="/api/v1/sales/{id}",
    )
    refundable = runs(returns.refundable, "GET", "/{id:str}/refundable")
    exchange = runs(
        returns.exchange_goods,
        "POST",
        "/{id:str}/exchanges",
        status=HTTPStatus.CREATED,
        into={"id": "sale_id"},
        located="/api/v1/sales/{id}",
    )
    bring_back = runs(returns.return_goods, "POST", "/returns", status=HTTPStatus.CREATED, located="/api/v1/sales/{id}")
    refund = runs(
        returns.refund_sale,
        "POST",
        "/{id:str}/refunds",
        status=HTTPStatus.CREATED,
        into={"id": "sale_id"},
        located="/api/v1/sales/{id}",
    )
    settlement = runs(service.show_settlement, "GET", "/{id:str}/payments")
    pay = runs(
        service.pay_for_sale,
        "POST",
        "/{id:str}/payments",
        status=HTTPStatus.CREATED,
        into={"id": "sale_id"},
        located="/api/v1/sales/{id}",
    )
    delete = runs(
        service.void_sale,
        "DELETE",
        "/{id:str}",
        into={"id": "sale_id"},
        supplied={"id": _void_id},
        defaults={"reason": lambda _call, _data: _REASON},
    )
