"""Operations on levels: what there is, what it is worth, and putting it right."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import ledger, queries, rules
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    NegativeStock,
    OpeningExists,
    ReasonUnknown,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    WrongDirection,
)
from primepos.domain.inventory.schemas import (
    AdjustLine,
    AdjustStock,
    CostedLine,
    CostPage,
    ExplainStock,
    LevelPage,
    ListCosts,
    ListLevels,
    ListMovements,
    MovedLine,
    MovementPage,
    OpenStock,
    ReasonOut,
    ReceiveStock,
    Revalued,
    RevalueStock,
    StockExplained,
    StockMoved,
)
from primepos.domain.inventory.service.asking import (
    by_product,
    check_goods,
    check_there,
    plain,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import find_outlet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from primepos.core.context import Context

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


@operation(
    "inventory.adjust",
    permission=Permission.STOCK_ADJUST,
    raises=(*_REFUSALS, NegativeStock, ReasonUnknown, WrongDirection),
)
def adjust_stock(ctx: Context, data: AdjustStock) -> StockMoved:
    """Correct an outlet's stock by differences or by what was counted, with a reason; all lines or none.

    A reason's code says which way stock goes; a difference that goes the other way is refused. The levels are locked
    while a count is compared with them, so a sale at the same moment is neither lost nor counted twice. Raises:
    ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``,
    ``REASON_UNKNOWN``, ``WRONG_DIRECTION``, ``NEGATIVE_STOCK`` (where the rule is to block what is not there).
    """
    return once(ctx, "adjust", data, lambda: _adjust(ctx, data), answer=StockMoved)


def _adjust(ctx: Context, data: AdjustStock) -> StockMoved:
    products = check_goods(ctx, data.outlet_id, [line.product_id for line in data.lines])
    reason = None if data.reason_code is None else rules.reason_in_use(ctx, data.reason_code)
    levels: dict[UUID, Decimal] = {}
    if any(line.counted is not None for line in data.lines):
        levels = ledger.lock_levels(ctx, data.outlet_id, products)
    moved = {line.product_id: _difference(line, levels, reason) for line in data.lines}
    levels |= ledger.move(
        ctx,
        data.outlet_id,
        "adjust",
        {each: by for each, by in moved.items() if by},
        data.reason or (reason.name if reason else None),
        reason_code=data.reason_code,
    )
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, reason_code=data.reason_code, moved=plain(moved))
    return _moved(data.outlet_id, moved, levels)


def _difference(line: AdjustLine, levels: Mapping[UUID, Decimal], reason: ReasonOut | None) -> Decimal:
    """Return by how much a line moves its level; a reason with a direction allows one sign only."""
    if line.quantity is not None:
        if reason is None or reason.direction == "either":
            code = "a reason" if reason is None else reason.code
            raise WrongDirection(reason=code, problem="goes either way: give a delta")
        return -line.quantity if reason.direction == "out" else line.quantity
    by = line.delta if line.delta is not None else _counted(line.counted) - levels[line.product_id]
    if reason is not None and ((reason.direction == "out" and by > 0) or (reason.direction == "in" and by < 0)):
        problem = "takes stock away only" if reason.direction == "out" else "adds to stock only"
        raise WrongDirection(reason=reason.code, problem=problem)
    return by


@operation("inventory.receive", permission=Permission.STOCK_ADJUST, raises=_REFUSALS)
def receive_stock(ctx: Context, data: ReceiveStock) -> StockMoved:
    """Take goods into an outlet's stock; all lines or none.

    What a unit cost, where it is told, blends into the average cost of the level. Raises:
    ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``.
    """
    return once(ctx, "receive", data, lambda: _receive(ctx, data), answer=StockMoved)


def _receive(ctx: Context, data: ReceiveStock) -> StockMoved:
    check_goods(ctx, data.outlet_id, [line.product_id for line in data.lines])
    moved = by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "receive", moved, data.reason, costs=_costs(ctx, data.lines))
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=plain(moved))
    return _moved(data.outlet_id, moved, levels)


@operation("inventory.open_stock", permission=Permission.STOCK_ADJUST, raises=(*_REFUSALS, OpeningExists))
def open_stock(ctx: Context, data: OpenStock) -> StockMoved:
    """Say what an outlet had of products that have not moved there yet; all lines or none.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``OPENING_EXISTS``.
    """
    return once(ctx, "opening", data, lambda: _open(ctx, data), answer=StockMoved)


def _open(ctx: Context, data: OpenStock) -> StockMoved:
    products = check_goods(ctx, data.outlet_id, [line.product_id for line in data.lines])
    ledger.lock_levels(ctx, data.outlet_id, products)
    queries.never_moved(ctx, data.outlet_id, products)
    moved = by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "opening", moved, data.reason, costs=_costs(ctx, data.lines))
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=plain(moved))
    return _moved(data.outlet_id, moved, levels)


@operation(
    "inventory.revalue",
    permission=Permission.STOCK_ADJUST,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound, StockNotTracked, RepeatedProduct, StockConflict),
)
def revalue_stock(ctx: Context, data: RevalueStock) -> Revalued:
    """Set what products are worth in an outlet, where no cost is known or a wrong one; no goods move.

    It stands in the ledger as a movement of nothing, with the new cost. Raises: ``OUTLET_NOT_FOUND``,
    ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``.
    """
    return once(ctx, "revalue", data, lambda: _revalue(ctx, data), answer=Revalued)


def _revalue(ctx: Context, data: RevalueStock) -> Revalued:
    products = check_goods(ctx, data.outlet_id, [line.product_id for line in data.lines])
    minor = ctx.tenant.currency.minor_per_major
    costs = {line.product_id: line.unit_cost * minor for line in data.lines}
    ledger.revalue(ctx, data.outlet_id, costs, data.reason)
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, costs=plain(costs))
    return Revalued(outlet_id=data.outlet_id, items=queries.costs_of(ctx, [data.outlet_id], products))


@operation(
    "inventory.list_costs",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def list_costs(ctx: Context, data: ListCosts) -> CostPage:
    """List what stock is worth: the moving average of a unit and of all of it, in minor units, by SKU.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    check_there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
    return queries.list_costs(ctx, data)


@operation(
    "inventory.explain",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def explain_stock(ctx: Context, data: ExplainStock) -> StockExplained:
    """Explain a level by its movements: each with its document and the level after it, oldest first.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    find_outlet(ctx, data.outlet_id)
    return queries.explain(ctx, data)


def _costs(ctx: Context, lines: Sequence[CostedLine]) -> dict[UUID, Decimal | None]:
    """Return what a unit of each product cost, in minor units."""
    minor = ctx.tenant.currency.minor_per_major
    return {line.product_id: None if line.unit_cost is None else line.unit_cost * minor for line in lines}


def _counted(quantity: Decimal | None) -> Decimal:
    """Return a counted quantity; a line without a delta has one."""
    return quantity if quantity is not None else Decimal(0)


def _moved(outlet_id: UUID, moved: Mapping[UUID, Decimal], levels: Mapping[UUID, Decimal]) -> StockMoved:
    return StockMoved(
        outlet_id=outlet_id,
        lines=[MovedLine(product_id=each, moved=moved[each], quantity=levels[each]) for each in sorted(moved)],
    )
