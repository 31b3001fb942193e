"""The one list of environment variables: validation, `primepos env`, .env.example, docs and the deploy gate use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from primepos.core import settings_rules as rules
from primepos.core import settings_types as types
from primepos.core.settings_rules import Rule, Severity
from primepos.core.settings_types import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEVELOPMENT, TEST, SHOP = Environment.DEVELOPMENT, Environment.TEST, Environment.SHOP
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION
IN_PRODUCTION = frozenset({PRODUCTION})
IN_SERVICE = frozenset({STAGING, PRODUCTION})
IN_SERVICE_OR_SHOP = frozenset({STAGING, PRODUCTION, SHOP})

CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW

GROUPS = (
    "Environment", "Keys", "Hosts", "Database", "Tokens", "Accounts", "Throttling", "Logging", "E-mail",
    "Observability", "Storage", "Server", "Frontend",
)  # fmt: skip
_ALL = frozenset(GROUPS) - {"Frontend"}
_OPERATIONS = _ALL - {"Hosts", "Server", "Throttling"}
_LOCAL = frozenset({"Environment", "Keys", "Database", "Tokens", "Accounts", "Logging"})

# What each entrance needs: a migration does not fail for a mistyped mail port.
COMPONENT_GROUPS: Mapping[str, frozenset[str]] = {
    "serve": _ALL,
    "release": _ALL,
    "env": _ALL,
    "worker": _OPERATIONS,
    "jobs": _OPERATIONS,
    "migrate": frozenset({"Environment", "Database", "Logging"}),
    "cli": _LOCAL,
    "till": _LOCAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable: how it is read, when it is needed, what its value must satisfy.

    ``default`` is the text used where nothing is given (``defaults`` overrides it per environment); None means that
    ``load_settings`` works the value out or that it may be absent. ``attribute`` is its name on ``Settings``;
    without one it is read by others (a frontend, the platform).
    """

    name: str
    kind: str
    parse: Callable[[str], Any]
    group: str
    help: str
    rule: str = ""
    attribute: str | None = ""
    default: str | None = None
    defaults: Mapping[Environment, str] = field(default_factory=dict)
    default_note: str = ""
    required_in: frozenset[Environment] = frozenset()
    required_when: str = "never"
    rules: tuple[Rule, ...] = ()
    secret: bool = False
    aliases: tuple[str, ...] = ()
    example: str = ""

    @property
    def field_name(self) -> str | None:
        """The attribute of ``Settings`` that holds it, or None."""
        return self.name.lower() if self.attribute == "" else self.attribute

    @property
    def presence_rule(self) -> str:
        """The rule that its absence breaks: the first one it has."""
        return _PRESENCE.get(self.name, self.format_rule)

    @property
    def format_rule(self) -> str:
        """The rule that an unreadable text breaks: its own, else the first one it has, else the general one."""
        return _FORMAT.get(self.name, self.rules[0].id if self.rules else "ENV026")

    @property
    def format_severity(self) -> Severity:
        """How bad an unreadable text is: as bad as breaking the same rule with a readable one."""
        own = [one.severity for one in self.rules if one.id == self.format_rule]
        return Severity.CRITICAL if self.name in _FORMAT_CRITICAL else own[0] if own else Severity.HIGH

    def default_in(self, environment: Environment) -> str | None:
        """Return the text used in ``environment`` when nothing is given."""
        return self.defaults.get(environment, self.default)


_PRESENCE = {"SECRET_KEY": "ENV001", "ALLOWED_HOSTS": "ENV006", "CORS_ALLOWED_ORIGINS": "ENV014"}
_FORMAT = {"CORS_ALLOWED_ORIGINS": "ENV014", "PORT": "ENV027", "HOST": "ENV027"}
_FORMAT_CRITICAL = frozenset({"CORS_ALLOWED_ORIGINS"})


def _service(text: str) -> dict[Environment, str]:
    return {STAGING: text, PRODUCTION: text}


def _one(
    rule_id: str, severity: Severity, check: Callable[[Any, rules.Facts], str | None], *, fatal: bool = True
) -> Rule:
    return Rule(rule_id, severity, check, fatal=fatal)


