"""Rules about the values of settings, each a small function that returns what is wrong or nothing.

``value`` is what the parser made of the variable, ``facts`` the rest of the environment for rules that look at
more than one. The numbers (ENV002) are those of the deploy gate, which runs the same functions.
No sentence repeats a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from primepos.core.database_url import DatabaseAddress, parse_database_url
from primepos.core.settings_types import (
    EmailBackend,
    Environment,
    LogFormat,
    LogLevel,
    RateLimitStore,
    Secret,
    SslMode,
    is_ip_address,
    is_loopback,
    parse_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECRET_KEY_LENGTH = 50
SECRET_KEY_DISTINCT = 5
MAX_FALLBACKS = 2
HS256_KEY_BYTES = 32
DB_PASSWORD_LENGTH = 16
METRICS_TOKEN_LENGTH = 32
MAX_ACCESS_TTL_S = 3600
MAX_REFRESH_TTL_S = 604_800
HSTS_YEAR_S = 31_536_000
MAX_TRACES_RATE = 0.2
STARTTLS_PORT, TLS_PORT = 587, 465

PLACEHOLDERS = (
    "django-insecure-", "change-me", "changeme", "change_me", "replace-me", "replace_me", "your-", "your_", "<",
    "insecure", "example", "placeholder", "secret-key", "todo", "xxx", "primepos-dev-",
)  # fmt: skip
EXAMPLE_HOSTS = ("example.com", "example.org", "example.net", "yourdomain.com", "your-domain.com", "mydomain.com")
DEFAULT_PASSWORDS = frozenset({"postgres", "password", "primepos", "admin", "secret", "changeme", "root"})

_STRICT_SSL = frozenset({SslMode.REQUIRE, SslMode.VERIFY_CA, SslMode.VERIFY_FULL})
_REGION = re.compile(r"(auto|[a-z]{2,3}(-[a-z]+){1,3}-?[0-9]{0,2})")
_DSN_PROJECT = re.compile(r"(/.+)?/[0-9]+")


class Severity(StrEnum):
    """How bad a finding is in the deploy gate."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a rule may look at: the environment, the texts that were set and the values made of them."""

    environment: Environment
    on_render: bool
    raw: Mapping[str, str]
    values: Mapping[str, Any]

    def is_set(self, name: str) -> bool:
        """Whether the variable was given at all (an empty text counts as not given)."""
        return bool(self.raw.get(name))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it hangs on a variable: its number, weight, where it holds and whether it stops a start.

    ``environments`` are those in which breaking it refuses to start when ``fatal``; in staging the others are
    shown as findings only. ``judges_absence`` rules are asked even when there is no value.
    """

    id: str
    severity: Severity
    check: Callable[[Any, Facts], str | None]
    fatal: bool = True
    environments: frozenset[Environment] = frozenset(Environment)
    judges_absence: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one variable. ``missing`` when it is required and was not given."""

    variable: str
    rule: str
    severity: Severity
    text: str
    fatal: bool = True
    missing: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the problem as JSON-ready fields; ``problem`` ends with the rule's number."""
        return {
            "field": self.variable,
            "problem": f"{self.text} [{self.rule}]",
            "rule": self.rule,
            "severity": self.severity.value,
            "missing": self.missing,
        }


def strong_secret_key(value: Secret, facts: Facts) -> str | None:
    """ENV002: at least 50 characters, 5 distinct ones, no placeholder."""
    del facts
    text = value.reveal()
    if placeholder_prefix(text):
        return f"starts like a placeholder ({placeholder_prefix(text)}...)"
    if len(text) < SECRET_KEY_LENGTH:
        return (
            f"has {len(text)} characters, needs {SECRET_KEY_LENGTH} (Render's generateValue makes 44; "
            "use `primepos env generate SECRET_KEY`)"
        )
    if len(set(text)) < SECRET_KEY_DISTINCT:
        return f"has {len(set(text))} distinct characters, needs {SECRET_KEY_DISTINCT}"
    return None


