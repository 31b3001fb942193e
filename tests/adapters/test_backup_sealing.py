"""The sealed file: what comes out is what went in, and nothing that was changed, cut, moved or added comes out."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from primepos.adapters.backup import sealing
from primepos.adapters.backup.errors import BackupDamaged, BackupKeyWrong
from primepos.adapters.backup.sealing import END, MAGIC, Header, Opened, Sealing, Trailer, key_id, new_salt, read_header
from primepos.core.settings import Secret

KEY, OTHER = Secret("k" * 48), Secret("o" * 48)
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_header(**changed) -> Header:
    values = {
        "salt": new_salt(),
        "key": key_id(KEY),
        "created_at": AT,
        "database": "primepos",
        "revision": "0003",
        "release": "0.1.0",
        "server": "18.4",
        "tool": "18.4",
        "format": "custom",
        "reason": "manual",
    }
    return Header(**{**values, **changed})


def a_file(*pieces: bytes, header: Header | None = None, key: Secret = KEY) -> bytes:
    made = Sealing(key, header or a_header())
    parts = [made.begin()]
    for piece in pieces:
        parts += made.add(piece)
    trailer = Trailer(
        dump_bytes=made.dump_bytes,
        dump_sha256=made.dump_sha256,
        finished_at=AT,
        rows={"public.sales": 7},
        sequences={},
        roles=["primepos_app"],
        foreign=[],
    )
    return b"".join([*parts, *made.finish(trailer)])


def chunks_of(file: bytes) -> tuple[bytes, list[bytes]]:
    """Return what precedes the chunks, and each chunk with its length."""
    at = len(MAGIC) + 4 + int.from_bytes(file[len(MAGIC) : len(MAGIC) + 4], "big")
    head, found = file[:at], []
    while at < len(file) - len(END):
        size = 4 + (int.from_bytes(file[at : at + 4], "big") & ~(1 << 31))
        found.append(file[at : at + size])
        at += size
    return head, found


def opened(file: bytes, key: Secret = KEY) -> tuple[bytes, Trailer]:
    source = Opened(io.BytesIO(file), key, "it")
    dump = b"".join(source.dump())
    assert source.trailer is not None
    return dump, source.trailer


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "CHUNK_BYTES", 64)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_what_comes_out_is_what_went_in(pieces: list[bytes]) -> None:
    whole = sealing.CHUNK_BYTES
    sealing.CHUNK_BYTES = 64
    try:
        dump, trailer = opened(a_file(*pieces))
    finally:
        sealing.CHUNK_BYTES = whole
    assert dump == b"".join(pieces)
    assert (trailer.dump_bytes, trailer.rows) == (len(dump), {"public.sales": 7})


def test_neither_the_dump_nor_the_counts_can_be_read_without_the_key() -> None:
    file = a_file(b"the price of rye bread")
    assert b"rye bread" not in file
    assert b"public.sales" not in file
    assert KEY.reveal().encode() not in file
    assert read_header(io.BytesIO(file), "it").database == "primepos"


def test_the_same_dump_twice_makes_two_files_that_have_nothing_in_common() -> None:
    one, two = (chunks_of(a_file(b"x" * 1000))[1] for _ in range(2))
    assert one[0] != two[0]


@pytest.mark.usefixtures("small_chunks")
def test_one_flipped_bit_anywhere_is_noticed() -> None:
    file = a_file(os.urandom(300))
    for at in range(len(file)):
        for bit in (0, 7):
            changed = bytearray(file)
            changed[at] ^= 1 << bit
            with pytest.raises((BackupDamaged, BackupKeyWrong)):
                opened(bytes(changed))


@pytest.mark.usefixtures("small_chunks")
def test_a_file_cut_off_anywhere_is_noticed() -> None:
    file = a_file(os.urandom(300))
    for size in range(len(file)):
        with pytest.raises(BackupDamaged):
            opened(file[:size])


@pytest.mark.usefixtures("small_chunks")
def test_pieces_cannot_be_swapped_left_out_repeated_or_taken_from_another_file() -> None:
    data = os.urandom(300)
    head, chunks = chunks_of(a_file(data))
    _, others = chunks_of(a_file(data))
    assert len(chunks) == 6
    for wrong in (
        [chunks[1], chunks[0], *chunks[2:]],
        [chunks[0], *chunks[2:]],
        [chunks[0], chunks[0], *chunks[1:]],
        [others[0], *chunks[1:]],
        [*chunks[:-1], others[-1]],
        chunks[-1:],
        [*chunks[:-2], chunks[-1]],
    ):
        with pytest.raises(BackupDamaged):
            opened(head + b"".join(wrong) + END)
    assert opened(head + b"".join(chunks) + END)[0] == data


@pytest.mark.usefixtures("small_chunks")
def test_nothing_can_be_added_behind_the_end() -> None:
    file = a_file(b"x" * 100)
    for more in (b"\0", END, chunks_of(file)[1][0]):
        with pytest.raises(BackupDamaged, match="does not end"):
            opened(file + more)


def test_a_header_that_was_changed_opens_nothing() -> None:
    header = a_header()
    head, chunks = chunks_of(a_file(b"x" * 100, header=header))
    raw = msgspec.json.encode(header)
    later = msgspec.json.encode(msgspec.structs.replace(header, created_at=datetime(2027, 3, 2, 12, tzinfo=UTC)))
    assert len(raw) == len(later)
    with pytest.raises(BackupDamaged, match="was changed"):
        opened(head.replace(raw, later) + b"".join(chunks) + END)


def test_another_key_is_told_from_a_damaged_file() -> None:
    with pytest.raises(BackupKeyWrong) as refused:
        opened(a_file(b"x"), OTHER)
    assert refused.value.data == {"name": "it", "wanted": key_id(KEY), "given": key_id(OTHER)}
    assert KEY.reveal()[:8] not in str(refused.value)


def test_a_file_that_lies_about_its_key_is_refused() -> None:
    with pytest.raises(BackupDamaged, match="was changed"):
        opened(a_file(b"x", key=OTHER))


def by_description(file: bytes, key: str) -> tuple[bytes, dict]:
    """Read a file by the words of docs/adr/0024 alone, with none of our code."""
    head = file[20 : 20 + int.from_bytes(file[16:20], "big")]
    bound = hashlib.sha256(head).digest()
    salt = bytes.fromhex(json.loads(head)["salt"])
    secret = hmac.digest(hmac.digest(salt, key.encode(), "sha256"), b"primepos backup 1: " + bound + b"\1", "sha256")
    at, number, dump = 20 + len(head), 0, b""
    while True:
        word = int.from_bytes(file[at : at + 4], "big")
        last, size = word >> 31, word & 0x7FFFFFFF
        sealed = file[at + 4 : at + 4 + size]
        plain = AESGCM(secret).decrypt(number.to_bytes(11, "big") + bytes([last]), sealed, bound)
        at, number = at + 4 + size, number + 1
        if last:
            return dump, json.loads(plain)
        dump += plain


def test_a_file_can_be_read_by_its_description_alone() -> None:
    data = os.urandom(sealing.CHUNK_BYTES * 2 + 5)
    dump, trailer = by_description(a_file(data), KEY.reveal())
    assert dump == data
    assert (trailer["dump_bytes"], trailer["dump_sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "ends too early|does not begin"),
        (b"PGDMP" + b"\0" * 100, "does not begin"),
        (MAGIC + b"\xff\xff\xff\xff", "longer than any header"),
        (MAGIC + b"\0\0\0\x02[]", "cannot be read"),
        (MAGIC + b"\0\0\0\x0d" + b'{"version":2}', "of version 2"),
        (MAGIC + b"\0\0\0\x0d" + b'{"version":1}', "cannot be read"),
    ],
)
def test_what_is_no_backup_is_told_so(file: bytes, problem: str) -> None:
    with pytest.raises(BackupDamaged, match=problem):
        read_header(io.BytesIO(file), "it")


def test_a_length_that_promises_gigabytes_is_not_believed() -> None:
    head, _ = chunks_of(a_file(b"x"))
    with pytest.raises(BackupDamaged, match="longer than any piece"):
        opened(head + b"\x7f\xff\xff\xff" + b"x" * 100)
