"""JUnit XML: a suite for each area, a test case for each check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from primepos.deploy.check import Area, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from primepos.deploy.findings import Finding, Report

# What XML 1.0 has no place for.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(report: Report) -> str:
    """Return the report as JUnit XML; waived, skipped and not applicable are skipped, each with its reason."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    root = Element("testsuites", {"name": "primepos check-deploy", **_totals(report.findings)})
    for area in Area:
        cases = [one for one in report.findings if one.check.area is area]
        if not cases:
            continue
        made = {"name": area.value, "timestamp": report.at.strftime("%Y-%m-%dT%H:%M:%S"), **_totals(cases)}
        suite = SubElement(root, "testsuite", made)
        for one in cases:
            _add_case(suite, one)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _add_case(suite: Element, one: Finding) -> None:
    from xml.etree.ElementTree import SubElement

    case = SubElement(
        suite,
        "testcase",
        {
            "classname": f"check-deploy.{one.check.area.value}",
            "name": _text(f"{one.check.id} {one.check.rule}"),
            "time": _seconds(one.ms),
        },
    )
    evidence = _text(one.evidence)
    if one.status is Status.PASS:
        SubElement(case, "system-out").text = evidence
        return
    told = f"{one.evidence}\nTo do: {one.remedy}" if one.remedy else one.evidence
    told += "".join(f"\n{place}" for place in one.places)
    if one.status in {Status.FAIL, Status.ERROR}:
        kind = "failure" if one.status is Status.FAIL else "error"
        SubElement(case, kind, {"type": one.severity.value, "message": evidence}).text = _text(told)
        return
    reason = f"waived: {one.set_aside.reason}" if one.set_aside else f"{one.status.value}: {one.evidence}"
    SubElement(case, "skipped", {"message": _text(reason)})


def _totals(findings: Sequence[Finding]) -> dict[str, str]:
    failures = sum(one.status is Status.FAIL for one in findings)
    errors = sum(one.status is Status.ERROR for one in findings)
    passes = sum(one.status is Status.PASS for one in findings)
    return {
        "tests": str(len(findings)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": str(len(findings) - failures - errors - passes),
        "time": _seconds(sum(one.ms for one in findings)),
    }


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def _text(text: str) -> str:
    return _NO_XML.sub("�", text)
