"""The codes of gift cards: made, brought into one form, hashed. The database never holds a code.

A code that is made here is 80 bits in Crockford's base 32 (no I, L, O, U), so no hash of one can be turned round by
trying. It follows from the server's secret and the card's id: asking again after a lost answer gives the same code.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from primepos.domain.values.errors import CodeRefused

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.settings_types import Secret

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 16
_TAIL: Final = 4
_ALIKE: Final = str.maketrans("OIL", "011")
_VALID: Final = re.compile(r"[0-9A-Z]{8,64}")


def code_of(text: str) -> str:
    """Return the one form of a typed or scanned code: capitals, no blanks or hyphens, O as 0, I and L as 1.

    Raises: CodeRefused.
    """
    code = "".join(text.upper().split()).replace("-", "").translate(_ALIKE)
    if not _VALID.fullmatch(code):
        raise CodeRefused
    return code


def made_code(secret: Secret, tenant_key: UUID, card_id: UUID) -> str:
    """Return the code of a card that brings none: 16 letters and digits."""
    digest = hmac.digest(secret.reveal().encode(), b"gift card" + tenant_key.bytes + card_id.bytes, "sha256")
    number = int.from_bytes(digest[:10], "big")
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH))


def code_hash(tenant_key: UUID, code: str) -> bytes:
    """Return what a card is found by; keyed by the tenant, so that equal codes of two shops look different."""
    return hmac.new(tenant_key.bytes, code.encode(), hashlib.sha256).digest()


def tail_of(code: str) -> str:
    """Return the last four places: what is shown of a card."""
    return code[-_TAIL:]


def printed(code: str) -> str:
    """Return a code as it is printed: groups of four."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
