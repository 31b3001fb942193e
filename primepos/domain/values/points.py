"""The rule for points, as pure functions: what a sale earns by line, what a tender costs, what a refund takes back.

Points are whole. What is earned is rounded down, what is paid with them up: the shop is never short by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from primepos.core.amounts import allocate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class PointsRule:
    """``earn`` points for each ``per_minor`` spent; ``burn`` points pay ``worth_minor``.

    Products of the ``excluded`` categories earn nothing. Points not used within ``expiry_months`` lapse; None: never.
    """

    earn: int
    per_minor: int
    burn: int
    worth_minor: int
    excluded: frozenset[UUID]
    expiry_months: int | None

    def cost(self, minor: int) -> int:
        """Return how many points pay for ``minor`` minor units, rounded up."""
        return -(-minor * self.burn // self.worth_minor)

    def worth(self, points: int) -> int:
        """Return how many minor units ``points`` pay for, rounded down."""
        return points * self.worth_minor // self.burn

    def earned(self, lines: Sequence[tuple[int, int]], *, paid_in_points: int, total: int) -> list[list[int]]:
        """Return ``[line number, points]`` of each line that earns, for ``(line number, minor units)`` that may.

        What points paid for earns none: the share of the whole sale's ``total`` that they paid is taken off. The sum
        is rounded down once and shared by largest remainder, so that many small lines earn what one large one does.
        """
        eligible = [(n, minor) for n, minor in lines if minor > 0]
        spent = sum(minor for _, minor in eligible)
        if paid_in_points > 0 and total > 0:
            spent = spent * max(0, total - paid_in_points) // total
        points = spent * self.earn // self.per_minor
        if not points:
            return []
        shares = allocate(points, [minor for _, minor in eligible])
        return [[n, share] for (n, _), share in zip(eligible, shares, strict=True) if share]


def rule_of(settings: Mapping[str, Any]) -> PointsRule | None:
    """Return the tenant's rule, or None where the shop gives no points."""
    found = settings.get("points")
    if not found:
        return None
    return PointsRule(
        earn=found["earn"],
        per_minor=found["per_minor"],
        burn=found["burn"],
        worth_minor=found["worth_minor"],
        excluded=frozenset(msgspec.convert(found.get("excluded_categories") or [], list[UUID])),
        expiry_months=found.get("expiry_months"),
    )
