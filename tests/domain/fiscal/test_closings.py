"""Days, months and years are closed by number, so that nothing falls between two closings, whatever its date."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.fiscal.errors import PeriodNotOver, SeriesNotFound
from primepos.domain.fiscal.service import close_period, exported_sales, list_closings, outline
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.chain import GENESIS
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.conftest import NOON
from tests.domain.sales.test_races import at_once
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from primepos.domain.fiscal.schemas import Closed
    from tests.factories import Shop


def close(app: App, shop: Shop, **data: Any) -> Closed:
    return app.run(close_period, shop.owner, data)


def test_a_day_is_closed_with_its_totals_and_everything_so_far(app: App, shop: Shop, clock: FrozenClock) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    app.run(book_sale, shop.cashier, basket(shop))
    void = {"id": new_id(), "sale_id": sale.id, "reason": "wrong"}
    last = app.run(void_sale, shop.manager, void)
    (first,) = close(app, shop).closings
    assert (first.series, first.period, first.closing_no) == (f"{shop.server_prefix}/1", "day", 1)
    assert (first.from_number, first.to_number, first.sales, first.voids, first.refunds) == (1, 3, 2, 1, 0)
    assert (first.base, first.tax, first.rounding, first.total, first.sold) == (378, 72, 0, 450, 900)
    assert [(each.code, each.rate, each.base, each.amount) for each in first.taxes] == [("std", Decimal(19), 378, 72)]
    assert (first.last_hash, first.prev_hash, first.until) == (last.hash, GENESIS, date(2026, 3, 2))

    clock.advance(timedelta(days=1))
    sold = app.run(book_sale, shop.cashier, basket(shop))
    app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sold.id, "reason": "back"})
    (second,) = close(app, shop).closings
    assert (second.closing_no, second.from_number, second.to_number) == (2, 4, 5)
    assert (second.sales, second.refunds, second.total, second.sold) == (1, 1, 0, 450)
    assert (second.grand_total, second.grand_sold, second.prev_hash) == (450, 1350, first.hash)
    listed = app.run(list_closings, shop.accountant, {}).items
    assert listed == [second, first]
    assert_books_hold(app, shop)


def test_closing_again_closes_nothing(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    assert len(close(app, shop).closings) == 1
    assert close(app, shop).closings == []
    assert len(rows(app, "SELECT 1 AS n FROM fiscal_closings WHERE tenant_id = %s", (shop.tenant_id,))) == 1


def test_a_month_holds_what_was_sold_before_the_next_began(app: App, shop: Shop, clock: FrozenClock) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=31))
    app.run(book_sale, shop.cashier, basket(shop))
    (march,) = close(app, shop, period="month", until=date(2026, 3, 9)).closings
    assert (march.until, march.from_number, march.to_number) == (date(2026, 3, 31), 1, 1)
    (april,) = close(app, shop, period="month").closings
    assert (april.until, april.from_number, april.to_number) == (date(2026, 4, 30), 2, 2)
    (year,) = close(app, shop, period="year").closings
    assert (year.until, year.from_number, year.to_number, year.total) == (date(2026, 12, 31), 1, 2, 900)
    assert_books_hold(app, shop)


def test_what_comes_late_with_an_earlier_date_is_in_the_next_closing(app: App, shop: Shop, clock: FrozenClock) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    app.run(deliver_sale, shop.device, till.sell())
    missing, third = till.sell(), till.sell()
    app.run(deliver_sale, shop.device, third)
    closed = close(app, shop)
    assert [(each.to_number, each.total) for each in closed.closings] == [(1, 450)]
    assert [(each.series, each.missing) for each in closed.waiting] == [(f"{shop.till_prefix}/1", 2)]
    clock.advance(timedelta(days=1))
    app.run(deliver_sale, shop.device, missing)
    (rest,) = close(app, shop).closings
    assert (rest.from_number, rest.to_number, rest.total) == (2, 3, 900)
    assert_books_hold(app, shop)


def test_a_period_is_not_closed_before_its_time(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    with pytest.raises(PeriodNotOver) as refused:
        close(app, shop, until=date(2026, 3, 3))
    assert refused.value.data == {"period": "day", "latest": "2026-03-02"}
    assert rows(app, "SELECT 1 AS n FROM fiscal_closings WHERE tenant_id = %s", (shop.tenant_id,)) == []


def test_who_sells_closes_no_period_and_takes_no_export_along(app: App, shop: Shop) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    for person in (shop.cashier, shop.clerk, shop.manager, shop.device):
        with pytest.raises(PermissionDenied):
            app.run(close_period, person, {})
    for person in (shop.cashier, shop.clerk, shop.device):
        with pytest.raises(PermissionDenied):
            app.run(outline, person, {})
        with pytest.raises(PermissionDenied):
            app.run(list_closings, person, {})


def test_another_tenants_series_is_not_found(app: App, shop: Shop) -> None:
    with pytest.raises(SeriesNotFound):
        app.run(exported_sales, shop.owner, {"register_id": new_id(), "epoch": 1, "up_to": 5})


def test_eight_that_close_at_once_make_one_closing(make_app: Callable[..., App], database_url: str, shop: Shop) -> None:
    wide = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    for _ in range(3):
        wide.run(book_sale, shop.cashier, basket(shop))
    answers = at_once([lambda: close(wide, shop) for _ in range(8)])
    assert sorted(len(each.closings) for each in answers if not isinstance(each, Exception)) == [0] * 7 + [1]
    assert_books_hold(wide, shop)
