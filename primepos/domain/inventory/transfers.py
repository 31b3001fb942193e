"""Goods on their way between locations: what is in transit is counted, so nothing vanishes.

A transfer's row is locked first, so its steps take turns, and its state only advances by a statement that names the
state it comes from. Then levels, by outlet and product. Goods carry what they are worth at the sender.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.core.errors import InvalidInput
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.domain.inventory import ledger
from primepos.domain.inventory.documents import next_number, signed
from primepos.domain.inventory.errors import NotInDocument, TransferNotFound, WrongState
from primepos.domain.inventory.queries import outlets_of
from primepos.domain.inventory.transfer_schemas import (
    InTransitPage,
    InTransitRow,
    TransferLineOut,
    TransferOut,
    TransferPage,
    TransferRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.core.context import Context
    from primepos.domain.inventory.schemas import StockLine
    from primepos.domain.inventory.transfer_schemas import ArrivedLine, ListInTransit, ListTransfers, RequestTransfer

_NONE: Final = Decimal(0)
_HEAD: Final = """
    SELECT t.id, t.number, t.from_outlet_id, f.code AS from_outlet, t.to_outlet_id, d.code AS to_outlet, t.state,
           t.note, t.requested_at, t.requested_by, t.shipped_at, t.shipped_by, t.closed_at, t.closed_by
      FROM stock_transfers t
      JOIN outlets f ON f.tenant_id = t.tenant_id AND f.id = t.from_outlet_id
      JOIN outlets d ON d.tenant_id = t.tenant_id AND d.id = t.to_outlet_id
"""
_LINES: Final = """
    SELECT l.line_no, l.product_id, p.sku, p.name, l.requested, l.shipped, l.received, l.damaged, l.lost, l.back,
           l.over, l.unit_cost, l.shipped - l.received - l.damaged - l.lost - l.back AS in_transit
      FROM stock_transfer_lines l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %s AND l.transfer_id = %s ORDER BY l.line_no
"""
_ADD: Final = (
    "INSERT INTO stock_transfers (tenant_id, id, number, from_outlet_id, to_outlet_id, state, note, requested_at,"
    " requested_by_id, requested_by) VALUES (%(tenant)s, %(id)s, %(number)s, %(from)s, %(to)s, 'requested', %(note)s,"
    " %(requested_at)s, %(requested_by_id)s, %(requested_by)s)"
)
_ADD_LINES: Final = """
    INSERT INTO stock_transfer_lines (tenant_id, transfer_id, line_no, product_id, requested)
    SELECT %(tenant)s, %(id)s, n + %(after)s, product_id, quantity
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) WITH ORDINALITY AS x(product_id, quantity, n)
"""
_LOCK: Final = (
    "SELECT from_outlet_id, to_outlet_id, state FROM stock_transfers WHERE tenant_id = %s AND id = %s FOR UPDATE"
)
_SHIP: Final = (
    "UPDATE stock_transfers SET state = 'in_transit', shipped_at = %(shipped_at)s, shipped_by_id = %(shipped_by_id)s,"
    " shipped_by = %(shipped_by)s WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = 'requested'"
)
_END: Final = (
    "UPDATE stock_transfers SET state = %(state)s, closed_at = %(closed_at)s, closed_by_id = %(closed_by_id)s,"
    " closed_by = %(closed_by)s WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = %(before)s"
)
_SHIP_LINES: Final = """
    UPDATE stock_transfer_lines l SET shipped = x.quantity, unit_cost = x.cost
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(costs)s::numeric[])
           AS x(product_id, quantity, cost)
     WHERE l.tenant_id = %(tenant)s AND l.transfer_id = %(id)s AND l.product_id = x.product_id
"""
# The check of the table refuses more than is in transit, whoever comes second.
_ARRIVE_LINES: Final = """
    UPDATE stock_transfer_lines l
       SET received = l.received + x.received, damaged = l.damaged + x.damaged, over = l.over + x.over
      FROM unnest(%(products)s::uuid[], %(received)s::numeric[], %(damaged)s::numeric[], %(over)s::numeric[])
           AS x(product_id, received, damaged, over)
     WHERE l.tenant_id = %(tenant)s AND l.transfer_id = %(id)s AND l.product_id = x.product_id
