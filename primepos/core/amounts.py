"""Amounts: money in minor units, quantities, unit prices, rates, and the only ways to round them.

A total, a tax or a tender is an ``int`` of minor units with an ISO 4217 currency. A unit price is a ``Decimal`` of at
most four places, a quantity of three, a tax of six. Binary floating point is refused wherever it turns up: 0.1 is
not a price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from primepos.core.errors import InvalidInput

RoundingMethod = Literal["half_up", "half_down", "half_even", "up", "down"]

PRICE_PLACES: Final = 4
QUANTITY_PLACES: Final = 3
RATE_PLACES: Final = 4
TAX_PLACES: Final = 6
MAX_UNIT_PRICE: Final = Decimal("9999999999.9999")
MAX_QUANTITY: Final = Decimal("999999999.999")
MAX_TAX: Final = Decimal("999999999.999999")
# The largest integer that every consumer of the API can hold, JavaScript included (2**53 - 1).
MAX_MINOR: Final = 9_007_199_254_740_991

_PLAIN_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
# Far above any amount in a shop, and low enough that an exponent can never blow up into a million digits.
_MAX_DIGITS: Final = 30

# ISO 4217 list one: every currency that has a minor unit. XAU, XDR, XXX and the like have none: no money here.
_TWO_PLACES: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
_OTHER_PLACES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


class InvalidAmount(InvalidInput):
    """A number is not of the shape asked for: not decimal, not finite, too many places, or too large."""

    code = "INVALID_AMOUNT"
    template = "{what}: {problem}"


class UnknownCurrency(InvalidInput):
    """No currency with a minor unit has this ISO 4217 code."""

    code = "UNKNOWN_CURRENCY"
    template = "Unknown currency {currency}"


class CurrencyMismatch(InvalidInput):
    """Two amounts of different currencies were added, subtracted or compared."""

    code = "CURRENCY_MISMATCH"
    template = "{left} and {right} do not mix"


class InvalidAllocation(InvalidInput):
    """An amount cannot be shared: no ratios, a negative ratio, or nothing but zeros."""

    code = "INVALID_ALLOCATION"
    template = "Cannot share an amount: {problem}"


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: three-letter code, and the number of decimals of its minor unit (JPY 0, EUR 2, KWD 3)."""

    code: str
    exponent: int

    @property
    def minor_per_major(self) -> int:
        """How many minor units make one major unit (EUR: 100)."""
        return int(10**self.exponent)


CURRENCIES: Final[dict[str, Currency]] = {
    code: Currency(code, exponent)
    for exponent, codes in ({2: _TWO_PLACES} | _OTHER_PLACES).items()
    for code in codes.split()
}


def currency(code: str) -> Currency:
    """Find a currency by its upper-case ISO 4217 code.

    Raises:
        UnknownCurrency: no currency with a minor unit has this code.
    """
    found = CURRENCIES.get(code)
    if found is None:
        raise UnknownCurrency(currency=repr(code)[:20])
    return found


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: ``minor`` units of the currency with ISO code ``currency``.

    Only amounts of one currency add, subtract or compare; anything else raises :class:`CurrencyMismatch`.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise InvalidAmount(what="money", problem="minor units must be a whole number")

    @classmethod
    def from_decimal(cls, amount: Decimal | str | int, code: str) -> Money:
        """Read an amount in major units; nothing is rounded.

        Raises:
            UnknownCurrency: the code has no minor unit.
            InvalidAmount: more decimals than the currency has, not finite, a float, or beyond 2**53 - 1 minor units.
        """
        unit = currency(code)
        value = parse_decimal(amount, what="amount", places=unit.exponent)
        top, bottom = value.as_integer_ratio()
        minor = top * unit.minor_per_major // bottom
        if abs(minor) > MAX_MINOR:
            raise InvalidAmount(what="amount", problem="too large")
        return cls(minor, code)

    def to_decimal(self) -> Decimal:
        """Give the amount in major units with exactly the currency's decimals (Money(5, "EUR") is 0.05)."""
        return plain_amount(self.minor, currency(self.currency).exponent)

    def __str__(self) -> str:
        return f"{self.to_decimal()} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other)


def plain_amount(minor: int, exponent: int) -> Decimal:
    """Turn minor units into a decimal of exactly ``exponent`` places, whatever the size or the decimal context."""
    sign, digits = (1, -minor) if minor < 0 else (0, minor)
    return Decimal((sign, tuple(map(int, str(digits))), -exponent))


