"""The decision matrix for a terminal of 80 columns: check, status, owner, deadline, what to do; then the verdict."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Area, Status
from primepos.deploy.findings import NOT_ASKED
from primepos.deploy.report.wording import (
    STATUS_WORDS,
    VERDICT_WORDS,
    counted,
    deadline,
    percent,
    sentence,
    skipped_by_reason,
    worst_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from primepos.deploy.findings import Comparison, Finding, Report

WIDTH: Final = 80
_SHOWN_PLACES: Final = 3


def render_table(report: Report) -> str:
    """Return the report for people; no line is longer than 80 columns unless a single word is."""
    parts: list[Iterable[str]] = [_areas(report)]
    if any(one.is_open for one in report.findings):
        parts.append(_matrix(report))
    if set_aside := [one for one in report.findings if one.set_aside is not None]:
        parts.append(_set_aside(set_aside))
    if not_run := skipped_by_reason(report):
        parts.append(_not_run(not_run))
    if report.comparison is not None:
        parts.append(_compared(report.comparison))
    parts.append(_closing(report))
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _areas(report: Report) -> Iterator[str]:
    yield f"{'Area':<14}{'pass':>7}{'fail':>7}{'error':>7}{'waived':>8}{'skipped':>9}{'n/a':>6}"
    for area in Area:
        here = [one for one in report.findings if one.check.area is area]
        found = [one.status for one in here]
        # Below it says which were not asked for.
        if any(one.evidence != NOT_ASKED for one in here):
            yield (
                f"{area.value:<14}{found.count(Status.PASS):>7}{found.count(Status.FAIL):>7}"
                f"{found.count(Status.ERROR):>7}{found.count(Status.WAIVED):>8}"
                f"{found.count(Status.SKIPPED):>9}{found.count(Status.NOT_APPLICABLE):>6}"
            )


def _matrix(report: Report) -> Iterator[str]:
    today = report.at.date()
    found = worst_first(report)
    owners = max(5, *(len(one.owner[:18]) for one in found))
    yield f"{'Check':<8}{'Status':<8}{'Severity':<10}{'Owner':<{owners + 2}}Deadline"
    for one in found:
        yield (
            f"{one.check.id:<8}{STATUS_WORDS[one.status]:<8}{one.severity.value:<10}"
            f"{one.owner[:18]:<{owners + 2}}{deadline(one.due, today)}"
        )
        yield from _wrapped(sentence(one.check.rule), "  ")
        yield from _wrapped(f"Seen: {one.evidence}", "  ")
        if one.places:
            more = len(one.places) - _SHOWN_PLACES
            shown = ", ".join(str(place) for place in one.places[:_SHOWN_PLACES])
            yield from _wrapped(f"Where: {shown}{f' and {more} more' if more > 0 else ''}", "  ")
        if one.remedy:
            yield from _wrapped(f"To do: {one.remedy}", "  ")


def _set_aside(found: Sequence[Finding]) -> Iterator[str]:
    yield "Waived"
    for one in found:
        aside = one.set_aside
        if aside is not None:
            until = f" until {aside.until}" if aside.until else ""
            who = f", {aside.owner} {aside.ticket}" if aside.owner else ""
            yield from _wrapped(f"{one.check.id} {one.severity.value}{until}: {aside.reason}{who}", "  ")


def _not_run(reasons: Sequence[tuple[str, list[str]]]) -> Iterator[str]:
    yield "Not run"
    for reason, ids in reasons:
        yield from _wrapped(f"{len(ids)}: {reason} ({_ids(ids)})", "  ")


def _compared(comparison: Comparison) -> Iterator[str]:
    yield "Since the older report"
    for word, ids in (("fixed", comparison.fixed), ("new", comparison.new), ("unchanged", comparison.unchanged)):
        yield from _wrapped(f"{word}: {_ids(ids) or 'none'}", "  ")


def _closing(report: Report) -> Iterator[str]:
    today = report.at.date()
    overdue = sum(one.overdue(today) for one in report.findings)
    yield f"{counted(report)} of {len(report.findings)} checks in {report.ms / 1000:.1f} s"
    where = f"commit {report.commit[:12]}" if report.commit else "no commit"
    yield f"{report.environment}, {where}, report {report.digest[7:19]}"
    if overdue:
        yield f"{overdue} overdue"
    for one in report.findings:
        if one.check.id == "OPS081" and one.status is Status.PASS:
            yield from _wrapped(f"Signed by {one.evidence}", "")
    yield f"Confidence: {percent(report)} ({report.executed} of {report.applicable} applicable checks gave an answer)"
    yield f"Verdict: {report.verdict.value} - {VERDICT_WORDS[report.verdict]}"


def _ids(ids: Sequence[str]) -> str:
    """Return ids in short: neighbours that follow each other as a range."""
    spans: list[list[str]] = []
    for one in ids:
        if spans and one[:-3] == spans[-1][-1][:-3] and int(one[-3:]) == int(spans[-1][-1][-3:]) + 1:
            spans[-1].append(one)
        else:
            spans.append([one])
    return ", ".join(span[0] if len(span) == 1 else f"{span[0]}-{span[-1][-3:]}" for span in spans)


def _wrapped(text: str, indent: str) -> list[str]:
    lines = [line for paragraph in text.splitlines() for line in wrap(paragraph, WIDTH - len(indent) - 2)]
    return [f"{indent}{'  ' if number else ''}{line}" for number, line in enumerate(lines)]
