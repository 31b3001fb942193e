"""Words that the reports for people share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Status
from primepos.deploy.findings import SEVERITIES, Verdict

if TYPE_CHECKING:
    from datetime import date

    from primepos.deploy.findings import Finding, Report

STATUS_WORDS: Final = {
    Status.PASS: "pass",
    Status.FAIL: "FAIL",
    Status.WAIVED: "waived",
    Status.SKIPPED: "skipped",
    Status.NOT_APPLICABLE: "not applicable",
    Status.ERROR: "ERROR",
}
VERDICT_WORDS: Final = {
    Verdict.GO: "ready to deploy",
    Verdict.CONDITIONAL: "deploy, and see to what is open by its date",
    Verdict.NO_GO: "do not deploy",
}


def worst_first(report: Report) -> list[Finding]:
    """Return what is open, worst first, then in the order of the catalogue."""
    return sorted((one for one in report.findings if one.is_open), key=lambda one: SEVERITIES.index(one.severity))


def sentence(text: str) -> str:
    """Return a rule as a sentence: a capital at the start (of a word, not of a path), a full stop at the end."""
    is_word = text.partition(" ")[0].rstrip(",").isalpha()
    return f"{text[:1].upper() if is_word else text[:1]}{text[1:].rstrip('.')}."


def percent(report: Report) -> str:
    """Return the confidence in whole percent, rounded down: 100 means every single one."""
    whole = report.executed * 100 // report.applicable if report.applicable else 0
    return f"{whole} %"


def deadline(due: date | None, today: date) -> str:
    """Return a date as people read it: overdue and today said as such, a dash for none."""
    if due is None:
        return "-"
    if due < today:
        return f"{due} OVERDUE"
    return f"{due} TODAY" if due - today < timedelta(days=1) else f"{due}"


def counted(report: Report) -> str:
    """Return how many ended how: ``3 failed, 120 passed, 52 skipped``; what did not happen is left out."""
    words = {
        Status.FAIL: "failed",
        Status.ERROR: "crashed or unreachable",
        Status.PASS: "passed",
        Status.WAIVED: "waived",
        Status.SKIPPED: "skipped",
        Status.NOT_APPLICABLE: "not applicable",
    }
    return ", ".join(f"{report.counts[status]} {word}" for status, word in words.items() if report.counts[status])


def skipped_by_reason(report: Report) -> list[tuple[str, list[str]]]:
    """Return the reasons why checks were not run, each with their ids, the most frequent first."""
    reasons: dict[str, list[str]] = {}
    for one in report.findings:
        if one.status is Status.SKIPPED:
            reasons.setdefault(one.evidence, []).append(one.check.id)
    return sorted(reasons.items(), key=lambda item: -len(item[1]))
