"""Secrets that were planted everywhere are found nowhere: not in a log, an answer, an output, a report or a trace."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from primepos.adapters.telemetry.starting import flush_telemetry, start_telemetry
from primepos.api.app import build_app
from primepos.bootstrap import build_app as build_core
from primepos.core.clock import SystemClock
from primepos.core.context import operator
from primepos.core.log import configure_logging
from primepos.domain.accounts import service as accounts
from primepos.domain.staff import service as staff
from tests.api.conftest import HOST, People, a_sale
from tests.api.test_serve import ROOT, environment
from tests.conftest import settings_for
from tests.observability.sinks import a_sink

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = "canary-right-horse battery 4d1e"
WRONG = "canary-wrong-horse battery 4d1e"
PIN, WRONG_PIN = "83619452", "94728361"
CARD = "4111111111111111"
KEYS = {
    "SECRET_KEY": "canary-sk-0123456789-0123456789-0123456789-0123456789",
    "JWT_SECRET_KEY": "canary-jwt-0123456789-0123456789-0123456789",
    "PIN_PEPPER": "canary-pp-0123456789-0123456789-0123456789",
    "BACKUP_KEY": "canary-bk-0123456789-0123456789-0123456789",
    "METRICS_TOKEN": "canary-mt-0123456789-0123456789-0123456789",
    "EMAIL_HOST_PASSWORD": "canary-mail-0123456789",
}


class Found:
    """Everything that was said, by where."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self.texts[where] = self.texts.get(where, "") + text

    def assert_nowhere(self, *secrets: str) -> None:
        leaks = [(secret, where) for secret in secrets for where, text in self.texts.items() if secret in text]
        assert leaks == []


def test_no_secret_of_a_person_or_of_the_settings_leaves_the_api(
    database, database_url, tmp_path, tracker, shop, capfd
):
    found, log = Found(), io.StringIO()
    with a_sink() as traces:
        settings = settings_for(
            database_url,
            tmp_path,
            LOG_FORMAT="json",
            SENTRY_DSN=tracker.dsn,
            OTEL_EXPORTER_OTLP_ENDPOINT=traces.url,
            OTEL_EXPORTER_OTLP_HEADERS="x-key=canary-otel-key",
            **KEYS,
        )
        configure_logging(settings, log)
        start_telemetry(settings)
        core = build_core(settings, database=database, clock=SystemClock())
        email = f"owner@{shop.slug}.example.org"
        who = {"email": email, "name": "Olga", "role": "owner", "password": RIGHT}
        core.run(accounts.create_user, operator("test", shop.tenant_id), who)
        core.run(
            staff.create_staff,
            operator("test", shop.tenant_id),
            {"code": "mia", "name": "Mia", "role": "manager", "pin": PIN},
        )
        secrets = [RIGHT, WRONG, PIN, WRONG_PIN, CARD, "canary-otel-key", *KEYS.values()]
        with TestClient(build_app(core), base_url=HOST, raise_server_exceptions=False) as client:

            def ask(method: str, path: str, *, is_shown: bool = True, **more: Any) -> Any:
                answer = client.request(method, path, **more)
                if is_shown:
                    found.add(f"{method} {path}", answer.text + str(answer.headers))
                return answer

            login = "/api/v1/auth/login"
            signed_in = ask("POST", login, json={"email": email, "password": RIGHT}, is_shown=False)
            assert signed_in.status_code == 200
            access, refresh = signed_in.json()["access_token"], signed_in.json()["refresh_token"]
            secrets += [access, access.rpartition(".")[2], refresh]
            bearer = {"Authorization": f"Bearer {access}"}
            assert ask("POST", login, json={"email": email, "password": WRONG}).status_code == 401
            ask("POST", login, json={"email": email, "password": WRONG, "extra": WRONG})
            ask("POST", login, json={"email": email, "password": {"nested": WRONG}})
            ask("POST", login, json=[WRONG])
            ask("POST", login, content=f'{{"email": "{email}", "password": "{WRONG}'.encode())
            ask("POST", login, content=f"password={WRONG}".encode(), headers={"Content-Type": "text/plain"})
            ask("POST", f"/api/v1/auth/change-password?old={WRONG.replace(' ', '%20')}", headers=bearer)
            ask("GET", f"/api/v1/auth/me?access_token={access}", headers=bearer)
            ask("GET", "/api/v1/auth/me", headers={"Authorization": f"Basic {access}"})
            ask("GET", "/api/v1/auth/me", headers={"Authorization": f"Bearer {access}x"})
            ask("POST", "/api/v1/auth/refresh", json={"refresh_token": refresh[:-4] + "AAAA"})
            ask("GET", "/metrics", headers={"Authorization": f"Bearer {KEYS['METRICS_TOKEN']}x"})
            ask("GET", "/metrics", headers={"Authorization": f"Bearer {KEYS['METRICS_TOKEN']}"})
            ask("POST", "/api/v1/staff/sign-in", headers=bearer, json={"code": "mia", "pin": PIN})
            ask("PUT", "/api/v1/staff/none/pin", headers=bearer, json={"pin": WRONG_PIN, "code": 1})
            ask("POST", "/api/v1/sales", headers={**bearer, "X-Approver": "mia", "X-Approver-PIN": WRONG_PIN}, json={})
            note = {"sku": "A-1", "note": CARD}
            ask("POST", "/api/v1/sales", headers=bearer, json=a_sale(shop, sale_id="x", lines=[note]))

        people = People()
        at_till = replace(shop.cashier, kind="staff", register_id=shop.till_id)

        def broken(app: Any, token: str) -> Any:
            if token == "broken":
                given = f"postgresql://me:{KEYS['EMAIL_HOST_PASSWORD']}@db/x and {access} and card {CARD}"
                raise RuntimeError(f"{given} and pin={PIN} and password: {RIGHT!r}") from ValueError(KEYS["SECRET_KEY"])
            return people(app, token)

        with TestClient(build_app(core, resolve=broken), base_url=HOST, raise_server_exceptions=False) as client:
            for pin in (WRONG_PIN, PIN):
                ask("POST", "/api/v1/staff/sign-in", headers=people.headers(at_till), json={"code": "mia", "pin": pin})
            answer = ask("GET", "/api/v1/products", headers={"Authorization": "Bearer broken", "Cookie": WRONG})
            assert answer.status_code == 500
        flush_telemetry()
        found.add("the error tracker", json.dumps(tracker.event()))
        found.add("traces", b"".join(traces.raw).decode("latin-1"))
    out, err = capfd.readouterr()
    found.add("stdout", out)
    found.add("stderr", err)
    found.add("the log", log.getvalue())
    assert log.getvalue().count('"event":"http.request"') >= 20
    assert "http.failed" in found.texts["the log"]
    assert "RuntimeError" in found.texts["the error tracker"]
    assert "sales.book" in found.texts["traces"] or "accounts.login" in found.texts["traces"]
    found.assert_nowhere(*secrets)


