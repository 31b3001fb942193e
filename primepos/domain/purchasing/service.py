"""Operations on suppliers, orders, deliveries and returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.documents import once
from primepos.domain.inventory.errors import (
    NegativeStock,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    WrongState,
)
from primepos.domain.inventory.queries import known_products, tracked_products
from primepos.domain.outlets.errors import OutletNotFound, OutletNotYours
from primepos.domain.outlets.queries import find_outlet
from primepos.domain.purchasing import orders, queries
from primepos.domain.purchasing.errors import (
    DuplicateSupplier,
    NoCost,
    OrderNotFound,
    OverReceipt,
    ReturnExceedsReceived,
    SupplierArchived,
    SupplierNotFound,
    SupplierReturnNotFound,
)
from primepos.domain.purchasing.schemas import (
    CreateOrder,
    CreateSupplier,
    CreditReturn,
    GetOrder,
    GetSupplier,
    GetSupplierReturn,
    ListOrders,
    ListReceipts,
    ListSupplierItems,
    ListSupplierReturns,
    ListSuppliers,
    OrderOut,
    OrderPage,
    ReceiptList,
    ReceiptOut,
    ReceiveOrder,
    RemoveSupplierItem,
    ReturnToSupplier,
    SetSupplierItem,
    SuggestionPage,
    SuggestOrders,
    SupplierItemPage,
    SupplierItemRow,
    SupplierOut,
    SupplierPage,
    SupplierReturnOut,
    SupplierReturnPage,
    UpdateOrder,
    UpdateSupplier,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

# --- suppliers ------------------------------------------------------------------------------------------------------


@operation("purchasing.create_supplier", permission=Permission.PURCHASE_WRITE, raises=(DuplicateSupplier,))
def create_supplier(ctx: Context, data: CreateSupplier) -> SupplierOut:
    """Add a supplier; the code is unique in the tenant and stays. Raises: ``DUPLICATE_SUPPLIER``."""
    made = queries.add_supplier(ctx, data)
    ctx.note(f"supplier {made.code}", id=str(made.id))
    return made


@operation("purchasing.update_supplier", permission=Permission.PURCHASE_WRITE, raises=(SupplierNotFound,))
def update_supplier(ctx: Context, data: UpdateSupplier) -> SupplierOut:
    """Change a supplier's name, addresses, note or days of delivery. Raises: ``SUPPLIER_NOT_FOUND``."""
    before = queries.find_supplier(ctx, data.id, lock=True)
    given = msgspec.structs.asdict(data)
    changes = {name: value for name, value in given.items() if name != "id" and value is not msgspec.UNSET}
    made = queries.change_supplier(ctx, before, changes)
    ctx.note(f"supplier {made.code}", changed=sorted(changes))
    return made


@operation("purchasing.archive_supplier", permission=Permission.PURCHASE_WRITE, raises=(SupplierNotFound,))
def archive_supplier(ctx: Context, data: GetSupplier) -> SupplierOut:
    """Take a supplier out of use; orders that are going go on. Again changes nothing.

    Raises: ``SUPPLIER_NOT_FOUND``.
    """
    before = queries.find_supplier(ctx, data.id, lock=True)
    ctx.note(f"supplier {before.code}")
    return queries.change_supplier(ctx, before, {"archived_at": before.archived_at or ctx.clock.now()})


@operation("purchasing.unarchive_supplier", permission=Permission.PURCHASE_WRITE, raises=(SupplierNotFound,))
def unarchive_supplier(ctx: Context, data: GetSupplier) -> SupplierOut:
    """Take an archived supplier into use again. Raises: ``SUPPLIER_NOT_FOUND``."""
    before = queries.find_supplier(ctx, data.id, lock=True)
    ctx.note(f"supplier {before.code}")
    return queries.change_supplier(ctx, before, {"archived_at": None})


@operation("purchasing.get_supplier", permission=Permission.PRODUCT_COST_READ, raises=(SupplierNotFound,), reads=True)
def get_supplier(ctx: Context, data: GetSupplier) -> SupplierOut:
    """Show a supplier. Raises: ``SUPPLIER_NOT_FOUND``."""
    return queries.find_supplier(ctx, data.id)


@operation("purchasing.list_suppliers", permission=Permission.PRODUCT_COST_READ, reads=True)
def list_suppliers(ctx: Context, data: ListSuppliers) -> SupplierPage:
    """List the suppliers in use by code, or the archived ones instead."""
    return queries.list_suppliers(ctx, data)


