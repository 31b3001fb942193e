"""Settings: one environment in, a frozen value or every problem at once out."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from primepos.core.errors import BadConfiguration, ErrorKind
from primepos.core.settings import (
    BadEnvironment,
    EmailBackend,
    Environment,
    LogFormat,
    LogLevel,
    RateLimit,
    Secret,
    Settings,
    SslMode,
    examine,
    load_settings,
    write_shop_env,
)
from primepos.core.settings_keys import SHOP_KEYS, derive_key, development_keys, generate_value
from primepos.core.settings_registry import BY_NAME, REGISTRY
from primepos.core.settings_rules import Severity
from primepos.core.settings_types import is_loopback

ROOT = Path(__file__).resolve().parents[2]
STRONG = "Zq8" + "kW3vN1xR5tY7uB2mC4" * 4
HEADING = "Production mode missing required ENV variables"


def production(**changes: str) -> dict[str, str]:
    """A complete production environment."""
    environ = {
        "PRIMEPOS_ENV": "production",
        "SECRET_KEY": STRONG,
        "JWT_SECRET_KEY": "jwt" + STRONG,
        "PIN_PEPPER": "pin" + STRONG,
        "BACKUP_KEY": "bak" + STRONG,
        "ALLOWED_HOSTS": "api.shop.test",
        "CORS_ALLOWED_ORIGINS": "https://pos.shop.test",
        "DATABASE_URL": "postgresql://primepos:" + "s3cureS3cureS3cure" + "@dpg-abc123/primepos",
        "SENTRY_DSN": "https://abcdef0123456789@o1.ingest.sentry.io/42",
        "EMAIL_BACKEND": "disabled",
        "HSTS_SECONDS": "31536000",
        "TRUSTED_PROXIES": "render",
    }
    return {name: text for name, text in {**environ, **changes}.items() if text != "-"}


def problems(environ: dict[str, str], component: str = "serve") -> dict[str, str]:
    """Variable -> rule of everything that stops a start."""
    return {problem.variable: problem.rule for problem in examine(environ, component=component, make_keys=False).fatal}


def advice(environ: dict[str, str]) -> dict[str, str]:
    found = examine(environ, component="serve", make_keys=False)
    return {problem.variable: problem.rule for problem in found.problems if not problem.fatal}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data directory of its own, an empty working directory, and none of this machine's variables."""
    for name in {*BY_NAME, "LOGS_LEVEL", "RENDER", "RENDER_EXTERNAL_HOSTNAME"} & os.environ.keys():
        monkeypatch.delenv(name)
    data = tmp_path / "data"
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(data))
    return data


# --- a complete environment ------------------------------------------------------------------------------------------


def test_a_complete_production_environment_loads_with_nothing_to_say():
    settings = load_settings(production(), component="serve")
    assert settings.findings == ()
    assert settings.environment is Environment.PRODUCTION
    assert settings.is_production
    assert not settings.debug
    assert not settings.uses_embedded_database
    assert settings.allowed_hosts == ("api.shop.test",)
    assert settings.cors_allowed_origins == settings.csrf_trusted_origins == ("https://pos.shop.test",)
    assert settings.public_base_url == "https://api.shop.test"
    assert settings.frontend_url == "https://pos.shop.test"
    assert settings.log_level is LogLevel.INFO
    assert settings.log_format is LogFormat.JSON
    assert settings.jwt_access_ttl_seconds == 3600
    assert settings.jwt_refresh_ttl_seconds == 604_800
    assert settings.rate_limit_login == RateLimit(5, 60)
    assert settings.rate_limit_api == RateLimit(1000, 3600)
    assert settings.jwt_secret_key.reveal() == "jwt" + STRONG
    assert settings.migration_database_url == settings.database_url


def test_nothing_set_is_development_with_an_embedded_database(home):
    settings = load_settings()
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.uses_embedded_database
    assert settings.migration_database_url is None
    assert not settings.debug
    assert settings.data_dir == home
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert settings.cors_allowed_origins == ("http://localhost:3000",)
    assert settings.email_backend is EmailBackend.CONSOLE
    assert settings.findings == ()


def test_settings_are_frozen():
    settings = load_settings(production())
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.debug = True  # type: ignore[misc]


