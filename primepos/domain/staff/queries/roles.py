"""SQL of the roles that a tenant makes for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.db import UnitOfWork

_encode = msgspec.json.Encoder().encode
# People by account and at the till, those who left or are shut out included: they may come back.
_PEOPLE = (
    "(SELECT count(*) FROM memberships m WHERE m.tenant_id = %(tenant_id)s AND m.role = {role})"
    " + (SELECT count(*) FROM staff s WHERE s.tenant_id = %(tenant_id)s AND s.role = {role})"
)


def every_role(uow: UnitOfWork, tenant_id: int, built_in: list[str]) -> list[dict[str, Any]]:
    """Return the built-in roles (no ``grants``) in the order given, then the tenant's own by name, with people."""
    return uow.rows(
        "SELECT r.name, r.title, r.grants, r.version,"  # noqa: S608  constants only
        f" {_PEOPLE.format(role='r.name')} AS people FROM ("
        " SELECT b.name, NULL AS title, NULL::jsonb AS grants, 1::bigint AS version, b.place"
        " FROM unnest(%(built_in)s::text[]) WITH ORDINALITY AS b(name, place)"
        " UNION ALL SELECT o.name, o.title, o.grants, o.version, NULL FROM roles o WHERE o.tenant_id = %(tenant_id)s"
        ") r ORDER BY r.place, r.name",
        {"tenant_id": tenant_id, "built_in": built_in},
    )


def insert_role(uow: UnitOfWork, tenant_id: int, *, name: str, title: str, grants: dict[str, Any]) -> None:
    """Add a role; a name that is taken ends as RoleTaken."""
    uow.run(
        "INSERT INTO roles (tenant_id, name, title, grants) VALUES (%s, %s, %s, %s::jsonb)",
        (tenant_id, name, title, _encode(grants).decode()),
    )


def lock_role(uow: UnitOfWork, tenant_id: int, name: str) -> dict[str, Any] | None:
    """Return a role, locked: who gives it to somebody waits, and whoever did so before is waited for."""
    rows = uow.rows(
        "SELECT name, title, grants, version FROM roles WHERE tenant_id = %s AND name = %s FOR UPDATE",
        (tenant_id, name),
    )
    return rows[0] if rows else None


def people_of(uow: UnitOfWork, tenant_id: int, name: str) -> int:
    """Return how many people have a role; ask it after the role was locked."""
    rows = uow.rows(
        f"SELECT {_PEOPLE.format(role='%(name)s')} AS people",
        {"tenant_id": tenant_id, "name": name},
    )
    found: int = rows[0]["people"]
    return found


def change_role(uow: UnitOfWork, tenant_id: int, name: str, *, title: str, grants: dict[str, Any]) -> int:
    """Write a locked role anew and return its version."""
    rows = uow.rows(
        "UPDATE roles SET title = %s, grants = %s::jsonb, version = version + 1, updated_at = now()"
        " WHERE tenant_id = %s AND name = %s RETURNING version",
        (title, _encode(grants).decode(), tenant_id, name),
    )
    version: int = rows[0]["version"]
    return version


def delete_role(uow: UnitOfWork, tenant_id: int, name: str) -> None:
    """Delete a role that was locked and that nobody has."""
    uow.run("DELETE FROM roles WHERE tenant_id = %s AND name = %s", (tenant_id, name))


def holds_at_till(uow: UnitOfWork, tenant_id: int, account_id: UUID | None, name: str) -> bool:
    """Tell whether the staff who sign in elsewhere by this account have the role at a till."""
    return account_id is not None and bool(
        uow.rows(
            "SELECT 1 AS one FROM staff WHERE tenant_id = %s AND user_id = %s AND role = %s AND archived_at IS NULL",
            (tenant_id, account_id, name),
        )
    )
