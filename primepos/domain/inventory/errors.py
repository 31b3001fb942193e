"""How acts on stock can be refused."""

from primepos.core.db import TransactionRetry, register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class NegativeStock(RuleViolation):
    """The shop's rule is to block what is not there, and a level would fall below zero; nothing was changed."""

    code = "NEGATIVE_STOCK"
    template = "There is not enough stock of {products}"


class StockNotTracked(RuleViolation):
    """The product's stock is not counted: a service, a gift wrap."""

    code = "STOCK_NOT_TRACKED"
    template = "The stock of {products} is not tracked"


class OpeningExists(Conflict):
    """The product has moved in this outlet already, so its stock is corrected by a count, not opened."""

    code = "OPENING_EXISTS"
    template = "The stock of {products} has been opened or moved already; count it instead"


class RepeatedProduct(InvalidInput):
    """A product stands on two lines; which of them holds cannot be known."""

    code = "REPEATED_PRODUCT"
    template = "A product stands on two lines"


class StockConflict(Conflict):
    """This id was used before for another act on stock; nothing was moved."""

    code = "STOCK_CONFLICT"
    template = "{id} was used before for another act on stock"


class TransferNotFound(NotFound):
    """No transfer has this id."""

    code = "TRANSFER_NOT_FOUND"
    template = "No such transfer"


class CountNotFound(NotFound):
    """No count has this id."""

    code = "COUNT_NOT_FOUND"
    template = "No such count"


class ReasonUnknown(InvalidInput):
    """No reason has this code, or it is out of use."""

    code = "REASON_UNKNOWN"
    template = "There is no reason {reason!r}"


class WrongDirection(InvalidInput):
    """The reason says which way stock goes, and the quantity says another."""

    code = "WRONG_DIRECTION"
    template = "{reason!r} {problem}"


class WrongState(RuleViolation):
    """The document is past this step, or has not come to it yet; nothing was changed."""

    code = "WRONG_STATE"
    template = "The {what} is {state}"


class NotInDocument(InvalidInput):
    """A product does not belong to this document."""

    code = "NOT_IN_DOCUMENT"
    template = "Not part of this {what}: {products}"


class CountedBelowZero(InvalidInput):
    """More was taken back of what was counted than had been counted; nothing was changed."""

    code = "COUNTED_BELOW_ZERO"
    template = "That would be less than nothing counted"


class NothingCounted(RuleViolation):
    """Nobody has counted anything yet."""

    code = "NOTHING_COUNTED"
    template = "Nothing has been counted yet"


class NotEnoughToAllot(RuleViolation):
    """There is less of a product than a register was to get, beside what other registers hold; nothing was changed."""

    code = "NOT_ENOUGH_TO_ALLOT"
    template = "There is not enough left of {products}"


class NotAllotted(RuleViolation):
    """The register holds less of a product than was to be taken back; nothing was changed."""

    code = "NOT_ALLOTTED"
    template = "The register does not hold that much of {products}"


# A twin was faster: look again, its answer is the answer.
register_constraint("stock_documents_pkey", TransactionRetry)
register_constraint("stock_count_lines_counted_check", CountedBelowZero)
