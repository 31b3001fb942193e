"""Bringing in products, customers, stock and past sales, one batch an operation.

A face reads the file and hands over what it holds; every batch is one transaction that also remembers how far the file
has come, so an import that stops anywhere goes on from there and nothing is ever loaded twice.
"""

from __future__ import annotations

from decimal import Decimal

from primepos.core.amounts import plain_amount
from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import Nothing, operation
from primepos.core.permissions import Permission
from primepos.core.sealed_fields import FieldKeyMissing
from primepos.core.security import InvalidEmail
from primepos.domain.catalog.errors import TaxClassMissing, TaxClassNotFound
from primepos.domain.catalog.queries.taxes import list_tax_classes
from primepos.domain.customers.errors import InvalidPhone
from primepos.domain.importing import loading, queries, running, uploads
from primepos.domain.importing.errors import ImportDiffers, ImportMoved, ImportNotFound, WhichOutlet
from primepos.domain.importing.schemas import (
    AddPart,
    AskMapping,
    AskMonths,
    AskRun,
    CustomersTaken,
    ImportAccepted,
    LoadCustomerRows,
    LoadProducts,
    LoadSales,
    LoadStock,
    MappingOut,
    MonthFigures,
    MonthList,
    NameImport,
    OutletName,
    PlanOut,
    PlanProducts,
    PlanSales,
    ProductsLoaded,
    RefusedFile,
    RunOut,
    SalesLoaded,
    SaveMapping,
    StockLoaded,
    SubmitImport,
)
from primepos.domain.inventory.errors import NegativeStock
from primepos.domain.jobs.tasks import job
from primepos.domain.outlets.errors import OutletArchived, OutletNotFound
from primepos.domain.outlets.models import Outlet
from primepos.domain.outlets.queries import list_outlets
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.standing import require_active


@operation("importing.plan_products", permission=Permission.PRODUCT_IMPORT, reads=True)
def plan_products(ctx: Context, data: PlanProducts) -> PlanOut:
    """Say how far the import of a file of products is and what it can count on; changes nothing."""
    return _plan(ctx, queries.find_run(ctx, "products", data.fingerprint), None, data.skus, "", [])


@operation(
    "importing.plan_sales",
    permission=Permission.SETTINGS_WRITE,
    reads=True,
    raises=(OutletNotFound, OutletArchived, WhichOutlet),
)
def plan_sales(ctx: Context, data: PlanSales) -> PlanOut:
    """Say how far the import of a file of past sales is, whose they become and what is known; changes nothing."""
    outlet = loading.outlet_of(ctx, data.outlet)
    run = queries.find_run(ctx, "sales", data.fingerprint)
    return _plan(ctx, run, outlet, data.skus, data.source, data.numbers)


@operation("importing.plan_customers", permission=Permission.SETTINGS_WRITE, reads=True)
def plan_customers(ctx: Context, data: AskRun) -> RunOut:
    """Say how far the import of a file of customers is; changes nothing."""
    return _run(ctx, "customers", data)


@operation("importing.plan_stock", permission=Permission.STOCK_ADJUST, reads=True)
def plan_stock(ctx: Context, data: AskRun) -> RunOut:
    """Say how far the import of a file of stock levels is, and which outlets there are; changes nothing."""
    return _run(ctx, "stock", data)


@operation(
    "importing.load_products",
    permission=Permission.PRODUCT_IMPORT,
    raises=(ImportMoved, TaxClassNotFound, TaxClassMissing, TenantSuspended),
)
def load_products(ctx: Context, data: LoadProducts) -> ProductsLoaded:
    """Load the next products of a file: made where their SKU is new, brought in line where it is known.

    Prices of known products change only for who holds ``product:price_write``. Variants are put under their parents.
    Safe to repeat: a batch that is behind the point reached changes nothing, and so does a file that was finished.
    """
    require_active(ctx.tenant)
    return loading.load_products(ctx, data)


