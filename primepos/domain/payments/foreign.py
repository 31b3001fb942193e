"""Cash of another currency: taken at the shop's own rate, given change for in the shop's currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from primepos.core.amounts import currency
from primepos.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping


class CurrencyNotTaken(InvalidInput):
    """The shop takes no cash of this currency."""

    code = "CURRENCY_NOT_TAKEN"
    template = "This shop takes no cash in {currency}"


class RateDiffers(InvalidInput):
    """The caller worked the money of another currency out at another rate than the shop's."""

    code = "RATE_DIFFERS"
    template = "At the shop's rate of {rate} this comes to {expected}, not {given} (minor units)"


def rate_of(settings: Mapping[str, Any], code: str) -> Decimal:
    """Return what one whole unit of a currency is worth in whole units of the shop's.

    Raises:
        CurrencyNotTaken: the shop has no rate for it.
    """
    for each in settings.get("foreign_cash") or ():
        if each["currency"] == code:
            return Decimal(each["rate"])
    raise CurrencyNotTaken(currency=code)


def converted(foreign_amount: int, code: str, *, rate: Decimal, own: str) -> int:
    """Return minor units of ``own`` for minor units of another currency, rounded half up to the minor unit."""
    whole = Decimal(foreign_amount).scaleb(-currency(code).exponent)
    return int((whole * rate).scaleb(currency(own).exponent).quantize(Decimal(1), ROUND_HALF_UP))
