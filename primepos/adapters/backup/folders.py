"""A dump that is a folder, as one stream and back: pg_dump and pg_restore work on a folder with several jobs at once.

While it is packed and unpacked the folder is on this machine's disk, unencrypted, readable by its owner alone.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from primepos.adapters.backup.errors import BackupDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Where pg_dump writes what is in a folder.
CONTENTS = "toc.dat"
_PIECE_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE


def packed(folder: Path) -> Iterator[bytes]:
    """Give a folder of plain files as a tar stream, its list of contents first."""
    for file in sorted(folder.iterdir(), key=lambda each: (each.name != CONTENTS, each.name)):
        entry = tarfile.TarInfo(file.name)
        entry.size = file.stat().st_size
        yield entry.tobuf(tarfile.PAX_FORMAT)
        with file.open("rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield piece
        yield bytes(-entry.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def unpacked(pieces: Iterable[bytes], folder: Path, name: str, *, contents_only: bool = False) -> None:
    """Write the files of a stream into an empty folder; with ``contents_only`` the list of contents and nothing else.

    Raises:
        BackupDamaged: it is no stream that :func:`packed` gave; ``name`` is the backup's.
    """
    try:
        with tarfile.open(fileobj=_Pieces(pieces), mode="r|") as archive:
            for entry in archive:
                source = archive.extractfile(entry)
                if source is None or "/" in entry.name or "\\" in entry.name or entry.name in {"", ".", ".."}:
                    raise BackupDamaged(name=name, problem="it holds what no dump holds")
                with (folder / entry.name).open("xb") as target:
                    while piece := source.read(_PIECE_BYTES):
                        target.write(piece)
                if contents_only:
                    return
    except tarfile.TarError:
        raise BackupDamaged(name=name, problem="its folder cannot be unpacked") from None


class _Pieces(io.RawIOBase):
    """Pieces as a stream that is read from beginning to end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub's own name of a buffer
        """Fill as much of the buffer as the next piece gives."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        given = self._rest[: len(buffer)]
        self._rest = self._rest[len(given) :]
        buffer[: len(given)] = given
        return len(given)
