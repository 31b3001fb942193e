"""Secrets in files: known shapes of keys, and texts too random to be anything else."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from primepos.core.redaction import is_secret_name
from primepos.core.settings_rules import placeholder_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

# What issuers give their keys to be recognised by.
_SHAPES: Final = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an AWS key id", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}\b")),
    ("a SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Render key", re.compile(r"\brnd_[A-Za-z0-9]{20,}\b")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")),
    ("a Sentry DSN", re.compile(r"https://[0-9a-f]{32}@[^\s/\"']+/[0-9]+")),
)  # fmt: skip
_PASSWORD_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]{2,20}://[^\s:/@\"'<>{}$]+:(?P<password>[^\s/@\"'<>{}$]{3,})@")
_ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,60})[\"']?\s*[:=]\s*[\"']?(?P<value>[^\s\"'#,;]{8,})", re.ASCII
)
_TOKEN = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
_HEX = re.compile(r"[0-9a-fA-F-]+")
# ${{ secrets.X }}, {{ x }}, %x%, <x>: where a value will be put.
_REFERENCES: Final = ("$", "{", "%", "<")
_KNOWN_PASSWORDS = frozenset({"pass", "password", "secret", "example", "postgres", "user", "xxx", "***"})

RANDOM_BITS: Final = 4.3
NAMED_BITS: Final = 3.0
_BITS_SCALE = 10


def looks_secret(text: str) -> bool:
    """Whether a text is one of the known shapes, holds a password in an address, or is random throughout."""
    return _shape(text) is not None or any(_is_random(one[0]) for one in _TOKEN.finditer(text))


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """Return the line (from 1) and the kind of everything in a text that looks like a secret."""
    for number, line in enumerate(text.splitlines(), start=1):
        if (kind := _shape(line)) is not None or (kind := _named(line)) is not None:
            yield number, kind
        elif any(_is_random(one[0]) for one in _TOKEN.finditer(line)) and "sha" not in line and "://" not in line:
            yield number, "a random text"


def _shape(text: str) -> str | None:
    for kind, pattern in _SHAPES:
        if pattern.search(text):
            return kind
    found = _PASSWORD_IN_URL.search(text)
    if found and found["password"].lower() not in _KNOWN_PASSWORDS and placeholder_prefix(found["password"]) is None:
        return "an address with a password"
    return None


def _named(line: str) -> str | None:
    for found in _ASSIGNED.finditer(line):
        value = found["value"]
        if (
            not is_secret_name(found["name"])
            or placeholder_prefix(value)
            or value.startswith(_REFERENCES)
            or "://" in value
        ):
            continue
        if len(set(value)) > len(value) // 3 and _bits(value) >= NAMED_BITS and any(one.isdigit() for one in value):
            return f"a value of {found['name']}"
    return None


def _is_random(token: str) -> bool:
    """Whether a token has the letters, digits and disorder of a generated key; digests in hexadecimal do not."""
    if _HEX.fullmatch(token) or not (re.search(r"[a-z]", token) and re.search(r"[A-Z]", token)):
        return False
    return sum(one.isdigit() for one in token) > 1 and _bits(token) >= RANDOM_BITS


def _bits(text: str) -> float:
    """Return the entropy of a text in bits per character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
