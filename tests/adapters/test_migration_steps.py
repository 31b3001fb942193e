"""Steps in a shop that is open: rows of all tenants change in batches, indexes grow beside sales, all is resumed."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos import __version__
from primepos.adapters import (
    migration_connections,
    migration_contracts,
    migration_files,
    migration_steps,
    migrations,
)
from primepos.adapters.migration_errors import ContractTooEarly, MigrationStopped
from primepos.adapters.migration_indexes import InvalidIndex, drop_invalid_indexes
from primepos.adapters.migration_lint import lint
from primepos.adapters.migration_rules import Severity
from primepos.adapters.migration_sql import parse
from primepos.adapters.migrations import Drift, Told
from primepos.domain.sales.service import book_sale
from tests.adapters.channel_revisions import EXPAND, HEADER, a_channel_for_sales, copy_migrations, write
from tests.factories import a_shop, basket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from primepos.core.operations import App


@pytest.fixture
def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The revisions of a change, in a copy of the migrations that this test migrates by."""
    location = tmp_path / "migrations"
    made = a_channel_for_sales(location, batch=4)
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    return made


@pytest.fixture
def shops(make_app: Callable[..., App], fresh_database: str) -> App:
    """Three tenants with five sales each, in a database of the test's own."""
    app = make_app(fresh_database)
    for _ in range(3):
        shop = a_shop(app)
        for _ in range(5):
            app.run(book_sale, shop.cashier, basket(shop))
    app.database.dispose()
    return app


def ask(url: str, sql: str, *parameters: Any, role: str = "primepos_system") -> Sequence[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute(f"SET LOCAL ROLE {role}")  # type: ignore[arg-type]  # a test's own SQL
        return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]  # as above


def test_the_change_itself_breaks_no_rule(tmp_path, channel):
    report = lint(location=tmp_path / "migrations")
    assert [
        str(each) for each in report.at_least(Severity.MEDIUM) if each.path.startswith("migrations/versions/2026-12")
    ] == []


def test_rows_of_every_tenant_change_and_the_owner_alone_would_change_none(fresh_database, shops, channel):
    migrations.upgrade(fresh_database, channel[1])
    with psycopg.connect(fresh_database) as owner:
        assert owner.execute("UPDATE sales SET channel = 'owner'").rowcount == 0
    assert ask(fresh_database, "SELECT channel, count(*) FROM sales GROUP BY 1") == [(None, 15)]

    migrations.upgrade(fresh_database)

    found = ask(fresh_database, "SELECT tenant_id, channel, count(*) FROM sales GROUP BY 1, 2 ORDER BY 1")
    assert [(told, number) for _, told, number in found] == [("till", 5)] * 3
    assert ask(fresh_database, "SELECT convalidated FROM pg_constraint WHERE conname = 'sales_channel_check'") == [
        (True,)
    ]
    assert ask(fresh_database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'sales_channel_idx'::regclass") == [
        (True,)
    ]
    # The right to change sales was lent for the backfill, and where it was is forgotten.
    assert ask(fresh_database, "SELECT has_column_privilege('primepos_system', 'sales', 'channel', 'UPDATE')") == [
        (False,)
    ]
    assert ask(fresh_database, "SELECT name FROM installation WHERE name LIKE 'backfill%%'") == []


def test_each_batch_is_a_transaction_of_its_own_and_progress_is_told(fresh_database, shops, channel):
    migrations.upgrade(fresh_database, channel[1])
    heard: list[tuple[int, int]] = []
    seen_by_others: list[int] = []

    def progress(now: migration_steps.Progress) -> None:
        heard.append((now.seen, now.changed))
        seen_by_others.append(ask(fresh_database, "SELECT count(channel) FROM sales")[0][0])

    migrations.upgrade(fresh_database, told=Told(progress=progress))

    assert heard == [(4, 4), (8, 8), (12, 12), (15, 15)]
    assert seen_by_others == [4, 8, 12, 15]


def test_a_backfill_that_was_stopped_goes_on_behind_its_last_batch(fresh_database, shops, channel):
    migrations.upgrade(fresh_database, channel[1])

    class Killed(Exception):
        pass

    def die(now: migration_steps.Progress) -> None:
        if now.seen == 8:
            raise Killed

    with pytest.raises(Killed):
        migrations.upgrade(fresh_database, told=Told(progress=die))
    ((kept,),) = ask(fresh_database, "SELECT value FROM installation WHERE name LIKE 'backfill%%'")
    assert json.loads(kept)["seen"] == 8
    assert migrations.current(fresh_database) == channel[1]

    heard: list[int] = []
    migrations.upgrade(fresh_database, told=Told(progress=lambda now: heard.append(now.seen)))

    assert heard == [12, 15]
    assert ask(fresh_database, "SELECT count(*) FROM sales WHERE channel IS NULL") == [(0,)]
    assert migrations.current(fresh_database) == channel[3]


