"""Keep secrets, and bytes that a terminal obeys, out of anything that is written down.

Three nets, because each has holes: the name of a field, the shape of a value, and the very secrets this process
holds (``Redactor.learn``). What is left is made harmless to print and cut to size. Nothing here raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from primepos.core.settings_types import Secret

if TYPE_CHECKING:
    from re import Match

REDACTED = "[redacted]"
CARD = "[card]"
FIELD_CAP = 2048

_READ_CAP = 32_768
_UNSURE_TAIL = 4096
_MAX_DEPTH = 6
_MAX_ITEMS = 100
_LEARN_FROM = 8
_SHORTEST = 5  # pin=1
_SHORTEST_CARD = 13

# A field of one of these names holds a secret whatever it looks like. `idempotency_key` or `barcode` do not.
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|^pwd$|secret|token(?!_?(count|type|ttl|id))|authori[sz]ation|cookie|credential|pepper"
    r"|^pins?$|_pins?$|^pin_(?!length)|api_?key|private_?key|(backup|signing|encryption|access|fernet)_?key|dsn$"
    r"|database_url|^jwt|card_?(number|no)$|^pan$|^cv[vc]2?$|^track[12]?$|otp$"
)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){1,2}")
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+|%20)[A-Za-z0-9._~+/=-]{6,}")
_ASSIGNED = re.compile(
    r"(?i)(password|passwd|passphrase|pwd|secret|token|pepper|(?:api|secret|private|access)[_-]?key|authorization|\bpin)"
    r"([\"']?\s*(?:=|:(?!//)|=>)\s*)(\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,;&\"')}\]]+)"
)
_URL_CREDENTIALS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,20}://)[^\s/@\"']{1,512}(?:/[^\s@\"']{0,256})?@(?=[^\s@])")
# Keys that say by their shape what they are: private keys, hashes of passwords, SendGrid's, Amazon's and GitHub's.
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40})-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_KEYS = re.compile(
    r"\$argon2(?:id|i|d)\$[A-Za-z0-9$=,+/.-]+|\bSG\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?"
    r"|\bA(?:KIA|SIA)[A-Z0-9]{16}\b|\bgh[opsur]_[A-Za-z0-9]{20,}"
)
# PostgreSQL repeats the row it refuses, whatever stands in it.
_REFUSED_ROW = re.compile(
    r"(\bKey \([^()\n]{1,300}\)=|\bFailing row contains )\((?:.{0,4000}?\)(?=\.(?:\s|$)| \w)|[^\n]*)", re.DOTALL
)
_CARD = re.compile(r"(?<![0-9])[2-6][0-9](?:[ -]?[0-9]){11,17}(?![0-9])")
# DEL, C1, zero-width and bidirectional controls, line separators: no reader needs them, a terminal obeys some.
_UNPRINTABLE = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_CONTROL = re.compile("[\x00-\x1f]")


class Redactor:
    """Cleans values; knows the secrets it was taught besides the shapes everybody knows."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Blank these texts out wherever they appear, percent-encoded too; shorter than 8 characters is ignored.

        A short text would turn up inside innocent words.
        """
        texts = {form for secret in secrets for form in (secret.reveal(), quote(secret.reveal(), safe=""))}
        long = sorted((text for text in texts if len(text) >= _LEARN_FROM), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, long))) if long else None

    def fields(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the fields with secrets blanked, JSON-ready, each string at most 2 kB."""
        return {self.text(str(name))[:100]: self.value(value, name=str(name)) for name, value in values.items()}

    def value(self, value: object, *, name: str = "", depth: int = 0) -> object:
        """Return one JSON-ready value; ``name`` is the field it stands in."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Secret) or (name and is_secret_name(name)):
            return REDACTED
        if isinstance(value, int | float):
            return _number(value)
        if isinstance(value, Enum):
            return self.text(str(value.value))
        if isinstance(value, str):
            return self.text(value)
        if depth < _MAX_DEPTH and isinstance(value, Mapping):
            return self._mapping(value, depth)
        if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth=depth + 1) for item in list(value)[:_MAX_ITEMS]]
        return self.text(_shown(value))

    def text(self, text: str, *, cap: int = FIELD_CAP) -> str:
        """Return a text without secrets and harmless to print, its first ``cap`` characters."""
        cleaned = self.blank(text[:_READ_CAP])
        if len(text) > _READ_CAP:
            # The cut may have split a secret so that no pattern knows it any more.
            cleaned = cleaned[:-_UNSURE_TAIL]
        if not cleaned.isprintable():
            cleaned = _UNPRINTABLE.sub(_escape, cleaned)
        return cleaned if len(cleaned) <= cap else f"{cleaned[:cap]}... [{len(text)} characters]"

    def tail(self, text: str, *, cap: int = FIELD_CAP) -> str:
        """Return the last ``cap`` characters, cleaned: the end of a traceback tells most."""
        cleaned = _UNPRINTABLE.sub(_escape, self.blank(text[-_READ_CAP:]))
        return cleaned if len(cleaned) <= cap else f"...{cleaned[-cap:]}"

    def blank(self, text: str) -> str:
        """Replace what looks like a secret, or is one that was learnt.

        The cheap tests before each pattern keep a usual line (ids, routes, numbers) at a few microseconds.
        """
        if len(text) < _SHORTEST:
            return text
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        if "://" in text and "@" in text:
            text = _URL_CREDENTIALS.sub(rf"\1{REDACTED}@", text)
        if "eyJ" in text:
            text = _JWT.sub(REDACTED, text)
        if " " in text or "%20" in text:
            text = _BEARER.sub(rf"\1 {REDACTED}", text)
        if "Key (" in text or "Failing row" in text:
            text = _REFUSED_ROW.sub(rf"\1({REDACTED})", text)
        if "-----BEGIN" in text:
            text = _PRIVATE_KEY.sub(REDACTED, text)
        if "$argon2" in text or "SG." in text or "KIA" in text or "ASIA" in text or "gh" in text:
            text = _KEYS.sub(REDACTED, text)
        if "=" in text or ":" in text:
            text = _ASSIGNED.sub(_assigned, text)
        return _CARD.sub(_card, text) if len(text) >= _SHORTEST_CARD else text

    def _mapping(self, values: Mapping[object, object], depth: int) -> dict[str, object]:
        items = list(values.items())[:_MAX_ITEMS]
        return {self.text(str(key))[:100]: self.value(value, name=str(key), depth=depth + 1) for key, value in items}


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name is blanked whatever it holds."""
    return _SECRET_NAME.search(name.lower().replace("-", "_")) is not None


