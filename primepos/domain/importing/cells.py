"""Cells of a table as values: numbers, moments and texts the way other systems write them.

Everything here is remembered for a while, since the same prices, names and times come again and again in a file.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from primepos.core.amounts import MAX_MINOR, InvalidAmount, divide_half_up, parse_quantity, parse_unit_price
from primepos.core.texts import Code, Name, Sku
from primepos.domain.catalog.schemas import tidy_goods
from primepos.domain.importing.clocks import ORDERS, parse_in_order

_REMEMBERED: Final = 1 << 16
# Signs of currencies, spaces of every kind and the letters that stand for currencies go; digits must be left.
_NOT_NUMBER: Final = re.compile(
    r"[A-Z]{3}(?=\W*\d)|(?<=\d)\s*(?:[A-Z]{3}|kr|zł|Kč|Ft|лв|₽)\.?$|[\s\u00a0\u202f$€£¥₹'’]"
)
_PLAIN: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_EXPONENT: Final = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d{1,2}", re.ASCII)
# By threes, or as in India by twos above the first thousand: 12,34,567.00.
_GROUPED: Final = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?", re.ASCII)
_SWAPPED: Final = str.maketrans(",.", ".,")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2100


class CellProblem(Exception):
    """A cell is not what its column must hold. ``code`` is stable, ``problem`` says what is wrong in words."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem


class Exact(str):
    """A cell that is the value to the letter: nothing is taken off it."""

    __slots__ = ()


def clean(cell: str) -> str:
    """Return a cell without blanks around it, and without the apostrophe that keeps a spreadsheet from meddling.

    Such an apostrophe stands before a would-be formula or a number that is a text. A formula stays the text it is;
    nothing is ever worked out.
    """
    if type(cell) is Exact:
        return str(cell)
    cell = cell.strip()
    if cell[:1] == "'" and len(cell) > 1 and (cell[1] in _FORMULA or cell[1:].isdecimal()):
        return cell[1:]
    return cell


@lru_cache(_REMEMBERED, typed=True)
def read_sku(cell: str, what: str = "code") -> str:
    """Return a code or number as text, to the letter: case and leading zeros belong to it."""
    return _text(clean(cell), Sku, what)


@lru_cache(_REMEMBERED, typed=True)
def read_name(cell: str) -> str:
    """Return a name on one line with single blanks between words; an empty one stays empty."""
    name = tidy_goods(clean(cell))
    return _text(name, Name, "name") if name else ""


@lru_cache(_REMEMBERED, typed=True)
def read_tax_class(cell: str) -> str:
    """Return the code of a tax class."""
    return _text(clean(cell), Code, "tax class")


def _text(text: str, kind: object, what: str) -> str:
    if not text:
        raise CellProblem("MISSING_VALUE", f"{what} is empty")
    if "\x00" in text:
        raise CellProblem("NUL_CHARACTER", f"{what} contains a NUL character")
    try:
        return msgspec.convert(text, type=kind)  # type: ignore[no-any-return]  # an Annotated str
    except msgspec.ValidationError:
        raise CellProblem("TEXT_REFUSED", f"{what} is too long or contains characters that cannot be shown") from None


@lru_cache(_REMEMBERED)
def read_quantity(cell: str, decimal_comma: bool = False) -> str:
    """Return a quantity in plain notation, at most three places; negative for what came back."""
    try:
        return f"{parse_quantity(_number(cell, 'quantity', decimal_comma)):f}"
    except InvalidAmount as error:
        raise CellProblem("BAD_NUMBER", error.message) from None


@lru_cache(_REMEMBERED)
def read_price(cell: str, decimal_comma: bool = False) -> str:
    """Return a unit price in plain notation, in currency units, at most four places."""
    try:
        return f"{parse_unit_price(_number(cell, 'unit price', decimal_comma)):f}"
    except InvalidAmount as error:
        raise CellProblem("BAD_NUMBER", error.message) from None


@lru_cache(_REMEMBERED)
def read_amount(cell: str, what: str, exponent: int, decimal_comma: bool = False) -> int:
    """Return an amount of money in minor units; more decimals than the currency has are refused unless zeros."""
    minor = _number(cell, what, decimal_comma).scaleb(exponent)
    if minor != minor.to_integral_value() or abs(minor) > MAX_MINOR:
        raise CellProblem("BAD_NUMBER", f"{what} is no amount of this currency")
    return int(minor)


