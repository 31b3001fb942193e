"""SQL of the people at the till. Codes are compared without regard to case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.domain.accounts.errors import UserNotFound
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.plans.room import require_room
from primepos.domain.staff.errors import StaffNotFound

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from primepos.core.db import UnitOfWork

MOST_FAILURES = 5

# Of the row at hand, whatever statement touches it: what a role of the tenant's own grants comes with the person.
_GRANTS = "(SELECT o.grants FROM roles o WHERE o.tenant_id = staff.tenant_id AND o.name = staff.role) AS role_grants"
_WHO = f"id, code, name, role, {_GRANTS}, outlet_ids, user_id"
_BADGE = (
    "EXISTS (SELECT 1 FROM staff_badges b WHERE b.tenant_id = staff.tenant_id AND b.staff_id = staff.id) AS has_badge"
)
_COLUMNS = f"{_WHO}, pin_hash IS NOT NULL AS has_pin, pin_locked_at, archived_at, {_BADGE}"


def insert_staff(uow: UnitOfWork, tenant_id: int, values: dict[str, Any]) -> dict[str, Any]:
    """Add a person and return the row; a taken code ends as StaffCodeTaken. Raises QuotaExceeded."""
    row = uow.rows(
        "INSERT INTO staff (tenant_id, id, code, name, role, outlet_ids, pin_hash, user_id)"  # noqa: S608  constants only
        " VALUES (%(tenant_id)s, %(id)s, %(code)s, %(name)s, %(role)s, %(outlet_ids)s, %(pin_hash)s, %(user_id)s)"
        f" RETURNING {_COLUMNS}",
        {**values, "tenant_id": tenant_id},
    )[0]
    require_room(uow, tenant_id, "users")
    return row


def find_staff(
    uow: UnitOfWork, tenant_id: int, *, staff_id: UUID | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return one person, locked until the commit. Raises StaffNotFound."""
    rows = uow.rows(
        f"SELECT {_COLUMNS} FROM staff WHERE tenant_id = %(tenant_id)s"  # noqa: S608  constants only
        " AND (%(id)s::uuid IS NULL OR id = %(id)s) AND (%(code)s::text IS NULL OR code = %(code)s) FOR UPDATE",
        {"tenant_id": tenant_id, "id": staff_id, "code": code},
    )
    if not rows:
        raise StaffNotFound
    return rows[0]


def page_of_staff(
    uow: UnitOfWork,
    tenant_id: int,
    *,
    after: str | None,
    limit: int,
    archived: bool,
    outlet_id: UUID | None,
) -> list[dict[str, Any]]:
    """Return up to ``limit + 1`` people by code, archived ones or the others, of one outlet or of all."""
    return uow.rows(
        f"SELECT {_COLUMNS} FROM staff WHERE tenant_id = %(tenant_id)s"  # noqa: S608  constants only
        " AND (%(after)s::text IS NULL OR code > %(after)s) AND (archived_at IS NOT NULL) = %(archived)s"
        " AND (%(outlet_id)s::uuid IS NULL OR outlet_ids IS NULL OR %(outlet_id)s = ANY(outlet_ids))"
        " ORDER BY code LIMIT %(limit)s",
        {
            "tenant_id": tenant_id,
            "after": after,
            "limit": limit + 1,
            "archived": archived,
            "outlet_id": outlet_id,
        },
    )


def change_staff(uow: UnitOfWork, tenant_id: int, staff_id: UUID, **values: Any) -> dict[str, Any]:
    """Change columns of one person and return the row."""
    allowed = {"name", "role", "outlet_ids", "archived_at", "pin_hash", "pin_failures", "pin_locked_at"}
    settings = ", ".join(f"{name} = %({name})s" for name in values if name in allowed)
    return uow.rows(
        f"UPDATE staff SET {settings}{', ' if settings else ''}updated_at = now()"  # noqa: S608  names from the list
        f" WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING {_COLUMNS}",
        {**values, "tenant_id": tenant_id, "id": staff_id},
    )[0]


