"""How often something may be tried: failed sign-ins by account and by address, PINs by register, calls by user.

Failures are counted exactly over any stretch of the window; what succeeds never counts, since thirty cashiers behind
one router sign in at eight. Calls of the API are counted by a cheaper estimate. What is counted is known by a keyed
hash, so the table names nobody, and an account that does not exist is counted like one that does.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from primepos.core.errors import TooManyRequests
from primepos.core.settings_types import RateLimit, RateLimitStore
from primepos.domain.accounts.counters import CounterStorage

if TYPE_CHECKING:
    from primepos.core.clock import Clock
    from primepos.core.context import Context
    from primepos.core.db import Database
    from primepos.core.settings import Settings

ADDRESS_FAILURES = RateLimit(100, 60)
REGISTER_PIN_FAILURES = RateLimit(10, 900)
SIGN_UPS = RateLimit(10, 3600)

_PURPOSE = b"primepos throttle key\x00"
_in_memory: WeakKeyDictionary[Database, MemoryStorage] = WeakKeyDictionary()


class LoginThrottled(TooManyRequests):
    """Too many failed sign-ins for this account or from this address; the right password is refused as well."""

    code = "LOGIN_THROTTLED"
    template = "Too many failed attempts; try again in {retry_after_s} seconds"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is limited: a name, and how many in how many seconds."""

    name: str
    limit: RateLimit

    def item(self) -> RateLimitItemPerSecond:
        """Return the limit in the form that the strategies take."""
        return RateLimitItemPerSecond(self.limit.count, self.limit.window_s, namespace=self.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call is allowed, how many are left, and after how many whole seconds there will be more."""

    allowed: bool
    policy: Policy
    remaining: int
    reset_after_s: int


class Throttle:
    """Counts attempts in the store that the settings name."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        """Count for the installation behind ``database``."""
        self._key = settings.secret_key.reveal().encode() + _PURPOSE
        storage: CounterStorage | MemoryStorage
        if settings.rate_limit_store is RateLimitStore.MEMORY:
            storage = _memory_of(database)
            self._now = time.time
        else:
            storage = CounterStorage(database, clock)
            self._now = lambda: clock.now().timestamp()
        self._exact = MovingWindowRateLimiter(storage)
        self._estimate = SlidingWindowCounterRateLimiter(storage)

    def name_of(self, text: str) -> str:
        """Return the keyed hash under which ``text`` is counted."""
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def require(self, *watched: tuple[Policy, str]) -> None:
        """Refuse when one of the policies is used up for its subject; nothing is counted. Raises LoginThrottled."""
        waits = [
            self._wait_s(policy, subject)
            for policy, subject in watched
            if not self._exact.test(policy.item(), self.name_of(subject))
        ]
        if waits:
            raise LoginThrottled(retry_after_s=max(waits))

    def count(self, *failed: tuple[Policy, str]) -> None:
        """Count one failure for each; it stays, whatever becomes of the operation."""
        for policy, subject in failed:
            self._exact.hit(policy.item(), self.name_of(subject))

    def take(self, policy: Policy, subject: str) -> Verdict:
        """Count one call if it is within the limit, and say how things stand; for the API's own limit."""
        item, name = policy.item(), self.name_of(subject)
        allowed = self._estimate.hit(item, name)
        stats = self._estimate.get_window_stats(item, name)
        left = policy.limit.window_s - int(self._now()) % policy.limit.window_s
        return Verdict(allowed, policy, 0 if not allowed else stats.remaining, left)

    def _wait_s(self, policy: Policy, subject: str) -> int:
        reset = self._exact.get_window_stats(policy.item(), self.name_of(subject)).reset_time
        return max(1, math.ceil(reset - self._now()))


def _memory_of(database: Database) -> MemoryStorage:
    found = _in_memory.get(database)
    if found is None:
        # Making one starts a thread, so it is not made for the sake of setdefault.
        found = _in_memory.setdefault(database, MemoryStorage())
    return found


def throttle_of(ctx: Context) -> Throttle:
    """Return the throttle of the installation an operation runs in."""
    return Throttle(ctx.uow.database, ctx.settings, ctx.clock)


def login_policies(settings: Settings, email: str, client_ip: str | None) -> list[tuple[Policy, str]]:
    """Return what a sign-in is watched by: the account, and the address if it is known."""
    watched = [(Policy("login-account", settings.rate_limit_login), email)]
    if client_ip:
        watched.append((Policy("login-address", ADDRESS_FAILURES), address_key(client_ip)))
    return watched


def api_policy(settings: Settings) -> Policy:
    """Return how many calls a user may make."""
    return Policy("api", settings.rate_limit_api)


def address_key(client_ip: str) -> str:
    """Return what addresses of one customer have in common: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return client_ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
