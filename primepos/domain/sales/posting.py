"""The hot path: one sale, one statement.

Sale, lines, taxes, payments, stock movements, stock levels and ledger go to PostgreSQL as one data-modifying CTE on
the unit of work's own connection. Lock order, so that no two sales can block each other in a circle: stock levels by
product id, then the register's row, last and shortest.

The register's row is also where closing a shift and booking into it meet: a booking counts only while the row still
names its shift as the open one, and PostgreSQL re-reads that under the lock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import Struct

from primepos.domain.sales.schemas import LineDetails

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    import psycopg

    from primepos.core.db import Pipeline
    from primepos.domain.sales.schemas import ReturnedLine, SaleLine, SalePayment, SaleTax

# The parts that both ways of booking share. %(...)s are parameters; the lists travel as JSON, which costs less Python
# than binding arrays and is read by the server in one pass.
_STOCK = """
    levels AS (
        INSERT INTO stock_levels AS held (tenant_id, outlet_id, product_id, quantity)
        SELECT %(tenant)s, %(outlet)s, x.product, x.quantity
          FROM json_to_recordset(%(stock)s::json) AS x(product uuid, quantity numeric)
         ORDER BY x.product
        ON CONFLICT (tenant_id, outlet_id, product_id) DO UPDATE SET quantity = held.quantity + excluded.quantity
        RETURNING held.product_id, held.quantity, held.allotted, held.average_cost
    )"""

# What goes out and leaves less than nothing, or less than what other registers hold, and the rule for it.
_SHORT = """
    short AS (
        SELECT l.product_id, coalesce(own.policy, %(policy)s::text) AS policy
          FROM levels l
          JOIN json_to_recordset(%(stock)s::json) AS x(product uuid, quantity numeric)
            ON x.product = l.product_id AND x.quantity < 0
          LEFT JOIN product_stock_policies own ON own.tenant_id = %(tenant)s AND own.product_id = l.product_id
         WHERE l.quantity < 0
            OR (l.allotted > 0 AND l.quantity < l.allotted - least(-x.quantity, (
                   SELECT coalesce(sum(a.quantity), 0) FROM stock_allotments a
                    WHERE a.tenant_id = %(tenant)s AND a.register_id = %(register)s AND a.product_id = l.product_id)))
    )"""
# A line's cost is what its goods are worth at this moment, by the levels' averages; none where one of them has none.
_COSTS = """
    costs AS (
        SELECT x.n, CASE WHEN bool_and(l.average_cost IS NOT NULL)
                         THEN round(sum(-x.quantity * l.average_cost))::bigint END AS cost
          FROM json_to_recordset(%(movements)s::json) AS x(n int, product uuid, quantity numeric)
          JOIN levels l ON l.product_id = x.product
         GROUP BY x.n
    )"""

_BOOK_SERIES = """
    head AS (
        SELECT r.next_number, r.last_hash FROM registers r
         WHERE r.tenant_id = %(tenant)s AND r.id = %(register)s AND r.open_shift_id = %(shift)s
           AND (SELECT count(*) FROM levels) >= 0
           FOR UPDATE
    ), series AS (
        UPDATE registers r
           SET next_number = head.next_number + 1,
               last_hash = sha256(convert_to(encode(head.last_hash, 'hex') || '|' || %(series)s::text || '|'
                                             || head.next_number || '|' || %(body)s::text, 'UTF8'))
          FROM head
         WHERE r.tenant_id = %(tenant)s AND r.id = %(register)s AND r.open_shift_id = %(shift)s
        RETURNING head.next_number AS number, head.last_hash AS prev_hash, r.last_hash AS hash,
                  %(flags)s::text[]
                  || CASE WHEN EXISTS (SELECT FROM short WHERE policy = 'warn')
                          THEN '{NEGATIVE_STOCK}'::text[] ELSE '{}' END AS flags
    )"""

# A till's sale is never turned away for what the server finds odd about it: it happened. It is flagged instead.
_DELIVER_SERIES = """
    series AS (
        UPDATE registers r
           SET next_number = CASE WHEN r.epoch = %(epoch)s::int
                                  THEN greatest(r.next_number, %(number)s::bigint + 1) ELSE r.next_number END,
               last_hash = CASE WHEN r.epoch = %(epoch)s::int AND %(number)s::bigint >= r.next_number
                                THEN %(hash)s::bytea ELSE r.last_hash END
         WHERE r.tenant_id = %(tenant)s AND r.id = %(register)s AND (SELECT count(*) FROM levels) >= 0
        RETURNING %(number)s::bigint AS number, %(prev_hash)s::bytea AS prev_hash, %(hash)s::bytea AS hash,
                  %(flags)s::text[]
                  || CASE WHEN r.open_shift_id IS DISTINCT FROM %(shift)s::uuid THEN '{LATE}'::text[] ELSE '{}' END
                  || CASE WHEN r.epoch <> %(epoch)s::int THEN '{OLD_EPOCH}'::text[] ELSE '{}' END
                  || CASE WHEN (SELECT p.hash FROM sales p
                                 WHERE p.tenant_id = %(tenant)s AND p.register_id = %(register)s
                                   AND p.epoch = %(epoch)s AND p.number = %(number)s - 1) <> %(prev_hash)s::bytea
                          THEN '{CHAIN_BROKEN}'::text[] ELSE '{}' END
                  || CASE WHEN EXISTS (SELECT FROM short WHERE policy <> 'allow')
                          THEN '{NEGATIVE_STOCK}'::text[] ELSE '{}' END AS flags
    )"""

_ROWS = """
    sale AS (
        INSERT INTO sales (tenant_id, id, kind, outlet_id, register_id, shift_id, epoch, number, receipt,
                           business_date, sold_at, cashier_id, cashier, currency, base, tax, rounding, total,
                           request_hash, body_hash, prev_hash, hash, flags, void_of, reason, source,
                           value, customer_id, salesperson_id, note)
        SELECT %(tenant)s, %(id)s, %(kind)s, %(outlet)s, %(register)s, %(shift)s, %(epoch)s, series.number,
               %(prefix)s::text || '-' || lpad(series.number::text, greatest(6, length(series.number::text)), '0'),
               %(business_date)s, %(sold_at)s, %(cashier_id)s, %(cashier)s, %(currency)s, %(base)s, %(tax)s,
               %(rounding)s, %(total)s, %(request_hash)s, decode(%(body)s::text, 'hex'), series.prev_hash,
               series.hash, series.flags, %(void_of)s, %(reason)s, %(source)s,
               %(value)s, %(customer_id)s, %(salesperson_id)s, %(note)s
          FROM series
        RETURNING number, receipt, prev_hash, hash, flags, received_at
    ), lines AS (
        INSERT INTO sale_lines (tenant_id, sale_id, line_no, product_id, sku, name, quantity, unit_price, discount,
                                base, tax, total, taxes, kind, unit, factor, lot, note, details, cost)
        SELECT %(tenant)s, %(id)s, x.n, x.product_id, x.sku, x.name, x.quantity, x.unit_price, x.discount,
               x.base, x.tax, x.total, x.taxes, x.kind, x.unit, x.factor, x.lot, x.note, x.details,
               costs.cost
          FROM series CROSS JOIN json_to_recordset(%(lines)s::json)
               AS x(n int, product_id uuid, sku text, name text, quantity numeric, unit_price numeric,
                    discount bigint, base bigint, tax bigint, total bigint, taxes jsonb,
                    kind text, unit text, factor numeric, lot text, note text, details jsonb)
          LEFT JOIN costs ON costs.n = x.n
    ), taxes AS (
        INSERT INTO sale_taxes (tenant_id, sale_id, tax_no, code, name, rate, base, amount)
        SELECT %(tenant)s, %(id)s, x.n, x.code, x.name, x.rate, x.base, x.amount
          FROM series, json_to_recordset(%(taxes)s::json)
               AS x(n int, code text, name text, rate numeric, base bigint, amount bigint)
    ), paid AS (
        INSERT INTO payments (tenant_id, sale_id, seq, kind, amount, reference, account_id, authorisation_id,
                              currency, foreign_amount, rate)
        SELECT %(tenant)s, %(id)s, x.n, x.kind, x.amount, x.reference, x.account_id, x.authorisation_id,
               x.currency, x.foreign_amount, x.rate
          FROM series, json_to_recordset(%(payments)s::json)
               AS x(n int, kind text, amount bigint, reference text, account_id uuid, authorisation_id uuid,
                    currency text, foreign_amount bigint, rate numeric)
    ), moved AS (
        INSERT INTO stock_movements (tenant_id, outlet_id, product_id, kind, quantity, sale_id, line_no,
                                     actor_id, actor_name, unit_cost)
        SELECT %(tenant)s, %(outlet)s, x.product, %(kind)s, x.quantity, %(id)s, x.n, %(cashier_id)s, %(cashier)s,
               levels.average_cost
          FROM series CROSS JOIN json_to_recordset(%(movements)s::json) AS x(n int, product uuid, quantity numeric)
          JOIN levels ON levels.product_id = x.product
    ), posted AS (
        INSERT INTO ledger_entries (tenant_id, sale_id, entry_no, account, amount, business_date)
        SELECT %(tenant)s, %(id)s, x.n, x.account, x.amount, %(business_date)s
          FROM series, json_to_recordset(%(ledger)s::json) AS x(n int, account text, amount bigint)
    )
