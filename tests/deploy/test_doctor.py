"""``primepos doctor``: each step sees what is wrong, none hides another, and an error is explained by what is here."""

from __future__ import annotations

import json
import socket
import threading
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
import psycopg
import pytest

from primepos.adapters import schema_revision
from primepos.core.errors import PrimePOSError
from primepos.core.settings import Secret
from primepos.core.tokens import AccessGrant, issue_access
from primepos.deploy.check import catalogue
from primepos.deploy.doctor import steps
from primepos.deploy.doctor.ailments import AILMENTS
from primepos.deploy.doctor.bundle import write_bundle
from primepos.deploy.doctor.explain import NotUnderstood, explain, known_codes
from primepos.deploy.doctor.patient import Patient
from primepos.deploy.doctor.steps import Health
from tests.adapters.test_mail import PASSWORD, USER, Inbox, mail_server
from tests.deploy.live import API_HOST, ORIGIN, PLATFORM_HOST, SHOP_HOST, Authority, Live, sent
from tests.deploy.world import GOOD_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.deploy.doctor.explain import Explanation

ROOT = Path(__file__).resolve().parents[2]
JWT_KEY = "J3nV8xR5tB2mK9wQ6zL1cF4hY7pD0sGaUeXiOo"
KEYS = {
    "SECRET_KEY": "k7Qz-9fLw2Vx8RmT4bYc6NpJ1hDs3GaE5uKo0WiXeZrBtMvHyCqUjPnFlSdAg",
    "JWT_SECRET_KEY": JWT_KEY,
    "PIN_PEPPER": "P1qW2eR3tY4uI5oP6aS7dF8gH9jK0lZxCvBnMm",
    "BACKUP_KEY": "B0mN9bV8cX7zL6kJ5hG4fD3sA2pO1iUyTrEwQq",
}


