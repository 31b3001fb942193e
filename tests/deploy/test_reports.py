"""How a report is written: for people at 80 columns, for programs by a schema, for platforms as they want it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from primepos.deploy import gate
from primepos.deploy.check import CRITICAL, HIGH, LOW, MEDIUM, Needs, Place, failed, not_applicable, passed
from primepos.deploy.gate import Selection
from primepos.deploy.report.document import document, json_schema, read_document, render_json
from primepos.deploy.report.github import render_github
from primepos.deploy.report.junit import render_junit
from primepos.deploy.report.markdown import render_markdown
from primepos.deploy.report.redact import redacted
from primepos.deploy.report.sarif import render_sarif
from primepos.deploy.report.stored import report_of
from primepos.deploy.report.table import render_table
from primepos.deploy.target import Target
from primepos.deploy.waivers import waivers_are_in_order
from tests.deploy.doubles import a_catalogue, a_check, by_id
from tests.deploy.world import GOOD_ENVIRONMENT, ROOT

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# The OASIS schema of SARIF 2.1.0 is not ours to hand on; whoever has a copy names it here.
SARIF_SCHEMA = os.environ.get("PRIMEPOS_SARIF_SCHEMA", "")
RENDER = "services:\n  - type: web\n    plan: free\n  - type: worker\n    plan: free\n"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/owners.toml").write_text('[areas]\nenvironment = "DevOps"\nplatform = "DevOps"\n')
    (tmp_path / "render.yaml").write_text(RENDER)
    (tmp_path / ".env.example").write_text("# Keys\nSECRET_KEY=\n# DEBUG=False\n")
    return Target(root=tmp_path, environ={**GOOD_ENVIRONMENT, "RENDER_GIT_COMMIT": COMMIT}, now=NOW)


@pytest.fixture
def report(target, monkeypatch):
    """One of everything."""
    free = failed("plan is free", Place("render.yaml", 3), Place("render.yaml", 5), remedy="plan: starter")
    many = failed("a | b <i>\n100%", *(Place(f"m/{number}.sql", number) for number in range(1, 6)))
    a_catalogue(
        monkeypatch,
        a_check("ENV001", failed("SECRET_KEY is not set"), severity=CRITICAL),
        a_check("ENV002", passed("64 characters")),
        a_check("ENV003", not_applicable("no fallback keys")),
        a_check("SEC010", KeyError("x"), severity=HIGH),
        a_check("SEC011", unbuilt="needs the admin panel"),
        a_check("DB020", None, Needs.DATABASE, severity=CRITICAL),
        a_check("DB021", None, Needs.DATABASE),
        a_check("DB023", None, Needs.DATABASE),
        a_check("MIG043", many, severity=LOW),
        a_check("RND046", free, severity=HIGH),
        a_check("RND056", failed("one instance"), severity=MEDIUM),
        a_check("OPS082", waivers_are_in_order),
    )
    named = by_id(gate.run(target))["RND056"].fingerprint
    (target.root / "deploy/waivers.toml").write_text(
        f'[[waiver]]\nid = "RND056"\nfingerprint = "{named}"\nreason = "until the load test"\nowner = "Ada"\n'
        'ticket = "OPS-7"\nexpires = 2026-12-24\n'
    )
    older = document(gate.run(target))
    report = gate.run(target, Selection(older=older))
    return replace(report, ms=1234, findings=tuple(replace(one, ms=12) for one in report.findings))


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_is_the_decision_matrix_within_80_columns(report):
    text = render_table(report)
    where = [line for line in text.splitlines() if "doubles.py" in line]
    assert len(where) == 1
    assert text.replace(where[0], "  Seen: the check broke") == (
        """\
Area             pass   fail  error  waived  skipped   n/a
environment         1      1      0       0        0     1
application         1      0      1       0        0     0
database            0      0      0       0        3     0
migrations          0      1      0       0        0     0
platform            0      1      0       1        0     0
operations          1      0      0       0        0     0

Check   Status  Severity  Owner   Deadline
ENV001  FAIL    critical  DevOps  2026-12-01 TODAY
  The rule of ENV001.
  Seen: SECRET_KEY is not set
  To do: mend ENV001
