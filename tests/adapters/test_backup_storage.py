"""Places for files: a directory, and a bucket of somebody else's S3; the same promises for both."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from primepos.adapters.backup import places, reading
from primepos.adapters.backup.making import make_backup
from primepos.adapters.storage.disk import DiskStore
from primepos.adapters.storage.opening import open_store
from primepos.adapters.storage.s3 import S3Store
from primepos.adapters.storage.store import (
    BadStorageAddress,
    FileStore,
    StorageNotConfigured,
    StorageUnavailable,
    StoredFileNotFound,
)
from primepos.core.clock import FrozenClock
from primepos.core.settings import load_settings
from tests.adapters.backup_world import KEY
from tests.conftest import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from primepos.core.settings import Settings

SECRET = "never-shown-in-an-error-0123456789"
PART = 16 << 20


@pytest.fixture(scope="session")
def bucket() -> Iterator[tuple[str, S3Store]]:
    """The endpoint of moto's S3, over real HTTP, and a bucket there."""
    from moto.server import ThreadedMotoServer  # seconds to import

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    made = open_store("s3://shop-backups", settings_with(endpoint))
    assert isinstance(made, S3Store)
    made._client.create_bucket(Bucket="shop-backups", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield endpoint, made
    server.stop()


def settings_with(endpoint: str | None) -> Settings:
    given = {"PRIMEPOS_ENV": "test", "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x"}
    if endpoint is not None:
        given |= {
            "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_STORAGE_BUCKET_NAME": "shop-backups",
            "AWS_S3_REGION_NAME": "eu-central-1",
            "AWS_S3_ENDPOINT_URL": endpoint,
        }
    return load_settings(given, component="cli")


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "disk":
        return DiskStore(tmp_path / "backups")
    _, whole = request.getfixturevalue("bucket")
    return S3Store(whole._client, "shop-backups", f"{os.urandom(4).hex()}/main")


def read(store: FileStore, name: str) -> bytes:
    with store.open(name) as source:
        return source.read()


def breaking(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise RuntimeError("the dump ended in an error")


def test_what_was_put_is_there_whole(store: FileStore) -> None:
    assert store.files() == []
    put = store.put("one.bin", [b"ab", b"", b"cd" * 5000])
    assert (put.name, put.size) == ("one.bin", 10_002)
    assert read(store, "one.bin") == b"ab" + b"cd" * 5000
    store.put("zero.bin", [])
    assert [(each.name, each.size) for each in store.files()] == [("one.bin", 10_002), ("zero.bin", 0)]
    assert store.part("one.bin", 0, 3) == b"abc"
    assert store.part("one.bin", -2, 2) == b"cd"
    store.delete("one.bin")
    store.delete("one.bin")
    assert [each.name for each in store.files()] == ["zero.bin"]


def test_a_file_of_several_parts_arrives_whole(store: FileStore) -> None:
    piece = os.urandom(1 << 20)
    store.put("large.bin", (piece for _ in range(18)))
    assert store.files()[0].size == 18 << 20 > PART
    assert read(store, "large.bin") == piece * 18


@pytest.mark.parametrize("first", [b"x" * 10, b"x" * (PART + 5)], ids=["small", "in parts"])
def test_when_the_pieces_break_off_nothing_is_left(store: FileStore, first: bytes) -> None:
    with pytest.raises(RuntimeError, match="ended in an error"):
        store.put("torn.bin", breaking(first))
    assert store.files() == []
    if isinstance(store, S3Store):
        assert "Uploads" not in store._client.list_multipart_uploads(Bucket="shop-backups")
    else:
        assert list(store.directory.iterdir()) == []


def test_a_file_is_never_overwritten(store: FileStore) -> None:
    store.put("one.bin", [b"first"])
    with pytest.raises(StorageUnavailable, match="there already"):
        store.put("one.bin", [b"second"])
    assert read(store, "one.bin") == b"first"


def test_a_missing_file_is_told(store: FileStore) -> None:
    store.put("one.bin", [b"x"])
    with pytest.raises(StoredFileNotFound):
        read(store, "two.bin")
    with pytest.raises(StoredFileNotFound):
        store.part("two.bin", 0, 1)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a\\b", "a\nb"])
def test_a_name_leads_nowhere_else(store: FileStore, name: str) -> None:
    with pytest.raises(BadStorageAddress):
        store.put(name, [b"x"])


def test_files_on_disk_are_their_owners_alone(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "backups")
    store.put("one.bin", [b"x"])
    assert stat.S_IMODE((tmp_path / "backups").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "backups" / "one.bin").stat().st_mode) == 0o600


def test_what_a_killed_writer_left_is_swept_and_a_living_ones_draft_is_not(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    left = tmp_path / ".old.bin.0000.part"
    left.write_bytes(b"half")

    def pieces() -> Iterator[bytes]:
        yield b"one"
        assert not left.exists()
        store.put("two.bin", [b"two"])
        yield b"more"

    store.put("one.bin", pieces())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.bin", "two.bin"]
    assert read(store, "one.bin") == b"onemore"


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match="cannot be used"):
        DiskStore(tmp_path / "file" / "backups").put("one.bin", [b"x"])


def test_a_bucket_without_credentials_is_a_matter_of_settings() -> None:
    with pytest.raises(StorageNotConfigured, match="AWS_ACCESS_KEY_ID"):
        open_store("s3://shop-backups/main", settings_with(None))


@pytest.mark.parametrize("address", ["s3://", "s3:///x", "s3://UPPER CASE/x", "https://example.org/x", "ftp://x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadStorageAddress):
        open_store(address, settings_with("http://127.0.0.1:1"))


def test_a_missing_bucket_is_told_and_the_secret_is_not(bucket: tuple[str, S3Store]) -> None:
    store = open_store("s3://nobodys-bucket/main", settings_with(bucket[0]))
    with pytest.raises(StorageUnavailable, match="NoSuchBucket") as refused:
        store.files()
    assert SECRET not in repr(refused.value) + str(refused.value.data)


def test_a_store_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    store = open_store("s3://shop-backups/main", settings_with(endpoint))
    store._client.meta.config.retries = {"total_max_attempts": 1}
    with pytest.raises(StorageUnavailable, match="EndpointConnectionError"):
        store.files()


def test_a_backup_goes_into_a_bucket_and_is_found_and_verified_there(
    bucket: tuple[str, S3Store], fresh_database: str
) -> None:
    settings = settings_with(bucket[0])
    assert places.own_place(settings) == "s3://shop-backups/backups"
    store = places.store_at("s3://shop-backups/of/the-shop", settings)
    made = make_backup(fresh_database, store, KEY, clock=FrozenClock(NOON))
    (kept,) = reading.kept_in(store)
    assert (kept.name, kept.problem, kept.created_at) == (made.name, None, NOON)
    for text, place in (("latest", store.where), (f"{store.where}/{made.name}", None)):
        found, name = places.find_file(text, place, settings)
        assert (found.where, name) == (store.where, made.name)
    assert sum(reading.verify(found, name, KEY).trailer.rows.values()) == made.rows
    with places.at_hand(store, made.name) as here:
        assert isinstance(here, DiskStore)
        assert [(each.name, each.size) for each in here.files()] == [(made.name, made.size)]
        whole = read(here, made.name)
    assert not here.directory.exists()
    store.put("torn.ppbackup", [whole[:-1]])
    assert {each.name: each.problem for each in reading.kept_in(store)} == {
        made.name: None,
        "torn.ppbackup": "it ends too early",
    }