def bare_number(cell: str) -> str:
    """Return what is left of a number without currencies, blanks and Swiss apostrophes; a true minus becomes ``-``."""
    bare = _NOT_NUMBER.sub("", clean(cell)).replace("\u2212", "-")
    # 12.50- as some ledgers write it.
    return f"-{bare[:-1]}" if len(bare) > 1 and bare[-1] == "-" and bare[0] != "-" else bare


def _number(cell: str, what: str, decimal_comma: bool) -> Decimal:
    """Read 1,149.00, $8.00, -$3.00, ($33.62), 1e3 or 17850.0; with a decimal comma 1.149,00."""
    text = clean(cell)
    if _PLAIN.fullmatch(text) and not decimal_comma:
        return Decimal(text)
    if not text:
        raise CellProblem("MISSING_VALUE", f"{what} is empty")
    bare = bare_number(text)
    if decimal_comma:
        bare = bare.translate(_SWAPPED)
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    if not (_PLAIN.fullmatch(bare) or _EXPONENT.fullmatch(bare)):
        raise CellProblem("BAD_NUMBER", f"{what} is no number")
    return Decimal(bare)


@lru_cache(_REMEMBERED)
def line_total(quantity: str, unit_price: str, exponent: int) -> int:
    """Return quantity times price in minor units of a currency with ``exponent`` decimals, a half away from zero.

    Raises: :class:`InvalidAmount` for what is no quantity or price, or more than 2**53 - 1 minor units.
    """
    top, bottom = parse_quantity(quantity).as_integer_ratio()
    price_top, price_bottom = parse_unit_price(unit_price).as_integer_ratio()
    total = divide_half_up(top * price_top * 10**exponent, bottom * price_bottom)
    if abs(total) > MAX_MINOR:
        raise InvalidAmount(what="line total", problem="too large")
    return total


@lru_cache(_REMEMBERED)
def read_moment(cell: str, zone: str, formats: tuple[str, ...], first_year: int = _FIRST_YEAR) -> tuple[datetime, date]:
    """Return the moment in UTC and the local day of a time as people in ``zone`` read it off the wall.

    ISO 8601 is understood, with an offset or without, and each of ``formats``: a pattern as for strptime, or an order
    (dmy, mdy, ymd) with any of the usual signs between and a clock of 12 or 24 hours. Months by their English names
    and days parted by dots are understood without. An hour that happened twice is taken for its first time.
    """
    text = clean(cell)
    if not text:
        raise CellProblem("MISSING_VALUE", "date is empty")
    at = _parsed(text, formats)
    if not first_year <= at.year <= _LAST_YEAR:
        raise CellProblem("BAD_DATE", f"date is not between {first_year} and {_LAST_YEAR}")
    local = at.replace(tzinfo=ZoneInfo(zone)) if at.tzinfo is None else at.astimezone(ZoneInfo(zone))
    return local.astimezone(UTC), local.date()


def _parsed(text: str, formats: tuple[str, ...]) -> datetime:
    for pattern in formats:
        if pattern in ORDERS:
            if (at := parse_in_order(text, pattern)) is not None:
                return at
            continue
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is put on by the caller
        except ValueError:
            continue
    if (at := parse_in_order(text, None)) is not None:
        return at
    # Python 3.11 takes 20260302 for a date; such a cell is as likely a number of something.
    if text[4:5] == "-":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise CellProblem("BAD_DATE", "date is not written as 2026-03-02 14:05")


_WORDS: Final = {
    "yes": True, "y": True, "true": True, "1": True, "on": True,
    "no": False, "n": False, "false": False, "0": False, "off": False,
}  # fmt: skip


def read_choice(cell: str, what: str) -> bool | None:
    """Return yes or no, or None for an empty cell."""
    text = clean(cell).casefold()
    if not text:
        return None
    if text not in _WORDS:
        raise CellProblem("BAD_CHOICE", f"{what} is neither yes nor no")
    return _WORDS[text]
