"""Orders in the database. Lock order: the order's row first, before anything that is booked for it."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from primepos.domain.orders.schemas import Removed, RemovedRow, TicketOut, TicketRow
from primepos.domain.sales.schemas import SellLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_encode = msgspec.json.Encoder(decimal_format="string").encode
_lines = msgspec.json.Decoder(list[SellLine]).decode

_NUMBER = (
    "INSERT INTO order_counters AS c (tenant_id, next_number) VALUES (%(tenant)s, 2)"
    " ON CONFLICT (tenant_id) DO UPDATE SET next_number = c.next_number + 1 RETURNING next_number - 1 AS number"
)
_INSERT = """
INSERT INTO orders (tenant_id, id, number, kind, outlet_id, owner_register_id, customer_id, label, note, content,
                    currency, total, valid_until, request_hash, created_at, created_by, changed_at, changed_by)
VALUES (%(tenant)s, %(id)s, %(number)s, %(kind)s, %(outlet)s, %(owner)s, %(customer)s, %(label)s, %(note)s,
        %(content)s::jsonb, %(currency)s, %(total)s, %(valid_until)s, %(hash)s, %(at)s, %(by)s, %(at)s, %(by)s)
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING *
"""
_CHANGE = """
UPDATE orders SET version = version + 1, kind = %(kind)s, customer_id = %(customer)s, label = %(label)s,
       note = %(note)s, content = %(content)s::jsonb, total = %(total)s, valid_until = %(valid_until)s,
       changed_at = %(at)s, changed_by = %(by)s
 WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING *
"""
_TAKE = """
UPDATE orders SET version = version + 1, owner_register_id = %(owner)s, changed_at = %(at)s, changed_by = %(by)s
 WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING *
"""
_END = """
UPDATE orders SET version = version + 1, state = %(state)s, sale_id = %(sale)s, reason = %(reason)s, deposit = 0,
       owner_register_id = NULL, changed_at = %(at)s, changed_by = %(by)s
 WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING *
"""
_DEPOSIT = """
UPDATE orders SET version = version + 1, deposit = deposit + %(amount)s, changed_at = %(at)s, changed_by = %(by)s
 WHERE tenant_id = %(tenant)s AND id = %(id)s RETURNING *
"""
_LIST = """
SELECT o.id, o.number, o.kind, o.state, o.version, o.outlet_id, o.owner_register_id, o.customer_id, o.label, o.currency,
       o.total, o.deposit, jsonb_array_length(o.content->'lines') AS lines, o.valid_until, o.changed_at, o.changed_by
  FROM orders o
 WHERE o.tenant_id = %(tenant)s AND (o.state = 'open') <> %(ended)s
   AND (%(kind)s::text IS NULL OR o.kind = %(kind)s)
   AND (%(outlets)s::uuid[] IS NULL OR o.outlet_id = ANY(%(outlets)s))
   AND (%(customer)s::uuid IS NULL OR o.customer_id = %(customer)s)
   AND (%(after)s::bigint IS NULL OR o.number < %(after)s)
 ORDER BY o.number DESC LIMIT %(limit)s
"""
_ADD_REMOVED = """
INSERT INTO removed_lines (tenant_id, id, outlet_id, register_id, ticket_id, at, person, approver, act, sku, name,
                           quantity, amount)
SELECT %(tenant)s, x.id, %(outlet)s, %(register)s, x.ticket_id, x.at, x.person, x.approver, x.act, x.sku, x.name,
       x.quantity, x.amount
  FROM json_to_recordset(%(items)s::json)
       AS x(id uuid, ticket_id uuid, at timestamptz, person text, approver text, act text, sku text, name text,
            quantity numeric, amount bigint)
ON CONFLICT (tenant_id, id) DO NOTHING
RETURNING id
"""
_REMOVED = """
SELECT r.id, r.outlet_id, r.register_id, r.ticket_id, r.at, r.person, r.approver, r.act, r.sku, r.name, r.quantity,
       r.amount
  FROM removed_lines r
 WHERE r.tenant_id = %(tenant)s
   AND (%(since)s::timestamptz IS NULL OR r.at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR r.at < %(until)s)
   AND (%(outlets)s::uuid[] IS NULL OR r.outlet_id = ANY(%(outlets)s))
   AND (%(person)s::text IS NULL OR r.person = %(person)s)
   AND (%(after_at)s::timestamptz IS NULL OR (r.at, r.id) < (%(after_at)s, %(after_id)s::uuid))
 ORDER BY r.at DESC, r.id DESC LIMIT %(limit)s
