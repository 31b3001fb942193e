"""Rows of outlets and registers, for this feature and for those above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlmodel import col

from primepos.domain.outlets.errors import (
    OutletNotFound,
    OutletNotYours,
    RegisterNotFound,
)
from primepos.domain.outlets.models import Outlet, Register
from primepos.domain.outlets.schemas import OutletOut, OutletRow, RegisterOut
from primepos.domain.plans.room import require_room

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from primepos.core.context import Context

Change = Literal["created", "updated", "unchanged"]

SHOP = "shop"
SERVER = "server"
TILL = "till"


def find_outlet(ctx: Context, outlet_id: UUID, *, lock: bool = False) -> Outlet:
    """Return an outlet the identity works in, locked against changes if asked.

    Raises: :class:`OutletNotFound`, :class:`OutletNotYours`.
    """
    wanted = sa.select(Outlet).where(col(Outlet.id) == outlet_id)
    outlet = ctx.uow.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if outlet is None:
        raise OutletNotFound
    if not ctx.identity.may_use_outlet(outlet_id):
        raise OutletNotYours(outlet=outlet.code)
    return outlet


def find_register(ctx: Context, register_id: UUID, *, lock: bool = False) -> Register:
    """Return a register of an outlet the identity works in, locked against changes if asked.

    Raises: :class:`RegisterNotFound`, :class:`OutletNotYours`.
    """
    wanted = sa.select(Register).where(col(Register.id) == register_id)
    register = ctx.uow.session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if register is None:
        raise RegisterNotFound
    find_outlet(ctx, register.outlet_id)
    return register


def list_outlets(ctx: Context, *, archived: bool) -> list[Outlet]:
    """Return the outlets the identity works in, by code: those in use, or the archived ones."""
    wanted = sa.select(Outlet).where(_is_archived(Outlet.archived_at, archived)).order_by(col(Outlet.code))
    if ctx.identity.outlet_ids is not None:
        wanted = wanted.where(col(Outlet.id).in_(ctx.identity.outlet_ids))
    return list(ctx.uow.session.scalars(wanted))


def list_registers(ctx: Context, outlet_ids: Iterable[UUID] | None = None, *, archived: bool | None) -> list[Register]:
    """Return registers by outlet, the server's first, then by code; ``archived`` None returns all."""
    wanted = sa.select(Register).order_by(col(Register.outlet_id), col(Register.kind), col(Register.code))
    if archived is not None:
        wanted = wanted.where(_is_archived(Register.archived_at, archived))
    if outlet_ids is None:
        outlet_ids = ctx.identity.outlet_ids
    if outlet_ids is not None:
        wanted = wanted.where(col(Register.outlet_id).in_(list(outlet_ids)))
    return list(ctx.uow.session.scalars(wanted))


def add_outlet(
    ctx: Context, code: str, name: str, address: str = "", server_prefix: str | None = None, kind: str = SHOP
) -> Outlet:
    """Add an outlet together with its server register, on which callers without a till book; a warehouse has none.

    Raises: :class:`DuplicateOutlet`, :class:`DuplicatePrefix`, ``QUOTA_EXCEEDED``.
    """
    outlet = Outlet(tenant_id=ctx.tenant_id, code=code, name=name, address=address, kind=kind)
    ctx.uow.session.add(outlet)
    require_room(ctx.uow, ctx.tenant_id, "outlets")
    if kind != SHOP:
        return outlet
    add_register(ctx, outlet, SERVER, "Server", prefix=server_prefix or default_prefix(code, "0"), kind=SERVER)
    return outlet


def add_register(
    ctx: Context, outlet: Outlet, code: str, name: str, *, prefix: str | None = None, kind: str = TILL
) -> Register:
    """Add a register at the start of its first series.

    Raises: :class:`DuplicateRegister`, :class:`DuplicatePrefix`, ``QUOTA_EXCEEDED``.
    """
    register = Register(
        tenant_id=ctx.tenant_id,
        outlet_id=outlet.id,
        code=code,
        name=name,
        kind=kind,
        prefix=prefix or default_prefix(outlet.code, code),
    )
    ctx.uow.session.add(register)
    ctx.uow.flush()
    if kind == TILL:
        require_room(ctx.uow, ctx.tenant_id, "registers")
    return register


def default_prefix(outlet_code: str, register_code: str) -> str:
    """Return a receipt prefix that says where a receipt is from: ``MAIN-1`` for till ``1`` of outlet ``main``."""
    return f"{outlet_code}-{register_code}".upper()[:24]


def ensure_outlet(
    ctx: Context, code: str, name: str, address: str = "", server_prefix: str | None = None
) -> tuple[Outlet, Change]:
    """Make the outlet with this code be as given, and say what that took. The server's prefix is set once only.

    An archived outlet stays archived.
    """
    outlet = ctx.uow.session.scalars(sa.select(Outlet).where(col(Outlet.code) == code)).one_or_none()
    if outlet is None:
        return add_outlet(ctx, code, name, address, server_prefix), "created"
    if (outlet.name, outlet.address) == (name, address):
        return outlet, "unchanged"
    outlet.name, outlet.address = name, address
    ctx.uow.flush()
    return outlet, "updated"


def ensure_register(
    ctx: Context, outlet: Outlet, code: str, name: str, prefix: str | None = None
) -> tuple[Register, Change]:
    """Make the till with this code be in the outlet, and say what that took. Its prefix is set once only."""
    found = sa.select(Register).where(col(Register.outlet_id) == outlet.id, col(Register.code) == code)
    register = ctx.uow.session.scalars(found).one_or_none()
    if register is None:
        return add_register(ctx, outlet, code, name, prefix=prefix), "created"
    if register.name == name:
        return register, "unchanged"
    register.name = name
    ctx.uow.flush()
    return register, "updated"


def outlet_row(outlet: Outlet) -> OutletRow:
    """Return an outlet as a row of a list."""
    return OutletRow(
        id=outlet.id,
        code=outlet.code,
        name=outlet.name,
        kind=outlet.kind,
        address=outlet.address,
        archived_at=outlet.archived_at,
    )


def outlet_out(ctx: Context, outlet: Outlet) -> OutletOut:
    """Return an outlet with all its registers, the archived ones too."""
    return OutletOut(
        id=outlet.id,
        code=outlet.code,
        name=outlet.name,
        kind=outlet.kind,
        address=outlet.address,
        archived_at=outlet.archived_at,
        registers=[register_out(each) for each in list_registers(ctx, [outlet.id], archived=None)],
    )


def register_out(register: Register) -> RegisterOut:
    """Return a register as callers see it."""
    return RegisterOut(
        id=register.id,
        outlet_id=register.outlet_id,
        code=register.code,
        name=register.name,
        kind=register.kind,
        prefix=register.prefix,
        epoch=register.epoch,
        next_number=register.next_number,
        last_hash=register.last_hash.hex(),
        archived_at=register.archived_at,
    )


def _is_archived(column: object, archived: bool) -> sa.ColumnElement[bool]:
    archived_at = col(column)
    return archived_at.is_not(None) if archived else archived_at.is_(None)
