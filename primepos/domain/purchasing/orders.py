"""Orders, what arrives on them and what goes back.

An order's row is locked first, so deliveries, returns and changes of its state take turns; then its lines, guarded by
the statement that counts them, then levels by product. Receipts are only ever added.

A cost is the price of a pack; a base unit is worth cost / pack size, kept with six places of a minor unit, and blends
into the level's average when it arrives. The credit expected for a return is what the goods cost when they arrived;
they leave the level at its average.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from msgspec import UnsetType

from primepos.core.amounts import round_half_up
from primepos.core.errors import InvalidInput
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.inventory import ledger
from primepos.domain.inventory.documents import next_number, signed
from primepos.domain.inventory.errors import NotInDocument, WrongState
from primepos.domain.inventory.queries import outlets_of
from primepos.domain.purchasing import queries
from primepos.domain.purchasing.errors import (
    NoCost,
    OrderNotFound,
    OverReceipt,
    ReturnExceedsReceived,
    SupplierReturnNotFound,
)
from primepos.domain.purchasing.schemas import (
    OrderLineOut,
    OrderOut,
    OrderPage,
    OrderRow,
    ReceiptLineOut,
    ReceiptOut,
    SupplierReturnLineOut,
    SupplierReturnOut,
    SupplierReturnPage,
    SupplierReturnRow,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.purchasing.schemas import (
        CreateOrder,
        ListOrders,
        ListSupplierReturns,
        OrderLine,
        ReceiveOrder,
        ReturnToSupplier,
        UpdateOrder,
    )

_ONE: Final = Decimal(1)
_GOING: Final = ("sent", "partly_received", "received")
_ADD: Final = """
    INSERT INTO purchase_orders (tenant_id, id, number, supplier_id, outlet_id, state, expected_on, over_percent, note,
                                 total, created_at, created_by_id, created_by)
    VALUES (%(tenant)s, %(id)s, %(number)s, %(supplier)s, %(outlet)s, 'draft', %(expected_on)s, %(over_percent)s,
            %(note)s, %(total)s, %(created_at)s, %(created_by_id)s, %(created_by)s)
"""
_ADD_LINES: Final = """
    INSERT INTO purchase_order_lines (tenant_id, order_id, line_no, product_id, quantity, pack_size, cost, amount)
    SELECT %(tenant)s, %(id)s, x.n, x.product_id, x.quantity, x.pack_size, x.cost, x.amount
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(packs)s::numeric[], %(costs)s::numeric[],
                  %(amounts)s::bigint[]) WITH ORDINALITY AS x(product_id, quantity, pack_size, cost, amount, n)
"""
_HEAD: Final = """
    SELECT o.id, o.number, o.supplier_id, s.code AS supplier, o.outlet_id, d.code AS outlet, o.state, o.expected_on,
           o.over_percent, o.note, o.total, o.created_at, o.created_by, o.approved_by, o.sent_at, o.closed_at
      FROM purchase_orders o
      JOIN suppliers s ON s.tenant_id = o.tenant_id AND s.id = o.supplier_id
      JOIN outlets d ON d.tenant_id = o.tenant_id AND d.id = o.outlet_id
"""
_LINES: Final = """
    SELECT l.line_no, l.product_id, p.sku, p.name, coalesce(i.supplier_sku, '') AS supplier_sku, l.quantity,
           l.pack_size, l.cost, l.amount, l.received, l.returned, l.cancelled,
           greatest(l.quantity - l.cancelled - l.received, 0) AS open
      FROM purchase_order_lines l
      JOIN purchase_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
      LEFT JOIN supplier_items i ON i.tenant_id = l.tenant_id AND i.supplier_id = o.supplier_id
                                AND i.product_id = l.product_id
     WHERE l.tenant_id = %s AND l.order_id = %s ORDER BY l.line_no
