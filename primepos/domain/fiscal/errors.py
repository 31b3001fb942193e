"""How a closing can be refused."""

from primepos.core.db import TransactionRetry, register_constraint
from primepos.core.errors import InvalidInput, NotFound


class PeriodNotOver(InvalidInput):
    """A period is closed through today at the latest."""

    code = "PERIOD_NOT_OVER"
    template = "A {period} can be closed through {latest} at the latest"


class SeriesNotFound(NotFound):
    """No such register in this tenant."""

    code = "SERIES_NOT_FOUND"
    template = "No such series of receipts"


# Somebody closed the same numbers at the same moment: look again, and find nothing left to close.
register_constraint("fiscal_closings_pkey", TransactionRetry)
