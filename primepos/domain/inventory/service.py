"""Operations on stock."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import ledger, queries
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    NegativeStock,
    OpeningExists,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
)
from primepos.domain.inventory.schemas import (
    AdjustStock,
    LevelPage,
    ListLevels,
    ListMovements,
    MovedLine,
    MovementPage,
    OpenStock,
    ReceiveStock,
    StockLine,
    StockMoved,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import find_outlet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

_REFUSALS = (OutletNotFound, OutletNotYours, ProductNotFound, StockNotTracked, RepeatedProduct, StockConflict)


@operation(
    "inventory.list_levels",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def list_levels(ctx: Context, data: ListLevels) -> LevelPage:
    """List how much there is, the lowest first, a page at a time; products never moved are left out.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    if data.outlet_id is not None:
        find_outlet(ctx, data.outlet_id)
    return queries.list_levels(ctx, data)


@operation(
    "inventory.list_movements",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def list_movements(ctx: Context, data: ListMovements) -> MovementPage:
    """List what moved a product's stock, newest first, a page at a time.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    if data.outlet_id is not None:
        find_outlet(ctx, data.outlet_id)
    return queries.list_movements(ctx, data)


@operation("inventory.adjust", permission=Permission.STOCK_ADJUST, raises=(*_REFUSALS, NegativeStock))
def adjust_stock(ctx: Context, data: AdjustStock) -> StockMoved:
    """Correct an outlet's stock by differences or by what was counted, with a reason; all lines or none.

    The levels are locked while a count is compared with them, so a sale at the same moment is neither lost nor
    counted twice. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``NEGATIVE_STOCK`` (where the shop blocks what is not there).
    """
    return once(ctx, "adjust", data, lambda: _adjust(ctx, data))


def _adjust(ctx: Context, data: AdjustStock) -> StockMoved:
    products = _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    levels: dict[UUID, Decimal] = {}
    if any(line.counted is not None for line in data.lines):
        levels = ledger.lock_levels(ctx, data.outlet_id, products)
    moved = {
        line.product_id: line.delta if line.delta is not None else _counted(line.counted) - levels[line.product_id]
        for line in data.lines
    }
    levels |= ledger.move(ctx, data.outlet_id, "adjust", {each: by for each, by in moved.items() if by}, data.reason)
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=_plain(moved))
    return _moved(data.outlet_id, moved, levels)


@operation("inventory.receive", permission=Permission.STOCK_ADJUST, raises=_REFUSALS)
def receive_stock(ctx: Context, data: ReceiveStock) -> StockMoved:
    """Take goods into an outlet's stock; all lines or none.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``.
    """
    return once(ctx, "receive", data, lambda: _receive(ctx, data))


def _receive(ctx: Context, data: ReceiveStock) -> StockMoved:
    _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    moved = _by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "receive", moved, data.reason)
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=_plain(moved))
    return _moved(data.outlet_id, moved, levels)


@operation("inventory.open_stock", permission=Permission.STOCK_ADJUST, raises=(*_REFUSALS, OpeningExists))
def open_stock(ctx: Context, data: OpenStock) -> StockMoved:
    """Say what an outlet had of products that have not moved there yet; all lines or none.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``OPENING_EXISTS``.
    """
    return once(ctx, "opening", data, lambda: _open(ctx, data))


def _open(ctx: Context, data: OpenStock) -> StockMoved:
    products = _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    ledger.lock_levels(ctx, data.outlet_id, products)
    queries.never_moved(ctx, data.outlet_id, products)
    moved = _by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "opening", moved, data.reason)
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=_plain(moved))
    return _moved(data.outlet_id, moved, levels)


def _checked(ctx: Context, outlet_id: UUID, products: list[UUID]) -> list[UUID]:
    """Return the products after checking outlet and products; none may stand twice."""
    find_outlet(ctx, outlet_id)
    if len(set(products)) != len(products):
        raise RepeatedProduct
    queries.tracked_products(ctx, products)
    return products


def _by_product(lines: list[StockLine]) -> dict[UUID, Decimal]:
    return {line.product_id: line.quantity for line in lines}


def _counted(quantity: Decimal | None) -> Decimal:
    """Return a counted quantity; a line without a delta has one."""
    return quantity if quantity is not None else Decimal(0)


def _plain(moved: Mapping[UUID, Decimal]) -> dict[str, str]:
    return {str(product): str(quantity) for product, quantity in moved.items()}


def _moved(outlet_id: UUID, moved: Mapping[UUID, Decimal], levels: Mapping[UUID, Decimal]) -> StockMoved:
    return StockMoved(
        outlet_id=outlet_id,
        lines=[MovedLine(product_id=each, moved=moved[each], quantity=levels[each]) for each in sorted(moved)],
    )
