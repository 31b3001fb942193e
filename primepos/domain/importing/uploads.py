"""Files that are handed in over the API: kept in parts until a job has read them, and no longer.

Lock order: the upload's row, then its ticket. Two who send the last two parts at the same moment take turns at the row,
so exactly one of them sees the file complete and queues the job.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.context import Identity
from primepos.core.permissions import Decision, Grant, Permission
from primepos.domain.importing.errors import ImportDiffers, ImportNotFound
from primepos.domain.jobs import tickets

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.core.context import Context
    from primepos.domain.importing.schemas import AddPart, SubmitImport

TASK: Final = "importing.run_upload"
_INSERT: Final = (
    "INSERT INTO import_uploads (tenant_id, id, kind, file_name, parts, options, request_hash, role, created_at,"
    " created_by_id, created_by) VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)"
)
_LOCK: Final = (
    "SELECT kind, file_name, parts, options, request_hash, role, created_by_id, created_by, refused"
    " FROM import_uploads WHERE tenant_id = %s AND id = %s FOR UPDATE"
)
_PARTS: Final = (
    "SELECT part_no, sha256(content) AS digest FROM import_parts WHERE tenant_id = %s AND upload_id = %s ORDER BY 1"
)


def submit(ctx: Context, data: SubmitImport) -> list[int]:
    """Take a file in, whole or announced; return the parts that are missing. Queues the job where none is.

    Raises: :class:`ImportDiffers` for another file under the same id.
    """
    asked = hashlib.sha256(msgspec.json.encode(data, order="deterministic")).digest()
    who = ctx.identity
    if not tickets.open_ticket(ctx, data.id, TASK, is_ready=data.content is not None):
        found = _locked(ctx, data.id)
        if bytes(found["request_hash"]) != asked:
            raise ImportDiffers
        ctx.note(f"import:{data.id}", replayed=True)
        return _missing(ctx, data.id, found["parts"]) if found["refused"] is None else []
    said = {
        "reading": msgspec.to_builtins(data.reading),
        "may_reprice": who.can(Permission.PRODUCT_PRICE_WRITE),
        "outlet_ids": None if who.outlet_ids is None else sorted(str(each) for each in who.outlet_ids),
    }
    ctx.uow.run(
        _INSERT,
        (
            ctx.tenant_id,
            data.id,
            data.kind,
            data.file_name,
            data.parts,
            msgspec.json.encode(said).decode(),
            asked,
            who.role or "",
            ctx.clock.now(),
            who.actor_id,
            who.name[:200],
        ),
    )
    ctx.note(f"import:{data.id}", kind=data.kind, file=data.file_name, parts=data.parts)
    if data.content is None:
        return list(range(1, data.parts + 1))
    _keep(ctx, data.id, 1, data.content)
    _queue(ctx, data.id)
    return []


def add_part(ctx: Context, data: AddPart) -> list[int]:
    """Take a part in; return those that are missing. The last one queues the job; a part sent again changes nothing.

    Raises: :class:`ImportNotFound`, :class:`ImportDiffers`.
    """
    found = _locked(ctx, data.id)
    if found["created_by_id"] != ctx.identity.actor_id or data.part_no > found["parts"]:
        raise ImportNotFound
    ctx.note(f"import:{data.id}", part=data.part_no)
    there = {row["part_no"]: bytes(row["digest"]) for row in ctx.uow.rows(_PARTS, (ctx.tenant_id, data.id))}
    ticket = tickets.find_ticket(ctx, data.id)
    if data.part_no in there:
        if there[data.part_no] != hashlib.sha256(data.content).digest():
            raise ImportDiffers
        return _missing(ctx, data.id, found["parts"])
    if ticket is None or ticket["state"] != "preparing":
        # It was complete: the job has read it, and thrown the parts away.
        return []
    _keep(ctx, data.id, data.part_no, data.content)
    missing = _missing(ctx, data.id, found["parts"])
    if not missing:
        tickets.mark_waiting(ctx, data.id)
        _queue(ctx, data.id)
    return missing


def _locked(ctx: Context, upload_id: UUID) -> dict[str, Any]:
    found = ctx.uow.rows(_LOCK, (ctx.tenant_id, upload_id))
    if not found:
        raise ImportNotFound
    return found[0]


def _missing(ctx: Context, upload_id: UUID, parts: int) -> list[int]:
    ticket = tickets.find_ticket(ctx, upload_id)
    if ticket is None or ticket["state"] != "preparing":
        return []
    there = {row["part_no"] for row in ctx.uow.rows(_PARTS, (ctx.tenant_id, upload_id))}
    return [number for number in range(1, parts + 1) if number not in there]


def _keep(ctx: Context, upload_id: UUID, part_no: int, content: bytes) -> None:
    ctx.uow.run(
        "INSERT INTO import_parts (tenant_id, upload_id, part_no, content) VALUES (%s, %s, %s, %s)",
        (ctx.tenant_id, upload_id, part_no, content),
    )


def _queue(ctx: Context, upload_id: UUID) -> None:
    ctx.defer(TASK, tenant_id=ctx.tenant_id, id=str(upload_id))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is complete, and who handed it in."""

    kind: str
    file_name: str
    options: dict[str, Any]
    sender: Identity


