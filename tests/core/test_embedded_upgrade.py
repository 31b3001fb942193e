"""Moving the embedded PostgreSQL to a newer major version: data, roles and rights survive, and the old data stay."""

from __future__ import annotations

import pytest

from primepos.core.embedded import (
    EmbeddedPostgresFailed,
    PostgresBinariesMissing,
    PostgresMajorMismatch,
    data_major,
)
from primepos.core.embedded.place import Place
from tests.core.embedded_world import Process, World, installed_majors, rows

MAJORS = installed_majors()
OLD, NEW = (MAJORS[0], MAJORS[-1]) if MAJORS else (None, None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        len(MAJORS) < 2 or not MAJORS[-1].tool("pg_upgrade").exists(), reason="one major, or no pg_upgrade"
    ),
]


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture
def aged(world):
    """A cluster of the oldest major on this machine, with a shop in it, that was not shut down in order."""
    cluster = world.cluster(binaries=OLD, settings={"synchronous_commit": "on"})
    cluster.ensure_running()
    cluster.create_database("shop")
    rows(cluster.owner_url("shop"), "CREATE TABLE sales AS SELECT n, 'Ä' || n AS name FROM generate_series(1, 1000) n")
    rows(cluster.owner_url("shop"), "CREATE ROLE primepos_app NOLOGIN")
    rows(cluster.owner_url("shop"), "GRANT SELECT ON sales TO primepos_app")
    cluster.stop("immediate")
    return cluster


def test_an_upgrade_keeps_data_roles_rights_and_passwords_and_the_old_data(world, aged):
    url = aged.owner_url("shop")
    aged.stop("immediate")
    cluster = world.cluster(binaries=NEW)
    with pytest.raises(PostgresMajorMismatch):
        cluster.ensure_running()
    done = cluster.upgrade(OLD)
    assert (done.from_major, done.to_major) == (OLD.version_major, NEW.version_major)
    assert data_major(done.old_data) == OLD.version_major
    info = cluster.ensure_running()
    assert (info.version_major, info.was_started, data_major(info.pgdata)) == (
        NEW.version_major,
        False,
        NEW.version_major,
    )
    assert cluster.owner_url("shop").partition("@")[0] == url.partition("@")[0]
    assert rows(cluster.owner_url("shop"), "SELECT count(*), sum(n), max(name) FROM sales") == [(1000, 500500, "Ä999")]
    assert rows(cluster.owner_url("shop"), "SELECT has_table_privilege('primepos_app', 'sales', 'SELECT')") == [(True,)]
    assert rows(cluster.admin_url("shop"), "SELECT reltuples::int FROM pg_class WHERE relname = 'sales'") == [(1000,)]
    assert cluster.upgrade(OLD) is None
    stray = done.old_data.with_name("pgdata-99")
    stray.mkdir()
    (stray / "PG_VERSION").write_text("99\n")
    assert cluster.discard_old() == [done.old_data]
    assert cluster.discard_old() == []
    assert stray.is_dir(), "only older data are an upgrade's leavings"
    assert rows(cluster.owner_url("shop"), "SELECT count(*) FROM sales") == [(1000,)]
    cluster.destroy()
    assert not done.old_data.exists()


@pytest.mark.long
def test_an_upgrade_that_was_killed_between_its_renames_is_finished_by_the_next_start(world, aged, monkeypatch):
    def killed(place):
        if place.upgraded.is_dir() and not place.pgdata.exists():
            raise KeyboardInterrupt

    cluster = world.cluster(binaries=NEW)
    with monkeypatch.context() as patch:
        patch.setattr(Place, "finish_upgrade", killed)
        pgdata = aged.status().pgdata
        with pytest.raises(KeyboardInterrupt):
            cluster.upgrade(OLD)
        assert not pgdata.exists()
    assert cluster.ensure_running().version_major == NEW.version_major
    assert rows(cluster.owner_url("shop"), "SELECT count(*) FROM sales") == [(1000,)]


UPGRADE = """
from primepos.core.embedded import find_binaries
cluster._binaries = find_binaries(Path(sys.argv[3]))
cluster.upgrade(find_binaries(Path(sys.argv[4])))
"""


@pytest.mark.long
def test_an_upgrade_that_is_killed_while_it_copies_is_begun_again(world, aged):
    aged.stop()
    upgraded = aged.data_dir / "pgdata.upgraded" / "PG_VERSION"
    process = Process(UPGRADE, world.home(), world.system_dir, NEW.bin_dir, OLD.bin_dir)
    while not upgraded.exists():
        assert process._popen.poll() is None, process._popen.stdout.read()
    process.kill()
    cluster = world.cluster(binaries=NEW)
    assert data_major(aged.data_dir / "pgdata") == OLD.version_major
    while True:
        # pg_upgrade itself outlives who started it, and nobody gets in its way before it ends.
        try:
            done = cluster.upgrade(OLD)
        except EmbeddedPostgresFailed:
            continue
        break
    assert (done.from_major, done.to_major) == (OLD.version_major, NEW.version_major)
    assert rows(cluster.owner_url("shop"), "SELECT count(*), max(name) FROM sales") == [(1000, "Ä999")]


@pytest.mark.long
def test_an_upgrade_that_fails_leaves_the_old_data_in_use(world, aged):
    rows(aged.admin_url("shop"), "CREATE TABLE wont_move (place regcollation)")
    aged.stop()
    cluster = world.cluster(binaries=NEW)
    with pytest.raises(EmbeddedPostgresFailed, match="could not be upgraded") as failed:
        cluster.upgrade(OLD)
    assert "reg" in failed.value.data["log"]
    assert not list(aged.data_dir.glob("pgdata?*"))
    assert aged.ensure_running().version_major == OLD.version_major
    assert rows(aged.owner_url("shop"), "SELECT count(*) FROM sales") == [(1000,)]


def test_neither_a_server_in_use_nor_newer_data_are_upgraded(world, aged):
    aged.ensure_running()
    with pytest.raises(EmbeddedPostgresFailed, match="in use"):
        world.cluster(binaries=NEW).upgrade(OLD)
    assert aged.status().state == "running"
    newer = world.cluster("newer", binaries=NEW)
    newer.ensure_running()
    newer.stop()
    with pytest.raises(PostgresMajorMismatch):
        world.cluster("newer", binaries=OLD).upgrade(NEW)
    assert newer.ensure_running().was_started


def test_without_programs_of_the_old_version_nothing_is_done(world, aged):
    pgdata = aged.status().pgdata
    (pgdata / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresBinariesMissing, match="PostgreSQL 12"):
        world.cluster(binaries=NEW).upgrade()
    (pgdata / "PG_VERSION").write_text(f"{OLD.version_major}\n")
    assert aged.ensure_running().was_started
