"""Counting stock while the shop goes on.

The rule: a line expects the level at the moment of its last entry. The entry takes the level's lock, so a sale is
either in that level or comes after it; what moves afterwards moves the level and not the difference, which approval
adds to whatever the level is then. Who sells a product between two entries of the same line makes that line
uncertain: have it counted again.

A count's row is locked first (shared by who adds to it, alone by who approves or cancels), then levels by product,
then the lines.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Permission
from primepos.domain.inventory import ledger
from primepos.domain.inventory.count_schemas import (
    Counted,
    CountedLine,
    CountLinePage,
    CountLineRow,
    CountOut,
    CountPage,
)
from primepos.domain.inventory.documents import next_number, signed
from primepos.domain.inventory.errors import CountNotFound, NothingCounted, NotInDocument, WrongState
from primepos.domain.inventory.queries import outlets_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.inventory.count_schemas import AddCounted, ListCountLines, ListCounts, OpenCount

_ADD: Final = """
    INSERT INTO stock_counts (tenant_id, id, number, outlet_id, category_id, scope, blind, state, note,
                              opened_at, opened_by_id, opened_by)
    VALUES (%(tenant)s, %(id)s, %(number)s, %(outlet)s, %(category)s, %(scope)s, %(blind)s, 'open', %(note)s,
            %(opened_at)s, %(opened_by_id)s, %(opened_by)s)
"""
# A whole location or category is everything that has a level there; a list is what it names.
_ADD_LINES: Final = """
    INSERT INTO stock_count_lines (tenant_id, count_id, product_id)
    SELECT p.tenant_id, %(id)s, p.id FROM products p
     WHERE p.tenant_id = %(tenant)s AND p.track_stock
       AND CASE %(scope)s WHEN 'list' THEN p.id = ANY(%(products)s::uuid[])
           ELSE (%(category)s::uuid IS NULL OR p.category_id = %(category)s::uuid)
                AND EXISTS (SELECT FROM stock_levels l WHERE l.tenant_id = p.tenant_id AND l.product_id = p.id
                               AND l.outlet_id = %(outlet)s) END
"""
_LOCK: Final = "SELECT outlet_id, scope, state FROM stock_counts WHERE tenant_id = %s AND id = %s FOR {strength}"
_ENSURE: Final = """
    INSERT INTO stock_count_lines (tenant_id, count_id, product_id)
    SELECT %(tenant)s, %(id)s, x.id FROM unnest(%(products)s::uuid[]) AS x(id) ORDER BY x.id
    ON CONFLICT (tenant_id, count_id, product_id) DO NOTHING
"""
_TALLY: Final = """
    UPDATE stock_count_lines l
       SET counted = coalesce(l.counted, 0) + x.quantity, expected = x.level, counted_at = %(counted_at)s
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[], %(levels)s::numeric[])
           AS x(product_id, quantity, level)
     WHERE l.tenant_id = %(tenant)s AND l.count_id = %(id)s AND l.product_id = x.product_id
    RETURNING l.product_id, l.round, l.counted
"""
_ENTER: Final = """
    INSERT INTO stock_count_entries (tenant_id, id, count_id, product_id, round, quantity, counted_at, counted_by_id,
                                     counted_by)
    SELECT %(tenant)s, %(entry)s, %(id)s, l.product_id, l.round, x.quantity, %(counted_at)s, %(counted_by_id)s,
           %(counted_by)s
      FROM unnest(%(products)s::uuid[], %(quantities)s::numeric[]) AS x(product_id, quantity)
      JOIN stock_count_lines l ON l.tenant_id = %(tenant)s AND l.count_id = %(id)s AND l.product_id = x.product_id
"""
_AGAIN: Final = """
    UPDATE stock_count_lines SET round = round + 1, counted = NULL, expected = NULL, counted_at = NULL
     WHERE tenant_id = %s AND count_id = %s AND product_id = ANY(%s) RETURNING product_id, round, counted
"""
_END: Final = (
    "UPDATE stock_counts SET state = %(state)s, closed_at = %(closed_at)s, closed_by_id = %(closed_by_id)s,"
    " closed_by = %(closed_by)s WHERE tenant_id = %(tenant)s AND id = %(id)s AND state = 'open'"
)
_POST: Final = """
    UPDATE stock_count_lines l SET posted = x.posted
      FROM unnest(%(products)s::uuid[], %(posted)s::numeric[]) AS x(product_id, posted)
     WHERE l.tenant_id = %(tenant)s AND l.count_id = %(id)s AND l.product_id = x.product_id