def test_every_variable_with_an_attribute_is_a_field_and_every_field_has_a_variable():
    wanted = {variable.field_name for variable in REGISTRY if variable.field_name}
    assert {field.name for field in dataclasses.fields(Settings)} - {"platform", "findings", "sources"} == wanted


def test_every_variable_says_what_it_is_for():
    for variable in REGISTRY:
        assert variable.help.endswith("."), variable.name
        assert variable.help[0].isupper(), variable.name


# --- all problems at once --------------------------------------------------------------------------------------------


def test_an_empty_production_environment_lists_every_required_variable_under_the_heading_of_the_audit(tmp_path):
    with pytest.raises(BadConfiguration) as refused:
        load_settings({"PRIMEPOS_ENV": "production", "PRIMEPOS_DATA_DIR": str(tmp_path)}, component="serve")
    error = refused.value
    assert error.kind is ErrorKind.CONFIG
    assert error.code == "BAD_CONFIGURATION"
    assert error.message == HEADING
    lines = str(error).splitlines()
    assert lines[0] == HEADING
    required = [variable for variable in REGISTRY if Environment.PRODUCTION in variable.required_in]
    assert [line.split(":")[0].strip() for line in lines[1:]] == [variable.name for variable in required]
    assert len(required) == 7
    for variable, line in zip(required, lines[1:], strict=True):
        assert variable.help in line
    assert list(tmp_path.iterdir()) == []


def test_render_without_a_named_environment_is_production():
    assert set(problems({"RENDER": "true"})) == {
        "SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "DATABASE_URL",
        "JWT_SECRET_KEY",
    }  # fmt: skip


def test_missing_and_invalid_come_in_one_answer_missing_first():
    with pytest.raises(BadEnvironment) as refused:
        load_settings(production(SECRET_KEY="-", DEBUG="perhaps", PORT="eighty"), component="serve")
    fields = [problem["field"] for problem in refused.value.data["problems"]]
    assert fields[0] == "SECRET_KEY"
    assert set(fields) == {"SECRET_KEY", "DEBUG", "PORT"}


def test_no_problem_repeats_a_secret():
    leaked = "hunter2@h/x#y"
    environ = production(
        SECRET_KEY=leaked, JWT_SECRET_KEY=leaked, PIN_PEPPER=leaked, BACKUP_KEY=leaked, METRICS_TOKEN=leaked,
        DATABASE_URL=f"postgresql://u:{leaked}@host/db", SECRET_KEY_FALLBACKS=leaked, SENTRY_DSN=f"http://{leaked}",
        EMAIL_HOST_USER="apikey", EMAIL_HOST_PASSWORD=leaked, FIELD_ENCRYPTION_KEYS=leaked,
        AWS_SECRET_ACCESS_KEY=leaked, JWT_SECRET_KEY_FALLBACKS=leaked,
    )  # fmt: skip
    with pytest.raises(BadEnvironment) as refused:
        load_settings(environ, component="serve")
    told = str(refused.value) + repr(refused.value.data)
    assert len(refused.value.data["problems"]) >= 10
    assert "hunter2" not in told


def test_a_migration_needs_the_database_only():
    assert problems({"PRIMEPOS_ENV": "production"}, "migrate") == {"DATABASE_URL": "ENV009"}
    url = production()["DATABASE_URL"]
    broken_elsewhere = {"PRIMEPOS_ENV": "production", "DATABASE_URL": url, "EMAIL_PORT": "post", "PORT": "x"}
    settings = load_settings(broken_elsewhere, component="migrate")
    assert settings.database_url is not None
    assert not settings.jwt_secret_key


def test_a_worker_needs_no_hosts_but_keys_and_database():
    assert set(problems({"PRIMEPOS_ENV": "production"}, "worker")) == {
        "SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "DATABASE_URL", "JWT_SECRET_KEY",
    }  # fmt: skip


