"""Other people's consent: given on the spot by code and PIN or by badge, or from elsewhere and stored until it is used.

Either way a row of it stays, with both people and what it was for. It is bound to the operation, its acts with their
amounts and subjects, who asked and the register, and used once, in the transaction of the act: the row is moved to
``used`` last, by one guarded statement, after everything the operation wrote. Of two calls with one approval the
second waits there, finds it used, and is undone. Nothing else is locked after it, so nobody waits in a circle.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from primepos.core.context import Consent, Identity
from primepos.core.errors import ApprovalRequired
from primepos.core.ids import new_id
from primepos.core.permissions import Act, Permission
from primepos.domain.accounts.roles import read_grants
from primepos.domain.staff import queries
from primepos.domain.staff.errors import ApprovalUnusable, PinNotHere, PinRefused
from primepos.domain.staff.pins import check_shown_by, require_at_register
from primepos.domain.staff.queries import approvals as rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from primepos.core.clock import Clock
    from primepos.core.context import Approval
    from primepos.core.db import UnitOfWork
    from primepos.core.operations import Call
    from primepos.core.settings import Settings

# How long a question waits for its answer, and again the answer for its use.
LIFETIME: Final = timedelta(minutes=2)


class StaffApprovals:
    """Checks consent that is handed in, and writes down what it was used for."""

    def __init__(self, clock: Clock) -> None:
        """Take the time of a lock, and of an approval's end, from ``clock``."""
        self._clock = clock

    def resolve(self, uow: UnitOfWork, settings: Settings, call: Call, approval: Approval) -> Consent:
        """Return the consent that was handed in with a call, by another person who may consent.

        On the spot whether they hold the act itself is weighed later, with what it weighs (Context.require). A wrong
        PIN is counted for good although the act is refused. Raises PinNotHere, PinThrottled, PinRefused,
        ApprovalRequired, ApprovalUnusable.
        """
        if call.identity.tenant_id is None:
            raise PinNotHere
        if approval.id is not None:
            return self._stored(uow, call, approval.id)
        return Consent(approver=self._on_the_spot(uow, settings, call, approval))

    def _on_the_spot(self, uow: UnitOfWork, settings: Settings, call: Call, approval: Approval) -> Identity:
        identity = call.identity
        require_at_register(identity)
        tenant_id = _tenant(identity)
        found = check_shown_by(
            uow.database,
            settings,
            self._clock,
            tenant_id=tenant_id,
            register_id=identity.register_id,
            code=None if approval.badge else approval.staff_code,
            pin=None if approval.badge else approval.pin,
            badge=approval.badge or None,
        )
        outlets = None if found["outlet_ids"] is None else frozenset(found["outlet_ids"])
        if identity.register_id is not None and outlets is not None:
            outlet_id = queries.outlet_of_register(uow, tenant_id, identity.register_id)
            if outlet_id not in outlets:
                raise PinRefused
        approver = Identity(
            kind="staff",
            tenant_id=tenant_id,
            role=found["role"],
            actor_id=found["id"],
            name=found["name"],
            outlet_ids=outlets,
            register_id=identity.register_id,
            grants=read_grants(found["role_grants"]),
            account_id=found["user_id"],
        )
        if identity.is_same_person(approver.actor_id, approver.account_id) or not approver.can(
            Permission.APPROVAL_GIVE
        ):
            raise ApprovalRequired(permission=Permission.APPROVAL_GIVE.value)
        return approver

    def _stored(self, uow: UnitOfWork, call: Call, approval_id: UUID) -> Consent:
        row = rows.find(uow, _tenant(call.identity), approval_id)
        if row is None or not _is_for(row, call):
            raise ApprovalUnusable(state="other")
        state = state_of(row, self._clock.now())
        is_spent = state == "used" and bytes(row["used_for"]) == call.content
        if state != "granted" and not is_spent:
            raise ApprovalUnusable(state=state)
        approver = Identity(
            kind="staff",
            tenant_id=call.identity.tenant_id,
            role=row["decided_role"],
            actor_id=row["decided_by_id"],
            name=row["decided_by"],
        )
        return Consent(approver=approver, id=approval_id, acts=read_acts(row["acts"]), is_spent=is_spent)

    def spend(self, uow: UnitOfWork, call: Call, consent: Consent) -> None:
        """Write down, in the transaction of the act, what a consent was used for. Raises ApprovalUnusable.

        A stored one is used by one statement that finds it granted and in time; two calls cannot both.
        """
        now, identity = self._clock.now(), call.identity
        if consent.id is not None:
            if not rows.use(uow, _tenant(identity), consent.id, now=now, used_for=call.content):
                raise ApprovalUnusable(state="used")
            return
        rows.insert(
            uow,
            _tenant(identity),
            asked_values(
                identity,
                approval_id=new_id(),
                operation=call.operation,
                acts=consent.claimed,
                register_id=identity.register_id,
                note=None,
                now=now,
            )
            | {
                "state": "used",
                "decided_at": now,
                "decided_by_id": consent.approver.actor_id,
                "decided_by": consent.approver.name,
                "decided_role": consent.approver.role,
                "used_at": now,
                "used_for": call.content,
            },
        )


def asked_values(
    identity: Identity,
    *,
    approval_id: UUID,
    operation: str,
    acts: list[Act],
    register_id: UUID | None,
    note: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of a question that somebody asks now."""
    return {
        "id": approval_id,
        "operation": operation,
        "acts": [act.shown() for act in acts],
        "note": note,
        "state": "asked",
        "register_id": register_id,
        "asked_at": now,
        "asked_by_id": identity.actor_id,
        "asked_by_account_id": identity.account_id,
        "asked_by": identity.name,
        "expires_at": now + LIFETIME,
        "decided_at": None,
        "decided_by_id": None,
        "decided_by": None,
        "decided_role": None,
        "used_at": None,
        "used_for": None,
    }


def state_of(row: Mapping[str, Any], now: datetime) -> str:
    """Return how an approval stands: its state, or ``expired`` where its time is over before it came to an end."""
    if row["state"] in {"asked", "granted"} and row["expires_at"] <= now:
        return "expired"
    state: str = row["state"]
    return state


def read_acts(stored: list[dict[str, Any]]) -> tuple[Act, ...]:
    """Return the acts of a stored approval; one that this release does not know is none."""
    known = {each.value: each for each in Permission}
    return tuple(
        Act(
            permission=known[each["permission"]],
            percent=None if "percent" not in each else Decimal(each["percent"]),
            amount=each.get("amount"),
            sold_on=None if "sold_on" not in each else date.fromisoformat(each["sold_on"]),
            outlet_id=None if "outlet_id" not in each else UUID(each["outlet_id"]),
            subject=each.get("subject"),
        )
        for each in stored
        if each["permission"] in known
    )


def _is_for(row: Mapping[str, Any], call: Call) -> bool:
    """Tell whether an approval was asked by this person, at this register, for this operation."""
    return (row["operation"], row["register_id"], row["asked_by_id"]) == (
        call.operation,
        call.identity.register_id,
        call.identity.actor_id,
    )


def _tenant(identity: Identity) -> int:
    if identity.tenant_id is None:
        raise PinNotHere
    return identity.tenant_id
