"""A whole shop as one document: what it shall have, and what making it so takes."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from primepos.core.permissions import Role
from primepos.core.texts import Code, Name, Note, tidy
from primepos.domain.accounts.schemas import GIVEN_ROLES, Email, Secretive
from primepos.domain.catalog.schemas import CreateTax, UpsertProduct
from primepos.domain.outlets.schemas import Prefix
from primepos.domain.staff.schemas import Pin
from primepos.domain.tenancy.schemas import Country, Hour, Slug, TenantSettingsChange, ZoneName

Action = Literal["created", "changed", "unchanged"]
Kind = Literal["tenant", "tax", "tax_class", "category", "outlet", "register", "staff", "product", "user"]
EnvName = Annotated[str, Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_]{0,99}\Z")]


class TenantSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tenant itself. Short name, currency and country stay for good; settings left out stay as they are."""

    slug: Slug
    name: Name
    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
    zone: ZoneName
    country: Country = ""
    day_starts_hour: Hour = 0
    settings: TenantSettingsChange = field(default_factory=TenantSettingsChange)

    def __post_init__(self) -> None:
        tidy(self, "name")


class TaxClassSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax class with the codes of its taxes in the order in which they are worked out; none is exempt."""

    code: Code
    name: Name
    taxes: Annotated[list[Code], Meta(max_length=20)] = []

    def __post_init__(self) -> None:
        tidy(self, "name")


class CategorySpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A category."""

    name: Name

    def __post_init__(self) -> None:
        tidy(self, "name")


class RegisterSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A till. Its prefix is made of the codes if left out, and stays for good."""

    code: Code
    name: Name
    prefix: Prefix | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")


class OutletSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An outlet with its tills; the server's own register comes with it."""

    code: Code
    name: Name
    address: Note = ""
    server_prefix: Prefix | None = None
    registers: Annotated[list[RegisterSpec], Meta(max_length=200)] = []

    def __post_init__(self) -> None:
        tidy(self, "name")


class PinSource(Secretive, Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a PIN comes from, for people who have none yet: made here, or ``value``, read from the variable ``env``."""

    generate: bool = False
    env: EnvName | None = None
    value: Pin | None = None


class StaffSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person at the till. ``outlets`` None is every outlet."""

    code: Code
    name: Name
    role: Role = Role.CASHIER
    outlets: Annotated[list[Code], Meta(min_length=1, max_length=1000)] | None = None
    pin: PinSource | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        _check_role(self.role)


class UserSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person who signs in by e-mail address and password. ``outlets`` None is every outlet."""

    email: Email
    name: Name
    role: Role
    outlets: Annotated[list[Code], Meta(min_length=1, max_length=1000)] | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")
        _check_role(self.role)


class ShopFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a tenant shall have. What is not named stays as it is: nothing is ever deleted or archived."""

    tenant: TenantSpec
    taxes: Annotated[list[CreateTax], Meta(max_length=500)] = []
    tax_classes: Annotated[list[TaxClassSpec], Meta(max_length=500)] = []
    categories: Annotated[list[CategorySpec], Meta(max_length=10_000)] = []
    outlets: Annotated[list[OutletSpec], Meta(max_length=10_000)] = []
    staff: Annotated[list[StaffSpec], Meta(max_length=10_000)] = []
    users: Annotated[list[UserSpec], Meta(max_length=10_000)] = []
    products: Annotated[list[UpsertProduct], Meta(max_length=100_000)] = []
    allow_invalid_barcodes: bool = False


class ProvisionShop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make one's tenant be as the file says. Users are people of the whole installation and are not part of it."""

    shop: ShopFile


class ShopDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tenant as a document that applying takes: everything in use that a document can say.

    ``left_out`` counts by kind what it cannot say; a whole tenant is moved otherwise (``tenants move-out``).
    """

    tenant: dict[str, Any]
    taxes: list[dict[str, Any]] = []
    tax_classes: list[dict[str, Any]] = []
    categories: list[str] = []
    outlets: list[dict[str, Any]] = []
    staff: list[dict[str, Any]] = []
    products: list[dict[str, Any]] = []
    left_out: dict[str, int] = {}


class Change(Struct, frozen=True, kw_only=True):
    """One thing of the file. ``fields`` maps what differs to its value before and after; empty for what is new."""

    kind: Kind
    name: str
    action: Action
    fields: dict[str, list[str | None]] = field(default_factory=dict)


class Count(Struct, frozen=True, kw_only=True):
    """How many things of one kind are new, differ, or are right already."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0


class PlanOut(Struct, frozen=True, kw_only=True):
    """What applying a file does: everything that is new or differs, and counts by kind."""

    changes: list[Change]
    counts: dict[str, Count]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not self.changes


class MadePin(Secretive, Struct, frozen=True, kw_only=True):
    """A PIN that was made for somebody; it is shown this once."""

    code: str
    name: str
    pin: str


class AppliedOut(Secretive, Struct, frozen=True, kw_only=True):
    """What applying a file did, and the PINs it made."""

    changes: list[Change]
    counts: dict[str, Count]
    pins: list[MadePin]


def plan_of(changes: list[Change]) -> PlanOut:
    """Return changes as a plan: the unchanged ones only as counts."""
    counts: dict[str, dict[str, int]] = {}
    for each in changes:
        of_kind = counts.setdefault(each.kind, {"created": 0, "changed": 0, "unchanged": 0})
        of_kind[each.action] += 1
    return PlanOut(
        changes=[each for each in changes if each.action != "unchanged"],
        counts={kind: Count(**numbers) for kind, numbers in counts.items()},
    )


def plain(value: object) -> str | None:
    """Return a value as a plan shows it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return msgspec.json.encode(value, enc_hook=str).decode() if isinstance(value, (dict, Struct)) else str(value)


def given_settings(change: TenantSettingsChange) -> dict[str, object]:
    """Return the settings that a file names."""
    return {
        name: value
        for name in change.__struct_fields__
        if not isinstance(value := getattr(change, name), UnsetType) and value is not UNSET
    }


def _check_role(role: Role) -> None:
    if role not in GIVEN_ROLES:
        raise ValueError(f"role must be one of {', '.join(GIVEN_ROLES)}")
