"""Files in a directory: written beside their name, synced, then renamed, readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from primepos.adapters.storage.store import StorageUnavailable, StoredFile, StoredFileNotFound, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PART = ".part"


class DiskStore:
    """A directory, made with mode 0700 when something is first put there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()

    @property
    def where(self) -> str:
        """The directory."""
        return str(self.directory)

    def put(self, name: str, pieces: Iterable[bytes]) -> StoredFile:
        """Write a new file from its pieces; see :class:`primepos.adapters.storage.store.FileStore`."""
        path = self.directory / check_name(name)
        with self._told():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists():
                raise StorageUnavailable(where=self.where, problem=f"{name} is there already")
            self._sweep()
            draft = path.with_name(f".{name}.{secrets.token_hex(4)}{_PART}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as stream:
                    _hold(stream.fileno())
                    for piece in pieces:
                        stream.write(piece)
                    stream.flush()
                    os.fsync(stream.fileno())
                    draft.rename(path)
                _sync_directory(self.directory)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
            return _stored(path)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Give the file to read from its beginning."""
        path = self.directory / check_name(name)
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            raise StoredFileNotFound(name=name, where=self.where) from None
        except OSError as error:
            raise StorageUnavailable(where=self.where, problem=_reason(error)) from error
        with stream:
            yield stream

    def part(self, name: str, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start``, or from the end where that is negative; fewer of a shorter file."""
        with self.open(name) as stream, self._told():
            whole = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, whole + start) if start < 0 else start)
            return stream.read(size)

    def files(self) -> list[StoredFile]:
        """Return what is there, by name; drafts and directories are left out."""
        with self._told():
            if not self.directory.is_dir():
                return []
            found = (path for path in self.directory.iterdir() if path.is_file() and not path.name.startswith("."))
            return sorted((_stored(path) for path in found), key=lambda each: each.name)

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        with self._told():
            (self.directory / check_name(name)).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove drafts whose writers were killed: a living one holds a lock on its own."""
        for draft in self.directory.glob(f".*{_PART}"):
            with contextlib.suppress(OSError), draft.open("rb") as stream:
                if _hold(stream.fileno()):
                    draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageUnavailable(where=self.where, problem=_reason(error)) from error


def _stored(path: Path) -> StoredFile:
    found = path.stat()
    return StoredFile(path.name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _reason(error: OSError) -> str:
    return error.strerror or error.__class__.__name__


if sys.platform == "win32":

    def _hold(_descriptor: int) -> bool:
        # An open file cannot be removed there: the removal itself tells whether its writer lives.
        return True

    def _sync_directory(_directory: Path) -> None:
        return None

else:
    import fcntl

    def _hold(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _sync_directory(directory: Path) -> None:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
