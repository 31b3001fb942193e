"""Feeding a file's rows to whoever loads them: batch by batch, with what is refused kept aside.

Nothing here knows whether the batches go through operations one by one or are loaded inside one job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from primepos.domain.importing.refusals import Refusal, RefusalFile
from primepos.domain.importing.schemas import MOST_CUSTOMERS, MOST_PRODUCTS

if TYPE_CHECKING:
    from primepos.domain.importing.customers_reader import CustomersFile, CustomerUnit
    from primepos.domain.importing.products_reader import ProductsFile, ProductUnit
    from primepos.domain.importing.schemas import CustomersTaken, PlanOut, ProductsLoaded, RunOut, StockLoaded
    from primepos.domain.importing.stock_reader import StockFile, StockUnit

_SAMPLES = 3

Advance = Callable[[int], None]


class Unit(Protocol):
    """What a batch is made of: something that some rows of the file were read into."""

    @property
    def rows(self) -> int:
        """How many rows of the file it was made of."""
        ...

    @property
    def refusals(self) -> list[Refusal]:
        """Which of them could not be read, and why."""
        ...


U = TypeVar("U", bound=Unit)


class Sender(Protocol):
    """Loads batches, and says in which sizes it wants them."""

    def key(self) -> dict[str, str]:
        """Return what names this import."""
        ...

    def batches(self, units: Iterator[U], most: int) -> Iterator[tuple[list[U], bool]]:
        """Give units in batches of at most so many rows, with whether it is the last one."""
        ...

    def products(self, given: dict[str, Any]) -> ProductsLoaded:
        """Load a batch of products."""
        ...

    def customers(self, given: dict[str, Any]) -> CustomersTaken:
        """Load a batch of customers."""
        ...

    def stock(self, given: dict[str, Any]) -> StockLoaded:
        """Load a batch of stock levels."""
        ...


@dataclass(slots=True)
class Counts:
    """What came of an import, or what would come of it in a dry run. ``outcome`` holds the operation's own counts."""

    rows: int = 0
    refused: int = 0
    outcome: dict[str, int] = field(default_factory=dict)
    months: set[str] = field(default_factory=set)
    samples: dict[str, list[str]] = field(default_factory=dict)

    def sample(self, name: str, told: list[str]) -> None:
        """Keep the first few of what would come of it."""
        kept = self.samples.setdefault(name, [])
        kept += told[: _SAMPLES - len(kept)]

    def add(self, **more: int) -> None:
        """Add to the operation's counts."""
        for name, number in more.items():
            self.outcome[name] = self.outcome.get(name, 0) + number


def fingerprint_of(file_sha256: str, reading: Mapping[str, Any]) -> str:
    """Return the digest of a file's content together with everything that decides how it is read."""
    told = msgspec.json.encode({"file": file_sha256, **reading}, order="deterministic")
    return hashlib.sha256(told).hexdigest()


def feed_products(
    sender: Sender,
    file: ProductsFile,
    plan: PlanOut | RunOut,
    refused: RefusalFile,
    advance: Advance,
    *,
    dry_run: bool = False,
) -> Counts:
    """Load what of a file of products is not loaded yet; a barcode that another product has is told row by row."""

    def send(batch: list[ProductUnit], given: dict[str, Any], counts: Counts) -> list[Refusal]:
        products = [unit.product for unit in batch if unit.product is not None]
        variants = [told for unit in batch if (told := _variant(unit)) is not None]
        archived = [unit.product.sku for unit in batch if unit.product is not None and unit.is_archived]
        given |= {"products": products, "variants": variants, "archived": archived}
        done = sender.products(given)
        taken = _taken(batch, set(done.barcodes_taken))
        counts.add(created=done.created, updated=done.updated, unchanged=done.unchanged)
        counts.add(prices_kept=done.prices_kept, barcodes_taken=len(taken))
        counts.add(**{name: n for name, n in (("variants", done.variants), ("archived", done.archived)) if n})
        counts.sample("created", done.would_create)
        counts.sample("updated", done.would_change)
        return taken

    return _feed(sender, file.products(), plan, refused, advance, send, MOST_PRODUCTS, dry_run=dry_run)


def _variant(unit: ProductUnit) -> dict[str, Any] | None:
    told, product = unit.variant, unit.product
    if product is None or told is None or (told.parent == product.sku and told.options):
        return None
    return {
        "sku": product.sku,
        "parent": told.parent,
        "parent_name": told.parent_name,
        "category": product.category,
        "options": [name for name, _ in told.options],
        "values": [value for _, value in told.options],
    }


