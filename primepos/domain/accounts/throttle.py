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
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from primepos.core.allowance import Policy, Verdict
from primepos.core.errors import TooManyRequests
from primepos.core.settings_types import RateLimit, RateLimitStore
from primepos.domain.accounts.counters import CounterStorage
from primepos.domain.accounts.tally import MOST_KEPT, Tally

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import Clock
    from primepos.core.context import Context
    from primepos.core.db import Database
    from primepos.core.settings import Settings

ADDRESS_FAILURES = RateLimit(100, 60)
REGISTER_PIN_FAILURES = RateLimit(10, 900)
SIGN_UPS = RateLimit(10, 3600)
# One account from one address: slower guessing than the account's own limit allows, and nobody else is kept out.
PAIR_FAILURES = RateLimit(15, 900)
REFRESHES = RateLimit(30, 60)

_PURPOSE = b"primepos throttle key\x00"
_in_memory: WeakKeyDictionary[Database, MemoryStorage] = WeakKeyDictionary()


class LoginThrottled(TooManyRequests):
    """Too many failed sign-ins for this account or from this address; the right password is refused as well."""

    code = "LOGIN_THROTTLED"
    template = "Too many failed attempts; try again in {retry_after_s} seconds"


def item_of(policy: Policy) -> RateLimitItemPerSecond:
    """Return a policy in the form that the strategies take."""
    return RateLimitItemPerSecond(policy.limit.count, policy.limit.window_s, namespace=policy.name)


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

    def name_of(self, text: str) -> str:
        """Return the keyed hash under which ``text`` is counted."""
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def require(self, *watched: tuple[Policy, str]) -> None:
        """Refuse when one of the policies is used up for its subject; nothing is counted. Raises LoginThrottled."""
        used_up = [
            self._used_up(policy, subject)
            for policy, subject in watched
            if not self._exact.test(item_of(policy), self.name_of(subject))
        ]
        if used_up:
            raise LoginThrottled(retry_after_s=max(each.reset_after_s for each in used_up)).because(*used_up)

    def count(self, *failed: tuple[Policy, str]) -> None:
        """Count one failure for each; it stays, whatever becomes of the operation."""
        for policy, subject in failed:
            self._exact.hit(item_of(policy), self.name_of(subject))

    def spend(self, policy: Policy, subject: str) -> None:
        """Count one attempt, or refuse when all are used up. Raises LoginThrottled."""
        if not self._exact.hit(item_of(policy), self.name_of(subject)):
            verdict = self._used_up(policy, subject)
            raise LoginThrottled(retry_after_s=verdict.reset_after_s).because(verdict)

    def forget(self, policy: Policy, subject: str) -> None:
        """Forget the failures of a subject."""
        self._exact.clear(item_of(policy), self.name_of(subject))

    def _used_up(self, policy: Policy, subject: str) -> Verdict:
        reset = self._exact.get_window_stats(item_of(policy), self.name_of(subject)).reset_time
        return Verdict(False, policy, 0, max(1, math.ceil(reset - self._now())))


class ApiQuota:
    """Counts the calls of the API by user, or by address where nobody is signed in; cheaply, and shared in the end."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        """Count for the installation behind ``database``."""
        self.policy = Policy("api", settings.rate_limit_api)
        self._item = item_of(self.policy)
        self._throttle = Throttle(database, settings, clock)
        self._names: dict[str, str] = {}
        self._clock = clock
        self.tally = Tally(database, clock)
        self._is_shared = settings.rate_limit_store is RateLimitStore.DATABASE
        self._estimate = SlidingWindowCounterRateLimiter(self.tally)

    def take(self, subject: str) -> Verdict:
        """Count one call of ``subject`` if it is within the limit, and say how things stand."""
        name = self._names.get(subject)
        if name is None:
            if len(self._names) >= MOST_KEPT:
                self._names.clear()
            name = self._names[subject] = self._throttle.name_of(subject)
        allowed = self._estimate.hit(self._item, name)
        remaining = self._estimate.get_window_stats(self._item, name).remaining if allowed else 0
        window_s = self.policy.limit.window_s
        return Verdict(allowed, self.policy, remaining, window_s - int(self._clock.now().timestamp()) % window_s)

    def settle(self) -> int:
        """Share what was counted with the other processes; return for how many callers. Raises Unavailable."""
        if self._is_shared:
            return self.tally.settle()
        self.tally.keep_here()
        return 0


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
        watched.append(login_pair(email, client_ip))
    return watched


def login_pair(email: str, client_ip: str) -> tuple[Policy, str]:
    """Return what one account is watched by at one address; a right password there clears it."""
    return Policy("login-pair", PAIR_FAILURES), f"{email} {address_key(client_ip)}"


def refresh_policy(session_id: UUID) -> tuple[Policy, str]:
    """Return how often a session may trade its token: each has its own, whatever others at its address do."""
    return Policy("refresh-session", REFRESHES), str(session_id)


def stranger_policy(client_ip: str) -> tuple[Policy, str]:
    """Return how often an address may show refresh tokens that nobody was given."""
    return Policy("refresh-address", ADDRESS_FAILURES), address_key(client_ip)


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
