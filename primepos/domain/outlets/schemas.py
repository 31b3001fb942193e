"""What goes into and comes out of the operations on outlets and registers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from primepos.core.texts import Code, Name, Note, tidy

# It stands on every receipt, so it is short, and needs no quoting on a command line.
Prefix = Annotated[str, Meta(min_length=1, max_length=24, pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]


class CreateOutlet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new outlet. ``server_prefix`` is what receipts booked without a till begin with; None makes one of the code.

    A ``warehouse`` keeps goods and has no register, so it sells nothing; so does a back room that is counted by itself.
    """

    code: Code
    name: Name
    address: Note = ""
    server_prefix: Prefix | None = None
    kind: Literal["shop", "warehouse"] = "shop"

    def __post_init__(self) -> None:
        tidy(self, "name")


class UpdateOutlet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of an outlet; what is left out stays."""

    id: UUID
    name: Name | UnsetType = UNSET
    address: Note | UnsetType = UNSET

    def __post_init__(self) -> None:
        tidy(self, "name")


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
    name: Name
    prefix: Prefix | None = None

    def __post_init__(self) -> None:
        tidy(self, "name")


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
    reason: Name

    def __post_init__(self) -> None:
        tidy(self, "reason")


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
    kind: str
    address: str
    archived_at: datetime | None
    registers: list[RegisterOut]


class OutletRow(Struct, frozen=True, kw_only=True):
    """An outlet in a list."""

    id: UUID
    code: str
    name: str
    kind: str
    address: str
    archived_at: datetime | None


class OutletList(Struct, frozen=True, kw_only=True):
    """Every outlet asked for, by code."""

    items: list[OutletRow]


class RegisterList(Struct, frozen=True, kw_only=True):
    """Every register asked for, by outlet and code."""

    items: list[RegisterOut]
