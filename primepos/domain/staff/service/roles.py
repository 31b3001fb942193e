"""Roles: the built-in ones to look at, the shop's own to make, change and delete.

A role's row is locked before anything is asked of it; whoever gives it to somebody holds it (accounts/roles.py).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.operations import Nothing, operation
from primepos.core.permissions import GRANTABLE, Decision, Grant, Permission, Role
from primepos.domain.accounts.errors import (
    GrantNotPossible,
    MoreThanYours,
    OutletsNotFound,
    OwnRole,
    RoleNotFound,
)
from primepos.domain.accounts.identities import forget_identities
from primepos.domain.accounts.queries import check_outlets
from primepos.domain.accounts.roles import (
    check_possible,
    grants_of,
    read_grants,
    require_no_more,
    role_grants,
    stored_grants,
)
from primepos.domain.accounts.schemas import GIVEN_ROLES
from primepos.domain.staff.errors import RoleChanged, RoleInUse, RoleLocked, RoleTaken
from primepos.domain.staff.queries import roles as queries
from primepos.domain.staff.schemas.roles import (
    CreateRole,
    GrantIn,
    GrantRow,
    ListRoles,
    RoleOut,
    RoleRef,
    RolesOut,
    UpdateRole,
)

_TITLES = {
    Role.OWNER: "Owner",
    Role.MANAGER: "Manager",
    Role.CASHIER: "Cashier",
    Role.STOCK_CLERK: "Stock clerk",
    Role.ACCOUNTANT: "Accountant",
}


@operation("roles.list", permission=Permission.USER_WRITE, reads=True)
def list_roles(ctx: Context, _data: ListRoles) -> RolesOut:
    """List the built-in roles and the shop's own, with what each may do and how many people have it."""
    rows = queries.every_role(ctx.uow, ctx.tenant_id, [role.value for role in GIVEN_ROLES])
    return RolesOut(items=[_out(row) for row in rows])


@operation("roles.show", permission=Permission.USER_WRITE, reads=True, raises=(RoleNotFound,))
def show_role(ctx: Context, data: RoleRef) -> RoleOut:
    """Show one role: what it may do, within which limits, and how many people have it. Raises RoleNotFound."""
    for row in queries.every_role(ctx.uow, ctx.tenant_id, [role.value for role in GIVEN_ROLES]):
        if row["name"] == data.name:
            return _out(row)
    raise RoleNotFound(role=data.name)


@operation(
    "roles.create",
    permission=Permission.ROLE_WRITE,
    raises=(RoleTaken, RoleLocked, RoleNotFound, GrantNotPossible, MoreThanYours, OutletsNotFound),
)
def create_role(ctx: Context, data: CreateRole) -> RoleOut:
    """Make a role of the shop's own, from nothing or from another one, and say what differs.

    Nobody grants more than they hold. Raises RoleTaken, RoleLocked (the name is a built-in one's), RoleNotFound (the
    one to begin from), GrantNotPossible, MoreThanYours, OutletsNotFound.
    """
    _require_own_name(data.name)
    begin = {} if data.like is None else role_grants(ctx.uow, ctx.tenant_id, data.like)
    grants = _changed(ctx, begin, data.grants)
    require_no_more(ctx.identity, grants)
    stored = stored_grants(grants)
    queries.insert_role(ctx.uow, ctx.tenant_id, name=data.name, title=data.title, grants=stored)
    ctx.note(f"role:{data.name}", like=data.like, grants=stored)
    return _out({"name": data.name, "title": data.title, "grants": stored, "version": 1, "people": 0})


