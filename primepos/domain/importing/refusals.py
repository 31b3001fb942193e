"""Rows that could not be taken, kept with the reason so that they can be mended and fed again."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from primepos.domain.importing.tables import ERROR_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import IO, Any

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Refusal(NamedTuple):
    """One row that was not taken: its number in the file, a stable code, what is wrong in words, and its cells."""

    row: int
    code: str
    problem: str
    cells: Sequence[str]


class RefusalFile:
    """Writes refusals as CSV, made when the first one comes; three columns of ours, then the original ones.

    Cells that a spreadsheet would calculate get an apostrophe, which reading takes off again.
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        self.count = 0
        self._header = header
        self._file: IO[str] | None = None
        self._writer: Any = None

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Write rows down."""
        for each in refusals:
            if self._writer is None:
                self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
                self._writer = csv.writer(self._file, lineterminator="\n")
                # A file of ours that is fed again gets its old reasons replaced.
                self._keep = [n for n, name in enumerate(self._header) if name.strip() not in ERROR_COLUMNS]
                self._writer.writerow([*ERROR_COLUMNS, *(self._header[n] for n in self._keep)])
            cells = [each.cells[n] for n in self._keep if n < len(each.cells)]
            cells += each.cells[len(self._header) :]
            self._writer.writerow([each.row, each.code, each.problem, *map(_harmless, cells)])
            self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


def _harmless(cell: str) -> str:
    text = cell.replace("\x00", "")
    if text.startswith(_FORMULA) and not _is_number(text):
        return f"'{text}"
    return text


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdigit()
