"""The queue's rows, read and changed by the library's own functions, as the role that sees every tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from primepos.core.db import UnitOfWork
    from primepos.domain.jobs.schemas import ListJobs

_ROWS = """
SELECT j.id AS number, j.task_name AS task, t.slug AS tenant, j.status::text AS status, j.attempts, j.scheduled_at,
       j.args - 'tenant_id' AS arguments,
       (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) AS at
  FROM procrastinate_jobs j LEFT JOIN tenants t ON t.id = (j.args->>'tenant_id')::int
 WHERE (%(status)s::text IS NULL OR j.status::text = %(status)s)
   AND (%(task)s::text IS NULL OR j.task_name = %(task)s)
   AND (%(after)s::bigint IS NULL OR j.id < %(after)s)
   AND (%(id)s::bigint IS NULL OR j.id = %(id)s)
 ORDER BY j.id DESC LIMIT %(limit)s
"""


def page_of_jobs(uow: UnitOfWork, asked: ListJobs) -> list[dict[str, Any]]:
    """Return jobs, newest first, one more than asked for where there are more."""
    return uow.rows(
        _ROWS,
        {"status": asked.status, "task": asked.task, "after": asked.after, "id": None, "limit": asked.limit + 1},
    )


def job_row(uow: UnitOfWork, job_id: int) -> dict[str, Any] | None:
    """Return one job, or None."""
    rows = uow.rows(_ROWS, {"status": None, "task": None, "after": None, "id": job_id, "limit": 1})
    return rows[0] if rows else None


def status_for_update(uow: UnitOfWork, job_id: int) -> str | None:
    """Return a job's status and let nobody change it until the transaction ends; None when there is no such job."""
    rows = uow.rows("SELECT status::text AS status FROM procrastinate_jobs WHERE id = %s FOR UPDATE", (job_id,))
    return rows[0]["status"] if rows else None


def retry(uow: UnitOfWork, job_id: int) -> None:
    """Put a failed job back into the queue, to be run at once."""
    uow.rows("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", (job_id,))


def cancel(uow: UnitOfWork, job_id: int) -> None:
    """Take a waiting job out of the queue; its row stays and says so."""
    uow.rows("SELECT procrastinate_cancel_job_v1(%s, false, false)", (job_id,))


def sweep_counters(uow: UnitOfWork, now: datetime) -> int:
    """Remove throttle counters whose window was over an hour before ``now``; returns how many."""
    return uow.run("DELETE FROM throttle_counters WHERE expires_at < %s::timestamptz - interval '1 hour'", (now,))


def sweep_finished(uow: UnitOfWork, now: datetime) -> int:
    """Remove jobs that ended a month before ``now``, however they ended; returns how many."""
    return uow.run(
        "DELETE FROM procrastinate_jobs j WHERE j.status NOT IN ('todo', 'doing')"
        " AND NOT EXISTS (SELECT FROM procrastinate_events e WHERE e.job_id = j.id"
        " AND e.at > %s::timestamptz - interval '30 days')"
        " AND NOT EXISTS (SELECT FROM procrastinate_periodic_defers d WHERE d.job_id = j.id)",
        (now,),
    )
