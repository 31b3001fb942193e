"""Waivers, baselines and comparisons: what a failure needs in order not to count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from primepos.deploy import gate
from primepos.deploy.check import CRITICAL, HIGH, LOW, Needs, Place, Status, catalogue, failed, passed
from primepos.deploy.findings import Verdict
from primepos.deploy.gate import Selection
from primepos.deploy.report.document import NotAReport, document, read_document, render_json
from primepos.deploy.target import Target
from tests.deploy.doubles import WRONG, a_catalogue, a_check, by_id
from tests.deploy.world import GOOD_ENVIRONMENT

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "deploy").mkdir()
    return Target(root=tmp_path, environ=GOOD_ENVIRONMENT, now=NOW)


def ops082():
    """The real one."""
    return next(one for one in catalogue() if one.id == "OPS082")


def a_waiver(target, check_id, named, **more):
    """Add a waiver to the project's file; a field that is None is left out."""
    fields = {
        "id": check_id, "fingerprint": named, "reason": "until week 2", "owner": "DevOps", "ticket": "OPS-1",
        "expires": (NOW + timedelta(days=10)).date(), "approved_by": "Ada Lovelace", **more,
    }  # fmt: skip
    file = target.path("deploy/waivers.toml")
    lines = [
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
        for name, value in fields.items()
        if value is not None
    ]
    file.write_text((file.read_text() if file.exists() else "") + "[[waiver]]\n" + "\n".join(lines) + "\n")


def fingerprint_of(target, check_id):
    return by_id(gate.run(target))[check_id].fingerprint


# --- waivers ---------------------------------------------------------------------------------------------------------


def test_a_waiver_takes_the_failure_out_of_the_verdict_and_stays_in_sight(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG, severity=CRITICAL), ops082())
    assert gate.run(target).verdict is Verdict.NO_GO
    a_waiver(target, "ENV002", fingerprint_of(target, "ENV002"))
    report = gate.run(target)
    waived = by_id(report)["ENV002"]
    assert (report.verdict, waived.status, waived.due) == (Verdict.GO, Status.WAIVED, None)
    assert waived.set_aside is not None
    assert (waived.set_aside.kind, waived.set_aside.reason, waived.set_aside.ticket) == (
        "waiver", "until week 2", "OPS-1",
    )  # fmt: skip
    assert by_id(report)["OPS082"].status is Status.PASS
    assert report.confidence == 1.0


def test_a_waiver_is_for_one_finding_and_not_for_the_next_of_its_check(target, monkeypatch):
    (target.root / "one.sql").write_text("DROP TABLE a;\n")
    (target.root / "two.sql").write_text("DROP TABLE b;\n")
    a_catalogue(monkeypatch, a_check("MIG040", failed("drops", Place("one.sql", 1))), ops082())
    a_waiver(target, "MIG040", fingerprint_of(target, "MIG040"))
    assert by_id(gate.run(target))["MIG040"].status is Status.WAIVED
    a_catalogue(monkeypatch, a_check("MIG040", failed("drops", Place("one.sql", 1), Place("two.sql", 1))), ops082())
    assert by_id(gate.run(target))["MIG040"].status is Status.FAIL


@pytest.mark.parametrize(
    ("severity", "days", "more", "problem"),
    [
        (HIGH, -1, {}, "expired on 2026-11-30"),
        (HIGH, 91, {}, "runs until 2027-03-02, longer than 90 days"),
        (CRITICAL, 15, {}, "runs until 2026-12-16, longer than 14 days"),
        (CRITICAL, 5, {"approved_by": None}, "is for a critical failure and nobody is named in approved_by"),
        (CRITICAL, 5, {"approved_by": "  "}, "is for a critical failure and nobody is named in approved_by"),
    ],
)
def test_a_waiver_out_of_order_leaves_the_failure_and_is_one(target, monkeypatch, severity, days, more, problem):
    a_catalogue(monkeypatch, a_check("ENV002", WRONG, severity=severity), ops082())
    a_waiver(
        target, "ENV002", fingerprint_of(target, "ENV002"), expires=(NOW + timedelta(days=days)).date(), **more
    )  # fmt: skip
    found = by_id(gate.run(target))
    assert found["ENV002"].status is Status.FAIL
    ops = found["OPS082"]
    assert (ops.status, ops.severity, ops.evidence) == (Status.FAIL, HIGH, f"ENV002 {problem}")
    assert ops.places == (Place("deploy/waivers.toml", 1),)


