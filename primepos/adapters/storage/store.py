"""What a place for files can do, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from primepos.core.errors import BadConfiguration, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

S3_SCHEME = "s3://"


class StoredFileNotFound(NotFound):
    """The store holds no file of this name."""

    code = "STORED_FILE_NOT_FOUND"
    template = "There is no file {name} in {where}"


class StorageUnavailable(Unavailable):
    """The store does not answer, refuses, or has no room; nothing half-written is left under a file's name."""

    code = "STORAGE_UNAVAILABLE"
    template = "The store {where} cannot be used: {problem}"


class StorageNotConfigured(BadConfiguration):
    """A bucket was named, and what it takes to reach one is missing."""

    code = "STORAGE_NOT_CONFIGURED"
    template = "{where} cannot be used: {problem}"


class BadStorageAddress(InvalidInput):
    """The address is neither a directory nor a bucket."""

    code = "BAD_STORAGE_ADDRESS"
    template = "{address!r} is no place for files: {problem}"
    hint = "Give a directory, or s3://bucket/prefix."


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a store; ``size`` in bytes."""

    name: str
    size: int
    modified_at: datetime


class FileStore(Protocol):
    """A flat place for files. A file is there whole or not at all."""

    @property
    def where(self) -> str:
        """The address of the place, as it was given."""
        ...

    def put(self, name: str, pieces: Iterable[bytes]) -> StoredFile:
        """Write a new file from its pieces; when they raise, or the store fails, nothing of it stays.

        Raises:
            StorageUnavailable: it could not be written, or a file of that name is there.
        """
        ...

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Give the file to read from its beginning.

        Raises:
            StoredFileNotFound: there is none. StorageUnavailable: it cannot be read.
        """
        ...

    def part(self, name: str, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start``, or from the end where that is negative; fewer of a shorter file.

        Raises:
            StoredFileNotFound: there is none. StorageUnavailable: it cannot be read.
        """
        ...

    def files(self) -> list[StoredFile]:
        """Return what is there, by name; an empty or missing place has none. Raises StorageUnavailable."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error. Raises StorageUnavailable."""
        ...


def check_name(name: str) -> str:
    """Return the name of a file if it is one and nothing more. Raises BadStorageAddress."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        raise BadStorageAddress(address=name, problem="a file's name has no directory in it")
    return name
