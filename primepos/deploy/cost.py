"""What ``render.yaml`` costs a month: its plans, instances and disks, by a dated table of prices.

Prices change and are Render's to say. So the table carries its date and source, holds only what could be confirmed, and
a plan that it does not hold is an error, never a guess. Amounts are whole cents.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primepos.core.errors import InvalidInput, NotFound
from primepos.deploy.blueprint import read_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from primepos.deploy.blueprint import Blueprint, Resource

TABLE: Final = "render_prices.toml"
_RUNNING: Final = frozenset({"web", "pserv", "worker"})
_KEY_VALUE: Final = frozenset({"keyvalue", "redis"})
_DEFAULT_PLAN: Final = {"postgres": "basic-256mb", "keyvalue": "starter", "instance": "starter"}
_LEAST_DISK_GB: Final = 1


class NoBlueprint(NotFound):
    """There is no such file, or it cannot be read as a blueprint."""

    code = "NO_BLUEPRINT"
    template = "{path} cannot be read as a blueprint: {problem}"


class UnknownPlan(InvalidInput):
    """The table has no price for a plan: it is misspelt, or nobody has confirmed what it costs."""

    code = "UNKNOWN_PLAN"
    template = "No price is known for the {kind} plan {plan!r} of {resource}; known are {known}"
    hint = "Look it up on https://render.com/pricing and give a table of your own with --prices."


class BadPrices(InvalidInput):
    """A table of prices that cannot be used."""

    code = "BAD_PRICES"
    template = "{path} is no table of prices: {problem}"


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices a month as decimal texts, by kind and plan; of what date, and where from."""

    as_of: str
    currency: str
    source: str
    instance: dict[str, str]
    postgres: dict[str, str]
    keyvalue: dict[str, str]
    cron: dict[str, str]
    storage: dict[str, str]

    def cents(self, kind: str, plan: str, resource: str) -> int:
        """Return the price of a plan in cents. Raises UnknownPlan."""
        table: dict[str, str] = getattr(self, kind)
        if plan not in table:
            raise UnknownPlan(kind=kind, plan=plan, resource=resource, known=", ".join(table))
        return int(Decimal(table[plan]) * 100)


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the bill: how many of what at which price; ``most_cents`` where it may scale up."""

    resource: str
    what: str
    count: int
    most_count: int
    unit_cents: int
    cents: int
    most_cents: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The bill of a month in ``currency`` cents, at least and at most, and what is not in it."""

    currency: str
    as_of: str
    source: str
    lines: list[CostLine]
    total_cents: int
    most_cents: int
    notes: list[str]


@cache
def own_prices() -> Prices:
    """Return the table that comes with PrimePOS."""
    text = (resources.files("primepos.deploy") / TABLE).read_text(encoding="utf-8")
    return _table(text, TABLE)