@pytest.mark.parametrize(("severity", "days"), [(HIGH, 90), (CRITICAL, 14), (HIGH, 0), (CRITICAL, 0)])
def test_a_waiver_counts_until_the_last_day(target, monkeypatch, severity, days):
    a_catalogue(monkeypatch, a_check("ENV002", WRONG, severity=severity), ops082())
    a_waiver(target, "ENV002", fingerprint_of(target, "ENV002"), expires=(NOW + timedelta(days=days)).date())
    assert by_id(gate.run(target))["ENV002"].status is Status.WAIVED


def test_a_high_failure_needs_no_approver(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV002", WRONG, severity=HIGH), ops082())
    a_waiver(target, "ENV002", fingerprint_of(target, "ENV002"), approved_by=None)
    assert by_id(gate.run(target))["ENV002"].status is Status.WAIVED


@pytest.mark.parametrize("field", ["id", "fingerprint", "reason", "owner", "ticket", "expires"])
def test_a_waiver_without_one_of_its_fields_does_not_count(target, monkeypatch, field):
    a_catalogue(monkeypatch, a_check("ENV002", WRONG), ops082())
    a_waiver(target, **{"check_id": "ENV002", "named": fingerprint_of(target, "ENV002"), field: None})
    found = by_id(gate.run(target))
    assert found["ENV002"].status is Status.FAIL
    assert found["OPS082"].status is Status.FAIL
    assert field in found["OPS082"].evidence


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("[[waiver]\n", "cannot be read"),
        ('waiver = "all"\n', "holds something else"),
        ("waiver = [1]\n", "an entry is no table"),
        ("[[waiver]]\nid = 'ENV002'\n[other]\n", "holds something else"),
        ("[[waiver]]\nid='ENV002'\nfingerprint='x'\nreason='r'\nowner='o'\nticket='t'\nexpires='soon'", "no date"),
        (
            "[[waiver]]\nid='ENV002'\nfingerprint='x'\nreason='r'\nowner='o'\nticket='t'\nexpires=2026-12-02\nwhy='?'",
            "why",
        ),
    ],
)
def test_a_file_of_waivers_that_cannot_be_read_waives_nothing(target, monkeypatch, text, evidence):
    target.path("deploy/waivers.toml").write_text(text)
    a_catalogue(monkeypatch, a_check("ENV002", WRONG), ops082())
    found = by_id(gate.run(target))
    assert found["ENV002"].status is Status.FAIL
    assert evidence in found["OPS082"].evidence


