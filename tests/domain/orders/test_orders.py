"""Tickets put aside: one owner at a time, explicit take-over, promised prices, deposits that add up, sold once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied, PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.catalog.service import update_product
from primepos.domain.customers.service import create_customer
from primepos.domain.orders.errors import (
    DepositLeft,
    DepositTooMuch,
    NoDeposit,
    OrderConflict,
    OrderElsewhere,
    OrderEnded,
    OrderMoved,
    OrderNotFound,
    QuoteExpired,
)
from primepos.domain.orders.service import (
    cancel_order,
    get_order,
    list_orders,
    list_removed,
    pay_deposit,
    report_removed,
    return_deposit,
    save_order,
    sell_order,
    take_over,
)
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.reporting.service import report_sales
from primepos.domain.sales.errors import OutletNotFound, UnknownProduct
from primepos.domain.sales.service import get_sale
from tests.conftest import NOON
from tests.factories import a_shop, assert_books_hold, counts, rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.context import Identity
    from primepos.core.operations import App
    from primepos.domain.orders.schemas import TicketOut
    from tests.factories import Shop

MONDAY = date(2026, 3, 2)


def at_till(shop: Shop) -> Identity:
    """Return the cashier, signed in at the shop's till."""
    return replace(shop.cashier, register_id=shop.till_id)


def a_ticket(shop: Shop, **changes: Any) -> dict[str, Any]:
    """Two apples at 1.00 and a bread at 2.50."""
    return {
        "id": new_id(),
        "outlet_id": shop.outlet_id,
        "lines": [{"sku": "A-1", "quantity": "2"}, {"sku": "B-2"}],
        **changes,
    }


def saved(app: App, shop: Shop, **changes: Any) -> TicketOut:
    return app.run(save_order, shop.owner, a_ticket(shop, **changes))


def a_layaway(app: App, shop: Shop) -> TicketOut:
    customer = app.run(create_customer, shop.owner, {"name": "Jo"}).id
    return saved(app, shop, kind="layaway", customer_id=customer)


def paying(order: TicketOut, amount: int, **changes: Any) -> dict[str, Any]:
    tenders = [{"kind": "cash", "amount": amount}]
    return {"id": order.id, "sale_id": new_id(), "amount": amount, "tenders": tenders, **changes}


def selling(order: TicketOut, *tenders: tuple[str, int], **changes: Any) -> dict[str, Any]:
    paid = [{"kind": kind, "amount": amount} for kind, amount in tenders]
    return {"id": order.id, "version": order.version, "sale_id": new_id(), "tenders": paid, **changes}


def orders_of(app: App, shop: Shop) -> list[dict[str, Any]]:
    return rows(app, "SELECT * FROM orders WHERE tenant_id = %s ORDER BY id", (shop.tenant_id,))


def together(count: int, act: Any) -> list[Any]:
    """Do something ``count`` times at once; errors of the domain are results."""
    ready = Barrier(count)

    def one(n: int) -> Any:
        ready.wait()
        try:
            return act(n)
        except PrimePOSError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_what_is_on_hold_moves_nothing_and_is_sold_later(app: App, shop: Shop) -> None:
    before = counts(app, shop)
    order = saved(app, shop, label="Mrs. Jones", note="wrap it")

    assert (order.number, order.kind, order.state, order.version, order.total) == (1, "held", "open", 1, 450)
    assert counts(app, shop) == before
    sale = app.run(sell_order, shop.owner, selling(order, ("cash", 500)))
    assert (sale.total, sale.change, sale.note) == (450, 50, "wrap it")
    after = app.run(get_order, shop.owner, {"id": order.id})
    assert (after.state, after.sale_id, after.version) == ("sold", sale.id, 2)
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == sale
    assert_books_hold(app, shop)


def test_saving_again_is_answered_and_another_content_is_refused(app: App, shop: Shop) -> None:
    ticket = a_ticket(shop)
    order = app.run(save_order, shop.owner, ticket)

    assert app.run(save_order, shop.owner, ticket) == order
    with pytest.raises(OrderConflict):
        app.run(save_order, shop.owner, {**ticket, "note": "other"})
    assert len(orders_of(app, shop)) == 1


