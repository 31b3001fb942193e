"""Operations on outlets and registers."""

from __future__ import annotations

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.outlets import queries
from primepos.domain.outlets.errors import (
    DuplicateOutlet,
    DuplicatePrefix,
    DuplicateRegister,
    OutletArchived,
    OutletIsWarehouse,
    OutletNotFound,
    OutletNotYours,
    RegisterNotFound,
    ServerRegisterStays,
)
from primepos.domain.outlets.schemas import (
    CreateOutlet,
    CreateRegister,
    GetOutlet,
    GetRegister,
    ListOutlets,
    ListRegisters,
    OutletList,
    OutletOut,
    RegisterList,
    RegisterOut,
    StartNewEpoch,
    UpdateOutlet,
)
from primepos.domain.plans.errors import QuotaExceeded
from primepos.domain.plans.room import require_room


@operation(
    "outlets.create",
    permission=Permission.OUTLET_WRITE,
    raises=(DuplicateOutlet, DuplicatePrefix, QuotaExceeded),
)
def create_outlet(ctx: Context, data: CreateOutlet) -> OutletOut:
    """Add an outlet and its server register, on which callers without a till book; a warehouse gets none.

    The code is unique in the tenant and cannot change: receipts carry it. Raises: ``DUPLICATE_OUTLET``,
    ``DUPLICATE_PREFIX``, ``QUOTA_EXCEEDED``.
    """
    outlet = queries.add_outlet(ctx, data.code, data.name, data.address, data.server_prefix, data.kind)
    ctx.note(f"outlet {outlet.code}", id=str(outlet.id))
    return queries.outlet_out(ctx, outlet)


@operation("outlets.list", permission=Permission.TENANT_READ, reads=True)
def list_outlets(ctx: Context, data: ListOutlets) -> OutletList:
    """List the outlets the caller works in, by code; the archived ones instead if asked."""
    return OutletList(items=[queries.outlet_row(each) for each in queries.list_outlets(ctx, archived=data.archived)])


@operation("outlets.get", permission=Permission.TENANT_READ, raises=(OutletNotFound, OutletNotYours), reads=True)
def get_outlet(ctx: Context, data: GetOutlet) -> OutletOut:
    """Show an outlet and all its registers. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    return queries.outlet_out(ctx, queries.find_outlet(ctx, data.id))


@operation("outlets.update", permission=Permission.OUTLET_WRITE, raises=(OutletNotFound, OutletNotYours))
def update_outlet(ctx: Context, data: UpdateOutlet) -> OutletOut:
    """Change an outlet's name or address. Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    outlet = queries.find_outlet(ctx, data.id, lock=True)
    before = {"name": outlet.name, "address": outlet.address}
    if isinstance(data.name, str):
        outlet.name = data.name
    if isinstance(data.address, str):
        outlet.address = data.address
    ctx.uow.flush()
    ctx.note(f"outlet {outlet.code}", before=before, after={"name": outlet.name, "address": outlet.address})
    return queries.outlet_out(ctx, outlet)


