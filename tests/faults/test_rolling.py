"""F18: two servers behind a balancer are restarted one after the other under load, and nobody notices.

No request is repeated by anybody: each sale is asked for once and answered 201.
"""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bench.balancer import Balancer
from tests.api.test_serve import environment, serve
from tests.faults.conftest import LASTING, a_house
from tests.faults.sellers import Sellers, assert_exactly_these

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from primepos.core.operations import App

CI_ROUNDS = 2
LONG_ROUNDS = int(os.environ.get("FAULT_ROUNDS", "24"))


def roll(world: App, database_url: str, data_dir: Path, rng: Random, rounds: int) -> None:
    """Restart one of two servers after the other while four tills sell."""
    secret = "rolling " * 8
    variables = environment(database_url, data_dir, SECRET_KEY=secret, JWT_SECRET_KEY=secret, **LASTING)
    with Balancer() as balancer, ExitStack() as stack:
        running = [stack.enter_context(serve(variables)) for _ in range(2)]
        for each in running:
            balancer.add(each.url)
            balancer.wait_until_ready(each.url)
        house = a_house(world, running[0].url)
        with Sellers(balancer.url, house, rng) as sellers:
            for _ in range(rounds):
                sellers.wait_for(20)
                old = running.pop(0)
                old.process.send_signal(signal.SIGTERM)
                assert old.ended() == 0
                balancer.remove(old.url)
                # The other one serves alone meanwhile.
                running.append(stack.enter_context(serve(variables)))
                balancer.add(running[1].url)
                balancer.wait_until_ready(running[1].url)
            sellers.wait_for(20)
        assert not sellers.problems
        assert set(sellers.heard) == {"201"}
        assert_exactly_these(house, sellers.acknowledged)


@pytest.mark.slow
def test_restarting_two_servers_in_turn_loses_no_request(
    world: App, database_url: str, tmp_path: Path, rng: Random
) -> None:
    roll(world, database_url, tmp_path, rng, CI_ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(120 + 30 * LONG_ROUNDS)
def test_restarting_two_servers_again_and_again_loses_no_request(
    world: App, database_url: str, tmp_path: Path, rng: Random
) -> None:
    roll(world, database_url, tmp_path, rng, LONG_ROUNDS)
