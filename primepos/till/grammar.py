"""What a typed or scanned line means. Pure: text and mode in, command out; every other character is inert."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from primepos.core.amounts import InvalidAmount, parse_quantity
from primepos.till.errors import NotUnderstood
from primepos.till.figures import read_decimal

# As long as the longest code a scanner sends, with a quantity before it.
MAX_LENGTH: Final = 64
_NUMBER: Final = re.compile(r"[0-9]{0,15}(?:[.,][0-9]{0,4})?")
_QUANTITY: Final = re.compile(r"(?P<quantity>[0-9]{0,15}(?:[.,][0-9]{0,4})?)\*(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Enter on an empty line."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code to sell, ``quantity`` times what one scan of it means."""

    code: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity for the selected line."""

    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Discount:
    """A ticket discount: a percentage, or an amount as it was typed."""

    percent: Decimal | None = None
    amount: str | None = None


def clean(text: str) -> str:
    """Return the characters of a typed or pasted text that can mean anything: visible ones and blanks between them.

    Control characters and escape sequences' bytes are dropped, and nothing longer than a code can be is kept.
    """
    return "".join(sign for sign in text if sign.isprintable())[:MAX_LENGTH]


def is_number(text: str) -> bool:
    """Tell whether a text is an amount, a quantity or the beginning of one; an empty one is not."""
    return bool(text) and bool(_NUMBER.fullmatch(text))


def read_sale(text: str) -> Nothing | Code | Quantity:
    """Read a line of the sale screen: a code, ``n*code``, ``n*`` or nothing.

    Raises:
        NotUnderstood: a quantity that is zero, too large or of more than three places.
    """
    text = clean(text).strip()
    if not text:
        return Nothing()
    found = _QUANTITY.fullmatch(text)
    if not found:
        return Code(text)
    quantity = read_quantity(found["quantity"])
    rest = found["rest"].strip()
    return Code(rest, quantity) if rest else Quantity(quantity)


def read_quantity(text: str) -> Decimal:
    """Read a quantity above zero with at most three places.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        quantity = parse_quantity(read_decimal(text))
    except InvalidAmount as error:
        raise NotUnderstood(text=text[:40], problem=str(error.data.get("problem", error.message))) from None
    if not quantity:
        raise NotUnderstood(text=text[:40], problem="the quantity must be above zero")
    return quantity


def read_percent(text: str) -> Decimal:
    """Read a percentage from 0 to 100 with at most four places.

    Raises:
        NotUnderstood: it is none.
    """
    percent = read_decimal(text)
    if percent > 100:
        raise NotUnderstood(text=text[:40], problem="a discount is at most 100 %")
    return percent


def read_discount(text: str) -> Discount:
    """Read a ticket discount: ``10`` or ``10%`` is percent, ``-2.50`` an amount.

    Raises:
        NotUnderstood: neither.
    """
    text = clean(text).strip()
    if text.startswith("-"):
        read_decimal(text[1:])
        return Discount(amount=text[1:])
    return Discount(percent=read_percent(text.removesuffix("%").rstrip()))
