"""F3: PostgreSQL itself is killed under load, with everything on that makes a commit durable.

While it is down the API refuses with 503 and says when to come again; once it is back the API sells, without being
started anew, and every sale that was acknowledged is there. This proves the death of processes, not a power cut.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from primepos.adapters import migrations
from primepos.core.embedded.binaries import find_binaries
from primepos.core.embedded.cluster import Cluster
from primepos.core.embedded.postmaster import read_pid_file
from tests.api.test_serve import environment, serve
from tests.faults.conftest import LASTING, a_house, living_app
from tests.faults.sellers import Sellers, assert_exactly_these

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

CI_ROUNDS = 2
LONG_ROUNDS = int(os.environ.get("FAULT_ROUNDS", "200"))
LATEST_S = 0.4


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of our own that waits for the disk at every commit."""
    chosen = os.environ.get("PRIMEPOS_PG_BIN")
    binaries = find_binaries(Path(chosen)) if chosen else None
    cluster = Cluster(tmp_path / "postgres", binaries, fsync=True, system_dir=tmp_path / "system")
    cluster.ensure_running(keep=False)
    yield cluster
    cluster.destroy()


def kill_postmaster(cluster: Cluster) -> None:
    """Kill the server's first process; its children notice and end."""
    claim = read_pid_file(cluster.ensure_running(keep=False).pgdata)
    assert claim is not None
    assert claim.pid is not None
    os.kill(claim.pid, signal.SIGKILL)


def kill_and_sell(cluster: Cluster, data_dir: Path, rng: Random, rounds: int) -> None:
    """Kill the database again and again under load, start it again, and look at the books at the end."""
    cluster.create_database("durable")
    url = cluster.owner_url("durable")
    migrations.upgrade(url)
    with psycopg.connect(url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
    app = living_app(url, data_dir)
    with serve(environment(url, data_dir, **LASTING)) as served:
        house = a_house(app, served.url)
        with Sellers(served.url, house, rng) as sellers:
            for _ in range(rounds):
                sellers.wait_for(rng.randint(1, 20))
                threading.Event().wait(rng.uniform(0, LATEST_S))
                down = sellers.heard["503 DATABASE_UNAVAILABLE"]
                kill_postmaster(cluster)
                sellers.wait_until(lambda heard=down: sellers.heard["503 DATABASE_UNAVAILABLE"] > heard)
                assert served.http.get("/health/").status_code == 200
                assert cluster.ensure_running(keep=False).was_started
                sellers.wait_for(4)
            assert served.http.get("/health/ready/").status_code == 200
        print(f"{rounds} rounds, {dict(sellers.heard)}")  # noqa: T201  for whoever reads a long run
        assert not sellers.problems
        assert set(sellers.heard) <= {"201", "503 DATABASE_UNAVAILABLE", "503 OUTCOME_UNKNOWN", "503 AT_CAPACITY"}
        assert_exactly_these(house, sellers.acknowledged)
    app.database.dispose()


@pytest.mark.slow
def test_acknowledged_sales_survive_a_killed_database_and_the_api_comes_back_by_itself(
    durable: Cluster, tmp_path: Path, rng: Random
) -> None:
    kill_and_sell(durable, tmp_path / "data", rng, CI_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(120 + 20 * LONG_ROUNDS)
def test_acknowledged_sales_survive_a_database_killed_again_and_again(
    durable: Cluster, tmp_path: Path, rng: Random
) -> None:
    kill_and_sell(durable, tmp_path / "data", rng, LONG_ROUNDS)
