"""How a sale can be refused."""

from primepos.core.db import TransactionRetry, register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class SaleNotFound(NotFound):
    """No such sale in this tenant."""

    code = "SALE_NOT_FOUND"
    template = "Sale {sale} not found"


class SaleConflict(Conflict):
    """This sale id was booked before with another content; a person has to look at it."""

    code = "SALE_CONFLICT"
    template = "Sale {sale} was booked before with another content"


class NumberConflict(Conflict):
    """This receipt number was used by another sale of the same series."""

    code = "RECEIPT_NUMBER_CONFLICT"
    template = "This receipt number belongs to another sale of the series"


class TotalDiffers(Conflict):
    """The caller's total is not what the server's prices make; both are in the error."""

    code = "TOTAL_DIFFERS"
    template = "The total is {total}, not {given} (minor units)"


class UnknownProduct(InvalidInput):
    """A line names a product that does not exist here or is archived."""

    code = "UNKNOWN_PRODUCT"
    template = "No product {product} can be sold here"


class OutletNotFound(NotFound):
    """No such outlet, or it is archived."""

    code = "OUTLET_NOT_FOUND"
    template = "No such outlet sells here"


class RegisterNotFound(NotFound):
    """No such register, or it is not the caller's."""

    code = "REGISTER_NOT_FOUND"
    template = "No such register"


class ShiftUnknown(NotFound):
    """The delivered sale names a shift the server has not heard of: deliver the opening first."""

    code = "SHIFT_UNKNOWN"
    template = "The shift of this sale is not known here yet"


class OutOfStock(RuleViolation):
    """The shop's rule is to block what is not there; nothing was booked."""

    code = "OUT_OF_STOCK"
    template = "There is not enough stock of {products}"


class AlreadyVoided(Conflict):
    """A sale can be voided once."""

    code = "ALREADY_VOIDED"
    template = "This sale has been voided"


class VoidTooLate(RuleViolation):
    """The shift of the sale is closed: what is wrong now is put right by a refund."""

    code = "VOID_TOO_LATE"
    template = "The shift of this sale is closed; refund it instead"


class VoidAtTill(RuleViolation):
    """A till is the author of its own series, so it voids its own sales."""

    code = "VOID_AT_TILL"
    template = "Sale {receipt} is void only at its own register"


class CannotVoid(RuleViolation):
    """A void or an imported sale has nothing to undo."""

    code = "CANNOT_VOID"
    template = "Only a sale can be voided"


class CannotRefund(RuleViolation):
    """A void or a refund has nothing to give back, nor has a sale that was voided."""

    code = "CANNOT_REFUND"
    template = "Only a sale that stands can be refunded"


class AlreadyRefunded(Conflict):
    """Goods of this sale have come back: what is left is refunded, not voided."""

    code = "ALREADY_REFUNDED"
    template = "Something of this sale has come back; refund the rest instead"


class NothingToRefund(Conflict):
    """Everything of this sale has come back already."""

    code = "NOTHING_TO_REFUND"
    template = "Everything of this sale has come back already"


class ReturnExceedsSold(RuleViolation):
    """More is to come back than what is left of the line."""

    code = "RETURN_EXCEEDS_SOLD"
    template = "Line {line}: {left} can still come back"


class TendersDiffer(InvalidInput):
    """What is to be paid back is not what comes back; both are in the error, in minor units."""

    code = "TENDERS_DIFFER"
    template = "{due} is to be paid back, not {given} (minor units)"


class CardExceeded(RuleViolation):
    """More is to go back to cards than they paid."""

    code = "CARD_EXCEEDED"
    template = "At most {left} can go back to cards (minor units)"


class ValueExceeded(RuleViolation):
    """More is to go back to a gift card, an account or points than they paid."""

    code = "VALUE_EXCEEDED"
    template = "At most {left} can go back to this {kind} (minor units)"


class NotOnAccount(RuleViolation):
    """Nothing of this sale is open: it was paid at once, or everything has come in since."""

    code = "NOTHING_OPEN"
    template = "Nothing of sale {receipt} is open"


class PaysTooMuch(RuleViolation):
    """More is to be paid for a sale than is open of it; what is beyond it is paid onto the account."""

    code = "PAYS_TOO_MUCH"
    template = "Only {open} of sale {receipt} is open (minor units)"


class BrokenSale(InvalidInput):
    """The delivered figures contradict themselves: parts do not sum, or the hash is not of this content."""

    code = "BROKEN_SALE"
    template = "The sale contradicts itself: {problem}"


# Somebody was faster. Which of these keys a twin meets first is the server's affair, so whichever it is, the
# transaction runs again: a stored twin is the answer, another sale of this number or another void is found by reading.
register_constraint("sales_pkey", TransactionRetry)
register_constraint("sales_series_idx", TransactionRetry)
register_constraint("sales_void_of_idx", TransactionRetry)
register_constraint("sale_returns_nth_idx", TransactionRetry)
# The booking found its shift closed and wrote nothing, so there is no line to say anything of.
register_constraint("sale_returns_tenant_id_sale_id_line_no_fkey", TransactionRetry)
register_constraint("sales_tenant_id_shift_id_fkey", ShiftUnknown)
