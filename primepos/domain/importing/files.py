"""Files as other systems leave them: packed or not, UTF-8, UTF-16, Windows-1252 or a sheet, with or without a mark."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import lzma
import re
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from primepos.domain.importing.errors import FileUnreadable
from primepos.domain.importing.sheets import is_sheet, write_as_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

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


# A file with this many good characters beyond ASCII for each bad byte is UTF-8 with a few rows spoilt, nothing else.
_GOOD_FOR_BAD: Final = 4
SPOILT: Final = "surrogateescape"
_NO_TEXT: Final = re.compile(r"[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that has been read once from end to end: what it holds is known by ``sha256`` of its unpacked bytes.

    ``spoilt_bytes`` are those that are not of its encoding: the rows they stand in are refused, the rest is read.
    ``is_sheet`` says that the text was made from a spreadsheet, so its numbers and dates have one reading.
    """

    path: Path
    encoding: str
    sha256: str
    size: int
    name: str = ""
    spoilt_bytes: int = 0
    is_sheet: bool = False
    _kept: Any = field(default=None, compare=False, repr=False)

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Open the text for Python's csv module, line ends untouched.

        Raises: :class:`FileUnreadable`.
        """
        with _told(self.path), _unpacked(self.path) as raw:
            yield io.TextIOWrapper(
                raw, encoding=self.encoding, errors=SPOILT if self.spoilt_bytes else None, newline=""
            )


class _Guess:
    """Decodes with one encoding, counting what is not of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bad = 0
        self.good = 0
        self._decoder = codecs.getincrementaldecoder(name)(SPOILT)

    def feed(self, chunk: bytes, *, final: bool) -> None:
        """Take the next bytes."""
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeError:
            # An encoding of two bytes that ends on half a one has no way around.
            self.bad = 1 << 62
            return
        if not text.isascii():
            bad = len(_NO_TEXT.findall(text))
            self.bad += bad
            self.good += len(text) - len(text.encode("ascii", "ignore")) - bad


def examine(
    path: Path, encoding: str | None = None, most_bytes: int = MOST_BYTES, *, sheet: str | None = None
) -> SourceFile:
    """Read a file once: its digest, its size, and how its text is encoded unless that is given.

    A byte order mark decides; else the file is UTF-8 if it is, with few bytes spoilt at most, and Windows-1252 if not.
    A spreadsheet is turned into text in a temporary file that goes with the answer; ``sheet`` names which one of it.
    Memory stays flat however large a text is. Raises: :class:`FileUnreadable`.
    """
    with _told(path), path.open("rb") as start:
        if is_sheet(start.read(8)):
            return _examine_sheet(path, sheet, most_bytes)
    if sheet is not None:
        raise FileUnreadable(file=path.name, problem="it is no spreadsheet, so it has no sheets")
    digest = hashlib.sha256()
    size = 0
    guesses: list[_Guess] = []
    with _told(path), _unpacked(path) as raw:
        while chunk := raw.read(_CHUNK):
            if not size:
                guesses = _guesses(path, chunk, encoding)
            size += len(chunk)
            if size > most_bytes:
                raise FileUnreadable(file=path.name, problem=f"it unpacks to more than {most_bytes // 1024**2} MiB")
            digest.update(chunk)
            for guess in guesses:
                guess.feed(chunk, final=False)
    for guess in guesses:
        guess.feed(b"", final=True)
    chosen = _choose(guesses)
    if size and chosen is None:
        known = f"not {encoding}" if encoding else "neither UTF-8 nor Windows-1252; name it with --encoding"
        raise FileUnreadable(file=path.name, problem=f"its text is {known}")
    name, bad = (chosen.name, chosen.bad) if chosen is not None else ("utf-8", 0)
    return SourceFile(path, name, digest.hexdigest(), size, path.name, bad)


def _examine_sheet(path: Path, sheet: str | None, most_bytes: int) -> SourceFile:
    """Turn a sheet into text; two files with the same cells are the same file, however they were packed."""
    kept = tempfile.TemporaryDirectory(prefix="primepos-")
    text = Path(kept.name) / "sheet.csv"
    with _told(path), text.open("wb") as into:
        write_as_csv(path, into, sheet)
    found = examine(text, "utf-8", most_bytes)
    return SourceFile(text, "utf-8", found.sha256, found.size, path.name, is_sheet=True, _kept=kept)


def _choose(guesses: list[_Guess]) -> _Guess | None:
    """Return UTF-8 where a few bytes of it are spoilt, else the first encoding without a fault, else none."""
    if guesses and _is_spoilt_utf8(guesses[0]):
        return guesses[0]
    return next((guess for guess in guesses if not guess.bad), None)


def _is_spoilt_utf8(guess: _Guess) -> bool:
    return guess.name.startswith("utf-8") and 0 < guess.bad * _GOOD_FOR_BAD <= guess.good


def _guesses(path: Path, start: bytes, encoding: str | None) -> list[_Guess]:
    marked = [name for mark, name in _MARKS if start.startswith(mark)]
    names = [encoding] if encoding else marked[:1] or ["utf-8", "cp1252"]
    try:
        return [_Guess(name) for name in names]
    except LookupError:
        raise FileUnreadable(file=path.name, problem=f"there is no encoding {encoding}") from None


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
