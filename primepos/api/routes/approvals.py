"""Consent of another person."""

from __future__ import annotations

from http import HTTPStatus

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.staff import service


class ApprovalsController(Controller):
    """Asking for consent from elsewhere, and answering. It is used by sending its id with the act: ``X-Approval``."""

    path = "/api/v1/approvals"
    tags = ("approvals",)

    ask = runs(service.ask_approval, "POST", status=HTTPStatus.CREATED, located="/api/v1/approvals/{id}")
    find = runs(service.list_approvals, "GET")
    show = runs(service.get_approval, "GET", "/{id:str}")
    give = runs(service.give_approval, "POST", "/{id:str}/grant")
    refuse = runs(service.refuse_approval, "POST", "/{id:str}/refuse")