def strong_fallbacks(values: tuple[Secret, ...], facts: Facts) -> str | None:
    """ENV003: at most two old keys, each as strong as a new one."""
    if len(values) > MAX_FALLBACKS:
        return f"has {len(values)} keys, at most {MAX_FALLBACKS}: drop the oldest"
    for number, value in enumerate(values, start=1):
        if problem := strong_secret_key(value, facts):
            return f"key {number} {problem}"
    return None


def debug_off(value: bool, facts: Facts) -> str | None:
    """ENV004: no debug pages in production."""
    del facts
    return "must be False in production" if value else None


def environment_fits_platform(value: Environment, facts: Facts) -> str | None:
    """ENV005: on Render the environment is production or staging."""
    if facts.on_render and value not in {Environment.PRODUCTION, Environment.STAGING}:
        return f"is {value.value} although RENDER=true: set production or staging"
    return None


def environment_named(value: Environment, facts: Facts) -> str | None:
    """ENV005: production says so itself instead of being inferred from RENDER=true."""
    if not facts.is_set("PRIMEPOS_ENV") and value is Environment.PRODUCTION:
        return "is not set (production was inferred from RENDER=true): set PRIMEPOS_ENV=production"
    return None


def public_hosts(values: tuple[str, ...], facts: Facts) -> str | None:
    """ENV007: bare names only: no wildcard, scheme, port, path, loopback, address or placeholder."""
    del facts
    for host in values:
        if "*" in host:
            return f"{host!r} is a wildcard; list each host"
        if "://" in host or "/" in host:
            return f"{host!r} has a scheme or path; write the bare host"
        if is_loopback(host) or is_ip_address(host):
            return f"{host!r} is a local name or an address, not a public host"
        if ":" in host:
            return f"{host!r} has a port; write the bare host"
        if is_example_host(host):
            return f"{host!r} is a placeholder"
        if not parse_labels(host):
            return f"{host!r} is not a host name"
    return None


def well_formed_database_url(value: Secret, facts: Facts) -> str | None:
    """ENV009: a PostgreSQL URL with user, host and database."""
    try:
        address = parse_database_url(value.reveal())
    except ValueError as error:
        return str(error)
    if not facts.environment.may_embed_database:
        missing = [part for part, given in (("user", address.user), ("host", address.host)) if not given]
        if missing:
            return f"has no {' and no '.join(missing)}"
    return None


def remote_database(value: Secret, facts: Facts) -> str | None:
    """ENV010: production does not keep its books on localhost or on an example host."""
    del facts
    address = _address(value)
    if address is None:
        return None
    if address.is_local:
        return f"points at this machine ({address.host or 'no host'}); use the managed database's address"
    return f"has the placeholder host {address.host}" if is_example_host(address.host) else None


def parts_agree(value: Secret, facts: Facts) -> str | None:
    """ENV011: DB_* parts that are set beside DATABASE_URL say the same."""
    address = _address(value)
    if address is None:
        return None
    told: dict[str, object] = {
        "DB_NAME": address.name, "DB_USER": address.user, "DB_PASSWORD": address.password.reveal(),
        "DB_HOST": address.host, "DB_PORT": str(address.port),
    }  # fmt: skip
    differing = [name for name, there in told.items() if facts.is_set(name) and facts.raw[name].strip() != there]
    return f"disagrees with {', '.join(differing)}: remove one or the other" if differing else None


def strong_database_password(value: Secret, facts: Facts) -> str | None:
    """ENV012: the database password is not short and not a default one."""
    del facts
    address = _address(value)
    if address is None:
        return None
    password = address.password.reveal()
    if password.lower() in DEFAULT_PASSWORDS or password == address.user:
        return "has a default password"
    if len(password) < DB_PASSWORD_LENGTH:
        return f"has a password of {len(password)} characters, {DB_PASSWORD_LENGTH} are wanted"
    return None