def test_a_waiver_that_waives_nothing_is_a_low_finding(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV002"), ops082())
    a_waiver(target, "ENV002", "0" * 16)
    (found,) = [one for one in gate.run(target).findings if one.check.id == "OPS082"]
    assert (found.status, found.severity) == (Status.FAIL, LOW)
    assert found.evidence == "ENV002 waives nothing (fingerprint 0000000000000000)"


def test_a_waiver_for_no_check_of_the_catalogue_is_out_of_order(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV002"), ops082())
    a_waiver(target, "ENV999", "0" * 16)
    found = by_id(gate.run(target))["OPS082"]
    assert (found.severity, found.evidence) == (HIGH, "ENV999 is for no check of the catalogue")


def test_a_crash_cannot_be_waived(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV002", KeyError("x")), ops082())
    a_waiver(target, "ENV002", fingerprint_of(target, "ENV002"))
    assert by_id(gate.run(target))["ENV002"].status is Status.ERROR


def test_the_judge_of_waivers_cannot_be_waived(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV002"), ops082())
    a_waiver(target, "ENV002", "0" * 16)
    a_waiver(target, "OPS082", fingerprint_of(target, "OPS082"))
    found = by_id(gate.run(target))["OPS082"]
    assert found.status is Status.FAIL
    assert "OPS082 is about waivers and cannot be waived" in found.evidence


# --- baseline and comparison -----------------------------------------------------------------------------------------


def older(target, monkeypatch, *checks):
    a_catalogue(monkeypatch, *checks)
    return read_document(render_json(gate.run(target)).encode(), "old.json")


def test_with_a_baseline_only_what_is_new_counts(target, monkeypatch):
    known = a_check("ENV002", WRONG, severity=HIGH)
    before = older(target, monkeypatch, a_check("ENV001"), known)
    report = gate.run(target, Selection(baseline=before))
    assert by_id(report)["ENV002"].status is Status.WAIVED
    assert by_id(report)["ENV002"].set_aside.reason == "known since the baseline of 2026-12-01"
    a_catalogue(monkeypatch, a_check("ENV001", WRONG, severity=CRITICAL), known)
    report = gate.run(target, Selection(baseline=before))
    assert [one.check.id for one in report.blocking] == ["ENV001"]


@pytest.mark.parametrize(("severity", "verdict"), [(CRITICAL, "CONDITIONAL GO"), (HIGH, "CONDITIONAL GO"), (LOW, "GO")])
def test_what_a_baseline_hides_is_never_go_if_it_is_high(target, monkeypatch, severity, verdict):
    before = older(target, monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG, severity=severity))
    report = gate.run(target, Selection(baseline=before))
    assert (report.verdict.value, report.exit_code) == (verdict, 0)


def test_another_failure_of_the_same_check_is_new(target, monkeypatch):
    before = older(target, monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG))
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", failed("wrong in another way")))
    assert by_id(gate.run(target, Selection(baseline=before)))["ENV002"].status is Status.FAIL


def test_a_comparison_tells_what_is_fixed_new_and_unchanged(target, monkeypatch):
    before = older(
        target, monkeypatch, a_check("ENV001", WRONG), a_check("ENV002", WRONG), a_check("ENV003"),
        a_check("ENV004", failed("one way")), a_check("ENV005", KeyError("x")),
    )  # fmt: skip
    a_catalogue(
        monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG), a_check("ENV003", WRONG),
        a_check("ENV004", failed("other way")), a_check("ENV005", None, Needs.DATABASE),
    )  # fmt: skip
    compared = gate.run(target, Selection(older=before)).comparison
    assert compared is not None
    assert (compared.fixed, compared.new, compared.unchanged) == (
        ("ENV001",), ("ENV003", "ENV004"), ("ENV002", "ENV005"),
    )  # fmt: skip


def test_the_date_something_is_due_counts_from_when_it_was_first_seen(target, monkeypatch):
    before = older(target, monkeypatch, a_check("ENV002", WRONG, severity=HIGH), a_check("ENV003"))
    target.now = NOW + timedelta(days=10)
    a_catalogue(monkeypatch, a_check("ENV002", WRONG, severity=HIGH), a_check("ENV003", WRONG, severity=HIGH))
    report = gate.run(target, Selection(older=before))
    found = by_id(report)
    assert (str(found["ENV002"].due), found["ENV002"].overdue(target.today)) == ("2026-12-08", True)
    assert (str(found["ENV003"].due), found["ENV003"].overdue(target.today)) == ("2026-12-18", False)
    # And from report to report it is handed on.
    target.now = NOW + timedelta(days=20)
    again = gate.run(target, Selection(older=document(report)))
    assert str(by_id(again)["ENV002"].due) == "2026-12-08"


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"schema_version": 2}', b"\xff"])
def test_what_is_no_report_is_refused(data):
    with pytest.raises(NotAReport, match=r"old\.json is no report of check-deploy"):
        read_document(data, "old.json")


def test_a_report_with_fields_of_a_later_version_can_be_read(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001", passed("fine")))
    text = render_json(gate.run(target)).replace('"tool":', '"added_later": 1,\n  "tool":')
    assert read_document(text.encode(), "old.json").verdict == "GO"
