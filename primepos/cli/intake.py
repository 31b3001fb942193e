"""Feeds files to the importing operations: batch by batch, with what is refused kept aside.

Reading and booking overlap: the next batch is read while the database works on the one before.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primepos.domain.importing.errors import ImportMoved
from primepos.domain.importing.feeding import Advance, Counts, U, note_rows, pass_over
from primepos.domain.importing.refusals import RefusalFile
from primepos.domain.importing.schemas import (
    MOST_PRODUCTS,
    MOST_SALES,
    CustomersTaken,
    PlanOut,
    ProductsLoaded,
    SalesLoaded,
    StockLoaded,
)
from primepos.domain.importing.service import load_customers, load_products, load_sales, load_stock, plan_sales

if TYPE_CHECKING:
    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.importing.receipts_reader import ReceiptsFile
    from primepos.domain.importing.sales_reader import SalesFile, SaleUnit

# Large enough that a transaction's own cost is lost in it, small enough that others never wait long for a lock.
BATCH_ROWS = 10_000
_BATCHES_AHEAD = 2
_UNDER_WAY = 2


@dataclass(frozen=True, slots=True)
class Job:
    """One import: who runs it, under which fingerprint, from where, and where refused rows go."""

    app: App
    identity: Identity
    fingerprint: str
    source: str
    file_name: str
    outlet: str | None = None

    def key(self) -> dict[str, str]:
        """Return what names this import to the operations."""
        return {"fingerprint": self.fingerprint, "source": self.source, "file_name": self.file_name}

    def batches(self, units: Iterator[U], most: int) -> Iterator[tuple[list[U], bool]]:
        """Give units in batches, read ahead of the database."""
        return _batches(units, most)

    def products(self, given: dict[str, Any]) -> ProductsLoaded:
        """Load a batch of products."""
        return self.app.run(load_products, self.identity, given)

    def customers(self, given: dict[str, Any]) -> CustomersTaken:
        """Load a batch of customers."""
        return self.app.run(load_customers, self.identity, given)

    def stock(self, given: dict[str, Any]) -> StockLoaded:
        """Load a batch of stock levels."""
        return self.app.run(load_stock, self.identity, given)


def feed_sales(
    job: Job, file: SalesFile | ReceiptsFile, plan: PlanOut, refused: RefusalFile, advance: Advance
) -> Counts:
    """Load what of a file of sales is not loaded yet; what is, is read and passed over.

    Goods come first, then two batches are under way at a time, on two connections; the server commits them in order.
    """
    counts = Counts()
    units = _counted(file.sales(), counts)
    start = pass_over(units, plan.rows_done, counts, refused, advance)
    if not plan.is_finished:
        _send_goods(job, file, start, counts)
    under_way: deque[tuple[int, Future[SalesLoaded]]] = deque()
    with ThreadPoolExecutor(_UNDER_WAY, thread_name_prefix="import") as hands:
        try:
            for batch, is_last in _batches(units):
                rows = note_rows(batch, counts, refused)
                if plan.is_finished:
                    continue
                sales = [unit.sale for unit in batch if unit.sale is not None]
                given = _given(job, start=start, rows=rows, sales=sales, is_last=is_last)
                before = under_way[-1][1] if under_way else None
                under_way.append((rows, hands.submit(_send_sales, job, given, before)))
                start += rows
                while under_way and (is_last or len(under_way) > _UNDER_WAY):
                    _take_in(under_way.popleft(), counts, advance)
        except BaseException:
            hands.shutdown(cancel_futures=True)
            raise
    return counts


def _given(job: Job, **batch: Any) -> dict[str, Any]:
    return {"run": job.key(), "outlet": job.outlet, **batch}


def _send_goods(job: Job, file: SalesFile | ReceiptsFile, start: int, counts: Counts) -> None:
    skus = file.skus()
    for place in range(0, max(len(skus), 1), MOST_PRODUCTS):
        goods = [file.goods(sku) for sku in skus[place : place + MOST_PRODUCTS]]
        done = job.app.run(load_sales, job.identity, _given(job, start=start, rows=0, sales=[], goods=goods))
        counts.add(products=done.products)


def _take_in(sent: tuple[int, Future[SalesLoaded]], counts: Counts, advance: Advance) -> None:
    rows, answer = sent
    done = answer.result()
    counts.add(sales=done.sales, sales_known=done.sales_known, lines=done.lines)
    advance(rows)


def _counted(units: Iterator[SaleUnit], counts: Counts) -> Iterator[SaleUnit]:
    for unit in units:
        if unit.sale is not None:
            counts.months.add(f"{unit.sale.business_date:%Y-%m}")
        yield unit


def _send_sales(job: Job, given: dict[str, Any], before: Future[SalesLoaded] | None) -> SalesLoaded:
    """Load one batch. One that is done before its predecessor has begun is turned away, waits and tries again."""
    if before is not None and given["rows"] < BATCH_ROWS // 2:
        # Short ones would be, as a rule.
        before.result()
    try:
        return job.app.run(load_sales, job.identity, given)
    except ImportMoved:
        if before is None:
            raise
        before.result()
        return job.app.run(load_sales, job.identity, given)


def try_sales(job: Job, file: SalesFile | ReceiptsFile, refused: RefusalFile, advance: Advance) -> Counts:
    """Read a file of sales and say what loading it would do; nothing is changed."""
    counts = Counts()
    seen: set[str] = set()
    for batch, _ in _batches(_counted(file.sales(), counts)):
        rows = note_rows(batch, counts, refused)
        sales = [unit.sale for unit in batch if unit.sale is not None]
        skus = sorted({line.sku for sale in sales for line in sale.lines} - seen)
        seen.update(skus)
        asked = {"fingerprint": job.fingerprint, "source": job.source, "outlet": job.outlet}
        known_numbers = known_skus = 0
        for some_skus, some_numbers in _side_by_side(skus, [sale.number for sale in sales]):
            found = job.app.run(plan_sales, job.identity, {**asked, "skus": some_skus, "numbers": some_numbers})
            known_numbers += found.known_numbers
            known_skus += found.known_skus
        counts.add(
            sales=len(sales) - known_numbers,
            sales_known=known_numbers,
            lines=sum(len(sale.lines) for sale in sales),
            products=len(skus) - known_skus,
        )
        advance(rows)
    return counts


def _side_by_side(skus: list[str], numbers: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    places = max(-(-len(skus) // MOST_PRODUCTS), -(-len(numbers) // MOST_SALES), 1)
    for place in range(places):
        yield (
            skus[place * MOST_PRODUCTS : (place + 1) * MOST_PRODUCTS],
            numbers[place * MOST_SALES : (place + 1) * MOST_SALES],
        )


def _batches(units: Iterator[U], most_rows: int | None = None) -> Iterator[tuple[list[U], bool]]:
    """Give units in batches with whether it is the last; of an empty file there is one empty batch."""
    most = min(most_rows or BATCH_ROWS, BATCH_ROWS)

    def made() -> Iterator[list[U]]:
        batch: list[U] = []
        rows = 0
        for unit in units:
            batch.append(unit)
            rows += unit.rows
            if rows >= most:
                yield batch
                batch, rows = [], 0
        yield batch

    ready = _read_ahead(made())
    batch = next(ready)
    for following in ready:
        if following:
            yield batch, False
            batch = following
    yield batch, True


def _read_ahead(batches: Iterator[list[U]]) -> Iterator[list[U]]:
    """Run an iterator in a thread, a few items ahead; its errors come out where its items would."""
    waiting: queue.Queue[tuple[list[U] | None, BaseException | None]] = queue.Queue(_BATCHES_AHEAD)
    left = threading.Event()

    def put(item: list[U] | None, error: BaseException | None) -> bool:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put((item, error), timeout=0.1)
                return True
        return False

    def read() -> None:
        try:
            for batch in batches:
                if not put(batch, None):
                    return
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that asked, and raised there
            put(None, error)
        else:
            put(None, None)

    threading.Thread(target=read, name="import-reader", daemon=True).start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        left.set()


@contextlib.contextmanager
def progress(title: str, total_rows: int) -> Iterator[Advance]:
    """Show a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(title, total=total_rows)
        yield lambda rows: bar.advance(shown, rows)


def errors_path(file: Path, given: Path | None) -> Path:
    """Return where refused rows go: where told, else into this directory under the file's name."""
    if given is not None:
        return given
    stem = file.name
    for suffix in (".xz", ".gz", ".csv", ".tsv", ".txt", ".xlsx", ".xlsm"):
        stem = stem.removesuffix(suffix)
    return Path(f"{stem}.errors.csv")
