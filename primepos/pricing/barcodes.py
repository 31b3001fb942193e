"""What a scanned code means in a shop: an article, or a label with a weight, a price or a count in it.

What the prefixes 02 and 20-29 mean is decided by each shop, so meaning comes from the tenant's rules only; a code that
no rule matches is simply an article's code. The check digit is verified before anything else; a label with a problem
is reported in full and must not become a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from primepos.core.amounts import QUANTITY_PLACES, divide_half_up, plain_amount
from primepos.pricing.check_digits import CodeKind, classify, gtin_holds, mod10, value_check_digit
from primepos.pricing.errors import InvalidBarcodeRule, InvalidLabel

ValueKind = Literal["item", "weight", "price", "count"]
Problem = Literal["BAD_CHECK_DIGIT", "BAD_VALUE_CHECK_DIGIT", "ZERO_VALUE", "ALL_ZERO", "NOT_A_CODE"]

_FIELD: Final = re.compile(r"\{(item|weight|price|count):([1-9][0-9]?)\}")
_LITERAL: Final = re.compile(r"[0-9]")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,48}")
_LENGTHS: Final = (8, 12, 13, 14)
_MAX_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class _Piece:
    """One stretch of a pattern: ``kind`` is literal, item, weight, price, count, any, value_check or check."""

    kind: str
    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class BarcodeRule:
    """One rule of a tenant: ``pattern`` such as ``2{item:5}{price:5}c``.

    In a pattern digits stand for themselves, ``{item:n}``, ``{weight:n}``, ``{price:n}`` and ``{count:n}`` for n
    digits, ``.`` for a digit that says nothing, ``v`` for the check digit of a four- or five-digit value and ``c``,
    last, for the check digit of the code. ``decimals`` places the point in the value: kilograms, major units or
    pieces. 8, 12, 13 or 14 digits; a rule of 13 digits also reads the same code scanned as 12 or as 14.

    Raises:
        InvalidBarcodeRule: the pattern or the decimals are not of this form.
    """

    pattern: str
    decimals: int = 0
    name: str = ""
    pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", _parse_pattern(self.pattern))
        if type(self.decimals) is not int or not 0 <= self.decimals <= _MAX_DECIMALS:
            raise InvalidBarcodeRule(pattern=self.pattern, problem=f"decimals must be from 0 to {_MAX_DECIMALS}")
        if self.kind == "item" and self.decimals:
            raise InvalidBarcodeRule(pattern=self.pattern, problem="decimals without a value")

    @property
    def kind(self) -> ValueKind:
        """What the rule's value is; ``item`` if it has none."""
        for piece in self.pieces:
            if piece.kind in {"weight", "price", "count"}:
                return piece.kind  # type: ignore[return-value]  # narrowed by the line above, which mypy cannot see
        return "item"

    @property
    def length(self) -> int:
        """How many digits the rule reads."""
        return self.pieces[-1].end


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanned code is and means.

    ``kind`` is ``article`` where no rule matched. ``item`` is the item number of the label, ``value`` its weight in
    kilograms, price in major units or count. ``base_code`` is the code with the value zeroed and the check digits
    made anew, under which some shops keep the product. ``problem`` says what is wrong with the code.
    """

    code: str
    symbology: str
    check_digit_ok: bool | None
    kind: Literal["article", "item", "weight", "price", "count"]
    gtin: str | None = None
    canonical: str | None = None
    item: str | None = None
    value: Decimal | None = None
    base_code: str | None = None
    rule: BarcodeRule | None = None
    problem: Problem | None = None

    @property
    def refused(self) -> bool:
        """Whether the scan must not become a line: a label with any problem, or what is no code at all.

        An article's code with a wrong check digit may still be looked up as it stands: shops have numbers of their own.
        """
        return self.problem is not None and (self.kind != "article" or self.problem != "BAD_CHECK_DIGIT")

    @property
    def lookup_codes(self) -> tuple[str, ...]:
        """The codes to look the product up by, best first."""
        found = (self.base_code, self.item) if self.kind != "article" else (self.canonical, self.code, self.gtin)
        return tuple(dict.fromkeys(code for code in found if code))


def parse_barcode(code: str, rules: Sequence[BarcodeRule] = ()) -> Scan:
    """Read a scanned code under a tenant's rules; the first rule that fits decides, none makes it an article's code.

    Never raises: what is wrong is the scan's ``problem``. A code with a wrong check digit is still taken apart, so
    that the till can say what it saw.
    """
    if not _PRINTABLE.fullmatch(code):
        return Scan(code, "unknown", None, "article", problem="NOT_A_CODE")
    kind = classify(code)
    if kind.check_digit_ok is not None and not code.strip("0"):
        return Scan(code, kind.symbology, kind.check_digit_ok, "article", problem="ALL_ZERO")
    for rule in rules:
        digits = _fitted(code, rule)
        if digits is not None and _matches(digits, rule):
            return _read_label(code, digits, kind, rule)
    problem: Problem | None = "BAD_CHECK_DIGIT" if kind.check_digit_ok is False else None
    return Scan(code, kind.symbology, kind.check_digit_ok, "article", kind.gtin, kind.canonical, problem=problem)


def describe(code: str, rules: Sequence[BarcodeRule] = ()) -> dict[str, Any]:
    """Say what a code is as plain data: symbology, check digit, GTIN, and its meaning under the rules given."""
    scan = parse_barcode(code, rules)
    meaning: dict[str, Any] = {} if scan.value is None else {scan.kind: scan.value}
    return {
        "code": scan.code,
        "symbology": scan.symbology,
        "check_digit_ok": scan.check_digit_ok,
        "gtin": scan.gtin,
        "canonical": scan.canonical,
        "kind": scan.kind,
        "item": scan.item,
        "value": scan.value,
        "base_code": scan.base_code,
        "lookup_codes": list(scan.lookup_codes),
        "rule": None if scan.rule is None else scan.rule.name or scan.rule.pattern,
        "problem": scan.problem,
        "refused": scan.refused,
        **meaning,
    }


def read_rules(data: Any) -> tuple[BarcodeRule, ...]:
    """Read rules from plain data: a list (or a mapping with the list under ``rules``) of pattern, decimals and name.

    Raises:
        InvalidBarcodeRule: not of this shape, or a rule is not well formed.
    """
    rows = data.get("rules") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise InvalidBarcodeRule(pattern="", problem="rules must be a list")
    rules = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("pattern"), str):
            raise InvalidBarcodeRule(pattern=str(row)[:40], problem="a rule is an object with a pattern")
        unknown = sorted(str(key) for key in row.keys() - {"pattern", "decimals", "name"})
        if unknown:
            raise InvalidBarcodeRule(pattern=row["pattern"], problem=f"unknown key {unknown[0][:40]!r}")
        decimals = row.get("decimals", 0)
        if isinstance(decimals, Decimal) and decimals == decimals.to_integral_value():
            decimals = int(decimals)
        rules.append(BarcodeRule(row["pattern"], decimals, str(row.get("name") or "")))
    return tuple(rules)


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A price label as a cart line: ``unit_price * quantity`` rounds to the price on the label."""

    quantity: Decimal
    unit_price: Decimal


