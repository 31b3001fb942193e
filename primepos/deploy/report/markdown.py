"""A summary in Markdown, for a pull request or the summary of a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.deploy.check import Area, Status
from primepos.deploy.report.wording import (
    STATUS_WORDS,
    VERDICT_WORDS,
    counted,
    deadline,
    percent,
    skipped_by_reason,
    worst_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.deploy.findings import Report


def render_markdown(report: Report) -> str:
    """Return the verdict, the decision matrix and what was not run."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    today = report.at.date()
    yield f"## {report.verdict.value}: {VERDICT_WORDS[report.verdict]}"
    yield ""
    yield (
        f"Confidence {percent(report)} ({report.executed} of {report.applicable} applicable checks gave an answer): "
        f"{counted(report)}. Commit `{report.commit or 'none'}`, report `{report.digest}`."
    )
    if found := worst_first(report):
        yield from (
            "",
            "| Check | Status | Severity | Owner | Deadline | Seen | To do |",
            "|---|---|---|---|---|---|---|",
        )
        for one in found:
            where = "".join(f"<br>`{place}`" for place in one.places[:3])
            cells = [
                f"{one.check.id} {_cell(one.check.rule)}",
                STATUS_WORDS[one.status],
                one.severity.value,
                _cell(one.owner),
                deadline(one.due, today),
                _cell(one.evidence) + where,
                _cell(one.remedy),
            ]
            yield f"| {' | '.join(cells)} |"
    if aside := [one for one in report.findings if one.set_aside is not None]:
        yield from ("", "| Waived | Severity | Until | Reason |", "|---|---|---|---|")
        for one in aside:
            if one.set_aside is not None:
                until = one.set_aside.until or "-"
                yield f"| {one.check.id} | {one.severity.value} | {until} | {_cell(one.set_aside.reason)} |"
    if report.comparison is not None:
        changed = report.comparison
        yield ""
        yield (
            f"Since the older report: fixed {', '.join(changed.fixed) or 'nothing'}; "
            f"new {', '.join(changed.new) or 'nothing'}; unchanged {', '.join(changed.unchanged) or 'nothing'}."
        )
    yield from (
        "",
        "| Area | Pass | Fail | Error | Waived | Skipped | Not applicable |",
        "|---|---|---|---|---|---|---|",
    )
    for area in Area:
        found_here = [one.status for one in report.findings if one.check.area is area]
        if found_here:
            order = (Status.PASS, Status.FAIL, Status.ERROR, Status.WAIVED, Status.SKIPPED, Status.NOT_APPLICABLE)
            yield f"| {area.value} | {' | '.join(str(found_here.count(status)) for status in order)} |"
    if not_run := skipped_by_reason(report):
        yield from ("", "Not run:", "")
        for reason, ids in not_run:
            yield f"- {_cell(reason)}: {', '.join(ids)}"


def _cell(text: str) -> str:
    """Return text that neither ends a cell nor is read as HTML or Markdown."""
    plain = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for sign in "|`*_[]":
        plain = plain.replace(sign, f"\\{sign}")
    return " ".join(plain.split())