@operation(
    "purchasing.set_item",
    permission=Permission.PURCHASE_WRITE,
    raises=(SupplierNotFound, ProductNotFound),
)
def set_supplier_item(ctx: Context, data: SetSupplierItem) -> SupplierItemRow:
    """Say how a supplier sells a product: their number, pack, price of a pack, days of delivery.

    Raises: ``SUPPLIER_NOT_FOUND``, ``PRODUCT_NOT_FOUND``.
    """
    supplier = queries.find_supplier(ctx, data.supplier_id)
    known_products(ctx, [data.product_id])
    made = queries.set_item(ctx, data)
    ctx.note(f"supplier {supplier.code}", sku=made.sku, pack=str(made.pack_size), cost=str(made.cost))
    return made


@operation(
    "purchasing.remove_item",
    permission=Permission.PURCHASE_WRITE,
    raises=(SupplierNotFound, ProductNotFound),
)
def remove_supplier_item(ctx: Context, data: RemoveSupplierItem) -> SupplierOut:
    """Take a product off a supplier's list; again changes nothing. Orders keep their lines.

    Raises: ``SUPPLIER_NOT_FOUND``, ``PRODUCT_NOT_FOUND``.
    """
    supplier = queries.find_supplier(ctx, data.supplier_id)
    known_products(ctx, [data.product_id])
    queries.remove_item(ctx, data.supplier_id, data.product_id)
    ctx.note(f"supplier {supplier.code}", removed=str(data.product_id))
    return supplier


@operation(
    "purchasing.list_items",
    permission=Permission.PRODUCT_COST_READ,
    raises=(SupplierNotFound, ProductNotFound),
    reads=True,
)
def list_supplier_items(ctx: Context, data: ListSupplierItems) -> SupplierItemPage:
    """List what suppliers sell and for how much, by SKU. Raises: ``SUPPLIER_NOT_FOUND``, ``PRODUCT_NOT_FOUND``."""
    if data.supplier_id is not None:
        queries.find_supplier(ctx, data.supplier_id)
    if data.product_id is not None:
        known_products(ctx, [data.product_id])
    return queries.list_items(ctx, data)


@operation(
    "purchasing.suggest",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OutletNotFound, OutletNotYours, SupplierNotFound),
    reads=True,
)
def suggest_orders(ctx: Context, data: SuggestOrders) -> SuggestionPage:
    """Suggest what to order: what has come down to its minimum, up to its target, in whole packs.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``SUPPLIER_NOT_FOUND``.
    """
    if data.outlet_id is not None:
        find_outlet(ctx, data.outlet_id)
    if data.supplier_id is not None:
        queries.find_supplier(ctx, data.supplier_id)
    return queries.suggest(ctx, data)


# --- orders ---------------------------------------------------------------------------------------------------------

_ORDER_REFUSALS = (OrderNotFound, OutletNotFound, OutletNotYours, WrongState)
_LINE_REFUSALS = (ProductNotFound, StockNotTracked, RepeatedProduct, NoCost)


@operation(
    "purchasing.create_order",
    permission=Permission.PURCHASE_WRITE,
    raises=(SupplierNotFound, SupplierArchived, OutletNotFound, OutletNotYours, StockConflict, *_LINE_REFUSALS),
)
def create_order(ctx: Context, data: CreateOrder) -> OrderOut:
    """Draft an order to a supplier for a location; packs and costs are the supplier's list's where none are given.

    Raises: ``SUPPLIER_NOT_FOUND``, ``SUPPLIER_ARCHIVED``, ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``,
    ``PRODUCT_NOT_FOUND``, ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``, ``NO_COST``, ``STOCK_CONFLICT``.
    """

    def act() -> OrderOut:
        supplier = queries.find_supplier(ctx, data.supplier_id)
        if supplier.archived_at is not None:
            raise SupplierArchived(supplier=supplier.code)
        find_outlet(ctx, data.outlet_id)
        _tracked(ctx, [line.product_id for line in data.lines])
        made = orders.create(ctx, data)
        ctx.note(f"order {made.number}", id=str(made.id), supplier=made.supplier, total=made.total)
        return made

    return once(ctx, "order", data, act, answer=OrderOut)


