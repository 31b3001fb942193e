"""How a check of ``render.yaml`` is written: it looks, says what is wrong and where, and returns what it saw.

    @blueprint_check("RND054", MEDIUM, rule="Everything is in one region", remedy="...", anchor="Render blueprint")
    def one_region(look: Look) -> str:
        ...
        look.wrong((*service.at, "region"), "is oregon, the database is in frankfurt")
        return "frankfurt"

What ``blueprint_shape`` found for the same id is told with it. A file that cannot be read is RND040's business: the
others are skipped.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING

from primepos.deploy.blueprint import FILE, Blueprint, shown
from primepos.deploy.blueprint_shape import Finding, shape_findings
from primepos.deploy.check import Outcome, Place, check, failed, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from primepos.deploy.blueprint import Pointer
    from primepos.deploy.check import Severity
    from primepos.deploy.target import Target

_MOST_TOLD = 8


@dataclass(slots=True)
class Look:
    """One look at a blueprint: what it is, whose it is, and what was found wrong so far."""

    blueprint: Blueprint
    target: Target
    found: list[Finding] = field(default_factory=list)

    def wrong(self, at: Pointer, text: str) -> None:
        """Note that something is wrong at a place."""
        self.found.append(Finding(at, text))


def blueprint_check(
    check_id: str, severity: Severity, *, rule: str, remedy: str, anchor: str
) -> Callable[[Callable[[Look], str | Outcome]], Callable[[Target], Outcome]]:
    """Register the function below as a check of the blueprint; the text it returns is the evidence of a pass."""

    def register(see: Callable[[Look], str | Outcome]) -> Callable[[Target], Outcome]:
        @check(check_id, severity, rule=rule, remedy=remedy, anchor=anchor)
        @wraps(see)
        def run(target: Target) -> Outcome:
            blueprint = target.blueprint
            if blueprint.root is None:
                return skipped("render.yaml cannot be read (RND040)")
            look = Look(blueprint, target, [one for one in shape_findings(blueprint) if one.check == check_id])
            seen = see(look)
            if not look.found:
                return seen if isinstance(seen, Outcome) else passed(seen)
            return outcome_of(blueprint, look.found)

        return run

    return register


def outcome_of(blueprint: Blueprint, found: list[Finding]) -> Outcome:
    """Return a failure that tells the findings and where they stand."""
    names = _names(blueprint)
    told = [f"{_pointer(one.at, names)} {one.text}" for one in found[:_MOST_TOLD]]
    if len(found) > _MOST_TOLD:
        told.append(f"and {len(found) - _MOST_TOLD} more")
    places = dict.fromkeys(Place(FILE, blueprint.line(one.at)) for one in found)
    return failed("; ".join(told), *places)


def counted(words: Iterable[object]) -> str:
    """Return words with how often each came: ``starter x 3, free``."""
    return ", ".join(f"{word} x {times}" if times > 1 else f"{word}" for word, times in Counter(words).items())


def _names(blueprint: Blueprint) -> dict[Pointer, str]:
    resources = (*blueprint.services, *blueprint.databases, *blueprint.groups)
    return {one.at: one.name for one in resources}


def _pointer(at: Pointer, names: dict[Pointer, str]) -> str:
    """Return a pointer that begins with the name of its resource: people know that one, not its number."""
    for length in range(len(at), 0, -1):
        if at[:length] in names:
            rest = shown(at[length:]) if len(at) > length else ""
            return f"{names[at[:length]]}: {rest}" if rest else names[at[:length]]
    return shown(at)
