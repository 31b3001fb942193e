"""``primepos serve`` as people run it: a process, real HTTP, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from primepos.core.clock import SystemClock
from primepos.core.context import operator
from primepos.core.ids import new_id
from primepos.domain.accounts import service as accounts
from primepos.domain.cash import service as cash
from tests.api.conftest import a_sale
from tests.factories import a_shop, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery 9"


def environment(url: str, data_dir: Any, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PRIMEPOS_PG_BIN"}}
    given = {"PRIMEPOS_ENV": "test", "DATABASE_URL": url, "PRIMEPOS_DATA_DIR": str(data_dir), "LOG_FORMAT": "json"}
    # A busy machine is no reason to refuse, and neither is a seller who never rests.
    patient = {"DB_STATEMENT_TIMEOUT_MS": "60000", "RATE_LIMIT_API": "1000000/hour"}
    return {**kept, **given, **patient, "PYTHONUNBUFFERED": "1", **more}


class Served:
    """A running server: its URL, and the lines it logged."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, self.ended()
        self.url: str = json.loads(first)["url"]
        self.http = httpx.Client(base_url=self.url, timeout=90)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith("{") else {"text": line})

    def ended(self) -> int:
        """Return the exit code once it has ended and everything it logged was read."""
        code = self.process.wait(30)
        self._reader.join(10)
        return code


@contextmanager
def serve(variables: dict[str, str], *arguments: str) -> Iterator[Served]:
    """Run a server on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "primepos", "serve", "--port", "0", "--json", *arguments],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    served = Served(process)
    try:
        yield served
    finally:
        served.http.close()
        if process.poll() is None:
            process.kill()
        served.ended()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.mark.slow
def test_a_person_signs_in_sells_and_signs_out_over_the_wire(make_app, fresh_database, tmp_path):
    app = make_app(fresh_database)
    shop = a_shop(app)
    email = f"owner@{shop.slug}.example.org"
    app.clock = SystemClock()
    who = {"email": email, "name": "Olga", "role": "owner", "password": PASSWORD}
    app.run(accounts.create_user, operator("test", shop.tenant_id), who)
    with serve(environment(fresh_database, tmp_path)) as served:
        http = served.http
        assert http.get("/health/").json()["status"] == "healthy"
        assert http.get("/health/ready/").json() == {"status": "ready", "database": "connected"}
        assert (http.head("/health/").status_code, http.head("/health/").content) == (200, b"")
        posted = http.post("/health/")
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        signed_in = http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert signed_in.status_code == 200, signed_in.text
        assert "server" not in signed_in.headers
        http.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        assert http.get("/api/v1/auth/me").json()["email"] == email
        sale = a_sale(shop, sale_id=str(new_id()))
        booked = http.post("/api/v1/sales", json=sale, headers={"X-Request-ID": "over-the-wire-1"})
        assert (booked.status_code, booked.headers["x-request-id"]) == (201, "over-the-wire-1")
        assert http.post("/api/v1/sales", json=sale).text == booked.text
        assert http.get(booked.headers["location"]).json() == booked.json()
        # Every model is known to a server that nothing but its own code has loaded.
        assert http.post("/api/v1/categories", json={"name": "Fruit"}).status_code == 201
        renewed = http.post("/api/v1/auth/refresh", json={"refresh_token": signed_in.json()["refresh_token"]})
        http.headers["Authorization"] = f"Bearer {renewed.json()['access_token']}"
        assert http.post("/api/v1/auth/logout").status_code == 204
        assert http.get("/api/v1/auth/me").status_code == 401
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0
    line = next(each for each in served.log if each.get("request_id") == "over-the-wire-1")
    assert (line["event"], line["method"], line["route"], line["status"], line["operation"]) == (
        "http.request",
        "POST",
        "/api/v1/sales",
        201,
        "sales.book",
    )
    assert line["tenant_id"] == shop.tenant_id
    text = json.dumps(served.log)
    assert PASSWORD not in text
    assert signed_in.json()["access_token"] not in text


@pytest.mark.slow
def test_sigterm_turns_traffic_away_before_it_stops_taking_it(database_url, template, tmp_path):
    with serve(environment(database_url, tmp_path)) as served:
        assert served.http.get("/health/ready/").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        answer = served.http.get("/health/ready/")
        for _ in range(1000):
            if answer.status_code == 503:
                break
            answer = served.http.get("/health/ready/")
        assert (answer.status_code, answer.json()["error"]) == (503, "shutting_down")
        assert served.http.get("/health/").status_code == 200
        assert served.ended() == 0


@pytest.mark.slow
def test_two_processes_share_one_port_and_end_together(database_url, template, tmp_path):
    with serve(environment(database_url, tmp_path), "--workers", "2") as served:
        assert served.http.get("/api/v1").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0
    started = {each["msg"] for each in served.log if "Started server process" in each.get("msg", "")}
    assert len(started) == 2


def run_to_the_end(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "primepos", "serve", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_environment_that_is_not_fit_is_told_whole_and_nothing_starts(tmp_path):
    variables = {"PATH": os.environ["PATH"], "PRIMEPOS_ENV": "production", "PRIMEPOS_DATA_DIR": str(tmp_path)}
    ended = run_to_the_end({**variables, "PORT": "no port", "DEBUG": "True"})
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert "Production mode missing required ENV variables" in ended.stderr
    for name in (
        "SECRET_KEY",
        "JWT_SECRET_KEY",
        "DATABASE_URL",
        "ALLOWED_HOSTS",
        "CORS_ALLOWED_ORIGINS",
        "PORT",
        "DEBUG",
    ):
        assert f"- {name}: " in ended.stderr


def test_counters_in_memory_are_refused_to_several_processes(database_url, tmp_path):
    ended = run_to_the_end(
        environment(database_url, tmp_path, RATE_LIMIT_STORE="memory"), "--workers", "2", "--port", "0"
    )
    assert (ended.returncode, ended.stdout) == (78, "")
    assert "RATE_LIMIT_STORE" in ended.stderr


def test_a_port_that_is_taken_is_told_in_one_line(database_url, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_to_the_end(environment(database_url, tmp_path), "--port", port)
    assert (ended.returncode, ended.stdout) == (8, "")
    assert "error[PORT_TAKEN]" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_the_worker_runs_beside_the_api_and_does_what_a_closing_queues(make_app, fresh_database, tmp_path):
    app = make_app(fresh_database)
    shop = a_shop(app)
    shift_id = new_id()
    app.run(cash.open_shift, shop.cashier, {"id": shift_id, "register_id": shop.till_id, "opening_float": 0})
    with serve(environment(fresh_database, tmp_path), "--with-worker") as served:
        app.run(cash.close_shift, shop.manager, {"shift_id": shift_id, "counted": 0})
        waiting = "SELECT count(*) AS n FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        deadline = time.monotonic() + 20
        while rows(app, waiting) != [{"n": 0}] and time.monotonic() < deadline:
            assert served.http.get("/health/").status_code == 200
        assert rows(app, waiting) == [{"n": 0}]
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0
