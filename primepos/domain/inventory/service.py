"""Operations on stock."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.inventory import allotments, counting, ledger, queries, rules, transfers
from primepos.domain.inventory.count_schemas import (
    AddCounted,
    ApproveCount,
    Counted,
    CountLinePage,
    CountOut,
    CountPage,
    GetCount,
    ListCountLines,
    ListCounts,
    OpenCount,
    Recount,
)
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    CountedBelowZero,
    CountNotFound,
    NegativeStock,
    NotAllotted,
    NotEnoughToAllot,
    NothingCounted,
    NotInDocument,
    OpeningExists,
    ReasonUnknown,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    TransferNotFound,
    WrongDirection,
    WrongState,
)
from primepos.domain.inventory.lot_operations import (
    kit_availability,
    list_lots,
    receive_lots,
    trace_lot,
    write_off_lots,
)
from primepos.domain.inventory.schemas import (
    AdjustLine,
    AdjustStock,
    AllotmentPage,
    AllotStock,
    Allotted,
    CostedLine,
    CostPage,
    ExplainStock,
    LevelPage,
    ListAllotments,
    ListCosts,
    ListLevels,
    ListLow,
    ListMovements,
    ListReasons,
    LowPage,
    MovedLine,
    MovementPage,
    OpenStock,
    PolicyOut,
    ReasonList,
    ReasonOut,
    ReceiveStock,
    ReleaseStock,
    ReorderOut,
    Revalued,
    RevalueStock,
    SetPolicy,
    SetReason,
    SetReorder,
    ShowPolicy,
    StockExplained,
    StockLine,
    StockMoved,
)
from primepos.domain.inventory.transfer_schemas import (
    CloseTransfer,
    GetTransfer,
    InTransitPage,
    ListInTransit,
    ListTransfers,
    ReceiveTransfer,
    RequestTransfer,
    ShipTransfer,
    TransferOut,
    TransferPage,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours, RegisterNotFound
from primepos.domain.outlets.queries import TILL, find_outlet, find_register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

# Lots and kits have a module of their own; they are operations of this feature like the others.
_OF_LOTS = (kit_availability, list_lots, receive_lots, trace_lot, write_off_lots)
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
    products = _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
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
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, reason_code=data.reason_code, moved=_plain(moved))
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
    _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    moved = _by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "receive", moved, data.reason, costs=_costs(ctx, data.lines))
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=_plain(moved))
    return _moved(data.outlet_id, moved, levels)


@operation("inventory.open_stock", permission=Permission.STOCK_ADJUST, raises=(*_REFUSALS, OpeningExists))
def open_stock(ctx: Context, data: OpenStock) -> StockMoved:
    """Say what an outlet had of products that have not moved there yet; all lines or none.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``OPENING_EXISTS``.
    """
    return once(ctx, "opening", data, lambda: _open(ctx, data), answer=StockMoved)


def _open(ctx: Context, data: OpenStock) -> StockMoved:
    products = _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    ledger.lock_levels(ctx, data.outlet_id, products)
    queries.never_moved(ctx, data.outlet_id, products)
    moved = _by_product(data.lines)
    levels = ledger.move(ctx, data.outlet_id, "opening", moved, data.reason, costs=_costs(ctx, data.lines))
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, moved=_plain(moved))
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
    products = _checked(ctx, data.outlet_id, [line.product_id for line in data.lines])
    minor = ctx.tenant.currency.minor_per_major
    costs = {line.product_id: line.unit_cost * minor for line in data.lines}
    ledger.revalue(ctx, data.outlet_id, costs, data.reason)
    ctx.note(f"outlet {data.outlet_id}", reason=data.reason, costs=_plain(costs))
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
    _there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
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


# --- what a shop lays down ------------------------------------------------------------------------------------------


@operation("inventory.list_reasons", permission=Permission.STOCK_READ, reads=True)
def list_reasons(ctx: Context, data: ListReasons) -> ReasonList:
    """List the reasons for correcting stock and which way each goes, by code."""
    found = sorted(rules.reasons(ctx).values(), key=lambda each: each.code)
    return ReasonList(items=[each for each in found if data.all or not each.archived])


@operation("inventory.set_reason", permission=Permission.SETTINGS_WRITE)
def set_reason(ctx: Context, data: SetReason) -> ReasonOut:
    """Add a reason for correcting stock, change one or take it out of use; what was booked keeps its sign."""
    rules.set_reason(ctx, data)
    ctx.note(f"reason {data.code}", name=data.name, direction=data.direction, archived=data.archived)
    return ReasonOut(code=data.code, name=data.name, direction=data.direction, archived=data.archived)


@operation(
    "inventory.set_reorder",
    permission=Permission.PRODUCT_WRITE,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound, StockNotTracked),
)
def set_reorder(ctx: Context, data: SetReorder) -> ReorderOut:
    """Say when a product is to be ordered again at a location and up to how much, or end that.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``.
    """
    _checked(ctx, data.outlet_id, [data.product_id])
    rules.set_reorder(ctx, data)
    ctx.note(
        f"outlet {data.outlet_id}", product=str(data.product_id), minimum=str(data.minimum), target=str(data.target)
    )
    return ReorderOut(outlet_id=data.outlet_id, product_id=data.product_id, minimum=data.minimum, target=data.target)


@operation("inventory.list_low", permission=Permission.STOCK_READ, raises=(OutletNotFound, OutletNotYours), reads=True)
def list_low(ctx: Context, data: ListLow) -> LowPage:
    """List what has come down to its minimum, with how much to order, by outlet and SKU.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    _there(ctx, outlet_id=data.outlet_id)
    return rules.list_low(ctx, data)


