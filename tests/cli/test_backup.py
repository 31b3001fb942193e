"""``primepos backup`` and ``primepos restore`` as an operator types them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from primepos.adapters.backup import filling
from primepos.cli import session
from tests.adapters.backup_world import a_sold_database, databases, flip_a_byte, read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.embedded.cluster import Cluster
    from tests.cli.conftest import Ran

KEY, OLD_KEY = "new-backup-key-of-this-shop-0123456789", "old-backup-key-of-this-shop-0123456789"


@pytest.fixture(scope="module")
def sold(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url, _ = a_sold_database(cluster, template, tmp_path_factory.mktemp("data"), sales=2)
    yield url
    for name in databases(cluster, filling.database_of(url)):
        cluster.drop_database(name)


@pytest.fixture
def operating(
    sold: str, command: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Ran]]:
    """Run a command in an environment of variables, as a process would."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "DB_", "PRIMEPOS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PRIMEPOS_ENV", "test")
    monkeypatch.setenv("DATABASE_URL", sold)
    monkeypatch.setenv("PRIMEPOS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BACKUP_KEY", KEY)
    session.use_app(None)
    yield command
    session.use_app(None)


def sales(url: str) -> list[tuple[object, ...]]:
    return read_as(url, "primepos_system", "SELECT id, hash FROM sales ORDER BY 1")


def test_made_listed_verified_drilled_and_restored(
    operating: Callable[..., Ran], sold: str, cluster: Cluster, tmp_path: Path
) -> None:
    place = str(tmp_path / "stick")
    made = operating("backup", "create", "--to", place, "--json").json
    assert (made["where"], made["deleted"]) == (place, [])
    assert (tmp_path / "stick" / made["name"]).stat().st_size == made["size"]
    listed = operating("backup", "list", "--from", place, "--json").json
    assert [(each["name"], each["key"], each["problem"]) for each in listed["backups"]] == [
        (made["name"], made["key"], None)
    ]
    checked = operating("backup", "verify", "latest", "--from", place, "--drill", "--json").json
    assert (checked["ok"], checked["rows"], checked["drill"]["migrated"]) == (True, made["rows"], [])
    known = operating("backup", "record", "--drill", "2020-01-01", "--json").json
    assert known["last_backup"] is not None
    assert known["last_drill"] > "2026", "an earlier one changes nothing"
    # Each command is a process of its own; this one's pool would count as somebody who works in the database.
    session.open_app().database.dispose()
    refused = operating("restore", "latest", "--from", place, "--yes", "--json")
    assert (refused.code, refused.refusal["code"]) == (7, "RESTORE_TARGET_NOT_EMPTY")
    before = sales(sold)
    done = operating("restore", "latest", "--from", place, "--replace", "--disconnect", "--yes", "--json").json
    assert sales(sold) == before
    assert done["aside"] in databases(cluster, done["database"])
    assert done["lost_s"] >= 0
    assert operating("restore", "--list-aside", "--json").json == [{"name": done["aside"]}]
    trail = read_as(sold, "primepos_system", "SELECT operation, subject FROM system_audit_events ORDER BY id")
    assert trail[-1] == ("backup.restore", f"backup:{made['name']}")
    dropped = operating("restore", "--drop-aside", done["aside"], "--yes", "--json").json
    assert dropped == {"dropped": done["aside"]}
    assert done["aside"] not in databases(cluster, done["database"])


def test_a_backup_of_an_older_key_is_read_with_that_key(
    operating: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = str(tmp_path / "stick")
    monkeypatch.setenv("BACKUP_KEY", OLD_KEY)
    operating("backup", "create", "--to", place)
    monkeypatch.setenv("BACKUP_KEY", KEY)
    refused = operating("backup", "verify", "latest", "--from", place, "--json")
    assert (refused.code, refused.refusal["code"]) == (2, "BACKUP_KEY_WRONG")
    assert OLD_KEY not in refused.err
    assert KEY not in refused.err
    for text in (f"{OLD_KEY}\n", f"# of last year\nPIN_PEPPER=x\nBACKUP_KEY={OLD_KEY}\n"):
        (tmp_path / "old.key").write_text(text)
        good = operating(
            "backup", "verify", "latest", "--from", place, "--key-file", str(tmp_path / "old.key"), "--json"
        )
        assert good.json["ok"]
    for text in ("", "short", "two\nlines", "\udcff".encode("utf-8", "surrogateescape")):
        (tmp_path / "bad.key").write_bytes(text if isinstance(text, bytes) else text.encode())
        bad = operating(
            "backup", "verify", "latest", "--from", place, "--key-file", str(tmp_path / "bad.key"), "--json"
        )
        assert bad.refusal["code"] == "BACKUP_KEY_UNREADABLE"


def test_a_damaged_file_is_an_error_with_its_code(operating: Callable[..., Ran], tmp_path: Path) -> None:
    made = operating("backup", "create", "--to", str(tmp_path / "stick"), "--json").json
    path = tmp_path / "stick" / made["name"]
    flip_a_byte(path, -500)
    ran = operating("backup", "verify", str(path), "--json")
    assert (ran.code, ran.refusal["code"]) == (2, "BACKUP_DAMAGED")
    assert operating("restore", str(path), "--replace", "--yes", "--json").refusal["code"] == "BACKUP_DAMAGED"


def test_old_backups_go_only_when_that_was_asked_and_after_the_new_one_is_good(
    operating: Callable[..., Ran], tmp_path: Path
) -> None:
    place = str(tmp_path / "stick")
    first = operating("backup", "create", "--to", place, "--json").json["name"]
    second = operating("backup", "create", "--to", place, "--keep-daily", "1", "--json").json
    assert second["deleted"] == [first]
    assert [path.name for path in (tmp_path / "stick").iterdir()] == [second["name"]]


def test_what_cannot_be_meant_is_refused(operating: Callable[..., Ran], tmp_path: Path) -> None:
    assert operating("backup", "create", "--json").refusal["code"] == "NO_BACKUP_PLACE"
    assert (
        operating("backup", "create", "--to", "ftp://example.org/x", "--json").refusal["code"] == "BAD_STORAGE_ADDRESS"
    )
    assert operating("backup", "create", "--to", "s3://x-y-z/", "--json").refusal["code"] == "STORAGE_NOT_CONFIGURED"
    assert (
        operating("backup", "verify", "latest", "--from", str(tmp_path), "--json").refusal["code"] == "BACKUP_NOT_FOUND"
    )
    assert operating("backup", "record", "--json").code == 2
    assert operating("backup", "record", "--backup", "yesterday", "--json").code == 2
    assert operating("backup", "record", "--backup", "2999-01-01", "--json").code == 2
    assert operating("restore", "--json").code == 2
    assert operating("restore", "x.ppbackup", "--undo", "--json").code == 2
    assert operating("restore", "--undo", "--json").refusal["code"] == "CONFIRMATION_REQUIRED"
    assert operating("restore", "--undo", "--yes", "--json").refusal["code"] == "NOTHING_TO_UNDO"
