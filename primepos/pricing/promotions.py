"""Promotions: what they are, and when they hold. What a cart gets of them: ``primepos.pricing.granting``. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from primepos.core.amounts import MAX_MINOR
from primepos.pricing.errors import InvalidPromotion
from primepos.pricing.occasions import Terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.pricing.occasions import Occasion

PromotionKind = Literal["percent", "amount", "n_for_m", "nth", "bundle", "mix", "spend"]
HUNDRED: Final = Decimal(100)
MOST_PIECES: Final = 100


@dataclass(frozen=True, slots=True)
class Goods:
    """Which goods are meant: these products (a variant is meant with its parent), these categories; neither is all."""

    products: frozenset[UUID] = frozenset()
    categories: frozenset[UUID] = frozenset()

    def have(self, product: UUID, parent: UUID | None, category: UUID | None) -> bool:
        """Tell whether a product is among them."""
        if not self.products and not self.categories:
            return True
        return product in self.products or parent in self.products or category in self.categories


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bundle: ``count`` pieces of ``goods``."""

    goods: Goods
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One promotion. ``minor`` and ``threshold`` are minor units, ``percent`` is what is taken off.

    - percent: ``percent`` off the goods. amount: ``minor`` off each piece (each kilogram).
    - n_for_m: of each ``count`` pieces ``pay`` are paid, the cheapest are free.
    - nth: of each ``count`` pieces the cheapest gets ``percent`` off.
    - mix: any ``count`` pieces of the goods for ``minor``. bundle: its ``parts`` together for ``minor``.
    - spend: from ``threshold`` on, ``percent`` or ``minor`` off the goods; ``repeat``: ``minor`` for each threshold.

    ``most`` is how often it may be used on one ticket: pieces, groups of pieces, or thresholds.

    Raises:
        InvalidPromotion: the figures are not those of its kind.
    """

    code: str
    name: str
    kind: PromotionKind
    terms: Terms = field(default_factory=Terms)
    goods: Goods = field(default_factory=Goods)
    parts: tuple[Part, ...] = ()
    percent: Decimal = Decimal(0)
    minor: int = 0
    count: int = 0
    pay: int = 0
    threshold: int = 0
    repeat: bool = False
    priority: int = 0
    stackable: bool = False
    needs_coupon: bool = False
    most: int | None = None

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem is not None:
            raise InvalidPromotion(promotion=self.code, problem=problem)

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among others: the higher priority first, then by code."""
        return (-self.priority, self.code)


def promotions_that_hold(
    promotions: Iterable[Promotion], occasion: Occasion, couponed: frozenset[str] = frozenset()
) -> list[Promotion]:
    """Return the promotions that hold on an occasion, in their order; ``couponed`` are the codes that coupons call."""
    held = (
        each for each in promotions if each.terms.hold(occasion) and (not each.needs_coupon or each.code in couponed)
    )
    return sorted(held, key=lambda each: each.order)


def _problem(each: Promotion) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one answer a figure
    """Return what is wrong with the figures of a promotion, None if nothing is."""
    if not (each.percent.is_finite() and 0 <= each.percent <= HUNDRED):
        return "a percentage must be from 0 to 100"
    if not (0 <= each.minor <= MAX_MINOR and 0 <= each.threshold <= MAX_MINOR):
        return "an amount must not be negative"
    if each.most is not None and each.most < 1:
        return "it must be allowed once at least"
    if each.kind in {"n_for_m", "nth", "mix"} and not 2 <= each.count <= MOST_PIECES:
        return f"it needs a count of 2 to {MOST_PIECES} pieces"
    if each.kind in {"percent", "nth"} and not each.percent:
        return "it needs a percentage"
    if each.kind == "amount" and not each.minor:
        return "it needs an amount"
    if each.kind == "n_for_m" and not 0 < each.pay < each.count:
        return "what is paid must be less than what is taken"
    if each.kind == "bundle":
        pieces = sum(part.count for part in each.parts)
        if len(each.parts) < 2 or any(part.count < 1 for part in each.parts) or pieces > MOST_PIECES:
            return f"a bundle has two parts or more, each of one piece or more, {MOST_PIECES} in all at most"
    if each.kind == "spend":
        if not each.threshold:
            return "it needs an amount to reach"
        if bool(each.percent) == bool(each.minor):
            return "it needs a percentage or an amount"
        if each.repeat and not each.minor:
            return "only an amount can be given again for each threshold"
    return None