"""
_SETTLE_LINES: Final = """
    UPDATE stock_transfer_lines SET {column} = {column} + (shipped - received - damaged - lost - back)
     WHERE tenant_id = %s AND transfer_id = %s
"""
_LIST: Final = f"""{_HEAD}
     WHERE t.tenant_id = %(tenant)s AND (%(state)s::text IS NULL OR t.state = %(state)s)
       AND (%(outlets)s::uuid[] IS NULL OR t.from_outlet_id = ANY(%(outlets)s) OR t.to_outlet_id = ANY(%(outlets)s))
       AND (%(number)s::bigint IS NULL OR t.number < %(number)s::bigint)
     ORDER BY t.number DESC LIMIT %(limit)s
"""
_IN_TRANSIT: Final = """
    SELECT t.id AS transfer_id, t.number, f.code AS from_outlet, d.code AS to_outlet, l.product_id, p.sku, p.name,
           x.quantity, round(x.quantity * l.unit_cost)::bigint AS value, l.line_no
      FROM stock_transfers t
      JOIN stock_transfer_lines l ON l.tenant_id = t.tenant_id AND l.transfer_id = t.id
      CROSS JOIN LATERAL (SELECT l.shipped - l.received - l.damaged - l.lost - l.back AS quantity) x
      JOIN outlets f ON f.tenant_id = t.tenant_id AND f.id = t.from_outlet_id
      JOIN outlets d ON d.tenant_id = t.tenant_id AND d.id = t.to_outlet_id
      JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE t.tenant_id = %(tenant)s AND t.state = 'in_transit' AND x.quantity > 0
       AND (%(outlets)s::uuid[] IS NULL OR t.from_outlet_id = ANY(%(outlets)s) OR t.to_outlet_id = ANY(%(outlets)s))
       AND (%(number)s::bigint IS NULL OR (t.number, l.line_no) > (%(number)s::bigint, %(line)s::bigint))
     ORDER BY t.number, l.line_no LIMIT %(limit)s
