"""Goods come back and others are taken instead, in one record: only the difference is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.context import operator
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.inventory.service import receive_stock
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.returns.service import exchange_goods, refund_sale
from primepos.domain.sales.errors import (
    AlreadyVoided,
    CannotRefund,
    CannotVoid,
    CardExceeded,
    OutletNotFound,
    OutOfStock,
    ReturnExceedsSold,
    SaleConflict,
    SaleNotFound,
    TendersDiffer,
    UnknownProduct,
)
from primepos.domain.sales.service import book_sale, get_sale, void_sale
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.factories import a_product, a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.domain.sales.schemas import SaleOut
    from tests.factories import Shop

CARD = {"kind": "card", "amount": 300, "reference": "4711"}


def asked(shop: Shop, sale: SaleOut, **more: Any) -> dict[str, Any]:
    """Bring the bread (2.50) back for three apples (3.00)."""
    lines = [{"product_id": shop.products[0], "quantity": "3"}]
    return {
        "id": new_id(),
        "sale_id": sale.id,
        "returns": [{"line_no": 2}],
        "lines": lines,
        "tenders": [{"kind": "cash", "amount": 100}],
        "reason": "wrong one",
        **more,
    }


def swap(app: App, shop: Shop, sale: SaleOut, **more: Any) -> SaleOut:
    return app.run(exchange_goods, shop.manager, asked(shop, sale, **more))


def test_a_dearer_thing_is_taken_and_the_difference_paid(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    made = swap(app, shop, sale)
    assert (made.kind, made.number, made.total, made.change, made.reason) == ("sale", 2, 50, 50, "wrong one")
    assert [(each.sku, each.quantity, each.total) for each in made.lines] == [
        ("A-1", Decimal(3), 300),
        ("B-2", Decimal(-1), -250),
    ]
    assert [(each.base, each.amount) for each in made.taxes] == [(252, 48), (-210, -40)]
    assert [(each.kind, each.amount) for each in made.payments] == [("cash", 100), ("change", -50)]
    assert [(each.line_no, each.of_sale_id, each.of_line_no) for each in made.returns] == [(2, sale.id, 2)]
    assert app.run(get_sale, shop.owner, {"id": made.id}) == made
    levels = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s ORDER BY 1", (shop.tenant_id,))
    assert [each["quantity"] for each in levels] == [Decimal(-5), Decimal(0)]
    assert_books_hold(app, shop)


def test_a_cheaper_thing_is_taken_and_the_rest_goes_back_to_what_paid(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=[CARD, {"kind": "cash", "amount": 150}]))
    made = swap(app, shop, sale, lines=[{"sku": "A-1"}], tenders=[])
    assert (made.total, [(each.kind, each.reference, each.amount) for each in made.payments]) == (
        -150,
        [("card", "4711", -150)],
    )
    assert_books_hold(app, shop)


def test_one_thing_for_the_same_is_paid_by_nothing(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    made = swap(app, shop, sale, lines=[{"sku": "B-2"}], tenders=[])
    assert (made.total, made.payments) == (0, [])
    before = counts(app, shop)
    with pytest.raises(TendersDiffer):
        swap(app, shop, sale, returns=[{"line_no": 1}], lines=[{"sku": "A-1", "quantity": "2"}])
    assert counts(app, shop) == before
    assert_books_hold(app, shop)


def test_what_was_taken_instead_can_come_back_and_what_came_back_cannot_again(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    made = swap(app, shop, sale)
    with pytest.raises(ReturnExceedsSold):
        swap(app, shop, sale)
    again = {"id": new_id(), "sale_id": made.id, "reason": "no"}
    with pytest.raises(ReturnExceedsSold):
        app.run(refund_sale, shop.manager, {**again, "lines": [{"line_no": 2}]})
    refund = app.run(refund_sale, shop.manager, again)
    assert [(each.sku, each.quantity, each.total) for each in refund.lines] == [("A-1", Decimal(-3), -300)]
    with pytest.raises(CannotVoid):
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": made.id, "reason": "no"})
    assert_books_hold(app, shop)


def test_the_same_call_again_answers_and_books_nothing(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    call = asked(shop, sale)
    first = app.run(exchange_goods, shop.manager, call)
    before = counts(app, shop)
    assert app.run(exchange_goods, shop.manager, call) == first
    with pytest.raises(SaleConflict):
        app.run(exchange_goods, shop.manager, {**call, "reason": "another"})
    assert counts(app, shop) == before


def test_cash_is_rounded_to_coins_there_are_in_either_direction(app: App) -> None:
    shop = a_shop(app, settings={"cash_rounding": {"step_minor": 5, "method": "half_up", "cash_only": True}})
    a_product(app, shop, sku="ODD", price="2.53")
    sale = app.run(book_sale, shop.cashier, basket(shop))
    paid = swap(app, shop, sale, lines=[{"sku": "ODD"}], tenders=[{"kind": "cash", "amount": 5}])
    assert (paid.rounding, paid.total) == (2, 5)
    back = swap(app, shop, paid, returns=[{"line_no": 1}], lines=[{"sku": "A-1"}], tenders=[])
    assert (back.base + back.tax, back.rounding, back.total) == (-153, -2, -155)
    assert_books_hold(app, shop)


def test_what_cannot_be_exchanged_is_refused_and_nothing_is_booked(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=[CARD, {"kind": "cash", "amount": 150}]))
    other = app.run(book_sale, shop.cashier, basket(shop))
    void = app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": other.id, "reason": "x"})
    before = counts(app, shop)
    for more, error in (
        ({"tenders": []}, NotPaid),
        ({"tenders": [{"kind": "cash", "amount": 49}]}, NotPaid),
        ({"lines": [{"sku": "A-1"}], "tenders": [{"kind": "cash", "amount": 149}]}, TendersDiffer),
        ({"returns": [{"line_no": 1}, {"line_no": 2}], "lines": [{"sku": "A-1"}],
          "tenders": [{"kind": "card", "amount": 350}]}, CardExceeded),
        ({"lines": [{"sku": "NOTHING"}]}, UnknownProduct),
        ({"returns": [{"line_no": 2, "quantity": "1.001"}]}, ReturnExceedsSold),
        ({"sale_id": new_id()}, SaleNotFound),
        ({"outlet_id": new_id()}, OutletNotFound),
        ({"sale_id": other.id}, AlreadyVoided),
        ({"sale_id": void.id}, CannotRefund),
    ):  # fmt: skip
        with pytest.raises(error):
            swap(app, shop, sale, **more)
        assert counts(app, shop) == before
    with pytest.raises(ApprovalRequired):
        app.run(exchange_goods, shop.cashier, asked(shop, sale))
    with pytest.raises(PermissionDenied):
        app.run(exchange_goods, shop.device, asked(shop, sale))
    with pytest.raises(SaleNotFound):
        swap(app, a_shop(app), sale)
    app.run(suspend_tenant, operator("test"), {"slug": shop.slug, "reason": "unpaid"})
    with pytest.raises(TenantSuspended):
        swap(app, shop, sale)
    assert counts(app, shop) == before


def test_what_is_not_there_is_not_taken_where_the_shop_blocks_it(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    lines = [{"product_id": shop.products[0], "quantity": "4"}, {"product_id": shop.products[1], "quantity": "1"}]
    app.run(receive_stock, shop.owner, {"outlet_id": shop.outlet_id, "lines": lines, "reason": "first"})
    sale = app.run(book_sale, shop.cashier, basket(shop))
    before = counts(app, shop)
    with pytest.raises(OutOfStock):
        swap(app, shop, sale)
    assert counts(app, shop) == before
