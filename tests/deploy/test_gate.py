"""The gate: every check ends in exactly one status, and the whole in a verdict and an exit code."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from primepos.core.errors import InvalidInput, Unavailable
from primepos.deploy import gate
from primepos.deploy.check import (
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Needs,
    Place,
    Status,
    failed,
    not_applicable,
    passed,
    skipped,
)
from primepos.deploy.findings import Verdict, digest_of, fingerprint
from primepos.deploy.gate import Selection, UnknownCheck
from primepos.deploy.owners import BadOwners
from primepos.deploy.target import Target
from tests.deploy.doubles import WRONG, a_catalogue, a_check, by_id
from tests.deploy.world import GOOD_ENVIRONMENT

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(root=tmp_path, environ=GOOD_ENVIRONMENT, now=NOW)


def statuses(report):
    return {one.check.id: one.status.value for one in report.findings}


# --- statuses --------------------------------------------------------------------------------------------------------


def test_every_check_ends_in_one_status_in_the_order_of_the_catalogue(target, monkeypatch):
    a_catalogue(
        monkeypatch,
        a_check("ENV001"),
        a_check("ENV002", WRONG),
        a_check("SEC010", not_applicable("nothing there")),
        a_check("DB020", None, Needs.DATABASE),
        a_check("MIG030", skipped("no file")),
        a_check("HTTP050", None, Needs.URL),
        a_check("QA080", KeyError("x")),
    )
    report = gate.run(target)
    assert list(statuses(report).items()) == [
        ("ENV001", "pass"),
        ("ENV002", "fail"),
        ("SEC010", "not_applicable"),
        ("DB020", "skipped"),
        ("MIG030", "skipped"),
        ("HTTP050", "skipped"),
        ("QA080", "error"),
    ]
    assert {status.value: count for status, count in report.counts.items()} == {
        "pass": 1, "fail": 1, "waived": 0, "skipped": 3, "not_applicable": 1, "error": 1,
    }  # fmt: skip
    assert (report.executed, report.applicable, report.confidence) == (2, 6, 0.3333)


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        ((Needs.DATABASE,), "needs a database: --database"),
        ((Needs.URL,), "needs a running deployment: --url URL"),
        ((Needs.URL, Needs.ACTIVE), "needs a running deployment: --url URL"),
        ((Needs.URL, Needs.FRONTEND_URL), "needs a running deployment: --url URL"),
        ((Needs.ACTIVE,), "has side effects: --active"),
    ],
)
def test_what_is_not_given_is_said(target, monkeypatch, needs, reason):
    a_catalogue(monkeypatch, a_check("HTTP050", AssertionError("it ran"), *needs))
    (found,) = gate.run(target).findings
    assert (found.status, found.evidence) == (Status.SKIPPED, reason)


def test_a_check_with_a_static_part_runs_without_the_rest(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("MIG031", None, Needs.STATIC, Needs.DATABASE))
    assert statuses(gate.run(target)) == {"MIG031": "pass"}


def test_a_check_that_breaks_is_an_error_that_says_where_and_keeps_secrets(target, monkeypatch):
    secret = GOOD_ENVIRONMENT["SECRET_KEY"]
    a_catalogue(monkeypatch, a_check("ENV001", ValueError(f"no {secret}\nmore")), a_check("ENV002"))
    report = gate.run(target)
    broken = by_id(report)["ENV001"]
    assert broken.status is Status.ERROR
    assert broken.evidence.startswith("the check broke: ValueError: no *** (doubles.py:")
    assert "bug of PrimePOS" in broken.remedy
    assert statuses(report)["ENV002"] == "pass"


def test_what_cannot_be_looked_at_is_an_error_and_no_bug(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("MIG040", InvalidInput("0042.py is no revision", hint="Mend it.")))
    (found,) = gate.run(target).findings
    assert (found.status, found.evidence, found.remedy) == (
        Status.ERROR, "cannot be looked at: 0042.py is no revision", "Mend it.",
    )  # fmt: skip


def test_no_secret_of_the_environment_gets_past_the_gate(target, monkeypatch):
    everything = " ".join(f"{name}={text}" for name, text in GOOD_ENVIRONMENT.items())
    a_catalogue(monkeypatch, a_check("ENV001", failed(everything, remedy=everything)))
    (found,) = gate.run(target).findings
    for name in ("SECRET_KEY", "JWT_SECRET_KEY", "PIN_PEPPER", "EMAIL_HOST_PASSWORD", "METRICS_TOKEN", "SENTRY_DSN"):
        assert GOOD_ENVIRONMENT[name] not in found.evidence + found.remedy
    assert "dWk3LqZ8vXn5RtY2" not in found.evidence
    assert "LOG_LEVEL=INFO" in found.evidence


def test_nor_does_the_password_of_a_database_that_was_named_on_the_command_line(target, monkeypatch):
    target.database_url = "postgresql://me:pw%2Fgiven-by-hand@db/other"
    a_catalogue(
        monkeypatch,
        a_check("DB020", failed(f"{target.database_url} pw/given-by-hand pw%2Fgiven-by-hand"), Needs.DATABASE),
    )
    (found,) = gate.run(target).findings
    assert found.evidence == "*** *** ***"


def test_control_characters_are_written_out_and_long_evidence_is_cut(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001", passed("a\x1b[31m\nb")), a_check("ENV002", passed("x" * 3000)))
    found = by_id(gate.run(target))
    assert found["ENV001"].evidence == "a\\x1b[31m\nb"
    assert found["ENV002"].evidence == "x" * 2000 + "... [3000 characters]"


def test_an_outcome_may_weigh_more_or_less_than_its_check(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("TLS002", failed("6 days", severity=CRITICAL, remedy="now")))
    (found,) = gate.run(target).findings
    assert (found.severity, found.remedy) == (CRITICAL, "now")


def test_only_runs_what_is_named_and_says_so_of_the_rest(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG), a_check("ENV003"))
    report = gate.run(target, Selection(only=frozenset({"ENV001", "ENV003"}), skip=frozenset({"ENV003"})))
    assert [(one.status.value, one.evidence) for one in report.findings] == [
        ("pass", "fine"),
        ("skipped", "not part of this run"),
        ("skipped", "left out (--skip)"),
    ]
    assert report.confidence == 0.3333


def test_an_id_of_no_check_is_refused(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"))
    with pytest.raises(UnknownCheck, match="No check is called ENV999, XYZ001"):
        gate.run(target, Selection(only=frozenset({"ENV999"}), skip=frozenset({"XYZ001"})))


# --- requiring -------------------------------------------------------------------------------------------------------


def test_require_makes_failures_of_what_was_skipped(target, monkeypatch):
    a_catalogue(
        monkeypatch,
        a_check("ENV001", skipped("no file")),
        a_check("DB020", None, Needs.DATABASE, severity=CRITICAL),
        a_check("HTTP050", None, Needs.URL),
        a_check("HTTP071", None, Needs.URL, Needs.ACTIVE),
        a_check("SEC010", skipped("not built: later"), unbuilt="later"),
        a_check("SEC011"),
    )
    report = gate.run(target, Selection(required=frozenset({Needs.STATIC, Needs.DATABASE})))
    assert statuses(report) == {
        "ENV001": "fail", "DB020": "fail", "HTTP050": "skipped", "HTTP071": "skipped", "SEC010": "skipped",
        "SEC011": "pass",
    }  # fmt: skip
    assert by_id(report)["DB020"].evidence == "required, but needs a database: --database"
    assert report.verdict is Verdict.NO_GO


def test_require_asks_for_side_effects_only_where_they_are_required_too(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("HTTP071", None, Needs.URL, Needs.ACTIVE), a_check("SEC011"))
    url = frozenset({Needs.URL})
    assert statuses(gate.run(target, Selection(required=url)))["HTTP071"] == "skipped"
    assert statuses(gate.run(target, Selection(required=url | {Needs.ACTIVE})))["HTTP071"] == "fail"


def test_require_does_not_concern_what_was_not_asked_for_but_what_was_left_out(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002"))
    static = frozenset({Needs.STATIC})
    assert statuses(gate.run(target, Selection(only=frozenset({"ENV001"}), required=static)))["ENV002"] == "skipped"
    assert statuses(gate.run(target, Selection(skip=frozenset({"ENV001"}), required=static)))["ENV001"] == "fail"


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "fail_on", "verdict", "code"),
    [
        (CRITICAL, CRITICAL, "NO-GO", 1),
        (HIGH, CRITICAL, "CONDITIONAL GO", 0),
        (MEDIUM, CRITICAL, "GO", 0),
        (LOW, CRITICAL, "GO", 0),
        (HIGH, HIGH, "NO-GO", 1),
        (MEDIUM, HIGH, "GO", 0),
        (MEDIUM, MEDIUM, "NO-GO", 1),
        (LOW, MEDIUM, "GO", 0),
        (LOW, LOW, "NO-GO", 1),
        (CRITICAL, LOW, "NO-GO", 1),
    ],
)
def test_the_worst_failure_and_the_line_make_the_verdict(target, monkeypatch, severity, fail_on, verdict, code):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", WRONG, severity=severity))
    report = gate.run(target, Selection(fail_on=fail_on))
    assert (report.verdict.value, report.exit_code) == (verdict, code)


def test_all_passed_is_go(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("SEC010", not_applicable("no")))
    report = gate.run(target)
    assert (report.verdict, report.exit_code, report.confidence) == (Verdict.GO, 0, 1.0)


@pytest.mark.parametrize(
    ("severity", "verdict"), [(LOW, "CONDITIONAL GO"), (HIGH, "CONDITIONAL GO"), (CRITICAL, "NO-GO")]
)
def test_a_crash_is_never_go_and_ends_with_3(target, monkeypatch, severity, verdict):
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", RuntimeError("oops"), severity=severity))
    report = gate.run(target)
    assert (report.verdict.value, report.exit_code) == (verdict, 3)


def test_a_run_that_looked_at_nothing_is_no_go(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("HTTP050", None, Needs.URL))
    report = gate.run(target)
    assert (report.verdict, report.exit_code, report.confidence) == (Verdict.NO_GO, 1, 0.0)


# --- targets that do not answer --------------------------------------------------------------------------------------


def test_a_target_that_does_not_answer_is_asked_no_further(target, monkeypatch):
    target.database_url = "postgresql://nobody@127.0.0.1:1/none"
    asked = []

    def ask(_target):
        asked.append(1)
        raise Unavailable("refused")

    a_catalogue(
        monkeypatch,
        a_check("DB020", ask, Needs.DATABASE, severity=CRITICAL),
        a_check("DB021", ask, Needs.DATABASE),
        a_check("DB022", ask, Needs.DATABASE),
        a_check("MIG031", None, Needs.STATIC, Needs.DATABASE),
    )
    report = gate.run(target)
    assert [(one.status.value, one.evidence) for one in report.findings] == [
        ("error", "no answer: refused"),
        ("skipped", "the database does not answer: see DB020"),
        ("skipped", "the database does not answer: see DB020"),
        ("pass", "fine"),
    ]
    assert asked == [1]
    assert report.exit_code == 3


def test_a_silent_deployment_is_told_once_however_many_asked_it_at_the_same_time(target, monkeypatch):
    target.url, target.frontend_url = "https://api.brightfruit.shop", "https://tills.brightfruit.shop"
    target.__dict__["http"] = None
    together = threading.Barrier(8, timeout=60)

    def ask(_target):
        together.wait()
        raise TimeoutError("5 s")

    a_catalogue(
        monkeypatch,
        *(a_check(f"HTTP{number:03}", ask, Needs.URL) for number in range(50, 58)),
        a_check("TLS001", AssertionError("it ran"), Needs.URL),
    )
    report = gate.run(target)
    first, *others = report.findings
    assert (first.status, first.evidence) == (Status.ERROR, "no answer: TimeoutError: 5 s")
    assert first.remedy == "see that the deployment can be reached from here, then run the gate again"
    assert {(one.status.value, one.evidence) for one in others} == {
        ("skipped", "the deployment does not answer: see HTTP050")
    }
    # Where it is required, what could not be asked has failed.
    required = gate.run(target, Selection(required=frozenset({Needs.URL})))
    assert [one.status.value for one in required.findings] == ["error", *["fail"] * 8]
    assert required.exit_code == 3


def test_a_silent_frontend_is_no_silent_deployment(target, monkeypatch):
    target.url, target.frontend_url = "https://api.brightfruit.shop", "https://tills.brightfruit.shop"
    target.__dict__["http"] = None
    asked = threading.Event()

    def refuse(_target):
        asked.set()
        raise Unavailable("refused")

    def wait(_target):
        asked.wait(60)
        return passed("fine")

    a_catalogue(
        monkeypatch,
        *(a_check(f"HTTP{number:03}", wait, Needs.URL) for number in range(50, 57)),
        a_check("FE064", refuse, Needs.URL, Needs.FRONTEND_URL),
        a_check("FE065", None, Needs.URL),
    )
    assert [one.status.value for one in gate.run(target).findings] == [*["pass"] * 7, "error", "pass"]


def test_checks_that_wait_on_the_network_run_beside_each_other_eight_at_a_time(target, monkeypatch):
    target.url = "https://api.brightfruit.shop"
    target.__dict__["http"] = None
    together = threading.Barrier(8, timeout=60)
    most, running, lock = [0], [0], threading.Lock()

    def wait(_target):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait()
        with lock:
            running[0] -= 1
        return passed("met seven others")

    ids = [f"HTTP{number:03}" for number in range(50, 66)]
    a_catalogue(monkeypatch, *(a_check(one, wait, Needs.URL) for one in ids))
    report = gate.run(target)
    assert list(statuses(report)) == ids
    assert set(statuses(report).values()) == {"pass"}
    assert most == [8]


# --- owners and dates ------------------------------------------------------------------------------------------------


def test_what_is_open_has_an_owner_and_a_date_by_severity(target, monkeypatch):
    (target.root / "deploy").mkdir()
    (target.root / "deploy/owners.toml").write_text(
        '[areas]\nenvironment = "DevOps"\n[checks]\nENV002 = "Ada"\n[checks.ENV004]\nowner = "Lin"\ndue = 2026-11-20\n'
    )
    a_catalogue(
        monkeypatch,
        a_check("ENV001", WRONG, severity=CRITICAL),
        a_check("ENV002", WRONG, severity=HIGH),
        a_check("ENV003", WRONG, severity=MEDIUM),
        a_check("ENV004", WRONG, severity=LOW),
        a_check("SEC010", WRONG, severity=LOW),
        a_check("SEC011"),
    )
    found = by_id(gate.run(target))
    assert {name: (one.owner, one.due, one.overdue(NOW.date())) for name, one in found.items()} == {
        "ENV001": ("DevOps", date(2026, 12, 1), False),
        "ENV002": ("Ada", date(2026, 12, 8), False),
        "ENV003": ("DevOps", date(2026, 12, 15), False),
        "ENV004": ("Lin", date(2026, 11, 20), True),
        "SEC010": ("nobody", None, False),
        "SEC011": ("nobody", None, False),
    }


@pytest.mark.parametrize(
    "text",
    ["[areas", '[area]\nx = "y"', '[areas]\nmoon = "x"', "[checks]\nENV001 = 5", "[checks.ENV001]\ndue = 'soon'"],
)
def test_a_file_of_owners_that_cannot_be_read_is_refused(target, monkeypatch, text):
    (target.root / "deploy").mkdir()
    (target.root / "deploy/owners.toml").write_text(text)
    a_catalogue(monkeypatch, a_check("ENV001"))
    with pytest.raises(BadOwners):
        gate.run(target)


# --- fingerprints and digests ----------------------------------------------------------------------------------------


def test_a_fingerprint_outlives_moved_lines_and_not_changed_ones(target, monkeypatch):
    file = target.root / "render.yaml"
    a_catalogue(monkeypatch, a_check("RND042", lambda _: failed("wrong", Place("render.yaml", line))))

    def named():
        return gate.run(target).findings[0].fingerprint

    file.write_text("a\n  plan: free\n")
    line = 2
    first = named()
    file.write_text("# more\n# more\na\nplan: free\n")
    line = 4
    assert named() == first
    file.write_text("# more\n# more\na\nplan: starter\n")
    assert named() != first


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("20 days left", "19 days left", True),
        ("commit 0123abcdef99 is not fedcba987654", "commit aaaa1111bbbb is not 22220000ffff", True),
        ("2026-01-02T10:00:00", "2026-02-03T11:22:33", True),
        ("host a is missing", "host b is missing", False),
        ("the word defaced", "the word effaced", False),
    ],
)
def test_a_fingerprint_without_lines_is_the_evidence_without_numbers(one, other, same):
    names = {fingerprint("ENV001", text, (), lambda _: "") for text in (one, other)}
    assert (len(names) == 1) is same


def test_the_digest_is_the_same_for_the_same_answers_whenever_they_are_given(target, monkeypatch):
    a_catalogue(monkeypatch, a_check("ENV001", passed("took 12 ms")), a_check("ENV002", WRONG))
    first = gate.run(target)
    target.now = datetime(2027, 3, 1, tzinfo=UTC)
    a_catalogue(monkeypatch, a_check("ENV001", passed("took 99 ms")), a_check("ENV002", WRONG))
    assert gate.run(target).digest == first.digest
    a_catalogue(monkeypatch, a_check("ENV001"), a_check("ENV002", failed("something else")))
    assert gate.run(target).digest != first.digest
    assert digest_of(first.findings) == first.digest
