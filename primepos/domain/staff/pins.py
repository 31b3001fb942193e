"""Checks a staff code and PIN at a register.

The attempt is counted, and committed, before the PIN is compared; only the right PIN takes it back. So a refusal that
rolls back the operation around it cannot undo the count, and attempts sent at once cannot pass by it. Nothing is
locked and no connection held while the slow hash is computed, and a code that nobody has takes as long.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from primepos.core.allowance import Policy
from primepos.core.db import apart
from primepos.core.security import WeakPin, check_pin, hash_badge, verify_pin
from primepos.domain.accounts.throttle import REGISTER_PIN_FAILURES, LoginThrottled, Throttle
from primepos.domain.staff import queries
from primepos.domain.staff.errors import PinNotHere, PinRefused, PinThrottled

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import Clock
    from primepos.core.context import Identity
    from primepos.core.db import Database
    from primepos.core.settings import Settings

# A till, whoever is signed in at it, and the person at the server's shell. A PIN is no password: it opens nothing
# for a caller of the API who is at no enrolled register.
AT_A_REGISTER = frozenset({"device", "staff", "operator"})
_REGISTER = Policy("register-pin", REGISTER_PIN_FAILURES)
_PIN_DIGITS = 6
_BADGE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def code_of(text: str) -> str:
    """Return the one form of a staff code: codes are typed at a till, so case does not matter."""
    return text.upper()


def require_at_register(identity: Identity) -> None:
    """Refuse whoever does not stand at a register. Raises PinNotHere."""
    if identity.kind not in AT_A_REGISTER or (identity.kind != "operator" and identity.register_id is None):
        raise PinNotHere


def check_staff_pin(
    database: Database,
    settings: Settings,
    clock: Clock,
    *,
    tenant_id: int,
    register_id: UUID | None,
    code: str,
    pin: str,
) -> dict[str, Any]:
    """Return the person whose code and PIN these are.

    Ten wrong ones at a register within a quarter of an hour lock the register to PINs.
    Raises PinRefused, PinThrottled.
    """
    throttle = Throttle(database, settings, clock)
    watched = [] if register_id is None else [(_REGISTER, f"{tenant_id}:{register_id}")]
    try:
        throttle.require(*watched)
    except LoginThrottled as error:
        raise PinThrottled(**error.data).because(*error.verdicts) from None
    found = apart(
        lambda: database.tenant(tenant_id),
        lambda uow: queries.begin_attempt(uow, tenant_id, code_of(code), clock.now()),
    )
    stored = found["pin_hash"] if found else None
    if not verify_pin(stored, pin, settings.pin_pepper) or found is None:
        throttle.count(*watched)
        raise PinRefused
    staff_id, pin_hash = found["id"], found["pin_hash"]
    still = apart(
        lambda: database.tenant(tenant_id), lambda uow: queries.end_attempt(uow, tenant_id, staff_id, pin_hash)
    )
    if not still:
        raise PinRefused
    return found


def check_shown_by(
    database: Database,
    settings: Settings,
    clock: Clock,
    *,
    tenant_id: int,
    register_id: UUID | None,
    code: str | None,
    pin: str | None,
    badge: str | None,
) -> dict[str, Any]:
    """Return the person who shows this code and PIN, or this badge. Raises PinRefused, PinThrottled."""
    if badge is not None:
        return check_staff_badge(database, settings, clock, tenant_id=tenant_id, register_id=register_id, badge=badge)
    return check_staff_pin(
        database, settings, clock, tenant_id=tenant_id, register_id=register_id, code=code or "", pin=pin or ""
    )


def check_staff_badge(
    database: Database,
    settings: Settings,
    clock: Clock,
    *,
    tenant_id: int,
    register_id: UUID | None,
    badge: str,
) -> dict[str, Any]:
    """Return the person whose badge says this.

    A badge is found by its keyed hash, so there is nothing to count for a person; what nobody has counts for the
    register like a wrong PIN. Raises PinRefused, PinThrottled.
    """
    throttle = Throttle(database, settings, clock)
    watched = [] if register_id is None else [(_REGISTER, f"{tenant_id}:{register_id}")]
    try:
        throttle.require(*watched)
    except LoginThrottled as error:
        raise PinThrottled(**error.data).because(*error.verdicts) from None
    hashed = hash_badge(badge, settings.pin_pepper)
    found = apart(lambda: database.tenant(tenant_id), lambda uow: queries.find_badge(uow, tenant_id, hashed))
    if found is None:
        throttle.count(*watched)
        raise PinRefused
    return found


def random_badge() -> str:
    """Return what a new badge says: 120 random bits in letters and digits that every reader and code can carry."""
    return "".join(secrets.choice(_BADGE_ALPHABET) for _ in range(24))


def random_pin() -> str:
    """Return six digits without a pattern."""
    while True:
        made = "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
        try:
            return check_pin(made)
        except WeakPin:
            continue
