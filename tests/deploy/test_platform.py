"""The checks of render.yaml: each sees its own fault; what the platform's own schema refuses, they refuse too."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from primepos.deploy import blueprint_shape
from primepos.deploy.blueprint import Blueprint, parse_blueprint, read_blueprint, shown
from primepos.deploy.blueprint_shape import shape_findings
from primepos.deploy.check import Area, Outcome, Status, catalogue
from tests.deploy.mutation import FINE, blueprint_text, changed, outcomes, with_blueprint
from tests.deploy.world import a_project, a_target, look

if TYPE_CHECKING:
    from collections.abc import Iterator

RND = (Area.RND,)
WEB = "  - type: web\n    name: primepos-api\n"
WORKER = "  - type: worker\n    name: primepos-worker\n"
CRON = "  - type: cron\n    name: primepos-nightly\n"
START, RELEASE = "startCommand: primepos serve", "preDeployCommand: primepos release"
PROBE = "healthCheckPath: /health/"
LAST_GRACE = "    maxShutdownDelaySeconds: 300\n    autoDeployTrigger: checksPass\n    envVars:"
SCHEDULE = 'schedule: "15 2 * * *"'
REDIS = "services:\n  - type: keyvalue\n    name: cache\n    region: frankfurt\n    plan: starter\n"
A_DATABASE = "fromDatabase:\n          name: primepos-db\n          property: connectionString"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return a_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def good(project):
    return outcomes(a_target(project), RND)


def test_the_good_blueprint_passes_every_check(good):
    assert {name: one.evidence for name, one in good.items() if one.status not in FINE} == {}


Edit = tuple[str, str]
# id, what is replaced by what, what the evidence says, and the other checks that fail with it.
BROKEN: list[tuple[str, list[Edit], str, set[str]]] = [
    ("RND040", [("    plan: starter\n    numInstances", "    plan: starter\n    plan: standard\n    numInstances")],
     "the key plan stands at line", set()),
    ("RND040", [("type: web", "type: worker")], "declares no web service", {"RND043", "RND052"}),
    ("RND041", [(PROBE, PROBE + "\n    healthCheck: {path: /health/, interval: 30, timeout: 5}")],
     "primepos-api: healthCheck is no key of Render: use healthCheckPath", set()),
    ("RND041", [(PROBE, PROBE + "\n    healthCheckInterval: 30")], "use healthCheckPath; its timing is fixed", set()),
    ("RND041", [(WORKER, WORKER + "    command: x\n")], "primepos-worker: command is no key of Render", set()),
    ("RND041", [(CRON, CRON + "    numInstances: 1\n")], "primepos-nightly: numInstances is not a key", set()),
    ("RND041", [("startCommand: primepos worker", "")], "primepos-worker has no startCommand", {"RND064"}),
    ("RND041", [("startCommand: primepos jobs nightly", "")], "primepos-nightly has no startCommand", set()),
    ("RND041", [("buildCommand: pip install .", "")], "primepos-api has no buildCommand", set()),
    ("RND041", [("numInstances: 2", "numInstances: two")], "numInstances is a text, not a whole number", set()),
    ("RND041", [("runtime: python", "runtime: cobol")], "runtime is cobol, none of docker", set()),
    ("RND041", [("region: frankfurt", "region: frankfort")], "region is frankfort, none of", {"RND054"}),
    ("RND041", [("    diskSizeGB: 10\n", "    diskSizeGB: 0\n")], "diskSizeGB is 0, less than 1", set()),
    ("RND041", [('value: "31536000"', 'value: "31536000"\n        generateValue: true')],
     "envVars[4] has both value and generateValue", set()),
    ("RND041", [("previews:\n", "healthCheckPath: /\npreviews:\n")], "healthCheckPath is not a key", set()),
    ("RND042", [(PROBE, "")], "primepos-api has no healthCheckPath", set()),
    ("RND042", [(PROBE, "healthCheckPath: /status/")], "is /status/, which is no public GET route", set()),
    ("RND042", [(PROBE, "healthCheckPath: /api/v1/sales")], "is no public GET route", set()),
    ("RND043", [(WORKER, WORKER + "    healthCheckPath: /health/\n")],
     "stands at a worker, which nothing probes", set()),
    ("RND043", [(CRON, CRON + "    maxShutdownDelaySeconds: 60\n")],
     "primepos-nightly: maxShutdownDelaySeconds does not exist for a cron job", set()),
    ("RND044", [(START, "")], "primepos-api has no startCommand", set()),
    ("RND044", [(START, "startCommand: uvicorn app:app --port 8000")], "does not listen on 0.0.0.0 at $PORT", set()),
    ("RND044", [(START, "startCommand: uvicorn app:app --host 127.0.0.1 --port $PORT")], "does not listen", set()),
    ("RND044", [(START, "startCommand: primepos serve --host 127.0.0.1")], "fixes --host to 127.0.0.1", set()),
    ("RND044", [(START, "startCommand: primepos server")], "does not listen on 0.0.0.0 at $PORT", set()),
    ("RND044", [(START, "startCommand: primepos serve --port=8000")], "fixes --port to 8000", set()),
    ("RND044", [(START, 'startCommand: primepos serve "')], "its quotes do not match", set()),
    ("RND045", [(RELEASE, "")], "has no preDeployCommand", set()),
    *(("RND045", [(RELEASE, f"preDeployCommand: {command}")], told, set()) for command, told in (
        ("primepos check-deploy && primepos migrate up", "&& means nothing without a shell"),
        ("primepos release; primepos seed", "; means nothing"), ("primepos release | tee x", "| means nothing"),
        ("primepos release || true", "|| means nothing"), ("primepos release > x", "> means nothing"),
        ("echo $(primepos release)", "$( means nothing"), ("primepos check-deploy", "which does not migrate"),
        ("primepos releases", "which does not migrate"),
        ("primepos release --skip-gate --reason x", "is for one bad night, not for every deploy"))),
    ("RND046", [("    plan: starter\n    numInstances", "    plan: free\n    numInstances")],
     "primepos-api: plan is free: it sleeps", set()),
    ("RND046", [("plan: basic-256mb", "plan: free")], "primepos-db: plan is free: it is deleted after a month", set()),
    ("RND046", [(WORKER + "    runtime: python\n    region: frankfurt\n    plan: starter",
                 WORKER + "    runtime: python\n    region: frankfurt\n    plan: free")],
     "primepos-worker: plan is free: no worker has a free plan", set()),
    ("RND047", [("      - key: DATABASE_URL\n        " + A_DATABASE + "\n", "")], "primepos-api has no DATABASE_URL",
     {"RND050"}),
    ("RND047", [(A_DATABASE, "sync: false")], "takes DATABASE_URL from sync, not fromDatabase", set()),
    ("RND047", [("          name: primepos-db\n", "          name: primepos-dbs\n")],
     "names the database primepos-dbs", {"RND052"}),
    ("RND047", [("property: connectionString", "property: connectionPoolString")], "goes through the pool", set()),
    ("RND047", [("property: connectionString", "property: host")], "which is no address", set()),
    ("RND048", [("key: PIN_PEPPER\n        generateValue: true",
     "key: PIN_PEPPER\n        value: k2Jx9QmZ7wLp4RtVbN8sYc3H")],
     "value of PIN_PEPPER is a literal of 24 characters", set()),
    ("RND048", [("value: render", "value: render\n      - key: PAYMENT_API_KEY\n        value: live-2Jx9QmZ7wLp4")],
     "value of PAYMENT_API_KEY is a literal", set()),
    ("RND048", [("value: render", "value: render\n      - key: MIRROR\n        value: https://me:hunter22xyz@h.test/")],
     "value of MIRROR is a literal", set()),
    ("RND049", [("key: SECRET_KEY\n        sync: false", "key: SECRET_KEY\n        generateValue: true")],
     "takes SECRET_KEY from generateValue", set()),
    ("RND050", [("      - key: ALLOWED_HOSTS\n        sync: false\n", "")],
     "primepos-api is not given ALLOWED_HOSTS", set()),
    ("RND050", [("      - key: BACKUP_KEY\n        generateValue: true\n", "")],
     "primepos-api is not given BACKUP_KEY; primepos-worker is not given BACKUP_KEY; primepos-nightly", set()),
    ("RND050", [(LAST_GRACE + "\n      - fromGroup: primepos-shared", LAST_GRACE)],
     "primepos-worker is not given PRIMEPOS_ENV, PIN_PEPPER, BACKUP_KEY, JWT_SECRET_KEY", set()),
    ("RND050", [("value: production", 'value: ""')], "is not given PRIMEPOS_ENV", set()),
    ("RND051", [("key: LOG_LEVEL\n        value: INFO", "key: LOG_LEVEL\n        sync: false")],
     "primepos-shared: envVars[2] has sync: a group holds value and generateValue only", set()),
    ("RND051", [("envVarGroups:\n", "envVarGroups:\n  - name: spare\n    envVars: []\n")],
     "spare is attached to no", set()),
    ("RND051", [('key: DEBUG\n        value: "False"',
     'key: DEBUG\n        value: "False"\n        generateValue: true')],
     "envVars[1] has both value and generateValue", set()),
    ("RND052", [("name: primepos-worker", "name: primepos-api")], "is the name of 2 services", set()),
    ("RND052", [("- fromGroup: primepos-shared", "- fromGroup: primepos-common")],
     "there is no such group", {"RND050"}),
    ("RND052", [("          type: web\n          name: primepos-api\n          envVarKey: SECRET_KEY",
                 "          name: primepos-api\n          envVarKey: SECRET_KEY")], "fromService has no type", set()),
    ("RND052", [("          type: web\n          name: primepos-api\n",
     "          type: pserv\n          name: primepos-api\n")],
     "says primepos-api is a pserv, it is a web", set()),
    ("RND052", [("          name: primepos-api\n", "          name: primepos-app\n")],
     "names primepos-app: no such", set()),
    ("RND052", [("envVarKey: SENTRY_DSN", "envVarKey: SENTRY_KEY")], "which has no such variable", set()),
    ("RND052", [("envVarKey: SENTRY_DSN", "")], "needs envVarKey or property", set()),
    ("RND053", [("    ipAllowList: []\n", "")], "primepos-db has no ipAllowList: open to every address", set()),
    ("RND053", [("ipAllowList: []", "ipAllowList:\n      - source: 0.0.0.0/0")], "lets in 0.0.0.0/0", set()),
    ("RND053", [("services:\n", REDIS)], "cache has no ipAllowList", set()),
    ("RND054", [(WORKER + "    runtime: python\n    region: frankfurt",
                 WORKER + "    runtime: python\n    region: ohio")],
     "primepos-worker: region is ohio, primepos-db is in frankfurt", set()),
    ("RND054", [(CRON + "    runtime: python\n    region: frankfurt\n", CRON + "    runtime: python\n")],
     "primepos-nightly: region is oregon (the default)", set()),
    ("RND055", [('    postgresMajorVersion: "16"\n', "")], "primepos-db has no postgresMajorVersion", set()),
    ("RND055", [('postgresMajorVersion: "16"', "postgresMajorVersion: 16")], "is a number, not a text", set()),
    ("RND055", [('postgresMajorVersion: "16"', 'postgresMajorVersion: "13"')], "is not maintained any more", set()),
    ("RND055", [('postgresMajorVersion: "16"', 'postgresMajorVersion: "99"')], "is 99, none of", set()),
    ("RND056", [("numInstances: 2", "numInstances: 1")], "numInstances is 1: 2 or more", set()),
    ("RND056", [("    numInstances: 2\n", "")], "numInstances is 1: 2 or more", set()),
    ("RND056", [("numInstances: 2", "scaling: {minInstances: 1, maxInstances: 3}")],
     "scaling.minInstances is 1", set()),
    ("RND056", [("numInstances: 2", "numInstances: 2\n    disk: {name: d, mountPath: /d}")],
     "keeps the service at one", set()),
    ("RND057", [("    autoDeployTrigger: checksPass\n", "")], "has no autoDeployTrigger", set()),
    ("RND057", [("autoDeployTrigger: checksPass", "autoDeployTrigger: commit")], "does not wait for checks", set()),
    ("RND058", [(WEB + "    runtime: python", WEB + "    env: python")],
     "primepos-api: env is deprecated: use runtime", set()),
    ("RND058", [(WEB, WEB + "    autoDeploy: true\n")], "autoDeploy is deprecated", set()),
    ("RND058", [(WEB, WEB + "    pullRequestPreviewsEnabled: false\n")],
     "is deprecated: use previews.generation", set()),
    ("RND058", [("previews:\n", "previewsEnabled: true\npreviews:\n")], "previewsEnabled is deprecated", set()),
    ("RND058", [("services:\n", REDIS.replace("keyvalue", "redis") + "    ipAllowList: []\n")],
     "redis is deprecated: use keyvalue", set()),
    ("RND059", [('generation: "off"', "generation: off")], "previews.generation is true or false, not a text", set()),
    ("RND059", [("autoDeployTrigger: checksPass", "autoDeployTrigger: off")], "is true or false, not a text", set()),
    ("RND059", [('value: "False"', "value: False")], "envVars[1].value is true or false, not a text or number", set()),
    ("RND059", [('value: "3.12.11"', "value: 3.12")], "is an unquoted 3.12, which YAML reads as a number", set()),
    ("RND060", [("maxShutdownDelaySeconds: 60", "maxShutdownDelaySeconds: 25")],
     "is 25 s, the application may need 25 s", set()),
    ("RND060", [("maxShutdownDelaySeconds: 60", "maxShutdownDelaySeconds: 301")], "is 301, more than 300", set()),
    ("RND060", [("    maxShutdownDelaySeconds: 300\n", "")], "is 30 s, the application may need 30 s", set()),
    ("RND060", [("value: render", 'value: render\n      - key: GRACEFUL_TIMEOUT_SECONDS\n        value: "90"')],
     "is 60 s, the application may need 90 s", set()),
    ("RND061", [(SCHEDULE, "schedule: 15 2 * * *")], "is 15 2 * * * without quotes", set()),
    ("RND061", [(SCHEDULE, 'schedule: "15 2 * *"')], "4 fields, not five", set()),
    ("RND061", [(SCHEDULE, 'schedule: "15 25 * * *"')], "25 is not within 0-23", set()),
    ("RND061", [(SCHEDULE, 'schedule: "@daily"')], "1 fields, not five", set()),
    ("RND061", [(SCHEDULE, 'schedule: "15 2 * * !"')], "'!' is no field of a schedule", set()),
    ("RND061", [("in UTC,", "in winter,")], "no comment beside it says that this is UTC", set()),
    ("RND061", [("    " + SCHEDULE + "\n", "")], "primepos-nightly has no schedule", set()),
    ("RND064", [("startCommand: primepos worker", "startCommand: primepos serve")], "hold none that runs", {"RND050"}),
]  # fmt: skip


def _named(row: object) -> str:
    return row if isinstance(row, str) and row.startswith("RND") else ""


@pytest.mark.parametrize(("check_id", "edits", "told", "also"), BROKEN, ids=_named)
def test_a_fault_is_seen_by_its_check_and_no_other(project, good, check_id, edits, told, also):
    text = blueprint_text(project, *edits)
    after = outcomes(with_blueprint(project, text), RND)
    assert told in after[check_id].evidence
    assert changed(good, after) == dict.fromkeys({check_id, *also}, Status.FAIL)
    for place in after[check_id].places:
        assert place.path == "render.yaml"
        assert place.line is None or 1 <= place.line <= len(text.splitlines())


def test_every_check_of_the_platform_has_a_row():
    assert {one.id for one in catalogue() if one.area is Area.RND} == {check_id for check_id, *_ in BROKEN}


def test_a_finding_stands_at_its_line(project):
    text = blueprint_text(project, ("numInstances: 2", "numInstances: 1"))
    (place,) = outcomes(with_blueprint(project, text), RND)["RND056"].places
    assert text.splitlines()[place.line - 1].strip() == "numInstances: 1"
    twins = blueprint_text(project, ("    plan: basic-256mb\n", "    plan: basic-256mb\n    plan: free\n"))
    (place,) = outcomes(with_blueprint(project, twins), RND)["RND040"].places
    assert twins.splitlines()[place.line - 1].strip() == "plan: free"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"), ("# nothing\n", "is empty"), ("- a\n", "is not a mapping"), ("services: [", "render.yaml:"),
        ("services: []\n", "declares no web service"), ("a: 1\n---\nb: 2\n", "another document"),
        ("a: &a [*a, *a]\n", "more than 20000 values"), ("a: !!python/name:os.system x\n", "could not determine"),
        ("? [a]\n: 1\n", "a key is not a text"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_blueprint_is_refused(project, text, told):
    after = outcomes(with_blueprint(project, text), RND)
    assert (after["RND040"].status, told in after["RND040"].evidence) == (Status.FAIL, True), after["RND040"].evidence


def test_a_missing_file_fails_and_the_rest_says_that_it_could_not_look(tmp_path):
    after = outcomes(a_target(tmp_path), RND)
    assert after["RND040"].evidence == "render.yaml: there is no render.yaml"
    assert {name for name, one in after.items() if one.status is Status.SKIPPED} == after.keys() - {"RND040"}


# What the published schema accepts although the platform refuses it, or it does harm.
HOLES: list[tuple[str, list[Edit], str]] = [
    ("a web service without a start command", [(START, "")], "RND044"),
    ("a free worker", [(WORKER + "    runtime: python\n    region: frankfurt\n    plan: starter",
                        WORKER + "    runtime: python\n    region: frankfurt\n    plan: free")], "RND046"),
    ("a probe at a worker", [(WORKER, WORKER + "    healthCheckPath: /health/\n")], "RND043"),
    ("a reference to nothing", [("          name: primepos-db\n", "          name: nothing\n")], "RND052"),
    ("a value that is generated too", [('value: "31536000"', 'value: "31536000"\n        generateValue: true')],
     "RND041"),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "check_id"), [row[1:] for row in HOLES], ids=[row[0] for row in HOLES])
def test_what_the_schema_lets_through_is_refused_here(project, schema, edits, check_id):
    text = blueprint_text(project, *edits)
    assert schema.is_valid(yaml.safe_load(text))
    assert outcomes(with_blueprint(project, text), RND)[check_id].status is Status.FAIL


def test_an_empty_file_is_valid_for_the_schema_and_refused_here(project, schema):
    assert schema.is_valid({})
    assert outcomes(with_blueprint(project, ""), RND)["RND040"].status is Status.FAIL


@pytest.fixture(scope="module")
def schema(shared_data):
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((shared_data / "render-blueprint.schema.json").read_text(encoding="utf-8")))


def _slices(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return a document for each part of one, so that judging a mutant does not mean judging the rest again."""
    for key, value in document.items():
        if isinstance(value, list):
            yield from ({key: [one]} for one in value)
        else:
            yield {key: value}


