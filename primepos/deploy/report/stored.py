"""A report that was written as JSON, to be written in another way without running the gate again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.deploy.check import Check, Needs, Outcome, Place, Severity, Status, skipped
from primepos.deploy.findings import Comparison, Finding, Report, SetAside

if TYPE_CHECKING:
    from primepos.deploy.report.document import CheckRow, Document
    from primepos.deploy.target import Target


def report_of(stored: Document) -> Report:
    """Return the report that the document tells of; its checks cannot be run."""
    compared = stored.compared
    return Report(
        findings=tuple(_finding(row) for row in stored.checks),
        at=stored.generated_at,
        release=stored.version,
        commit=stored.commit,
        environment=stored.environment,
        given=tuple(Needs(need) for need in stored.given),
        fail_on=Severity(stored.fail_on),
        ms=stored.ms,
        comparison=None
        if compared is None
        else Comparison(tuple(compared.fixed), tuple(compared.new), tuple(compared.unchanged)),
    )


def _finding(row: CheckRow) -> Finding:
    aside = row.waiver
    return Finding(
        check=Check(
            id=row.id,
            severity=Severity(row.severity),
            needs=frozenset(Needs(need) for need in row.needs),
            rule=row.rule,
            remedy=row.remedy,
            anchor=row.anchor,
            run=_stored,
        ),
        status=Status(row.status),
        severity=Severity(row.severity),
        evidence=row.evidence,
        remedy=row.remedy,
        ms=row.ms,
        places=tuple(Place(place.path, place.line) for place in row.places),
        fingerprint=row.fingerprint,
        owner=row.owner,
        since=row.since,
        due=row.due,
        set_aside=None
        if aside is None
        else SetAside(
            kind=aside.kind, reason=aside.reason, owner=aside.owner, ticket=aside.ticket, until=aside.expires
        ),
    )


def _stored(_target: Target) -> Outcome:
    return skipped("a stored report is not run")