"""


def request(ctx: Context, data: RequestTransfer) -> TransferOut:
    """Write a request down; its outlets and products have been checked."""
    number = next_number(ctx, "stock_transfers")
    ctx.uow.run(
        _ADD,
        {
            "tenant": ctx.tenant_id,
            "id": data.id,
            "number": number,
            "from": data.from_outlet_id,
            "to": data.to_outlet_id,
            "note": data.note,
            **signed(ctx, "requested"),
        },
    )
    _add_lines(ctx, data.id, {line.product_id: line.quantity for line in data.lines})
    return read(ctx, data.id)


def ship(ctx: Context, transfer_id: UUID, lines: Sequence[StockLine]) -> TransferOut:
    """Take the goods out of the sender's level and put them in transit.

    Raises: ``WRONG_STATE``, ``NEGATIVE_STOCK``, ``INVALID_INPUT`` where nothing is sent.
    """
    transfer = _locked(ctx, transfer_id)
    done = ctx.uow.run(_SHIP, {"tenant": ctx.tenant_id, "id": transfer_id, **signed(ctx, "shipped")})
    if not done:
        raise WrongState(what="transfer", state=transfer["state"])
    asked = {line.product_id: line for line in read(ctx, transfer_id).lines}
    sent = {each: line.requested for each, line in asked.items()}
    if lines:
        sent = {line.product_id: line.quantity for line in lines}
    sent = {each: quantity for each, quantity in sent.items() if quantity}
    if not sent:
        raise InvalidInput("lines: nothing is sent")
    extra = dict.fromkeys([each for each in sent if each not in asked], _NONE)
    _add_lines(ctx, transfer_id, extra, after=len(asked))
    levels = ledger.move_whole(ctx, transfer["from_outlet_id"], "transfer_out", sent, document_id=transfer_id)
    products = sorted(sent)
    ctx.uow.run(
        _SHIP_LINES,
        {
            "tenant": ctx.tenant_id,
            "id": transfer_id,
            "products": products,
            "quantities": [sent[each] for each in products],
            "costs": [levels[each].average_cost for each in products],
        },
    )
    return read(ctx, transfer_id)


def receive(ctx: Context, transfer_id: UUID, lines: Sequence[ArrivedLine]) -> TransferOut:
    """Take what arrived into the receiver's level; the transfer closes with the last of it.

    What arrives beyond what was sent leaves the sender's level and enters the receiver's at this moment.
    Raises: ``WRONG_STATE``, ``NOT_IN_DOCUMENT``, ``INVALID_INPUT``.
    """
    transfer = _locked(ctx, transfer_id)
    if transfer["state"] != "in_transit":
        raise WrongState(what="transfer", state=transfer["state"])
    known = {row["product_id"]: row for row in ctx.uow.rows(_LINES, (ctx.tenant_id, transfer_id))}
    arrived = {line.product_id: (line.received, line.damaged) for line in lines}
    if not lines:
        arrived = {each: (row["in_transit"], _NONE) for each, row in known.items() if row["in_transit"] > 0}
    unknown = [each for each in arrived if each not in known]
    if unknown:
        raise NotInDocument(what="transfer", products=ledger.skus(ctx, unknown))
    over = {each: max(sum(parts) - known[each]["in_transit"], _NONE) for each, parts in arrived.items()}
    for each, (received, _) in arrived.items():
        if over[each] > received:
            raise InvalidInput(f"lines: more of {known[each]['sku']} is damaged than was sent")
    beyond = {each: quantity for each, quantity in over.items() if quantity}
    values: dict[UUID, ledger.Level] = {}
    if beyond:
        # Both locations' levels, in the order of everybody.
        for outlet, products in sorted(
            ((transfer["from_outlet_id"], list(beyond)), (transfer["to_outlet_id"], list(arrived)))
        ):
            ledger.lock_levels(ctx, outlet, products)
        values = ledger.move_whole(
            ctx, transfer["from_outlet_id"], "transfer_out", beyond, document_id=transfer_id, happened=True
        )
    taken = {each: received for each, (received, _) in arrived.items() if received}
    costs = {
        each: ledger.blended(
            (
                (quantity - over[each], known[each]["unit_cost"]),
                (over[each], values[each].average_cost if each in values else None),
            )
        )
        for each, quantity in taken.items()
    }
    ledger.move_whole(ctx, transfer["to_outlet_id"], "transfer_in", taken, costs=costs, document_id=transfer_id)
    products = sorted(arrived)
    ctx.uow.run(
        _ARRIVE_LINES,
        {
            "tenant": ctx.tenant_id,
            "id": transfer_id,
            "products": products,
            "received": [arrived[each][0] - over[each] for each in products],
            "damaged": [arrived[each][1] for each in products],
            "over": [over[each] for each in products],
        },
    )
    found = read(ctx, transfer_id)
    if any(line.in_transit for line in found.lines):
        return found
    return _end(ctx, transfer_id, before="in_transit", state="closed")


def settle(ctx: Context, transfer_id: UUID, missing: str) -> TransferOut:
    """Close a transfer with what is still in transit lost, or back at the sender. Raises: ``WRONG_STATE``."""
    transfer = _locked(ctx, transfer_id)
    if transfer["state"] != "in_transit":
        raise WrongState(what="transfer", state=transfer["state"])
    left = [row for row in ctx.uow.rows(_LINES, (ctx.tenant_id, transfer_id)) if row["in_transit"] > 0]
    if missing == "back":
        ledger.move_whole(
            ctx,
            transfer["from_outlet_id"],
            "transfer_in",
            {row["product_id"]: row["in_transit"] for row in left},
            costs={row["product_id"]: row["unit_cost"] for row in left},
            document_id=transfer_id,
        )
    column = "back" if missing == "back" else "lost"
    ctx.uow.run(_SETTLE_LINES.format(column=column), (ctx.tenant_id, transfer_id))
    return _end(ctx, transfer_id, before="in_transit", state="closed")


def cancel(ctx: Context, transfer_id: UUID) -> TransferOut:
    """Take a request back before it is shipped; again changes nothing. Raises: ``WRONG_STATE``."""
    transfer = _locked(ctx, transfer_id)
    if transfer["state"] == "cancelled":
        return read(ctx, transfer_id)
    if transfer["state"] != "requested":
        raise WrongState(what="transfer", state=transfer["state"])
    return _end(ctx, transfer_id, before="requested", state="cancelled")


def read(ctx: Context, transfer_id: UUID) -> TransferOut:
    """Return a transfer with its lines. Raises: ``TRANSFER_NOT_FOUND``."""
    heads = ctx.uow.rows(f"{_HEAD} WHERE t.tenant_id = %s AND t.id = %s", (ctx.tenant_id, transfer_id))
    if not heads:
        raise TransferNotFound
    lines = ctx.uow.rows(_LINES, (ctx.tenant_id, transfer_id))
    shown = TransferLineOut.__struct_fields__
    return TransferOut(**heads[0], lines=[TransferLineOut(**{name: row[name] for name in shown}) for row in lines])


def list_transfers(ctx: Context, data: ListTransfers) -> TransferPage:
    """Return a page of the transfers from or to the outlets that the identity works in, the newest first."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "state": data.state,
        "outlets": outlets_of(ctx, data.outlet_id),
        "number": None if data.after is None else decode_cursor(data.after, int)[0],
        "limit": data.limit + 1,
    }
    found = [TransferRow(**row) for row in ctx.uow.rows(_LIST, values)]
    page = found[: data.limit]
    return TransferPage(items=page, next=encode_cursor(page[-1].number) if len(found) > data.limit else None)