# --- one rule, one refusal -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("SECRET_KEY", "x" * 49, "ENV002"),
        ("SECRET_KEY", "ab" * 30, "ENV002"),
        ("SECRET_KEY", "django-insecure-" + STRONG, "ENV002"),
        ("SECRET_KEY", "Change-Me-" + STRONG, "ENV002"),
        ("SECRET_KEY", "<put the key here>" + STRONG, "ENV002"),
        ("SECRET_KEY", STRONG + "\n", "ENV002"),
        ("SECRET_KEY_FALLBACKS", f"{STRONG},short", "ENV003"),
        ("SECRET_KEY_FALLBACKS", f"{STRONG}a,{STRONG}b,{STRONG}c", "ENV003"),
        ("DEBUG", "True", "ENV004"),
        ("DEBUG", "yes", "ENV004"),
        ("DEBUG", "enabled", "ENV004"),
        ("DEBUG", "2", "ENV004"),
        ("ALLOWED_HOSTS", "-", "ENV006"),
        ("ALLOWED_HOSTS", " , ", "ENV006"),
        ("ALLOWED_HOSTS", "*", "ENV007"),
        ("ALLOWED_HOSTS", "*.shop.test", "ENV007"),
        ("ALLOWED_HOSTS", "https://api.shop.test", "ENV007"),
        ("ALLOWED_HOSTS", "api.shop.test:443", "ENV007"),
        ("ALLOWED_HOSTS", "api.shop.test,localhost", "ENV007"),
        ("ALLOWED_HOSTS", "10.0.0.7", "ENV007"),
        ("ALLOWED_HOSTS", "api.yourdomain.com", "ENV007"),
        ("ALLOWED_HOSTS", "api_shop.test", "ENV007"),
        ("DATABASE_URL", "-", "ENV009"),
        ("DATABASE_URL", "sqlite:///db.sqlite3", "ENV009"),
        ("DATABASE_URL", "mysql://u:p@h/db", "ENV009"),
        ("DATABASE_URL", "postgresql+psycopg://u:p@h/db", "ENV009"),
        ("DATABASE_URL", "postgresql://u:p@h", "ENV009"),
        ("DATABASE_URL", "postgresql://h/db", "ENV009"),
        ("DATABASE_URL", "postgresql://u:p@ss@h/db", "ENV009"),
        ("DATABASE_URL", "postgresql://u:p@localhost/db", "ENV010"),
        ("DATABASE_URL", "postgresql://u:p@127.0.0.1:6543/db", "ENV010"),
        ("DATABASE_URL", "postgresql://u:p@[::1]/db", "ENV010"),
        ("DATABASE_URL", "postgresql://u:p@db.example.com/db?sslmode=require", "ENV010"),
        ("DB_NAME", "another", "ENV011"),
        ("DATABASE_URL", "postgresql://u:pppppppppppppppppp@db.host.test/db", "ENV013"),
        ("DATABASE_URL", "postgresql://u:pppppppppppppppppp@db.host.test/db?sslmode=prefer", "ENV013"),
        ("CORS_ALLOWED_ORIGINS", "-", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "https://pos.shop.test/", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "pos.shop.test", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "*", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "null", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "https://*.vercel.app", "ENV014"),
        ("CORS_ALLOWED_ORIGINS", "http://pos.shop.test", "ENV015"),
        ("CORS_ALLOWED_ORIGINS", "https://localhost:3000", "ENV015"),
        ("PORT", "ten", "ENV027"),
        ("HOST", "a b", "ENV027"),
        ("CSRF_TRUSTED_ORIGINS", "https://other.shop.test", "ENV015"),
        ("JWT_SECRET_KEY", "k" * 8 + "abcdefghijklmnopqrstuvw", "ENV016"),
        ("JWT_SECRET_KEY_FALLBACKS", "short", "ENV016"),
        ("JWT_REFRESH_TTL_SECONDS", "3600", "ENV018"),
        ("EMAIL_BACKEND", "console", "ENV020"),
        ("EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend", "ENV020"),
        ("EMAIL_BACKEND", "smtp", "ENV020"),
        ("EMAIL_BACKEND", "carrier pigeon", "ENV020"),
        ("SENTRY_DSN", "http://key@sentry.io/1", "ENV021"),
        ("SENTRY_DSN", "https://sentry.io/1", "ENV021"),
        ("SENTRY_DSN", "https://key@sentry.io/", "ENV021"),
        ("AWS_ACCESS_KEY_ID", "AKIA0123456789", "ENV022"),
        ("AWS_S3_ENDPOINT_URL", "http://store.shop.test", "ENV022"),
        ("TRUSTED_PROXIES", "*", "ENV028"),
        ("METRICS_TOKEN", "short", "ENV029"),
        ("PIN_PEPPER", "short", "ENV029"),
        ("BACKUP_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ENV029"),
        ("PRIMEPOS_ENV", "prod", "ENV005"),
        ("OTEL_SERVICE_NAME", '"primepos"', "ENV026"),
        ("JWT_ISSUER", " primepos", "ENV026"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.yourdomain.com", "ENV026"),
    ],
)
def test_production_refuses(name, text, rule):
    bad = problems(production(**{name: text}))
    culprit = {"DB_NAME": "DATABASE_URL", "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID"}.get(name, name)
    assert bad.get(culprit) == rule
    assert set(bad) <= {culprit, "PUBLIC_BASE_URL", "FRONTEND_URL"}


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("DATABASE_URL", "postgresql://u:short@dpg-a/db", "ENV012"),
        ("DATABASE_URL", "postgresql://u:postgres@dpg-a/db", "ENV012"),
        ("JWT_SECRET_KEY", STRONG, "ENV017"),
        ("JWT_ACCESS_TTL_SECONDS", "7200", "ENV018"),
        ("JWT_REFRESH_TTL_SECONDS", "2592000", "ENV018"),
        ("LOG_LEVEL", "debug", "ENV019"),
        ("LOG_FORMAT", "console", "OPS074"),
        ("EMAIL_BACKEND", "-", "ENV020"),
        ("SENTRY_DSN", "-", "ENV021"),
        ("SENTRY_TRACES_SAMPLE_RATE", "0.5", "ENV021"),
        ("HSTS_SECONDS", "-", "HTTP055"),
    ],
)
def test_production_advises_but_starts(name, text, rule):
    environ = production(**{name: text})
    assert problems(environ) == {}
    assert advice(environ) == {name: rule}
    assert [problem.rule for problem in load_settings(environ, component="serve").findings] == [rule]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DEBUG", "False"), ("DEBUG", "0"), ("DEBUG", "no"), ("DEBUG", "OFF"), ("DEBUG", ""),
        ("DATABASE_URL", "postgres://u:p%40ssp%40ssp%40ssp%40ss@dpg-a-1/db"),
        ("DATABASE_URL", "postgresql://u:pppppppppppppppppp@db.host.test/db?sslmode=verify-full"),
        ("PUBLIC_BASE_URL", "https://api.shop.test"), ("FRONTEND_URL", "https://pos.shop.test"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32"), ("FIELD_ENCRYPTION_KEYS", "A" * 43),
        ("AWS_S3_ENDPOINT_URL", "https://store.shop.test"), ("RATE_LIMIT_LOGIN", "10/hour"), ("HOST", "0.0.0.0"),
    ],
)  # fmt: skip
def test_production_accepts(name, text):
    assert problems(production(**{name: text})) == {}


