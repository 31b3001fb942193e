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


class BadgeTaken(Conflict):
    """Another person has this badge; where it is, is not told."""

    code = "BADGE_TAKEN"
    template = "Another person has this badge"


class ApprovalNotFound(NotFound):
    """Nothing of this id was asked here, or it is not the caller's to see."""

    code = "APPROVAL_NOT_FOUND"
    template = "No such approval"


class ApprovalConflict(Conflict):
    """Something else was asked under this id."""

    code = "APPROVAL_CONFLICT"
    template = "Something else was asked under this id"


class ApprovalNotOpen(RuleViolation):
    """The question was answered already, or its two minutes are over."""

    code = "APPROVAL_NOT_OPEN"
    template = "This is {state} already; ask again"


class ApprovalUnusable(PermissionDenied):
    """The approval does not stand for this call: ``state`` says whether it still waits, was refused, used or expired.

    ``other`` is one for another act, person or register, or none at all: which, is not told.
    """

    code = "APPROVAL_UNUSABLE"
    template = "This approval cannot be used: {state}"
    hint = "Ask again: an approval is for one act by one person at one register, once, within two minutes."


class OwnApproval(RuleViolation):
    """Who asks cannot be who agrees, be it by PIN or by account."""

    code = "OWN_APPROVAL"
    template = "Nobody agrees to what they ask themselves"


class RoleTaken(Conflict):
    """The shop has a role of this name."""

    code = "ROLE_TAKEN"
    template = "There is a role of this name already"


class RoleLocked(RuleViolation):
    """Built-in roles stay as they are, and so do their names."""

    code = "ROLE_LOCKED"
    template = "{role} is built in and cannot be changed"
    hint = "Make a role of your own that begins like it: `primepos roles create NAME --like ROLE`."


class RoleInUse(RuleViolation):
    """Somebody has this role; ``people`` says how many."""

    code = "ROLE_IN_USE"
    template = "{people} people have the role {role}; give them another one first"


class RoleChanged(Conflict):
    """The role was changed since it was read."""

    code = "ROLE_CHANGED"
    template = "{role} was changed meanwhile; look at it again"


class AlreadyClockedIn(RuleViolation):
    """The person is at work already; out comes before in."""

    code = "ALREADY_CLOCKED_IN"
    template = "This person is clocked in already"


class NotClockedIn(RuleViolation):
    """The person is not at work."""

    code = "NOT_CLOCKED_IN"
    template = "This person is not clocked in"


class ClockEntryNotFound(NotFound):
    """No such stretch of work, or none of somebody the caller looks after."""

    code = "CLOCK_ENTRY_NOT_FOUND"
    template = "No such entry of the time clock"


class ClockConflict(Conflict):
    """The id stands for something else, or the times overlap other work of the same person."""

    code = "CLOCK_CONFLICT"
    template = "Something else stands under this id"


class OwnHours(RuleViolation):
    """Who worked them cannot be who corrects them, be it by PIN or by account."""

    code = "OWN_HOURS"
    template = "Nobody changes their own hours; ask somebody else"


class StaffArchived(RuleViolation):
    """The person left: take them back (unarchive) first."""

    code = "STAFF_ARCHIVED"
    template = "{name} is archived; take them back first"


register_constraint("staff_tenant_id_code_key", StaffCodeTaken)
register_constraint("clock_entries_open_idx", AlreadyClockedIn)
register_constraint("roles_pkey", RoleTaken)
register_constraint("staff_badges_tenant_id_badge_hash_key", BadgeTaken)