def label_line(label_price: Decimal, unit_price: Decimal, exponent: int) -> LabelLine:
    """Turn the price on a label into a quantity at the product's unit price, so that stock goes down by what was sold.

    The quantity is rounded to three places (half up, at least 0.001). Where quantity times unit price would not round
    to the label any more, the line takes the unit price that does, to four places; the customer pays the label. (Four
    places suffice up to 100 units at two decimals, ten at three: more than a label can hold at such prices.)

    Raises:
        InvalidLabel: the label or the unit price is not above zero.
    """
    if label_price <= 0 or unit_price <= 0:
        raise InvalidLabel(problem="the price on the label and the unit price must be above zero")
    label_top, label_bottom = label_price.as_integer_ratio()
    unit_top, unit_bottom = unit_price.as_integer_ratio()
    scale = 10**QUANTITY_PLACES
    thousandths = max(1, divide_half_up(label_top * unit_bottom * scale, label_bottom * unit_top))
    quantity = plain_amount(thousandths, QUANTITY_PLACES)
    minor = 10**exponent
    sold = divide_half_up(thousandths * unit_top * minor, scale * unit_bottom)
    if sold == divide_half_up(label_top * minor, label_bottom):
        return LabelLine(quantity, unit_price)
    return LabelLine(quantity, plain_amount(divide_half_up(label_top * scale * 10_000, label_bottom * thousandths), 4))


