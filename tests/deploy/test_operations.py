"""The checks of how the installation is run: papers, signals, and the services it reaches."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from primepos.core.settings_types import Secret
from primepos.deploy.alerts import DOCTOR_CODES, missing_headings, read_alerts
from primepos.deploy.catalogue.operations import signals
from primepos.deploy.check import Area, Needs, Status, catalogue
from primepos.deploy.surface import Answer
from primepos.deploy.tracker import send_test_event
from tests.deploy.mutation import changed, outcomes
from tests.deploy.world import CONTACTS, EVIDENCE, FRONTEND_FILE, ROOT, a_target, look

RUNBOOK = "# {}\n\n## Detect\n\na\n\n## Mitigate\n\nb\n\n## Verify\n\nc\n\n## Rollback\n\nd\n"
RULES = """
groups:
  - name: slo
    rules:
      - record: primepos:error_ratio
        expr: sum(rate(primepos_http_requests_total{status=~"5.."}[5m])) / sum(rate(primepos_http_requests_total[5m]))
      - {alert: ErrorBudget, expr: "primepos:error_ratio > 0.01", annotations: {runbook_url: docs/runbooks/errors.md}}
      - alert: Slow
        expr: histogram_quantile(0.95, rate(primepos_http_request_duration_seconds_bucket[5m])) > 0.3
        annotations: {runbook_url: "https://git.test/primepos/docs/runbooks/errors.md#slow"}
      - {alert: DatabaseDown, expr: primepos_db_up == 0, annotations: {runbook: errors}}
      - {alert: QueueStuck, expr: primepos_job_oldest_age_seconds > 300, annotations: {runbook: errors}}
      - alert: BruteForce
        expr: 'rate(primepos_auth_attempts_total{outcome="failed"}[5m]) > 1'
        annotations: {runbook: errors}
      - {alert: Certificate, expr: probe_ssl_earliest_cert_expiry - time() < 86400 * 21, annotations: {runbook: errors}}
