"""The worker: takes jobs from the queue and runs each as an operation of its tenant.

Procrastinate speaks to PostgreSQL with the login's own rights, since the queue belongs to no tenant; the work itself
goes through ``App.run`` and so through roles, policies and audit like anybody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import procrastinate
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from primepos.core.errors import ErrorKind, PrimePOSError
from primepos.core.log import bound, get_logger
from primepos.domain.jobs import mail as mail_jobs
from primepos.domain.jobs.tasks import TASKS, Task, wait_before_retry_s
from primepos.domain.ops.jobs_done import JobTally
from primepos.domain.reporting import service as reporting
from primepos.domain.values import service as values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from procrastinate import JobContext
    from procrastinate.jobs import Job

    from primepos.core.operations import App

# Importing these declares their jobs.
DECLARING = (mail_jobs, reporting, values)
QUEUE = "default"
GRACE_S = 30
_HEARTBEAT_S = 10
_DEAD_AFTER_S = 60
_LOOK_FOR_ORPHANS_S = 60
_TELL_S = 10

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Backoff(BaseRetryStrategy):
    """Asks the feature's rule whether and when to try again."""

    task: Task

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        wait = wait_before_retry_s(exception, job.attempts, self.task.attempts)
        return None if wait is None else RetryDecision(retry_in={"seconds": wait})


def queue_app(app: App, tally: JobTally | None = None) -> procrastinate.App:
    """Return procrastinate's App on this App's database, with every declared job, counted in ``tally``."""
    tally = tally or JobTally()
    url = app.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    made = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=url, min_size=1, max_size=4, kwargs={"application_name": "primepos worker"}
        )
    )
    for task in TASKS.values():
        made.task(name=task.name, queue=QUEUE, retry=_Backoff(task), pass_context=True)(_runner(app, task, tally))
    return made


def _runner(app: App, task: Task, tally: JobTally) -> Any:
    def run(context: JobContext, **arguments: Any) -> None:
        job, started = context.job, time.perf_counter()
        outcome = "done"
        with bound(job_id=job.id, task=task.name, tenant_id=arguments.get("tenant_id")):
            try:
                task.run(app, arguments)
            except Exception as error:
                again = wait_before_retry_s(error, job.attempts, task.attempts) is not None
                outcome = "retried" if again else "failed"
                if isinstance(error, PrimePOSError) and error.kind not in {ErrorKind.BUG, ErrorKind.CONFIG}:
                    log.warning("job.refused", msg=error.message, error_code=error.code, again=again)
                else:
                    log.exception("job.failed", msg="A job failed", again=again)
                raise
            finally:
                tally.count(task.name, outcome, time.perf_counter() - started)

    return run


async def work(
    app: App, *, concurrency: int = 2, listen: bool = True, once: bool = False, signals: bool = False
) -> None:
    """Run jobs until told to stop, or until the queue is empty if ``once``.

    ``signals`` lets SIGTERM and SIGINT end the work: jobs that run get half a minute to finish, no new one begins.
    ``listen`` needs a connection of its own that no pooler shares; without it the queue is asked every five seconds.
    """
    tally = JobTally()
    queue = queue_app(app, tally)
    async with queue.open_async(), _orphans_looked_for(queue), _told(app, tally):
        await queue.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            wait=not once,
            listen_notify=listen and not once,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_S,
            update_heartbeat_interval=_HEARTBEAT_S,
            stalled_worker_timeout=_DEAD_AFTER_S,
            install_signal_handlers=signals,
        )


def run_worker(app: App, *, concurrency: int = 2, listen: bool = True, once: bool = False) -> None:
    """Run jobs in this process until SIGTERM or Ctrl-C, or until the queue is empty if ``once``."""
    asyncio.run(work(app, concurrency=concurrency, listen=listen, once=once, signals=True))


async def requeue_orphans(queue: procrastinate.App) -> int:
    """Give back the jobs of workers that died over them, and return how many; a job runs twice rather than never."""
    orphans = list(await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER_S))
    for orphan in orphans:
        await queue.job_manager.retry_job(orphan)
    if orphans:
        log.warning("jobs.orphaned", msg="Jobs of a lost worker are queued again", jobs=len(orphans))
    return len(orphans)


@contextlib.asynccontextmanager
async def _orphans_looked_for(queue: procrastinate.App) -> AsyncIterator[None]:
    """Look for orphans now and every minute while the block runs."""
    await requeue_orphans(queue)

    async def look() -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_ORPHANS_S)
            with contextlib.suppress(procrastinate.exceptions.ConnectorException):
                await requeue_orphans(queue)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


@contextlib.asynccontextmanager
async def _told(app: App, tally: JobTally) -> AsyncIterator[None]:
    """Add what was counted to the database's figures every few seconds while the block runs, and at its end."""

    async def add() -> None:
        try:
            await asyncio.to_thread(tally.add_to, app.database)
        except PrimePOSError as error:
            # It stays counted; there is nothing wrong with the jobs themselves.
            log.info("jobs.uncounted", msg=error.message)

    async def tell() -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            await add()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await add()
