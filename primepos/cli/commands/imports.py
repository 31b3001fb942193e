"""``primepos import``: bring in products and past sales from files of other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from primepos.cli import session
from primepos.cli.exits import ExitCode
from primepos.cli.intake import (
    Counts,
    Job,
    errors_path,
    feed_products,
    feed_sales,
    fingerprint_of,
    progress,
    try_products,
    try_sales,
)
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note, to_json
from primepos.core.errors import InvalidInput
from primepos.domain.importing.dialects import PRODUCTS, SALES
from primepos.domain.importing.files import examine
from primepos.domain.importing.products_reader import read_products
from primepos.domain.importing.refusals import RefusalFile
from primepos.domain.importing.sales_reader import read_sales
from primepos.domain.importing.service import plan_products, plan_sales, sales_by_month
from primepos.domain.importing.tables import read_layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from primepos.core.context import Identity
    from primepos.core.operations import App

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A CSV file, as it is or packed as .xz or .gz."),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=FIELD", help="Read this column as this field; may be given again."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="The same value for every row; may be given again."),
]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
ErrorsOption = Annotated[
    Path | None,
    typer.Option(
        "--errors",
        metavar="FILE",
        dir_okay=False,
        help="Where refused rows go. Default: NAME.errors.csv in this directory.",
    ),
]
EncodingOption = Annotated[str | None, typer.Option(metavar="NAME", help="The text's encoding, if it cannot be told.")]
DelimiterOption = Annotated[
    str | None, typer.Option(metavar="SIGN", help='What parts the cells, such as ";" or "tab", if it cannot be told.')
]
DecimalOption = Annotated[
    str, typer.Option("--decimal", metavar="point|comma", help="How the file writes decimals: 1,149.00 or 1.149,00.")
]
_MONTH_COLUMNS = {
    "month": "month",
    "trading_days": "days",
    "invoices": "sales",
    "cancellation_invoices": "cancelled",
    "lines": "lines",
    "rounded_lines": "rounded",
    "booked_sum": "booked",
    "exact_sum": "exact",
    "of_which_cancellations": "of it cancelled",
}
_SOURCES = "Whose file it is: {}."


@app.callback()
def imports() -> None:
    """Bring in products and past sales from files of other systems.

    An import that stops anywhere goes on from there when it is started again, and the same file again changes
    nothing. Rows that cannot be read are put into a file with the reason; mend them there and import that file.
    """


@app.command(
    epilog=examples(
        "primepos import products catalogue.csv --tenant corner --dry-run",
        'primepos import products items.csv.gz --map "Token=sku" --map "Retail=unit_price"',
        "primepos import products names.csv --set unit_price=0 --set tax_class=standard",
    )
)
def products(
    file: FileArgument,
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="SOURCE", help=_SOURCES.format(", ".join(PRODUCTS)))
    ] = "generic",
    mapping: MapOption = None,
    fixed: SetOption = None,
    dry_run: DryRunFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = "point",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make products, or bring those with the same SKU in line with the file.

    Fields: sku, name, unit_price, barcode (several in one cell), category, tax_class, sold_by, track_stock. Columns
    are found by their names. Barcodes are added, never taken off. Ends with 1 if rows were refused.
    """
    wanted = _pick("--from", source, PRODUCTS)
    columns, values = _pairs("--map", mapping), _pairs("--set", fixed)
    comma = _is_comma(decimal)
    where = _safe_errors_path(file, errors)
    running, identity = _enter(tenant, env_file)
    known = examine(file, encoding)
    layout = read_layout(known, wanted.fields, mapping=columns, fixed=values, delimiter=_delimiter(delimiter))
    reading = {"as": source, "columns": columns, "values": values, "delimiter": layout.delimiter, "comma": comma}
    job = Job(running, identity, fingerprint_of(known.sha256, reading), source, file.name)
    plan = running.run(plan_products, identity, {"fingerprint": job.fingerprint})
    read = read_products(known, layout, tax_classes=frozenset(plan.tax_classes), decimal_comma=comma)
    with RefusalFile(where, layout.header) as refused, progress("Products", read.total_rows) as advance:
        if dry_run:
            counts = try_products(job, read, refused, advance)
        else:
            _tell_resumed(plan.rows_done, is_finished=plan.is_finished)
            counts = feed_products(job, read, plan, refused, advance)
    result = {"rows": counts.rows, "refused": counts.refused, **counts.outcome, "dry_run": dry_run}
    if as_json:
        emit(result, as_json=True)
    _tell(counts, dry_run=dry_run, errors=where)


