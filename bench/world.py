"""The world that is measured in: a durable PostgreSQL of its own with four shops of two outlets and 2,500 products.

Ids are made from numbers, so that pgbench can name a product without asking for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from primepos.adapters import migrations
from primepos.core.embedded.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

TENANTS = 4
OUTLETS = 2
PRODUCTS = 2500
TABLES = (
    "sales",
    "sale_lines",
    "sale_taxes",
    "payments",
    "stock_movements",
    "stock_levels",
    "ledger_entries",
    "audit_events",
    "registers",
)


def product_id(number: int) -> UUID:
    """Return the id of product ``number`` (1 to 2,500), the same in every tenant."""
    return UUID(int=(0x7000 << 64) | (0x8000 << 48) | number)


def outlet_id(number: int) -> UUID:
    """Return the id of outlet ``number``."""
    return UUID(int=(0x7001 << 64) | (0x8000 << 48) | number)


def register_id(number: int) -> UUID:
    """Return the id of the server's register of outlet ``number``."""
    return UUID(int=(0x7002 << 64) | (0x8000 << 48) | number)


def shift_id(number: int) -> UUID:
    """Return the id of the open shift of that register."""
    return UUID(int=(0x7003 << 64) | (0x8000 << 48) | number)


@dataclass(frozen=True)
class World:
    """A running server and the URLs of its databases."""

    cluster: Cluster
    shop_url: str
    admin_url: str
    port: int

    def tool(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs."""
        return str(self.cluster.binaries.tool(name))


def build(base: Path) -> World:
    """Start the server under ``base`` and fill the shops."""
    cluster = Cluster(
        base / "postgres",
        system_dir=base / "system",
        settings={"shared_buffers": "512MB", "max_wal_size": "4GB", "jit": "off", "checkpoint_timeout": "30min"},
    )
    info = cluster.ensure_running(keep=False)
    for name in ("bench_shop", "bench_yardstick", "bench_django"):
        cluster.drop_database(name)
        cluster.create_database(name)
    url = cluster.owner_url("bench_shop")
    migrations.upgrade(url)
    _fill(url)
    return World(cluster, url, cluster.admin_url("bench_shop"), info.port)


def _fill(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL ROLE primepos_system")
        for t in range(1, TENANTS + 1):
            connection.execute(
                "INSERT INTO tenants (id, key, slug, name, currency, zone) OVERRIDING SYSTEM VALUE"
                " VALUES (%s, gen_random_uuid(), %s, %s, 'EUR', 'UTC')",
                (t, f"bench-{t}", f"Bench {t}"),
            )
            connection.execute(
                "INSERT INTO tax_classes (tenant_id, id, code, name) VALUES (%s, %s, 'standard', 'Standard')",
                (t, product_id(0)),
            )
            connection.execute(
                "INSERT INTO taxes (tenant_id, id, code, name, kind, amount, included)"
                " VALUES (%s, %s, 'std', 'VAT 5%%', 'percent', 5, true)",
                (t, product_id(0)),
            )
            connection.execute(
                "INSERT INTO tax_class_taxes (tenant_id, tax_class_id, tax_id, sequence) VALUES (%s, %s, %s, 1)",
                (t, product_id(0), product_id(0)),
            )
            for o in range(1, OUTLETS + 1):
                _fill_outlet(connection, t, o)
            connection.execute(
                "INSERT INTO products (tenant_id, id, sku, name, unit_price, tax_class_id)"
                " SELECT %s, ('00000000-0000-7000-8000-' || lpad(to_hex(p), 12, '0'))::uuid,"
                " 'SKU' || lpad(p::text, 6, '0'), 'Product ' || p, 1 + p %% 9 + (p %% 100) / 100.0, %s"
                " FROM generate_series(1, %s) AS p",
                (t, product_id(0), PRODUCTS),
            )
        connection.execute(
            "INSERT INTO stock_levels SELECT p.tenant_id, o.id, p.id, 1000000 FROM products p JOIN outlets o"
            " ON o.tenant_id = p.tenant_id"
        )
        connection.execute(
            "INSERT INTO stock_movements (tenant_id, outlet_id, product_id, kind, quantity, actor_name)"
            " SELECT tenant_id, outlet_id, product_id, 'opening', quantity, 'bench' FROM stock_levels"
        )
        connection.commit()


def settle(world: World) -> None:
    """Let the server count what is there, as it does by itself within minutes of a shop's first day."""
    with psycopg.connect(world.shop_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _fill_outlet(connection: psycopg.Connection, t: int, o: int) -> None:
    today = datetime.now(UTC)
    connection.execute(
        "INSERT INTO outlets (tenant_id, id, code, name) VALUES (%s, %s, %s, %s)", (t, outlet_id(o), f"o{o}", f"O {o}")
    )
    connection.execute(
        "INSERT INTO registers (tenant_id, id, outlet_id, code, name, kind, prefix, last_hash)"
        " VALUES (%s, %s, %s, 'server', 'Server', 'server', %s, %s)",
        (t, register_id(o), outlet_id(o), f"S{o}", bytes(32)),
    )
    connection.execute(
        "INSERT INTO shifts (tenant_id, id, register_id, business_date, opened_at, opened_by, opening_float)"
        " VALUES (%s, %s, %s, %s, %s, 'bench', 0)",
        (t, shift_id(o), register_id(o), today.date(), today),
    )
    connection.execute(
        "UPDATE registers SET open_shift_id = %s WHERE tenant_id = %s AND id = %s", (shift_id(o), t, register_id(o))
    )


def tuples(world: World) -> dict[str, tuple[int, int]]:
    """Return how many rows were inserted and updated in each table since the server started."""
    with psycopg.connect(world.admin_url, autocommit=True) as connection:
        # The server's processes report their counts when they have been idle for a moment.
        time.sleep(1.5)
        connection.execute("SELECT pg_stat_force_next_flush()")
        found = connection.execute(
            "SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE relname = ANY(%s)", (list(TABLES),)
        ).fetchall()
    return {name: (inserted, updated) for name, inserted, updated in found}


def sales_booked(world: World) -> int:
    """Return how many sales there are."""
    with psycopg.connect(world.admin_url) as connection:
        return int(connection.execute("SELECT count(*) FROM sales").fetchall()[0][0])


def basket_of(numbers: Sequence[int], sale_id: UUID, outlet: int) -> dict[str, object]:
    """Return the request of one sale of five products, paid in cash with change."""
    return {
        "id": sale_id,
        "outlet_id": outlet_id(outlet),
        "lines": [{"product_id": product_id(number), "quantity": "1"} for number in numbers],
        "tenders": [{"kind": "cash", "amount": 10_000}],
    }
