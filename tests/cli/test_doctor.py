"""``primepos doctor`` as a person types it."""

from __future__ import annotations

import json
import socket
import zipfile

import pytest

from primepos.core.settings_registry import BY_NAME, PLATFORM_FACTS
from tests.adapters.test_mail import PASSWORD, USER, Inbox, mail_server
from tests.deploy.live import Authority


@pytest.fixture(autouse=True)
def _clean(tmp_path, monkeypatch):
    for name in (*BY_NAME, "LOGS_LEVEL", *PLATFORM_FACTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path / "data"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PORT", str(free.getsockname()[1]))
    monkeypatch.chdir(tmp_path)


def test_a_healthy_installation_ends_with_0_and_a_sick_one_with_1(command, monkeypatch, fresh_database):
    # One of its own: jobs of other tests would wait in a shared one.
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    well = command("doctor", "--json").json
    assert well["ok"]
    assert [step["name"] for step in well["steps"]][:4] == ["environment", "disk", "port", "database"]
    monkeypatch.setenv("DATABASE_URL", "postgresql://till:p@ss-canary@db/shop")
    sick = command("doctor")
    assert sick.code == 1
    assert "worker" in sick.out
    assert "primepos doctor explain ENV009" in sick.err
    assert "canary" not in sick.out + sick.err


def test_an_error_is_explained_from_the_command_line_and_from_a_pipe(command):
    told = command("doctor", "explain", "No", "migrations", "to", "apply")
    assert (told.code, told.out.splitlines()[0]) == (0, "DOC03: No migrations to apply, yet a table is missing")
    piped = command("doctor", "explain", "--json", given="booting\nerror[PORT_TAKEN]: Cannot listen\n").json
    assert [one["code"] for one in piped] == ["PORT_TAKEN", "DOC06"]
    unknown = command("doctor", "explain", "all is fine", "--json")
    assert (unknown.code, unknown.refusal["code"]) == (5, "NOT_UNDERSTOOD")
    nothing = command("doctor", "explain", "--json")
    assert (nothing.code, nothing.refusal["code"]) == (2, "NOTHING_TO_EXPLAIN")


def test_a_mail_is_really_sent(command, monkeypatch, tmp_path):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    inbox = Inbox()
    with mail_server(inbox, authority.issue("localhost")) as port:
        for name, value in {
            "EMAIL_BACKEND": "smtp", "EMAIL_HOST": "localhost", "EMAIL_PORT": str(port), "EMAIL_HOST_USER": USER,
            "EMAIL_HOST_PASSWORD": PASSWORD, "DEFAULT_FROM_EMAIL": USER,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        sent = command("doctor", "email", "--to", "owner@brightfruit.shop", "--json").json
        monkeypatch.setenv("EMAIL_HOST_PASSWORD", "wrong-canary")
        refused = command("doctor", "email", "--to", "owner@brightfruit.shop", "--json")
    assert sent["steps"][1:] == ["STARTTLS: secured", "signed in", "taken: taken as 42"]
    ((sender, recipients, message, was_secured),) = inbox.taken
    assert (sender, recipients, was_secured) == (USER, ["owner@brightfruit.shop"], True)
    assert message["Subject"] == "PrimePOS can send mail"
    assert (refused.code, json.loads(refused.err.splitlines()[-1])["code"]) == (78, "MAIL_SIGN_IN_REFUSED")
    assert "canary" not in refused.err


def test_a_bundle_is_written_once(command, tmp_path):
    (tmp_path / "primepos.log").write_text("DATABASE_URL=postgresql://till:canary-pass@db/shop\n")
    written = command("doctor", "bundle", "--output", "help.zip", "--log", "primepos.log", "--no-checks", "--json").json
    assert [part["name"] for part in written["parts"]][-2:] == ["log.txt", "README.txt"]
    with zipfile.ZipFile("help.zip") as archive:
        assert "canary" not in archive.read("log.txt").decode()
    assert (tmp_path / "help.zip").stat().st_mode & 0o777 == 0o600
    again = command("doctor", "bundle", "--output", "help.zip", "--no-checks", "--json")
    assert (again.code, again.refusal["code"]) == (6, "BUNDLE_EXISTS")