def test_ctrl_c_in_the_middle_of_a_batch_stops_cleanly_and_it_goes_on_later(
    fresh_database, shops, channel, monkeypatch
):
    migrations.upgrade(fresh_database, channel[1])
    real = migration_steps._Backfill._remember

    def interrupted(self: migration_steps._Backfill, told: dict[str, Any]) -> None:
        real(self, told)
        if told["seen"] == 8:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migration_steps._Backfill, "_remember", interrupted)
        with pytest.raises(KeyboardInterrupt):
            migrations.upgrade(fresh_database)
    assert ask(fresh_database, "SELECT count(channel) FROM sales") == [(4,)]

    migrations.upgrade(fresh_database)
    assert ask(fresh_database, "SELECT count(channel) FROM sales") == [(15,)]


def test_a_row_that_is_held_for_a_moment_is_waited_out_in_smaller_batches(fresh_database, shops, channel, monkeypatch):
    migrations.upgrade(fresh_database, channel[1])
    monkeypatch.setattr(migration_connections, "LOCK_TIMEOUT", "30ms")
    monkeypatch.setattr(migration_steps, "SMALLEST_BATCH", 2)
    tries: list[float] = []
    heard: list[int] = []
    with psycopg.connect(fresh_database) as blocker:
        blocker.execute("GRANT UPDATE (channel) ON sales TO primepos_system")
        blocker.commit()
        blocker.execute("SET ROLE primepos_system")
        blocker.execute("SELECT 1 FROM sales ORDER BY tenant_id, id LIMIT 1 FOR UPDATE")

        def let_go(seconds: float) -> None:
            tries.append(seconds)
            if len(tries) == 2:
                blocker.rollback()

        monkeypatch.setattr(migration_steps.time, "sleep", let_go)
        migrations.upgrade(fresh_database, told=Told(progress=lambda now: heard.append(now.seen)))

    assert len(tries) >= 2
    assert heard[0] == 2
    assert ask(fresh_database, "SELECT count(*) FROM sales WHERE channel IS NULL") == [(0,)]


def test_an_index_whose_building_broke_off_is_reported_removed_and_built(fresh_database, shops, channel):
    migrations.upgrade(fresh_database, channel[0])
    with psycopg.connect(fresh_database) as holder, psycopg.connect(fresh_database, autocommit=True) as other:
        holder.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")
        other.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("CREATE INDEX CONCURRENTLY sales_channel_idx ON sales (tenant_id, channel)")
    problem = "sales_channel_idx on sales was never finished and serves nobody"
    assert Drift("index", problem) in migrations.verify(fresh_database)
    removed: list[InvalidIndex] = []

    migrations.upgrade(fresh_database, told=Told(removed=removed.append))

    assert removed == [InvalidIndex("sales_channel_idx", "sales")]
    ((definition,),) = ask(fresh_database, "SELECT pg_get_indexdef('sales_channel_idx'::regclass)")
    assert definition.endswith("(tenant_id, channel) WHERE (kind = 'sale'::text)")
    assert [each for each in migrations.verify(fresh_database) if each.what == "index"] == []


