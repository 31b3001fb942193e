"""``primepos report``: figures over sales, as a table, JSON or CSV."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from primepos.cli import session
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note
from primepos.core.amounts import plain_amount
from primepos.core.errors import InvalidInput
from primepos.domain.reporting.schemas import GROUPINGS, MARGIN_GROUPINGS, SalesFigure, SalesReport
from primepos.domain.reporting.service import report_margin, report_sales

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

_MONEY = ("base", "tax", "rounding", "value", "total")
_HEADS = {"sales": "sales", "voids": "voids", "refunds": "refunds", "lines": "lines"}
_AMOUNTS = {"base": "net", "tax": "tax", "rounding": "rounding", "value": "value", "total": "total"}
# What a kind of row has to show, besides its key.
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "day": {**_HEADS, **_AMOUNTS},
    "month": {**_HEADS, **_AMOUNTS},
    "hour": {**_HEADS, **_AMOUNTS},
    "outlet": {"name": "name", **_HEADS, **_AMOUNTS},
    "product": {"name": "name", "quantity": "quantity", "base": "net", "tax": "tax", "total": "total"},
    "tax": {"name": "name", "base": "net", "tax": "tax"},
    "tender": {"name": "name", "total": "total"},
}


@app.callback()
def report() -> None:
    """Print reports."""


@app.command(
    epilog=examples(
        "primepos report sales",
        "primepos report sales --since 2026-03-01 --until 2026-03-31 --by product",
        "primepos report sales --by month --csv > months.csv",
    )
)
def sales(
    *,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First business day, as 2026-03-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last business day, itself included.")] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="day, month, outlet, product, tax, tender or hour.")
    ] = "day",
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="Only this outlet.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many rows.")] = 1000,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Report what was sold, imported sales included, voids and refunds taken off.

    The table and the CSV show amounts in the tenant's currency, the table with a last row over everything; JSON has
    them in minor units, with the currency beside them.
    """
    if by not in GROUPINGS:
        raise InvalidInput(f"--by: one of {', '.join(GROUPINGS)}")
    asked = {
        "group_by": by,
        "since": _day("--since", since),
        "until": _day("--until", until),
        "outlet": outlet,
        "limit": limit,
    }
    found = session.run_in_tenant(report_sales, asked, tenant=tenant, env_file=env_file)
    if as_json:
        emit(found, as_json=True)
        return
    shown = [_major(row, found) for row in found.rows]
    if not as_csv:
        shown.append(_major(found.total, found))
    columns = {"key": by, **_COLUMNS[by]}
    if not found.total.value:
        columns.pop("value", None)
    emit(shown, as_json=False, as_csv=as_csv, columns=columns)
    if not found.is_complete:
        note(f"Only the first {len(found.rows)} rows are shown; see --limit.")
    if not as_csv:
        note(f"Amounts in {found.currency}.")


@app.command(
    epilog=examples(
        "primepos report margin",
        "primepos report margin --since 2026-03-01 --by category",
        "primepos report margin --by day --csv > margin.csv",
    )
)
def margin(
    *,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="First business day, as 2026-03-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last business day, itself included.")] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="product, category, outlet, day or month.")
    ] = "product",
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="Only this outlet.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many rows.")] = 1000,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """Report what was earned on goods: net sales less what the goods were worth when they were sold.

    Lines whose cost nobody knew are counted in `no cost` and stay out of the margin. Amounts as in `report sales`.
    """
    if by not in MARGIN_GROUPINGS:
        raise InvalidInput(f"--by: one of {', '.join(MARGIN_GROUPINGS)}")
    asked = {
        "group_by": by,
        "since": _day("--since", since),
        "until": _day("--until", until),
        "outlet": outlet,
        "limit": limit,
    }
    found = session.run_in_tenant(report_margin, asked, tenant=tenant, env_file=env_file)
    if as_json:
        emit(found, as_json=True)
        return
    shown = []
    for row in found.rows if as_csv else [*found.rows, found.total]:
        values = msgspec.structs.asdict(row)
        for name in ("base", "known_base", "cost", "margin", "uncosted_base"):
            values[name] = plain_amount(values[name], found.currency_exponent)
        shown.append(values)
    columns = {
        "key": by,
        "name": "name",
        "quantity": "quantity",
        "base": "net",
        "known_base": "net of known cost",
        "cost": "cost",
        "margin": "margin",
        "percent": "%",
        "uncosted_lines": "no cost",
    }
    if by in {"category", "day", "month"}:
        columns.pop("name")
    emit(shown, as_json=False, as_csv=as_csv, columns=columns)
    if not found.is_complete:
        note(f"Only the first {len(found.rows)} rows are shown; see --limit.")
    if not as_csv:
        note(f"Amounts in {found.currency}.")


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no date; write it as 2026-03-01") from None


def _major(row: SalesFigure, found: SalesReport) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    for name in _MONEY:
        if values[name] is not None:
            values[name] = plain_amount(values[name], found.currency_exponent)
    return values