@operation("purchasing.update_order", permission=Permission.PURCHASE_WRITE, raises=(*_ORDER_REFUSALS, *_LINE_REFUSALS))
def update_order(ctx: Context, data: UpdateOrder) -> OrderOut:
    """Change a draft: its lines, day, tolerance or note.

    Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE`` (no draft any more), ``PRODUCT_NOT_FOUND``,
    ``STOCK_NOT_TRACKED``, ``REPEATED_PRODUCT``, ``NO_COST``.
    """
    find_outlet(ctx, orders.outlet_of(ctx, data.id))
    if not isinstance(data.lines, msgspec.UnsetType):
        _tracked(ctx, [line.product_id for line in data.lines])
    made = orders.update(ctx, data)
    ctx.note(f"order {made.number}", total=made.total)
    return made


@operation("purchasing.approve_order", permission=Permission.PURCHASE_APPROVE, raises=_ORDER_REFUSALS)
def approve_order(ctx: Context, data: GetOrder) -> OrderOut:
    """Approve a draft; it cannot be changed any more. Again changes nothing.

    Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``.
    """
    return _advance(ctx, data.id, before=("draft",), state="approved", act="approved")


@operation("purchasing.send_order", permission=Permission.PURCHASE_WRITE, raises=_ORDER_REFUSALS)
def send_order(ctx: Context, data: GetOrder) -> OrderOut:
    """Note that an approved order went to the supplier; from now on it can be received. Again changes nothing.

    Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``.
    """
    return _advance(ctx, data.id, before=("approved",), state="sent", act="sent")


@operation("purchasing.cancel_order", permission=Permission.PURCHASE_WRITE, raises=_ORDER_REFUSALS)
def cancel_order(ctx: Context, data: GetOrder) -> OrderOut:
    """Cancel an order of which nothing has arrived; of another one the rest is cancelled by closing it.

    Again changes nothing. Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``.
    """
    return _advance(ctx, data.id, before=("draft", "approved", "sent"), state="cancelled", act="closed")


@operation("purchasing.close_order", permission=Permission.PURCHASE_WRITE, raises=_ORDER_REFUSALS)
def close_order(ctx: Context, data: GetOrder) -> OrderOut:
    """End an order; what has not come is cancelled. Again changes nothing.

    Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE`` (never sent, or cancelled).
    """
    find_outlet(ctx, orders.outlet_of(ctx, data.id))
    done = orders.close(ctx, data.id)
    ctx.note(f"order {done.number}", cancelled={line.sku: str(line.cancelled) for line in done.lines if line.cancelled})
    return done


@operation(
    "purchasing.receive_order",
    permission=Permission.PURCHASE_RECEIVE,
    raises=(*_ORDER_REFUSALS, RepeatedProduct, NotInDocument, OverReceipt, StockConflict),
)
def receive_order(ctx: Context, data: ReceiveOrder) -> ReceiptOut:
    """Take in a delivery, whole or in part, at what it really cost; the level's average cost follows.

    More than was ordered is taken in only as far as the order tolerates. Raises: ``ORDER_NOT_FOUND``,
    ``OUTLET_NOT_YOURS``, ``WRONG_STATE``, ``REPEATED_PRODUCT``, ``NOT_IN_DOCUMENT``, ``OVER_RECEIPT``,
    ``STOCK_CONFLICT``.
    """
    outlet_id = orders.outlet_of(ctx, data.order_id)
    find_outlet(ctx, outlet_id)

    def act() -> ReceiptOut:
        _no_product_twice([line.product_id for line in data.lines])
        done = orders.receive(ctx, data)
        moved = {line.sku: str(line.quantity) for line in done.lines}
        ctx.note(f"order {done.order}", receipt=str(done.id), received=moved, total=done.total, state=done.state)
        return done

    return once(ctx, "purchase", data, act, answer=ReceiptOut, outlet_id=outlet_id)


