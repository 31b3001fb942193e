"""What comes back for goods that come back: shares of what was charged that add up to it, however they are split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.amounts import divide_half_up

if TYPE_CHECKING:
    from decimal import Decimal

_PLACES = 1000


def share(amount: int, *, before: Decimal, quantity: Decimal, sold: Decimal) -> int:
    """Return the part of ``amount`` that belongs to ``quantity`` of the ``sold``, when ``before`` came back earlier.

    Minor units, a half away from zero. Worked out from the running quantity, so whatever the split, the shares of all
    that was sold add up to ``amount``: no cent is lost or paid twice. Quantities have at most three places.

    Raises:
        ValueError: a quantity of zero or less, or more than was sold.
    """
    start, end, whole = (int(each * _PLACES) for each in (before, before + quantity, sold))
    if not 0 <= start < end <= whole:
        raise ValueError(f"{quantity} after {before} of {sold}")
    return divide_half_up(amount * end, whole) - divide_half_up(amount * start, whole)
