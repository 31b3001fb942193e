"""How acts on customers can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class CustomerNotFound(NotFound):
    """No such customer in this tenant."""

    code = "CUSTOMER_NOT_FOUND"
    template = "No customer {customer}"


class CustomerGroupNotFound(NotFound):
    """No such group of customers in this tenant, or an archived one is to be given."""

    code = "CUSTOMER_GROUP_NOT_FOUND"
    template = "No group of customers {group}"


class CustomerNumberTaken(Conflict):
    """Another customer of the tenant, perhaps an archived or a merged one, has this number."""

    code = "CUSTOMER_NUMBER_TAKEN"
    template = "Another customer has this number"


class DuplicateCustomerGroup(Conflict):
    """Another group of customers has this code."""

    code = "DUPLICATE_CUSTOMER_GROUP"
    template = "Another group of customers has this code"


class CustomerConflict(Conflict):
    """A customer with this id was made before, from other data."""

    code = "CUSTOMER_CONFLICT"
    template = "Another customer was made under this id before"


class StaleCustomer(Conflict):
    """The customer has changed since the caller read it; ``version`` is the present one."""

    code = "STALE_CUSTOMER"
    template = "The customer has changed since you read it (it is at version {version} now)"


class InvalidPhone(InvalidInput):
    """The text is no phone number."""

    code = "INVALID_PHONE"
    template = "This is not a phone number: {reason}"


class CustomerMerged(RuleViolation):
    """The record was merged into another one, ``into``: act on that."""

    code = "CUSTOMER_MERGED"
    template = "This record was merged into {into}"


class CustomerErased(RuleViolation):
    """The person was erased; nothing can be written about them any more."""

    code = "CUSTOMER_ERASED"
    template = "This customer was erased"


class CustomerHeld(RuleViolation):
    """The person cannot be erased while something of theirs is open: ``what``."""

    code = "CUSTOMER_HELD"
    template = "This customer cannot be erased: {what}"
    hint = "Settle it first."


class SameCustomer(InvalidInput):
    """A record is to be merged into itself."""

    code = "SAME_CUSTOMER"
    template = "Name two different records"


register_constraint("customers_tenant_id_number_key", CustomerNumberTaken)
register_constraint("customer_groups_tenant_id_code_key", DuplicateCustomerGroup)
