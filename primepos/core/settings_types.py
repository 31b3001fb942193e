"""What a setting can hold: the wrapped secret, the enums, and one strict parser for each type.

A parser takes the text of a variable and returns its value, or raises ``ValueError`` with a sentence that is
safe to print: parsers of secrets never repeat the text they were given.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Word = TypeVar("Word", bound=StrEnum)

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})

FIELD_KEY_BYTES = 32

_FINGERPRINT_MIN = 16
_NAME_MAX = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NUMERIC_HOST = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}", re.ASCII | re.IGNORECASE)
_RATE = re.compile(r"([1-9][0-9]{0,6})/(second|minute|hour|day)", re.ASCII)
_USUAL_PORTS = {"http": 80, "https": 443}
_UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Secret:
    """A text that shows itself only when asked: ``str``, ``repr`` and formatting print stars.

    Compares in constant time, is not JSON serialisable, and refuses to be pickled.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself; call it where it is used and nowhere earlier."""
        return self._value

    def fingerprint(self) -> dict[str, object]:
        """Return what may be shown: the length and, from 16 characters on, the first two and a SHA-256 prefix.

        A shorter secret could be guessed back from a digest, so it shows its length only.
        """
        shown: dict[str, object] = {"length": len(self._value)}
        if len(self._value) >= _FINGERPRINT_MIN:
            shown["starts"] = self._value[:2]
            shown["sha256"] = hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return shown

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = self._value.encode("utf-8", "surrogatepass"), other._value.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class Environment(StrEnum):
    """Where this process runs, which decides how strict the settings are."""

    DEVELOPMENT = "development"
    TEST = "test"
    SHOP = "shop"
    STAGING = "staging"
    PRODUCTION = "production"

    @property
    def may_embed_database(self) -> bool:
        """Whether PrimePOS may run its own PostgreSQL here when no database is named."""
        return self in {Environment.DEVELOPMENT, Environment.TEST, Environment.SHOP}

    @property
    def generates_keys(self) -> bool:
        """Whether missing keys are made once per data directory."""
        return self in {Environment.DEVELOPMENT, Environment.TEST}


class LogFormat(StrEnum):
    """How log lines are written."""

    JSON = "json"
    CONSOLE = "console"


class EmailBackend(StrEnum):
    """Where mail goes; ``disabled`` means that features which need mail are off."""

    SMTP = "smtp"
    CONSOLE = "console"
    MEMORY = "memory"
    DISABLED = "disabled"


DJANGO_EMAIL_BACKENDS = {
    "django.core.mail.backends.smtp.EmailBackend": EmailBackend.SMTP,
    "django.core.mail.backends.console.EmailBackend": EmailBackend.CONSOLE,
    "django.core.mail.backends.locmem.EmailBackend": EmailBackend.MEMORY,
    "django.core.mail.backends.dummy.EmailBackend": EmailBackend.DISABLED,
}


class Registration(StrEnum):
    """Who may create an account."""

    CLOSED = "closed"
    INVITE = "invite"
    OPEN = "open"


class RateLimitStore(StrEnum):
    """Where throttle counters live."""

    DATABASE = "database"
    MEMORY = "memory"


class SslMode(StrEnum):
    """libpq's sslmode, weakest first."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class LogLevel(StrEnum):
    """The least severe line that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many events in a window of so many seconds."""

    count: int
    window_s: int

    def __str__(self) -> str:
        unit = next((name for name, seconds in _UNIT_SECONDS.items() if seconds == self.window_s), f"{self.window_s}s")
        return f"{self.count}/{unit}"


def parse_text(text: str) -> str:
    """Return the text as it is, refusing control characters (a stray newline from a paste breaks headers)."""
    if any(ord(character) < ord(" ") or ord(character) == 0x7F for character in text):
        raise ValueError("contains a control character or line break")
    return text


