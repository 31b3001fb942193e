"""The till's app on a real till, driven by Textual's Pilot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from primepos.tui.messages import Done, Refused
from primepos.tui.till.app import TillApp
from primepos.tui.till.screens.base import TillScreen
from tests.till.world import World, a_world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from textual.pilot import Pilot

NAMED = {"enter", "escape", "delete", "backspace", "up", "down", "tab"}
SIGNS = {"*": "asterisk", "%": "percent_sign", "-": "minus", "+": "plus", ".": "full_stop", "?": "question_mark"}


class Hands:
    """What a cashier does at the screen."""

    def __init__(self, app: TillApp, pilot: Pilot, told: list[object] | None = None) -> None:
        self.app = app
        self.pilot = pilot
        self.told = told if told is not None else []

    async def settle(self) -> None:
        """Wait until the till has taken every key and drawn itself."""
        for _ in range(1000):
            await self.pilot.pause()
            app = self.app
            quiet = app._till is not None and not app._busy and not app._waiting
            if quiet and isinstance(app.screen, TillScreen) and app.screen.MODE is app._till.engine.mode:
                await self.pilot.pause()
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the till did not come to rest")

    async def press(self, *keys: str) -> None:
        for key in keys:
            named = key in NAMED or (key[0] == "f" and key[1:].isdigit())
            if named or key.startswith("ctrl+"):
                await self.pilot.press(key)
            else:
                await self.pilot.press(*(SIGNS.get(sign, sign) for sign in key))
        await self.settle()

    async def ready(self) -> None:
        await self.settle()
        await self.press("7", "enter", "8264", "enter")
        await self.press("100", "enter")

    def text(self, selector: str) -> str:
        """What a widget shows, as plain text."""
        found = self.app.screen.query_one(selector)
        shown = found.render()
        return getattr(shown, "plain", str(shown))

    def rows(self) -> list[str]:
        """The whole screen as it would be printed, row by row."""
        return ["".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()]


@pytest.fixture
def world(app, shop, tmp_path, clock) -> Iterator[World]:
    made = a_world(app, shop, tmp_path / "data", clock)
    yield made
    made.close()


@pytest.fixture
def at_the_till(world: World) -> Callable[..., None]:
    """Run a story at the till's screen: ``at_the_till(story, size=(80, 24))``."""

    def run(story: Callable[[Hands], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
        async def play() -> None:
            app = TillApp(lambda _progress: world.till)
            told: list[object] = []

            def hook(message: object) -> None:
                if isinstance(message, (Done, Refused)):
                    told.append(message)

            async with app.run_test(size=size, message_hook=hook) as pilot:
                await story(Hands(app, pilot, told))

        asyncio.run(play())

    return run
