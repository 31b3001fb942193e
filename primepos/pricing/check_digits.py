"""Check digits and what a code is by its shape: EAN, UPC, GTIN, ISBN, and the inner digits of price labels.

Everything here takes a code as scanned: ASCII digits without spaces or hyphens. Nothing is guessed or repaired.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_ISBN_10: Final = re.compile(r"[0-9]{9}[0-9X]", re.ASCII)
_GTIN_LENGTHS: Final = {8: "EAN-8", 12: "UPC-A", 13: "EAN-13", 14: "GTIN-14", 18: "SSCC-18"}

# The weighting products of the GS1 General Specifications for the check digit inside a price or weight field.
_TIMES_2_MINUS: Final = (0, 2, 4, 6, 8, 9, 1, 3, 5, 7)
_TIMES_3: Final = (0, 3, 6, 9, 2, 5, 8, 1, 4, 7)
_TIMES_5_PLUS: Final = (0, 5, 1, 6, 2, 7, 3, 8, 4, 9)
_TIMES_5_MINUS: Final = (0, 5, 9, 4, 8, 3, 7, 2, 6, 1)
_FOUR_DIGITS: Final = (_TIMES_2_MINUS, _TIMES_2_MINUS, _TIMES_3, _TIMES_5_MINUS)
_FIVE_DIGITS: Final = (_TIMES_5_PLUS, _TIMES_2_MINUS, _TIMES_5_MINUS, _TIMES_5_PLUS, _TIMES_2_MINUS)


@dataclass(frozen=True, slots=True)
class CodeKind:
    """What a code is: its symbology, whether its check digit holds (None: it has none), and its 14-digit GTIN.

    ``gtin`` is None for what is no GTIN. ``canonical`` is the form to store and compare: a GTIN without the zeros it
    was padded with (8, 12 or 13 digits become 13, EAN-8 stays), an ISBN-10 as its EAN-13, a UPC-E as its UPC-A.
    """

    symbology: str
    check_digit_ok: bool | None
    gtin: str | None = None
    canonical: str | None = None


def mod10(digits: str) -> int:
    """Compute the GS1 check digit (weights 3 and 1 from the right) of the digits before it."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(map(int, digits[-2::-2]))
    return -(3 * odd + even) % 10


def gtin_holds(code: str) -> bool:
    """Tell whether the last digit is the GS1 check digit of those before it."""
    return len(code) > 1 and _DIGITS.fullmatch(code) is not None and mod10(code[:-1]) == int(code[-1])


def isbn10_holds(code: str) -> bool:
    """Tell whether a ten-character ISBN ends in its check digit (X is ten)."""
    if not _ISBN_10.fullmatch(code):
        return False
    values = [10 if sign == "X" else int(sign) for sign in code]
    return sum((10 - i) * value for i, value in enumerate(values)) % 11 == 0


def value_check_digit(value: str) -> int:
    """Compute the check digit that stands beside a four- or five-digit price or weight inside a label's code.

    Raises:
        ValueError: GS1 defines none for another number of digits.
    """
    if len(value) == len(_FOUR_DIGITS):
        return sum(products[int(digit)] for products, digit in zip(_FOUR_DIGITS, value, strict=True)) * 3 % 10
    if len(value) == len(_FIVE_DIGITS):
        total = sum(products[int(digit)] for products, digit in zip(_FIVE_DIGITS, value, strict=True))
        return _TIMES_5_MINUS.index(-total % 10)
    raise ValueError(f"no check digit is defined for {len(value)} digits")


def expand_upc_e(code: str) -> str | None:
    """Give the UPC-A that an eight-digit UPC-E stands for; None if it is not one (its number system is 0 or 1)."""
    if len(code) != 8 or not _DIGITS.fullmatch(code) or code[0] not in "01":
        return None
    system, body, last, check = code[0], code[1:6], code[6], code[7]
    if last in "012":
        maker, item = f"{body[:2]}{last}00", f"00{body[2:]}"
    elif last == "3":
        maker, item = f"{body[:3]}00", f"000{body[3:]}"
    elif last == "4":
        maker, item = f"{body[:4]}0", f"0000{body[4]}"
    else:
        maker, item = body, f"0000{last}"
    return f"{system}{maker}{item}{check}"


def classify(code: str) -> CodeKind:
    """Say what a scanned code is.

    Eight digits are an EAN-8 if its check digit holds, else a UPC-E if that one does. Where both hold and it begins
    with 0, it is the UPC-E: GS1 gives out no EAN-8 that begins so.
    """
    if isbn10_holds(code):
        ean = f"978{code[:9]}{mod10(f'978{code[:9]}')}"
        return CodeKind("ISBN-10", check_digit_ok=True, gtin=f"0{ean}", canonical=ean)
    symbology = _GTIN_LENGTHS.get(len(code)) if _DIGITS.fullmatch(code) else None
    if symbology is None:
        if _ISBN_10.fullmatch(code):
            return CodeKind("ISBN-10", check_digit_ok=False)
        return CodeKind("internal", check_digit_ok=None)
    holds = gtin_holds(code)
    if symbology == "EAN-8" and (not holds or code.startswith("0")):
        upc_a = expand_upc_e(code)
        if upc_a is not None and gtin_holds(upc_a):
            return CodeKind("UPC-E", check_digit_ok=True, gtin=f"00{upc_a}", canonical=f"0{upc_a}")
    if symbology == "EAN-13" and code.startswith(("978", "979")):
        symbology = "ISBN-13"
    elif symbology == "EAN-13" and code.startswith("977"):
        symbology = "ISSN-13"
    if symbology == "SSCC-18" or not holds:
        return CodeKind(symbology, check_digit_ok=holds)
    gtin = code.zfill(14)
    return CodeKind(symbology, check_digit_ok=True, gtin=gtin, canonical=canonical_gtin(gtin))


def canonical_gtin(gtin: str) -> str:
    """Give the shortest of 8, 13 or 14 digits that a 14-digit GTIN fits in; a UPC-A thus compares as its EAN-13."""
    if not gtin.startswith("0"):
        return gtin
    return gtin[6:] if gtin.startswith("000000") else gtin[1:]