def test_staging_shows_productions_rules_without_refusing():
    environ = production(PRIMEPOS_ENV="staging", DEBUG="True", ALLOWED_HOSTS="localhost")
    assert problems(environ) == {}
    assert {"DEBUG", "ALLOWED_HOSTS"} <= advice(environ).keys()
    assert set(problems({"PRIMEPOS_ENV": "staging"})) == {
        "SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "DATABASE_URL", "JWT_SECRET_KEY",
    }  # fmt: skip


def test_email_over_smtp_must_be_complete_and_speak_one_kind_of_tls():
    smtp = {
        "EMAIL_BACKEND": "smtp", "EMAIL_HOST": "smtp.sendgrid.net", "DEFAULT_FROM_EMAIL": "Shop <pos@shop.test>",
        "EMAIL_HOST_USER": "apikey", "EMAIL_HOST_PASSWORD": "SG.abcdefghijklmnop",
    }  # fmt: skip
    assert problems(production(**smtp)) == {}
    assert problems(production(**smtp, EMAIL_USE_SSL="True")) == {"EMAIL_USE_SSL": "ENV020"}
    assert problems(production(**smtp, EMAIL_PORT="465")) == {"EMAIL_USE_SSL": "ENV020"}
    assert problems(production(**smtp, EMAIL_PORT="465", EMAIL_USE_SSL="on", EMAIL_USE_TLS="off")) == {}
    assert problems(production(**{**smtp, "EMAIL_HOST_PASSWORD": "abcdefghij"})) == {"EMAIL_HOST_PASSWORD": "ENV020"}
    assert problems(production(**{**smtp, "EMAIL_HOST_PASSWORD": "-"})) == {"EMAIL_BACKEND": "ENV020"}
    assert problems(production(**{**smtp, "DEFAULT_FROM_EMAIL": "a@example.com"})) == {"DEFAULT_FROM_EMAIL": "ENV020"}


