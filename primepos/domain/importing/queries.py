"""Imports in the database: how far a file has come, sales loaded in batches, figures of what was loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.ids import new_id
from primepos.domain.catalog.queries.products import stored_code
from primepos.domain.importing.cells import line_total
from primepos.domain.importing.schemas import MappingOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from primepos.core.context import Context
    from primepos.core.db import UnitOfWork
    from primepos.domain.catalog.schemas import UpsertProduct
    from primepos.domain.importing.schemas import ImportedSale, RunKey, SaveMapping

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
    sale integer, line_no integer, sku text, name text, quantity numeric, unit_price numeric, total bigint,
    tax bigint, discount bigint
) ON COMMIT DROP
"""
_STAGE_LINES: Final = "COPY imported_lines FROM STDIN"
_LOAD: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(sales)s::json)
             AS x(n int, id uuid, number text, sold_at timestamptz, day date, total bigint, tax bigint,
                  customer text, reason text)
), new AS (
    INSERT INTO sales (tenant_id, id, kind, outlet_id, receipt, business_date, sold_at, cashier, currency, base, tax,
                       rounding, total, source, external_number, customer_number, reason)
    SELECT %(tenant)s, id, 'imported', %(outlet)s, number, day, sold_at, '', %(currency)s, total - tax, tax, 0, total,
           %(source)s, number, customer, reason
      FROM given ORDER BY n
    ON CONFLICT DO NOTHING
    RETURNING id, business_date
), lines AS (
    INSERT INTO sale_lines (tenant_id, sale_id, line_no, product_id, sku, name, quantity, unit_price, discount, base,
                            tax, total)
    SELECT %(tenant)s, given.id, l.line_no, p.id, l.sku, l.name, l.quantity, l.unit_price, l.discount,
           l.total - l.tax, l.tax, l.total
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
    tax: int
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

    A line that does not say what it came to is rounded to the currency's minor unit, a half away from zero, and its
    tax is zero, since nobody knows it; a sale's total is the sum of its lines. Raises: ``INVALID_AMOUNT``.
    """
    tenant = ctx.tenant
    exponent = tenant.currency.exponent
    heads: list[_SaleRow] = []
    lines: list[str] = []
    for n, sale in enumerate(sales):
        total = tax = 0
        for line_no, line in enumerate(sale.lines, 1):
            given = line.total
            amount = line_total(line.quantity, line.unit_price, exponent) if given is None else given
            total += amount
            tax += line.tax
            lines.append(
                f"{n}\t{line_no}\t{line.sku}\t{line.name}\t{line.quantity}\t{line.unit_price}\t{amount}"
                f"\t{line.tax}\t{line.discount}\n"
            )
        reason = CANCELLATION if sale.is_cancellation else None
        sale_id = imported_id(tenant.key, source, sale.number, sale.sold_at)
        heads.append(
            _SaleRow(n, sale_id, sale.number, sale.sold_at, sale.business_date, total, tax, sale.customer, reason)
        )
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
    SELECT c.month, count(*) AS lines, sum(l.exact) AS exact,
           coalesce(sum(l.exact) FILTER (WHERE c.reason = 'cancellation'), 0) AS cancelled,
           count(*) FILTER (WHERE l.total <> l.exact * 10::numeric ^ %(exponent)s::int) AS rounded
      FROM chosen c, LATERAL (
               SELECT s.total, CASE WHEN %(given)s THEN s.total / 10::numeric ^ %(exponent)s::int
                                    ELSE s.quantity * s.unit_price END AS exact
                 FROM sale_lines s WHERE s.tenant_id = %(tenant)s AND s.sale_id = c.id
           ) l
     GROUP BY c.month
)
SELECT heads.*, bodies.lines, bodies.exact, bodies.cancelled, bodies.rounded
  FROM heads JOIN bodies USING (month) ORDER BY month
"""


def months(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    outlet_id: UUID,
    source: str,
    wanted: list[str] | None,
    exponent: int,
    given: bool,
) -> list[dict[str, Any]]:
    """Return the figures of imported sales by month, oldest first, from the rows as they are stored."""
    return uow.rows(
        _MONTHS,
        {
            "tenant": tenant_id,
            "outlet": outlet_id,
            "source": source,
            "months": wanted,
            "exponent": exponent,
            "given": given,
        },
    )


def begin_rehearsal(ctx: Context) -> None:
    """Remember where the transaction is, to come back to it."""
    ctx.uow.run("SAVEPOINT rehearsal")


def end_rehearsal(ctx: Context) -> None:
    """Undo everything since the rehearsal began, and give up the locks that were taken for it."""
    # Outside a pipeline: the driver forgets its prepared statements at any ROLLBACK, and inside one it would tell the
    # server so only after it has prepared the next.
    ctx.uow.driver_connection().execute("ROLLBACK TO SAVEPOINT rehearsal", prepare=False)


_SAMPLES: Final = 3
_CHANGES: Final = """
SELECT g.sku, p.id IS NULL AS is_new, p.name, p.unit_price, c.name AS category, g.new_name, g.new_price, g.new_category
  FROM unnest(%(skus)s::text[], %(names)s::text[], %(prices)s::numeric[], %(categories)s::text[])
       AS g(sku, new_name, new_price, new_category)
  LEFT JOIN products p ON p.tenant_id = %(tenant)s AND p.sku = g.sku
  LEFT JOIN categories c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
 WHERE p.id IS NULL OR (p.name, p.unit_price) IS DISTINCT FROM (g.new_name, g.new_price)
    OR c.name IS DISTINCT FROM coalesce(g.new_category, c.name)
"""


def changes(ctx: Context, products: Sequence[UpsertProduct]) -> tuple[list[str], list[str]]:
    """Return up to three SKUs that would be new, and up to three changes of known ones in words."""
    found = ctx.uow.rows(
        _CHANGES,
        {
            "tenant": ctx.tenant_id,
            "skus": [each.sku for each in products],
            "names": [each.name for each in products],
            "prices": [each.unit_price for each in products],
            "categories": [each.category for each in products],
        },
    )
    told = []
    for row in found:
        pairs = [(row[name], row[f"new_{name}"]) for name in ("name", "category")] + [
            (_shortest(row["unit_price"]), _shortest(row["new_price"]))
        ]
        differ = [f"{old or 'none'} -> {new}" for old, new in pairs if new is not None and old != new]
        if not row["is_new"]:
            told.append(f"{row['sku']}: {', '.join(differ)}")
    return [row["sku"] for row in found if row["is_new"]][:_SAMPLES], told[:_SAMPLES]


def _shortest(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"


def archive(ctx: Context, skus: Sequence[str]) -> int:
    """Take products that are on sale out of it, and return how many; under the catalogue's lock."""
    if not skus:
        return 0
    return ctx.uow.run(
        "UPDATE products SET archived_at = %s, updated_at = now()"
        " WHERE tenant_id = %s AND sku = ANY(%s::text[]) AND archived_at IS NULL",
        (ctx.clock.now(), ctx.tenant_id, list(skus)),
    )


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as stock is counted of it."""

    id: UUID
    is_tracked: bool


_GOODS: Final = """
SELECT k.code, coalesce(p.id, b.id) AS id, coalesce(p.is_tracked, b.is_tracked) AS is_tracked
  FROM unnest(%(codes)s::text[], %(stored)s::text[]) AS k(code, stored)
  LEFT JOIN LATERAL (SELECT p.id, p.track_stock AND p.kind NOT IN ('parent', 'kit') AS is_tracked FROM products p
                      WHERE p.tenant_id = %(tenant)s AND p.sku = k.code) p ON true
  LEFT JOIN LATERAL (SELECT p.id, p.track_stock AND p.kind NOT IN ('parent', 'kit') AS is_tracked
                       FROM product_barcodes b JOIN products p ON p.tenant_id = b.tenant_id AND p.id = b.product_id
                      WHERE b.tenant_id = %(tenant)s AND b.code = k.stored) b ON true
 WHERE coalesce(p.id, b.id) IS NOT NULL
"""


def goods_by_code(ctx: Context, codes: Iterable[str]) -> dict[str, Goods]:
    """Return the products that have these SKUs, or else these barcodes; unknown codes are left out."""
    asked = sorted(codes)
    found = ctx.uow.rows(
        _GOODS,
        {"tenant": ctx.tenant_id, "codes": asked, "stored": [stored_code(each, allow_invalid=True) for each in asked]},
    )
    return {row["code"]: Goods(row["id"], row["is_tracked"]) for row in found}


_SAVE_MAPPING: Final = """
INSERT INTO import_mappings (tenant_id, kind, header, columns, reading, saved_at, saved_by_id)
VALUES (%(tenant)s, %(kind)s, %(header)s, %(columns)s::jsonb, %(reading)s::jsonb, %(at)s, %(actor)s)
ON CONFLICT (tenant_id, kind, header) DO UPDATE
   SET columns = EXCLUDED.columns, reading = EXCLUDED.reading, saved_at = EXCLUDED.saved_at,
       saved_by_id = EXCLUDED.saved_by_id
"""


def save_mapping(ctx: Context, data: SaveMapping) -> None:
    """Keep how files with a header are read; what was kept before is replaced."""
    ctx.uow.run(
        _SAVE_MAPPING,
        {
            "tenant": ctx.tenant_id,
            "kind": data.kind,
            "header": data.header,
            "columns": msgspec.json.encode(data.columns).decode(),
            "reading": msgspec.json.encode({"decimal": data.decimal, "date_formats": data.date_formats}).decode(),
            "at": ctx.clock.now(),
            "actor": ctx.identity.actor_id,
        },
    )


def find_mapping(ctx: Context, kind: str, header: str) -> MappingOut:
    """Return how files with a header are read; empty where nobody has said so yet."""
    found = ctx.uow.rows(
        "SELECT columns, reading FROM import_mappings WHERE tenant_id = %s AND kind = %s AND header = %s",
        (ctx.tenant_id, kind, header),
    )
    return MappingOut(columns=found[0]["columns"], **found[0]["reading"]) if found else MappingOut()