SELECT sale.number, sale.receipt, sale.prev_hash, sale.hash, sale.flags, sale.received_at,
       EXISTS (SELECT FROM levels WHERE allotted > 0) AS is_allotted,
       (SELECT array_agg(product_id) FROM short WHERE policy = 'block') AS blocked
  FROM sale
"""


def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with ``$1``, ``$2`` ... for its named parameters, and their names in that order.

    The driver takes names apart again at every call of a statement of more than 4,096 characters, as these are.
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", number, " ".join(sql.split())), tuple(names)


BOOK, _BOOK_NAMES = _numbered(f"WITH {_STOCK}, {_SHORT}, {_COSTS}, {_BOOK_SERIES}, {_ROWS}")
DELIVER, _DELIVER_NAMES = _numbered(f"WITH {_STOCK}, {_SHORT}, {_COSTS}, {_DELIVER_SERIES}, {_ROWS}")

# After the lines they speak of. In the order of the sold lines, so that two refunds of the same lines wait for each
# other instead of in a circle.
_RETURNS = """
INSERT INTO sale_returns (tenant_id, sale_id, line_no, of_sale_id, of_line_no, nth, before, quantity, sold, excess)
SELECT %(tenant)s, %(sale)s, x.line_no, x.of_sale_id, x.of_line_no, x.nth, x.before, x.quantity, x.sold,
       %(happened)s AND x.before + x.quantity > x.sold
  FROM json_to_recordset(%(returns)s::json)
       AS x(line_no int, of_sale_id uuid, of_line_no int, nth int, before numeric, quantity numeric, sold numeric)
 ORDER BY x.of_sale_id, x.of_line_no
