"""How acts on outlets and registers can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, NotFound, PermissionDenied, RuleViolation


class OutletNotFound(NotFound):
    """No such outlet in this tenant."""

    code = "OUTLET_NOT_FOUND"
    template = "No such outlet"


class OutletNotYours(PermissionDenied):
    """The person works in other outlets than this one."""

    code = "OUTLET_NOT_YOURS"
    template = "You do not work in outlet {outlet}"


class OutletIsWarehouse(RuleViolation):
    """A warehouse keeps goods and sells nothing, so it has no register."""

    code = "OUTLET_IS_WAREHOUSE"
    template = "{outlet} is a warehouse and has no register"


class OutletArchived(RuleViolation):
    """The outlet is archived: bring it back before adding to it."""

    code = "OUTLET_ARCHIVED"
    template = "Outlet {outlet} is archived"


class DuplicateOutlet(Conflict):
    """Another outlet of the tenant, perhaps an archived one, has this code."""

    code = "DUPLICATE_OUTLET"
    template = "Another outlet has this code"


class RegisterNotFound(NotFound):
    """No such register in this tenant."""

    code = "REGISTER_NOT_FOUND"
    template = "No such register"


class DuplicateRegister(Conflict):
    """Another register of the outlet, perhaps an archived one, has this code."""

    code = "DUPLICATE_REGISTER"
    template = "Another register of this outlet has this code"


class DuplicatePrefix(Conflict):
    """Another register of the tenant writes this prefix on its receipts."""

    code = "DUPLICATE_PREFIX"
    template = "Another register has this receipt prefix"


class ServerRegisterStays(RuleViolation):
    """Callers without a till book on the outlet's server register: it is not archived and starts no new series."""

    code = "SERVER_REGISTER_STAYS"
    template = "The outlet's own register cannot be archived or start a new series"


register_constraint("outlets_tenant_id_code_key", DuplicateOutlet)
register_constraint("registers_tenant_id_outlet_id_code_key", DuplicateRegister)
register_constraint("registers_tenant_id_prefix_key", DuplicatePrefix)
