"""Importing a file that was handed in, inside a job: batch by batch, each committed before the next is begun.

A job that dies goes on where it stopped when it is run again. What is wrong with the file is told on its ticket, and
the rows that were refused are kept beside it; neither is a reason to try again.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from primepos.core.errors import ErrorKind, InvalidInput, PrimePOSError
from primepos.core.operations import parse
from primepos.domain.catalog.queries.taxes import list_tax_classes
from primepos.domain.importing import loading, queries, uploads
from primepos.domain.importing.customers_reader import read_customers
from primepos.domain.importing.dialects import SALES
from primepos.domain.importing.feeding import (
    Counts,
    batches_of,
    feed_customers,
    feed_products,
    feed_stock,
    fingerprint_of,
    note_rows,
    pass_over,
)
from primepos.domain.importing.files import examine
from primepos.domain.importing.habits import Habits, tell_habits
from primepos.domain.importing.mapping import fingerprint_of_header
from primepos.domain.importing.products_reader import read_products
from primepos.domain.importing.receipts_reader import read_receipts
from primepos.domain.importing.refusals import RefusalFile
from primepos.domain.importing.registry import EXPORTS, choose, detect, receipts_of
from primepos.domain.importing.sales_reader import read_sales
from primepos.domain.importing.schemas import (
    HowToRead,
    LoadCustomerRows,
    LoadProducts,
    LoadSales,
    LoadStock,
    OutletName,
    RunOut,
)
from primepos.domain.importing.stock_reader import outlets_of, read_stock
from primepos.domain.importing.systems.receipts import Reading
from primepos.domain.importing.tables import read_header, read_layout
from primepos.domain.jobs import tickets
from primepos.domain.outlets.queries import list_outlets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.importing.feeding import U
    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.schemas import CustomersTaken, ProductsLoaded, StockLoaded
    from primepos.domain.importing.shapes import Shape
    from primepos.domain.importing.tables import Layout

_BATCH_ROWS: Final = 2000
_SALES_BATCH: Final = 5000
# What is kept of the refused rows; a file with more of them is the wrong file.
_MOST_REFUSED_BYTES: Final = 4 * 1024**2
_FINAL: Final = {ErrorKind.INVALID, ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.RULE, ErrorKind.FORBIDDEN}


class _Inside:
    """Loads batches in the job's own transactions, as the one who handed the file in."""

    def __init__(self, ctx: Context, ticket_id: UUID, key: Mapping[str, str]) -> None:
        self._ctx = ctx
        self._ticket_id = ticket_id
        self._key = dict(key)
        self.total = 0

    def key(self) -> dict[str, str]:
        """Return what names this import."""
        return self._key

    def batches(self, units: Iterator[U], most: int) -> Iterator[tuple[list[U], bool]]:
        """Give units in batches."""
        return batches_of(units, min(most, _BATCH_ROWS))

    def products(self, given: dict[str, Any]) -> ProductsLoaded:
        """Load a batch of products."""
        done = loading.load_products(self._ctx, parse(LoadProducts, given))
        self.settle(given)
        return done

    def customers(self, given: dict[str, Any]) -> CustomersTaken:
        """Load a batch of customers."""
        done = loading.load_customers(self._ctx, parse(LoadCustomerRows, given))
        self.settle(given)
        return done

    def stock(self, given: dict[str, Any]) -> StockLoaded:
        """Load a batch of stock levels."""
        done = loading.load_stock(self._ctx, parse(LoadStock, given))
        self.settle(given)
        return done

    def settle(self, given: Mapping[str, Any]) -> None:
        """Say how far the job is, and commit."""
        tickets.mark_running(
            self._ctx, self._ticket_id, rows_done=given["start"] + given["rows"], rows_total=self.total
        )
        self._ctx.uow.keep()


def run_upload(ctx: Context, upload_id: UUID) -> None:
    """Import a file that was handed in; its ticket says what came of it.

    Raises: whatever another try may mend.
    """
    upload = uploads.find(ctx, upload_id)
    ticket = tickets.find_ticket(ctx, upload_id)
    if ticket is None or ticket["ended_at"] is not None:
        return
    tickets.mark_running(ctx, upload_id)
    as_sender = replace(ctx, identity=upload.sender)
    with tempfile.TemporaryDirectory(prefix="primepos-") as kept:
        path = Path(kept) / "upload"
        uploads.write_out(ctx, upload_id, path)
        ctx.uow.keep()
        errors = Path(kept) / "errors.csv"
        try:
            reading = parse(HowToRead, upload.options["reading"])
            counts = _import(as_sender, upload, upload_id, path, errors, reading)
        except PrimePOSError as error:
            if error.kind not in _FINAL:
                raise
            # What the last batch did is not wanted; what was committed before it stands.
            ctx.uow.close()
            uploads.settle(ctx, upload_id, "")
            tickets.mark_failed(ctx, upload_id, error.code, error.message)
            return
        refused = ""
        if errors.exists():
            with errors.open("rb") as file:
                refused = file.read(_MOST_REFUSED_BYTES).decode(errors="replace")
    uploads.settle(ctx, upload_id, refused)
    outcome = {"rows": counts.rows, "refused": counts.refused, "dry_run": reading.dry_run, **counts.outcome}
    tickets.mark_done(ctx, upload_id, outcome)
    ctx.note(f"import:{upload_id}", file=upload.file_name, **counts.outcome)


