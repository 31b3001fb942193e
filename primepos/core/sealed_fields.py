"""Fields that are stored sealed: encrypted for who reads the database without its keys, and found by a keyed hash.

A sealed value is ``version (1 byte, 1) | key id (4) | nonce (12) | AES-256-GCM ciphertext and tag``, bound to the place
it stands in (table, column, tenant, row), so it can be neither read elsewhere nor moved. The hash is HMAC-SHA256 over
place and tenant too: the same address in two tenants shows as two values.

Keys are those of FIELD_ENCRYPTION_KEYS, newest first, and behind them one derived from SECRET_KEY and from each of its
fallbacks: a shop without keys of their own is sealed all the same. The first key seals, every key opens. To rotate, put
a new key in front, seal anew (``primepos customers reseal``), and take the old one away once the deploy check DB045
passes without it.

The columns of a sealed field are ``<field>_sealed`` and ``<field>_hash``, in a table with ``tenant_id`` and ``id``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from primepos.core.errors import BadConfiguration
from primepos.core.settings_keys import derive_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from primepos.core.settings import Settings
    from primepos.core.settings_types import Secret

SUFFIX: Final = "_sealed"
_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEAD_BYTES: Final = 1 + _ID_BYTES
_HASH_BYTES: Final = 16


class FieldKeyMissing(BadConfiguration):
    """A sealed value cannot be opened: its key is not among those at hand, or the value is damaged or moved."""

    code = "FIELD_KEY_MISSING"
    template = "A sealed value cannot be opened with the keys at hand"
    hint = "Put the key it was sealed with into FIELD_ENCRYPTION_KEYS, behind the newest."


class _Key:
    """One key: its id, and what seals and hashes under it."""

    __slots__ = ("_aead", "_hash_key", "id")

    def __init__(self, root: str) -> None:
        # Most processes never seal a thing, and this takes as long to load as everything else here.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.id = bytes.fromhex(derive_key(root, "primepos field key id"))[:_ID_BYTES]
        self._aead: AESGCM = AESGCM(bytes.fromhex(derive_key(root, "primepos field encryption")))
        self._hash_key = bytes.fromhex(derive_key(root, "primepos field hash"))

    def seal(self, plain: bytes, place: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + self.id + nonce + self._aead.encrypt(nonce, plain, place)

    def open(self, sealed: bytes, place: bytes) -> str:
        from cryptography.exceptions import InvalidTag

        nonce, body = sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES], sealed[_HEAD_BYTES + _NONCE_BYTES :]
        try:
            return self._aead.decrypt(nonce, body, place).decode("utf-8")
        except (InvalidTag, UnicodeDecodeError):
            raise FieldKeyMissing from None

    def hash(self, text: str, place: bytes) -> bytes:
        return hmac.new(self._hash_key, place + b"\x00" + text.encode("utf-8"), hashlib.sha256).digest()[:_HASH_BYTES]


class Keyring:
    """The keys at hand. Raises: BadConfiguration where there is none."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._keys = [_Key(root) for root in dict.fromkeys(roots)]
        if not self._keys:
            raise BadConfiguration("There is no key to seal fields with")
        self._by_id = {key.id: key for key in reversed(self._keys)}

    def seal(self, text: str, field: str, tenant_id: int, row_id: UUID) -> bytes:
        """Return the sealed value of ``field`` (``customers.email``) of one row."""
        return self._keys[0].seal(text.encode("utf-8"), _place(field, tenant_id, row_id))

    def open(self, sealed: bytes, field: str, tenant_id: int, row_id: UUID) -> str:
        """Return what was sealed. Raises: :class:`FieldKeyMissing`."""
        value = bytes(sealed)
        key = self._by_id.get(value[1:_HEAD_BYTES])
        if key is None or value[:1] != _VERSION or len(value) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise FieldKeyMissing
        return key.open(value, _place(field, tenant_id, row_id))

    def is_newest(self, sealed: bytes) -> bool:
        """Whether a value is sealed with the key that seals now."""
        return bytes(sealed)[:_HEAD_BYTES] == self.newest

    @property
    def newest(self) -> bytes:
        """How every value begins that is sealed with the key that seals now."""
        return _VERSION + self._keys[0].id

    def hash(self, text: str, field: str, tenant_id: int) -> bytes:
        """Return the hash to store: under the key that seals now."""
        return self._keys[0].hash(text, _place(field, tenant_id))

    def hashes(self, text: str, field: str, tenant_id: int) -> list[bytes]:
        """Return the hashes to look for: under every key, since a rotation may be under way."""
        return [key.hash(text, _place(field, tenant_id)) for key in self._keys]


def _place(field: str, tenant_id: int, row_id: UUID | None = None) -> bytes:
    return f"{field}\n{tenant_id}\n{row_id or ''}".encode()


def keyring_of(settings: Settings) -> Keyring:
    """Return the keys of an installation. Raises: BadConfiguration where there is none."""
    return keyring_from(settings.field_encryption_keys, (settings.secret_key, *settings.secret_key_fallbacks))


def keyring_from(field_keys: Iterable[Secret], roots: Iterable[Secret | None]) -> Keyring:
    """Return the keys given and those derived from the roots. Raises: BadConfiguration where there is none."""
    given = tuple(_raw(key.reveal()) for key in field_keys)
    derived = tuple(derive_key(root.reveal(), "primepos fields") for root in roots if root)
    return _keyring((*given, *derived))


@lru_cache(maxsize=8)
def _keyring(roots: tuple[str, ...]) -> Keyring:
    return Keyring(roots)


def _raw(text: str) -> str:
    """Return a key of FIELD_ENCRYPTION_KEYS as hexadecimal: the same bytes are the same key, however spelt."""
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    return base64.b64decode(padded).hex()
