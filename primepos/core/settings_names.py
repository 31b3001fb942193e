"""Names that no registry entry has: mistyped variables are silent otherwise (ENV023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.settings_registry import ALIASES, BY_NAME, PLATFORM_FACTS, TOOL_VARIABLES
from primepos.core.settings_rules import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIXES = ("PRIMEPOS_", "_PRIMEPOS_")
_MAX_EDITS = 2
_SHORTEST = 6


def name_problems(names: Iterable[str]) -> list[Problem]:
    """Return a finding for each unknown PRIMEPOS_* name and each name that is nearly one of ours.

    Short names (HOME is nearly HOST) and other programs' names are left alone.
    """
    problems = []
    for name in sorted(set(names)):
        if name in BY_NAME or name in ALIASES or name in PLATFORM_FACTS or name in TOOL_VARIABLES:
            continue
        close = nearest(name)
        if close is not None:
            text = f"is no setting; did you mean {close}?"
        elif name.startswith(_PREFIXES[0]):
            text = "is no setting of this version"
        else:
            continue
        problems.append(Problem(name, "ENV023", Severity.MEDIUM, text, fatal=False))
    return problems


def nearest(name: str) -> str | None:
    """Return the registered name within two edits, one edit for short names; None if there is no such."""
    wanted = name.upper()
    if wanted != name and wanted in BY_NAME:
        return wanted
    if len(wanted) < _SHORTEST:
        return None
    allowed = _MAX_EDITS if len(wanted) > _SHORTEST + 2 else 1
    found = [(edits, known) for known in BY_NAME if (edits := _edits(wanted, known, allowed)) <= allowed]
    return min(found)[1] if found else None


def _edits(first: str, second: str, most: int) -> int:
    """Return how many insertions, deletions, changes or swaps lead from one to the other; above ``most`` is rough."""
    if abs(len(first) - len(second)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        older, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (one != other))
            if i > 1 and j > 1 and one == second[j - 2] and first[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