@operation(
    "purchasing.get_order",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OrderNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def get_order(ctx: Context, data: GetOrder) -> OrderOut:
    """Show an order and what of it has come. Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    find_outlet(ctx, orders.outlet_of(ctx, data.id))
    return orders.read(ctx, data.id)


@operation(
    "purchasing.list_orders",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OutletNotFound, OutletNotYours, SupplierNotFound),
    reads=True,
)
def list_orders(ctx: Context, data: ListOrders) -> OrderPage:
    """List orders, the newest first. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``SUPPLIER_NOT_FOUND``."""
    if data.outlet_id is not None:
        find_outlet(ctx, data.outlet_id)
    if data.supplier_id is not None:
        queries.find_supplier(ctx, data.supplier_id)
    return orders.list_orders(ctx, data)


@operation(
    "purchasing.list_receipts",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OrderNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def list_receipts(ctx: Context, data: ListReceipts) -> ReceiptList:
    """List the deliveries of an order, oldest first. Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    find_outlet(ctx, orders.outlet_of(ctx, data.order_id))
    return ReceiptList(items=orders.receipts(ctx, data.order_id))


# --- returns --------------------------------------------------------------------------------------------------------


@operation(
    "purchasing.return_goods",
    permission=Permission.PURCHASE_RECEIVE,
    raises=(
        OrderNotFound,
        OutletNotFound,
        OutletNotYours,
        RepeatedProduct,
        NotInDocument,
        ReturnExceedsReceived,
        NegativeStock,
        StockConflict,
    ),
)
def return_to_supplier(ctx: Context, data: ReturnToSupplier) -> SupplierReturnOut:
    """Send goods of an order back to the supplier and expect a credit of what they cost; never more than arrived.

    Raises: ``ORDER_NOT_FOUND``, ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``REPEATED_PRODUCT``,
    ``NOT_IN_DOCUMENT``, ``RETURN_EXCEEDS_RECEIVED``, ``NEGATIVE_STOCK``, ``STOCK_CONFLICT``.
    """
    outlet_id = data.outlet_id or orders.outlet_of(ctx, data.order_id)
    find_outlet(ctx, outlet_id)

    def act() -> SupplierReturnOut:
        _no_product_twice([line.product_id for line in data.lines])
        made = orders.give_back(ctx, data)
        moved = {line.sku: str(line.quantity) for line in made.lines}
        ctx.note(f"return {made.number}", order=made.order, returned=moved, expected=made.expected)
        return made

    return once(ctx, "return", data, act, answer=SupplierReturnOut, outlet_id=outlet_id)


@operation(
    "purchasing.credit_return",
    permission=Permission.PURCHASE_WRITE,
    raises=(SupplierReturnNotFound, OutletNotFound, OutletNotYours, WrongState),
)
def credit_return(ctx: Context, data: CreditReturn) -> SupplierReturnOut:
    """Note what a supplier credited for a return; the same again changes nothing, another amount is refused.

    Raises: ``SUPPLIER_RETURN_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``WRONG_STATE``.
    """
    find_outlet(ctx, orders.read_return(ctx, data.id).outlet_id)
    done = orders.credit(ctx, data.id, data.amount)
    ctx.note(f"return {done.number}", credited=data.amount, expected=done.expected)
    return done


@operation(
    "purchasing.get_return",
    permission=Permission.PRODUCT_COST_READ,
    raises=(SupplierReturnNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def get_supplier_return(ctx: Context, data: GetSupplierReturn) -> SupplierReturnOut:
    """Show a return. Raises: ``SUPPLIER_RETURN_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    found = orders.read_return(ctx, data.id)
    find_outlet(ctx, found.outlet_id)
    return found


@operation(
    "purchasing.list_returns",
    permission=Permission.PRODUCT_COST_READ,
    raises=(OrderNotFound, OutletNotFound, OutletNotYours),
    reads=True,
)
def list_supplier_returns(ctx: Context, data: ListSupplierReturns) -> SupplierReturnPage:
    """List returns, the newest first, or those whose credit is open. Raises: ``ORDER_NOT_FOUND``."""
    if data.order_id is not None:
        find_outlet(ctx, orders.outlet_of(ctx, data.order_id))
    return orders.list_returns(ctx, data)


def _advance(ctx: Context, order_id: UUID, *, before: Sequence[str], state: str, act: str) -> OrderOut:
    find_outlet(ctx, orders.outlet_of(ctx, order_id))
    done = orders.advance(ctx, order_id, before=before, state=state, act=act)
    ctx.note(f"order {done.number}", state=done.state)
    return done


def _tracked(ctx: Context, products: list[UUID]) -> None:
    _no_product_twice(products)
    tracked_products(ctx, products)


def _no_product_twice(products: list[UUID]) -> None:
    if len(set(products)) != len(products):
        raise RepeatedProduct
