"""Whether an export is what was sealed: needs the file and nothing else, no database and no installation.

Every sale's content is hashed again and held against its link; the links are walked from the first number of each
series to the head that the seal of the export names; closings are added up again. So what was changed, taken out, put
in, put elsewhere or cut off is named. Who holds the public key of the shop from another source knows as well that the
seal itself is the shop's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from primepos.core.errors import InvalidInput
from primepos.domain.fiscal.schemas import ClosingOut, ExportedSale, Outline, SeriesOutline
from primepos.domain.fiscal.sealing import closing_hash, is_signed, outline_digest
from primepos.domain.sales.chain import GENESIS, body_hash, link_hash, receipt_number

Kind = Literal["changed", "missing", "inserted", "reordered", "cut_off", "closing", "seal"]
MOST_PROBLEMS = 1000


class NotAnExport(InvalidInput):
    """The file does not begin as an export of this format does."""

    code = "NOT_AN_EXPORT"
    template = "This is no fiscal export: {problem}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as sealed: where, and what is wrong."""

    kind: Kind
    series: str
    number: int | None
    problem: str


@dataclass(slots=True)
class Verified:
    """What was looked at and found. ``pending`` are numbers that the shop itself declared as not delivered yet."""

    shop: str
    key: str
    sales: int = 0
    series: int = 0
    closings: int = 0
    pending: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything is as it was sealed."""
        return not self.findings


_FIGURES = ("base", "tax", "rounding", "value", "total")


@dataclass(slots=True)
class _Sums:
    """What the numbers of one closing add up to."""

    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FIGURES, 0))
    taxes: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    sold: int = 0

    def add(self, sale: ExportedSale) -> None:
        """Count one sale."""
        self.counts[sale.kind] = self.counts.get(sale.kind, 0) + 1
        for name in _FIGURES:
            self.figures[name] += getattr(sale, name)
        if sale.kind == "sale":
            self.sold += sale.total
        for tax in sale.taxes:
            sums = self.taxes.setdefault((tax.code, f"{tax.rate:.6f}"), [0, 0])
            sums[0] += tax.base
            sums[1] += tax.amount

    def fits(self, closing: ClosingOut) -> bool:
        """Tell whether a closing says the same."""
        return (
            [closing.sales, closing.voids, closing.refunds]
            == [self.counts.get(kind, 0) for kind in ("sale", "void", "refund")]
            and [getattr(closing, name) for name in _FIGURES] == [self.figures[name] for name in _FIGURES]
            and closing.sold == self.sold
            and {(each.code, f"{each.rate:.6f}"): [each.base, each.amount] for each in closing.taxes} == self.taxes
        )


@dataclass(slots=True)
class _Walk:
    """Where the walk along one series stands."""

    outline: SeriesOutline
    closings: dict[str, list[ClosingOut]]
    number: int = 0
    head: str = GENESIS
    seen: int = 0
    sums: dict[str, _Sums] = field(default_factory=dict)


def verify_export(lines: Iterable[bytes], *, key: str | None = None) -> Verified:
    """Walk an export line by line; ``key`` is the shop's public key, where it is known from elsewhere.

    Raises:
        NotAnExport: the first line is no outline.
    """
    source = iter(lines)
    outline = _outline(next(source, b""))
    found = Verified(shop=outline.shop, key=outline.key, series=len(outline.series), closings=len(outline.closings))
    walks = {each.series: _Walk(each, _by_period(outline.closings, each.series)) for each in outline.series}
    for finding in _all_findings(outline, key, source, walks, found):
        found.findings.append(finding)
        if len(found.findings) >= MOST_PROBLEMS:
            break
    return found


def _all_findings(
    outline: Outline, key: str | None, source: Iterator[bytes], walks: dict[str, _Walk], found: Verified
) -> Iterator[Finding]:
    yield from _seal_findings(outline, key)
    yield from _closing_findings(outline)
    for place, line in enumerate(source, 2):
        if not line.strip():
            continue
        try:
            sale = msgspec.json.decode(line, type=_SaleLine).sale
        except msgspec.DecodeError as error:
            yield Finding("changed", "", None, f"line {place} is no sale: {error}")
            continue
        found.sales += 1
        walk = walks.get(sale.series)
        if walk is None:
            yield Finding("inserted", sale.series, sale.number, "this series is not in the seal of the export")
            continue
        yield from _step(walk, sale)
    for walk in walks.values():
        found.pending += len(walk.outline.missing)
        yield from _end(walk)


class _OutlineLine(msgspec.Struct, frozen=True):
    outline: Outline


class _SaleLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sale: ExportedSale


def _outline(line: bytes) -> Outline:
    try:
        return msgspec.json.decode(line, type=_OutlineLine).outline
    except msgspec.DecodeError as error:
        raise NotAnExport(problem=str(error)) from None


def _by_period(closings: Iterable[ClosingOut], series: str) -> dict[str, list[ClosingOut]]:
    found: dict[str, list[ClosingOut]] = {}
    for each in closings:
        if each.series == series:
            found.setdefault(each.period, []).append(each)
    return found


def _seal_findings(outline: Outline, key: str | None) -> Iterator[Finding]:
    if not is_signed(outline.key, outline_digest(outline), outline.signature):
        yield Finding("seal", "", None, "the seal of the export is not of its heads and closings")
    if key is not None and key.strip().lower() != outline.key.lower():
        yield Finding("seal", "", None, "the export was sealed with another key than the one given")


def _closing_findings(outline: Outline) -> Iterator[Finding]:
    """Look at what closings say of themselves and of the one before; their sums are held against the sales later."""
    last: dict[tuple[str, str], ClosingOut] = {}
    for each in outline.closings:
        before = last.get((each.series, each.period))
        name = f"{each.period} closing {each.closing_no}"
        if closing_hash(each) != each.hash:
            yield Finding("closing", each.series, each.to_number, f"{name} is not what was sealed")
        follows = (1, 1, GENESIS, 0, 0)
        if before is not None:
            follows = (
                before.closing_no + 1, before.to_number + 1, before.hash, before.grand_total, before.grand_sold,
            )  # fmt: skip
        told = (
            each.closing_no, each.from_number, each.prev_hash, each.grand_total - each.total,
            each.grand_sold - each.sold,
        )  # fmt: skip
        if told != follows:
            yield Finding("closing", each.series, each.from_number, f"{name} does not follow the one before it")
        last[each.series, each.period] = each


def _step(walk: _Walk, sale: ExportedSale) -> Iterator[Finding]:
    """Go one sale further along its series."""
    series, number = sale.series, sale.number
    prefix = series.rpartition("/")[0]
    body = body_hash(**{name: getattr(sale, name) for name in _SEALED}, sale_id=sale.id)
    sound = link_hash(sale.prev_hash, series, number, body) == sale.hash
    if not sound or sale.receipt != receipt_number(prefix, number):
        yield Finding("changed", series, number, f"sale {sale.receipt} is not what was sealed")
    if number <= walk.number:
        yield Finding("reordered", series, number, f"sale {sale.receipt} stands after number {walk.number}")
        return
    walk.seen += 1
    if number > walk.outline.last_number:
        yield Finding("inserted", series, number, f"sale {sale.receipt} comes after the end that was sealed")
    gone = [each for each in _between(walk.number, number) if each not in walk.outline.missing]
    if gone:
        yield Finding("missing", series, gone[0], f"{len(gone)} sale(s) from number {gone[0]} on are not there")
    elif number == walk.number + 1 and sale.prev_hash != walk.head:
        yield Finding("inserted", series, number, f"sale {sale.receipt} does not follow the one before it")
    walk.number, walk.head = number, sale.hash
    yield from _add_up(walk, sale)


_SEALED = (
    "kind", "void_of", "reason", "shift_id", "business_date", "sold_at", "cashier", "currency", "lines", "taxes",
    "payments", "returns", "base", "tax", "rounding", "total", "value", "customer_id", "salesperson_id", "note",
)  # fmt: skip


def _between(last: int, number: int) -> range:
    return range(last + 1, number)


def _add_up(walk: _Walk, sale: ExportedSale) -> Iterator[Finding]:
    """Count a sale for the closing of each kind that covers it; at the last one hold the closing against the sum."""
    for period, closings in walk.closings.items():
        covering = next((each for each in closings if each.from_number <= sale.number <= each.to_number), None)
        if covering is None:
            continue
        sums = walk.sums.setdefault(period, _Sums())
        sums.add(sale)
        if sale.number == covering.to_number:
            del walk.sums[period]
            if not sums.fits(covering) or covering.last_hash != sale.hash:
                name = f"{period} closing {covering.closing_no}"
                yield Finding("closing", sale.series, sale.number, f"{name} is not the sum of its sales")


def _end(walk: _Walk) -> Iterator[Finding]:
    outline = walk.outline
    if walk.number < outline.last_number:
        yield Finding(
            "cut_off", outline.series, walk.number + 1,
            f"the series ends with number {walk.number}, sealed were {outline.last_number}",
        )  # fmt: skip
    elif walk.head != outline.last_hash:
        yield Finding("changed", outline.series, walk.number, "the last sale is not the one that was sealed")
    declared = outline.last_number - len(outline.missing)
    if outline.sales != declared and len(outline.missing) < _MOST_DECLARED:
        yield Finding("seal", outline.series, None, "the numbers said to be missing are not those that are")


_MOST_DECLARED = 100


def told(found: Verified) -> dict[str, Any]:
    """Return a result as a record to print."""
    return {
        "ok": found.ok, "shop": found.shop, "key": found.key, "series": found.series, "sales": found.sales,
        "closings": found.closings, "pending": found.pending,
        "problems": [
            {"kind": each.kind, "series": each.series, "number": each.number, "problem": each.problem}
            for each in found.findings
        ],
    }  # fmt: skip