def test_a_change_names_its_version(app: App, shop: Shop) -> None:
    ticket = a_ticket(shop)
    order = app.run(save_order, shop.owner, ticket)
    changed = app.run(save_order, shop.owner, {**ticket, "lines": [{"sku": "B-2"}], "version": 1})
    assert (changed.version, changed.total, len(changed.lines)) == (2, 250, 1)
    before = orders_of(app, shop)

    with pytest.raises(OrderMoved, match="is at version 2"):
        app.run(save_order, shop.owner, {**ticket, "version": 1})
    with pytest.raises(OrderMoved):
        app.run(take_over, at_till(shop), {"id": order.id, "version": 1})
    with pytest.raises(OrderMoved):
        app.run(cancel_order, shop.manager, {"id": order.id, "version": 1, "reason": "x"})
    with pytest.raises(OrderMoved):
        app.run(sell_order, shop.owner, selling(order, ("cash", 500)))
    assert orders_of(app, shop) == before


def test_a_register_has_what_it_saved_until_another_takes_it_over(app: App, shop: Shop) -> None:
    held = app.run(save_order, at_till(shop), a_ticket(shop))
    assert held.owner_register_id == shop.till_id

    with pytest.raises(OrderElsewhere):
        app.run(sell_order, shop.owner, selling(held, ("cash", 500)))
    with pytest.raises(OrderElsewhere):
        app.run(save_order, shop.owner, {**a_ticket(shop), "id": held.id, "version": 1})
    taken = app.run(take_over, shop.owner, {"id": held.id, "version": 1})
    assert (taken.owner_register_id, taken.version) == (None, 2)
    assert app.run(take_over, shop.owner, {"id": held.id, "version": 1}) == taken, "asked again"
    with pytest.raises(OrderMoved):
        app.run(sell_order, at_till(shop), selling(held, ("cash", 500)))
    assert app.run(sell_order, shop.owner, selling(taken, ("cash", 450))).total == 450


def test_a_quote_never_costs_more_than_it_promised(app: App, shop: Shop, clock: FrozenClock) -> None:
    quote = saved(app, shop, kind="quote", valid_until=MONDAY + timedelta(days=7))
    held = saved(app, shop)
    app.run(update_product, shop.owner, {"id": shop.products[0], "unit_price": "1.50"})

    sale = app.run(sell_order, shop.owner, selling(quote, ("cash", 450)))
    assert (sale.total, sale.lines[0].unit_price) == (450, 1)
    with pytest.raises(NotPaid, match="100 is still"):
        app.run(sell_order, shop.owner, selling(held, ("card", 450)))
    assert app.run(sell_order, shop.owner, selling(held, ("card", 550))).total == 550
    assert_books_hold(app, shop)


def test_a_quote_that_is_over_gets_a_new_day_and_todays_prices(app: App, shop: Shop, clock: FrozenClock) -> None:
    ticket = a_ticket(shop, kind="quote", valid_until=MONDAY)
    quote = app.run(save_order, shop.owner, ticket)
    clock.advance(timedelta(days=1, hours=2))
    app.run(update_product, shop.owner, {"id": shop.products[1], "unit_price": "3.00"})
    before = counts(app, shop), orders_of(app, shop)

    with pytest.raises(QuoteExpired, match="until 2026-03-02"):
        app.run(sell_order, shop.owner, selling(quote, ("cash", 450)))
    assert (counts(app, shop), orders_of(app, shop)) == before
    again = app.run(save_order, shop.owner, {**ticket, "valid_until": MONDAY + timedelta(days=9), "version": 1})
    assert again.total == 500
    assert app.run(sell_order, shop.owner, selling(again, ("cash", 500))).total == 500


