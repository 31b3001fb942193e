"""Keyset pages: a list's ``next`` is the place where the next page begins, not a number of rows to skip."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from primepos.core.errors import InvalidInput

MOST_ROWS: Final = 200
# A name of 200 characters, each up to four bytes or a six-byte escape, in base64, and an id.
CURSOR_LENGTH: Final = 2000

_encode = msgspec.json.Encoder().encode


def encode_cursor(*parts: Any) -> str:
    """Return the place after a row, from the values the list is sorted by; opaque to the caller, URL-safe."""
    return base64.urlsafe_b64encode(_encode(parts)).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str, *kinds: Any) -> tuple[Any, ...]:
    """Return the values of a cursor; ``kinds`` are the types they must have.

    Raises: :class:`InvalidInput` when it is not a place in this list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple.__class_getitem__(kinds), strict=True)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        problem = "is not a place in this list"
        raise InvalidInput(f"after: {problem}", problems=[{"field": "after", "problem": problem}]) from None
    if any(isinstance(part, str) and "\0" in part for part in parts):
        raise InvalidInput("after: contains control characters")
    return parts
