"""How operations on orders can be refused."""

from primepos.core.errors import Conflict, NotFound, RuleViolation


class OrderNotFound(NotFound):
    """No order of this shop has this id, or it is of an outlet the caller does not work in."""

    code = "SALE_ORDER_NOT_FOUND"
    template = "There is no order {order}"


class OrderMoved(Conflict):
    """Somebody has changed the order since the caller read it."""

    code = "SALE_ORDER_MOVED"
    template = "Order {number} was changed meanwhile: it is at version {version}"
    hint = "Read it again, then decide."


class OrderElsewhere(Conflict):
    """Another register has the order; it is taken over first."""

    code = "SALE_ORDER_ELSEWHERE"
    template = "Order {number} is on hold at another register"
    hint = "Take it over if that register does not need it any more."


class OrderEnded(RuleViolation):
    """The order is sold or cancelled."""

    code = "SALE_ORDER_ENDED"
    template = "Order {number} is {state}"


class QuoteExpired(RuleViolation):
    """The prices of the quote are not promised any more."""

    code = "QUOTE_EXPIRED"
    template = "Quote {number} was valid until {until}"
    hint = "Save it again: it gets today's prices and a new day."


class DepositLeft(RuleViolation):
    """The customer has paid something on it, which is given back first."""

    code = "DEPOSIT_LEFT"
    template = "A deposit of {deposit} is left on order {number} (minor units)"
    hint = "Give it back first, or sell the order."


class DepositTooMuch(RuleViolation):
    """More than the order comes to would be paid on it."""

    code = "DEPOSIT_TOO_MUCH"
    template = "Order {number} comes to {total}, {deposit} is paid on it already (minor units)"


class NoDeposit(RuleViolation):
    """Nothing is left to give back."""

    code = "NO_DEPOSIT"
    template = "No deposit is left on order {number}"


class OrderConflict(Conflict):
    """This id was used for an order with another content."""

    code = "SALE_ORDER_CONFLICT"
    template = "The order {order} was saved before with another content"
