"""How the till reaches the server: operations by name, as the register itself or as a person at it."""

from typing import Any, Protocol
from uuid import UUID

import msgspec

from primepos.core.context import Identity
from primepos.core.permissions import DENY, Grant, Permission, grant_of, read_grants


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in at this register by code and PIN. ``outlet_ids`` None means every outlet.

    ``grants`` are those of a role that the shop made itself, as they were at signing in; ``account_id`` is the account
    they sign in with elsewhere.
    """

    staff_id: UUID
    code: str
    name: str
    role: str
    outlet_ids: list[UUID] | None = None
    grants: dict[str, dict[str, Any]] | None = None
    account_id: UUID | None = None

    def grant(self, permission: Permission) -> Grant:
        """Return what this person may do with a permission."""
        own = read_grants(self.grants)
        return grant_of(self.role, permission) if own is None else own.get(permission, DENY)

    def identity(self, register: Identity) -> Identity:
        """Return the identity of this person at the register whose own identity is given."""
        return Identity(
            kind="staff",
            tenant_id=register.tenant_id,
            role=self.role,
            actor_id=self.staff_id,
            name=self.name,
            outlet_ids=None if self.outlet_ids is None else frozenset(self.outlet_ids),
            register_id=register.register_id,
            grants=read_grants(self.grants),
            account_id=self.account_id,
        )


class Runner(Protocol):
    """Runs operations for the till, in this process or over the network."""

    def run(self, operation: str, data: Any = None, *, person: Person | None = None) -> Any:
        """Run the operation of this name as ``person``, or as the register's own device.

        Raises: what the operation refuses with; :class:`primepos.core.errors.Unavailable` when nothing is known of
        its outcome, so that trying again later is right.
        """
        ...


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what a journal entry holds, and who approved it."""

    person: Person
    approver: Person | None = None

    def encoded(self) -> bytes:
        """Return it as the journal stores it."""
        return msgspec.json.encode(self)


read_actor = msgspec.json.Decoder(Actor).decode