"""
_LOCK: Final = "SELECT state, outlet_id FROM purchase_orders WHERE tenant_id = %s AND id = %s FOR UPDATE"
_STATE: Final = "UPDATE purchase_orders SET state = %(state)s{signed} WHERE tenant_id = %(tenant)s AND id = %(id)s"
_CHANGE: Final = """
    UPDATE purchase_orders SET expected_on = %(expected_on)s, over_percent = %(over_percent)s, note = %(note)s,
           total = %(total)s
     WHERE tenant_id = %(tenant)s AND id = %(id)s
"""
_CANCEL_REST: Final = """
    UPDATE purchase_order_lines SET cancelled = greatest(quantity - received, 0)
     WHERE tenant_id = %s AND order_id = %s
"""
_RECEIVE_LINES: Final = """
    UPDATE purchase_order_lines l SET received = l.received + x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity), purchase_orders o
     WHERE l.tenant_id = %(tenant)s AND l.order_id = %(order)s AND l.product_id = x.product_id
       AND o.tenant_id = l.tenant_id AND o.id = l.order_id
       AND l.received + x.quantity <= (l.quantity - l.cancelled) * (1 + o.over_percent / 100)
    RETURNING l.product_id
"""
_RETURN_LINES: Final = """
    UPDATE purchase_order_lines l SET returned = l.returned + x.quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
     WHERE l.tenant_id = %(tenant)s AND l.order_id = %(order)s AND l.product_id = x.product_id
       AND l.returned + x.quantity <= l.received
    RETURNING l.product_id
"""
_ADD_RECEIPT: Final = """
    INSERT INTO purchase_receipts (tenant_id, id, order_id, outlet_id, reference, received_at, received_by_id,
                                   received_by)
    VALUES (%(tenant)s, %(id)s, %(order)s, %(outlet)s, %(reference)s, %(received_at)s, %(received_by_id)s,
            %(received_by)s)
"""
_ADD_RECEIPT_LINES: Final = """
    INSERT INTO purchase_receipt_lines (tenant_id, receipt_id, line_no, order_id, order_line_no, product_id, quantity,
                                        unit_cost, amount)
    SELECT %(tenant)s, %(id)s, x.n, %(order)s, l.line_no, x.product_id, x.quantity, x.cost, x.amount
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(costs)s::numeric[], %(amounts)s::bigint[])
           WITH ORDINALITY AS x(product_id, quantity, cost, amount, n)
      JOIN purchase_order_lines l ON l.tenant_id = %(tenant)s AND l.order_id = %(order)s
                                 AND l.product_id = x.product_id
"""
_RECEIPTS: Final = """
    SELECT r.id, r.order_id, o.number AS order, r.outlet_id, r.reference, r.received_at, r.received_by, o.state,
           l.product_id, p.sku, p.name, l.quantity, l.unit_cost, l.amount
      FROM purchase_receipts r
      JOIN purchase_orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
      JOIN purchase_receipt_lines l ON l.tenant_id = r.tenant_id AND l.receipt_id = r.id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE r.tenant_id = %(tenant)s AND r.order_id = %(order)s AND (%(id)s::uuid IS NULL OR r.id = %(id)s::uuid)
     ORDER BY r.received_at, r.id, l.line_no
"""
_PAID: Final = """
    SELECT product_id, sum(amount) / sum(quantity) AS cost FROM purchase_receipt_lines
     WHERE tenant_id = %s AND order_id = %s GROUP BY product_id
"""
_ADD_RETURN: Final = """
    INSERT INTO supplier_returns (tenant_id, id, number, order_id, outlet_id, reason, state, expected, returned_at,
                                  returned_by_id, returned_by)
    VALUES (%(tenant)s, %(id)s, %(number)s, %(order)s, %(outlet)s, %(reason)s, 'open', %(expected)s, %(returned_at)s,
            %(returned_by_id)s, %(returned_by)s)