@operation(
    "roles.update",
    permission=Permission.ROLE_WRITE,
    raises=(
        RoleNotFound,
        RoleLocked,
        RoleChanged,
        OwnRole,
        GrantNotPossible,
        MoreThanYours,
        OutletsNotFound,
    ),
)
def update_role(ctx: Context, data: UpdateRole) -> RoleOut:
    """Change what a role of the shop's own may do; it holds for everybody who has it within five seconds.

    At a till it holds from the next sign-in on. Raises RoleNotFound, RoleLocked (a built-in one), RoleChanged (since
    ``version``), OwnRole (nobody changes the role they hold), GrantNotPossible, MoreThanYours, OutletsNotFound.
    """
    row = _locked(ctx, data.name)
    if data.version is not None and data.version != row["version"]:
        raise RoleChanged(role=data.name)
    before = read_grants(row["grants"]) or {}
    require_no_more(ctx.identity, before)
    grants = _changed(ctx, before, data.grants)
    require_no_more(ctx.identity, grants)
    title = row["title"] if data.title is UNSET else data.title
    stored = stored_grants(grants)
    version = queries.change_role(ctx.uow, ctx.tenant_id, data.name, title=title, grants=stored)
    people = queries.people_of(ctx.uow, ctx.tenant_id, data.name)
    changes = {each.permission: stored.get(each.permission) for each in data.grants}
    ctx.note(f"role:{data.name}", changes=changes, before={name: row["grants"].get(name) for name in changes})
    forget_identities(ctx.uow.database)
    return _out({"name": data.name, "title": title, "grants": stored, "version": version, "people": people})


@operation(
    "roles.delete",
    permission=Permission.ROLE_WRITE,
    raises=(RoleNotFound, RoleLocked, RoleInUse, OwnRole, MoreThanYours),
)
def delete_role(ctx: Context, data: RoleRef) -> Nothing:
    """Delete a role of the shop's own that nobody has any more.

    Raises RoleNotFound, RoleLocked (a built-in one), RoleInUse, OwnRole, MoreThanYours.
    """
    row = _locked(ctx, data.name)
    require_no_more(ctx.identity, read_grants(row["grants"]) or {})
    people = queries.people_of(ctx.uow, ctx.tenant_id, data.name)
    if people:
        raise RoleInUse(role=data.name, people=people)
    queries.delete_role(ctx.uow, ctx.tenant_id, data.name)
    ctx.note(f"role:{data.name}", grants=row["grants"])
    return Nothing()


def _locked(ctx: Context, name: str) -> dict[str, Any]:
    """Return a role that the caller may change, locked."""
    _require_own_name(name)
    row = queries.lock_role(ctx.uow, ctx.tenant_id, name)
    if row is None:
        raise RoleNotFound(role=name)
    account = ctx.identity.account_id or ctx.identity.actor_id
    if ctx.identity.role == name or queries.holds_at_till(ctx.uow, ctx.tenant_id, account, name):
        raise OwnRole
    return row


def _require_own_name(name: str) -> None:
    if name in set(Role) or name == "none":
        raise RoleLocked(role=name)


def _changed(ctx: Context, before: Mapping[Permission, Grant], changes: list[GrantIn]) -> dict[Permission, Grant]:
    """Return grants with some of them written anew, checked."""
    known = {each.value: each for each in GRANTABLE}
    named: dict[Permission, Grant] = {}
    for each in changes:
        permission = known.get(each.permission)
        if permission is None:
            raise GrantNotPossible(permission=each.permission, why="no role of a shop can hold it")
        outlets = check_outlets(ctx.uow, ctx.tenant_id, each.outlet_ids)
        named[permission] = Grant(
            Decision(each.decision),
            own=each.own,
            max_percent=each.max_percent,
            max_amount=each.max_amount,
            days_back=each.days_back,
            outlets=None if outlets is None else frozenset(outlets),
        )
    check_possible(named)
    merged = {**before, **named}
    return {permission: grant for permission, grant in merged.items() if grant.decision is not Decision.DENY}


def _out(row: Mapping[str, Any]) -> RoleOut:
    is_built_in = row["grants"] is None
    grants = grants_of(row["name"], row["grants"])
    return RoleOut(
        name=row["name"],
        title=_TITLES[Role(row["name"])] if is_built_in else row["title"],
        is_built_in=is_built_in,
        people=row["people"],
        version=row["version"],
        grants=[
            GrantRow(
                permission=permission.value,
                decision=grant.decision.value,
                own=grant.own,
                max_percent=grant.max_percent,
                max_amount=grant.max_amount,
                days_back=grant.days_back,
                outlet_ids=None if grant.outlets is None else sorted(grant.outlets),
            )
            for permission, grant in sorted(grants.items())
        ],
    )
