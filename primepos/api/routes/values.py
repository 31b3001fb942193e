"""Gift cards, what customers have with the shop, their accounts and points."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.sales import service as sales
from primepos.domain.values import service


class GiftCardsController(Controller):
    """Issuing, looking up, blocking and correcting gift cards. A code is asked in a body, so no log keeps it."""

    path = "/api/v1/gift-cards"
    tags = ("values",)

    issue = runs(service.issue_card, "POST", status=HTTPStatus.CREATED, keyed=True)
    find = runs(service.list_cards, "GET")
    show = runs(service.show_card, "POST", "/lookup")
    tell = runs(service.tell_code, "POST", "/{id:str}/code", into={"id": "account_id"})
    block = runs(service.block_card, "POST", "/{id:str}/block", into={"id": "account_id"})
    unblock = runs(service.unblock_card, "POST", "/{id:str}/unblock", into={"id": "account_id"})
    adjust = runs(service.adjust_card, "POST", "/{id:str}/adjustments", into={"id": "account_id"})


class ValuesController(Controller):
    """What customers have with the shop, what made it so, and what is kept of it for a sale."""

    path = "/api/v1/values"
    tags = ("values",)

    find = runs(service.list_value, "GET")
    liabilities = runs(service.liabilities, "GET", "/liabilities")
    of_customer = runs(service.of_customer, "GET", "/customers/{id:str}", into={"id": "customer_id"})
    entries = runs(service.list_entries, "GET", "/{id:str}/entries", into={"id": "account_id"})
    credit = runs(service.adjust_credit, "POST", "/store-credit")
    points = runs(service.adjust_points, "POST", "/points")
    account = runs(service.adjust_account, "POST", "/accounts")
    authorise = runs(service.authorise, "POST", "/authorisations", status=HTTPStatus.CREATED, keyed=True)
    release = runs(service.release, "POST", "/authorisations/{id:str}/release")
    allotments = runs(service.list_allotments, "GET", "/allotments")
    allot = runs(service.allot, "POST", "/allotments")
    tidy = runs(service.tidy, "POST", "/tidy")


class AccountsController(Controller):
    """Customers' accounts: limit, statement, ageing, open sales, and money that comes in."""

    path = "/api/v1/accounts"
    tags = ("values",)

    ageing = runs(service.ageing, "GET", "/ageing")
    limit = runs(service.set_limit, "PUT", "/{id:str}/limit", into={"id": "customer_id"})
    statement = runs(service.statement, "GET", "/{id:str}/statement", into={"id": "customer_id"})
    open_sales = runs(service.open_sales, "GET", "/{id:str}/open-sales", into={"id": "customer_id"})
    pay = runs(
        sales.pay_onto_account,
        "POST",
        "/{id:str}/payments",
        status=HTTPStatus.CREATED,
        into={"id": "customer_id"},
        located="/api/v1/sales/{id}",
    )
