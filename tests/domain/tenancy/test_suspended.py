"""A suspended tenant: tills deliver, shifts and periods are closed, the books go out; nothing is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from primepos.core.context import operator
from primepos.domain.cash.service import close_shift
from primepos.domain.exporting.service import list_datasets, read_part
from primepos.domain.fiscal.service import close_period, outline
from primepos.domain.sales.service import book_sale, deliver_sale
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, counts

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop


def test_tills_finish_and_close_and_nothing_new_is_begun(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop)
    till = TillSeries(shop, shift, NOON)
    app.run(deliver_sale, shop.device, till.sell())
    app.run(suspend_tenant, operator("tests"), {"slug": shop.slug, "reason": "unpaid"})
    # Sold before the till heard of it, and after: it cannot know.
    for _ in range(2):
        app.run(deliver_sale, shop.device, till.sell())
    before = counts(app, shop)
    with pytest.raises(TenantSuspended):
        app.run(book_sale, shop.cashier, basket(shop))
    assert counts(app, shop) == before
    closed = app.run(close_shift, shop.cashier, {"shift_id": shift, "counted": 11_350})
    assert closed.z_number == 1
    done = app.run(close_period, shop.owner, {"period": "day"})
    assert [(each.sales, each.total) for each in done.closings] == [(3, 1350)]
    assert [each.last_number for each in app.run(outline, shop.owner, {}).series] == [3]
    assert app.run(list_datasets, shop.owner, {}).rows
    assert len(app.run(read_part, shop.owner, {"dataset": "sales"}).rows) == 3
    assert_books_hold(app, shop)
