"""Operations on transfers between locations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory import transfers
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    NegativeStock,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    TransferNotFound,
    WrongState,
)
from primepos.domain.inventory.service.asking import (
    check_there,
    check_tracked,
    no_product_twice,
    works_at_one_of,
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
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import find_outlet

if TYPE_CHECKING:
    from primepos.core.context import Context

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
        works_at_one_of(ctx, data.from_outlet_id, data.to_outlet_id)
        check_tracked(ctx, [line.product_id for line in data.lines])
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
        check_tracked(ctx, [line.product_id for line in data.lines])
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
        no_product_twice([line.product_id for line in data.lines])
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
    works_at_one_of(ctx, source, target)

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
    works_at_one_of(ctx, *transfers.ends_of(ctx, data.id))
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
    works_at_one_of(ctx, *transfers.ends_of(ctx, data.id))
    return transfers.read(ctx, data.id)


@operation(
    "inventory.list_transfers", permission=Permission.STOCK_READ, raises=(OutletNotFound, OutletNotYours), reads=True
)
def list_transfers(ctx: Context, data: ListTransfers) -> TransferPage:
    """List transfers from or to the caller's locations, the newest first.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    check_there(ctx, outlet_id=data.outlet_id)
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
    check_there(ctx, outlet_id=data.outlet_id)
    return transfers.list_in_transit(ctx, data)