"""
_ADD_RETURN_LINES: Final = """
    INSERT INTO supplier_return_lines (tenant_id, return_id, line_no, order_id, order_line_no, product_id, quantity,
                                       amount)
    SELECT %(tenant)s, %(id)s, x.n, %(order)s, l.line_no, x.product_id, x.quantity, x.amount
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(amounts)s::bigint[])
           WITH ORDINALITY AS x(product_id, quantity, amount, n)
      JOIN purchase_order_lines l ON l.tenant_id = %(tenant)s AND l.order_id = %(order)s
                                 AND l.product_id = x.product_id
"""
_CREDIT: Final = """
    UPDATE supplier_returns SET state = 'credited', credited = %(amount)s, credited_at = %(credited_at)s,
           credited_by_id = %(credited_by_id)s, credited_by = %(credited_by)s
     WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = 'open'
"""
_RETURN_HEAD: Final = """
    SELECT b.id, b.number, b.order_id, o.number AS order, s.code AS supplier, b.outlet_id, d.code AS outlet, b.reason,
           b.state, b.expected, b.credited, b.returned_at, b.returned_by
      FROM supplier_returns b
      JOIN purchase_orders o ON o.tenant_id = b.tenant_id AND o.id = b.order_id
      JOIN suppliers s ON s.tenant_id = o.tenant_id AND s.id = o.supplier_id
      JOIN outlets d ON d.tenant_id = b.tenant_id AND d.id = b.outlet_id
"""
_RETURN_LINES_OUT: Final = """
    SELECT l.product_id, p.sku, p.name, l.quantity, l.amount
      FROM supplier_return_lines l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %s AND l.return_id = %s ORDER BY l.line_no
"""
_LIST: Final = f"""{_HEAD}
     WHERE o.tenant_id = %(tenant)s AND (%(state)s::text IS NULL OR o.state = %(state)s)
       AND (%(supplier)s::uuid IS NULL OR o.supplier_id = %(supplier)s::uuid)
       AND (%(outlets)s::uuid[] IS NULL OR o.outlet_id = ANY(%(outlets)s))
       AND (%(number)s::bigint IS NULL OR o.number < %(number)s::bigint)
     ORDER BY o.number DESC LIMIT %(limit)s
"""
_LIST_RETURNS: Final = f"""{_RETURN_HEAD}
     WHERE b.tenant_id = %(tenant)s AND (%(order)s::uuid IS NULL OR b.order_id = %(order)s::uuid)
       AND (NOT %(open)s OR b.state = 'open')
       AND (%(outlets)s::uuid[] IS NULL OR b.outlet_id = ANY(%(outlets)s))
       AND (%(number)s::bigint IS NULL OR b.number < %(number)s::bigint)
     ORDER BY b.number DESC LIMIT %(limit)s
