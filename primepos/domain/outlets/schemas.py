"""What goes into and comes out of the operations on outlets and registers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from primepos.core.text import clean_name

# Codes stand on command lines and receipts: letters, digits and what needs no quoting.
Code = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Prefix = Annotated[str, Meta(min_length=1, max_length=24, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
ADDRESS_LENGTH = 500


class CreateOutlet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new outlet. ``server_prefix`` is what receipts booked without a till begin with; None makes one of the code."""

    code: Code
    name: str
    address: str = ""
    server_prefix: Prefix | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "name", clean_name(self.name))
        force_setattr(self, "address", clean_name(self.address, "address", most=ADDRESS_LENGTH, empty=True))


class UpdateOutlet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of an outlet; what is left out stays."""

    id: UUID
    name: str | UnsetType = UNSET
    address: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.name is not UNSET:
            force_setattr(self, "name", clean_name(self.name))
        if self.address is not UNSET:
            force_setattr(self, "address", clean_name(self.address, "address", most=ADDRESS_LENGTH, empty=True))


class GetOutlet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one outlet."""

    id: UUID


class ListOutlets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the outlets in use, or for the archived ones instead."""

    archived: bool = False


class CreateRegister(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new till. ``prefix`` is what its receipt numbers begin with; None makes one of outlet and register code."""

    outlet_id: UUID
    code: Code
    name: str
    prefix: Prefix | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "name", clean_name(self.name))


class GetRegister(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one register."""

    id: UUID


class ListRegisters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the registers in use, or for the archived ones instead; of one outlet, or of all."""

    outlet_id: UUID | None = None
    archived: bool = False


class StartNewEpoch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Begin a new series for a till that lost its disk. ``reason`` stands in the audit trail beside the gap."""

    id: UUID
    reason: str

    def __post_init__(self) -> None:
        force_setattr(self, "reason", clean_name(self.reason, "reason"))


class RegisterOut(Struct, frozen=True, kw_only=True):
    """One series of receipts: number ``next_number`` of ``epoch`` comes next, after the sale with ``last_hash``."""

    id: UUID
    outlet_id: UUID
    code: str
    name: str
    kind: str
    prefix: str
    epoch: int
    next_number: int
    last_hash: str
    archived_at: datetime | None


class OutletOut(Struct, frozen=True, kw_only=True):
    """An outlet and its registers, the server's own first."""

    id: UUID
    code: str
    name: str
    address: str
    archived_at: datetime | None
    registers: list[RegisterOut]


class OutletRow(Struct, frozen=True, kw_only=True):
    """An outlet in a list."""

    id: UUID
    code: str
    name: str
    address: str
    archived_at: datetime | None


class OutletList(Struct, frozen=True, kw_only=True):
    """Every outlet asked for, by code."""

    items: list[OutletRow]


class RegisterList(Struct, frozen=True, kw_only=True):
    """Every register asked for, by outlet and code."""

    items: list[RegisterOut]
