"""How acts on suppliers and orders can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class SupplierNotFound(NotFound):
    """No supplier has this id."""

    code = "SUPPLIER_NOT_FOUND"
    template = "No such supplier"


class SupplierArchived(RuleViolation):
    """Nothing is ordered from a supplier who is out of use."""

    code = "SUPPLIER_ARCHIVED"
    template = "{supplier} is archived"


class DuplicateSupplier(Conflict):
    """Another supplier has this code."""

    code = "DUPLICATE_SUPPLIER"
    template = "There is a supplier with this code already"


class OrderNotFound(NotFound):
    """No order has this id."""

    code = "ORDER_NOT_FOUND"
    template = "No such order"


class SupplierReturnNotFound(NotFound):
    """No return to a supplier has this id."""

    code = "SUPPLIER_RETURN_NOT_FOUND"
    template = "No such return"


class NoCost(InvalidInput):
    """Neither the line nor the supplier's list says what a product costs."""

    code = "NO_COST"
    template = "What does {products} cost?"


class OverReceipt(RuleViolation):
    """More would have arrived than was ordered and the order tolerates; nothing was changed."""

    code = "OVER_RECEIPT"
    template = "More than was ordered of {products}"


class ReturnExceedsReceived(RuleViolation):
    """More would go back than arrived; nothing was changed."""

    code = "RETURN_EXCEEDS_RECEIVED"
    template = "More would go back than arrived of {products}"


register_constraint("suppliers_tenant_id_code_key", DuplicateSupplier)
