"""Taxes of one line: percent, fixed and division, included and excluded, compounding and shielded, in exact integers.

The rule. Taxes stand in sequence order. Walk forward from an unknown base B: each tax sees B plus the amounts of the
earlier taxes that *affect the base*, unless it is itself shielded. A percent tax is what it sees times its rate, a
fixed tax is its amount times the quantity with the sign of the price, a division tax is a share of the gross, found
for a whole group at once. The price of the line equals B plus the included amounts.

All of this is linear in B, so the taxes of a line are compiled once into a :class:`TaxPlan`: for each tax two integers
over one common denominator, such that ``amount = (alpha * price + beta * units) / denominator``. Pricing a line is then
a multiplication and a division of whole numbers per tax, whatever the rules, and nothing is ever approximated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final, Literal

from primepos.core.amounts import parse_decimal
from primepos.pricing.errors import InvalidTax, UnsolvableTaxes

TaxKind = Literal["percent", "fixed", "division"]

_KINDS: Final = frozenset({"percent", "fixed", "division"})
_AMOUNT_PLACES: Final = 6
_MAX_AMOUNT: Final = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class TaxRule:
    """One tax as a line bears it; rules of a line are given in sequence order.

    ``amount`` is percent for the kinds *percent* and *division* (21 means 21 %), and major units per unit of quantity
    for *fixed*. ``included``: the price already contains it. ``affects_base``: later taxes are computed on top of it.
    ``base_affected`` false shields this tax from such earlier taxes. ``id`` is the caller's, and tells taxes apart.

    Raises:
        InvalidTax: unknown kind; an amount that is a float, not finite, too large or of more than six places.
    """

    id: str
    name: str
    kind: TaxKind
    amount: Decimal
    included: bool
    affects_base: bool = False
    base_affected: bool = True
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise InvalidTax(tax=self.id, problem=f"unknown kind {str(self.kind)[:20]!r}")
        if not isinstance(self.amount, Decimal):
            raise InvalidTax(tax=self.id, problem="the amount must be a decimal, never binary floating point")
        parse_decimal(self.amount, what=f"tax {self.id}", places=_AMOUNT_PLACES, maximum=_MAX_AMOUNT)
        # Plans are looked up by the taxes of a line on every keystroke; hashing seven fields each time would cost more
        # than the pricing itself.
        object.__setattr__(self, "_hash", hash((self.id, self.kind, self.amount, self.included)))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        unit = " a unit" if self.kind == "fixed" else " % of the gross" if self.kind == "division" else " %"
        return f"{self.name} {self.amount.normalize():f}{unit} {'included' if self.included else 'on top'}"


@dataclass(frozen=True, slots=True)
class TaxPlan:
    """The taxes of a line, solved for the price. Made by :func:`plan_taxes`, shared by all lines with these taxes.

    With ``price`` the line's price after discounts and ``units`` its quantity signed by the price, both in one unit of
    money, ``amount[i] = (alpha[i] * price + beta[i] * units) / denominator`` and the base likewise with ``base_alpha``
    and ``base_beta``. ``sees[i]`` lists the earlier taxes that tax ``i`` is computed on top of.
    """

    rules: tuple[TaxRule, ...]
    denominator: int
    alpha: tuple[int, ...]
    beta: tuple[int, ...]
    base_alpha: int
    base_beta: int
    included: tuple[bool, ...]
    sees: tuple[tuple[int, ...], ...]
    has_fixed: bool
    has_excluded: bool
    compounds: bool


@lru_cache(maxsize=4096)
def plan_taxes(rules: tuple[TaxRule, ...]) -> TaxPlan:
    """Solve a sequence of taxes for the price, once.

    Raises:
        InvalidTax: one tax stands twice on the line.
        UnsolvableTaxes: the included taxes leave no base (they add up to -100 %), or an included division group of
            100 % is computed on top of other taxes or is not the only one.
    """
    if len({rule.id for rule in rules}) != len(rules):
        raise InvalidTax(tax=", ".join(rule.id for rule in rules), problem="a tax stands twice on one line")
    sees = tuple(
        tuple(j for j in range(i) if rules[j].affects_base) if rule.base_affected else ()
        for i, rule in enumerate(rules)
    )
    gross_shares = _gross_shares(rules, sees)
    takes_all = {i for i, total in gross_shares.items() if total == 1 and rules[i].included}
    # A group that takes the whole gross leaves no base: B is zero, and the walk runs over the gross of that group.
    if takes_all and sum(_share(rules[i]) for i in takes_all) != 1:
        raise _unsolvable(rules)
    base_slope = Fraction(0 if takes_all else 1)
    walked = _walk(rules, sees, gross_shares, takes_all, base_slope)
    slope = base_slope + sum((a for (a, _), rule in zip(walked, rules, strict=True) if rule.included), Fraction(0))
    offset = sum((b for (_, b), rule in zip(walked, rules, strict=True) if rule.included), Fraction(0))
    if slope == 0:
        raise _unsolvable(rules)
    # price = slope * B + offset * units  =>  B = price / slope - (offset / slope) * units
    solved = [(a / slope, b - a * offset / slope) for a, b in walked]
    base = (base_slope / slope, -base_slope * offset / slope)
    denominator = lcm(*(part.denominator for pair in (*solved, base) for part in pair))
    return TaxPlan(
        rules=rules,
        denominator=denominator,
        alpha=tuple(int(a * denominator) for a, _ in solved),
        beta=tuple(int(b * denominator) for _, b in solved),
        base_alpha=int(base[0] * denominator),
        base_beta=int(base[1] * denominator),
        included=tuple(rule.included for rule in rules),
        sees=sees,
        has_fixed=any(rule.kind == "fixed" for rule in rules),
        has_excluded=any(not rule.included for rule in rules),
        compounds=any(sees),
    )


def solve_exactly(rules: tuple[TaxRule, ...], price: Fraction, quantity: Fraction) -> tuple[Fraction, list[Fraction]]:
    """Give the unrounded base and taxes of a line, in the unit that ``price`` is in and with fixed taxes in it too.

    ``quantity`` carries the sign that fixed taxes take: the quantity's, turned if the unit price is negative.

    Raises:
        UnsolvableTaxes: see :func:`plan_taxes`.
    """
    plan = plan_taxes(rules)
    base = (plan.base_alpha * price + plan.base_beta * quantity) / plan.denominator
    pairs = zip(plan.alpha, plan.beta, strict=True)
    return base, [(alpha * price + beta * quantity) / plan.denominator for alpha, beta in pairs]


@lru_cache(maxsize=4096)
def as_if(rules: tuple[TaxRule, ...], *, included: bool) -> tuple[TaxRule, ...]:
    """Give the same taxes as if all were included (to start from a total) or none (to start from a base)."""
    return tuple(replace(rule, included=included) for rule in rules)


def _unsolvable(rules: tuple[TaxRule, ...]) -> UnsolvableTaxes:
    return UnsolvableTaxes(taxes=", ".join(str(rule) for rule in rules))


def _gross_shares(rules: tuple[TaxRule, ...], sees: tuple[tuple[int, ...], ...]) -> dict[int, Fraction]:
    """For each division tax the share of the gross that its whole group takes (1 is everything).

    A group is a run of neighbouring division taxes that are all included or all excluded and see the same amounts.
    """
    runs: list[list[int]] = []
    for i, rule in enumerate(rules):
        if rule.kind != "division":
            continue
        left = i - 1
        if runs and runs[-1][-1] == left and rules[left].included == rule.included and sees[left] == sees[i]:
            runs[-1].append(i)
        else:
            runs.append([i])
    return {i: sum((_share(rules[j]) for j in run), Fraction(0)) for run in runs for i in run}


def _share(rule: TaxRule) -> Fraction:
    return Fraction(rule.amount) / 100


def _walk(
    rules: tuple[TaxRule, ...],
    sees: tuple[tuple[int, ...], ...],
    gross_shares: dict[int, Fraction],
    takes_all: set[int],
    base: Fraction,
) -> list[tuple[Fraction, Fraction]]:
    """Evaluate forward: the amount of each tax as (times the unknown, times the units)."""
    walked: list[tuple[Fraction, Fraction]] = []
    for i, rule in enumerate(rules):
        seen = base + sum((walked[j][0] for j in sees[i]), Fraction(0))
        seen_units = sum((walked[j][1] for j in sees[i]), Fraction(0))
        if rule.kind == "fixed":
            walked.append((Fraction(0), Fraction(rule.amount)))
        elif i in takes_all:
            if seen or seen_units:
                raise _unsolvable(rules)
            walked.append((_share(rule), Fraction(0)))
        else:
            # The gross of a division group is what it sees over what it leaves. On top of a price, a group of 100 %
            # has no gross; each of its taxes is then simply its share of what it sees.
            left = (1 - gross_shares[i] or Fraction(1)) if rule.kind == "division" else Fraction(1)
            factor = _share(rule) / left
            walked.append((seen * factor, seen_units * factor))
    return walked
