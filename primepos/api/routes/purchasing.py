"""Suppliers, orders and returns."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.purchasing import service

_CREATED = HTTPStatus.CREATED


class SuppliersController(Controller):
    """Whom the shop buys from, and what they sell."""

    path = "/api/v1/suppliers"
    tags = ("purchasing",)

    create = runs(service.create_supplier, "POST", status=_CREATED, located="/api/v1/suppliers/{id}")
    find = runs(service.list_suppliers, "GET")
    items = runs(service.list_supplier_items, "GET", "/items")
    show = runs(service.get_supplier, "GET", "/{id:str}")
    change = runs(service.update_supplier, "PATCH", "/{id:str}")
    archive = runs(service.archive_supplier, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_supplier, "POST", "/{id:str}/unarchive")
    item = runs(
        service.set_supplier_item,
        "PUT",
        "/{supplier:str}/items/{product:str}",
        into={"supplier": "supplier_id", "product": "product_id"},
    )
    remove = runs(
        service.remove_supplier_item,
        "DELETE",
        "/{supplier:str}/items/{product:str}",
        into={"supplier": "supplier_id", "product": "product_id"},
    )


class PurchasesController(Controller):
    """Orders, deliveries on them and goods that go back."""

    path = "/api/v1/purchases"
    tags = ("purchasing",)

    create = runs(service.create_order, "POST", status=_CREATED, keyed=True, located="/api/v1/purchases/{id}")
    find = runs(service.list_orders, "GET")
    suggest = runs(service.suggest_orders, "GET", "/suggestions")
    returns = runs(service.list_supplier_returns, "GET", "/returns")
    returned = runs(service.get_supplier_return, "GET", "/returns/{id:str}")
    credit = runs(service.credit_return, "POST", "/returns/{id:str}/credit")
    show = runs(service.get_order, "GET", "/{id:str}")
    change = runs(service.update_order, "PATCH", "/{id:str}")
    approve = runs(service.approve_order, "POST", "/{id:str}/approve")
    send = runs(service.send_order, "POST", "/{id:str}/send")
    cancel = runs(service.cancel_order, "POST", "/{id:str}/cancel")
    close = runs(service.close_order, "POST", "/{id:str}/close")
    receipts = runs(service.list_receipts, "GET", "/{order:str}/receipts", into={"order": "order_id"})
    receive = runs(
        service.receive_order,
        "POST",
        "/{order:str}/receipts",
        status=_CREATED,
        into={"order": "order_id"},
        keyed=True,
    )
    give_back = runs(
        service.return_to_supplier,
        "POST",
        "/{order:str}/returns",
        status=_CREATED,
        into={"order": "order_id"},
        keyed=True,
        located="/api/v1/purchases/returns/{id}",
    )
