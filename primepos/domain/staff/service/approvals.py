"""Asking another person for consent from elsewhere, and answering. Using it is the runner's: staff/approvals.py."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import operation
from primepos.core.paging import decode_cursor, encode_cursor
from primepos.core.permissions import Act, Decision, Permission
from primepos.domain.staff.approvals import LIFETIME, asked_values, read_acts, state_of
from primepos.domain.staff.errors import ApprovalConflict, ApprovalNotFound, ApprovalNotOpen, OwnApproval
from primepos.domain.staff.queries import approvals as queries
from primepos.domain.staff.queries import outlet_of_register
from primepos.domain.staff.schemas.approvals import (
    ActIn,
    ApprovalOut,
    ApprovalPage,
    ApprovalRef,
    AskApproval,
    ListApprovals,
)


@operation("approvals.ask", permission=Permission.SELF, raises=(ApprovalConflict, PermissionDenied))
def ask_approval(ctx: Context, data: AskApproval) -> ApprovalOut:
    """Ask for another person's consent to an act that one may not do alone; it waits two minutes for an answer.

    It is for these acts by whoever asks, at the register they stand at, and nothing else. Safe to repeat with the same
    ``id``. Raises ApprovalConflict (something else was asked under this id), PermissionDenied (no consent would help).
    """
    acts = [_act(ctx, each) for each in data.acts]
    values = asked_values(
        ctx.identity,
        approval_id=data.id,
        operation=data.operation,
        acts=acts,
        register_id=ctx.identity.register_id,
        note=data.note,
        now=ctx.clock.now(),
    )
    is_new = queries.insert(ctx.uow, ctx.tenant_id, values)
    row = _found(ctx, data.id)
    same = ("operation", "acts", "note", "register_id", "asked_by_id")
    if not is_new and any(row[name] != values[name] for name in same):
        raise ApprovalConflict
    ctx.note(f"approval:{data.id}", of=data.operation, acts=values["acts"])
    return _out(ctx, row)


@operation("approvals.get", permission=Permission.SELF, reads=True, raises=(ApprovalNotFound,))
def get_approval(ctx: Context, data: ApprovalRef) -> ApprovalOut:
    """Show how an approval stands, to whoever asked for it and to those who may answer. Raises ApprovalNotFound."""
    row = _found(ctx, data.id)
    if not _is_asker(ctx, row) and not ctx.identity.can(Permission.APPROVAL_GIVE):
        raise ApprovalNotFound
    return _out(ctx, row)


@operation("approvals.list", permission=Permission.APPROVAL_GIVE, reads=True)
def list_approvals(ctx: Context, data: ListApprovals) -> ApprovalPage:
    """List what was asked and how it ended, newest first, a page at a time; ``asked`` are those that wait."""
    after = None if data.after is None else decode_cursor(data.after, datetime, UUID)
    outlets = ctx.identity.outlet_ids
    rows = queries.page(
        ctx.uow,
        ctx.tenant_id,
        state=data.state,
        now=ctx.clock.now(),
        outlets=None if outlets is None else list(outlets),
        after=None if after is None else (after[0], after[1]),
        limit=data.limit,
    )
    shown = rows[: data.limit]
    more = len(rows) > data.limit
    return ApprovalPage(
        items=[_out(ctx, row) for row in shown],
        next=encode_cursor(shown[-1]["asked_at"], shown[-1]["id"]) if more else None,
    )


@operation(
    "approvals.grant",
    permission=Permission.APPROVAL_GIVE,
    raises=(ApprovalNotFound, ApprovalNotOpen, OwnApproval, PermissionDenied),
)
def give_approval(ctx: Context, data: ApprovalRef) -> ApprovalOut:
    """Agree to what somebody asked; they have two minutes to do it, once.

    Only another person who holds every act asked for, within their own limits, in their outlets. Raises
    ApprovalNotFound, ApprovalNotOpen, OwnApproval, PermissionDenied (naming what they do not hold).
    """
    row = _found(ctx, data.id)
    if ctx.identity.is_same_person(row["asked_by_id"], row["asked_by_account_id"]):
        raise OwnApproval
    _require_place(ctx, row)
    for act in read_acts(row["acts"]):
        grant = ctx.identity.grant(act.permission)
        if not grant.covers(act, ctx.today) or not (
            act.outlet_id is None or ctx.identity.may_use_outlet(act.outlet_id)
        ):
            raise PermissionDenied(permission=act.permission.value)
    return _decided(ctx, row, "granted")


@operation("approvals.refuse", permission=Permission.APPROVAL_GIVE, raises=(ApprovalNotFound, ApprovalNotOpen))
def refuse_approval(ctx: Context, data: ApprovalRef) -> ApprovalOut:
    """Refuse what somebody asked. Raises ApprovalNotFound, ApprovalNotOpen."""
    row = _found(ctx, data.id)
    _require_place(ctx, row)
    return _decided(ctx, row, "refused")


def _decided(ctx: Context, row: dict[str, Any], state: str) -> ApprovalOut:
    """Write the answer down, if the question is open; the same answer of the same person again is answered the same."""
    now = ctx.clock.now()
    ctx.note(f"approval:{row['id']}", of=row["operation"], asked_by=row["asked_by"], acts=row["acts"])
    done = queries.decide(
        ctx.uow,
        ctx.tenant_id,
        row["id"],
        {
            "state": state,
            "now": now,
            "decided_by_id": ctx.identity.actor_id,
            "decided_by": ctx.identity.name,
            "decided_role": ctx.identity.role,
            "expires_at": now + LIFETIME if state == "granted" else row["expires_at"],
        },
    )
    fresh = _found(ctx, row["id"])
    if not done and (fresh["state"], fresh["decided_by_id"]) != (state, ctx.identity.actor_id):
        raise ApprovalNotOpen(state=state_of(fresh, now))
    return _out(ctx, fresh)


def _act(ctx: Context, asked: ActIn) -> Act:
    """Return an act that was asked for, if the caller may do it with consent."""
    known = {each.value: each for each in Permission}
    permission = known.get(asked.permission)
    if permission is None or ctx.identity.grant(permission).decision is Decision.DENY:
        raise PermissionDenied(permission=asked.permission)
    return Act(
        permission=permission,
        percent=asked.percent,
        amount=asked.amount,
        sold_on=asked.sold_on,
        outlet_id=asked.outlet_id,
        subject=asked.subject,
    )


def _found(ctx: Context, approval_id: UUID) -> dict[str, Any]:
    row = queries.find(ctx.uow, ctx.tenant_id, approval_id)
    if row is None:
        raise ApprovalNotFound
    return row


def _is_asker(ctx: Context, row: dict[str, Any]) -> bool:
    return row["asked_by_id"] is not None and ctx.identity.is_same_person(
        row["asked_by_id"], row["asked_by_account_id"]
    )


def _require_place(ctx: Context, row: dict[str, Any]) -> None:
    """Refuse to answer for a register of an outlet that one does not work in; it is not there for them."""
    if row["register_id"] is not None and ctx.identity.outlet_ids is not None:
        outlet_id = outlet_of_register(ctx.uow, ctx.tenant_id, row["register_id"])
        if not ctx.identity.may_use_outlet(outlet_id):
            raise ApprovalNotFound


def _out(ctx: Context, row: dict[str, Any]) -> ApprovalOut:
    return ApprovalOut(
        id=row["id"],
        state=state_of(row, ctx.clock.now()),
        operation=row["operation"],
        acts=msgspec.convert(row["acts"], list[ActIn]),
        note=row["note"],
        register_id=row["register_id"],
        asked_at=row["asked_at"],
        asked_by=row["asked_by"],
        asked_by_id=row["asked_by_id"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        decided_by_id=row["decided_by_id"],
        used_at=row["used_at"],
    )
