"""Older reports: what is new since one (``--compare``), and what was known already (``--baseline``).

Both are reports in JSON as the gate writes them. A baseline is for a project that starts with the gate: only what is
new counts. It has no reasons and no end, so a report that hides something high by it is never GO.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from primepos.deploy.check import Status
from primepos.deploy.findings import NEVER_SET_ASIDE, Comparison, SetAside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from primepos.deploy.findings import Finding
    from primepos.deploy.report.document import CheckRow, Document

_OPEN = frozenset({Status.FAIL.value, Status.ERROR.value})


def apply_baseline(findings: Iterable[Finding], older: Document) -> tuple[Finding, ...]:
    """Mark as WAIVED every failure that the older report had, waived or not."""
    known = {(row.id, row.fingerprint) for row in older.checks if row.fingerprint}
    aside = SetAside(kind="baseline", reason=f"known since the baseline of {older.generated_at:%Y-%m-%d}")
    return tuple(
        replace(one, status=Status.WAIVED, set_aside=aside)
        if one.status is Status.FAIL and (one.check.id, one.fingerprint) in known and one.check.id != NEVER_SET_ASIDE
        else one
        for one in findings
    )


def first_seen(findings: Iterable[Finding], olders: Iterable[Document], today: date) -> tuple[Finding, ...]:
    """Give each open finding the day it was first seen: the earliest an older report tells, else today."""
    seen: dict[tuple[str, str], date] = {}
    for older in olders:
        for row in older.checks:
            if row.since is not None and row.fingerprint:
                key = (row.id, row.fingerprint)
                seen[key] = min(row.since, seen.get(key, row.since))
    return tuple(
        replace(one, since=seen.get((one.check.id, one.fingerprint), today)) if one.fingerprint else one
        for one in findings
    )


def compare(findings: Iterable[Finding], older: Document) -> Comparison:
    """Say what is fixed, new and unchanged since the older report.

    Fixed is what was open and has now passed, is waived or does not apply; a check that was not run this time has
    fixed nothing. A failure of the same check for another reason is new.
    """
    before: dict[str, CheckRow] = {row.id: row for row in older.checks if row.status in _OPEN}
    fixed: list[str] = []
    new: list[str] = []
    unchanged: list[str] = []
    for one in findings:
        row = before.get(one.check.id)
        if one.is_open:
            same = row is not None and (row.status, row.fingerprint) == (one.status.value, one.fingerprint)
            (unchanged if same else new).append(one.check.id)
        elif row is not None and one.status is Status.SKIPPED:
            unchanged.append(one.check.id)
        elif row is not None:
            fixed.append(one.check.id)
    return Comparison(tuple(fixed), tuple(new), tuple(unchanged))
