"""Goods come back whose receipt is lost: at today's prices, for cash, flagged, and by whoever may."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.context import operator
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.outlets.service import archive_outlet
from primepos.domain.returns.service import refund_sale, refundable, return_goods
from primepos.domain.sales.errors import CannotRefund, CannotVoid, OutletNotFound, SaleConflict, UnknownProduct
from primepos.domain.sales.service import get_sale, list_sales, void_sale
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import a_product, a_shop, assert_books_hold, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.domain.sales.schemas import SaleOut
    from tests.factories import Shop


def asked(shop: Shop, **more: Any) -> dict[str, Any]:
    lines = [{"product_id": shop.products[0], "quantity": "2"}, {"sku": "B-2", "restock": False}]
    return {"id": new_id(), "outlet_id": shop.outlet_id, "lines": lines, "reason": "receipt lost", **more}


def back(app: App, shop: Shop, **more: Any) -> SaleOut:
    return app.run(return_goods, shop.owner, asked(shop, **more))


def test_goods_without_a_receipt_are_paid_out_in_cash_and_flagged(app: App, shop: Shop) -> None:
    made = back(app, shop)
    assert (made.kind, made.flags, made.returns, made.reason) == ("refund", ["NO_RECEIPT"], [], "receipt lost")
    assert (made.base, made.tax, made.total) == (-378, -72, -450)
    assert [(each.kind, each.amount) for each in made.payments] == [("cash", -450)]
    assert [(each.sku, each.quantity, each.total) for each in made.lines] == [
        ("A-1", Decimal(-2), -200),
        ("B-2", Decimal(-1), -250),
    ]
    levels = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert [each["quantity"] for each in levels] == [Decimal(2)]
    assert app.run(get_sale, shop.owner, {"id": made.id}) == made
    assert [each.id for each in app.run(list_sales, shop.owner, {"flagged": True}).items] == [made.id]
    assert_books_hold(app, shop)


def test_cash_is_rounded_to_coins_there_are(app: App) -> None:
    shop = a_shop(app, settings={"cash_rounding": {"step_minor": 5, "method": "half_up", "cash_only": True}})
    a_product(app, shop, sku="ODD", price="0.99")
    made = back(app, shop, lines=[{"sku": "ODD"}])
    assert (made.base + made.tax, made.rounding, made.total) == (-99, -1, -100)
    assert_books_hold(app, shop)


def test_goods_that_cost_nothing_move_and_pay_nothing(app: App, shop: Shop) -> None:
    made = back(app, shop, lines=[{"sku": "A-1", "unit_price": "0"}])
    assert (made.total, made.payments) == (0, [])
    assert_books_hold(app, shop)


def test_the_same_call_again_answers_and_books_nothing(app: App, shop: Shop) -> None:
    call = asked(shop)
    first = app.run(return_goods, shop.owner, call)
    before = counts(app, shop)
    assert app.run(return_goods, shop.owner, call) == first
    with pytest.raises(SaleConflict):
        app.run(return_goods, shop.owner, {**call, "reason": "another"})
    assert counts(app, shop) == before


def test_who_may_not_take_goods_back_without_a_receipt(app: App, shop: Shop) -> None:
    before = counts(app, shop)
    with pytest.raises(ApprovalRequired):
        app.run(return_goods, shop.manager, asked(shop))
    for person in (shop.cashier, shop.clerk, shop.accountant, shop.device):
        with pytest.raises(PermissionDenied):
            app.run(return_goods, person, asked(shop))
    assert counts(app, shop) == before


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"lines": [{"sku": "NOTHING"}]}, UnknownProduct),
        ({"lines": [{"sku": "A-1", "quantity": "0"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "-1"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "unit_price": "-1"}]}, InvalidInput),
        ({"lines": [{}]}, InvalidInput),
        ({"lines": []}, InvalidInput),
        ({"outlet_id": new_id()}, OutletNotFound),
    ],
)
def test_what_cannot_be_is_refused(app: App, shop: Shop, more: dict[str, Any], error: type[Exception]) -> None:
    before = counts(app, shop)
    with pytest.raises(error):
        back(app, shop, **more)
    assert counts(app, shop) == before


def test_an_archived_outlet_and_a_suspended_tenant_take_nothing_back(app: App, shop: Shop) -> None:
    app.run(archive_outlet, shop.owner, {"id": shop.outlet_id})
    with pytest.raises(OutletNotFound):
        back(app, shop)
    other = a_shop(app)
    app.run(suspend_tenant, operator("test"), {"slug": other.slug, "reason": "unpaid"})
    with pytest.raises(TenantSuspended):
        back(app, other)
    assert counts(app, other)["sales"] == 0


def test_it_is_neither_refunded_nor_voided(app: App, shop: Shop) -> None:
    made = back(app, shop)
    for act in (refund_sale, void_sale):
        with pytest.raises((CannotRefund, CannotVoid)):
            app.run(act, shop.manager, {"id": new_id(), "sale_id": made.id, "reason": "x"})
    with pytest.raises(CannotRefund):
        app.run(refundable, shop.manager, {"id": made.id})
