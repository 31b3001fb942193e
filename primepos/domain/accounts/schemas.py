"""What goes in and comes out of signing in and of the acts on users."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.permissions import Role
from primepos.core.texts import Name, tidy

Email = Annotated[str, Meta(min_length=3, max_length=320)]
# Longer than any password may be, so that the policy can say so; short enough to be read at once.
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]
Slug = Annotated[str, Meta(min_length=1, max_length=63)]
Address = Annotated[str, Meta(max_length=64)]
OutletIds = Annotated[list[UUID], Meta(min_length=1, max_length=1000)]
PageSize = Annotated[int, Meta(ge=1, le=200)]

# A role is known by its name: a built-in one, or one that the tenant made.
RoleName = Annotated[str, Meta(min_length=2, max_length=32, pattern=r"\A[a-z][a-z0-9_]*\Z")]

GIVEN_ROLES = (Role.OWNER, Role.MANAGER, Role.CASHIER, Role.STOCK_CLERK, Role.ACCOUNTANT)


class Secretive:
    """Shows no field when printed: these structs carry passwords and tokens."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    __str__ = __repr__


class Login(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in. ``tenant`` is needed by those who belong to several; ``client_ip`` is set by the server."""

    email: Email
    password: Password
    tenant: Slug | None = None
    client_ip: Address | None = None


class Refresh(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token that was given last. ``client_ip`` is the caller's address, for the throttle."""

    refresh_token: Token
    client_ip: Address | None = None


class SwitchTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tenant to go to; None is outside all tenants, for administrators of the installation."""

    tenant: Slug | None = None


class ChangePassword(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password of now, and the one from now on."""

    current_password: Password
    new_password: Password
    client_ip: Address | None = None


class Register(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who makes an account; with ``invitation`` the e-mail address is the invited one and may be left out."""

    name: Name
    password: Password
    email: Email | None = None
    invitation: Token | None = None
    client_ip: Address | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        if self.email is None and self.invitation is None:
            raise ValueError("an e-mail address is needed")


class SignedIn(Secretive, Struct, frozen=True, kw_only=True):
    """A pair of tokens. ``expires_in`` and ``refresh_expires_in`` are whole seconds.

    With ``must_change_password`` the tokens serve to choose a password and for nothing else.
    """

    access_token: str
    refresh_token: str
    expires_in: int
    refresh_expires_in: int
    tenant: str | None
    role: str | None
    must_change_password: bool
    token_type: str = "Bearer"  # noqa: S105  the kind of token, as RFC 6750 calls it


class MembershipOut(Struct, frozen=True, kw_only=True):
    """A tenant somebody may enter, and as what."""

    tenant: str
    tenant_name: str
    role: str
    outlet_ids: list[UUID] | None
    is_active: bool


class MeOut(Struct, frozen=True, kw_only=True):
    """Who one is, where, and what one may do: ``permissions`` maps each permission held to allow or approve."""

    kind: str
    id: UUID | None
    name: str
    email: str | None
    tenant: str | None
    role: str | None
    outlet_ids: list[UUID] | None
    register_id: UUID | None
    must_change_password: bool
    permissions: dict[str, str]
    memberships: list[MembershipOut]


class UserOut(Struct, frozen=True, kw_only=True):
    """One person in one tenant (``role`` None: in none). ``outlet_ids`` None means every outlet."""

    id: UUID
    email: str
    name: str
    role: str | None
    outlet_ids: list[UUID] | None
    is_disabled: bool


class UserPage(Struct, frozen=True, kw_only=True):
    """People by e-mail address; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[UserOut]
    next: str | None


class NewUserOut(Secretive, Struct, frozen=True, kw_only=True):
    """A person let in. ``is_new`` False: they had an account and keep their password.

    ``temporary_password`` is shown this once, works until ``password_expires_at``, and only to choose another.
    """

    user: UserOut
    is_new: bool
    temporary_password: str | None = None
    password_expires_at: datetime | None = None


class TemporaryPassword(Secretive, Struct, frozen=True, kw_only=True):
    """A password that is shown this once and serves to choose another until ``expires_at``."""

    user: UserOut
    password: str
    expires_at: datetime


class InvitationOut(Secretive, Struct, frozen=True, kw_only=True):
    """An invitation: whoever has the token may make one account with this e-mail address in this role."""

    token: str
    email: str
    role: str
    expires_at: datetime


class CreateUser(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to let into the tenant. Without ``password`` a temporary one is made."""

    email: Email
    name: Name
    role: RoleName
    outlet_ids: OutletIds | None = None
    password: Password | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        check_role(self.role)


class InviteUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to invite into the tenant."""

    email: Email
    role: RoleName
    outlet_ids: OutletIds | None = None

    def __post_init__(self) -> None:
        check_role(self.role)


class ListUsers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of people by e-mail address, after ``after``."""

    after: Annotated[str, Meta(max_length=320)] | None = None
    limit: PageSize = 50


class UserRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one person of the tenant, by id or by e-mail address."""

    user_id: UUID | None = None
    email: Email | None = None

    def __post_init__(self) -> None:
        _check_one(self.user_id, self.email)


class SetRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody is from now on. ``outlet_ids`` left out stays; None means every outlet."""

    role: RoleName
    user_id: UUID | None = None
    email: Email | None = None
    outlet_ids: OutletIds | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        _check_one(self.user_id, self.email)
        check_role(self.role)


class CreateSuperuser(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who administers the installation: its tenants, never what is in them."""

    email: Email
    name: Name
    password: Password

    def __post_init__(self) -> None:
        tidy(self, "name")


class EmailRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one account of the installation."""

    email: Email


class EnrolDevice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The till that a device is to be."""

    register_id: UUID


class ListDevices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of enrolled tills, after the one with the id ``after``."""

    after: UUID | None = None
    limit: PageSize = 50


class DeviceRow(Struct, frozen=True, kw_only=True):
    """One enrolled till."""

    register_id: UUID
    code: str
    name: str
    outlet_id: UUID
    enrolled_at: datetime


class DevicePage(Struct, frozen=True, kw_only=True):
    """Enrolled tills; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[DeviceRow]
    next: UUID | None


def check_role(role: str) -> None:
    """Refuse the roles that nobody is given: the installation's, a till's, and none at all. Raises ValueError."""
    if role == "none" or (role in set(Role) and role not in GIVEN_ROLES):
        raise ValueError(f"role must be one of {', '.join(GIVEN_ROLES)}, or one of your own")


def _check_one(user_id: UUID | None, email: str | None) -> None:
    if (user_id is None) == (email is None):
        raise ValueError("name the person by user_id or by email")
