"""Operations on what tills hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import allotments
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    NotAllotted,
    NotEnoughToAllot,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
)
from primepos.domain.inventory.schemas import (
    AllotmentPage,
    AllotStock,
    Allotted,
    ListAllotments,
    ReleaseStock,
)
from primepos.domain.inventory.service.asking import (
    by_product,
    check_goods,
    plain,
    till_at,
)
from primepos.domain.outlets.errors import OutletNotYours, RegisterNotFound
from primepos.domain.outlets.queries import find_register

if TYPE_CHECKING:
    from primepos.core.context import Context

_ALLOT_REFUSALS = (RegisterNotFound, OutletNotYours, ProductNotFound, StockNotTracked, RepeatedProduct, StockConflict)


@operation("inventory.allot", permission=Permission.STOCK_TRANSFER, raises=(*_ALLOT_REFUSALS, NotEnoughToAllot))
def allot_stock(ctx: Context, data: AllotStock) -> Allotted:
    """Give a till so many of its outlet's goods to sell, offline too; to everybody else they are not there.

    All lines or none, and never more than the level has beside what other tills hold. Raises:
    ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``,
    ``STOCK_CONFLICT``, ``NOT_ENOUGH_TO_ALLOT``.
    """
    outlet_id = till_at(ctx, data.register_id)

    def act() -> Allotted:
        check_goods(ctx, outlet_id, [line.product_id for line in data.lines])
        quantities = by_product(data.lines)
        ctx.note(f"register {data.register_id}", allotted=plain(quantities))
        return allotments.give(ctx, outlet_id, data.register_id, quantities)

    return once(ctx, "allot", data, act, answer=Allotted, outlet_id=outlet_id)


@operation("inventory.release", permission=Permission.STOCK_TRANSFER, raises=(*_ALLOT_REFUSALS, NotAllotted))
def release_stock(ctx: Context, data: ReleaseStock) -> Allotted:
    """Take back what a till holds, some of it or all; it is anybody's again. Let the till deliver its sales first.

    Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``, ``NOT_ALLOTTED``.
    """
    outlet_id = till_at(ctx, data.register_id)

    def act() -> Allotted:
        check_goods(ctx, outlet_id, [line.product_id for line in data.lines])
        quantities = by_product(data.lines)
        ctx.note(f"register {data.register_id}", released=plain(quantities) or "all")
        return allotments.take_back(ctx, outlet_id, data.register_id, quantities)

    return once(ctx, "release", data, act, answer=Allotted, outlet_id=outlet_id)


@operation(
    "inventory.list_allotments",
    permission=Permission.STOCK_READ,
    raises=(RegisterNotFound, OutletNotYours),
    reads=True,
)
def list_allotments(ctx: Context, data: ListAllotments) -> AllotmentPage:
    """List what tills hold, by register and SKU. Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    if data.register_id is not None:
        find_register(ctx, data.register_id)
    return allotments.list_allotments(ctx, data)
