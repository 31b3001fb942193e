"""The server, the login and the roles: who PrimePOS is to PostgreSQL, and what that may do."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import TYPE_CHECKING, Final

import psycopg

from primepos.adapters.environment_tag import ENVIRONMENT
from primepos.deploy.catalogue.database.asking import asks
from primepos.deploy.check import CRITICAL, HIGH, LOW, Outcome, failed, passed
from primepos.deploy.inspector import APP_ROLE, CONNECT_S, SYSTEM_ROLE
from primepos.deploy.scale import scale_of
from primepos.deploy.shown import listed
from primepos.deploy.surface import production_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.database_url import DatabaseAddress
    from primepos.deploy.target import Target

# The last release of each major version (postgresql.org/support/versioning).
END_OF_LIFE: Final[Mapping[int, date]] = {
    13: date(2025, 11, 13),
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
OLDEST: Final = 15
# What migrations, the worker, readiness and people at a shell need beside the API.
BESIDE: Final = 10
FULL_PERCENT: Final = 80
_OURS: Final = (APP_ROLE, "primepos_search", SYSTEM_ROLE)


@asks(
    "DB020",
    CRITICAL,
    rule="the database answers within 5 s",
    remedy="see that the host is right and reachable from here, and that the login and its password are",
    anchor="Enlightn DatabaseStatus, GitLab",
)
def database_answers(target: Target) -> Outcome:
    """Connect, and ask for one row."""
    from primepos.adapters.migration_errors import DatabaseUnreachable

    try:
        found = target.database
        version = found.version
    except DatabaseUnreachable as error:
        return failed(f"no connection within {CONNECT_S} s: {error.data.get('problem', '')}")
    return passed(f"{found.where}, PostgreSQL {version // 10000}.{version % 10000}, {found.connect_ms} ms")


@asks(
    "DB021",
    HIGH,
    rule="the major version is supported, and the one that render.yaml names",
    remedy="primepos db upgrade, or the host's upgrade; then postgresMajorVersion in render.yaml",
    anchor="GitLab",
)
def version_is_supported(target: Target) -> Outcome:
    """Compare the server's version with the calendar and with the platform's file."""
    major = target.database.version // 10000
    ends = END_OF_LIFE.get(major)
    wrong = []
    if major < OLDEST:
        wrong.append(f"PrimePOS needs {OLDEST} or later")
    if ends is not None and ends < target.today:
        wrong.append(f"its last release was on {ends}")
    said = {
        str(one.says["postgresMajorVersion"])
        for one in target.blueprint.databases
        if "postgresMajorVersion" in one.says
    }
    if said and str(major) not in said and not _is_elsewhere(target):
        wrong.append(f"render.yaml says {', '.join(sorted(said))}")
    if wrong:
        return failed(f"PostgreSQL {major}: {listed(wrong)}")
    return passed(f"PostgreSQL {major}" + (f", supported until {ends}" if ends else ""))


def _is_elsewhere(target: Target) -> bool:
    """Whether the database is one that the platform's file is not about: this machine's own."""
    return target.database.address.is_local


@asks(
    "DB022",
    HIGH,
    rule="the connection is encrypted, unless the host is private",
    remedy="DB_SSLMODE=require, or verify-full with the host's certificate",
    anchor="ASVS 12",
)
def connection_is_encrypted(target: Target) -> Outcome:
    """Look at this connection, and at where it leads."""
    found = target.database
    if found.is_encrypted:
        said = found.rows("SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        return passed(f"{said[0]['version']} {said[0]['cipher']}" if said else "encrypted")
    if is_private(found.address):
        return passed(f"{found.where} is private: not encrypted")
    return failed(f"{found.where} is reached in plain text")


def is_private(address: DatabaseAddress) -> bool:
    """Whether a host is reached without crossing a network that others share."""
    try:
        return ipaddress.ip_address(address.host).is_private
    except ValueError:
        return not address.is_public


@asks(
    "DB023",
    CRITICAL,
    rule="the login and the application's roles are no superusers, and nothing lifts them above the policies",
    remedy="ALTER ROLE name NOSUPERUSER NOBYPASSRLS; for the roles primepos_* NOCREATEROLE NOLOGIN too",
    anchor="ASVS 13.2.2",
)
def roles_are_weak(target: Target) -> Outcome:
    """Look at the flags of the login and of the three roles, and at what the application's role owns."""
    found = target.database
    rows = found.rows(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcanlogin,"
        " rolname = session_user AS is_login FROM pg_roles"
        " WHERE rolname = session_user OR rolname = ANY(%s) ORDER BY rolname",
        (list(_OURS),),
    )
    there = {one["rolname"] for one in rows}
    wrong = [f"role {name} does not exist" for name in _OURS if name not in there]
    has_owner = "MIGRATION_DATABASE_URL" in target.examination.raw
    for one in rows:
        flags = [
            said
            for column, said in (
                ("rolsuper", "SUPERUSER"), ("rolbypassrls", "BYPASSRLS"), ("rolreplication", "REPLICATION"),
            )
            if one[column]
        ]  # fmt: skip
        # A login that migrates makes the roles; one beside it has no use for that.
        if one["rolcreaterole"] and (one["rolname"] in _OURS or has_owner):
            flags.append("CREATEROLE")
        if one["rolname"] in _OURS and one["rolcanlogin"]:
            flags.append("LOGIN")
        if flags:
            wrong.append(f"{one['rolname']} has {', '.join(flags)}")
    owned = found.rows(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND relowner = to_regrole(%s) LIMIT 5",
        (APP_ROLE,),
    )
    wrong += [f"{APP_ROLE} owns {one['relname']}" for one in owned]
    if wrong:
        return failed(listed(wrong))
    login = next(one for one in rows if one["is_login"])
    told = " and may create roles, as the login that migrates" if login["rolcreaterole"] else ""
    return passed(f"login {login['rolname']}{told}; {', '.join(_OURS)} have no flag")