def printable(text: str) -> str:
    """Return the text with every control character written out, for one line on a terminal."""
    return _UNPRINTABLE.sub(_escape, _CONTROL.sub(_escape, text))


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is the check digit of the others by Luhn's formula, as on payment cards."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _looks_like_card(digits: str) -> bool:
    """Whether digits have a card's issuer prefix, its length and its check digit: a GTIN seldom has all three."""
    length = len(digits)
    if not 13 <= length <= 19 or not (digits.isascii() and digits.isdigit()):
        return False
    by_prefix = {"4": {13, 16, 19}, "5": {16}, "6": set(range(16, 20)), "2": {16}}
    lengths = by_prefix.get(digits[0]) or {"34": {15}, "37": {15}, "35": {16}}.get(digits[:2], {14})
    if digits[0] == "3" and digits[:2] not in {"30", "34", "35", "36", "37", "38", "39"}:
        return False
    return digits[0] in "23456" and length in lengths and luhn_holds(digits)


def _card(match: Match[str]) -> str:
    return CARD if _looks_like_card(re.sub(r"[ -]", "", match[0])) else match[0]


def _assigned(match: Match[str]) -> str:
    return f"{match[1]}{match[2]}{REDACTED}" if match[3] != REDACTED else match[0]


def _escape(match: Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _number(value: float) -> float | str:
    """Return a number that JSON can hold; a whole one may turn out to be a card's number."""
    if not math.isfinite(value):
        return str(value)
    return CARD if _looks_like_card(str(value)) else value


def _shown(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime | date):
        return value.isoformat()
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a broken __str__ must not break the line that reports a fault
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
