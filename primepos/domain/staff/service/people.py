"""The people at the till: who they are, their PINs, and signing in at a register."""

from typing import Any

from msgspec import UNSET, convert

from primepos.core.context import Context
from primepos.core.ids import new_id
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.core.security import WeakPin, check_pin, hash_badge, hash_pin
from primepos.domain.accounts.errors import OutletsNotFound, OwnRole, RoleNotFound, RoleNotYours, UserNotFound
from primepos.domain.accounts.queries import check_outlets
from primepos.domain.accounts.roles import grants_of, read_grants, role_grants, stored_grants
from primepos.domain.accounts.standing import require_care, require_other
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.plans.errors import QuotaExceeded
from primepos.domain.plans.room import require_room
from primepos.domain.staff import queries
from primepos.domain.staff.errors import (
    BadgeTaken,
    PinNotHere,
    PinRefused,
    PinThrottled,
    StaffArchived,
    StaffCodeTaken,
    StaffNotFound,
)
from primepos.domain.staff.pins import check_shown_by, code_of, random_badge, random_pin, require_at_register
from primepos.domain.staff.schemas.people import (
    CreateStaff,
    GrantOut,
    ListStaff,
    NewBadge,
    NewPin,
    SetBadge,
    SetPin,
    SignInStaff,
    StaffOut,
    StaffPage,
    StaffRef,
    StaffSignedIn,
    UpdateStaff,
)


@operation(
    "staff.create",
    permission=Permission.USER_WRITE,
    raises=(StaffCodeTaken, RoleNotFound, RoleNotYours, OutletsNotFound, UserNotFound, WeakPin, QuotaExceeded),
)
def create_staff(ctx: Context, data: CreateStaff) -> StaffOut:
    """Add a person at the till. A manager adds cashiers and stock clerks of the manager's own outlets.

    Raises StaffCodeTaken, RoleNotFound, RoleNotYours, OutletsNotFound, UserNotFound, WeakPin.
    """
    require_care(ctx, data.role, data.outlet_ids, role_grants(ctx.uow, ctx.tenant_id, data.role))
    row = queries.insert_staff(
        ctx.uow,
        ctx.tenant_id,
        {
            "id": new_id(),
            "code": code_of(data.code),
            "name": data.name,
            "role": data.role,
            "outlet_ids": check_outlets(ctx.uow, ctx.tenant_id, data.outlet_ids),
            "pin_hash": None if data.pin is None else hash_pin(check_pin(data.pin), ctx.settings.pin_pepper),
            "user_id": queries.require_member(ctx.uow, ctx.tenant_id, data.user_id),
        },
    )
    ctx.note(f"staff:{row['id']}", code=row["code"], role=data.role)
    return _out(row)


@operation("staff.list", permission=Permission.USER_WRITE, reads=True)
def list_staff(ctx: Context, data: ListStaff) -> StaffPage:
    """List the people at the till by code, a page at a time: those who work here, or those who left."""
    rows = queries.page_of_staff(
        ctx.uow,
        ctx.tenant_id,
        after=None if data.after is None else code_of(data.after),
        limit=data.limit,
        archived=data.archived,
        outlet_id=data.outlet_id,
    )
    shown = [_out(row) for row in rows[: data.limit]]
    return StaffPage(items=shown, next=shown[-1].code if len(rows) > data.limit else None)


@operation(
    "staff.update",
    permission=Permission.USER_WRITE,
    raises=(StaffNotFound, StaffArchived, RoleNotFound, RoleNotYours, OwnRole, OutletsNotFound),
)
def update_staff(ctx: Context, data: UpdateStaff) -> StaffOut:
    """Change the name, role or outlets of a person; what is left out stays.

    Raises StaffNotFound, StaffArchived, RoleNotFound, RoleNotYours, OwnRole, OutletsNotFound.
    """
    row = queries.find_staff(ctx.uow, ctx.tenant_id, staff_id=data.staff_id)
    _require_care(ctx, row)
    if row["archived_at"] is not None:
        raise StaffArchived(name=row["name"])
    values: dict[str, Any] = {}
    grants = grants_of(row["role"], row["role_grants"])
    if data.name is not UNSET:
        values["name"] = data.name
    if data.role is not UNSET and data.role != row["role"]:
        _require_other(ctx, row)
        values["role"] = data.role
        grants = role_grants(ctx.uow, ctx.tenant_id, data.role)
    if data.outlet_ids is not UNSET:
        values["outlet_ids"] = check_outlets(ctx.uow, ctx.tenant_id, data.outlet_ids or None)
    require_care(ctx, values.get("role", row["role"]), values.get("outlet_ids", row["outlet_ids"]), grants)
    changed = queries.change_staff(ctx.uow, ctx.tenant_id, data.staff_id, **values)
    ctx.note(f"staff:{data.staff_id}", changed=sorted(values), role=changed["role"])
    return _out(changed)


