"""Locks on files that the operating system drops when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_POLL_S = 0.05

if sys.platform == "win32":
    import msvcrt

    # Windows knows no shared lock here: a shared holder takes one free byte of the range, an exclusive one all of it.
    _SLOTS = 1024

    def _try_lock(fd: int, *, shared: bool) -> bool:
        for offset in range(_SLOTS) if shared else (0,):
            os.lseek(fd, offset, os.SEEK_SET)
            with contextlib.suppress(OSError):
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1 if shared else _SLOTS)
                return True
        return False

    def _lock(fd: int, *, shared: bool) -> None:
        while not _try_lock(fd, shared=shared):
            time.sleep(_POLL_S)

else:
    import fcntl

    def _try_lock(fd: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock(fd: int, *, shared: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def take(path: Path, *, shared: bool = False, wait: bool = True, owner: tuple[int, int] | None = None) -> int | None:
    """Lock ``path`` (created 0600 if missing) and return its descriptor; ``os.close`` gives the lock back.

    Returns None when ``wait`` is false and another holder stands in the way. ``owner`` (uid, gid) is given a newly
    created file. A child that inherits the descriptor holds the lock too, so it lasts until the last of them ends.

    Raises:
        OSError: the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    while True:
        fd = os.open(path, flags, 0o600)
        try:
            if sys.platform != "win32" and owner is not None and os.fstat(fd).st_uid != owner[0]:
                os.fchown(fd, *owner)
            if wait:
                _lock(fd, shared=shared)
            elif not _try_lock(fd, shared=shared):
                os.close(fd)
                return None
            # The file may have been removed while we waited; a lock on a removed file guards nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), path.stat()):
                    return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
