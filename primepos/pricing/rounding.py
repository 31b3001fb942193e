"""Where the cents go: rounding line by line, rounding once for the whole ticket, and rounding to coins."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from primepos.core.amounts import RoundingMethod, divide_half_up, round_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from primepos.pricing.lines import Amounts, OpenLine
    from primepos.pricing.taxes import TaxPlan, TaxRule


@dataclass(frozen=True, slots=True)
class CashRule:
    """How an outlet rounds to its coins: ``step`` in minor units, a method, and whether only cash is rounded."""

    step: int
    method: RoundingMethod = "half_up"
    cash_only: bool = True


def cash_rounding(total_minor: int, rule: CashRule) -> int:
    """Give the difference, in minor units, that makes ``total_minor`` payable in coins.

    It is a row of its own beside the total, without tax; a refund's is the mirror of its sale's.

    Raises:
        InvalidAmount: a step of zero or below, or an unknown method.
    """
    return round_step(total_minor, rule.step, rule.method) - total_minor


def round_per_line(opened: OpenLine) -> Amounts:
    """Round each tax of a line, a half away from zero; what is included leaves the base the rest of the price.

    So the price as tagged never moves. Where the tag was made with other taxes, its base is what anybody else's receipt
    shows, and the customer's own taxes come on top of that. Gives (base, taxes) in minor units.
    """
    if opened.tag is not None:
        base, _ = _per_line(opened, opened.tag, opened.price)
        return base, _per_line(opened, opened.plan, base)[1]
    return _per_line(opened, opened.plan, opened.price)


def _per_line(opened: OpenLine, plan: TaxPlan, price: int) -> Amounts:
    if not plan.has_fixed:
        if len(plan.alpha) == 1:
            # Nearly every line in nearly every shop: one percentage.
            tax = divide_half_up(plan.alpha[0] * price, plan.denominator)
            return (price if plan.has_excluded else price - tax), (tax,)
        taxes = tuple([divide_half_up(alpha * price, plan.denominator) for alpha in plan.alpha])
    else:
        price_top, bottom = price * opened.units_bottom, plan.denominator * opened.units_bottom
        pairs = zip(plan.alpha, plan.beta, strict=True)
        taxes = tuple([divide_half_up(a * price_top + b * opened.units_top, bottom) for a, b in pairs])
    return price - sum([tax for tax, included in zip(taxes, plan.included, strict=True) if included]), taxes


def round_globally(work: Sequence[OpenLine]) -> list[Amounts]:
    """Keep lines unrounded, sum each tax over the lines of one sign, and round each sum once.

    Sums of sale lines and of return lines stay apart. Gives (base, taxes) for each line, which sum to those sums.
    If no line of a sign has a tax on top, the base absorbs the cent: the total is the sum of the tags that the
    customer saw. Otherwise the base is its own rounded sum.
    """
    bases: list[int] = [0] * len(work)
    taxes: list[list[int]] = [[0] * len(each.plan.rules) for each in work]
    for sign in (1, -1):
        lines = [i for i, each in enumerate(work) if each.sign == sign]
        exact = {i: _exact(work[i]) for i in lines}
        places: dict[TaxRule, list[tuple[int, int]]] = {}
        for i in lines:
            for position, rule in enumerate(work[i].line.taxes):
                places.setdefault(rule, []).append((i, position))
        for where in places.values():
            shares = spread([exact[i][1][position] for i, position in where])
            for (i, position), share in zip(where, shares, strict=True):
                taxes[i][position] = share
        if any(work[i].plan.has_excluded or work[i].tag is not None for i in lines):
            for i, base in zip(lines, spread([exact[i][0] for i in lines]), strict=True):
                bases[i] = base
        else:
            for i in lines:
                bases[i] = work[i].price - sum(taxes[i])
    return [(base, tuple(each)) for base, each in zip(bases, taxes, strict=True)]


def _exact(opened: OpenLine) -> tuple[Fraction, list[Fraction]]:
    """The unrounded base and taxes of a line, in minor units."""
    if opened.tag is None:
        return _exact_by(opened, opened.plan, Fraction(opened.top, opened.bottom))
    base, _ = _exact_by(opened, opened.tag, Fraction(opened.top, opened.bottom))
    return _exact_by(opened, opened.plan, base)


def _exact_by(opened: OpenLine, plan: TaxPlan, price: Fraction) -> tuple[Fraction, list[Fraction]]:
    price /= plan.denominator
    if not plan.has_fixed:
        return plan.base_alpha * price, [alpha * price for alpha in plan.alpha]
    units = Fraction(opened.units_top, opened.units_bottom * plan.denominator)
    pairs = zip(plan.alpha, plan.beta, strict=True)
    return plan.base_alpha * price + plan.base_beta * units, [alpha * price + beta * units for alpha, beta in pairs]


def spread(exact: Sequence[Fraction]) -> list[int]:
    """Round a sum once and give each part whole units that add up to it, each less than one unit from its exact value.

    Parts are cut toward zero; what is missing goes one by one to the parts that were cut most, ties in order. Negated
    parts give negated shares.
    """
    shares = [int(part) for part in exact]
    total = sum(exact, Fraction(0))
    missing = divide_half_up(total.numerator, total.denominator) - sum(shares)
    if missing:
        unit = 1 if missing > 0 else -1
        cut = sorted(range(len(exact)), key=lambda i: unit * (shares[i] - exact[i]))
        for i in cut[: abs(missing)]:
            shares[i] += unit
    return shares