def feed_customers(
    sender: Sender, file: CustomersFile, plan: RunOut, refused: RefusalFile, advance: Advance, *, dry_run: bool = False
) -> Counts:
    """Load what of a file of customers is not loaded yet; who cannot be told from another is told row by row."""

    def send(batch: list[CustomerUnit], given: dict[str, Any], counts: Counts) -> list[Refusal]:
        whole = [unit for unit in batch if unit.customer is not None]
        given["customers"] = [unit.customer for unit in whole]
        done = sender.customers(given)
        counts.add(created=done.created, updated=done.updated, unchanged=done.unchanged)
        return [
            Refusal(whole[each.index].row, each.code, each.problem, whole[each.index].cells) for each in done.refused
        ]

    return _feed(sender, file.customers(), plan, refused, advance, send, MOST_CUSTOMERS, dry_run=dry_run)


def feed_stock(
    sender: Sender, file: StockFile, plan: RunOut, refused: RefusalFile, advance: Advance, *, dry_run: bool = False
) -> Counts:
    """Load what of a file of stock levels is not loaded yet; levels that are not taken are told row by row."""

    def send(batch: list[StockUnit], given: dict[str, Any], counts: Counts) -> list[Refusal]:
        whole = [(unit, level) for unit in batch for level in unit.levels]
        given["levels"] = [level for _, level in whole]
        done = sender.stock(given)
        counts.add(changed=done.changed, unchanged=done.unchanged)
        told: dict[int, Refusal] = {}
        for each in done.refused:
            unit = whole[each.index][0]
            told.setdefault(unit.row, Refusal(unit.row, each.code, each.problem, unit.cells))
        return list(told.values())

    most = MOST_PRODUCTS // max(len(file.places()), 1)
    return _feed(sender, file.levels(), plan, refused, advance, send, max(most, 1), dry_run=dry_run)


def _feed(
    sender: Sender,
    units: Iterator[U],
    plan: PlanOut | RunOut,
    refused: RefusalFile,
    advance: Advance,
    send: Callable[[list[U], dict[str, Any], Counts], list[Refusal]],
    most: int,
    *,
    dry_run: bool,
) -> Counts:
    """Send the batches of a file one after the other, from where an import before this one stopped."""
    counts = Counts()
    start = pass_over(units, plan.rows_done, counts, refused, advance)
    for batch, is_last in sender.batches(units, most):
        rows = note_rows(batch, counts, refused)
        if not plan.is_finished:
            given = {"run": sender.key(), "start": start, "rows": rows, "is_last": is_last, "dry_run": dry_run}
            more = send(batch, given, counts)
            counts.refused += len(more)
            refused.add(more)
        start += rows
        advance(rows)
    return counts


def pass_over(
    units: Iterator[U],
    rows_done: int,
    counts: Counts,
    refused: RefusalFile,
    advance: Advance,
) -> int:
    """Read past what was settled by an import before this one, and return how many rows that are.

    Its refused rows are put aside again: the file of refusals is always the whole file's.
    """
    passed = 0
    while passed < rows_done:
        unit = next(units, None)
        if unit is None:
            break
        passed += note_rows([unit], counts, refused)
        advance(unit.rows)
    return passed


def note_rows(units: Iterable[Unit], counts: Counts, refused: RefusalFile) -> int:
    """Count the rows of a batch and put aside those that could not be read."""
    rows = 0
    for unit in units:
        rows += unit.rows
        if unit.refusals:
            counts.refused += len(unit.refusals)
            refused.add(unit.refusals)
    counts.rows += rows
    return rows


def _taken(units: Iterable[ProductUnit], codes: set[str]) -> list[Refusal]:
    return [
        Refusal(unit.row, "BARCODE_TAKEN", f"barcode {code.code} belongs to another product", unit.cells)
        for unit in units
        if unit.product is not None
        for code in unit.product.barcodes
        if code.code in codes
    ]


def batches_of(units: Iterator[U], most: int) -> Iterator[tuple[list[U], bool]]:
    """Give units in batches of at most so many rows, with whether it is the last; an empty file has one, empty."""
    batch: list[U] = []
    rows = 0
    for unit in units:
        if batch and rows + unit.rows > most:
            yield batch, False
            batch, rows = [], 0
        batch.append(unit)
        rows += unit.rows
    yield batch, True