def _mutants(document: Any) -> Iterator[tuple[str, Any]]:
    """Return the document with one thing taken out, put in, or of another type, for every place in it."""
    for at in _places(document):
        for name, value in (("empty", None), ("a flag", True), ("a number", 7), ("a text", "kettle"), ("a list", ["x"]),
                            ("a mapping", {"kettle": 1})):  # fmt: skip
            yield f"{shown(at)} as {name}", _changed(document, at, value)
        yield f"without {shown(at)}", _without(document, at)
        if isinstance(_at(document, at), dict):
            yield f"{shown(at)} with another key", _changed(document, (*at, "kettle"), "on")


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*at, key))


def _at(document: Any, at: tuple[Any, ...]) -> Any:
    for part in at:
        document = document[part]
    return document


def _changed(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    _at(made, at[:-1])[at[-1]] = value
    return made


def _without(document: Any, at: tuple[Any, ...]) -> Any:
    made = copy.deepcopy(document)
    del _at(made, at[:-1])[at[-1]]
    return made


# Everything a blueprint can hold, to be broken at every place.
RICH = """
version: "1"
previews: {generation: manual, expireAfterDays: 3}
services:
  - type: web
    name: api
    runtime: python
    plan: pro plus
    region: ohio
    repo: https://git.test/x
    branch: main
    rootDir: api
    buildCommand: pip install .
    startCommand: primepos serve
    preDeployCommand: primepos release
    initialDeployHook: primepos seed apply initial
    healthCheckPath: /health/
    maxShutdownDelaySeconds: 60
    numInstances: 2
    scaling: {minInstances: 2, maxInstances: 4, targetCPUPercent: 60, targetMemoryPercent: 70}
    domains: [api.shop.test]
    domain: b.shop.test
    disk: {name: d, mountPath: /d, sizeGB: 5}
    image: {url: x/y, creds: {fromRegistryCreds: {name: r}}}
    registryCredential: {fromRegistryCreds: {name: r}}
    dockerCommand: x
    dockerContext: .
    dockerfilePath: Dockerfile
    buildFilter: {paths: [a], ignoredPaths: [b]}
    previews: {generation: manual, plan: starter, numInstances: 1}
    previewPlan: starter
    maintenanceMode: {enabled: false, uri: https://shop.test}
    ipAllowList: [{source: 10.0.0.0/8, description: us}]
    renderSubdomainPolicy: enabled
    autoDeployTrigger: checksPass
    envVars:
      - {key: A, value: x, previewValue: y}
      - {key: B, generateValue: true}
      - {key: C, sync: false}
      - {key: D, fromDatabase: {name: db, property: connectionString}}
      - {key: E, fromService: {type: web, name: api, envVarKey: A}}
      - {key: F, fromService: {type: keyvalue, name: cache, property: host}}
      - {fromGroup: shared}
  - type: cron
    name: nightly
    runtime: python
    schedule: "1 2 * * *"
    startCommand: primepos jobs nightly
    buildCommand: pip install .
    envVars: [{key: A, value: 7}]
  - type: web
    name: site
    runtime: static
    buildCommand: npm run build
    staticPublishPath: ./out
    headers: [{path: /*, name: X-A, value: b}]
    routes: [{type: rewrite, source: /a, destination: /b}]
    previews: {generation: "off"}
  - type: keyvalue
    name: cache
    plan: starter
    ipAllowList: []
    maxmemoryPolicy: noeviction
    persistenceMode: "off"
databases:
  - name: db
    plan: pro-8gb
    databaseName: x
    user: y
    region: ohio
    diskSizeGB: 15
    storageAutoscalingEnabled: true
    connectionPool: pgbouncer
    previewPlan: basic-256mb
    previewDiskSizeGB: 1
    postgresMajorVersion: "17"
    highAvailability: {enabled: true}
    ipAllowList: [{source: 10.0.0.0/8}]
    readReplicas: [{name: db-r}]
envVarGroups:
  - name: shared
    envVars: [{key: G, value: h}, {key: I, generateValue: true}]
projects:
  - name: p
    environments:
      - name: e
        networking: {isolation: enabled}
        permissions: {protection: disabled}
        services: [{type: worker, name: w, runtime: python, startCommand: primepos worker, buildCommand: x}]
ungrouped:
  databases: [{name: other}]
"""


def test_the_rich_blueprint_has_the_shape_that_is_wanted(schema):
    assert schema.is_valid(yaml.safe_load(RICH))
    assert [str(one) for one in shape_findings(parse_blueprint(RICH))] == []


@pytest.mark.parametrize("which", ["ours", "rich"])
def test_whatever_the_schema_refuses_is_refused_here(project, schema, which):
    text = (project / "render.yaml").read_text() if which == "ours" else RICH
    refused, missed = 0, []
    for name, mutant in (each for part in _slices(yaml.safe_load(text)) for each in _mutants(part)):
        if not schema.is_valid(mutant):
            refused += 1
            if not shape_findings(Blueprint(text=text, root=mutant)):
                missed.append(name)
    assert missed == []
    assert refused > 500


def test_every_finding_about_the_shape_belongs_to_a_check():
    text = Path(blueprint_shape.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"RND[0-9]{3}", text)) <= {one.id for one in catalogue()}