"""


def create(ctx: Context, data: CreateOrder) -> OrderOut:
    """Write a draft; its supplier, outlet and products have been checked. Raises: :class:`NoCost`."""
    priced = _priced(ctx, data.supplier_id, data.lines)
    values = {
        "tenant": ctx.tenant_id,
        "id": data.id,
        "number": next_number(ctx, "purchase_orders"),
        "supplier": data.supplier_id,
        "outlet": data.outlet_id,
        "expected_on": data.expected_on,
        "over_percent": data.over_percent,
        "note": data.note,
        "total": sum(priced["amounts"]),
        **signed(ctx, "created"),
    }
    ctx.uow.run(_ADD, values)
    ctx.uow.run(_ADD_LINES, {"tenant": ctx.tenant_id, "id": data.id, **priced})
    return read(ctx, data.id)


def update(ctx: Context, data: UpdateOrder) -> OrderOut:
    """Change a draft. Raises: ``WRONG_STATE``, :class:`NoCost`."""
    _locked(ctx, data.id, "draft")
    before = read(ctx, data.id)
    total = before.total
    if not isinstance(data.lines, UnsetType):
        priced = _priced(ctx, before.supplier_id, data.lines)
        total = sum(priced["amounts"])
        ctx.uow.run("DELETE FROM purchase_order_lines WHERE tenant_id = %s AND order_id = %s", (ctx.tenant_id, data.id))
        ctx.uow.run(_ADD_LINES, {"tenant": ctx.tenant_id, "id": data.id, **priced})
    given = {
        "expected_on": data.expected_on,
        "over_percent": data.over_percent,
        "note": data.note,
    }
    kept = {name: getattr(before, name) if isinstance(value, UnsetType) else value for name, value in given.items()}
    ctx.uow.run(_CHANGE, {"tenant": ctx.tenant_id, "id": data.id, "total": total, **kept})
    return read(ctx, data.id)


def advance(ctx: Context, order_id: UUID, *, before: Sequence[str], state: str, act: str) -> OrderOut:
    """Move an order on to a state and sign it; where it is there already, nothing changes. Raises: ``WRONG_STATE``."""
    order = _locked(ctx, order_id, *before, state)
    if order["state"] != state:
        _set_state(ctx, order_id, state, act)
    return read(ctx, order_id)


def close(ctx: Context, order_id: UUID) -> OrderOut:
    """End an order; what has not come is cancelled. Again changes nothing. Raises: ``WRONG_STATE``."""
    order = _locked(ctx, order_id, *_GOING, "closed")
    if order["state"] != "closed":
        ctx.uow.run(_CANCEL_REST, (ctx.tenant_id, order_id))
        _set_state(ctx, order_id, "closed", "closed")
    return read(ctx, order_id)


def receive(ctx: Context, data: ReceiveOrder) -> ReceiptOut:
    """Take a delivery into the level at what it cost; never more than the order tolerates.

    Raises: ``WRONG_STATE``, ``NOT_IN_DOCUMENT``, :class:`OverReceipt`, ``INVALID_INPUT`` where nothing arrived.
    """
    order = _locked(ctx, data.order_id, *_GOING)
    lines = {line.product_id: line for line in read(ctx, data.order_id).lines}
    arrived = {each.product_id: (each.quantity, each.cost) for each in data.lines}
    if not data.lines:
        arrived = {each: (line.open, None) for each, line in lines.items() if line.open}
    if not arrived:
        raise InvalidInput("lines: nothing is still to come")
    _only_of(ctx, lines, arrived)
    products = sorted(arrived)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "id": data.id,
        "order": data.order_id,
        "outlet": order["outlet_id"],
        "reference": data.reference,
        "products": products,
        "quantities": [arrived[each][0] for each in products],
        **signed(ctx, "received"),
    }
    done = {row["product_id"] for row in ctx.uow.rows(_RECEIVE_LINES, values)}
    if done != set(arrived):
        raise OverReceipt(products=ledger.skus(ctx, set(arrived) - done))
    minor = ctx.tenant.currency.minor_per_major
    packs = {
        each: (lines[each].cost if cost is None else cost, lines[each].pack_size) for each, (_, cost) in arrived.items()
    }
    costs = {each: (cost * minor / size).quantize(ledger.COST_PLACES) for each, (cost, size) in packs.items()}
    values["costs"] = [costs[each] for each in products]
    values["amounts"] = [_amount(arrived[each][0], *packs[each], minor) for each in products]
    ctx.uow.run(_ADD_RECEIPT, values)
    ctx.uow.run(_ADD_RECEIPT_LINES, values)
    quantities = {each: quantity for each, (quantity, _) in arrived.items()}
    reason = data.reference or None
    ledger.move_whole(ctx, order["outlet_id"], "receive", quantities, reason, costs=costs, document_id=data.id)
    still_open = any(line.open for line in read(ctx, data.order_id).lines)
    _set_state(ctx, data.order_id, "partly_received" if still_open else "received", None)
    return receipts(ctx, data.order_id, data.id)[0]


def receipts(ctx: Context, order_id: UUID, receipt_id: UUID | None = None) -> list[ReceiptOut]:
    """Return the deliveries of an order, oldest first, or one of them."""
    found = ctx.uow.rows(_RECEIPTS, {"tenant": ctx.tenant_id, "order": order_id, "id": receipt_id})
    heads: dict[UUID, dict[str, Any]] = {row["id"]: row for row in found}
    made = []
    for each, head in heads.items():
        lines = [_struct(ReceiptLineOut, row) for row in found if row["id"] == each]
        shown = {name: head[name] for name in ReceiptOut.__struct_fields__ if name in head}
        made.append(ReceiptOut(**shown, lines=lines, total=sum(line.amount for line in lines)))
    return made


def give_back(ctx: Context, data: ReturnToSupplier) -> SupplierReturnOut:
    """Send goods back; never more than arrived. Raises: ``NOT_IN_DOCUMENT``, :class:`ReturnExceedsReceived`."""
    number = next_number(ctx, "supplier_returns")
    order = _locked(ctx, data.order_id)
    outlet_id = data.outlet_id or order["outlet_id"]
    lines = {line.product_id: line for line in read(ctx, data.order_id).lines}
    quantities = {each.product_id: each.quantity for each in data.lines}
    _only_of(ctx, lines, quantities)
    products = sorted(quantities)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "id": data.id,
        "order": data.order_id,
        "products": products,
        "quantities": [quantities[each] for each in products],
        "outlet": outlet_id,
        "reason": data.reason,
        "number": number,
        **signed(ctx, "returned"),
    }
    done = {row["product_id"] for row in ctx.uow.rows(_RETURN_LINES, values)}
    if done != set(quantities):
        raise ReturnExceedsReceived(products=ledger.skus(ctx, set(quantities) - done))
    paid = {row["product_id"]: row["cost"] for row in ctx.uow.rows(_PAID, (ctx.tenant_id, data.order_id))}
    values["amounts"] = [int(round_half_up(quantities[each] * paid[each], _ONE)) for each in products]
    values["expected"] = sum(values["amounts"])
    ctx.uow.run(_ADD_RETURN, values)
    ctx.uow.run(_ADD_RETURN_LINES, values)
    ledger.move_whole(ctx, outlet_id, "supplier_return", quantities, data.reason, document_id=data.id)
    return read_return(ctx, data.id)


def credit(ctx: Context, return_id: UUID, amount: int) -> SupplierReturnOut:
    """Write down what was credited, once; the same again changes nothing. Raises: ``WRONG_STATE``."""
    values = {"tenant": ctx.tenant_id, "id": return_id, "amount": amount, **signed(ctx, "credited")}
    done = ctx.uow.run(_CREDIT, values)
    found = read_return(ctx, return_id)
    if not done and found.credited != amount:
        raise WrongState(what="return", state=found.state)
    return found


def read(ctx: Context, order_id: UUID) -> OrderOut:
    """Return an order with its lines. Raises: :class:`OrderNotFound`."""
    found = ctx.uow.rows(f"{_HEAD} WHERE o.tenant_id = %s AND o.id = %s", (ctx.tenant_id, order_id))
    if not found:
        raise OrderNotFound
    lines = [OrderLineOut(**row) for row in ctx.uow.rows(_LINES, (ctx.tenant_id, order_id))]
    return OrderOut(**found[0], lines=lines)


def read_return(ctx: Context, return_id: UUID) -> SupplierReturnOut:
    """Return a return with its lines. Raises: :class:`SupplierReturnNotFound`."""
    found = ctx.uow.rows(f"{_RETURN_HEAD} WHERE b.tenant_id = %s AND b.id = %s", (ctx.tenant_id, return_id))
    if not found:
        raise SupplierReturnNotFound
    lines = [SupplierReturnLineOut(**row) for row in ctx.uow.rows(_RETURN_LINES_OUT, (ctx.tenant_id, return_id))]
    return SupplierReturnOut(**found[0], lines=lines)


def list_orders(ctx: Context, data: ListOrders) -> OrderPage:
    """Return a page of orders for the outlets that the identity works in, the newest first."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "state": data.state,
        "supplier": data.supplier_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "number": None if data.after is None else decode_cursor(data.after, int)[0],
        "limit": data.limit + 1,
    }
    found = [OrderRow(**row) for row in ctx.uow.rows(_LIST, values)]
    page = found[: data.limit]
    return OrderPage(items=page, next=encode_cursor(page[-1].number) if len(found) > data.limit else None)


