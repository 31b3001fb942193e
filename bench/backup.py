"""How long a backup, its check and its restore take, and how large it is.

    python -m bench.backup [--sales 20000]

Books so many sales of five lines over eight registers through the operation, on a durable server of its own, then backs
the database up, reads the file to its end, and restores it into a scratch database whose books are audited: every
chain and every sale's content. The last column is how much of the database (its size on disk) went by in a second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from bench.world import OUTLETS, PRODUCTS, TENANTS, basket_of, build, settle
from primepos.adapters.backup import reading
from primepos.adapters.backup.filling import Source
from primepos.adapters.backup.making import make_backup
from primepos.adapters.backup.restoring import drill
from primepos.adapters.storage.disk import DiskStore
from primepos.bootstrap import build_app, build_database
from primepos.core.clock import SystemClock
from primepos.core.context import Identity, operator
from primepos.core.ids import new_id
from primepos.core.permissions import Role
from primepos.core.settings import Secret, Settings, load_settings
from primepos.domain.ops.service import verify_books
from primepos.domain.sales.service import book_sale

KEY = Secret("a key that measures and keeps no secret")
MIB = 1 << 20


def fill(settings: Settings, sales: int) -> None:
    """Book the sales, every outlet on a thread of its own."""
    database = build_database(settings)
    app = build_app(settings, database=database)

    def book(tenant: int, outlet: int) -> None:
        owner = Identity(kind="user", tenant_id=tenant, role=Role.OWNER, actor_id=new_id(), name="bench")
        rng = Random(tenant * 10 + outlet)
        for _ in range(sales // (TENANTS * OUTLETS)):
            app.run(book_sale, owner, basket_of(rng.sample(range(1, PRODUCTS + 1), 5), new_id(), outlet))

    threads = [threading.Thread(target=book, args=(t, o)) for t in range(1, TENANTS + 1) for o in range(1, OUTLETS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.dispose()


def measure(base: Path, sales: int) -> None:
    world = build(base)
    settings = load_settings(
        {
            "PRIMEPOS_ENV": "test",
            "DATABASE_URL": world.shop_url,
            "PRIMEPOS_DATA_DIR": str(base / "data"),
            "DB_POOL_SIZE": "8",
        },
        component="cli",
    )
    fill(settings, sales)
    settle(world)
    with psycopg.connect(world.admin_url) as connection:
        size = int(connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0])

    def audit(url: str) -> list[str]:
        database = build_database(settings, url)
        try:
            found = build_app(settings, database=database).run(verify_books, operator("bench"), {})
        finally:
            database.dispose()
        # The shifts of this world have made-up ids, of which the auditor tells; the chains are what is asked about.
        return [each.what for each in found.problems if each.invariant == "I6"]

    clock, store = SystemClock(), DiskStore(base / "backups")
    made = make_backup(world.shop_url, store, KEY, clock=clock)
    print(f"{sales} sales, {made.rows} rows, database {size / MIB:.0f} MiB, backup {made.size / MIB:.1f} MiB\n")
    rows: list[tuple[str, float]] = [("backup: dump, compress, seal, sync", made.took_s)]
    for name, act in (
        ("verify: every byte, pg_restore --list", lambda: reading.verify(store, made.name, KEY)),
        ("audit of the books, as in the drill", lambda: audit(world.shop_url)),
        ("drill: restore, compare, audit, drop", lambda: drill_of(world.shop_url, store, made.name, audit, clock)),
    ):
        began = time.perf_counter()
        act()
        rows.append((name, time.perf_counter() - began))
    for name, seconds in rows:
        print(f"{name:40}{seconds:8.2f} s{size / MIB / seconds:10.0f} MiB/s")


def drill_of(url: str, store: DiskStore, name: str, audit: Any, clock: SystemClock) -> None:
    drill(url, Source(store, name, KEY), audit=audit, clock=clock)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="primepos-bench-") as folder:
        measure(Path(folder), asked.sales)
    return 0


if __name__ == "__main__":
    sys.exit(main())