def encrypted_transport(value: Secret, facts: Facts) -> str | None:
    """ENV013: a database reached over a public name is reached over TLS."""
    address = _address(value)
    if address is None or not address.is_public:
        return None
    named = address.sslmode or facts.values["DB_SSLMODE"].value
    if named in {mode.value for mode in _STRICT_SSL}:
        return None
    return f"reaches the public host {address.host} with sslmode {named}: set DB_SSLMODE=require or verify-full"


def https_origins(values: tuple[str, ...], facts: Facts) -> str | None:
    """ENV014, ENV015: every origin is https, public and nobody's whole platform."""
    del facts
    for origin in values:
        host = urlsplit(origin).hostname or ""
        if not origin.startswith("https://"):
            return f"{origin} is not https"
        if is_loopback(host):
            return f"{origin} is this machine"
        if host == "vercel.app" or is_example_host(host):
            return f"{origin} is a placeholder"
    return None


def origins_within_cors(values: tuple[str, ...], facts: Facts) -> str | None:
    """Trusted origins are among the allowed ones."""
    extra = sorted(set(values) - set(facts.values["CORS_ALLOWED_ORIGINS"]))
    return f"{', '.join(extra)} not in CORS_ALLOWED_ORIGINS" if extra else None


def hs256_key(value: Secret, facts: Facts) -> str | None:
    """ENV016: a key for HS256 has at least 32 bytes (RFC 7518, 3.2) and is no placeholder."""
    del facts
    return _key_problem(value)


def hs256_fallbacks(values: tuple[Secret, ...], facts: Facts) -> str | None:
    """Old signing keys: at most two, each of 32 bytes or more."""
    del facts
    if len(values) > MAX_FALLBACKS:
        return f"has {len(values)} keys, at most {MAX_FALLBACKS}: drop the oldest"
    for number, value in enumerate(values, start=1):
        if problem := _key_problem(value):
            return f"key {number} {problem}"
    return None


def separate_keys(value: Secret, facts: Facts) -> str | None:
    """ENV017: keys that rotate separately are different keys."""
    return "is the same as SECRET_KEY: separate keys rotate separately" if value == facts.values["SECRET_KEY"] else None


def short_access(value: int, facts: Facts) -> str | None:
    """ENV018: an access token lives an hour at most."""
    del facts
    return f"is {value} s, at most {MAX_ACCESS_TTL_S} is advised" if value > MAX_ACCESS_TTL_S else None


def short_refresh(value: int, facts: Facts) -> str | None:
    """ENV018: a refresh token lives a week at most."""
    del facts
    return f"is {value} s, at most {MAX_REFRESH_TTL_S} is advised" if value > MAX_REFRESH_TTL_S else None


def refresh_outlives_access(value: int, facts: Facts) -> str | None:
    """ENV018: a refresh token lives longer than the access token it renews."""
    access = facts.values["JWT_ACCESS_TTL_SECONDS"]
    return f"is {value} s, not longer than the access token's {access} s" if value <= access else None


def quiet_log(value: LogLevel, facts: Facts) -> str | None:
    """ENV019: production does not log at DEBUG."""
    del facts
    return "is DEBUG: use INFO" if value is LogLevel.DEBUG else None


def json_log(value: LogFormat, facts: Facts) -> str | None:
    """Production logs are read by machines."""
    del facts
    return "is console: use json" if value is not LogFormat.JSON else None


def complete_email(value: EmailBackend, facts: Facts) -> str | None:
    """ENV020: smtp has a host and a sender, and credentials come in pairs."""
    if value is not EmailBackend.SMTP:
        return None
    missing = [name for name in ("EMAIL_HOST", "DEFAULT_FROM_EMAIL") if not facts.is_set(name)]
    if facts.is_set("EMAIL_HOST_USER") != facts.is_set("EMAIL_HOST_PASSWORD"):
        missing.append("EMAIL_HOST_USER" if facts.is_set("EMAIL_HOST_PASSWORD") else "EMAIL_HOST_PASSWORD")
    return f"is smtp but {', '.join(missing)} not set" if missing else None


