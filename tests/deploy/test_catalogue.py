"""The catalogue is the one that was agreed on: every id, how bad, what it needs; each with a test that breaks it."""

from __future__ import annotations

import ast
import json
import re
import socket
from pathlib import Path

import pytest

from primepos.api.surface import build_surface
from primepos.deploy import gate, signing
from primepos.deploy.check import Area, Needs, Severity, Status, catalogue
from primepos.deploy.findings import Verdict
from primepos.deploy.report.document import document, render_json
from primepos.deploy.report.formats import Format, written
from primepos.deploy.signing import Role
from tests.deploy.evidence import write_evidence
from tests.deploy.world import GOOD_ENVIRONMENT, NOW, a_project, a_target

# Number, severity (critical, high, medium, low) and what it needs where that is not static.
AGREED = """
ENV: 001c 002c 003h 004c 005c 006c 007h 008h 009c 010c 011h 012h 013h 014c 015h 016c 017m 018m 019l 020h
     021m 022h 023m 024m 025c 026h 027l 028h
SEC: 010c 011c 012c 013c 014h 015h 016h 017h 018m 019h 020h 021c 022h 023h 024h 025m 026l 027m 028h 029m
     030h 031l 032h 033m
DB: 020cD 021hD 022hD 023cD 024cD 025hD 026hD 027cD 028hD 029mD 030mD 031lD 032hD 034hD 035lD 036mD 037hD
    038lD 039hD 040hD 041mD 042cD 043hD 045hD
MIG: 030cD 031cS/D 032hD 033h 034h 035c 036c 037h 038h 039h 040c 041h 042m 043l 044h 045m 046h 048h 049c
RND: 040c 041c 042c 043m 044c 045c 046h 047c 048c 049c 050h 051h 052h 053h 054m 055m 056m 057m 058l 059m
     060m 061m 064h
HTTP: 050cU 051cU 052hU 054cU 055hU 056lU 057hU 058mU 059mU 060mU 061lU 062cU 063hU 064hU 065cU 066hU 067cU
      068hU 069hU 070cU 071hU+A 072mU 073lU 075mU 077lU 078mU 080mU
TLS: 001cU 002hU 003hU
FE: 060h 061h 062c 063m 064hU 065hS/U 066hU 067mU
OPS: 070m 071h 072l 073hS/A 074h 075h 076m 078hD 079mD 081h 082h 083mA 084mA
QA: 080c 081m 082l 083l 084h 085h
"""
SEVERITIES = {"c": Severity.CRITICAL, "h": Severity.HIGH, "m": Severity.MEDIUM, "l": Severity.LOW}
NEEDS = {"S": Needs.STATIC, "D": Needs.DATABASE, "U": Needs.URL, "A": Needs.ACTIVE}
_ENTRY = re.compile(r"(?P<number>[0-9]{3})(?P<severity>[chml])(?P<needs>[SDUA+/]*)")

# What is otherwise than agreed, and why.
OTHER_NEEDS = {
    "FE064": ({Needs.URL, Needs.FRONTEND_URL}, "the frontend is at an address of its own"),
    "FE066": ({Needs.URL, Needs.FRONTEND_URL}, "the frontend is at an address of its own"),
    "FE067": ({Needs.URL, Needs.FRONTEND_URL}, "the frontend is at an address of its own"),
    "FE065": ({Needs.STATIC, Needs.FRONTEND_URL}, "the build is looked at as files, or as it is served there"),
}
BEYOND = {
    "ENV029": "PIN_PEPPER, BACKUP_KEY and METRICS_TOKEN are keys that the audit did not know",
    "ENV030": "links in mails lead to the public URL",
    "ENV031": "counters of the throttle are shared by processes",
}


def agreed():
    found = {}
    area = ""
    for word in AGREED.split():
        if word.endswith(":"):
            area = word[:-1]
            continue
        entry = _ENTRY.fullmatch(word)
        assert entry is not None, word
        letters = re.split(r"[+/]", entry["needs"] or "S")
        found[area + entry["number"]] = (SEVERITIES[entry["severity"]], {NEEDS[letter] for letter in letters})
    return found


BY_ID = {one.id: one for one in catalogue()}


def test_the_catalogue_holds_the_175_that_were_agreed_on_and_no_others_without_a_reason():
    assert len(agreed()) == 175
    assert agreed().keys() - BY_ID.keys() == set()
    assert BY_ID.keys() - agreed().keys() == BEYOND.keys()


def test_each_is_as_bad_as_agreed():
    assert {name: one.severity for name, one in BY_ID.items() if name in agreed()} == {
        name: severity for name, (severity, _) in agreed().items()
    }