def parse_decimal(value: Decimal | str | int, *, what: str, places: int, maximum: Decimal | None = None) -> Decimal:
    """Read a decimal number exactly, in plain notation with ASCII digits and a point.

    ``places`` is the most decimals that may be significant (1.500 has one), ``maximum`` the largest magnitude.

    Raises:
        InvalidAmount: a float, NaN, infinity, an exponent in text, other digits than 0-9, too many places, too large.
    """
    if isinstance(value, str):
        if not _PLAIN_NUMBER.fullmatch(value):
            raise InvalidAmount(what=what, problem="not a plain decimal number")
        number = Decimal(value)
    elif isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise InvalidAmount(what=what, problem="must be a decimal number or text, never binary floating point")
    else:
        number = _bounded(value, what)
    if number == 0:
        return Decimal(0)
    if maximum is not None and number.copy_abs() > maximum:
        raise InvalidAmount(what=what, problem=f"larger than {maximum}")
    numerator, denominator = number.as_integer_ratio()
    if (10**places) % denominator:
        raise InvalidAmount(what=what, problem=f"more than {places} decimal places")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -places <= exponent <= 0:
        return number
    # 1E+2 and 1.500000 become 100 and 1.500, so that every later text form is a plain one.
    kept = 0 if denominator == 1 else places
    return plain_amount(numerator * 10**kept // denominator, kept)


def _bounded(value: int | Decimal, what: str) -> Decimal:
    if isinstance(value, int):
        if value.bit_length() > 3 * _MAX_DIGITS:
            raise InvalidAmount(what=what, problem="too large")
        return Decimal(value)
    if not value.is_finite():
        raise InvalidAmount(what=what, problem="not a finite number")
    exponent = value.as_tuple().exponent
    if value and (value.adjusted() > _MAX_DIGITS or not isinstance(exponent, int) or exponent < -2 * _MAX_DIGITS):
        raise InvalidAmount(what=what, problem="too large or too fine")
    return value


def parse_quantity(value: Decimal | str | int) -> Decimal:
    """Read a quantity: at most three places (kilograms to the gram), negative for a return.

    Raises:
        InvalidAmount: see :func:`parse_decimal`.
    """
    return parse_decimal(value, what="quantity", places=QUANTITY_PLACES, maximum=MAX_QUANTITY)


def parse_unit_price(value: Decimal | str | int) -> Decimal:
    """Read a unit price in major units: at most four places, since real price lists have them.

    Raises:
        InvalidAmount: see :func:`parse_decimal`.
    """
    return parse_decimal(value, what="unit price", places=PRICE_PLACES, maximum=MAX_UNIT_PRICE)


def parse_tax_amount(value: Decimal | str | int) -> Decimal:
    """Read what a tax bears: percent, or currency units a piece where it is fixed, which in some currencies are many.

    At most six places, negative for a withholding, magnitude below a milliard.

    Raises:
        InvalidAmount: see :func:`parse_decimal`.
    """
    return parse_decimal(value, what="tax", places=TAX_PLACES, maximum=MAX_TAX)


def round_half_up(value: Decimal, step: Decimal) -> Decimal:
    """Round to the nearest multiple of ``step``, a half away from zero (-0.945 at 0.01 is -0.95).

    The result carries the places of ``step``.

    Raises:
        InvalidAmount: the value is a float or not finite, or the step is not above zero.
    """
    top, bottom = _decimal_ratio(value, "value")
    step_top, step_bottom = _decimal_ratio(step, "step")
    if step_top <= 0:
        raise InvalidAmount(what="step", problem="must be above zero")
    steps = divide_half_up(top * step_bottom, bottom * step_top)
    exponent = step.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return plain_amount(steps * step_top * 10**places // step_bottom, places)


def _decimal_ratio(value: object, what: str) -> tuple[int, int]:
    # Annotations stop nobody at run time, and a float that slips in here would look like an amount.
    if not isinstance(value, Decimal):
        raise InvalidAmount(what=what, problem="must be a decimal number, never binary floating point")
    return _bounded(value, what).as_integer_ratio()


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide two integers to the nearest integer, a half away from zero; ``denominator`` must be above zero."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


_STEP_METHODS: Final[dict[str, Callable[[int, int, int], bool]]] = {
    # (whole steps below, remainder, step) of the magnitude -> whether to go up one step
    "half_up": lambda _, rest, step: 2 * rest >= step,
    "half_down": lambda _, rest, step: 2 * rest > step,
    "half_even": lambda whole, rest, step: 2 * rest > step or (2 * rest == step and whole % 2 == 1),
    "up": lambda _, rest, __: rest > 0,
    "down": lambda *_: False,
}


def round_step(value: int, step: int, method: RoundingMethod) -> int:
    """Round minor units to a multiple of ``step`` minor units, as coins ask for (step 5: to five cents).

    Every method works on the magnitude, so a refund rounds as the mirror of its sale: *up* is away from zero.

    Raises:
        InvalidAmount: the step is not above zero, or the method is unknown.
    """
    go_up = _STEP_METHODS.get(method)
    if go_up is None:
        raise InvalidAmount(what="rounding method", problem=f"unknown method {str(method)[:20]!r}")
    if type(step) is not int or type(value) is not int or step <= 0:
        raise InvalidAmount(what="step", problem="value and step must be whole minor units, the step above zero")
    whole, rest = divmod(abs(value), step)
    rounded = (whole + go_up(whole, rest, step)) * step
    return rounded if value >= 0 else -rounded


def allocate(amount: int, ratios: Sequence[int]) -> list[int]:
    """Share minor units by ratios so that the shares sum exactly to ``amount``.

    Each share is cut toward zero; the units left over go one by one to the largest ratios first, ties in list order,
    never to a zero ratio. A negative amount shares as the mirror of the positive one.

    Raises:
        InvalidAllocation: no ratios, a negative ratio, or nothing but zeros.
    """
    if not ratios:
        raise InvalidAllocation(problem="no ratios given")
    if min(ratios) < 0:
        raise InvalidAllocation(problem="a ratio is negative")
    total = sum(ratios)
    if total == 0:
        raise InvalidAllocation(problem="every ratio is zero")
    size = abs(amount)
    shares = [size * ratio // total for ratio in ratios]
    left = size - sum(shares)
    # Cutting loses less than one unit a non-zero ratio, so the first `left` of them always exist.
    for index in sorted(range(len(ratios)), key=lambda i: -ratios[i])[:left]:
        shares[index] += 1
    return shares if amount >= 0 else [-share for share in shares]