def require_member(uow: UnitOfWork, tenant_id: int, user_id: UUID | None) -> UUID | None:
    """Return the account if it belongs to the tenant. Raises UserNotFound."""
    if user_id is not None and not uow.rows(
        "SELECT 1 AS one FROM memberships WHERE tenant_id = %s AND user_id = %s", (tenant_id, user_id)
    ):
        raise UserNotFound
    return user_id


def staff_of_account(uow: UnitOfWork, tenant_id: int, account_id: UUID | None) -> UUID | None:
    """Return who on the staff signs in elsewhere by this account, if somebody does; the first of several."""
    rows = uow.rows(
        "SELECT id FROM staff WHERE tenant_id = %s AND user_id = %s AND archived_at IS NULL ORDER BY id LIMIT 1",
        (tenant_id, account_id),
    )
    return rows[0]["id"] if rows else None


def outlet_of_register(uow: UnitOfWork, tenant_id: int, register_id: UUID) -> UUID:
    """Return the outlet of a register that is in use. Raises RegisterNotFound."""
    rows = uow.rows(
        "SELECT outlet_id FROM registers WHERE tenant_id = %s AND id = %s AND archived_at IS NULL",
        (tenant_id, register_id),
    )
    if not rows:
        raise RegisterNotFound
    found: UUID = rows[0]["outlet_id"]
    return found


def begin_attempt(uow: UnitOfWork, tenant_id: int, code: str, now: datetime) -> dict[str, Any] | None:
    """Count an attempt as failed before anything is compared, and return whose PIN it is for; None if for nobody's.

    Counting first lets no number of attempts sent at once be more than five. The fifth locks.
    """
    rows = uow.rows(
        "UPDATE staff SET pin_failures = pin_failures + 1,"  # noqa: S608  constants only
        " pin_locked_at = CASE WHEN pin_failures + 1 >= %(most)s THEN %(now)s END"
        " WHERE tenant_id = %(tenant_id)s AND code = %(code)s AND archived_at IS NULL AND pin_hash IS NOT NULL"
        f" AND pin_locked_at IS NULL RETURNING {_WHO}, pin_hash",
        {"tenant_id": tenant_id, "code": code, "now": now, "most": MOST_FAILURES},
    )
    return rows[0] if rows else None


def end_attempt(uow: UnitOfWork, tenant_id: int, staff_id: UUID, pin_hash: str) -> bool:
    """Forget the failures after the right PIN; False if the PIN was changed meanwhile."""
    return bool(
        uow.run(
            "UPDATE staff SET pin_failures = 0, pin_locked_at = NULL"
            " WHERE tenant_id = %s AND id = %s AND pin_hash = %s AND archived_at IS NULL",
            (tenant_id, staff_id, pin_hash),
        )
    )


def find_badge(uow: UnitOfWork, tenant_id: int, badge_hash: str) -> dict[str, Any] | None:
    """Return whose badge this is, if they still work here."""
    rows = uow.rows(
        f"SELECT {_WHO} FROM staff WHERE tenant_id = %(tenant_id)s AND archived_at IS NULL"  # noqa: S608  constants only
        " AND id = (SELECT staff_id FROM staff_badges WHERE tenant_id = %(tenant_id)s AND badge_hash = %(hash)s)",
        {"tenant_id": tenant_id, "hash": badge_hash},
    )
    return rows[0] if rows else None


def store_badge(uow: UnitOfWork, tenant_id: int, staff_id: UUID, badge_hash: str, now: datetime) -> None:
    """Give a person a badge in place of the one they had; one that is somebody's ends as BadgeTaken."""
    uow.run(
        "INSERT INTO staff_badges (tenant_id, staff_id, badge_hash, given_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (tenant_id, staff_id)"
        " DO UPDATE SET badge_hash = excluded.badge_hash, given_at = excluded.given_at",
        (tenant_id, staff_id, badge_hash, now),
    )


def take_badge(uow: UnitOfWork, tenant_id: int, staff_id: UUID) -> None:
    """Take a person's badge away, if they have one."""
    uow.run("DELETE FROM staff_badges WHERE tenant_id = %s AND staff_id = %s", (tenant_id, staff_id))
