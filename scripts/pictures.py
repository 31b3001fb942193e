"""Draw the pictures of the till in docs/img: the demo shop, the same keys each time, at two sizes.

python scripts/pictures.py
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from decimal import Decimal
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.cli.demo.house import DemoHouse
    from primepos.till.till import Till
    from primepos.tui.till.app import TillApp

SIZES = ((120, 40), (80, 24))
SCANNED = ("2000000000121", "2*2000000000046", "2100101012501", "4006381333931", "9780201379624", "3*2000000000206")
PAID = "50"
_SIGNS = {"*": "asterisk"}
# Textual's frame asks a foreign host for its font; whoever reads the docs should not.
_FOREIGN_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TEXT = re.compile(r'<text (class="[^"]*") x="([\d.]+)" (y="[^"]*") textLength="[^"]*" ([^>]*)>([^<]*)</text>')
# How wide a cell is in Textual's picture.
_CELL = Decimal("12.2")


async def draw(opener: Callable[[Callable[[int], None]], Till], size: tuple[int, int], folder: Path) -> None:
    """Sell at a till of this size; save what it shows while selling, and with the receipt after paying."""
    from primepos.tui.till.app import TillApp

    app = TillApp(opener)
    name = "x".join(map(str, size))
    async with app.run_test(size=size) as pilot:
        await _settle(app, pilot)
        for text in SCANNED:
            await _enter(app, pilot, text)
        _save(app, folder / f"till-{name}.svg")
        await pilot.press("f9")
        await _enter(app, pilot, PAID)
        _save(app, folder / f"receipt-{name}.svg")


async def _enter(app: TillApp, pilot: Any, text: str) -> None:
    await pilot.press(*(_SIGNS.get(sign, sign) for sign in text), "enter")
    await _settle(app, pilot)


async def _settle(app: TillApp, pilot: Any) -> None:
    """Wait until the till is open, has taken every key and has drawn itself."""
    for _ in range(1000):
        await pilot.pause()
        if app._till is not None and not app._busy and not app._waiting:  # noqa: SLF001 - there is nothing public to wait for
            await pilot.pause()
            return
        await asyncio.sleep(0.01)
    raise RuntimeError("the till did not come to rest")


def _save(app: TillApp, path: Path) -> None:
    picture = _FOREIGN_FONT.sub("", app.export_screenshot(title="PrimePOS"))
    path.write_text(_TEXT.sub(_words, picture), encoding="utf-8")


def _words(text: re.Match[str]) -> str:
    """Place every word of a run by itself: some viewers swallow blanks, and columns would not stand in line."""
    start, shown = Decimal(text[2]), unescape(text[5]).replace("\xa0", " ")
    return "".join(
        f'<text {text[1]} x="{start + _CELL * word.start()}" {text[3]} textLength="{_CELL * len(word[0])}" {text[4]}>'
        f"{escape(word[0])}</text>"
        for word in re.finditer(r"\S+( \S+)*", shown)
    )


def signed_in(house: DemoHouse) -> Callable[[Callable[[int], None]], Till]:
    """Return what opens a till of the demo with a cashier at it and a shift open."""
    from primepos.cli.demo.house import CASHIER
    from primepos.till.engine import Command

    def opener(_progress: Callable[[int], None]) -> Till:
        till = house.open_free_till(fresh=True)
        for text in (CASHIER, house.pins[CASHIER], "100"):
            till.engine.handle(Command("enter", text))
        return till

    return opener


def main() -> None:
    """Write the pictures."""
    folder = ROOT / "docs" / "img"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="primepos-pictures-") as scratch:
        os.environ["PRIMEPOS_DATA_DIR"] = scratch
        from primepos.cli.demo.house import DemoHouse
        from primepos.core.settings import load_settings

        with DemoHouse(load_settings(component="cli"), tell=print).opened() as house:
            for size in SIZES:
                asyncio.run(draw(signed_in(house), size, folder))


if __name__ == "__main__":
    main()
