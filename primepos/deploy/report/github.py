"""Workflow commands of GitHub Actions: a line for each finding, shown beside the file it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Severity
from primepos.deploy.report.places import places_of

if TYPE_CHECKING:
    from primepos.deploy.findings import Report
    from primepos.deploy.target import Target

_COMMANDS: Final = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice",
}  # fmt: skip


def render_github(report: Report, target: Target) -> str:
    """Return a line for every open finding and one for the verdict."""
    lines = []
    blocking = {one.check.id for one in report.blocking}
    for one in report.findings:
        if not one.is_open:
            continue
        command = "error" if one.check.id in blocking else _COMMANDS[one.severity]
        message = f"{one.evidence}\nTo do: {one.remedy}" if one.remedy else one.evidence
        title = _property(f"{one.check.id} {one.check.rule}")
        for place in places_of(one, target):
            line = f",line={place.line}" if place.line else ""
            lines.append(f"::{command} file={_property(place.path)}{line},title={title}::{_data(message)}")
    executed = f"{report.executed} of {report.applicable} checks gave an answer"
    lines.append(f"::notice title=check-deploy::{_data(f'{report.verdict.value}, {executed}')}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
