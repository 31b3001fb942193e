"""What `primepos env check` found, as the outcome of a check: one rule, one function, two places that tell it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from primepos.core.settings_registry import BY_NAME
from primepos.core.settings_rules import Severity
from primepos.core.settings_shown import shown_source, shown_value
from primepos.deploy.blueprint import FILE
from primepos.deploy.check import Outcome, Place, failed, not_applicable, passed, skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.core.settings_rules import Problem
    from primepos.deploy.target import Target

EXAMPLE = ".env.example"
_ORDER = tuple(Severity)


def by_rule(target: Target, rule: str, *names: str, after: str | None = None, without: str | None = None) -> Outcome:
    """Return what the rule says about the environment; ``names`` are the variables shown when it holds.

    ``after`` is the rule that must hold before this one can be looked at. When none of the variables is set the check
    does not apply, for the reason ``without``; without a reason their defaults are judged.
    """
    found = target.examination
    if after is not None and any(one.rule == after for one in found.problems):
        return skipped(f"cannot be looked at before {after} holds")
    problems = [one for one in found.problems if one.rule == rule]
    if problems:
        return refused(target, problems)
    if without is not None and not any(_held(target, name) for name in names):
        return not_applicable(without)
    return passed("; ".join(seen(target, name) for name in names))


def refused(target: Target, problems: Iterable[Problem]) -> Outcome:
    """Return the failure that some problems make, as bad as the worst of them."""
    told = list(problems)
    worst = min((one.severity for one in told), key=_ORDER.index)
    places = dict.fromkeys(place_of(target, one.variable) for one in told)
    return failed("; ".join(_said(one) for one in told), *places, severity=worst)


def _said(problem: Problem) -> str:
    """Return a problem without the explanation of its variable, which the rule and the remedy of the check hold."""
    required = problem.missing and problem.text.startswith("is required")
    return f"{problem.variable} is not set" if required else f"{problem.variable} {problem.text}"


def seen(target: Target, name: str) -> str:
    """Return a variable with what may be shown of its value and where that came from."""
    variable, found = BY_NAME[name], target.examination
    value = shown_value(variable, found)
    return f"{name} {value or 'empty'} ({shown_source(variable, found)})"


def place_of(target: Target, name: str) -> Place:
    """Return where a variable is given: in render.yaml, else its line in the example file."""
    blueprint = target.blueprint
    for service in blueprint.ours("web"):
        entry = blueprint.variables(service).get(name)
        if entry is not None:
            return Place(FILE, blueprint.line(entry.at))
    listed = target.text(EXAMPLE)
    if listed is None:
        return Place(FILE)
    match = re.search(rf"^(?:# )?{re.escape(name)}=", listed, re.MULTILINE)
    return Place(EXAMPLE, listed.count("\n", 0, match.start()) + 1 if match else None)


def _held(target: Target, name: str) -> bool:
    return name in target.examination.raw and bool(target.examination.values[name])