@operation(
    "inventory.set_policy",
    permission=Permission.SETTINGS_WRITE,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
)
def set_policy(ctx: Context, data: SetPolicy) -> PolicyOut:
    """Allow, warn of or block levels below zero, for one product or in one outlet; the tenant's rule is a setting.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    _there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
    rules.set_policy(ctx, data.product_id, data.outlet_id, data.policy)
    ctx.note(f"policy {data.product_id or data.outlet_id}", policy=data.policy)
    return rules.show_policy(ctx, data.product_id, data.outlet_id)


@operation(
    "inventory.show_policy",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def show_policy(ctx: Context, data: ShowPolicy) -> PolicyOut:
    """Show what happens below zero, and who says so: product, outlet or tenant.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    _there(ctx, outlet_id=data.outlet_id, product_id=data.product_id)
    return rules.show_policy(ctx, data.product_id, data.outlet_id)


# --- what a till holds ----------------------------------------------------------------------------------------------

_ALLOT_REFUSALS = (RegisterNotFound, OutletNotYours, ProductNotFound, StockNotTracked, RepeatedProduct, StockConflict)


@operation("inventory.allot", permission=Permission.STOCK_TRANSFER, raises=(*_ALLOT_REFUSALS, NotEnoughToAllot))
def allot_stock(ctx: Context, data: AllotStock) -> Allotted:
    """Give a till so many of its outlet's goods to sell, offline too; to everybody else they are not there.

    All lines or none, and never more than the level has beside what other tills hold. Raises:
    ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``,
    ``STOCK_CONFLICT``, ``NOT_ENOUGH_TO_ALLOT``.
    """
    outlet_id = _till_at(ctx, data.register_id)

    def act() -> Allotted:
        _checked(ctx, outlet_id, [line.product_id for line in data.lines])
        quantities = _by_product(data.lines)
        ctx.note(f"register {data.register_id}", allotted=_plain(quantities))
        return allotments.give(ctx, outlet_id, data.register_id, quantities)

    return once(ctx, "allot", data, act, answer=Allotted, outlet_id=outlet_id)


@operation("inventory.release", permission=Permission.STOCK_TRANSFER, raises=(*_ALLOT_REFUSALS, NotAllotted))
def release_stock(ctx: Context, data: ReleaseStock) -> Allotted:
    """Take back what a till holds, some of it or all; it is anybody's again. Let the till deliver its sales first.

    Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``, ``NOT_ALLOTTED``.
    """
    outlet_id = _till_at(ctx, data.register_id)

    def act() -> Allotted:
        _checked(ctx, outlet_id, [line.product_id for line in data.lines])
        quantities = _by_product(data.lines)
        ctx.note(f"register {data.register_id}", released=_plain(quantities) or "all")
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


# --- transfers ------------------------------------------------------------------------------------------------------

_TRANSFER_REFUSALS = (TransferNotFound, OutletNotFound, OutletNotYours, StockConflict)


