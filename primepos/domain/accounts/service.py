"""Signing in and out, and the people who do: their roles in a tenant, their passwords, their invitations."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET

from primepos.core.allowance import Policy
from primepos.core.context import Context
from primepos.core.db import apart
from primepos.core.ids import new_id
from primepos.core.operations import Nothing, Scope, operation
from primepos.core.permissions import Permission, Role
from primepos.core.security import (
    InvalidEmail,
    WeakPassword,
    check_password,
    hash_password,
    hash_token,
    normalise_email,
)
from primepos.core.settings_types import Registration
from primepos.domain.accounts import queries
from primepos.domain.accounts.credentials import allow_refresh, check_credentials
from primepos.domain.accounts.errors import (
    AlreadyMember,
    BadCredentials,
    EmailTaken,
    InvitationInvalid,
    LastOwner,
    NoAccount,
    NotAMember,
    NotEnrolled,
    OutletsNotFound,
    OwnRole,
    PasswordUnchanged,
    RefreshInvalid,
    RefreshReused,
    RegistrationClosed,
    RoleNotFound,
    RoleNotYours,
    SessionEnded,
    TenantRequired,
    TillNotFound,
    UserNotFound,
    UserOfOthers,
    WrongPassword,
)
from primepos.domain.accounts.identities import forget_identities, forget_session
from primepos.domain.accounts.invitations import INVITATION_LIFETIME, Invitation, seal, unseal
from primepos.domain.accounts.roles import grants_of, names_looked_after, role_grants
from primepos.domain.accounts.schemas import (
    ChangePassword,
    CreateSuperuser,
    CreateUser,
    DevicePage,
    DeviceRow,
    EmailRef,
    EnrolDevice,
    InvitationOut,
    InviteUser,
    ListDevices,
    ListUsers,
    Login,
    MembershipOut,
    MeOut,
    NewUserOut,
    Refresh,
    Register,
    SetRole,
    SignedIn,
    SwitchTenant,
    TemporaryPassword,
    UserOut,
    UserPage,
    UserRef,
)
from primepos.domain.accounts.sessions import begin_session, rotate, signed_in
from primepos.domain.accounts.standing import (
    account_of,
    require_another_owner,
    require_care,
    require_other,
    require_reach,
    temporary_password,
    user_out,
)
from primepos.domain.accounts.throttle import SIGN_UPS, LoginThrottled, address_key, throttle_of
from primepos.domain.plans.errors import QuotaExceeded
from primepos.domain.plans.room import require_room
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.queries import load_tenant
from primepos.domain.tenancy.standing import require_active, require_active_status

TEMPORARY_FOR = timedelta(hours=24)


# --- sessions --------------------------------------------------------------------------------------------------------


@operation(
    "accounts.login",
    permission=Permission.PUBLIC,
    scope=Scope.SYSTEM,
    raises=(BadCredentials, LoginThrottled, TenantRequired, NotAMember, TenantSuspended),
)
def login(ctx: Context, data: Login) -> SignedIn:
    """Sign in by e-mail address and password and get an access and a refresh token.

    The tokens are for one tenant: the only one, or the one named. Five failures a minute lock an account, a hundred
    an address; what succeeds is not counted. Raises BadCredentials for whatever is wrong with address or password,
    LoginThrottled, TenantRequired (with the short names to choose from), NotAMember, TenantSuspended.
    """
    user = check_credentials(ctx, data.email, data.password, data.client_ip)
    tenant_id = _tenant_to_enter(ctx, user, data.tenant)
    if not queries.is_still(ctx.uow, user["id"], user["password_hash"]):
        raise BadCredentials
    tokens = begin_session(ctx, user_id=user["id"], tenant_id=tenant_id)
    ctx.note(f"user:{user['id']}", tenant=tokens.tenant)
    return tokens


@operation(
    "accounts.refresh",
    permission=Permission.PUBLIC,
    scope=Scope.SYSTEM,
    raises=(RefreshInvalid, RefreshReused, SessionEnded, LoginThrottled),
)
def refresh(ctx: Context, data: Refresh) -> SignedIn:
    """Trade a refresh token for a new pair.

    A token is good for one trade. The same answer is given again for ten seconds, for a caller who lost it; any
    later use, or one of an older token, ends the session. A session may trade thirty times a minute.
    Raises RefreshInvalid, RefreshReused, SessionEnded, LoginThrottled.
    """
    now, database = ctx.clock.now(), ctx.uow.database
    allow_refresh(ctx, hash_token(data.refresh_token), data.client_ip)
    # In a transaction of its own: the end of a session must stay although this operation is refused.
    found = apart(database.system_session, lambda uow: rotate(uow, data.refresh_token, ctx.settings, now))
    ctx.note(f"session:{found.session_id}", holder=str(found.row["user_id"] or found.row["register_id"]))
    if found.reused or found.token_expires_at is None:
        forget_session(database, found.session_id)
        raise RefreshReused
    return signed_in(
        found.row,
        refresh_token=found.token,
        refresh_expires_at=found.token_expires_at,
        settings=ctx.settings,
        clock=ctx.clock,
    )


@operation("accounts.logout", permission=Permission.SELF, scope=Scope.SYSTEM)
def logout(ctx: Context, _data: Nothing) -> Nothing:
    """Sign out: the session and its refresh token end now, its access token within five seconds."""
    session_id = ctx.identity.session_id
    if session_id is not None:
        queries.revoke_sessions(ctx.uow, session_id=session_id, why="signed out", now=ctx.clock.now())
        forget_session(ctx.uow.database, session_id)
    ctx.note(f"session:{session_id}")
    return Nothing()


@operation(
    "accounts.switch",
    permission=Permission.SELF,
    scope=Scope.SYSTEM,
    raises=(NoAccount, NotAMember, TenantSuspended),
)
def switch_tenant(ctx: Context, data: SwitchTenant) -> SignedIn:
    """Go to another of one's tenants: the present session ends and a new one begins there.

    Raises NoAccount, NotAMember, TenantSuspended.
    """
    user_id = account_of(ctx)
    user = queries.user_by_id(ctx.uow, user_id)
    if user is None:
        raise NoAccount
    if data.tenant is not None:
        tenant_id = _membership(ctx, user_id, data.tenant)
    elif user["is_superuser"]:
        tenant_id = None
    else:
        raise NotAMember(slug="")
    if ctx.identity.session_id is not None:
        queries.revoke_sessions(ctx.uow, session_id=ctx.identity.session_id, why="switched tenant", now=ctx.clock.now())
        forget_session(ctx.uow.database, ctx.identity.session_id)
    ctx.note(f"user:{user_id}", to=data.tenant)
    return begin_session(ctx, user_id=user_id, tenant_id=tenant_id)


@operation("accounts.me", permission=Permission.SELF, scope=Scope.SYSTEM, reads=True)
def me(ctx: Context, _data: Nothing) -> MeOut:
    """Show who one is, in which tenant, what one may do there, and which other tenants one may enter."""
    who = ctx.identity
    user = queries.user_by_id(ctx.uow, who.actor_id) if who.kind == "user" and who.actor_id else None
    grants = who.grants if who.grants is not None else grants_of(who.role, None)
    return MeOut(
        kind=who.kind,
        id=who.actor_id,
        name=who.name,
        email=user["email"] if user else None,
        tenant=load_tenant(ctx.uow, who.tenant_id).slug if who.tenant_id is not None else None,
        role=who.role,
        outlet_ids=None if who.outlet_ids is None else sorted(who.outlet_ids),
        register_id=who.register_id,
        must_change_password=bool(user and user["password_expires_at"]),
        permissions={name.value: str(grant.decision) for name, grant in sorted(grants.items())},
        memberships=[
            MembershipOut(
                tenant=row["slug"],
                tenant_name=row["name"],
                role=row["role"],
                outlet_ids=row["outlet_ids"],
                is_active=row["status"] == "active",
            )
            for row in (queries.memberships_of(ctx.uow, user["id"]) if user else ())
        ],
    )


# --- one's own account -----------------------------------------------------------------------------------------------


@operation(
    "accounts.change_password",
    permission=Permission.SELF,
    scope=Scope.SYSTEM,
    raises=(NoAccount, WrongPassword, PasswordUnchanged, WeakPassword, LoginThrottled),
)
def change_password(ctx: Context, data: ChangePassword) -> Nothing:
    """Choose another password; every other session of the account ends.

    A wrong current password counts as a failed sign-in. Raises NoAccount, WrongPassword, PasswordUnchanged,
    WeakPassword, LoginThrottled.
    """
    user_id = account_of(ctx)
    ctx.note(f"user:{user_id}")
    database = ctx.uow.database
    user = apart(lambda: database.system_session(read_only=True), lambda uow: queries.user_by_id(uow, user_id))
    if user is None:
        raise NoAccount
    try:
        check_credentials(ctx, user["email"], data.current_password, data.client_ip)
    except BadCredentials:
        raise WrongPassword from None
    normal = check_password(data.new_password, context=(user["email"], user["name"]))
    if data.new_password == data.current_password:
        raise PasswordUnchanged
    now = ctx.clock.now()
    queries.set_password(ctx.uow, user_id, hash_password(normal), now=now, until=None)
    queries.revoke_sessions(ctx.uow, user_id=user_id, keep=ctx.identity.session_id, why="password changed", now=now)
    forget_identities(database)
    return Nothing()


@operation(
    "accounts.register",
    permission=Permission.PUBLIC,
    scope=Scope.SYSTEM,
    raises=(
        RegistrationClosed,
        InvitationInvalid,
        QuotaExceeded,
        InvalidEmail,
        WeakPassword,
        EmailTaken,
        OutletsNotFound,
        TenantSuspended,
        LoginThrottled,
    ),
)
def register(ctx: Context, data: Register) -> UserOut:
    """Make an account, where the installation lets people do so, or on an invitation into a tenant.

    An invitation works once. Raises RegistrationClosed, InvitationInvalid, InvalidEmail, WeakPassword, EmailTaken,
    OutletsNotFound, TenantSuspended, LoginThrottled (ten accounts an hour from one address).
    """
    mode = ctx.settings.registration
    if mode is Registration.CLOSED or (mode is Registration.INVITE and data.invitation is None):
        raise RegistrationClosed
    if data.client_ip:
        sign_ups = (Policy("sign-up", SIGN_UPS), address_key(data.client_ip))
        throttle_of(ctx).require(sign_ups)
        throttle_of(ctx).count(sign_ups)
    invitation = _unsealed(ctx, data.invitation) if data.invitation is not None else None
    email = normalise_email(invitation.email if invitation else data.email or "")
    if invitation and data.email is not None and normalise_email(data.email) != email:
        raise InvitationInvalid
    user = _add_user(ctx, email=email, name=data.name, password=data.password)
    if user is None:
        raise EmailTaken
    role, outlets = None, None
    if invitation is not None:
        if not queries.spend_once(ctx.uow, f"invitation:{invitation.id}", invitation.expires_at):
            raise InvitationInvalid
        tenant = load_tenant(ctx.uow, invitation.tenant_id)
        require_active(tenant)
        role = invitation.role
        try:
            role_grants(ctx.uow, tenant.id, role)
        except RoleNotFound:
            raise InvitationInvalid from None
        outlets = queries.check_outlets(ctx.uow, tenant.id, invitation.outlet_ids)
        queries.insert_membership(ctx.uow, tenant.id, user, role=role, outlet_ids=outlets)
    ctx.note(f"user:{user}", invited=invitation is not None)
    return UserOut(id=user, email=email, name=data.name, role=role, outlet_ids=outlets, is_disabled=False)


# --- the people of a tenant ------------------------------------------------------------------------------------------


@operation(
    "users.create",
    permission=Permission.USER_WRITE,
    scope=Scope.SYSTEM,
    raises=(InvalidEmail, WeakPassword, AlreadyMember, RoleNotFound, RoleNotYours, OutletsNotFound, QuotaExceeded),
)
def create_user(ctx: Context, data: CreateUser) -> NewUserOut:
    """Let a person into the tenant, making the account if there is none with this e-mail address.

    Who has an account keeps its password. Without a password a temporary one is made: shown once, good for 24 hours
    and only to choose another. A manager lets in cashiers and stock clerks of the manager's outlets.
    Raises InvalidEmail, WeakPassword, AlreadyMember, RoleNotFound, RoleNotYours, OutletsNotFound.
    """
    require_care(ctx, data.role, data.outlet_ids, role_grants(ctx.uow, ctx.tenant_id, data.role))
    email = normalise_email(data.email)
    outlets = queries.check_outlets(ctx.uow, ctx.tenant_id, data.outlet_ids)
    secret = None if data.password is not None else temporary_password()
    until = None if secret is None else ctx.clock.now() + TEMPORARY_FOR
    user_id = _add_user(
        ctx,
        email=email,
        name=data.name,
        password=data.password or secret or "",
        until=until,
        context=(ctx.tenant.slug,),
    )
    is_new = user_id is not None
    if user_id is None:
        known = queries.find_user(ctx.uow, email)
        if known is None:
            raise AlreadyMember
        user_id = known["id"]
    queries.insert_membership(ctx.uow, ctx.tenant_id, user_id, role=data.role, outlet_ids=outlets)
    ctx.note(f"user:{user_id}", role=data.role, is_new=is_new)
    return NewUserOut(
        user=user_out(queries.find_member(ctx.uow, ctx.tenant_id, user_id=user_id)),
        is_new=is_new,
        temporary_password=secret if is_new else None,
        password_expires_at=until if is_new else None,
    )


@operation(
    "users.invite",
    permission=Permission.USER_WRITE,
    scope=Scope.SYSTEM,
    raises=(InvalidEmail, AlreadyMember, RoleNotFound, RoleNotYours, OutletsNotFound, RegistrationClosed),
)
def invite_user(ctx: Context, data: InviteUser) -> InvitationOut:
    """Invite a person without an account: the token, good for seven days and once, lets them make one.

    Raises InvalidEmail, AlreadyMember (let in who has an account with users.create), RoleNotFound, RoleNotYours,
    OutletsNotFound, RegistrationClosed.
    """
    if ctx.settings.registration is Registration.CLOSED:
        raise RegistrationClosed
    require_care(ctx, data.role, data.outlet_ids, role_grants(ctx.uow, ctx.tenant_id, data.role))
    email = normalise_email(data.email)
    outlets = queries.check_outlets(ctx.uow, ctx.tenant_id, data.outlet_ids)
    known = queries.find_user(ctx.uow, email)
    if known is not None and queries.is_member(ctx.uow, ctx.tenant_id, known["id"]):
        raise AlreadyMember
    invitation = Invitation(
        id=new_id(),
        tenant_id=ctx.tenant_id,
        email=email,
        role=data.role,
        outlet_ids=outlets,
        expires_at=ctx.clock.now() + INVITATION_LIFETIME,
    )
    ctx.note(f"invitation:{invitation.id}", email=email, role=data.role)
    return InvitationOut(
        token=seal(invitation, ctx.settings.secret_key),
        email=email,
        role=data.role,
        expires_at=invitation.expires_at,
    )


@operation("users.list", permission=Permission.USER_WRITE, scope=Scope.SYSTEM, reads=True)
def list_users(ctx: Context, data: ListUsers) -> UserPage:
    """List the people of the tenant by e-mail address, a page at a time; a manager sees whom they look after."""
    roles = names_looked_after(ctx.uow, ctx.tenant_id) if ctx.grant.own else None
    rows = queries.page_of_members(ctx.uow, ctx.tenant_id, after=data.after, limit=data.limit, roles=roles)
    shown = [user_out(row) for row in rows[: data.limit]]
    return UserPage(items=shown, next=shown[-1].email if len(rows) > data.limit else None)


@operation(
    "users.set_role",
    permission=Permission.ROLE_WRITE,
    scope=Scope.SYSTEM,
    raises=(UserNotFound, RoleNotFound, OwnRole, LastOwner, RoleNotYours, OutletsNotFound),
)
def set_role(ctx: Context, data: SetRole) -> UserOut:
    """Give a person of the tenant another role, or other outlets; it holds within five seconds.

    Raises UserNotFound, RoleNotFound, OwnRole (nobody changes the role they hold), LastOwner, RoleNotYours (it grants
    more than the caller holds, or they hold more already), OutletsNotFound.
    """
    member = _member(ctx, data.user_id, data.email)
    require_other(ctx, member["id"])
    require_reach(ctx, data.role, role_grants(ctx.uow, ctx.tenant_id, data.role))
    require_reach(ctx, member["role"], grants_of(member["role"], member["role_grants"]))
    if data.role != Role.OWNER:
        require_another_owner(ctx, member["id"])
    values: dict[str, Any] = {"role": data.role}
    if data.outlet_ids is not UNSET:
        values["outlet_ids"] = queries.check_outlets(ctx.uow, ctx.tenant_id, data.outlet_ids or None)
    queries.change_membership(ctx.uow, ctx.tenant_id, member["id"], **values)
    ctx.note(f"user:{member['id']}", before=member["role"], after=data.role)
    forget_identities(ctx.uow.database)
    return user_out(queries.find_member(ctx.uow, ctx.tenant_id, user_id=member["id"]))


@operation(
    "users.disable",
    permission=Permission.USER_WRITE,
    scope=Scope.SYSTEM,
    raises=(UserNotFound, OwnRole, LastOwner, RoleNotYours),
)
def disable_user(ctx: Context, data: UserRef) -> UserOut:
    """Shut a person out of the tenant; their sessions in it end. What they did stays theirs.

    Raises UserNotFound, OwnRole, LastOwner, RoleNotYours.
    """
    member = _member(ctx, data.user_id, data.email)
    require_care(ctx, member["role"], member["outlet_ids"], grants_of(member["role"], member["role_grants"]))
    require_other(ctx, member["id"])
    require_another_owner(ctx, member["id"])
    now = ctx.clock.now()
    queries.change_membership(ctx.uow, ctx.tenant_id, member["id"], disabled_at=now)
    queries.revoke_sessions(
        ctx.uow, user_id=member["id"], tenant_id=ctx.tenant_id, why="shut out of the tenant", now=now
    )
    ctx.note(f"user:{member['id']}")
    forget_identities(ctx.uow.database)
    return user_out(queries.find_member(ctx.uow, ctx.tenant_id, user_id=member["id"]))


@operation(
    "users.enable",
    permission=Permission.USER_WRITE,
    scope=Scope.SYSTEM,
    raises=(UserNotFound, OwnRole, RoleNotYours, QuotaExceeded),
)
def enable_user(ctx: Context, data: UserRef) -> UserOut:
    """Let a person who was shut out of the tenant in again.

    Raises UserNotFound, OwnRole, RoleNotYours, QuotaExceeded.
    """
    member = _member(ctx, data.user_id, data.email)
    require_care(ctx, member["role"], member["outlet_ids"], grants_of(member["role"], member["role_grants"]))
    require_other(ctx, member["id"])
    queries.change_membership(ctx.uow, ctx.tenant_id, member["id"], disabled_at=None)
    require_room(ctx.uow, ctx.tenant_id, "users")
    ctx.note(f"user:{member['id']}")
    forget_identities(ctx.uow.database)
    return user_out(queries.find_member(ctx.uow, ctx.tenant_id, user_id=member["id"]))


@operation(
    "users.reset_password",
    permission=Permission.USER_WRITE,
    scope=Scope.SYSTEM,
    raises=(UserNotFound, RoleNotYours, OwnRole, UserOfOthers),
)
def reset_password(ctx: Context, data: UserRef) -> TemporaryPassword:
    """Give a person who lost their password a temporary one; all their sessions end.

    It is shown once, good for 24 hours, and only to choose another. An account that also opens other tenants is
    left to its owner and to the operator at the server's shell. Raises UserNotFound, RoleNotYours, OwnRole,
    UserOfOthers.
    """
    member = _member(ctx, data.user_id, data.email)
    require_care(ctx, member["role"], member["outlet_ids"], grants_of(member["role"], member["role_grants"]))
    require_other(ctx, member["id"])
    if ctx.identity.kind != "operator" and queries.opens_other_doors(ctx.uow, ctx.tenant_id, member["id"]):
        raise UserOfOthers
    secret, now = temporary_password(), ctx.clock.now()
    until = now + TEMPORARY_FOR
    queries.set_password(ctx.uow, member["id"], hash_password(secret), now=now, until=until)
    queries.revoke_sessions(ctx.uow, user_id=member["id"], why="password reset", now=now)
    ctx.note(f"user:{member['id']}")
    forget_identities(ctx.uow.database)
    return TemporaryPassword(user=user_out(member), password=secret, expires_at=until)


# --- the tills of a tenant -------------------------------------------------------------------------------------------


@operation(
    "devices.enrol", permission=Permission.DEVICE_ENROL, scope=Scope.SYSTEM, raises=(TillNotFound, TenantSuspended)
)
def enrol_device(ctx: Context, data: EnrolDevice) -> SignedIn:
    """Make a device one of the tenant's tills: its tokens let it deliver sales and sign staff in by PIN.

    A till is one device: whichever was enrolled as it before is out. Raises TillNotFound, TenantSuspended.
    """
    require_active(ctx.tenant)
    till = _till(ctx, data.register_id)
    _revoke_till(ctx, till["id"], "enrolled again")
    ctx.note(f"register:{till['id']}", code=till["code"])
    return begin_session(ctx, tenant_id=ctx.tenant_id, register_id=till["id"])


@operation("devices.list", permission=Permission.DEVICE_ENROL, scope=Scope.SYSTEM, reads=True)
def list_devices(ctx: Context, data: ListDevices) -> DevicePage:
    """List the enrolled tills of the outlets one works in, a page at a time."""
    rows = queries.page_of_devices(
        ctx.uow,
        ctx.tenant_id,
        now=ctx.clock.now(),
        after=data.after,
        limit=data.limit,
        outlet_ids=ctx.identity.outlet_ids,
    )
    shown = [DeviceRow(**row) for row in rows[: data.limit]]
    return DevicePage(items=shown, next=shown[-1].register_id if len(rows) > data.limit else None)


@operation("devices.revoke", permission=Permission.DEVICE_ENROL, scope=Scope.SYSTEM, raises=(TillNotFound, NotEnrolled))
def revoke_device(ctx: Context, data: EnrolDevice) -> Nothing:
    """Shut a lost or stolen till out: its tokens are dead within five seconds. Raises TillNotFound, NotEnrolled."""
    till = _till(ctx, data.register_id)
    ctx.note(f"register:{till['id']}", code=till["code"])
    if not _revoke_till(ctx, till["id"], "revoked"):
        raise NotEnrolled
    return Nothing()


# --- the accounts of the installation --------------------------------------------------------------------------------


@operation(
    "users.create_superuser",
    permission=Permission.TENANT_CREATE,
    scope=Scope.SYSTEM,
    raises=(InvalidEmail, WeakPassword, EmailTaken),
)
def create_superuser(ctx: Context, data: CreateSuperuser) -> UserOut:
    """Make an administrator of the installation: makes and suspends tenants, never sees what is in them.

    Raises InvalidEmail, WeakPassword, EmailTaken.
    """
    email = normalise_email(data.email)
    user_id = _add_user(ctx, email=email, name=data.name, password=data.password, is_superuser=True)
    if user_id is None:
        raise EmailTaken
    ctx.note(f"user:{user_id}", is_superuser=True)
    return UserOut(id=user_id, email=email, name=data.name, role=Role.SAAS_ADMIN, outlet_ids=None, is_disabled=False)


@operation(
    "users.block",
    permission=Permission.TENANT_SUSPEND,
    scope=Scope.SYSTEM,
    raises=(InvalidEmail, UserNotFound, OwnRole),
)
def block_user(ctx: Context, data: EmailRef) -> UserOut:
    """Shut an account out of every tenant; all its sessions end. Raises InvalidEmail, UserNotFound, OwnRole."""
    now = ctx.clock.now()
    row = queries.set_blocked(ctx.uow, normalise_email(data.email), blocked=True, now=now)
    require_other(ctx, row["id"])
    queries.revoke_sessions(ctx.uow, user_id=row["id"], why="account blocked", now=now)
    return _account_changed(ctx, row)


@operation(
    "users.unblock", permission=Permission.TENANT_SUSPEND, scope=Scope.SYSTEM, raises=(InvalidEmail, UserNotFound)
)
def unblock_user(ctx: Context, data: EmailRef) -> UserOut:
    """Let a blocked account in again. Raises InvalidEmail, UserNotFound."""
    row = queries.set_blocked(ctx.uow, normalise_email(data.email), blocked=False, now=ctx.clock.now())
    return _account_changed(ctx, row)


# --- inner rooms -----------------------------------------------------------------------------------------------------


def _tenant_to_enter(ctx: Context, user: dict[str, Any], slug: str | None) -> int | None:
    """Return the tenant a sign-in is for; None for an administrator, and for who belongs to no tenant yet."""
    if slug is not None:
        return _membership(ctx, user["id"], slug)
    if user["is_superuser"]:
        return None
    belongs = queries.memberships_of(ctx.uow, user["id"])
    active = [row for row in belongs if row["status"] == "active"]
    if len(active) > 1:
        slugs = [row["slug"] for row in active]
        raise TenantRequired(tenants=slugs, hint=f"One of {', '.join(slugs)}.")
    if belongs and not active:
        require_active_status(belongs[0]["status"], belongs[0]["slug"])
    return active[0]["tenant_id"] if active else None


def _membership(ctx: Context, user_id: UUID, slug: str) -> int:
    for row in queries.memberships_of(ctx.uow, user_id):
        if row["slug"] == slug:
            require_active_status(row["status"], slug)
            found: int = row["tenant_id"]
            return found
    raise NotAMember(slug=slug)


def _unsealed(ctx: Context, text: str) -> Invitation:
    return unseal(text, (ctx.settings.secret_key, *ctx.settings.secret_key_fallbacks), ctx.clock.now())


def _add_user(
    ctx: Context,
    *,
    email: str,
    name: str,
    password: str,
    until: Any = None,
    is_superuser: bool = False,
    context: tuple[str, ...] = (),
) -> UUID | None:
    """Add an account; None if the e-mail address has one. A password somebody chose must pass the policy."""
    normal = password if until is not None else check_password(password, context=(email, name, *context))
    return queries.insert_user(
        ctx.uow,
        {
            "id": new_id(),
            "email": email,
            "name": name,
            "password_hash": hash_password(normal),
            "password_expires_at": until,
            "is_superuser": is_superuser,
            "now": ctx.clock.now(),
        },
    )


def _member(ctx: Context, user_id: UUID | None, email: str | None) -> dict[str, Any]:
    named = None if email is None else normalise_email(email)
    return queries.find_member(ctx.uow, ctx.tenant_id, user_id=user_id, email=named)


def _till(ctx: Context, register_id: UUID) -> dict[str, Any]:
    """Return a till of the outlets the caller works in, locked."""
    till = queries.lock_till(ctx.uow, ctx.tenant_id, register_id)
    if not ctx.identity.may_use_outlet(till["outlet_id"]):
        raise TillNotFound
    return till


def _revoke_till(ctx: Context, register_id: UUID, why: str) -> bool:
    ended = queries.revoke_sessions(
        ctx.uow, register_id=register_id, tenant_id=ctx.tenant_id, why=why, now=ctx.clock.now()
    )
    forget_identities(ctx.uow.database)
    return ended > 0


def _account_changed(ctx: Context, row: dict[str, Any]) -> UserOut:
    ctx.note(f"user:{row['id']}")
    forget_identities(ctx.uow.database)
    return UserOut(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role.SAAS_ADMIN if row["is_superuser"] else None,
        outlet_ids=None,
        is_disabled=row["disabled_at"] is not None,
    )
