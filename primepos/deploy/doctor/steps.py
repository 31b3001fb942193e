"""The diagnosis on this machine: a list of steps, each of which is taken and reported whatever the others found."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec
import psycopg

from primepos.adapters import schema_revision
from primepos.core.embedded.ports import is_listening
from primepos.core.errors import PrimePOSError
from primepos.core.settings import EmailBackend
from primepos.deploy.inspector import APP_ROLE, SYSTEM_ROLE
from primepos.deploy.prober import DeploymentUnreachable, Prober

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.deploy.doctor.patient import Patient
    from primepos.deploy.inspector import Inspector

MEBIBYTE: Final = 1024 * 1024
DISK_LOW, DISK_FULL = 1024 * MEBIBYTE, 256 * MEBIBYTE
CLOCK_ODD_S, CLOCK_WRONG_S = 5, 60
HEARTBEAT_S, WAITED_S = 60, 300
ALIVE_WITHIN_S = 5.0

REVISION_SQL: Final = "SELECT version_num FROM alembic_version"
# A job waits from when it was queued, or from when it was meant to begin.
QUEUE_SQL: Final = """
SELECT (SELECT extract(epoch FROM now() - max(last_heartbeat))::int FROM procrastinate_workers) AS heartbeat_s,
       (SELECT extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at)))::int
          FROM procrastinate_jobs j
          LEFT JOIN LATERAL (SELECT min(v.at) AS at FROM procrastinate_events v
                              WHERE v.job_id = j.id AND v.type = 'deferred') e ON true
         WHERE j.status = 'todo' AND coalesce(j.scheduled_at, e.at) <= now()) AS oldest_s,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo') AS waiting,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS dead
"""


class Health(StrEnum):
    """How a step ended. ADVICE needs no hurry; NOT_LOOKED could not be taken because an earlier one failed."""

    GOOD = "good"
    ADVICE = "advice"
    BAD = "bad"
    NOT_LOOKED = "not_looked"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: what was looked at, what was seen, and what to do about it; ``codes`` for `primepos doctor explain`."""

    name: str
    health: Health
    evidence: str
    fix: str | None = None
    codes: tuple[str, ...] = ()
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What one step saw."""

    health: Health
    evidence: str
    fix: str | None = None
    codes: tuple[str, ...] = ()


def diagnose(patient: Patient) -> list[Step]:
    """Take every step, in the order in which one thing needs another. Nothing is changed, nothing raised."""
    return [_taken(name, look, patient) for name, look in STEPS.items()]


def is_well(steps: list[Step]) -> bool:
    """Whether nothing is bad."""
    return all(step.health is not Health.BAD for step in steps)


def _taken(name: str, look: Callable[[Patient], Seen], patient: Patient) -> Step:
    started = time.perf_counter()
    try:
        seen = look(patient)
    except PrimePOSError as error:
        seen = Seen(Health.BAD, f"{error.code}: {error.message}", error.hint, (error.code,))
    except (psycopg.Error, OSError, ValueError) as error:
        seen = Seen(Health.BAD, f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
    return Step(
        name=name,
        health=seen.health,
        evidence=patient.shown(seen.evidence, cap=600),
        fix=seen.fix,
        codes=seen.codes,
        ms=round((time.perf_counter() - started) * 1000),
    )


def environment(patient: Patient) -> Seen:
    """Look at the variables as ``primepos serve`` would."""
    found = patient.examination
    problems = found.fatal or found.problems
    told = "; ".join(f"{one.variable} {one.text} [{one.rule}]" for one in problems[:6])
    more = f" and {len(problems) - 6} more" if len(problems) > 6 else ""
    codes = tuple(dict.fromkeys(one.rule for one in problems))
    if found.fatal:
        return Seen(Health.BAD, f"{len(problems)} problems: {told}{more}", "primepos env check", codes)
    if problems:
        return Seen(Health.ADVICE, f"fit for {found.environment.value}; {told}{more}", "primepos env check", codes)
    return Seen(Health.GOOD, f"fit for {found.environment.value}, {len(found.raw)} variables set")


def data_directory(patient: Patient) -> Seen:
    """Look at the disk that data is kept on."""
    directory: Path = patient.value("PRIMEPOS_DATA_DIR")
    there = next(each for each in (directory, *directory.parents) if each.exists())
    free = shutil.disk_usage(there).free
    told = f"{directory}: {free // MEBIBYTE} MiB free"
    fix = "Free room, or move PRIMEPOS_DATA_DIR; docs/runbooks/disk-full.md"
    if free < DISK_FULL:
        return Seen(Health.BAD, told, fix)
    return Seen(Health.ADVICE, told, fix) if free < DISK_LOW else Seen(Health.GOOD, told)


def port(patient: Patient) -> Seen:
    """Look at who listens where the API would."""
    number: int | None = patient.value("PORT")
    if number is None:
        return Seen(Health.NOT_LOOKED, "PORT cannot be read", "primepos env explain PORT")
    if not is_listening(number):
        return Seen(Health.GOOD, f"{number} is free: nothing serves here now")
    prober = Prober(f"http://127.0.0.1:{number}", timeout_s=ALIVE_WITHIN_S)
    try:
        body = prober.ask("GET", "/health/").json()
    except DeploymentUnreachable:
        body = {}
    finally:
        prober.close()
    if body.get("status") == "healthy":
        return Seen(Health.GOOD, f"PrimePOS {body.get('version', '?')} answers on {number}")
    return Seen(
        Health.BAD, f"something else listens on {number}", f"Stop it, or set PORT; `ss -ltnp sport = :{number}`",
        ("PORT_TAKEN", "DOC06"),
    )  # fmt: skip


def database(patient: Patient) -> Seen:
    """Connect."""
    inspector = patient.database
    if inspector is None:
        return _no_database(patient)
    version = inspector.version
    encrypted = "encrypted" if inspector.is_encrypted else "not encrypted"
    return Seen(
        Health.GOOD,
        f"PostgreSQL {version // 10000}.{version % 10000} at {inspector.where}: {inspector.connect_ms} ms, {encrypted}",
    )


def schema(patient: Patient) -> Seen:
    """Compare the schema with this release's."""
    inspector = _reached(patient)
    if inspector is None:
        return _not_without_database()
    newest = schema_revision.newest()
    try:
        rows = inspector.rows(REVISION_SQL, role=APP_ROLE)
    except psycopg.Error as error:
        if error.sqlstate not in {"42P01", "42704", "42501", "22023"}:
            raise
        rows = []
    if not rows:
        told = f"{inspector.where} was never migrated"
        return Seen(Health.BAD, told, "primepos migrate up", ("DOC03", "MIG030"))
    present = rows[0]["version_num"]
    if present == newest:
        return Seen(Health.GOOD, f"at {present}, the newest")
    if present < newest:
        return Seen(Health.BAD, f"at {present}, newest is {newest}", "primepos migrate up", ("MIG030",))
    return Seen(Health.ADVICE, f"at {present}, newer than this release's {newest}", "Update this release")