# --- the file itself -------------------------------------------------------------------------------------------------


def test_values_keep_their_lines_and_quotes():
    text = 'services:\n  - type: web\n    name: "api"\n    envVars:\n      - key: A\n        value: off\n'
    blueprint = parse_blueprint(text)
    assert blueprint.line(("services", 0, "name")) == 3
    assert blueprint.marks["services", 0, "name"].quoted
    mark = blueprint.marks["services", 0, "envVars", 0, "value"]
    assert (mark.line, mark.text, mark.quoted) == (6, "off", False)
    assert blueprint.line(("services", 0, "plan")) == 2
    assert blueprint.services[0].says["envVars"][0]["value"] is False


def test_a_service_has_what_its_groups_give_and_its_own_wins():
    blueprint = parse_blueprint(RICH)
    given = blueprint.variables(blueprint.services[0])
    assert {name: entry.how for name, entry in given.items()} == {
        "G": "value", "I": "generateValue", "A": "value", "B": "generateValue", "C": "sync", "D": "fromDatabase",
        "E": "fromService", "F": "fromService",
    }  # fmt: skip
    assert given["G"].group == "shared"
    assert [one.name for one in blueprint.services] == ["api", "nightly", "site", "cache", "w"]
    assert [one.name for one in blueprint.databases] == ["db", "other"]