def test_a_database_url_that_does_not_work_is_not_told(make_app, tmp_path, people_away):
    log = io.StringIO()
    url = "postgresql://me:canary-db%2F5f2b9c@127.0.0.1:1/none"
    core = make_app(url)
    configure_logging(core.settings, log)
    with TestClient(build_app(core, resolve=people_away), base_url=HOST, raise_server_exceptions=False) as client:
        answers = [
            client.get("/health/ready"),
            client.get("/api/v1/products", headers={"Authorization": "Bearer x"}),
            client.post("/api/v1/auth/login", json={"email": "a@example.org", "password": RIGHT}),
        ]
    assert [each.status_code for each in answers] == [503, 503, 503]
    said = log.getvalue() + "".join(each.text for each in answers)
    assert "readiness.unreachable" in said
    for secret in ("canary-db", RIGHT):
        assert secret not in said


@pytest.fixture
def people_away(shop):
    return lambda _app, _token: shop.cashier


BAD = "canary-bad-5f2b9c"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "variables", "code"),
    [
        # Settings that are wrong in every way a secret can be.
        (
            ["env", "check"],
            {
                "PRIMEPOS_ENV": "production",
                "SECRET_KEY": BAD,
                "DATABASE_URL": f"mysql://me:{BAD}/with@slash@db:x/n?p={BAD}",
                "SENTRY_DSN": f"http://{BAD}@nowhere",
                "METRICS_TOKEN": BAD,
                "JWT_SECRET_KEY": BAD,
                "FIELD_ENCRYPTION_KEYS": f"{BAD},{BAD}",
                "EMAIL_HOST_PASSWORD": BAD,
                "EMAIL_BACKEND": "smtp",
            },
            None,
        ),
        # A database that is not there, for a command that needs one.
        (
            ["--debug", "tenants", "list", "--json"],
            {"PRIMEPOS_ENV": "test", "DATABASE_URL": f"postgresql://me:{BAD}@127.0.0.1:1/none"},
            8,
        ),
        # Secrets as arguments and as a token of nobody.
        (
            ["tenants", "list", f"--password={BAD}"],
            {"PRIMEPOS_ENV": "test", "DATABASE_URL": "postgresql://me@127.0.0.1:1/none", "PRIMEPOS_TOKEN": BAD},
            2,
        ),
    ],
    ids=["settings", "database", "arguments"],
)
def test_the_command_line_repeats_no_secret(tmp_path: Path, arguments, variables, code):
    given = {**environment("", tmp_path), "HOME": str(tmp_path), **variables}
    ended = subprocess.run(
        [sys.executable, "-m", "primepos", *arguments], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )
    assert ended.returncode == code or (code is None and ended.returncode != 0)
    assert ended.returncode != 70, ended.stderr
    said = ended.stdout + ended.stderr + "".join(path.read_text() for path in tmp_path.rglob("*.log"))
    assert said
    assert BAD not in said