def test_deposits_pay_first_and_are_no_revenue(app: App, shop: Shop) -> None:
    order = a_layaway(app, shop)
    first = app.run(pay_deposit, shop.owner, paying(order, 100))
    second = app.run(pay_deposit, shop.owner, paying(order, 200, tenders=[{"kind": "card", "amount": 200}]))

    assert (first.order.deposit, second.order.deposit) == (100, 300)
    assert (first.sale.total, first.sale.base, first.sale.tax, first.sale.value) == (100, 0, 0, 100)
    assert app.run(report_sales, shop.owner, {}).total.base == 0
    assert_books_hold(app, shop)

    sale = app.run(sell_order, shop.owner, selling(second.order, ("cash", 200)))
    assert [(each.kind, each.amount) for each in sale.payments] == [("cash", 200), ("change", -50), ("deposit", 300)]
    legs = rows(
        app,
        "SELECT account, sum(amount)::int AS n FROM ledger_entries WHERE tenant_id = %s GROUP BY 1",
        (shop.tenant_id,),
    )
    assert {each["account"]: each["n"] for each in legs} == {
        "cash": 250, "card": 200, "deposit": 0, "revenue": -378, "tax:std": -72,
    }  # fmt: skip
    assert app.run(get_order, shop.owner, {"id": order.id}).deposit == 0
    assert_books_hold(app, shop)


def test_a_deposit_is_paid_once_and_never_beyond_the_order(app: App, shop: Shop) -> None:
    order = a_layaway(app, shop)
    paid = paying(order, 400)
    done = app.run(pay_deposit, shop.owner, paid)
    assert app.run(pay_deposit, shop.owner, paid) == done
    before = counts(app, shop), orders_of(app, shop)

    with pytest.raises(DepositTooMuch, match="comes to 450, 400 is paid"):
        app.run(pay_deposit, shop.owner, paying(order, 51))
    with pytest.raises(NotPaid):
        app.run(pay_deposit, shop.owner, paying(order, 50, tenders=[{"kind": "card", "amount": 49}]))
    with pytest.raises(DepositLeft, match="A deposit of 400"):
        app.run(cancel_order, shop.manager, {"id": order.id, "version": 2, "reason": "x"})
    smaller = {**a_ticket(shop), "id": order.id, "kind": "layaway", "customer_id": order.customer_id, "version": 2}
    with pytest.raises(DepositTooMuch):
        app.run(save_order, shop.owner, {**smaller, "lines": [{"sku": "A-1"}]})
    assert (counts(app, shop), orders_of(app, shop)) == before


def test_a_deposit_is_given_back_before_the_order_is_cancelled(app: App, shop: Shop) -> None:
    order = app.run(pay_deposit, shop.owner, paying(a_layaway(app, shop), 150)).order
    back = {"id": order.id, "sale_id": new_id(), "reason": "moved away"}
    done = app.run(return_deposit, shop.owner, back)

    assert (done.order.deposit, done.sale.kind, done.sale.total) == (0, "refund", -150)
    assert [(each.kind, each.amount) for each in done.sale.payments] == [("cash", -150)]
    assert app.run(return_deposit, shop.owner, back) == done
    with pytest.raises(NoDeposit):
        app.run(return_deposit, shop.owner, {**back, "sale_id": new_id()})
    ended = app.run(cancel_order, shop.owner, {"id": order.id, "version": 3, "reason": "moved away"})
    assert (ended.state, ended.reason) == ("cancelled", "moved away")
    assert app.run(cancel_order, shop.owner, {"id": order.id, "version": 3, "reason": "moved away"}) == ended
    with pytest.raises(OrderEnded, match="is cancelled"):
        app.run(sell_order, shop.owner, selling(ended, ("cash", 500)))
    assert_books_hold(app, shop)


def test_prices_and_discounts_are_consented_to_when_they_are_promised(app: App, shop: Shop) -> None:
    cheap = a_ticket(shop, lines=[{"sku": "B-2", "unit_price": "1.00"}])
    with pytest.raises(ApprovalRequired):
        app.run(save_order, shop.cashier, cheap)
    assert orders_of(app, shop) == []

    order = app.run(save_order, shop.manager, cheap)
    assert app.run(sell_order, shop.cashier, selling(order, ("cash", 100))).total == 100