def test_an_index_that_somebody_else_is_building_is_left_alone(fresh_database, cluster):
    # Another role's work is hidden in the view of progress.
    theirs = cluster.admin_url(fresh_database.rpartition("/")[2])

    def build() -> None:
        with psycopg.connect(theirs, autocommit=True) as other:
            other.execute("CREATE INDEX CONCURRENTLY theirs_idx ON sales (tenant_id, receipt)")

    building = threading.Thread(target=build)
    holder = psycopg.connect(fresh_database)
    try:
        holder.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")
        building.start()
        # It is there, not finished, and waits for the holder.
        while ask(fresh_database, "SELECT to_regclass('theirs_idx') IS NULL") == [(True,)]:
            assert building.is_alive()
            threading.Event().wait(0.02)
        found = [each for each in migrations.verify(fresh_database) if each.what == "index"]
        with migrations.connected(fresh_database) as connection:
            dropped = drop_invalid_indexes(connection)
    finally:
        holder.close()
        building.join()
    assert (found, dropped) == ([], [])
    assert ask(fresh_database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'theirs_idx'::regclass") == [(True,)]


def test_an_unfinished_index_that_the_runner_did_not_see_is_not_taken_for_the_finished_one(
    fresh_database, shops, channel, monkeypatch
):
    migrations.upgrade(fresh_database, channel[0])
    with psycopg.connect(fresh_database) as holder, psycopg.connect(fresh_database, autocommit=True) as other:
        holder.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")
        other.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("CREATE INDEX CONCURRENTLY sales_channel_idx ON sales (tenant_id)")
    monkeypatch.setattr(migrations, "drop_invalid_indexes", lambda _connection: [])

    migrations.upgrade(fresh_database, channel[1])

    assert ask(
        fresh_database,
        "SELECT indisvalid, indnatts FROM pg_index WHERE indexrelid = 'sales_channel_idx'::regclass",
    ) == [(True, 2)]


def test_a_step_that_fails_says_that_what_came_before_stays(fresh_database, tmp_path, monkeypatch):
    location = copy_migrations(tmp_path / "migrations")
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    before = migrations.current(fresh_database)
    body = 'def upgrade():\n    add_index("x_idx", "sales (no_such_column)")\n\n\ndef downgrade():\n    pass\n'
    revision = write(location, "index nothing", body)

    with pytest.raises(MigrationStopped) as refusal:
        migrations.upgrade(fresh_database)

    assert refusal.value.data["revision"] == revision
    assert "no_such_column" in refusal.value.data["problem"]
    assert migrations.current(fresh_database) == before


def test_limits_of_the_runner_hold_again_after_a_step(fresh_database, tmp_path, monkeypatch):
    location = copy_migrations(tmp_path / "migrations")
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    body = (
        'def upgrade():\n    add_index("x_idx", "sales (tenant_id, sold_at)")\n'
        "    op.execute(\"CREATE TABLE limits AS SELECT current_setting('lock_timeout') AS l,"
        " current_setting('statement_timeout') AS s\")\n\n\ndef downgrade():\n    pass\n"
    )
    write(location, "look at the limits", body)
    migrations.upgrade(fresh_database)
    with psycopg.connect(fresh_database) as owner:
        assert owner.execute("SELECT * FROM limits").fetchall() == [("2s", "5s")]


def test_the_sql_of_a_plan_does_the_same_work(fresh_database, shops, channel):
    script = "".join(sql for _, sql in migration_files.sql_steps(migrations.current(fresh_database)))
    assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS sales_channel_idx" in script
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        for statement in parse(script):
            connection.execute(statement.text)  # type: ignore[call-overload]  # a migration's own SQL
    assert ask(fresh_database, "SELECT channel, count(*) FROM sales GROUP BY 1") == [("till", 15)]
    assert migrations.current(fresh_database) == channel[3]
    assert migrations.upgrade(fresh_database) == []


# --- contracts -------------------------------------------------------------------------------------------------------

CONTRACT = HEADER.replace("Phase: {phase}\nRelease: 0.2.0", "Phase: contract\nRelease: 9.2.0\nUnused since: 9.1.0")
DROPS = """
def upgrade():
    op.execute("ALTER TABLE products DROP COLUMN grams")


def downgrade():
    op.execute("SELECT 1")
"""


@pytest.fixture
def contract(tmp_path, monkeypatch):
    """An expand and a contract that are both pending, as when a release was left out."""
    location = copy_migrations(tmp_path / "migrations")
    before = write(location, "another table", EXPAND)
    made = write(location, "drop it", DROPS, header=CONTRACT)
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    return before, made


def test_a_contract_waits_until_the_release_that_stopped_using_it_was_deployed(fresh_database, contract, monkeypatch):
    _, made = contract
    at = migrations.current(fresh_database)
    with pytest.raises(ContractTooEarly) as refusal:
        migrations.upgrade(fresh_database, while_serving=True)
    assert refusal.value.data == {"revision": made, "since": "9.1.0", "running": __version__}
    assert migrations.current(fresh_database) == at
    assert ask(fresh_database, "SELECT to_regclass('channels') IS NULL") == [(True,)]

    # The release before is deployed: it applies the expand only.
    monkeypatch.setattr(migration_contracts, "__version__", "9.1.0")
    migrations.upgrade(fresh_database, contract[0], while_serving=True)
    monkeypatch.setattr(migration_contracts, "__version__", "9.2.0")
    assert [each.revision for each in migrations.upgrade(fresh_database, while_serving=True)] == [made]


def test_a_release_without_migrations_counts_as_deployed_and_going_back_to_one_before_does_not(
    fresh_database, contract, monkeypatch
):
    monkeypatch.setattr(migration_contracts, "__version__", "9.1.0")
    migrations.upgrade(fresh_database, contract[0], while_serving=True)
    monkeypatch.setattr(migration_contracts, "__version__", "9.0.0")
    assert migrations.upgrade(fresh_database, contract[0], while_serving=True) == []
    monkeypatch.setattr(migration_contracts, "__version__", "9.2.0")
    with pytest.raises(ContractTooEarly):
        migrations.upgrade(fresh_database, while_serving=True)


def test_a_shop_whose_processes_are_stopped_skips_a_release(fresh_database, contract):
    assert [each.revision for each in migrations.upgrade(fresh_database)] == list(contract)