@pytest.fixture
def a_patient(tmp_path) -> Iterator[Callable[..., Patient]]:
    """Make a patient with these variables."""
    made: list[Patient] = []

    def make(environ: dict[str, str] | None = None, **more: Any) -> Patient:
        given = {"PRIMEPOS_ENV": "test", "PRIMEPOS_DATA_DIR": str(tmp_path), "PORT": str(free_port()), **KEYS}
        made.append(Patient(environ={**given, **(environ or {})}, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def step(name: str, patient: Patient) -> steps.Step:
    (found,) = [one for one in steps.diagnose(patient) if one.name == name]
    return found


def asked(text: str, patient: Patient, **more: Any) -> list[Explanation]:
    return explain(text, patient, codes=known_codes(), checks={one.id: one for one in catalogue()}, **more)


def first(text: str, patient: Patient) -> Explanation:
    return asked(text, patient, most=1)[0]


# --- the diagnosis ---------------------------------------------------------------------------------------------------


def test_a_good_installation_is_well(a_patient, fresh_database):
    # One of its own: jobs of other tests would wait in a shared one.
    found = steps.diagnose(a_patient({"DATABASE_URL": fresh_database}))
    assert [one.name for one in found] == list(steps.STEPS)
    assert {one.name: one.evidence for one in found if one.health is Health.BAD} == {}
    health = {one.name: one.health for one in found}
    assert (health["database"], health["migrations"], health["clock"]) == (Health.GOOD, Health.GOOD, Health.GOOD)
    assert steps.is_well(found)


def test_every_step_is_taken_whatever_fails_before(a_patient):
    port = free_port()
    found = steps.diagnose(a_patient({"DATABASE_URL": f"postgresql://u:pw@127.0.0.1:{port}/shop", "LOG_LEVEL": "LOUD"}))
    health = {one.name: one.health for one in found}
    assert list(health) == list(steps.STEPS)
    assert health["environment"] is health["database"] is Health.BAD
    assert {health[name] for name in ("migrations", "clock", "worker")} == {Health.NOT_LOOKED}
    assert health["disk"] is health["port"] is Health.GOOD
    assert not steps.is_well(found)


def test_a_database_that_was_never_migrated_is_told(a_patient, cluster):
    name = f"bare_{uuid4().hex}"
    cluster.create_database(name)
    found = step("migrations", a_patient({"DATABASE_URL": cluster.owner_url(name)}))
    cluster.drop_database(name)
    assert (found.health, found.fix) == (Health.BAD, "primepos migrate up")
    assert "was never migrated" in found.evidence


@pytest.mark.parametrize(("revision", "expected"), [("0001", Health.BAD), ("9999", Health.ADVICE)])
def test_another_revision_than_this_release_s_is_told(a_patient, fresh_database, revision, expected):
    with psycopg.connect(fresh_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    found = step("migrations", a_patient({"DATABASE_URL": fresh_database}))
    assert found.health is expected
    assert revision in found.evidence
    assert schema_revision.newest() in found.evidence


@contextmanager
def something_on_a_port(body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_who_listens_on_the_port_is_told(a_patient):
    with something_on_a_port(b'{"status": "healthy", "version": "0.1.0"}') as port:
        ours = step("port", a_patient({"PORT": str(port)}))
    assert (ours.health, ours.evidence) == (Health.GOOD, f"PrimePOS 0.1.0 answers on {port}")
    with something_on_a_port(b"<html>") as port:
        theirs = step("port", a_patient({"PORT": str(port)}))
    assert (theirs.health, theirs.codes) == (Health.BAD, ("PORT_TAKEN", "DOC06"))


@pytest.mark.parametrize(("mebibytes", "expected"), [(10, Health.BAD), (600, Health.ADVICE), (5000, Health.GOOD)])
def test_little_room_on_the_disk_is_told(a_patient, monkeypatch, mebibytes, expected):
    usage = SimpleNamespace(free=mebibytes * 1024 * 1024)
    monkeypatch.setattr(steps.shutil, "disk_usage", lambda _path: usage)
    found = step("disk", a_patient())
    assert found.health is expected
    assert f"{mebibytes} MiB free" in found.evidence


@pytest.mark.parametrize(("apart_s", "expected"), [(3600, Health.BAD), (-25, Health.ADVICE)])
def test_a_clock_apart_from_the_database_s_is_told(a_patient, database_url, monkeypatch, apart_s, expected):
    class Elsewhere(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=apart_s)

    monkeypatch.setattr(steps, "datetime", Elsewhere)
    assert step("clock", a_patient({"DATABASE_URL": database_url})).health is expected


def test_a_worker_is_seen_by_its_sign_and_by_what_it_left(a_patient, fresh_database):
    patient = a_patient({"DATABASE_URL": fresh_database})
    assert step("worker", patient).evidence.startswith("no worker was ever seen; 0 jobs wait")
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
        assert step("worker", patient).health is Health.GOOD
        connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 minutes'")
        assert step("worker", patient).health is Health.ADVICE
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('default', 'mail', 'failed')"
        )
        found = step("worker", patient)
        assert (found.health, found.codes) == (Health.BAD, ("OPS078", "DOC08"))
        assert "1 were given up" in found.evidence
        connection.execute("DELETE FROM procrastinate_jobs")
        connection.execute("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', 'mail')")
        connection.execute("UPDATE procrastinate_events SET at = now() - interval '20 minutes'")
        waiting = step("worker", patient)
    assert waiting.health is Health.BAD
    assert "the oldest for 1200 s" in waiting.evidence


def test_no_step_shows_a_piece_of_a_password(a_patient):
    for url in (
        "postgresql://till:p@ss-w0rd-canary@db/shop",
        "postgresql://till:p-w0rd-canary@no-such-host.invalid/shop",
    ):
        patient = a_patient({"DATABASE_URL": url})
        told = json.dumps([[one.evidence, one.fix] for one in steps.diagnose(patient)])
        told += json.dumps([[one.cause, *one.evidence, *one.fix] for one in asked("DOC01", patient)])
        assert "w0rd-canary" not in told


# --- explaining ------------------------------------------------------------------------------------------------------

LINES = [
    ("Invalid DATABASE_URL", "DOC01"),
    ("django.core.exceptions.ImproperlyConfigured: invalid DATABASE_URL", "DOC01"),
    ('psycopg.OperationalError: could not translate host name "db" to address', "DOC01"),
    ("FATAL:  password authentication failed for user primepos", "DOC01"),
    ("CSRF token missing", "DOC02"),
    ("Forbidden (CSRF token missing or incorrect.): /api/v1/sales", "DOC02"),
    ("Access to fetch at 'https://api.shop' from origin has been blocked by CORS policy", "DOC02"),
    ("No migrations to apply", "DOC03"),
    ("no migration to apply.", "DOC03"),
    ('psycopg.errors.UndefinedTable: relation "sales" does not exist', "DOC03"),
    ("DEBUG disclosure", "DOC04"),
    ("warning: DEBUG=True in production", "DOC04"),
    ("401 on API", "DOC05"),
    ('"GET /api/v1/sales HTTP/1.1" 401 Unauthorized', "DOC05"),
    ("jwt.exceptions: signature verification failed", "DOC05"),
    ("Health check timeout", "DOC06"),
    ("==> Timed out after waiting for internal health check to return a successful response code", "DOC06"),
    ("==> No open ports detected, continuing to scan...", "DOC06"),
    ("403 on uploads", "DOC07"),
    ("botocore ClientError: An error occurred (AccessDenied) when calling the PutObject operation", "DOC07"),
    ("Email not sending", "DOC08"),
    ("emails are not sending", "DOC08"),
    ("smtplib.SMTPAuthenticationError: (535, b'Username and Password not accepted')", "DOC08"),
]


@pytest.mark.parametrize(("line", "code"), LINES)
def test_a_line_of_a_log_is_understood(a_patient, line, code):
    assert first(line, a_patient()).code == code


def test_what_nobody_knows_is_said_so(a_patient):
    for text in ("everything went well today", "sold 3 apples", "", "\n\n"):
        with pytest.raises(NotUnderstood):
            asked(text, a_patient())


def test_a_whole_log_gives_each_ailment_once_the_surest_first(a_patient):
    log = "\n".join([
        json.dumps({"ts": "2026-11-22T10:00:00+00:00", "event": "http.request", "status": 200, "msg": ""}),
        json.dumps({"event": "http.unavailable", "msg": "could not translate host name", "request_id": "401"}),
        json.dumps({"event": "http.request", "error_code": "TOKEN_EXPIRED", "status": 401}),
        json.dumps({"event": "http.request", "error_code": "TOKEN_EXPIRED", "status": 401}),
    ])  # fmt: skip
    assert {one.code for one in asked(log, a_patient())} == {"TOKEN_EXPIRED", "DOC05", "DOC01"}


def test_a_long_log_is_read_to_its_last_line_in_reasonable_work(a_patient):
    lines = [f"{number:x} sold {number * 7919:x} things to number {number * 104729:x}" for number in range(6000)]
    found = asked("\n".join([*lines, "error[TOKEN_EXPIRED]: renew it"]), a_patient())
    assert [one.code for one in found] == ["DOC05", "TOKEN_EXPIRED"]


def test_every_answer_has_a_cause_a_fix_checks_that_exist_and_a_runbook_that_exists(a_patient):
    known = {one.id for one in catalogue()}
    for code, ailment in AILMENTS.items():
        found = first(code, a_patient())
        assert (found.code, bool(found.cause), bool(found.fix)) == (code, True, True)
        assert set(found.checks) == set(ailment.checks)
        assert set(found.checks) <= known
        assert found.runbook is not None
        assert (ROOT / found.runbook).is_file(), found.runbook


def test_every_error_code_is_explained_by_its_own_words(a_patient):
    patient = a_patient()
    for code, error in known_codes().items():
        if error is not PrimePOSError and code != "INTERNAL_ERROR":
            found = [one for one in asked(code, patient) if one.code == code]
            assert len(found) == 1, code
            assert found[0].cause == " ".join((error.__doc__ or "").split())


def test_a_check_of_the_gate_is_explained_by_its_rule(a_patient):
    found = first("HTTP054", a_patient())
    assert found.code == "HTTP054"
    assert "HTTPS" in found.cause
    assert found.fix


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        (None, "No database is named"),
        ("mysql://till:secret-canary@db/shop", "does not start with postgresql://"),
        ("postgresql://till:se/cret-canary@db/shop", "write '/' as %2F"),
        ("postgresql://till:secret-canary@db", "names no database"),
        ("sqlite:///shop.db", "names SQLite"),
    ],
)
def test_doc01_says_which_part_is_wrong(a_patient, url, cause):
    found = first("DOC01", a_patient({} if url is None else {"DATABASE_URL": url}))
    assert cause in found.cause
    assert "canary" not in json.dumps([found.cause, found.evidence, found.fix])


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(authority) -> Iterator[Live]:
    live = Live(authority, authority.issue(API_HOST, PLATFORM_HOST, SHOP_HOST))
    yield live
    live.close()


@pytest.fixture
def live(running) -> Iterator[Live]:
    yield running
    running.break_answers = None


def test_doc02_sends_the_preflight_of_each_origin(a_patient, live):
    origins = {"CORS_ALLOWED_ORIGINS": f"{ORIGIN},https://office.brightfruit.shop"}
    found = first("DOC02", a_patient(origins, prober=live.prober()))
    assert found.cause == "https://office.brightfruit.shop: the preflight answers 403"
    assert f"{ORIGIN}: 204, allow-headers: authorization, content-type; may call" in found.evidence
    all_well = first("DOC02", a_patient({"CORS_ALLOWED_ORIGINS": ORIGIN}, prober=live.prober()))
    assert all_well.cause == "Each listed origin may call: the page that is blocked has another one"


def test_doc03_says_which_database_was_looked_at(a_patient, cluster, database_url):
    name = f"bare_{uuid4().hex}"
    cluster.create_database(name)
    bare = a_patient({"DATABASE_URL": cluster.owner_url(name)})
    found = first("No migrations to apply", bare)
    bare.close()
    cluster.drop_database(name)
    assert name in found.cause
    good = first("No migrations to apply", a_patient({"DATABASE_URL": database_url}))
    assert "at the newest revision" in good.cause
    assert any(schema_revision.newest() in line for line in good.evidence)


def test_doc04_names_the_source_of_debug_and_looks_at_a_refusal(a_patient, live):
    found = first("DOC04", a_patient({"DEBUG": "True"}, prober=live.prober()))
    assert found.cause == "DEBUG is on, from process"
    live.break_answers = lambda _, good: good.saying({"detail": "Traceback (most recent call last)"})
    found = first("DOC04", a_patient(prober=live.prober()))
    assert found.cause == "The service itself shows a traceback"


def signed(key: str = JWT_KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"iss": "primepos", "aud": "primepos", "exp": 4102444800, **claims}, key, algorithm=algorithm)


