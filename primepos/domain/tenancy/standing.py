"""Whether a tenant may go on: the check that selling and signing in make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.domain.tenancy.errors import TenantSuspended

if TYPE_CHECKING:
    from primepos.core.context import TenantInfo

ACTIVE, SUSPENDED = "active", "suspended"


def require_active(tenant: TenantInfo) -> None:
    """Refuse what a suspended tenant may not do: everything but delivering what was sold, and closing.

    Raises TenantSuspended.
    """
    require_active_status(tenant.status, tenant.slug)


def require_active_status(status: str, slug: str) -> None:
    """Do the same for who has the row but not the tenant. Raises TenantSuspended."""
    if status != ACTIVE:
        raise TenantSuspended(slug=slug)
