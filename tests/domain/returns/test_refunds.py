"""Goods come back by their receipt: by line and by piece, never more than was sold, to the minor unit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.context import operator
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.cash.service import shift_figures
from primepos.domain.catalog.service import create_tax, set_class_taxes
from primepos.domain.outlets.service import archive_outlet, create_outlet
from primepos.domain.reporting.service import report_sales
from primepos.domain.returns.service import refund_sale, refundable
from primepos.domain.sales.errors import (
    AlreadyRefunded,
    AlreadyVoided,
    CannotRefund,
    CardExceeded,
    NothingToRefund,
    OutletNotFound,
    ReturnExceedsSold,
    SaleConflict,
    SaleNotFound,
    TendersDiffer,
)
from primepos.domain.sales.service import book_sale, deliver_sale, get_sale, list_sales, void_sale
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.conftest import NOON
from tests.domain.reporting.test_reports import an_imported_sale
from tests.domain.sales.test_races import at_once
from tests.factories import TillSeries, a_product, a_shift, a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from primepos.domain.sales.schemas import SaleOut
    from tests.factories import Shop

CARD = {"kind": "card", "amount": 300, "reference": "4711"}


def back(app: App, shop: Shop, sale_id: UUID, **more: Any) -> SaleOut:
    return app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale_id, "reason": "came back", **more})


def refused(app: App, shop: Shop, error: type[Exception], sale_id: UUID, **more: Any) -> Any:
    """See that a refund is refused and that nothing was written; return the refusal."""
    before = counts(app, shop)
    with pytest.raises(error) as caught:
        back(app, shop, sale_id, **more)
    assert counts(app, shop) == before
    return caught.value


def stock(app: App, shop: Shop) -> list[Decimal]:
    found = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s ORDER BY product_id", (shop.tenant_id,))
    return [each["quantity"] for each in found]


def test_a_whole_sale_comes_back_as_its_mirror(app: App, shop: Shop) -> None:
    tenders = [CARD, {"kind": "cash", "amount": 200}]
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=tenders))
    refund = back(app, shop, sale.id)

    assert (refund.kind, refund.number, refund.prev_hash) == ("refund", 2, sale.hash)
    assert (refund.base, refund.tax, refund.rounding, refund.total) == (-378, -72, 0, -450)
    assert [(each.kind, each.amount, each.reference) for each in refund.payments] == [
        ("card", -300, "4711"), ("cash", -200, ""), ("change", 50, ""),
    ]  # fmt: skip
    assert [(each.base, each.amount) for each in refund.taxes] == [(-378, -72)]
    assert [(each.line_no, each.of_sale_id, each.of_line_no, each.quantity) for each in refund.returns] == [
        (1, sale.id, 1, Decimal(2)), (2, sale.id, 2, Decimal(1)),
    ]  # fmt: skip
    assert app.run(get_sale, shop.owner, {"id": refund.id}) == refund
    assert stock(app, shop) == [Decimal(0), Decimal(0)]
    assert_books_hold(app, shop)


def test_a_line_comes_back_piece_by_piece_until_nothing_is_left(app: App, shop: Shop) -> None:
    pence = a_product(app, shop, sku="THIRD", price="0.3333")
    lines = [{"product_id": pence, "quantity": "3"}, {"product_id": shop.products[1], "quantity": "1"}]
    sale = app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    assert sale.lines[0].total == 100
    parts = [back(app, shop, sale.id, lines=[{"line_no": 1, "quantity": "1"}]) for _ in range(3)]
    assert [part.total for part in parts] == [-33, -34, -33]
    assert sum(part.tax for part in parts) == -sale.lines[0].tax
    assert [part.returns[0].nth for part in parts] == [1, 2, 3]
    error = refused(app, shop, ReturnExceedsSold, sale.id, lines=[{"line_no": 1, "quantity": "0.001"}])
    assert error.data == {"line": 1, "left": "0"}
    rest = back(app, shop, sale.id)
    assert [(each.sku, each.total) for each in rest.lines] == [("B-2", -250)]
    refused(app, shop, NothingToRefund, sale.id)
    assert_books_hold(app, shop)


def test_what_can_still_come_back_is_told(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=[CARD, {"kind": "cash", "amount": 200}]))
    back(app, shop, sale.id, lines=[{"line_no": 1, "quantity": "0.5"}])
    told = app.run(refundable, shop.cashier, {"id": sale.id})
    assert [(each.sku, each.sold, each.returned, each.left, each.amount) for each in told.lines] == [
        ("A-1", Decimal(2), Decimal("0.5"), Decimal("1.5"), 150),
        ("B-2", Decimal(1), Decimal(0), Decimal(1), 250),
    ]
    assert (told.amount, told.cards, told.receipt) == (400, 250, sale.receipt)
    whole = back(app, shop, sale.id)
    with pytest.raises(CannotRefund):
        app.run(refundable, shop.cashier, {"id": whole.id})
    with pytest.raises(SaleNotFound):
        app.run(refundable, shop.cashier, {"id": new_id()})


def test_money_goes_to_the_cards_first_and_never_more_than_they_paid(app: App, shop: Shop) -> None:
    tenders = [CARD, {"kind": "card", "amount": 100, "reference": "0815"}, {"kind": "cash", "amount": 50}]
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=tenders))
    first = back(app, shop, sale.id, lines=[{"line_no": 2}])
    assert [(each.kind, each.reference, each.amount) for each in first.payments] == [("card", "4711", -250)]
    second = back(app, shop, sale.id)
    assert [(each.kind, each.reference, each.amount) for each in second.payments] == [
        ("card", "4711", -50), ("card", "0815", -100), ("cash", "", -50),
    ]  # fmt: skip
    assert_books_hold(app, shop)


def test_the_tenders_given_must_be_what_is_due(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, tenders=[CARD, {"kind": "cash", "amount": 150}]))
    line = [{"line_no": 2}]
    error = refused(app, shop, TendersDiffer, sale.id, lines=line, tenders=[{"kind": "cash", "amount": 249}])
    assert error.data == {"due": 250, "given": 249}
    error = refused(app, shop, CardExceeded, sale.id, tenders=[{"kind": "card", "amount": 450}])
    assert error.data == {"left": 300}
    refund = back(app, shop, sale.id, lines=line, tenders=[{"kind": "cash", "amount": 250}])
    assert [(each.kind, each.amount) for each in refund.payments] == [("cash", -250)]
    assert_books_hold(app, shop)


def test_cash_is_paid_back_in_coins_there_are(app: App) -> None:
    shop = a_shop(app, settings={"cash_rounding": {"step_minor": 5, "method": "half_up", "cash_only": True}})
    odd = a_product(app, shop, sku="ODD", price="0.99")
    lines = [{"product_id": odd, "quantity": "2"}]
    sale = app.run(book_sale, shop.cashier, basket(shop, lines=lines, tenders=[{"kind": "cash", "amount": 200}]))
    assert (sale.total, sale.rounding) == (200, 2)
    half = back(app, shop, sale.id, lines=[{"line_no": 1, "quantity": "1"}])
    assert (half.base + half.tax, half.rounding, half.total) == (-99, -1, -100)
    whole = app.run(book_sale, shop.cashier, basket(shop, lines=lines, tenders=[{"kind": "cash", "amount": 200}]))
    mirror = back(app, shop, whole.id)
    assert (mirror.rounding, mirror.total) == (-2, -200)
    assert_books_hold(app, shop)


def test_a_tax_on_a_tax_comes_back_with_its_own_base(app: App, shop: Shop) -> None:
    first = app.run(create_tax, shop.owner, {"code": "gst", "name": "GST", "amount": "5", "included": False,
                                             "affects_base": True})  # fmt: skip
    second = app.run(create_tax, shop.owner, {"code": "qst", "name": "QST", "amount": "10", "included": False})
    app.run(set_class_taxes, shop.owner, {"tax_class_id": shop.tax_class_id, "tax_ids": [first.id, second.id]})
    lines = [{"product_id": shop.products[0], "quantity": "3"}]
    sale = app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    assert [(each.code, each.base, each.amount) for each in sale.taxes] == [("gst", 300, 15), ("qst", 315, 32)]
    parts = [back(app, shop, sale.id, lines=[{"line_no": 1, "quantity": "1"}]) for _ in range(3)]
    for n, tax in enumerate(sale.taxes):
        assert sum(part.taxes[n].amount for part in parts) == -tax.amount
        assert sum(part.taxes[n].base for part in parts) == -tax.base
    assert_books_hold(app, shop)


def test_spoilt_goods_come_back_without_going_into_stock(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    back(app, shop, sale.id, lines=[{"line_no": 1, "restock": False}, {"line_no": 2}])
    assert sorted(stock(app, shop)) == [Decimal(-2), Decimal(0)]
    assert_books_hold(app, shop)


def test_another_outlet_takes_them_back_into_its_own_stock_and_series(app: App, shop: Shop) -> None:
    made = app.run(create_outlet, shop.owner, {"code": "pier", "name": "Pier"})
    sale = app.run(book_sale, shop.cashier, basket(shop))
    refund = back(app, shop, sale.id, outlet_id=made.id)
    assert (refund.outlet_id, refund.receipt) == (made.id, "PIER-0-000001")
    levels = rows(
        app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s AND outlet_id = %s", (shop.tenant_id, made.id)
    )
    assert sorted(each["quantity"] for each in levels) == [Decimal(1), Decimal(2)]
    app.run(archive_outlet, shop.owner, {"id": made.id})
    refused(app, shop, OutletNotFound, sale.id, outlet_id=made.id)
    assert_books_hold(app, shop)


def test_the_same_call_again_answers_and_books_nothing(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    asked = {"id": new_id(), "sale_id": sale.id, "lines": [{"line_no": 1}], "reason": "came back"}
    first = app.run(refund_sale, shop.manager, asked)
    before = counts(app, shop)
    assert app.run(refund_sale, shop.manager, asked) == first
    with pytest.raises(SaleConflict):
        app.run(refund_sale, shop.manager, {**asked, "lines": [{"line_no": 2}]})
    assert counts(app, shop) == before


def test_what_cannot_be_refunded_is_refused(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    refused(app, shop, InvalidInput, sale.id, lines=[{"line_no": 3}])
    refused(app, shop, InvalidInput, sale.id, lines=[{"line_no": 1}, {"line_no": 1}])
    refused(app, shop, InvalidInput, sale.id, lines=[{"line_no": 1, "quantity": "0"}])
    refused(app, shop, InvalidInput, sale.id, lines=[{"line_no": 1, "quantity": "-1"}])
    refused(app, shop, ReturnExceedsSold, sale.id, lines=[{"line_no": 1, "quantity": "2.001"}])
    refused(app, shop, SaleNotFound, new_id())
    refused(app, shop, OutletNotFound, sale.id, outlet_id=new_id())
    refund = back(app, shop, sale.id)
    refused(app, shop, CannotRefund, refund.id)
    other = app.run(book_sale, shop.cashier, basket(shop))
    void = app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": other.id, "reason": "wrong"})
    refused(app, shop, AlreadyVoided, other.id)
    refused(app, shop, CannotRefund, void.id)
    assert_books_hold(app, shop)


def test_what_came_back_in_part_is_not_voided(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    back(app, shop, sale.id, lines=[{"line_no": 1, "quantity": "1"}])
    before = counts(app, shop)
    with pytest.raises(AlreadyRefunded):
        app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
    assert counts(app, shop) == before


def test_a_tills_void_of_what_came_back_is_booked_and_flagged(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    sale = till.sell()
    app.run(deliver_sale, shop.device, sale)
    back(app, shop, sale.id)
    void = app.run(deliver_sale, shop.device, till.void(sale))
    assert void.flags == ["ALREADY_REFUNDED"]


def test_a_tills_sale_is_refunded_by_the_server_in_its_own_series(app: App, shop: Shop) -> None:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    sale = app.run(deliver_sale, shop.device, till.sell())
    refund = back(app, shop, sale.id)
    assert (refund.register_id, refund.total) == (shop.server_id, -sale.total)
    assert_books_hold(app, shop)


def test_an_imported_sale_is_refunded_in_cash(app: App, shop: Shop) -> None:
    an_imported_sale(app, shop, NOON.date())
    (old,) = app.run(list_sales, shop.owner, {}).items
    refund = back(app, shop, old.id)
    assert [(each.kind, each.amount) for each in refund.payments] == [("cash", -999)]
    refused(app, shop, NothingToRefund, old.id)
    assert_books_hold(app, shop)


def test_a_cashier_needs_a_second_person_and_a_device_may_not_at_all(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    before = counts(app, shop)
    asked = {"id": new_id(), "sale_id": sale.id, "reason": "came back"}
    with pytest.raises(ApprovalRequired):
        app.run(refund_sale, shop.cashier, asked)
    for person in (shop.device, shop.clerk, shop.accountant):
        with pytest.raises(PermissionDenied):
            app.run(refund_sale, person, asked)
    assert counts(app, shop) == before


def test_another_tenants_sale_is_not_found(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    other = a_shop(app)
    refused(app, other, SaleNotFound, sale.id)
    assert counts(app, shop)["sale_returns"] == 0


def test_a_suspended_tenant_refunds_nothing(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    app.run(suspend_tenant, operator("test"), {"slug": shop.slug, "reason": "unpaid"})
    refused(app, shop, TenantSuspended, sale.id)


def test_reports_and_shifts_count_refunds_apart(app: App, shop: Shop, clock: FrozenClock) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=1))
    refund = back(app, shop, sale.id, lines=[{"line_no": 2}])
    figures = app.run(shift_figures, shop.manager, {"shift_id": refund.shift_id})
    assert (figures.sales, figures.voids, figures.refunds, figures.total) == (0, 0, 1, -250)
    total = app.run(report_sales, shop.owner, {"group_by": "day"}).total
    assert (total.sales, total.refunds, total.lines, total.total) == (1, 1, 2, 200)


def test_a_receipt_is_found_by_its_number(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))
    app.run(book_sale, shop.cashier, basket(shop))
    assert [each.id for each in app.run(list_sales, shop.owner, {"receipt": sale.receipt}).items] == [sale.id]
    for unknown in (f"{shop.server_prefix}-999999", "nonsense", "X-1", "-", f"{shop.server_prefix}-{'9' * 30}"):
        assert app.run(list_sales, shop.owner, {"receipt": unknown}).items == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_a_sale_comes_back_all_refunds_together_are_the_sale(app: App, shop: Shop, data: st.DataObject) -> None:
    quantities = data.draw(st.lists(st.integers(1, 4000), min_size=1, max_size=3))
    lines = [
        {"product_id": shop.products[n % 2], "quantity": str(Decimal(each).scaleb(-3)), "discount_percent": "3"}
        for n, each in enumerate(quantities)
    ]
    sale = app.run(book_sale, shop.manager, basket(shop, lines=lines, paid=10_000))
    left = dict(enumerate(quantities, 1))
    found = []
    while left:
        chosen = data.draw(st.lists(st.sampled_from(sorted(left)), min_size=1, max_size=3, unique=True))
        asked = []
        for line in chosen:
            some = data.draw(st.integers(1, left[line]))
            asked.append({"line_no": line, "quantity": str(Decimal(some).scaleb(-3))})
            left[line] -= some
            if not left[line]:
                del left[line]
        found.append(back(app, shop, sale.id, lines=asked))
    assert sum(each.total for each in found) == -sale.total
    assert sum(each.base for each in found) == -sale.base
    assert sum(each.taxes[0].base for each in found if each.taxes) == -sum(each.base for each in sale.taxes)
    assert sum(line.discount for each in found for line in each.lines) == -sum(line.discount for line in sale.lines)
    assert_books_hold(app, shop)


@pytest.fixture
def wide_app(make_app: Callable[..., App], database_url: str) -> App:
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_of_eight_that_take_the_same_piece_back_only_what_was_sold_comes_back(wide_app: App, shop: Shop) -> None:
    lines = [{"product_id": shop.products[0], "quantity": "3"}]
    sale = wide_app.run(book_sale, shop.cashier, basket(shop, lines=lines))
    one = [{"line_no": 1, "quantity": "1"}]
    answers = at_once([lambda: back(wide_app, shop, sale.id, lines=one) for _ in range(8)])
    assert sum(isinstance(each, ReturnExceedsSold) for each in answers) == 5
    assert counts(wide_app, shop)["sale_returns"] == 3
    assert_books_hold(wide_app, shop)


def test_a_void_and_a_refund_of_one_sale_are_one_of_the_two(wide_app: App, shop: Shop) -> None:
    for _ in range(4):
        sale = wide_app.run(book_sale, shop.cashier, basket(shop))
        void = {"id": new_id(), "sale_id": sale.id, "reason": "race"}
        answers = at_once(
            [lambda: back(wide_app, shop, sale.id), lambda: wide_app.run(void_sale, shop.manager, void)]  # noqa: B023
        )
        assert sum(isinstance(each, Exception) for each in answers) == 1
    assert stock(wide_app, shop) == [Decimal(0), Decimal(0)]
    assert_books_hold(wide_app, shop)
