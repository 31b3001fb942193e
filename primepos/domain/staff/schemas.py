"""What goes in and comes out of the operations on staff."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.permissions import Role
from primepos.core.texts import Code, Name, tidy
from primepos.domain.accounts.schemas import GIVEN_ROLES, OutletIds, PageSize, Secretive

# Longer than a PIN may be, so that the policy can say so.
Pin = Annotated[str, Meta(min_length=1, max_length=32)]


class CreateStaff(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person at the till. ``outlet_ids`` None means every outlet; without ``pin`` they cannot sign in yet.

    ``user_id`` ties them to the account they sign in with elsewhere.
    """

    code: Code
    name: Name
    role: Role = Role.CASHIER
    outlet_ids: OutletIds | None = None
    pin: Pin | None = None
    user_id: UUID | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        _check_role(self.role)


class UpdateStaff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of one person; what is left out stays. The code stays for good."""

    staff_id: UUID
    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    outlet_ids: OutletIds | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")
        if not isinstance(self.role, UnsetType):
            _check_role(self.role)


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
    """Who signs in. ``register_id`` is needed at the server's shell only: a till is known by its own identity."""

    code: Code
    pin: Pin
    register_id: UUID | None = None


class StaffOut(Struct, frozen=True, kw_only=True):
    """One person at the till. ``pin`` is none, set or locked."""

    id: UUID
    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None
    user_id: UUID | None
    pin: str
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
    """Who signed in, at which register and outlet. ``outlet_ids`` None means every outlet."""

    staff_id: UUID
    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None
    register_id: UUID
    outlet_id: UUID


def _check_role(role: Role) -> None:
    if role not in GIVEN_ROLES:
        raise ValueError(f"role must be one of {', '.join(GIVEN_ROLES)}")


def _check_one(staff_id: UUID | None, code: str | None) -> None:
    if (staff_id is None) == (code is None):
        raise ValueError("name the person by staff_id or by code")
