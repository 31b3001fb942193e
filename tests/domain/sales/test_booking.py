"""Booking by an ordinary caller: the server prices, numbers and seals."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.context import operator
from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied, PrimePOSError, Unauthenticated
from primepos.core.ids import new_id
from primepos.domain.cash.service import close_shift
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.sales.chain import GENESIS, body_hash, link_hash
from primepos.domain.sales.errors import (
    OutletNotFound,
    OutOfStock,
    SaleConflict,
    TotalDiffers,
    UnknownProduct,
)
from primepos.domain.sales.service import book_sale, deliver_sale, get_sale, list_sales
from primepos.domain.tenancy.errors import TenantSuspended
from primepos.domain.tenancy.service import suspend_tenant
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def test_a_sale_is_priced_and_settled_to_the_cent(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop, paid=1000))

    assert (sale.base, sale.tax, sale.rounding, sale.total, sale.change) == (378, 72, 0, 450, 550)
    assert [(each.sku, each.quantity, each.base, each.tax, each.total) for each in sale.lines] == [
        ("A-1", Decimal("2.000"), 168, 32, 200),
        ("B-2", Decimal("1.000"), 210, 40, 250),
    ]
    assert [(each.code, each.base, each.amount) for each in sale.taxes] == [("std", 378, 72)]
    assert [(each.kind, each.amount) for each in sale.payments] == [("cash", 1000), ("change", -550)]
    assert (sale.receipt, sale.number, sale.epoch) == (f"{shop.server_prefix}-000001", 1, 1)
    assert sale.business_date.isoformat() == "2026-03-02"
    assert sale.flags == []


def test_everything_is_written_once(app: App, shop: Shop) -> None:
    sale = app.run(book_sale, shop.cashier, basket(shop))

    assert counts(app, shop) == {
        "sales": 1,
        "sale_lines": 2,
        "sale_taxes": 1,
        "payments": 2,
        "stock_movements": 2,
        "stock_levels": 2,
        "ledger_entries": 3,
        "sale_returns": 0,
        "coupon_uses": 0,
        "lot_movements": 0,
        "stock_lots": 0,
        "value_entries": 0,
        "shifts": 1,
    }
    legs = rows(app, "SELECT account, amount FROM ledger_entries WHERE sale_id = %s ORDER BY account", (sale.id,))
    assert [(leg["account"], leg["amount"]) for leg in legs] == [("cash", 450), ("revenue", -378), ("tax:std", -72)]
    levels = rows(app, "SELECT quantity FROM stock_levels WHERE tenant_id = %s ORDER BY quantity", (shop.tenant_id,))
    assert [level["quantity"] for level in levels] == [Decimal("-2.000"), Decimal("-1.000")]
    trail = rows(
        app, "SELECT operation, outcome, subject, data FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)
    )
    assert trail == [
        {
            "operation": "sales.book",
            "outcome": "done",
            "subject": f"sale:{sale.id}",
            "data": {
                "receipt": sale.receipt,
                "total": 450,
                "moved": 2,
                "shift": str(sale.shift_id),
                "opened_at": "2026-03-02T12:00:00.000000",
            },
        }
    ]


def test_the_seal_can_be_worked_out_again_by_anyone(app: App, shop: Shop) -> None:
    first = app.run(book_sale, shop.cashier, basket(shop))
    second = app.run(book_sale, shop.cashier, basket(shop))

    for sale, prev, number in ((first, GENESIS, 1), (second, first.hash, 2)):
        body = body_hash(
            sale_id=sale.id,
            kind="sale",
            void_of=None,
            reason=None,
            shift_id=sale.shift_id,
            business_date=sale.business_date,
            sold_at=sale.sold_at,
            cashier="Cashier",
            currency="EUR",
            lines=sale.lines,
            taxes=sale.taxes,
            payments=sale.payments,
            base=378,
            tax=72,
            rounding=0,
            total=450,
        )
        assert sale.prev_hash == prev
        assert sale.hash == link_hash(prev, f"{shop.server_prefix}/1", number, body)


def test_the_same_call_again_gives_the_same_answer_and_books_nothing(app: App, shop: Shop) -> None:
    asked = basket(shop)
    first = app.run(book_sale, shop.cashier, asked)
    before = counts(app, shop)

    again = app.run(book_sale, shop.cashier, asked)

    assert msgspec.json.encode(again) == msgspec.json.encode(first)
    assert counts(app, shop) == before


def test_the_same_id_with_another_basket_is_a_conflict(app: App, shop: Shop) -> None:
    asked = basket(shop)
    app.run(book_sale, shop.cashier, asked)
    before = counts(app, shop)

    with pytest.raises(SaleConflict) as refused:
        app.run(book_sale, shop.cashier, {**asked, "lines": [{"product_id": shop.products[2], "quantity": "1"}]})

    assert refused.value.code == "SALE_CONFLICT"
    assert counts(app, shop) == before


def test_an_id_of_another_tenant_is_free_here(app: App, shop: Shop, other_shop: Shop) -> None:
    asked = basket(shop)
    app.run(book_sale, shop.cashier, asked)
    theirs = app.run(book_sale, other_shop.cashier, basket(other_shop, id=asked["id"]))
    assert theirs.receipt == f"{other_shop.server_prefix}-000001"


def test_a_caller_with_another_total_is_told_both(app: App, shop: Shop) -> None:
    before = counts(app, shop)
    with pytest.raises(TotalDiffers) as refused:
        app.run(book_sale, shop.cashier, basket(shop, total=449))
    assert refused.value.data == {"total": 450, "given": 449}
    assert counts(app, shop) == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lines": [{"sku": "nothing"}]}, UnknownProduct),
        ({"lines": [{"product_id": "01a202fb-e8f8-72ce-a4e3-3bbd2b8798a1"}]}, UnknownProduct),
        ({"lines": [{"quantity": "1"}]}, InvalidInput),
        ({"lines": []}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "0"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "-1"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "NaN"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "0.0001"}]}, InvalidInput),
        ({"lines": [{"sku": "A-1", "quantity": "1e40"}]}, InvalidInput),
        ({"lines": [{"sku": "A\x00", "quantity": "1"}]}, InvalidInput),
        ({"tenders": [{"kind": "cash", "amount": 449}]}, NotPaid),
        ({"tenders": []}, NotPaid),
        ({"tenders": [{"kind": "card", "amount": 451}]}, InvalidInput),
        ({"tenders": [{"kind": "cash", "amount": 0}]}, InvalidInput),
        ({"tenders": [{"kind": "gold", "amount": 450}]}, InvalidInput),
        ({"outlet_id": "01a202fb-e8f8-72ce-a4e3-3bbd2b8798a1"}, OutletNotFound),
        ({"surprise": 1}, InvalidInput),
    ],
)
def test_what_cannot_be_sold_is_refused_and_nothing_changes(
    app: App, shop: Shop, changes: dict[str, Any], error: type[PrimePOSError]
) -> None:
    before = counts(app, shop)
    with pytest.raises(error):
        app.run(book_sale, shop.cashier, basket(shop, **changes))
    assert counts(app, shop) == before


def test_what_belongs_to_another_tenant_does_not_exist(app: App, shop: Shop, other_shop: Shop) -> None:
    with pytest.raises(OutletNotFound):
        app.run(book_sale, shop.cashier, basket(shop, outlet_id=other_shop.outlet_id))
    with pytest.raises(UnknownProduct):
        app.run(book_sale, shop.cashier, basket(shop, lines=[{"product_id": other_shop.products[0]}]))
    booked = app.run(book_sale, other_shop.cashier, basket(other_shop))
    with pytest.raises(PrimePOSError, match="not found"):
        app.run(get_sale, shop.owner, {"id": booked.id})
    assert app.run(list_sales, shop.owner, {}).items == []
    assert counts(app, shop)["sales"] == 0


def test_who_may_not_sell_is_refused_and_that_is_remembered(app: App, shop: Shop) -> None:
    with pytest.raises(PermissionDenied):
        app.run(book_sale, shop.clerk, basket(shop))
    assert counts(app, shop)["sales"] == 0
    trail = rows(
        app, "SELECT operation, outcome, error_code, role FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,)
    )
    assert trail == [
        {"operation": "sales.book", "outcome": "refused", "error_code": "PERMISSION_DENIED", "role": "stock_clerk"}
    ]


def test_nobody_sells_without_signing_in(app: App, shop: Shop) -> None:
    with pytest.raises(Unauthenticated):
        app.run(book_sale, data=basket(shop))
    assert counts(app, shop)["sales"] == 0


def test_a_cashier_gives_five_percent_and_no_more(app: App, shop: Shop) -> None:
    small = [{"product_id": shop.products[2], "quantity": "1", "discount_percent": "5"}]
    sale = app.run(book_sale, shop.cashier, basket(shop, lines=small))
    assert (sale.total, sale.lines[0].discount) == (949, 50)

    before = counts(app, shop)
    large = [{"product_id": shop.products[2], "quantity": "1", "discount_percent": "5.01"}]
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, shop.cashier, basket(shop, lines=large))
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, shop.cashier, basket(shop, lines=[{"sku": "C-3", "discount": 51}]))
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, shop.cashier, basket(shop, lines=[{"sku": "C-3", "unit_price": "0.01"}]))
    with pytest.raises(ApprovalRequired):
        app.run(book_sale, shop.cashier, basket(shop, ticket_discount_percent="1"))
    assert counts(app, shop) == before
    assert app.run(book_sale, shop.manager, basket(shop, lines=large)).total == 949


def test_where_the_shop_blocks_the_last_piece_is_sold_once(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    before = counts(app, shop)
    with pytest.raises(OutOfStock) as refused:
        app.run(book_sale, shop.cashier, basket(shop))
    assert refused.value.data == {"products": "A-1, B-2"}
    after = counts(app, shop)
    assert {**after, "shifts": 0} == {**before, "shifts": 0}


def test_cash_is_rounded_to_coins_as_a_row_of_its_own(app: App) -> None:
    shop = a_shop(app, currency="CHF", settings={"cash_rounding": {"step_minor": 5, "method": "half_up"}})
    lines = [{"product_id": shop.products[2], "quantity": "1"}]
    cash = app.run(book_sale, shop.cashier, basket(shop, lines=lines, paid=1000))
    card = app.run(book_sale, shop.cashier, basket(shop, lines=lines, tenders=[{"kind": "card", "amount": 999}]))
    assert (cash.base + cash.tax, cash.rounding, cash.total, cash.change) == (999, 1, 1000, 0)
    assert (card.rounding, card.total) == (0, 999)
    assert_books_hold(app, shop)


def test_a_new_business_day_closes_the_servers_shift_and_opens_the_next(
    app: App, shop: Shop, clock: FrozenClock
) -> None:
    first = app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(hours=10, minutes=59))
    same_day = app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(minutes=2))
    next_day = app.run(book_sale, shop.cashier, basket(shop))

    assert same_day.shift_id == first.shift_id
    assert next_day.shift_id != first.shift_id
    assert [first.business_date.day, same_day.business_date.day, next_day.business_date.day] == [2, 2, 3]
    closed = rows(app, "SELECT expected, counted, difference, z_number FROM shifts WHERE id = %s", (first.shift_id,))
    assert closed == [{"expected": 900, "counted": None, "difference": 0, "z_number": 1}]
    assert_books_hold(app, shop)


def test_a_booking_takes_eight_statements_in_three_round_trips_and_one_commit(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    executed: list[str] = []
    syncs: list[int] = []
    execute, end = psycopg.Cursor.execute, psycopg.Pipeline.__exit__

    def counting_execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        executed.append(str(query))
        return execute(self, query, *args, **kwargs)

    def counting_end(self: Any, *args: Any) -> Any:
        syncs.append(1)
        return end(self, *args)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting_execute)
    monkeypatch.setattr(psycopg.Pipeline, "__exit__", counting_end)
    app.run(book_sale, shop.cashier, basket(shop))

    begin = 1
    assert len(executed) + begin == 8
    assert executed.count("COMMIT") == 1
    assert len(syncs) == 3


quantities = st.decimals("0.001", "99", places=3)


@given(st.lists(st.tuples(st.integers(0, 2), quantities), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_basket_books_to_the_same_sums_everywhere(app: App, shop: Shop, lines: list[tuple[int, Decimal]]) -> None:
    asked = basket(
        shop,
        lines=[{"product_id": shop.products[which], "quantity": quantity} for which, quantity in lines],
        tenders=[{"kind": "cash", "amount": 10**9}],
    )
    sale = app.run(book_sale, shop.cashier, asked)

    assert sale.base + sale.tax == sale.total == sum(line.total for line in sale.lines)
    assert sum(payment.amount for payment in sale.payments) == sale.total
    assert sum(each.amount for each in sale.taxes) == sale.tax
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == sale
    moved = rows(app, "SELECT sum(quantity) AS q FROM stock_movements WHERE sale_id = %s", (sale.id,))
    assert moved[0]["q"] == -sum(quantity for _, quantity in lines)


def test_pages_of_sales_follow_each_other_without_a_gap(app: App, shop: Shop) -> None:
    booked = [app.run(book_sale, shop.cashier, basket(shop)).id for _ in range(7)]
    seen, after = [], None
    while True:
        page = app.run(list_sales, shop.owner, {"limit": 3, "after": after})
        seen += [row.id for row in page.items]
        after = page.next
        if after is None:
            break
    assert seen == list(reversed(booked))
    with pytest.raises(InvalidInput):
        app.run(list_sales, shop.owner, {"after": "nonsense"})
    assert new_id() not in seen


def test_a_suspended_shop_sells_nothing_but_its_tills_still_deliver(app: App, shop: Shop) -> None:
    shift = a_shift(app, shop)
    app.run(suspend_tenant, operator("test"), {"slug": shop.slug, "reason": "unpaid"})
    before = counts(app, shop)
    with pytest.raises(TenantSuspended):
        app.run(book_sale, shop.cashier, basket(shop))
    assert counts(app, shop) == before
    assert app.run(deliver_sale, shop.device, TillSeries(shop, shift, NOON).sell()).total == 450
    assert app.run(close_shift, shop.manager, {"shift_id": shift, "counted": 10_450}).difference == 0
