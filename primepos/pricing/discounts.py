"""Discounts: what a line gives, and how a ticket's discount is shared so that the shares sum exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.amounts import allocate, divide_half_up
from primepos.pricing.errors import DiscountTooLarge, InvalidCart

if TYPE_CHECKING:
    from collections.abc import Sequence


def take_line_discount(top: int, bottom: int, percent: tuple[int, int], minor: int) -> tuple[int, int]:
    """Take a percentage and then an amount off an exact price ``top / bottom``; the result is exact again.

    ``percent`` is a ratio (10 % is ``(10, 1)``), ``minor`` a positive number of minor units. Both work on the
    magnitude, so a return gives its discount back.

    Raises:
        InvalidCart: a percentage outside 0 to 100, or an amount that is negative or not whole.
        DiscountTooLarge: the amount is more than the price.
    """
    percent_top, percent_bottom = _checked(percent, minor)
    top, bottom = top * (100 * percent_bottom - percent_top), bottom * 100 * percent_bottom
    if minor * bottom > abs(top):
        raise DiscountTooLarge(discount=minor, available=divide_half_up(abs(top), bottom))
    return top - (minor if top > 0 else -minor) * bottom, bottom


def take_promotions(price: int, minor: int) -> int:
    """Take what promotions give off a line's rounded price; both in minor units, ``minor`` positive.

    Raises:
        InvalidCart: an amount that is negative or not whole.
        DiscountTooLarge: it is more than the price, or the line takes goods back.
    """
    _checked((0, 1), minor)
    if minor > price:
        raise DiscountTooLarge(discount=minor, available=max(price, 0))
    return price - minor


def share_ticket_discount(weights: Sequence[int], percent: tuple[int, int], minor: int) -> list[int]:
    """Share a ticket discount over the lines by their amounts, in minor units; return lines get nothing.

    The percentage is taken of the sum of the sale lines and rounded once, half up; the amount comes on top; the whole
    is shared by :func:`primepos.core.amounts.allocate`, so the shares sum exactly to the discount.

    Raises:
        InvalidCart: a percentage outside 0 to 100, or an amount that is negative or not whole.
        DiscountTooLarge: the discount is more than the sale lines.
    """
    percent_top, percent_bottom = _checked(percent, minor)
    ratios = [max(weight, 0) for weight in weights]
    available = sum(ratios)
    discount = divide_half_up(available * percent_top, 100 * percent_bottom) + minor
    if discount > available:
        raise DiscountTooLarge(discount=discount, available=available)
    return allocate(discount, ratios) if discount else [0] * len(ratios)


def _checked(percent: tuple[int, int], minor: int) -> tuple[int, int]:
    if not 0 <= percent[0] <= 100 * percent[1]:
        raise InvalidCart(what="discount", problem="a percentage must be from 0 to 100")
    if type(minor) is not int or minor < 0:
        raise InvalidCart(what="discount", problem="an amount must be whole minor units, not negative")
    return percent
