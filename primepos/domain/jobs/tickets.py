"""Tickets: what somebody who asked for a job may see of it, from asking to its end.

The queue itself forgets a job that went well, and shows nobody its arguments. A ticket is the tenant's own row, written
in the transaction that asks for the job, so there is one if, and only if, there is a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Context

_OPEN: Final = (
    "INSERT INTO job_tickets (tenant_id, id, task, state, asked_at, asked_by_id, asked_by)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, id) DO NOTHING"
)
_MOVE: Final = (
    "UPDATE job_tickets SET state = %(state)s, started_at = coalesce(started_at, %(started)s), ended_at = %(ended)s,"
    " rows_done = coalesce(%(done)s, rows_done), rows_total = coalesce(%(total)s, rows_total),"
    " outcome = coalesce(%(outcome)s::jsonb, outcome), error = %(error)s::jsonb"
    " WHERE tenant_id = %(tenant)s AND id = %(id)s AND ended_at IS NULL"
)
_FIND: Final = (
    "SELECT id, task, state, rows_done, rows_total, outcome, error, asked_at, asked_by_id, asked_by, started_at,"
    " ended_at FROM job_tickets WHERE tenant_id = %s AND id = %s"
)


def open_ticket(ctx: Context, ticket_id: UUID, task: str, *, is_ready: bool) -> bool:
    """Write a ticket for a job, waiting if it is ready to run; false if there is one of this id already."""
    who = ctx.identity
    state = "waiting" if is_ready else "preparing"
    values = (ctx.tenant_id, ticket_id, task, state, ctx.clock.now(), who.actor_id, who.name[:200])
    return ctx.uow.run(_OPEN, values) == 1


def _move(ctx: Context, ticket_id: UUID, state: str, **more: Any) -> None:
    values = dict.fromkeys(("started", "ended", "done", "total", "outcome", "error"))
    ctx.uow.run(_MOVE, {**values, "tenant": ctx.tenant_id, "id": ticket_id, "state": state, **more})


def mark_waiting(ctx: Context, ticket_id: UUID) -> None:
    """Say that the job is queued."""
    _move(ctx, ticket_id, "waiting")


def mark_running(ctx: Context, ticket_id: UUID, *, rows_done: int = 0, rows_total: int | None = None) -> None:
    """Say that the job runs, and how far it is."""
    _move(ctx, ticket_id, "running", started=ctx.clock.now(), done=rows_done, total=rows_total)


def mark_done(ctx: Context, ticket_id: UUID, outcome: dict[str, Any]) -> None:
    """Say what came of the job."""
    _move(ctx, ticket_id, "done", ended=ctx.clock.now(), outcome=msgspec.json.encode(outcome).decode())


def mark_failed(ctx: Context, ticket_id: UUID, code: str, message: str) -> None:
    """Say why the job came to nothing."""
    told = msgspec.json.encode({"code": code, "message": message}).decode()
    _move(ctx, ticket_id, "failed", ended=ctx.clock.now(), error=told)


def find_ticket(ctx: Context, ticket_id: UUID) -> dict[str, Any] | None:
    """Return a ticket of the tenant, or None."""
    found = ctx.uow.rows(_FIND, (ctx.tenant_id, ticket_id))
    return found[0] if found else None
