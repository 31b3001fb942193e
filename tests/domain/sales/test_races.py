"""Many at once: real threads on real connections, all let go at the same moment."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.cash.service import close_shift, open_shift
from primepos.domain.sales.errors import AlreadyVoided, OutOfStock
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from primepos.core.operations import App
    from tests.factories import Shop

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | PrimePOSError]:
    """Run every call in a thread of its own, starting together; refusals come back as values."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | PrimePOSError:
        gate.wait()
        try:
            return call()
        except PrimePOSError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def wide_app(make_app: Callable[..., App], database_url: str) -> App:
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_eight_callers_on_one_series_are_all_served_without_a_gap(wide_app: App) -> None:
    shop = a_shop(wide_app)
    answers = at_once(
        [lambda: [wide_app.run(book_sale, shop.cashier, basket(shop)).number for _ in range(10)] for _ in range(8)]
    )
    numbers = sorted(number for answer in answers if isinstance(answer, list) for number in answer)
    assert numbers == list(range(1, 81))
    assert_books_hold(wide_app, shop)


def test_baskets_in_opposite_order_do_not_block_each_other(wide_app: App) -> None:
    shop = a_shop(wide_app)
    forward = [{"product_id": each, "quantity": "1"} for each in shop.products]

    def sell(lines: list[dict[str, Any]]) -> Callable[[], int]:
        return lambda: sum(
            wide_app.run(book_sale, shop.cashier, basket(shop, lines=lines, paid=2000)).total for _ in range(10)
        )

    answers = at_once([sell(forward if n % 2 else forward[::-1]) for n in range(8)])
    assert answers == [13_490] * 8
    assert_books_hold(wide_app, shop)


def test_twins_are_one_sale(wide_app: App, shop: Shop) -> None:
    asked = basket(shop)
    answers = at_once([lambda: wide_app.run(book_sale, shop.cashier, asked)] * 16)
    assert len({msgspec.json.encode(answer) for answer in answers}) == 1
    assert counts(wide_app, shop)["sales"] == 1
    assert_books_hold(wide_app, shop)


def test_twins_with_other_content_are_one_sale_and_conflicts(wide_app: App, shop: Shop) -> None:
    asked = basket(shop)
    other = {**asked, "lines": [{"product_id": shop.products[2], "quantity": "1"}]}
    answers = at_once([lambda body=body: wide_app.run(book_sale, shop.cashier, body) for body in [asked, other] * 6])
    codes = Counter(answer.code if isinstance(answer, PrimePOSError) else "booked" for answer in answers)
    assert codes == {"booked": 6, "SALE_CONFLICT": 6}
    assert counts(wide_app, shop)["sales"] == 1


def test_twin_deliveries_are_one_sale(wide_app: App, shop: Shop) -> None:
    sale = TillSeries(shop, a_shift(wide_app, shop), NOON).sell()
    answers = at_once([lambda: wide_app.run(deliver_sale, shop.device, sale)] * 16)
    assert len({msgspec.json.encode(answer) for answer in answers}) == 1
    assert counts(wide_app, shop)["sales"] == 1


def test_a_series_delivered_by_many_hands_keeps_its_head(wide_app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(wide_app, shop), NOON)
    sales = [till.sell() for _ in range(24)]
    answers = at_once(
        [
            lambda part=sales[n::8]: [wide_app.run(deliver_sale, shop.device, sale).number for sale in part]
            for n in range(8)
        ]
    )
    assert all(isinstance(answer, list) for answer in answers)
    head = rows(
        wide_app, "SELECT next_number, encode(last_hash, 'hex') AS hash FROM registers WHERE id = %s", (shop.till_id,)
    )
    assert head == [{"next_number": 25, "hash": sales[-1].hash}]
    assert_books_hold(wide_app, shop)


def test_the_last_piece_is_sold_once(wide_app: App) -> None:
    shop = a_shop(wide_app, settings={"stock_policy": "block"})
    from primepos.domain.inventory.service import receive_stock

    wide_app.run(
        receive_stock,
        shop.owner,
        {"outlet_id": shop.outlet_id, "lines": [{"product_id": shop.products[0], "quantity": "1"}], "reason": "one"},
    )
    lines = [{"product_id": shop.products[0], "quantity": "1"}]
    answers = at_once([lambda: wide_app.run(book_sale, shop.cashier, basket(shop, lines=lines)) for _ in range(8)])
    refused = [answer for answer in answers if isinstance(answer, OutOfStock)]
    assert len(refused) == 7
    assert counts(wide_app, shop)["sales"] == 1
    assert_books_hold(wide_app, shop)


def test_two_voids_of_one_sale_are_one(wide_app: App, shop: Shop) -> None:
    sale = wide_app.run(book_sale, shop.cashier, basket(shop))
    answers = at_once(
        [
            lambda: wide_app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "race"})
            for _ in range(8)
        ]
    )
    assert sum(isinstance(answer, AlreadyVoided) for answer in answers) == 7
    assert_books_hold(wide_app, shop)


def test_one_register_has_one_open_shift(wide_app: App, shop: Shop) -> None:
    answers = at_once(
        [
            lambda: wide_app.run(
                open_shift, shop.cashier, {"id": new_id(), "register_id": shop.till_id, "opening_float": 0}
            )
            for _ in range(8)
        ]
    )
    codes = Counter(answer.code if isinstance(answer, PrimePOSError) else "open" for answer in answers)
    assert codes == {"open": 1, "SHIFT_ALREADY_OPEN": 7}


def test_a_shift_closes_once_and_no_sale_slips_into_it_unseen(wide_app: App, shop: Shop) -> None:
    shift = a_shift(wide_app, shop)
    till = TillSeries(shop, shift, NOON)
    sales = [till.sell() for _ in range(12)]
    calls: list[Callable[[], Any]] = [lambda sale=sale: wide_app.run(deliver_sale, shop.device, sale) for sale in sales]
    calls += [lambda: wide_app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 10_000})] * 3
    answers = at_once(calls)
    codes = Counter(answer.code if isinstance(answer, PrimePOSError) else "done" for answer in answers)
    assert codes == {"done": 15}
    closings = rows(
        wide_app,
        "SELECT count(*) AS n FROM audit_events WHERE subject = %s AND data ? 'z_number'",
        (f"shift:{shift}",),
    )
    assert closings == [{"n": 1}]
    assert_books_hold(wide_app, shop)
