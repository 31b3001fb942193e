"""A pricing question in plain data (numbers, text, lists), and its answer the same way: what ``primepos price`` speaks.

A question is one line (``price``, ``qty``, ``discount``, ``taxes``) or several under ``lines``, with ``rounding``,
``precision`` (the smallest amount), ``document_discount``, ``promotions``, ``tax_order`` and ``by_sign``.
docs/pricing.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast

from primepos.core.amounts import parse_decimal
from primepos.pricing.cart import Cart, CartLine, PricedCart, TaxRule, price_cart
from primepos.pricing.case_promotions import granted_by
from primepos.pricing.errors import InvalidCart
from primepos.pricing.explain import amount_text, exact_text, step_places
from primepos.pricing.granting import Reduction
from primepos.pricing.lines import DiscountOn, Rounding
from primepos.pricing.taxes import TaxKind, solve_exactly

_CENT: Final = Decimal("0.01")
_PLACES: Final = 6
_LIMIT: Final = Decimal(1_000_000_000_000)
_LINE_KEYS: Final = frozenset(
    {"price", "qty", "discount", "discount_amount", "taxes", "id", "description", "note", "product", "category"}
)
_TAX_KEYS: Final = frozenset({"type", "amount", "included", "affects_base", "base_affected", "id", "name"})
_DISCOUNT_KEYS: Final = frozenset({"amount", "percent", "on"})
_ON: Final[dict[str, DiscountOn]] = {
    "price": "price",
    "net": "net",
    "total": "total",
    "gross": "total",
    "grand_total": "total",
}
_MAX_LINES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """A cart to price and how the answer is wanted.

    ``unrounded``: one line under global rounding has no ticket to be rounded in; it is answered to six decimals.
    """

    cart: Cart
    step: Decimal
    tax_order: tuple[Decimal, ...] = ()
    by_sign: bool = False
    unrounded: bool = False
    promotions: tuple[tuple[Reduction, ...], ...] = ()


def answer(data: Any) -> dict[str, Any]:
    """Answer a pricing question: base, taxes, total and the explained lines, every number as plain decimal text.

    Taxes stand in the order given, across lines by first appearance, or as ``tax_order`` says.

    Raises:
        InvalidCart, InvalidAmount, InvalidTax, UnsolvableTaxes, DiscountTooLarge: it cannot be priced.
    """
    question = read_question(data)
    priced = price_cart(question.cart)
    if question.unrounded:
        return _unrounded_answer(question, priced)

    def text(minor: int) -> str:
        return amount_text(minor, 0, question.step)

    result: dict[str, Any] = {
        "base": text(priced.base),
        "taxes": [text(amount) for amount in _ordered_taxes(question, priced)],
        "total": text(priced.total),
        "lines": [
            {
                "base": text(line.base),
                "taxes": [text(tax) for tax in line.taxes],
                "total": text(line.total),
                "explain": line.explain(),
                **_given(question, at, text),
            }
            for at, line in enumerate(priced.lines)
        ],
    }
    if question.by_sign or len({line.sign for line in priced.lines}) > 1:
        result["by_sign"] = {
            name: {
                "base": text(sum(line.base for line in priced.lines if line.sign == sign)),
                "tax": text(sum(tax.amount for tax in priced.taxes if tax.sign == sign)),
                "total": text(sum(line.total for line in priced.lines if line.sign == sign)),
            }
            for name, sign in (("sale", 1), ("return", -1))
        }
    return result


def _given(question: Question, at: int, text: Callable[[int], str]) -> dict[str, Any]:
    """Return what promotions took off a line; nothing where the question has none."""
    if not question.promotions:
        return {}
    return {
        "promotions": [
            {"code": each.code, "name": each.name, "amount": text(each.minor)} for each in question.promotions[at]
        ]
    }


def _ordered_taxes(question: Question, priced: PricedCart) -> list[int]:
    sums: dict[TaxRule, int] = {}
    for tax in priced.taxes:
        sums[tax.rule] = sums.get(tax.rule, 0) + tax.amount
    ordered = []
    for wanted in question.tax_order:
        same = [rule for rule in sums if rule.amount == wanted]
        ordered.append(sum(sums.pop(rule) for rule in same))
    return [*ordered, *sums.values()]


def _unrounded_answer(question: Question, priced: PricedCart) -> dict[str, Any]:
    """Answer one line with every figure to six decimals, as it would enter the sums of a ticket."""
    line = question.cart.lines[0]
    places = step_places(question.step)

    def text(value: Fraction) -> str:
        return exact_text(value, min_places=places)

    price = Fraction(line.unit_price) * Fraction(line.quantity) * (1 - Fraction(line.discount_percent) / 100)
    taken = line.discount_minor * Fraction(question.step)
    units = -Fraction(line.quantity) if line.unit_price < 0 else Fraction(line.quantity)
    base, taxes = solve_exactly(line.taxes, price - taken if price > 0 else price + taken, units)
    figures = {"base": text(base), "taxes": [text(tax) for tax in taxes], "total": text(base + sum(taxes))}
    return {**figures, "lines": [{**figures, "explain": priced.lines[0].explain()}]}


def read_question(data: Any) -> Question:
    """Read a pricing question; numbers are decimals or decimal text, never floats.

    Raises:
        InvalidCart, InvalidAmount, InvalidTax: the shape or a number is not one that can be priced.
    """
    case = _mapping(data, "case")
    step = _number(case.get("precision"), "precision", _CENT)
    if step <= 0:
        raise InvalidCart(what="precision", problem="must be above zero")
    given = case.get("lines")
    if given is None:
        lines = [_line(case, step, "")]
    else:
        rows = _sequence(given, "lines")
        if len(rows) > _MAX_LINES:
            raise InvalidCart(what="lines", problem=f"more than {_MAX_LINES}")
        lines = [_line(_known(row, f"lines[{i}]", _LINE_KEYS), step, f"lines[{i}].") for i, row in enumerate(rows)]
    rounding = case.get("rounding", "per_line")
    if rounding not in ("per_line", "global"):
        raise InvalidCart(what="rounding", problem="must be per_line or global")
    percent, minor, on = _document_discount(case.get("document_discount"), step)
    promotions: tuple[tuple[Reduction, ...], ...] = ()
    if case.get("promotions") is not None:
        rows = [case] if given is None else _sequence(given, "lines")
        promotions = granted_by(_sequence(case["promotions"], "promotions"), rows, lines, step)
        lines = [
            replace(line, promotion_minor=sum(each.minor for each in off))
            for line, off in zip(lines, promotions, strict=True)
        ]
    return Question(
        cart=Cart(tuple(lines), 0, cast("Rounding", rounding), percent, minor, on, step),
        step=step,
        tax_order=tuple(_number(each, "tax_order") for each in _sequence(case.get("tax_order"), "tax_order")),
        by_sign="by_sign" in case and case["by_sign"] is not False,
        unrounded=given is None and rounding == "global" and not (percent or minor or promotions),
        promotions=promotions,
    )


def _line(row: Mapping[str, Any], step: Decimal, where: str) -> CartLine:
    rules: list[TaxRule] = []
    for i, tax in enumerate(_sequence(row.get("taxes"), f"{where}taxes")):
        rules.append(_tax(_known(tax, f"{where}taxes[{i}]", _TAX_KEYS), f"{where}taxes[{i}]", rules))
    return CartLine(
        unit_price=_number(row.get("price"), f"{where}price"),
        quantity=_number(row.get("qty"), f"{where}qty", Decimal(1)),
        taxes=tuple(rules),
        discount_percent=_number(row.get("discount"), f"{where}discount", Decimal(0)),
        discount_minor=_steps(row.get("discount_amount"), f"{where}discount_amount", step),
    )


def _tax(tax: Mapping[str, Any], where: str, before: list[TaxRule]) -> TaxRule:
    kind, amount = tax.get("type"), _number(tax.get("amount"), f"{where}.amount")
    if not isinstance(kind, str):
        raise InvalidCart(what=where, problem="needs a type: percent, fixed or division")
    included, affects = _flag(tax, "included", where), _flag(tax, "affects_base", where)
    affected = _flag(tax, "base_affected", where, default=True)
    identity = f"{tax.get('id', '')}:{kind}:{amount.normalize():f}:{included:d}{affects:d}{affected:d}"
    # Two equal taxes on one line are two taxes; the second of each line is the same one on every line.
    twins = sum(rule.id.rpartition("#")[0] == identity for rule in before)
    name = str(tax.get("name") or tax.get("id") or "tax")
    return TaxRule(f"{identity}#{twins}", name, cast("TaxKind", kind), amount, included, affects, affected)


def _document_discount(given: Any, step: Decimal) -> tuple[Decimal, int, DiscountOn]:
    if given is None:
        return Decimal(0), 0, "price"
    discount = _known(given, "document_discount", _DISCOUNT_KEYS)
    on = _ON.get(str(discount.get("on", "price")))
    if on is None:
        raise InvalidCart(what="document_discount", problem=f"on must be one of {', '.join(_ON)}")
    percent = _number(discount.get("percent"), "document_discount.percent", Decimal(0))
    return percent, _steps(discount.get("amount"), "document_discount.amount", step), on


def _number(value: Any, what: str, default: Decimal | None = None) -> Decimal:
    if value is None:
        if default is None:
            raise InvalidCart(what=what, problem="is missing")
        return default
    return parse_decimal(value, what=what, places=_PLACES, maximum=_LIMIT)


def _steps(value: Any, what: str, step: Decimal) -> int:
    """Read an amount as a whole number of steps."""
    top, bottom = (Fraction(_number(value, what, Decimal(0))) / Fraction(step)).as_integer_ratio()
    if bottom != 1:
        raise InvalidCart(what=what, problem=f"is not a multiple of {step:f}")
    return top


def _flag(tax: Mapping[str, Any], key: str, where: str, *, default: bool = False) -> bool:
    value = tax.get(key, default)
    if not isinstance(value, bool):
        raise InvalidCart(what=f"{where}.{key}", problem="must be true or false")
    return value


def _known(value: Any, what: str, keys: frozenset[str]) -> Mapping[str, Any]:
    """Refuse a key that nobody would read: a misspelt one would silently give another price."""
    mapping = _mapping(value, what)
    unknown = sorted(str(key) for key in mapping.keys() - keys)
    if unknown:
        raise InvalidCart(what=what, problem=f"unknown key {unknown[0][:40]!r}")
    return mapping


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidCart(what=what, problem="must be an object")
    return value


def _sequence(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidCart(what=what, problem="must be a list")
    return value
