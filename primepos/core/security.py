"""Passwords, PINs, opaque tokens, and the names people sign in with: hashed, judged and brought into one form.

Passwords follow ASVS 5.0 V6.2: eight characters or more (15 advised), up to 256, no rule about kinds of characters,
nothing common or guessable. Everything slow here is slow on purpose and the same for users that do not exist.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from primepos.core.errors import BadConfiguration, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from primepos.core.settings_types import Secret

ARGON2_MEMORY_KIB = 19_456
ARGON2_PASSES = 2
ARGON2_LANES = 1

PASSWORD_MIN = 8
PASSWORD_ADVISED = 15
PASSWORD_MAX = 256
PIN_MIN = 4
PIN_MAX = 8
EMAIL_MAX = 254
SLUG_MAX = 63

_DATA = Path(__file__).with_name("data")
COMMON_PASSWORDS_FILE = _DATA / "common_passwords.txt"
# The list compiled by hand, and those that leaked most often.
_PASSWORD_FILES = (COMMON_PASSWORDS_FILE, _DATA / "leaked_passwords.txt")
PRODUCT_WORDS = ("primepos", "pointofsale")
RESERVED_SLUGS = frozenset(
    [
        "admin",
        "administrator",
        "api",
        "app",
        "apps",
        "assets",
        "auth",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "demo-admin",
        "docs",
        "download",
        "email",
        "ftp",
        "graphql",
        "health",
        "help",
        "host",
        "imap",
        "internal",
        "localhost",
        "login",
        "logout",
        "mail",
        "main",
        "me",
        "metrics",
        "mx",
        "new",
        "none",
        "ns",
        "null",
        "official",
        "ops",
        "owner",
        "pop",
        "primepos",
        "private",
        "public",
        "register",
        "root",
        "schema",
        "search",
        "security",
        "self",
        "server",
        "settings",
        "shop-admin",
        "signin",
        "signup",
        "smtp",
        "ssl",
        "static",
        "status",
        "superuser",
        "support",
        "system",
        "tenant",
        "tenants",
        "test-admin",
        "till",
        "tls",
        "undefined",
        "update",
        "user",
        "users",
        "webhook",
        "webhooks",
        "well-known",
        "www",
    ]
)

_TOKEN_BYTES = 32
_PIN_PURPOSE = b"primepos staff pin\x00"
_BADGE_PURPOSE = b"primepos staff badge\x00"
_PEPPER_MIN = 32
_CONTEXT_MIN = 4
_LOCAL_MAX = 64
_RUN_ROWS = (
    "0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm",
    "yxcvbnm", "1234567890",
)  # fmt: skip
_LEET = str.maketrans("013457@$8!+€", "oieastasbite")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_DOMAIN_LABEL = re.compile(r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?")

_hasher = PasswordHasher(
    time_cost=ARGON2_PASSES, memory_cost=ARGON2_MEMORY_KIB, parallelism=ARGON2_LANES, hash_len=32, salt_len=16,
    type=Type.ID,
)  # fmt: skip
# Of a random text nobody kept: checking it costs what checking a real hash costs.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$vbZgkKnfQXVwWqH/UogxhA$IFnVfKw5+O9km2QkgGa8LN/hsO+KMtK5Yc+fRICSTNE"


class WeakPassword(InvalidInput):
    """The password is too short, too long, common, or guessable from what is known about its owner."""

    code = "WEAK_PASSWORD"
    template = "This password {reason}"
    hint = f"Use {PASSWORD_ADVISED} characters or more, such as a few unrelated words; any character may be used."


class WeakPin(InvalidInput):
    """The PIN is not 4 to 8 digits, or one of those that are tried first."""

    code = "WEAK_PIN"
    template = "This PIN {reason}"
    hint = f"Use {PIN_MIN} to {PIN_MAX} digits without a pattern."


class InvalidEmail(InvalidInput):
    """The text is not an e-mail address."""

    code = "INVALID_EMAIL"
    template = "This is not an e-mail address: {reason}"


class InvalidSlug(InvalidInput):
    """The text cannot be part of an address or a command line, or is reserved."""

    code = "INVALID_SLUG"
    template = "This short name {reason}"
    hint = f"Use 2 to {SLUG_MAX} lower-case letters a-z, digits and single hyphens between them."


# --- passwords -------------------------------------------------------------------------------------------------------


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password (PHC string), which the policy must have passed before."""
    return _hasher.hash(_password_bytes(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` is the one that was hashed; ``stored`` None (no such user) takes as long and is False."""
    if len(password) > PASSWORD_MAX:
        # Nobody has such a password, and hashing megabytes would be an attack.
        password = password[:PASSWORD_MAX] + "\x00"
    return _verify(stored, _password_bytes(password))


def needs_rehash(stored: str) -> bool:
    """Whether a hash was made with other parameters than today's: hash again at the next correct sign-in."""
    try:
        return _hasher.check_needs_rehash(stored)
    except InvalidHashError:
        return True


def check_password(password: str, *, context: Iterable[str] = ()) -> str:
    """Return the password in its normal form (NFKC) if it may be used.

    ``context`` are words an attacker would try for this person: e-mail address, name, shop. Raises WeakPassword.
    """
    normal = normalise_password(password)
    if len(normal) < PASSWORD_MIN:
        raise WeakPassword(reason=f"has {len(normal)} characters, at least {PASSWORD_MIN} are needed")
    if len(normal) > PASSWORD_MAX:
        raise WeakPassword(reason=f"has {len(normal)} characters, at most {PASSWORD_MAX} are allowed")
    try:
        normal.encode("utf-8")
    except UnicodeEncodeError:
        raise WeakPassword(reason="is not valid text") from None
    folded = normal.casefold()
    if _is_common(folded):
        raise WeakPassword(reason="is among the common ones that are tried first")
    if _is_patterned(folded):
        raise WeakPassword(reason="is a repetition or a run of neighbouring keys")
    for word in _context_words(context):
        # The word may be in a long password, but not be most of it.
        rest = folded.replace(word, "") if word in folded else folded.translate(_LEET).replace(word, "")
        if len(rest) < len(folded) and len(rest) < PASSWORD_MIN:
            raise WeakPassword(reason="is made of your address, your name or the name of the shop or product")
    return normal


def normalise_password(password: str) -> str:
    """Return the one form in which a password is judged and hashed: NFKC, so every keyboard types the same."""
    return unicodedata.normalize("NFKC", password)


@cache
def common_passwords() -> frozenset[str]:
    """Return the words and passwords of the block list, lower-case."""
    lines = (line for file in _PASSWORD_FILES for line in file.read_text("utf-8").splitlines())
    return frozenset(line.strip() for line in lines if line and not line.startswith("#"))


def _is_common(folded: str) -> bool:
    """Whether a password is listed, or is a listed word with digits and signs around it or letters turned into them."""
    listed = common_passwords()
    plain = folded.translate(_LEET)
    trimmed = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    candidates = {folded, plain, trimmed, trimmed.translate(_LEET), re.sub(r"[\W\d_]+", "", folded)}
    candidates.add(re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain))
    # The digits and signs around a word must stay the small part: 20 random digits after "cat" are no dictionary word.
    return any(one in listed for one in candidates if len(folded) - len(one) <= max(6, len(one)) or one == folded)


def _is_patterned(folded: str) -> bool:
    """Whether a password repeats a unit of up to four characters, or follows the alphabet, digits or a keyboard row."""
    if len(set(folded)) <= 2:
        return True
    if any(folded == (folded[:unit] * len(folded))[: len(folded)] for unit in range(1, 5)):
        return True
    steps = sum(1 for first, second in pairwise(folded) if _are_neighbours(first, second))
    return steps >= len(folded) - 2


def _are_neighbours(first: str, second: str) -> bool:
    return first == second or any(first + second in row or second + first in row for row in _RUN_ROWS)


def _context_words(context: Iterable[str]) -> list[str]:
    words: set[str] = set(PRODUCT_WORDS)
    for text in context:
        folded = unicodedata.normalize("NFKC", text).casefold()
        words.update({folded, folded.partition("@")[0], *re.split(r"[\W_]+", folded)})
    return sorted((word for word in words if len(word) >= _CONTEXT_MIN), key=lambda word: (-len(word), word))


def _password_bytes(password: str) -> bytes:
    return normalise_password(password).encode("utf-8", "surrogatepass")


def _verify(stored: str | None, given: bytes) -> bool:
    try:
        _hasher.verify(stored if stored is not None else _NOBODY, given)
    except InvalidHashError:
        _verify(None, given)
        return False
    except Argon2Error:
        return False
    return stored is not None


# --- PINs ------------------------------------------------------------------------------------------------------------


def check_pin(pin: str) -> str:
    """Return the PIN if it may be used: 4 to 8 ASCII digits, not one of those tried first. Raises WeakPin."""
    if not (pin.isascii() and pin.isdigit() and PIN_MIN <= len(pin) <= PIN_MAX):
        raise WeakPin(reason=f"is not {PIN_MIN} to {PIN_MAX} digits")
    steps = {(int(second) - int(first)) % 10 for first, second in pairwise(pin)}
    repeats = any(pin == (pin[:unit] * len(pin))[: len(pin)] for unit in (1, 2, 3) if unit < len(pin) - 1)
    mirrored = len(set(pin)) == 2 and pin == pin[::-1]
    if steps in ({0}, {1}, {9}) or repeats or mirrored or len(set(pin)) < 2:
        raise WeakPin(reason="is a run or a repetition")
    if pin in {"2580", "0852", "1397", "147258", "258000", "159357", "121314", "112233", "1122", "332211"}:
        raise WeakPin(reason="is a pattern of the keypad that is tried first")
    if len(pin) == PIN_MIN and 1930 <= int(pin) <= 2035:
        raise WeakPin(reason="looks like a year")
    return pin


def hash_pin(pin: str, pepper: Secret) -> str:
    """Return the Argon2id hash of a PIN mixed with the pepper: without the pepper 10,000 tries would not find it.

    Raises BadConfiguration when there is no pepper.
    """
    return _hasher.hash(_peppered(pin, pepper))


def verify_pin(stored: str | None, pin: str, pepper: Secret) -> bool:
    """Whether ``pin`` is the one that was hashed; ``stored`` None takes as long and is False.

    Raises BadConfiguration when there is no pepper.
    """
    return _verify(stored, _peppered(pin[: PIN_MAX + 1], pepper))


def hash_badge(badge: str, pepper: Secret) -> str:
    """Return the keyed hash (HMAC-SHA256, hexadecimal) that a badge is found by.

    Without the pepper even a short one cannot be tried. Raises BadConfiguration when there is no pepper.
    """
    return _keyed(_BADGE_PURPOSE, badge, pepper)


def _peppered(pin: str, pepper: Secret) -> bytes:
    return _keyed(_PIN_PURPOSE, pin, pepper).encode("ascii")


def _keyed(purpose: bytes, text: str, pepper: Secret) -> str:
    key = pepper.reveal().encode("utf-8")
    if len(key) < _PEPPER_MIN:
        raise BadConfiguration(f"PIN_PEPPER has {len(key)} bytes, needs {_PEPPER_MIN}")
    return hmac.new(key, purpose + text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


# --- opaque tokens ---------------------------------------------------------------------------------------------------


def new_token() -> str:
    """Return 256 random bits, URL-safe (43 characters): a refresh token, a link, an API key."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hash_token(token: str) -> str:
    """Return the SHA-256 (hexadecimal) under which a token of ``new_token`` is stored; its entropy needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(first: str, second: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(first.encode("utf-8", "surrogatepass"), second.encode("utf-8", "surrogatepass"))


# --- names to sign in with -------------------------------------------------------------------------------------------


def normalise_email(text: str) -> str:
    """Return the one form of an e-mail address: NFKC, case folded, trimmed. Raises InvalidEmail.

    Folding the part before the @ too keeps one person from having two accounts; no mail host of note tells case.
    """
    email = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    local, at, domain = email.rpartition("@")
    if not at or not local or not domain:
        raise InvalidEmail(reason="name@host is expected")
    if len(email) > EMAIL_MAX or len(local) > _LOCAL_MAX:
        raise InvalidEmail(reason="it is too long")
    if not _LOCAL.fullmatch(local):
        raise InvalidEmail(reason="the part before @ has characters that do not belong there")
    if not all(_DOMAIN_LABEL.fullmatch(label) for label in domain.split(".")):
        raise InvalidEmail(reason="the part after @ is not a host name")
    if "." not in domain and domain != "localhost":
        raise InvalidEmail(reason="the part after @ lacks a dot")
    return email


def check_slug(text: str) -> str:
    """Return a short name if it may be used in addresses and commands. Raises InvalidSlug.

    Only ASCII is allowed, so no letter of another script can pass for one of ours; nothing is repaired silently.
    """
    if not 2 <= len(text) <= SLUG_MAX:
        raise InvalidSlug(reason=f"has {len(text)} characters, 2 to {SLUG_MAX} are needed")
    if not text.isascii():
        raise InvalidSlug(reason="has letters outside a-z, which could pass for others")
    if not _SLUG.fullmatch(text):
        raise InvalidSlug(reason="has something else than a-z, 0-9 and single hyphens between them")
    if text in RESERVED_SLUGS:
        raise InvalidSlug(reason="is reserved")
    if text.isdigit():
        raise InvalidSlug(reason="has digits only and could pass for an id")
    return text