"""
# A void takes back all that its sale sold, so that no refund can afterwards or beside it.
_VOIDED_RETURNS = """
INSERT INTO sale_returns (tenant_id, sale_id, line_no, of_sale_id, of_line_no, nth, before, quantity, sold)
SELECT l.tenant_id, %(sale)s, l.line_no, l.sale_id, l.line_no, 1, 0, l.quantity, l.quantity
  FROM sale_lines l JOIN sales s ON s.tenant_id = l.tenant_id AND s.id = l.sale_id AND s.kind = 'sale'
 WHERE l.tenant_id = %(tenant)s AND l.sale_id = %(voided)s AND l.quantity > 0
   AND EXISTS (SELECT FROM sale_lines v WHERE v.tenant_id = l.tenant_id AND v.sale_id = %(sale)s
                  AND v.line_no = l.line_no AND v.quantity = -l.quantity)
 ORDER BY l.line_no
"""

_encode = msgspec.json.Encoder(decimal_format="string").encode


class LineRow(Struct, frozen=True):
    """A line as the statement reads it."""

    n: int
    product_id: UUID | None
    sku: str
    name: str
    quantity: str
    unit_price: str
    discount: int
    base: int
    tax: int
    total: int
    taxes: list[list[Any]]
    kind: str
    unit: str
    factor: str
    lot: str
    note: str
    details: LineDetails | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Everything a booking writes, worked out before the database is asked.

    ``quantities`` are the tracked goods of each line: ``(line number, product, quantity sold)``. ``policy`` says what
    happens below zero where a product has no rule of its own: ``allow``, ``warn`` or ``block``.
    """

    tenant_id: int
    sale_id: UUID
    kind: str
    outlet_id: UUID
    register_id: UUID
    shift_id: UUID
    epoch: int
    prefix: str
    series: str
    business_date: date
    sold_at: datetime
    cashier_id: UUID | None
    cashier: str
    currency: str
    lines: Sequence[SaleLine]
    taxes: Sequence[SaleTax]
    payments: Sequence[SalePayment]
    quantities: Sequence[tuple[int, UUID, Decimal]]
    base: int
    tax: int
    rounding: int
    total: int
    request_hash: bytes
    body: str
    flags: list[str]
    void_of: UUID | None = None
    reason: str | None = None
    source: str = ""
    returns: Sequence[ReturnedLine] = ()
    value: int = 0
    customer_id: UUID | None = None
    salesperson_id: UUID | None = None
    note: str = ""
    policy: str = "allow"


