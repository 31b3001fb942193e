"""What the operations on stock ask of their input before anything is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.errors import InvalidInput
from primepos.domain.inventory import queries
from primepos.domain.inventory.errors import RepeatedProduct
from primepos.domain.outlets.errors import OutletNotYours
from primepos.domain.outlets.queries import TILL, find_outlet, find_register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.inventory.schemas import CostedLine, StockLine


def check_goods(ctx: Context, outlet_id: UUID, products: list[UUID]) -> list[UUID]:
    """Return the products after checking outlet and products; none may stand twice."""
    find_outlet(ctx, outlet_id)
    check_tracked(ctx, products)
    return products


def check_tracked(ctx: Context, products: list[UUID]) -> None:
    """Make sure each product is there once and its stock is tracked.

    Raises: ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``.
    """
    no_product_twice(products)
    queries.tracked_products(ctx, products)


def no_product_twice(products: list[UUID]) -> None:
    """Make sure no product stands on two lines. Raises: ``REPEATED_PRODUCT``."""
    if len(set(products)) != len(products):
        raise RepeatedProduct


def check_there(ctx: Context, *, outlet_id: UUID | None = None, product_id: UUID | None = None) -> None:
    """Make sure that what was named is there, and the caller works there."""
    if outlet_id is not None:
        find_outlet(ctx, outlet_id)
    if product_id is not None:
        queries.known_products(ctx, [product_id])


def works_at_one_of(ctx: Context, source: UUID, target: UUID) -> None:
    """Make sure that both locations are there and the caller works in one of them."""
    try:
        find_outlet(ctx, source)
    except OutletNotYours:
        find_outlet(ctx, target)
    else:
        queries.known_outlet(ctx, target)


def till_at(ctx: Context, register_id: UUID) -> UUID:
    """Return the outlet of a till. Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``; the server holds nothing."""
    register = find_register(ctx, register_id)
    if register.kind != TILL:
        raise InvalidInput("register_id: only a till can hold goods")
    return register.outlet_id


def by_product(lines: Sequence[StockLine | CostedLine]) -> dict[UUID, Decimal]:
    """Return the quantity of each product."""
    return {line.product_id: line.quantity for line in lines}


def plain(moved: Mapping[UUID, Decimal]) -> dict[str, str]:
    """Return quantities as the trail keeps them."""
    return {str(product): str(quantity) for product, quantity in moved.items()}
