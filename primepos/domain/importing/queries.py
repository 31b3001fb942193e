"""Imports in the database: how far a file has come, sales loaded in batches, figures of what was loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.ids import new_id
from primepos.domain.importing.cells import line_total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork
    from primepos.domain.importing.schemas import ImportedSale, RunKey

# A file of some thousand lines a transaction takes its time on a busy machine.
BATCH_TIMEOUT_MS: Final = 120_000

_FIND: Final = (
    "SELECT id, rows_done, finished_at IS NOT NULL AS is_finished FROM import_runs"
    " WHERE tenant_id = %(tenant)s AND kind = %(kind)s AND fingerprint = %(fingerprint)s"
)
_BEGIN: Final = (
    "INSERT INTO import_runs (tenant_id, id, kind, source, file_name, fingerprint, started_at, started_by_id)"
    " VALUES (%(tenant)s, %(id)s, %(kind)s, %(source)s, %(file_name)s, %(fingerprint)s, %(at)s, %(actor)s)"
    " ON CONFLICT (tenant_id, kind, fingerprint) DO NOTHING"
)
_ADVANCE: Final = (
    "UPDATE import_runs SET rows_done = %(rows)s, finished_at = %(finished)s"
    " WHERE tenant_id = %(tenant)s AND id = %(id)s AND rows_done = %(start)s AND finished_at IS NULL"
)
# A batch holds the lock of the row it ends at until it is committed, and waits for that of the row it starts at.
_LOCK_ROW: Final = (
    "SELECT pg_advisory_xact_lock(7769, hashtext(%(tenant)s || ':' || %(fingerprint)s || ':' || %(row)s))"
)


@dataclass(frozen=True, slots=True)
class Run:
    """How far an import has come."""

    id: UUID
    rows_done: int
    is_finished: bool


def find_run(ctx: Context, kind: str, fingerprint: str) -> Run | None:
    """Return the import of a file, or None if it never began."""
    found = ctx.uow.rows(_FIND, {"tenant": ctx.tenant_id, "kind": kind, "fingerprint": fingerprint})
    return Run(**found[0]) if found else None


def begin_run(ctx: Context, kind: str, key: RunKey) -> Run:
    """Return the import of a file, begun if need be."""
    which = {"tenant": ctx.tenant_id, "kind": kind, "fingerprint": key.fingerprint}
    ctx.uow.run(
        _BEGIN,
        {
            **which,
            "id": new_id(),
            "source": key.source,
            "file_name": key.file_name,
            "at": ctx.clock.now(),
            "actor": ctx.identity.actor_id,
        },
    )
    return Run(**ctx.uow.rows(_FIND, which)[0])


def lock_row(ctx: Context, key: RunKey, row: int) -> None:
    """Wait for whoever is at this row of the import of a file, and hold it until the commit.

    A batch takes the row it ends at before it reads how far the import is, so that two that load the same batch take
    turns, and the row it starts at before it says that it is done, so that batches are committed in order though they
    are worked on side by side.
    """
    parameters = {"tenant": str(ctx.tenant_id), "fingerprint": key.fingerprint, "row": str(row)}
    ctx.uow.rows(_LOCK_ROW, parameters)


def advance_run(ctx: Context, run: Run, start: int, rows_done: int, *, is_last: bool) -> bool:
    """Remember that an import has come from ``start`` to ``rows_done``; false if it was not at ``start``."""
    finished = ctx.clock.now() if is_last else None
    which = {"tenant": ctx.tenant_id, "id": run.id, "start": start, "rows": rows_done, "finished": finished}
    return ctx.uow.run(_ADVANCE, which) == 1


# A session keeps the plans of its foreign key checks. Made while the tables were empty, they look at every sale of the
# tenant for every line; made anew for each batch, they know how large the tables are by now.
_PLAN_ANEW: Final = "DISCARD PLANS"
# COPY cannot write into tables with row-level security, so the lines go by COPY into a table of this transaction and
# from there by one INSERT, through every policy and key. A sale that is there already keeps its own lines.
_STAGE: Final = """
CREATE TEMPORARY TABLE imported_lines (
    sale integer, line_no integer, sku text, name text, quantity numeric, unit_price numeric, total bigint
) ON COMMIT DROP
"""
_STAGE_LINES: Final = "COPY imported_lines FROM STDIN"
_LOAD: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(sales)s::json)
             AS x(n int, id uuid, number text, sold_at timestamptz, day date, total bigint, customer text, reason text)
), new AS (
    INSERT INTO sales (tenant_id, id, kind, outlet_id, receipt, business_date, sold_at, cashier, currency, base, tax,
                       rounding, total, source, external_number, customer_number, reason)
    SELECT %(tenant)s, id, 'imported', %(outlet)s, number, day, sold_at, '', %(currency)s, total, 0, 0, total,
           %(source)s, number, customer, reason
      FROM given ORDER BY n
    ON CONFLICT DO NOTHING
    RETURNING id, business_date
), lines AS (
    INSERT INTO sale_lines (tenant_id, sale_id, line_no, product_id, sku, name, quantity, unit_price, discount, base,
                            tax, total)
    SELECT %(tenant)s, given.id, l.line_no, p.id, l.sku, l.name, l.quantity, l.unit_price, 0, l.total, 0, l.total
      FROM imported_lines l
      JOIN given ON given.n = l.sale
      JOIN new ON new.id = given.id
      LEFT JOIN products p ON p.tenant_id = %(tenant)s AND p.sku = l.sku
    RETURNING 1
)
SELECT (SELECT count(*) FROM new) AS sales, (SELECT count(*) FROM lines) AS lines,
       (SELECT coalesce(array_agg(DISTINCT business_date), '{}') FROM new) AS days
"""


