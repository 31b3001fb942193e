"""A server that was restored from a backup gets back, from the till's own journal, what it has lost since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.adapters.backup.filling import Source, database_of
from primepos.adapters.backup.making import make_backup
from primepos.adapters.backup.restoring import restore_in_place
from primepos.adapters.storage.disk import DiskStore
from primepos.domain.catalog.service import update_product
from tests.adapters.backup_world import KEY, audit_in, databases
from tests.factories import a_shop, assert_books_hold, rows
from tests.till.test_scenarios import sold
from tests.till.world import World, a_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.clock import FrozenClock
    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App


@pytest.fixture
def till(
    make_app: Callable[..., App], fresh_database: str, tmp_path: Path, clock: FrozenClock, cluster: Cluster
) -> Iterator[World]:
    """A till on a database of the test's own, which goes back in time."""
    app = make_app(fresh_database)
    made = a_world(app, a_shop(app), tmp_path, clock)
    yield made
    made.close()
    for name in databases(cluster, f"{database_of(fresh_database)}_before"):
        cluster.drop_database(name)


def sell(till: World, count: int) -> None:
    for _ in range(count):
        till.scan("A-1")
        till.press("f12")
    till.till.delivery.flush()


def booked(till: World) -> list[int]:
    """Return the numbers the server has, without delivering anything."""
    found = rows(till.app, "SELECT number FROM sales WHERE tenant_id = %s ORDER BY 1", (till.shop.tenant_id,))
    return [row["number"] for row in found]


def go_back(till: World, url: str, name: str, place: Path) -> None:
    """Put the backup in service, as an operator does while the till is stopped, and start the till again."""
    till.till.close()
    till.app.database.dispose()
    source = Source(DiskStore(place), name, KEY)
    restore_in_place(url, source, audit=audit_in(place), clock=till.clock, replace=True)
    till.till = till.open()


def test_sales_delivered_after_the_backup_are_delivered_again_and_booked_once(
    till: World, fresh_database: str, tmp_path: Path
) -> None:
    till.ready()
    sell(till, 2)
    made = make_backup(fresh_database, DiskStore(tmp_path), KEY, clock=till.clock)
    sell(till, 3)
    till.app.run(update_product, till.shop.owner, {"id": till.shop.products[0], "unit_price": "7.00"})
    before = sold(till)
    go_back(till, fresh_database, made.name, tmp_path)
    assert booked(till) == [1, 2]
    assert till.till.journal.unsent() == (3, 0)
    assert till.till.delivery.flush()
    assert sold(till) == before
    assert_books_hold(till.app, till.shop)
    till.sign_in()
    sell(till, 1)
    assert [(each["number"], each["total"]) for each in sold(till)][-1] == (6, 100), "at the price of the backup"
    till.restart()
    assert till.till.journal.unsent() == (0, 0)


@pytest.mark.long
def test_a_shift_opened_after_the_backup_comes_back_with_its_sales(
    till: World, fresh_database: str, tmp_path: Path
) -> None:
    made = make_backup(fresh_database, DiskStore(tmp_path), KEY, clock=till.clock)
    till.ready()
    sell(till, 2)
    before = sold(till)
    go_back(till, fresh_database, made.name, tmp_path)
    assert booked(till) == []
    assert till.till.journal.unsent() == (3, 0)
    assert till.till.delivery.flush()
    assert till.till.journal.unsent() == (0, 0)
    assert sold(till) == before
    assert_books_hold(till.app, till.shop)


def test_what_only_waits_to_be_delivered_is_no_sign_of_a_restored_server(till: World) -> None:
    till.ready()
    sell(till, 2)
    till.line.lose_answers_of = {"sales.deliver"}
    sell(till, 1)
    till.line.lose_answers_of = set()
    assert till.till.journal.deliver_again_from(3) == 0
    assert till.till.journal.unsent() == (1, 0)
