"""``deploy/waivers.toml``: failures somebody answers for, each until a day.

    [[waiver]]
    id = "RND056"
    fingerprint = "4f0c2a9be17d3350"
    reason = "one instance until the load test of week 2"
    owner = "DevOps"
    ticket = "OPS-118"
    expires = 2027-01-15
    approved_by = "Ada Lovelace"   # needed for a critical one

A waiver that is not in order does not count: the failure stays, and OPS082 says what is wrong with the waiver.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from primepos.deploy.check import HIGH, LOW, Outcome, Place, Severity, Status, check, failed, passed
from primepos.deploy.findings import NEVER_SET_ASIDE, SetAside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.deploy.findings import Finding
    from primepos.deploy.target import Target

FILE: Final = "deploy/waivers.toml"
MAX_DAYS: Final = 90
MAX_DAYS_CRITICAL: Final = 14

_REQUIRED: Final = ("id", "fingerprint", "reason", "owner", "ticket")
_KNOWN: Final = frozenset({*_REQUIRED, "expires", "approved_by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One failure that somebody answers for until a day; ``line`` is where it stands."""

    id: str
    fingerprint: str
    reason: str
    owner: str
    ticket: str
    expires: date
    approved_by: str
    line: int

    def problem(self, severity: Severity, today: date) -> str | None:
        """Say why it does not count for a failure as bad as ``severity``, if so."""
        if self.id == NEVER_SET_ASIDE:
            return "is about waivers and cannot be waived"
        if self.expires < today:
            return f"expired on {self.expires}"
        critical = severity is Severity.CRITICAL
        limit = MAX_DAYS_CRITICAL if critical else MAX_DAYS
        if self.expires > today + timedelta(days=limit):
            return f"runs until {self.expires}, longer than {limit} days"
        return (
            "is for a critical failure and nobody is named in approved_by"
            if critical and not self.approved_by
            else None
        )


@dataclass(frozen=True, slots=True)
class Waivers:
    """What the file holds; ``malformed`` says what could not be read, with its line."""

    usable: tuple[Waiver, ...] = ()
    malformed: tuple[tuple[str, int | None], ...] = ()


def read_waivers(target: Target) -> Waivers:
    """Read the project's file; there are no waivers where there is none."""
    text = target.text(FILE)
    if text is None:
        return Waivers()
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Waivers(malformed=((f"cannot be read: {error}", None),))
    entries = said.get("waiver", [])
    if said.keys() - {"waiver"} or not isinstance(entries, list):
        return Waivers(malformed=(("holds something else than [[waiver]] entries", None),))
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.split("#")[0].strip() == "[[waiver]]"]
    usable: list[Waiver] = []
    malformed: list[tuple[str, int | None]] = []
    for place, entry in enumerate(entries):
        line = lines[place] if place < len(lines) else None
        made = _waiver(entry, line or 1)
        if isinstance(made, str):
            malformed.append((made, line))
        else:
            usable.append(made)
    return Waivers(tuple(usable), tuple(malformed))


def _waiver(entry: Any, line: int) -> Waiver | str:
    if not isinstance(entry, dict):
        return "an entry is no table"
    named = entry.get("id") or "one without id"
    missing = [name for name in _REQUIRED if not isinstance(entry.get(name), str) or not entry[name].strip()]
    if missing:
        return f"{named}: {', '.join(missing)} missing"
    if type(entry.get("expires")) is not date:
        return f"{named}: expires is missing or no date such as 2027-01-15"
    if unknown := sorted(entry.keys() - _KNOWN):
        return f"{named}: nothing is called {', '.join(unknown)}"
    texts = {name: entry[name].strip() for name in _REQUIRED}
    return Waiver(**texts, expires=entry["expires"], approved_by=str(entry.get("approved_by", "")).strip(), line=line)


def apply_waivers(findings: Iterable[Finding], waivers: Waivers, today: date) -> tuple[Finding, ...]:
    """Mark as WAIVED every failure that a waiver in order speaks of."""
    return tuple(_waived(one, waivers, today) for one in findings)


def _waived(one: Finding, waivers: Waivers, today: date) -> Finding:
    if one.status is not Status.FAIL:
        return one
    for waiver in waivers.usable:
        if _speaks_of(waiver, one) and waiver.problem(one.severity, today) is None:
            aside = SetAside(
                kind="waiver", reason=waiver.reason, owner=waiver.owner, ticket=waiver.ticket, until=waiver.expires
            )
            return replace(one, status=Status.WAIVED, set_aside=aside)
    return one


def _speaks_of(waiver: Waiver, one: Finding) -> bool:
    return waiver.id == one.check.id and waiver.fingerprint == one.fingerprint


@check(
    "OPS082",
    HIGH,
    rule="No waiver is expired, too long, incomplete or without a failure to waive",
    remedy="fix what a waiver was for, renew it with a reason, or remove it from deploy/waivers.toml",
    anchor="OSV ignoreUntil, Trivy expired_at",
)
def waivers_are_in_order(target: Target) -> Outcome:
    """Judge the waivers; what the other checks found is known when the gate runs this one."""
    waivers = read_waivers(target)
    findings: dict[str, Finding] = {one.check.id: one for one in target.findings or ()}
    wrong = [(text, line) for text, line in waivers.malformed]
    unused: list[tuple[str, int | None]] = []
    for waiver in waivers.usable:
        one = findings.get(waiver.id)
        matches = one is not None and _speaks_of(waiver, one)
        severity = one.severity if one is not None and matches else _severity_of(waiver.id)
        problem = "is for no check of the catalogue" if severity is None else waiver.problem(severity, target.today)
        if problem:
            wrong.append((f"{waiver.id} {problem}", waiver.line))
        elif target.findings is not None and not matches:
            unused.append((f"{waiver.id} waives nothing (fingerprint {waiver.fingerprint})", waiver.line))
    if wrong or unused:
        told = [*wrong, *unused]
        places = [Place(FILE, line) for _, line in told]
        return failed("; ".join(text for text, _ in told), *places, severity=None if wrong else LOW)
    count = len(waivers.usable)
    return passed(f"{count} in order" if count else "there are none")


def _severity_of(check_id: str) -> Severity | None:
    from primepos.deploy.check import catalogue

    return next((one.severity for one in catalogue() if one.id == check_id), None)
