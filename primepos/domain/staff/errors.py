"""How acts on staff, and signing in at a register, are refused."""

from __future__ import annotations

from primepos.core.db import register_constraint
from primepos.core.errors import Conflict, NotFound, PermissionDenied, RuleViolation, TooManyRequests


class StaffNotFound(NotFound):
    """No such person on this tenant's staff."""

    code = "STAFF_NOT_FOUND"
    template = "No such person on the staff"


class StaffCodeTaken(Conflict):
    """Another person, archived ones included, has this code: receipts of years ago still name it."""

    code = "STAFF_CODE_TAKEN"
    template = "Another person has this code"


class PinRefused(PermissionDenied):
    """Code and PIN do not open this register: one of them is wrong, or the PIN is locked, or not for here.

    Whoever asks cannot tell which, so nobody learns that a PIN exists.
    """

    code = "PIN_REFUSED"
    template = "Code and PIN are not accepted here"
    hint = "After five wrong PINs in a row a PIN stays locked until a manager resets it."


class PinThrottled(TooManyRequests):
    """Too many wrong PINs at this register, whoever they were for."""

    code = "PIN_THROTTLED"
    template = "Too many wrong PINs at this register; try again in {retry_after_s} seconds"


class PinNotHere(PermissionDenied):
    """A PIN opens a register for those who stand at it, and nothing from afar."""

    code = "PIN_NOT_HERE"
    template = "A PIN is accepted at an enrolled register only"


class StaffArchived(RuleViolation):
    """The person left: take them back (unarchive) first."""

    code = "STAFF_ARCHIVED"
    template = "{name} is archived; take them back first"


register_constraint("staff_tenant_id_code_key", StaffCodeTaken)
