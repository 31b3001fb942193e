"""Reading a part of a table: by COPY, straight into rows of texts, from where the part before it ended."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import sql

from primepos.core.errors import InvalidInput
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Permission
from primepos.domain.customers.queries import get_records
from primepos.domain.exporting.schemas import ColumnOut, PartOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.core.context import Context
    from primepos.domain.exporting.datasets import Dataset
    from primepos.domain.exporting.schemas import AskPart, ColumnKind

# A part is thousands of rows of a table of millions.
PART_TIMEOUT_MS: Final = 60_000
_CELL_LIMIT: Final = 1 << 24
_CUSTOMERS: Final = (
    "SELECT c.id, c.number FROM customers c"
    " WHERE c.tenant_id = %s AND c.erased_at IS NULL AND c.merged_into IS NULL AND c.number > %s"
    " ORDER BY c.number LIMIT %s"
)
_CUSTOMER_COLUMNS: Final = (
    "customer_number", "name", "company", "email", "phone", "address", "tax_number", "born_on", "notes", "language",
    "price_list", "groups", "tax_exempt", "exemption_number", "exempt_until", "consents",
)  # fmt: skip
_CUSTOMER_KINDS: Final[Mapping[str, ColumnKind]] = {"born_on": "day", "exempt_until": "day", "tax_exempt": "choice"}


def read_part(ctx: Context, dataset: Dataset, data: AskPart) -> PartOut:
    """Return the next rows of a table; columns that the one who asks may not see are empty."""
    ctx.uow.allow_time(PART_TIMEOUT_MS)
    rows: list[list[str]] = []
    with ctx.uow.copy(_statement(ctx, dataset, data)) as copy:
        text = b"".join(bytes(piece) for piece in copy).decode()
    csv.field_size_limit(_CELL_LIMIT)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    keys = len(dataset.key)
    following = encode_cursor(*rows[data.limit - 1][:keys]) if len(rows) > data.limit else None
    return PartOut(
        columns=[ColumnOut(name=column.name, kind=column.kind) for column in dataset.columns],
        rows=[row[keys:] for row in rows[: data.limit]],
        next=following,
    )


def _statement(ctx: Context, dataset: Dataset, data: AskPart) -> str:
    """Put a COPY together: from our own constants, with every value quoted by the driver."""
    exponent = ctx.tenant.currency.exponent
    scale = {"scale": sql.Literal(10**exponent), "exponent": sql.Literal(exponent)}
    shown = [column.sql if column.only is None or ctx.identity.can(column.only) else "''" for column in dataset.columns]
    keys = [f"({expression})::text" for expression, _ in dataset.key]
    parts = [
        sql.SQL("COPY (SELECT "),
        sql.SQL(", ".join([*keys, *shown])).format(**scale),
        sql.SQL(" FROM "),
        sql.SQL(dataset.source).format(tenant=sql.Literal(ctx.tenant_id)),
    ]
    if dataset.outlet is not None and ctx.identity.outlet_ids is not None:
        allowed = sql.Literal(sorted(str(each) for each in ctx.identity.outlet_ids))
        parts.append(sql.SQL(f" AND {dataset.outlet}::text = ANY({{}}::text[])").format(allowed))
    for sign, day in ((">=", data.from_on), ("<=", data.to_on)):
        if day is not None and dataset.day is not None:
            parts.append(sql.SQL(f" AND {dataset.day} {sign} {{}}::date").format(sql.Literal(day.isoformat())))
    if data.after is not None:
        parts += _beyond(dataset, _place(dataset, data.after))
    order = ", ".join(expression for expression, _ in dataset.key)
    parts.append(sql.SQL(f" ORDER BY {order} LIMIT {{}}) TO STDOUT (FORMAT csv)").format(sql.Literal(data.limit + 1)))
    return sql.Composed(parts).as_string(None)


def _beyond(dataset: Dataset, place: Sequence[str]) -> list[sql.Composable]:
    def compare(expressions: Sequence[str], sign: str) -> sql.Composable:
        kinds = [kind for _, kind in dataset.key[: len(expressions)]]
        left = sql.SQL(f" AND ({', '.join(expressions)}) {sign} (")
        right = sql.SQL(", ").join(
            sql.Literal(value) + sql.SQL(f"::{kind}") for value, kind in zip(place, kinds, strict=False)
        )
        return left + right + sql.SQL(")")

    found = [compare([expression for expression, _ in dataset.key], ">")]
    return [*([compare(dataset.near, ">=")] if dataset.near else []), *found]


def _place(dataset: Dataset, after: str) -> list[str]:
    """Return where a part begins. Raises: ``INVALID_INPUT`` for what is no place in this table."""
    found = decode_cursor(after, *(str for _ in dataset.key))
    checks: dict[str, Any] = {"uuid": UUID, "bigint": int, "date": date.fromisoformat, "text": str}
    try:
        for value, (_, kind) in zip(found, dataset.key, strict=True):
            checks[kind](value)
    except ValueError:
        raise InvalidInput("after: is not a place in this list") from None
    return list(found)


def read_customers(ctx: Context, data: AskPart) -> PartOut:
    """Return the next customers by number; without those that were erased or became another.

    E-mail addresses and phone numbers are opened for who may change customers, and empty for others.
    """
    after = decode_cursor(data.after, str)[0] if data.after is not None else ""
    ctx.uow.allow_time(PART_TIMEOUT_MS)
    found = ctx.uow.rows(_CUSTOMERS, (ctx.tenant_id, after, data.limit + 1))
    chosen = found[: data.limit]
    records = {record.id: record for record in get_records(ctx, [row["id"] for row in chosen])} if chosen else {}
    is_open = ctx.identity.can(Permission.CUSTOMER_WRITE)
    rows = []
    for row in chosen:
        record = records[row["id"]]
        rows.append(
            [
                record.number,
                record.name,
                record.company or "",
                (record.email or "") if is_open else "",
                (record.phone or "") if is_open else "",
                record.address or "",
                record.tax_number or "",
                record.born_on.isoformat() if record.born_on else "",
                record.notes or "",
                record.language or "",
                record.price_list or "",
                " ".join(record.groups),
                "yes" if record.tax_exempt else "no",
                record.exemption_number or "",
                record.exempt_until.isoformat() if record.exempt_until else "",
                " ".join(record.consents),
            ]
        )
    return PartOut(
        columns=[ColumnOut(name=name, kind=_CUSTOMER_KINDS.get(name, "text")) for name in _CUSTOMER_COLUMNS],
        rows=rows,
        next=encode_cursor(chosen[-1]["number"]) if len(found) > data.limit else None,
    )
