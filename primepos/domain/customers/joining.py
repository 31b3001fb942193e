"""Making two records of one person one, and making a person nobody.

A merged record keeps its row and names its survivor; what was merged into it names the new survivor too, so there is
never more than one step to follow. Both acts lock records that are no part of another in the order of their ids, then
those merged into them, so two of them never wait for each other in a circle, and whoever comes second sees what the
first did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from primepos.domain.customers.errors import (
    CustomerErased,
    CustomerHeld,
    CustomerMerged,
    CustomerNotFound,
    SameCustomer,
)
from primepos.domain.customers.recording import (
    PROFILE,
    Stored,
    change_records,
    forget_words,
    group_ids,
    join_groups,
    leave_groups,
    lock_records,
)
from primepos.domain.customers.standing import open_holds, standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from primepos.core.context import Context

# An exemption is one thing: number and end belong to it.
_EXEMPTION: Final = ("tax_exempt", "exemption_number", "exempt_until")
_POINT: Final = (
    "UPDATE customers SET merged_into = %(into)s, version = version + 1, updated_at = %(now)s"
    " WHERE tenant_id = %(tenant)s AND (id = %(id)s OR merged_into = %(id)s)"
)
_LOCK_MERGED: Final = (
    "SELECT id FROM customers WHERE tenant_id = %(tenant)s AND merged_into = %(id)s ORDER BY id FOR UPDATE"
)
_EMPTY: Final = """
UPDATE customers
   SET number = NULL, name = '', company = NULL, email_sealed = NULL, email_hash = NULL, phone_sealed = NULL,
       phone_hash = NULL, address = NULL, tax_number = NULL, born_on = NULL, notes = NULL, language = NULL,
       price_list = NULL, tax_exempt = false, exemption_number = NULL, exempt_until = NULL, request_hash = NULL,
       version = version + 1, erased_at = %(now)s, updated_at = %(now)s, archived_at = coalesce(archived_at, %(now)s)
 WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s::uuid[])
"""


def required(records: Mapping[UUID, Stored], customer_id: UUID) -> Stored:
    """Return a locked record that can be written to.

    Raises: :class:`CustomerNotFound`, :class:`CustomerMerged`, :class:`CustomerErased`.
    """
    record = records.get(customer_id)
    if record is None:
        raise CustomerNotFound(customer=str(customer_id))
    if record.erased_at is not None:
        raise CustomerErased
    if record.merged_into is not None:
        raise CustomerMerged(into=str(record.merged_into))
    return record


def merge_records(ctx: Context, gone_id: UUID, kept_id: UUID) -> list[str]:
    """Merge one record into another and return the fields that the survivor was given; again changes nothing.

    The survivor keeps what it has; what it lacks it takes over, groups are united, consents of both count by their
    dates, sales and accounts stay where they are. Raises: :class:`SameCustomer`, :class:`CustomerNotFound`,
    :class:`CustomerMerged`, :class:`CustomerErased`.
    """
    if gone_id == kept_id:
        raise SameCustomer
    # Looked at before anything is locked, so that a record that is part of another is not held while waiting for one.
    if standing_of(ctx.uow, ctx.tenant_id, gone_id).id == kept_id:
        return []
    records = lock_records(ctx, (gone_id, kept_id))
    if (gone := records.get(gone_id)) is not None and gone.merged_into == kept_id:
        return []
    gone, kept = required(records, gone_id), required(records, kept_id)
    taken = _taken(gone.profile, kept.profile)
    if taken:
        change_records(ctx, {kept_id: {**kept.profile, **taken}}, unlisted=[kept_id] if kept.archived_at else [])
    join_groups(ctx, {kept_id: gone.groups}, group_ids(ctx, gone.groups))
    ctx.uow.rows(_LOCK_MERGED, {"tenant": ctx.tenant_id, "id": gone_id})
    ctx.uow.run(_POINT, {"tenant": ctx.tenant_id, "id": gone_id, "into": kept_id, "now": ctx.clock.now()})
    forget_words(ctx, [gone_id])
    leave_groups(ctx, [gone_id])
    return sorted(taken)


def _taken(gone: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    taken = {
        name: gone[name]
        for name in PROFILE
        if name not in {"number", *_EXEMPTION} and kept[name] is None and gone[name] is not None
    }
    if gone["tax_exempt"] and not kept["tax_exempt"]:
        taken |= {name: gone[name] for name in _EXEMPTION}
    return taken


@dataclass(frozen=True, slots=True)
class Emptied:
    """A person's records that were emptied. ``was_before``: they had been already."""

    id: UUID
    ids: tuple[UUID, ...]
    erased_at: datetime
    was_before: bool


def erase_person(ctx: Context, customer_id: UUID) -> Emptied:
    """Overwrite everything that says who a customer is, in each of their records; again changes nothing.

    Rows, dates, consents and sales stay, without the person. Raises: :class:`CustomerNotFound`,
    :class:`CustomerHeld` while something of theirs is open, :class:`CustomerMerged` where they are just being merged.
    """
    survivor_id = standing_of(ctx.uow, ctx.tenant_id, customer_id).id
    survivor = lock_records(ctx, [survivor_id])[survivor_id]
    if survivor.merged_into is not None:
        raise CustomerMerged(into=str(survivor.merged_into))
    merged = ctx.uow.rows(_LOCK_MERGED, {"tenant": ctx.tenant_id, "id": survivor_id})
    ids = (survivor_id, *(row["id"] for row in merged))
    if survivor.erased_at is not None:
        return Emptied(survivor_id, ids, survivor.erased_at, was_before=True)
    if held := open_holds(ctx.uow, ctx.tenant_id, ids):
        raise CustomerHeld(what="; ".join(held))
    now = ctx.clock.now()
    forget_words(ctx, ids)
    leave_groups(ctx, ids)
    ctx.uow.run(_EMPTY, {"tenant": ctx.tenant_id, "ids": list(ids), "now": now})
    return Emptied(survivor_id, ids, now, was_before=False)
