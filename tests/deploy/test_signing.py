"""Sign-offs: four roles, one commit, one report; nothing else counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from primepos.deploy import gate, signing
from primepos.deploy.check import CRITICAL, HIGH, Status, failed, passed
from primepos.deploy.findings import Verdict
from primepos.deploy.report.document import document
from primepos.deploy.report.table import render_table
from primepos.deploy.signing import NothingToSign, NotSignable, Role, all_roles_have_signed
from primepos.deploy.target import Target
from tests.deploy.doubles import WRONG, a_catalogue, a_check, by_id
from tests.deploy.world import GOOD_ENVIRONMENT, git

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "code.py").write_text("one = 1\n")
    commit(tmp_path)
    return tmp_path


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", "a change")


def look(project, **given):
    target = Target(root=project, environ=GOOD_ENVIRONMENT, now=NOW, **given)
    return gate.run(target)


def a_gate(monkeypatch, *checks):
    a_catalogue(monkeypatch, *(checks or (a_check("ENV001"),)), a_check("OPS081", all_roles_have_signed))


def sign_all(project, *, leave_out=()):
    report = document(look(project))
    for role in Role:
        if role not in leave_out:
            signing.sign(project, role, f"{role.title} person", report, NOW)


def test_four_signatures_make_a_release_signed(project, monkeypatch):
    a_gate(monkeypatch)
    assert look(project).verdict is Verdict.CONDITIONAL
    sign_all(project)
    report = look(project)
    assert report.verdict is Verdict.GO
    assert by_id(report)["OPS081"].evidence == (
        "Dev Lead: Dev Lead person, DevOps: DevOps person, Security: Security person, Product: Product person"
    )
    assert "\nSigned by Dev Lead: Dev Lead person, DevOps: DevOps person" in render_table(report)


def test_three_are_not_four(project, monkeypatch):
    a_gate(monkeypatch)
    sign_all(project, leave_out={Role.SECURITY})
    found = by_id(look(project))["OPS081"]
    assert (found.status, found.severity, found.evidence) == (Status.FAIL, HIGH, "Security has not signed")


def test_where_signatures_are_required_their_lack_is_critical(project, monkeypatch):
    a_gate(monkeypatch)
    report = look(project, signoff_required=True)
    assert (report.verdict, by_id(report)["OPS081"].severity) == (Verdict.NO_GO, CRITICAL)
    # Nor does it keep anybody from signing.
    for role in Role:
        signing.sign(project, role, "Ada", document(report), NOW)
    assert look(project, signoff_required=True).verdict is Verdict.GO


def test_a_signature_for_another_commit_does_not_count(project, monkeypatch):
    a_gate(monkeypatch)
    sign_all(project)
    (project / "code.py").write_text("one = 2\n")
    commit(project)
    found = by_id(look(project))["OPS081"]
    assert found.status is Status.FAIL
    assert found.evidence.startswith("Dev Lead is for another commit; DevOps is for another commit")


def test_committing_the_signatures_does_not_undo_them(project, monkeypatch):
    a_gate(monkeypatch)
    sign_all(project)
    commit(project)
    assert look(project).verdict is Verdict.GO


def test_a_signature_for_another_report_does_not_count(project, monkeypatch):
    a_gate(monkeypatch)
    sign_all(project)
    a_gate(monkeypatch, a_check("ENV001", WRONG, severity=HIGH))
    found = by_id(look(project))["OPS081"]
    assert (found.status, found.evidence.split("; ")[0]) == (Status.FAIL, "Dev Lead is for another report")


def test_a_check_that_takes_longer_is_no_other_report(project, monkeypatch):
    a_gate(monkeypatch, a_check("ENV001", passed("12 ms")))
    sign_all(project)
    a_gate(monkeypatch, a_check("ENV001", passed("13 ms")))
    assert look(project).verdict is Verdict.GO


def test_a_no_go_cannot_be_signed_and_leaves_no_file(project, monkeypatch):
    a_gate(monkeypatch, a_check("ENV001", WRONG, severity=CRITICAL))
    with pytest.raises(NotSignable, match="because of ENV001"):
        signing.sign(project, Role.DEVOPS, "Ada", document(look(project)), NOW)
    assert not (project / signing.FOLDER).exists()


def test_what_is_high_can_be_signed(project, monkeypatch):
    a_gate(monkeypatch, a_check("ENV001", WRONG, severity=HIGH))
    sign_all(project)
    assert by_id(look(project))["OPS081"].status is Status.PASS


def test_outside_a_repository_there_is_nothing_to_sign(tmp_path, monkeypatch):
    a_gate(monkeypatch)
    report = document(without_commit(tmp_path))
    with pytest.raises(NothingToSign):
        signing.sign(tmp_path, Role.DEVOPS, "Ada", report, NOW)


def without_commit(folder):
    target = Target(root=folder, environ=GOOD_ENVIRONMENT, now=NOW)
    target.__dict__["commit"] = None
    return gate.run(target)


def test_signing_again_replaces_the_roles_signature(project, monkeypatch):
    a_gate(monkeypatch)
    report = document(look(project))
    path = signing.sign(project, Role.DEVOPS, "Ada", report, NOW)
    assert signing.sign(project, Role.DEVOPS, "Lin", report, NOW) == path
    stored = json.loads((project / path).read_text())
    assert stored == {
        "schema": 1, "role": "devops", "name": "Lin", "signed_at": "2026-12-01T09:00:00Z",
        "commit": report.commit, "report_digest": report.digest, "verdict": "CONDITIONAL GO",
    }  # fmt: skip
    assert path.as_posix() == f"deploy/signoffs/{report.commit[:12]}-devops.json"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "  "}, {"role": "security"}, {"schema": 2}, {"commit": "--output=x"}, {"extra": 1},
        {"report_digest": "sha256:0"},
    ],
)  # fmt: skip
def test_a_signature_that_was_tampered_with_does_not_count(project, monkeypatch, change):
    a_gate(monkeypatch)
    sign_all(project)
    (file,) = (project / signing.FOLDER).glob("*-devops.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    found = by_id(look(project))["OPS081"]
    assert found.status is Status.FAIL
    assert found.evidence.startswith("DevOps is ")
    assert [place.path for place in found.places] == [f"deploy/signoffs/{file.name}"]


def test_an_old_signature_beside_the_present_one_does_no_harm(project, monkeypatch):
    a_gate(monkeypatch)
    sign_all(project)
    (project / "code.py").write_text("one = 3\n")
    commit(project)
    sign_all(project)
    assert look(project).verdict is Verdict.GO


def test_the_lack_of_signatures_can_be_waived(project, monkeypatch):
    a_gate(monkeypatch, a_check("ENV001", failed("wrong", severity=HIGH)))
    named = by_id(look(project))["OPS081"].fingerprint
    (project / "deploy").mkdir()
    (project / "deploy/waivers.toml").write_text(
        f'[[waiver]]\nid = "OPS081"\nfingerprint = "{named}"\nreason = "one person"\nowner = "Ada"\n'
        'ticket = "X-1"\nexpires = 2026-12-20\n'
    )
    assert by_id(look(project))["OPS081"].status is Status.WAIVED
