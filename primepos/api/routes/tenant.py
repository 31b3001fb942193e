"""The tenant one works in."""

from __future__ import annotations

from litestar import Controller

from primepos.api.endpoint import runs
from primepos.domain.provisioning import service as provisioning
from primepos.domain.tenancy import service


class TenantController(Controller):
    """One's own shop: name, currency, zone and how it sells."""

    path = "/api/v1/tenant"
    tags = ("tenant",)

    show = runs(service.current_tenant, "GET")
    update = runs(service.update_settings, "PATCH")
    document = runs(provisioning.export_shop, "GET", "/document")