def _import(
    ctx: Context, upload: uploads.Upload, upload_id: UUID, path: Path, errors: Path, reading: HowToRead
) -> Counts:
    kind = upload.kind
    known = replace(examine(path, reading.encoding, sheet=reading.sheet), name=upload.file_name)
    shape, layout, columns = _laid_out(ctx, kind, known, reading)
    habits = _habits(known, layout, shape, reading)
    told = {"as": shape.system, "columns": columns, "reading": upload.options["reading"], "comma": habits.decimal_comma}
    # A rehearsal is none of the imports that are gone on with.
    told["rehearsal"] = str(upload_id) if reading.dry_run else ""
    fingerprint = fingerprint_of(known.sha256, told)
    source = reading.kept_as or shape.system.removesuffix("-transactions")
    sender = _Inside(ctx, upload_id, {"fingerprint": fingerprint, "source": source, "file_name": upload.file_name})
    found = queries.find_run(ctx, kind, fingerprint)
    plan = RunOut(
        rows_done=found.rows_done if found else 0,
        is_finished=found is not None and found.is_finished,
        outlets=[OutletName(code=each.code, name=each.name) for each in list_outlets(ctx, archived=False)],
    )
    with RefusalFile(errors, layout.header) as refused:
        match kind:
            case "products":
                classes = frozenset(each.code for each in list_tax_classes(ctx))
                products = read_products(
                    known,
                    layout,
                    tax_classes=classes,
                    decimal_comma=habits.decimal_comma,
                    shape=shape,
                    place=reading.place,
                )
                sender.total = products.total_rows
                return feed_products(sender, products, plan, refused, _ignore, dry_run=reading.dry_run)
            case "customers":
                customers = read_customers(known, layout, shape, formats=habits.date_formats)
                sender.total = customers.total_rows
                return feed_customers(sender, customers, plan, refused, _ignore, dry_run=reading.dry_run)
            case "stock":
                stock = read_stock(known, layout, shape, decimal_comma=habits.decimal_comma)
                stock.outlets = outlets_of(stock.places(), plan.outlets, reading.locations, reading.outlet)
                sender.total = stock.total_rows
                return feed_stock(sender, stock, plan, refused, _ignore, dry_run=reading.dry_run)
            case _:
                return _sales(ctx, sender, plan, known, layout, shape, habits, reading, refused)


def _laid_out(ctx: Context, kind: str, known: SourceFile, reading: HowToRead) -> tuple[Shape, Layout, dict[str, str]]:
    delimiter, header = read_header(known, reading.delimiter)
    if reading.source is None:
        shape = detect(kind, header, known.name)
    else:
        chosen = choose(kind, reading.source, header)
        if chosen is None:
            raise InvalidInput(f"source: one of {', '.join(EXPORTS[kind].systems())}")
        shape = chosen
    columns = {column: field for field, column in reading.columns.items()}
    if not columns and shape is EXPORTS[kind].generic:
        saved = queries.find_mapping(ctx, kind, fingerprint_of_header(header))
        columns = {column: field for column, field in saved.columns.items() if field in shape.fields}
    layout = read_layout(
        known, shape.fields, mapping=columns, fixed=reading.values, delimiter=reading.delimiter or delimiter
    )
    return shape, layout, columns


def _habits(known: SourceFile, layout: Layout, shape: Shape, reading: HowToRead) -> Habits:
    if shape.is_exact:
        return Habits()
    return tell_habits(
        known,
        layout,
        numbers=shape.numeric_places(layout),
        dates=shape.date_places(layout),
        decimal=reading.decimal,
        formats=tuple(reading.date_formats),
    )


def _sales(
    ctx: Context,
    sender: _Inside,
    plan: RunOut,
    known: SourceFile,
    layout: Layout,
    shape: Shape,
    habits: Habits,
    reading: HowToRead,
    refused: RefusalFile,
) -> Counts:
    exponent, zone = ctx.tenant.currency.exponent, reading.zone or ctx.tenant.zone
    receipts = receipts_of(shape)
    if receipts is not None:
        how = Reading(zone, exponent, habits.date_formats, habits.decimal_comma)
        file: Any = read_receipts(known, layout, receipts, how)
    else:
        file = read_sales(
            known,
            layout,
            SALES[shape.system],
            zone=zone,
            exponent=exponent,
            formats=habits.date_formats,
            decimal_comma=habits.decimal_comma,
        )
    sender.total = file.total_rows
    counts = Counts()
    units = cast("Iterator[Any]", file.sales())
    start = pass_over(units, plan.rows_done, counts, refused, _ignore)
    skus = iter(file.skus())
    for batch, is_last in batches_of(units, _SALES_BATCH):
        rows = note_rows(batch, counts, refused)
        sales = [unit.sale for unit in batch if unit.sale is not None]
        given = {"run": sender.key(), "start": start, "rows": rows, "sales": sales, "is_last": is_last}
        start += rows
        if reading.dry_run:
            counts.add(sales=len(sales), lines=sum(len(sale.lines) for sale in sales))
        elif not plan.is_finished:
            # Goods first, so that lines find their products.
            while some := list(islice(skus, _SALES_BATCH)):
                goods = [file.goods(sku) for sku in some]
                first = {**given, "rows": 0, "sales": [], "goods": goods, "is_last": False, "outlet": reading.outlet}
                counts.add(products=loading.load_sales(ctx, parse(LoadSales, first)).products)
                ctx.uow.keep()
            done = loading.load_sales(ctx, parse(LoadSales, {**given, "outlet": reading.outlet}))
            counts.add(sales=done.sales, sales_known=done.sales_known, lines=done.lines)
        sender.settle(given)
    return counts


def _ignore(_rows: int) -> None:
    """Tell nobody of single rows; the ticket is told of batches."""