@operation(
    "inventory.request_transfer",
    permission=Permission.STOCK_TRANSFER,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound, StockNotTracked, RepeatedProduct, StockConflict),
)
def request_transfer(ctx: Context, data: RequestTransfer) -> TransferOut:
    """Ask for goods of another location; nothing moves before they are shipped.

    Who asks works at one of the two. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``,
    ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``.
    """

    def act() -> TransferOut:
        _one_of(ctx, data.from_outlet_id, data.to_outlet_id)
        _tracked(ctx, [line.product_id for line in data.lines])
        made = transfers.request(ctx, data)
        ctx.note(f"transfer {made.number}", id=str(made.id), source=made.from_outlet, target=made.to_outlet)
        return made

    return once(ctx, "transfer", data, act, answer=TransferOut, outlet_id=data.from_outlet_id)


@operation(
    "inventory.ship_transfer",
    permission=Permission.STOCK_TRANSFER,
    raises=(*_TRANSFER_REFUSALS, ProductNotFound, StockNotTracked, RepeatedProduct, WrongState, NegativeStock),
)
def ship_transfer(ctx: Context, data: ShipTransfer) -> TransferOut:
    """Send the goods of a transfer: they leave this location's level and are in transit, at what they are worth.

    Once only. Raises: ``TRANSFER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``, ``WRONG_STATE``, ``NEGATIVE_STOCK``.
    """
    source, _ = transfers.ends_of(ctx, data.transfer_id)
    find_outlet(ctx, source)

    def act() -> TransferOut:
        _tracked(ctx, [line.product_id for line in data.lines])
        done = transfers.ship(ctx, data.transfer_id, data.lines)
        ctx.note(f"transfer {done.number}", shipped={line.sku: str(line.shipped) for line in done.lines})
        return done

    return once(ctx, "ship", data, act, answer=TransferOut, outlet_id=source)


@operation(
    "inventory.receive_transfer",
    permission=Permission.STOCK_TRANSFER,
    raises=(*_TRANSFER_REFUSALS, RepeatedProduct, NotInDocument, WrongState),
)
def receive_transfer(ctx: Context, data: ReceiveTransfer) -> TransferOut:
    """Take in what arrived of a transfer, in as many parts as it comes; what is damaged is written off.

    What arrives beyond what was sent leaves the sender now; a transfer closes with the last of it. Raises:
    ``TRANSFER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``REPEATED_PRODUCT``, ``NOT_IN_DOCUMENT``, ``STOCK_CONFLICT``,
    ``WRONG_STATE``.
    """
    _, target = transfers.ends_of(ctx, data.transfer_id)
    find_outlet(ctx, target)

    def act() -> TransferOut:
        _no_product_twice([line.product_id for line in data.lines])
        done = transfers.receive(ctx, data.transfer_id, data.lines)
        arrived = {str(line.product_id): f"{line.received}+{line.damaged} damaged" for line in data.lines}
        ctx.note(f"transfer {done.number}", arrived=arrived or "all", state=done.state)
        return done

    return once(ctx, "arrive", data, act, answer=TransferOut, outlet_id=target)


@operation("inventory.close_transfer", permission=Permission.STOCK_TRANSFER, raises=(*_TRANSFER_REFUSALS, WrongState))
def close_transfer(ctx: Context, data: CloseTransfer) -> TransferOut:
    """End a transfer of which something never arrived: it is lost, or back where it came from.

    Raises: ``TRANSFER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``STOCK_CONFLICT``, ``WRONG_STATE``.
    """
    source, target = transfers.ends_of(ctx, data.transfer_id)
    _one_of(ctx, source, target)

    def act() -> TransferOut:
        done = transfers.settle(ctx, data.transfer_id, data.missing)
        ctx.note(f"transfer {done.number}", missing=data.missing)
        return done

    return once(ctx, "settle", data, act, answer=TransferOut, outlet_id=source)


@operation(
    "inventory.cancel_transfer",
    permission=Permission.STOCK_TRANSFER,
    raises=(TransferNotFound, OutletNotFound, OutletNotYours, WrongState),
)
def cancel_transfer(ctx: Context, data: GetTransfer) -> TransferOut:
    """Take a request back before it is shipped; again changes nothing.

    Raises: ``TRANSFER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``.
    """
    _one_of(ctx, *transfers.ends_of(ctx, data.id))
    done = transfers.cancel(ctx, data.id)
    ctx.note(f"transfer {done.number}")
    return done