@operation("staff.archive", permission=Permission.USER_WRITE, raises=(StaffNotFound, RoleNotYours, OwnRole))
def archive_staff(ctx: Context, data: StaffRef) -> StaffOut:
    """Take a person off the staff: PIN and badge open nothing from now on, what they sold keeps their name.

    Raises StaffNotFound, RoleNotYours, OwnRole.
    """
    row = _find(ctx, data)
    _require_other(ctx, row)
    when = row["archived_at"] or ctx.clock.now()
    queries.take_badge(ctx.uow, ctx.tenant_id, row["id"])
    ctx.note(f"staff:{row['id']}", code=row["code"])
    return _out(queries.change_staff(ctx.uow, ctx.tenant_id, row["id"], archived_at=when))


@operation(
    "staff.unarchive",
    permission=Permission.USER_WRITE,
    raises=(StaffNotFound, RoleNotYours, OwnRole, QuotaExceeded),
)
def unarchive_staff(ctx: Context, data: StaffRef) -> StaffOut:
    """Take a person back who left; PIN and badge they had are gone.

    Raises StaffNotFound, RoleNotYours, OwnRole, QuotaExceeded.
    """
    row = _find(ctx, data)
    _require_other(ctx, row)
    ctx.note(f"staff:{row['id']}", code=row["code"])
    if row["archived_at"] is None:
        return _out(row)
    cleared: dict[str, Any] = {"archived_at": None, "pin_hash": None, "pin_failures": 0, "pin_locked_at": None}
    back = queries.change_staff(ctx.uow, ctx.tenant_id, row["id"], **cleared)
    require_room(ctx.uow, ctx.tenant_id, "users")
    return _out(back)


@operation(
    "staff.set_pin",
    permission=Permission.USER_WRITE,
    raises=(StaffNotFound, StaffArchived, RoleNotYours, WeakPin),
)
def set_pin(ctx: Context, data: SetPin) -> StaffOut:
    """Give a person the PIN they chose, and unlock it. Raises StaffNotFound, StaffArchived, RoleNotYours, WeakPin."""
    pin = check_pin(data.pin)
    row = _find(ctx, StaffRef(staff_id=data.staff_id, code=data.code))
    ctx.note(f"staff:{row['id']}", code=row["code"])
    return _store_pin(ctx, row, pin)


@operation("staff.reset_pin", permission=Permission.USER_WRITE, raises=(StaffNotFound, StaffArchived, RoleNotYours))
def reset_pin(ctx: Context, data: StaffRef) -> NewPin:
    """Make a new PIN for a person, and unlock it; it is shown this once.

    Raises StaffNotFound, StaffArchived, RoleNotYours.
    """
    row = _find(ctx, data)
    pin = random_pin()
    ctx.note(f"staff:{row['id']}", code=row["code"])
    return NewPin(staff=_store_pin(ctx, row, pin), pin=pin)


@operation(
    "staff.set_badge",
    permission=Permission.USER_WRITE,
    raises=(StaffNotFound, StaffArchived, RoleNotYours, BadgeTaken),
)
def set_badge(ctx: Context, data: SetBadge) -> NewBadge:
    """Give a person a badge that signs them in and lets them agree at a till: the one shown, or one that is made.

    It takes the place of the one they had. What a made badge says is shown this once.
    Raises StaffNotFound, StaffArchived, RoleNotYours, BadgeTaken.
    """
    row = _find(ctx, StaffRef(staff_id=data.staff_id, code=data.code))
    if row["archived_at"] is not None:
        raise StaffArchived(name=row["name"])
    made = None if data.badge is not None else random_badge()
    hashed = hash_badge(data.badge or made or "", ctx.settings.pin_pepper)
    queries.store_badge(ctx.uow, ctx.tenant_id, row["id"], hashed, ctx.clock.now())
    ctx.note(f"staff:{row['id']}", code=row["code"])
    return NewBadge(staff=_out(row | {"has_badge": True}), badge=made)


