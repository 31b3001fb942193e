"""How acts on tenants are refused."""

from __future__ import annotations

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied


class SlugTaken(Conflict):
    """Another tenant has this short name."""

    code = "SLUG_TAKEN"
    template = "Another tenant has this short name"


class TenantNotFound(NotFound):
    """No tenant has this short name."""

    code = "TENANT_NOT_FOUND"
    template = "No tenant is called {slug!r}"


class UnknownZone(InvalidInput):
    """The text names no time zone of the IANA database."""

    code = "UNKNOWN_ZONE"
    template = "Unknown time zone {zone!r}"
    hint = "Use a name of the IANA database, such as Europe/Berlin."


class TenantSuspended(PermissionDenied):
    """The tenant is suspended: nobody signs in and nothing is sold, but open shifts may be delivered and closed."""

    code = "TENANT_SUSPENDED"
    template = "This tenant is suspended: only what was sold can still be delivered, and open shifts closed"


register_constraint("tenants_slug_key", SlugTaken)