def test_storage_comes_whole_or_not_at_all():
    whole = {
        "AWS_ACCESS_KEY_ID": "AKIA0123456789", "AWS_SECRET_ACCESS_KEY": "s" * 20, "AWS_STORAGE_BUCKET_NAME": "media",
        "AWS_S3_REGION_NAME": "eu-central-1",
    }  # fmt: skip
    assert problems(production(**whole)) == {}
    for name in whole:
        assert "ENV022" in problems(production(**{**whole, name: "-"})).values()
    assert problems(production(**{**whole, "AWS_S3_REGION_NAME": "Frankfurt!"})) == {"AWS_S3_REGION_NAME": "ENV022"}


def test_memory_counters_are_refused_for_several_processes():
    assert problems(production(RATE_LIMIT_STORE="memory")) == {}
    assert problems(production(RATE_LIMIT_STORE="memory", WEB_CONCURRENCY="2")) == {"RATE_LIMIT_STORE": "ENV031"}


# --- Render ----------------------------------------------------------------------------------------------------------


def test_on_render_the_external_host_is_allowed_and_every_address_listened_on():
    environ = production(
        RENDER="true", RENDER_EXTERNAL_HOSTNAME="primepos.onrender.com", RENDER_GIT_COMMIT="abc", PORT="10000"
    )
    settings = load_settings(environ, component="serve")
    assert settings.allowed_hosts == ("api.shop.test", "primepos.onrender.com")
    assert (settings.host, settings.port) == ("0.0.0.0", 10000)
    assert settings.platform.on_render
    assert settings.platform.release == "abc"
    assert settings.public_base_url == "https://api.shop.test"


def test_on_render_development_is_refused_and_production_wants_to_be_named():
    assert problems({"RENDER": "true", "PRIMEPOS_ENV": "development"}) == {"PRIMEPOS_ENV": "ENV005"}
    assert advice(production(RENDER="true", PRIMEPOS_ENV="-")) == {"PRIMEPOS_ENV": "ENV005"}
    assert advice(production(RENDER="true", TRUSTED_PROXIES="10.0.0.0/8")) == {"TRUSTED_PROXIES": "ENV028"}
    assert advice(production(RENDER="true", HOST="127.0.0.1")) == {"HOST": "ENV027"}


# --- the database in parts -------------------------------------------------------------------------------------------


def test_a_url_is_built_from_its_parts_and_encoded():
    parts = {"DB_NAME": "prime pos", "DB_USER": "us/er", "DB_PASSWORD": "p@ss:w/rd#%?[1234]", "DB_HOST": "dpg-a"}
    settings = load_settings(production(DATABASE_URL="-", **parts))
    assert settings.database_url is not None
    expected = "postgresql://us%2Fer:p%40ss%3Aw%2Frd%23%25%3F%5B1234%5D@dpg-a:5432/prime%20pos"
    assert settings.database_url.reveal() == expected
    assert settings.sources["DATABASE_URL"] == "built from DB_*"


def test_some_parts_without_the_others_are_one_problem_that_names_them():
    found = examine(production(DATABASE_URL="-", DB_NAME="a", DB_HOST="b"), component="serve")
    assert [(problem.variable, problem.rule) for problem in found.fatal] == [("DATABASE_URL", "ENV009")]
    assert "DB_USER, DB_PASSWORD" in found.fatal[0].text


def test_parts_beside_the_url_must_agree_with_it():
    url = "postgresql://u:p%40sswordp%40ssword@dpg-a:6000/db"
    same = {"DB_NAME": "db", "DB_USER": "u", "DB_PASSWORD": "p@sswordp@ssword", "DB_HOST": "dpg-a", "DB_PORT": "6000"}
    assert problems(production(DATABASE_URL=url, **same)) == {}
    found = examine(production(DATABASE_URL=url, **{**same, "DB_PORT": "5432", "DB_PASSWORD": "else"})).fatal
    assert [problem.rule for problem in found] == ["ENV011"]
    assert "DB_PASSWORD, DB_PORT" in found[0].text
    assert "else" not in found[0].text.replace("elsewhere", "")