def real_email(value: EmailBackend, facts: Facts) -> str | None:
    """ENV020: production does not print reset links to a console."""
    del facts
    if value in {EmailBackend.CONSOLE, EmailBackend.MEMORY}:
        return f"is {value.value}: mails would be lost; use smtp, or disabled to go without mail"
    return None


def email_present(value: EmailBackend, facts: Facts) -> str | None:
    """ENV020: without mail nobody can reset a password alone."""
    if value is EmailBackend.DISABLED and not facts.is_set("EMAIL_BACKEND"):
        return "is not set: no mail can be sent"
    return None


def one_tls_mode(value: bool, facts: Facts) -> str | None:
    """ENV020: STARTTLS or TLS from the first byte, not both, on the port that speaks it."""
    if facts.values["EMAIL_BACKEND"] is not EmailBackend.SMTP:
        return None
    starttls, port = facts.values["EMAIL_USE_TLS"], facts.values["EMAIL_PORT"]
    if value and starttls:
        return "and EMAIL_USE_TLS are both on: 587 speaks STARTTLS (EMAIL_USE_TLS), 465 speaks TLS (EMAIL_USE_SSL)"
    if value and port == STARTTLS_PORT:
        return f"is on but EMAIL_PORT is {STARTTLS_PORT}: that port speaks STARTTLS (EMAIL_USE_TLS)"
    if starttls and port == TLS_PORT:
        return f"is off but EMAIL_PORT is {TLS_PORT}: that port speaks TLS from the first byte"
    return None


def sendgrid_password(value: Secret, facts: Facts) -> str | None:
    """ENV020: the user ``apikey`` of SendGrid has a password that starts with SG."""
    if facts.raw.get("EMAIL_HOST_USER", "").strip() == "apikey" and not value.reveal().startswith("SG."):
        return "does not start with 'SG.' although EMAIL_HOST_USER is apikey"
    return None


def real_sender(value: str, facts: Facts) -> str | None:
    """ENV020: mail does not come from a placeholder domain."""
    if facts.values["EMAIL_BACKEND"] is not EmailBackend.SMTP or not facts.is_set("DEFAULT_FROM_EMAIL"):
        return None
    domain = value.rstrip(">").rpartition("@")[2]
    return f"has the placeholder domain {domain}" if is_example_host(domain) or is_loopback(domain) else None


def sentry_dsn(value: Secret, facts: Facts) -> str | None:
    """ENV021: an https URL with a key before the host and a project number after it."""
    del facts
    parts = urlsplit(value.reveal())
    if parts.scheme != "https":
        return "is not https"
    if not parts.username or not _DSN_PROJECT.fullmatch(parts.path):
        return "has no key or no project number"
    return None


def sentry_present(value: Secret | None, facts: Facts) -> str | None:
    """ENV021: errors of production reach somebody."""
    del facts
    return None if value else "is not set: errors of this server are seen in its log only"


def modest_sampling(value: float, facts: Facts) -> str | None:
    """Tracing every fifth request is plenty."""
    del facts
    return (
        f"is {value:g}: above {MAX_TRACES_RATE:g} tracing costs more than it tells" if value > MAX_TRACES_RATE else None
    )


def complete_storage(value: object, facts: Facts) -> str | None:
    """ENV022: the four AWS names come together or not at all."""
    del value
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_REGION_NAME")
    missing = [name for name in names if not facts.is_set(name)]
    if not missing or len(missing) == len(names):
        return None
    return f"storage is half configured: {', '.join(missing)} not set"


def known_region(value: str, facts: Facts) -> str | None:
    """ENV022: a region looks like eu-central-1."""
    del facts
    return None if _REGION.fullmatch(value) else f"{value!r} does not look like a region such as eu-central-1"