def test_what_is_no_order_is_refused(app: App, shop: Shop) -> None:
    ghost = {"id": new_id(), "version": 1}
    for act, data in (
        (get_order, {"id": ghost["id"]}),
        (take_over, ghost),
        (cancel_order, {**ghost, "reason": "x"}),
        (sell_order, {**ghost, "sale_id": new_id()}),
        (
            pay_deposit,
            {"id": ghost["id"], "sale_id": new_id(), "amount": 1, "tenders": [{"kind": "cash", "amount": 1}]},
        ),
        (return_deposit, {"id": ghost["id"], "sale_id": new_id(), "reason": "x"}),
        (save_order, {**a_ticket(shop), "version": 3}),
    ):
        with pytest.raises(OrderNotFound):
            app.run(act, shop.owner, data)
    with pytest.raises(UnknownProduct):
        saved(app, shop, lines=[{"sku": "NO-1"}])
    with pytest.raises(OutletNotFound):
        saved(app, shop, outlet_id=new_id())
    for wrong in ({"kind": "quote"}, {"valid_until": MONDAY}, {"kind": "layaway"}):
        with pytest.raises(InvalidInput):
            saved(app, shop, **wrong)
    assert orders_of(app, shop) == []


def test_who_may_not_sell_may_not_keep_tickets(app: App, shop: Shop) -> None:
    order = saved(app, shop)
    for act, data in (
        (save_order, a_ticket(shop)),
        (take_over, {"id": order.id, "version": 1}),
        (sell_order, selling(order, ("cash", 450))),
        (list_orders, {}),
    ):
        with pytest.raises(PermissionDenied):
            app.run(act, shop.clerk, data)


def test_lists_are_pages_newest_first(app: App, shop: Shop) -> None:
    made = [saved(app, shop, label=f"no {n}") for n in range(3)]
    app.run(sell_order, shop.owner, selling(made[0], ("cash", 450)))
    first = app.run(list_orders, shop.owner, {"limit": 1})

    assert ([each.label for each in first.items], first.next) == (["no 2"], 3)
    second = app.run(list_orders, shop.owner, {"limit": 1, "after": first.next})
    assert ([(each.label, each.lines) for each in second.items], second.next) == ([("no 1", 2)], None)
    assert [each.label for each in app.run(list_orders, shop.owner, {"ended": True}).items] == ["no 0"]
    assert app.run(list_orders, shop.owner, {"kind": "quote"}).items == []


# --- races -----------------------------------------------------------------------------------------------------------


def test_of_eight_that_sell_an_order_at_once_one_does(app: App, shop: Shop) -> None:
    order = app.run(pay_deposit, shop.owner, paying(a_layaway(app, shop), 100)).order
    found = together(8, lambda _: app.run(sell_order, shop.owner, selling(order, ("cash", 350))))

    sold = [each for each in found if not isinstance(each, Exception)]
    assert len(sold) == 1
    assert {type(each) for each in found if isinstance(each, Exception)} <= {OrderEnded, OrderMoved}
    assert_books_hold(app, shop)


def test_twins_of_one_sale_are_answered_alike(app: App, shop: Shop) -> None:
    order = saved(app, shop)
    asked = selling(order, ("cash", 450))
    found = together(8, lambda _: app.run(sell_order, shop.owner, asked))

    assert {each.receipt for each in found} == {found[0].receipt}
    assert_books_hold(app, shop)


def test_deposits_of_eight_at_once_never_exceed_the_order(app: App, shop: Shop) -> None:
    order = a_layaway(app, shop)
    found = together(8, lambda _: app.run(pay_deposit, shop.owner, paying(order, 100)))

    assert sum(not isinstance(each, Exception) for each in found) == 4
    assert {type(each) for each in found if isinstance(each, Exception)} == {DepositTooMuch}
    assert app.run(get_order, shop.owner, {"id": order.id}).deposit == 400
    assert_books_hold(app, shop)