def test_each_needs_what_was_agreed_or_says_why_not():
    wanted = {name: needs for name, (_, needs) in agreed().items()}
    wanted |= {name: needs for name, (needs, _) in OTHER_NEEDS.items()}
    assert {name: set(one.needs) for name, one in BY_ID.items() if name in wanted} == wanted


def test_each_says_what_must_hold_what_to_do_and_where_it_comes_from():
    silent = [
        one.id
        for one in catalogue()
        if len(one.rule) < 15 or not one.anchor or not (one.remedy or one.unbuilt) or len(one.unbuilt or "x" * 20) < 20
    ]
    assert silent == []


def test_the_areas_come_in_the_order_of_the_catalogue():
    areas = [one.area for one in catalogue()]
    assert list(dict.fromkeys(areas)) == list(Area)
    assert areas == sorted(areas, key=list(Area).index)


# --- each has a test that breaks it ----------------------------------------------------------------------------------

# Tests of the gate's own machinery use ids of checks that end as told; only these two are real there.
MACHINERY = {
    "test_catalogue.py": set(), "test_ci_example.py": set(), "test_gate.py": set(), "test_release.py": set(),
    "test_reports.py": set(), "test_signing.py": {"OPS081"}, "test_waivers.py": {"OPS082"},
}  # fmt: skip
_ID = re.compile(r"\b(?:ENV|SEC|DB|MIG|RND|HTTP|TLS|FE|OPS|QA)[0-9]{3}\b")


def named_in_tests():
    """Return the ids that a text (no comment) of a test of checks names."""
    found = set()
    here = Path(__file__).parent
    for file in (*here.glob("test_*.py"), here.parent / "adapters/bad_migrations.py"):
        texts = [
            node.value
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        ids = {name for text in texts for name in _ID.findall(text)}
        found |= ids & MACHINERY.get(file.name, ids)
    return found


def test_each_that_is_built_is_broken_by_a_test():
    built = {one.id for one in catalogue() if one.unbuilt is None}
    assert sorted(built - named_in_tests()) == []


# --- the good deployment ---------------------------------------------------------------------------------------------

# What this version does not have yet; the report of a release says the same.
OPEN = {
    "QA085": "payments of a sale and jobs have no routes yet",
}


def _no_network(_socket, address):
    raise AssertionError(f"a static check connects to {address}")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The good deployment with evidence of its tests, and what looks at it."""
    folder = tmp_path_factory.mktemp("project")
    a_project(folder)
    evidence, build = tmp_path_factory.mktemp("reports"), tmp_path_factory.mktemp("build")
    write_evidence(folder, evidence)
    (build / "main.js").write_text('fetch("https://api.brightfruit.shop/api/v1/sales")\n')

    def look():
        """Run the gate where nothing can be connected to."""
        target = a_target(folder, make_surface=build_surface, reports=evidence, frontend_build=build)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(socket.socket, "connect", _no_network)
                return gate.run(target, gate.Selection(skip=frozenset(OPEN)))
        finally:
            target.close()

    return folder, look


def test_the_good_deployment_passes_every_static_check_and_signed_it_is_go(good):
    folder, look = good
    report = look()
    wrong = {
        one.check.id: one.evidence
        for one in report.findings
        if Needs.STATIC in one.check.needs
        and one.check.id not in {*OPEN, "OPS081"}
        and one.status not in {Status.PASS, Status.NOT_APPLICABLE}
    }
    assert wrong == {}
    assert report.verdict is Verdict.CONDITIONAL
    more = [one for one in report.findings if Needs.STATIC not in one.check.needs]
    assert {one.status for one in more} == {Status.SKIPPED}
    for role in Role:
        signing.sign(folder, role, f"{role.title} person", document(report), NOW)
    again = look()
    assert again.verdict is Verdict.GO
    # The same again says the same, word for word.
    assert rows(again) == rows(report)
    told = "".join(written(again, a_target(folder), format_) for format_ in Format)
    secrets = ("KEY", "KEYS", "PASSWORD", "PEPPER", "TOKEN", "DSN", "DATABASE_URL")
    assert [name for name, text in GOOD_ENVIRONMENT.items() if name.endswith(secrets) and text in told] == []
    assert "dWk3LqZ8vXn5RtY2" not in told


def rows(report):
    """Return what a report says of each check, times and signatures aside."""
    return [{**row, "ms": 0} for row in json.loads(render_json(report))["checks"] if row["id"] != "OPS081"]