def list_returns(ctx: Context, data: ListSupplierReturns) -> SupplierReturnPage:
    """Return a page of returns from the outlets that the identity works in, the newest first."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "order": data.order_id,
        "open": data.open,
        "outlets": outlets_of(ctx, None),
        "number": None if data.after is None else decode_cursor(data.after, int)[0],
        "limit": data.limit + 1,
    }
    found = [SupplierReturnRow(**row) for row in ctx.uow.rows(_LIST_RETURNS, values)]
    page = found[: data.limit]
    return SupplierReturnPage(items=page, next=encode_cursor(page[-1].number) if len(found) > data.limit else None)


def outlet_of(ctx: Context, order_id: UUID) -> UUID:
    """Return where an order is delivered. Raises: :class:`OrderNotFound`."""
    found = ctx.uow.rows(
        "SELECT outlet_id FROM purchase_orders WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, order_id)
    )
    if not found:
        raise OrderNotFound
    outlet: UUID = found[0]["outlet_id"]
    return outlet


def _locked(ctx: Context, order_id: UUID, *states: str) -> dict[str, Any]:
    """Lock an order that is in one of these states, or in any. Raises: :class:`OrderNotFound`, ``WRONG_STATE``."""
    found = ctx.uow.rows(_LOCK, (ctx.tenant_id, order_id))
    if not found:
        raise OrderNotFound
    if states and found[0]["state"] not in states:
        raise WrongState(what="order", state=found[0]["state"].replace("_", " "))
    return found[0]


def _set_state(ctx: Context, order_id: UUID, state: str, act: str | None) -> None:
    names = () if act is None else (f"{act}_at", f"{act}_by_id", f"{act}_by")
    columns = "".join(f", {name} = %({name})s" for name in names)
    values = {"tenant": ctx.tenant_id, "id": order_id, "state": state, **(signed(ctx, act) if act else {})}
    ctx.uow.run(_STATE.format(signed=columns), values)


def _only_of(ctx: Context, lines: dict[UUID, OrderLineOut], products: dict[UUID, Any]) -> None:
    unknown = [each for each in products if each not in lines]
    if unknown:
        raise NotInDocument(what="order", products=ledger.skus(ctx, unknown))


def _priced(ctx: Context, supplier_id: UUID, lines: Sequence[OrderLine]) -> dict[str, Any]:
    """Return the columns of an order's lines, with the supplier's pack and cost where a line has none."""
    known = {each.product_id: each for each in queries.items_of(ctx, supplier_id, [each.product_id for each in lines])}
    unknown = [each.product_id for each in lines if each.cost is None and each.product_id not in known]
    if unknown:
        raise NoCost(products=ledger.skus(ctx, unknown))
    minor = ctx.tenant.currency.minor_per_major
    packs, costs = [], []
    for line in lines:
        item = known.get(line.product_id)
        # Who gives a price of their own without a pack gives it for one unit.
        listed = item.pack_size if item is not None and line.cost is None else _ONE
        packs.append(line.pack_size or listed)
        costs.append(line.cost if line.cost is not None or item is None else item.cost)
    return {
        "products": [each.product_id for each in lines],
        "quantities": [each.quantity for each in lines],
        "packs": packs,
        "costs": costs,
        "amounts": [
            _amount(each.quantity, cost or Decimal(0), pack, minor)
            for each, cost, pack in zip(lines, costs, packs, strict=True)
        ],
    }


def _amount(quantity: Decimal, cost: Decimal, pack: Decimal, minor: int) -> int:
    """Return what so many base units cost, in minor units, rounded once, a half away from zero."""
    return int(round_half_up((quantity * cost * minor / pack).quantize(ledger.COST_PLACES), _ONE))


def _struct(shape: type[ReceiptLineOut], row: dict[str, Any]) -> ReceiptLineOut:
    return shape(**{name: row[name] for name in shape.__struct_fields__})
