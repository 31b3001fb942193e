"""Which column means what in a file nobody has seen before: a proposal, with samples, for a person to correct.

Only a column with a known name is ever taken by itself. Everything else that is proposed here (by a name that is like a
known one, or by what stands in the column) is shown and asked about.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from primepos.domain.importing.cells import bare_number, clean
from primepos.domain.importing.clocks import parse_in_order
from primepos.domain.importing.errors import UnknownColumn, UnknownField
from primepos.domain.importing.tables import column_key, own_column, rows

if TYPE_CHECKING:
    from primepos.domain.importing.files import SourceFile
    from primepos.domain.importing.tables import Layout, Wanted

SAMPLE_ROWS: Final = 50
_SHOWN: Final = 3
_LEAST_LIKE: Final = 0.75
_MOST_OF: Final = 0.8
_NUMBER: Final = re.compile(r"[+-]?\d[\d.,]*", re.ASCII)
_CODE: Final = re.compile(r"\d{8}|\d{12,14}", re.ASCII)
_MONEY: Final = re.compile(r"[+-]?\d+([.,]\d{3})*[.,]\d{2,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column may mean: the field, the column, some of what stands in it, and whether its name says so."""

    field: str
    column: str
    samples: tuple[str, ...]
    is_certain: bool


def fingerprint_of_header(header: Iterable[str]) -> str:
    """Return what files of one shape have in common: their columns' names, in whatever order."""
    keys = sorted(column_key(name) for name in header if own_column(name))
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def read_pairs(pairs: Sequence[str], header: Sequence[str], wanted: Mapping[str, Wanted]) -> dict[str, str]:
    """Return column to field from ``FIELD=COLUMN`` (or ``COLUMN=FIELD``); a column's name may hold signs of equality.

    Raises: :class:`UnknownField`, :class:`UnknownColumn`.
    """
    keys = {column_key(name) for name in header if own_column(name)}
    found: dict[str, str] = {}
    for pair in pairs:
        tries = [(pair[:n].strip(), pair[n + 1 :].strip()) for n, sign in enumerate(pair) if sign == "="]
        ways = [(right, left) for left, right in tries if left in wanted and column_key(right) in keys]
        ways += [(left, right) for left, right in tries if right in wanted and column_key(left) in keys]
        if not ways:
            named = [part for each in tries for part in each if part in wanted]
            if not named:
                raise UnknownField(field=pair, fields=", ".join(wanted))
            column = next(part for each in tries for part in each if part not in wanted or each[0] == each[1])
            raise UnknownColumn(column=column, columns=", ".join(name[:40] for name in header))
        found[ways[0][0]] = ways[0][1]
    return found


def propose(file: SourceFile, layout: Layout, wanted: Mapping[str, Wanted]) -> list[Proposal]:
    """Return what each field may be found in: first what names say, then what is like a name, then what looks so.

    At most one column a field and one field a column; fields for which nothing speaks are left out.
    """
    sample = [cells for _, cells in islice(rows(file, layout), SAMPLE_ROWS)]
    columns = {name: place for place, name in enumerate(layout.header) if name.strip() and own_column(name)}
    texts = {
        name: [clean(cells[place]) for cells in sample if place < len(cells) and clean(cells[place])]
        for name, place in columns.items()
    }
    certain = {field: layout.header[place] for field, place in layout.places.items()}
    taken = set(certain.values())
    scored = sorted(
        (
            (-_likeness(column, field, each) - _looks(field, texts[column]), rank, field, column)
            for rank, (field, each) in enumerate(wanted.items())
            if field not in certain and field not in layout.fixed
            for column in columns
            if column not in taken
        ),
        key=lambda score: score[:2],
    )
    found = dict(certain)
    for score, _, field, column in scored:
        if score < 0 and field not in found and column not in taken:
            found[field] = column
            taken.add(column)
    return [
        Proposal(field, found[field], tuple(dict.fromkeys(texts.get(found[field], [])))[:_SHOWN], field in certain)
        for field in wanted
        if field in found
    ]


def _likeness(column: str, field: str, wanted: Wanted) -> int:
    """Return how much a column's name is like one that the field goes by, in percent; less than enough is nothing."""
    key = column_key(column)
    if not key:
        return 0
    best = 0.0
    for alias in map(column_key, (field, *wanted.aliases)):
        if len(alias) >= 3 and (alias in key or (len(key) >= 4 and key in alias)):
            best = max(best, _LEAST_LIKE + 0.2 * min(len(alias), len(key)) / max(len(alias), len(key)))
        best = max(best, difflib.SequenceMatcher(None, key, alias).ratio())
    return int(best * 100) if best >= _LEAST_LIKE else 0


def _share(texts: Sequence[str], test: Callable[[str], object], least: float = _MOST_OF) -> bool:
    return bool(texts) and sum(bool(test(text)) for text in texts) >= least * len(texts)


def _is_money(text: str) -> bool:
    return _MONEY.fullmatch(bare_number(text)) is not None


def _looks(field: str, texts: Sequence[str]) -> int:
    """Return how much a column looks like what the field holds; names weigh more than looks."""
    if not texts:
        return 0
    if field == "barcode":
        return 60 if _share(texts, _CODE.fullmatch) else 0
    if field in {"unit_price", "cost"}:
        return 40 if _share(texts, _is_money, 0.5) else 0
    if field == "quantity":
        return 15 if _share(texts, lambda text: _NUMBER.fullmatch(bare_number(text))) else 0
    if field in {"sold_at", "born_on"}:
        return 50 if _share(texts, lambda text: parse_in_order(text, "dmy") or parse_in_order(text, "mdy")) else 0
    if field == "email":
        return 60 if _share(texts, lambda text: "@" in text) else 0
    if field == "sku":
        if _share(texts, _CODE.fullmatch):
            return -40
        distinct = len(set(texts)) == len(texts) and not any(map(_is_money, texts))
        return 20 if distinct and len(texts) > 1 and _share(texts, lambda text: " " not in text) else 0
    if field == "name":
        # Of two columns of words the one with the longer ones is the name.
        length = sum(map(len, texts)) // len(texts)
        return 15 + min(length, 15) if _share(texts, lambda text: sum(map(str.isalpha, text)) >= 3) else 0
    return 0
