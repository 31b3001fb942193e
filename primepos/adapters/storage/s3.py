"""Files in a bucket that speaks S3: Amazon's, or any other at AWS_S3_ENDPOINT_URL."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from primepos.adapters.storage.store import (
    S3_SCHEME,
    BadStorageAddress,
    StorageNotConfigured,
    StorageUnavailable,
    StoredFile,
    StoredFileNotFound,
    check_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from primepos.core.settings import Settings

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.IGNORECASE)
_MISSING = {"404", "NoSuchKey", "NotFound"}
# Ten thousand parts are the most S3 takes: files of up to 156 GiB.
_PART_BYTES = 16 << 20
_MEMORY_BYTES = 8 << 20


class S3Store:
    """The files of a bucket below a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        """``client`` is boto3's."""
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def of(cls, address: str, settings: Settings) -> S3Store:
        """Return the store at ``s3://bucket/prefix`` with the credentials of the AWS_* settings; see ``open_store``."""
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise BadStorageAddress(address=address, problem="it is not s3://bucket/prefix")
        key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
        if key is None or secret is None:
            raise StorageNotConfigured(where=address, problem="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
        try:
            import boto3  # type: ignore[import-untyped]  # no types are published
            from botocore.config import Config  # type: ignore[import-untyped]  # no types are published
        except ImportError:
            raise StorageNotConfigured(
                where=address, problem="boto3 is not installed", hint="pip install 'primepos[s3]'"
            ) from None
        client = boto3.session.Session().client(
            "s3",
            aws_access_key_id=key.reveal(),
            aws_secret_access_key=secret.reveal(),
            region_name=settings.aws_s3_region_name,
            endpoint_url=settings.aws_s3_endpoint_url,
            config=Config(connect_timeout=10, read_timeout=60, retries={"max_attempts": 5, "mode": "standard"}),
        )
        return cls(client, match["bucket"], match["prefix"] or "")

    @property
    def where(self) -> str:
        """The bucket and the prefix."""
        return f"{S3_SCHEME}{self._bucket}/{self._prefix}".rstrip("/")

    def put(self, name: str, pieces: Iterable[bytes]) -> StoredFile:
        """Write a new file from its pieces, in parts as they come: a file appears when its last part is in.

        When the pieces raise, the parts that were sent are given up, so the bucket keeps and charges for nothing.
        """
        from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]  # no types are published

        key = self._key(name)
        with self._told(name):
            if any(each.name == name for each in self.files()):
                raise StorageUnavailable(where=self.where, problem=f"{name} is there already")
            # Without threads: the parts are read from one stream, and an error in it is raised here.
            transfer = TransferConfig(
                multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False
            )
            source = _Joined(pieces)
            self._client.upload_fileobj(source, self._bucket, key, Config=transfer)
            found = self._client.head_object(Bucket=self._bucket, Key=key)
            if found["ContentLength"] != source.given:
                self.delete(name)
                raise StorageUnavailable(where=self.where, problem=f"{name} arrived with another length")
            return StoredFile(name, found["ContentLength"], found["LastModified"])

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Give the file to read; it is fetched whole first, so a network that breaks off is noticed before."""
        with tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES) as local:
            with self._told(name):
                self._client.download_fileobj(self._bucket, self._key(name), local)
            local.seek(0)
            yield cast("BinaryIO", local)

    def files(self) -> list[StoredFile]:
        """Return what is there, by name; what lies deeper than the prefix is left out."""
        found: list[StoredFile] = []
        with self._told(""):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
            )
            for page in pages:
                found += [
                    StoredFile(name, each["Size"], each["LastModified"])
                    for each in page.get("Contents", ())
                    if (name := each["Key"].removeprefix(self._prefix))
                ]
        return sorted(found, key=lambda each: each.name)

    def part(self, name: str, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start``, or from the end where that is negative; fewer of a shorter file."""
        wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{start + size - 1}"
        with self._told(name):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), Range=wanted)
            return cast("bytes", answer["Body"].read())[:size]

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        with self._told(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._prefix}{check_name(name)}"

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Turn boto's errors into ours; their text may hold the request, never the secret."""
        from boto3.exceptions import Boto3Error  # type: ignore[import-untyped]  # no types are published
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # no types are published

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if name and code in _MISSING:
                raise StoredFileNotFound(name=name, where=self.where) from error
            raise StorageUnavailable(where=self.where, problem=code or "it refused") from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(where=self.where, problem=type(error).__name__) from error


class _Joined(io.RawIOBase):
    """Pieces as a stream that is read as much at a time as the reader likes; ``given`` counts its bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._rest = b""
        self.given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end only, as the uploader expects of a part."""
        wanted = None if size is None or size < 0 else size
        parts, have = [self._rest], len(self._rest)
        while wanted is None or have < wanted:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            have += len(piece)
        joined = b"".join(parts)
        cut = len(joined) if wanted is None else wanted
        given, self._rest = joined[:cut], joined[cut:]
        self.given += len(given)
        return given
