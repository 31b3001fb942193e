"""``deploy/owners.toml``: who answers for which part of the catalogue, and dates that were agreed on.

[areas]
environment = "DevOps"
[checks.QA083]
owner = "Design"
due = 2027-02-01
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from primepos.core.errors import BadConfiguration
from primepos.deploy.check import Area
from primepos.deploy.findings import DUE_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.deploy.check import Check, Severity
    from primepos.deploy.target import Target

FILE: Final = "deploy/owners.toml"
NOBODY: Final = "nobody"


class BadOwners(BadConfiguration):
    """The file that says who answers for what cannot be used."""

    code = "BAD_OWNERS"
    template = "deploy/owners.toml cannot be used: {problem}"


@dataclass(frozen=True, slots=True)
class Owners:
    """Who answers for a check: its own entry, else its area's."""

    areas: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, date] = field(default_factory=dict)

    def of(self, check: Check) -> str:
        """Return who answers for it."""
        return self.checks.get(check.id) or self.areas.get(check.area.value) or NOBODY

    def due(self, check: Check, severity: Severity, since: date) -> date | None:
        """Return the day by which it has to be gone: the agreed one, else by severity from the day it was seen."""
        days = DUE_DAYS.get(severity)
        return self.dates.get(check.id) or (None if days is None else since + timedelta(days=days))


def read_owners(target: Target) -> Owners:
    """Read the project's file; nobody answers where there is none. Raises BadOwners."""
    text = target.text(FILE)
    if text is None:
        return Owners()
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadOwners(problem=str(error)) from error
    areas, checks = _table(said, "areas"), _table(said, "checks")
    unknown = said.keys() - {"areas", "checks"} or areas.keys() - {area.value for area in Area}
    if unknown:
        raise BadOwners(problem=f"nothing is called {', '.join(sorted(unknown))}")
    owners: dict[str, str] = {}
    dates: dict[str, date] = {}
    for check_id, entry in checks.items():
        if isinstance(entry, str):
            owners[check_id] = entry
            continue
        if not isinstance(entry, dict) or entry.keys() - {"owner", "due"}:
            raise BadOwners(problem=f"checks.{check_id} is neither a name nor owner and due")
        if "owner" in entry:
            owners[check_id] = str(entry["owner"])
        if "due" in entry:
            if type(entry["due"]) is not date:
                raise BadOwners(problem=f"checks.{check_id}.due is no date such as 2027-02-01")
            dates[check_id] = entry["due"]
    return Owners({name: str(who) for name, who in areas.items()}, owners, dates)


def _table(said: dict[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise BadOwners(problem=f"{name} is no table")
    return found