def _live(
    rule_id: str, severity: Severity, check: Callable[[Any, rules.Facts], str | None], *, fatal: bool = True
) -> Rule:
    return Rule(rule_id, severity, check, fatal=fatal, environments=IN_PRODUCTION)


ENVIRONMENT = (
    Variable(
        name="PRIMEPOS_ENV", attribute="environment", kind="development, test, shop, staging, production",
        parse=types.choice(Environment), group="Environment", default="development",
        required_when="production (RENDER=true without it counts as production)",
        help="Where this process runs; decides how strict the settings are.",
        rule="on Render it is staging or production (ENV005)",
        rules=(_one("ENV005", CRITICAL, rules.environment_fits_platform),
               _live("ENV005", CRITICAL, rules.environment_named, fatal=False)),
    ),
    Variable(
        name="DEBUG", kind="boolean", parse=types.parse_bool, group="Environment", default="False",
        help="Show details of errors to whoever caused them.", rule="strict boolean; off in production (ENV004)",
        rules=(_live("ENV004", CRITICAL, rules.debug_off),), example="True",
    ),
    Variable(
        name="PRIMEPOS_DATA_DIR", attribute="data_dir", kind="path", parse=types.parse_path, group="Environment",
        default_note="the user's data directory",
        help="Where the embedded database, journals and generated keys are kept.", rule="writable",
    ),
    Variable(
        name="PRIMEPOS_PG_BIN", attribute="pg_bin", kind="path", parse=types.parse_path, group="Environment",
        help="Directory of an installed PostgreSQL's programs, instead of the packaged ones.", rule="holds postgres",
    ),
)  # fmt: skip

