"""From the short name that a person types to the tenant's number, for whoever starts an operation in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.context import Identity, operator
from primepos.core.db import run_in_transaction
from primepos.domain.tenancy.queries import resolve_slug

if TYPE_CHECKING:
    from primepos.core.db import Database


def tenant_id_of(database: Database, slug: str) -> int:
    """Return the number of the tenant with this short name. Raises TenantNotFound."""
    return run_in_transaction(lambda: database.system_session(read_only=True), lambda uow: resolve_slug(uow, slug))


def operator_in(database: Database, slug: str | None, name: str) -> Identity:
    """Return the identity of the person at the server's shell, inside the tenant with this short name or outside all.

    Raises TenantNotFound.
    """
    return operator(name, None if slug is None else tenant_id_of(database, slug))