"""


@pytest.fixture
def project(tmp_path):
    """Return a project of nothing but papers, few alerts and one runbook: what is broken is seen well."""
    for name, text in {
        ALERTS: RULES, BOOK: RUNBOOK.format("Errors " + " ".join(DOCTOR_CODES)),
        GUIDE: "# Deploy\n\n## Rollback\n\nPress the button.\n", EVIDENCE_FILE: EVIDENCE, CONTACTS_FILE: CONTACTS,
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "frontend.env").write_text(FRONTEND_FILE)
    return tmp_path


def _surface(status: int):
    class Asked:
        """An API that answers everything alike."""

        def ask(self, method, path, *, headers=None, body=b"", fault=False):
            return Answer(status, (), b"")

    return lambda settings: Asked()


def target_of(folder, environ=None, status=404):
    return a_target(folder, environ, make_surface=_surface(status))


PAPERS = ("OPS070", "OPS071", "OPS072", "OPS076")
GUIDE, ALERTS, BOOK = "docs/guides/deploy-to-render.md", "deploy/observability/alerts.yaml", "docs/runbooks/errors.md"
EVIDENCE_FILE, CONTACTS_FILE = "deploy/evidence.toml", "deploy/contacts.toml"
# id, file, what is replaced by what (None: the file is removed), what the evidence says, who fails beside.
BROKEN: list[tuple[str, str, tuple[str, str] | None, str, set[str]]] = [
    ("OPS070", ALERTS, ("{runbook: errors}", "{}"), "DatabaseDown names no runbook", set()),
    ("OPS070", ALERTS, ("docs/runbooks/errors.md}", "docs/runbooks/gone.md}"),
     "ErrorBudget names docs/runbooks/gone.md, which does not exist", set()),
    *(("OPS070", BOOK, (f"## {heading}", "## Other"), f"errors.md lacks {heading.lower()}", set())
      for heading in ("Detect", "Mitigate", "Verify", "Rollback")),
    ("OPS070", BOOK, ("DOC05", "DOC15"), "no runbook is about DOC05", set()),
    ("OPS070", ALERTS, ("groups:", "groups: ["), "alerts.yaml is not YAML", {"OPS076"}),
    ("OPS070", ALERTS, None, "there are no alert rules", {"OPS076"}),
    ("OPS071", GUIDE, ("Rollback", "Other"), "has no heading about the rollback", set()),
    ("OPS071", GUIDE, None, "has no heading about the rollback", set()),
    ("OPS071", EVIDENCE_FILE, ("2026-11-20", "2026-09-01"), "held on 2026-09-01, 91 days ago", set()),
    ("OPS071", EVIDENCE_FILE, ("2026-11-20", "2026-12-24"), "lies in the future", set()),
    ("OPS071", EVIDENCE_FILE, ("passed = true", "passed = false"), "names no rollback drill that passed", set()),
    ("OPS071", EVIDENCE_FILE, ('kind = "rollback"', 'kind = "restore"'), "names no rollback drill", set()),
    ("OPS071", EVIDENCE_FILE, None, "names no rollback drill", set()),
    ("OPS071", EVIDENCE_FILE, ("[[drill]]", "[[drill"), "is not TOML", set()),
    ("OPS072", CONTACTS_FILE, ("[mail]", "[post]"), "mail is missing", set()),
    ("OPS072", CONTACTS_FILE, ('who = "Mira"', 'who = "<who>"'), "on_call lacks who", set()),
    ("OPS072", CONTACTS_FILE, ('who = "Mira"', 'who = " "'), "on_call lacks who", set()),
    ("OPS072", CONTACTS_FILE, ("the vault, item platform", "kX7q-Zr9LmW2tVb8YpNc4JhDs6GfAe1U"),
     "platform.access looks like a credential", set()),
    ("OPS072", CONTACTS_FILE, ("[mail]", '[mail]\npassword = "hunter2"'),
     "mail.password looks like a credential", set()),
    ("OPS072", CONTACTS_FILE, None, "there is no deploy/contacts.toml", set()),
    ("OPS076", ALERTS, ('status=~"5.."', 'status=~"4.."'), "nothing watches 5xx answers", set()),
    ("OPS076", ALERTS, ("primepos_http_request_duration_seconds_bucket", "go_gc_seconds"),
     "nothing watches latency", set()),
    ("OPS076", ALERTS, ("primepos_db_up", "other_db"), "nothing watches readiness", set()),
    ("OPS076", ALERTS, ("primepos_job_oldest_age_seconds", "other_age"), "nothing watches queue age", set()),
    ("OPS076", ALERTS, ("primepos_auth_attempts_total", "other_total"), "nothing watches auth abuse", set()),
    ("OPS076", ALERTS, ("probe_ssl_earliest_cert_expiry", "other_time"), "nothing watches certificate", set()),
    ("OPS076", ALERTS, ("primepos_db_up == 0", "primepos_db_up == 0 or primepos_dbs_up == 0"),
     "DatabaseDown looks at primepos_dbs_up, which nothing measures", set()),
]  # fmt: skip


def test_the_good_papers_pass(project):
    for name in PAPERS:
        outcome = look(name, target_of(project))
        assert outcome.status is Status.PASS, outcome.evidence
    assert look("OPS076", target_of(project)).evidence.startswith("6 alerts: 5xx answers, latency")
    assert look("OPS071", target_of(project)).evidence.endswith("practised on 2026-11-20, 11 days ago")


@pytest.mark.parametrize(("check_id", "name", "edit", "told", "also"), BROKEN)
def test_a_fault_is_seen_by_its_check_and_no_other(project, check_id, name, edit, told, also):
    before = outcomes(target_of(project), (Area.OPS,))
    file = project / name
    if edit is None:
        file.unlink()
    else:
        assert edit[0] in file.read_text()
        file.write_text(file.read_text().replace(*edit, 1))
    after = outcomes(target_of(project), (Area.OPS,))
    assert changed(before, after) == dict.fromkeys({check_id, *also}, Status.FAIL)
    assert told in after[check_id].evidence
    assert "kX7q" not in after[check_id].evidence


def test_the_contacts_that_are_shipped_wait_to_be_filled_in():
    outcome = look("OPS072", a_target(ROOT))
    assert outcome.status is Status.FAIL
    assert "on_call lacks who" in outcome.evidence
    assert "credential" not in outcome.evidence
    assert set(re.findall(r"^\[(\w+)\]", (ROOT / CONTACTS_FILE).read_text(), re.MULTILINE)) == set(
        re.findall(r"^\[(\w+)\]", CONTACTS, re.MULTILINE)
    )


def test_a_finding_about_an_alert_stands_at_its_line(project):
    file = project / ALERTS
    file.write_text(RULES.replace("primepos_job_oldest_age_seconds", "primepos_job_age_seconds"))
    (alert,) = [one for one in read_alerts(project) if one.name == "QueueStuck"]
    assert "alert: QueueStuck" in file.read_text().splitlines()[alert.line - 1]
    assert ALERTS in {str(place.path) for place in look("OPS076", target_of(project)).places}


def test_a_recording_rule_counts_as_what_it_records(project):
    (alert,) = [one for one in read_alerts(project) if one.name == "ErrorBudget"]
    assert alert.metrics == {"primepos_http_requests_total"}


def test_headings_may_say_more_than_their_word():
    assert missing_headings("# X\n## Detect: how to see it\n### Mitigate ###\n## verify\n## Rollback and after\n") == []
    assert missing_headings("# Detect\n\nMitigate\n") == ["mitigate", "verify", "rollback"]


# --- errors ----------------------------------------------------------------------------------------------------------


class _Tracker(BaseHTTPRequestHandler):
    answer = 200
    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012 - a server's class is its state

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["X-Sentry-Auth"], body))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def tracker():
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("T", (_Tracker,), {"seen": [], "answer": 200}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _dsn(server, key="0123456789abcdef0123456789abcdef") -> Secret:
    return Secret(f"http://{key}@127.0.0.1:{server.server_port}/sub/42")


def test_a_test_event_is_a_whole_envelope_with_the_key_in_its_header(tracker):
    accepted, told = send_test_event(_dsn(tracker), "c0ffee")
    ((path, auth, body),) = tracker.RequestHandlerClass.seen
    header, item, event = (json.loads(line) for line in body.splitlines())
    assert (accepted, path) == (True, "/sub/api/42/envelope/")
    assert "sentry_key=0123456789abcdef0123456789abcdef" in auth
    assert header["event_id"] == event["event_id"] == told
    assert (item["type"], event["level"], event["release"]) == ("event", "info", "c0ffee")


def test_a_refused_event_says_so_and_shows_no_key(tracker):
    tracker.RequestHandlerClass.answer = 403
    assert send_test_event(_dsn(tracker), None) == (False, "answered 403")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Secret(f"http://k@127.0.0.1:{free.getsockname()[1]}/1")
        assert send_test_event(nobody, None) == (False, "ConnectionRefusedError")


def test_the_tracker_is_asked_only_when_side_effects_are_wanted(project, monkeypatch):
    from primepos.deploy import tracker as module

    asked = []
    monkeypatch.setattr(module, "send_test_event", lambda dsn, commit: asked.append(commit) or (True, "id-1"))
    target = target_of(project)
    assert look("OPS073", target).status is Status.PASS
    assert asked == []
    target.active = True
    assert look("OPS073", target).evidence == "o1.ingest.sentry.io accepted event id-1"
    monkeypatch.setattr(module, "send_test_event", lambda dsn, commit: (False, "answered 401"))
    outcome = look("OPS073", target)
    assert (outcome.status, outcome.evidence) == (Status.FAIL, "o1.ingest.sentry.io refused a test event: answered 401")


# --- log lines -------------------------------------------------------------------------------------------------------


def test_a_good_line_passes_and_a_console_line_fails(project):
    assert look("OPS074", target_of(project)).status is Status.PASS
    outcome = look("OPS074", target_of(project, {"LOG_FORMAT": "console"}))
    assert (outcome.status, outcome.evidence) == (Status.FAIL, "LOG_FORMAT is console: use json")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda line: "2026-01-01 INFO plain", "a line is not JSON"),
        (lambda line: line.replace('"request_id"', '"req"'), "a line lacks request_id"),
        (lambda line: line.replace("+00:00", "").replace('Z"', '"'), "ts has no offset"),
        (lambda line: line[:-1] + ', "a": "canary-password-1"}', "secrets were written: password"),
        (lambda line: line[:-1] + ', "a": "4111 1111 1111 1111"}', "secrets were written: note"),
        (lambda line: line[:-1] + ', "a": "k7Qz-9fLw2Vx8RmT4bYc6NpJ1hDs3GaE5uKo0WiXeZrBtMvHyCqUjPnFlSdAg"}',
         "secret 1"),
        (lambda line: line[:-1] + ', "a": "' + "y" * 4000 + '"}', "a field is longer than 2 kB"),
    ],
)  # fmt: skip
def test_a_line_that_is_not_right_is_seen(project, monkeypatch, spoil, told):
    good = signals.sample_line
    monkeypatch.setattr(signals, "sample_line", lambda *args, **values: spoil(good(*args, **values)))
    outcome = look("OPS074", target_of(project))
    assert outcome.status is Status.FAIL
    assert told in outcome.evidence
    assert "k7Qz" not in outcome.evidence


def test_an_unfit_environment_is_judged_by_a_line_of_fit_settings(project):
    assert look("OPS074", target_of(project, {"SECRET_KEY": None})).status is Status.PASS


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_all_promised_metrics_exist_and_are_closed(project):
    outcome = look("OPS075", target_of(project, status=401))
    assert outcome.status is Status.PASS, outcome.evidence
    assert outcome.evidence.endswith("answers 401 to a stranger")
    open_to_all = look("OPS075", target_of(project, status=200))
    assert (open_to_all.status, open_to_all.evidence) == (Status.FAIL, "/metrics answers 200 to a stranger")
    unseen = look("OPS075", a_target(project))
    assert unseen.status is Status.SKIPPED


def test_a_metric_that_is_missing_is_named(project, monkeypatch):
    held = signals.declared_metrics()
    monkeypatch.setattr(
        signals, "declared_metrics", lambda: {name: one for name, one in held.items() if name != "primepos_db_up"}
    )
    assert look("OPS075", target_of(project)).evidence == "primepos_db_up does not exist"


@pytest.mark.parametrize(
    ("name", "kind", "labels", "told"),
    [
        ("primepos_sales", "counter", (), "is a counter without _total"),
        ("primepos_pool_total", "gauge", (), "ends in _total and is no counter"),
        ("primepos_request_ms", "gauge", (), "is not in a base unit"),
        ("primepos_latency", "histogram", (), "is a histogram without its unit"),
        ("sales_total", "counter", (), "is not primepos_"),
        ("primepos_Sales_total", "counter", (), "is not primepos_"),
        ("primepos_sales_total", "counter", ("tenant_id",), "has the label tenant_id, which never ends"),
    ],
)
def test_a_badly_named_metric_is_told(name, kind, labels, told):
    assert any(told in problem for problem in signals.name_problems(name, kind, labels))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("primepos_sales_total", "counter"), ("primepos_db_up", "gauge"), ("primepos_x_duration_seconds", "histogram"),
        ("primepos_backup_timestamp_seconds", "gauge"),
    ],
)  # fmt: skip
def test_well_named_metrics_pass(name, kind):
    assert list(signals.name_problems(name, kind, ("route", "status"))) == []


# --- mail ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return a certificate for localhost and its key, made for this run."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


class _MailServer:
    """Speaks as much SMTP as the check asks for, one conversation after another."""

    def __init__(self, folder, *, tls: str, takes: str = ""):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self._tls, self._takes = tls, takes
        self._listener = socket.create_server(("localhost", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.close()
        # A wake-up call: closing a listener does not end an accept() everywhere.
        with socket.socket() as caller:
            caller.settimeout(1)
            caller.connect_ex(("localhost", self.port))
        self._thread.join(10)

    def _serve(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                with plain:
                    plain.settimeout(10)
                    self._talk(self._context.wrap_socket(plain, server_side=True) if self._tls == "ssl" else plain)
            except OSError:
                continue

    def _talk(self, line):
        line.sendall(b"220 mail.test ESMTP\r\n")
        while True:
            said = b""
            while not said.endswith(b"\r\n"):
                more = line.recv(1024)
                if not more:
                    return
                said += more
            verb = said.decode().strip()
            self.heard.append(verb.split()[0].upper())
            if verb.upper().startswith("EHLO"):
                offers = "STARTTLS" if self._tls == "starttls" else "HELP"
                line.sendall(f"250-mail.test\r\n250-{offers}\r\n250 AUTH PLAIN LOGIN\r\n".encode())
            elif verb.upper() == "STARTTLS":
                line.sendall(b"220 go on\r\n")
                line = self._context.wrap_socket(line, server_side=True)
            elif verb.upper().startswith("AUTH"):
                line.sendall(b"235 welcome\r\n" if self._takes in verb else b"535 no\r\n")
            elif verb.upper() == "QUIT":
                line.sendall(b"221 bye\r\n")
                return
            else:
                line.sendall(b"250 ok\r\n")


@pytest.fixture
def mail(certificate, monkeypatch):
    """Start mail servers whose certificate is trusted."""
    servers = []
    trusting = ssl.create_default_context

    def make(tls: str, takes: str = "", *, trusted: bool = True):
        if trusted:
            monkeypatch.setattr(ssl, "create_default_context", lambda *args, **given: _trusting(trusting, certificate))
        servers.append(_MailServer(certificate, tls=tls, takes=takes))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def _trusting(make, certificate):
    context = make()
    context.load_verify_locations(certificate / "cert.pem")
    return context


def _mail_target(project, server, **changes):
    return target_of(
        project,
        {"EMAIL_HOST": "localhost", "EMAIL_PORT": str(server.port), "DEFAULT_FROM_EMAIL": "a@shop.test", **changes},
    )


def test_a_mail_server_with_starttls_is_greeted_encrypted_and_logged_in_to(project, mail):
    server = mail("starttls")
    outcome = look("OPS083", _mail_target(project, server))
    assert outcome.status is Status.PASS, outcome.evidence
    assert re.fullmatch(r"localhost:\d+ 250 mail.test, TLSv1\.[23], login taken", outcome.evidence)
    assert server.heard[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert "MAIL" not in server.heard


def test_a_mail_server_with_tls_from_the_first_byte_passes(project, mail):
    outcome = look("OPS083", _mail_target(project, mail("ssl"), EMAIL_USE_SSL="True", EMAIL_USE_TLS="False"))
    assert outcome.status is Status.PASS, outcome.evidence


def test_a_mail_server_that_cannot_encrypt_fails(project, mail):
    outcome = look("OPS083", _mail_target(project, mail("none")))
    assert (outcome.status, "STARTTLS extension not supported" in outcome.evidence) == (Status.FAIL, True)
    plain = look("OPS083", _mail_target(project, mail("none"), EMAIL_USE_TLS="False"))
    assert plain.evidence.endswith("the connection is not encrypted")


def test_a_login_that_is_refused_fails_without_showing_it(project, mail):
    outcome = look("OPS083", _mail_target(project, mail("starttls", takes="never")))
    assert (outcome.status, outcome.evidence) == (Status.FAIL, "localhost refused the login (535)")


def test_a_certificate_that_nobody_trusts_fails(project, mail):
    outcome = look("OPS083", _mail_target(project, mail("starttls", trusted=False)))
    assert outcome.status is Status.FAIL
    assert "no encrypted connection (CERTIFICATE_VERIFY_FAILED)" in outcome.evidence


def test_a_mail_server_that_is_not_there_fails_and_no_mail_is_not_applicable(project):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        changes = {"EMAIL_HOST": "localhost", "EMAIL_PORT": str(free.getsockname()[1])}
        outcome = look("OPS083", target_of(project, changes))
    assert (outcome.status, "does not answer as a mail server does" in outcome.evidence) == (Status.FAIL, True)
    assert look("OPS083", target_of(project, {"EMAIL_BACKEND": "disabled"})).status is Status.NOT_APPLICABLE
    assert look("OPS083", target_of(project, {"SECRET_KEY": None})).evidence.startswith("the environment is not fit")


# --- bucket ----------------------------------------------------------------------------------------------------------

AWS = {
    "AWS_ACCESS_KEY_ID": "testing-key-id", "AWS_SECRET_ACCESS_KEY": "testing-secret-of-the-key",
    "AWS_STORAGE_BUCKET_NAME": "receipts", "AWS_S3_REGION_NAME": "us-east-1",
}  # fmt: skip


@pytest.fixture
def bucket(monkeypatch):
    import boto3  # with moto, seconds to import
    import moto

    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    with moto.mock_aws():
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",
        )
        client.create_bucket(Bucket="receipts")
        yield client


def test_a_file_goes_into_the_bucket_and_out_again(project, bucket):
    outcome = look("OPS084", target_of(project, AWS))
    assert outcome.status is Status.PASS, outcome.evidence
    assert re.fullmatch(r"s3://receipts/primepos-gate: put, read and removed 66 bytes in \d+ ms", outcome.evidence)
    assert "Contents" not in bucket.list_objects_v2(Bucket="receipts")


def test_a_bucket_that_does_not_exist_fails_without_showing_a_key(project, bucket):
    outcome = look("OPS084", target_of(project, {**AWS, "AWS_STORAGE_BUCKET_NAME": "elsewhere"}))
    assert outcome.status is Status.FAIL
    assert "elsewhere" in outcome.evidence
    assert "testing-secret" not in outcome.evidence


def test_without_a_bucket_the_check_does_not_apply(project):
    assert look("OPS084", target_of(project)).status is Status.NOT_APPLICABLE
    assert look("OPS084", target_of(project, {"SECRET_KEY": None})).status is Status.FAIL


def test_what_has_side_effects_says_so():
    needs = {one.id: one.needs for one in catalogue()}
    assert needs["OPS083"] == needs["OPS084"] == {Needs.ACTIVE}
    assert needs["OPS073"] == {Needs.STATIC, Needs.ACTIVE}
