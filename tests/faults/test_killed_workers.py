"""F1: processes of the API are killed at random moments while four tills sell.

FAULT_KILLS says how many kills the long run makes, FAULT_SEED repeats one.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from primepos.api.serving import uvicorn_config
from tests.api.test_serve import environment, serve
from tests.faults.conftest import LASTING, a_house
from tests.faults.sellers import Sellers, assert_exactly_these

if TYPE_CHECKING:
    from random import Random

    from primepos.core.operations import App
    from primepos.core.settings import Settings
    from tests.api.test_serve import Served

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes in /proc")

CI_KILLS = 10
LONG_KILLS = int(os.environ.get("FAULT_KILLS", "1000"))
LATEST_S = 0.3


def workers_of(served: Served) -> list[int]:
    """Return the processes that serve; multiprocessing has one more child, which tracks resources."""
    parent = served.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in command_of(pid)]


def command_of(pid: str) -> bytes:
    """Return a process's command line; empty where it has ended since it was listed."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def kill_and_sell(world: App, served: Served, rng: Random, kills: int) -> None:
    """Kill a process again and again, each time after a sale and a moment; then look at the books."""
    house = a_house(world, served.url)
    with Sellers(served.url, house, rng) as sellers:
        for _ in range(kills):
            sellers.wait_for(rng.randint(1, 8))
            threading.Event().wait(rng.uniform(0, LATEST_S))
            if workers := workers_of(served):
                with suppress(ProcessLookupError):
                    os.kill(rng.choice(workers), signal.SIGKILL)
        sellers.wait_for(4)
    assert not sellers.problems
    print(f"{kills} kills, {dict(sellers.heard)}")  # noqa: T201  for whoever reads a long run
    assert served.process.poll() is None
    # Each request is told once, by us, in whichever process.
    assert {"http.request"} <= {each.get("event") for each in served.log}
    assert not any(each.get("event") == "uvicorn.access" for each in served.log)
    assert_exactly_these(house, sellers.acknowledged)


@pytest.mark.slow
def test_no_sale_is_lost_or_doubled_when_processes_are_killed(
    world: App, database_url: str, tmp_path: Path, rng: Random
) -> None:
    with serve(environment(database_url, tmp_path, **LASTING), "--workers", "2") as served:
        kill_and_sell(world, served, rng, CI_KILLS)


def test_a_process_that_starts_slowly_is_not_taken_for_a_hung_one(settings: Settings) -> None:
    # With uvicorn's own five seconds a busy machine kills each process before it serves, and so for ever.
    assert uvicorn_config(None, settings).timeout_worker_healthcheck == 60


@pytest.mark.slow
def test_processes_end_when_the_one_that_started_them_is_killed(
    database_url: str, template: str, tmp_path: Path
) -> None:
    with serve(environment(database_url, tmp_path), "--workers", "2") as served:
        assert served.http.get("/health/").status_code == 200
        served.process.kill()
        # Their log ends only when the last of them has ended.
        served.ended()
        with pytest.raises(httpx.ConnectError):
            served.http.get("/health/")
    assert sum("Finished server process" in each.get("msg", "") for each in served.log) == 2


@pytest.mark.long
@pytest.mark.timeout(60 + 10 * LONG_KILLS)
def test_no_sale_is_lost_or_doubled_in_a_long_row_of_kills(
    world: App, database_url: str, tmp_path: Path, rng: Random
) -> None:
    with serve(environment(database_url, tmp_path, **LASTING), "--workers", "3") as served:
        kill_and_sell(world, served, rng, LONG_KILLS)
