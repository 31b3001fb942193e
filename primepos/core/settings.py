"""Settings: read once, all problems at once, frozen afterwards.

``load_settings(environ=None, *, env_file=None, component="cli")`` returns a ``Settings`` or raises
``BadConfiguration`` (exit 78) that lists everything wrong. Components: serve, release, worker, jobs, migrate, cli,
till, env. Attributes are the variables' names in lower case (``settings.jwt_access_ttl_seconds``), except
``PRIMEPOS_ENV`` = ``environment``, ``PRIMEPOS_DATA_DIR`` = ``data_dir``, ``PRIMEPOS_PG_BIN`` = ``pg_bin``:

    environment: Environment     debug: bool                 data_dir: Path            pg_bin: Path | None
    secret_key: Secret           secret_key_fallbacks: tuple[Secret, ...]              pin_pepper, backup_key: Secret
    field_encryption_keys: tuple[Secret, ...]
    allowed_hosts, cors_allowed_origins, csrf_trusted_origins: tuple[str, ...]
    public_base_url, frontend_url: str                       hsts_seconds: int, hsts_include_subdomains, hsts_preload
    database_url: Secret | None (None = run the embedded database), migration_database_url: Secret | None
    db_sslmode: SslMode          db_pool_size, db_max_overflow, db_statement_timeout_ms, db_lock_timeout_ms: int
    db_prepared_statements: bool
    jwt_secret_key: Secret       jwt_secret_key_fallbacks    jwt_access_ttl_seconds, jwt_refresh_ttl_seconds: int
    jwt_issuer, jwt_audience     registration: Registration
    rate_limit_login, rate_limit_api: RateLimit(count, window_s)                       rate_limit_store
    log_level: LogLevel          log_format: LogFormat
    email_backend, email_host, email_port, email_host_user, email_host_password, email_use_tls, email_use_ssl,
    default_from_email           sentry_dsn: Secret | None, sentry_traces_sample_rate: float
    metrics_token: Secret | None otel_exporter_otlp_endpoint, otel_exporter_otlp_headers, otel_service_name
    aws_access_key_id, aws_secret_access_key: Secret | None, aws_storage_bucket_name, aws_s3_region_name,
    aws_s3_endpoint_url          port: int, host: str, web_concurrency: int, trusted_proxies: tuple[str, ...],
    graceful_timeout_seconds: int
    platform: Platform(on_render, external_hostname, release, instance, service)
    findings: tuple[Problem, ...] (what is unwise but does not stop a start), sources: name -> where it came from

``Secret.reveal()`` gives the text; printing one shows stars. Properties: ``is_production``,
``uses_embedded_database``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from primepos.core.database_url import DEFAULT_PORT, DatabaseAddress, parse_database_url
from primepos.core.errors import BadConfiguration
from primepos.core.settings_keys import derive_key, development_keys, write_shop_env
from primepos.core.settings_registry import ALIASES, BY_NAME, COMPONENT_GROUPS, REGISTRY, Variable
from primepos.core.settings_rules import EXAMPLE_HOSTS, Facts, Problem, Severity, clean_text
from primepos.core.settings_sources import Gathered, Platform, default_data_dir, gather
from primepos.core.settings_types import (
    EmailBackend,
    Environment,
    LogFormat,
    LogLevel,
    RateLimit,
    RateLimitStore,
    Registration,
    Secret,
    SslMode,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

__all__ = [
    "BadEnvironment", "EmailBackend", "Environment", "Examination", "LogFormat", "LogLevel", "Platform", "RateLimit",
    "RateLimitStore", "Registration", "Secret", "Settings", "SslMode", "default_data_dir", "examine", "load_settings",
    "write_shop_env",
]  # fmt: skip

MISSING_HEADING = "mode missing required ENV variables"
INVALID_HEADING = "Invalid ENV variables"

_DB_PARTS = ("DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST")
_JWT_PURPOSE = "primepos access tokens"
# Read into by gather() before anything else is.
_DECIDED_EARLY = frozenset({"PRIMEPOS_ENV", "PRIMEPOS_DATA_DIR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a process, typed; the module's docstring lists them."""

    environment: Environment
    debug: bool
    data_dir: Path
    pg_bin: Path | None
    secret_key: Secret
    secret_key_fallbacks: tuple[Secret, ...]
    pin_pepper: Secret
    backup_key: Secret
    field_encryption_keys: tuple[Secret, ...]
    allowed_hosts: tuple[str, ...]
    cors_allowed_origins: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    public_base_url: str
    frontend_url: str
    hsts_seconds: int
    hsts_include_subdomains: bool
    hsts_preload: bool
    database_url: Secret | None
    db_sslmode: SslMode
    db_pool_size: int
    db_max_overflow: int
    db_statement_timeout_ms: int
    db_lock_timeout_ms: int
    db_prepared_statements: bool
    migration_database_url: Secret | None
    jwt_secret_key: Secret
    jwt_secret_key_fallbacks: tuple[Secret, ...]
    jwt_access_ttl_seconds: int
    jwt_refresh_ttl_seconds: int
    jwt_issuer: str
    jwt_audience: str
    registration: Registration
    rate_limit_login: RateLimit
    rate_limit_api: RateLimit
    rate_limit_store: RateLimitStore
    log_level: LogLevel
    log_format: LogFormat
    email_backend: EmailBackend
    email_host: str | None
    email_port: int
    email_host_user: str | None
    email_host_password: Secret | None
    email_use_tls: bool
    email_use_ssl: bool
    default_from_email: str
    sentry_dsn: Secret | None
    sentry_traces_sample_rate: float
    metrics_token: Secret | None
    otel_exporter_otlp_endpoint: str | None
    otel_exporter_otlp_headers: Secret | None
    otel_service_name: str
    aws_access_key_id: Secret | None
    aws_secret_access_key: Secret | None
    aws_storage_bucket_name: str | None
    aws_s3_region_name: str | None
    aws_s3_endpoint_url: str | None
    port: int
    host: str
    web_concurrency: int
    trusted_proxies: tuple[str, ...]
    graceful_timeout_seconds: int
    platform: Platform = field(default_factory=Platform)
    findings: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_production(self) -> bool:
        """Whether this is the strictest environment."""
        return self.environment is Environment.PRODUCTION

    @property
    def uses_embedded_database(self) -> bool:
        """Whether PrimePOS runs its own PostgreSQL for this process."""
        return self.database_url is None


