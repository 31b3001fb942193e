"""Customers."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import left_out, runs
from primepos.domain.customers import service


class CustomersController(Controller):
    """Who buys: profiles, groups, consent, history, merging and erasing."""

    path = "/api/v1/customers"
    tags = ("customers",)

    create = runs(
        service.create_customer,
        "POST",
        status=HTTPStatus.CREATED,
        keyed=True,
        located="/api/v1/customers/{id}",
    )
    find = runs(service.list_customers, "GET")
    search = runs(service.search_customers, "GET", "/search")
    load = runs(service.load_customers, "POST", "/import")
    groups = runs(service.list_groups, "GET", "/groups")
    create_group = runs(service.create_group, "POST", "/groups", status=HTTPStatus.CREATED)
    update_group = runs(service.update_group, "PATCH", "/groups/{id:str}")
    show = runs(service.get_customer, "GET", "/{id:str}", supplied={"number": left_out})
    update = runs(service.update_customer, "PATCH", "/{id:str}")
    archive = runs(service.archive_customer, "POST", "/{id:str}/archive")
    unarchive = runs(service.unarchive_customer, "POST", "/{id:str}/unarchive")
    consents = runs(service.list_consents, "GET", "/{id:str}/consents")
    consent = runs(service.record_consent, "POST", "/{id:str}/consents")
    history = runs(service.customer_history, "GET", "/{id:str}/sales")
    merge = runs(service.merge_customers, "POST", "/{id:str}/merge")
    erase = runs(service.erase_customer, "POST", "/{id:str}/erase")
    everything = runs(service.customer_data, "GET", "/{id:str}/data")