@asks(
    "DB024",
    CRITICAL,
    rule="the database belongs to the environment that this deployment runs in",
    remedy="point DATABASE_URL at the right database; if this is it: primepos migrate adopt",
)
def database_is_this_environments(target: Target) -> Outcome:
    """Compare the tag in the database with PRIMEPOS_ENV."""
    tag = target.database.facts.get(ENVIRONMENT)
    wanted = target.examination.environment.value
    if tag is None:
        return failed(f"the database has no tag; this is {wanted}", remedy="primepos migrate up", severity=HIGH)
    return passed(f"both are {tag}") if tag == wanted else failed(f"the database is {tag}'s, this is {wanted}")


@asks(
    "DB025",
    HIGH,
    rule="all processes at their most leave a fifth of the connections free",
    remedy="lower DB_POOL_SIZE, DB_MAX_OVERFLOW, WEB_CONCURRENCY or numInstances, take a bigger plan, or a pooler",
    anchor="ASVS 13.1.2",
)
def connections_suffice(target: Target) -> Outcome:
    """Do the arithmetic."""
    scale = scale_of(target)
    most = int(target.database.row("SELECT current_setting('max_connections')::int AS most")["most"])
    wanted = scale.processes * scale.connections + BESIDE
    told = f"{scale.told} x {scale.connections} connections + {BESIDE} = {wanted} of {most}"
    return passed(told) if wanted * 100 <= most * FULL_PERCENT else failed(f"{told}, more than {FULL_PERCENT} %")


@asks(
    "DB026",
    HIGH,
    rule="statements, waits for locks and idle transactions of the application end by themselves",
    remedy="DB_STATEMENT_TIMEOUT_MS, DB_LOCK_TIMEOUT_MS; behind a pooler that drops them: ALTER ROLE login SET",
    anchor="strong_migrations app timeouts",
)
def the_application_gives_up_in_time(target: Target) -> Outcome:
    """Open a transaction as the application does, and ask what it is bound by."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    found = app_limits(target, names)
    missing = [name for name, value in found.items() if value in {"0", "0ms", ""}]
    told = ", ".join(f"{name} {value}" for name, value in found.items())
    return failed(f"without limit: {', '.join(missing)} ({told})") if missing else passed(told)


def app_limits(target: Target, names: tuple[str, ...]) -> dict[str, str]:
    """Return settings as a transaction of the application sees them. Raises: DatabaseUnreachable."""
    # These bring the whole core: half a second that a list of checks does not pay.
    from primepos import bootstrap
    from primepos.adapters.migration_errors import DatabaseUnreachable

    database = bootstrap.build_database(target.settings or production_settings(), target.database_url)
    try:
        # No tenant has this number: nothing can be seen.
        unit = database.tenant(0, read_only=True)
        try:
            rows = unit.rows("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(names),))
        finally:
            unit.close()
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(problem=str(error).strip().partition("\n")[0]) from error
    finally:
        database.dispose()
    said = {one["name"]: str(one["setting"]) for one in rows}
    return {name: f"{said.get(name, '0')}ms" for name in names}


@asks(
    "DB038", LOW, rule="the database is UTF8 and its time zone UTC", remedy="ALTER DATABASE name SET timezone = 'UTC'"
)
def encoding_and_zone(target: Target) -> Outcome:
    """Look at both."""
    found = target.database.row(
        "SELECT current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone"
    )
    told = f"{found['encoding']}, {found['zone']}"
    is_right = found["encoding"] == "UTF8" and found["zone"] in {"UTC", "Etc/UTC", "GMT"}
    return passed(told) if is_right else failed(told)