def prices_of(path: Path) -> Prices:
    """Return a table of somebody's own. Raises BadPrices."""
    try:
        return _table(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadPrices(path=str(path), problem=type(error).__name__) from error


def _table(text: str, path: str) -> Prices:
    try:
        table = msgspec.convert(tomllib.loads(text), Prices)
        amounts = [Decimal(each) for kind in _KINDS for each in getattr(table, kind).values()]
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadPrices(path=path, problem=str(error)) from error
    except InvalidOperation:
        raise BadPrices(path=path, problem='amounts are written like "0.30"') from None
    if any(not each.is_finite() or each < 0 or each * 100 % 1 for each in amounts):
        raise BadPrices(path=path, problem="amounts are whole cents, none below zero")
    return table


_KINDS: Final = ("instance", "postgres", "keyvalue", "cron", "storage")


def cost_of(path: Path, prices: Prices | None = None) -> Cost:
    """Return what the blueprint at ``path`` costs a month. Raises NoBlueprint, UnknownPlan."""
    blueprint = read_blueprint(path)
    if blueprint.troubles:
        raise NoBlueprint(path=str(path), problem=blueprint.troubles[0].text)
    return cost_of_blueprint(blueprint, prices or own_prices())


def cost_of_blueprint(blueprint: Blueprint, prices: Prices) -> Cost:
    """Return what a blueprint costs a month. Raises UnknownPlan."""
    lines: list[CostLine] = []
    notes: list[str] = []
    for service in blueprint.services:
        lines += _service(service, prices, notes)
    for database in blueprint.databases:
        lines += _database(database, prices, notes)
    notes.append("Not in it: the workspace's own plan, traffic beyond what is free, build minutes, previews, taxes.")
    return Cost(
        currency=prices.currency,
        as_of=prices.as_of,
        source=prices.source,
        lines=lines,
        total_cents=sum(each.cents for each in lines),
        most_cents=sum(each.most_cents for each in lines),
        notes=notes,
    )


def _service(service: Resource, prices: Prices, notes: list[str]) -> Iterator[CostLine]:
    says, name = service.says, service.name
    if service.type in _KEY_VALUE:
        plan = str(says.get("plan") or _DEFAULT_PLAN["keyvalue"])
        yield _line(name, f"key value {plan}", prices.cents("keyvalue", plan, name))
    elif service.type == "cron":
        notes.append(f"{name} is charged by the minutes it runs; counted is the least a job costs.")
        yield _line(name, "cron job", prices.cents("cron", "least", name))
    elif service.type in _RUNNING and says.get("runtime", says.get("env")) == "static":
        notes.append(f"{name} is static: free but for its traffic.")
    elif service.type in _RUNNING:
        plan = str(says.get("plan") or _DEFAULT_PLAN["instance"])
        least, most = _instances(says)
        yield _line(name, f"{service.type} {plan}", prices.cents("instance", plan, name), least, most)
        disk = says.get("disk")
        if isinstance(disk, dict):
            size = _whole(disk.get("sizeGB"), 10)
            yield _line(name, "disk, GB", prices.cents("storage", "disk", name), size)
    else:
        notes.append(f"{name} has the type {service.type or '(none)'}, which this does not price.")


def _database(database: Resource, prices: Prices, notes: list[str]) -> Iterator[CostLine]:
    says, name = database.says, database.name
    plan = str(says.get("plan") or _DEFAULT_PLAN["postgres"])
    standby = says.get("highAvailability")
    copies = 1 + (1 if isinstance(standby, dict) and standby.get("enabled") is True else 0)
    replicas = says.get("readReplicas")
    copies += len(replicas) if isinstance(replicas, list) else 0
    yield _line(name, f"postgres {plan}", prices.cents("postgres", plan, name), copies)
    if plan == "free":
        return
    if "diskSizeGB" not in says:
        notes.append(f"{name} does not say diskSizeGB: {_LEAST_DISK_GB} GB is counted.")
    size = _whole(says.get("diskSizeGB"), _LEAST_DISK_GB)
    yield _line(name, "storage, GB", prices.cents("storage", "postgres", name), size * copies)
    if says.get("storageAutoscalingEnabled") is True:
        notes.append(f"{name} grows by itself when it is full (storageAutoscalingEnabled), and never shrinks.")


def _instances(says: Mapping[str, Any]) -> tuple[int, int]:
    scaling = says.get("scaling")
    if isinstance(scaling, dict):
        least = _whole(scaling.get("minInstances"), 1)
        return least, max(least, _whole(scaling.get("maxInstances"), least))
    number = _whole(says.get("numInstances"), 1)
    return number, number


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _line(resource: str, what: str, unit: int, count: int = 1, most: int | None = None) -> CostLine:
    most = count if most is None else most
    return CostLine(
        resource=resource,
        what=what,
        count=count,
        most_count=most,
        unit_cents=unit,
        cents=unit * count,
        most_cents=unit * most,
    )