"""
_HEAD: Final = """
    SELECT c.id, c.number, c.outlet_id, o.code AS outlet, c.scope, c.category_id, c.blind, c.state, c.note,
           c.opened_at, c.opened_by, c.closed_at, c.closed_by, n.lines, n.counted, n.different
      FROM stock_counts c
      JOIN outlets o ON o.tenant_id = c.tenant_id AND o.id = c.outlet_id
      CROSS JOIN LATERAL (
          SELECT count(*) AS lines, count(l.counted) AS counted,
                 count(*) FILTER (WHERE l.counted <> l.expected) AS different
            FROM stock_count_lines l WHERE l.tenant_id = c.tenant_id AND l.count_id = c.id) n
"""
_LIST: Final = f"""{_HEAD}
     WHERE c.tenant_id = %(tenant)s AND (%(state)s::text IS NULL OR c.state = %(state)s)
       AND (%(outlets)s::uuid[] IS NULL OR c.outlet_id = ANY(%(outlets)s))
       AND (%(number)s::bigint IS NULL OR c.number < %(number)s::bigint)
     ORDER BY c.number DESC LIMIT %(limit)s
"""
_LINES: Final = """
    SELECT l.product_id, p.sku, p.name, l.round, l.counted, l.counted_at, l.expected,
           l.counted - l.expected AS difference, l.posted
      FROM stock_count_lines l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
     WHERE l.tenant_id = %(tenant)s AND l.count_id = %(id)s
       AND CASE %(only)s::text WHEN 'uncounted' THEN l.counted IS NULL
           WHEN 'different' THEN l.counted <> l.expected ELSE true END
       AND (%(sku)s::text IS NULL OR p.sku > %(sku)s)
     ORDER BY p.sku LIMIT %(limit)s
"""


def open_count(ctx: Context, data: OpenCount) -> CountOut:
    """Write a count and its lines down; its outlet, category and products have been checked."""
    scope = "category" if data.category_id is not None else "list" if data.product_ids else "outlet"
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "id": data.id,
        "number": next_number(ctx, "stock_counts"),
        "outlet": data.outlet_id,
        "category": data.category_id,
        "scope": scope,
        "blind": data.blind,
        "note": data.note,
        "products": data.product_ids,
        **signed(ctx, "opened"),
    }
    ctx.uow.run(_ADD, values)
    ctx.uow.run(_ADD_LINES, values)
    return read(ctx, data.id)


def outlet_of(ctx: Context, count_id: UUID) -> UUID:
    """Return where a count is taken. Raises: ``COUNT_NOT_FOUND``."""
    found = ctx.uow.rows(
        "SELECT outlet_id FROM stock_counts WHERE tenant_id = %s AND id = %s", (ctx.tenant_id, count_id)
    )
    if not found:
        raise CountNotFound
    outlet: UUID = found[0]["outlet_id"]
    return outlet


def add_counted(ctx: Context, data: AddCounted) -> Counted:
    """Add what one person counted; the levels are what they are at this moment, under their locks.

    Raises: ``WRONG_STATE``, ``NOT_IN_DOCUMENT``; a sum below zero is refused by the table.
    """
    count = _locked(ctx, data.count_id, "SHARE")
    quantities = {line.product_id: line.quantity for line in data.lines}
    if count["scope"] != "outlet":
        _all_in(ctx, data.count_id, list(quantities))
    products = sorted(quantities)
    levels = ledger.lock_levels(ctx, count["outlet_id"], products)
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "id": data.count_id,
        "entry": data.id,
        "products": products,
        "quantities": [quantities[each] for each in products],
        "levels": [levels[each] for each in products],
        **signed(ctx, "counted"),
    }
    ctx.uow.run(_ENSURE, values)
    found = ctx.uow.rows(_TALLY, values)
    ctx.uow.run(_ENTER, values)
    return _counted(count["outlet_id"], data.count_id, found)


def recount(ctx: Context, count_id: UUID, products: Sequence[UUID]) -> Counted:
    """Begin a new round of these lines: nothing is counted of them. Raises: ``WRONG_STATE``, ``NOT_IN_DOCUMENT``."""
    count = _locked(ctx, count_id, "UPDATE")
    _all_in(ctx, count_id, products)
    return _counted(count["outlet_id"], count_id, ctx.uow.rows(_AGAIN, (ctx.tenant_id, count_id, list(products))))


def approve(ctx: Context, count_id: UUID, *, uncounted_are_zero: bool) -> dict[UUID, Decimal] | None:
    """Move levels by the differences, once, and return them; None where that has been done.

    Raises: ``WRONG_STATE``, ``NOTHING_COUNTED``.
    """
    count = _locked(ctx, count_id, "UPDATE", done="approved")
    if count["state"] == "approved":
        return None
    _end(ctx, count_id, "approved")
    lines = ctx.uow.rows(
        "SELECT product_id, counted, expected FROM stock_count_lines WHERE tenant_id = %s AND count_id = %s",
        (ctx.tenant_id, count_id),
    )
    posted = {row["product_id"]: row["counted"] - row["expected"] for row in lines if row["counted"] is not None}
    if not posted and not (uncounted_are_zero and lines):
        raise NothingCounted
    if uncounted_are_zero:
        # All of them at once, so that the order of locks stays the order of products.
        levels = ledger.lock_levels(ctx, count["outlet_id"], [row["product_id"] for row in lines])
        posted |= {each: -level for each, level in levels.items() if each not in posted}
    moved = {each: by for each, by in posted.items() if by}
    ledger.move_whole(ctx, count["outlet_id"], "count", moved, reason_code="count", document_id=count_id, happened=True)
    products = sorted(posted)
    ctx.uow.run(
        _POST,
        {
            "tenant": ctx.tenant_id,
            "id": count_id,
            "products": products,
            "posted": [posted[each] for each in products],
        },
    )
    return moved


def cancel(ctx: Context, count_id: UUID) -> None:
    """Give a count up; levels stay, and again changes nothing. Raises: ``WRONG_STATE``."""
    _locked(ctx, count_id, "UPDATE", done="cancelled")
    _end(ctx, count_id, "cancelled")


def read(ctx: Context, count_id: UUID) -> CountOut:
    """Return a count as the caller may see it. Raises: ``COUNT_NOT_FOUND``."""
    found = ctx.uow.rows(f"{_HEAD} WHERE c.tenant_id = %s AND c.id = %s", (ctx.tenant_id, count_id))
    if not found:
        raise CountNotFound
    return _out(ctx, found[0])


def list_counts(ctx: Context, data: ListCounts) -> CountPage:
    """Return a page of the counts in the outlets that the identity works in, the newest first."""
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "state": data.state,
        "outlets": outlets_of(ctx, data.outlet_id),
        "number": None if data.after is None else decode_cursor(data.after, int)[0],
        "limit": data.limit + 1,
    }
    found = [_out(ctx, row) for row in ctx.uow.rows(_LIST, values)]
    page = found[: data.limit]
    return CountPage(items=page, next=encode_cursor(page[-1].number) if len(found) > data.limit else None)


def list_lines(ctx: Context, data: ListCountLines) -> CountLinePage:
    """Return a page of a count's lines by SKU, without what is expected where the caller counts blindly."""
    hidden = _is_blind(ctx, read(ctx, data.id))
    values: dict[str, Any] = {
        "tenant": ctx.tenant_id,
        "id": data.id,
        # Which lines differ would tell as much as by how much.
        "only": None if hidden and data.only == "different" else data.only,
        "sku": None if data.after is None else decode_cursor(data.after, str)[0],
        "limit": data.limit + 1,
    }
    found = ctx.uow.rows(_LINES, values)
    if hidden:
        found = [{**row, "expected": None, "difference": None} for row in found]
    page = [CountLineRow(**row) for row in found[: data.limit]]
    return CountLinePage(items=page, next=encode_cursor(page[-1].sku) if len(found) > data.limit else None)


