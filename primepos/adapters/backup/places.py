"""Where backups are: the place of this installation's own, and what a person means by a file."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from primepos.adapters.backup.errors import BackupNotFound, NoBackupPlace
from primepos.adapters.backup.reading import kept_in
from primepos.adapters.storage.disk import DiskStore
from primepos.adapters.storage.opening import open_store
from primepos.adapters.storage.store import S3_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.storage.store import FileStore
    from primepos.core.settings import Settings

LATEST = "latest"
_FOLDER = "backups"
_PIECE_BYTES = 1 << 20


def own_place(settings: Settings) -> str:
    """Return the address where backups of this installation go when nobody says where.

    With the AWS_* variables set that is their bucket; a database of PrimePOS's own is kept beside its data.

    Raises:
        NoBackupPlace: there is neither.
    """
    if settings.aws_access_key_id is not None and settings.aws_storage_bucket_name:
        return f"{S3_SCHEME}{settings.aws_storage_bucket_name}/{_FOLDER}"
    if settings.uses_embedded_database:
        return str(settings.data_dir / _FOLDER)
    raise NoBackupPlace


def store_at(place: str | None, settings: Settings) -> FileStore:
    """Return the store at ``place``, or the installation's own. Raises NoBackupPlace and as ``open_store``."""
    return open_store(place or own_place(settings), settings)


def find_file(text: str, place: str | None, settings: Settings) -> tuple[FileStore, str]:
    """Return the store and the name of the backup a person means.

    A path, ``s3://bucket/prefix/name``, the name of a file in ``place``, or ``latest``: the newest whole one there.

    Raises:
        BackupNotFound: there is no such file. NoBackupPlace: no place is known. Others: as ``open_store``.
    """
    if text == LATEST:
        store = store_at(place, settings)
        good = [each.name for each in kept_in(store) if each.header is not None]
        if not good:
            raise BackupNotFound(f"There is no backup in {store.where}", name=LATEST)
        return store, good[-1]
    if text.lower().startswith(S3_SCHEME):
        folder, _, name = text.rpartition("/")
        return _existing(open_store(folder, settings), name)
    path = Path(text).expanduser()
    if path.name != text or path.is_file():
        return _existing(open_store(str(path.parent), settings), path.name)
    return _existing(store_at(place, settings), text)


@contextmanager
def at_hand(store: FileStore, name: str) -> Iterator[FileStore]:
    """Give a store on this machine that holds the file, fetched once: it will be read several times.

    What is fetched is sealed, as it was.

    Raises:
        StoredFileNotFound: there is none. StorageUnavailable: it cannot be fetched, or there is no room for it here.
    """
    if isinstance(store, DiskStore):
        yield store
        return
    with tempfile.TemporaryDirectory(prefix="primepos-") as home:
        here = DiskStore(Path(home))
        with store.open(name) as source:
            here.put(name, iter(lambda: source.read(_PIECE_BYTES), b""))
        yield here


def _existing(store: FileStore, name: str) -> tuple[FileStore, str]:
    if not any(each.name == name for each in store.files()):
        raise BackupNotFound(f"There is no backup {name} in {store.where}", name=name)
    return store, name
