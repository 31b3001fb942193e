"""How people sign in: passwords, tokens, and how often either may be tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from primepos.core.settings import RateLimitStore
from primepos.deploy.check import HIGH, MEDIUM, Outcome, check, failed, passed
from primepos.deploy.scale import scale_of
from primepos.deploy.shown import listed
from primepos.deploy.surface import PUBLIC, production_settings

if TYPE_CHECKING:
    from primepos.deploy.surface import Throttle
    from primepos.deploy.target import Target

# OWASP's least for Argon2id.
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
SHORTEST, TAKEN = 8, 64
COMMON: Final = 3000
FAILURES_A_MINUTE: Final = 5
CALLS_AN_HOUR: Final = 1000
DAY_S: Final = 86_400


@check(
    "SEC015",
    HIGH,
    rule="passwords are hashed with Argon2id: 19 MiB, 2 passes, 1 lane or more",
    remedy="raise ARGON2_MEMORY_KIB, ARGON2_PASSES or ARGON2_LANES in core/security.py",
    anchor="Enlightn HashingStrength, OWASP",
)
def passwords_are_hashed_slowly(target: Target) -> Outcome:
    """Look at the hash of a password that was stored for the purpose."""
    found = target.surface.passwords
    told = f"{found.algorithm}, {found.memory_kib} KiB, {found.passes} passes, {found.lanes} lanes"
    is_slow = found.memory_kib >= MEMORY_KIB and found.passes >= PASSES and found.lanes >= LANES
    return passed(told) if found.algorithm == "argon2id" and is_slow else failed(told)


@check(
    "SEC016",
    HIGH,
    rule="a password has 8 characters or more, may have 64, of any kind, and is not among the 3000 most common",
    remedy="see check_password in core/security.py and core/data/common_passwords.txt",
    anchor="ASVS 6.2.1/6.2.4/6.2.5/6.2.9",
)
def passwords_are_judged(target: Target) -> Outcome:
    """Look at which passwords were taken and which refused."""
    found = target.surface.passwords
    wrong = []
    if found.shortest < SHORTEST:
        wrong.append(f"{found.shortest} characters are enough")
    if found.longest < TAKEN:
        wrong.append(f"{TAKEN} characters are too many (the longest taken had {found.longest})")
    if found.common < COMMON:
        wrong.append(f"the list of common passwords has {found.common} entries of {COMMON}")
    if found.missed:
        wrong.append(f"taken although common: {len(found.missed)} of those tried")
    wrong += [f"refused for its kinds of characters: {name}" for name in found.refused]
    if wrong:
        return failed(listed(wrong))
    return passed(f"{found.shortest} to {found.longest} characters of any kind; {found.common} common ones refused")


@check(
    "SEC017",
    HIGH,
    rule="signing in is throttled: 5 failures a minute for an account, and an address is charged for failures only",
    remedy="RATE_LIMIT_LOGIN=5/minute; put what is open to everybody under a policy of domain/accounts/throttle.py",
    anchor="Enlightn LoginThrottling, ASVS 6.3.1",
)
def signing_in_is_throttled(target: Target) -> Outcome:
    """Look at what each operation that needs no token is limited by."""
    surface = target.surface
    open_ones = sorted({str(one.operation) for one in surface.routes if one.permission == PUBLIC})
    of = {name: [one for one in surface.throttles if name in one.operations] for name in open_ones}
    wrong = [f"{name} is not throttled" for name, throttles in of.items() if not throttles]
    login = of.get("accounts.login", [])
    per_account = [one for one in login if one.per == "account"]
    if not any(one.counts == "failures" and _a_minute(one) <= FAILURES_A_MINUTE for one in per_account):
        told = ", ".join(str(one) for one in per_account) or "no limit"
        wrong.append(f"an account may fail more than {FAILURES_A_MINUTE} times a minute: {told}")
    # Thirty tills behind one router sign in at eight: what succeeds must not count.
    wrong += [
        f"{one} counts what succeeds as well" for one in login if one.per == "address" and one.counts != "failures"
    ]
    if wrong:
        return failed(listed(wrong))
    return passed("; ".join(f"{name}: {', '.join(str(one) for one in throttles)}" for name, throttles in of.items()))


def _a_minute(throttle: Throttle) -> int:
    """Return how many are allowed in a minute, rounded up; a longer window allows all of its count in one."""
    return throttle.count if throttle.window_s >= 60 else -(-throttle.count * 60 // throttle.window_s)


@check(
    "SEC018",
    MEDIUM,
    rule="a caller has a quota over the whole API of 1000 calls an hour or fewer",
    remedy="RATE_LIMIT_API=1000/hour",
    anchor="API4",
)
def calls_have_a_quota(target: Target) -> Outcome:
    """Look at the quota that answers announce."""
    quotas = [one for one in target.surface.throttles if "*" in one.operations]
    if not quotas:
        return failed("no answer announces a quota")
    tightest = min(quotas, key=_an_hour)
    told = f"{tightest} is {_an_hour(tightest)} an hour"
    return passed(told) if _an_hour(tightest) <= CALLS_AN_HOUR else failed(told)


def _an_hour(throttle: Throttle) -> int:
    return -(-throttle.count * 3600 // throttle.window_s)


@check(
    "SEC019",
    HIGH,
    rule="throttles are shared where there is more than one process",
    remedy="RATE_LIMIT_STORE=database",
)
def throttles_are_shared(target: Target) -> Outcome:
    """Compare the store with how many processes count."""
    settings = target.settings or production_settings()
    scale = scale_of(target)
    told = f"store {settings.rate_limit_store.value}, {scale.told}"
    if settings.rate_limit_store is RateLimitStore.MEMORY and scale.processes > 1:
        return failed(f"{told}: each process counts for itself")
    return passed(told)


@check(
    "SEC020",
    HIGH,
    rule="access tokens are read with one algorithm and every claim, and refresh tokens rotate and notice reuse",
    remedy="see core/tokens.py and domain/accounts/sessions.py; JWT_ACCESS_TTL_SECONDS, JWT_REFRESH_TTL_SECONDS",
    anchor="API2",
)
def tokens_are_read_strictly(target: Target) -> Outcome:
    """Look at which forged tokens were taken for genuine."""
    found = target.surface.tokens
    wrong = [f"taken for genuine: {name}" for name in found.accepted]
    wrong += [f"nobody minds a token without {name}" for name in found.optional]
    if not found.works:
        wrong.append("not even a genuine token is read")
    if not found.rotates:
        wrong.append("a refresh token stays good after use")
    if not found.detects_reuse:
        wrong.append("a refresh token used twice ends no session")
    if not 0 < found.access_s <= 3600 or not found.access_s < found.refresh_s <= 7 * DAY_S:
        wrong.append(f"tokens live {found.access_s} s and {found.refresh_s} s (3600 and {7 * DAY_S} at most)")
    if wrong:
        return failed(listed(wrong))
    return passed(f"{found.algorithm} only; forged tokens refused; {found.access_s} s, refresh {found.refresh_s} s")