def clock(patient: Patient) -> Seen:
    """Compare this machine's clock with the database's."""
    inspector = _reached(patient)
    if inspector is None:
        return _not_without_database()
    before = datetime.now(UTC)
    theirs: datetime = inspector.row("SELECT clock_timestamp() AS at")["at"]
    ours = before + (datetime.now(UTC) - before) / 2
    apart = abs((theirs - ours).total_seconds())
    told = f"{apart:.1f} s from the database's"
    fix = "Let the machine keep time by NTP: `timedatectl set-ntp true`"
    if apart >= CLOCK_WRONG_S:
        return Seen(Health.BAD, told, fix, ("DOC05",))
    return Seen(Health.ADVICE, told, fix) if apart >= CLOCK_ODD_S else Seen(Health.GOOD, told)


def worker(patient: Patient) -> Seen:
    """Look for a sign of a worker, and at what waits for one."""
    inspector = _reached(patient)
    if inspector is None:
        return _not_without_database()
    try:
        found = inspector.row(QUEUE_SQL, role=SYSTEM_ROLE)
    except psycopg.errors.UndefinedTable:
        return Seen(Health.NOT_LOOKED, "there is no queue yet", "primepos migrate up")
    beat, oldest = found["heartbeat_s"], found["oldest_s"] or 0
    seen = "no worker was ever seen" if beat is None else f"worker seen {max(beat, 0)} s ago"
    told = f"{seen}; {found['waiting']} jobs wait, the oldest for {max(oldest, 0)} s; {found['dead']} were given up"
    lives = beat is not None and beat <= HEARTBEAT_S
    if found["dead"] or (not lives and oldest > WAITED_S):
        return Seen(
            Health.BAD, told, "primepos worker; then `primepos jobs --help` for those given up", ("OPS078", "DOC08")
        )
    if not lives:
        return Seen(Health.ADVICE, told, "primepos worker, or primepos serve --with-worker", ("OPS078",))
    return Seen(Health.GOOD, told)


def mail(patient: Patient) -> Seen:
    """Look at how mail would go, without sending any."""
    backend = patient.value("EMAIL_BACKEND")
    if backend is EmailBackend.SMTP:
        place = f"{patient.value('EMAIL_HOST')}:{patient.value('EMAIL_PORT')}"
        return Seen(Health.GOOD, f"by SMTP at {place}; `primepos doctor email --to ADDRESS` sends one")
    if patient.examination.environment.value in {"production", "staging"}:
        told = f"EMAIL_BACKEND is {backend}: nobody is sent anything"
        return Seen(Health.ADVICE, told, "EMAIL_BACKEND=smtp", ("ENV020", "DOC08"))
    return Seen(Health.GOOD, f"EMAIL_BACKEND is {backend}: fit for trying out")


STEPS: Final = {
    "environment": environment, "disk": data_directory, "port": port, "database": database, "migrations": schema,
    "clock": clock, "worker": worker, "mail": mail,
}  # fmt: skip


def _reached(patient: Patient) -> Inspector | None:
    """Return the database if it can be connected to."""
    try:
        if patient.database is not None:
            patient.database.row("SELECT 1 AS one")
    except (PrimePOSError, psycopg.Error, ValueError):
        return None
    return patient.database


def _not_without_database() -> Seen:
    return Seen(Health.NOT_LOOKED, "needs the database")


def _no_database(patient: Patient) -> Seen:
    if patient.url_problem is not None:
        told = f"DATABASE_URL {patient.url_problem}"
        return Seen(Health.BAD, told, "primepos doctor explain DOC01", ("DOC01", "ENV009"))
    if patient.embedded is None:
        return Seen(Health.BAD, "no database is named", "primepos doctor explain DOC01", ("DOC01", "ENV009"))
    state = patient.embedded.state
    if state == "absent":
        return Seen(Health.ADVICE, "there is no shop on this machine yet", "primepos init, or primepos demo")
    return Seen(Health.ADVICE, f"the embedded PostgreSQL is {state}", "primepos db start")
