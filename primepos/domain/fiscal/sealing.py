"""The seals of closings and exports: pure, the same for whoever makes them and whoever checks them."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec

from primepos.core.settings_keys import derive_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from primepos.domain.fiscal.schemas import ClosingOut, Outline

CLOSING_FORMAT = "primepos-closing-1"
# One that sold what is no revenue as well says how much.
CLOSING_FORMAT_OF_VALUE = "primepos-closing-2"
EXPORT_FORMAT = "primepos-fiscal-1"
_PURPOSE = "primepos fiscal export"
_encode = msgspec.json.Encoder().encode


def closing_hash(closing: ClosingOut) -> str:
    """Return the SHA-256 (hex) of everything a closing says and of the closing before it."""
    values = [
        CLOSING_FORMAT,
        closing.series,
        closing.period,
        closing.closing_no,
        closing.until.isoformat(),
        closing.from_number,
        closing.to_number,
        closing.sales,
        closing.voids,
        closing.refunds,
        closing.base,
        closing.tax,
        closing.rounding,
        closing.total,
        closing.sold,
        closing.grand_total,
        closing.grand_sold,
        [[each.code, f"{each.rate:.6f}", each.base, each.amount] for each in closing.taxes],
        closing.last_hash,
        closing.prev_hash,
        closing.closed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        closing.closed_by,
    ]
    if closing.value:
        values = [CLOSING_FORMAT_OF_VALUE, *values[1:], closing.value]
    return hashlib.sha256(_encode(values)).hexdigest()


def outline_digest(outline: Outline) -> str:
    """Return the SHA-256 (hex) of what an export is sealed by: where each series ends, and every closing."""
    values = [
        EXPORT_FORMAT,
        outline.shop,
        outline.currency,
        outline.zone,
        outline.made_at.astimezone(UTC).isoformat(timespec="microseconds"),
        [[each.series, each.sales, each.last_number, each.last_hash, each.missing] for each in outline.series],
        [[each.series, each.period, each.closing_no, each.hash] for each in outline.closings],
    ]
    return hashlib.sha256(_encode(values)).hexdigest()


def signing_key(secret: str) -> Ed25519PrivateKey:
    """Return the key that seals exports, derived from the installation's SECRET_KEY."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(derive_key(secret, _PURPOSE)))


def public_key(secret: str) -> str:
    """Return the public half as hexadecimal: what an auditor writes down to know the seal by."""
    return signing_key(secret).public_key().public_bytes_raw().hex()


def sign(secret: str, digest: str) -> str:
    """Return the Ed25519 signature (hex) of an outline's digest."""
    return signing_key(secret).sign(bytes.fromhex(digest)).hex()


def is_signed(key: str, digest: str, signature: str) -> bool:
    """Tell whether a signature of a digest is by the private half of ``key``; what is no key or signature is not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), bytes.fromhex(digest))
    except (InvalidSignature, ValueError):
        return False
    return True
