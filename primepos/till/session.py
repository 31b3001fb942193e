"""Who stands at the till: signing in by code and PIN, and a second person's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.errors import ApprovalRequired
from primepos.core.permissions import Decision, Permission
from primepos.till.runner import Person

if TYPE_CHECKING:
    from primepos.till.runner import Runner


class Session:
    """The person signed in at the register, if any."""

    def __init__(self, runner: Runner) -> None:
        """Check codes and PINs through ``runner``."""
        self._runner = runner
        self.person: Person | None = None

    def sign_in(self, code: str, pin: str) -> Person:
        """Check code and PIN with the server and remember who it is.

        Raises: what ``staff.sign_in`` refuses with; whoever was signed in stays so.
        """
        self.person = self._check(code, pin)
        return self.person

    def sign_out(self) -> None:
        """Nobody stands at the till any more; the open sale is not touched."""
        self.person = None

    def approve(self, code: str, pin: str, permission: Permission) -> Person:
        """Return the second person who consents to an act that needs ``permission``.

        Raises:
            ApprovalRequired: it is the same person, or one who may not do the act or not consent to others'.
        """
        approver = self._check(code, pin)
        needed = (permission, Permission.APPROVAL_GIVE)
        allowed = all(approver.grant(each).decision is Decision.ALLOW for each in needed)
        if not allowed or (self.person is not None and approver.staff_id == self.person.staff_id):
            raise ApprovalRequired(f"{approver.name} cannot approve this", permission=permission.value)
        return approver

    def _check(self, code: str, pin: str) -> Person:
        found = self._runner.run("staff.sign_in", {"code": code, "pin": pin})
        return Person(
            staff_id=found.staff_id, code=found.code, name=found.name, role=found.role, outlet_ids=found.outlet_ids
        )