class BadEnvironment(BadConfiguration):
    """The environment's variables are not fit; ``problems`` lists all of them, what is missing first.

    ``message`` is the heading alone, ``str()`` the heading and a line for each problem.
    """

    hint = "`primepos env explain NAME` tells about one variable, `primepos env generate NAME` makes a secret."

    def __init__(self, environment: Environment, found: Iterable[Problem]) -> None:
        ordered = sorted(found, key=lambda problem: not problem.missing)
        missing = any(problem.missing for problem in ordered)
        heading = f"{environment.value.capitalize()} {MISSING_HEADING}" if missing else INVALID_HEADING
        super().__init__(heading, problems=[problem.as_dict() for problem in ordered])

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {one['field']}: {one['problem']}" for one in self.data["problems"])])


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything found out about an environment, fit or not: what ``primepos env`` and the deploy gate look at.

    ``raw`` holds the texts that were set (secrets included: never print it), ``sources`` where each came from,
    ``unknown`` the other names that were seen, ``values`` what was made of the texts.
    """

    environment: Environment
    component: str
    raw: Mapping[str, str]
    sources: Mapping[str, str]
    unknown: tuple[str, ...]
    values: Mapping[str, Any]
    platform: Platform
    problems: tuple[Problem, ...]

    @property
    def fatal(self) -> tuple[Problem, ...]:
        """The problems that stop a start."""
        return tuple(problem for problem in self.problems if problem.fatal)

    def settings(self) -> Settings:
        """Return the frozen settings; meaningful only when nothing is fatal."""
        names = {one.name for one in fields(Settings)}
        chosen = {one.field_name: self.values[one.name] for one in REGISTRY if one.field_name in names}
        return Settings(**chosen, platform=self.platform, findings=self.problems, sources=self.sources)


def load_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = None, component: str = "cli"
) -> Settings:
    """Read the settings that ``component`` needs.

    ``environ`` stands for the process's variables (None reads them); a file named by ``env_file`` fills in what is
    not set there. In development and test the keys that are missing are made once per data directory (mode 0600).
    Raises BadConfiguration with every problem at once.
    """
    found = examine(environ, env_file=env_file, component=component)
    if found.fatal:
        raise BadEnvironment(found.environment, found.fatal)
    return found.settings()


def examine(
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = None,
    component: str = "cli",
    make_keys: bool = True,
) -> Examination:
    """Look at an environment and judge it without refusing it.

    ``make_keys=False`` writes nothing: development keys that do not exist yet get a throw-away value.
    Raises BadConfiguration only for a file that cannot be read or written.
    """
    gathered = gather(environ, env_file)
    groups = COMPONENT_GROUPS[component]
    environment, platform = gathered.environment, gathered.platform
    raw, sources = gathered.raw, gathered.sources
    problems = [*gathered.problems, *_resolve_aliases(raw, sources)]
    values, unreadable = _parse(raw)
    values["PRIMEPOS_ENV"], values["PRIMEPOS_DATA_DIR"] = environment, gathered.data_dir
    _fill_defaults(values, environment)
    problems += (
        Problem(
            name, BY_NAME[name].format_rule, BY_NAME[name].format_severity, text, fatal=BY_NAME[name].group in groups
        )
        for name, text in unreadable.items()
    )
    problems += _database_from_parts(raw, values, sources)
    _fill_derived(values, sources, gathered, make_keys=make_keys)
    facts = Facts(environment, platform.on_render, raw, values)
    problems += _missing(facts, groups, {problem.variable for problem in problems})
    problems += _judge(facts, groups, unreadable)
    problems += _untidy(facts, groups, {problem.variable for problem in problems})
    _complete(values)
    return Examination(
        environment=environment, component=component, raw=raw, sources=sources, unknown=gathered.unknown,
        values=values, platform=platform, problems=tuple(problems),
    )  # fmt: skip


def _resolve_aliases(raw: dict[str, str], sources: dict[str, str]) -> list[Problem]:
    """Move the text of an old name to the new one; both set and different is a problem."""
    problems = []
    for alias, name in ALIASES.items():
        if alias not in raw:
            continue
        text, source = raw.pop(alias), sources.pop(alias)
        if name not in raw:
            raw[name], sources[name] = text, f"{source} ({alias})"
        elif raw[name].strip().upper() != text.strip().upper():
            told = f"and its old name {alias} disagree ({raw[name]!r}, {text!r}): remove {alias}"
            problems.append(Problem(name, "ENV019", Severity.MEDIUM, told))
    return problems


def _parse(raw: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Make values of the texts that were set; return them and what is wrong with those that cannot be read."""
    texts = {name: text for name, text in raw.items() if name not in _DECIDED_EARLY}
    if not texts:
        return {}, {}
    # environs brings marshmallow: as much start-up time as the whole `--help`, so a process that relies on
    # defaults alone (a demo, a price calculation, a fresh checkout) does not load it.
    from primepos.core.settings_environs import parse_all

    return parse_all(texts)


