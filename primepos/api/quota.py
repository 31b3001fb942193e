"""RATE_LIMIT_API at the door: whose calls are counted, as what, and what is said of it.

A person is counted by account, whoever is not signed in by address. Operations that anybody may call (signing in,
trading a token) have throttles of their own. What an enrolled till writes is never refused: a sale that happened is
booked; what it reads is counted as everybody's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from primepos.api.errors import QuotaExceeded
from primepos.core.allowance import Verdict
from primepos.core.context import Identity
from primepos.core.errors import PrimePOSError
from primepos.core.log import get_logger
from primepos.core.operations import App, Operation
from primepos.core.permissions import Permission
from primepos.domain.accounts.throttle import ApiQuota, address_key

SETTLED_EVERY_S = 1.0
SETTLED_AT_MOST_EVERY_S = 0.2

log = get_logger(__name__)


class Quota:
    """Counts calls, and shares what was counted with the other processes from a thread of its own."""

    def __init__(self, app: App) -> None:
        """Count for the installation behind ``app``; nothing is shared before :meth:`start`."""
        self._counted = ApiQuota(app.database, app.settings, app.clock)
        self._stopping = threading.Event()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="primepos-quota", daemon=True)

    def take(self, operation: Operation[Any, Any], identity: Identity, client_ip: str | None) -> Verdict | None:
        """Count one call and say how its caller stands; None for what is not counted."""
        if operation.permission is Permission.PUBLIC:
            return None
        if identity.kind == "anonymous":
            return None if client_ip is None else self._counted.take(f"address {address_key(client_ip)}")
        if identity.kind == "device" and not operation.reads:
            return None
        return self._counted.take(f"{identity.kind} {identity.actor_id}")

    def start(self) -> None:
        """Share from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Share what was counted last, and no more."""
        self._stopping.set()
        self._counted.tally.wanted.set()
        self._thread.join()
        self.settle()

    def settle(self) -> None:
        """Share what was counted. A store that does not answer refuses nobody: each process goes on by itself."""
        try:
            self._counted.settle()
        except PrimePOSError as error:
            if not self._is_failing:
                log.error("quota.store_failed", msg="Calls are counted by each process alone", detail=str(error))  # noqa: TRY400  its own kind says all
            self._is_failing = True
        else:
            if self._is_failing:
                log.warning("quota.store_back", msg="Calls are counted by all processes together again")
            self._is_failing = False

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.settle()
            except Exception:
                log.exception("quota.failed", msg="Counted calls could not be shared")
            if self._counted.tally.wanted.wait(SETTLED_EVERY_S):
                self._stopping.wait(SETTLED_AT_MOST_EVERY_S)


def require_allowed(verdict: Verdict | None) -> None:
    """Refuse a call over the limit. Raises: :class:`QuotaExceeded`."""
    if verdict is not None and not verdict.allowed:
        raise QuotaExceeded(retry_after_s=verdict.reset_after_s).because(verdict)


def rate_limit_headers(verdicts: Iterable[Verdict]) -> list[tuple[bytes, bytes]]:
    """Return what an answer says of the limits that it was measured by; nothing where there are none."""
    given = {each.policy.name: each for each in verdicts}.values()
    if not given:
        return []
    policies = ", ".join(
        f'"{each.policy.name}";q={each.policy.limit.count};w={each.policy.limit.window_s}' for each in given
    )
    stands = ", ".join(f'"{each.policy.name}";r={each.remaining};t={each.reset_after_s}' for each in given)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", stands.encode())]
