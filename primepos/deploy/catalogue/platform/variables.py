"""The variables that ``render.yaml`` gives each service: all that are needed, no secret in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from primepos.core.redaction import is_secret_name
from primepos.core.settings_registry import BY_NAME, COMPONENT_GROUPS, REGISTRY
from primepos.core.settings_rules import PLACEHOLDERS
from primepos.core.settings_types import Environment
from primepos.deploy.blueprint_shape import SERVERS
from primepos.deploy.catalogue.platform.look import Look, blueprint_check
from primepos.deploy.check import CRITICAL, HIGH
from primepos.deploy.secrets_in_text import looks_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.settings_registry import Variable
    from primepos.deploy.blueprint import Entry, Resource

DIRECT, POOLED = "connectionString", "connectionPoolString"
DB_PARTS = ("DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST")
# What a command needs; another program than ours is judged by the type of its service.
_COMPONENTS = {"serve": "serve", "worker": "worker", "jobs": "jobs"}
_BY_TYPE = {"web": "serve", "worker": "worker", "cron": "jobs", "pserv": "serve"}
_COMMAND = re.compile(r"primepos\s+([a-z-]+)")


def running(look: Look) -> Iterator[tuple[Resource, str, dict[str, Entry]]]:
    """Return each service that runs our code, the component it is, and what it is given."""
    for service in look.blueprint.ours("web", "worker", "cron", "pserv"):
        command = _COMMAND.match(service.command)
        named = _COMPONENTS.get(command[1]) if command else None
        yield service, named or _BY_TYPE[service.type], look.blueprint.variables(service)


@blueprint_check(
    "RND047", CRITICAL, rule="DATABASE_URL comes from the blueprint's own database, over a direct connection",
    remedy="fromDatabase: {name: primepos-db, property: connectionString}", anchor="Render blueprint specification",
)  # fmt: skip
def database_url_is_wired(look: Look) -> str:
    """A pasted address outlives its password; a pooled one loses advisory locks, LISTEN and migrations."""
    databases = {one.name for one in look.blueprint.databases}
    seen = []
    for service, _, given in running(look):
        entry = given.get("DATABASE_URL")
        if entry is None:
            look.wrong(service.at, "has no DATABASE_URL")
        elif entry.how == "fromService":
            seen.append(f"{service.name} as {entry.source.get('name')}")
        elif entry.how != "fromDatabase":
            look.wrong(entry.at, f"takes DATABASE_URL from {entry.how}, not fromDatabase")
        elif entry.source.get("name") not in databases:
            look.wrong(entry.at, f"names the database {entry.source.get('name')}, which the file does not declare")
        else:
            _direct(look, service, entry, given)
            seen.append(f"{service.name} from {entry.source.get('name')}")
    return ", ".join(seen)


def _direct(look: Look, service: Resource, entry: Entry, given: dict[str, Entry]) -> None:
    used = entry.source.get("property")
    if used == DIRECT or used is None:
        return
    migrating = given.get("MIGRATION_DATABASE_URL")
    direct = migrating is not None and migrating.source.get("property") == DIRECT
    if used != POOLED:
        look.wrong(entry.at, f"takes the property {used}, which is no address; {DIRECT} is")
    elif service.type != "web" or not direct:
        look.wrong(entry.at, f"goes through the pool: workers and migrations need {DIRECT}")


@blueprint_check(
    "RND048", CRITICAL, rule="No secret stands in the file",
    remedy="sync: false for what a person fills in, generateValue: true for what may be made at random.",
    anchor="Render blueprint specification",
)  # fmt: skip
def no_secret_in_the_file(look: Look) -> str:
    """The file is in the repository, and so in every clone of it."""
    seen = 0
    for resource in (*look.blueprint.services, *look.blueprint.groups):
        for entry in look.blueprint.entries(resource):
            for key in ("value", "previewValue"):
                text = str(entry.says.get(key, ""))
                seen += key in entry.says
                if text and _is_secret(entry.key, text):
                    look.wrong((*entry.at, key), f"of {entry.key} is a literal of {len(text)} characters")
    return f"{seen} literal values, none of them secret"


def _is_secret(key: str, text: str) -> bool:
    known = BY_NAME.get(key)
    if known is not None:
        return known.secret or looks_secret(text)
    # An empty reference such as <from the vault> is not a secret, whatever its name.
    named = is_secret_name(key) and not text.lower().startswith(PLACEHOLDERS)
    return named or looks_secret(text)


@blueprint_check(
    "RND049", CRITICAL, rule="SECRET_KEY is filled in by a person (sync: false)",
    remedy="sync: false, and paste what `primepos env generate SECRET_KEY` prints: generateValue is too short.",
    anchor="Render environment variables",
)  # fmt: skip
def secret_key_is_filled_in(look: Look) -> str:
    """What Render generates has 44 characters and fails ENV002."""
    seen = []
    for service, _, given in running(look):
        entry = given.get("SECRET_KEY")
        if entry is None:
            continue
        if entry.how == "sync" or (entry.how == "fromService" and entry.source.get("envVarKey") == "SECRET_KEY"):
            seen.append(f"{service.name}: {'sync: false' if entry.how == 'sync' else entry.source.get('name')}")
        else:
            look.wrong(entry.at, f"takes SECRET_KEY from {entry.how}")
    if not seen and not look.found:
        look.wrong(("services",), "declare no SECRET_KEY")
    return ", ".join(seen)


@blueprint_check(
    "RND050", HIGH, rule="Every service is given every variable that it needs to start in production",
    remedy="Add the variable to the shared group, or take it over with fromService and envVarKey.",
    anchor="Enlightn EnvVariable",
)  # fmt: skip
def every_service_can_start(look: Look) -> str:
    """Worker and cron job have environments of their own: what the API has, they do not."""
    seen = []
    for service, component, given in running(look):
        missing = [one.name for one in required(component) if not _given(one, given)]
        seen.append(f"{service.name} has all {len(required(component))}")
        if missing:
            look.wrong(service.at, f"is not given {', '.join(missing)}")
    return ", ".join(seen)


def required(component: str) -> list[Variable]:
    """Return the variables that a component needs in production, by the registry; the platform's own are not listed."""
    groups = COMPONENT_GROUPS[component]
    return [one for one in REGISTRY if one.group in groups and _needed(one)]