def _fill_defaults(values: dict[str, Any], environment: Environment) -> None:
    for name, value in _defaults(environment).items():
        values.setdefault(name, value)


@cache
def _defaults(environment: Environment) -> Mapping[str, Any]:
    """Return the value of every variable that was not set; None where there is no default."""
    found: dict[str, Any] = {}
    for variable in REGISTRY:
        text = variable.default_in(environment)
        found[variable.name] = None if text is None else _default(variable, text)
    return found


def _default(variable: Variable, text: str) -> object:
    if text or variable.kind.startswith("list"):
        return variable.parse(text)
    return None


def _database_from_parts(raw: Mapping[str, str], values: dict[str, Any], sources: dict[str, str]) -> list[Problem]:
    """Build DATABASE_URL from DB_* when it is not set; some parts without the others are a problem."""
    missing = [name for name in _DB_PARTS if values[name] is None]
    if "DATABASE_URL" in raw or len(missing) == len(_DB_PARTS):
        return []
    if missing:
        told = f"is not set and of its parts {', '.join(missing)} not set either"
        return [Problem("DATABASE_URL", "ENV009", Severity.CRITICAL, told)]
    address = DatabaseAddress(
        values["DB_USER"],
        values["DB_PASSWORD"],
        values["DB_HOST"],
        values["DB_PORT"] or DEFAULT_PORT,
        values["DB_NAME"],
    )
    values["DATABASE_URL"] = Secret(address.url())
    sources["DATABASE_URL"] = "built from DB_*"
    return []


