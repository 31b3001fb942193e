"""The rate of `primepos import sales` beside a bare COPY of the same rows, in one run on one server.

    python -m bench.import_rate [MONTH.csv.xz ...]

Without files it takes every month of ../shared/data/online-retail (PRIMEPOS_SHARED_DATA chooses another place). It runs
on DATABASE_URL if that is set, which must be a database to throw away, else on an embedded PostgreSQL of its own.

What is compared: reading the packed file, checking, making the products that are new, and loading every sale through
the operation, with row-level security, keys, audit and queued summaries; against COPY FROM of the very rows that came
of it into tables of the same shape (columns, checks and indexes; no keys to other tables, no policies), as their owner
and from memory. Each month is followed by its COPY, three times, of which the mean counts, so both meet the same load
of the machine. Gate 0.05, goal 0.2. Beside it, for what the keys cost: the same COPY into tables that have the foreign
keys of the real ones.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from primepos.adapters import migrations
from primepos.bootstrap import build_app
from primepos.cli.intake import Job, feed_sales
from primepos.core.context import operator
from primepos.core.embedded.cluster import Cluster
from primepos.core.settings import load_settings
from primepos.domain.catalog.service import create_tax_class
from primepos.domain.importing.dialects import ONLINE_RETAIL
from primepos.domain.importing.feeding import fingerprint_of
from primepos.domain.importing.files import examine
from primepos.domain.importing.refusals import RefusalFile
from primepos.domain.importing.sales_reader import read_sales
from primepos.domain.importing.service import plan_sales
from primepos.domain.importing.tables import read_layout
from primepos.domain.tenancy.lookup import operator_in
from primepos.domain.tenancy.service import create_tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.context import Identity
    from primepos.core.operations import App

GATE, GOAL = 0.05, 0.2
SHARED = Path(os.environ.get("PRIMEPOS_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
TABLES = ("sales", "sale_lines")
KEYS = (
    ("sales", "outlet_id", "outlets"),
    ("sales", "register_id", "registers"),
    ("sales", "shift_id", "shifts"),
    ("sales", "void_of", "bare_sales"),
    ("sale_lines", "sale_id", "bare_sales"),
    ("sale_lines", "product_id", "products"),
)
ROUNDS = 3


def main() -> int:
    files = [Path(name) for name in sys.argv[1:]] or sorted((SHARED / "online-retail").glob("*.csv.xz"))
    if not files:
        print("import rate: skipped, no shared data")
        return 0
    with tempfile.TemporaryDirectory() as place:
        for url in _server(Path(place)):
            return measure(url, files, Path(place))
    return 1


def _server(place: Path) -> Iterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        migrations.upgrade(given)
        yield given
        return
    cluster = Cluster(place / "postgres", system_dir=place / "system")
    cluster.ensure_running(keep=False)
    try:
        cluster.create_database("import_rate")
        migrations.upgrade(cluster.owner_url("import_rate"))
        yield cluster.owner_url("import_rate")
    finally:
        if cluster.leave():
            cluster.destroy()


def measure(url: str, files: list[Path], place: Path) -> int:
    settings = load_settings(
        {"PRIMEPOS_ENV": "test", "DATABASE_URL": url, "PRIMEPOS_DATA_DIR": str(place)}, component="cli"
    )
    app = build_app(settings)
    slug = f"rate-{uuid4().hex[:8]}"
    app.run(
        create_tenant, operator("bench"), {"slug": slug, "name": "Rate", "currency": "GBP", "zone": "Europe/London"}
    )
    who = operator_in(app.database, slug, "bench")
    app.run(create_tax_class, who, {"code": "standard", "name": "Standard"})
    heads = f"{'import /s':>10} {'COPY /s':>10} {'ratio':>6} {'COPY with keys /s':>18} {'ratio':>6}"
    print(f"{'file':<28} {'lines':>7} {heads}")
    ratios, lines_done, spent, spent_bare, spent_keyed = [], 0, 0.0, 0.0, 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        for file in files:
            before = _sales_of(connection, who)
            begun = time.perf_counter()
            lines = load(app, who, file, place)
            took = time.perf_counter() - begun
            rows = rows_since(connection, who, before)
            bare = statistics.mean(copy_again(connection, rows, keys=False) for _ in range(ROUNDS))
            keyed = copy_again(connection, rows, keys=True)
            ratios.append(bare / took)
            lines_done, spent = lines_done + lines, spent + took
            spent_bare, spent_keyed = spent_bare + bare, spent_keyed + keyed
            _print(file.name, lines, took, bare, keyed)
    app.database.dispose()
    _print("all", lines_done, spent, spent_bare, spent_keyed)
    ratio = spent_bare / spent
    verdict = "goal met" if ratio >= GOAL else "gate met" if ratio >= GATE else "BELOW THE GATE"
    print(
        f"median of the files' ratios {statistics.median(ratios):.3f}; {verdict} (gate {GATE}, goal {GOAL});"
        f" PostgreSQL {version[0] if version else '?'}, {os.cpu_count()} cores"
    )
    return 0 if ratio >= GATE else 1


def _print(name: str, lines: int, took: float, bare: float, keyed: float) -> None:
    print(
        f"{name:<28} {lines:>7} {lines / took:>10,.0f} {lines / bare:>10,.0f} {bare / took:>6.3f}"
        f" {lines / keyed:>18,.0f} {keyed / took:>6.3f}"
    )


def load(app: App, who: Identity, file: Path, place: Path) -> int:
    """Import one file as the command line does, and return how many lines came of it."""
    known = examine(file)
    layout = read_layout(known, ONLINE_RETAIL.fields)
    job = Job(app, who, fingerprint_of(known.sha256, {}), "online-retail", file.name)
    plan = app.run(plan_sales, who, {"fingerprint": job.fingerprint, "source": job.source})
    read = read_sales(known, layout, ONLINE_RETAIL, zone="Europe/London", exponent=plan.currency_exponent)
    with RefusalFile(place / "refused.csv", layout.header) as refused:
        counts = feed_sales(job, read, plan, refused, lambda _: None)
    return counts.outcome["lines"]


def _sales_of(connection: psycopg.Connection, who: Identity) -> list[object]:
    with connection.transaction():
        connection.execute("SET LOCAL ROLE primepos_system")
        return [row[0] for row in connection.execute("SELECT id FROM sales WHERE tenant_id = %s", (who.tenant_id,))]


def rows_since(connection: psycopg.Connection, who: Identity, before: list[object]) -> dict[str, bytes]:
    """Return the rows that the last import made, as COPY writes them."""
    rows = {}
    with connection.transaction():
        connection.execute("SET LOCAL ROLE primepos_system")
        for table, column in zip(TABLES, ("id", "sale_id"), strict=True):
            chosen = f"SELECT * FROM {table} WHERE tenant_id = {who.tenant_id} AND {column} <> ALL(%s)"
            with connection.cursor().copy(f"COPY ({chosen}) TO STDOUT", (before,)) as out:
                rows[table] = b"".join(out)
    return rows


def copy_again(connection: psycopg.Connection, rows: dict[str, bytes], *, keys: bool) -> float:
    """COPY rows into new tables of the same shape, and return the seconds COPY took."""
    for table in TABLES:
        connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
    if keys:
        for table, column, target in KEYS:
            connection.execute(
                f"ALTER TABLE bare_{table} ADD FOREIGN KEY (tenant_id, {column}) REFERENCES {target} (tenant_id, id)"
            )
    begun = time.perf_counter()
    with connection.transaction():
        for table in TABLES:
            with connection.cursor().copy(f"COPY bare_{table} FROM STDIN") as into:
                into.write(rows[table])
    took = time.perf_counter() - begun
    connection.execute("DROP TABLE bare_sale_lines, bare_sales")
    return took


if __name__ == "__main__":
    sys.exit(main())
