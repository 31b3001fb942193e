"""Plans of the installation, and what a shop uses."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.plans import service


class PlansController(Controller):
    """Plans: what the operator of the installation offers, and which shop has which."""

    path = "/api/v1/plans"
    tags = ("plans",)

    create = runs(service.create_plan, "POST", status=HTTPStatus.CREATED)
    find = runs(service.list_plans, "GET")
    update = runs(service.update_plan, "PATCH", "/{code:str}")
    history = runs(service.plan_history, "GET", "/of/{slug:str}")
    assign = runs(service.assign_plan, "PUT", "/of/{slug:str}")


class UsageController(Controller):
    """What a shop uses of its plan, now and by month."""

    path = "/api/v1/usage"
    tags = ("plans",)

    read = runs(service.read_usage, "GET")