def _parse_pattern(pattern: str) -> tuple[_Piece, ...]:
    """Take a pattern apart into pieces with their positions."""

    def refuse(problem: str) -> InvalidBarcodeRule:
        return InvalidBarcodeRule(pattern=str(pattern)[:60], problem=problem)

    if not isinstance(pattern, str):
        raise refuse("must be text")
    pieces: list[_Piece] = []
    at = position = 0
    while at < len(pattern):
        sign, found = pattern[at], _FIELD.match(pattern, at)
        if found:
            width, text, kind = int(found[2]), found[0], found[1]
        elif _LITERAL.match(sign):
            width, text, kind = 1, sign, "literal"
        elif sign in ".vc":
            width, text, kind = 1, sign, {".": "any", "v": "value_check", "c": "check"}[sign]
        else:
            raise refuse(f"cannot read it from {pattern[at : at + 12]!r}")
        pieces.append(_Piece(kind, position, position + width, text))
        at, position = at + len(text), position + width
    kinds = [piece.kind for piece in pieces]
    values = [piece for piece in pieces if piece.kind in {"weight", "price", "count"}]
    if position not in _LENGTHS:
        raise refuse(f"has {position} digits, not 8, 12, 13 or 14")
    if kinds.count("check") != 1 or kinds[-1] != "check":
        raise refuse("must end in c, the check digit")
    if kinds.count("item") != 1 or len(values) > 1:
        raise refuse("needs one item number and at most one value")
    if kinds[0] != "literal":
        raise refuse("must begin with a prefix of digits")
    if kinds.count("value_check") > (1 if values and values[0].end - values[0].start in {4, 5} else 0):
        raise refuse("v needs a value of four or five digits")
    return tuple(pieces)


def _fitted(code: str, rule: BarcodeRule) -> str | None:
    """Bring a code to the rule's length by the zeros that scanners add or drop; None if it cannot be."""
    if not code.isdecimal() or len(code) not in _LENGTHS or (len(code) == 8) != (rule.length == 8):
        return None
    padded = code.zfill(_LENGTHS[-1])
    extra = len(padded) - rule.length
    return None if padded[:extra].strip("0") else padded[extra:]


def _matches(digits: str, rule: BarcodeRule) -> bool:
    return all(digits[piece.start : piece.end] == piece.text for piece in rule.pieces if piece.kind == "literal")


def _read_label(code: str, digits: str, kind: CodeKind, rule: BarcodeRule) -> Scan:
    """Read the fields of a code that a rule fits."""
    holds = gtin_holds(digits)
    problem: Problem | None = None if holds else "BAD_CHECK_DIGIT"
    item = value_digits = ""
    value_check: str | None = None
    for piece in rule.pieces:
        part = digits[piece.start : piece.end]
        if piece.kind == "item":
            item = part
        elif piece.kind == "value_check":
            value_check = part
        elif piece.kind == rule.kind:
            value_digits = part
    value: Decimal | None = None
    if rule.kind != "item":
        value = plain_amount(int(value_digits), rule.decimals)
        if problem is None and value_check is not None and int(value_check) != value_check_digit(value_digits):
            problem = "BAD_VALUE_CHECK_DIGIT"
        elif problem is None and not value:
            problem = "ZERO_VALUE"
    return Scan(
        code=code,
        symbology=kind.symbology,
        check_digit_ok=holds,
        kind=rule.kind,
        gtin=kind.gtin,
        canonical=kind.canonical,
        item=item,
        value=value,
        base_code=_base_code(digits, rule.pieces),
        rule=rule,
        problem=problem,
    )


def _base_code(digits: str, pieces: Iterable[_Piece]) -> str:
    """The code with everything but prefix and item number zeroed, and its check digit made anew."""
    body = "".join(
        digits[piece.start : piece.end] if piece.kind in {"literal", "item"} else "0" * (piece.end - piece.start)
        for piece in pieces
        if piece.kind != "check"
    )
    return f"{body}{mod10(body)}"
