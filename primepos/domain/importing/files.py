"""Files as other systems leave them: packed or not, UTF-8, UTF-16 or Windows-1252, with or without a mark."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import lzma
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

from primepos.domain.importing.errors import FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A few megabytes can unpack to terabytes of zeros; this is ten thousand times a month of a busy shop.
MOST_BYTES: Final = 4 * 1024**3
_CHUNK: Final = 1 << 20
_XZ: Final = b"\xfd7zXZ\x00"
_GZIP: Final = b"\x1f\x8b"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGED: Final = (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that has been read once from end to end: what it holds is known by ``sha256`` of its unpacked bytes."""

    path: Path
    encoding: str
    sha256: str
    size: int

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Open the text for Python's csv module, line ends untouched.

        Raises: :class:`FileUnreadable`.
        """
        with _told(self.path), _unpacked(self.path) as raw:
            yield io.TextIOWrapper(raw, encoding=self.encoding, newline="")


def examine(path: Path, encoding: str | None = None, most_bytes: int = MOST_BYTES) -> SourceFile:
    """Read a file once: its digest, its size, and how its text is encoded unless that is given.

    A byte order mark decides; else the file is UTF-8 if all of it is valid UTF-8, and Windows-1252 if not. Memory
    stays flat however large the file is. Raises: :class:`FileUnreadable`.
    """
    digest = hashlib.sha256()
    size = 0
    guesses: dict[str, codecs.IncrementalDecoder] = {}
    with _told(path), _unpacked(path) as raw:
        while chunk := raw.read(_CHUNK):
            if not size:
                guesses = _guesses(path, chunk, encoding)
            size += len(chunk)
            if size > most_bytes:
                raise FileUnreadable(file=path.name, problem=f"it unpacks to more than {most_bytes // 1024**2} MiB")
            digest.update(chunk)
            _try(guesses, chunk, final=False)
    _try(guesses, b"", final=True)
    if size and not guesses:
        known = f"not {encoding}" if encoding else "neither UTF-8 nor Windows-1252; name it with --encoding"
        raise FileUnreadable(file=path.name, problem=f"its text is {known}")
    return SourceFile(path, next(iter(guesses), "utf-8"), digest.hexdigest(), size)


def _guesses(path: Path, start: bytes, encoding: str | None) -> dict[str, codecs.IncrementalDecoder]:
    marked = [name for mark, name in _MARKS if start.startswith(mark)]
    names = [encoding] if encoding else marked[:1] or ["utf-8", "cp1252"]
    try:
        return {name: codecs.getincrementaldecoder(name)() for name in names}
    except LookupError:
        raise FileUnreadable(file=path.name, problem=f"there is no encoding {encoding}") from None


def _try(guesses: dict[str, codecs.IncrementalDecoder], chunk: bytes, *, final: bool) -> None:
    for name in list(guesses):
        try:
            guesses[name].decode(chunk, final)
        except UnicodeError:
            del guesses[name]


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as packed:
        start = packed.read(len(_XZ))
        packed.seek(0)
        if start == _XZ:
            with lzma.open(packed) as raw:
                yield raw
        elif start.startswith(_GZIP):
            with gzip.open(packed) as raw:
                yield cast("IO[bytes]", raw)
        else:
            yield packed


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise FileUnreadable(file=path.name, problem=f"it is damaged or cut off ({error})") from None
    except OSError as error:
        raise FileUnreadable(file=path.name, problem=error.strerror or str(error)) from None
    except UnicodeError as error:
        raise FileUnreadable(file=path.name, problem=f"its text cannot be read: {error}") from None
