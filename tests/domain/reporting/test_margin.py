"""Margins: net sales less what goods were worth when sold; what nobody knows the cost of is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.service import create_category, update_product
from primepos.domain.outlets.errors import OutletNotFound
from primepos.domain.reporting.service import report_margin
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.service import book_sale
from tests.domain.inventory.goods import stocked
from tests.factories import a_product, assert_books_hold, basket

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop


def margin(app: App, shop: Shop, **asked: Any) -> list[tuple[Any, ...]]:
    found = app.run(report_margin, shop.accountant, asked)
    rows = [*found.rows, found.total]
    return [(each.key, each.base, each.known_base, each.cost, each.margin, each.uncosted_lines) for each in rows]


@pytest.fixture
def sold(app: App, shop: Shop) -> Shop:
    """Four apples and two bread sold and one of each back; bread's cost is known, then a service."""
    apple, bread, _ = shop.products
    dairy = app.run(create_category, shop.owner, {"name": "Bakery"}).id
    app.run(update_product, shop.owner, {"id": bread, "category_id": dairy})
    stocked(app, shop, bread, "10", "1.00")
    sale = app.run(book_sale, shop.cashier, basket(shop))
    # What arrives later does not change what was earned before.
    stocked(app, shop, apple, "10", "0.50")
    stocked(app, shop, bread, "100", "9.00")
    app.run(book_sale, shop.cashier, basket(shop, lines=[{"product_id": apple, "quantity": "2"}]))
    service = a_product(app, shop, sku="WRAP", price="1.19", track_stock=False)
    app.run(book_sale, shop.cashier, basket(shop, lines=[{"product_id": service, "quantity": "1"}]))
    back = {"id": new_id(), "sale_id": sale.id, "lines": [{"line_no": 1, "quantity": "1"}], "reason": "soft"}
    app.run(refund_sale, shop.manager, back)
    return shop


def test_the_margin_is_of_what_goods_cost_when_they_were_sold(app: App, sold: Shop) -> None:
    # Apples: 1.68 of unknown cost, 1.68 at 2 x 0.50, 0.84 back at 0.50. Bread: 2.10 at 1.00.
    total = ("total", 168 + 168 - 84 + 210 + 100, 168 - 84 + 210, 100 - 50 + 100, 144, 2)
    assert margin(app, sold) == [
        ("B-2", 210, 210, 100, 110, 0),
        ("A-1", 252, 84, 50, 34, 1),
        ("WRAP", 100, 0, 0, 0, 1),
        total,
    ]
    assert margin(app, sold, group_by="category") == [
        ("Bakery", 210, 210, 100, 110, 0),
        ("", 352, 84, 50, 34, 2),
        total,
    ]
    for group_by, key in (("outlet", "main"), ("day", "2026-03-02"), ("month", "2026-03")):
        assert margin(app, sold, group_by=group_by) == [(key, *total[1:]), total]
    found = app.run(report_margin, sold.manager, {"limit": 1})
    assert (found.rows[0].percent, found.total.percent, found.is_complete) == (
        Decimal("52.38"),
        Decimal("48.98"),
        False,
    )
    assert margin(app, sold, since="2026-03-03") == [("total", 0, 0, 0, 0, 0)]
    assert app.run(report_margin, sold.manager, {"until": "2026-03-01"}).total.percent is None
    assert_books_hold(app, sold)


def test_who_may_not_see_it_is_refused_and_outlets_are_kept_apart(app: App, sold: Shop) -> None:
    for who in (sold.cashier, sold.clerk):
        with pytest.raises(PermissionDenied):
            app.run(report_margin, who, {})
    elsewhere = replace(sold.manager, outlet_ids=frozenset({uuid4()}))
    assert app.run(report_margin, elsewhere, {}).rows == []
    with pytest.raises(OutletNotFound):
        app.run(report_margin, elsewhere, {"outlet_id": sold.outlet_id})
    for wrong in ({"since": "2026-03-03", "until": "2026-03-02"}, {"group_by": "hour"}):
        with pytest.raises(InvalidInput):
            app.run(report_margin, sold.manager, wrong)
