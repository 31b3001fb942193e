"""A till ready for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.till.world import World, a_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def world(app: App, shop: Shop, tmp_path: Path, clock: FrozenClock) -> Iterator[World]:
    """A till of the shop, signed out."""
    made = a_world(app, shop, tmp_path / "data", clock)
    yield made
    made.close()


@pytest.fixture
def till(world: World) -> World:
    """A till with the cashier signed in and a shift open with 100.00."""
    return world.ready()
