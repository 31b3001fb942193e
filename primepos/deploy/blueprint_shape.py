"""Which keys a blueprint may have, what each may hold, and which are required: what the platform refuses outright.

Each finding carries the check it belongs to. Most are RND041's; what another check of the catalogue is about (the
pinned version, the delay of a shutdown, values of variables, groups, references) is that one's, so that one mistake
is told once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from primepos.deploy.blueprint import Blueprint, Pointer, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHAPE: Final = "RND041"
POSTGRES_MAJORS: Final = tuple(str(number) for number in range(10, 19))
SERVERS: Final = ("web", "worker", "pserv")
KEYVALUE: Final = ("keyvalue", "redis")
SERVICE_TYPES: Final = (*SERVERS, "cron", *KEYVALUE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with what, why, and whose it is."""

    at: Pointer
    text: str
    check: str = SHAPE

    def __str__(self) -> str:
        return f"{shown(self.at)} {self.text}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be. ``name`` says it to people; ``options`` are the only values where there are any."""

    name: str
    types: tuple[type, ...]
    options: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    check: str = SHAPE

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or nothing."""
        if not isinstance(value, self.types) or (isinstance(value, bool) and bool not in self.types):
            return f"is {_told(value)}, not {self.name}"
        if self.options and value not in self.options:
            return f"is {value}, none of {', '.join(self.options)}"
        if isinstance(value, int) and self.least is not None and value < self.least:
            return f"is {value}, less than {self.least}"
        if isinstance(value, int) and self.most is not None and value > self.most:
            return f"is {value}, more than {self.most}"
        return None


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping: what its keys hold, which are required (with the check that says so), and whether others may stand."""

    keys: Mapping[str, Any]
    required: Mapping[str, str] = field(default_factory=dict)
    others: bool = False
    check: str = SHAPE


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of one kind of thing."""

    each: Any
    check: str = SHAPE


def _text(check: str = SHAPE) -> Kind:
    return Kind("a text", (str,), check=check)


def _one_of(*options: str, check: str = SHAPE) -> Kind:
    return Kind("a text", (str,), options, check=check)


def _whole(least: int, most: int | None = None, check: str = SHAPE) -> Kind:
    return Kind("a whole number", (int,), least=least, most=most, check=check)


def _needs(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, SHAPE)


TEXT, FLAG = _text(), Kind("true or false", (bool,))
PLAN = _one_of(
    "free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra", "basic-256mb", "basic-1gb", "basic-4gb",
    *(f"pro-{size}gb" for size in (4, 8, 16, 32, 64, 128, 192, 256, 384, 512)),
    *(f"accelerated-{size}gb" for size in (16, 32, 64, 128, 256, 384, 512, 768, 1024)),
)  # fmt: skip
REGION = _one_of("oregon", "ohio", "frankfurt", "singapore", "virginia")
RUNTIME = _one_of("docker", "elixir", "go", "image", "node", "python", "ruby", "rust", "static")
WORDS = "RND059"
TRIGGER = _one_of("off", "commit", "checksPass", check=WORDS)
GENERATION = _one_of("automatic", "manual", "off", check=WORDS)
# A boolean is what `value: off` becomes.
PLAIN = Kind("a text or number", (str, int, float), check=WORDS)
ALLOW_LIST = Listed(Map({"source": TEXT}, _needs("source"), others=True), check="RND053")
CREDENTIALS = Map({"fromRegistryCreds": Map({"name": TEXT}, _needs("name"))}, _needs("fromRegistryCreds"))
IMAGE = Map({"url": TEXT, "creds": CREDENTIALS}, _needs("url"))
FILTER = Map({"paths": Listed(TEXT), "ignoredPaths": Listed(TEXT)}, others=True)
DISK = Map({"name": TEXT, "mountPath": TEXT, "sizeGB": _whole(1)}, _needs("name", "mountPath"))

_REFERENCE = "RND052"
FROM_DATABASE = Map(
    {"name": _text(_REFERENCE), "property": _one_of(
        "connectionString", "connectionPoolString", "host", "port", "user", "password", "database", check=_REFERENCE)},
    dict.fromkeys(("name", "property"), _REFERENCE), others=True, check=_REFERENCE,
)  # fmt: skip
FROM_SERVICE = Map(
    {"type": _one_of("web", "cron", "worker", "pserv", "static", "dpg", "job", "redis", "keyvalue", check=_REFERENCE),
     "name": _text(_REFERENCE), "envVarKey": _text(_REFERENCE),
     "property": _one_of("host", "port", "hostport", "connectionString", check=_REFERENCE)},
    dict.fromkeys(("name", "type"), _REFERENCE), others=True, check=_REFERENCE,
)  # fmt: skip
FROM_KEY_VALUE = Map(
    {"key": TEXT, "value": PLAIN, "previewValue": PLAIN, "generateValue": FLAG, "sync": FLAG}, _needs("key")
)

_COMMON: dict[str, Any] = {
    "type": _one_of(*SERVICE_TYPES), "name": TEXT, "buildCommand": TEXT, "envVars": "envVars", "buildFilter": FILTER,
    "rootDir": TEXT, "repo": TEXT, "branch": TEXT, "autoDeploy": FLAG, "autoDeployTrigger": TRIGGER,
    "preDeployCommand": TEXT, "runtime": RUNTIME,
    # The old name of `runtime`, which Render still takes: RND058 speaks of it.
    "env": RUNTIME,
}  # fmt: skip
_DOCKER: dict[str, Any] = {
    "dockerCommand": TEXT, "dockerfilePath": TEXT, "dockerContext": TEXT, "registryCredential": CREDENTIALS,
    "image": IMAGE,
}  # fmt: skip
_SITE: dict[str, Any] = {
    "domain": TEXT, "domains": Listed(TEXT), "ipAllowList": ALLOW_LIST, "pullRequestPreviewsEnabled": FLAG,
    "renderSubdomainPolicy": _one_of("enabled", "disabled"),
}  # fmt: skip
CRON = Map(
    {**_COMMON, **_DOCKER, "region": REGION, "plan": PLAN, "schedule": _text("RND061"), "startCommand": TEXT},
    {**_needs("type", "name", "runtime"), "schedule": "RND061"},
)
SERVER = Map(
    {
        **_COMMON, **_DOCKER, **_SITE, "region": REGION, "plan": PLAN, "numInstances": _whole(1),
        "healthCheckPath": TEXT, "startCommand": TEXT, "initialDeployHook": TEXT, "disk": DISK, "previewPlan": PLAN,
        "scaling": Map({"minInstances": _whole(1), "maxInstances": _whole(1), "targetMemoryPercent": _whole(1, 90),
                        "targetCPUPercent": _whole(1, 90)}, others=True),
        "previews": Map({"generation": GENERATION, "plan": PLAN, "numInstances": _whole(1)}),
        "maintenanceMode": Map({"enabled": FLAG, "uri": TEXT}),
        "maxShutdownDelaySeconds": _whole(1, 300, check="RND060"),
    },
    _needs("type", "name", "runtime"),
)  # fmt: skip
STATIC = Map(
    {
        **_COMMON, **_SITE, "staticPublishPath": TEXT, "previews": Map({"generation": GENERATION}),
        "headers": Listed(
            Map({"path": TEXT, "name": TEXT, "value": TEXT}, _needs("path", "name", "value"), others=True)),
        "routes": Listed(
            Map({"type": _one_of("redirect", "rewrite"), "source": TEXT, "destination": TEXT},
                _needs("type", "source", "destination"), others=True)),
    },
    _needs("type", "name", "runtime"),
)  # fmt: skip
STORE = Map(
    {
        "type": _one_of(*KEYVALUE), "name": TEXT, "region": REGION, "ipAllowList": ALLOW_LIST, "plan": PLAN,
        "previewPlan": PLAN, "persistenceMode": _one_of("journal-snapshot", "snapshot", "off", check=WORDS),
        "maxmemoryPolicy": _one_of("allkeys-lru", "volatile-lru", "allkeys-lfu", "volatile-lfu", "allkeys-random",
                                   "volatile-random", "volatile-ttl", "noeviction"),
    },
    {**_needs("type", "name"), "ipAllowList": "RND053"},
)  # fmt: skip
DATABASE = Map(
    {
        "name": TEXT, "databaseName": TEXT, "user": TEXT, "region": REGION, "plan": PLAN, "diskSizeGB": _whole(1),
        "storageAutoscalingEnabled": FLAG, "connectionPool": _one_of("pgbouncer", "none"), "previewPlan": PLAN,
        "previewDiskSizeGB": _whole(1), "postgresMajorVersion": _one_of(*POSTGRES_MAJORS, check="RND055"),
        "highAvailability": Map({"enabled": FLAG}, _needs("enabled")), "ipAllowList": ALLOW_LIST,
        "readReplicas": Listed(Map({"name": TEXT}, _needs("name"))),
    },
    _needs("name"),
)  # fmt: skip
_RESOURCES: dict[str, Any] = {
    "services": Listed("service"), "databases": Listed(DATABASE), "envVarGroups": Listed("group"),
}  # fmt: skip
_SWITCH = _one_of("enabled", "disabled")
ENVIRONMENT = Map(
    {
        **_RESOURCES,
        "name": TEXT,
        "networking": Map({"isolation": _SWITCH}),
        "permissions": Map({"protection": _SWITCH}),
    },
    _needs("name"),
)
FILE = Map(
    {
        **_RESOURCES, "previews": Map({"generation": GENERATION, "expireAfterDays": _whole(1)}),
        "previewsEnabled": FLAG, "previewsExpireAfterDays": _whole(1), "version": _one_of("1"),
        "projects": Listed(
            Map({"name": TEXT, "environments": Listed(ENVIRONMENT)}, _needs("name", "environments"))),
        "ungrouped": Map(_RESOURCES),
    },
)  # fmt: skip


def shape_findings(blueprint: Blueprint) -> tuple[Finding, ...]:
    """Return everything that does not have the shape the platform wants."""
    return () if blueprint.root is None else tuple(_walk(blueprint.root, FILE, ()))


def _walk(value: object, wanted: Any, at: Pointer) -> Iterator[Finding]:
    if isinstance(wanted, str):
        yield from _NAMED[wanted](value, at)
    elif isinstance(wanted, Kind):
        if told := wanted.problem(value):
            yield Finding(at, told, wanted.check)
    elif isinstance(wanted, Listed):
        if not isinstance(value, list):
            yield Finding(at, f"is {_told(value)}, not a list", wanted.check)
            return
        for number, one in enumerate(value):
            yield from _walk(one, wanted.each, (*at, number))
    else:
        yield from _mapping(value, wanted, at)


def _mapping(value: object, wanted: Map, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(at, f"is {_told(value)}, not a mapping", wanted.check)
        return
    for name, check in wanted.required.items():
        if name not in value and not (name == "runtime" and "env" in value):
            yield Finding(at, f"has no {name}", check)
    for name, one in value.items():
        if name in wanted.keys:
            yield from _walk(one, wanted.keys[name], (*at, name))
        elif not wanted.others:
            yield Finding((*at, name), _HINTS.get(name, "is not a key that may stand here"), wanted.check)


# What people write, and what the platform understands instead.
_HINTS: Final = {
    "healthCheck": "is no key of Render: use healthCheckPath; its timing is fixed",
    "healthCheckInterval": "is no key of Render: use healthCheckPath; its timing is fixed",
    "command": "is no key of Render: use startCommand",
    "environment": "is no key of Render: use envVars",
    "envVar": "is no key of Render: use envVars",
    "instances": "is no key of Render: use numInstances",
}


def _service(value: object, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(at, f"is {_told(value)}, not a mapping")
        return
    kind = value.get("type")
    runtime = value.get("runtime", value.get("env"))
    if isinstance(kind, str) and kind in KEYVALUE:
        wanted = STORE
    elif kind == "cron":
        wanted = CRON
    elif kind == "web" and runtime == "static":
        wanted = STATIC
    else:
        wanted = SERVER
    for found in _mapping(value, wanted, at):
        # RND043 says which services may be told how long to wait for their end.
        moved = wanted is CRON and found.at == (*at, "maxShutdownDelaySeconds")
        yield Finding(found.at, "does not exist for a cron job", "RND043") if moved else found


def _variables(value: object, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, list):
        yield Finding(at, f"is {_told(value)}, not a list")
        return
    for number, one in enumerate(value):
        yield from _variable(one, (*at, number))


def _variable(value: object, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(at, f"is {_told(value)}, not a mapping")
        return
    if "fromGroup" in value:
        yield from _mapping(value, Map({"fromGroup": _text(_REFERENCE)}), at)
    elif "fromDatabase" in value:
        yield from _mapping(value, Map({"key": TEXT, "fromDatabase": FROM_DATABASE}, _needs("key")), at)
    elif "fromService" in value:
        yield from _mapping(value, Map({"key": TEXT, "fromService": FROM_SERVICE}, _needs("key")), at)
    else:
        yield from _mapping(value, FROM_KEY_VALUE, at)
        yield from _one_source(value, at, SHAPE)


def _one_source(value: Mapping[str, Any], at: Pointer, check: str) -> Iterator[Finding]:
    given = [
        *(["value"] if "value" in value else []),
        *(["generateValue"] if value.get("generateValue") is True else []),
        *(["sync: false"] if value.get("sync") is False else []),
    ]
    if len(given) > 1:
        yield Finding(at, f"has both {' and '.join(given)}", check)
    elif not given and "key" in value:
        yield Finding(at, "has no value and no source of one", check)


_GROUP = "RND051"
_GROUP_KEYS: Final = frozenset({"key", "value", "generateValue"})


def _group(value: object, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(at, f"is {_told(value)}, not a mapping", _GROUP)
        return
    listed = value.get("envVars")
    yield from _mapping({name: one for name, one in value.items() if name != "envVars"}, Map({"name": TEXT}), at)
    for name in ("name", "envVars"):
        if name not in value:
            yield Finding(at, f"has no {name}")
    if "envVars" not in value:
        return
    if not isinstance(listed, list):
        yield Finding((*at, "envVars"), f"is {_told(listed)}, not a list", _GROUP)
        return
    for number, one in enumerate(listed):
        yield from _group_entry(one, (*at, "envVars", number))


def _group_entry(value: object, at: Pointer) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(at, f"is {_told(value)}, not a mapping", _GROUP)
        return
    extra = sorted(str(name) for name in value.keys() - _GROUP_KEYS)
    if extra:
        yield Finding(at, f"has {', '.join(extra)}: a group holds value and generateValue only", _GROUP)
        return
    yield from _mapping(value, FROM_KEY_VALUE, at)
    yield from _one_source(value, at, _GROUP)


_NAMED: Final = {"service": _service, "group": _group, "envVars": _variables}


def _told(value: object) -> str:
    if value is None:
        return "empty"
    names = {bool: "true or false", int: "a number", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)
