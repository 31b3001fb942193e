"""The checks of the environment: each sees its own fault, and no other check minds it."""

from __future__ import annotations

import re

import pytest

from primepos.core.settings_registry import BY_NAME, REGISTRY
from primepos.deploy.check import Area, Status, catalogue
from tests.deploy.mutation import FINE, OF_FILES, changed, outcomes, with_blueprint
from tests.deploy.world import GOOD_ENVIRONMENT, a_project, a_target, git, look

KEY = GOOD_ENVIRONMENT["SECRET_KEY"]
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_STORAGE_BUCKET_NAME": "receipts",
    "AWS_S3_REGION_NAME": "eu-central-1",
}  # fmt: skip
PARTS = {
    "DB_NAME": "primepos", "DB_USER": "primepos", "DB_PASSWORD": "dWk3LqZ8vXn5RtY2", "DB_HOST": "dpg-c0ffee-a",
}  # fmt: skip
DATABASE = {"ENV010": "skipped", "ENV011": "skipped", "ENV012": "skipped", "ENV013": "skipped"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return a_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def good(project):
    return outcomes(a_target(project))


def test_the_good_deployment_passes_every_static_check(good):
    assert {name: one.evidence for name, one in good.items() if one.status not in FINE | {Status.SKIPPED}} == {}
    assert {name for name, one in good.items() if one.status is Status.SKIPPED} <= {"FE065", "OPS075"}


# id, what is broken, what the evidence says, and the other checks that change with it.
BROKEN: list[tuple[str, dict[str, str | None], str, dict[str, str]]] = [
    ("ENV001", {"SECRET_KEY": None}, "SECRET_KEY is not set", {"ENV002": "skipped"}),
    ("ENV001", {"SECRET_KEY": ""}, "SECRET_KEY is not set", {"ENV002": "skipped"}),
    ("ENV002", {"SECRET_KEY": KEY[:44]}, "has 44 characters, needs 50 (Render's generateValue makes 44", {}),
    ("ENV002", {"SECRET_KEY": KEY[:49]}, "has 49 characters", {}),
    ("ENV002", {"SECRET_KEY": "abcd" * 15}, "has 4 distinct characters, needs 5", {}),
    ("ENV002", {"SECRET_KEY": "django-insecure-" + KEY}, "starts like a placeholder (django-insecure-...)", {}),
    ("ENV002", {"SECRET_KEY": "change-me-" + KEY}, "starts like a placeholder (change-me...)", {}),
    ("ENV002", {"SECRET_KEY": "<generate>" + KEY}, "starts like a placeholder (<...)", {}),
    ("ENV002", {"SECRET_KEY": KEY + "\udcff"}, "is not valid UTF-8", {}),
    ("ENV003", {"SECRET_KEY_FALLBACKS": KEY[:20]}, "key 1 has 20 characters", {}),
    ("ENV003", {"SECRET_KEY_FALLBACKS": ",".join([KEY + "1", KEY + "2", KEY + "3"])}, "has 3 keys, at most 2", {}),
    ("ENV003", {"SECRET_KEY_FALLBACKS": f"{KEY}1,{'ab' * 30}"}, "key 2 has 2 distinct", {}),
    ("ENV004", {"DEBUG": "True"}, "must be False in production", {}),
    ("ENV004", {"DEBUG": "1"}, "must be False in production", {}),
    ("ENV004", {"DEBUG": "perhaps"}, "'perhaps' is neither true", {}),
    ("ENV005", {"PRIMEPOS_ENV": None}, "is not set (production was inferred", {}),
    ("ENV005", {"PRIMEPOS_ENV": None, "RENDER": None}, "is not set: judged as production", {}),
    ("ENV005", {"PRIMEPOS_ENV": "prodcution"}, "'prodcution' is none of", {}),
    ("ENV005", {"PRIMEPOS_ENV": "development"}, "is development", {}),
    ("ENV005", {"PRIMEPOS_ENV": "shop", "RENDER": None}, "is shop: judged as production", {}),
    ("ENV006", {"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS is not set",
     {"ENV007": "skipped", "ENV008": "skipped", "ENV030": "fail"}),
    ("ENV006", {"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS is not set",
     {"ENV007": "skipped", "ENV008": "skipped", "ENV030": "fail", "FE060": "fail"}),
    *(("ENV007", {"ALLOWED_HOSTS": f"api.brightfruit.shop,primepos-api.onrender.com,{item}"}, told, {})
      for item, told in (
        ("*", "'*' is a wildcard"), ("*.brightfruit.shop", "is a wildcard"),
        ("https://pos.brightfruit.shop", "has a scheme or path"), ("pos.shop.test:8000", "has a port"),
        ("pos.shop.test/api", "has a scheme or path"), ("localhost", "is a local name"),
        ("10.1.2.3", "is a local name or an address"), ("[::1]", "is a local name or an address"),
        ("api.yourdomain.com", "is a placeholder"), ("shop_.test", "is not a host name"))),
    ("ENV008", {"ALLOWED_HOSTS": "pos.brightfruit.shop,primepos-api.onrender.com"}, "api.brightfruit.shop is not in",
     {"ENV030": "fail", "FE060": "fail"}),
    ("ENV008", {"ALLOWED_HOSTS": "api.brightfruit.shop"}, "health probes are refused", {}),
    ("ENV009", {"DATABASE_URL": None}, "DATABASE_URL is not set", DATABASE),
    *(("ENV009", {"DATABASE_URL": url}, told, DATABASE) for url, told in (
        ("mysql://u:p@h/d", "does not start with postgresql://"),
        ("postgresql://u:p@h", "database"), ("postgresql://u:p:q@r@h/d", ""),
        ("postgresql://primepos:dWk3LqZ8vXn5RtY2@/primepos", "host"),
        ("postgresql://dpg-c0ffee-a/primepos", "has no user"))),
    ("ENV009", {"DATABASE_URL": None, "DB_NAME": "primepos"}, "of its parts DB_USER, DB_PASSWORD, DB_HOST not set",
     DATABASE),
    *(("ENV010", {"DATABASE_URL": f"postgresql://primepos:dWk3LqZ8vXn5RtY2@{host}/primepos"}, told, {})
      for host, told in (
        ("localhost", "points at this machine (localhost)"), ("127.0.0.1", "points at this machine"),
        ("[::1]", "points at this machine"), ("db.example.com", "placeholder host"))),
    ("ENV011", {"DB_HOST": "dpg-other-a"}, "disagrees with DB_HOST", {}),
    ("ENV011", {**PARTS, "DB_PASSWORD": "another1another1"}, "disagrees with DB_PASSWORD", {}),
    ("ENV012", {"DATABASE_URL": "postgresql://primepos:dWk3LqZ8@dpg-c0ffee-a/primepos"}, "of 8 characters", {}),
    ("ENV012", {"DATABASE_URL": "postgresql://primepos:postgres@dpg-c0ffee-a/primepos"}, "default password", {}),
    ("ENV013", {"DATABASE_URL": "postgresql://primepos:dWk3LqZ8vXn5RtY2@db.brightfruit.shop/primepos",
                "DB_SSLMODE": None}, "db.brightfruit.shop with sslmode prefer", {}),
    ("ENV014", {"CORS_ALLOWED_ORIGINS": None}, "CORS_ALLOWED_ORIGINS is not set",
     {"ENV015": "skipped", "ENV030": "fail", "FE063": "fail"}),
    *(("ENV014", {"CORS_ALLOWED_ORIGINS": f"https://tills.brightfruit.shop,{item}"}, told,
       {"ENV015": "skipped", "ENV030": "fail", "FE063": "fail"}) for item, told in (
        ("*", "'*' is not an origin"), ("null", "'null' is not an origin"), ("https://a.shop.test/", "more than"),
        ("https://*.vercel.app", "wildcard"))),
    *(("ENV015", {"CORS_ALLOWED_ORIGINS": f"https://tills.brightfruit.shop,{item}"}, told, {})
      for item, told in (
        ("http://tills.brightfruit.shop", "is not https"), ("https://localhost:3000", "is this machine"),
        ("https://vercel.app", "is a placeholder"), ("https://yourdomain.com", "placeholder"))),
    ("ENV016", {"JWT_SECRET_KEY": None}, "JWT_SECRET_KEY is not set", {"ENV017": "skipped"}),
    ("ENV016", {"JWT_SECRET_KEY": KEY[:31]}, "has 31 bytes, needs 32", {"ENV017": "skipped"}),
    ("ENV016", {"JWT_SECRET_KEY_FALLBACKS": KEY[:31]}, "JWT_SECRET_KEY_FALLBACKS key 1 has 31 bytes",
     {"ENV017": "skipped"}),
    ("ENV017", {"JWT_SECRET_KEY": KEY}, "is the same as SECRET_KEY", {}),
    ("ENV018", {"JWT_ACCESS_TTL_SECONDS": "3601"}, "is 3601 s, at most 3600", {}),
    ("ENV018", {"JWT_REFRESH_TTL_SECONDS": "604801"}, "is 604801 s, at most 604800", {}),
    ("ENV018", {"JWT_REFRESH_TTL_SECONDS": "3600"}, "not longer than the access token's 3600 s", {}),
    ("ENV019", {"LOG_LEVEL": "DEBUG"}, "is DEBUG: use INFO", {}),
    ("ENV019", {"LOG_LEVEL": "loud"}, "'loud' is none of", {}),
    ("ENV019", {"LOGS_LEVEL": "ERROR"}, "its old name LOGS_LEVEL disagree", {}),
    ("ENV020", {"EMAIL_HOST": None}, "is smtp but EMAIL_HOST not set", {}),
    ("ENV020", {"EMAIL_HOST_PASSWORD": None}, "EMAIL_HOST_PASSWORD not set", {}),
    ("ENV020", {"EMAIL_BACKEND": "console"}, "is console: mails would be lost", {}),
    ("ENV020", {"EMAIL_USE_SSL": "True"}, "are both on", {}),
    ("ENV020", {"EMAIL_PORT": "465"}, "that port speaks TLS from the first byte", {}),
    ("ENV020", {"EMAIL_HOST_USER": "apikey"}, "does not start with 'SG.'", {}),
    ("ENV020", {"EMAIL_BACKEND": None}, "no mail can be sent", {}),
    ("ENV021", {"SENTRY_DSN": None}, "is not set: errors of this server", {"OPS073": "fail"}),
    ("ENV021", {"SENTRY_DSN": "http://0123456789abcdef@o1.ingest.sentry.io/42"}, "is not https", {"OPS073": "fail"}),
    ("ENV021", {"SENTRY_DSN": "https://o1.ingest.sentry.io/42"}, "has no key or no project", {"OPS073": "fail"}),
    ("ENV021", {"SENTRY_DSN": "https://0123456789abcdef@o1.ingest.sentry.io/"}, "no project", {"OPS073": "fail"}),
    ("ENV022", {"AWS_STORAGE_BUCKET_NAME": "receipts"}, "storage is half configured", {}),
    ("ENV022", {**AWS, "AWS_S3_REGION_NAME": "the moon"}, "does not look like a region", {}),
    ("ENV023", {"DATABAS_URL": "x"}, "DATABAS_URL is no setting; did you mean DATABASE_URL?", {}),
    ("ENV023", {"PRIMEPOS_COLOUR": "red"}, "PRIMEPOS_COLOUR is no setting of this version", {}),
    ("ENV026", {"METRICS_TOKEN": f'"{GOOD_ENVIRONMENT["METRICS_TOKEN"]}"'}, "METRICS_TOKEN has quotes around it", {}),
    ("ENV026", {"JWT_ISSUER": " primepos"}, "JWT_ISSUER has spaces", {}),
    ("ENV026", {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://otel.yourdomain.com"}, "holds the placeholder", {}),
    ("ENV026", {"DB_POOL_SIZE": "many"}, "'many' is not a whole number", {}),
    ("ENV027", {"PORT": "ten"}, "PORT 'ten' is not a whole number", {}),
    ("ENV027", {"HOST": "127.0.0.1"}, "on Render listen on 0.0.0.0", {}),
    ("ENV028", {"TRUSTED_PROXIES": "*,render"}, "every client can forge its address", {}),
    ("ENV028", {"TRUSTED_PROXIES": "10.0.0.0/8"}, "does not hold 'render'", {}),
    ("ENV028", {"TRUSTED_PROXIES": None}, "does not hold 'render'", {}),
    ("ENV029", {"PIN_PEPPER": None}, "PIN_PEPPER is not set", {}),
    ("ENV029", {"BACKUP_KEY": "short"}, "BACKUP_KEY has 5 bytes, needs 32", {}),
    ("ENV029", {"METRICS_TOKEN": "M8tR5kW2zQ9x"}, "METRICS_TOKEN has 12 characters, needs 32", {}),
    ("ENV030", {"PUBLIC_BASE_URL": "https://pos.brightfruit.shop"}, "which is not in ALLOWED_HOSTS", {}),
    ("ENV030", {"PUBLIC_BASE_URL": "http://api.brightfruit.shop"}, "PUBLIC_BASE_URL is not https", {}),
    ("ENV031", {"RATE_LIMIT_STORE": "memory", "WEB_CONCURRENCY": "2"}, "each process would count for itself", {}),
]  # fmt: skip


def _named(row: object) -> str:
    return row if isinstance(row, str) and re.fullmatch(r"[A-Z]+[0-9]+", row) else ""


@pytest.mark.parametrize(("check_id", "change", "told", "also"), BROKEN, ids=_named)
def test_a_fault_is_seen_by_its_check_and_no_other(project, good, check_id, change, told, also):
    after = outcomes(a_target(project, change))
    wanted = {check_id: "fail", **also}
    # What it was already is no change: a key that rotates out, for one, had nothing to judge before.
    assert changed(good, after) == wanted
    assert told in after[check_id].evidence
    for name in wanted:
        _shows_no_secret(after[name].evidence, change)


def _shows_no_secret(evidence: str, change: dict[str, str | None]) -> None:
    held = {name: text for name, text in {**GOOD_ENVIRONMENT, **change}.items() if text}
    for name, text in held.items():
        if name in BY_NAME and BY_NAME[name].secret and len(text) > 12:
            assert text not in evidence, name
            assert text[-12:] not in evidence or "://" in text, name


def test_every_check_of_the_environment_has_a_row():
    rows = {check_id for check_id, *_ in BROKEN} | OF_FILES
    assert {one.id for one in catalogue() if one.id.startswith("ENV")} <= rows


def test_an_empty_production_environment_fails_all_that_it_should(project):
    empty = outcomes(a_target(project, dict.fromkeys(GOOD_ENVIRONMENT)))
    failing = {name: one.severity for name, one in empty.items() if one.status is Status.FAIL}
    assert failing.keys() >= {
        "ENV001", "ENV005", "ENV006", "ENV009", "ENV014", "ENV016", "ENV020", "ENV021", "ENV029", "OPS073",
    }  # fmt: skip
    assert {name for name, severity in failing.items() if severity == "critical"} >= {
        "ENV001", "ENV005", "ENV006", "ENV009", "ENV014", "ENV016",
    }  # fmt: skip
    on_render = outcomes(a_target(project, {**dict.fromkeys(GOOD_ENVIRONMENT), "RENDER": "true"}))
    assert {name for name, one in on_render.items() if one.status is Status.FAIL} >= {*failing, "ENV028"}


ODD = ["\n", "%%%", "-1", "http://[", "postgresql://[::1", "\udcff", "a" * 5000, ",,,", "\x00", "1e9"]


@pytest.mark.parametrize("text", ODD, ids=[ascii(text)[:12] for text in ODD])
def test_no_check_breaks_on_a_value_that_is_odd(project, text):
    checks = [one for one in catalogue() if one.area is Area.ENV and one.id not in OF_FILES]
    secret = [name for name in BY_NAME if BY_NAME[name].secret]
    for names in (list(BY_NAME), [name for name in BY_NAME if name not in secret], secret):
        target = a_target(project, {name: text for name in names if name != "PRIMEPOS_DATA_DIR"})
        for one in checks:
            assert one.run(target).status in {Status.PASS, Status.FAIL, Status.SKIPPED, Status.NOT_APPLICABLE}


def test_staging_is_told_everything_and_nothing_passes_for_being_staging(project):
    bad = {"PRIMEPOS_ENV": "staging", "DEBUG": "True", "ALLOWED_HOSTS": "*,api.brightfruit.shop,x.onrender.com"}
    after = outcomes(a_target(project, bad))
    assert {name for name, one in after.items() if one.status is Status.FAIL} == {"ENV004", "ENV007"}


def test_the_severity_is_that_of_the_finding(project):
    assert look("ENV019", a_target(project, {"LOGS_LEVEL": "ERROR"})).severity == "medium"
    assert look("ENV020", a_target(project, {"EMAIL_BACKEND": None})).severity == "medium"
    assert look("ENV004", a_target(project, {"DEBUG": "perhaps"})).severity == "critical"
    assert look("ENV029", a_target(project, {"PIN_PEPPER": None})).severity == "critical"


def test_a_rule_that_has_nothing_to_judge_says_so(project):
    assert look("ENV003", a_target(project)).status is Status.NOT_APPLICABLE
    assert look("ENV022", a_target(project)).status is Status.NOT_APPLICABLE
    assert look("ENV020", a_target(project, {"EMAIL_BACKEND": "disabled"})).status is Status.NOT_APPLICABLE
    assert look("ENV022", a_target(project, AWS)).status is Status.PASS
    rotating = a_target(project, {"SECRET_KEY_FALLBACKS": KEY + "old"})
    assert look("ENV003", rotating).status is Status.PASS


def test_a_database_given_in_parts_is_judged_like_one_given_whole(project):
    target = a_target(project, {"DATABASE_URL": None, **PARTS})
    assert look("ENV009", target).status is Status.PASS
    short = a_target(project, {"DATABASE_URL": None, **PARTS, "DB_PASSWORD": "short"})
    assert "password of 5 characters" in look("ENV012", short).evidence


def test_a_finding_stands_where_the_variable_is_given(project):
    in_blueprint = look("ENV007", a_target(project, {"ALLOWED_HOSTS": "*,api.brightfruit.shop,x.onrender.com"}))
    (place,) = in_blueprint.places
    lines = (project / "render.yaml").read_text().splitlines()
    assert (place.path, lines[place.line - 1].strip()) == ("render.yaml", "- key: ALLOWED_HOSTS")
    (place,) = look("ENV018", a_target(project, {"JWT_ACCESS_TTL_SECONDS": "9000"})).places
    lines = (project / ".env.example").read_text().splitlines()
    assert (place.path, lines[place.line - 1]) == (".env.example", "# JWT_ACCESS_TTL_SECONDS=3600")


def test_every_rule_that_the_environment_can_break_is_a_check():
    known = {one.id for one in catalogue()}
    assert {rule.id for variable in REGISTRY for rule in variable.rules} <= known
    assert {variable.presence_rule for variable in REGISTRY if variable.required_in} <= known
    assert {variable.format_rule for variable in REGISTRY} <= known


# --- hosts and the platform's domains --------------------------------------------------------------------------------


def test_every_domain_of_the_blueprint_is_an_allowed_host(project):
    text = (
        (project / "render.yaml")
        .read_text()
        .replace(
            "    numInstances: 2\n", "    numInstances: 2\n    domains: [api.brightfruit.shop, shop.brightfruit.shop]\n"
        )
    )
    outcome = look("ENV008", with_blueprint(project, text))
    assert outcome.evidence == "shop.brightfruit.shop is not in ALLOWED_HOSTS"
    assert [place.path for place in outcome.places] == ["render.yaml"]
    covered = {"ALLOWED_HOSTS": "api.brightfruit.shop,shop.brightfruit.shop,x.onrender.com"}
    assert look("ENV008", with_blueprint(project, text, covered)).status is Status.PASS


def test_the_platforms_own_name_of_the_service_lets_probes_in(project):
    own = {"ALLOWED_HOSTS": "api.brightfruit.shop", "RENDER_EXTERNAL_HOSTNAME": "primepos-api.onrender.com"}
    assert look("ENV008", a_target(project, own)).status is Status.PASS


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def scratch(tmp_path):
    return a_project(tmp_path)


def test_an_example_that_lacks_a_name_or_has_one_too_many_is_incomplete(scratch):
    assert look("ENV024", a_target(scratch)).evidence == f"{len(BY_NAME)} names, all of them settings"
    example = scratch / ".env.example"
    example.write_text(example.read_text().replace("# METRICS_TOKEN=", "# METRIC_TOKEN="))
    assert look("ENV024", a_target(scratch)).evidence == "METRICS_TOKEN is missing; METRIC_TOKEN is no setting"
    example.unlink()
    assert look("ENV024", a_target(scratch)).evidence == "there is no .env.example"


def test_the_good_repository_tracks_nothing_secret(project):
    outcome = look("ENV025", a_target(project))
    assert (outcome.status, outcome.places) == (Status.PASS, ()), outcome.evidence


RANDOM = "q7Xw2mLr8Tk4Zp9Vb3Nc6Hd1Yf5Gs0Ja"
SECRETS = [
    (".env", "DEBUG=True\n", ".env is under version control"),
    (".env.production", "SECRET_KEY=x\nNEXT_PUBLIC_API_URL=https://a.test\n", ".env.production is under"),
    ("ops/live.env", "A=1\n", "ops/live.env is under"),
    ("tls/server.key", "x", "tls/server.key is under"),
    ("id_rsa", "x", "id_rsa is under"),
    ("shop.env", "PRIMEPOS_ENV=shop\n", "shop.env is under"),
    ("deploy/config.yaml", f"a: 1\nsecret_key: {RANDOM}\n", "deploy/config.yaml:2 a value of secret_key"),
    (
        "deploy/config.toml",
        f'[db]\nurl = "postgresql://primepos:{RANDOM[:14]}@db/x"\n',
        "config.toml:2 an address with",
    ),
    ("app.json", '{"aws": "AKIAQ3EGV7XZK2LMN5PT"}\n', "app.json:1 an AWS key id"),
    ("app.ini", "x = -----BEGIN RSA PRIVATE KEY-----\n", "app.ini:1 a private key"),
    ("conf.yml", f"comment: {RANDOM}{RANDOM}\n", "conf.yml:1 a random text"),
    ("Dockerfile", f"ENV API_TOKEN={RANDOM}\n", "Dockerfile:1 a value of API_TOKEN"),
    (".npmrc", f"//registry.test/:_authToken={RANDOM}\n", ".npmrc:1 a value of authToken"),
    (".env.example", f"BACKUP_KEY={RANDOM}\n", ".env.example:1 a value of BACKUP_KEY"),
]


@pytest.mark.parametrize(("name", "text", "told"), SECRETS, ids=[name for name, *_ in SECRETS])
def test_a_tracked_secret_is_found_and_not_repeated(scratch, name, text, told):
    (scratch / name).parent.mkdir(parents=True, exist_ok=True)
    (scratch / name).write_text(text)
    assert look("ENV025", a_target(scratch)).status is Status.PASS or name == ".env.example"
    git(scratch, "add", "-f", name)
    outcome = look("ENV025", a_target(scratch))
    assert outcome.status is Status.FAIL
    assert told in outcome.evidence
    assert RANDOM[:14] not in outcome.evidence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env.production", "NEXT_PUBLIC_API_URL=https://api.shop.test/api/v1\n"),
        (".env.sample", "SECRET_KEY=\nDATABASE_URL=postgresql://user:password@host/name\n"),
        ("lock.toml", "hash = sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"),
        ("ci.yml", "secret_key: ${{ secrets.SECRET_KEY_OF_TEST_1 }}\nimage: postgres:16\n"),
        ("config.yaml", "token_url: https://login.shop.test/oauth2/token\npassword: change-me-now-1234567\n"),
    ],
)
def test_what_only_looks_like_a_secret_may_be_tracked(scratch, name, text):
    (scratch / name).write_text(text)
    git(scratch, "add", "-f", name)
    outcome = look("ENV025", a_target(scratch))
    assert outcome.status is Status.PASS, outcome.evidence


def test_without_a_repository_nothing_is_said_about_it(tmp_path):
    assert look("ENV025", a_target(tmp_path)).status is Status.SKIPPED