def test_the_ssl_mode_travels_in_the_url():
    settings = load_settings(production(DB_SSLMODE="verify-full"))
    assert settings.db_sslmode is SslMode.VERIFY_FULL
    assert settings.database_url is not None
    assert settings.database_url.reveal().endswith("@dpg-abc123:5432/primepos?sslmode=verify-full")


def test_a_socket_directory_is_a_database_in_development(home):
    settings = load_settings({"DATABASE_URL": "postgresql://me@/pos?host=/tmp/my sock", "PRIMEPOS_DATA_DIR": str(home)})
    assert settings.database_url is not None
    assert settings.database_url.reveal() == "postgresql://me@/pos?host=%2Ftmp%2Fmy%20sock&port=5432"


# --- where values come from ------------------------------------------------------------------------------------------


def test_the_process_wins_over_the_file_and_the_file_over_the_default(home, tmp_path, monkeypatch):
    file = tmp_path / "my settings.env"
    file.write_text("# mine\nPORT=9001\nHOST='0.0.0.0'\nJWT_ISSUER=from-file\n", "utf-8")
    monkeypatch.setenv("PORT", "9002")
    settings = load_settings(env_file=file)
    assert (settings.port, settings.host, settings.jwt_issuer) == (9002, "0.0.0.0", "from-file")
    assert settings.jwt_audience == "primepos"
    assert settings.sources["PORT"] == "process"
    assert settings.sources["HOST"] == "env file my settings.env"


def test_an_empty_value_counts_as_unset(home, tmp_path):
    file = tmp_path / "one.env"
    file.write_text("PORT=9001\nDEBUG=\n", "utf-8")
    settings = load_settings({"PORT": "", "DEBUG": "", "PRIMEPOS_DATA_DIR": str(home)}, env_file=file)
    assert settings.port == 9001
    assert settings.debug is False


def test_an_unreadable_file_is_refused_by_name(tmp_path):
    with pytest.raises(BadConfiguration, match=r"nowhere\.env"):
        load_settings({}, env_file=tmp_path / "nowhere.env")
    (tmp_path / "latin.env").write_bytes(b"JWT_ISSUER=caf\xe9\n")
    with pytest.raises(BadConfiguration, match="UTF-8"):
        load_settings({}, env_file=tmp_path / "latin.env")


def test_dotenv_of_the_working_directory_is_read_in_development(home):
    Path(".env").write_text("PORT=9003\nexport DEBUG=True\n", "utf-8")
    settings = load_settings()
    assert (settings.port, settings.debug) == (9003, True)
    assert settings.sources["PORT"] == ".env"


@pytest.mark.parametrize("environment", ["staging", "production", "shop"])
def test_dotenv_is_not_read_elsewhere(home, monkeypatch, environment):
    Path(".env").write_text("PORT=9003\n", "utf-8")
    monkeypatch.setenv("PRIMEPOS_ENV", environment)
    assert "PORT" not in examine(make_keys=False).raw


def test_dotenv_is_not_read_on_render_nor_beside_a_named_file(home, tmp_path, monkeypatch):
    Path(".env").write_text("PORT=9003\n", "utf-8")
    (tmp_path / "other.env").write_text("HOST=::1\n", "utf-8")
    assert load_settings(env_file=tmp_path / "other.env").port == 8000
    monkeypatch.setenv("RENDER", "true")
    assert "PORT" not in examine(make_keys=False).raw


def test_dotenv_cannot_claim_to_be_production(home):
    Path(".env").write_text("PRIMEPOS_ENV=production\n", "utf-8")
    found = examine(make_keys=False)
    assert [(one.variable, one.rule) for one in found.fatal if not one.missing] == [("PRIMEPOS_ENV", "ENV005")]


def test_the_old_name_of_the_log_level_is_understood_and_must_agree(home):
    assert load_settings({"LOGS_LEVEL": "warning", "PRIMEPOS_DATA_DIR": str(home)}).log_level is LogLevel.WARNING
    assert problems(production(LOGS_LEVEL="INFO", LOG_LEVEL="info")) == {}
    assert problems(production(LOGS_LEVEL="INFO", LOG_LEVEL="ERROR")) == {"LOG_LEVEL": "ENV019"}


# --- keys that PrimePOS makes ----------------------------------------------------------------------------------------