KEYS = (
    Variable(
        name="SECRET_KEY", kind="text", parse=types.parse_secret, group="Keys", secret=True,
        required_in=IN_SERVICE_OR_SHOP, required_when="production, staging, shop", default_note="generated",
        help="Signs what leaves the server and comes back, and is the root of derived keys.",
        rule="50 characters or more, 5 distinct, no placeholder (ENV001, ENV002)",
        rules=(Rule("ENV002", CRITICAL, rules.strong_secret_key, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="SECRET_KEY_FALLBACKS", kind="list of text", parse=types.parse_secrets, group="Keys", secret=True,
        default="", help="Old secret keys that still verify while a rotation is under way.",
        rule="at most 2, each as strong as SECRET_KEY (ENV003)",
        rules=(Rule("ENV003", HIGH, rules.strong_fallbacks, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="PIN_PEPPER", kind="text", parse=types.parse_secret, group="Keys", secret=True,
        required_in=IN_SERVICE_OR_SHOP, required_when="production, staging, shop", default_note="generated",
        help="Mixed into every staff PIN before it is hashed; losing it means setting every PIN again.",
        rule="32 bytes or more", rules=(Rule("ENV029", HIGH, rules.strong_pepper, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="BACKUP_KEY", kind="text", parse=types.parse_secret, group="Keys", secret=True,
        required_in=IN_SERVICE_OR_SHOP, required_when="production, staging, shop", default_note="generated",
        help="Encrypts backups; keep a copy away from this machine or they cannot be restored.",
        rule="32 bytes or more", rules=(Rule("ENV029", HIGH, rules.strong_pepper, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="FIELD_ENCRYPTION_KEYS", kind="list of base64", parse=types.parse_field_keys, group="Keys", secret=True,
        default="", required_when="fields are stored encrypted", default_note="empty",
        help="Keys of fields that are stored encrypted, newest first.", rule="32 bytes each, in base64",
    ),
)  # fmt: skip

HOSTS = (
    Variable(
        name="ALLOWED_HOSTS", kind="list of hosts", parse=types.parse_names, group="Hosts",
        default="localhost,127.0.0.1,[::1]", defaults=_service(""),
        required_in=IN_PRODUCTION, required_when="production", example="api.shop.test",
        help="Host names this server answers for; RENDER_EXTERNAL_HOSTNAME is added by itself.",
        rule="bare public names: no wildcard, scheme, port, address or placeholder (ENV006, ENV007)",
        rules=(_live("ENV007", HIGH, rules.public_hosts),),
    ),
    Variable(
        name="CORS_ALLOWED_ORIGINS", kind="list of origins", parse=types.parse_origins, group="Hosts",
        default="http://localhost:3000", defaults=_service("") | {SHOP: ""},
        required_in=IN_PRODUCTION, required_when="production", example="https://pos.shop.test",
        help="Web origins whose pages may call the API.", rule="exact https origins (ENV014, ENV015)",
        rules=(_live("ENV015", HIGH, rules.https_origins),),
    ),
    Variable(
        name="CSRF_TRUSTED_ORIGINS", kind="list of origins", parse=types.parse_origins, group="Hosts",
        default_note="CORS_ALLOWED_ORIGINS", required_when="only with cookies",
        help="Origins whose unsafe requests are accepted when cookies are used.",
        rule="a part of CORS_ALLOWED_ORIGINS", rules=(_one("ENV015", HIGH, rules.origins_within_cors),),
    ),
    Variable(
        name="PUBLIC_BASE_URL", kind="origin", parse=types.parse_origin, group="Hosts",
        default="http://localhost:8000", defaults=_service(""), required_when="e-mail links are sent",
        default_note="http://localhost:8000; in production the first allowed host",
        help="Where this API is reached from outside.", rule="https, its host in ALLOWED_HOSTS",
        rules=(_live("ENV030", HIGH, rules.https_url), _live("ENV030", HIGH, rules.host_allowed)),
    ),
    Variable(
        name="FRONTEND_URL", kind="origin", parse=types.parse_origin, group="Hosts",
        default="http://localhost:3000", defaults=_service(""), required_when="e-mail links are sent",
        default_note="http://localhost:3000; in production the first CORS origin",
        help="Where people open the web frontend; links in mails lead there.",
        rule="https, one of CORS_ALLOWED_ORIGINS",
        rules=(_live("ENV030", HIGH, rules.https_url), _live("ENV030", HIGH, rules.origin_allowed)),
    ),
    Variable(
        name="HSTS_SECONDS", kind="integer", parse=types.integer(0, 10**9), group="Hosts", default="0",
        required_when="production, once HTTPS is proven", help="How long browsers insist on HTTPS.",
        rule="31536000 or more in production", rules=(_live("HTTP055", MEDIUM, rules.year_of_hsts, fatal=False),),
    ),
    Variable(
        name="HSTS_INCLUDE_SUBDOMAINS", kind="boolean", parse=types.parse_bool, group="Hosts", default="False",
        help="Whether HSTS holds for every subdomain too.",
    ),
    Variable(
        name="HSTS_PRELOAD", kind="boolean", parse=types.parse_bool, group="Hosts", default="False",
        help="Whether browsers may carry the domain in their built-in HSTS list.",
    ),
)  # fmt: skip

DATABASE = (
    Variable(
        name="DATABASE_URL", kind="PostgreSQL URL", parse=types.parse_secret, group="Database", secret=True,
        required_in=IN_SERVICE, required_when="production and staging, unless all DB_* are set",
        default_note="embedded database in development, test and shop",
        help="Where the books are kept: postgresql://user:password@host:5432/name, reserved characters encoded.",
        rule="postgres:// or postgresql://; not this machine in production (ENV009-ENV013)",
        rules=(_one("ENV009", CRITICAL, rules.well_formed_database_url),
               _live("ENV010", CRITICAL, rules.remote_database),
               _one("ENV011", HIGH, rules.parts_agree),
               _live("ENV012", HIGH, rules.strong_database_password, fatal=False),
               Rule("ENV013", HIGH, rules.encrypted_transport, environments=IN_SERVICE)),
    ),
    *(Variable(
        name=name, kind="text", parse=types.parse_secret if name == "DB_PASSWORD" else types.parse_text,
        attribute=None, group="Database", secret=name == "DB_PASSWORD", help=text,
        required_when="DATABASE_URL is not set", rule="all four or none, and no conflict with DATABASE_URL (ENV011)",
    ) for name, text in (
        ("DB_NAME", "Database name, when there is no DATABASE_URL."),
        ("DB_USER", "Database user, when there is no DATABASE_URL."),
        ("DB_PASSWORD", "Database password as it is, not encoded, when there is no DATABASE_URL."),
        ("DB_HOST", "Database host, when there is no DATABASE_URL."),
    )),
    Variable(
        name="DB_PORT", kind="integer 1-65535", parse=types.integer(1, 65535), attribute=None, group="Database",
        default="5432", help="Database port, when there is no DATABASE_URL.",
    ),
    Variable(
        name="DB_SSLMODE", kind="libpq sslmode", parse=types.choice(types.SslMode), group="Database",
        default="prefer", required_when="the database host is public", help="How far the connection is encrypted.",
        rule="require or stricter for a public host (ENV013)",
    ),
    Variable(
        name="DB_POOL_SIZE", kind="integer", parse=types.integer(1, 500), group="Database", default="5",
        help="Connections each process keeps.", rule="processes x (pool + overflow) within the server's limit",
    ),
    Variable(
        name="DB_MAX_OVERFLOW", kind="integer", parse=types.integer(0, 500), group="Database", default="5",
        help="Connections each process may open beyond the pool.",
    ),
    Variable(
        name="DB_STATEMENT_TIMEOUT_MS", kind="integer", parse=types.integer(100, 60_000), group="Database",
        default="15000", help="Longest statement of a request, in milliseconds.", rule="100-60000",
    ),
    Variable(
        name="DB_LOCK_TIMEOUT_MS", kind="integer", parse=types.integer(100, 60_000), group="Database",
        default="10000", help="Longest wait for a lock, in milliseconds.", rule="100-60000",
    ),
    Variable(
        name="DB_PREPARED_STATEMENTS", kind="boolean", parse=types.parse_bool, group="Database", default="True",
        required_when="behind PgBouncer older than 1.21 (then False)", help="Whether statements are prepared.",
    ),
    Variable(
        name="MIGRATION_DATABASE_URL", kind="PostgreSQL URL", parse=types.parse_secret, group="Database", secret=True,
        default_note="DATABASE_URL", required_when="DATABASE_URL goes through a pool",
        help="Direct connection of the owner role, which migrates.", rule="postgres:// or postgresql:// (ENV009)",
        rules=(_one("ENV009", CRITICAL, rules.well_formed_database_url),
               _live("ENV010", CRITICAL, rules.remote_database),
               Rule("ENV013", HIGH, rules.encrypted_transport, environments=IN_SERVICE)),
    ),
)  # fmt: skip

TOKENS = (
    Variable(
        name="JWT_SECRET_KEY", kind="text", parse=types.parse_secret, group="Tokens", secret=True,
        required_in=IN_SERVICE_OR_SHOP, required_when="production, staging, shop",
        default_note="derived from SECRET_KEY", help="Signs access tokens.",
        rule="32 bytes or more, not SECRET_KEY again (ENV016, ENV017)",
        rules=(Rule("ENV016", CRITICAL, rules.hs256_key, environments=IN_SERVICE_OR_SHOP),
               _live("ENV017", MEDIUM, rules.separate_keys, fatal=False)),
    ),
    Variable(
        name="JWT_SECRET_KEY_FALLBACKS", kind="list of text", parse=types.parse_secrets, group="Tokens", secret=True,
        default="", help="Old signing keys that still verify while a rotation is under way.",
        rule="at most 2, each 32 bytes or more",
        rules=(Rule("ENV016", HIGH, rules.hs256_fallbacks, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="JWT_ACCESS_TTL_SECONDS", kind="integer", parse=types.integer(30, 86_400), group="Tokens",
        default="3600", help="Life of an access token.", rule="3600 at most is advised (ENV018)",
        rules=(_live("ENV018", MEDIUM, rules.short_access, fatal=False),),
    ),
    Variable(
        name="JWT_REFRESH_TTL_SECONDS", kind="integer", parse=types.integer(60, 31_536_000), group="Tokens",
        default="604800", help="Life of a refresh token.",
        rule="longer than the access token; 604800 at most is advised (ENV018)",
        rules=(_one("ENV018", MEDIUM, rules.refresh_outlives_access),
               _live("ENV018", MEDIUM, rules.short_refresh, fatal=False)),
    ),
    Variable(
        name="JWT_ISSUER", kind="text", parse=types.parse_text, group="Tokens", default="primepos",
        help="The iss claim that is written and demanded.",
    ),
    Variable(
        name="JWT_AUDIENCE", kind="text", parse=types.parse_text, group="Tokens", default="primepos",
        help="The aud claim that is written and demanded.",
    ),
)  # fmt: skip

ACCOUNTS = (
    Variable(
        name="REGISTRATION", kind="closed, invite, open", parse=types.choice(types.Registration), group="Accounts",
        default="invite", help="Who may create an account.",
    ),
)  # fmt: skip

THROTTLING = (
    Variable(
        name="RATE_LIMIT_LOGIN", kind="count/unit", parse=types.parse_rate, group="Throttling", default="5/minute",
        help="Failed sign-ins an account may have.", rule="count/second, minute, hour or day",
    ),
    Variable(
        name="RATE_LIMIT_API", kind="count/unit", parse=types.parse_rate, group="Throttling", default="1000/hour",
        help="Requests a user may make.", rule="count/second, minute, hour or day",
    ),
    Variable(
        name="RATE_LIMIT_STORE", kind="database, memory", parse=types.choice(types.RateLimitStore),
        group="Throttling", default="database", required_when="more than one process",
        help="Where throttle counters live.", rule="memory only with one process",
        rules=(Rule("ENV031", HIGH, rules.shared_counters),),
    ),
)  # fmt: skip

LOGGING = (
    Variable(
        name="LOG_LEVEL", kind="DEBUG, INFO, WARNING, ERROR, CRITICAL", parse=types.choice(types.LogLevel),
        group="Logging", default="INFO", defaults={DEVELOPMENT: "DEBUG", TEST: "DEBUG"}, aliases=("LOGS_LEVEL",),
        help="The least severe line that is written.",
        rule="LOGS_LEVEL is an old name for it, disagreement is an error; not DEBUG in production (ENV019)",
        rules=(_live("ENV019", LOW, rules.quiet_log, fatal=False),),
    ),
    Variable(
        name="LOG_FORMAT", kind="json, console", parse=types.choice(types.LogFormat), group="Logging",
        default="console", defaults=_service("json") | {SHOP: "json"}, help="How log lines are written.",
        rule="json in production", rules=(_live("OPS074", MEDIUM, rules.json_log, fatal=False),),
    ),
)  # fmt: skip

EMAIL = (
    Variable(
        name="EMAIL_BACKEND", kind="smtp, console, memory, disabled", parse=types.parse_email_backend,
        group="E-mail", default="console", defaults=_service("disabled") | {SHOP: "disabled"},
        required_when="production, if mail is used", example="smtp",
        help="Where mail goes; Django's dotted paths are understood.",
        rule="smtp is complete; console and memory are refused in production (ENV020)",
        rules=(_one("ENV020", HIGH, rules.complete_email), _live("ENV020", HIGH, rules.real_email),
               _live("ENV020", MEDIUM, rules.email_present, fatal=False)),
    ),
    Variable(
        name="EMAIL_HOST", kind="text", parse=types.parse_host, group="E-mail", required_when="EMAIL_BACKEND=smtp",
        help="Mail server.",
    ),
    Variable(
        name="EMAIL_PORT", kind="integer 1-65535", parse=types.integer(1, 65535), group="E-mail", default="587",
        required_when="EMAIL_BACKEND=smtp", help="Mail server's port.", rule="587 STARTTLS, 465 TLS (ENV020)",
    ),
    Variable(
        name="EMAIL_HOST_USER", kind="text", parse=types.parse_text, group="E-mail",
        required_when="the mail server wants a login", help="Login at the mail server.",
    ),
    Variable(
        name="EMAIL_HOST_PASSWORD", kind="text", parse=types.parse_secret, group="E-mail", secret=True,
        required_when="EMAIL_HOST_USER is set", help="Password at the mail server.",
        rule="starts with SG. for the user apikey (ENV020)", rules=(_one("ENV020", HIGH, rules.sendgrid_password),),
    ),
    Variable(
        name="EMAIL_USE_TLS", kind="boolean", parse=types.parse_bool, group="E-mail", default="True",
        help="Start in plain text and switch to TLS (STARTTLS, port 587).",
    ),
    Variable(
        name="EMAIL_USE_SSL", kind="boolean", parse=types.parse_bool, group="E-mail", default="False",
        help="Speak TLS from the first byte (port 465).", rule="not both (ENV020)",
        rules=(_one("ENV020", HIGH, rules.one_tls_mode),),
    ),
    Variable(
        name="DEFAULT_FROM_EMAIL", kind="e-mail address", parse=types.parse_email, group="E-mail",
        default="dev@localhost", required_when="EMAIL_BACKEND=smtp", help="Sender of every mail.",
        rule="not a placeholder domain (ENV020)", example="PrimePOS <pos@shop.test>",
        rules=(_live("ENV020", HIGH, rules.real_sender),),
    ),
)  # fmt: skip

OBSERVABILITY = (
    Variable(
        name="SENTRY_DSN", kind="https URL", parse=types.parse_secret_url, group="Observability", secret=True,
        required_when="recommended in production", help="Where errors are reported; empty reports none.",
        rule="https, with key and project (ENV021)",
        rules=(_one("ENV021", MEDIUM, rules.sentry_dsn),
               Rule("ENV021", MEDIUM, rules.sentry_present, fatal=False, environments=IN_PRODUCTION,
                    judges_absence=True)),
    ),
    Variable(
        name="SENTRY_TRACES_SAMPLE_RATE", kind="number 0-1", parse=types.parse_fraction, group="Observability",
        default="0", help="Share of requests that are traced.", rule="0.2 at most is advised",
        rules=(_live("ENV021", LOW, rules.modest_sampling, fatal=False),),
    ),
    Variable(
        name="METRICS_TOKEN", kind="text", parse=types.parse_secret, group="Observability", secret=True,
        required_when="metrics are read from another machine", default_note="empty: loopback only",
        help="Bearer token of /metrics.", rule="32 characters or more",
        rules=(Rule("ENV029", HIGH, rules.long_token, environments=IN_SERVICE_OR_SHOP),),
    ),
    Variable(
        name="OTEL_EXPORTER_OTLP_ENDPOINT", kind="URL", parse=types.parse_url, group="Observability",
        help="Where traces are sent; empty sends none.",
    ),
    Variable(
        name="OTEL_EXPORTER_OTLP_HEADERS", kind="text", parse=types.parse_secret, group="Observability", secret=True,
        help="Headers of the trace exporter, which usually hold its key.",
    ),
    Variable(
        name="OTEL_SERVICE_NAME", kind="text", parse=types.parse_text, group="Observability", default="primepos",
        help="Name of this service in traces.",
    ),
)  # fmt: skip

STORAGE = (
    Variable(
        name="AWS_ACCESS_KEY_ID", kind="text", parse=types.parse_secret, group="Storage", secret=True,
        required_when="any AWS_* is set", help="Key id of the bucket that holds uploads.", rule="all four (ENV022)",
        rules=(Rule("ENV022", HIGH, rules.complete_storage, judges_absence=True),),
    ),
    Variable(
        name="AWS_SECRET_ACCESS_KEY", kind="text", parse=types.parse_secret, group="Storage", secret=True,
        required_when="any AWS_* is set", help="Secret of that key.", rule="all four (ENV022)",
    ),
    Variable(
        name="AWS_STORAGE_BUCKET_NAME", kind="text", parse=types.parse_text, group="Storage",
        required_when="any AWS_* is set", help="Bucket that holds uploads.", rule="all four (ENV022)",
    ),
    Variable(
        name="AWS_S3_REGION_NAME", kind="text", parse=types.parse_text, group="Storage",
        required_when="any AWS_* is set", help="Region of the bucket.", rule="all four; a known form (ENV022)",
        example="eu-central-1",
        rules=(_one("ENV022", HIGH, rules.known_region),),
    ),
    Variable(
        name="AWS_S3_ENDPOINT_URL", kind="https URL", parse=types.parse_url, group="Storage",
        help="Address of a store that is not Amazon's.", rule="https in production",
        rules=(_live("ENV022", HIGH, rules.https_url),),
    ),
)  # fmt: skip

SERVER = (
    Variable(
        name="PORT", kind="integer 1-65535", parse=types.integer(1, 65535), group="Server", default="8000",
        required_when="Render sets it", help="Port the API listens on.",
    ),
    Variable(
        name="HOST", kind="address", parse=types.parse_host, group="Server",
        default_note="127.0.0.1; 0.0.0.0 on Render",
        help="Address the API listens on.", rule="0.0.0.0 on Render (ENV027)",
        rules=(_one("ENV027", LOW, rules.open_to_platform, fatal=False),),
    ),
    Variable(
        name="WEB_CONCURRENCY", kind="integer", parse=types.integer(1, 64), group="Server", default="1",
        help="Processes of the API.",
    ),
    Variable(
        name="TRUSTED_PROXIES", kind="list of networks, or render", parse=types.parse_proxies, group="Server",
        default="", required_when="behind a proxy", example="render",
        help="Proxies whose X-Forwarded-For is believed; render is a preset.", rule="never * in production (ENV028)",
        rules=(_live("ENV028", HIGH, rules.careful_proxies), _live("ENV028", HIGH, rules.proxies_named, fatal=False)),
    ),
    Variable(
        name="GRACEFUL_TIMEOUT_SECONDS", kind="integer", parse=types.integer(1, 290), group="Server", default="25",
        help="How long a stopping server finishes requests.", rule="below render.yaml's maxShutdownDelaySeconds",
    ),
)  # fmt: skip

FRONTEND = (
    Variable(
        name="NEXT_PUBLIC_API_URL", kind="https URL", parse=types.parse_url, attribute=None, group="Frontend",
        default="http://localhost:8000/api/v1", required_when="the frontend's production file",
        help="Where the web frontend finds this API; inlined at build, so rebuild to change it.",
        rule="https, ends in /api/v1, host in ALLOWED_HOSTS (FE060)", example="https://api.shop.test/api/v1",
    ),
    Variable(
        name="NEXT_PUBLIC_USE_REAL_API", kind="boolean", parse=types.parse_bool, attribute=None, group="Frontend",
        default="false", required_when="the frontend's production file",
        help="Whether the web frontend calls the API instead of its own sample data.", rule="true (FE061)",
        example="true",
    ),
)  # fmt: skip

REGISTRY: tuple[Variable, ...] = (
    *ENVIRONMENT, *KEYS, *HOSTS, *DATABASE, *TOKENS, *ACCOUNTS, *THROTTLING, *LOGGING, *EMAIL, *OBSERVABILITY,
    *STORAGE, *SERVER, *FRONTEND,
)  # fmt: skip
BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in REGISTRY}
ALIASES: Mapping[str, str] = {alias: variable.name for variable in REGISTRY for alias in variable.aliases}

# Set by the platform, only read: they show up in log lines and decide defaults.
PLATFORM_FACTS: Mapping[str, str] = {
    "RENDER": "true on Render.",
    "RENDER_EXTERNAL_HOSTNAME": "Public host name that Render gave this service.",
    "RENDER_GIT_COMMIT": "Commit this release was built from.",
    "RENDER_INSTANCE_ID": "Which instance of the service this is.",
    "RENDER_SERVICE_NAME": "Name of the service.",
}

# Read by the command line itself, before or beside the settings.
TOOL_VARIABLES: Mapping[str, str] = {
    "PRIMEPOS_TENANT": "Tenant to work in where `--tenant` is not given.",
    "PRIMEPOS_DEBUG": "Any text but 0: show the traceback of an unexpected error.",
    "PRIMEPOS_SHARED_DATA": "Where the tests find test data that is not part of the project.",
}
