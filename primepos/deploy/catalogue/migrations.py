"""Checks of the area migrations: the database is where the code is, and no revision holds up a shop that is open."""

from __future__ import annotations

import json
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from primepos.adapters.migration_errors import SqlParserMissing
from primepos.core.database_url import DatabaseAddress, parse_database_url
from primepos.deploy.check import (
    CRITICAL,
    HIGH,
    Needs,
    Outcome,
    Place,
    check,
    failed,
    not_applicable,
    passed,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from primepos.adapters.migration_lint import Report
    from primepos.deploy.target import Target

TOLD: Final = 3
POOL_PORTS: Final = {6432, 6543}
_POOL: Final = re.compile(r"pgbouncer|pgpool|odyssey|pooler|-pool\b", re.IGNORECASE)
_OTHER_RUNNER: Final = re.compile(r"\balembic\s+(?:up|down)grade\b")


def _location(target: Target) -> Path:
    """Return the migrations of the project, or those that were installed with the package."""
    from primepos.adapters.schema_revision import script_location

    beside = target.path("migrations")
    return beside if (beside / "versions").is_dir() else script_location()


# --- where the database is -------------------------------------------------------------------------------------------


def _applied(target: Target) -> str | None:
    if target.database.row("SELECT to_regclass('public.alembic_version') IS NULL AS is_missing")["is_missing"]:
        return None
    found = target.database.rows("SELECT version_num FROM alembic_version")
    return str(found[0]["version_num"]) if found else None


def _chain(target: Target) -> list[Any]:
    """Return the revisions, oldest first."""
    from primepos.adapters.migration_files import BASE, HEAD, scripts_in

    return list(reversed(list(scripts_in(_location(target)).iterate_revisions(HEAD, BASE))))


@check(
    "MIG030", CRITICAL, Needs.DATABASE, rule="Every migration of this release is applied",
    remedy="primepos migrate up, as the owner; on Render preDeployCommand: primepos release",
    anchor="Enlightn UpToDateMigrations",
)  # fmt: skip
def nothing_is_pending(target: Target) -> Outcome:
    """What is missing is missed by the first request that needs it."""
    present, names = _applied(target), [script.revision for script in _chain(target)]
    if present is None:
        return failed(f"{target.database.where} was never migrated: {len(names)} pending")
    if present not in names:
        return failed(
            f"{target.database.where} is at {present}, which this release does not know",
            remedy="Deploy the release that made it, or restore the backup from before it.",
        )
    pending = names[names.index(present) + 1 :]
    if pending:
        return failed(f"{target.database.where} is at {present}, pending: {', '.join(pending)}")
    return passed(f"{target.database.where} is at {present}, the newest")


@check(
    "MIG031", CRITICAL, Needs.STATIC, Needs.DATABASE,
    rule="The migrations are one chain without gaps, and none was edited after it was applied",
    remedy="Restore the files from version control; what is to be changed comes as a new revision.",
)  # fmt: skip
def files_are_one_chain(target: Target) -> Outcome:
    """Two heads cannot both be applied, and an edited file says something else than what was done."""
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    from primepos.adapters.migration_files import described, scripts_in

    try:
        with warnings.catch_warnings():
            # Alembic warns of a gap before it stumbles over it.
            warnings.simplefilter("ignore")
            heads = scripts_in(_location(target)).get_heads()
            chain = _chain(target) if len(heads) == 1 else []
    except (CommandError, RevisionError, KeyError) as error:
        return failed(f"the chain is broken: {str(error)[:200]}", Place("migrations/versions"))
    if len(heads) != 1:
        return failed(f"{len(heads)} heads: {', '.join(sorted(heads))}", Place("migrations/versions"))
    if target.database_url is None:
        return passed(f"{len(chain)} revisions, one head: {heads[0]}; no database given to compare checksums with")
    facts = target.database.facts
    edited = [
        _name(script)
        for script in chain
        if (told := facts.get(f"migration.{script.revision}"))
        and json.loads(told).get("sha256") not in {None, described(script).sha256}
    ]
    if edited:
        places = (Place(f"migrations/versions/{one}", 1) for one in edited)
        return failed(f"edited after they were applied: {', '.join(edited)}", *places)
    return passed(
        f"{len(chain)} revisions, one head: {heads[0]}; those applied have the checksums they were applied by"
    )


def _name(script: Any) -> str:
    return str(script.path).replace("\\", "/").rpartition("/")[2]


@check(
    "MIG032", HIGH, Needs.DATABASE, rule="The tables are those that the models declare",
    remedy="primepos migrate verify names each difference; bring them in line by a new revision",
    anchor="Django makemigrations --check",
)  # fmt: skip
def models_and_schema_agree(target: Target) -> Outcome:
    """Somebody changed the database by hand, or a model without a migration."""
    from primepos.adapters.migration_state import drift_from_models

    present, newest = _applied(target), _chain(target)[-1].revision
    if present != newest:
        return skipped(f"the database is at {present or 'base'}, not at {newest}: see MIG030")
    found = drift_from_models(target.database.url)
    return failed(_some(found)) if found else passed(f"no difference at {present}")


# --- what the lint says ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _looked_through(location: Path, _stamp: tuple[tuple[str, int, int], ...], today: date) -> Report:
    from primepos.adapters.migration_lint import lint

    return lint(location=location, today=today)


def _lint(target: Target) -> Report:
    """Look through the migrations once for all the rules."""
    location = _location(target)
    files = [*sorted(location.glob("versions/*.py")), *location.glob("*.toml")]
    stamp = tuple((str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in files)
    return _looked_through(location, stamp, target.today)


def _some(messages: list[str]) -> str:
    more = f" and {len(messages) - TOLD} more" if len(messages) > TOLD else ""
    return "; ".join(messages[:TOLD]) + more


def _rule(rule: str) -> Callable[[Target], Outcome]:
    def look(target: Target) -> Outcome:
        try:
            report = _lint(target)
        except SqlParserMissing as error:
            return skipped(str(error))
        found = [each for each in report.findings if each.rule == rule]
        if found:
            told = [f"{each.message}{f' ({each.note})' if each.note else ''}" for each in found]
            return failed(_some(told), *(Place(each.path, each.line) for each in found))
        allowed = [each.allowed for each in report.allowed if each.rule == rule and each.allowed is not None]
        until = f", {len(allowed)} allowed until {min(str(one.until) for one in allowed)}" if allowed else ""
        return passed(f"{report.statements} statements in {report.files} revisions after {_history(target)}{until}")

    look.__name__ = f"lint_{rule.lower()}"
    return look


def _history(target: Target) -> str:
    from primepos.adapters.migration_lint import start_after

    return start_after(_location(target)) or "the first"


ANCHORS: Final = {
    "MIG033": "squawk require-lock-timeout; strong_migrations",
    "MIG034": "squawk require-concurrent-index-creation, -deletion",
    "MIG035": "squawk ban-concurrent-index-creation-in-transaction",
    "MIG036": "squawk adding-required-field",
    "MIG037": "squawk adding-not-nullable-field; strong_migrations",
    "MIG038": "squawk constraint-missing-not-valid",
    "MIG039": "squawk renaming-column, renaming-table, changing-column-type",
    "MIG040": "squawk ban-drop-column; strong_migrations",
    "MIG041": "squawk disallowed-unique-constraint",
    "MIG042": "squawk adding-field-with-default",
    "MIG043": "squawk prefer-bigint-over-int, -identity, -text-field, -timestamp-tz",
    "MIG044": "strong_migrations",
    "MIG045": "ours",
    "MIG046": "ours",
    "MIG049": "squawk ban-truncate-cascade, ban-drop-database",
}


def _register() -> None:
    from primepos.adapters.migration_rules import RULES

    for name, rule in RULES.items():
        check(name, rule.severity, rule=rule.title, remedy=rule.instead, anchor=ANCHORS[name])(_rule(name))


_register()


# --- how migrating connects ------------------------------------------------------------------------------------------


@check(
    "MIG048", HIGH, rule="Migrations take turns by an advisory lock, over a direct connection",
    remedy="MIGRATION_DATABASE_URL: the database's own address, not the pooler's; migrate by primepos release",
    anchor="Render blueprint specification: connectionPoolString is in transaction mode",
)  # fmt: skip
def migrations_connect_directly(target: Target) -> Outcome:
    """A pooler in transaction mode gives the next statement to another session, which holds no lock."""
    wrong = list(_pooled_in_the_blueprint(target))
    if wrong:
        return failed(wrong[0][0], *(place for _, place in wrong))
    name = "MIGRATION_DATABASE_URL" if target.environ.get("MIGRATION_DATABASE_URL") else "DATABASE_URL"
    url = _url(target, name)
    if url is None:
        return not_applicable("no database is named: ENV009 says what is missing")
    if why := _pooled(url):
        return failed(f"{name} goes through a pooler: {why}")
    return passed(f"{name} is a direct address; primepos migrate takes the advisory lock")


def _url(target: Target, name: str) -> DatabaseAddress | None:
    settings = target.settings
    made = settings.migration_database_url if settings is not None else None
    text = made.reveal() if made is not None else target.environ.get(name)
    try:
        return parse_database_url(text) if text else None
    except ValueError:
        return None


def _pooled(address: DatabaseAddress) -> str | None:
    if address.port in POOL_PORTS:
        return f"port {address.port}"
    found = _POOL.search(address.host or "")
    return f"a host named {found[0]}" if found else None


def _pooled_in_the_blueprint(target: Target) -> Iterator[tuple[str, Place]]:
    blueprint = target.blueprint
    for service in blueprint.of_type("web"):
        given = blueprint.variables(service)
        entry = given.get("MIGRATION_DATABASE_URL") or given.get("DATABASE_URL")
        if entry is not None and entry.source.get("property") == "connectionPoolString":
            yield (
                f"{service.name} migrates through the pool: {entry.key} is a connectionPoolString",
                Place("render.yaml", blueprint.line(entry.at)),
            )
        for key in ("preDeployCommand", "startCommand", "buildCommand"):
            if _OTHER_RUNNER.search(str(service.says.get(key, ""))):
                yield (
                    f"{service.name} runs Alembic itself, which takes no lock: {key}",
                    Place("render.yaml", blueprint.line((*service.at, key))),
                )
