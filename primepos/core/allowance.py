"""How often something may be tried, and how that stands for one caller: what throttles say and faces show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from primepos.core.settings_types import RateLimit


@dataclass(frozen=True, slots=True)
class Policy:
    """What is limited: a name, and how many in how many seconds."""

    name: str
    limit: RateLimit


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is allowed, how many are left, and after how many whole seconds there will be more."""

    allowed: bool
    policy: Policy
    remaining: int
    reset_after_s: int
