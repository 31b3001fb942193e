"""``primepos import``: bring in products, customers, stock and past sales from files of other systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from primepos.cli import session
from primepos.cli.exits import ExitCode
from primepos.cli.intake import Job, errors_path, feed_sales, progress, try_sales
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, examples
from primepos.cli.output import emit, note, to_json
from primepos.cli.preparing import Asked, Prepared, prepare
from primepos.core.errors import InvalidInput
from primepos.domain.importing.customers_reader import read_customers
from primepos.domain.importing.dialects import SALES
from primepos.domain.importing.feeding import (
    Advance,
    Counts,
    feed_customers,
    feed_products,
    feed_stock,
    fingerprint_of,
)
from primepos.domain.importing.products_reader import read_products
from primepos.domain.importing.receipts_reader import read_receipts
from primepos.domain.importing.refusals import RefusalFile
from primepos.domain.importing.registry import receipts_of
from primepos.domain.importing.sales_reader import read_sales
from primepos.domain.importing.service import plan_customers, plan_products, plan_sales, plan_stock, sales_by_month
from primepos.domain.importing.stock_reader import outlets_of, read_stock
from primepos.domain.importing.systems.receipts import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.importing.receipts_reader import ReceiptsFile
    from primepos.domain.importing.sales_reader import SalesFile
    from primepos.domain.importing.schemas import PlanOut

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV (as it is or packed as .xz or .gz), XLSX."),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="SYSTEM", help="Whose file it is, if its columns do not tell: square, loyverse, ..."
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Read this field from this column; may be given again."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="The same value for every row; may be given again."),
]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
StrictFlag = Annotated[bool, typer.Option("--strict", help="Change nothing at all if any row would be refused.")]
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
SheetOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which sheet of a spreadsheet. Default: the first with cells in it.")
]
DecimalOption = Annotated[
    str | None,
    typer.Option(
        "--decimal",
        metavar="point|comma",
        help="How decimals are written (1,149.00 or 1.149,00), if it cannot be told.",
    ),
]
DateFormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--date-format", metavar="FORMAT", help="dmy, mdy or ymd, or a pattern as for strptime, if it cannot be told."
    ),
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


@app.callback()
def imports() -> None:
    """Bring in products, customers, stock and past sales from files of other systems.

    Exports of Square, Loyverse, Shopify, WooCommerce and our own are told by their columns; of any other file the
    columns are matched by name, and at a terminal you are shown the match and can correct it. An import that stops
    anywhere goes on from there when it is started again, and the same file again changes nothing. Rows that cannot be
    read are put into a file with the reason; mend them there and import that file.
    """


@app.command(
    epilog=examples(
        "primepos import products items.csv --tenant corner --dry-run",
        'primepos import products list.xlsx --map "sku=Art. No" --map "unit_price=Retail"',
        "primepos import products names.csv --set unit_price=0 --set tax_class=standard",
        'primepos import products loyverse.csv --place "Main Street"',
    )
)
def products(
    file: FileArgument,
    *,
    source: FromOption = None,
    mapping: MapOption = None,
    fixed: SetOption = None,
    place: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose prices, where a file has a column for each place.")
    ] = None,
    dry_run: DryRunFlag = False,
    strict: StrictFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    decimal: DecimalOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make products, or bring those with the same SKU in line with the file.

    Fields: sku, name, unit_price, barcode (several in one cell), category, tax_class, sold_by, track_stock. Columns
    are found by their names. Barcodes are added, never taken off. Ends with 1 if rows were refused.
    """
    where = _safe_errors_path(file, errors)
    running, identity = _enter(tenant, env_file)
    asked = _asked(file, source, mapping, fixed, encoding, delimiter, sheet, decimal, None, as_json, dry_run)
    ready = prepare("products", asked, running, identity)
    reading = {**ready.reading(), **({"place": place} if place else {})}
    job = Job(running, identity, fingerprint_of(ready.known.sha256, reading), ready.shape.system, file.name)
    plan = running.run(plan_products, identity, {"fingerprint": job.fingerprint})
    read = read_products(
        ready.known,
        ready.layout,
        tax_classes=frozenset(plan.tax_classes),
        decimal_comma=ready.habits.decimal_comma,
        shape=ready.shape,
        place=place,
    )

    def feed(refused: RefusalFile, advance: Advance, *, dry_run: bool) -> Counts:
        return feed_products(job, read, plan, refused, advance, dry_run=dry_run)

    _run(feed, ready, plan, where, "Products", read.total_rows, dry_run=dry_run, strict=strict, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos import customers customers.csv --tenant corner --dry-run",
        'primepos import customers people.xlsx --map "name=Ansprechpartner" --date-format dmy',
    )
)
def customers(
    file: FileArgument,
    *,
    source: FromOption = None,
    mapping: MapOption = None,
    fixed: SetOption = None,
    date_format: DateFormatOption = None,
    dry_run: DryRunFlag = False,
    strict: StrictFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make customers, or bring those that are known in line with the file; empty cells change nothing.

    A customer is known by what the other system calls them, else by number, else by e-mail address. Nobody who was
    erased comes back, and no consent that was withdrawn. Ends with 1 if rows were refused.
    """
    where = _safe_errors_path(file, errors)
    running, identity = _enter(tenant, env_file)
    asked = _asked(file, source, mapping, fixed, encoding, delimiter, sheet, None, date_format, as_json, dry_run)
    ready = prepare("customers", asked, running, identity)
    reading = {**ready.reading(), "formats": ready.habits.date_formats}
    job = Job(running, identity, fingerprint_of(ready.known.sha256, reading), ready.shape.system, file.name)
    plan = running.run(plan_customers, identity, {"fingerprint": job.fingerprint})
    read = read_customers(ready.known, ready.layout, ready.shape, formats=ready.habits.date_formats)

    def feed(refused: RefusalFile, advance: Advance, *, dry_run: bool) -> Counts:
        return feed_customers(job, read, plan, refused, advance, dry_run=dry_run)

    _run(feed, ready, plan, where, "Customers", read.total_rows, dry_run=dry_run, strict=strict, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos import stock square-items.csv --tenant corner --dry-run",
        'primepos import stock loyverse.csv --location "Main Street=main" --location "Airport=air"',
        "primepos import stock count.xlsx --outlet main",
    )
)
def stock(
    file: FileArgument,
    *,
    source: FromOption = None,
    mapping: MapOption = None,
    fixed: SetOption = None,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location", metavar="PLACE=OUTLET", help="Which outlet a place in the file is; may be repeated."
        ),
    ] = None,
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="The outlet that every level is of.")] = None,
    dry_run: DryRunFlag = False,
    strict: StrictFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    decimal: DecimalOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make stock levels be as the file counts them; each difference becomes a movement.

    Fields: sku or barcode, place, quantity. The product lists of the known systems hold stock too: import the same
    file twice, once as products and once as stock. Ends with 1 if rows were refused.
    """
    where = _safe_errors_path(file, errors)
    running, identity = _enter(tenant, env_file)
    asked = _asked(file, source, mapping, fixed, encoding, delimiter, sheet, decimal, None, as_json, dry_run)
    ready = prepare("stock", asked, running, identity)
    named = _pairs("--location", location)
    reading = {**ready.reading(), "locations": named, "outlet": outlet}
    job = Job(running, identity, fingerprint_of(ready.known.sha256, reading), ready.shape.system, file.name)
    plan = running.run(plan_stock, identity, {"fingerprint": job.fingerprint})
    read = read_stock(ready.known, ready.layout, ready.shape, decimal_comma=ready.habits.decimal_comma)
    read.outlets = outlets_of(read.places(), plan.outlets, named, outlet)

    def feed(refused: RefusalFile, advance: Advance, *, dry_run: bool) -> Counts:
        return feed_stock(job, read, plan, refused, advance, dry_run=dry_run)

    _run(feed, ready, plan, where, "Stock", read.total_rows, dry_run=dry_run, strict=strict, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos import sales online-retail-2010-12.csv.xz --from online-retail --tenant corner",
        "primepos import sales items-2026.csv --date-format mdy --dry-run",
        'primepos import sales lines.csv --outlet main --source oldtill --map "number=Beleg"',
    )
)
def sales(
    file: FileArgument,
    *,
    source: FromOption = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="NAME", help="Keep the sales under this name; their numbers are unique in it."
        ),
    ] = None,
    outlet: Annotated[str | None, typer.Option(metavar="CODE", help="Whose sales these are.")] = None,
    mapping: MapOption = None,
    fixed: SetOption = None,
    date_format: DateFormatOption = None,
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Where the file's clock hung, as Europe/London. Default: the tenant's."),
    ] = None,
    dry_run: DryRunFlag = False,
    strict: StrictFlag = False,
    errors: ErrorsOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    decimal: DecimalOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring in past sales, and print the figures of their months as they are stored.

    Fields: number, sold_at, time, sku, name, quantity, unit_price, customer. Imported sales count in reports; they
    have no shift and no receipt number of ours, and stock stays as it is. A sale is taken whole or not at all.
    --json prints one object a month, one a line. Ends with 1 if rows were refused.
    """
    where = _safe_errors_path(file, errors)
    _check_zone(zone)
    running, identity = _enter(tenant, env_file)
    asked = _asked(file, source, mapping, fixed, encoding, delimiter, sheet, decimal, date_format, as_json, dry_run)
    ready = prepare("sales", asked, running, identity)
    kept_as = name or ready.shape.system.removesuffix("-transactions")
    reading = {
        **ready.reading(),
        "formats": ready.habits.date_formats,
        "zone": zone,
        "outlet": outlet,
        "source": kept_as,
    }
    job = Job(running, identity, fingerprint_of(ready.known.sha256, reading), kept_as, file.name, outlet)
    asked_plan = {"fingerprint": job.fingerprint, "source": job.source, "outlet": outlet}
    plan = running.run(plan_sales, identity, asked_plan)
    read = _sales_file(ready, plan, zone)
    given_totals = receipts_of(ready.shape) is not None
    with RefusalFile(where, ready.layout.header) as refused, progress("Sales", read.total_rows) as advance:
        if strict or dry_run:
            counts = try_sales(job, read, refused, advance)
            if strict and counts.refused:
                _tell(counts, dry_run=True, errors=where)
        if not dry_run:
            _tell_resumed(plan.rows_done, is_finished=plan.is_finished)
            counts = feed_sales(job, read, plan, refused, advance)
    if dry_run:
        emit({"rows": counts.rows, "refused": counts.refused, **counts.outcome, "dry_run": True}, as_json=as_json)
    else:
        _print_months(running, identity, job, counts.months, as_json=as_json, given_totals=given_totals)
        if not plan.has_tax_class:
            note("No products were made: the tenant has no tax class to give them. The lines name them by SKU.")
    _tell(counts, dry_run=dry_run, errors=where)


def _sales_file(ready: Prepared, plan: PlanOut, zone: str | None) -> SalesFile | ReceiptsFile:
    """Return a file of sales ready to be read, by the rules of its system."""
    habits, receipts = ready.habits, receipts_of(ready.shape)
    if receipts is not None:
        reading = Reading(zone or plan.zone, plan.currency_exponent, habits.date_formats, habits.decimal_comma)
        return read_receipts(ready.known, ready.layout, receipts, reading)
    dialect = SALES[ready.shape.system]
    if dialect.currency and dialect.currency != plan.currency:
        note(f"The file's amounts are in {dialect.currency}; they are booked as {plan.currency}, figure by figure.")
    return read_sales(
        ready.known,
        ready.layout,
        dialect,
        zone=zone or dialect.zone or plan.zone,
        exponent=plan.currency_exponent,
        formats=habits.date_formats,
        decimal_comma=habits.decimal_comma,
    )


def _asked(
    file: Path,
    source: str | None,
    mapping: list[str] | None,
    fixed: list[str] | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    decimal: str | None,
    date_formats: list[str] | None,
    as_json: bool,
    dry_run: bool,
) -> Asked:
    if decimal not in {None, "point", "comma"}:
        raise InvalidInput("--decimal: point or comma")
    for each in mapping or []:
        left, sign, right = each.partition("=")
        if not sign or not left.strip() or not right.strip():
            raise InvalidInput(f"--map: {each!r} is not of the form A=B")
    return Asked(
        file,
        source,
        tuple(mapping or ()),
        tuple(fixed or ()),
        encoding,
        _delimiter(delimiter),
        sheet,
        decimal,
        tuple(date_formats or ()),
        may_ask=not as_json,
        may_remember=not dry_run,
    )


def _run(
    feed: Callable[..., Counts],
    ready: Prepared,
    plan: Any,
    where: Path,
    title: str,
    total_rows: int,
    *,
    dry_run: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Feed a file, after a rehearsal where nothing may be refused, and sum up."""
    only_rehearsed = dry_run
    with RefusalFile(where, ready.layout.header) as refused, progress(title, total_rows) as advance:
        if not dry_run:
            _tell_resumed(plan.rows_done, is_finished=plan.is_finished)
        counts = feed(refused, advance, dry_run=dry_run or strict)
        if strict and not dry_run:
            only_rehearsed = bool(counts.refused)
            if not only_rehearsed:
                counts = feed(refused, lambda _: None, dry_run=False)
    result: dict[str, Any] = {
        "rows": counts.rows,
        "refused": counts.refused,
        **counts.outcome,
        "dry_run": only_rehearsed,
    }
    if only_rehearsed:
        result["samples"] = counts.samples
    if as_json:
        emit(result, as_json=True)
    _tell(counts, dry_run=only_rehearsed, errors=where)


def _print_months(
    running: App, identity: Identity, job: Job, months: Iterable[str], *, as_json: bool, given_totals: bool
) -> None:
    asked = {"source": job.source, "outlet": job.outlet, "months": sorted(months), "given_totals": given_totals}
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
    """Sum up on stderr, with samples where nothing was done yet; ends the command with 1 if rows were refused."""
    done = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in counts.outcome.items())
    note(f"{counts.rows:,} rows{' read, would be' if dry_run else ''}: {done or 'nothing new'}.")
    if dry_run:
        for what, told in counts.samples.items():
            if told:
                note(f"  {what}: {'; '.join(told)}")
    if counts.refused:
        note(f"{counts.refused:,} rows were refused; they are in {errors} with the reasons.")
        raise typer.Exit(ExitCode.FAILED)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """Read ``A=B`` options; the last sign of equality parts, since a column's name may hold one."""
    pairs: dict[str, str] = {}
    for each in given or []:
        left, sign, right = each.rpartition("=")
        if not sign or not left.strip() or not right.strip():
            raise InvalidInput(f"{option}: {each!r} is not of the form A=B")
        pairs[left.strip()] = right.strip()
    return pairs


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
