"""Operations on counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import CategoryNotFound, ProductNotFound
from primepos.domain.inventory import counting, queries
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
    NothingCounted,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    WrongState,
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
    from primepos.core.context import Context

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
        check_goods(ctx, data.outlet_id, data.product_ids)
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
        check_goods(ctx, outlet_id, [line.product_id for line in data.lines])
        ctx.note(f"count {data.count_id}", counted=plain(by_product(data.lines)))
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
        ctx.note(f"count {done.number}", moved=plain(moved))
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
    check_there(ctx, outlet_id=data.outlet_id)
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
