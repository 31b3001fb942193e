"""Figures of offers as people type them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from primepos.core.amounts import RATE_PLACES, InvalidAmount, parse_decimal, parse_unit_price

_MOST_PERCENT: Final = Decimal(10_000)


def parse_percent(value: Decimal) -> Decimal:
    """Read a percentage of at most four places, not below zero.

    Raises:
        InvalidAmount: see :func:`primepos.core.amounts.parse_decimal`.
    """
    percent = parse_decimal(value, what="percent", places=RATE_PLACES, maximum=_MOST_PERCENT)
    if percent < 0:
        raise InvalidAmount(what="percent", problem="must not be below zero")
    return percent


def parse_price(value: Decimal) -> Decimal:
    """Read a unit price, not below zero.

    Raises:
        InvalidAmount: see :func:`primepos.core.amounts.parse_unit_price`.
    """
    price = parse_unit_price(value)
    if price < 0:
        raise InvalidAmount(what="unit price", problem="must not be below zero")
    return price
