"""Bringing in products and past sales, one batch an operation.

A face reads the file and hands over what it holds; every batch is one transaction that also remembers how far the file
has come, so an import that stops anywhere goes on from there and nothing is ever loaded twice.
"""

from __future__ import annotations

from decimal import Decimal

from primepos.core.amounts import plain_amount
from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import TaxClassMissing, TaxClassNotFound
from primepos.domain.catalog.queries import product_ids, upsert_products
from primepos.domain.catalog.queries.products import stored_code
from primepos.domain.catalog.queries.taxes import default_tax_class, list_tax_classes
from primepos.domain.catalog.schemas import UpsertProduct
from primepos.domain.importing import queries
from primepos.domain.importing.errors import ImportMoved, WhichOutlet
from primepos.domain.importing.schemas import (
    AskMonths,
    LoadProducts,
    LoadSales,
    MonthFigures,
    MonthList,
    PlanOut,
    PlanProducts,
    PlanSales,
    ProductsLoaded,
    SalesLoaded,
)
from primepos.domain.outlets.errors import OutletArchived, OutletNotFound
from primepos.domain.outlets.models import Outlet
from primepos.domain.outlets.queries import add_outlet, list_outlets
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.standing import require_active

# What a tenant without any outlet gets when its first sales are imported.
FIRST_OUTLET, FIRST_OUTLET_NAME = "main", "Main"


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
    outlet = _outlet(ctx, data.outlet)
    run = queries.find_run(ctx, "sales", data.fingerprint)
    return _plan(ctx, run, outlet, data.skus, data.source, data.numbers)


@operation(
    "importing.load_products",
    permission=Permission.PRODUCT_IMPORT,
    raises=(ImportMoved, TaxClassNotFound, TaxClassMissing, TenantSuspended),
)
def load_products(ctx: Context, data: LoadProducts) -> ProductsLoaded:
    """Load the next products of a file: made where their SKU is new, brought in line where it is known.

    Prices of known products change only for who holds ``product:price_write``. Safe to repeat: a batch that is behind
    the point reached changes nothing, and so does a file that was finished.
    """
    require_active(ctx.tenant)
    run = _enter(ctx, "products", data)
    if _is_settled(run, data.start, data.rows):
        return ProductsLoaded(run_id=run.id, rows_done=run.rows_done)
    ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
    rows_done = data.start + data.rows
    answer = ProductsLoaded(run_id=run.id, rows_done=rows_done)
    if data.products:
        done = upsert_products(ctx, data.products)
        taken = set(done.barcodes_taken)
        # As the file wrote them: stored, an article number may have more digits.
        codes = {code.code for product in data.products for code in product.barcodes}
        answer = ProductsLoaded(
            run_id=run.id,
            rows_done=rows_done,
            created=done.created,
            updated=done.updated,
            unchanged=done.unchanged,
            prices_kept=done.prices_kept,
            barcodes_taken=sorted(code for code in codes if stored_code(code, allow_invalid=True) in taken),
        )
    _advance(ctx, "products", run, data, rows_done)
    ctx.note(
        f"import:{run.id}", file=data.run.file_name, rows=rows_done, created=answer.created, updated=answer.updated
    )
    return answer


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
    ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
    run = _enter(ctx, "sales", data)
    outlet = _outlet(ctx, data.outlet)
    if _is_settled(run, data.start, data.rows):
        code = outlet.code if outlet is not None else FIRST_OUTLET
        return SalesLoaded(run_id=run.id, rows_done=run.rows_done, outlet=code)
    if outlet is None:
        outlet = add_outlet(ctx, FIRST_OUTLET, FIRST_OUTLET_NAME)
    products = _make_missing(ctx, data)
    staged = queries.stage_sales(ctx, data.run.source, data.sales)
    done = queries.load_staged(ctx, outlet.id, data.run.source, staged)
    for day in done.days:
        ctx.defer(
            "reporting.summarise_day",
            tenant_id=ctx.tenant_id,
            outlet_id=str(outlet.id),
            business_date=day.isoformat(),
        )
    rows_done = data.start + data.rows
    _advance(ctx, "sales", run, data, rows_done)
    ctx.note(f"import:{run.id}", file=data.run.file_name, rows=rows_done, sales=done.sales, lines=done.lines)
    return SalesLoaded(
        run_id=run.id,
        rows_done=rows_done,
        outlet=outlet.code,
        sales=done.sales,
        sales_known=len(data.sales) - done.sales,
        lines=done.lines,
        products=products,
    )