def test_a_merged_mapping_counts_as_written():
    text = "a: &shared\n  plan: starter\nservices:\n  - <<: *shared\n    type: web\n    name: api\n"
    assert parse_blueprint(text).services[0].says == {"plan": "starter", "type": "web", "name": "api"}


def test_a_file_that_is_not_text_is_told_as_such(tmp_path):
    (tmp_path / "render.yaml").write_bytes(b"\xff\xfe\x00")
    assert read_blueprint(tmp_path / "render.yaml").troubles[0].text == "cannot be read: UnicodeDecodeError"


def test_a_pooled_database_is_allowed_where_migrations_go_around_it(project):
    direct = "property: connectionPoolString\n      - key: MIGRATION_DATABASE_URL\n        " + A_DATABASE
    text = blueprint_text(project, ("property: connectionString", direct))
    assert outcomes(with_blueprint(project, text), RND)["RND047"].status is Status.PASS


def test_other_servers_that_listen_rightly_are_let_through(project):
    for command in ("gunicorn app:app --bind 0.0.0.0:$PORT", "uvicorn a:b --host 0.0.0.0 --port ${PORT}",
                    "primepos serve --port $PORT --workers 2"):  # fmt: skip
        text = blueprint_text(project, (START, f"startCommand: {command}"))
        assert outcomes(with_blueprint(project, text), RND)["RND044"].status is Status.PASS, command


