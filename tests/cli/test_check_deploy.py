"""``primepos check-deploy`` as a person and a pipeline use it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from primepos.cli.commands import check_deploy
from primepos.deploy import check as checks
from primepos.deploy import gate
from primepos.deploy.check import CRITICAL, HIGH, Needs, failed, passed
from tests.deploy.doubles import WRONG, a_check
from tests.deploy.world import GOOD_ENVIRONMENT, git


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one commit, in which the command runs with an environment that is fit for production."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "render.yaml").write_text("services: []\n")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", "a release")
    for name in os.environ.keys() & GOOD_ENVIRONMENT.keys():
        monkeypatch.delenv(name)
    for name, text in GOOD_ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def a_gate(monkeypatch):
    """Let these checks be the catalogue."""

    def use(*made):
        for module in (gate, check_deploy, checks):
            monkeypatch.setattr(module, "catalogue", lambda: made)

    return use


@pytest.mark.parametrize(
    ("outcome", "severity", "more", "code", "verdict"),
    [
        (passed("fine"), HIGH, (), 0, "GO"),
        (WRONG, HIGH, (), 0, "CONDITIONAL GO"),
        (WRONG, CRITICAL, (), 1, "NO-GO"),
        (WRONG, HIGH, ("--fail-on", "high"), 1, "NO-GO"),
        (KeyError("x"), HIGH, (), 3, "CONDITIONAL GO"),
    ],
)
def test_the_exit_code_is_the_verdicts(project, command, a_gate, outcome, severity, more, code, verdict):
    a_gate(a_check("ENV001"), a_check("ENV002", outcome, severity=severity))
    ran = command("check-deploy", *more)
    assert (ran.code, ran.err) == (code, "")
    assert f"\nVerdict: {verdict} - " in ran.out


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_a_report_for_programs_is_on_stdout(project, command, a_gate, arguments):
    a_gate(a_check("ENV001"), a_check("ENV002", WRONG, severity=CRITICAL))
    ran = command("check-deploy", *arguments)
    data = json.loads(ran.out)
    assert (ran.code, data["verdict"], [row["status"] for row in data["checks"]]) == (1, "NO-GO", ["pass", "fail"])
    assert data["commit"] == git(project, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("table", "Area "), ("json", "{\n"), ("sarif", '{\n  "$schema"'), ("junit", "<?xml"), ("markdown", "## GO"),
        ("github", "::notice "),
    ],
)  # fmt: skip
def test_each_format_can_be_written_to_a_file(project, command, a_gate, name, starts):
    a_gate(a_check("ENV001"))
    ran = command("check-deploy", "--format", name, "--output", "report.txt")
    assert (ran.code, ran.out, ran.err) == (0, "", "GO: see report.txt\n")
    assert (project / "report.txt").read_text().startswith(starts)


def test_ids_and_areas_choose_what_runs(project, command, a_gate):
    a_gate(a_check("ENV001"), a_check("ENV002"), a_check("SEC010"), a_check("MIG030"))

    def ran(*arguments):
        rows = json.loads(command("check-deploy", "--json", *arguments).out)["checks"]
        return [row["id"] for row in rows if row["status"] == "pass"]

    assert ran("--only", "ENV002", "SEC010") == ["ENV002", "SEC010"]
    assert ran("--only", "env002,sec010") == ["ENV002", "SEC010"]
    assert ran("--only", "environment", "--skip", "ENV001") == ["ENV002"]
    assert ran("--skip", "ENV", "--skip", "migrations") == ["SEC010"]


def test_database_without_a_url_is_the_environments(project, command, a_gate, monkeypatch):
    seen = []

    def look(target):
        seen.append(target.database_url)
        return passed("seen")

    a_gate(a_check("DB020", look, Needs.DATABASE))
    command("check-deploy", "--database")
    command("check-deploy", "--database", "--json")
    command("check-deploy", "--database", "postgresql://me@db/other", "--json")
    command("check-deploy")
    assert [url and url.partition("?")[0] for url in seen] == [
        "postgresql://primepos:dWk3LqZ8vXn5RtY2@dpg-c0ffee-a:5432/primepos",
        "postgresql://primepos:dWk3LqZ8vXn5RtY2@dpg-c0ffee-a:5432/primepos",
        "postgresql://me@db/other",
    ]
    monkeypatch.delenv("DATABASE_URL")
    assert command("check-deploy", "--database", "--json").refusal["code"] == "NO_DATABASE"


def test_the_rest_of_what_is_given_reaches_the_checks(project, command, a_gate, tmp_path):
    for name in ("build", "evidence"):
        (project / name).mkdir()
    (project / "front.env").write_text("NEXT_PUBLIC_USE_REAL_API=true\n")
    seen = []
    a_gate(a_check("ENV001", lambda target: seen.append(target) or passed("seen")))
    ran = command(
        "check-deploy", "--frontend", "front.env", "--frontend-build", "build", "--reports", "evidence", "--active",
        "--require-signoff", "--project", str(project),
    )  # fmt: skip
    assert ran.code == 0
    (target,) = seen
    assert (target.root, target.active, target.signoff_required) == (project, True, True)
    assert (target.frontend, target.frontend_build, target.reports) == (
        {"NEXT_PUBLIC_USE_REAL_API": "true"}, Path("build"), Path("evidence"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--only", "ENV999"), "UNKNOWN_CHECK"),
        (("--require", "everything"), "BAD_SELECTION"),
        (("--url", "ftp://x"), "BAD_URL"),
        (("--compare", "render.yaml"), "NOT_A_REPORT"),
        (("--fail-on", "never"), "USAGE"),
        (("--format", "pdf"), "USAGE"),
        (("--baseline", "absent.json"), "USAGE"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(project, command, a_gate, arguments, code):
    a_gate(a_check("ENV001"), a_check("HTTP050", None, Needs.URL))
    ran = command("check-deploy", *arguments, "--json")
    assert (ran.code, ran.refusal["code"]) == (2, code)


def test_require_makes_failures_of_skips(project, command, a_gate):
    a_gate(a_check("ENV001"), a_check("HTTP050", None, Needs.URL, severity=CRITICAL))
    assert command("check-deploy").code == 0
    assert command("check-deploy", "--require", "static,database").code == 0
    ran = command("check-deploy", "--require", "static,url")
    assert ran.code == 1
    assert "Seen: required, but needs a running deployment: --url URL" in ran.out


def test_a_report_serves_as_baseline_and_comparison(project, command, a_gate):
    a_gate(a_check("ENV001"), a_check("ENV002", WRONG, severity=CRITICAL))
    assert command("check-deploy", "--format", "json", "--output", "old.json").code == 1
    ran = command("check-deploy", "--baseline", "old.json", "--compare", "old.json")
    assert ran.code == 0
    assert "ENV002 critical: known since the baseline of 20" in ran.out
    a_gate(a_check("ENV001", WRONG), a_check("ENV002"))
    text = command("check-deploy", "--compare", "old.json").out
    assert "  fixed: ENV002\n  new: ENV001\n  unchanged: none\n" in text


def test_a_redacted_report_names_no_host(project, command, a_gate):
    a_gate(a_check("ENV007", failed("api.brightfruit.shop at 203.0.113.9 is wrong")))
    assert "Seen: host-1 at address-1 is wrong" in command("check-deploy", "--redact").out


def test_a_stored_report_is_shown_in_another_way(project, command, a_gate):
    a_gate(a_check("ENV001", failed("api.brightfruit.shop is wrong"), severity=CRITICAL), a_check("ENV002"))
    command("check-deploy", "--format", "json", "--output", "report.json")
    shown = command("check-deploy", "show", "report.json", "--redact")
    assert shown.code == 0
    assert "Seen: host-1 is wrong" in shown.out
    assert shown.out.endswith("Verdict: NO-GO - do not deploy\n")
    assert command("check-deploy", "show", "report.json", "--json").out == (project / "report.json").read_text()
    assert command("check-deploy", "show", "report.json", "--format", "junit").out.startswith("<?xml")


def test_list_and_explain_tell_of_the_catalogue(project, command):
    rows = command("check-deploy", "list", "--json").json
    assert {"id", "area", "severity", "needs", "rule", "built"} == rows[0].keys()
    only = command("check-deploy", "list", "--area", "operations", "--json").json
    assert [row for row in rows if row["area"] == "operations"] == only
    assert "OPS082   high      static " in command("check-deploy", "list").out
    told = command("check-deploy", "explain", "ops082", "--json").json
    assert (told["id"], told["severity"], told["due_days"], told["owner"]) == ("OPS082", "high", 7, "nobody")
    assert "expired" in told["rule"]
    refused = command("check-deploy", "explain", "XYZ001", "--json")
    assert (refused.code, refused.refusal["code"]) == (2, "UNKNOWN_CHECK")


def test_four_people_sign_and_the_release_is_signed(project, command, a_gate):
    from primepos.deploy.signing import all_roles_have_signed

    a_gate(a_check("ENV001"), a_check("OPS081", all_roles_have_signed))
    assert command("check-deploy", "--require-signoff", "--format", "json", "--output", "report.json").code == 1
    for role in ("dev-lead", "devops", "security", "product"):
        told = command(
            "check-deploy", "sign", "--role", role, "--name", "Ada", "--report", "report.json", "--json"
        ).json
        assert (project / told["path"]).is_file()
    assert command("check-deploy", "--require-signoff").code == 0
    # Without a report the gate is run, and says the same.
    assert command("check-deploy", "sign", "--role", "product", "--name", "Lin").code == 0
    assert command("check-deploy", "--require-signoff").code == 0


def test_what_is_not_committed_cannot_be_signed(project, command, a_gate):
    a_gate(a_check("ENV001"))
    (project / "render.yaml").write_text("services: [1]\n")
    ran = command("check-deploy", "sign", "--role", "devops", "--name", "Ada", "--json")
    assert (ran.code, ran.refusal["code"]) == (7, "UNCOMMITTED_CHANGES")
    assert "render.yaml" in ran.refusal["message"]
    assert not (project / "deploy").exists()


def test_nobody_cannot_sign_nor_can_a_no_go_be_signed(project, command, a_gate):
    a_gate(a_check("ENV001", WRONG, severity=CRITICAL))
    sign = ("check-deploy", "sign", "--role", "devops", "--json")
    assert command(*sign, "--name", " ").refusal["code"] == "INVALID_INPUT"
    ran = command(*sign, "--name", "Ada")
    assert (ran.code, ran.refusal["code"]) == (7, "NOT_SIGNABLE")
    assert not (project / "deploy").exists()


def test_an_empty_production_environment_is_no_go(project, command, monkeypatch):
    for name in GOOD_ENVIRONMENT:
        monkeypatch.delenv(name)
    ran = command("check-deploy", "--json", "--only", "environment")
    data = json.loads(ran.out)
    assert (ran.code, data["verdict"], data["environment"]) == (1, "NO-GO", "production")
    failed_ones = {row["id"] for row in data["checks"] if row["status"] == "fail"}
    assert {"ENV001", "ENV005", "ENV006", "ENV009", "ENV014", "ENV016"} <= failed_ones