@operation(
    "inventory.get_transfer",
    permission=Permission.STOCK_READ,
    raises=(TransferNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def get_transfer(ctx: Context, data: GetTransfer) -> TransferOut:
    """Show a transfer and where each of its goods is. Raises: ``TRANSFER_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    _one_of(ctx, *transfers.ends_of(ctx, data.id))
    return transfers.read(ctx, data.id)


@operation(
    "inventory.list_transfers", permission=Permission.STOCK_READ, raises=(OutletNotFound, OutletNotYours), reads=True
)
def list_transfers(ctx: Context, data: ListTransfers) -> TransferPage:
    """List transfers from or to the caller's locations, the newest first.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    _there(ctx, outlet_id=data.outlet_id)
    return transfers.list_transfers(ctx, data)


@operation(
    "inventory.list_in_transit",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OutletNotFound, OutletNotYours),
    reads=True,
)
def list_in_transit(ctx: Context, data: ListInTransit) -> InTransitPage:
    """List the goods on their way between locations and what they are worth, the oldest transfer first.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    _there(ctx, outlet_id=data.outlet_id)
    return transfers.list_in_transit(ctx, data)


# --- counts ---------------------------------------------------------------------------------------------------------

_COUNT_REFUSALS = (CountNotFound, OutletNotFound, OutletNotYours, WrongState)


@operation(
    "inventory.open_count",
    permission=Permission.STOCK_COUNT,
    raises=(
        OutletNotFound,
        OutletNotYours,
        CategoryNotFound,
        ProductNotFound,
        StockNotTracked,
        RepeatedProduct,
        StockConflict,
    ),
)
def open_count(ctx: Context, data: OpenCount) -> CountOut:
    """Begin to count a whole location, one category of it or a list of products; selling goes on.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``CATEGORY_NOT_FOUND``, ``PRODUCT_NOT_FOUND``,
    ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``, ``STOCK_CONFLICT``.
    """

    def act() -> CountOut:
        _checked(ctx, data.outlet_id, data.product_ids)
        if data.category_id is not None:
            queries.known_category(ctx, data.category_id)
        made = counting.open_count(ctx, data)
        ctx.note(f"count {made.number}", id=str(made.id), outlet=made.outlet, scope=made.scope, lines=made.lines)
        return made

    return once(ctx, "count", data, act, answer=CountOut)


@operation(
    "inventory.add_counted",
    permission=Permission.STOCK_COUNT,
    raises=(
        *_COUNT_REFUSALS,
        ProductNotFound,
        StockNotTracked,
        RepeatedProduct,
        NotInDocument,
        StockConflict,
        CountedBelowZero,
    ),
)
def add_counted(ctx: Context, data: AddCounted) -> Counted:
    """Add what one person counted to what others did; each product's level is noted at this moment.

    Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``,
    ``REPEATED_PRODUCT``, ``NOT_IN_DOCUMENT``, ``STOCK_CONFLICT``, ``COUNTED_BELOW_ZERO``, ``WRONG_STATE``.
    """
    outlet_id = counting.outlet_of(ctx, data.count_id)

    def act() -> Counted:
        _checked(ctx, outlet_id, [line.product_id for line in data.lines])
        ctx.note(f"count {data.count_id}", counted=_plain(_by_product(data.lines)))
        return counting.add_counted(ctx, data)

    find_outlet(ctx, outlet_id)
    return once(ctx, "tally", data, act, answer=Counted)


@operation(
    "inventory.recount",
    permission=Permission.STOCK_COUNT,
    raises=(*_COUNT_REFUSALS, NotInDocument, StockConflict),
)
def recount_stock(ctx: Context, data: Recount) -> Counted:
    """Have products of a count counted again from nothing; what was counted before stays on record.

    Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``NOT_IN_DOCUMENT``, ``STOCK_CONFLICT``, ``WRONG_STATE``.
    """
    find_outlet(ctx, counting.outlet_of(ctx, data.count_id))

    def act() -> Counted:
        ctx.note(f"count {data.count_id}", again=[str(each) for each in data.product_ids])
        return counting.recount(ctx, data.count_id, data.product_ids)

    return once(ctx, "recount", data, act, answer=Counted)


@operation(
    "inventory.approve_count",
    permission=Permission.STOCK_COUNT_APPROVE,
    raises=(*_COUNT_REFUSALS, NothingCounted),
)
def approve_count(ctx: Context, data: ApproveCount) -> CountOut:
    """Make levels follow a count: each moves by counted less expected, whatever moved since. Once only.

    Again answers with the approved count. Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``,
    ``NOTHING_COUNTED``.
    """
    find_outlet(ctx, counting.outlet_of(ctx, data.id))
    moved = counting.approve(ctx, data.id, uncounted_are_zero=data.uncounted_are_zero)
    done = counting.read(ctx, data.id)
    if moved is None:
        ctx.note(f"count {done.number}", replayed=True)
    else:
        ctx.note(f"count {done.number}", moved=_plain(moved))
    return done


@operation("inventory.cancel_count", permission=Permission.STOCK_COUNT, raises=_COUNT_REFUSALS)
def cancel_count(ctx: Context, data: GetCount) -> CountOut:
    """Give a count up; levels stay as they are, and again changes nothing.

    Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE`` (approved).
    """
    find_outlet(ctx, counting.outlet_of(ctx, data.id))
    counting.cancel(ctx, data.id)
    done = counting.read(ctx, data.id)
    ctx.note(f"count {done.number}")
    return done


@operation(
    "inventory.get_count",
    permission=Permission.STOCK_COUNT,
    raises=(CountNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def get_count(ctx: Context, data: GetCount) -> CountOut:
    """Show how far a count is. Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    find_outlet(ctx, counting.outlet_of(ctx, data.id))
    return counting.read(ctx, data.id)


@operation(
    "inventory.list_counts", permission=Permission.STOCK_COUNT, raises=(OutletNotFound, OutletNotYours), reads=True
)
def list_counts(ctx: Context, data: ListCounts) -> CountPage:
    """List counts, the newest first. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    _there(ctx, outlet_id=data.outlet_id)
    return counting.list_counts(ctx, data)


@operation(
    "inventory.list_count_lines",
    permission=Permission.STOCK_COUNT,
    raises=(CountNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def list_count_lines(ctx: Context, data: ListCountLines) -> CountLinePage:
    """List the lines of a count by SKU; who counts blindly is not shown what is expected.

    Raises: ``COUNT_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    find_outlet(ctx, counting.outlet_of(ctx, data.id))
    return counting.list_lines(ctx, data)


# --- what they share ------------------------------------------------------------------------------------------------


def _there(ctx: Context, *, outlet_id: UUID | None = None, product_id: UUID | None = None) -> None:
    """Make sure that what was named is there, and the caller works there."""
    if outlet_id is not None:
        find_outlet(ctx, outlet_id)
    if product_id is not None:
        queries.known_products(ctx, [product_id])


def _one_of(ctx: Context, source: UUID, target: UUID) -> None:
    """Make sure that both locations are there and the caller works in one of them."""
    try:
        find_outlet(ctx, source)
    except OutletNotYours:
        find_outlet(ctx, target)
    else:
        queries.known_outlet(ctx, target)


def _till_at(ctx: Context, register_id: UUID) -> UUID:
    """Return the outlet of a till. Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``; the server holds nothing."""
    register = find_register(ctx, register_id)
    if register.kind != TILL:
        raise InvalidInput("register_id: only a till can hold goods")
    return register.outlet_id


def _tracked(ctx: Context, products: list[UUID]) -> None:
    _no_product_twice(products)
    queries.tracked_products(ctx, products)


def _no_product_twice(products: list[UUID]) -> None:
    if len(set(products)) != len(products):
        raise RepeatedProduct


def _checked(ctx: Context, outlet_id: UUID, products: list[UUID]) -> list[UUID]:
    """Return the products after checking outlet and products; none may stand twice."""
    find_outlet(ctx, outlet_id)
    _tracked(ctx, products)
    return products


def _by_product(lines: Sequence[StockLine | CostedLine]) -> dict[UUID, Decimal]:
    return {line.product_id: line.quantity for line in lines}


def _costs(ctx: Context, lines: Sequence[CostedLine]) -> dict[UUID, Decimal | None]:
    """Return what a unit of each product cost, in minor units."""
    minor = ctx.tenant.currency.minor_per_major
    return {line.product_id: None if line.unit_cost is None else line.unit_cost * minor for line in lines}


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
