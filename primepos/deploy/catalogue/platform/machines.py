"""What is rented: plans, regions, instances, the database's version and who can reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.deploy.blueprint_shape import KEYVALUE, POSTGRES_MAJORS
from primepos.deploy.catalogue.platform.look import Look, blueprint_check, counted
from primepos.deploy.check import HIGH, MEDIUM, Outcome, not_applicable

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST_MAJOR = 15
ENOUGH_INSTANCES = 2


@blueprint_check(
    "RND046", HIGH, rule="Nothing of production runs on the free plan",
    remedy="plan: starter for services, basic-256mb for the database, or more.",
    anchor="Render blueprint specification",
)  # fmt: skip
def plans_are_paid(look: Look) -> str:
    """Free services sleep and have no preDeployCommand; free databases are deleted; free workers do not exist."""
    resources = (*look.blueprint.of_type("web", "worker", "pserv", "cron", *KEYVALUE), *look.blueprint.databases)
    for one in resources:
        if one.says.get("plan") == "free":
            look.wrong((*one.at, "plan"), f"is free: {_why(one.type)}")
    return counted(str(one.says.get("plan", "the default plan")) for one in resources)


def _why(kind: str) -> str:
    if kind in {"worker", "cron", "pserv"}:
        return f"no {kind} has a free plan"
    return {"web": "it sleeps, and runs no preDeployCommand", "": "it is deleted after a month"}.get(
        kind, "it keeps nothing"
    )


@blueprint_check(
    "RND053", HIGH, rule="Databases and key-value stores are closed to the internet",
    remedy="ipAllowList: []", anchor="Render blueprint specification",
)  # fmt: skip
def stores_are_closed(look: Look) -> str | Outcome:
    """A database without the list answers every address on earth."""
    stores = (*look.blueprint.databases, *look.blueprint.of_type(*KEYVALUE))
    if not stores:
        return not_applicable("no database or key-value store")
    for store in stores:
        listed = store.says.get("ipAllowList")
        if "ipAllowList" not in store.says and not store.type:
            look.wrong(store.at, "has no ipAllowList: open to every address")
        elif isinstance(listed, list) and listed:
            sources = [str(one.get("source")) for one in listed if isinstance(one, dict)]
            look.wrong((*store.at, "ipAllowList"), f"lets in {', '.join(sources)}")
    return ", ".join(f"{one.name}: nobody outside" for one in stores)


@blueprint_check(
    "RND054", MEDIUM, rule="Everything is in one region",
    remedy="Give every service and database the database's region; it cannot be changed later.",
    anchor="Render blueprint specification",
)  # fmt: skip
def one_region(look: Look) -> str:
    """The private network ends at the region: across it the database is not even reachable by its inner name."""
    resources = (*look.blueprint.databases, *look.blueprint.of_type("web", "worker", "pserv", "cron", *KEYVALUE))
    regions = [str(one.says.get("region", "oregon")) for one in resources]
    for one, region in zip(resources, regions, strict=True):
        if region != regions[0]:
            unsaid = "" if "region" in one.says else " (the default)"
            look.wrong((*one.at, "region"), f"is {region}{unsaid}, {resources[0].name} is in {regions[0]}")
    return counted(regions)


@blueprint_check(
    "RND055", MEDIUM, rule="The major version of PostgreSQL is pinned, quoted and still maintained",
    remedy='postgresMajorVersion: "16"', anchor="Render blueprint specification",
)  # fmt: skip
def database_version_is_pinned(look: Look) -> str | Outcome:
    """Unpinned, the version is whatever is newest on the day; it cannot be changed in the file later."""
    if not look.blueprint.databases:
        return not_applicable("no database")
    told = {one.at for one in look.found}
    for database in look.blueprint.databases:
        at = (*database.at, "postgresMajorVersion")
        version = database.says.get("postgresMajorVersion")
        if version is None and at not in told:
            look.wrong(database.at, "has no postgresMajorVersion")
        elif version in POSTGRES_MAJORS and int(str(version)) < OLDEST_MAJOR:
            look.wrong(at, f"is {version}, which is not maintained any more; {OLDEST_MAJOR} or newer")
    return counted(f"PostgreSQL {one.says.get('postgresMajorVersion')}" for one in look.blueprint.databases)


@blueprint_check(
    "RND056", MEDIUM, rule="Two instances or more serve the API, and no disk ties it to one",
    remedy="numInstances: 2, and uploads in a bucket instead of on a disk", anchor="Render web services",
)  # fmt: skip
def api_has_two_instances(look: Look) -> str:
    """One instance is one fault away from none; a disk belongs to one instance and stops it for every deploy."""
    for service in look.blueprint.ours("web"):
        if "disk" in service.says:
            look.wrong((*service.at, "disk"), "keeps the service at one instance")
        scaling = service.says.get("scaling")
        least = scaling.get("minInstances", 1) if isinstance(scaling, dict) else service.says.get("numInstances", 1)
        if isinstance(least, int) and least < ENOUGH_INSTANCES:
            at = ("scaling", "minInstances") if isinstance(scaling, dict) else ("numInstances",)
            look.wrong((*service.at, *at), f"is {least}: {ENOUGH_INSTANCES} or more are wanted")
    return counted(_instances(one.says) for one in look.blueprint.ours("web"))


def _instances(says: Mapping[str, Any]) -> str:
    scaling = says.get("scaling")
    if isinstance(scaling, dict):
        return f"{scaling.get('minInstances')} to {scaling.get('maxInstances')} instances"
    return f"{says.get('numInstances')} instances"
