"""Undoing a sale in its shift: a counter-record, never a deletion."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.sales.errors import (
    AlreadyVoided,
    CannotVoid,
    SaleConflict,
    SaleNotFound,
    VoidAtTill,
    VoidTooLate,
)
from primepos.domain.sales.service import book_sale, deliver_sale, get_sale, void_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def test_a_void_negates_every_figure_and_puts_the_goods_back(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    void = app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong price"})

    assert (void.kind, void.number, void.base, void.tax, void.total) == ("void", 2, -378, -72, -450)
    assert [(each.kind, each.amount) for each in void.payments] == [("cash", -1000), ("change", 550)]
    assert [(each.quantity, each.total) for each in void.lines] == [(Decimal(-2), -200), (Decimal(-1), -250)]
    assert (void.void_of, void.reason, void.prev_hash) == (sale.id, "wrong price", sale.hash)
    assert app.run(get_sale, shop.owner, {"id": sale.id}).voided_by == void.id
    levels = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert [level["quantity"] for level in levels] == [Decimal(0), Decimal(0)]
    assert_books_hold(app, shop)


def test_the_same_void_again_answers_and_books_nothing(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    asked = {"id": new_id(), "sale_id": sale.id, "reason": "wrong price"}
    first = app.run(void_sale, shop.manager, asked)
    before = counts(app, shop)
    assert app.run(void_sale, shop.manager, asked) == first
    with pytest.raises(SaleConflict):
        app.run(void_sale, shop.manager, {**asked, "reason": "another"})
    with pytest.raises(AlreadyVoided):
        app.run(void_sale, shop.manager, {**asked, "id": new_id()})
    with pytest.raises(CannotVoid):
        app.run(void_sale, shop.manager, {**asked, "id": new_id(), "sale_id": first.id})
    assert counts(app, shop) == before


def test_after_its_shift_a_sale_is_refunded_not_voided(app: App, shop: Shop, clock: FrozenClock) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=1))
    app.run(book_sale, shop.cashier, basket(shop))
    before = counts(app, shop)
    with pytest.raises(VoidTooLate):
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "late"})
    assert counts(app, shop) == before


def test_a_tills_sale_is_void_only_at_its_till(app: App, shop: Shop) -> None:
    sale = TillSeries(shop, a_shift(app, shop), NOON).sell()
    app.run(deliver_sale, shop.device, sale)
    with pytest.raises(VoidAtTill):
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "from afar"})


def test_who_may_void(app: App, shop: Shop, other_shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    asked = {"id": new_id(), "sale_id": sale.id, "reason": "wrong price"}
    before = counts(app, shop)
    with pytest.raises(ApprovalRequired):
        app.run(void_sale, shop.cashier, asked)
    with pytest.raises(PermissionDenied):
        app.run(void_sale, shop.accountant, asked)
    with pytest.raises(SaleNotFound):
        app.run(void_sale, other_shop.manager, asked)
    assert counts(app, shop) == before