def _fill_derived(values: dict[str, Any], sources: dict[str, str], gathered: Gathered, *, make_keys: bool) -> None:
    """Work out what follows from other settings."""
    environment = gathered.environment
    if environment.generates_keys:
        for name, text in _generated(gathered, values, make=make_keys).items():
            values[name] = BY_NAME[name].parse(text)
            sources[name] = "generated"
        if values["JWT_SECRET_KEY"] is None:
            values["JWT_SECRET_KEY"] = Secret(derive_key(values["SECRET_KEY"].reveal(), _JWT_PURPOSE))
            sources["JWT_SECRET_KEY"] = "derived from SECRET_KEY"  # noqa: S105 - where it came from, not what it is
    platform = gathered.platform
    hosts: tuple[str, ...] = values["ALLOWED_HOSTS"]
    if platform.external_hostname and platform.external_hostname not in hosts:
        values["ALLOWED_HOSTS"] = hosts = (*hosts, platform.external_hostname)
    if values["HOST"] is None:
        values["HOST"] = "0.0.0.0" if platform.on_render else "127.0.0.1"  # noqa: S104 - Render's router is outside
    if values["CSRF_TRUSTED_ORIGINS"] is None:
        values["CSRF_TRUSTED_ORIGINS"] = values["CORS_ALLOWED_ORIGINS"]
    if values["PUBLIC_BASE_URL"] is None:
        values["PUBLIC_BASE_URL"] = f"https://{hosts[0]}" if hosts else ""
    if values["FRONTEND_URL"] is None:
        values["FRONTEND_URL"] = next(iter(values["CORS_ALLOWED_ORIGINS"]), values["PUBLIC_BASE_URL"])


def _generated(gathered: Gathered, values: Mapping[str, Any], *, make: bool) -> dict[str, str]:
    """Return generated keys for those that are not set."""
    made = development_keys(gathered.data_dir, make=make)
    return {name: text for name, text in made.items() if not values[name]}


def _missing(facts: Facts, groups: Collection[str], bad: Collection[str]) -> list[Problem]:
    """Name the variables that this environment requires and nobody gave."""
    problems = []
    for variable in REGISTRY:
        if facts.environment not in variable.required_in or variable.group not in groups or variable.name in bad:
            continue
        # A list of commas is set and yet holds nothing.
        held = facts.values[variable.name] not in {None, ()}
        if held and (facts.is_set(variable.name) or variable.name == "DATABASE_URL"):
            continue
        told = f"is required. {variable.help} Rule: {variable.rule or variable.kind}."
        if facts.environment is Environment.SHOP:
            told += " Run `primepos init` to make it."
        problems.append(Problem(variable.name, variable.presence_rule, Severity.CRITICAL, told, missing=True))
    return problems


def _judge(facts: Facts, groups: Collection[str], unreadable: Collection[str]) -> list[Problem]:
    """Apply every rule that holds here; in staging production's rules are shown without stopping a start."""
    problems = []
    for variable in REGISTRY:
        if variable.group not in groups or variable.name in unreadable:
            continue
        value = facts.values[variable.name]
        for rule in variable.rules:
            staged = facts.environment is Environment.STAGING and facts.environment not in rule.environments
            if not staged and facts.environment not in rule.environments:
                continue
            if value is None and not rule.judges_absence:
                continue
            if text := rule.check(value, facts):
                fatal = rule.fatal and not staged
                problems.append(Problem(variable.name, rule.id, rule.severity, text, fatal=fatal))
    return problems


def _untidy(facts: Facts, groups: Collection[str], bad: Collection[str]) -> list[Problem]:
    """ENV026: quotes and blanks around a value, and the host names of documentation anywhere in it."""
    problems = []
    for name, text in facts.raw.items():
        variable = BY_NAME[name]
        if variable.group not in groups or name in bad:
            continue
        told = clean_text(text)
        if told is None and facts.environment in {Environment.STAGING, Environment.PRODUCTION}:
            told = next((f"holds the placeholder {host}" for host in EXAMPLE_HOSTS if host in text.lower()), None)
        if told:
            fatal = facts.environment is Environment.PRODUCTION
            problems.append(Problem(name, "ENV026", Severity.HIGH, told, fatal=fatal))
    return problems


def _complete(values: dict[str, Any]) -> None:
    """Bring values into the shape that programs use, once the rules have seen them as they were given."""
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        if values[name] is None:
            continue
        try:
            address = parse_database_url(values[name].reveal())
        except ValueError:
            continue
        if values["DB_SSLMODE"] is not SslMode.PREFER:
            address = address.with_option("sslmode", values["DB_SSLMODE"].value)
        values[name] = Secret(address.url())
    if values["MIGRATION_DATABASE_URL"] is None:
        values["MIGRATION_DATABASE_URL"] = values["DATABASE_URL"]
    for variable in REGISTRY:
        # A component that does not need a key (migrate) runs without it; whoever signs refuses an empty one.
        if variable.secret and variable.required_in and values[variable.name] is None and variable.group != "Database":
            values[variable.name] = Secret("")