@app.command(
    epilog=examples(
        "primepos import sales online-retail-2010-12.csv.xz --from online-retail --tenant corner",
        "primepos import sales lines.csv --outlet main --source oldtill --dry-run",
        'primepos import sales lines.csv --map "Beleg=number" --date-format "%d.%m.%Y %H:%M" --decimal comma',
    )
)
def sales(
    file: FileArgument,
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="SOURCE", help=_SOURCES.format(", ".join(SALES)))
    ] = "generic",
    name: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="NAME", help="Keep the sales under this name; their numbers are unique in it."
        ),
    ] = None,
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="Whose sales these are.")] = None,
    mapping: MapOption = None,
    fixed: SetOption = None,
    date_format: Annotated[
        list[str] | None,
        typer.Option("--date-format", metavar="FORMAT", help="How times are written, as for strptime."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Where the file's clock hung, as Europe/London. Default: the tenant's."),
    ] = None,
    dry_run: DryRunFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = "point",
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring in past sales, one line of a sale a row, and print the figures of their months as they are stored.

    Fields: number, sold_at, time, sku, name, quantity, unit_price, customer. Imported sales count in reports; they
    have no shift and no receipt number of ours, and stock stays as it is. A sale is taken whole or not at all.
    --json prints one object a month, one a line. Ends with 1 if rows were refused.
    """
    dialect = _pick("--from", source, SALES)
    columns, values = _pairs("--map", mapping), _pairs("--set", fixed)
    comma, formats = _is_comma(decimal), tuple(date_format or ())
    where = _safe_errors_path(file, errors)
    _check_zone(zone)
    running, identity = _enter(tenant, env_file)
    known = examine(file, encoding)
    layout = read_layout(known, dialect.fields, mapping=columns, fixed=values, delimiter=_delimiter(delimiter))
    reading = {
        "as": source,
        "columns": columns,
        "values": values,
        "delimiter": layout.delimiter,
        "comma": comma,
        "formats": formats,
        "zone": zone,
        "outlet": outlet,
        "source": name or source,
    }
    job = Job(running, identity, fingerprint_of(known.sha256, reading), name or source, file.name, outlet)
    asked = {"fingerprint": job.fingerprint, "source": job.source, "outlet": outlet}
    plan = running.run(plan_sales, identity, asked)
    if dialect.currency and dialect.currency != plan.currency:
        note(f"The file's amounts are in {dialect.currency}; they are booked as {plan.currency}, figure by figure.")
    read = read_sales(
        known,
        layout,
        dialect,
        zone=zone or dialect.zone or plan.zone,
        exponent=plan.currency_exponent,
        formats=formats,
        decimal_comma=comma,
    )
    with RefusalFile(where, layout.header) as refused, progress("Sales", read.total_rows) as advance:
        if dry_run:
            counts = try_sales(job, read, refused, advance)
        else:
            _tell_resumed(plan.rows_done, is_finished=plan.is_finished)
            counts = feed_sales(job, read, plan, refused, advance)
    if dry_run:
        emit({"rows": counts.rows, "refused": counts.refused, **counts.outcome, "dry_run": True}, as_json=as_json)
    else:
        _print_months(running, identity, job, counts.months, as_json=as_json)
        if not plan.has_tax_class:
            note("No products were made: the tenant has no tax class to give them. The lines name them by SKU.")
    _tell(counts, dry_run=dry_run, errors=where)


def _print_months(running: App, identity: Identity, job: Job, months: Iterable[str], *, as_json: bool) -> None:
    asked = {"source": job.source, "outlet": job.outlet, "months": sorted(months)}
    found = running.run(sales_by_month, identity, asked).rows
    if as_json:
        typer.echo("".join(f"{to_json(each)}\n" for each in found), nl=False)
    else:
        emit(found, as_json=False, columns=_MONTH_COLUMNS)


def _enter(tenant: str | None, env_file: Path | None) -> tuple[App, Identity]:
    running = session.open_app(env_file)
    return running, session.operator_identity(running, tenant)


def _tell_resumed(rows_done: int, *, is_finished: bool) -> None:
    if is_finished:
        note("This file was imported before; nothing is changed.")
    elif rows_done:
        note(f"Going on after row {rows_done:,}, where the import stopped.")


def _tell(counts: Counts, *, dry_run: bool, errors: Path) -> None:
    """Sum up on stderr; ends the command with 1 if rows were refused."""
    done = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in counts.outcome.items())
    note(f"{counts.rows:,} rows{' read, would be' if dry_run else ''}: {done or 'nothing new'}.")
    if counts.refused:
        note(f"{counts.refused:,} rows were refused; they are in {errors} with the reasons.")
        raise typer.Exit(ExitCode.FAILED)


def _pick(option: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise InvalidInput(f"{option}: one of {', '.join(known)}")
    return known[name]


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """Read ``A=B`` options; the last sign of equality parts, since a column's name may hold one."""
    pairs: dict[str, str] = {}
    for each in given or []:
        left, sign, right = each.rpartition("=") if option == "--map" else each.partition("=")
        if not sign or not left.strip() or not right.strip():
            raise InvalidInput(f"{option}: {each!r} is not of the form A=B")
        pairs[left.strip()] = right.strip()
    return pairs


def _is_comma(decimal: str) -> bool:
    if decimal not in {"point", "comma"}:
        raise InvalidInput("--decimal: point or comma")
    return decimal == "comma"


def _delimiter(sign: str | None) -> str | None:
    if sign in {"tab", "\\t"}:
        return "\t"
    if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
        raise InvalidInput("--delimiter: one sign, or tab")
    return sign


def _check_zone(zone: str | None) -> None:
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise InvalidInput(f"--zone: there is no zone {zone}") from None


def _safe_errors_path(file: Path, errors: Path | None) -> Path:
    where = errors_path(file, errors)
    if where.resolve() == file.resolve():
        raise InvalidInput("--errors: that is the file itself")
    return where
