"""Figures as people write them: amounts, prices and quantities by currency and locale, and how typed ones are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal

from primepos.core.amounts import MAX_MINOR, Currency, Money, plain_amount
from primepos.till.errors import NotUnderstood

_MOST_DIGITS: Final = 6
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,4})?|[.,][0-9]{1,4}")


def locale_of(country: str) -> str:
    """Return the likeliest locale of a country (``DE``: ``de_DE``); English where nothing is known of it."""
    try:
        return str(Locale.parse(f"und_{country}")) if country else "en_US"
    except (UnknownLocaleError, ValueError):
        return "en_US"


def read_decimal(text: str) -> Decimal:
    """Read what a cashier typed as a number: a point or a comma before the decimals, at most four of them.

    Raises:
        NotUnderstood: anything else than digits with at most one point or comma.
    """
    if not _AMOUNT.fullmatch(text):
        raise NotUnderstood(text=text[:40], problem="a number is needed")
    return Decimal(text.replace(",", "."))


@dataclass(frozen=True, slots=True)
class Figures:
    """Writes and reads the figures of one currency in one locale. Amounts are minor units."""

    currency: Currency
    locale: str = "en_US"
    _pattern: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        decimals = "0" * self.currency.exponent
        object.__setattr__(self, "_pattern", f"#,##0.{decimals}" if decimals else "#,##0")

    def amount(self, minor: int) -> str:
        """Write an amount without its currency (1234 EUR cents in German: ``12,34``)."""
        return _decimal(plain_amount(minor, self.currency.exponent), self._pattern, self.locale)

    def money(self, minor: int) -> str:
        """Write an amount with its currency where the locale puts it (``12,34 €``)."""
        return _money(plain_amount(minor, self.currency.exponent), self.currency.code, self.locale)

    def price(self, price: Decimal) -> str:
        """Write a unit price: the currency's decimals, or up to four where the price has more."""
        exponent = price.normalize().as_tuple().exponent
        places = max(self.currency.exponent, -exponent if isinstance(exponent, int) else 0)
        return _decimal(price, f"#,##0.{'0' * places}" if places else "#,##0", self.locale)

    def quantity(self, quantity: Decimal) -> str:
        """Write a quantity with the decimals it has (``3``, ``0,275``)."""
        return _decimal(quantity, "#,##0.###", self.locale)

    def percent(self, percent: Decimal) -> str:
        """Write a percentage with the decimals it has (``19 %`` is ``19``)."""
        return _decimal(percent, "#,##0.####", self.locale)

    def read(self, text: str) -> int:
        """Read a typed amount in major units as minor units; nothing is rounded.

        Raises:
            NotUnderstood: no number, or more decimals than the currency has.
        """
        value = read_decimal(text)
        top, bottom = (value * self.currency.minor_per_major).as_integer_ratio()
        if bottom != 1:
            problem = f"{self.currency.code} has {self.currency.exponent} decimals"
            raise NotUnderstood(text=text[:40], problem=problem)
        if top > MAX_MINOR:
            raise NotUnderstood(text=text[:40], problem="the amount is too large")
        return top

    def read_count(self, text: str) -> tuple[int, dict[str, int] | None]:
        """Read counted cash: a total (``103.50``), or pieces of coins and notes (``2*50 3*1 1*0.5``).

        Returns the total in minor units, and the pieces by their value in minor units, None for a plain total.

        Raises:
            NotUnderstood: neither of the two.
        """
        if "*" not in text:
            return self.read(text), None
        pieces: dict[str, int] = {}
        for part in text.split():
            count, star, value = part.partition("*")
            if not (star and count.isascii() and count.isdigit() and len(count) <= _MOST_DIGITS):
                raise NotUnderstood(text=part[:40], problem="write pieces as 2*50: how many, then of what")
            worth = self.read(value)
            if not worth:
                raise NotUnderstood(text=part[:40], problem="no coin is worth nothing")
            pieces[str(worth)] = pieces.get(str(worth), 0) + int(count)
        total = sum(int(worth) * count for worth, count in pieces.items())
        if total > MAX_MINOR:
            raise NotUnderstood(text=text[:40], problem="the amount is too large")
        return total, pieces

    def to_money(self, minor: int) -> Money:
        """Return minor units as an amount with its currency."""
        return Money(minor, self.currency.code)


@lru_cache(maxsize=4096)
def _decimal(value: Decimal, pattern: str, locale: str) -> str:
    return _plain_blanks(format_decimal(value, format=pattern, locale=locale, decimal_quantization=False))


@lru_cache(maxsize=1024)
def _money(value: Decimal, code: str, locale: str) -> str:
    return _plain_blanks(format_currency(value, code, locale=locale, decimal_quantization=False))


def _plain_blanks(text: str) -> str:
    # Receipt printers and terminals do not all know the blanks that locales prefer.
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u200e", "").replace("\u200f", "")
