"""How acts on stock can be refused."""

from primepos.core.db import TransactionRetry, register_constraint
from primepos.core.errors import Conflict, InvalidInput, RuleViolation


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


# A twin was faster: look again, its answer is the answer.
register_constraint("stock_documents_pkey", TransactionRetry)
