"""SQL of approvals. A question moves on by statements that name the state it must be in and the time it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_COLUMNS = (
    "id, operation, acts, note, state, register_id, asked_at, asked_by_id, asked_by_account_id, asked_by, expires_at,"
    " decided_at, decided_by_id, decided_by, decided_role, used_at, used_for"
)
_encode = msgspec.json.Encoder().encode


def insert(uow: UnitOfWork, tenant_id: int, values: dict[str, Any]) -> bool:
    """Store an approval; False if there is one of this id already."""
    names = [name.strip() for name in _COLUMNS.split(",")]
    slots = ", ".join("%(acts)s::jsonb" if name == "acts" else f"%({name})s" for name in names)
    return bool(
        uow.run(
            f"INSERT INTO approvals (tenant_id, {_COLUMNS}) VALUES (%(tenant_id)s, {slots})"  # noqa: S608  constants only
            " ON CONFLICT (tenant_id, id) DO NOTHING",
            {**values, "acts": _encode(values["acts"]).decode(), "tenant_id": tenant_id},
        )
    )


def find(uow: UnitOfWork, tenant_id: int, approval_id: UUID) -> dict[str, Any] | None:
    """Return one approval."""
    found = uow.rows(
        f"SELECT {_COLUMNS} FROM approvals WHERE tenant_id = %s AND id = %s",  # noqa: S608  constants only
        (tenant_id, approval_id),
    )
    return found[0] if found else None


def page(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    state: str | None,
    now: datetime,
    outlets: list[UUID] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` approvals, newest first, of registers of some outlets or of all.

    ``expired`` is a state here too.
    """
    moment, last = after or (None, None)
    return uow.rows(
        f"SELECT {_COLUMNS} FROM approvals WHERE tenant_id = %(tenant_id)s"  # noqa: S608  constants only
        " AND (%(moment)s::timestamptz IS NULL OR (asked_at, id) < (%(moment)s, %(last)s::uuid))"
        " AND (%(state)s::text IS NULL OR %(state)s = CASE WHEN state IN ('asked', 'granted')"
        " AND expires_at <= %(now)s THEN 'expired' ELSE state END)"
        " AND (%(outlets)s::uuid[] IS NULL OR register_id IS NULL OR EXISTS (SELECT 1 FROM registers r"
        " WHERE r.tenant_id = approvals.tenant_id AND r.id = approvals.register_id AND r.outlet_id = ANY(%(outlets)s)))"
        " ORDER BY asked_at DESC, id DESC LIMIT %(limit)s",
        {
            "tenant_id": tenant_id,
            "state": state,
            "now": now,
            "outlets": outlets,
            "moment": moment,
            "last": last,
            "limit": limit + 1,
        },
    )


def decide(uow: UnitOfWork, tenant_id: int, approval_id: UUID, values: dict[str, Any]) -> bool:
    """Answer a question that is open still; False if it is not."""
    return bool(
        uow.run(
            "UPDATE approvals SET state = %(state)s, decided_at = %(now)s, decided_by_id = %(decided_by_id)s,"
            " decided_by = %(decided_by)s, decided_role = %(decided_role)s, expires_at = %(expires_at)s"
            " WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'asked' AND expires_at > %(now)s",
            {**values, "tenant_id": tenant_id, "id": approval_id},
        )
    )


def use(uow: UnitOfWork, tenant_id: int, approval_id: UUID, *, now: datetime, used_for: bytes) -> bool:
    """Use an approval that is granted and in time; False if it is not, or another call was faster."""
    return bool(
        uow.run(
            "UPDATE approvals SET state = 'used', used_at = %(now)s, used_for = %(used_for)s"
            " WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'granted' AND expires_at > %(now)s",
            {"tenant_id": tenant_id, "id": approval_id, "now": now, "used_for": used_for},
        )
    )
