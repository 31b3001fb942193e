"""What the gate found out: one finding for every check of the catalogue, and what follows from all of them.

A fingerprint names a finding so that a waiver, a baseline or an older report can speak of it. It is made of the check
and of the offending lines as they are written (not where they stand), or, where there is no line, of the evidence
without its numbers: it outlives an edit further up in the file and a certificate that gets a day older, not another
offence against the same rule.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Severity, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, datetime

    from primepos.deploy.check import Check, Needs, Place

# Worst first.
SEVERITIES: Final = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
# Days until a finding has to be gone; a low one has no date.
DUE_DAYS: Final = {Severity.CRITICAL: 0, Severity.HIGH: 7, Severity.MEDIUM: 14}
# These two look at the report itself, so they come last and are no part of what is signed.
JUDGES_OF_THE_REPORT: Final = ("OPS081", "OPS082")
# What is wrong with waivers cannot be waived, nor hidden by a baseline.
NEVER_SET_ASIDE: Final = "OPS082"

# Why a check was left out of a run that was for others.
NOT_ASKED: Final = "not part of this run"

_DIGESTED: Final = "primepos check-deploy 1\n"

_CHANGING = re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{7,}\b|[0-9]+(?:[.,:T-][0-9]+)*")


class Verdict(StrEnum):
    """The answer. NO_GO: something at or above the line is wrong; CONDITIONAL: something high is, below the line."""

    GO = "GO"
    CONDITIONAL = "CONDITIONAL GO"
    NO_GO = "NO-GO"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Why a failure does not count: a waiver with its reason, or a baseline that knew it already."""

    kind: str
    reason: str
    owner: str = ""
    ticket: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one check ended. ``since`` and ``due`` are set for what is open; ``owner`` always."""

    check: Check
    status: Status
    severity: Severity
    evidence: str
    remedy: str
    ms: int
    places: tuple[Place, ...] = ()
    fingerprint: str = ""
    owner: str = ""
    since: date | None = None
    due: date | None = None
    set_aside: SetAside | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something about it: it failed, or could not say."""
        return self.status in {Status.FAIL, Status.ERROR}

    def overdue(self, today: date) -> bool:
        """Whether it is still open after the day it was due."""
        return self.is_open and self.due is not None and self.due < today


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed since an older report, as ids of checks."""

    fixed: tuple[str, ...]
    new: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of the gate. Findings are in the order of the catalogue; ``given`` is what it had to look at."""

    findings: tuple[Finding, ...]
    at: datetime
    release: str
    commit: str | None
    environment: str
    given: tuple[Needs, ...]
    fail_on: Severity
    ms: int
    comparison: Comparison | None = None

    @property
    def verdict(self) -> Verdict:
        """The answer. A check that crashed counts as failed and forbids GO, as does a high one that a baseline hides.

        Where not a single check gave an answer, nothing speaks for going.
        """
        if self.blocking or not self.executed:
            return Verdict.NO_GO
        weighty = [one for one in self.findings if at_least(one.severity, Severity.HIGH)]
        if any(one.is_open or _from_baseline(one) for one in weighty):
            return Verdict.CONDITIONAL
        return Verdict.CONDITIONAL if self.crashed else Verdict.GO

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What is open at or above the line."""
        return tuple(one for one in self.findings if one.is_open and at_least(one.severity, self.fail_on))

    @property
    def crashed(self) -> tuple[Finding, ...]:
        """The checks that could not say: they broke, or what they look at did not answer."""
        return tuple(one for one in self.findings if one.status is Status.ERROR)

    @property
    def applicable(self) -> int:
        """How many checks are about something that is there."""
        return sum(one.status is not Status.NOT_APPLICABLE for one in self.findings)

    @property
    def executed(self) -> int:
        """How many of the applicable ones gave an answer."""
        return sum(one.status in {Status.PASS, Status.FAIL, Status.WAIVED} for one in self.findings)

    @property
    def confidence(self) -> float:
        """Executed / applicable, 0 to 1, four places."""
        return round(self.executed / self.applicable, 4) if self.applicable else 0.0

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many checks ended how; every status is there."""
        return {status: sum(one.status is status for one in self.findings) for status in Status}

    @property
    def exit_code(self) -> int:
        """0 GO or CONDITIONAL GO, 1 NO-GO, 3 when a check crashed or the target did not answer: no answer at all."""
        if self.crashed:
            return 3
        return 1 if self.verdict is Verdict.NO_GO else 0

    @property
    def digest(self) -> str:
        """What a signature binds to: everything that is wrong or waived, no times and no numbers that change."""
        return digest_of(self.findings)


def at_least(severity: Severity, line: Severity) -> bool:
    """Whether ``severity`` is as bad as ``line`` or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(line)


def fingerprint(check_id: str, evidence: str, places: Iterable[Place], line_of: Callable[[Place], str]) -> str:
    """Return the name of a finding, 16 hex digits; ``line_of`` gives the text of a line."""
    spots = sorted({f"{place.path}\0{line_of(place)}" for place in places})
    said = spots or [_CHANGING.sub("#", evidence)]
    return hashlib.sha256("\n".join([check_id, *said]).encode()).hexdigest()[:16]


def digest_of(findings: Iterable[Finding]) -> str:
    """Return ``sha256:`` and the digest of what is wrong or waived, findings about the report itself left out.

    What passed is no part of it: a release that looks at less than the report that was signed, and finds the same
    wrong, is covered by the same signatures.
    """
    lines = sorted(
        f"{one.check.id} {one.status.value} {one.severity.value} {one.fingerprint}\n"
        for one in findings
        if one.fingerprint and one.check.id not in JUDGES_OF_THE_REPORT
    )
    return f"sha256:{hashlib.sha256(''.join([_DIGESTED, *lines]).encode()).hexdigest()}"


def _from_baseline(one: Finding) -> bool:
    return one.set_aside is not None and one.set_aside.kind == "baseline"