def test_development_keys_are_made_once_for_each_data_directory(home, tmp_path):
    first, again = load_settings(), load_settings()
    assert first.secret_key == again.secret_key
    assert first.field_encryption_keys == again.field_encryption_keys
    assert len(first.secret_key.reveal()) == 64
    other = load_settings({"PRIMEPOS_DATA_DIR": str(tmp_path / "other")})
    assert other.secret_key != first.secret_key
    file = home / "development-keys.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [file.name]


def test_keys_that_are_set_are_not_replaced(home):
    settings = load_settings({"PRIMEPOS_DATA_DIR": str(home), "SECRET_KEY": "mine", "JWT_SECRET_KEY": "mine too"})
    assert settings.secret_key.reveal() == "mine"
    assert settings.jwt_secret_key.reveal() == "mine too"


def test_the_token_key_of_development_is_derived_and_not_the_secret_key(home):
    settings = load_settings()
    assert settings.jwt_secret_key.reveal() == derive_key(settings.secret_key.reveal(), "primepos access tokens")
    assert len(settings.jwt_secret_key.reveal()) == 64
    assert settings.jwt_secret_key != settings.secret_key


def test_derived_keys_follow_rfc_5869():
    # The first block of HKDF-SHA256 with salt "primepos", computed with the cryptography package.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    expected = HKDF(SHA256(), 32, b"primepos", b"a purpose").derive(b"the root").hex()
    assert derive_key("the root", "a purpose") == expected


def test_threads_that_start_at_once_agree_on_one_set_of_keys(tmp_path):
    found, barrier = [], threading.Barrier(8)

    def read() -> None:
        barrier.wait()
        found.append(development_keys(tmp_path / "data")["SECRET_KEY"])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_looking_makes_no_keys(home):
    examine(make_keys=False)
    assert not home.exists()


def test_a_damaged_key_file_is_named(home):
    home.mkdir()
    (home / "development-keys.env").write_text("SECRET_KEY=abc\n", "utf-8")
    with pytest.raises(BadConfiguration, match=r"development-keys\.env lacks PIN_PEPPER"):
        load_settings()


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(BadConfiguration, match="development-keys"):
        load_settings({"PRIMEPOS_DATA_DIR": str(tmp_path / "file" / "data")})


# --- a shop ----------------------------------------------------------------------------------------------------------


def test_the_shops_file_is_private_complete_and_never_overwritten(home):
    file = home / "shop.env"
    assert write_shop_env(file) is True
    text = file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    values = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values.pop("PRIMEPOS_ENV") == "shop"
    assert tuple(values) == SHOP_KEYS
    assert len(set(values.values())) == 4
    assert write_shop_env(file) is False
    assert file.read_text("utf-8") == text
    assert [path.name for path in home.iterdir()] == ["shop.env"]


@pytest.mark.parametrize("named", [{}, {"PRIMEPOS_ENV": "shop"}])
def test_a_shop_reads_its_file_whether_or_not_the_environment_is_named(home, named):
    write_shop_env(home / "shop.env")
    settings = load_settings({"PRIMEPOS_DATA_DIR": str(home), **named}, component="till")
    assert settings.environment is Environment.SHOP
    assert settings.uses_embedded_database
    assert settings.log_format is LogFormat.JSON
    assert settings.email_backend is EmailBackend.DISABLED
    assert f"SECRET_KEY={settings.secret_key.reveal()}\n" in (home / "shop.env").read_text("utf-8")
    assert settings.sources["PIN_PEPPER"] == "shop.env"
    assert settings.findings == ()


def test_a_shop_without_its_file_is_told_to_run_init(home):
    with pytest.raises(BadEnvironment, match="primepos init") as refused:
        load_settings({"PRIMEPOS_ENV": "shop", "PRIMEPOS_DATA_DIR": str(home)})
    assert refused.value.message == "Shop mode missing required ENV variables"
    assert not home.exists()


def test_a_shops_file_that_others_may_read_is_refused(home):
    write_shop_env(home / "shop.env")
    (home / "shop.env").chmod(0o640)
    with pytest.raises(BadEnvironment, match="chmod 600"):
        load_settings({"PRIMEPOS_DATA_DIR": str(home)})


def test_a_named_environment_other_than_shop_ignores_the_shops_file(home):
    write_shop_env(home / "shop.env")
    settings = load_settings({"PRIMEPOS_DATA_DIR": str(home), "PRIMEPOS_ENV": "test"})
    assert settings.environment is Environment.TEST
    assert settings.sources["SECRET_KEY"] == "generated"


