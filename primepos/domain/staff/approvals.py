"""A second person's consent at the till: their code and PIN, checked before the act."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.context import Identity
from primepos.core.errors import ApprovalRequired
from primepos.core.permissions import Permission
from primepos.domain.staff import queries
from primepos.domain.staff.errors import PinNotHere, PinRefused
from primepos.domain.staff.pins import check_staff_pin, require_at_register

if TYPE_CHECKING:
    from primepos.core.clock import Clock
    from primepos.core.context import Approval
    from primepos.core.db import UnitOfWork
    from primepos.core.settings import Settings


class StaffApprovals:
    """Finds the approver behind a code and PIN: somebody who may give approvals and works in this outlet."""

    def __init__(self, clock: Clock) -> None:
        """Take the time of a lock from ``clock``."""
        self._clock = clock

    def resolve(self, uow: UnitOfWork, settings: Settings, identity: Identity, approval: Approval) -> Identity:
        """Return the approver's identity at the caller's register.

        A wrong PIN is counted for good although the act is refused. Whether the approver may do the act itself, and
        is another person, is the runner's to check. Raises PinNotHere, PinThrottled, PinRefused, ApprovalRequired.
        """
        require_at_register(identity)
        if identity.tenant_id is None:
            raise PinNotHere
        found = check_staff_pin(
            uow.database,
            settings,
            self._clock,
            tenant_id=identity.tenant_id,
            register_id=identity.register_id,
            code=approval.staff_code,
            pin=approval.pin,
        )
        outlets = None if found["outlet_ids"] is None else frozenset(found["outlet_ids"])
        if identity.register_id is not None and outlets is not None:
            outlet_id = queries.outlet_of_register(uow, identity.tenant_id, identity.register_id)
            if outlet_id not in outlets:
                raise PinRefused
        approver = Identity(
            kind="staff",
            tenant_id=identity.tenant_id,
            role=found["role"],
            actor_id=found["id"],
            name=found["name"],
            outlet_ids=outlets,
            register_id=identity.register_id,
        )
        if not approver.can(Permission.APPROVAL_GIVE):
            raise ApprovalRequired(permission=Permission.APPROVAL_GIVE.value)
        return approver