@operation("staff.take_badge", permission=Permission.USER_WRITE, raises=(StaffNotFound, RoleNotYours))
def take_badge(ctx: Context, data: StaffRef) -> StaffOut:
    """Take a person's badge away: it is lost, or was given back. Raises StaffNotFound, RoleNotYours."""
    row = _find(ctx, data)
    queries.take_badge(ctx.uow, ctx.tenant_id, row["id"])
    ctx.note(f"staff:{row['id']}", code=row["code"])
    return _out(row | {"has_badge": False})


@operation(
    "staff.sign_in",
    permission=Permission.TENANT_READ,
    raises=(PinNotHere, PinRefused, PinThrottled, RegisterNotFound),
)
def sign_in(ctx: Context, data: SignInStaff) -> StaffSignedIn:
    """Sign in at a register by code and PIN, or by badge.

    Only at an enrolled till, or at the server's shell for a register that is named. Five wrong PINs in a row lock
    a PIN until a manager resets it, ten within a quarter of an hour the register. In a suspended tenant too: somebody
    has to close the shift. Raises PinNotHere, PinRefused (for whatever is wrong), PinThrottled, RegisterNotFound.
    """
    ctx.note(f"code:{code_of(data.code)}" if data.code is not None else "badge")
    require_at_register(ctx.identity)
    register_id = ctx.identity.register_id or data.register_id
    if register_id is None or (data.register_id is not None and data.register_id != register_id):
        raise RegisterNotFound
    found = check_shown_by(
        ctx.uow.database,
        ctx.settings,
        ctx.clock,
        tenant_id=ctx.tenant_id,
        register_id=register_id,
        code=data.code,
        pin=data.pin,
        badge=data.badge,
    )
    outlet_id = queries.outlet_of_register(ctx.uow, ctx.tenant_id, register_id)
    if found["outlet_ids"] is not None and outlet_id not in found["outlet_ids"]:
        raise PinRefused
    ctx.note(f"staff:{found['id']}", code=found["code"], register=str(register_id))
    return StaffSignedIn(
        staff_id=found["id"],
        code=found["code"],
        name=found["name"],
        role=found["role"],
        outlet_ids=found["outlet_ids"],
        register_id=register_id,
        outlet_id=outlet_id,
        user_id=found["user_id"],
        grants=_sent(found["role_grants"]),
    )


def _sent(stored: dict[str, Any] | None) -> dict[str, GrantOut] | None:
    """Return the grants of a role of the tenant's own as a till keeps them."""
    grants = read_grants(stored)
    return None if grants is None else convert(stored_grants(grants), dict[str, GrantOut])


def _find(ctx: Context, data: StaffRef) -> dict[str, Any]:
    """Return the person named, if the caller may look after them."""
    code = None if data.code is None else code_of(data.code)
    row = queries.find_staff(ctx.uow, ctx.tenant_id, staff_id=data.staff_id, code=code)
    _require_care(ctx, row)
    return row


def _require_care(ctx: Context, row: dict[str, Any]) -> None:
    require_care(ctx, row["role"], row["outlet_ids"], grants_of(row["role"], row["role_grants"]))


def _require_other(ctx: Context, row: dict[str, Any]) -> None:
    """Nobody changes their own standing, be it by PIN or by the account that is tied to it."""
    require_other(ctx, row["id"])
    if row["user_id"] is not None:
        require_other(ctx, row["user_id"])


def _store_pin(ctx: Context, row: dict[str, Any], pin: str) -> StaffOut:
    if row["archived_at"] is not None:
        raise StaffArchived(name=row["name"])
    hashed = hash_pin(pin, ctx.settings.pin_pepper)
    fresh: dict[str, Any] = {"pin_hash": hashed, "pin_failures": 0, "pin_locked_at": None}
    return _out(queries.change_staff(ctx.uow, ctx.tenant_id, row["id"], **fresh))


def _out(row: dict[str, Any]) -> StaffOut:
    return StaffOut(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        role=row["role"],
        outlet_ids=row["outlet_ids"],
        user_id=row["user_id"],
        has_badge=row["has_badge"],
        pin="none" if not row["has_pin"] else "locked" if row["pin_locked_at"] is not None else "set",
        is_archived=row["archived_at"] is not None,
    )
