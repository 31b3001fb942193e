"""Who buys, where and when, and on what terms an offer holds: pure, for the till and the server alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

# In the order of datetime.weekday().
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Occasion:
    """One sale: the moment in the shop's own zone, the outlet, the customer and the groups they belong to.

    ``customers`` holds the customer's id, and those of records that were merged into it; empty is nobody in particular.
    ``price_list`` is the code of the list that the customer was given as their own.
    """

    at: datetime
    outlet: UUID
    customers: frozenset[UUID] = frozenset()
    groups: frozenset[UUID] = frozenset()
    price_list: str | None = None
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """When an offer holds, where and for whom; what is left out does not restrict it.

    ``valid_to`` is the first moment at which it is over. Hours are the shop's; ``to_time`` before ``from_time`` spans
    midnight, and the hours after midnight belong to the day on which they began. Who is named by ``customers`` or is in
    one of ``groups`` is meant; outlets restrict further.
    """

    valid_from: datetime | None = None
    valid_to: datetime | None = None
    days: frozenset[str] = frozenset()
    from_time: time | None = None
    to_time: time | None = None
    outlets: frozenset[UUID] = frozenset()
    groups: frozenset[UUID] = frozenset()
    customers: frozenset[UUID] = frozenset()

    def hold(self, occasion: Occasion) -> bool:
        """Tell whether the offer holds on this occasion."""
        return self.hold_at(occasion.at) and self.are_for(occasion)

    def hold_at(self, at: datetime) -> bool:
        """Tell whether the offer holds at a moment of the shop's own zone, whoever buys."""
        if (self.valid_from is not None and at < self.valid_from) or (
            self.valid_to is not None and at >= self.valid_to
        ):
            return False
        day, clock = at, at.time()
        if self.from_time is not None and self.to_time is not None:
            if self.from_time < self.to_time:
                if not self.from_time <= clock < self.to_time:
                    return False
            elif clock < self.to_time:
                day = at - timedelta(days=1)
            elif clock < self.from_time:
                return False
        return not self.days or DAYS[day.weekday()] in self.days

    def are_for(self, occasion: Occasion) -> bool:
        """Tell whether the offer is for this customer at this outlet, whenever."""
        if self.outlets and occasion.outlet not in self.outlets:
            return False
        if not self.groups and not self.customers:
            return True
        return bool(self.customers & occasion.customers or self.groups & occasion.groups)

    def nearness(self, occasion: Occasion) -> int:
        """Return how closely the offer names this occasion: the customer 3, a group 2, the outlet 1, nothing 0."""
        if self.customers & occasion.customers:
            return 3
        if self.groups & occasion.groups:
            return 2
        return 1 if occasion.outlet in self.outlets else 0
