"""How long the books of a shop must be kept, by country."""

from __future__ import annotations

from datetime import date
from typing import Final

# Years after the end of the calendar year: DE AO 147 (books), AT BAO 132, CH OR 958f, FR Code de commerce L123-22,
# ES Codigo de Comercio 30, IT Codice civile 2220, GB HMRC notice 700/21, IN CGST 36 (72 months of the annual return).
YEARS: Final = {"AT": 7, "CH": 10, "DE": 10, "ES": 6, "FR": 10, "GB": 6, "IN": 8, "IT": 10}
LONGEST: Final = 10
WAIT_DAYS: Final = 30


def held_until(country: str, last_sale: date | None) -> date | None:
    """Return the first day on which the books need not be kept any more; None where nothing was ever sold.

    A country that is not known here counts as the strictest.
    """
    if last_sale is None:
        return None
    return date(last_sale.year + YEARS.get(country, LONGEST) + 1, 1, 1)
