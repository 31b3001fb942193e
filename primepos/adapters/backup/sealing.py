r"""The sealed file: what is written is noticed to be whole and unchanged before a byte of it is used.

    magic       16 bytes   "PrimePOS-BACKUP\n"
    length       4 bytes   of the header, big-endian
    header       JSON      readable without the key: see :class:`Header`
    chunk ...              length (4 bytes; its highest bit marks the last one), then ciphertext with a 16-byte tag
    end          8 bytes   "PPB-END\n"

The chunks are STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, 2015) over AES-256-GCM: a nonce is the chunk's number (11
bytes) and whether it is the last (1 byte), so chunks can be neither dropped, repeated, swapped nor cut off. The key is
HKDF-SHA256 of BACKUP_KEY under the file's own random salt, so a nonce never repeats under a key; the header is bound to
every chunk. Chunks hold the dump; the last one holds the :class:`Trailer` and nothing else.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from primepos.adapters.backup.errors import BackupDamaged, BackupKeyWrong
from primepos.core.settings_types import Secret

MAGIC: Final = b"PrimePOS-BACKUP\n"
END: Final = b"PPB-END\n"
VERSION: Final = 1
CHUNK_BYTES: Final = 1 << 20

_LAST: Final = 1 << 31
_TAG_BYTES: Final = 16
_MOST_HEADER_BYTES: Final = 1 << 16
_MOST_TRAILER_BYTES: Final = 1 << 24
_LENGTH = struct.Struct(">I")
_KEY_PURPOSE: Final = b"primepos backup 1: "
_ID_PURPOSE: Final = b"primepos backup key id"

DumpFormat = Literal["custom", "plain", "directory"]
Reason = Literal["manual", "nightly", "migration", "restore"]


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself to whoever holds the file; it names no tenant and counts nothing.

    ``key`` is eight hexadecimal digits derived from BACKUP_KEY by which the right one is told from others.
    ``server`` and ``tool`` are versions of PostgreSQL: of the server dumped, and of the pg_dump that did it.
    """

    version: int = VERSION
    cipher: Literal["AES-256-GCM-STREAM"] = "AES-256-GCM-STREAM"
    salt: str
    key: str
    created_at: datetime
    database: str
    revision: str
    release: str
    server: str
    tool: str
    format: DumpFormat
    reason: Reason


class Foreign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object that belongs to another role than the database does: ``kind`` and ``name`` as ALTER takes them."""

    kind: Literal["FUNCTION", "TABLE", "SEQUENCE", "VIEW", "TYPE"]
    name: str
    owner: str


class Trailer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a restored copy is held against: rows of each table and values of each sequence, in the dump's snapshot."""

    dump_bytes: int
    dump_sha256: str
    finished_at: datetime
    rows: dict[str, int]
    sequences: dict[str, int]
    roles: list[str]
    foreign: list[Foreign]


def key_id(key: Secret) -> str:
    """Return the eight digits that tell one BACKUP_KEY from another without giving anything of it away."""
    return _derived(key, salt=b"", purpose=_ID_PURPOSE, size=4).hex()


def new_salt() -> str:
    """Return a file's own random salt."""
    return secrets.token_hex(32)


def _derived(key: Secret, *, salt: bytes, purpose: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt or None, purpose).derive(key.reveal().encode("utf-8"))


class _Chunks:
    """Numbers, nonces and key of one file's chunks."""

    def __init__(self, key: Secret, header: Header, raw: bytes) -> None:
        # The salt is inside the header, and the header inside the key's purpose: another header is another key.
        bound = hashlib.sha256(raw).digest()
        derived = _derived(key, salt=bytes.fromhex(header.salt), purpose=_KEY_PURPOSE + bound, size=32)
        self._aead, self._bound, self._number = AESGCM(derived), bound, 0

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._number.to_bytes(11, "big") + bytes([last])
        self._number += 1
        return nonce

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        sealed = self._aead.encrypt(self._nonce(last=last), plain, self._bound)
        return _LENGTH.pack(len(sealed) | (_LAST if last else 0)) + sealed

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        return self._aead.decrypt(self._nonce(last=last), sealed, self._bound)


