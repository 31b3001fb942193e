"""What is asked of the queue and of the installation's facts, and what they answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

Status = Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]


class ListJobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which jobs to list, newest first; ``after`` goes on below a job's number."""

    status: Status | None = None
    task: str | None = None
    after: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class JobByNumber(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one job by its number."""

    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]


class JobRow(Struct, frozen=True, kw_only=True):
    """One job. ``tenant`` is the slug; ``arguments`` are the operation's input; ``at`` is its latest event."""

    number: int
    task: str
    tenant: str | None
    status: Status
    attempts: int
    at: datetime | None
    scheduled_at: datetime | None
    arguments: dict[str, Any]


class JobPage(Struct, frozen=True, kw_only=True):
    """Jobs, newest first; ``next`` is the ``after`` of the following page."""

    items: list[JobRow]
    next: int | None


class RecordSuccess(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say that something went well: a backup, a restore drill, or a nightly job, made here or by the platform."""

    name: Annotated[str, Meta(pattern=r"^(backup\.last_(success|drill)|job\.[a-z][a-z_]{0,40}\.last_success)$")]
    at: Annotated[datetime, Meta(tz=True)] | None = None
    by: Annotated[str, Meta(max_length=200)] | None = None


class FactsOut(Struct, frozen=True, kw_only=True):
    """When things last went well; None where they never did. ``jobs`` goes by the nightly job's name."""

    last_backup: datetime | None
    last_drill: datetime | None
    jobs: dict[str, datetime]


class JobById(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one job by the id of its ticket."""

    id: UUID


class JobFailure(Struct, frozen=True, kw_only=True):
    """Why a job came to nothing."""

    code: str
    message: str


class JobOut(Struct, frozen=True, kw_only=True):
    """A job that somebody asked for.

    ``state``: ``preparing`` (its file is not complete), ``waiting``, ``running``, ``done`` or ``failed``.
    ``rows_total`` is None until it is known; ``outcome`` is what came of it, ``error`` why nothing did.
    """

    id: UUID
    task: str
    state: Literal["preparing", "waiting", "running", "done", "failed"]
    rows_done: int
    rows_total: int | None
    outcome: dict[str, Any]
    error: JobFailure | None
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None