def _out(ctx: Context, row: dict[str, Any]) -> CountOut:
    made = CountOut(**row)
    return CountOut(**{**row, "different": None}) if _is_blind(ctx, made) else made


def _is_blind(ctx: Context, count: CountOut) -> bool:
    return count.blind and count.state == "open" and not ctx.identity.can(Permission.STOCK_COUNT_APPROVE)


def _locked(ctx: Context, count_id: UUID, strength: str, *, done: str = "open") -> dict[str, Any]:
    found = ctx.uow.rows(_LOCK.format(strength=strength), (ctx.tenant_id, count_id))
    if not found:
        raise CountNotFound
    if found[0]["state"] not in {"open", done}:
        raise WrongState(what="count", state=found[0]["state"])
    return found[0]


def _end(ctx: Context, count_id: UUID, state: str) -> None:
    ctx.uow.run(_END, {"tenant": ctx.tenant_id, "id": count_id, "state": state, **signed(ctx, "closed")})


def _all_in(ctx: Context, count_id: UUID, products: Sequence[UUID]) -> None:
    found = ctx.uow.rows(
        "SELECT product_id FROM stock_count_lines WHERE tenant_id = %s AND count_id = %s AND product_id = ANY(%s)",
        (ctx.tenant_id, count_id, list(products)),
    )
    missing = set(products) - {row["product_id"] for row in found}
    if missing:
        raise NotInDocument(what="count", products=ledger.skus(ctx, missing))


def _counted(outlet_id: UUID, count_id: UUID, found: list[dict[str, Any]]) -> Counted:
    lines = [CountedLine(**row) for row in sorted(found, key=lambda row: str(row["product_id"]))]
    return Counted(outlet_id=outlet_id, count_id=count_id, lines=lines)