def parse_secret(text: str) -> Secret:
    """Wrap the text. Raises ValueError when it is not valid UTF-8 or has a control character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    return Secret(parse_text(text))


def parse_secrets(text: str) -> tuple[Secret, ...]:
    """Split a comma list of secrets, dropping blanks."""
    return tuple(parse_secret(item) for item in _items(text))


def parse_bool(text: str) -> bool:
    """Read true, 1, yes, on or false, 0, no, off in any case; anything else is an error, never a guess."""
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(f"{text!r} is neither true (true, 1, yes, on) nor false (false, 0, no, off)")


def integer(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``least`` to ``most``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,12}", text.strip(), re.ASCII):
            raise ValueError(f"{text!r} is not a whole number")
        value = int(text)
        if not least <= value <= most:
            raise ValueError(f"{value} is not between {least} and {most}")
        return value

    return parse


def parse_fraction(text: str) -> float:
    """Read a share from 0 to 1 (a sampling rate, never money)."""
    if not re.fullmatch(r"[01]|[01]?\.[0-9]{1,6}", text.strip(), re.ASCII) or float(text) > 1:
        raise ValueError(f"{text!r} is not a number between 0 and 1")
    return float(text)


def choice(options: type[Word]) -> Callable[[str], Word]:
    """Return a parser of one word of ``options``, in any case."""

    def parse(text: str) -> Word:
        for option in options:
            if option.value.lower() == text.strip().lower():
                return option
        raise ValueError(f"{text!r} is none of {', '.join(option.value for option in options)}")

    return parse


def parse_email_backend(text: str) -> EmailBackend:
    """Read smtp, console, memory or disabled, or the Django dotted path that means one of them."""
    named = DJANGO_EMAIL_BACKENDS.get(text.strip())
    return named if named is not None else choice(EmailBackend)(text)


def parse_names(text: str) -> tuple[str, ...]:
    """Split a comma list, lower-cased, in the order given, without blanks."""
    return tuple(item.lower() for item in _items(text))


def parse_origin(text: str) -> str:
    """Read one web origin: scheme, host and perhaps port, nothing after it."""
    origin = text.strip()
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        raise ValueError(f"{origin!r} is not an origin such as https://shop.example") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{origin!r} is not an origin such as https://pos.shop.test (scheme and host are needed)")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{origin!r} has more than scheme, host and port (drop the path and any trailing slash)")
    if "*" in origin:
        raise ValueError(f"{origin!r} has a wildcard; origins are exact")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # Browsers leave the usual port out of the Origin they send, so one that is written would never match.
    usual = port is None or port == _USUAL_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def parse_origins(text: str) -> tuple[str, ...]:
    """Split a comma list of exact origins. Raises ValueError naming the first that is none."""
    return tuple(parse_origin(item) for item in _items(text))


def parse_url(text: str) -> str:
    """Read an http or https URL with a host; a trailing slash is dropped."""
    url = parse_text(text.strip())
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an http or https URL with a host")
    return url.rstrip("/")


def parse_secret_url(text: str) -> Secret:
    """Read an https or http URL that carries a key, such as a Sentry DSN; never repeats it."""
    return Secret(parse_url(text))


def parse_path(text: str) -> Path:
    """Read a path; ``~`` is the user's home."""
    return Path(parse_text(text)).expanduser()


def parse_host(text: str) -> str:
    """Read an address or name to listen on."""
    host = text.strip().lower()
    if is_ip_address(host) or all(_LABEL.fullmatch(label) for label in host.split(".")):
        return host
    raise ValueError(f"{text!r} is neither an address nor a host name")


def parse_proxies(text: str) -> tuple[str, ...]:
    """Read a comma list of networks, or the preset ``render``; ``*`` stays for a rule to judge."""
    networks = []
    for item in _items(text):
        if item.lower() in {"*", "render"}:
            networks.append(item.lower())
            continue
        try:
            networks.append(str(ipaddress.ip_network(item, strict=False)))
        except ValueError:
            raise ValueError(f"{item!r} is neither a network such as 10.0.0.0/8 nor the preset render") from None
    return tuple(networks)


def parse_rate(text: str) -> RateLimit:
    """Read ``5/minute``: a count, a slash, one of second, minute, hour, day."""
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not of the form 5/minute (second, minute, hour or day)")
    return RateLimit(int(match[1]), _UNIT_SECONDS[match[2]])


def parse_email(text: str) -> str:
    """Read an e-mail address, perhaps as ``Name <address>``."""
    address = parse_text(text.strip())
    bare = address.rpartition("<")[2].rstrip(">") if address.endswith(">") else address
    local, _, domain = bare.rpartition("@")
    if not local or any(character.isspace() for character in bare) or not parse_labels(domain):
        raise ValueError(f"{address!r} is not an e-mail address")
    return address


def parse_field_keys(text: str) -> tuple[Secret, ...]:
    """Read a comma list of keys, newest first, each 32 bytes in base64 (standard or URL-safe)."""
    keys = []
    for number, item in enumerate(_items(text), start=1):
        try:
            raw = base64.b64decode(item.replace("-", "+").replace("_", "/") + "=" * (-len(item) % 4), validate=True)
        except (ValueError, UnicodeError):
            raise ValueError(f"key {number} is not base64") from None
        if len(raw) != FIELD_KEY_BYTES:
            raise ValueError(f"key {number} holds {len(raw)} bytes, not {FIELD_KEY_BYTES}")
        keys.append(Secret(item))
    return tuple(keys)


def parse_labels(host: str) -> bool:
    """Whether ``host`` is a well-formed DNS name."""
    return bool(host) and len(host) <= _NAME_MAX and all(_LABEL.fullmatch(label) for label in host.lower().split("."))


def is_ip_address(host: str) -> bool:
    """Whether ``host`` is an IPv4 or IPv6 address, in brackets or not, in any spelling that systems resolve as one."""
    return _address(host) is not None


def is_loopback(host: str) -> bool:
    """Whether ``host`` means this very machine; of several hosts, whether one of them does."""
    if "," in host:
        return any(is_loopback(one) for one in host.split(",") if one)
    bare = host.strip("[]").lower().rstrip(".")
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = host.strip("[]").rstrip(".")
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        # 127.1, 0x7f.1 and 2130706433 are 127.0.0.1 for whatever resolves names.
        if not _NUMERIC_HOST.fullmatch(bare):
            return None
        # Seldom needed, and half as long to load as everything else here.
        from socket import inet_aton

        try:
            return ipaddress.IPv4Address(inet_aton(bare))
        except OSError:
            return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else found


def _items(text: str) -> list[str]:
    return [item.strip() for item in parse_text(text).split(",") if item.strip()]