class _SaleRow(msgspec.Struct, frozen=True):
    """A sale as the statement reads it."""

    n: int
    id: UUID
    number: str
    sold_at: datetime
    day: date
    total: int
    customer: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Staged:
    """Sales worked out, their lines waiting in the transaction's own table."""

    heads: list[_SaleRow]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch added, and the business days it added to."""

    sales: int
    lines: int
    days: list[date]


def stage_sales(ctx: Context, source: str, sales: Sequence[ImportedSale]) -> Staged:
    """Work sales out and bring their lines to the database, without touching or locking anything that is shared.

    Each line is rounded to the currency's minor unit, a half away from zero, and a sale's total is the sum of its
    lines; its tax is not known and stays zero. Raises: ``INVALID_AMOUNT``.
    """
    tenant = ctx.tenant
    exponent = tenant.currency.exponent
    heads: list[_SaleRow] = []
    lines: list[str] = []
    for n, sale in enumerate(sales):
        total = 0
        for line_no, line in enumerate(sale.lines, 1):
            amount = line_total(line.quantity, line.unit_price, exponent)
            total += amount
            lines.append(f"{n}\t{line_no}\t{line.sku}\t{line.name}\t{line.quantity}\t{line.unit_price}\t{amount}\n")
        reason = CANCELLATION if sale.is_cancellation else None
        sale_id = imported_id(tenant.key, source, sale.number, sale.sold_at)
        heads.append(_SaleRow(n, sale_id, sale.number, sale.sold_at, sale.business_date, total, sale.customer, reason))
    ctx.uow.run(_STAGE)
    with ctx.uow.copy(_STAGE_LINES) as copy:
        # Texts hold no control characters, so of what COPY would misread only the backslash is left.
        copy.write("".join(lines).replace("\\", "\\\\"))
    return Staged(heads)


def load_staged(ctx: Context, outlet_id: UUID, source: str, staged: Staged) -> Loaded:
    """Book staged sales in one statement; those whose number is known for this source are left as they are."""
    if not staged.heads:
        return Loaded(0, 0, [])
    ctx.uow.run(_PLAN_ANEW)
    done = ctx.uow.rows(
        _LOAD,
        {
            "tenant": ctx.tenant_id,
            "outlet": outlet_id,
            "currency": ctx.tenant.currency.code,
            "source": source,
            "sales": msgspec.json.encode(staged.heads).decode(),
        },
    )[0]
    return Loaded(**done)


CANCELLATION: Final = "cancellation"


def imported_id(tenant_key: UUID, source: str, number: str, sold_at: datetime) -> UUID:
    """Return the id of an imported sale: always the same for the same sale, and ordered by time like a UUIDv7.

    A UUIDv8 (RFC 9562): 48 bits of Unix milliseconds, the rest from SHA-256 of tenant, source and number. Ids by time
    land side by side in the indexes, which loads a history about as fast as if it were appended.
    """
    digest = hashlib.sha256(f"{tenant_key}\n{source}\n{number}".encode()).digest()
    milliseconds = int(sold_at.timestamp()) * 1000 + sold_at.microsecond // 1000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(digest[:10], "big")
    value = value & ~(0xF << 76) | 8 << 76
    return UUID(int=value & ~(3 << 62) | 2 << 62)


_KNOWN: Final = """
SELECT (SELECT count(*) FROM products WHERE tenant_id = %(tenant)s AND sku = ANY(%(skus)s::text[])) AS skus,
       (SELECT count(*) FROM sales WHERE tenant_id = %(tenant)s AND source = %(source)s
           AND external_number = ANY(%(numbers)s::text[])) AS numbers
