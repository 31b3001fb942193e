"""What goes in and comes out of the operations on roles."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.texts import Name, tidy
from primepos.domain.accounts.schemas import OutletIds, RoleName

PermissionName = Annotated[str, Meta(max_length=64, pattern=r"\A[a-z]+:[a-z_]+\Z")]
# Minor units of any currency, as far as an amount reaches.
MostAmount = Annotated[int, Meta(ge=0, le=10**15)]


class GrantIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role may do with one permission. ``deny`` takes it away.

    Limits are for ``allow``, and only those that the permission knows: ``max_percent`` off a price, ``max_amount`` in
    minor units of one act, ``days_back`` business days since the sale, ``outlet_ids`` where. Beyond any of them another
    person must agree. ``own`` narrows to what is the person's own or their outlet's.
    """

    permission: PermissionName
    decision: Literal["allow", "approve", "deny"]
    own: bool = False
    max_percent: Decimal | None = None
    max_amount: MostAmount | None = None
    days_back: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    outlet_ids: OutletIds | None = None

    def __post_init__(self) -> None:
        if self.max_percent is not None and not (self.max_percent.is_finite() and 0 <= self.max_percent <= 100):
            raise ValueError("max_percent must be from 0 to 100")


GrantsIn = Annotated[list[GrantIn], Meta(max_length=200)]


class CreateRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role of the shop's own. ``like`` names the role it begins as; ``grants`` are what differs from it."""

    name: RoleName
    title: Name
    like: RoleName | None = None
    grants: GrantsIn = []

    def __post_init__(self) -> None:
        tidy(self, "title")
        _check_once(self.grants)


class UpdateRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a role; what is not named stays. With ``version`` only if nobody changed it since."""

    name: RoleName
    title: Name | UnsetType = UNSET
    grants: GrantsIn = []
    version: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        tidy(self, "title")
        _check_once(self.grants)


class RoleRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names a role."""

    name: RoleName


class ListRoles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All roles; there are few."""


class GrantRow(Struct, frozen=True, kw_only=True):
    """What a role may do with one permission; a limit that is None is without bound."""

    permission: str
    decision: str
    own: bool
    max_percent: Decimal | None
    max_amount: int | None
    days_back: int | None
    outlet_ids: list[UUID] | None


class RoleOut(Struct, frozen=True, kw_only=True):
    """A role and what it may do, by permission; what is not listed is denied.

    ``is_built_in``: it cannot be changed. ``people`` is how many have it, by account or at a till.
    """

    name: str
    title: str
    is_built_in: bool
    people: int
    version: int
    grants: list[GrantRow]


class RolesOut(Struct, frozen=True, kw_only=True):
    """The built-in roles, then the shop's own by name."""

    items: list[RoleOut]


def _check_once(grants: list[GrantIn]) -> None:
    names = [each.permission for each in grants]
    if len(names) != len(set(names)):
        raise ValueError("a permission is named twice")