FRONTEND = """
  - type: web
    name: shop-frontend
    runtime: node
    region: frankfurt
    plan: starter
    buildCommand: npm ci && npm run build
    startCommand: npm start
    healthCheckPath: /
    autoDeployTrigger: checksPass
    envVars:
      - key: NEXT_PUBLIC_API_URL
        value: https://api.shop.test/api/v1
  - type: pserv
    name: search
    runtime: image
    region: frankfurt
    plan: starter
    image:
      url: docker.io/getmeili/meilisearch:v1.9
    autoDeployTrigger: checksPass
  - type: web
    name: shop-landing
    runtime: static
    buildCommand: npm run build
    staticPublishPath: ./out
"""


def test_other_peoples_programs_may_stand_beside_ours(project, good, schema):
    text = (project / "render.yaml").read_text() + FRONTEND
    assert schema.is_valid(yaml.safe_load(text))
    assert changed(good, outcomes(with_blueprint(project, text), RND)) == {}
    probeless = text.replace("    healthCheckPath: /\n", "")
    assert changed(good, outcomes(with_blueprint(project, probeless), RND)) == {"RND042": Status.FAIL}
    alone = FRONTEND.replace("\n  - type", "services:\n  - type", 1)
    assert outcomes(with_blueprint(project, alone), RND)["RND040"].evidence == "declares no web service"


