"""The server goes away, hangs or is full: callers hear it plainly, nothing is done twice, the next call works."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from primepos.core.db import Database, DatabaseUnavailable, OutcomeUnknown, run_in_transaction
from primepos.core.errors import ErrorKind
from primepos.domain.inventory.service import receive_stock
from primepos.domain.sales import queries
from primepos.domain.sales.service import book_sale
from tests.factories import a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.clock import FrozenClock
    from primepos.core.embedded.cluster import Cluster
    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def hang_up(cluster: Cluster, fresh_database: str) -> Iterator[Callable[[], None]]:
    """End every connection of the application, as a restart of the server does."""
    with psycopg.connect(cluster.admin_url(), autocommit=True) as connection:

        def end() -> None:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                (fresh_database.rsplit("/", 1)[1].split("?", maxsplit=1)[0],),
            )

        yield end


@pytest.fixture
def own_app(make_app: Callable[..., App], fresh_database: str) -> App:
    """An App on a database of this test's own."""
    return make_app(fresh_database)


def hanging_up_at(monkeypatch: pytest.MonkeyPatch, text: str, hang_up: Callable[[], None]) -> list[str]:
    """Hang up once, just before the first statement that contains ``text``; the list says when it happened."""
    execute = psycopg.Cursor.execute
    happened: list[str] = []

    def around(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if text in str(query) and not happened:
            happened.append(text)
            hang_up()
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", around)
    return happened


def test_after_a_restart_of_the_server_the_next_call_works(own_app: App, hang_up: Callable[[], None]) -> None:
    shop = a_shop(own_app)
    own_app.run(book_sale, shop.cashier, basket(shop))
    hang_up()
    assert own_app.run(book_sale, shop.cashier, basket(shop)).number == 2
    assert_books_hold(own_app, shop)


def test_a_connection_lost_before_the_commit_is_tried_again_and_books_once(
    own_app: App, hang_up: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop(own_app)
    happened = hanging_up_at(monkeypatch, "INSERT INTO sales", hang_up)
    assert own_app.run(book_sale, shop.cashier, basket(shop)).number == 1
    assert happened
    assert counts(own_app, shop)["sales"] == 1


def test_a_connection_lost_at_the_commit_is_told_as_what_it_is(
    own_app: App, hang_up: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop(own_app)
    asked = {
        "outlet_id": shop.outlet_id,
        "lines": [{"product_id": shop.products[0], "quantity": "5"}],
        "reason": "delivery",
    }
    happened = hanging_up_at(monkeypatch, "COMMIT", hang_up)
    with pytest.raises(OutcomeUnknown) as refused:
        own_app.run(receive_stock, shop.owner, asked)
    assert happened
    assert (refused.value.code, refused.value.kind) == ("OUTCOME_UNKNOWN", ErrorKind.UNAVAILABLE)
    assert "may" not in DatabaseUnavailable.template


def test_a_full_pool_is_told_and_frees_itself(database_url: str) -> None:
    narrow = Database(database_url, pool_size=1, max_overflow=0)
    narrow.engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # nobody wants to wait three seconds here
    holder = narrow.system_session(read_only=True)
    holder.rows("SELECT 1 AS one")
    with pytest.raises(DatabaseUnavailable) as refused:
        run_in_transaction(narrow.system_session, lambda uow: uow.rows("SELECT 1 AS one"))
    assert refused.value.kind is ErrorKind.UNAVAILABLE
    holder.close()
    assert run_in_transaction(narrow.system_session, lambda uow: uow.rows("SELECT 1 AS one")) == [{"one": 1}]
    narrow.dispose()


def test_a_statement_that_hangs_is_ended_and_its_connection_goes_on(database_url: str) -> None:
    hasty = Database(database_url, pool_size=1, max_overflow=0, statement_timeout_ms=30)
    with pytest.raises(DatabaseUnavailable):
        run_in_transaction(hasty.system_session, lambda uow: uow.rows("SELECT pg_sleep(30)"))
    assert run_in_transaction(hasty.system_session, lambda uow: uow.rows("SELECT 1 AS one")) == [{"one": 1}]
    hasty.dispose()


def test_a_server_that_is_not_there_is_told(database_url: str) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=2)
    assert database_url
    with pytest.raises(DatabaseUnavailable):
        run_in_transaction(gone.system_session, lambda uow: uow.rows("SELECT 1 AS one"))


def test_at_midnight_nobody_holds_the_register_while_waiting_for_goods(
    app: App, shop: Shop, clock: FrozenClock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=1))
    real = queries.ask_server_place
    free: list[bool] = []

    def looking(*args: Any) -> Any:
        with psycopg.connect(database_url) as other:
            other.execute("SET LOCAL ROLE primepos_system")
            try:
                other.execute("SELECT 1 FROM registers WHERE id = %s FOR UPDATE NOWAIT", (shop.server_id,))
                free.append(True)
            except psycopg.errors.LockNotAvailable:
                free.append(False)
        return real(*args)

    monkeypatch.setattr(queries, "ask_server_place", looking)
    sale = app.run(book_sale, shop.cashier, basket(shop))
    assert free == [True, True]
    assert (sale.business_date.day, sale.number) == (3, 2)
    assert len(rows(app, "SELECT id FROM shifts WHERE register_id = %s", (shop.server_id,))) == 2
    assert_books_hold(app, shop)
