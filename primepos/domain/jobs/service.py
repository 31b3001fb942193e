"""The operator's view of the queue, and the facts that tell whether backups and nightly jobs go well."""

from datetime import timedelta

from primepos.core.context import Context
from primepos.core.errors import InvalidInput
from primepos.core.operations import Nothing, Scope, operation
from primepos.core.permissions import Permission
from primepos.domain.jobs import facts, queries
from primepos.domain.jobs.errors import JobNotCancellable, JobNotFound, JobNotRetryable, TicketNotFound
from primepos.domain.jobs.schemas import (
    FactsOut,
    JobById,
    JobByNumber,
    JobFailure,
    JobOut,
    JobPage,
    JobRow,
    ListJobs,
    RecordSuccess,
)
from primepos.domain.jobs.tickets import find_ticket

_CLOCKS_DIFFER = timedelta(minutes=10)
_JOB_PREFIX, _JOB_SUFFIX = "job.", ".last_success"


@operation("jobs.list", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, reads=True)
def list_jobs(ctx: Context, data: ListJobs) -> JobPage:
    """List the jobs in the queue, newest first; those that succeeded have left it."""
    rows = queries.page_of_jobs(ctx.uow, data)
    items = [JobRow(**row) for row in rows[: data.limit]]
    return JobPage(items=items, next=items[-1].number if len(rows) > data.limit else None)


@operation(
    "jobs.retry", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, raises=(JobNotFound, JobNotRetryable)
)
def retry_job(ctx: Context, data: JobByNumber) -> JobRow:
    """Put a failed job back into the queue; a worker takes it at once."""
    status = queries.status_for_update(ctx.uow, data.number)
    if status is None:
        raise JobNotFound(number=data.number)
    if status != "failed":
        raise JobNotRetryable(number=data.number, status=status)
    queries.retry(ctx.uow, data.number)
    ctx.note(f"job:{data.number}")
    return _row(ctx, data.number)


@operation(
    "jobs.cancel", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, raises=(JobNotFound, JobNotCancellable)
)
def cancel_job(ctx: Context, data: JobByNumber) -> JobRow:
    """Take a waiting job out of the queue for good; one that runs is left to its worker."""
    status = queries.status_for_update(ctx.uow, data.number)
    if status is None:
        raise JobNotFound(number=data.number)
    if status != "todo":
        raise JobNotCancellable(number=data.number, status=status)
    queries.cancel(ctx.uow, data.number)
    ctx.note(f"job:{data.number}")
    return _row(ctx, data.number)


@operation("jobs.record_success", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM)
def record_success(ctx: Context, data: RecordSuccess) -> FactsOut:
    """Record that a backup, a restore drill or a nightly job went well; ``at`` is now where it is not given.

    An earlier moment than the one recorded changes nothing. The deploy gate and the metrics look at these.
    """
    now = ctx.clock.now()
    at = data.at or now
    if at > now + _CLOCKS_DIFFER:
        raise InvalidInput("What went well lies in the past", problems=[{"field": "at", "problem": "is in the future"}])
    facts.remember(ctx.uow, data.name, at)
    ctx.note(f"fact:{data.name}", at=at.isoformat(), **({"by": data.by} if data.by else {}))
    return _facts(ctx)


@operation("jobs.facts", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, reads=True)
def show_facts(ctx: Context, data: Nothing) -> FactsOut:
    """Show when the last backup, the last restore drill and each nightly job went well."""
    del data
    return _facts(ctx)


@operation("jobs.show", permission=Permission.TENANT_READ, reads=True, raises=(TicketNotFound,))
def show_job(ctx: Context, data: JobById) -> JobOut:
    """Show how far a job is that one asked for, or what came of it; who runs the shop sees everybody's."""
    found = find_ticket(ctx, data.id)
    if found is None:
        raise TicketNotFound
    asker = found.pop("asked_by_id")
    is_own = asker is not None and asker == ctx.identity.actor_id
    if not is_own and not ctx.identity.can(Permission.SETTINGS_WRITE):
        raise TicketNotFound
    error = found.pop("error")
    return JobOut(error=JobFailure(**error) if error else None, **found)


def _row(ctx: Context, job_id: int) -> JobRow:
    row = queries.job_row(ctx.uow, job_id)
    if row is None:
        raise JobNotFound(number=job_id)
    return JobRow(**row)


def _facts(ctx: Context) -> FactsOut:
    known = facts.recall(ctx.uow)
    return FactsOut(
        last_backup=known.get(facts.LAST_BACKUP),
        last_drill=known.get(facts.LAST_DRILL),
        jobs={
            name.removeprefix(_JOB_PREFIX).removesuffix(_JOB_SUFFIX): at
            for name, at in sorted(known.items())
            if name.startswith(_JOB_PREFIX)
        },
    )