def test_a_deposit_is_either_used_or_given_back(app: App, shop: Shop) -> None:
    order = app.run(pay_deposit, shop.owner, paying(a_layaway(app, shop), 200)).order
    acts = [
        lambda: app.run(sell_order, shop.owner, selling(order, ("cash", 450))),
        lambda: app.run(return_deposit, shop.owner, {"id": order.id, "sale_id": new_id(), "reason": "x"}),
    ]
    found = together(8, lambda n: acts[n % 2]())

    assert sum(not isinstance(each, Exception) for each in found) >= 1
    after = app.run(get_order, shop.owner, {"id": order.id})
    assert after.deposit == 0
    assert_books_hold(app, shop)


def test_of_eight_that_take_an_order_over_one_has_it(app: App, shop: Shop) -> None:
    held = app.run(save_order, at_till(shop), a_ticket(shop))
    found = together(8, lambda _: app.run(take_over, shop.owner, {"id": held.id, "version": 1}))

    assert {each.version for each in found if not isinstance(each, Exception)} == {2}
    assert app.run(get_order, shop.owner, {"id": held.id}).version == 2


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.sampled_from(["100", "50", "back", "sell", "cancel"]), min_size=1, max_size=7))
def test_whatever_happens_deposits_are_what_the_ledger_holds(app: App, acts: list[str]) -> None:
    shop = a_shop(app)
    order = a_layaway(app, shop)
    for act in acts:
        now = app.run(get_order, shop.owner, {"id": order.id})
        try:
            if act == "back":
                app.run(return_deposit, shop.owner, {"id": order.id, "sale_id": new_id(), "reason": "x"})
            elif act == "sell":
                app.run(sell_order, shop.owner, selling(now, ("cash", 500)))
            elif act == "cancel":
                app.run(cancel_order, shop.owner, {"id": order.id, "version": now.version, "reason": "x"})
            else:
                app.run(pay_deposit, shop.owner, paying(order, int(act)))
        except PrimePOSError:
            continue
    assert_books_hold(app, shop)


# --- what was taken off tickets --------------------------------------------------------------------------------------


def a_removal(**changes: Any) -> dict[str, Any]:
    return {
        "id": new_id(), "ticket_id": new_id(), "at": NOON, "person": "Anna", "act": "line_removed", "sku": "A-1",
        "name": "Apple", "quantity": "2", "amount": 200, **changes,
    }  # fmt: skip


def test_what_was_taken_off_is_put_down_once_and_listed(app: App, shop: Shop) -> None:
    first, second = a_removal(), a_removal(at=NOON + timedelta(minutes=1), person="Ben", act="ticket_given_up")
    report = {"outlet_id": shop.outlet_id, "register_id": shop.till_id, "items": [first, second]}

    assert app.run(report_removed, shop.cashier, report).added == 2
    assert app.run(report_removed, shop.cashier, report).added == 0
    page = app.run(list_removed, shop.owner, {"limit": 1})
    assert [(each.person, each.act) for each in page.items] == [("Ben", "ticket_given_up")]
    (last,) = app.run(list_removed, shop.owner, {"limit": 1, "after": page.next}).items
    assert (last.person, last.sku, last.amount, last.register_id) == ("Anna", "A-1", 200, shop.till_id)
    assert [each.person for each in app.run(list_removed, shop.owner, {"person": "Ben"}).items] == ["Ben"]
    with pytest.raises(PermissionDenied):
        app.run(list_removed, shop.cashier, {})


def test_what_was_taken_off_elsewhere_is_refused(app: App, shop: Shop, other_shop: Shop) -> None:
    for wrong in ({"outlet_id": other_shop.outlet_id}, {"register_id": other_shop.till_id}):
        with pytest.raises(OutletNotFound):
            app.run(report_removed, shop.cashier, {"outlet_id": shop.outlet_id, "items": [a_removal()], **wrong})
    assert app.run(list_removed, shop.owner, {}).items == []