def test_a_shop_may_not_have_weak_keys(home):
    write_shop_env(home / "shop.env")
    assert problems({"PRIMEPOS_DATA_DIR": str(home), "SECRET_KEY": "short"}) == {"SECRET_KEY": "ENV002"}


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_shows_stars_and_is_revealed_on_request_only():
    secret = Secret("hunter2-hunter2-hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", repr([secret]), repr({"k": secret})]
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2-hunter2-hunter2"
    assert secret == Secret("hunter2-hunter2-hunter2")
    assert secret != Secret("other")
    assert secret != "hunter2-hunter2-hunter2"
    assert len({secret, Secret("hunter2-hunter2-hunter2")}) == 1
    assert not Secret("")
    assert copy.deepcopy([secret]) == [secret]


def test_a_secret_is_neither_pickled_nor_serialised():
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2"))


def test_a_fingerprint_of_a_short_secret_is_its_length_only():
    assert Secret("hunter2").fingerprint() == {"length": 7}
    assert Secret("hunter2-hunter2-").fingerprint() == {
        "length": 16,
        "starts": "hu",
        "sha256": hashlib.sha256(b"hunter2-hunter2-").hexdigest()[:8],
    }


def test_settings_show_no_secret():
    environ = production(SECRET_KEY_FALLBACKS="old" + STRONG)
    shown = repr(load_settings(environ)) + str(load_settings(environ))
    assert STRONG not in shown
    assert "s3cure" not in shown
    assert "abcdef0123456789" not in shown


@pytest.mark.parametrize("name", ["SECRET_KEY", "PIN_PEPPER", "METRICS_TOKEN"])
def test_generated_values_satisfy_the_strictest_rule(name):
    values = {generate_value(name) for _ in range(200)}
    assert len(values) == 200
    assert all(problems(production(SECRET_KEY=value)) == {} for value in sorted(values)[:20])


# --- cost ------------------------------------------------------------------------------------------------------------


def test_defaults_alone_load_neither_environs_nor_a_database_library(tmp_path):
    probe = (
        "import sys\n"
        "from primepos.core.settings import load_settings\n"
        f"load_settings({{'PRIMEPOS_DATA_DIR': {str(tmp_path)!r}}})\n"
        "names = {'environs', 'marshmallow', 'structlog', 'sqlalchemy', 'psycopg', 'jwt', 'argon2', 'rich', 'dotenv'}\n"
        "print(sorted(names & sys.modules.keys()))\n"
    )
    environ = {name: text for name, text in os.environ.items() if name not in BY_NAME}
    answer = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "text", "severity"),
    [
        ("DEBUG", "perhaps", Severity.CRITICAL),
        ("CORS_ALLOWED_ORIGINS", "*", Severity.CRITICAL),
        ("SENTRY_DSN", "\n", Severity.MEDIUM),
        ("DB_POOL_SIZE", "many", Severity.HIGH),
        ("PORT", "ten", Severity.HIGH),
    ],
)
def test_a_text_that_cannot_be_read_is_as_bad_as_one_that_breaks_the_rule(name, text, severity):
    found = examine(production(**{name: text}), component="serve", make_keys=False)
    assert [problem.severity for problem in found.problems if problem.variable == name] == [severity]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]",
        "::ffff:127.0.0.1", "0.0.0.0", "::", "dpg-a,localhost",
    ],
)  # fmt: skip
def test_this_machine_is_known_under_all_its_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["dpg-a", "db.shop.test", "10.0.0.1", "8.8.8.8", "256.1.1.1", "face", "1e9", "dpg-a,dpg-b"]
)
def test_another_machine_is_not_this_one(host):
    assert not is_loopback(host)


def test_a_database_on_this_machine_is_refused_however_it_is_written():
    for host in ("127.1", "0x7f000001", "LOCALHOST.", "dpg-a,localhost"):
        found = problems(production(DATABASE_URL=f"postgresql://u:{'x1y2z3w4' * 2}@{host}/d"))
        assert found == {"DATABASE_URL": "ENV010"}, host


def test_an_origin_is_kept_as_browsers_send_it():
    found = examine(
        production(CORS_ALLOWED_ORIGINS="https://POS.shop.test:443,https://b.shop.test:8443"), component="serve"
    )
    assert found.values["CORS_ALLOWED_ORIGINS"] == ("https://pos.shop.test", "https://b.shop.test:8443")
