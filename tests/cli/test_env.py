"""``primepos env``: everything wrong at once, exit code 78, and never a secret on any stream."""

from __future__ import annotations

import json
import os
import re

import pytest

from primepos.cli.main import app, run
from primepos.core.settings_keys import GENERATED
from primepos.core.settings_registry import BY_NAME, PLATFORM_FACTS, REGISTRY

SECRET = "c4n4ry-Zq8kW3vN1xR5tY7uB2mC4kW3vN1xR5tY7uB2mC4kW3vN1xR5tY7uB2mC4"
GOOD = {
    "PRIMEPOS_ENV": "production", "SECRET_KEY": SECRET, "JWT_SECRET_KEY": "jwt" + SECRET, "PIN_PEPPER": "pin" + SECRET,
    "BACKUP_KEY": "bak" + SECRET, "ALLOWED_HOSTS": "api.shop.test", "CORS_ALLOWED_ORIGINS": "https://pos.shop.test",
    "DATABASE_URL": "postgresql://primepos:" + SECRET + "@dpg-abc123/primepos", "EMAIL_BACKEND": "disabled",
    "SENTRY_DSN": "https://" + SECRET[:20] + "@o1.ingest.sentry.io/42", "HSTS_SECONDS": "31536000",
    "TRUSTED_PROXIES": "render",
}  # fmt: skip
COMMANDS = [["check"], ["list"], ["explain", "SECRET_KEY"], ["template"], ["diff", "{file}"]]


