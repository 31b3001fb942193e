"""Promotions in a pricing question: plain data to promotions, and what they take off its lines.

A promotion has ``code``, ``name``, ``kind``, and the figures of its kind: ``percent``, ``amount``, ``count``, ``pay``,
``threshold`` (amounts as the question's prices), ``repeat``, ``stackable``, ``priority``, ``most``; ``products`` and
``categories`` are names that lines carry as ``product`` and ``category``; a bundle has ``parts`` of these, each with
its ``count``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID, uuid5

from primepos.core.amounts import parse_decimal
from primepos.pricing.errors import InvalidCart
from primepos.pricing.granting import Item, Reduction, grant
from primepos.pricing.promotions import Goods, Part, Promotion, PromotionKind

if TYPE_CHECKING:
    from primepos.pricing.lines import CartLine

_KINDS: Final = ("percent", "amount", "n_for_m", "nth", "bundle", "mix", "spend")
_GOODS_KEYS: Final = frozenset({"products", "categories", "count"})
_KEYS: Final = _GOODS_KEYS | {
    "code", "name", "kind", "percent", "amount", "pay", "threshold", "repeat", "stackable", "priority", "most", "parts",
}  # fmt: skip
_NAMES: Final = UUID(int=0)
_LIMIT: Final = Decimal(1_000_000_000_000)


def granted_by(
    given: Sequence[Any], rows: Sequence[Mapping[str, Any]], lines: Sequence[CartLine], step: Decimal
) -> tuple[tuple[Reduction, ...], ...]:
    """Return what the promotions of a question take off each of its lines, in steps.

    Raises:
        InvalidCart, InvalidAmount, InvalidPromotion: the shape or a figure is not one that can be worked out.
    """
    promotions = [_promotion(_mapping(each, f"promotions[{i}]", _KEYS), i, step) for i, each in enumerate(given)]
    # Prices count in steps, so that a step of 0.05 is one unit of what is taken off.
    items = [
        Item(
            product=_id(row.get("product") or f"line {at}"),
            unit_price=line.unit_price / step,
            quantity=line.quantity,
            category=_id(row["category"]) if row.get("category") else None,
            rank=(line.discount_percent, line.discount_minor),
        )
        for at, (row, line) in enumerate(zip(rows, lines, strict=True))
    ]
    return grant(items, promotions, 0).lines


def _promotion(row: Mapping[str, Any], at: int, step: Decimal) -> Promotion:
    where = f"promotions[{at}]"
    kind = row.get("kind")
    if kind not in _KINDS:
        raise InvalidCart(what=where, problem=f"needs a kind: {', '.join(_KINDS)}")
    parts = [
        _mapping(each, f"{where}.parts[{i}]", _GOODS_KEYS) for i, each in enumerate(_list(row.get("parts"), where))
    ]
    return Promotion(
        code=str(row.get("code") or at + 1)[:64],
        name=str(row.get("name") or kind)[:200],
        kind=cast("PromotionKind", kind),
        goods=_goods(row, where),
        parts=tuple(Part(_goods(each, where), _whole(each.get("count", 1), where)) for each in parts),
        percent=parse_decimal(row.get("percent", 0), what=f"{where}.percent", places=4),
        minor=_steps(row.get("amount", 0), f"{where}.amount", step),
        count=_whole(row.get("count", 0), where),
        pay=_whole(row.get("pay", 0), where),
        threshold=_steps(row.get("threshold", 0), f"{where}.threshold", step),
        repeat=row.get("repeat") is True,
        priority=_whole(row.get("priority", 0), where),
        stackable=row.get("stackable") is True,
        most=None if row.get("most") is None else _whole(row["most"], where),
    )


def _goods(row: Mapping[str, Any], where: str) -> Goods:
    return Goods(
        frozenset(_id(each) for each in _list(row.get("products"), where)),
        frozenset(_id(each) for each in _list(row.get("categories"), where)),
    )


def _id(name: Any) -> UUID:
    return uuid5(_NAMES, str(name))


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidCart(what=where, problem="must be a list")
    return value


def _mapping(value: Any, where: str, keys: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidCart(what=where, problem="must be an object")
    unknown = sorted(str(key) for key in value.keys() - keys)
    if unknown:
        raise InvalidCart(what=where, problem=f"unknown key {unknown[0][:40]!r}")
    return value


def _whole(value: Any, where: str) -> int:
    number = parse_decimal(value, what=where, places=0, maximum=Decimal(1_000_000))
    return int(number)


def _steps(value: Any, where: str, step: Decimal) -> int:
    number = parse_decimal(value, what=where, places=6, maximum=_LIMIT)
    top, bottom = (Fraction(number) / Fraction(step)).as_integer_ratio()
    if bottom != 1:
        raise InvalidCart(what=where, problem=f"is not a multiple of {step:f}")
    return top
