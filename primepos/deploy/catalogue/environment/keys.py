"""Keys, and what decides how strict everything else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.deploy.catalogue.environment.judged import by_rule
from primepos.deploy.check import CRITICAL, HIGH, MEDIUM, Outcome, check

if TYPE_CHECKING:
    from primepos.deploy.target import Target

NEW_KEY = "primepos env generate SECRET_KEY"


@check("ENV001", CRITICAL, rule="SECRET_KEY is set", remedy=NEW_KEY, anchor="Enlightn AppKey")
def secret_key_is_set(target: Target) -> Outcome:
    """Everything that leaves the server signed and comes back is signed with it."""
    return by_rule(target, "ENV001", "SECRET_KEY")


@check(
    "ENV002", CRITICAL, rule="SECRET_KEY has 50 characters or more, 5 of them distinct, and is no placeholder",
    remedy=f"{NEW_KEY} (Render's generateValue makes 44 characters, too few)", anchor="Django security.W009",
)  # fmt: skip
def secret_key_is_strong(target: Target) -> Outcome:
    """A short key is guessed, a placeholder is known to everybody who has the source."""
    return by_rule(target, "ENV002", "SECRET_KEY", after="ENV001")


@check(
    "ENV003", HIGH, rule="Each of SECRET_KEY_FALLBACKS is as strong as SECRET_KEY, and there are two at most",
    remedy="Drop old keys when the rotation is over (docs/guides/deploy-to-render.md).", anchor="Django security.W025",
)  # fmt: skip
def old_keys_are_strong_and_few(target: Target) -> Outcome:
    """An old key signs as well as a new one for as long as it is listed."""
    return by_rule(target, "ENV003", "SECRET_KEY_FALLBACKS", without="no key is being rotated out")


@check(
    "ENV004", CRITICAL, rule="DEBUG can be read and is off", remedy="DEBUG=False",
    anchor="Django security.W018, Enlightn AppDebug, ASVS 13.4.2",
)  # fmt: skip
def debug_is_off(target: Target) -> Outcome:
    """Debug answers tell strangers how the server is built."""
    return by_rule(target, "ENV004", "DEBUG")


@check(
    "ENV005", CRITICAL, rule="PRIMEPOS_ENV says production or staging",
    remedy="PRIMEPOS_ENV=production",
)  # fmt: skip
def environment_is_named(target: Target) -> Outcome:
    """Every other rule is as strict as this variable says."""
    return by_rule(target, "ENV005", "PRIMEPOS_ENV")


@check(
    "ENV016", CRITICAL, rule="JWT_SECRET_KEY is set and has 32 bytes or more; so has each of its fallbacks",
    remedy="primepos env generate JWT_SECRET_KEY", anchor="RFC 7518, 3.2",
)  # fmt: skip
def signing_key_is_long(target: Target) -> Outcome:
    """A short HS256 key is found by trying, from a single token."""
    return by_rule(target, "ENV016", "JWT_SECRET_KEY")


@check(
    "ENV017", MEDIUM, rule="JWT_SECRET_KEY is another key than SECRET_KEY",
    remedy="primepos env generate JWT_SECRET_KEY",
)  # fmt: skip
def keys_are_separate(target: Target) -> Outcome:
    """Keys that are equal can only be rotated together."""
    return by_rule(target, "ENV017", "JWT_SECRET_KEY", after="ENV016")


@check(
    "ENV018", MEDIUM, rule="Access tokens live an hour at most, refresh tokens a week at most, and longer than those",
    remedy="JWT_ACCESS_TTL_SECONDS=3600 and JWT_REFRESH_TTL_SECONDS=604800, or less",
)  # fmt: skip
def tokens_are_short_lived(target: Target) -> Outcome:
    """A stolen token is good for as long as it lives."""
    return by_rule(target, "ENV018", "JWT_ACCESS_TTL_SECONDS", "JWT_REFRESH_TTL_SECONDS")


@check(
    "ENV029", HIGH, rule="PIN_PEPPER, BACKUP_KEY and METRICS_TOKEN are long and no placeholders",
    remedy="primepos env generate NAME",
)  # fmt: skip
def other_keys_are_long(target: Target) -> Outcome:
    """PINs have four digits: what keeps a stolen database from giving them away is the pepper."""
    return by_rule(target, "ENV029", "PIN_PEPPER", "BACKUP_KEY", "METRICS_TOKEN")
