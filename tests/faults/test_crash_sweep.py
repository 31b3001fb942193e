"""F2: the process dies before and after every database call of a booking, one call after the other.

The call is found by counting, not by hand: a run without a fault says how many there are. A dying process is a real
one: a child that ends with ``os._exit`` in the middle, taking its connection with it. Afterwards the books must hold,
and the same call again must give one sale, whether or not the first had reached its commit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest

from primepos.domain.sales.service import book_sale, deliver_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.operations import App
    from tests.factories import Shop

DEATH = 86


class CallCounter:
    """Counts the driver's calls of one thread, and ends the process at one of them."""

    def __init__(self, die_at: int | None = None, *, after: bool = False) -> None:
        """Die at call ``die_at``, before or after it is made; None only counts."""
        self.calls = 0
        self._die_at = die_at
        self._after = after

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``real`` with the counter around it."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            number = self.calls
            if number == self._die_at and not self._after:
                os._exit(DEATH)
            result = real(*args, **kwargs)
            if number == self._die_at and self._after:
                os._exit(DEATH)
            return result

        return counted

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand around everything that talks to the server."""
        patch.setattr(psycopg.Cursor, "execute", self.around(psycopg.Cursor.execute))
        patch.setattr(psycopg.Cursor, "fetchone", self.around(psycopg.Cursor.fetchone))
        patch.setattr(psycopg.Cursor, "fetchall", self.around(psycopg.Cursor.fetchall))
        patch.setattr(psycopg.Connection, "commit", self.around(psycopg.Connection.commit))
        patch.setattr(psycopg.Pipeline, "__enter__", self.around(psycopg.Pipeline.__enter__))
        patch.setattr(psycopg.Pipeline, "__exit__", self.around(psycopg.Pipeline.__exit__))


def dies(run: Callable[[], Any], counter: CallCounter) -> bool:
    """Run in a child process that may die of the counter; tell whether it did."""
    child = os.fork()
    if child == 0:
        patch = pytest.MonkeyPatch()
        counter.install(patch)
        code = 0
        try:
            run()
        except BaseException:  # noqa: BLE001  the child must never return into the test runner
            code = 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, DEATH), f"the child failed by itself: {code}"
    return code == DEATH


def calls_of(run: Callable[[], Any]) -> int:
    """Count the database calls of a run without a fault."""
    counter = CallCounter()
    with pytest.MonkeyPatch.context() as patch:
        counter.install(patch)
        run()
    return counter.calls


def sweep(app: App, shop: Shop, run: Callable[[Any], Any], new: Callable[[], Any]) -> None:
    """Kill a booking at every call, before and after it, and look at what is left each time."""
    run(new())
    total = calls_of(lambda: run(new()))
    assert total > 8
    for number in range(1, total + 1):
        for after in (False, True):
            asked = new()
            before = counts(app, shop)
            # The child inherits no connection: the pool is emptied, so its death takes only its own with it.
            app.database.dispose()
            assert dies(lambda asked=asked: run(asked), CallCounter(number, after=after))
            app.database.dispose()
            halfway = counts(app, shop)
            assert halfway["sales"] - before["sales"] in (0, 1)
            first = run(asked)
            assert msgspec.json.encode(run(asked)) == msgspec.json.encode(first)
            assert counts(app, shop)["sales"] == before["sales"] + 1
    assert_books_hold(app, shop)


@pytest.mark.slow
def test_a_booking_killed_at_any_call_is_whole_or_absent(app: App, shop: Shop) -> None:
    sweep(app, shop, lambda asked: app.run(book_sale, shop.cashier, asked), lambda: basket(shop))
    series = rows(app, "SELECT count(*) AS n, max(number) AS last FROM sales WHERE register_id = %s", (shop.server_id,))
    assert series[0]["n"] == series[0]["last"]


@pytest.mark.slow
def test_a_delivery_killed_at_any_call_is_whole_or_absent(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    sweep(app, shop, lambda sale: app.run(deliver_sale, shop.device, sale), till.sell)
