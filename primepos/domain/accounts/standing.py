"""Who may look after whom: the rules that permissions alone cannot say."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from primepos.core.errors import Unauthenticated
from primepos.domain.accounts import queries
from primepos.domain.accounts.errors import LastOwner, NoAccount, OwnRole, RoleNotYours
from primepos.domain.accounts.roles import is_looked_after
from primepos.domain.accounts.schemas import UserOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.core.permissions import Grant, Permission

# No letters or digits that are taken for one another when read aloud or from paper. 12 of these 26 are 56 bits.
_ALPHABET = "ACDEFGHJKLMNPQRTUVWXY34679"
_GROUPS = 3


def require_reach(ctx: Context, role: str | None, grants: Mapping[Permission, Grant]) -> None:
    """Refuse to give a role, or to look after somebody who has it, unless the caller holds all that it grants.

    Otherwise whoever may reset a PIN could become the owner. Raises RoleNotYours.
    """
    if not all(ctx.identity.grant(permission).includes(grant) for permission, grant in grants.items()):
        raise RoleNotYours(role=role)


def require_care(
    ctx: Context, role: str | None, outlet_ids: Iterable[UUID] | None, grants: Mapping[Permission, Grant]
) -> None:
    """Refuse unless the caller may look after people of this role, with these grants, in these outlets.

    An owner looks after everybody, a manager after those of the manager's own outlets who look after nobody
    themselves. Raises RoleNotYours.
    """
    require_reach(ctx, role, grants)
    if not ctx.grant.own:
        return
    if not is_looked_after(role, grants):
        raise RoleNotYours(role=role)
    mine = ctx.identity.outlet_ids
    if mine is not None and (outlet_ids is None or not mine.issuperset(outlet_ids)):
        raise RoleNotYours(role=role)


def require_other(ctx: Context, user_id: UUID) -> None:
    """Refuse to change one's own standing. Raises OwnRole."""
    if ctx.identity.actor_id == user_id:
        raise OwnRole


def require_another_owner(ctx: Context, user_id: UUID) -> None:
    """Refuse to lose the last owner who can enter; other removals wait until this one is decided. Raises LastOwner."""
    owners = queries.lock_owners(ctx.uow, ctx.tenant_id)
    if owners == [user_id]:
        raise LastOwner


def account_of(ctx: Context) -> UUID:
    """Return the account of the caller. Raises NoAccount for a till, a PIN, a shell or a job."""
    if ctx.identity.kind == "anonymous":
        raise Unauthenticated
    if ctx.identity.kind != "user" or ctx.identity.actor_id is None:
        raise NoAccount
    return ctx.identity.actor_id


def temporary_password() -> str:
    """Return a password that can be read aloud, such as ``KXRT-49DM-PQWA``."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(_GROUPS))


def user_out(row: dict[str, Any]) -> UserOut:
    """Return one person of a tenant as shown."""
    return UserOut(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        outlet_ids=row["outlet_ids"],
        is_disabled=row["is_disabled"],
    )
