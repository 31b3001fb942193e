"""``python -m bench.migrate_live``: migrate the tables of a sale while clients book, and say who waited for how long.

The change is that of tests/adapters/channel_revisions.py: a column with its constraint and a new table, a concurrent
index, a backfill of every sale, its validation, and the column made required. Clients are processes that book at the
core, one after another; what is told is how many sales failed, and the longest of them beside the median before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from bench import world as w
from bench.booking import a_cashier
from primepos.adapters import migration_files, migrations
from primepos.adapters.migrations import Told
from primepos.bootstrap import build_app, build_database
from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.core.settings import load_settings
from primepos.domain.sales.service import book_sale
from tests.adapters.channel_revisions import a_channel_for_sales

if TYPE_CHECKING:
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Event

CLIENTS = 4
FILL = """
INSERT INTO sales (tenant_id, id, kind, outlet_id, receipt, business_date, sold_at, cashier, currency, base, tax,
                   rounding, total, source, external_number)
SELECT %(tenant)s, gen_random_uuid(), 'imported', %(outlet)s, 'R' || n, current_date - (n %% 300)::int,
       now() - n %% 300 * interval '1 day', 'bench', 'EUR', 95, 5, 0, 100, 'bench', n::text
  FROM generate_series(1, %(rows)s) AS n
"""


def fill(world: w.World, rows: int) -> None:
    """Give the tenants a past of so many imported sales together."""
    with psycopg.connect(world.shop_url) as connection:
        for tenant in range(1, w.TENANTS + 1):
            connection.execute("SET LOCAL ROLE primepos_system")
            given = {"tenant": tenant, "outlet": w.outlet_id(1), "rows": rows // w.TENANTS}
            connection.execute(FILL, given)
            connection.commit()
    w.settle(world)


def client(url: str, number: int, pause_s: float, stop: Event, out: Queue[Any]) -> None:
    """Book until told to stop; give back when each sale began, how long it took, and what failed."""
    settings = load_settings({"PRIMEPOS_ENV": "test", "DATABASE_URL": url})
    app = build_app(settings, database=build_database(settings))
    who, outlet = a_cashier(number % w.TENANTS + 1), number % w.OUTLETS + 1
    took: list[tuple[float, float]] = []
    failed: list[str] = []
    while not stop.is_set():
        asked = w.basket_of([number * 7 + 1, 700 + number], new_id(), outlet)
        began = time.monotonic()
        try:
            app.run(book_sale, who, asked)
        except PrimePOSError as error:
            failed.append(f"{error.code}: {error}")
        took.append((began, time.monotonic() - began))
        stop.wait(pause_s)
    app.database.dispose()
    out.put((took, failed))


def measure(base: Path, rows: int, seconds: float, pause_s: float) -> dict[str, Any]:
    """Build, fill, book, migrate, book on; return the figures."""
    world = w.build(base)
    fill(world, rows)
    location = base / "migrations"
    a_channel_for_sales(location, batch=1000, rest_ms=20)
    migration_files.script_location = lambda: location
    context = multiprocessing.get_context("spawn")
    stop, out = context.Event(), context.Queue()
    clients = [
        context.Process(target=client, args=(world.shop_url, number, pause_s, stop, out), daemon=True)
        for number in range(CLIENTS)
    ]
    for each in clients:
        each.start()
    # Processes need a moment to load what they need.
    _wait_for_sales(world, CLIENTS * 5)
    time.sleep(seconds)
    began, steps = time.monotonic(), []
    migrations.upgrade(world.shop_url, told=Told(step=lambda each: steps.append((each, time.monotonic()))))
    ended = time.monotonic()
    time.sleep(seconds)
    stop.set()
    results = [out.get(timeout=60) for _ in clients]
    took = [each for found, _ in results for each in found]
    failed = [each for _, found in results for each in found]
    with psycopg.connect(world.shop_url) as connection:
        connection.execute("SET LOCAL ROLE primepos_system")
        empty, booked = connection.execute(
            "SELECT count(*) FILTER (WHERE channel IS NULL), count(*) FILTER (WHERE kind = 'sale') FROM sales"
        ).fetchall()[0]
    if world.cluster.leave():
        world.cluster.destroy()
    before = [length for at, length in took if began - seconds <= at < began]
    during = [length for at, length in took if began <= at < ended]
    median = statistics.median(before)
    ends = [*(at for _, at in steps[1:]), ended]
    return {
        "rows": rows,
        "clients": CLIENTS,
        "migration_s": round(ended - began, 1),
        "steps": [
            {"phase": each.phase, "what": each.summary, "s": round(end - at, 2)}
            for (each, at), end in zip(steps, ends, strict=True)
        ],
        "sales": {"asked": len(took), "during": len(during), "failed": len(failed), "booked": booked},
        "failures": sorted(set(failed)),
        "left_empty": empty,
        "rate_during_of_before": round(len(during) / (ended - began) / (len(before) / seconds), 2),
        "median_before_ms": round(median * 1000, 2),
        "median_during_ms": round(statistics.median(during) * 1000, 2),
        "longest_before_of_median": round(max(before) / median, 1),
        "longest_during_of_median": round(max(during) / median, 1),
    }


def _wait_for_sales(world: w.World, wanted: int) -> None:
    deadline = time.monotonic() + 120
    with psycopg.connect(world.shop_url, autocommit=True) as connection:
        connection.execute("SET ROLE primepos_system")
        while connection.execute("SELECT count(*) FROM sales WHERE kind = 'sale'").fetchall()[0][0] < wanted:
            if time.monotonic() > deadline:
                sys.exit("the clients do not sell")
            time.sleep(0.1)


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="sales that are there already")
    parser.add_argument("--seconds", type=float, default=10, help="of selling before and after")
    parser.add_argument("--pause-ms", type=float, default=20, help="between two sales of a client")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="primepos-bench-") as folder:
        figures = measure(Path(folder), asked.rows, asked.seconds, asked.pause_ms / 1000)
    print(json.dumps(figures, indent=1))
    return 1 if figures["sales"]["failed"] or figures["left_empty"] else 0


if __name__ == "__main__":
    sys.exit(main())
