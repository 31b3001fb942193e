"""F21: a backup made while the shop sells, restored on another server, holds every sale acknowledged before it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from primepos.adapters.backup.filling import Source
from primepos.adapters.backup.making import make_backup
from primepos.adapters.backup.restoring import restore_into
from primepos.adapters.storage.disk import DiskStore
from primepos.core.clock import FrozenClock
from primepos.core.ids import new_id
from primepos.domain.sales.service import book_sale
from tests.adapters.backup_world import KEY, app_on, audit_in, read_as
from tests.conftest import NOON
from tests.core.embedded_world import World
from tests.factories import a_shop, assert_books_hold, basket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from primepos.core.operations import App
    from tests.factories import Shop

TILLS, MORE = 3, 30


class Selling:
    """Threads that book sales until the block ends; ``acknowledged`` are those they were told of."""

    def __init__(self, app: App, shop: Shop) -> None:
        self.acknowledged: set[str] = set()
        self.asked: set[str] = set()
        self._app, self._shop = app, shop
        self._changed = threading.Condition()
        self._stopping = False
        self._problems: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(TILLS)]

    def _run(self) -> None:
        try:
            while not self._stopping:
                sale = basket(self._shop, id=new_id())
                with self._changed:
                    self.asked.add(str(sale["id"]))
                self._app.run(book_sale, self._shop.cashier, sale)
                with self._changed:
                    self.acknowledged.add(str(sale["id"]))
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001  told to the test, which runs in another thread
            with self._changed:
                self._problems.append(error)
                self._changed.notify_all()

    def wait_for(self, more: int) -> set[str]:
        """Wait for so many further sales and return all that are acknowledged."""
        with self._changed:
            wanted = len(self.acknowledged) + more
            assert self._changed.wait_for(lambda: len(self.acknowledged) >= wanted or bool(self._problems), 120)
            assert not self._problems, self._problems
            return set(self.acknowledged)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        for thread in self._threads:
            thread.join(60)


class Watched(DiskStore):
    """A place that lets the shop sell on while the dump is on its way: were selling held up, it would never end."""

    def __init__(self, directory: Path, selling: Selling) -> None:
        super().__init__(directory)
        self._selling = selling

    def put(self, name: str, pieces: Any) -> Any:
        def watched() -> Iterator[bytes]:
            for number, piece in enumerate(pieces):
                if number in {0, 1}:
                    self._selling.wait_for(MORE)
                yield piece

        return super().put(name, watched())


@pytest.mark.long
def test_every_sale_acknowledged_before_the_backup_began_is_in_the_copy_and_its_books_hold(
    make_app: Callable[..., App], fresh_database: str, tmp_path: Path
) -> None:
    app = make_app(fresh_database, DB_POOL_SIZE="8")
    shop = a_shop(app)
    elsewhere = World()
    try:
        with Selling(app, shop) as selling:
            before = selling.wait_for(100)
            store = Watched(tmp_path / "backups", selling)
            made = make_backup(fresh_database, store, KEY, clock=FrozenClock(NOON))
            after = selling.wait_for(1)
        assert len(after) >= len(before) + 2 * MORE, "selling went on meanwhile"
        cluster = elsewhere.cluster()
        cluster.ensure_running()
        cluster.create_database("copy")
        copy = cluster.owner_url("copy")
        source = Source(DiskStore(tmp_path / "backups"), made.name, KEY)
        done = restore_into(copy, source, audit=audit_in(tmp_path), clock=FrozenClock(NOON))
        restored = {str(sale) for (sale,) in read_as(copy, "primepos_system", "SELECT id FROM sales")}
        assert before <= restored <= selling.asked
        assert done.rows == made.rows
        for role, seen in (("primepos_app", 0), ("primepos_system", len(restored))):
            assert read_as(copy, role, "SELECT count(*) FROM sales") == [(seen,)]
        with app_on(copy, tmp_path) as there:
            sold = there.run(book_sale, shop.cashier, basket(shop))
            assert sold.number == len(restored) + 1, "the series goes on without a gap"
            assert_books_hold(there, shop)
    finally:
        elsewhere.close()
