"""The blueprint: valid for the platform, and what it gives each service is enough to start."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from primepos.cli.lazy import LAZY
from primepos.core.settings import load_settings
from primepos.core.settings_registry import BY_NAME, PLATFORM_FACTS, REGISTRY
from primepos.deploy.catalogue.platform.variables import required
from primepos.deploy.check import Area, Severity, Status, catalogue
from primepos.deploy.target import Target

PATH = Path(__file__).resolve().parents[2] / "render.yaml"
BLUEPRINT: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
SERVICES = {service["name"]: service for service in BLUEPRINT["services"]}
GROUPS = {group["name"]: group["envVars"] for group in BLUEPRINT["envVarGroups"]}
DATABASES = {database["name"]: database for database in BLUEPRINT["databases"]}
WEB, WORKER, CRON = SERVICES["primepos-api"], SERVICES["primepos-worker"], SERVICES["primepos-nightly"]
COMPONENTS = {"primepos-api": "serve", "primepos-worker": "worker", "primepos-nightly": "jobs"}
# Read by the platform when it builds, not by us.
OF_THE_PLATFORM = {"PYTHON_VERSION"}

# What a person fills in at the first deploy.
FILLED_IN = {
    "SECRET_KEY": "q7Xw2mLr8Tk4Zp9Vb3Nc6Hd1" * 3,
    "ALLOWED_HOSTS": "api.shop.test",
    "CORS_ALLOWED_ORIGINS": "https://pos.shop.test",
    "SENTRY_DSN": "",
    "EMAIL_HOST_PASSWORD": "",
}
GENERATED = "mJ8sP2vX5kR9tW3zQ6nB4cF7hL1dG0yA8eU5iO2pS3E="
CONNECTION = "postgresql://primepos:q7Xw2mLr8Tk4Zp9Vb3@dpg-abc123-a/primepos"


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """Return the variables Render would start a service with."""
    found = {"RENDER": "true", "PORT": "10000", "RENDER_EXTERNAL_HOSTNAME": "primepos-api.onrender.com"}
    for entry in service["envVars"]:
        if "fromGroup" in entry:
            for each in GROUPS[entry["fromGroup"]]:
                found[each["key"]] = GENERATED if each.get("generateValue") else each["value"]
        elif "fromDatabase" in entry:
            assert entry["fromDatabase"]["name"] in DATABASES
            found[entry["key"]] = CONNECTION
        elif "fromService" in entry:
            source = entry["fromService"]
            found[entry["key"]] = environment_of(SERVICES[source["name"]])[source["envVarKey"]]
        elif entry.get("sync") is False:
            found[entry["key"]] = FILLED_IN[entry["key"]]
        else:
            found[entry["key"]] = entry["value"]
    return found


def test_it_is_valid_for_the_published_schema(shared_data):
    from jsonschema import Draft202012Validator

    schema = json.loads((shared_data / "render-blueprint.schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(BLUEPRINT)] == []


@pytest.mark.parametrize(
    ("name", "component"), [*COMPONENTS.items(), ("primepos-api", "release"), ("primepos-api", "migrate")]
)
def test_what_a_service_is_given_is_enough_to_start(name, component, tmp_path):
    environment = {**environment_of(SERVICES[name]), "PRIMEPOS_DATA_DIR": str(tmp_path)}
    settings = load_settings(environment, component=component)
    assert settings.is_production
    assert (settings.host, settings.port) == ("0.0.0.0", 10000)
    assert settings.database_url is not None
    assert not settings.uses_embedded_database


def test_the_gate_lets_the_first_release_through(tmp_path):
    from primepos.api.surface import build_surface
    from primepos.deploy import gate

    environment = {**environment_of(WEB), "PRIMEPOS_DATA_DIR": str(tmp_path)}
    report = gate.run(Target(root=PATH.parent, environ=environment, make_surface=build_surface))
    # Those of the code itself, and of its migrations, do not depend on the file.
    open_findings = [one for one in report.findings if one.is_open and one.check.area not in {Area.SEC, Area.MIG}]
    assert {one.check.id: one.evidence for one in open_findings if one.severity is Severity.CRITICAL} == {}
    # What is left to the operator, not to the file.
    left = {one.check.id for one in open_findings if one.check.area in {Area.ENV, Area.RND}}
    assert left == {"ENV020", "ENV021"}


def test_the_api_trusts_the_platforms_proxies_and_answers_for_its_names(tmp_path):
    settings = load_settings({**environment_of(WEB), "PRIMEPOS_DATA_DIR": str(tmp_path)}, component="serve")
    assert settings.trusted_proxies == ("render",)
    assert settings.allowed_hosts == ("api.shop.test", "primepos-api.onrender.com")
    assert settings.hsts_seconds >= 31_536_000
    assert settings.graceful_timeout_seconds < WEB["maxShutdownDelaySeconds"]


def test_all_services_share_the_keys_that_they_check_each_others_work_with():
    api, worker, nightly = environment_of(WEB), environment_of(WORKER), environment_of(CRON)
    shared = (
        "SECRET_KEY", "JWT_SECRET_KEY", "PIN_PEPPER", "BACKUP_KEY", "FIELD_ENCRYPTION_KEYS", "METRICS_TOKEN",
        "DATABASE_URL",
    )  # fmt: skip
    assert {name: api[name] for name in shared} == {name: worker[name] for name in shared}
    assert {name: api[name] for name in shared} == {name: nightly[name] for name in shared}


def test_it_names_settings_of_the_registry_only_and_every_required_one():
    for name, component in COMPONENTS.items():
        given = set(environment_of(SERVICES[name])) - OF_THE_PLATFORM - set(PLATFORM_FACTS)
        assert given <= set(BY_NAME)
        assert {one.name for one in required(component)} <= given
    kept_by_everybody = {one.name for one in REGISTRY if one.group == "Keys" and not one.name.endswith("FALLBACKS")}
    assert kept_by_everybody <= set(environment_of(WORKER)) & set(environment_of(CRON))


def test_the_gate_finds_nothing_wrong_with_it():
    target = Target(root=PATH.parent, environ={})
    found = {one.id: one.run(target) for one in catalogue() if one.area is Area.RND}
    assert {name: outcome.evidence for name, outcome in found.items() if outcome.status is not Status.PASS} == {}


def test_every_command_exists_and_needs_no_shell():
    for service in SERVICES.values():
        for key in ("startCommand", "preDeployCommand"):
            if key in service:
                program, command, *_ = shlex.split(service[key])
                assert program == "primepos"
                assert command in LAZY
                assert not set(service[key]) & set("&|;$`<>")


def test_the_platform_asks_for_liveness_of_the_web_service_only(api_paths):
    assert WEB["healthCheckPath"] == "/health/"
    assert WEB["healthCheckPath"].rstrip("/") in api_paths
    assert "healthCheckPath" not in WORKER
    assert "healthCheckPath" not in CRON


@pytest.fixture(scope="module")
def api_paths() -> set[str]:
    from primepos.api.app import openapi

    return set(openapi()["paths"])


def test_no_secret_stands_in_the_file():
    for service in (*SERVICES.values(), *({"envVars": entries} for entries in GROUPS.values())):
        for entry in service["envVars"]:
            variable = BY_NAME.get(entry.get("key", ""))
            if variable is not None and variable.secret:
                assert "value" not in entry, entry["key"]
                assert entry["key"] != "SECRET_KEY" or not entry.get("generateValue")


def test_groups_hold_plain_and_generated_values_only():
    for entries in GROUPS.values():
        for entry in entries:
            assert entry.keys() in ({"key", "value"}, {"key", "generateValue"})
            assert isinstance(entry.get("value", ""), str), entry["key"]


def test_the_database_is_closed_pinned_and_near():
    (database,) = DATABASES.values()
    assert database["ipAllowList"] == []
    assert database["postgresMajorVersion"] in {"15", "16", "17", "18"}
    assert {each["region"] for each in (database, *SERVICES.values())} == {database["region"]}


def test_deploys_wait_for_checks_and_previews_are_off():
    assert BLUEPRINT["previews"] == {"generation": "off"}
    assert {each["autoDeployTrigger"] for each in SERVICES.values()} == {"checksPass"}
    assert {each["plan"] for each in SERVICES.values()} == {"starter"}
    assert WEB["numInstances"] >= 2
