"""How long the till takes for a scan and a search, with a large catalogue and a long sale.

    python bench/till_scan.py [--products 100000] [--lines 40]

The goal is 5 ms for a scan at 100,000 products, from the last key to the new view. Both clocks are shown: CPU is the
till's own work, wall adds the journal's sync to disk (and whatever else the machine is doing).
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID

from primepos.core.amounts import currency
from primepos.core.clock import SystemClock
from primepos.core.ids import new_id
from primepos.till.catalogue import Catalogue
from primepos.till.delivery import Delivery
from primepos.till.desk import Desk, Shift
from primepos.till.engine import Engine
from primepos.till.figures import Figures
from primepos.till.journal import Journal
from primepos.till.keyboard import Keyboard
from primepos.till.keys import Mode
from primepos.till.place import Place
from primepos.till.runner import Person
from primepos.till.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = (
    "apple bread cheese dark fresh green honey ice jam kiwi lemon milk nut oil pear rice salt tea water yeast".split()
)
TAX_CLASS = UUID(int=1)


def page(first: int, count: int, total: int, chance: random.Random) -> SimpleNamespace:
    tax = SimpleNamespace(
        code="v",
        name="VAT 19%",
        kind="percent",
        amount=Decimal(19),
        included=True,
        affects_base=False,
        base_affected=True,
    )
    return SimpleNamespace(
        products=[
            SimpleNamespace(
                id=new_id(),
                sku=f"SKU-{n}",
                name=" ".join([*chance.choices(WORDS, k=3), str(n)]),
                unit_price=Decimal(chance.randint(10, 99999)).scaleb(-2),
                tax_class_id=TAX_CLASS,
                category=chance.choice(WORDS),
                sold_by="each",
                archived=False,
                barcodes=[SimpleNamespace(code=f"{n:012d}", quantity=Decimal(1))],
            )
            for n in range(first, first + count)
        ],
        tax_classes=[SimpleNamespace(id=TAX_CLASS, taxes=[tax])],
        barcode_rules=[{"pattern": "2{item:6}{weight:5}c", "decimals": 3, "name": "scale"}],
        currency="EUR",
        version=first + count,
        more=first + count < total,
    )


def row(name: str, times: list[tuple[int, int]]) -> str:
    figures = []
    for clock in range(2):
        ordered = sorted(each[clock] for each in times)
        figures += [statistics.median(ordered), ordered[int(len(ordered) * 0.99)]]
    return f"{name:<42}" + "".join(f"{each / 1e6:>10.2f}" for each in figures)


def timed(work: Callable[[], object]) -> tuple[int, int]:
    cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
    work()
    return time.thread_time_ns() - cpu, time.perf_counter_ns() - wall


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=100_000)
    options.add_argument("--lines", type=int, default=40)
    asked = options.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        catalogue = Catalogue(home / "catalogue.sqlite3", exponent=2)
        start = time.perf_counter()
        for first in range(0, asked.products, 2000):
            catalogue.take(page(first, min(2000, asked.products - first), asked.products, chance))
        filled = time.perf_counter() - start
        start = time.perf_counter()
        catalogue.close()
        catalogue = Catalogue(home / "catalogue.sqlite3", exponent=2)
        opened = time.perf_counter() - start
        till = a_till(home, catalogue)
        keyboard = Keyboard(till)
        scans, pays, firsts = [], [], []

        def scan() -> None:
            for sign in f"{chance.randrange(asked.products):012d}":
                keyboard.press(sign, sign)
            press(till, keyboard, "enter")

        for _ in range(25):
            firsts.append(timed(scan))
            scans += [timed(scan) for _ in range(asked.lines - 1)]
            pays.append(timed(lambda: press(till, keyboard, "f12")))
        if till.box is not None or till.mode is not Mode.RECEIPT:
            raise SystemExit(f"the till did not sell: {till.box}")
        searches = []
        for _ in range(300):
            words = chance.choices(WORDS, k=chance.choice([1, 1, 2, 3]))
            words[-1] = words[-1][: chance.randint(1, 5)]
            searches.append(timed(lambda words=words: catalogue.search(" ".join(words))))
        print(f"{catalogue.count():,} products; filled in {filled:.1f} s, opened in {opened * 1000:.1f} ms")
        print(f"{'milliseconds':<42}{'CPU':>10}{'CPU p99':>10}{'wall':>10}{'wall p99':>10}")
        print(row("scan, first line of a sale", firsts))
        print(row(f"scan, sale of up to {asked.lines} lines", scans))
        print(row("exact cash: journal, receipt, next sale", pays))
        print(row("search as one types", searches))


def press(till: Engine, keyboard: Keyboard, key: str) -> None:
    command = keyboard.press(key)
    if command is not None:
        till.handle(command)


def a_till(home: Path, catalogue: Catalogue) -> Engine:
    """Return a till that is open without a server."""
    place = Place(
        shop="Bench",
        slug="bench",
        outlet_id=new_id(),
        outlet="Main",
        address="",
        register_id=new_id(),
        register="Till 1",
        prefix="B1",
        epoch=1,
        next_number=1,
        zone="Europe/Berlin",
        day_starts_hour=0,
        figures=Figures(currency("EUR"), "de_DE"),
        rounding="per_line",
        cash_rule=None,
        receipt_header="",
        receipt_footer="",
    )
    journal = Journal(home / "journal.sqlite3", register_id=place.register_id, prefix="B1")
    clock = SystemClock()
    runner = SimpleNamespace()
    session = Session(runner)  # type: ignore[arg-type]  # nobody asks the server here
    session.person = Person(staff_id=new_id(), code="1", name="Mo", role="manager")
    desk = Desk(
        place=place,
        runner=runner,  # type: ignore[arg-type]  # as above
        journal=journal,
        catalogue=catalogue,
        session=session,
        delivery=Delivery(journal, runner, clock=clock),  # type: ignore[arg-type]  # as above
        clock=clock,
        receipts=home / "receipts",
    )
    now = datetime.now(UTC)
    desk.shift = Shift(new_id(), now.date(), now, 0, "Mo")
    desk.mode = Mode.SELLING
    return Engine(desk)


if __name__ == "__main__":
    main()
