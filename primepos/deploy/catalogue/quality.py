"""Checks of what others measured: tests, coverage, load, accessibility; and that what is deployed fits together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from primepos.deploy.check import CRITICAL, HIGH, LOW, MEDIUM, Outcome, Place, check, failed, passed, skipped
from primepos.deploy.evidence import EVIDENCE, EvidenceUnreadable, day_of, read_evidence
from primepos.deploy.installed import conflicts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from primepos.deploy.target import Target

NO_REPORTS = "no reports were given: --reports DIR"
JUNIT, COVERAGE = "junit*.xml", "coverage*.xml"
COMMIT = "commit"
COVERED_PERCENT = 70
SHOWN = 12
WCAG = ("WCAG 2.1 AA", "WCAG 2.2 AA")
# The audit's list: what a point of sale has. Method and path as they stand in the OpenAPI description.
ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "auth": ("POST /api/v1/auth/login", "POST /api/v1/auth/register", "POST /api/v1/auth/refresh",
             "POST /api/v1/auth/logout", "GET /api/v1/auth/me"),
    "inventory": ("GET /api/v1/products", "POST /api/v1/products", "GET /api/v1/categories",
                  "GET /api/v1/stock/levels"),
    "sales": ("POST /api/v1/sales", "GET /api/v1/sales", "DELETE /api/v1/sales/{id}",
              "POST /api/v1/sales/{id}/payments"),
    "customers": ("GET /api/v1/customers", "POST /api/v1/customers", "GET /api/v1/customers/{id}"),
    "outlets": ("GET /api/v1/outlets", "POST /api/v1/outlets"),
    "reports": ("GET /api/v1/reports/sales",),
    "staff": ("GET /api/v1/staff", "POST /api/v1/staff"),
    "jobs": ("GET /api/v1/jobs/{id}",),
}  # fmt: skip


class _Unreadable(ValueError):
    """A report is not what its name says."""


def _reports(target: Target, pattern: str) -> list[Path]:
    return [] if target.reports is None else sorted(target.reports.glob(pattern))


def _xml(path: Path) -> Any:
    try:
        return ET.parse(path).getroot()  # noqa: S314 - a report of our own tests; expat refuses entity bombs
    except (ET.ParseError, OSError, ValueError) as error:
        raise _Unreadable(f"{path.name} is no report: {type(error).__name__}") from error


@check(
    "QA080", CRITICAL, rule="The tests ran on this very commit, some of them, and none failed",
    remedy="make test, then --reports reports", anchor="audit, decision matrix",
)  # fmt: skip
def tests_passed(target: Target) -> Outcome:
    """A report of another commit says nothing about this one."""
    files = _reports(target, JUNIT)
    if target.reports is None:
        return skipped(NO_REPORTS)
    if not files:
        return failed(f"{target.reports.name} holds no {JUNIT}")
    total, bad, commits = 0, 0, set()
    try:
        for file in files:
            for suite in _suites(_xml(file)):
                total += _count(suite, "tests") - _count(suite, "skipped")
                bad += _count(suite, "failures") + _count(suite, "errors")
                commits.add(_commit(suite))
    except _Unreadable as error:
        return failed(str(error))
    if bad:
        return failed(f"{bad} of {total} tests failed")
    if total <= 0:
        return failed("no test ran")
    if target.commit is None:
        return failed(f"{total} tests passed, and there is no commit to compare theirs with")
    others = {one for one in commits if one != target.commit}
    if others:
        named = ", ".join(sorted(one[:SHOWN] if one else "no commit" for one in others))
        return failed(f"{total} tests passed, but on {named}, not on {target.commit[:SHOWN]}")
    return passed(f"{total} tests passed on {target.commit[:SHOWN]}")


def _suites(root: Any) -> list[Any]:
    if root.tag == "testsuite":
        return [root]
    if root.tag != "testsuites":
        raise _Unreadable(f"{root.tag} is no report of tests")
    return list(root.findall("testsuite"))


def _count(suite: Any, name: str) -> int:
    text = suite.get(name, "0")
    if not text.isdigit():
        raise _Unreadable(f"{name} is {text!r}, not a number")
    return int(text)


def _commit(suite: Any) -> str:
    found = [one.get("value", "") for one in suite.findall("properties/property") if one.get("name") == COMMIT]
    return found[0] if found else ""


@check(
    "QA081", MEDIUM, rule=f"{COVERED_PERCENT} % of the lines are run by tests",
    remedy="make check, then --reports reports", anchor="audit, quality",
)  # fmt: skip
def tests_cover_the_code(target: Target) -> Outcome:
    """Lines that no test runs are run first by a customer."""
    if target.reports is None:
        return skipped(NO_REPORTS)
    files = _reports(target, COVERAGE)
    if not files:
        return failed(f"{target.reports.name} holds no {COVERAGE}")
    try:
        roots = [_xml(file) for file in files]
        covered = sum(_count(root, "lines-covered") for root in roots)
        valid = sum(_count(root, "lines-valid") for root in roots)
    except _Unreadable as error:
        return failed(str(error))
    if valid == 0:
        return failed("the report covers no line")
    told = f"{covered} of {valid} lines, {covered * 100 // valid} %"
    return (
        passed(told) if covered * 100 >= COVERED_PERCENT * valid else failed(f"{told}; {COVERED_PERCENT} % are wanted")
    )


def _evidence(target: Target, name: str) -> Mapping[str, Any] | Outcome:
    try:
        found = read_evidence(target.root, EVIDENCE)
    except EvidenceUnreadable as error:
        return failed(str(error), Place(EVIDENCE))
    said = (found or {}).get(name)
    return said if isinstance(said, dict) else failed(f"{EVIDENCE} has no [{name}]", Place(EVIDENCE))


@check(
    "QA082", LOW, rule="A load test is on record with its 95th percentile and its share of errors",
    remedy=f"make bench, and write what it measured into [load_test] of {EVIDENCE}.", anchor="audit, quality",
)  # fmt: skip
def load_was_tested(target: Target) -> Outcome:
    """Nobody knows what a Saturday does to it otherwise."""
    said = _evidence(target, "load_test")
    if isinstance(said, Outcome):
        return said
    held = day_of(said.get("held_on"))
    lacking = [name for name in ("p95_ms", "requests", "errors") if not _is_number(said.get(name))]
    if held is None or lacking:
        return failed(
            f"[load_test] lacks {', '.join((['held_on'] if held is None else []) + lacking)}", Place(EVIDENCE)
        )
    if not said["requests"]:
        return failed("[load_test] made no request", Place(EVIDENCE))
    return passed(f"{held}: {said['requests']} requests, p95 {said['p95_ms']} ms, {said['errors']} errors")


def _is_number(said: object) -> bool:
    return isinstance(said, int) and not isinstance(said, bool) and said >= 0


@check(
    "QA083", LOW, rule="The frontend was looked at for WCAG 2.1 AA, and what was found is written down",
    remedy=f"Have it looked at, and fill in [accessibility] of {EVIDENCE}.", anchor="audit, quality",
)  # fmt: skip
def accessibility_was_audited(target: Target) -> Outcome:
    """A till that cannot be used without a mouse or with 200 % zoom shuts people out of a job."""
    said = _evidence(target, "accessibility")
    if isinstance(said, Outcome):
        return said
    held, standard, by = day_of(said.get("held_on")), said.get("standard"), said.get("by")
    if held is None or standard not in WCAG or not by or not _is_number(said.get("open_findings")):
        return failed(f"[accessibility] needs held_on, standard ({' or '.join(WCAG)}), by and open_findings",
                      Place(EVIDENCE))  # fmt: skip
    if said["open_findings"]:
        return failed(f"{held}: {said['open_findings']} findings of {standard} are open", Place(EVIDENCE))
    return passed(f"{held}: {standard}, by {by}, nothing open")


@check(
    "QA084", HIGH, rule="The application can be loaded, describes itself, and its packages fit together",
    remedy="pip install . in a fresh environment; pip check", anchor="Enlightn SyntaxError",
)  # fmt: skip
def application_fits_together(target: Target) -> Outcome:
    """What does not import here does not start there."""
    wrong, packages = conflicts("primepos")
    if wrong:
        return failed("; ".join(wrong))
    if target.make_surface is None:
        return skipped(f"{packages} packages fit together; whether the API loads needs the API")
    described = target.surface.describe()
    paths = described.get("paths")
    if not isinstance(paths, dict) or not paths:
        return failed("the OpenAPI description names no path")
    return passed(f"{packages} packages fit together; OpenAPI {described.get('openapi')} with {len(paths)} paths")


@check(
    "QA085", HIGH, rule="Every endpoint of the audit is in the OpenAPI description",
    remedy="Build the endpoint, or waive it in deploy/waivers.toml until it is.", anchor="audit, API endpoints",
)  # fmt: skip
def endpoints_exist(target: Target) -> Outcome:
    """What a frontend calls has to be there."""
    if target.make_surface is None:
        return skipped("which endpoints there are needs the API")
    paths = target.surface.describe().get("paths") or {}
    there = {f"{method.upper()} {path}" for path, said in paths.items() for method in said}
    wanted = [one for group in ENDPOINTS.values() for one in group]
    if missing := [one for one in wanted if one not in there]:
        return failed(f"missing: {', '.join(missing)}")
    return passed(f"{len(wanted)} endpoints of {len(ENDPOINTS)} kinds")
