"""The figures of several processes behind one port, in files of one directory.

Each process writes files of its own; whichever is asked adds up all of them. What a process counted stays counted when
it has ended, so its files stay, too. Many of them are drawn together into one, or a service whose processes keep dying
would fill the disk and take ever longer to be asked.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import multiprocess
from prometheus_client.mmap_dict import MmapedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
MOST_ENDED: Final = 16
# Sums, whichever process they come from. Gauges of a process that has ended are dropped instead.
_SUMMED: Final = ("counter", "histogram")


class _State:
    """The processes that have ended and whose files are still their own."""

    ended: tuple[int, ...] = ()


def are_shared() -> bool:
    """Whether this process shares its figures with others; decided before the first metric is made."""
    return DIRECTORY in os.environ


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """Let the processes started in the block keep their figures where each can add up those of all."""
    with tempfile.TemporaryDirectory(prefix="primepos-metrics-", ignore_cleanup_errors=True) as place:
        os.environ[DIRECTORY] = place
        _State.ended = ()
        try:
            yield
        finally:
            del os.environ[DIRECTORY]


def forget_process(pid: int | None) -> None:
    """Drop the gauges of a process that has ended; what it counted stays counted. For the process that started it."""
    if pid is None or not are_shared():
        return
    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library leaves it without
    _State.ended = (*_State.ended, pid)
    if len(_State.ended) >= MOST_ENDED:
        draw_together(Path(os.environ[DIRECTORY]), _State.ended)
        _State.ended = ()


def draw_together(place: Path, ended: Iterable[int]) -> None:
    """Add what these processes counted to one file of each kind, and delete theirs.

    Between the one and the other, a moment, both are there: who asks just then is told too much, once.
    """
    pids = tuple(ended)
    for kind in _SUMMED:
        kept = place / f"{kind}_ended.db"
        files = [file for pid in pids if (file := place / f"{kind}_{pid}.db").exists()]
        sums: dict[str, float] = {}
        for file in [*files, *([kept] if kept.exists() else [])]:
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]  # as above
                sums[key] = sums.get(key, 0.0) + value
        if not sums:
            continue
        # Not by a name that is read before it is whole.
        made = place / f"{kind}_ended.new"
        made.unlink(missing_ok=True)
        whole = MmapedDict(str(made))  # type: ignore[no-untyped-call]  # as above
        for key, value in sums.items():
            whole.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]  # as above
        whole.close()  # type: ignore[no-untyped-call]  # as above
        made.replace(kept)
        for file in files:
            with suppress(OSError):
                file.unlink()
