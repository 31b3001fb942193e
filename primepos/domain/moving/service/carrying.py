"""Moving a whole tenant to another server: read where it is left, put together where it arrives.

The tenant that leaves is closed for good first, so that what is read page by page is one state of it. The one that
arrives is seen by nobody until everything is there; what was interrupted is gone on with.
"""

from __future__ import annotations

import secrets
from typing import Any

from primepos.core.context import Context, Files
from primepos.core.errors import BadConfiguration
from primepos.core.operations import Nothing, Scope, operation
from primepos.core.permissions import Permission
from primepos.core.sealed_fields import FieldKeyMissing, keyring_of
from primepos.core.security import hash_password
from primepos.domain.accounts.identities import forget_identities
from primepos.domain.moving import queries
from primepos.domain.moving.errors import (
    NoSuchFile,
    NoSuchTable,
    NotArriving,
    NotMoving,
    NotWhole,
    OtherSchema,
    PartDiffers,
    ShiftsOpen,
    StillSettling,
    TenantHere,
)
from primepos.domain.moving.schemas import (
    ArrivalOut,
    ArrivingSlug,
    AskFile,
    AskRows,
    FileOut,
    FinishArrival,
    OpenArrival,
    PutFile,
    PutRows,
    RowsOut,
    ShopErased,
    ShopOutline,
    ShopStanding,
    TenantRecord,
)
from primepos.domain.moving.tables import USERS, moved_tables
from primepos.domain.tenancy.errors import SlugTaken, TenantNotFound


@operation("moving.begin", permission=Permission.TENANT_EXPORT, scope=Scope.SYSTEM, raises=(ShiftsOpen,))
def begin_move(ctx: Context, _data: Nothing) -> ShopStanding:
    """Close one's tenant for good, so that it can be carried to another server: read only, every session ends.

    Refused while shifts are open, since their tills still hold something. Again changes nothing; only the operator
    of the installation can take it back (``tenants resume``). Raises ShiftsOpen.
    """
    row = queries.lock_tenant(ctx.uow, ctx.tenant_id)
    ctx.note(f"tenant:{row['slug']}")
    if row["status"] != "moved":
        count = queries.open_shifts(ctx.uow, ctx.tenant_id)
        if count:
            raise ShiftsOpen(count=count)
        queries.mark_moved(ctx.uow, ctx.tenant_id, ctx.identity.session_id)
        forget_identities(ctx.uow.database)
        row = queries.lock_tenant(ctx.uow, ctx.tenant_id)
    return ShopStanding(slug=row["slug"], status=row["status"], moved_at=row["moved_at"])


@operation(
    "moving.outline",
    permission=Permission.TENANT_EXPORT,
    scope=Scope.SYSTEM,
    reads=True,
    raises=(NotMoving, StillSettling),
)
def outline(ctx: Context, _data: Nothing) -> ShopOutline:
    """Say what there is to carry: the tenant, its tables in order, its files. Raises NotMoving, StillSettling."""
    row = _leaving(ctx)
    record = {name: row[name] for name in TenantRecord.__struct_fields__ if name != "settings"}
    return ShopOutline(
        revision=queries.schema_revision(ctx.uow),
        tenant=TenantRecord(settings=row["settings_text"], **record),
        tables=[USERS, *moved_tables()],
        files=queries.file_names(ctx.uow, ctx.tenant_id),
    )


@operation(
    "moving.read_rows",
    permission=Permission.TENANT_EXPORT,
    scope=Scope.SYSTEM,
    reads=True,
    raises=(NotMoving, StillSettling, NoSuchTable, FieldKeyMissing),
)
def read_rows(ctx: Context, data: AskRows) -> RowsOut:
    """Give the next rows of a table whole, with the customers' sealed fields open; people without their passwords.

    Raises NotMoving, StillSettling, NoSuchTable, FieldKeyMissing.
    """
    _leaving(ctx)
    if data.table != USERS and data.table not in moved_tables():
        raise NoSuchTable(table=data.table)
    rows, behind = queries.page(ctx.uow, ctx.tenant_id, data, keyring_of(ctx.settings))
    return RowsOut(table=data.table, count=len(rows), rows=f"[{','.join(rows)}]", next=behind)


@operation(
    "moving.read_file",
    permission=Permission.TENANT_EXPORT,
    scope=Scope.SYSTEM,
    reads=True,
    raises=(NotMoving, StillSettling, NoSuchFile),
)
def read_file(ctx: Context, data: AskFile) -> FileOut:
    """Give one file of the tenant. Raises NotMoving, StillSettling, NoSuchFile."""
    _leaving(ctx)
    if data.name not in queries.file_names(ctx.uow, ctx.tenant_id):
        raise NoSuchFile
    ctx.uow.keep()
    return FileOut(name=data.name, content=_files(ctx).read(data.name))