@operation(
    "importing.load_customers",
    permission=Permission.SETTINGS_WRITE,
    raises=(ImportMoved, TenantSuspended, InvalidEmail, InvalidPhone, FieldKeyMissing),
)
def load_customers(ctx: Context, data: LoadCustomerRows) -> CustomersTaken:
    """Load the next customers of a file: made where they are new, brought in line where they are known.

    The owner alone may, as with past sales: a list of customers is brought in once, when a shop moves in. Safe to
    repeat, as ``importing.load_products`` is.
    """
    require_active(ctx.tenant)
    return loading.load_customers(ctx, data)


@operation(
    "importing.load_stock",
    permission=Permission.STOCK_ADJUST,
    raises=(ImportMoved, OutletNotFound, OutletArchived, NegativeStock, TenantSuspended),
)
def load_stock(ctx: Context, data: LoadStock) -> StockLoaded:
    """Make stock levels be as a file says they were counted; each difference is a movement of kind *adjust*.

    Levels of products that are not there or not tracked are answered as refused, and so are those below zero where
    the shop blocks them. Safe to repeat, as ``importing.load_products`` is.
    """
    require_active(ctx.tenant)
    return loading.load_stock(ctx, data)


@operation(
    "importing.load_sales",
    permission=Permission.SETTINGS_WRITE,
    raises=(ImportMoved, OutletNotFound, OutletArchived, WhichOutlet, TenantSuspended),
)
def load_sales(ctx: Context, data: LoadSales) -> SalesLoaded:
    """Load the next past sales of a file, as records of kind *imported*: no shift, no number of ours, no stock.

    The owner alone may: it changes what every report says of the past. Sales whose number is known for this source
    are left as they are. Products the catalogue does not know are made from what the file says, their stock not
    tracked; without a tax class to give them they are not made, and lines name them by SKU only. A tenant without
    outlet gets one. Safe to repeat, as ``importing.load_products`` is; two batches may be sent side by side, and are
    committed in order. The summaries of the days are queued.
    """
    require_active(ctx.tenant)
    return loading.load_sales(ctx, data)


@operation("importing.save_mapping", permission=Permission.PRODUCT_IMPORT)
def save_mapping(ctx: Context, data: SaveMapping) -> Nothing:
    """Keep how files with a header are read, so that the next one needs no questions; the last word counts."""
    queries.save_mapping(ctx, data)
    ctx.note(f"mapping:{data.kind}", columns=data.columns)
    return Nothing()


@operation("importing.find_mapping", permission=Permission.PRODUCT_IMPORT, reads=True)
def find_mapping(ctx: Context, data: AskMapping) -> MappingOut:
    """Give how files with a header are read; empty where nobody has said so yet."""
    return queries.find_mapping(ctx, data.kind, data.header)


_RIGHTS = {
    "products": Permission.PRODUCT_IMPORT,
    "customers": Permission.SETTINGS_WRITE,
    "stock": Permission.STOCK_ADJUST,
    "sales": Permission.SETTINGS_WRITE,
}


@operation(
    "importing.submit",
    permission=Permission.PRODUCT_IMPORT,
    raises=(ImportDiffers, ImportNotFound, PermissionDenied, TenantSuspended),
)
def submit_import(ctx: Context, data: SubmitImport) -> ImportAccepted:
    """Hand in a file to be imported by a job, whole or announced in parts; the ticket of this id says how it goes.

    Customers and past sales are the owner's to bring in, stock of who may adjust it. The job may do what the sender
    may. Safe to repeat with the same id.
    """
    require_active(ctx.tenant)
    needed = _RIGHTS[data.kind]
    if not ctx.identity.can(needed):
        raise PermissionDenied(permission=needed.value)
    return ImportAccepted(id=data.id, missing=uploads.submit(ctx, data))


@operation(
    "importing.add_part",
    permission=Permission.PRODUCT_IMPORT,
    raises=(ImportDiffers, ImportNotFound, TenantSuspended),
)
def add_part(ctx: Context, data: AddPart) -> ImportAccepted:
    """Send one part of a file that was announced; the last one that comes starts the job. Safe to repeat."""
    require_active(ctx.tenant)
    return ImportAccepted(id=data.id, missing=uploads.add_part(ctx, data))


