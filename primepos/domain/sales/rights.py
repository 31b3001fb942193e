"""Whether whoever asks may do what they ask of a line, themselves or with the approver beside them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.errors import InvalidInput
from primepos.core.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context
    from primepos.domain.sales.schemas import SellLine


def check_line_rights(ctx: Context, lines: Sequence[SellLine]) -> None:
    """See that whoever asks may override the prices and give the discounts of these lines."""
    if any(line.unit_price is not None for line in lines):
        require(ctx, Permission.SALE_PRICE_OVERRIDE)
    percents = [line.discount_percent for line in lines]
    if not all(each.is_finite() for each in percents):
        raise InvalidInput("a discount must be a finite number")
    highest = max(percents)
    if highest or any(line.discount for line in lines):
        # An amount off has no percent to hold against the limit, so it needs a grant without one.
        by_amount = any(line.discount for line in lines)
        require(ctx, Permission.SALE_LINE_DISCOUNT, Decimal(100) if by_amount else highest)


def require(ctx: Context, permission: Permission, percent: Decimal | None = None) -> None:
    """Raise unless the caller, or the approver beside them, holds the act within its limit."""
    ctx.require(permission, percent=percent)
