"""Loading batches of a file: each is one transaction that also remembers how far the file has come.

Locks are taken in this order: the row of the file that a batch ends at, the catalogue (or the customers found), stock
levels by outlet code and then product id, and the row of the file that it starts at.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

from primepos.domain.catalog.errors import TaxClassMissing
from primepos.domain.catalog.queries import product_ids, upsert_products
from primepos.domain.catalog.queries.products import stored_code
from primepos.domain.catalog.queries.taxes import default_tax_class
from primepos.domain.catalog.schemas import UpsertProduct
from primepos.domain.customers.intake import take_in
from primepos.domain.importing import queries, variants
from primepos.domain.importing.errors import ImportMoved, WhichOutlet
from primepos.domain.importing.schemas import (
    CustomersTaken,
    ProductsLoaded,
    SalesLoaded,
    StockLoaded,
    StockRefusal,
)
from primepos.domain.inventory import ledger
from primepos.domain.outlets.errors import OutletArchived, OutletNotFound
from primepos.domain.outlets.queries import add_outlet, list_outlets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.importing.schemas import (
        GivenLevel,
        LoadCustomerRows,
        LoadProducts,
        LoadSales,
        LoadStock,
        RunKey,
    )
    from primepos.domain.outlets.models import Outlet

# What a tenant without any outlet gets when its first sales are imported.
FIRST_OUTLET, FIRST_OUTLET_NAME = "main", "Main"
_REASON: Final = "import"


class Batch(Protocol):
    """Rows of a file, from ``start`` on."""

    @property
    def run(self) -> RunKey:
        """Which import this is."""
        ...

    @property
    def start(self) -> int:
        """How many rows of the file come before."""
        ...

    @property
    def rows(self) -> int:
        """How many rows of the file these are."""
        ...

    @property
    def is_last(self) -> bool:
        """Whether the file ends here."""
        ...


def load_products(ctx: Context, data: LoadProducts) -> ProductsLoaded:
    """Make the products of a batch be as given, put variants under their parents, archive what is archived."""
    with _rehearsed(ctx, is_rehearsal=data.dry_run):
        run = _enter(ctx, "products", data)
        if _is_settled(run, data.start, data.rows):
            return ProductsLoaded(run_id=run.id, rows_done=run.rows_done)
        ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
        rows_done = data.start + data.rows
        answer = ProductsLoaded(run_id=run.id, rows_done=rows_done)
        if data.products:
            samples = queries.changes(ctx, data.products) if data.dry_run else ([], [])
            done = upsert_products(ctx, data.products)
            grouped = variants.join(ctx, data.variants)
            archived = queries.archive(ctx, data.archived)
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
                variants=grouped,
                archived=archived,
                would_create=samples[0],
                would_change=samples[1],
            )
        if not data.dry_run:
            _advance(ctx, "products", run, data, rows_done)
    _note(ctx, run, data, created=answer.created, updated=answer.updated)
    return answer


def load_customers(ctx: Context, data: LoadCustomerRows) -> CustomersTaken:
    """Make or bring in line the customers of a batch; a dry run says what would be done."""
    with _rehearsed(ctx, is_rehearsal=data.dry_run):
        run = _enter(ctx, "customers", data)
        if _is_settled(run, data.start, data.rows):
            return CustomersTaken(run_id=run.id, rows_done=run.rows_done)
        ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
        done = take_in(ctx, data.run.source, data.customers, dry_run=data.dry_run)
        rows_done = data.start + data.rows
        if not data.dry_run:
            _advance(ctx, "customers", run, data, rows_done)
    _note(ctx, run, data, created=done.created, updated=done.updated)
    return CustomersTaken(
        run_id=run.id,
        rows_done=rows_done,
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        refused=done.refused,
    )


def load_stock(ctx: Context, data: LoadStock) -> StockLoaded:
    """Make the levels of a batch be as counted, each difference a movement.

    Raises: :class:`OutletNotFound`, :class:`OutletArchived`, :class:`ImportMoved`.
    """
    outlets = {code: outlet_of(ctx, code) for code in sorted({level.outlet for level in data.levels})}
    refused: list[StockRefusal] = []
    changed = unchanged = 0
    with _rehearsed(ctx, is_rehearsal=data.dry_run):
        run = _enter(ctx, "stock", data)
        if _is_settled(run, data.start, data.rows):
            return StockLoaded(run_id=run.id, rows_done=run.rows_done)
        ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
        goods = queries.goods_by_code(ctx, {level.sku for level in data.levels})
        levels = sorted(enumerate(data.levels), key=lambda each: each[1].outlet)
        for code, some in groupby(levels, key=lambda each: each[1].outlet):
            outlet = outlets[code]
            moved, same = _set_levels(ctx, outlet.id if outlet else None, list(some), goods, refused)
            changed, unchanged = changed + moved, unchanged + same
        rows_done = data.start + data.rows
        if not data.dry_run:
            _advance(ctx, "stock", run, data, rows_done)
    _note(ctx, run, data, changed=changed, refused=len(refused))
    return StockLoaded(
        run_id=run.id,
        rows_done=rows_done,
        changed=changed,
        unchanged=unchanged,
        refused=sorted(refused, key=lambda each: each.index),
    )


def _set_levels(
    ctx: Context,
    outlet_id: UUID | None,
    levels: list[tuple[int, GivenLevel]],
    goods: dict[str, queries.Goods],
    refused: list[StockRefusal],
) -> tuple[int, int]:
    """Set the levels of one outlet; return how many changed and how many were so already."""
    if outlet_id is None:
        raise OutletNotFound
    wanted: dict[UUID, Decimal] = {}
    places: dict[UUID, int] = {}
    for index, level in levels:
        found = goods.get(level.sku)
        if found is None:
            refused.append(
                StockRefusal(index=index, code="UNKNOWN_PRODUCT", problem=f"there is no product {level.sku}")
            )
        elif not found.is_tracked:
            problem = f"the stock of {level.sku} is not tracked"
            refused.append(StockRefusal(index=index, code="STOCK_NOT_TRACKED", problem=problem))
        elif found.id in wanted:
            problem = f"another row says the stock of {level.sku} too"
            refused.append(StockRefusal(index=index, code="SKU_TWICE", problem=problem))
        else:
            wanted[found.id], places[found.id] = Decimal(level.quantity), index
    present = ledger.lock_levels(ctx, outlet_id, wanted)
    blocked = ledger.policies(ctx, outlet_id, wanted)
    moves: dict[UUID, Decimal] = {}
    same = 0
    for product_id, quantity in wanted.items():
        step = quantity - present.get(product_id, Decimal(0))
        if quantity < 0 and step < 0 and blocked.get(product_id) == ledger.BLOCK:
            problem = "the level would be below zero, which this shop does not allow"
            refused.append(StockRefusal(index=places[product_id], code="NEGATIVE_STOCK", problem=problem))
        elif step:
            moves[product_id] = step
        else:
            same += 1
    if moves:
        ledger.move(ctx, outlet_id, "adjust", moves, _REASON)
    return len(moves), same


def load_sales(ctx: Context, data: LoadSales) -> SalesLoaded:
    """Book the past sales of a batch as records of kind *imported*, and queue the summaries of their days."""
    ctx.uow.allow_time(queries.BATCH_TIMEOUT_MS)
    run = _enter(ctx, "sales", data)
    outlet = outlet_of(ctx, data.outlet)
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
    _note(ctx, run, data, sales=done.sales, lines=done.lines)
    return SalesLoaded(
        run_id=run.id,
        rows_done=rows_done,
        outlet=outlet.code,
        sales=done.sales,
        sales_known=len(data.sales) - done.sales,
        lines=done.lines,
        products=products,
    )


def outlet_of(ctx: Context, code: str | None) -> Outlet | None:
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


def has_tax_class(ctx: Context) -> bool:
    """Tell whether a product that names no tax class can be made."""
    try:
        default_tax_class(ctx)
    except TaxClassMissing:
        return False
    return True


def _make_missing(ctx: Context, data: LoadSales) -> int:
    """Make the products of the batch that the catalogue does not know, and return how many."""
    if not data.goods or not has_tax_class(ctx):
        return 0
    there = product_ids(ctx, [each.sku for each in data.goods])
    missing = [
        UpsertProduct(sku=each.sku, name=each.name, unit_price=Decimal(each.unit_price), track_stock=False)
        for each in data.goods
        if each.sku not in there
    ]
    return upsert_products(ctx, missing).created if missing else 0


@contextmanager
def _rehearsed(ctx: Context, *, is_rehearsal: bool) -> Iterator[None]:
    """Undo what is done inside where it is only a rehearsal: what would happen is told by doing it."""
    if not is_rehearsal:
        yield
        return
    queries.begin_rehearsal(ctx)
    yield
    queries.end_rehearsal(ctx)


def _note(ctx: Context, run: queries.Run, data: Batch, **counts: int) -> None:
    rehearsal = {"dry_run": True} if getattr(data, "dry_run", False) else {}
    ctx.note(f"import:{run.id}", file=data.run.file_name, rows=data.start + data.rows, **counts, **rehearsal)


def _enter(ctx: Context, kind: str, data: Batch) -> queries.Run:
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


def _advance(ctx: Context, kind: str, run: queries.Run, data: Batch, rows_done: int) -> None:
    """Say that the batch is done, once the one before it is. Raises: :class:`ImportMoved` if that one never came."""
    queries.lock_row(ctx, data.run, data.start)
    if not queries.advance_run(ctx, run, data.start, rows_done, is_last=data.is_last):
        now = queries.find_run(ctx, kind, data.run.fingerprint)
        raise ImportMoved(rows_done=now.rows_done if now else 0)