def https_url(value: str, facts: Facts) -> str | None:
    """The URL is https."""
    del facts
    return None if not value or value.startswith("https://") else "is not https"


def host_allowed(value: str, facts: Facts) -> str | None:
    """Links in mails lead to a host that this server answers for."""
    host = urlsplit(value).hostname or ""
    hosts = facts.values["ALLOWED_HOSTS"]
    return None if not value or host in hosts else f"has the host {host}, which is not in ALLOWED_HOSTS"


def origin_allowed(value: str, facts: Facts) -> str | None:
    """The frontend is one of the allowed origins."""
    return None if not value or value in facts.values["CORS_ALLOWED_ORIGINS"] else "is not in CORS_ALLOWED_ORIGINS"


def open_to_platform(value: str, facts: Facts) -> str | None:
    """ENV027: Render's router reaches a server that listens on every address."""
    if facts.on_render and value not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return f"is {value}: on Render listen on 0.0.0.0"
    return None


def careful_proxies(values: tuple[str, ...], facts: Facts) -> str | None:
    """ENV028: nobody who can reach the port may choose the client address."""
    del facts
    return "is *: then every client can forge its address" if "*" in values else None


def proxies_named(values: tuple[str, ...], facts: Facts) -> str | None:
    """ENV028: behind Render the true client address is two hops away."""
    if facts.on_render and "render" not in values:
        return "does not hold 'render': every client would share Render's own address"
    return None


def shared_counters(value: RateLimitStore, facts: Facts) -> str | None:
    """Counters in memory are not shared by processes."""
    if value is RateLimitStore.MEMORY and facts.values["WEB_CONCURRENCY"] > 1:
        return "is memory although WEB_CONCURRENCY is above 1: each process would count for itself"
    return None


def strong_pepper(value: Secret, facts: Facts) -> str | None:
    """At least 32 bytes and no placeholder."""
    del facts
    return _key_problem(value)


def long_token(value: Secret, facts: Facts) -> str | None:
    """At least 32 characters."""
    del facts
    length = len(value.reveal())
    return f"has {length} characters, needs {METRICS_TOKEN_LENGTH}" if length < METRICS_TOKEN_LENGTH else None


def year_of_hsts(value: int, facts: Facts) -> str | None:
    """HSTS counts from a year on."""
    del facts
    return f"is {value}: {HSTS_YEAR_S} (a year) is wanted once HTTPS is proven" if value < HSTS_YEAR_S else None


def clean_text(text: str) -> str | None:
    """ENV026: the text of a variable has no quotes or spaces around it."""
    if text != text.strip():
        return "has spaces or a line break around it"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return "has quotes around it: a platform's form takes them literally"
    return None


def placeholder_prefix(text: str) -> str | None:
    """Return the placeholder that a text starts with, if it does."""
    lowered = text.lower()
    return next((prefix for prefix in PLACEHOLDERS if lowered.startswith(prefix)), None)


def is_example_host(host: str) -> bool:
    """Whether a host is one of the names that documentation uses."""
    bare = host.lower().rstrip(".")
    return bare == "example" or any(bare == name or bare.endswith("." + name) for name in EXAMPLE_HOSTS)


def _key_problem(value: Secret) -> str | None:
    text = value.reveal()
    if placeholder_prefix(text):
        return f"starts like a placeholder ({placeholder_prefix(text)}...)"
    length = len(text.encode("utf-8", "surrogatepass"))
    if length < HS256_KEY_BYTES:
        return f"has {length} bytes, needs {HS256_KEY_BYTES}"
    return "has too few distinct characters" if len(set(text)) < SECRET_KEY_DISTINCT else None


def _address(value: Secret) -> DatabaseAddress | None:
    """Return the parts of a URL, or nothing when it is malformed (ENV009 speaks of that)."""
    try:
        return parse_database_url(value.reveal())
    except ValueError:
        return None
