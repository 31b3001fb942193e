"""A shop is migrated while it sells: no sale fails, none is lost, and what is migrated is complete.

The change is that of tests/adapters/channel_revisions.py, on the very tables that a sale writes. Here it is looked at
whether it works; how long anybody waits is measured by bench/migrate_live.py.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import pytest

from primepos.adapters import migration_files, migrations
from primepos.adapters.migrations import Told
from primepos.core.ids import new_id
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.adapters.channel_revisions import a_channel_for_sales
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primepos.core.operations import App
    from tests.factories import Shop

TILLS = 3
BEFORE = 5


class Tills:
    """Threads that book at the core, each in a shop of its own, until the block ends."""

    def __init__(self, app: App, shops: list[Shop]) -> None:
        self.booked = [0] * len(shops)
        self.failed: list[BaseException] = []
        self._app, self._shops = app, shops
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._sell, args=(number,)) for number in range(len(shops))]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, more: int) -> None:
        """Wait until every till has booked so many further sales."""
        wanted = [each + more for each in self.booked]
        with self._changed:
            done = self._changed.wait_for(lambda: self.failed or all(map(int.__ge__, self.booked, wanted)), timeout=120)
        assert done, self.booked
        assert self.failed == []

    def _sell(self, number: int) -> None:
        shop = self._shops[number]
        while not self._stopping.is_set():
            try:
                self._app.run(book_sale, shop.cashier, basket(shop))
            except BaseException as error:  # noqa: BLE001  told to the test, which runs in another thread
                with self._changed:
                    self.failed.append(error)
                    self._changed.notify_all()
                return
            with self._changed:
                self.booked[number] += 1
                self._changed.notify_all()


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Migrate by a copy of the migrations with the change; its revisions."""
    made = a_channel_for_sales(tmp_path / "migrations", batch=5)
    monkeypatch.setattr(migration_files, "script_location", lambda: tmp_path / "migrations")
    return made


@pytest.mark.slow
def test_no_sale_fails_while_the_tables_of_a_sale_are_migrated(
    make_app: Callable[..., App], fresh_database: str, change: list[str]
) -> None:
    app = make_app(fresh_database, DB_POOL_SIZE=str(TILLS + 1))
    shops = [a_shop(app) for _ in range(TILLS)]
    steps: list[str] = []
    with Tills(app, shops) as tills:
        tills.wait_for(BEFORE)

        def sell_on(revision: migration_files.Revision) -> None:
            # Old code on each state of the schema, not only on the last.
            tills.wait_for(1)
            steps.append(revision.revision)

        migrations.upgrade(fresh_database, told=Told(step=sell_on))
        tills.wait_for(BEFORE)

    assert tills.failed == []
    assert steps == change
    for shop, booked in zip(shops, tills.booked, strict=True):
        found = rows(
            app, "SELECT count(*) AS n, count(channel) AS told FROM sales WHERE tenant_id = %s", (shop.tenant_id,)
        )
        assert found == [{"n": booked, "told": booked}]
        assert_books_hold(app, shop)
    assert [each for each in migrations.verify(fresh_database) if each.what in {"revision", "index"}] == []


@pytest.fixture(params=["after the expand", "after everything"])
def newer(request: pytest.FixtureRequest, make_app: Callable[..., App], fresh_database: str, change: list[str]) -> App:
    """This code on a database that a later release has migrated (F19)."""
    migrations.upgrade(fresh_database, change[0] if request.param == "after the expand" else change[-1])
    return make_app(fresh_database)


def test_the_code_before_goes_on_selling_on_the_schema_after(newer: App) -> None:
    shop = a_shop(newer)
    sale = newer.run(book_sale, shop.cashier, basket(shop))
    again = newer.run(book_sale, shop.cashier, basket(shop))
    assert (sale.total, sale.number, again.number) == (450, 1, 2)

    void = newer.run(void_sale, shop.manager, {"id": new_id(), "sale_id": again.id, "reason": "mistake"})
    assert (void.kind, void.total) == ("void", -450)
    back = newer.run(
        refund_sale,
        shop.manager,
        {
            "id": new_id(),
            "sale_id": sale.id,
            "lines": [{"line_no": 2, "quantity": "1"}],
            "reason": "stale",
        },
    )
    assert (back.kind, back.total) == ("refund", -250)
    till = TillSeries(shop, a_shift(newer, shop), NOON)
    delivered = [newer.run(deliver_sale, shop.device, till.sell()) for _ in range(2)]
    assert [each.number for each in delivered] == [1, 2]

    channels = rows(newer, "SELECT DISTINCT channel FROM sales WHERE tenant_id = %s", (shop.tenant_id,))
    assert channels == [{"channel": "till"}]
    assert_books_hold(newer, shop)
