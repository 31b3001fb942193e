"""Erasing a tenant: two people, a waiting time, and not before the law lets go of the books.

An owner asks and an administrator of the installation agrees, or the other way round; either calls it off until it is
done. Lock order: the tenant, then the erasure; rows go children first.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from primepos.core.context import Context
from primepos.core.operations import Scope, operation
from primepos.core.permissions import Permission
from primepos.domain.accounts.identities import forget_identities
from primepos.domain.moving import queries
from primepos.domain.moving.errors import ErasureNotFound, FiscalHold, NotDue, SecondPerson, ShopInUse
from primepos.domain.moving.holding import WAIT_DAYS, held_until
from primepos.domain.moving.schemas import AskErasure, ErasureOut, ErasureRef
from primepos.domain.tenancy.errors import TenantNotFound


@operation("erasing.ask", permission=Permission.TENANT_ERASE, scope=Scope.SYSTEM, weighs=True, raises=(TenantNotFound,))
def ask_erasure(ctx: Context, data: AskErasure) -> ErasureOut:
    """Ask for a tenant to be erased: its personal data, or everything. Nothing happens before another person agrees.

    The same id again answers as before. Raises TenantNotFound.
    """
    tenant = _tenant(ctx, data.slug)
    row = queries.ask_erasure(
        ctx.uow,
        {
            "tenant": tenant["id"],
            "id": data.id,
            "scope": data.scope,
            "reason": data.reason,
            "now": ctx.clock.now(),
            "actor": ctx.identity.actor_id,
            "name": ctx.identity.name,
            "side": "installation" if ctx.identity.tenant_id is None else "tenant",
        },
    )
    ctx.note(f"tenant:{data.slug}", erasure=str(data.id), scope=data.scope)
    return _out(data.slug, row)


@operation(
    "erasing.agree",
    permission=Permission.TENANT_ERASE,
    scope=Scope.SYSTEM,
    weighs=True,
    raises=(TenantNotFound, ErasureNotFound, SecondPerson, NotDue),
)
def agree_erasure(ctx: Context, data: ErasureRef) -> ErasureOut:
    """Agree to an erasure that somebody of the other side asked for; it can be done thirty days from now.

    Again changes nothing. Raises TenantNotFound, ErasureNotFound, SecondPerson, NotDue.
    """
    tenant = _tenant(ctx, data.slug)
    row = queries.lock_erasure(ctx.uow, tenant["id"], data.id)
    if row["cancelled_at"] is not None:
        raise NotDue(why="it was called off")
    asked_by_owner = row["asked_by_side"] == "tenant"
    if asked_by_owner == (ctx.identity.tenant_id is not None) or ctx.identity.is_same_person(row["asked_by_id"]):
        raise SecondPerson
    if row["due_at"] is None:
        due_at = ctx.clock.now() + timedelta(days=WAIT_DAYS)
        row = queries.agree_erasure(ctx.uow, tenant["id"], data.id, ctx.identity.actor_id, ctx.identity.name, due_at)
    ctx.note(f"tenant:{data.slug}", erasure=str(data.id), scope=row["scope"])
    return _out(data.slug, row)


@operation(
    "erasing.cancel",
    permission=Permission.TENANT_ERASE,
    scope=Scope.SYSTEM,
    weighs=True,
    raises=(TenantNotFound, ErasureNotFound, NotDue),
)
def cancel_erasure(ctx: Context, data: ErasureRef) -> ErasureOut:
    """Call an erasure off; either side may, until it is done. Raises TenantNotFound, ErasureNotFound, NotDue."""
    tenant = _tenant(ctx, data.slug)
    row = queries.lock_erasure(ctx.uow, tenant["id"], data.id)
    if row["done_at"] is not None:
        raise NotDue(why="it was done")
    row = queries.cancel_erasure(ctx.uow, tenant["id"], data.id, ctx.clock.now(), ctx.identity.name)
    ctx.note(f"tenant:{data.slug}", erasure=str(data.id))
    return _out(data.slug, row)


@operation(
    "erasing.run",
    permission=Permission.TENANT_ERASE,
    scope=Scope.SYSTEM,
    weighs=True,
    raises=(TenantNotFound, ErasureNotFound, NotDue, FiscalHold, ShopInUse),
)
def run_erasure(ctx: Context, data: ErasureRef) -> ErasureOut:
    """Do an erasure that two people agreed to, when its time has come; an administrator of the installation does it.

    Personal data goes at once: customers, people and their PINs; sealed sales stay as the law wants them. Everything
    goes only when the books need not be kept any more, and only of a shop that is suspended or has moved. What is
    left then is that a shop of this name was here.

    Raises TenantNotFound, ErasureNotFound, NotDue, FiscalHold, ShopInUse.
    """
    tenant = _tenant(ctx, data.slug)
    if ctx.identity.tenant_id is not None:
        raise NotDue(why="an administrator of the installation does it")
    row = queries.lock_erasure(ctx.uow, tenant["id"], data.id)
    now = ctx.clock.now()
    if row["cancelled_at"] is not None or row["due_at"] is None:
        raise NotDue(why="it was called off" if row["cancelled_at"] else "nobody has agreed yet")
    if row["due_at"] > now:
        raise NotDue(why=f"its time comes on {row['due_at'].date().isoformat()}")
    if row["done_at"] is not None:
        raise NotDue(why="it was done")
    if tenant["status"] not in {"suspended", "moved"}:
        raise ShopInUse
    ctx.uow.allow_time(0)
    note: dict[str, Any] = {"erasure": str(data.id), "scope": row["scope"]}
    if row["scope"] == "everything":
        until = held_until(tenant["country"], queries.last_sale(ctx.uow, tenant["id"]))
        if until is not None and until > now.date():
            raise FiscalHold(until=until.isoformat())
        gone = queries.erase_everything(ctx.uow, tenant["id"])
        slug_hash = hashlib.sha256(data.slug.encode()).digest()
        queries.put_tombstone(ctx.uow, slug_hash, now, gone)
        # The short name is what the tombstone keeps as a hash only.
        ctx.note(f"tenant:{slug_hash.hex()[:16]}", rows=gone, **note)
        row = {**row, "done_at": now}
    else:
        gone = queries.erase_people(ctx.uow, tenant["id"], now)
        row = queries.done_erasure(ctx.uow, tenant["id"], data.id, now)
        ctx.note(f"tenant:{data.slug}", rows=gone, **note)
    forget_identities(ctx.uow.database)
    return _out(data.slug, row, gone)


def _tenant(ctx: Context, slug: str) -> dict[str, Any]:
    """Return the tenant, locked; an owner's own only. Two people are seen to by the erasure itself, not at the till."""
    ctx.weighed.add(Permission.TENANT_ERASE)
    tenant = queries.lock_tenant_named(ctx.uow, slug)
    if ctx.identity.tenant_id is not None and ctx.identity.tenant_id != tenant["id"]:
        raise TenantNotFound(slug=slug)
    return tenant


def _out(slug: str, row: dict[str, Any], rows: int | None = None) -> ErasureOut:
    names = ("id", "scope", "reason", "asked_at", "asked_by", "agreed_by", "due_at", "cancelled_at", "done_at")
    return ErasureOut(slug=slug, rows=rows, **{name: row[name] for name in names})