# What money of each kind is held on; every other kind has an account of its name. Change left the cash drawer.
_ACCOUNTS = {"change": "cash", "account": "receivable"}


def ledger_of(posting: Posting) -> list[tuple[str, int]]:
    """Return the legs of the double entry, in minor units: what came in is debit, what it was for is credit.

    ``cash`` takes change off again, so it is what stayed in the drawer. Lines that sell value are owed, not earned.
    Legs of zero are left out; the rest add up to zero because payments equal the total and the total equals base,
    taxes, rounding and value.
    """
    came_in: dict[str, int] = {}
    for payment in posting.payments:
        account = _ACCOUNTS.get(payment.kind, payment.kind)
        came_in[account] = came_in.get(account, 0) + payment.amount
    for line in posting.lines:
        if line.kind != "goods":
            account = _ACCOUNTS.get(line.kind, line.kind)
            came_in[account] = came_in.get(account, 0) - line.total
    for each in posting.taxes:
        account = f"tax:{each.code}"
        came_in[account] = came_in.get(account, 0) - each.amount
    came_in["revenue"] = -posting.base
    came_in["rounding"] = -posting.rounding
    return [(account, amount) for account, amount in came_in.items() if amount]


def parameters(posting: Posting) -> dict[str, Any]:
    """Return the statement's parameters."""
    sums: dict[UUID, Any] = {}
    for _, product, quantity in posting.quantities:
        sums[product] = sums[product] - quantity if product in sums else -quantity
    return {
        "tenant": posting.tenant_id,
        "id": posting.sale_id,
        "kind": posting.kind,
        "outlet": posting.outlet_id,
        "register": posting.register_id,
        "shift": posting.shift_id,
        "epoch": posting.epoch,
        "prefix": posting.prefix,
        "series": posting.series,
        "business_date": posting.business_date,
        "sold_at": posting.sold_at,
        "cashier_id": posting.cashier_id,
        "cashier": posting.cashier,
        "currency": posting.currency,
        "base": posting.base,
        "tax": posting.tax,
        "rounding": posting.rounding,
        "total": posting.total,
        "request_hash": posting.request_hash,
        "body": posting.body,
        "flags": posting.flags,
        "void_of": posting.void_of,
        "reason": posting.reason,
        "source": posting.source,
        "value": posting.value,
        "customer_id": posting.customer_id,
        "salesperson_id": posting.salesperson_id,
        "note": posting.note,
        "policy": posting.policy,
        "lines": _json(_line_rows(posting.lines)),
        "taxes": _json(
            [
                {"n": n, "code": t.code, "name": t.name, "rate": t.rate, "base": t.base, "amount": t.amount}
                for n, t in enumerate(posting.taxes, 1)
            ]
        ),
        "payments": _json([_payment_row(n, p) for n, p in enumerate(posting.payments, 1)]),
        "movements": _json([{"n": n, "product": p, "quantity": -q} for n, p, q in posting.quantities]),
        "stock": _json([{"product": p, "quantity": q} for p, q in sums.items()]),
        "ledger": _json(
            [{"n": n, "account": name, "amount": amount} for n, (name, amount) in enumerate(ledger_of(posting), 1)]
        ),
    }


