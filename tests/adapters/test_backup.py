"""Backups on a real PostgreSQL: whole or refused, secret, restored equal, never at the cost of what is in service."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest

from primepos.adapters.backup import facts, filling, places, reading, restoring
from primepos.adapters.backup.errors import (
    BackupDamaged,
    BackupFailed,
    BackupIncomplete,
    BackupKeyWrong,
    BackupNotFound,
    BackupRunning,
    BackupToolMissing,
    NoBackupPlace,
    NothingToUndo,
    RestoreNotEqual,
    RestoreNotPossible,
    RestoreTargetInUse,
    RestoreTargetNotEmpty,
)
from primepos.adapters.backup.filling import Source, database_of
from primepos.adapters.backup.making import make_backup
from primepos.adapters.migration_errors import DatabaseUnreachable
from primepos.adapters.storage.disk import DiskStore
from primepos.core.clock import FrozenClock
from primepos.core.embedded import PostgresBinariesMissing, find_binaries
from primepos.core.settings import load_settings
from primepos.domain.sales.service import book_sale
from tests.adapters.backup_world import (
    KEY,
    OTHER_KEY,
    a_sold_database,
    app_on,
    as_owner,
    audit_in,
    databases,
    flip_a_byte,
    read_as,
    stand_in,
)
from tests.conftest import NOON
from tests.factories import assert_books_hold, basket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.adapters.backup.making import Made
    from primepos.core.embedded.cluster import Cluster

pytestmark = pytest.mark.skipif(os.name != "posix", reason="stand-ins for programs are shell scripts")
CLOCK = FrozenClock(NOON)
ROOT = Path(__file__).resolve().parents[2]


class World:
    """A database that was backed up once, and what is needed to look at it; nobody changes it."""

    def __init__(self, cluster: Cluster, template: str, home: Path) -> None:
        self.cluster, self.home = cluster, home
        self.url, self.shops = a_sold_database(cluster, template, home / "data")
        self.name = filling.database_of(self.url)
        self.store = DiskStore(home / "backups")
        self.made: Made = make_backup(self.url, self.store, KEY, clock=CLOCK)
        self.audit = audit_in(home / "data")

    def source(self, **changed: Any) -> Source:
        return Source(**{"store": self.store, "name": self.made.name, "key": KEY, **changed})

    def sales(self, url: str | None = None) -> list[tuple[Any, ...]]:
        return read_as(url or self.url, "primepos_system", "SELECT id, receipt, total, hash FROM sales ORDER BY 1")


@pytest.fixture(scope="module")
def world(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(cluster, template, tmp_path_factory.mktemp("backups"))
    yield made
    for name in databases(cluster, made.name):
        cluster.drop_database(name)


@pytest.fixture
def target(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"target_{os.urandom(4).hex()}"
    cluster.create_database(name)
    yield cluster.owner_url(name)
    for each in databases(cluster, name):
        cluster.drop_database(each)


# --- making ----------------------------------------------------------------------------------------------------------


def test_a_backup_is_one_private_file_that_tells_what_it_is(world: World) -> None:
    (kept,) = reading.kept_in(world.store)
    assert (kept.name, kept.size, kept.problem) == (world.made.name, world.made.size, None)
    assert kept.header is not None
    assert (kept.header.database, kept.header.revision, kept.header.created_at) == (
        world.name,
        world.made.revision,
        NOON,
    )
    path = world.store.directory / kept.name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"Apple" not in path.read_bytes()


def test_every_tenants_rows_are_in_it_counted_in_the_very_snapshot_that_was_dumped(world: World) -> None:
    with reading.opened(world.store, world.made.name, KEY) as source:
        trailer = source.drained()
    assert trailer.rows["public.sales"] == 6
    assert trailer.rows["public.tenants"] == 2
    assert trailer.roles == ["primepos_app", "primepos_search", "primepos_system"]
    assert [(each.kind, each.owner) for each in trailer.foreign] == [("FUNCTION", "primepos_search")]
    found = reading.verify(world.store, world.made.name, KEY)
    assert found.trailer == trailer
    assert found.entries > len(trailer.rows)


def test_a_policy_that_would_hide_rows_means_no_backup_at_all(fresh_database: str, tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "backups")
    as_owner(fresh_database, "DROP POLICY sales_system ON sales")
    with pytest.raises(BackupIncomplete, match=r"hides rows of public\.sales from primepos_system"):
        make_backup(fresh_database, store, KEY, clock=CLOCK)
    as_owner(fresh_database, "CREATE POLICY sales_system ON sales TO primepos_system USING (tenant_id > 1)")
    with pytest.raises(BackupIncomplete, match=r"public\.sales"):
        make_backup(fresh_database, store, KEY, clock=CLOCK)
    as_owner(fresh_database, "ALTER POLICY sales_system ON sales USING (true)")
    as_owner(fresh_database, "CREATE POLICY narrow ON payments AS RESTRICTIVE FOR SELECT USING (tenant_id > 1)")
    with pytest.raises(BackupIncomplete, match=r"public\.payments"):
        make_backup(fresh_database, store, KEY, clock=CLOCK)
    as_owner(fresh_database, "DROP POLICY narrow ON payments")
    as_owner(fresh_database, "REVOKE SELECT ON registers FROM primepos_system")
    with pytest.raises(BackupIncomplete, match=r"may not read public\.registers"):
        make_backup(fresh_database, store, KEY, clock=CLOCK)
    assert store.files() == []
    as_owner(fresh_database, "GRANT SELECT ON registers TO primepos_system")
    assert make_backup(fresh_database, store, KEY, clock=CLOCK).rows > 0


def test_a_login_that_may_not_see_everything_or_has_no_schema_is_refused(
    cluster: Cluster, world: World, target: str, tmp_path: Path
) -> None:
    as_owner(cluster.admin_url(), "DROP ROLE IF EXISTS nosy_login")
    as_owner(cluster.admin_url(), "CREATE ROLE nosy_login LOGIN PASSWORD 'x'")
    store = DiskStore(tmp_path / "backups")
    with pytest.raises(BackupIncomplete, match="may not act as primepos_system"):
        make_backup(cluster.connection_url(world.name, "nosy_login", "x"), store, KEY, clock=CLOCK)
    with pytest.raises(BackupIncomplete, match="no schema of PrimePOS"):
        make_backup(target, store, KEY, clock=CLOCK)
    with pytest.raises(DatabaseUnreachable):
        make_backup(cluster.owner_url("no_such_database"), store, KEY, clock=CLOCK)
    assert store.files() == []


def test_a_dump_that_ends_in_an_error_leaves_no_file(world: World, tmp_path: Path) -> None:
    programs = stand_in(tmp_path / "bin", "pg_dump", 'head -c 3000000 /dev/urandom; echo "disk gone" >&2; exit 3')
    store = DiskStore(tmp_path / "backups")
    with pytest.raises(BackupFailed, match="pg_dump failed: disk gone"):
        make_backup(world.url, store, KEY, clock=CLOCK, pg_bin=programs)
    assert list(store.directory.iterdir()) == []


def test_a_server_that_hangs_up_in_the_middle_leaves_no_file(
    cluster: Cluster, fresh_database: str, tmp_path: Path
) -> None:
    name = database_of(fresh_database)

    class Cut(DiskStore):
        def put(self, file: str, pieces: Any) -> Any:
            def cut() -> Iterator[bytes]:
                yield next(pieces)
                as_owner(
                    cluster.admin_url(),
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                )
                yield from pieces

            return super().put(file, cut())

    with pytest.raises((BackupFailed, DatabaseUnreachable)):
        make_backup(fresh_database, Cut(tmp_path), KEY, clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_in_no_argument_and_no_variable(world: World, tmp_path: Path) -> None:
    told = tmp_path / "told"
    programs = stand_in(
        tmp_path / "bin",
        "pg_dump",
        f"""
        printf '%s\\n' "$@" > "{told}"; env >> "{told}"
        stat -c %a "$PGPASSFILE" > "{told}.mode"; cp "$PGPASSFILE" "{told}.pass"
        exec "$REAL" "$@"
        """,
    )
    make_backup(world.url, DiskStore(tmp_path / "backups"), KEY, clock=CLOCK, pg_bin=programs)
    password = psycopg.conninfo.conninfo_to_dict(world.url)["password"]
    assert password not in told.read_text()
    assert KEY.reveal() not in told.read_text()
    assert (tmp_path / "told.pass").read_text() == f"*:*:*:*:{password}\n"
    assert (tmp_path / "told.mode").read_text() == "600\n"
    passfile = next(line for line in told.read_text().splitlines() if line.startswith("PGPASSFILE="))
    assert not Path(passfile.partition("=")[2]).exists()


def test_a_pg_dump_older_than_the_server_is_refused_by_name(world: World, tmp_path: Path) -> None:
    programs = stand_in(tmp_path / "bin", "pg_dump", "exit 1", version="14.9")
    with pytest.raises(BackupToolMissing, match=r"PostgreSQL 1[5-8] or newer was found; looked in .*14\.9"):
        make_backup(world.url, DiskStore(tmp_path / "backups"), KEY, clock=CLOCK, pg_bin=programs)


def test_two_backups_of_one_database_never_run_at_once(world: World, tmp_path: Path) -> None:
    class Meeting(DiskStore):
        def put(self, name: str, pieces: Any) -> Any:
            with pytest.raises(BackupRunning):
                make_backup(world.url, DiskStore(tmp_path / "second"), KEY, clock=CLOCK)
            return super().put(name, pieces)

    make_backup(world.url, Meeting(tmp_path / "first"), KEY, clock=CLOCK)
    assert DiskStore(tmp_path / "second").files() == []
    make_backup(world.url, DiskStore(tmp_path / "second"), KEY, clock=CLOCK)


# --- looking ---------------------------------------------------------------------------------------------------------


def test_one_flipped_byte_is_noticed_before_anything_is_restored(
    world: World, cluster: Cluster, tmp_path: Path
) -> None:
    whole = (world.store.directory / world.made.name).read_bytes()
    damaged = DiskStore(tmp_path)
    damaged.put("x.ppbackup", [whole])
    flip_a_byte(tmp_path / "x.ppbackup", len(whole) // 2)
    assert reading.kept_in(damaged)[0].problem is None, "only reading it to its end can tell"
    with pytest.raises(BackupDamaged, match="was changed"):
        reading.verify(damaged, "x.ppbackup", KEY)
    source = world.source(store=damaged, name="x.ppbackup")
    for act in (restoring.drill, restoring.restore_in_place):
        with pytest.raises(BackupDamaged):
            act(world.url, source, audit=world.audit, clock=CLOCK)
    assert databases(cluster, world.name) == [world.name]


def test_a_large_backup_is_verified_although_pg_restore_lists_it_from_its_beginning(
    fresh_database: str, tmp_path: Path
) -> None:
    more = "SELECT 'large', string_agg(md5(n::text), '') FROM generate_series(1, 150000) n"
    as_owner(fresh_database, f"INSERT INTO installation (name, value) {more}")
    store = DiskStore(tmp_path)
    made = make_backup(fresh_database, store, KEY, clock=CLOCK)
    assert made.dump_bytes > 2 << 20
    assert reading.verify(store, made.name, KEY).trailer.dump_bytes == made.dump_bytes


def test_a_file_cut_short_is_listed_as_torn_and_is_never_the_latest(world: World, tmp_path: Path) -> None:
    whole = (world.store.directory / world.made.name).read_bytes()
    store = DiskStore(tmp_path / "backups")
    store.put("a.ppbackup", [whole])
    store.put("b.ppbackup", [whole[:-100]])
    store.put("c.ppbackup", [b"something else"])
    store.put("d.txt", [b"not ours"])
    problems = {each.name: each.problem for each in reading.kept_in(store)}
    assert problems == {
        "a.ppbackup": None,
        "b.ppbackup": "it ends too early",
        "c.ppbackup": "it does not begin like a backup of PrimePOS",
    }
    settings = load_settings({"PRIMEPOS_ENV": "test", "DATABASE_URL": world.url}, component="cli")
    assert places.find_file("latest", str(store.directory), settings)[1] == "a.ppbackup"
    assert places.find_file(str(store.directory / "b.ppbackup"), None, settings)[1] == "b.ppbackup"
    for missing in ("e.ppbackup", str(tmp_path / "latest")):
        with pytest.raises(BackupNotFound):
            places.find_file(missing, str(store.directory), settings)
    with pytest.raises(NoBackupPlace):
        places.find_file("latest", None, settings)


def test_another_key_opens_nothing(world: World) -> None:
    with pytest.raises(BackupKeyWrong):
        reading.verify(world.store, world.made.name, OTHER_KEY)
    with pytest.raises(BackupNotFound):
        reading.verify(world.store, "none.ppbackup", KEY)


# --- restoring -------------------------------------------------------------------------------------------------------


def test_a_copy_beside_is_equal_and_its_walls_stand(world: World, cluster: Cluster) -> None:
    name = f"{world.name}_beside"
    done = restoring.restore_beside(world.url, name, world.source(), audit=world.audit, clock=CLOCK)
    url = cluster.owner_url(name)
    assert (done.database, done.rows, done.migrated, done.aside) == (name, world.made.rows, [], None)
    assert world.sales(url) == world.sales()
    one, two = world.shops
    for shop in (one, two):
        seen = read_as(url, "primepos_app", "SELECT DISTINCT tenant_id FROM sales", tenant=shop.tenant_id)
        assert seen == [(shop.tenant_id,)]
    assert read_as(url, "primepos_app", "SELECT count(*) FROM sales") == [(0,)]
    assert as_owner(url, "SELECT count(*) FROM sales") == [(0,)]
    found = read_as(url, "primepos_app", "SELECT name FROM primepos_search_products('bre', 5)", tenant=one.tenant_id)
    assert found == [("Bread",)]
    with app_on(url, world.home / "data") as app:
        for shop in world.shops:
            assert app.run(book_sale, shop.cashier, basket(shop)).number == 1, "it can be worked with"
            assert_books_hold(app, shop)
    assert facts.last_backup(url) == NOON
    with pytest.raises(RestoreTargetNotEmpty):
        restoring.restore_beside(world.url, name, world.source(), audit=world.audit, clock=CLOCK)
    cluster.drop_database(name)


@pytest.mark.long
@pytest.mark.parametrize("dump_format", ["plain", "directory"])
def test_other_formats_are_verified_and_restored_as_well(world: World, target: str, dump_format: Any) -> None:
    made = make_backup(world.url, world.store, KEY, clock=CLOCK, dump_format=dump_format, jobs=2)
    try:
        assert reading.verify(world.store, made.name, KEY).entries >= made.tables
        restoring.restore_into(target, world.source(name=made.name, jobs=2), audit=world.audit, clock=CLOCK)
    finally:
        world.store.delete(made.name)
    assert world.sales(target) == world.sales()


def test_what_is_in_service_goes_aside_only_when_that_was_said_and_comes_back(
    world: World, cluster: Cluster, template: str, tmp_path: Path
) -> None:
    url, _ = a_sold_database(cluster, template, tmp_path, sales=1)
    name = filling.database_of(url)
    before = world.sales(url)
    act = {"audit": world.audit, "clock": CLOCK}
    with pytest.raises(NothingToUndo):
        restoring.undo(url, clock=CLOCK)
    with pytest.raises(RestoreTargetNotEmpty):
        restoring.restore_in_place(url, world.source(), **act)
    with psycopg.connect(url, application_name="a till"):
        with pytest.raises(RestoreTargetInUse, match="a till"):
            restoring.restore_in_place(url, world.source(), replace=True, **act)
        assert databases(cluster, name) == [name]
        done = restoring.restore_in_place(url, world.source(), replace=True, disconnect=True, **act)
    assert done.aside == f"{name}_before_20260302t120000z"
    assert databases(cluster, name) == [name, done.aside]
    assert world.sales(url) == world.sales()
    assert world.sales(cluster.owner_url(done.aside)) == before
    back, aside = restoring.undo(url, clock=CLOCK)
    assert back == done.aside
    assert world.sales(url) == before
    assert restoring.standing_aside(url) == [aside]
    restoring.drop_aside(url, aside)
    with pytest.raises(NothingToUndo):
        restoring.drop_aside(url, name)
    assert databases(cluster, name) == [name]
    cluster.drop_database(name)


def test_an_empty_database_is_replaced_without_a_word_and_not_kept_by_one_restore_at_a_time(
    world: World, cluster: Cluster, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_TURN_TIMEOUT", "10ms")

    def meanwhile(_url: str) -> list[str]:
        with pytest.raises(BackupRunning):
            restoring.undo(target, clock=CLOCK)
        return []

    done = restoring.restore_in_place(target, world.source(), audit=meanwhile, clock=CLOCK)
    assert (done.aside, databases(cluster, done.database)) == (None, [done.database])
    assert world.sales(target) == world.sales()


def test_a_copy_that_is_not_equal_or_whose_books_do_not_hold_is_not_put_in_service(
    world: World, cluster: Cluster, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading.opened(world.store, world.made.name, KEY) as source:
        trailer = source.drained()
        header = source.header
    more = msgspec.structs.replace(trailer, rows={**trailer.rows, "public.sales": 7})
    with pytest.raises(RestoreNotEqual, match=r"public\.sales has 6 rows, not 7"):
        filling.fill(target, world.source(), header, more)
    with pytest.raises(RestoreNotEqual, match="the books do not hold"):
        restoring.restore_in_place(
            world.url, world.source(), audit=lambda _: ["the books do not hold"], clock=CLOCK, replace=True
        )
    assert databases(cluster, world.name) == [world.name]
    name = f"{world.name}_accepted"
    source = world.source(accepts_problems=True)
    done = restoring.restore_beside(world.url, name, source, audit=lambda _: ["they do not hold"], clock=CLOCK)
    assert done.problems == ["they do not hold"]
    cluster.drop_database(name)


@pytest.mark.long
def test_a_schema_that_was_not_quite_as_it_should_be_keeps_nobody_from_the_data(
    world: World, target: str, tmp_path: Path
) -> None:
    restoring.restore_into(target, world.source(), audit=world.audit, clock=CLOCK)
    as_owner(target, "CREATE INDEX somebodys_own_idx ON sales (total)")
    store = DiskStore(tmp_path)
    made = make_backup(target, store, KEY, clock=CLOCK)
    done = restoring.drill(target, Source(store, made.name, KEY), audit=world.audit, clock=CLOCK)
    assert len(done.problems) == 1
    assert "somebodys_own_idx" in done.problems[0]
    as_owner(target, "ALTER TABLE sales NO FORCE ROW LEVEL SECURITY")
    made = make_backup(target, store, KEY, clock=CLOCK)
    with pytest.raises(RestoreNotEqual, match="sales"):
        restoring.drill(target, Source(store, made.name, KEY), audit=world.audit, clock=CLOCK)


def test_a_backup_of_a_newer_release_or_a_newer_server_is_refused(
    world: World, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading.opened(world.store, world.made.name, KEY) as source:
        trailer, header = source.drained(), source.header
    newer = msgspec.structs.replace(header, server="99.1")
    with pytest.raises(RestoreNotPossible, match=r"PostgreSQL 99\.1"):
        filling.fill(target, world.source(), newer, trailer)
    foreign = msgspec.structs.replace(trailer, roles=[*trailer.roles, "reporting"])
    with pytest.raises(RestoreNotPossible, match="the role reporting"):
        filling.fill(target, world.source(), header, foreign)
    monkeypatch.setattr(filling, "revisions", lambda *_: [])
    with pytest.raises(RestoreNotPossible, match="this release does not know"):
        world.source().checked()
    assert as_owner(target, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


RESTORE = """
import sys
from pathlib import Path
from primepos.adapters.backup import restoring
from primepos.adapters.storage.disk import DiskStore
from primepos.core.clock import SystemClock
from primepos.core.settings import Secret
url, place, name, key, programs = sys.argv[1:]
source = restoring.Source(DiskStore(Path(place)), name, Secret(key), Path(programs))
restoring.restore_in_place(url, source, audit=lambda _: [], clock=SystemClock(), replace=True)
"""


def test_a_restore_that_is_killed_leaves_what_is_in_service_and_the_next_one_tidies_up(
    world: World, cluster: Cluster, tmp_path: Path
) -> None:
    reached = tmp_path / "reached"
    # It stops in the middle of its input, with tables already made.
    programs = stand_in(
        tmp_path / "bin",
        "pg_restore",
        f'case " $* " in *" --list "*) exec "$REAL" "$@";; esac\necho here > "{reached}"; exec sleep 600',
    )
    arguments = [world.url, str(world.store.directory), world.made.name, KEY.reveal(), str(programs)]
    process = subprocess.Popen([sys.executable, "-c", RESTORE, *arguments], cwd=ROOT, start_new_session=True)
    while not reached.exists():
        assert process.poll() is None
        threading.Event().wait(0.02)
    process.kill()
    process.wait()
    os.killpg(process.pid, signal.SIGKILL)
    left = databases(cluster, f"{world.name}_restoring")
    assert len(left) == 1
    assert world.sales() == world.sales(world.url) != []
    done = restoring.drill(world.url, world.source(), audit=world.audit, clock=CLOCK)
    assert (done.rows, done.tables) == (world.made.rows, world.made.tables)
    assert databases(cluster, world.name) == [world.name]


@pytest.mark.long
def test_a_backup_of_the_oldest_server_is_restored_on_the_newest(world: World, tmp_path: Path) -> None:
    from primepos.adapters import migrations
    from tests.core.embedded_world import World as Servers

    try:
        old = find_binaries(major=15)
    except PostgresBinariesMissing:
        pytest.skip("no PostgreSQL 15 on this machine")
    servers = Servers()
    try:
        cluster = servers.cluster(binaries=old)
        cluster.ensure_running()
        cluster.create_database("template")
        migrations.upgrade(cluster.owner_url("template"))
        url, _ = a_sold_database(cluster, "template", tmp_path)
        store = DiskStore(tmp_path / "backups")
        made = make_backup(url, store, KEY, clock=CLOCK)
        source = Source(store, made.name, KEY)
        name = f"{world.name}_from_15"
        restoring.restore_beside(world.url, name, source, audit=world.audit, clock=CLOCK)
        assert world.sales(world.cluster.owner_url(name)) == world.sales(url)
        world.cluster.drop_database(name)
        assert restoring.drill(url, source, audit=world.audit, clock=CLOCK).rows == made.rows
    finally:
        servers.close()


@pytest.mark.long
def test_a_byte_flipped_in_a_table_is_noticed_by_the_backup_and_no_file_is_made(tmp_path: Path) -> None:
    from primepos.adapters import migrations
    from tests.core.embedded_world import World as Servers

    servers = Servers()
    try:
        cluster = servers.cluster()
        pgdata = cluster.ensure_running().pgdata
        cluster.create_database("template")
        migrations.upgrade(cluster.owner_url("template"))
        url, _ = a_sold_database(cluster, "template", tmp_path)
        store = DiskStore(tmp_path / "backups")
        good = make_backup(url, store, KEY, clock=CLOCK)
        name = database_of(url)
        (path,) = as_owner(cluster.admin_url(name), "SELECT pg_relation_filepath('sale_lines')")[0]
        cluster.stop()
        flip_a_byte(pgdata / path, -100)
        with pytest.raises(BackupFailed, match=r"pg_dump failed: .*invalid page in block"):
            make_backup(cluster.owner_url(name), store, KEY, clock=CLOCK)
        assert [each.name for each in store.files()] == [good.name]
    finally:
        servers.close()
