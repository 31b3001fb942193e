"""F6 and F7: the line to the database goes dead or refuses, under load, and comes back.

Every request ends, refused with 503 and a time to come again; the process lives and says that it is not ready; no
connection is opened beyond the pool; and once the line is back the API sells again by itself, with every acknowledged
sale in the books once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.api.test_serve import environment, serve
from tests.faults.conftest import LASTING, a_house
from tests.faults.line import Line
from tests.faults.sellers import SALES, Sellers, assert_exactly_these

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from primepos.core.operations import App
    from tests.api.test_serve import Served

POOL, OVERFLOW = 3, 2
# Beside the pool: one connection that asks whether the database is there.
PROBES = 1
LOST = {"503 DATABASE_UNAVAILABLE", "503 OUTCOME_UNKNOWN"}
REFUSED = LOST | {"503 AT_CAPACITY"}
# As by default: selling may take three seconds.
TIMES = {"DB_STATEMENT_TIMEOUT_MS": "15000", "DB_POOL_SIZE": str(POOL), "DB_MAX_OVERFLOW": str(OVERFLOW)}


def readiness(served: Served, status: int) -> str | None:
    """Ask until the answer has this status, and return what it says is wrong."""
    while (answer := served.http.get("/health/ready/")).status_code != status:
        assert served.process.poll() is None
    return answer.json().get("error")


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "told"), [("swallow", "database_timeout"), ("refuse", "database_unreachable")])
def test_a_database_that_cannot_be_reached_is_survived_without_a_restart(
    world: App, database_url: str, tmp_path: Path, rng: Random, fault: str, told: str
) -> None:
    with Line(database_url) as line, serve(environment(line.url, tmp_path, **LASTING, **TIMES)) as served:
        house = a_house(world, served.url)
        with Sellers(served.url, house, rng, tills=8) as sellers:
            sellers.wait_for(20)
            getattr(line, fault)()
            # Several times as many as there are threads: none of them hangs for good, and no socket is left behind.
            sellers.wait_until(lambda: sum(sellers.heard[each] for each in LOST) >= 3 * POOL)
            assert served.http.get("/health/").status_code == 200
            assert readiness(served, 503) == told
            line.heal()
            sellers.wait_for(20)
            assert readiness(served, 200) is None
        assert not sellers.problems
        assert set(sellers.heard) <= REFUSED | {"201"}
        # Twice the threads, since a new connection may be seen before the end of the one it replaces.
        assert line.most_open <= 2 * POOL + OVERFLOW + PROBES
        assert_exactly_these(house, sellers.acknowledged)


@pytest.mark.long
def test_reading_and_signing_in_end_too_while_the_line_is_dead(world: App, database_url: str, tmp_path: Path) -> None:
    with Line(database_url) as line, serve(environment(line.url, tmp_path, **LASTING, **TIMES)) as served:
        house = a_house(world, served.url)
        assert served.http.get(SALES, headers=house.manager).status_code == 200
        line.swallow()
        who = {"email": "nobody@shop.test", "password": "not this one"}
        with httpx.Client(base_url=served.url, timeout=60) as http, ThreadPoolExecutor(4) as threads:
            asked = [
                threads.submit(http.get, SALES, headers=house.manager),
                threads.submit(http.get, "/api/v1/auth/me", headers=house.manager),
                threads.submit(http.post, "/api/v1/auth/login", json=who),
                threads.submit(http.post, "/api/v1/auth/refresh", json={"refresh_token": "x" * 43}),
            ]
            answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} <= {"DATABASE_UNAVAILABLE", "AT_CAPACITY"}
        line.heal()
        while served.http.get(SALES, headers=house.manager).status_code != 200:
            assert served.process.poll() is None