def send(pipe: Pipeline, posting: Posting) -> psycopg.Cursor[Any]:
    """Send the booking into the outlet's own series; its number and hash are made by the database."""
    values = parameters(posting)
    booked = pipe.execute_numbered(BOOK, [values[name] for name in _BOOK_NAMES])
    which = {"tenant": posting.tenant_id, "sale": posting.sale_id}
    if posting.returns:
        pipe.execute(_RETURNS, {**which, "returns": _json(posting.returns), "happened": False})
    if posting.void_of is not None:
        pipe.execute(_VOIDED_RETURNS, {**which, "voided": posting.void_of})
    return booked


def send_delivered(
    pipe: Pipeline, posting: Posting, *, number: int, prev_hash: bytes, hash_: bytes
) -> psycopg.Cursor[Any]:
    """Send the booking of a till's sale with the number and hash that the till gave it."""
    values = {**parameters(posting), "number": number, "prev_hash": prev_hash, "hash": hash_}
    booked = pipe.execute_numbered(DELIVER, [values[name] for name in _DELIVER_NAMES])
    which = {"tenant": posting.tenant_id, "sale": posting.sale_id}
    if posting.returns:
        pipe.execute(_RETURNS, {**which, "returns": _json(posting.returns), "happened": True})
    if posting.void_of is not None:
        # It happened, whatever came back before it; that is flagged.
        pipe.execute(f"{_VOIDED_RETURNS} ON CONFLICT DO NOTHING", {**which, "voided": posting.void_of})
    return booked


def _json(value: object) -> str:
    return _encode(value).decode()


def _payment_row(n: int, payment: SalePayment) -> dict[str, Any]:
    row: dict[str, Any] = {"n": n, "kind": payment.kind, "amount": payment.amount, "reference": payment.reference}
    for name in ("account_id", "authorisation_id", "currency", "foreign_amount", "rate"):
        said = getattr(payment, name)
        if said is not None:
            row[name] = said
    return row


def _line_rows(lines: Sequence[SaleLine]) -> list[LineRow]:
    return [
        LineRow(
            n,
            line.product_id,
            line.sku,
            line.name,
            str(line.quantity),
            str(line.unit_price),
            line.discount,
            line.base,
            line.tax,
            line.total,
            [[each.code, str(each.rate), each.amount] for each in line.taxes],
            line.kind,
            line.unit,
            str(line.factor),
            line.lot,
            line.note,
            line.details,
        )
        for n, line in enumerate(lines, 1)
    ]