@operation(
    "importing.sales_by_month",
    permission=Permission.REPORT_SALES,
    reads=True,
    raises=(OutletNotFound, OutletArchived, WhichOutlet),
)
def sales_by_month(ctx: Context, data: AskMonths) -> MonthList:
    """Give the figures of the sales imported from one source into one outlet, by month, as they are stored."""
    outlet = _outlet(ctx, data.outlet)
    if outlet is None:
        return MonthList(rows=[])
    exponent = ctx.tenant.currency.exponent
    ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
    found = queries.months(
        ctx.uow, ctx.tenant_id, outlet_id=outlet.id, source=data.source, wanted=data.months, exponent=exponent
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
        has_tax_class=_has_tax_class(ctx),
        known_skus=known_skus,
        known_numbers=known_numbers,
    )


def _enter(ctx: Context, kind: str, data: LoadProducts | LoadSales) -> queries.Run:
    """Return how far the import is, once nobody else is at work on the same batch."""
    if data.rows:
        queries.lock_row(ctx, data.run, data.start + data.rows)
    return queries.begin_run(ctx, kind, data.run)


def _is_settled(run: queries.Run, start: int, rows: int) -> bool:
    """Tell whether a batch was loaded before. Raises: :class:`ImportMoved` where it does not join what was."""
    if run.is_finished or (run.rows_done > start and run.rows_done >= start + rows):
        return True
    if run.rows_done > start:
        raise ImportMoved(rows_done=run.rows_done)
    return False


def _advance(ctx: Context, kind: str, run: queries.Run, data: LoadProducts | LoadSales, rows_done: int) -> None:
    """Say that the batch is done, once the one before it is. Raises: :class:`ImportMoved` if that one never came."""
    queries.lock_row(ctx, data.run, data.start)
    if not queries.advance_run(ctx, run, data.start, rows_done, is_last=data.is_last):
        now = queries.find_run(ctx, kind, data.run.fingerprint)
        raise ImportMoved(rows_done=now.rows_done if now else 0)


def _outlet(ctx: Context, code: str | None) -> Outlet | None:
    """Return the outlet that is meant, or None for a tenant that has none yet.

    Raises: :class:`OutletNotFound`, :class:`OutletArchived`, :class:`WhichOutlet`.
    """
    outlets = list_outlets(ctx, archived=False)
    if code is not None:
        found = next((each for each in outlets if each.code == code), None)
        if found is not None:
            return found
        if any(each.code == code for each in list_outlets(ctx, archived=True)):
            raise OutletArchived(outlet=code)
        raise OutletNotFound
    if len(outlets) > 1:
        raise WhichOutlet(outlets=", ".join(each.code for each in outlets))
    if not outlets and (ctx.identity.outlet_ids is not None or list_outlets(ctx, archived=True)):
        raise OutletNotFound
    return outlets[0] if outlets else None


def _has_tax_class(ctx: Context) -> bool:
    try:
        default_tax_class(ctx)
    except TaxClassMissing:
        return False
    return True


def _make_missing(ctx: Context, data: LoadSales) -> int:
    """Make the products of the batch that the catalogue does not know, and return how many."""
    if not data.goods or not _has_tax_class(ctx):
        return 0
    there = product_ids(ctx, [each.sku for each in data.goods])
    missing = [
        UpsertProduct(sku=each.sku, name=each.name, unit_price=Decimal(each.unit_price), track_stock=False)
        for each in data.goods
        if each.sku not in there
    ]
    return upsert_products(ctx, missing).created if missing else 0


def _two_places(exact: Decimal) -> Decimal:
    """Return an exact sum with at least two places and no zeros beyond them: money as lists write it."""
    shortest = exact.normalize()
    exponent = shortest.as_tuple().exponent
    return shortest if isinstance(exponent, int) and exponent <= -2 else exact.quantize(Decimal("0.01"))