@operation("importing.refused_rows", permission=Permission.PRODUCT_IMPORT, reads=True, raises=(ImportNotFound,))
def refused_rows(ctx: Context, data: NameImport) -> RefusedFile:
    """Give the rows of an import that were refused, with the reasons, to be mended and sent again."""
    name, text = uploads.refused_of(ctx, data.id)
    return RefusedFile(file_name=f"{name.rpartition('.')[0] or name}.errors.csv", csv=text)


@operation("importing.run_upload", permission=Permission.SETTINGS_WRITE, raises=(ImportNotFound,))
def run_upload(ctx: Context, data: NameImport) -> Nothing:
    """Import a file that was handed in; the worker runs it, and its ticket says what came of it.

    Batches are committed one by one, so a job that died goes on where it stopped.
    """
    running.run_upload(ctx, data.id)
    return Nothing()


job(run_upload)


@operation(
    "importing.sales_by_month",
    permission=Permission.REPORT_SALES,
    reads=True,
    raises=(OutletNotFound, OutletArchived, WhichOutlet),
)
def sales_by_month(ctx: Context, data: AskMonths) -> MonthList:
    """Give the figures of the sales imported from one source into one outlet, by month, as they are stored."""
    outlet = loading.outlet_of(ctx, data.outlet)
    if outlet is None:
        return MonthList(rows=[])
    exponent = ctx.tenant.currency.exponent
    ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
    found = queries.months(
        ctx.uow,
        ctx.tenant_id,
        outlet_id=outlet.id,
        source=data.source,
        wanted=data.months,
        exponent=exponent,
        given=data.given_totals,
    )
    return MonthList(
        rows=[
            MonthFigures(
                month=row["month"],
                lines=row["lines"],
                invoices=row["invoices"],
                cancellation_invoices=row["cancellation_invoices"],
                trading_days=row["trading_days"],
                sum_qty_x_price=_two_places(row["exact"]),
                of_which_cancellations=_two_places(row["cancelled"]),
                exact_sum=_two_places(row["exact"]),
                booked_sum=plain_amount(row["booked"], exponent),
                rounded_lines=row["rounded"],
                currency=row["currency"],
            )
            for row in found
        ]
    )


def _run(ctx: Context, kind: str, data: AskRun) -> RunOut:
    found = queries.find_run(ctx, kind, data.fingerprint)
    return RunOut(
        rows_done=found.rows_done if found else 0,
        is_finished=found is not None and found.is_finished,
        outlets=[OutletName(code=each.code, name=each.name) for each in list_outlets(ctx, archived=False)],
    )


def _plan(
    ctx: Context,
    run: queries.Run | None,
    outlet: Outlet | None,
    skus: list[str],
    source: str,
    numbers: list[str],
) -> PlanOut:
    known_skus, known_numbers = queries.known(ctx.uow, ctx.tenant_id, skus=skus, source=source, numbers=numbers)
    tenant = ctx.tenant
    return PlanOut(
        rows_done=run.rows_done if run else 0,
        is_finished=run is not None and run.is_finished,
        currency=tenant.currency.code,
        currency_exponent=tenant.currency.exponent,
        zone=tenant.zone,
        outlet=outlet.code if outlet is not None else None,
        tax_classes=[each.code for each in list_tax_classes(ctx)],
        has_tax_class=loading.has_tax_class(ctx),
        known_skus=known_skus,
        known_numbers=known_numbers,
    )


def _two_places(exact: Decimal) -> Decimal:
    """Return an exact sum with at least two places and no zeros beyond them: money as lists write it."""
    shortest = exact.normalize()
    exponent = shortest.as_tuple().exponent
    return shortest if isinstance(exponent, int) and exponent <= -2 else exact.quantize(Decimal("0.01"))
