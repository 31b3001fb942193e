"""A folder as a stream and back: the same files, and nothing that leads out of the folder."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from primepos.adapters.backup.errors import BackupDamaged
from primepos.adapters.backup.folders import CONTENTS, packed, unpacked

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"4711.dat.gz": os.urandom(3_000_001), CONTENTS: b"list", "blobs_16.toc": b"", "4712.dat.gz": b"x" * 512}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dump"
    made.mkdir()
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    return made


def sliced(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


@pytest.mark.parametrize("size", [999_983, 1 << 22])
def test_what_comes_out_is_what_went_in_however_it_is_cut(folder: Path, tmp_path: Path, size: int) -> None:
    out = tmp_path / "out"
    out.mkdir()
    unpacked(sliced(b"".join(packed(folder)), size), out, "it")
    assert {file.name: file.read_bytes() for file in out.iterdir()} == FILES


def test_the_list_of_contents_comes_first_and_can_be_had_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    unpacked(packed(folder), out, "it", contents_only=True)
    assert [file.name for file in out.iterdir()] == [CONTENTS]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", ".."])
def test_nothing_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"evil"))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(BackupDamaged, match="no dump holds"):
        unpacked([stream.getvalue()], out, "it")
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_plain_files_come_out(tmp_path: Path, kind: bytes) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(BackupDamaged):
        unpacked([stream.getvalue()], tmp_path, "it")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_stream_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupDamaged, match="cannot be unpacked"):
        unpacked([b"no tar at all" * 100], tmp_path, "it")