def an_hour_ago() -> int:
    return int((datetime.now(UTC) - timedelta(hours=1)).timestamp())


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        ("", "is empty: no Authorization header is sent"),
        ("Basic dGlsbDpzZWNyZXQ=", "is sent as Basic, not as Bearer"),
        ("Bearer not-a-token", "is malformed"),
        ("Q9wE8rT7yU6iO5pA4sD3fG2hJ1kL0zXcVbNm", "looks like a refresh token"),
        (signed("another-key-of-thirty-two-characters-or-more"), "is signed by a key that is not known here"),
        (signed("x" * 64, "HS512"), "is signed by HS512; only HS256 is taken"),
        (signed(iss="another"), "was issued for another service"),
        (signed(), "is signed by us, but lacks"),
    ],
)
def test_doc05_tells_one_refused_token_from_another(a_patient, token, cause):
    found = first("401 Unauthorized", a_patient({}, token=Secret(token)))
    assert cause in found.cause
    assert len(token) < 20 or token not in json.dumps([found.cause, found.evidence, found.fix])


def test_doc05_tells_genuine_tokens_that_ended(a_patient, app, clock, database_url):
    class Then:
        def now(self) -> datetime:
            return datetime.now(UTC) - timedelta(hours=3)

    class Now(Then):
        def now(self) -> datetime:
            return datetime.now(UTC)

    patient = a_patient({"DATABASE_URL": database_url})
    assert patient.settings is not None
    grant = AccessGrant(user_id=uuid4(), tenant_id=uuid4(), session_id=uuid4(), role="owner")
    patient.token = Secret(issue_access(grant, patient.settings, Then()))
    assert "s ago (at " in first("DOC05", patient).cause
    patient.token = Secret(issue_access(grant, patient.settings, Now()))
    assert "its session was ended" in first("DOC05", patient).cause


