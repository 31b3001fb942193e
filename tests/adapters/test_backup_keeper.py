"""Backups nobody asks for: due once a night, made by another process, told when they fail, before a schema changes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos import bootstrap
from primepos.adapters import migrations
from primepos.adapters.backup import attempts, facts, keeper, schedule
from primepos.adapters.backup.attempts import Attempt, is_due, last_night
from primepos.adapters.backup.errors import NoBackupPlace
from primepos.adapters.backup.reading import kept_in
from primepos.adapters.storage.disk import DiskStore
from primepos.adapters.storage.store import StorageUnavailable
from primepos.cli.commands import till as till_command
from primepos.core.clock import FrozenClock
from primepos.core.settings import load_settings
from primepos.core.settings_keys import SHOP_KEYS, generate_value
from primepos.domain.jobs.nightly import run_chores
from tests.adapters.backup_world import read_as
from tests.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App
    from primepos.core.settings import Settings

BERLIN = timezone(timedelta(hours=1))


def a_shop_pc(data_dir: Path) -> Settings:
    """Settings of a shop on one PC."""
    keys = {name: generate_value(name) for name in SHOP_KEYS}
    given = {"PRIMEPOS_ENV": "shop", "PRIMEPOS_DATA_DIR": str(data_dir), **keys}
    return load_settings(given, component="cli")


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-03-02T09:00", True),
        ("2026-03-01T09:00", "2026-03-02T09:00", True),
        ("2026-03-02T02:00", "2026-03-02T09:00", False),
        ("2026-03-02T01:59", "2026-03-02T09:00", True),
        ("2026-03-01T23:00", "2026-03-02T01:30", False),
        ("2026-03-01T23:00", "2026-03-02T02:00", True),
        ("2026-02-01T09:00", "2026-03-02T01:30", True),
        ("2026-03-02T12:00", "2026-03-02T09:00", False),
    ],
)
def test_one_is_due_when_a_night_has_ended_since_the_last(last: str | None, now: str, due: bool) -> None:
    moment = None if last is None else datetime.fromisoformat(last).replace(tzinfo=BERLIN)
    assert is_due(moment, datetime.fromisoformat(now).replace(tzinfo=BERLIN)) is due


def test_a_night_ends_by_the_shops_own_clock() -> None:
    assert last_night(datetime(2026, 3, 2, 0, 30, tzinfo=UTC)) == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert last_night(datetime(2026, 3, 2, 0, 30, tzinfo=UTC).astimezone(timezone(timedelta(hours=2)))) == datetime(
        2026, 3, 2, 0, tzinfo=UTC
    )


def test_a_shop_makes_one_a_night_and_keeps_them_as_the_rule_says(fresh_database: str, tmp_path: Path) -> None:
    settings, clock = a_shop_pc(tmp_path), FrozenClock(NOON)
    store = DiskStore(tmp_path / "backups")
    assert schedule.due_now(settings, clock)
    made = schedule.automatic(fresh_database, settings, clock, reason="nightly")
    assert [each.name for each in kept_in(store)] == [made.name]
    assert not schedule.due_now(settings, clock)
    assert facts.last_backup(fresh_database) == NOON
    trail = read_as(
        fresh_database, "primepos_system", "SELECT operation, subject, data->>'reason' FROM system_audit_events"
    )
    assert trail == [("backup.create", f"backup:{made.name}", "nightly")]
    assert attempts.last_attempt(settings) == Attempt(at=NOON, reason="nightly", name=made.name)
    assert attempts.trouble(settings) is None
    clock.advance(timedelta(days=1))
    assert schedule.due_now(settings, clock)


def test_one_that_fails_is_told_and_not_tried_again_at_once(fresh_database: str, tmp_path: Path) -> None:
    settings, clock = a_shop_pc(tmp_path), FrozenClock(NOON)

    class Full(DiskStore):
        def put(self, name: str, pieces: Any) -> Any:
            raise StorageUnavailable(where=self.where, problem="No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "store_at", lambda *_: Full(tmp_path / "backups"))
        with pytest.raises(StorageUnavailable):
            schedule.automatic(fresh_database, settings, clock, reason="nightly")
    assert facts.last_backup(fresh_database) is None
    attempt = attempts.last_attempt(settings)
    assert attempt is not None
    assert (attempt.code, attempt.at) == ("STORAGE_UNAVAILABLE", NOON)
    assert "No space left on device" in (attempts.trouble(settings) or "")
    assert not schedule.due_now(settings, clock)
    clock.advance(timedelta(hours=1))
    assert schedule.due_now(settings, clock)
    (tmp_path / "backups" / "last-attempt.json").write_text("{torn")
    assert attempts.last_attempt(settings) is None


def test_the_till_shows_a_backup_that_failed_and_opens_all_the_same(tmp_path: Path) -> None:
    settings = a_shop_pc(tmp_path)
    shown: list[list[str]] = []
    till = SimpleNamespace(desk=SimpleNamespace(show=lambda _title, lines: shown.append(lines)))
    telling = till_command._telling(SimpleNamespace(settings=settings), lambda _progress: till)
    assert telling(None) is till
    assert shown == []
    attempts.remember_attempt(settings, Attempt(at=NOON, reason="nightly", code="X", problem="No space left"))
    assert telling(None) is till
    assert "No space left" in shown[0][0]


def test_elsewhere_nothing_is_automatic(tmp_path: Path, fresh_database: str) -> None:
    settings = load_settings(
        {"PRIMEPOS_ENV": "test", "DATABASE_URL": fresh_database, "PRIMEPOS_DATA_DIR": str(tmp_path)}, component="cli"
    )
    with keeper.keeper(settings, FrozenClock(NOON)):
        pass
    assert schedule.before_migration(fresh_database, settings, FrozenClock(NOON)) is None
    assert list(tmp_path.glob("backups*")) == []
    with pytest.raises(NoBackupPlace):
        schedule.back_up(fresh_database, settings, FrozenClock(NOON), reason="manual")


def test_a_schema_is_backed_up_before_it_changes_and_only_then(
    cluster: Cluster, fresh_database: str, tmp_path: Path
) -> None:
    settings, clock = a_shop_pc(tmp_path), FrozenClock(NOON)
    assert schedule.before_migration(fresh_database, settings, clock) is None, "nothing will change"
    head = migrations.current(fresh_database)
    migrations.downgrade(fresh_database, "0003")
    assert migrations.current(fresh_database) != head
    made = schedule.before_migration(fresh_database, settings, clock)
    assert made is not None
    assert made.revision == "0003"
    (kept,) = kept_in(DiskStore(tmp_path / "backups"))
    assert kept.header is not None
    assert kept.header.reason == "migration"
    name = f"empty_{os.urandom(3).hex()}"
    cluster.create_database(name)
    assert schedule.before_migration(cluster.owner_url(name), settings, clock) is None, "nothing is there yet"
    cluster.drop_database(name)


def test_the_nightly_job_backs_up_once_a_night(
    fresh_database: str, tmp_path: Path, make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(fresh_database)
    monkeypatch.setattr(schedule, "own_place", lambda _: str(tmp_path / "backups"))
    monkeypatch.setattr(schedule, "store_at", lambda *_: DiskStore(tmp_path / "backups"))
    chores = [schedule.chore(bootstrap.migration_url)]
    assert [run_chores(app, chores)[0].did["was_due"] for _ in range(2)] == [True, False]
    assert len(kept_in(DiskStore(tmp_path / "backups"))) == 1


def test_the_keeper_looks_at_once_and_has_it_made_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    made = threading.Event()
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        asked.append(command[1:])
        assert options["start_new_session"]
        if len(asked) == 2:
            made.set()
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(keeper.subprocess, "run", run)
    (tmp_path / "env").write_text("")
    with keeper.keeper(a_shop_pc(tmp_path), FrozenClock(NOON), env_file=tmp_path / "env"):
        assert made.wait(60)
    more = ["--env-file", str(tmp_path / "env")]
    assert asked == [
        ["-m", "primepos", "backup", "create", "--if-due", *more],
        ["-m", "primepos", "jobs", "nightly", *more],
    ]


@pytest.mark.long
def test_a_real_shop_has_its_backup_made_by_a_process_of_its_own(tmp_path: Path) -> None:
    import subprocess
    import sys

    from primepos.core.settings import write_shop_env
    from tests.core.embedded_world import World

    world = World()
    try:
        data = world.base / "shop"
        write_shop_env(data / "shop.env")
        settings = load_settings({"PRIMEPOS_ENV": "shop", "PRIMEPOS_DATA_DIR": str(data)}, component="cli")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PRIMEPOS_")},
            "PRIMEPOS_ENV": "shop",
            "PRIMEPOS_DATA_DIR": str(data),
            "PRIMEPOS_SYSTEM_DIR": str(world.system_dir),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            migrations.upgrade(bootstrap.migration_url(settings))
            assert keeper.make_apart(settings, None) == 0
            assert keeper.make_apart(settings, None) == 0
        (kept,) = kept_in(DiskStore(data / "backups"))
        assert kept.header is not None
        attempt = attempts.last_attempt(settings)
        assert msgspec.to_builtins(attempt)["name"] == kept.name
        subprocess.run([sys.executable, "-m", "primepos", "db", "stop", "--yes"], env=environment, check=True)
    finally:
        world.close()
