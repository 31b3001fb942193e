"""``render.yaml`` with the line of everything in it.

The file is composed, not loaded: a loader keeps the last of two equal keys without a word, and forgets where things
stood. Values come out as YAML 1.1 reads them (``off`` is false there), since that is what surprises people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping
    from pathlib import Path

Pointer = tuple[str | int, ...]

FILE: Final = "render.yaml"
PROGRAM: Final = "primepos"
CONTAINERS: Final = frozenset({"docker", "image"})
FOREIGN: Final = frozenset({"elixir", "go", "node", "ruby", "rust", "static"})
MAX_NODES = 20_000
MAX_DEPTH = 50
_MERGE = "tag:yaml.org,2002:merge"
# The C parser is ten times faster, and not part of every build of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands (line from 1), how it was written, and whether quotes were around it."""

    line: int
    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the file cannot be relied on: what is wrong, at which line."""

    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One service, database or group: where it stands and what it says."""

    at: Pointer
    says: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, or where it stands if it has none."""
        named = self.says.get("name")
        return named if isinstance(named, str) and named else shown(self.at)

    @property
    def runtime(self) -> str:
        """Its runtime, under the new name of the key or the old one."""
        return str(self.says.get("runtime", self.says.get("env", "")))

    @property
    def command(self) -> str:
        """What it runs: the start command, or the one of its container."""
        said = self.says.get("dockerCommand" if self.runtime in CONTAINERS else "startCommand")
        return said.strip() if isinstance(said, str) else ""

    @property
    def is_ours(self) -> bool:
        """Whether it runs PrimePOS, as far as the file tells: a frontend or another program may stand beside it."""
        return self.command.startswith(PROGRAM) or (self.runtime not in FOREIGN and self.type != "pserv")

    @property
    def type(self) -> str:
        """Its type as written, empty where there is none (databases and groups have none)."""
        return str(self.says.get("type") or "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable of a service or group. ``how``: value, generateValue, sync, fromDatabase, fromService, or none."""

    key: str
    at: Pointer
    says: Mapping[str, Any]
    group: str | None = None

    @property
    def how(self) -> str:
        """Where its value comes from."""
        if self.says.get("generateValue") is True:
            return "generateValue"
        if self.says.get("sync") is False:
            return "sync"
        return next((one for one in ("fromDatabase", "fromService", "value") if one in self.says), "none")

    @property
    def value(self) -> Any:
        """The value that stands in the file, None where it comes from elsewhere."""
        return self.says.get("value")

    @property
    def source(self) -> Mapping[str, str]:
        """The texts that ``fromDatabase`` or ``fromService`` says, empty for others."""
        said = self.says.get(self.how)
        return {key: one for key, one in said.items() if isinstance(one, str)} if isinstance(said, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """The file, read. ``root`` is None where it could not be read; ``troubles`` says why."""

    text: str
    root: Mapping[str, Any] | None
    troubles: tuple[Trouble, ...] = ()
    marks: Mapping[Pointer, Mark] = field(default_factory=dict)

    def line(self, at: Pointer) -> int | None:
        """Return the line of a value, or of the nearest thing around it when it does not exist."""
        while at and at not in self.marks:
            at = at[:-1]
        mark = self.marks.get(at)
        return mark.line if mark else None

    @cached_property
    def services(self) -> tuple[Resource, ...]:
        """Every service, those of projects and environments too."""
        return tuple(self._resources("services"))

    @cached_property
    def databases(self) -> tuple[Resource, ...]:
        """Every PostgreSQL database."""
        return tuple(self._resources("databases"))

    @cached_property
    def groups(self) -> tuple[Resource, ...]:
        """Every group of variables."""
        return tuple(self._resources("envVarGroups"))

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """Return the services of these types; static sites are no web services."""
        return tuple(one for one in self.services if one.type in types and one.runtime != "static")

    def ours(self, *types: str) -> tuple[Resource, ...]:
        """Return the services of these types that run PrimePOS."""
        return tuple(one for one in self.of_type(*types) if one.is_ours)

    def entries(self, resource: Resource) -> Iterator[Entry]:
        """Return the variables that stand at a service or group itself, without those of attached groups."""
        listed = resource.says.get("envVars")
        for number, said in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(said, dict) and isinstance(said.get("key"), str):
                yield Entry(said["key"], (*resource.at, "envVars", number), said)

    def attached(self, service: Resource) -> Iterator[tuple[str, Pointer]]:
        """Return the names of the groups that a service takes in, and where it says so."""
        listed = service.says.get("envVars")
        for number, said in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(said, dict) and isinstance(said.get("fromGroup"), str):
                yield said["fromGroup"], (*service.at, "envVars", number)

    def variables(self, service: Resource) -> dict[str, Entry]:
        """Return what a service is given, by name; what stands at the service wins over its groups."""
        found: dict[str, Entry] = {}
        by_name = {group.name: group for group in self.groups}
        for name, _ in self.attached(service):
            for entry in self.entries(by_name[name]) if name in by_name else ():
                found[entry.key] = Entry(entry.key, entry.at, entry.says, name)
        found.update({entry.key: entry for entry in self.entries(service)})
        return found

    def _resources(self, kind: str) -> Iterator[Resource]:
        for at, holder in self._holders():
            listed = holder.get(kind)
            for number, said in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(said, dict):
                    yield Resource((*at, kind, number), said)

    def _holders(self) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
        """Return what may hold resources: the file itself, ``ungrouped``, and each environment of each project."""
        root = self.root or {}
        yield (), root
        if isinstance(root.get("ungrouped"), dict):
            yield ("ungrouped",), root["ungrouped"]
        for at, project in _items(root, "projects"):
            for inner, environment in _items(project, "environments"):
                yield (*at, *inner), environment


def read_blueprint(path: Path) -> Blueprint:
    """Read a blueprint; what is wrong with it as a file is in ``troubles``, nothing is raised."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Blueprint(text="", root=None, troubles=(Trouble("there is no render.yaml"),))
    except (OSError, UnicodeDecodeError) as error:
        return Blueprint(text="", root=None, troubles=(Trouble(f"cannot be read: {type(error).__name__}"),))
    return parse_blueprint(text)


def parse_blueprint(text: str) -> Blueprint:
    """Read the text of a blueprint."""
    reading = _Reading()
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            value = reading.value(node, (), loader) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        said = error.problem or error.context or "is not YAML"
        return Blueprint(text=text, root=None, troubles=(Trouble(said, at.line + 1 if at else None),))
    except (yaml.YAMLError, ValueError) as error:
        return Blueprint(text=text, root=None, troubles=(Trouble(f"is not YAML: {error}".splitlines()[0]),))
    if value is None:
        reading.troubles.append(Trouble("is empty"))
    elif not isinstance(value, dict):
        reading.troubles.append(Trouble("is not a mapping of services, databases and envVarGroups", 1))
    root = value if isinstance(value, dict) else None
    return Blueprint(text=text, root=root, troubles=tuple(reading.troubles), marks=reading.marks)


class _Reading:
    """Makes values of composed nodes and remembers where each stood."""

    def __init__(self) -> None:
        self.marks: dict[Pointer, Mark] = {}
        self.troubles: list[Trouble] = []
        self._seen = 0

    def value(self, node: Any, at: Pointer, loader: Any) -> Any:
        self._seen += 1
        if self._seen > MAX_NODES or len(at) > MAX_DEPTH:
            # Aliases inside aliases make a small file endless.
            raise yaml.YAMLError(f"holds more than {MAX_NODES} values or {MAX_DEPTH} levels")
        line = node.start_mark.line + 1
        self.marks[at] = Mark(line, node.value if isinstance(node, yaml.ScalarNode) else "", _quoted(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at, loader)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*at, number), loader) for number, one in enumerate(node.value)]
        return loader.construct_object(node)

    def _mapping(self, node: Any, at: Pointer, loader: Any) -> dict[Hashable, Any]:
        self._refuse_twins(node)
        if any(key.tag == _MERGE for key, _ in node.value):
            loader.flatten_mapping(node)
        made: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.troubles.append(Trouble("a key is not a text", key.start_mark.line + 1))
                continue
            name = loader.construct_object(key)
            # `on:` and `2:` are not texts for YAML; no key of a blueprint is anything else.
            made[name if isinstance(name, str) else key.value] = self.value(value, (*at, key.value), loader)
        return made

    def _refuse_twins(self, node: Any) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                self.troubles.append(Trouble(f"the key {key.value} stands at line {first[key.value]} already", line))
            first.setdefault(key.value, line)


def shown(at: Pointer) -> str:
    """Return a pointer as people write it: ``services[0].envVars[2].key``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in at]
    return "".join(parts).lstrip(".") or "the file"


def _quoted(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.style)


def _items(holder: Mapping[str, Any], key: str) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    listed = holder.get(key)
    for number, said in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(said, dict):
            yield (key, number), said