@pytest.fixture(autouse=True)
def clean(tmp_path, monkeypatch):
    for name in (*BY_NAME, "LOGS_LEVEL", *PLATFORM_FACTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def env(capsys):
    """Run `primepos env ...`; return the exit code, stdout and stderr."""

    def call(*args: str) -> tuple[int, str, str]:
        code = run(app, ["env", *args])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def good(monkeypatch):
    for name, text in GOOD.items():
        monkeypatch.setenv(name, text)


def test_a_good_environment_passes(env, good):
    assert env("check") == (0, "", "The environment is fit for serve in production.\n")
    code, out, err = env("check", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "environment": "production", "component": "serve", "ok": True, "set": len(GOOD) + 1, "problems": [],
    }  # fmt: skip


def test_a_bad_environment_is_listed_whole_with_exit_code_78(env, monkeypatch):
    monkeypatch.setenv("RENDER", "true")
    monkeypatch.setenv("DEBUG", "perhaps")
    code, out, err = env("check")
    assert (code, out) == (78, "")
    lines = err.splitlines()
    assert lines[0] == "error[BAD_CONFIGURATION]: Production mode missing required ENV variables"
    assert [line.split(":")[0] for line in lines if line.startswith("  - ")] == [
        "  - SECRET_KEY", "  - PIN_PEPPER", "  - BACKUP_KEY", "  - ALLOWED_HOSTS", "  - CORS_ALLOWED_ORIGINS",
        "  - DATABASE_URL", "  - JWT_SECRET_KEY", "  - DEBUG",
    ]  # fmt: skip
    assert lines[-1].startswith("hint: ")


def test_a_failing_check_has_its_report_on_stdout_and_the_error_on_stderr_as_json(env, good, monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "*")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    code, out, err = env("check", "--json")
    report, error = json.loads(out), json.loads(err)
    assert code == 78
    assert report["ok"] is False
    assert [(one["field"], one["rule"], one["fatal"]) for one in report["problems"]] == [
        ("ALLOWED_HOSTS", "ENV007", True), ("LOG_LEVEL", "ENV019", False),
    ]  # fmt: skip
    assert error["code"] == "BAD_CONFIGURATION"
    assert error["data"]["problems"][0]["field"] == "ALLOWED_HOSTS"


def test_advice_is_printed_and_does_not_fail(env, good, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("DATABASE_URI", "postgresql://u:" + SECRET + "@h/db")
    code, out, err = env("check")
    assert code == 0
    assert out.splitlines() == [
        "variable      severity  problem",
        "LOG_LEVEL     low       is DEBUG: use INFO [ENV019]",
        "DATABASE_URI  medium    is no setting; did you mean DATABASE_URL? [ENV023]",
    ]
    assert "fit for serve" in err


def test_each_component_is_checked_for_what_it_needs(env, monkeypatch):
    monkeypatch.setenv("PRIMEPOS_ENV", "production")
    monkeypatch.setenv("DATABASE_URL", GOOD["DATABASE_URL"])
    assert env("check", "--component", "migrate")[0] == 0
    assert env("check", "--component", "worker")[0] == 78
    assert env("check", "--component", "kettle")[0] == 2


def test_a_file_is_checked_in_place_of_the_process(env, tmp_path):
    file = tmp_path / "production.env"
    file.write_text("".join(f"{name}={text}\n" for name, text in GOOD.items()), "utf-8")
    assert env("check", "--env-file", str(file))[0] == 0
    file.write_text(file.read_text("utf-8").replace("HSTS_SECONDS=31536000", "HSTS_SECONDS=a year"), "utf-8")
    code, _, err = env("check", "--env-file", str(file))
    assert code == 78
    assert "HSTS_SECONDS: 'a year' is not a whole number" in err


def test_nothing_is_written_by_looking(env, tmp_path):
    for args in (["check"], ["list"], ["explain", "SECRET_KEY"], ["template"], ["generate"]):
        assert env(*args)[0] == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("broken", [False, True])
def test_no_secret_is_shown_anywhere(env, good, monkeypatch, tmp_path, command, as_json, broken):
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", "old" + SECRET)
    file = tmp_path / "other.env"
    file.write_text(f"SECRET_KEY=x{SECRET}\nDATABASE_URL={SECRET}\nNEXT_PUBLIC_KEY={SECRET}\n", "utf-8")
    if broken:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@#@h/db")
        monkeypatch.setenv("FIELD_ENCRYPTION_KEYS", SECRET + "!")
        monkeypatch.setenv("SENTRY_DSN", f"ftp://{SECRET}@h")
        monkeypatch.setenv("JWT_SECRET_KEY", SECRET[:9])
    _, out, err = env(*[part.format(file=file) for part in command], *as_json)
    assert "c4n4ry-Z" not in out + err


# --- list and explain ------------------------------------------------------------------------------------------------


def test_the_list_has_every_variable_and_fingerprints_for_secrets(env, good):
    rows = {row["name"]: row for row in json.loads(env("list", "--json")[1])}
    assert list(rows) == [variable.name for variable in REGISTRY]
    assert rows["SECRET_KEY"]["source"] == "process"
    assert re.fullmatch(rf"length={len(SECRET)} starts=c4 sha256=[0-9a-f]{{8}}", rows["SECRET_KEY"]["value"])
    assert rows["DATABASE_URL"]["value"] == "postgresql://primepos:***@dpg-abc123:5432/primepos"
    assert rows["ALLOWED_HOSTS"] == {"name": "ALLOWED_HOSTS", "source": "process", "value": "api.shop.test"}
    assert rows["PORT"] == {"name": "PORT", "source": "default", "value": "8000"}
    assert rows["EMAIL_HOST"] == {"name": "EMAIL_HOST", "source": "not set", "value": ""}


def test_only_what_is_set_can_be_listed(env, monkeypatch):
    monkeypatch.setenv("PORT", "9001")
    out = env("list", "--set")[1]
    assert [line.split()[0] for line in out.splitlines()] == ["name", "PRIMEPOS_DATA_DIR", "PORT"]


def test_explain_tells_all_about_one_variable(env, monkeypatch):
    monkeypatch.setenv("LOGS_LEVEL", "loud")
    told = json.loads(env("explain", "logs_level", "--json")[1])
    assert told["name"] == "LOG_LEVEL"
    assert told["source"] == "process (LOGS_LEVEL)"
    assert told["aliases"] == ["LOGS_LEVEL"]
    assert told["default"] == "DEBUG; INFO in shop; INFO in staging; INFO in production"
    assert told["problems"] == ["'loud' is none of DEBUG, INFO, WARNING, ERROR, CRITICAL [ENV019]"]


def test_explaining_an_unknown_variable_suggests_a_known_one(env):
    code, out, err = env("explain", "DATABAS_URL")
    assert (code, out) == (5, "")
    assert err.splitlines() == [
        "error[UNKNOWN_VARIABLE]: There is no setting DATABAS_URL", "hint: Did you mean DATABASE_URL?",
    ]  # fmt: skip
    assert json.loads(env("explain", "XYZZY", "--json")[2])["code"] == "UNKNOWN_VARIABLE"


@pytest.mark.parametrize("variable", REGISTRY, ids=lambda variable: variable.name)
def test_every_variable_can_be_explained(env, variable):
    code, out, _ = env("explain", variable.name)
    assert code == 0
    assert variable.help in out


# --- generate, template, diff ----------------------------------------------------------------------------------------


def test_generated_secrets_make_a_good_environment(env, good, tmp_path, monkeypatch):
    code, out, err = env("generate")
    assert (code, err) == (0, "")
    assert [line.split("=")[0] for line in out.splitlines()] == list(GENERATED)
    file = tmp_path / "generated.env"
    file.write_text(out, "utf-8")
    for name in GENERATED:
        monkeypatch.delenv(name, raising=False)
    assert env("check", "--env-file", str(file))[0] == 0


def test_one_secret_is_printed_alone_and_new_each_time(env):
    first, second = env("generate", "secret_key")[1], env("generate", "SECRET_KEY")[1]
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}\n", first)
    assert set(json.loads(env("generate", "BACKUP_KEY", "--json")[1])) == {"name", "value"}
    assert list(json.loads(env("generate", "--json")[1])) == list(GENERATED)


def test_what_is_no_random_secret_is_not_generated(env):
    code, out, err = env("generate", "PORT")
    assert (code, out) == (2, "")
    assert "error[NOT_GENERATED]: PORT is not made at random" in err
    assert env("generate", "PORTT")[0] == 5


def test_a_template_for_production_has_gaps_where_values_are_required(env, tmp_path):
    text = env("template", "--for", "production")[1]
    assert "\nSECRET_KEY=\n" in text
    assert "\n# LOG_LEVEL=INFO\n" in text
    assert json.loads(env("template", "--for", "production", "--json")[1])["required"] == [
        "SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "DATABASE_URL",
        "JWT_SECRET_KEY",
    ]  # fmt: skip
    assert env("template")[1] != text


def test_diff_names_what_differs_and_shows_no_value(env, good, tmp_path):
    file = tmp_path / "other.env"
    same = {name: text for name, text in GOOD.items() if name not in {"TRUSTED_PROXIES", "SECRET_KEY"}}
    lines = [f"{name}={text}" for name, text in same.items()]
    file.write_text("\n".join([*lines, "SECRET_KEY=another", "PORT=1", "DATABAS_URL=x", "COLOUR=red"]) + "\n", "utf-8")
    code, out, _ = env("diff", str(file), "--json")
    assert code == 1
    assert {row["name"]: row["status"] for row in json.loads(out)} == {
        "COLOUR": "unknown", "DATABAS_URL": "unknown", "PORT": "extra", "SECRET_KEY": "differs",
        "TRUSTED_PROXIES": "missing", "PRIMEPOS_DATA_DIR": "missing",
    }  # fmt: skip
    assert json.loads(out)[1]["hint"] == "did you mean DATABASE_URL?"


def test_files_that_agree_differ_in_nothing(env, tmp_path):
    file = tmp_path / "same.env"
    file.write_text(f"PRIMEPOS_DATA_DIR='{os.environ['PRIMEPOS_DATA_DIR']}'\n", "utf-8")
    assert env("diff", str(file), "--json") == (0, "[]\n", "")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("spelled", [["--format", "json"], ["--format=json"]])
def test_format_json_is_json_whether_it_goes_well_or_not(env, good, monkeypatch, tmp_path, command, spelled):
    file = tmp_path / "other.env"
    file.write_text("DEBUG=True\n", "utf-8")
    args = [part.format(file=file) for part in command]
    assert env(*args, *spelled) == env(*args, "--json")
    monkeypatch.setenv("ALLOWED_HOSTS", "*")
    assert env(*args, *spelled) == env(*args, "--json")


def test_errors_are_json_where_format_json_is_asked_for(env):
    code, out, err = env("explain", "XYZZY", "--format", "json")
    assert (code, out, json.loads(err)["code"]) == (5, "", "UNKNOWN_VARIABLE")
    assert env("generate", "PORT", "--format=json")[2] == env("generate", "PORT", "--json")[2]
    assert env("list", "--format", "xml")[0] == 2


# --- a frontend's file -----------------------------------------------------------------------------------------------


def frontend(tmp_path, **changes: str) -> str:
    texts = {
        "NEXT_PUBLIC_API_URL": "https://api.shop.test/api/v1", "NEXT_PUBLIC_USE_REAL_API": "true",
        "NEXT_PUBLIC_SITE_URL": "https://pos.shop.test/welcome", **changes,
    }  # fmt: skip
    file = tmp_path / "frontend.env"
    file.write_text("".join(f"{name}={text}\n" for name, text in texts.items() if text != "-"), "utf-8")
    return str(file)


def test_a_good_frontend_file_passes(env, good, tmp_path):
    assert env("check", "--frontend", frontend(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("NEXT_PUBLIC_API_URL", "-", "FE060"),
        ("NEXT_PUBLIC_API_URL", "not a url", "FE060"),
        ("NEXT_PUBLIC_API_URL", "http://api.shop.test/api/v1", "FE060"),
        ("NEXT_PUBLIC_API_URL", "https://api.shop.test/", "FE060"),
        ("NEXT_PUBLIC_API_URL", "https://other.shop.test/api/v1", "FE060"),
        ("NEXT_PUBLIC_USE_REAL_API", "-", "FE061"),
        ("NEXT_PUBLIC_USE_REAL_API", "false", "FE061"),
        ("NEXT_PUBLIC_USE_REAL_API", "maybe", "FE061"),
        ("NEXT_PUBLIC_SECRET_KEY", "abc", "FE062"),
        ("NEXT_PUBLIC_API_TOKEN", "abc", "FE062"),
        ("NEXT_PUBLIC_INNOCENT", f"x{SECRET}y", "FE062"),
    ],
)
def test_a_bad_frontend_file_is_refused(env, good, tmp_path, name, text, rule):
    code, out, err = env("check", "--frontend", frontend(tmp_path, **{name: text}), "--json")
    assert code == 78
    assert [(one["field"], one["rule"]) for one in json.loads(out)["problems"]] == [(name, rule)]
    assert SECRET not in out + err


def test_a_frontend_that_cors_does_not_know_is_advice(env, good, tmp_path):
    file = frontend(tmp_path, NEXT_PUBLIC_SITE_URL="https://elsewhere.shop.test")
    code, out, _ = env("check", "--frontend", file, "--json")
    assert code == 0
    assert [(one["rule"], one["fatal"]) for one in json.loads(out)["problems"]] == [("FE063", False)]


def test_the_template_of_a_frontends_file_is_fit_for_its_api(env, good, tmp_path):
    text = env("template", "--frontend")[1]
    assert "\nNEXT_PUBLIC_API_URL=https://api.shop.test/api/v1\n" in text
    file = tmp_path / ".env.production"
    file.write_text(text, "utf-8")
    assert env("check", "--frontend", str(file))[0] == 0
    assert json.loads(env("template", "--frontend", "--json")[1]) == {
        "environment": "frontend", "required": ["NEXT_PUBLIC_API_URL", "NEXT_PUBLIC_USE_REAL_API"], "text": text,
    }  # fmt: skip


def test_a_frontends_template_leaves_open_where_the_api_is_if_nobody_said(env):
    text = env("template", "--frontend")[1]
    assert "\nNEXT_PUBLIC_API_URL=\n" in text
    assert "\nNEXT_PUBLIC_USE_REAL_API=true\n" in text


def test_a_missing_frontend_file_is_a_mistake_of_use(env):
    assert env("check", "--frontend", "nowhere.env")[0] == 2


def test_every_command_shows_examples(env):
    for command in ("check", "list", "explain", "generate", "template", "diff"):
        code, out, _ = env(command, "--help")
        assert code == 0
        assert f"primepos env {command}" in out
        assert "--json" in out