class Sealing:
    """Seals one file: :meth:`begin`, :meth:`add` for each piece of the dump, :meth:`finish`; each gives bytes."""

    def __init__(self, key: Secret, header: Header) -> None:
        self._raw = msgspec.json.encode(header)
        self._chunks = _Chunks(key, header, self._raw)
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self.dump_bytes = 0

    def begin(self) -> bytes:
        """Return the beginning of the file."""
        return MAGIC + _LENGTH.pack(len(self._raw)) + self._raw

    def add(self, piece: bytes) -> Iterator[bytes]:
        """Take a piece of the dump and give the chunks that are full."""
        self._digest.update(piece)
        self.dump_bytes += len(piece)
        self._waiting += piece
        while len(self._waiting) >= CHUNK_BYTES:
            full = bytes(self._waiting[:CHUNK_BYTES])
            del self._waiting[:CHUNK_BYTES]
            yield self._chunks.seal(full, last=False)

    @property
    def dump_sha256(self) -> str:
        """The digest of what was added so far."""
        return self._digest.hexdigest()

    def finish(self, trailer: Trailer) -> Iterator[bytes]:
        """Give the rest of the dump, the trailer and the end."""
        if self._waiting:
            yield self._chunks.seal(bytes(self._waiting), last=False)
            self._waiting.clear()
        yield self._chunks.seal(msgspec.json.encode(trailer), last=True)
        yield END


def read_header(source: BinaryIO, name: str) -> Header:
    """Read the beginning of a file and return what it says of itself; the key is not asked.

    Raises:
        BackupDamaged: it does not begin like a backup, or is of a version this release does not read.
    """
    return _read_header(source, name)[0]


def _read_header(source: BinaryIO, name: str) -> tuple[Header, bytes]:
    if source.read(len(MAGIC)) != MAGIC:
        raise BackupDamaged(name=name, problem="it does not begin like a backup of PrimePOS")
    length = _length(source, name)
    if length > _MOST_HEADER_BYTES:
        raise BackupDamaged(name=name, problem="its header is longer than any header is")
    raw = _exactly(source, length, name)
    try:
        version = msgspec.json.decode(raw, type=dict).get("version")
        if version != VERSION:
            raise BackupDamaged(name=name, problem=f"it is of version {version!r}, this release reads {VERSION}")
        header = msgspec.json.decode(raw, type=Header)
        bytes.fromhex(header.salt)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError):
        raise BackupDamaged(name=name, problem="its header cannot be read") from None
    return header, raw


class Opened:
    """A sealed file being read. :attr:`trailer` is there when :meth:`dump` has been read to its end.

    Each chunk was authenticated before its bytes are given, but only the end tells that none is missing: whoever must
    not act on half a dump reads the file twice.
    """

    def __init__(self, source: BinaryIO, key: Secret, name: str) -> None:
        """Read the header.

        Raises:
            BackupDamaged: it is no backup. BackupKeyWrong: it was sealed with another key.
        """
        self.name = name
        self._source = source
        self.header, raw = _read_header(source, name)
        if self.header.key != key_id(key):
            raise BackupKeyWrong(name=name, wanted=self.header.key, given=key_id(key))
        self._chunks = _Chunks(key, self.header, raw)
        self.trailer: Trailer | None = None

    def dump(self) -> Iterator[bytes]:
        """Give the dump piece by piece; can be asked for once.

        Raises:
            BackupDamaged: a byte was changed, or something is missing, moved or added.
        """
        digest, size = hashlib.sha256(), 0
        while True:
            word = _length(self._source, self.name)
            length, last = word & ~_LAST, bool(word & _LAST)
            if length > (_MOST_TRAILER_BYTES if last else CHUNK_BYTES) + _TAG_BYTES:
                raise BackupDamaged(name=self.name, problem="a piece of it is longer than any piece is")
            try:
                plain = self._chunks.open(_exactly(self._source, length, self.name), last=last)
            except InvalidTag:
                raise BackupDamaged(name=self.name, problem="a piece of it was changed") from None
            if last:
                break
            digest.update(plain)
            size += len(plain)
            yield plain
        if _exactly(self._source, len(END), self.name) != END or self._source.read(1):
            raise BackupDamaged(name=self.name, problem="it does not end where it should")
        try:
            self.trailer = msgspec.json.decode(plain, type=Trailer)
        except msgspec.MsgspecError:
            raise BackupDamaged(name=self.name, problem="its trailer cannot be read") from None
        if (self.trailer.dump_bytes, self.trailer.dump_sha256) != (size, digest.hexdigest()):
            raise BackupDamaged(name=self.name, problem="its digest is not its dump's")

    def drained(self) -> Trailer:
        """Read all that is left and return the trailer. Raises BackupDamaged."""
        for _ in self.dump():
            pass
        assert self.trailer is not None  # noqa: S101 - set when the dump ended
        return self.trailer


def _length(source: BinaryIO, name: str) -> int:
    found: int = _LENGTH.unpack(_exactly(source, _LENGTH.size, name))[0]
    return found


def _exactly(source: BinaryIO, size: int, name: str) -> bytes:
    """Read so many bytes; a stream from a network gives fewer at a time."""
    parts = bytearray()
    while len(parts) < size:
        got = source.read(min(size - len(parts), CHUNK_BYTES))
        if not got:
            raise BackupDamaged(name=name, problem="it ends too early")
        parts += got
    return bytes(parts)