def _needed(variable: Variable) -> bool:
    # Said in so many words rather than inferred: ENV005.
    return Environment.PRODUCTION in variable.required_in or variable.name == "PRIMEPOS_ENV"


def _given(variable: Variable, given: dict[str, Entry]) -> bool:
    if variable.name == "DATABASE_URL" and all(part in given for part in DB_PARTS):
        return True
    entry = given.get(variable.name)
    return entry is not None and entry.how != "none" and (entry.how != "value" or str(entry.value) != "")


@blueprint_check(
    "RND051", HIGH, rule="Groups hold plain and generated values only, and a service takes each of them in",
    remedy="Move sync: false, fromDatabase and fromService to the services; attach the group by fromGroup.",
    anchor="Render blueprint specification",
)  # fmt: skip
def groups_are_plain_and_used(look: Look) -> str:
    """A group cannot ask a person, and one that nobody attaches gives nothing to anybody."""
    attached = {name for one in look.blueprint.services for name, _ in look.blueprint.attached(one)}
    for group in look.blueprint.groups:
        if group.name not in attached:
            look.wrong(group.at, "is attached to no service")
    users = dict.fromkeys(attached, 0)
    for service in look.blueprint.of_type("cron", *SERVERS):
        for name, _ in look.blueprint.attached(service):
            users[name] += 1
    return ", ".join(f"{name}: {times} services" for name, times in users.items()) or "no group"
