"""What the fault tests ask for: a served API of its own for each worker, shops with tokens, and a seed that is told."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import httpx
import pytest

from primepos.bootstrap import build_app, build_database
from primepos.core.clock import SystemClock
from primepos.core.context import operator
from primepos.domain.accounts import service as accounts
from tests.api.test_serve import PASSWORD, Served, environment, serve
from tests.conftest import settings_for
from tests.factories import a_shop
from tests.faults.sellers import House

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.operations import App

# A long run outlives the usual hour.
LASTING = {"JWT_ACCESS_TTL_SECONDS": "86400"}


def seed() -> int:
    """Return FAULT_SEED, or a new seed."""
    return int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**9))


@pytest.fixture
def rng() -> random.Random:
    """A generator whose seed is printed, so that a failure can be run again: FAULT_SEED takes it."""
    chosen = seed()
    print(f"FAULT_SEED={chosen}")  # noqa: T201  for whoever reads a long run
    return random.Random(chosen)


def living_app(url: str, data_dir: Path) -> App:
    """Return an App on a database whose clock goes, as the served one's does."""
    settings = settings_for(url, data_dir)
    return build_app(settings, database=build_database(settings), clock=SystemClock())


def a_house(app: App, url: str) -> House:
    """Make a shop and sign its manager and its till in at the API served at ``url``."""
    shop = a_shop(app)
    email = f"manager@{shop.slug}.example.org"
    who = {"email": email, "name": "Mia", "role": "manager", "password": PASSWORD}
    app.run(accounts.create_user, operator("test", shop.tenant_id), who)
    with httpx.Client(base_url=url, timeout=30) as http:
        signed_in = http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert signed_in.status_code == 200, signed_in.text
        manager = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        enrolled = http.post("/api/v1/devices", json={"register_id": str(shop.till_id)}, headers=manager)
        assert enrolled.status_code == 201, enrolled.text
    return House(app, shop, manager, {"Authorization": f"Bearer {enrolled.json()['access_token']}"})


@pytest.fixture(scope="session")
def world(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An App beside the served one, on the same database, to look with."""
    app = living_app(database_url, tmp_path_factory.mktemp("world"))
    yield app
    app.database.dispose()


@pytest.fixture(scope="session")
def served(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``primepos serve`` in one process."""
    with serve(environment(database_url, tmp_path_factory.mktemp("served"), **LASTING)) as running:
        yield running


@pytest.fixture(scope="session")
def make_house(world: App, served: Served) -> Callable[[], House]:
    """Make a shop with tokens of the served API."""
    return lambda: a_house(world, served.url)


@pytest.fixture
def house(make_house: Callable[[], House]) -> House:
    """A fresh shop with tokens."""
    return make_house()