def list_in_transit(ctx: Context, data: ListInTransit) -> InTransitPage:
    """Return a page of what is on its way from or to the outlets that the identity works in, the oldest first."""
    number, line = (None, None) if data.after is None else decode_cursor(data.after, int, int)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "outlets": outlets_of(ctx, data.outlet_id),
        "number": number,
        "line": line,
        "limit": data.limit + 1,
    }
    found = ctx.uow.rows(_IN_TRANSIT, values)
    page = found[: data.limit]
    shown = InTransitRow.__struct_fields__
    return InTransitPage(
        items=[InTransitRow(**{name: row[name] for name in shown}) for row in page],
        next=encode_cursor(page[-1]["number"], page[-1]["line_no"]) if len(found) > data.limit else None,
    )


def ends_of(ctx: Context, transfer_id: UUID) -> tuple[UUID, UUID]:
    """Return where a transfer comes from and goes to. Raises: ``TRANSFER_NOT_FOUND``."""
    found = ctx.uow.rows(
        "SELECT from_outlet_id, to_outlet_id FROM stock_transfers WHERE tenant_id = %s AND id = %s",
        (ctx.tenant_id, transfer_id),
    )
    if not found:
        raise TransferNotFound
    return found[0]["from_outlet_id"], found[0]["to_outlet_id"]


def _locked(ctx: Context, transfer_id: UUID) -> dict[str, Any]:
    found = ctx.uow.rows(_LOCK, (ctx.tenant_id, transfer_id))
    if not found:
        raise TransferNotFound
    return found[0]


def _end(ctx: Context, transfer_id: UUID, *, before: str, state: str) -> TransferOut:
    values = {"tenant": ctx.tenant_id, "id": transfer_id, "before": before, "state": state, **signed(ctx, "closed")}
    ctx.uow.run(_END, values)
    return read(ctx, transfer_id)


def _add_lines(ctx: Context, transfer_id: UUID, quantities: Mapping[UUID, Decimal], *, after: int = 0) -> None:
    if quantities:
        values = {
            "tenant": ctx.tenant_id,
            "id": transfer_id,
            "after": after,
            "products": list(quantities),
            "quantities": list(quantities.values()),
        }
        ctx.uow.run(_ADD_LINES, values)