"""


def known(uow: UnitOfWork, tenant_id: int, *, skus: list[str], source: str, numbers: list[str]) -> tuple[int, int]:
    """Return how many of these SKUs, and of these sales of a source, are there already."""
    found = uow.rows(_KNOWN, {"tenant": tenant_id, "skus": skus, "source": source, "numbers": numbers})[0]
    return found["skus"], found["numbers"]


_MONTHS: Final = """
WITH chosen AS MATERIALIZED (
    SELECT id, to_char(business_date, 'YYYY-MM') AS month, business_date, total, reason, currency FROM sales
     WHERE tenant_id = %(tenant)s AND outlet_id = %(outlet)s AND kind = 'imported' AND source = %(source)s
       AND (%(months)s::text[] IS NULL OR to_char(business_date, 'YYYY-MM') = ANY(%(months)s::text[]))
), heads AS (
    SELECT month, count(*) AS invoices, count(*) FILTER (WHERE reason = 'cancellation') AS cancellation_invoices,
           count(DISTINCT business_date) AS trading_days, sum(total)::bigint AS booked, min(currency) AS currency
      FROM chosen GROUP BY month
), bodies AS (
    SELECT c.month, count(*) AS lines, sum(l.quantity * l.unit_price) AS exact,
           coalesce(sum(l.quantity * l.unit_price) FILTER (WHERE c.reason = 'cancellation'), 0) AS cancelled,
           count(*) FILTER (WHERE l.total <> l.quantity * l.unit_price * 10::numeric ^ %(exponent)s::int) AS rounded
      FROM chosen c JOIN sale_lines l ON l.tenant_id = %(tenant)s AND l.sale_id = c.id
     GROUP BY c.month
)
SELECT heads.*, bodies.lines, bodies.exact, bodies.cancelled, bodies.rounded
  FROM heads JOIN bodies USING (month) ORDER BY month
"""


def months(
    uow: UnitOfWork, tenant_id: int, *, outlet_id: UUID, source: str, wanted: list[str] | None, exponent: int
) -> list[dict[str, Any]]:
    """Return the figures of imported sales by month, oldest first, from the rows as they are stored."""
    return uow.rows(
        _MONTHS,
        {"tenant": tenant_id, "outlet": outlet_id, "source": source, "months": wanted, "exponent": exponent},
    )
