"""Roles that a tenant makes for itself: how their grants are stored, found and handed out.

A role is known by its name, like the built-in ones, which are in no table and cannot be changed. Whoever gives a role
to somebody holds its row until the commit (``FOR KEY SHARE``), and whoever deletes it locks it first: so nobody is left
with a role that is no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from primepos.core.permissions import (
    GRANTABLE,
    GRANTS,
    LIMITS,
    OWNABLE,
    Decision,
    Grant,
    Limit,
    Permission,
    Role,
    read_grants,
    stored_grants,
)
from primepos.domain.accounts.errors import GrantNotPossible, MoreThanYours, RoleNotFound
from primepos.domain.accounts.schemas import GIVEN_ROLES

__all__ = ["read_grants", "stored_grants"]

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.core.context import Identity
    from primepos.core.db import UnitOfWork


def grants_of(role: str | None, stored: Mapping[str, Any] | None) -> Mapping[Permission, Grant]:
    """Return the grants of a role, built-in or stored; those of one nobody knows are none."""
    own = read_grants(stored)
    if own is not None:
        return own
    return GRANTS[Role(role)] if role in set(Role) else {}


def check_possible(grants: Mapping[Permission, Grant]) -> None:
    """Refuse a role that could not mean what it says. Raises GrantNotPossible.

    Only what an owner holds can be granted, a limit only where the act is measured by it and only on what is allowed:
    what needs consent anyway has the limits of whoever consents.
    """
    for permission, grant in grants.items():
        if permission not in GRANTABLE:
            raise GrantNotPossible(permission=permission.value, why="no role of a shop can hold it")
        if grant.own and permission not in OWNABLE:
            raise GrantNotPossible(permission=permission.value, why="it knows no difference between own and others'")
        limits = {each for each in Limit if getattr(grant, each.value) is not None}
        if limits and grant.decision is not Decision.ALLOW:
            raise GrantNotPossible(permission=permission.value, why="limits are for what is allowed without consent")
        known = LIMITS.get(permission, frozenset())
        if limits - known:
            told = f"only by {', '.join(sorted(known))}" if known else "by nothing"
            raise GrantNotPossible(permission=permission.value, why=f"it can be bounded {told}")


def require_no_more(giver: Identity, grants: Mapping[Permission, Grant]) -> None:
    """Refuse to hand out more than the giver holds. Raises MoreThanYours, naming what they lack."""
    lacking = sorted(
        permission.value for permission, grant in grants.items() if not giver.grant(permission).includes(grant)
    )
    if lacking:
        raise MoreThanYours(permissions=", ".join(lacking))


def role_grants(uow: UnitOfWork, tenant_id: int, role: str) -> Mapping[Permission, Grant]:
    """Return the grants of a role that is to be given to somebody, and keep it until the commit. Raises RoleNotFound.

    One statement, and none for a built-in role.
    """
    if role in set(GIVEN_ROLES):
        return GRANTS[Role(role)]
    rows = uow.rows("SELECT grants FROM roles WHERE tenant_id = %s AND name = %s FOR KEY SHARE", (tenant_id, role))
    if not rows:
        raise RoleNotFound(role=role)
    return read_grants(rows[0]["grants"]) or {}


def is_looked_after(role: str | None, grants: Mapping[Permission, Grant]) -> bool:
    """Tell whether people of a role are among those a manager looks after: they look after nobody themselves."""
    if role in set(Role):
        return role in LOOKED_AFTER
    return not any(
        grants.get(permission) is not None
        for permission in (Permission.USER_WRITE, Permission.ROLE_WRITE, Permission.APPROVAL_GIVE)
    )


def names_looked_after(uow: UnitOfWork, tenant_id: int) -> list[str]:
    """Return the names of the roles, built-in and the tenant's own, whose people a manager looks after."""
    rows = uow.rows("SELECT name, grants FROM roles WHERE tenant_id = %s ORDER BY name", (tenant_id,))
    own = (row["name"] for row in rows if is_looked_after(row["name"], read_grants(row["grants"]) or {}))
    return [*sorted(LOOKED_AFTER), *own]


# Whom somebody with the grant ``user:write`` of their own outlet looks after, of the built-in roles.
LOOKED_AFTER = frozenset({Role.CASHIER, Role.STOCK_CLERK})