def test_doc06_says_why_the_platform_gets_no_answer(a_patient, live):
    live.break_answers = lambda asked, good: sent(301, {}, ("Location", "/health")) if asked.is_https else good
    assert "leads elsewhere" in first("Health check timeout", a_patient(prober=live.prober())).cause
    live.break_answers = lambda asked, good: sent(400, {}) if asked.is_https else good
    assert "ALLOWED_HOSTS" in first("Health check timeout", a_patient(prober=live.prober())).cause
    live.break_answers = None
    assert "It answers now, 200" in first("Health check timeout", a_patient(prober=live.prober())).cause
    on_render = {"RENDER": "true", "PRIMEPOS_ENV": "production", "HOST": "127.0.0.1"}
    assert "this machine only" in first("Health check timeout", a_patient(on_render)).cause


def test_doc07_says_what_of_the_bucket_is_missing(a_patient):
    found = first("DOC07", a_patient({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}))
    assert found.cause == "AWS_* is not complete"
    assert "AWS_SECRET_ACCESS_KEY" in found.fix


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The endpoint of an S3 that is not ours, with the bucket ``uploads``."""
    import boto3  # with moto, seconds to import
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield endpoint
    client.close()
    server.stop()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "evidence"),
    [("uploads", "tried: put, get, delete succeeded"), ("nobodys", "tried: nothing succeeded")],
)
def test_doc07_tries_the_bucket_where_that_is_allowed(a_patient, bucket, name, evidence):
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-wJalrXUtnFEMI",
        "AWS_STORAGE_BUCKET_NAME": name, "AWS_S3_REGION_NAME": "eu-central-1", "AWS_S3_ENDPOINT_URL": bucket,
    }  # fmt: skip
    assert "was not tried" in " ".join(first("DOC07", a_patient(environ)).evidence)
    found = first("DOC07", a_patient(environ, active=True))
    assert evidence in found.evidence
    assert ("STORAGE" in found.cause) == (name == "nobodys")
    assert "canary" not in json.dumps([found.cause, found.evidence, found.fix])


def mail_environ(port: int, **more: str) -> dict[str, str]:
    return {
        "EMAIL_BACKEND": "smtp", "EMAIL_HOST": "localhost", "EMAIL_PORT": str(port), "EMAIL_HOST_USER": USER,
        "EMAIL_HOST_PASSWORD": PASSWORD, "DEFAULT_FROM_EMAIL": USER, **more,
    }  # fmt: skip


def test_doc08_signs_in_at_the_mail_server(a_patient, authority, monkeypatch):
    assert "no mail leaves this machine" in first("DOC08", a_patient()).cause
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    inbox = Inbox()
    with mail_server(inbox, authority.issue("localhost")) as port:
        good = first("Email not sending", a_patient(mail_environ(port)))
        refused = first("Email not sending", a_patient(mail_environ(port, EMAIL_HOST_PASSWORD="wrong-canary-1")))
    assert "signed in" in good.evidence
    assert "refuses the login" in refused.cause
    assert "canary" not in json.dumps([refused.cause, refused.evidence, refused.fix])
    assert inbox.taken == []


# --- the bundle ------------------------------------------------------------------------------------------------------

CANARIES = {
    "SECRET_KEY": "canary-secret-Zq8kW3vN1xR5tY7uB2mC4kW3vN1xR5tY7uB2mC4kW3vN1xR5tY7",
    "JWT_SECRET_KEY": "canary-jwt-Zq8kW3vN1xR5tY7uB2mC4kW3vN1xR5tY7",
    "JWT_SECRET_KEY_FALLBACKS": "canary-old-jwt-Zq8kW3vN1xR5tY7uB2mC4kW3vN1x",
    "PIN_PEPPER": "canary-pepper-Zq8kW3vN1xR5tY7uB2mC4kW3vN1x",
    "BACKUP_KEY": "canary-backup-Zq8kW3vN1xR5tY7uB2mC4kW3vN1x",
    "EMAIL_HOST_PASSWORD": "canary-mail-5rT8",
    "METRICS_TOKEN": "canary-metrics-Zq8kW3vN1xR5tY7uB2mC4kW3",
    "SENTRY_DSN": "https://canarydsn0123456789abcdef@o1.ingest.sentry.io/42",
    "DATABASE_URL": "postgresql://till:canary-db-pass@dpg-c0ffee-a/shop",
    "STRIPE_API_KEY": "canary-of-another-program",
}
BEARER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeS1zaWduYXR1cmU"
LOG = [
    f"Authorization: Bearer {BEARER}",
    json.dumps({"event": "http.request", "password": "canary-typed-password"}),
    "connect postgresql://till:canary-db-pass@dpg-c0ffee-a/shop failed",
    f"mail sign-in with {CANARIES['EMAIL_HOST_PASSWORD']}",
    "card 4111 1111 1111 1111",
    "the last line",
]


def test_no_file_of_a_bundle_holds_a_secret(a_patient, tmp_path):
    environ = {**GOOD_ENVIRONMENT, **CANARIES, "PRIMEPOS_DATA_DIR": str(tmp_path)}
    log = tmp_path / "primepos.log"
    log.write_text("\n".join(LOG))
    report = {"checks": [{"id": "ENV009", "evidence": CANARIES["DATABASE_URL"]}]}
    path = tmp_path / "bundle.zip"
    parts = write_bundle(path, a_patient(environ), log_file=log, check_report=lambda: report)
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert list(texts) == [one.name for one in parts]
    assert set(texts) == {
        "versions.json", "settings.json", "diagnosis.json", "schema.json", "database.json", "check-deploy.json",
        "log.txt", "README.txt",
    }  # fmt: skip
    for name, text in texts.items():
        assert "canary" not in text.lower(), name
        assert BEARER[:40] not in text
        assert "4111 1111" not in text
        assert "M8tR5kW2zQ9x" not in text
    assert texts["log.txt"].endswith("the last line\n")
    told = json.loads(texts["settings.json"])["settings"]
    assert told["SECRET_KEY"]["is"].startswith("length ")
    assert told["PRIMEPOS_ENV"] == {"from": "process", "is": "production"}
    assert told["DATABASE_URL"]["is"] == "postgresql://[redacted]@dpg-c0ffee-a:5432/shop?sslmode=require"


def test_a_bundle_without_names_tells_not_whose_it_is(a_patient, tmp_path):
    environ = {**GOOD_ENVIRONMENT, "PRIMEPOS_DATA_DIR": str(tmp_path)}
    path = tmp_path / "bundle.zip"
    write_bundle(path, a_patient(environ), anonymous=True)
    with zipfile.ZipFile(path) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "dpg-c0ffee-a" not in text
    assert "api.brightfruit.shop" not in text
    assert "[name]" in text


def test_a_bundle_of_a_working_shop_has_its_figures(a_patient, tmp_path, database_url):
    path = tmp_path / "bundle.zip"
    parts = write_bundle(path, a_patient({"DATABASE_URL": database_url}))
    assert [one.problem for one in parts] == [None] * len(parts)
    with zipfile.ZipFile(path) as archive:
        figures = json.loads(archive.read("database.json"))
        schema = json.loads(archive.read("schema.json"))
    assert "connections" in json.dumps(figures)
    assert schema["newest_here"] == schema_revision.newest()


def test_a_bundle_replaces_no_file(a_patient, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_bundle(path, a_patient())
    assert path.read_text() == "mine"
