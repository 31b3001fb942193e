"""A shop that has sold, to be backed up and restored by the tests, and programs that stand in for PostgreSQL's."""

from __future__ import annotations

import os
import stat
import textwrap
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from primepos.adapters.backup.tools import find_tool
from primepos.bootstrap import build_app, build_database
from primepos.core.clock import FrozenClock
from primepos.core.context import operator
from primepos.core.settings import Secret
from primepos.domain.ops.service import verify_books
from primepos.domain.sales.service import deliver_sale
from tests.conftest import NOON, settings_for
from tests.factories import Shop, TillSeries, a_shift, a_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App

KEY, OTHER_KEY = Secret("k" * 48), Secret("o" * 48)


@contextmanager
def app_on(url: str, data_dir: Path) -> Iterator[App]:
    """Give an App on a database, whose clock stands at noon."""
    settings = settings_for(url, data_dir)
    database = build_database(settings)
    yield build_app(settings, database=database, clock=FrozenClock(NOON))
    database.dispose()


def audit_in(data_dir: Path) -> Any:
    """Return what audits the books of a restored copy."""

    def audit(url: str) -> list[str]:
        with app_on(url, data_dir) as app:
            return [each.what for each in app.run(verify_books, operator("test"), {}).problems if not each.pending]

    return audit


def sell(app: App, shop: Shop, number: int, *, shift: Any = None) -> list[str]:
    """Sell so many baskets on a till of the shop and return the sales' ids."""
    till = TillSeries(shop, shift or a_shift(app, shop), NOON)
    return [str(app.run(deliver_sale, shop.device, till.sell()).id) for _ in range(number)]


def a_sold_database(cluster: Cluster, template: str, data_dir: Path, *, sales: int = 3) -> tuple[str, list[Shop]]:
    """Return the URL of a database with two shops in it that sold, and the shops."""
    name = f"sold_{uuid4().hex[:10]}"
    cluster.create_database(name, template)
    url = cluster.owner_url(name)
    with app_on(url, data_dir) as app:
        shops = [a_shop(app), a_shop(app)]
        for shop in shops:
            sell(app, shop, sales)
    return url, shops


def read_as(url: str, role: str, statement: str, *, tenant: int | None = None) -> list[tuple[Any, ...]]:
    """Run a statement as one of the application's roles, for a tenant."""
    with psycopg.connect(url) as connection:
        connection.execute(f"SET LOCAL ROLE {role}")
        connection.execute("SELECT set_config('app.tenant', %s, true)", ["" if tenant is None else str(tenant)])
        return connection.execute(statement).fetchall()


def as_owner(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as the owner, and commit."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def databases(cluster: Cluster, stem: str) -> list[str]:
    """Return the databases whose names begin so."""
    found = as_owner(cluster.owner_url("postgres"), "SELECT datname FROM pg_database ORDER BY 1")
    return [name for (name,) in found if name.startswith(stem)]


def stand_in(folder: Path, program: str, script: str, *, version: str | None = None) -> Path:
    """Put a program into ``folder`` that runs ``script`` (sh) in place of the real one, which is ``$REAL``.

    The other programs of its kind are linked beside it.
    """
    folder.mkdir(exist_ok=True)
    real = find_tool("pg_dump", 18, None).path.parent
    for name in ("pg_dump", "pg_restore", "psql"):
        if name != program:
            _passing_on(folder / name, real / name)
    told = version or "18.4"
    file = folder / program
    file.write_text(
        f'#!/bin/sh\nREAL="{real / program}"\n'
        f'if [ "$1" = --version ]; then echo "{program} (PostgreSQL) {told}"; exit 0; fi\n{textwrap.dedent(script)}\n'
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return folder


def _passing_on(file: Path, real: Path) -> None:
    # A link would look for the server's libraries beside itself.
    file.write_text(f'#!/bin/sh\nexec "{real}" "$@"\n')
    file.chmod(0o755)


def flip_a_byte(path: Path, at: int) -> None:
    """Change one bit of a file."""
    with path.open("r+b") as stream:
        stream.seek(at if at >= 0 else path.stat().st_size + at)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))
