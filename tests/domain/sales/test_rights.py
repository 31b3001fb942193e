"""Limits hold for the act itself: what is taken off a price, off a line, off a ticket, and what comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from primepos.core.errors import ApprovalRequired
from primepos.core.ids import new_id
from primepos.core.permissions import GRANTS, Decision, Grant, Permission, Role
from primepos.domain.returns.service import exchange_goods, refund_sale, return_goods
from primepos.domain.sales.service import book_sale, void_sale
from tests.factories import basket, counts


@pytest.fixture
def limited(shop):
    """Make a cashier whose grants differ: ``limited(SALE_VOID={"max_amount": 5})``."""

    def make(**grants):
        own = {Permission[name]: Grant(Decision.ALLOW, **limits) for name, limits in grants.items()}
        return replace(shop.cashier, role="limited", grants={**GRANTS[Role.CASHIER], **own})

    return make


def apples(shop, quantity="10", **more):
    """Ten apples at 1.00."""
    return basket(shop, lines=[{"product_id": shop.products[0], "quantity": quantity, **more}])


def beyond(app, shop, act, who, data):
    """Return what the refusal of an act says it weighs; nothing was booked."""
    before = counts(app, shop)
    with pytest.raises(ApprovalRequired) as caught:
        app.run(act, who, data)
    assert counts(app, shop) == before
    return caught.value.data["acts"]


@pytest.mark.parametrize(
    ("limits", "within", "over"),
    [({"max_amount": 500}, "0.50", "0.49"), ({"max_percent": 20}, "0.80", "0.79")],
)
def test_a_price_cut_is_bounded_by_what_it_takes_off(app, shop, limited, limits, within, over):
    who = limited(SALE_PRICE_OVERRIDE=limits)
    assert app.run(book_sale, who, apples(shop, unit_price=within)).total == int(float(within) * 1000)
    app.run(book_sale, who, {**apples(shop, unit_price="1.50"), "tenders": [{"kind": "cash", "amount": 1500}]})
    data = apples(shop, unit_price=over)
    acts = beyond(app, shop, book_sale, who, data)
    percent, amount = ("51", 510) if over == "0.49" else ("21", 210)
    assert acts == [
        {
            "permission": "sale:price_override",
            "percent": percent,
            "amount": amount,
            "outlet_id": str(shop.outlet_id),
            "subject": f"sale:{data['id']}",
        }
    ]


def test_an_amount_off_a_line_counts_in_percent_of_the_line(app, shop):
    # A cashier gives up to five percent.
    app.run(book_sale, shop.cashier, apples(shop, discount=50))
    app.run(book_sale, shop.cashier, apples(shop, discount_percent="5"))
    acts = beyond(app, shop, book_sale, shop.cashier, apples(shop, discount=51))
    assert (acts[0]["percent"], acts[0]["amount"]) == ("5.1", 51)
    acts = beyond(app, shop, book_sale, shop.cashier, apples(shop, discount_percent="4", discount=11))
    assert (acts[0]["percent"], acts[0]["amount"]) == ("5.1", 51)
    acts = beyond(app, shop, book_sale, shop.cashier, apples(shop, quantity="3", discount=16))
    assert acts[0]["percent"] == "5.3334"


def test_a_ticket_discount_counts_what_is_left_after_the_lines(app, shop, limited):
    who = limited(SALE_TICKET_DISCOUNT={"max_amount": 95, "max_percent": 10})
    line = {"product_id": shop.products[0], "quantity": "10", "discount_percent": "5"}
    app.run(book_sale, who, basket(shop, lines=[line], ticket_discount_percent="10"))
    app.run(book_sale, who, basket(shop, lines=[line], ticket_discount=95))
    acts = beyond(app, shop, book_sale, who, basket(shop, lines=[line], ticket_discount=96))
    assert (acts[0]["permission"], acts[0]["amount"], acts[0]["percent"]) == ("sale:ticket_discount", 96, "10.1053")


def test_everything_that_is_beyond_is_asked_for_at_once(app, shop):
    data = basket(
        shop,
        lines=[{"product_id": shop.products[0], "quantity": "1", "unit_price": "0.90", "discount_percent": "50"}],
        ticket_discount=10,
    )
    acts = beyond(app, shop, book_sale, shop.cashier, data)
    assert [(each["permission"], each["amount"]) for each in acts] == [
        ("sale:price_override", 10),
        ("sale:line_discount", 45),
        ("sale:ticket_discount", 10),
    ]


def test_a_void_is_bounded_by_the_sale_it_undoes(app, shop, limited):
    who = limited(SALE_VOID={"max_amount": 450, "days_back": 0})
    small, large = (app.run(book_sale, shop.cashier, data) for data in (basket(shop), apples(shop)))
    app.run(void_sale, who, {"id": new_id(), "sale_id": small.id, "reason": "typo"})
    acts = beyond(app, shop, void_sale, who, {"id": new_id(), "sale_id": large.id, "reason": "typo"})
    assert acts == [
        {
            "permission": "sale:void",
            "amount": 1000,
            "sold_on": "2026-03-02",
            "outlet_id": str(shop.outlet_id),
            "subject": f"sale:{large.id}",
        }
    ]


def test_refunds_of_one_sale_count_together(app, shop, limited):
    who = limited(REFUND_WITH_RECEIPT={"max_amount": 500})
    sale = app.run(book_sale, shop.cashier, apples(shop))

    def back(quantity, **more):
        return {
            "id": new_id(),
            "sale_id": sale.id,
            "lines": [{"line_no": 1, "quantity": quantity}],
            "reason": "x",
            **more,
        }

    first = back("3")
    booked = app.run(refund_sale, who, first)
    assert app.run(refund_sale, who, first) == booked
    acts = beyond(app, shop, refund_sale, who, back("3"))
    assert (acts[0]["amount"], acts[0]["subject"]) == (600, f"sale:{sale.id}")
    assert app.run(refund_sale, who, back("2")).total == -200


def test_an_old_sale_needs_another_person(app, shop, limited, clock):
    who = limited(REFUND_WITH_RECEIPT={"days_back": 30})
    sale = app.run(book_sale, shop.cashier, basket(shop))
    clock.advance(timedelta(days=30))
    one = {"sale_id": sale.id, "lines": [{"line_no": 1, "quantity": "1"}], "reason": "old"}
    app.run(refund_sale, who, {"id": new_id(), **one})
    clock.advance(timedelta(days=1))
    acts = beyond(app, shop, refund_sale, who, {"id": new_id(), **one})
    assert acts[0]["sold_on"] == "2026-03-02"


def test_an_exchange_weighs_what_comes_back_and_not_the_difference(app, shop, limited):
    who = limited(REFUND_WITH_RECEIPT={"max_amount": 200})
    sale = app.run(book_sale, shop.cashier, basket(shop))
    swap = {
        "sale_id": sale.id,
        "returns": [{"line_no": 2}],
        "lines": [{"product_id": shop.products[0], "quantity": "2"}],
        "reason": "x",
    }
    assert beyond(app, shop, exchange_goods, who, {"id": new_id(), **swap})[0]["amount"] == 250


def test_goods_without_a_receipt_weigh_what_is_paid_for_them(app, shop, limited):
    who = limited(REFUND_NO_RECEIPT={"max_amount": 100}, SALE_PRICE_OVERRIDE={"max_amount": 20})
    lost = {"outlet_id": shop.outlet_id, "reason": "lost"}
    line = {"product_id": shop.products[0], "quantity": "1"}
    app.run(return_goods, who, {"id": new_id(), "lines": [line], **lost})
    acts = beyond(app, shop, return_goods, who, {"id": new_id(), "lines": [{**line, "unit_price": "1.21"}], **lost})
    assert [(each["permission"], each["amount"]) for each in acts] == [
        ("refund:no_receipt", 121),
        ("sale:price_override", 21),
    ]


def test_a_limit_to_outlets_counts_where_it_happens(app, shop, limited):
    sale = app.run(book_sale, shop.cashier, basket(shop))
    void = {"id": new_id(), "sale_id": sale.id, "reason": "typo"}
    beyond(app, shop, void_sale, limited(SALE_VOID={"outlets": frozenset({new_id()})}), void)
    app.run(void_sale, limited(SALE_VOID={"outlets": frozenset({shop.outlet_id})}), void)
