"""The report as JSON: what the gate writes for programs, and reads again to compare. Its schema has a version.

Within a version fields may be added; none is taken away or changes its meaning.
"""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from primepos.core.errors import InvalidInput
from primepos.deploy.findings import Finding, Report

VERSION: Final = 1

Id = Annotated[str, msgspec.Meta(pattern="^[A-Z]+[0-9]{3}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
SeverityName = Literal["critical", "high", "medium", "low"]
StatusName = Literal["pass", "fail", "waived", "skipped", "not_applicable", "error"]
NeedName = Literal["static", "database", "url", "frontend-url", "active"]


class NotAReport(InvalidInput):
    """The file is no report of the gate that this version reads."""

    code = "NOT_A_REPORT"
    template = "{file} is no report of check-deploy: {problem}"
    hint = "Write one with `primepos check-deploy --format json --output FILE`."


class PlaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where a finding is: a path relative to the project, and a line counted from 1."""

    path: str
    line: Count | None


class WaiverRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a failure does not count."""

    kind: Literal["waiver", "baseline"]
    reason: str
    owner: str
    ticket: str
    expires: date | None


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the catalogue and how it ended; ``ms`` is how long it took."""

    id: Id
    area: str
    severity: SeverityName
    status: StatusName
    rule: str
    evidence: str
    remedy: str
    anchor: str
    needs: list[NeedName]
    places: list[PlaceRow]
    fingerprint: str
    owner: str
    since: date | None
    due: date | None
    overdue: bool
    waiver: WaiverRow | None
    ms: Count


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of checks by what became of them since an older report."""

    fixed: list[Id]
    new: list[Id]
    unchanged: list[Id]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. ``confidence`` is executed / applicable; ``digest`` is what a sign-off binds to."""

    schema_version: Literal[1]
    tool: str
    version: str
    verdict: Literal["GO", "CONDITIONAL GO", "NO-GO"]
    exit_code: Literal[0, 1, 3]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    executed: Count
    applicable: Count
    generated_at: datetime
    commit: str | None
    environment: str
    given: list[NeedName]
    fail_on: SeverityName
    digest: Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
    ms: Count
    counts: dict[StatusName, Count]
    compared: Compared | None
    checks: list[CheckRow]


def document(report: Report) -> Document:
    """Return the report as its JSON document."""
    compared = report.comparison
    return Document(
        schema_version=VERSION,
        tool="primepos check-deploy",
        version=report.release,
        verdict=report.verdict.value,
        exit_code=report.exit_code,  # type: ignore[arg-type]  # one of three, by its docstring
        confidence=report.confidence,
        executed=report.executed,
        applicable=report.applicable,
        generated_at=report.at,
        commit=report.commit,
        environment=report.environment,
        given=[need.value for need in report.given],
        fail_on=report.fail_on.value,
        digest=report.digest,
        ms=report.ms,
        counts={status.value: count for status, count in report.counts.items()},
        compared=None
        if compared is None
        else Compared(fixed=list(compared.fixed), new=list(compared.new), unchanged=list(compared.unchanged)),
        checks=[_row(one, report.at.date()) for one in report.findings],
    )


def _row(one: Finding, today: date) -> CheckRow:
    aside = one.set_aside
    return CheckRow(
        id=one.check.id,
        area=one.check.area.value,
        severity=one.severity.value,
        status=one.status.value,
        rule=one.check.rule,
        evidence=one.evidence,
        remedy=one.remedy,
        anchor=one.check.anchor,
        needs=sorted(need.value for need in one.check.needs),
        places=[PlaceRow(path=place.path, line=place.line) for place in one.places],
        fingerprint=one.fingerprint,
        owner=one.owner,
        since=one.since,
        due=one.due,
        overdue=one.overdue(today),
        waiver=None
        if aside is None
        else WaiverRow(
            kind=aside.kind,  # type: ignore[arg-type]  # one of two
            reason=aside.reason, owner=aside.owner, ticket=aside.ticket, expires=aside.until,
        ),
        ms=one.ms,
    )  # fmt: skip


def read_document(data: bytes, name: str) -> Document:
    """Read a report that the gate wrote. Raises NotAReport."""
    try:
        return msgspec.json.decode(data, type=Document)
    except msgspec.MsgspecError as error:
        raise NotAReport(file=name, problem=str(error)) from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the report."""
    (root,), parts = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://primepos.invalid/schemas/check-deploy-{VERSION}.json",
        "title": f"Report of primepos check-deploy, version {VERSION}",
        **root,
        "$defs": dict(sorted(parts.items())),
    }


def render_json(report: Report) -> str:
    """Return the report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode() + "\n"