"""
_OUTLET = "SELECT archived_at IS NULL AS is_open FROM outlets WHERE tenant_id = %(tenant)s AND id = %(outlet)s"
_REGISTER = (
    "SELECT 1 AS found FROM registers WHERE tenant_id = %(tenant)s AND id = %(register)s AND outlet_id = %(outlet)s"
)


def fingerprint(data: object) -> bytes:
    """Return the fingerprint of a request: the same call again gives the same, any other a different one."""
    return hashlib.sha256(_encode(data)).digest()


def content_of(lines: Sequence[SellLine], percent: object, minor: int) -> str:
    """Return what an order sells, as it is stored."""
    return _encode({"lines": list(lines), "ticket_discount_percent": percent, "ticket_discount": minor}).decode()


def locked(uow: UnitOfWork, tenant_id: int, order_id: UUID) -> dict[str, Any] | None:
    """Return an order's row, locked until the transaction ends, or None."""
    found = uow.rows("SELECT * FROM orders WHERE tenant_id = %s AND id = %s FOR UPDATE", (tenant_id, order_id))
    return found[0] if found else None


def find(uow: UnitOfWork, tenant_id: int, order_id: UUID) -> dict[str, Any] | None:
    """Return an order's row, or None."""
    found = uow.rows("SELECT * FROM orders WHERE tenant_id = %s AND id = %s", (tenant_id, order_id))
    return found[0] if found else None


def insert(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any] | None:
    """Write a new order under the next number; None where a twin was faster."""
    number = uow.rows(_NUMBER, values)[0]["number"]
    found = uow.rows(_INSERT, {**values, "number": number})
    return found[0] if found else None


def change(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Write what a locked order is now."""
    return uow.rows(_CHANGE, values)[0]


def take(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Give a locked order to another register."""
    return uow.rows(_TAKE, values)[0]


def end(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Mark a locked order as sold or cancelled; nothing of its deposit is left then."""
    return uow.rows(_END, values)[0]


def add_deposit(uow: UnitOfWork, values: dict[str, Any]) -> dict[str, Any]:
    """Change the deposit of a locked order by ``amount``."""
    return uow.rows(_DEPOSIT, values)[0]


def page(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    kind: str | None,
    outlets: list[UUID] | None,
    customer_id: UUID | None,
    ended: bool,
    after: int | None,
    limit: int,
) -> list[TicketRow]:
    """Return a page of orders, newest first."""
    found = uow.rows(
        _LIST,
        {
            "tenant": tenant_id, "kind": kind, "outlets": outlets, "customer": customer_id, "ended": ended,
            "after": after, "limit": limit,
        },
    )  # fmt: skip
    return [TicketRow(**row) for row in found]


def is_open_outlet(uow: UnitOfWork, tenant_id: int, outlet_id: UUID) -> bool:
    """Tell whether an outlet is there and not archived."""
    found = uow.rows(_OUTLET, {"tenant": tenant_id, "outlet": outlet_id})
    return bool(found and found[0]["is_open"])


def is_register_of(uow: UnitOfWork, tenant_id: int, outlet_id: UUID, register_id: UUID) -> bool:
    """Tell whether a register stands in an outlet."""
    return bool(uow.rows(_REGISTER, {"tenant": tenant_id, "outlet": outlet_id, "register": register_id}))


def add_removed(
    uow: UnitOfWork, tenant_id: int, outlet_id: UUID, register_id: UUID | None, items: Sequence[Removed]
) -> int:
    """Write what was taken off tickets; return how many were not known yet."""
    which = {"tenant": tenant_id, "outlet": outlet_id, "register": register_id, "items": _encode(list(items)).decode()}
    return len(uow.rows(_ADD_REMOVED, which))


def removed_page(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    since: datetime | None,
    until: datetime | None,
    outlets: list[UUID] | None,
    person: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RemovedRow]:
    """Return a page of what was taken off tickets, newest first."""
    found = uow.rows(
        _REMOVED,
        {
            "tenant": tenant_id, "since": since, "until": until, "outlets": outlets, "person": person, "limit": limit,
            "after_at": after[0] if after else None, "after_id": after[1] if after else None,
        },
    )  # fmt: skip
    return [RemovedRow(**row) for row in found]


def order_from(row: dict[str, Any]) -> TicketOut:
    """Return an order from its row."""
    content = row["content"]
    known = {name: row[name] for name in TicketOut.__struct_fields__ if name in row}
    return TicketOut(
        **known,
        lines=_lines(msgspec.json.encode(content["lines"])),
        ticket_discount_percent=msgspec.convert(content["ticket_discount_percent"], type=Decimal),
        ticket_discount=content["ticket_discount"],
    )


def is_valid(row: dict[str, Any], today: date) -> bool:
    """Tell whether a quote's prices are still promised; what is no quote promises none and is always valid."""
    return row["valid_until"] is None or row["valid_until"] >= today