@operation(
    "moving.open_arrival",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(OtherSchema, SlugTaken, TenantHere),
)
def open_arrival(ctx: Context, data: OpenArrival) -> ArrivalOut:
    """Make room for a tenant that comes from another server; nobody sees it until everything is here.

    Again says how many parts are here, so that an interrupted move goes on. Raises OtherSchema, SlugTaken, TenantHere.
    """
    ours = queries.schema_revision(ctx.uow)
    if data.revision != ours:
        raise OtherSchema(theirs=data.revision, ours=ours)
    parts = queries.open_arrival(ctx.uow, data.tenant)
    ctx.note(f"tenant:{data.tenant.slug}", parts=parts)
    return ArrivalOut(slug=data.tenant.slug, parts=parts)


@operation(
    "moving.put_rows",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(TenantNotFound, NotArriving, NoSuchTable, PartDiffers),
)
def put_rows(ctx: Context, data: PutRows) -> ArrivalOut:
    """Take over one part, in the order of its numbers; sealed fields are sealed with this installation's key.

    The same part again changes nothing. Raises TenantNotFound, NotArriving, NoSuchTable, PartDiffers.
    """
    if data.table != USERS and data.table not in moved_tables():
        raise NoSuchTable(table=data.table)
    ctx.uow.allow_time(0)
    tenant_id = queries.arriving(ctx.uow, data.slug)
    nobody = hash_password(secrets.token_urlsafe(32)) if data.table == USERS else ""
    keys = keyring_of(ctx.settings)
    added = queries.put_rows(ctx.uow, tenant_id, data.part_no, data.table, data.rows, keys, nobody)
    ctx.note(f"tenant:{data.slug}", part=data.part_no, table=data.table, **({} if added else {"replayed": True}))
    return ArrivalOut(slug=data.slug, parts=data.part_no)


@operation(
    "moving.put_file",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(TenantNotFound, NotArriving, NoSuchFile),
)
def put_file(ctx: Context, data: PutFile) -> Nothing:
    """Keep one file of an arriving tenant, after the rows that name it.

    Raises TenantNotFound, NotArriving, NoSuchFile.
    """
    tenant_id = queries.arriving(ctx.uow, data.slug)
    if data.name not in queries.file_names(ctx.uow, tenant_id):
        raise NoSuchFile
    ctx.uow.keep()
    _files(ctx).keep(data.name, data.content)
    ctx.note(f"tenant:{data.slug}", file=data.name)
    return Nothing()


@operation(
    "moving.finish_arrival",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(TenantNotFound, NotArriving, NotWhole),
)
def finish_arrival(ctx: Context, data: FinishArrival) -> ShopStanding:
    """Let an arriving tenant be seen, once every row that was sent is there.

    Raises TenantNotFound, NotArriving, NotWhole.
    """
    ctx.uow.allow_time(0)
    tenant_id = queries.arriving(ctx.uow, data.slug)
    found = queries.count_rows(ctx.uow, tenant_id)
    missing = {
        name: f"{found[name]} of {data.rows.get(name, 0)}" for name in found if found[name] != data.rows.get(name, 0)
    }
    if missing:
        raise NotWhole(what=", ".join(f"{name} {text}" for name, text in missing.items()))
    queries.finish_arrival(ctx.uow, tenant_id)
    ctx.note(f"tenant:{data.slug}", rows=sum(found.values()))
    return ShopStanding(slug=data.slug, status="active", moved_at=None)


@operation(
    "moving.give_up_arrival",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(TenantNotFound, NotArriving),
)
def give_up_arrival(ctx: Context, data: ArrivingSlug) -> ShopErased:
    """Remove what arrived of a tenant that will not come. Raises TenantNotFound, NotArriving."""
    ctx.uow.allow_time(0)
    tenant_id = queries.arriving(ctx.uow, data.slug)
    rows = queries.erase_everything(ctx.uow, tenant_id)
    ctx.note(f"tenant:{data.slug}", rows=rows)
    return ShopErased(slug=data.slug, rows=rows)


def _leaving(ctx: Context) -> dict[str, Any]:
    row = queries.read_tenant(ctx.uow, ctx.tenant_id)
    if row["status"] != "moved":
        raise NotMoving
    if not row["settled"]:
        raise StillSettling
    return row


def _files(ctx: Context) -> Files:
    if ctx.files is None:
        raise BadConfiguration("There is no file store here")
    return ctx.files
