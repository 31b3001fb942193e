"""What a price becomes when it is raised and made to end as shops like it. Pure; in currency units."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.amounts import round_half_up

if TYPE_CHECKING:
    from primepos.core.amounts import Currency
    from primepos.domain.catalog.bulk_schemas import Change

_HUNDRED = Decimal(100)


def new_price(price: Decimal, change: Change, currency: Currency) -> Decimal:
    """Return the price after a change, with four places; a price that does not change stays to the fourth place."""
    if not change.prices:
        return price
    wanted = change.unit_price if change.unit_price is not None else price
    if change.raise_percent is not None:
        wanted = price * (_HUNDRED + change.raise_percent) / _HUNDRED
    if change.ending is not None:
        wanted = with_ending(wanted, change.ending)
    elif change.raise_percent is not None:
        wanted = round_half_up(wanted, Decimal(1).scaleb(-currency.exponent))
    return wanted.quantize(Decimal("0.0001"))


def with_ending(price: Decimal, ending: Decimal) -> Decimal:
    """Return the nearest price that ends so, the higher of two: 12.30 becomes 11.99 or 12.99 by 0.99, 9.90 by 9.90.

    An ending below 1 repeats every unit, one below 10 every ten, others every hundred. A price is never below the
    ending, and what costs nothing stays so.
    """
    if not price:
        return price
    step = Decimal(1) if ending < 1 else Decimal(10) if ending < 10 else _HUNDRED
    steps = int((price - ending) // step)
    below = max(ending + step * steps, ending)
    above = below + step
    return below if price - below < above - price else above
