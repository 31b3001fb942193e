"""The cart as it is given, and its lines opened into whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from primepos.core.amounts import divide_half_up
from primepos.pricing.discounts import take_line_discount, take_promotions
from primepos.pricing.errors import InvalidCart
from primepos.pricing.taxes import plan_taxes

if TYPE_CHECKING:
    from primepos.pricing.taxes import TaxPlan, TaxRule

Rounding = Literal["per_line", "global"]
DiscountOn = Literal["price", "net", "total"]

# The base of a line and its taxes, in minor units.
Amounts = tuple[int, tuple[int, ...]]

ZERO: Final = Decimal(0)
# Far outside any shop, and cheap to test before a number is taken apart: 1E+999999 has a million digits.
_MAX_ADJUSTED: Final = 15
_MAX_EXPONENT: Final = 6


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line as sold: ``unit_price`` in major units, ``quantity`` negative for a return, taxes in sequence order.

    ``promotion_minor`` comes off first, whole minor units off the line as it is tagged. Then ``discount_percent``, then
    ``discount_minor``, a positive amount of minor units off the whole line. ``tag_taxes`` are the taxes that the unit
    price was made with, where the customer bears others: what it costs without those is what it costs without tax.
    """

    unit_price: Decimal
    quantity: Decimal
    taxes: tuple[TaxRule, ...] = ()
    discount_percent: Decimal = ZERO
    discount_minor: int = 0
    promotion_minor: int = 0
    tag_taxes: tuple[TaxRule, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cart:
    """What is to be priced, and by which rules.

    ``exponent``: decimals of the currency. ``step``: the smallest amount in major units where that is not one minor
    unit (0.05); all whole amounts, in and out, then count steps. ``rounding``: see docs/pricing.md.
    A ticket discount goes to the sale lines only, never to returns; percent first, then the amount. It is taken off
    the prices as tagged (``price``), off the net amounts (``net``) or off the amount to pay (``total``).
    """

    lines: tuple[CartLine, ...]
    exponent: int = 2
    rounding: Rounding = "per_line"
    ticket_discount_percent: Decimal = ZERO
    ticket_discount_minor: int = 0
    ticket_discount_on: DiscountOn = "price"
    step: Decimal | None = None


@dataclass(slots=True)
class OpenLine:
    """A line on its way through the engine.

    ``top / bottom`` is its exact price after discounts in minor units, ``price`` the same rounded; ``units_top /
    units_bottom`` is the quantity that fixed taxes count, scaled to minor units and signed by the unit price. ``tag``
    are the taxes to take out of the price before those of ``plan`` come on top.
    """

    line: CartLine
    plan: TaxPlan
    top: int
    bottom: int
    price: int
    units_top: int
    units_bottom: int
    sign: int
    line_discount: int = 0
    ticket_discount: int = 0
    amounts: Amounts = (0, ())
    tag: TaxPlan | None = None

    def restart(self, plan: TaxPlan, price: int) -> None:
        """Go on from a rounded base or total, with taxes planned for it, instead of from the price."""
        self.plan, self.price, self.top, self.bottom, self.tag = plan, price, price, 1, None

    def take_ticket_discount(self, share: int) -> None:
        """Take this line's share of the ticket discount, in whole minor units, off the price."""
        self.ticket_discount = share
        self.price -= share
        self.top -= share * self.bottom


def ratio(value: Decimal, what: str) -> tuple[int, int]:
    """Take a decimal apart into numerator and denominator, exactly.

    Raises:
        InvalidCart: a float or another type, NaN, infinity, or a magnitude no shop has.
    """
    if not isinstance(value, Decimal):
        raise InvalidCart(what=what, problem="must be a decimal, never binary floating point")
    if not value.is_finite():
        raise InvalidCart(what=what, problem="not a finite number")
    if not value:
        return 0, 1
    if not -_MAX_ADJUSTED < value.adjusted() < _MAX_ADJUSTED:
        raise InvalidCart(what=what, problem="too large or too small")
    return value.as_integer_ratio()


def scale_of(exponent: int, step: Decimal | None) -> tuple[int, int]:
    """Give how many minor units (or steps, if a step is named) make one major unit, as a ratio.

    Raises:
        InvalidCart: an exponent outside 0 to 6, or a step that is not above zero.
    """
    if step is not None:
        top, bottom = ratio(step, "step")
        if top <= 0:
            raise InvalidCart(what="step", problem="must be above zero")
        return bottom, top
    if type(exponent) is not int or not 0 <= exponent <= _MAX_EXPONENT:
        raise InvalidCart(what="exponent", problem=f"must be a whole number from 0 to {_MAX_EXPONENT}")
    return 10**exponent, 1


def open_line(line: CartLine, scale: int, scale_den: int) -> OpenLine:
    """Turn a line into whole numbers; ``scale / scale_den`` is how many minor units make one major unit.

    Raises:
        InvalidCart: a number cannot be priced.
        DiscountTooLarge: the line's discount is more than the line.
    """
    price_top, price_bottom = ratio(line.unit_price, "unit price")
    quantity_top, quantity_bottom = ratio(line.quantity, "quantity")
    top = price_top * quantity_top * scale
    bottom = price_bottom * quantity_bottom * scale_den
    price = list_price = divide_half_up(top, bottom)
    sign = -1 if top < 0 or (not top and quantity_top < 0) else 1
    if line.promotion_minor:
        top, bottom = take_promotions(price, line.promotion_minor), 1
        price = top
    if line.discount_percent or line.discount_minor:
        top, bottom = take_line_discount(top, bottom, ratio(line.discount_percent, "discount"), line.discount_minor)
        price = divide_half_up(top, bottom)
    return OpenLine(
        line=line,
        plan=plan_taxes(line.taxes),
        top=top,
        bottom=bottom,
        price=price,
        units_top=(-quantity_top if price_top < 0 else quantity_top) * scale,
        units_bottom=quantity_bottom * scale_den,
        sign=sign,
        line_discount=list_price - price,
        tag=None if line.tag_taxes is None else plan_taxes(line.tag_taxes),
    )
