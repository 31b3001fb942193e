"""The audit trail."""

from __future__ import annotations

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.audit import service


class AuditController(Controller):
    """Who did, or was refused, what."""

    path = "/api/v1/audit"
    tags = ("audit",)

    find = runs(service.list_audit, "GET")
