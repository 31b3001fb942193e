"""How acts on lots and serial numbers can be refused."""

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, InvalidInput, NotFound, RuleViolation


class NotTracked(RuleViolation):
    """The product is not tracked by lot or serial number."""

    code = "NOT_TRACKED"
    template = "{sku} is not tracked by lot or serial number"


class LotNotFound(NotFound):
    """No lot of this name was ever received of the product."""

    code = "LOT_NOT_FOUND"
    template = "No lot {lot} of {sku}"


class LotNotHere(RuleViolation):
    """The outlet has no such lot of the product, not as much of it, or the serial number was sold already."""

    code = "LOT_NOT_HERE"
    template = "Not here, or not as much: {lots}"


class LotDiffers(Conflict):
    """The lot is known with another day of expiry."""

    code = "LOT_DIFFERS"
    template = "Lot {lot} of {sku} expires on {expires_on}, it was said before"


class SerialInStock(Conflict):
    """The serial number is in stock already, here or in another outlet."""

    code = "SERIAL_IN_STOCK"
    template = "A serial number is in stock already"


class SerialOfMany(InvalidInput):
    """A serial number is of one piece."""

    code = "SERIAL_OF_MANY"
    template = "Serial number {lot} of {sku} is of one piece, not {quantity}"


class RepeatedLot(InvalidInput):
    """A lot stands on two lines; how much of it is meant cannot be known."""

    code = "REPEATED_LOT"
    template = "Lot {lot} stands on two lines"


class LotsExceedStock(RuleViolation):
    """More would be in lots than is in stock: goods that just came are received, not assigned."""

    code = "LOTS_EXCEED_STOCK"
    template = "{sku}: {lots} in lots would be more than the {stock} in stock"


register_constraint("stock_lots_serial_idx", SerialInStock)
register_constraint("stock_lots_serial_check", SerialInStock)
