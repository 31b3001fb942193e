"""What a caller asks of prices, discounts and refunds, as acts to be authorised, with what they weigh.

Everything asked of one sale is authorised at once, so that one consent can cover it.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from primepos.core.amounts import parse_quantity, parse_unit_price
from primepos.core.errors import InvalidInput
from primepos.core.permissions import Act, Permission
from primepos.domain.sales.packing import find_goods

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.sales.queries import Goods
    from primepos.domain.sales.schemas import ReturnLine, SellLine

_PLACES = Decimal("0.0001")
_LONGEST = 12


def sale_acts(
    lines: Sequence[SellLine],
    goods: Sequence[Goods],
    *,
    exponent: int,
    outlet_id: UUID,
    subject: str,
    ticket_percent: Decimal = Decimal(0),
    ticket_minor: int = 0,
) -> list[Act]:
    """Return what must be authorised before these lines are sold; nothing where nobody asks for a price or discount.

    A price override weighs what it takes off the catalogue's price, in minor units and in percent of the line it cuts
    most; a price above it weighs nothing. An amount off counts in percent of its line, or of the whole ticket.
    Raises UnknownProduct, InvalidInput.
    """
    for percent in (ticket_percent, *(line.discount_percent for line in lines)):
        _check_plain(percent)
    if not (ticket_percent or ticket_minor or any(_asks(line) for line in lines)):
        return []
    found = find_goods(lines, goods)
    weighed = [_Weighed(line, product, exponent) for line, product in zip(lines, found, strict=True)]
    acts: dict[Permission, tuple[bool, Fraction, Fraction]] = {
        Permission.SALE_PRICE_OVERRIDE: (
            any(line.unit_price is not None for line in lines),
            max((each.cut_percent for each in weighed), default=Fraction(0)),
            sum((each.cut for each in weighed), Fraction(0)),
        ),
        Permission.SALE_LINE_DISCOUNT: (
            any(line.discount or line.discount_percent for line in lines),
            max((each.off_percent for each in weighed), default=Fraction(0)),
            sum((each.off for each in weighed), Fraction(0)),
        ),
    }
    left = sum((each.asked - each.off for each in weighed), Fraction(0))
    off = left * _exact(ticket_percent) / 100 + ticket_minor
    acts[Permission.SALE_TICKET_DISCOUNT] = (bool(off), _percent(off, left), off)
    return [
        Act(permission=permission, percent=_shown(percent), amount=round(amount), outlet_id=outlet_id, subject=subject)
        for permission, (is_asked, percent, amount) in acts.items()
        if is_asked
    ]


def return_acts(
    lines: Sequence[ReturnLine], goods: Sequence[Goods], *, exponent: int, outlet_id: UUID, subject: str
) -> Iterator[Act]:
    """Yield what must be authorised for the prices at which goods are taken back: what they are above today's."""
    if any(line.unit_price is not None for line in lines):
        over = Fraction(0)
        for line, product in zip(lines, find_goods(lines, goods), strict=True):
            if line.unit_price is not None:
                above = _exact(parse_unit_price(line.unit_price)) - _exact(product.unit_price)
                over += max(above, Fraction(0)) * _exact(parse_quantity(line.quantity)) * 10**exponent
        yield Act(
            permission=Permission.SALE_PRICE_OVERRIDE,
            percent=Decimal(0),
            amount=round(over),
            outlet_id=outlet_id,
            subject=subject,
        )


def require(ctx: Context, permission: Permission) -> None:
    """See that the caller may do an act that weighs nothing. Raises PermissionDenied, ApprovalRequired."""
    ctx.require(permission)


class _Weighed:
    """One line in exact minor units: what it costs by the catalogue and as asked, and what is taken off."""

    def __init__(self, line: SellLine, product: Goods, exponent: int) -> None:
        each = _exact(parse_quantity(line.quantity)) * 10**exponent
        listed = _exact(product.unit_price) * each
        self.asked = listed if line.unit_price is None else _exact(parse_unit_price(line.unit_price)) * each
        self.cut = max(listed - self.asked, Fraction(0))
        self.cut_percent = _percent(self.cut, listed)
        self.off = self.asked * _exact(line.discount_percent) / 100 + line.discount
        self.off_percent = _percent(self.off, self.asked)


def _asks(line: SellLine) -> bool:
    return line.unit_price is not None or bool(line.discount or line.discount_percent)


def _check_plain(percent: Decimal) -> None:
    """Refuse what cannot be worked with exactly, before it is tried: no number, or one with a thousand places."""
    if not percent.is_finite():
        raise InvalidInput("a discount must be a finite number")
    if not (-_LONGEST <= percent.adjusted() <= _LONGEST and int(percent.as_tuple().exponent) >= -_LONGEST):
        raise InvalidInput("a discount must be from 0 to 100 percent")


def _exact(number: Decimal) -> Fraction:
    return Fraction(number)


def _percent(part: Fraction, whole: Fraction) -> Fraction:
    """Return a part in percent; something off nothing is all of it."""
    if not part:
        return Fraction(0)
    return part * 100 / whole if whole > 0 else Fraction(100)


def _shown(percent: Fraction) -> Decimal:
    """Return a percentage with four places, rounded up: no more than a limit is never shown for more than it."""
    exact = Decimal(percent.numerator) / Decimal(percent.denominator)
    return exact.quantize(_PLACES, rounding=ROUND_CEILING).normalize() + 0
