"""The file as a file: it can be read, has the keys that exist, resolves, and says what its author meant."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from primepos.deploy.blueprint import CONTAINERS, FILE
from primepos.deploy.blueprint_shape import KEYVALUE, SERVERS
from primepos.deploy.catalogue.platform.look import Look, blueprint_check
from primepos.deploy.check import CRITICAL, HIGH, LOW, MEDIUM, Outcome, Place, check, failed, passed

if TYPE_CHECKING:
    from primepos.deploy.blueprint import Entry, Resource
    from primepos.deploy.target import Target

# YAML 1.1 reads these as true and false; a dashboard, a shell and Go do not agree with it on all of them.
_SWITCHES = frozenset({"on", "off", "yes", "no", "y", "n"})
_VERSION = re.compile(r"[0-9]+\.[0-9]+")


@check(
    "RND040", CRITICAL, rule="render.yaml exists, can be read, and no key stands twice",
    remedy="Write render.yaml (docs/guides/deploy-to-render.md), and keep one of two equal keys.",
    anchor="render blueprints validate",
)  # fmt: skip
def file_can_be_read(target: Target) -> Outcome:
    """A file that cannot be read deploys nothing; of two equal keys one is silently lost."""
    blueprint = target.blueprint
    if blueprint.troubles:
        places = [Place(FILE, one.line) for one in blueprint.troubles]
        return failed("; ".join(f"{place}: {one.text}" for place, one in zip(places, blueprint.troubles, strict=True)),
                      *places)  # fmt: skip
    if not blueprint.ours("web"):
        return failed("declares no web service", Place(FILE))
    named = ", ".join(one.name for one in (*blueprint.services, *blueprint.databases))
    return passed(f"{len(blueprint.text.splitlines())} lines: {named}")


@blueprint_check(
    "RND041", CRITICAL, rule="Only keys that exist for each type, each holding what it may hold",
    remedy="Remove or rename the key; for a health probe it is healthCheckPath, whose timing is fixed.",
    anchor="Render blueprint specification",
)  # fmt: skip
def keys_exist(look: Look) -> str:
    """The platform refuses the whole file for one key it does not know."""
    for service in look.blueprint.of_type("cron", *SERVERS):
        if service.runtime in CONTAINERS:
            continue
        # RND044 speaks of the command of our own web service.
        if "startCommand" not in service.says and not (service.type == "web" and service.is_ours):
            look.wrong(service.at, "has no startCommand")
        if "buildCommand" not in service.says:
            look.wrong(service.at, "has no buildCommand")
    return f"{len(look.blueprint.marks)} values have their shape"


@blueprint_check(
    "RND052", HIGH, rule="Every reference leads somewhere, names are unique, fromService names its type",
    remedy="Correct the name, or declare what it names.", anchor="render blueprints validate",
)  # fmt: skip
def references_resolve(look: Look) -> str:
    """A reference to nothing is refused when the file is synced, not when it is written."""
    blueprint = look.blueprint
    for kind, resources in (("service", (*blueprint.services, *blueprint.databases)), ("group", blueprint.groups)):
        times = Counter(one.name for one in resources)
        for one in resources:
            if times[one.name] > 1:
                look.wrong((*one.at, "name"), f"is the name of {times[one.name]} {kind}s")
    groups = {one.name for one in blueprint.groups}
    databases = {one.name for one in blueprint.databases}
    seen = 0
    for service in blueprint.services:
        for name, at in blueprint.attached(service):
            seen += 1
            if name not in groups:
                look.wrong((*at, "fromGroup"), f"is {name}: there is no such group")
        for entry in blueprint.entries(service):
            if entry.how == "fromDatabase":
                seen += 1
                if entry.source.get("name") not in databases:
                    look.wrong((*entry.at, "fromDatabase"), f"names {entry.source.get('name')}: no such database")
            elif entry.how == "fromService":
                seen += 1
                _service_reference(look, entry)
    return f"{seen} references, {len(blueprint.services) + len(blueprint.databases)} names"


def _service_reference(look: Look, entry: Entry) -> None:
    at, source = (*entry.at, "fromService"), entry.source
    named = next((one for one in look.blueprint.services if one.name == source.get("name")), None)
    if named is None:
        look.wrong(at, f"names {source.get('name')}: no such service")
        return
    if "type" in source and source["type"] != named.type and not {source["type"], named.type} <= set(KEYVALUE):
        look.wrong(at, f"says {named.name} is a {source['type']}, it is a {named.type}")
    if ("envVarKey" in source) == ("property" in source):
        look.wrong(at, "needs envVarKey or property, one of them")
    elif "envVarKey" in source and not _holds(look, named, source["envVarKey"]):
        look.wrong(at, f"wants {source['envVarKey']} of {named.name}, which has no such variable")


def _holds(look: Look, service: Resource, key: object) -> bool:
    found = look.blueprint.variables(service).get(str(key))
    return found is not None and found.how != "fromService"


@blueprint_check(
    "RND058", LOW, rule="No key that the platform has replaced",
    remedy="runtime for env, keyvalue for redis, autoDeployTrigger for autoDeploy, previews.generation for the rest.",
    anchor="Render blueprint specification",
)  # fmt: skip
def nothing_deprecated(look: Look) -> str:
    """Old names work until the day they do not."""
    instead = {
        "env": "runtime", "autoDeploy": "autoDeployTrigger", "pullRequestPreviewsEnabled": "previews.generation",
    }  # fmt: skip
    for service in look.blueprint.services:
        for old, new in instead.items():
            if old in service.says:
                look.wrong((*service.at, old), f"is deprecated: use {new}")
        if service.type == "redis":
            look.wrong((*service.at, "type"), "redis is deprecated: use keyvalue")
        for entry in look.blueprint.entries(service):
            if entry.source.get("type") == "redis":
                look.wrong((*entry.at, "fromService", "type"), "redis is deprecated: use keyvalue")
    for old in ("previewsEnabled", "previewsExpireAfterDays"):
        if look.blueprint.root and old in look.blueprint.root:
            look.wrong((old,), "is deprecated: use previews")
    return "no deprecated key"


@blueprint_check(
    "RND059", MEDIUM, rule="Words such as off, and versions such as 3.12, are quoted; no variable is a boolean",
    remedy='Put quotes around it: generation: "off", value: "False", PYTHON_VERSION "3.12".', anchor="measured",
)  # fmt: skip
def words_are_quoted(look: Look) -> str:
    """YAML makes a boolean of off and a number of 3.10, which is then 3.1."""
    blueprint = look.blueprint
    told = {one.at for one in look.found}
    values = {entry.at for one in (*blueprint.services, *blueprint.groups) for entry in blueprint.entries(one)}
    for at, mark in blueprint.marks.items():
        if mark.quoted or not mark.text or at in told:
            continue
        if mark.text.lower() in _SWITCHES:
            look.wrong(at, f"is an unquoted {mark.text}, which YAML reads as a boolean")
        elif at[-1:] == ("value",) and at[:-1] in values and _VERSION.fullmatch(mark.text):
            look.wrong(at, f"is an unquoted {mark.text}, which YAML reads as a number")
    return f"{sum(mark.quoted for mark in blueprint.marks.values())} quoted values, no word or version without quotes"
