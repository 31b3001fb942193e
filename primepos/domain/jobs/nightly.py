"""The nightly jobs: run one after the other, by one process at a time, each free to fail by itself.

A chore that went well is recorded, so that the deploy gate and the metrics see one that no longer does. Every chore is
safe to repeat: run twice in a night, the second run finds nothing to do.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from primepos.core.db import apart
from primepos.core.errors import PrimePOSError
from primepos.core.log import get_logger
from primepos.domain.jobs import facts, queries
from primepos.domain.jobs.errors import NightlyRunning, NoSuchChore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from primepos.core.db import UnitOfWork
    from primepos.core.operations import App

T = TypeVar("T")

#: Held by whoever runs the nightly jobs.
ADVISORY_LOCK: Final = 7_767_676_703

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """One nightly job. ``run`` returns what it did, or None where it has nothing to do with this installation."""

    name: str
    summary: str
    run: Callable[[App], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class ChoreDone:
    """How a chore ended; ``took_ms`` is wall time."""

    name: str
    outcome: Literal["done", "skipped", "failed"]
    did: dict[str, Any]
    code: str | None
    problem: str | None
    took_ms: int


@dataclass(frozen=True, slots=True)
class ChoreState:
    """A chore and when it last went well."""

    name: str
    summary: str
    last_success: datetime | None


def across_tenants(app: App, work: Callable[[UnitOfWork], T], *, read_only: bool = False) -> T:
    """Do a chore's work in one transaction as the role that sees every tenant, and commit it."""
    return apart(lambda: app.database.system_session(read_only=read_only), work)


def sweep_queue(app: App) -> dict[str, Any]:
    """Remove what is over and of no use: spent throttle counters, and jobs that ended a month ago."""
    now = app.clock.now()

    def work(uow: UnitOfWork) -> dict[str, Any]:
        return {"counters": queries.sweep_counters(uow, now), "jobs": queries.sweep_finished(uow, now)}

    return across_tenants(app, work)


SWEEP = Chore("counters", "Remove spent throttle counters and old jobs", sweep_queue)


def run_chores(app: App, chores: Sequence[Chore], names: Sequence[str] = ()) -> list[ChoreDone]:
    """Run the chores, or the named ones only, and return how each ended, in their order.

    Raises:
        NoSuchChore: a name that none has. NightlyRunning: another process is at it. Nothing was begun.
    """
    known = {chore.name: chore for chore in chores}
    for name in names:
        if name not in known:
            raise NoSuchChore(name=name, known=", ".join(known))
    with _turn(app):
        return [_run(app, chore) for chore in chores if not names or chore.name in names]


def states(app: App, chores: Sequence[Chore]) -> list[ChoreState]:
    """Return every chore with its last success."""
    known = across_tenants(app, facts.recall, read_only=True)
    return [ChoreState(each.name, each.summary, known.get(facts.job_fact(each.name))) for each in chores]


def _run(app: App, chore: Chore) -> ChoreDone:
    began = time.monotonic_ns()
    did: dict[str, Any] | None = None
    error: PrimePOSError | None = None
    try:
        did = chore.run(app)
        if did is not None:
            now = app.clock.now()
            across_tenants(app, lambda uow: facts.remember(uow, facts.job_fact(chore.name), now))
    except PrimePOSError as caught:
        error = caught
    took_ms = (time.monotonic_ns() - began) // 1_000_000
    if error is not None:
        log.error("job.chore_failed", msg=error.message, job=chore.name, error_code=error.code, duration_ms=took_ms)
        return ChoreDone(chore.name, "failed", {}, error.code, error.message, took_ms)
    if did is None:
        return ChoreDone(chore.name, "skipped", {}, None, None, took_ms)
    log.info("job.chore_done", msg=chore.summary, job=chore.name, duration_ms=took_ms, **did)
    return ChoreDone(chore.name, "done", did, None, None, took_ms)


@contextmanager
def _turn(app: App) -> Iterator[None]:
    """Hold the lock for the block. It is a transaction's: it holds behind a pooler too, and ends with this process."""
    uow = app.database.system_session()
    try:
        taken = uow.rows(
            "SELECT pg_try_advisory_xact_lock(%s) AS taken,"
            " set_config('idle_in_transaction_session_timeout', '0', true)",
            (ADVISORY_LOCK,),
        )
        if not taken[0]["taken"]:
            raise NightlyRunning
        yield
    finally:
        uow.close()
