"""What goes in and comes out of the operations on staff."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.texts import Code, Name, tidy
from primepos.domain.accounts.schemas import OutletIds, PageSize, RoleName, Secretive, check_role

# Longer than a PIN may be, so that the policy can say so.
Pin = Annotated[str, Meta(min_length=1, max_length=32)]
# As a reader types it: an RFID number, a magnetic stripe, a printed code. Short ones could be guessed.
BadgeText = Annotated[str, Meta(min_length=8, max_length=128, pattern=r"\A[!-~]+\Z")]


class GrantOut(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a role may do with one permission, as it is stored: what is not said is not bounded."""

    decision: str
    own: bool = False
    max_percent: str | None = None
    max_amount: int | None = None
    days_back: int | None = None
    outlets: list[str] | None = None


class CreateStaff(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person at the till. ``outlet_ids`` None means every outlet; without ``pin`` they cannot sign in yet.

    ``user_id`` ties them to the account they sign in with elsewhere.
    """

    code: Code
    name: Name
    role: RoleName = "cashier"
    outlet_ids: OutletIds | None = None
    pin: Pin | None = None
    user_id: UUID | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        check_role(self.role)


class UpdateStaff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one person; what is left out stays. The code stays for good."""

    staff_id: UUID
    name: Name | UnsetType = UNSET
    role: RoleName | UnsetType = UNSET
    outlet_ids: OutletIds | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")
        if not isinstance(self.role, UnsetType):
            check_role(self.role)


class StaffRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names one person, by id or by code."""

    staff_id: UUID | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        _check_one(self.staff_id, self.code)


class SetPin(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The PIN somebody signs in with from now on."""

    pin: Pin
    staff_id: UUID | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        _check_one(self.staff_id, self.code)


class ListStaff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of staff by code, after ``after``."""

    after: Code | None = None
    limit: PageSize = 50
    archived: bool = False
    outlet_id: UUID | None = None


class SignInStaff(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in, by code and PIN or by badge.

    ``register_id`` is needed at the server's shell only: a till is known by its own identity.
    """

    code: Code | None = None
    pin: Pin | None = None
    badge: BadgeText | None = None
    register_id: UUID | None = None

    def __post_init__(self) -> None:
        check_shown(self.code, self.pin, self.badge)


class StaffOut(Struct, frozen=True, kw_only=True):
    """One person at the till. ``pin`` is none, set or locked."""

    id: UUID
    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None
    user_id: UUID | None
    pin: str
    has_badge: bool
    is_archived: bool


class StaffPage(Struct, frozen=True, kw_only=True):
    """Staff by code; ``next`` is what to pass as ``after``, None on the last page."""

    items: list[StaffOut]
    next: str | None


class NewPin(Secretive, Struct, frozen=True, kw_only=True):
    """A PIN that was made for somebody; it is shown this once."""

    staff: StaffOut
    pin: str


class StaffSignedIn(Struct, frozen=True, kw_only=True):
    """Who signed in, at which register and outlet. ``outlet_ids`` None means every outlet.

    ``grants`` says what a role of the tenant's own allows, by permission; None for a built-in role, which every till
    knows. ``user_id`` is the account of the person, if they have one.
    """

    staff_id: UUID
    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None
    register_id: UUID
    outlet_id: UUID
    user_id: UUID | None = None
    grants: dict[str, GrantOut] | None = None


class SetBadge(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the badge of a person says when it is read; without ``badge`` one is made."""

    badge: BadgeText | None = None
    staff_id: UUID | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        _check_one(self.staff_id, self.code)


class NewBadge(Secretive, Struct, frozen=True, kw_only=True):
    """What a badge that was made says, to be written on it or printed as a code; it is shown this once."""

    staff: StaffOut
    badge: str | None


def check_shown(code: str | None, pin: str | None, badge: str | None) -> None:
    """Refuse anything but a code with its PIN, or a badge. Raises ValueError."""
    if (badge is None) == (code is None) or (code is None) != (pin is None):
        raise ValueError("show a code with its PIN, or a badge")


def _check_one(staff_id: UUID | None, code: str | None) -> None:
    if (staff_id is None) == (code is None):
        raise ValueError("name the person by staff_id or by code")