@operation("outlets.archive", permission=Permission.OUTLET_WRITE, raises=(OutletNotFound, OutletNotYours))
def archive_outlet(ctx: Context, data: GetOutlet) -> OutletOut:
    """Take an outlet out of use; nothing of it is deleted. Again changes nothing.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    outlet = queries.find_outlet(ctx, data.id, lock=True)
    outlet.archived_at = outlet.archived_at or ctx.clock.now()
    ctx.uow.flush()
    ctx.note(f"outlet {outlet.code}")
    return queries.outlet_out(ctx, outlet)


@operation(
    "outlets.unarchive", permission=Permission.OUTLET_WRITE, raises=(OutletNotFound, OutletNotYours, QuotaExceeded)
)
def unarchive_outlet(ctx: Context, data: GetOutlet) -> OutletOut:
    """Take an archived outlet into use again.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``QUOTA_EXCEEDED``.
    """
    outlet = queries.find_outlet(ctx, data.id, lock=True)
    outlet.archived_at = None
    require_room(ctx.uow, ctx.tenant_id, "outlets")
    ctx.note(f"outlet {outlet.code}")
    return queries.outlet_out(ctx, outlet)


@operation(
    "registers.create",
    permission=Permission.REGISTER_WRITE,
    raises=(
        OutletNotFound,
        OutletNotYours,
        OutletArchived,
        OutletIsWarehouse,
        DuplicateRegister,
        DuplicatePrefix,
        QuotaExceeded,
    ),
)
def create_register(ctx: Context, data: CreateRegister) -> RegisterOut:
    """Add a till to an outlet: series epoch 1, next number 1.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``OUTLET_ARCHIVED``, ``OUTLET_IS_WAREHOUSE``,
    ``DUPLICATE_REGISTER`` (code taken in the outlet), ``DUPLICATE_PREFIX`` (prefix taken in the tenant),
    ``QUOTA_EXCEEDED``.
    """
    outlet = queries.find_outlet(ctx, data.outlet_id)
    if outlet.archived_at is not None:
        raise OutletArchived(outlet=outlet.code)
    if outlet.kind != queries.SHOP:
        raise OutletIsWarehouse(outlet=outlet.code)
    register = queries.add_register(ctx, outlet, data.code, data.name, prefix=data.prefix)
    ctx.note(f"register {register.prefix}", id=str(register.id), outlet=outlet.code)
    return queries.register_out(register)


@operation("registers.list", permission=Permission.TENANT_READ, raises=(OutletNotFound, OutletNotYours), reads=True)
def list_registers(ctx: Context, data: ListRegisters) -> RegisterList:
    """List the registers of one outlet, or of every outlet the caller works in; the archived ones instead if asked.

    Raises: ``OUTLET_NOT_FOUND``, ``OUTLET_NOT_YOURS``.
    """
    outlets = None if data.outlet_id is None else [queries.find_outlet(ctx, data.outlet_id).id]
    found = queries.list_registers(ctx, outlets, archived=data.archived)
    return RegisterList(items=[queries.register_out(each) for each in found])


@operation("registers.get", permission=Permission.TENANT_READ, raises=(RegisterNotFound, OutletNotYours), reads=True)
def get_register(ctx: Context, data: GetRegister) -> RegisterOut:
    """Show a register and the head of its series. Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``."""
    return queries.register_out(queries.find_register(ctx, data.id))


@operation(
    "registers.archive",
    permission=Permission.REGISTER_WRITE,
    raises=(RegisterNotFound, OutletNotYours, ServerRegisterStays),
)
def archive_register(ctx: Context, data: GetRegister) -> RegisterOut:
    """Take a till out of use; its series ends where it is. Again changes nothing.

    Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``SERVER_REGISTER_STAYS``.
    """
    register = queries.find_register(ctx, data.id, lock=True)
    if register.kind == queries.SERVER:
        raise ServerRegisterStays
    register.archived_at = register.archived_at or ctx.clock.now()
    ctx.uow.flush()
    ctx.note(f"register {register.prefix}")
    return queries.register_out(register)


@operation(
    "registers.unarchive",
    permission=Permission.REGISTER_WRITE,
    raises=(RegisterNotFound, OutletNotYours, QuotaExceeded),
)
def unarchive_register(ctx: Context, data: GetRegister) -> RegisterOut:
    """Take an archived till into use again; its series goes on.

    Raises: ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``QUOTA_EXCEEDED``.
    """
    register = queries.find_register(ctx, data.id, lock=True)
    register.archived_at = None
    require_room(ctx.uow, ctx.tenant_id, "registers")
    ctx.note(f"register {register.prefix}")
    return queries.register_out(register)


@operation(
    "registers.new_epoch",
    permission=Permission.REGISTER_WRITE,
    raises=(RegisterNotFound, OutletNotYours, ServerRegisterStays),
)
def start_new_epoch(ctx: Context, data: StartNewEpoch) -> RegisterOut:
    """Begin a new series for a till that lost its disk: next epoch, number 1, a chain that starts anew.

    What the old series may have held beyond the server's last number is a gap that this act declares: the audit
    row names the old epoch and the first number never heard of. Numbers are never used again. Raises:
    ``REGISTER_NOT_FOUND``, ``OUTLET_NOT_YOURS``, ``SERVER_REGISTER_STAYS``.
    """
    register = queries.find_register(ctx, data.id, lock=True)
    if register.kind == queries.SERVER:
        raise ServerRegisterStays
    ctx.note(
        f"register {register.prefix}",
        reason=data.reason,
        old_epoch=register.epoch,
        gap_from=register.next_number,
        last_hash=register.last_hash.hex(),
        new_epoch=register.epoch + 1,
    )
    register.epoch += 1
    register.next_number = 1
    register.last_hash = bytes(32)
    ctx.uow.flush()
    return queries.register_out(register)
