"""From a sign-in at a register to the identity that acts there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.core.context import Identity
from primepos.domain.accounts.roles import read_grants

if TYPE_CHECKING:
    from primepos.domain.staff.schemas import StaffSignedIn


def staff_identity(register: Identity, signed_in: StaffSignedIn) -> Identity:
    """Return the identity of a person who signed in at the register whose identity (or operator's) this is."""
    return Identity(
        kind="staff",
        tenant_id=register.tenant_id,
        grants=None if signed_in.grants is None else read_grants(msgspec.to_builtins(signed_in.grants)),
        account_id=signed_in.user_id,
        role=signed_in.role,
        actor_id=signed_in.staff_id,
        name=signed_in.name,
        outlet_ids=None if signed_in.outlet_ids is None else frozenset(signed_in.outlet_ids),
        register_id=signed_in.register_id,
        session_id=register.session_id,
    )
