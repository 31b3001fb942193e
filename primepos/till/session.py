"""Who stands at the till: signing in by code and PIN, and a second person's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from primepos.core.errors import ApprovalRequired
from primepos.core.permissions import Decision, Permission
from primepos.till.runner import Person

if TYPE_CHECKING:
    from datetime import date

    from primepos.core.permissions import Act
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

    def approve(self, code: str, pin: str, act: Act, today: date | None) -> Person:
        """Return the second person who consents to an act; ``today`` is the business day.

        Raises:
            ApprovalRequired: it is the same person, or one who may not do the act itself, within their own limits, or
                not consent to others'.
        """
        approver = self._check(code, pin)
        gives = approver.grant(Permission.APPROVAL_GIVE).decision is Decision.ALLOW
        may = gives and approver.grant(act.permission).covers(act, today)
        if not may or (self.person is not None and _is_one(approver, self.person)):
            raise ApprovalRequired(f"{approver.name} cannot approve this", permission=act.permission.value)
        return approver

    def _check(self, code: str, pin: str) -> Person:
        found = self._runner.run("staff.sign_in", {"code": code, "pin": pin})
        return Person(
            staff_id=found.staff_id,
            code=found.code,
            name=found.name,
            role=found.role,
            outlet_ids=found.outlet_ids,
            grants=None if found.grants is None else msgspec.to_builtins(found.grants),
            account_id=found.user_id,
        )


def _is_one(first: Person, second: Person) -> bool:
    """Tell whether two who signed in are one person, by PIN or by account."""
    by_account = first.account_id is not None and first.account_id == second.account_id
    return by_account or first.staff_id == second.staff_id