SEC010  ERROR   high      nobody  2026-12-08
  The rule of SEC010.
  Seen: the check broke
  To do: report it as a bug of PrimePOS, with SEC010
RND046  FAIL    high      DevOps  2026-12-08
  The rule of RND046.
  Seen: plan is free
  Where: render.yaml:3, render.yaml:5
  To do: plan: starter
MIG043  FAIL    low       nobody  -
  The rule of MIG043.
  Seen: a | b <i>
    100%
  Where: m/1.sql:1, m/2.sql:2, m/3.sql:3 and 2 more
  To do: mend MIG043

Waived
  RND056 medium until 2026-12-24: until the load test, Ada OPS-7

Not run
  3: needs a database: --database (DB020-021, DB023)

Since the older report
  fixed: none
  new: none
  unchanged: ENV001, SEC010, MIG043, RND046

3 failed, 1 crashed or unreachable, 3 passed, 1 waived, 3 skipped, 1 not applicable of 12 checks in 1.2 s
production, commit 0123456789ab, report DIGEST
Confidence: 63 % (7 of 11 applicable checks gave an answer)
Verdict: NO-GO - do not deploy
""".replace("DIGEST", report.digest[7:19])
    )


def test_nothing_in_the_table_is_wider_than_80_columns(target, monkeypatch):
    words = "a rather long sentence that goes on and on about what was seen " * 5
    a_catalogue(
        monkeypatch,
        *(a_check(f"ENV{number:03}", failed(words, Place("a/b.py", 3)), severity=HIGH) for number in range(1, 30)),
        *(a_check(f"DB{number:03}", None, Needs.DATABASE) for number in range(20, 60, 2)),
    )
    lines = render_table(gate.run(target)).splitlines()
    assert max(map(len, lines)) <= 80


def test_areas_that_nobody_asked_for_have_no_row(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("SEC010"), a_check("SEC011"))
    text = render_table(gate.run(target, Selection(only=frozenset({"ENV001"}))))
    assert [line.split()[0] for line in text.partition("\n\n")[0].splitlines()] == ["Area", "environment"]
    assert "Not run\n  2: not part of this run (SEC010-011)\n" in text


def test_what_is_overdue_is_said(target, report):
    later = replace(report, at=NOW + timedelta(days=3))
    text = render_table(later)
    assert "ENV001  FAIL    critical  DevOps  2026-12-01 OVERDUE" in text
    assert "1 overdue\n" in text
    assert "2026-12-01 OVERDUE" in render_markdown(later)


def test_all_is_well_in_a_few_lines(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"))
    text = render_table(replace(gate.run(target), ms=40))
    assert text.startswith("Area ")
    assert text.endswith("Confidence: 100 % (1 of 1 applicable checks gave an answer)\nVerdict: GO - ready to deploy\n")
    assert len(text.splitlines()) == 7


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_the_json_report_is_valid_for_its_published_schema(report):
    schema = json.loads((ROOT / "docs/check-deploy.schema.json").read_text(encoding="utf-8"))
    assert schema == json_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(render_json(report)))


def test_the_json_report_holds_what_programs_rely_on(report):
    data = json.loads(render_json(report))
    assert (data["schema_version"], data["verdict"], data["confidence"], data["exit_code"]) == (1, "NO-GO", 0.6364, 3)
    assert data["counts"] == {
        "pass": 3, "fail": 3, "waived": 1, "skipped": 3, "not_applicable": 1, "error": 1,
    }  # fmt: skip
    rows = {row["id"]: row for row in data["checks"]}
    assert {"id", "severity", "status", "evidence", "remedy", "ms"} <= rows["RND046"].keys()
    assert rows["RND046"]["places"] == [{"path": "render.yaml", "line": 3}, {"path": "render.yaml", "line": 5}]
    assert rows["RND056"]["waiver"] == {
        "kind": "waiver", "reason": "until the load test", "owner": "Ada", "ticket": "OPS-7", "expires": "2026-12-24",
    }  # fmt: skip
    assert (rows["ENV001"]["due"], rows["MIG043"]["due"], rows["ENV002"]["due"]) == ("2026-12-01", None, None)
    assert data["compared"] == {"fixed": [], "new": [], "unchanged": ["ENV001", "SEC010", "MIG043", "RND046"]}


def test_the_json_report_reads_back(report):
    assert read_document(render_json(report).encode(), "x") == document(report)


def test_two_runs_over_the_same_differ_in_times_only(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", failed("no", Place("render.yaml", 1))))
    texts = []
    for _ in range(2):
        report = gate.run(target)
        texts.append(render_json(replace(report, ms=0, findings=tuple(replace(one, ms=0) for one in report.findings))))
    assert texts[0] == texts[1]


# --- SARIF -----------------------------------------------------------------------------------------------------------


def test_sarif_has_a_rule_for_each_id_and_a_result_for_each_place(report, target):
    log = json.loads(render_sarif(report, target))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [one.check.id for one in report.findings]
    assert all(rule["help"]["text"] and rule["properties"]["security-severity"] for rule in rules)
    told = [
        (
            result["ruleId"],
            result["level"],
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for result in run["results"]
    ]
    assert told == [
        ("ENV001", "error", ".env.example", 2),
        ("SEC010", "error", "render.yaml", 1),
        *(("MIG043", "note", f"m/{number}.sql", number) for number in range(1, 6)),
        ("RND046", "error", "render.yaml", 3),
        ("RND046", "error", "render.yaml", 5),
        ("RND056", "warning", "render.yaml", 1),
    ]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    (waived,) = [result for result in run["results"] if "suppressions" in result]
    assert waived["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "until the load test"}
    ]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    silent = [one["associatedRule"]["id"] for one in invocation["toolExecutionNotifications"]]
    assert silent == ["SEC010", "DB020", "DB021", "DB023"]


def test_a_fingerprint_in_sarif_does_not_move_with_its_line(report, target):
    def prints():
        (run,) = json.loads(render_sarif(report, target))["runs"]
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]

    before = prints()
    (target.root / "render.yaml").write_text(RENDER)
    assert prints() == before


def test_a_path_in_sarif_is_a_uri(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("MIG040", failed("drops", Place("migrations/ä b#c.sql", 1))))
    (run,) = json.loads(render_sarif(gate.run(target), target))["runs"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "migrations/%C3%A4%20b%23c.sql"


@pytest.mark.skipif(not SARIF_SCHEMA, reason="no copy of the SARIF schema is named")
def test_sarif_is_valid_for_the_schema_of_oasis(report, target):
    schema = json.loads(Path(SARIF_SCHEMA).read_text(encoding="utf-8"))
    log = json.loads(render_sarif(report, target))
    assert [error.message for error in Draft4Validator(schema).iter_errors(log)] == []


# --- JUnit -----------------------------------------------------------------------------------------------------------


def test_junit_has_a_suite_for_each_area_and_a_case_for_each_check(report):
    root = ET.fromstring(render_junit(report))
    assert root.attrib == {
        "name": "primepos check-deploy", "tests": "12", "failures": "3", "errors": "1", "skipped": "5", "time": "0.144",
    }  # fmt: skip
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["environment", "application", "database", "migrations", "platform", "operations"]
    assert suites["database"].attrib["skipped"] == "3"
    cases = {case.get("name", "")[:6].strip(): case for suite in root for case in suite}
    assert [child.tag for child in cases["ENV001"]] == ["failure"]
    assert (cases["ENV001"][0].get("type"), cases["ENV001"][0].get("message")) == ("critical", "SECRET_KEY is not set")
    assert cases["RND046"][0].text == "plan is free\nTo do: plan: starter\nrender.yaml:3\nrender.yaml:5"
    assert [child.tag for child in cases["SEC010"]] == ["error"]
    assert cases["DB020"][0].get("message") == "skipped: needs a database: --database"
    assert cases["RND056"][0].get("message") == "waived: until the load test"
    assert cases["ENV003"][0].get("message") == "not_applicable: no fallback keys"
    assert [child.tag for child in cases["ENV002"]] == ["system-out"]


def test_junit_is_xml_whatever_was_seen(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001", failed("\x00 \ufffe <&>\"' \ud800 \N{BELL}", remedy="\x0b")))
    report = gate.run(target)
    broken = replace(report, findings=tuple(replace(one, evidence="a\x00b\ud800c") for one in report.findings))
    case = ET.fromstring(render_junit(broken))[0][0]
    assert case[0].get("message") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


# --- Markdown and GitHub ---------------------------------------------------------------------------------------------


def test_the_summary_in_markdown_leads_with_the_verdict(report):
    lines = render_markdown(report).splitlines()
    assert lines[0] == "## NO-GO: do not deploy"
    assert lines[2].startswith("Confidence 63 % (7 of 11 applicable checks gave an answer): 3 failed, 1 crashed")
    row = "| ENV001 the rule of ENV001 | FAIL | critical | DevOps | 2026-12-01 TODAY | "
    assert f"{row}SECRET\\_KEY is not set | mend ENV001 |" in lines
    assert any("a \\| b &lt;i&gt; 100%<br>`m/1.sql:1`" in line for line in lines)
    assert "| RND056 | medium | 2026-12-24 | until the load test |" in lines
    assert "- needs a database: --database: DB020, DB021, DB023" in lines
    widths = {line.count("|") - line.count("\\|") for line in lines if line.startswith(("| ENV001", "| MIG043"))}
    assert widths == {8}


def test_github_gets_a_line_for_each_place(report, target):
    lines = render_github(report, target).splitlines()
    assert lines[0] == (
        "::error file=.env.example,line=2,title=ENV001 the rule of ENV001::SECRET_KEY is not set%0ATo do: mend ENV001"
    )
    assert lines[2] == (
        "::notice file=m/1.sql,line=1,title=MIG043 the rule of MIG043::a | b <i>%0A100%25%0ATo do: mend MIG043"
    )
    assert [line.split(",title")[0] for line in lines[7:9]] == [
        "::error file=render.yaml,line=3", "::error file=render.yaml,line=5",
    ]  # fmt: skip
    assert lines[-1] == "::notice title=check-deploy::NO-GO, 7 of 11 checks gave an answer"
    assert len(lines) == 10
    assert not any("RND056" in line for line in lines)


def test_github_commands_cannot_be_smuggled_in(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001", failed("a\n::error::b\r", Place("a,b:c.py", 1), remedy="")))
    text = render_github(gate.run(target), target)
    assert text.splitlines()[0] == ("::error file=a%2Cb%3Ac.py,line=1,title=ENV001 the rule of ENV001::a%0A::error::b")


# --- stored reports --------------------------------------------------------------------------------------------------


def test_a_stored_report_is_written_as_the_one_it_was(report, target):
    again = report_of(read_document(render_json(report).encode(), "x"))
    for render in (render_json, render_table, render_junit, render_markdown):
        assert render(again) == render(report)
    assert render_github(again, target) == render_github(report, target)
    stored, fresh = (json.loads(render_sarif(one, target))["runs"][0] for one in (again, report))
    assert stored["results"] == fresh["results"]


# --- redacting -------------------------------------------------------------------------------------------------------


def test_redacting_hides_hosts_and_addresses_and_keeps_them_apart(target, monkeypatch):
    said = (
        "api.brightfruit.shop and tills.brightfruit.shop, again api.brightfruit.shop; dpg-c0ffee-a at 203.0.113.7 or "
        "2001:db8::7; https://other.example.net:8443/x; ops@brightfruit.shop; smtp.brightfruit.shop; "
        "old.api.brightfruit.shop; 127.0.0.1 and localhost; render.yaml:3 at 09:00:00, version 16.2.1"
    )
    a_catalogue(monkeypatch, a_check("ENV007", failed(said, remedy="call tills.brightfruit.shop")))
    open_report = gate.run(target)
    report = redacted(open_report, target)
    (found,) = report.findings
    assert found.evidence == (
        "host-1 and host-2, again host-1; host-3 at address-1 or "
        "address-2; https://host-6:8443/x; mailbox-1; host-4; "
        "host-5; 127.0.0.1 and localhost; render.yaml:3 at 09:00:00, version 16.2.1"
    )
    assert found.remedy == "call host-2"
    assert report.digest == open_report.digest
    for render in (render_table, render_json, render_junit, render_markdown):
        assert "brightfruit" not in render(report)
    assert "brightfruit" not in render_sarif(report, target) + render_github(report, target)
