"""F20: the process that migrates is killed before and after every call it makes to the database.

Whatever was left, running it again completes: no manual step, no lock held, no index in name only. The change migrated
is that of tests/adapters/channel_revisions.py: column, constraint, table, concurrent index, backfill, validation.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos.adapters import migration_files, migration_steps, migrations
from primepos.adapters.migration_indexes import InvalidIndex
from primepos.adapters.migrations import Told
from primepos.domain.sales.service import book_sale
from tests.adapters.channel_revisions import a_channel_for_sales
from tests.factories import a_shop, basket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.embedded.cluster import Cluster

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is forked for each death")

CI_DEATHS = 5
SALES = 12
# A process of its own that migrates by a copy of the migrations.
MIGRATE = """
import pathlib, sys
from primepos.adapters import migration_files, migrations
migration_files.script_location = lambda: pathlib.Path(sys.argv[2])
migrations.upgrade(sys.argv[1])
"""
LEFT = """
SELECT (SELECT version_num FROM alembic_version),
       (SELECT count(*) FROM sales WHERE channel = 'till'),
       (SELECT count(*) FROM installation WHERE name LIKE 'backfill%%'),
       (SELECT count(*) FROM pg_index WHERE NOT indisvalid),
       (SELECT convalidated FROM pg_constraint WHERE conname = 'sales_channel_check'),
       (SELECT indisvalid FROM pg_index WHERE indexrelid = 'sales_channel_idx'::regclass),
       has_column_privilege('primepos_system', 'sales', 'channel', 'UPDATE')
"""


class Death:
    """Counts the driver's calls of this process, and kills it at one of them."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        """Die at call ``at``, before or after it is made; None only counts."""
        self.calls = 0
        self._at, self._after = at, after

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand around everything that talks to the server."""
        patch.setattr(psycopg.Cursor, "execute", self._around(psycopg.Cursor.execute))
        patch.setattr(psycopg.Connection, "commit", self._around(psycopg.Connection.commit))

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            number = self.calls
            if number == self._at and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*args, **kwargs)
            if number == self._at and self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the migrations with the change."""
    made = tmp_path_factory.mktemp("migrations") / "migrations"
    a_channel_for_sales(made, batch=5)
    return made


@pytest.fixture
def change(location: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Migrate by that copy; the newest revision."""
    monkeypatch.setattr(migration_files, "script_location", lambda: location)
    return migrations.head()


@pytest.fixture
def shops(make_app: Callable[..., Any], cluster: Cluster, fresh_database: str) -> Iterator[Callable[[], str]]:
    """Give a database with two shops that have sold, a new one each time; it replaces the one before."""
    app = make_app(fresh_database)
    for _ in range(2):
        shop = a_shop(app)
        for _ in range(SALES // 2):
            app.run(book_sale, shop.cashier, basket(shop))
    app.database.dispose()
    template = fresh_database.rpartition("/")[2]
    name = f"killed_{os.getpid()}"

    def again() -> str:
        cluster.drop_database(name)
        cluster.create_database(name, template)
        return cluster.owner_url(name)

    yield again
    cluster.drop_database(name)


def migrate_and_die(url: str, death: Death) -> bool:
    """Migrate in a child process that may be killed on the way; tell whether it was."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            death.install(patch)
            code = 0
            try:
                migrations.upgrade(url)
            except BaseException:  # noqa: BLE001  the child must never return into the test runner
                code = 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}, f"the child failed by itself: {code}"
    return code == -signal.SIGKILL


def assert_completes(url: str, newest: str) -> None:
    """Run it again and look at everything it was to do."""
    migrations.upgrade(url)
    with psycopg.connect(url) as connection:
        locks = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
        assert locks == (0,)
        connection.execute("SET LOCAL ROLE primepos_system")
        assert connection.execute(LEFT).fetchone() == (newest, SALES, 0, 0, True, True, False)
    assert migrations.upgrade(url) == []


def calls_of(url: str) -> int:
    """Count the calls of a run that nobody kills."""
    death = Death()
    with pytest.MonkeyPatch.context() as patch:
        death.install(patch)
        migrations.upgrade(url)
    return death.calls


def sweep(shops: Callable[[], str], newest: str, points: Callable[[int], list[tuple[int, bool]]]) -> None:
    for number, after in points(calls_of(shops())):
        url = shops()
        assert migrate_and_die(url, Death(number, after=after))
        try:
            assert_completes(url, newest)
        except BaseException as error:
            error.add_note(f"killed {'after' if after else 'before'} call {number}")
            raise


@pytest.mark.slow
def test_a_migration_killed_at_a_call_completes_when_it_is_run_again(shops, change):
    def spread(total: int) -> list[tuple[int, bool]]:
        assert total > 50
        return [((each * 2 + 1) * total // (CI_DEATHS * 2), bool(each % 2)) for each in range(CI_DEATHS)]

    sweep(shops, change, spread)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_migration_killed_at_any_call_completes_when_it_is_run_again(shops, change):
    sweep(shops, change, lambda total: [(each, after) for each in range(1, total + 1) for after in (False, True)])


def wait_until(url: str, sql: str, *parameters: object) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(sql, parameters).fetchone() != (True,):  # type: ignore[call-overload]  # our own
            assert time.monotonic() < deadline, sql
            threading.Event().wait(0.05)


def test_killed_while_the_server_builds_an_index_leaves_no_lock_and_a_rerun_clears_up(shops, change, location):
    url = shops()
    database = url.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(url) as holder:
        # An index waits for the end of every older transaction.
        migrations.upgrade(url, f"{int(change) - 3:04d}")
        holder.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")
        process = subprocess.Popen([sys.executable, "-c", MIGRATE, url, str(location)], stderr=subprocess.DEVNULL)
        wait_until(
            url,
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
            " AND query LIKE 'CREATE INDEX CONCURRENTLY%%')",
            database,
        )
        process.kill()
        process.wait()
        # The server notices by itself that nobody is there any more.
        wait_until(
            url,
            "SELECT NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = %s)",
            database,
        )
        holder.rollback()
    removed: list[InvalidIndex] = []
    migrations.upgrade(url, told=Told(removed=removed.append))
    assert removed == [InvalidIndex("sales_channel_idx", "sales")]
    assert_completes(url, change)


def test_killed_between_two_batches_goes_on_behind_the_last(shops, change, location):
    url = shops()
    killed = "told=migrations.Told(progress=lambda now: os.kill(os.getpid(), 9))"
    program = "import os\n" + MIGRATE.replace("sys.argv[1])", f"sys.argv[1], {killed})")
    ended = subprocess.run([sys.executable, "-c", program, url, str(location)], check=False, stderr=subprocess.DEVNULL)
    assert ended.returncode == -signal.SIGKILL
    heard: list[migration_steps.Progress] = []
    migrations.upgrade(url, told=Told(progress=heard.append))
    assert [each.seen for each in heard] == [10, 12]
    assert_completes(url, change)
