"""What people earn of what they sold, to the minor unit, and what they did by person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from primepos.core.context import Approval
from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.accounts.errors import OutletsNotFound, OwnRole
from primepos.domain.returns.service import exchange_goods, refund_sale, return_goods
from primepos.domain.sales.service import book_sale, void_sale
from primepos.domain.staff.errors import StaffArchived, StaffNotFound
from primepos.domain.staff.service import (
    archive_staff,
    create_staff,
    list_rates,
    report_commission,
    report_staff,
    set_commission,
)
from tests.conftest import NOON
from tests.domain.staff.conftest import PIN
from tests.factories import basket, rows

TODAY = NOON.date()
DAYS = {"since": "2026-03-01", "until": "2026-03-31"}
# Two apples and a bread, 4.50 with 19 % included.
BASE = 378


@pytest.fixture
def eve(app, shop, at_till):
    """A cashier with 2.5 percent."""
    who = at_till("eve")
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "2.5", "valid_from": "2026-01-01"})
    return who


def sell(app, shop, who, **more):
    return app.run(book_sale, who, basket(shop, **more))


def earned(app, shop, **more):
    found = app.run(report_commission, shop.manager, {**DAYS, **more})
    return [(row.code, f"{row.percent.normalize():f}", row.sold, row.returned, row.commission) for row in found.rows]


def test_a_person_earns_a_percentage_of_what_they_sold_before_tax(app, shop, eve, at_till):
    at_till("bob")
    for _ in range(4):
        sell(app, shop, eve)
    sell(app, shop, shop.cashier)
    # 4 x 3.78 at 2.5 percent is 0.378.
    assert earned(app, shop) == [("EVE", "2.5", 4 * BASE, 0, 38)]
    found = app.run(report_commission, shop.owner, DAYS)
    assert (found.commission, found.currency, found.currency_exponent) == (38, "EUR", 2)
    assert earned(app, shop, staff_id=new_id()) == []


def test_the_salesperson_earns_before_the_cashier(app, shop, eve, at_till):
    bob = at_till("bob")
    sell(app, shop, bob, salesperson_id=eve.actor_id)
    assert earned(app, shop) == [("EVE", "2.5", BASE, 0, 9)]


def test_what_came_back_is_taken_off_whoever_sold_it_at_the_rate_of_that_day(app, shop, eve, clock):
    sale = sell(app, shop, eve)
    clock.advance(timedelta(days=1))
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "10"})
    sell(app, shop, eve)
    app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "torn"})
    assert earned(app, shop) == [("EVE", "2.5", BASE, -BASE, 0), ("EVE", "10", BASE, 0, 38)]
    day_two = {"since": "2026-03-03", "until": "2026-03-03"}
    assert earned(app, shop, **day_two) == [("EVE", "2.5", 0, -BASE, -9), ("EVE", "10", BASE, 0, 38)]


def test_a_void_takes_back_what_the_sale_gave(app, shop, eve):
    sale = sell(app, shop, eve)
    app.run(void_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "typo"})
    assert earned(app, shop) == [("EVE", "2.5", BASE, -BASE, 0)]


def test_an_exchange_takes_back_from_who_sold_and_gives_to_who_sells(app, shop, eve, at_till):
    mia = at_till("mia", "manager")
    app.run(set_commission, shop.owner, {"code": "mia", "percent": "1"})
    sale = sell(app, shop, eve, salesperson_id=None)
    exchange = {
        "id": new_id(),
        "sale_id": sale.id,
        "returns": [{"line_no": 2}],
        "lines": [{"product_id": shop.products[0], "quantity": "2"}],
        "reason": "other",
    }
    app.run(exchange_goods, mia, exchange)
    found = {row[0]: row[2:4] for row in earned(app, shop)}
    assert found["EVE"] == (BASE, -210)
    assert sum(sold for sold, _ in found.values()) == BASE + 168


def test_goods_without_a_receipt_were_sold_by_nobody(app, shop, eve):
    returned = {
        "id": new_id(),
        "outlet_id": shop.outlet_id,
        "lines": [{"product_id": shop.products[0]}],
        "reason": "lost",
    }
    app.run(return_goods, shop.owner, returned)
    assert earned(app, shop) == []


def test_a_rate_is_valid_from_a_day_on_and_the_last_word_for_a_day_counts(app, shop, eve):
    assert sell(app, shop, eve).business_date == TODAY
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "4", "valid_from": TODAY + timedelta(days=1)})
    assert earned(app, shop) == [("EVE", "2.5", BASE, 0, 9)]
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "4", "valid_from": TODAY})
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "5", "valid_from": TODAY})
    app.run(set_commission, shop.owner, {"code": "eve", "percent": "5.0", "valid_from": TODAY})
    assert earned(app, shop) == [("EVE", "5", BASE, 0, 19)]
    found = [(str(each.valid_from), each.percent) for each in app.run(list_rates, shop.manager, {}).items]
    assert found == [("2026-01-01", Decimal("2.5")), ("2026-03-02", Decimal(5)), ("2026-03-03", Decimal(4))]
    kept = rows(app, "SELECT count(*) AS n FROM commission_rates WHERE tenant_id = %s", (shop.tenant_id,))
    assert kept == [{"n": 4}]


@pytest.mark.parametrize("percent", ["-1", "100.01", "NaN", "1.23456"])
def test_a_rate_is_a_percentage(app, shop, eve, percent):
    with pytest.raises(InvalidInput):
        app.run(set_commission, shop.owner, {"code": "eve", "percent": percent})


def test_who_sets_rates(app, shop, eve, person):
    for who in (shop.manager, shop.cashier, shop.accountant):
        with pytest.raises(PermissionDenied):
            app.run(set_commission, who, {"code": "eve", "percent": "5"})
    with pytest.raises(StaffNotFound):
        app.run(set_commission, shop.owner, {"code": "nobody", "percent": "5"})
    account = person(shop, "owner")
    app.run(create_staff, shop.owner, {"code": "own", "name": "Own", "user_id": str(account.id), "role": "owner"})
    with pytest.raises(OwnRole):
        app.run(set_commission, replace(shop.owner, actor_id=account.id), {"code": "own", "percent": "50"})
    app.run(archive_staff, shop.owner, {"code": "eve"})
    with pytest.raises(StaffArchived):
        app.run(set_commission, shop.owner, {"code": "eve", "percent": "5"})


def test_who_sells_by_account_is_the_same_person(app, shop, person):
    account = person(shop, "cashier")
    app.run(create_staff, shop.owner, {"code": "pat", "name": "Pat", "user_id": str(account.id)})
    app.run(set_commission, shop.owner, {"code": "pat", "percent": "10"})
    sell(app, shop, replace(shop.cashier, actor_id=account.id))
    assert earned(app, shop) == [("PAT", "10", BASE, 0, 38)]


def test_the_figures_name_everybody_who_did_something(app, shop, eve, at_till):
    mia = at_till("mia", "manager")
    sale = sell(app, shop, eve)
    undone = sell(app, shop, eve)
    line = {"product_id": shop.products[0], "quantity": "2", "discount_percent": "10"}
    sell(app, shop, mia, lines=[line])
    app.run(
        refund_sale,
        eve,
        {"id": new_id(), "sale_id": sale.id, "lines": [{"line_no": 1}], "reason": "torn"},
        approval=Approval("mia", PIN),
    )
    app.run(void_sale, mia, {"id": new_id(), "sale_id": undone.id, "reason": "typo"})
    sell(app, shop, shop.owner)
    found = {row.name: row for row in app.run(report_staff, shop.accountant, DAYS).rows}
    assert list(found) == ["Eve", "Mia", "Owner"]
    one = found["Eve"]
    assert (one.code, one.sales, one.sold, one.refunds, one.refunded) == ("EVE", 2, 900, 1, 200)
    two = found["Mia"]
    assert (two.sales, two.sold, two.voids, two.voided, two.discounts, two.discounted) == (1, 180, 1, 450, 1, 20)
    assert (one.approvals, two.approvals) == (0, 1)
    assert (found["Owner"].code, found["Owner"].sales) == (None, 1)


def test_a_drawer_opened_for_no_sale_is_counted_by_person(app, shop, at_till):
    from primepos.domain.cash.service import open_drawer, open_shift

    mia = at_till("mia", "manager")
    shift = {"id": new_id(), "register_id": shop.till_id, "opening_float": 0}
    app.run(open_shift, mia, shift)
    for _ in range(2):
        app.run(open_drawer, mia, {"id": new_id(), "shift_id": shift["id"], "reason": "change"})
    found = app.run(report_staff, shop.manager, DAYS).rows
    assert [(row.code, row.no_sales, row.sales) for row in found] == [("MIA", 2, 0)]


def test_figures_are_of_ones_outlets(app, shop, other_shop, eve):
    sell(app, shop, eve)
    elsewhere = replace(shop.manager, outlet_ids=frozenset({new_id()}))
    assert app.run(report_staff, elsewhere, DAYS).rows == []
    assert app.run(report_commission, elsewhere, DAYS).rows == []
    for act in (report_staff, report_commission):
        with pytest.raises(OutletsNotFound):
            app.run(act, shop.manager, {**DAYS, "outlet_id": other_shop.outlet_id})
        with pytest.raises(OutletsNotFound):
            app.run(act, elsewhere, {**DAYS, "outlet_id": shop.outlet_id})
        with pytest.raises(PermissionDenied):
            app.run(act, shop.cashier, DAYS)
        with pytest.raises(InvalidInput):
            app.run(act, shop.manager, {"since": date(2026, 3, 2), "until": date(2027, 3, 3)})


def test_what_was_taken_off_tickets_is_counted_by_person(app, shop, eve):
    from primepos.domain.orders.service import report_removed

    def off(act, person):
        return {"id": new_id(), "ticket_id": new_id(), "at": NOON, "person": person, "act": act, "amount": 250}

    items = [off("line_removed", "eve"), off("quantity_reduced", "EVE"), off("price_reduced", "eve")]
    app.run(report_removed, eve, {"outlet_id": shop.outlet_id, "items": items})
    found = app.run(report_staff, shop.manager, DAYS).rows
    assert [(row.code, row.removed, row.sales) for row in found] == [("EVE", 2, 0)]
