"""Behind PgBouncer in transaction mode: many processes share few connections, and nobody sees another's books.

Skipped where PgBouncer is not installed. One older than 1.21 knows no prepared statements: they are switched off.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos.core.database_url import parse_database_url
from tests.api.test_serve import environment, serve
from tests.faults.conftest import LASTING, a_house, living_app
from tests.faults.sellers import SALES, Sellers, assert_exactly_these

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
SERVER_CONNECTIONS = 3
PREPARES_FROM = (1, 21)

pytestmark = [pytest.mark.long, pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer")]


def _version() -> tuple[int, ...]:
    told = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", told)
    assert found is not None, told
    return int(found[1]), int(found[2])


@pytest.fixture
def pooled_url(fresh_database: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, through a pooler that shares three connections."""
    server = parse_database_url(fresh_database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = [
        "[databases]",
        f"* = host={server.host} port={server.port} user={server.user} password={server.password.reveal()}",
        "[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =",
        # The test's own pooler on the loopback address: whoever reaches it is the test.
        "auth_type = any",
        f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 200",
        *(["user = nobody"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        *(["max_prepared_statements = 200"] if _version() >= PREPARES_FROM else []),
    ]
    config = tmp_path / "pgbouncer.ini"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = subprocess.Popen([str(PROGRAM), str(config)], stderr=subprocess.PIPE, text=True)
    try:
        _wait_for_its_first_line(process)
        yield f"postgresql://{server.user}:any@127.0.0.1:{port}/{server.name}"
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _wait_for_its_first_line(process: subprocess.Popen[str]) -> None:
    """Wait until it says that it is up, or that it is not going to be."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if "process up" in line:
            return
    raise AssertionError("".join(told))


def test_two_servers_behind_a_pooler_sell_for_two_tenants_at_once(
    pooled_url: str, fresh_database: str, tmp_path: Path, rng: Random
) -> None:
    variables = {
        **LASTING, "MIGRATION_DATABASE_URL": fresh_database,
        "DB_PREPARED_STATEMENTS": str(_version() >= PREPARES_FROM),
    }  # fmt: skip
    beside = living_app(fresh_database, tmp_path / "beside")
    with ExitStack() as stack:
        stack.callback(beside.database.dispose)
        servers = [
            # One data directory: the keys that are made there sign for both.
            stack.enter_context(serve(environment(pooled_url, tmp_path / "served", **variables)))
            for _ in range(2)
        ]
        houses = [a_house(beside, server.url) for server in servers]
        # Each tenant sells at both servers, so that every shared connection changes hands between tenants.
        selling = [(house, Sellers(server.url, house, rng, tills=3)) for house in houses for server in servers]
        for _, sellers in selling:
            stack.enter_context(sellers)
        for _, sellers in selling:
            sellers.wait_for(15)
        with psycopg.connect(fresh_database) as connection:
            shared = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND application_name = 'primepos'"
            ).fetchone()
        for _, sellers in selling:
            sellers.__exit__()
        for house in houses:
            told: dict[str, dict[str, Any]] = {}
            for owner, sellers in selling:
                told |= sellers.acknowledged if owner is house else {}
            assert_exactly_these(house, told)
        one, other = houses
        theirs = servers[0].http.get(SALES, headers=one.manager, params={"limit": 1}).json()["items"][0]["id"]
        assert servers[1].http.get(f"{SALES}/{theirs}", headers=other.manager).status_code == 404
    assert shared is not None
    # What is beside the pooler is the looker's own; twelve tills made do with three.
    assert 0 < shared[0] <= SERVER_CONNECTIONS + 2
