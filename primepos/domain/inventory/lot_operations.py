"""Operations on lots and serial numbers, and what kits can be made of what is there.

Locks are taken in the order lots, then stock levels, as everywhere (see ``lots.py``).
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from primepos.core.clock import business_date
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import ledger, lot_queries, lots
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import NegativeStock, StockConflict
from primepos.domain.inventory.lot_errors import (
    LotDiffers,
    LotNotFound,
    LotNotHere,
    LotsExceedStock,
    NotTracked,
    RepeatedLot,
    SerialInStock,
    SerialOfMany,
)
from primepos.domain.inventory.lot_schemas import (
    AskAvailability,
    KitAvailability,
    ListLots,
    LotLine,
    LotPage,
    LotsMoved,
    LotTrace,
    ReceiveLots,
    TraceLot,
    WriteOffLots,
)
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import find_outlet

_REFUSALS = (
    OutletNotFound, OutletNotYours, ProductNotFound, NotTracked, RepeatedLot, SerialOfMany, StockConflict,
)  # fmt: skip


@operation(
    "inventory.receive_lots",
    permission=Permission.STOCK_ADJUST,
    raises=(*_REFUSALS, LotDiffers, SerialInStock, LotsExceedStock),
)
def receive_lots(ctx: Context, data: ReceiveLots) -> LotsMoved:
    """Take goods into an outlet's stock under lots or serial numbers, with their day of expiry; all lines or none.

    With ``in_stock`` the goods are there already and only get their lots. Safe to repeat with the same ``id``. Raises:
    ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``, ``NOT_TRACKED``, ``REPEATED_LOT``,
    ``SERIAL_OF_MANY``, ``SERIAL_IN_STOCK``, ``LOT_DIFFERS``, ``LOTS_EXCEED_STOCK``, ``STOCK_CONFLICT``.
    """
    return once(ctx, "receive", data, lambda: _receive(ctx, data), answer=LotsMoved)


def _receive(ctx: Context, data: ReceiveLots) -> LotsMoved:
    sums = _checked(ctx, data.outlet_id, data.lines)
    lots.put_lots(ctx, data.outlet_id, "assign" if data.in_stock else "receive", _steps(data.lines), data.reason)
    if data.in_stock:
        levels = ledger.lock_levels(ctx, data.outlet_id, sums)
        lots.require_within_stock(ctx, data.outlet_id, sums, {each: levels[each] for each in sums})
    else:
        ledger.move(ctx, data.outlet_id, "receive", sums, data.reason)
    return _done(ctx, data.outlet_id, data.lines, data.reason)


@operation(
    "inventory.write_off_lots", permission=Permission.STOCK_ADJUST, raises=(*_REFUSALS, LotNotHere, NegativeStock)
)
def write_off_lots(ctx: Context, data: WriteOffLots) -> LotsMoved:
    """Take goods of lots out of stock with a reason: expired, broken, recalled; all lines or none.

    Safe to repeat with the same ``id``. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``,
    ``NOT_TRACKED``, ``REPEATED_LOT``, ``SERIAL_OF_MANY``, ``LOT_NOT_HERE``, ``NEGATIVE_STOCK``, ``STOCK_CONFLICT``.
    """
    return once(ctx, "adjust", data, lambda: _write_off(ctx, data), answer=LotsMoved)


def _write_off(ctx: Context, data: WriteOffLots) -> LotsMoved:
    sums = _checked(ctx, data.outlet_id, data.lines)
    lots.take_lots(ctx, data.outlet_id, "adjust", _steps(data.lines), data.reason)
    ledger.move(ctx, data.outlet_id, "adjust", {each: -quantity for each, quantity in sums.items()}, data.reason)
    return _done(ctx, data.outlet_id, data.lines, data.reason)


@operation(
    "inventory.list_lots",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def list_lots(ctx: Context, data: ListLots) -> LotPage:
    """List lots and serial numbers in stock, the first to expire first: of one product, the one to sell next.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    if data.outlet_id is not None:
        find_outlet(ctx, data.outlet_id)
    if data.product_id is not None:
        lot_queries.tracked_by(ctx, [data.product_id])
    today = business_date(ctx.clock.now(), ctx.tenant.zone, ctx.tenant.day_starts_hour)
    return lot_queries.list_lots(ctx, data, today)


@operation("inventory.trace_lot", permission=Permission.STOCK_READ, raises=(ProductNotFound, LotNotFound), reads=True)
def trace_lot(ctx: Context, data: TraceLot) -> LotTrace:
    """Say where a lot or serial number came from and went: each movement, of a sale its receipt and customer.

    Raises: ``PRODUCT_NOT_FOUND``, ``LOT_NOT_FOUND``.
    """
    lot_queries.tracked_by(ctx, [data.product_id])
    return lot_queries.trace_lot(ctx, data)


@operation(
    "inventory.kit_availability",
    permission=Permission.STOCK_READ,
    raises=(OutletNotFound, OutletNotYours, ProductNotFound),
    reads=True,
)
def kit_availability(ctx: Context, data: AskAvailability) -> KitAvailability:
    """Say how many of a kit an outlet can make: as many as its scarcest component is enough for.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``PRODUCT_NOT_FOUND``.
    """
    find_outlet(ctx, data.outlet_id)
    return lot_queries.kit_availability(ctx, data.outlet_id, data.product_id)


def _checked(ctx: Context, outlet_id: UUID, lines: list[LotLine]) -> dict[UUID, Decimal]:
    """Return how much moves of each product after checking outlet, products and lots."""
    find_outlet(ctx, outlet_id)
    known = lot_queries.tracked_by(ctx, {line.product_id for line in lines})
    sums: dict[UUID, Decimal] = {}
    seen = set()
    for line in lines:
        sku, tracking, track_stock = known[line.product_id]
        if tracking == "none" or not track_stock:
            raise NotTracked(sku=sku)
        if tracking == "serial" and line.quantity != 1:
            raise SerialOfMany(lot=line.lot, sku=sku, quantity=f"{line.quantity.normalize():f}")
        if (line.product_id, line.lot) in seen:
            raise RepeatedLot(lot=line.lot)
        seen.add((line.product_id, line.lot))
        sums[line.product_id] = sums.get(line.product_id, Decimal(0)) + line.quantity
    return sums


def _steps(lines: list[LotLine]) -> list[lots.LotStep]:
    return [lots.LotStep(each.product_id, each.lot, each.quantity, expires_on=each.expires_on) for each in lines]


def _done(ctx: Context, outlet_id: UUID, lines: list[LotLine], reason: str | None) -> LotsMoved:
    ctx.note(
        f"outlet {outlet_id}",
        reason=reason,
        lots=[[str(each.product_id), each.lot, str(each.quantity)] for each in lines[:100]],
    )
    return LotsMoved(outlet_id=outlet_id, lines=lines)
