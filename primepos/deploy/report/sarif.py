"""SARIF 2.1.0, as code scanning takes it: one rule an id, one result a place, waivers as suppressions."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from primepos.deploy.check import Severity, Status
from primepos.deploy.report.places import places_of
from primepos.deploy.report.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.deploy.check import Check, Place
    from primepos.deploy.findings import Finding, Report
    from primepos.deploy.target import Target

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note",
}  # fmt: skip
# What code scanning calls critical, high, medium and low begins at 9, 7, 4 and above 0.
_SCORES: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_REPORTED: Final = frozenset({Status.FAIL, Status.ERROR, Status.WAIVED})


def render_sarif(report: Report, target: Target) -> str:
    """Return the failures of a report as a SARIF log; what was not run or could not say is among its notifications."""
    rules = [_rule(one.check) for one in report.findings]
    driver: dict[str, Any] = {
        "name": "primepos check-deploy",
        "semanticVersion": report.release,
        "rules": rules,
    }
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [result for one in report.findings if one.status in _REPORTED for result in _results(one, index, target)]
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The project's directory."}}},
        "invocations": [
            {
                "executionSuccessful": not report.crashed,
                "toolExecutionNotifications": [_notification(one) for one in report.findings if _is_silent(one)],
            }
        ],
        "results": results,
        "properties": {
            "verdict": report.verdict.value,
            "confidence": report.confidence,
            "digest": report.digest,
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _rule(check: Check) -> dict[str, Any]:
    remedy = check.remedy or f"Not built: {check.unbuilt}"
    return {
        "id": check.id,
        "shortDescription": {"text": check.rule},
        "help": {
            "text": f"{sentence(check.rule)} To do: {remedy} Anchor: {check.anchor}.",
            "markdown": f"**{check.id}** {check.rule}\n\nTo do: {remedy}\n\nAnchor: {check.anchor}",
        },
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {
            "tags": ["deployment", check.area.value],
            "precision": "very-high",
            "problem.severity": "error" if _LEVELS[check.severity] == "error" else "warning",
            "security-severity": _SCORES[check.severity],
        },
    }


def _results(one: Finding, index: dict[str, int], target: Target) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for place in places_of(one, target):
        named = _place_fingerprint(one, place, target)
        # Two equal lines of one file are two results.
        seen[named] = seen.get(named, 0) + 1
        result: dict[str, Any] = {
            "ruleId": one.check.id,
            "ruleIndex": index[one.check.id],
            "level": _LEVELS[one.severity],
            "kind": "fail",
            "message": {"text": one.evidence + (f"\nTo do: {one.remedy}" if one.remedy else "")},
            "locations": [_location(place)],
            "partialFingerprints": {
                "primeposFinding/v1": one.fingerprint,
                "primaryLocationLineHash": f"{named}:{seen[named]}",
            },
        }
        if one.set_aside is not None:
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": one.set_aside.reason},
            ]
        yield result


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path), "uriBaseId": "SRCROOT"},
            "region": {"startLine": place.line or 1},
        }
    }


def _place_fingerprint(one: Finding, place: Place, target: Target) -> str:
    text = (target.text(place.path) or "").splitlines() if place.line else []
    line = text[place.line - 1].strip() if place.line and place.line <= len(text) else one.fingerprint
    return hashlib.sha256(f"{one.check.id}\0{place.path}\0{line}".encode()).hexdigest()[:16]


def _is_silent(one: Finding) -> bool:
    return one.status in {Status.SKIPPED, Status.ERROR}


def _notification(one: Finding) -> dict[str, Any]:
    return {
        "level": "error" if one.status is Status.ERROR else "note",
        "message": {"text": f"{one.check.id} {one.status.value}: {one.evidence}"},
        "associatedRule": {"id": one.check.id},
    }
