"""How questions about jobs are refused."""

from __future__ import annotations

from primepos.core.errors import Conflict, NotFound, RuleViolation


class JobNotFound(NotFound):
    """The queue holds no job of this number; jobs that succeeded leave it."""

    code = "JOB_NOT_FOUND"
    template = "There is no job {number} in the queue"


class JobNotRetryable(RuleViolation):
    """Only a job that failed can be tried again."""

    code = "JOB_NOT_RETRYABLE"
    template = "Job {number} is {status}: only a failed one can be tried again"


class JobNotCancellable(RuleViolation):
    """Only a job that still waits can be cancelled."""

    code = "JOB_NOT_CANCELLABLE"
    template = "Job {number} is {status}: only a waiting one can be cancelled"


class NightlyRunning(Conflict):
    """The nightly jobs are being run by somebody else."""

    code = "NIGHTLY_RUNNING"
    template = "The nightly jobs are running already; nothing was begun"


class NoSuchChore(NotFound):
    """There is no nightly job of this name."""

    code = "NO_SUCH_CHORE"
    template = "There is no nightly job {name!r}; there are {known}"


class TicketNotFound(NotFound):
    """There is no such job of this tenant, or it is somebody else's and not for the one who asks."""

    code = "TICKET_NOT_FOUND"
    template = "There is no such job"
