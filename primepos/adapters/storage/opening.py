"""How the address of a place for files is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from primepos.adapters.storage.disk import DiskStore
from primepos.adapters.storage.s3 import S3Store
from primepos.adapters.storage.store import S3_SCHEME, BadStorageAddress

if TYPE_CHECKING:
    from primepos.adapters.storage.store import FileStore
    from primepos.core.settings import Settings


def own_place(settings: Settings, folder: str) -> str:
    """Return the address of this installation's ``folder``: in its bucket where AWS_* name one, else on its disk."""
    if settings.aws_access_key_id is not None and settings.aws_storage_bucket_name:
        return f"{S3_SCHEME}{settings.aws_storage_bucket_name}/{folder}"
    return str(settings.data_dir / folder)


def open_store(address: str, settings: Settings) -> FileStore:
    """Return the store at a directory or at ``s3://bucket/prefix``; nothing is reached or made yet.

    Raises:
        BadStorageAddress: it is neither. StorageNotConfigured: credentials or the extra ``s3`` are missing.
    """
    if address.lower().startswith(S3_SCHEME):
        return S3Store.of(address, settings)
    if "://" in address:
        raise BadStorageAddress(address=address.split("://", 1)[0] + "://...", problem="its scheme is not known")
    return DiskStore(Path(address))