def find(ctx: Context, upload_id: UUID) -> Upload:
    """Return an upload with its sender, who may do no more than when it was sent. Raises: :class:`ImportNotFound`."""
    found = _locked(ctx, upload_id)
    options = found["options"]
    outlets = options["outlet_ids"]
    reprice = {Permission.PRODUCT_PRICE_WRITE: Grant(Decision.ALLOW)} if options["may_reprice"] else {}
    sender = Identity(
        kind="user",
        tenant_id=ctx.tenant_id,
        role=found["role"],
        actor_id=found["created_by_id"],
        name=found["created_by"],
        outlet_ids=None if outlets is None else frozenset(map(UUID, outlets)),
        grants=reprice,
    )
    return Upload(kind=found["kind"], file_name=found["file_name"], options=options, sender=sender)


def write_out(ctx: Context, upload_id: UUID, into: Path) -> None:
    """Write a complete file to disk, a part at a time."""
    numbers = [row["part_no"] for row in ctx.uow.rows(_PARTS, (ctx.tenant_id, upload_id))]
    with into.open("wb") as file:
        for number in numbers:
            found = ctx.uow.rows(
                "SELECT content FROM import_parts WHERE tenant_id = %s AND upload_id = %s AND part_no = %s",
                (ctx.tenant_id, upload_id, number),
            )
            file.write(found[0]["content"])


def settle(ctx: Context, upload_id: UUID, refused: str) -> None:
    """Throw the file away and keep the rows that were refused."""
    key = (ctx.tenant_id, upload_id)
    ctx.uow.run("DELETE FROM import_parts WHERE tenant_id = %s AND upload_id = %s", key)
    ctx.uow.run("UPDATE import_uploads SET refused = %s WHERE tenant_id = %s AND id = %s", (refused, *key))


def refused_of(ctx: Context, upload_id: UUID) -> tuple[str, str]:
    """Return the name of a file and its refused rows, of one's own import or, for who runs the shop, of anybody's.

    Raises: :class:`ImportNotFound`.
    """
    found = ctx.uow.rows(
        "SELECT file_name, refused, created_by_id FROM import_uploads WHERE tenant_id = %s AND id = %s",
        (ctx.tenant_id, upload_id),
    )
    if not found:
        raise ImportNotFound
    is_own = found[0]["created_by_id"] is not None and found[0]["created_by_id"] == ctx.identity.actor_id
    if not is_own and not ctx.identity.can(Permission.SETTINGS_WRITE):
        raise ImportNotFound
    return found[0]["file_name"], found[0]["refused"] or ""
