"""What a cart gets of the promotions: the best there is for the customer, explained line by line. Pure.

**What takes part.** Sale lines above zero whose price no person has typed. Equal pieces on several lines are one heap,
so neither the order of the lines nor how they are split changes what is taken off. Goods that are not whole pieces
(0.532 kg) take part in *percent*, *amount* and *spend*, not where pieces are counted.

**Exclusive and stackable.** An exclusive promotion has its goods for itself: each piece is used by at most one of them,
and what it uses, no other promotion sees. Stackable ones work on all that exclusive ones leave, one after the other by
priority and code, each on what the one before has left to pay.

**The best for the customer** is worked out exactly, before rounding; :mod:`primepos.pricing.best_choice` says how.

**Cents.** What one promotion takes off a ticket is rounded once, half up, and shared over its goods by what each
contributed (:func:`primepos.core.amounts.allocate`); no line goes below zero. A free third piece thus makes all three
cheaper, and whoever brings one back gets what they paid for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any
from uuid import UUID

from primepos.core.amounts import allocate, divide_half_up
from primepos.pricing.best_choice import Heap, Matched, best_choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from primepos.pricing.promotions import Promotion


@dataclass(frozen=True, slots=True)
class Item:
    """One line as promotions see it: ``unit_price`` in major units, ``quantity`` as sold.

    ``is_open`` false is a line that takes no part. ``rank`` tells apart lines that are alike here and differ elsewhere,
    so that cents do not depend on their order.
    """

    product: UUID
    unit_price: Decimal
    quantity: Decimal
    category: UUID | None = None
    parent: UUID | None = None
    by_piece: bool = True
    is_open: bool = True
    rank: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one promotion takes off one line, in minor units above zero."""

    code: str
    name: str
    minor: int


@dataclass(frozen=True, slots=True)
class Granted:
    """What a cart gets: the reductions of each line, and whether every choice was tried."""

    lines: tuple[tuple[Reduction, ...], ...]
    is_exact: bool = True

    @property
    def codes(self) -> frozenset[str]:
        """The promotions that took something off."""
        return frozenset(each.code for line in self.lines for each in line)


def grant(items: Sequence[Item], promotions: Sequence[Promotion], exponent: int) -> Granted:
    """Return what promotions that hold take off these lines; ``exponent``: decimals of the currency."""
    heaps, lines_of = _heaps(items, 10**exponent)
    ordered = sorted(promotions, key=lambda each: each.order)
    matched = [_matched(each, heaps) for each in ordered]
    if not any(each.heaps for each in matched):
        return Granted(tuple(() for _ in items))
    found, is_exact = best_choice([heap for heap, _ in heaps], matched)
    left = {
        i: divide_half_up(
            *(Fraction(items[i].unit_price) * Fraction(items[i].quantity) * 10**exponent).as_integer_ratio()
        )
        for lines in lines_of
        for i in lines
    }
    granted: list[list[Reduction]] = [[] for _ in items]
    for promotion, by_heap in zip(ordered, found, strict=True):
        for i, minor in _shared(by_heap, lines_of, items, left):
            granted[i].append(Reduction(promotion.code, promotion.name, minor))
    return Granted(tuple(tuple(each) for each in granted), is_exact)


def _heaps(items: Sequence[Item], scale: int) -> tuple[list[tuple[Heap, Item]], list[list[int]]]:
    """Put equal pieces together, the dearest heap first; goods that are not whole pieces by line.

    Gives each heap with one of its items, and the lines of each heap.
    """
    of_heap: dict[tuple[Any, ...], list[int]] = {}
    for i, item in enumerate(items):
        if not item.is_open or item.quantity <= 0 or item.unit_price <= 0:
            continue
        whole = item.by_piece and item.quantity == item.quantity.to_integral_value()
        price = Fraction(item.unit_price) * scale * (1 if whole else Fraction(item.quantity))
        size = Fraction(1) if whole else Fraction(item.quantity)
        key = (-price, str(item.product), str(item.category), str(item.parent), whole, size)
        of_heap.setdefault(key, []).append(i)
    heaps, lines_of = [], []
    for key, lines in sorted(of_heap.items()):
        whole, size = key[4], key[5]
        count = sum(int(items[i].quantity) for i in lines) if whole else len(lines)
        heaps.append((Heap(price=-key[0], count=count, is_pieces=whole, size=size), items[lines[0]]))
        lines_of.append(lines)
    return heaps, lines_of


def _matched(promotion: Promotion, heaps: Sequence[tuple[Heap, Item]]) -> Matched:
    """Say which heaps each part of a promotion is for."""
    if promotion.kind == "bundle":
        wanted = [(part.goods, part.count) for part in promotion.parts]
    else:
        wanted = [(promotion.goods, promotion.count)]
    counts_pieces = promotion.kind in {"n_for_m", "nth", "mix", "bundle"}
    parts = tuple(
        (
            tuple(
                h
                for h, (heap, item) in enumerate(heaps)
                if (heap.is_pieces or not counts_pieces) and goods.have(item.product, item.parent, item.category)
            ),
            count,
        )
        for goods, count in wanted
    )
    return Matched(promotion, parts)


def _shared(
    by_heap: Mapping[int, Fraction], lines_of: Sequence[Sequence[int]], items: Sequence[Item], left: dict[int, int]
) -> list[tuple[int, int]]:
    """Round what one promotion takes off once, and share it over the lines of its heaps.

    ``left`` is what the lines still come to, in minor units; it goes down by the shares, never below zero. What no line
    can bear any more is let go: it is less than a cent for each line.
    """
    exact: dict[int, Fraction] = {}
    for h, amount in by_heap.items():
        lines = lines_of[h]
        quantity = sum(Fraction(items[i].quantity) for i in lines)
        for i in lines:
            exact[i] = amount * Fraction(items[i].quantity) / quantity
    order = sorted(exact, key=lambda i: (-exact[i], str(items[i].product), items[i].quantity, items[i].rank))
    total = sum(exact.values(), Fraction(0))
    minor = divide_half_up(total.numerator, total.denominator)
    if not minor:
        return []
    bottom = lcm(*(exact[i].denominator for i in order))
    shares = allocate(minor, [int(exact[i] * bottom) for i in order])
    over = 0
    for place, i in enumerate(order):
        extra = max(0, shares[place] - left[i])
        shares[place] -= extra
        over += extra
    for place, i in enumerate(order):
        more = min(over, left[i] - shares[place])
        shares[place] += more
        over -= more
    given = [(i, share) for i, share in zip(order, shares, strict=True) if share]
    for i, share in given:
        left[i] -= share
    return given