def test_a_probe_is_asked_for_where_there_is_an_api_to_ask(project):
    from primepos.api.surface import build_surface

    surface = a_target(project, make_surface=build_surface).surface
    for path, status in (("/health/", Status.PASS), ("/health/ready/", Status.PASS), ("/metrics", Status.FAIL),
                         ("/api/v1/sales", Status.FAIL), ("/nowhere", Status.FAIL)):  # fmt: skip
        target = with_blueprint(project, blueprint_text(project, (PROBE, f"healthCheckPath: {path}")))
        target.make_surface = lambda settings: surface
        assert look("RND042", target).status is status, path


def test_a_container_is_judged_by_its_own_command(project):
    in_container = "    runtime: docker\n    dockerCommand: primepos serve --port 8000"
    text = blueprint_text(
        project, ("    runtime: python", in_container), (START, ""), ("buildCommand: pip install .", "")
    )
    after = outcomes(with_blueprint(project, text), RND)
    assert after["RND041"].status is Status.PASS
    assert after["RND044"].evidence == "primepos-api: dockerCommand fixes --port to 8000: leave it to the environment"


@pytest.mark.parametrize("which", ["ours", "rich"])
def test_no_check_breaks_on_a_file_that_is_broken(project, which):
    checks = [one for one in catalogue() if one.area in {Area.RND, Area.ENV} and one.id not in {"ENV024", "ENV025"}]
    text = (project / "render.yaml").read_text() if which == "ours" else RICH
    mutants = list(_mutants(yaml.safe_load(text)))
    # Every place is broken in some way, not every place in every way: all 2500 take half a minute.
    for _, mutant in mutants[:: 23 if which == "ours" else 29]:
        target = with_blueprint(project, yaml.dump(mutant, Dumper=yaml.CSafeDumper))
        for one in checks:
            assert isinstance(one.run(target), Outcome)
