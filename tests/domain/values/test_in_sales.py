"""Value in sales: what pays, what is sold, what is earned, and how all of it comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.returns.service import exchange_goods, refund_sale, refundable
from primepos.domain.sales.errors import TendersDiffer, ValueExceeded
from primepos.domain.sales.service import book_sale, get_sale, void_sale
from primepos.domain.tenancy.service import update_settings
from primepos.domain.values.errors import (
    CodeTaken,
    PointsNotOffered,
    ValueBlocked,
    ValueNotFound,
    ValueShort,
)
from primepos.domain.values.service import authorise, block_card, show_card
from tests.domain.values.value_world import (
    POINTS,
    a_card,
    a_customer,
    an_account,
    assert_value_adds_up,
    balance,
    entries,
    some_credit,
    some_points,
)
from tests.factories import assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def book(app: App, shop: Shop, *tenders: dict[str, Any], by: str = "cashier", **more: Any) -> Any:
    """Book two apples and a bread, 4.50, unless ``more`` says otherwise."""
    return app.run(book_sale, shop.people[by], basket(shop, tenders=list(tenders), **more))


def back(app: App, shop: Shop, sale: UUID, *lines: int, **more: Any) -> Any:
    """Take lines of a sale back; none named is all of it."""
    named = [{"line_no": n} for n in lines]
    return app.run(
        refund_sale, shop.owner, {"id": new_id(), "sale_id": sale, "lines": named, "reason": "unwanted", **more}
    )


def paid(sale: Any) -> list[tuple[str, int]]:
    return [(each.kind, each.amount) for each in sale.payments]


def ledger(app: App, sale: UUID) -> dict[str, int]:
    found = rows(app, "SELECT account, amount FROM ledger_entries WHERE sale_id = %s", (sale,))
    return {each["account"]: each["amount"] for each in found}


def sound(app: App, shop: Shop) -> None:
    assert_value_adds_up(app, shop)
    assert_books_hold(app, shop)


def test_a_card_and_cash_pay_together_and_only_cash_gives_change(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 300)
    sale = book(app, shop, {"kind": "gift_card", "code": card.code, "amount": 300}, {"kind": "cash", "amount": 200})
    assert paid(sale) == [("gift_card", 300), ("cash", 200), ("change", -50)]
    assert (sale.payments[0].account_id, sale.payments[0].reference) == (card.account_id, f"****{card.tail}")
    assert app.run(get_sale, shop.owner, {"id": sale.id}).payments == sale.payments
    assert balance(app, card.account_id) == (0, 0)
    assert ledger(app, sale.id)["gift_card"] == 300
    assert entries(app, card.account_id)[-1] == ("sale", -300, 0)
    sound(app, shop)


def test_what_is_not_there_pays_nothing_and_books_nothing(app: App, shop: Shop, other_shop: Shop) -> None:
    card, theirs = a_card(app, shop, 449), a_card(app, other_shop, 10_000)
    before = counts(app, shop)
    for code, refusal in ((card.code, ValueShort), (theirs.code, ValueNotFound)):
        with pytest.raises(refusal):
            book(app, shop, {"kind": "gift_card", "code": code, "amount": 450})
    app.run(block_card, shop.owner, {"account_id": card.account_id, "reason": "lost"})
    with pytest.raises(ValueBlocked):
        book(app, shop, {"kind": "gift_card", "code": card.code, "amount": 1}, {"kind": "cash", "amount": 449})
    with pytest.raises(ValueNotFound):
        book(app, shop, {"kind": "store_credit", "amount": 450}, customer_id=a_customer(app, shop))
    with pytest.raises(CustomerNotFound):
        book(app, shop, {"kind": "store_credit", "amount": 450}, customer_id=a_customer(app, other_shop))
    for wrong in ({"kind": "cash", "code": "AAAABBBB"}, {"kind": "account", "code": "AAAABBBB"}):
        with pytest.raises(InvalidInput):
            book(app, shop, {**wrong, "amount": 450})
    assert counts(app, shop) == before
    assert balance(app, card.account_id) == (449, 0)
    sound(app, shop)


def test_a_repeated_sale_takes_the_card_once(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 450)
    asked = basket(shop, tenders=[{"kind": "gift_card", "code": card.code, "amount": 450}])
    first, again = (app.run(book_sale, shop.cashier, asked) for _ in range(2))
    assert first == again
    assert entries(app, card.account_id) == [("issue", 450, 450), ("sale", -450, 0)]


def test_everything_a_customer_has_pays_at_once(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 1, "per_minor": 1000}}})
    ada = a_customer(app, shop)
    credit, points, account = (
        some_credit(app, shop, ada, 100),
        some_points(app, shop, ada, 30),
        an_account(app, shop, ada, 1000),
    )
    tenders = (
        {"kind": "store_credit", "amount": 100},
        {"kind": "points", "amount": 101},
        {"kind": "account", "amount": 149},
        {"kind": "card", "amount": 100},
    )
    sale = book(app, shop, *tenders, by="manager", customer_id=ada)
    assert paid(sale) == [("store_credit", 100), ("points", 101), ("account", 149), ("card", 100)]
    assert (balance(app, credit)[0], balance(app, points)[0], balance(app, account)[0]) == (0, 30 - 21, -149)
    assert {k: v for k, v in ledger(app, sale.id).items() if v > 0} == {
        "store_credit": 100,
        "points": 101,
        "receivable": 149,
        "card": 100,
    }
    gone = back(app, shop, sale.id)
    assert paid(gone) == [("store_credit", -100), ("points", -101), ("account", -149), ("card", -100)]
    assert (balance(app, credit)[0], balance(app, points)[0], balance(app, account)[0]) == (100, 30, 0)
    sound(app, shop)


def test_selling_on_account_needs_the_right_and_the_limit(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada, 800)
    on_account = {"kind": "account", "amount": 450}
    with pytest.raises(ApprovalRequired):
        book(app, shop, on_account, customer_id=ada)
    sale = book(app, shop, on_account, by="manager", customer_id=ada)
    assert (sale.total, sale.customer_id, balance(app, account)) == (450, ada, (-450, 0))
    before = counts(app, shop)
    with pytest.raises(ValueShort) as refused:
        book(app, shop, on_account, by="manager", customer_id=ada)
    assert refused.value.data["available"] == 350
    with pytest.raises(ValueNotFound):
        book(app, shop, on_account, by="manager")
    assert counts(app, shop) == before
    sound(app, shop)


def test_points_without_a_programme_pay_nothing(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    some_points(app, shop, ada, 1000)
    with pytest.raises(PointsNotOffered):
        book(app, shop, {"kind": "points", "amount": 450}, customer_id=ada)


def test_a_card_is_sold_beside_goods_and_is_no_revenue(app: App, shop: Shop) -> None:
    card_id = new_id()
    sold = [{"kind": "gift_card", "card_id": card_id, "code": "GIFT-2026-0001", "amount": 5000}]
    sale = book(app, shop, {"kind": "cash", "amount": 5450}, values=sold)
    assert (sale.total, sale.value, sale.base + sale.tax) == (5450, 5000, 450)
    assert [(line.kind, line.total, line.tax) for line in sale.lines][2] == ("gift_card", 5000, 0)
    assert ledger(app, sale.id)["gift_card"] == -5000
    shown = app.run(show_card, shop.cashier, {"code": "gift20260001"})
    assert (shown.account_id, shown.balance) == (card_id, 5000)
    assert "GIFT20260001" not in str(sale)
    more = book(
        app,
        shop,
        {"kind": "card", "amount": 700},
        lines=[],
        values=[{"kind": "gift_card", "code": "GIFT-2026-0001", "amount": 700}],
    )
    assert (more.total, more.value, more.base, balance(app, card_id)) == (700, 700, 0, (5700, 0))
    with pytest.raises(CodeTaken):
        book(
            app,
            shop,
            {"kind": "cash", "amount": 100},
            lines=[],
            values=[{"kind": "gift_card", "card_id": new_id(), "code": "GIFT 2026 0001", "amount": 100}],
        )
    with pytest.raises(InvalidInput):
        book(app, shop, {"kind": "cash", "amount": 100}, lines=[], values=[{"kind": "gift_card", "amount": 100}])
    with pytest.raises(InvalidInput):
        book(app, shop, lines=[])
    sound(app, shop)


def test_credit_and_money_on_account_are_sold_to_a_customer(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    values = [{"kind": "store_credit", "amount": 2000}, {"kind": "account", "amount": 300}]
    sale = book(app, shop, {"kind": "cash", "amount": 2300}, lines=[], values=values, customer_id=ada)
    has = rows(app, "SELECT kind, balance FROM value_accounts WHERE customer_id = %s ORDER BY kind", (ada,))
    assert [(each["kind"], each["balance"]) for each in has] == [("account", 300), ("store_credit", 2000)]
    legs = ledger(app, sale.id)
    assert (legs["cash"], legs["store_credit"], legs["receivable"]) == (2300, -2000, -300)
    with pytest.raises(CustomerNotFound):
        book(app, shop, {"kind": "cash", "amount": 2300}, lines=[], values=values)
    sound(app, shop)


def test_a_refund_takes_a_sold_card_back_or_is_refused_where_it_is_spent(app: App, shop: Shop) -> None:
    sold = [{"kind": "gift_card", "card_id": new_id(), "amount": 1000} for _ in range(2)]
    first, second = (book(app, shop, {"kind": "cash", "amount": 1000}, lines=[], values=[each]) for each in sold)
    gone = back(app, shop, first.id)
    assert (gone.total, gone.value, balance(app, sold[0]["card_id"])) == (-1000, -1000, (0, 0))
    book(app, shop, {"kind": "gift_card", "account_id": sold[1]["card_id"], "amount": 450})
    before = counts(app, shop)
    with pytest.raises(ValueShort):
        back(app, shop, second.id)
    with pytest.raises(ValueShort):
        app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": second.id, "reason": "mistake"})
    assert counts(app, shop) == before
    assert balance(app, sold[1]["card_id"]) == (550, 0)
    sound(app, shop)


def test_money_goes_back_to_cards_then_to_value_then_in_cash(app: App, shop: Shop) -> None:
    gift = a_card(app, shop, 200)
    sale = book(
        app,
        shop,
        {"kind": "cash", "amount": 150},
        {"kind": "gift_card", "code": gift.code, "amount": 200},
        {"kind": "card", "amount": 100, "reference": "4711"},
    )
    assert app.run(refundable, shop.owner, {"id": sale.id}).amount == 450
    first = back(app, shop, sale.id, 2)
    assert paid(first) == [("card", -100), ("gift_card", -150)]
    second = back(app, shop, sale.id)
    assert paid(second) == [("gift_card", -50), ("cash", -150)]
    assert entries(app, gift.account_id)[1:] == [("sale", -200, 0), ("refund", 150, 150), ("refund", 50, 200)]
    sound(app, shop)


def test_a_refund_goes_to_store_credit_on_request(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    sale = book(app, shop, {"kind": "cash", "amount": 450}, customer_id=ada)
    gone = back(app, shop, sale.id, tenders=[{"kind": "store_credit", "amount": 450}])
    assert paid(gone) == [("store_credit", -450)]
    credit = rows(app, "SELECT id, balance FROM value_accounts WHERE customer_id = %s", (ada,))
    assert [each["balance"] for each in credit] == [450]
    nobody = book(app, shop, {"kind": "cash", "amount": 450})
    with pytest.raises(ValueNotFound):
        back(app, shop, nobody.id, tenders=[{"kind": "store_credit", "amount": 450}])
    named = back(app, shop, nobody.id, tenders=[{"kind": "store_credit", "account_id": credit[0]["id"], "amount": 450}])
    assert (paid(named), balance(app, credit[0]["id"])) == ([("store_credit", -450)], (900, 0))
    sound(app, shop)


def test_no_more_goes_back_to_value_than_it_paid(app: App, shop: Shop) -> None:
    gift, other = a_card(app, shop, 200), a_card(app, shop, 200)
    sale = book(app, shop, {"kind": "gift_card", "code": gift.code, "amount": 200}, {"kind": "cash", "amount": 250})
    for wanted in ({"amount": 450}, {"amount": 450, "code": other.code}, {"amount": 1, "account_id": other.account_id}):
        with pytest.raises(ValueExceeded):
            back(app, shop, sale.id, tenders=[{"kind": "gift_card", **wanted}])
    with pytest.raises(TendersDiffer):
        back(app, shop, sale.id, tenders=[{"kind": "gift_card", "amount": 200}])
    gone = back(app, shop, sale.id, tenders=[{"kind": "gift_card", "amount": 100}, {"kind": "cash", "amount": 350}])
    assert (paid(gone), balance(app, gift.account_id)) == ([("gift_card", -100), ("cash", -350)], (100, 0))
    sound(app, shop)


def test_points_are_earned_and_taken_back_by_the_line(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 7, "per_minor": 100}}})
    ada = a_customer(app, shop)
    sale = book(app, shop, {"kind": "cash", "amount": 450}, customer_id=ada)
    points = rows(app, "SELECT id FROM value_accounts WHERE customer_id = %s", (ada,))[0]["id"]
    by_line = rows(app, "SELECT by_line FROM value_entries WHERE account_id = %s", (points,))[0]["by_line"]
    assert (balance(app, points), by_line) == ((31, 0), [[1, 13], [2, 18]])
    for left in (24, 18):
        app.run(
            refund_sale,
            shop.owner,
            {
                "id": new_id(),
                "sale_id": sale.id,
                "lines": [{"line_no": 1, "quantity": "1"}],
                "reason": "one apple",
            },
        )
        assert balance(app, points) == (left, 0)
    back(app, shop, sale.id)
    assert balance(app, points) == (0, 0)
    sound(app, shop)


def test_points_that_are_spent_are_owed_after_the_refund(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 100, "per_minor": 100}}})
    ada = a_customer(app, shop)
    sale = book(app, shop, {"kind": "cash", "amount": 450}, customer_id=ada)
    points = rows(app, "SELECT id FROM value_accounts WHERE customer_id = %s", (ada,))[0]["id"]
    bought = book(app, shop, {"kind": "points", "amount": 450}, customer_id=ada)
    assert balance(app, points) == (360, 0)
    assert len(entries(app, points)) == 2
    bought_more = book(app, shop, {"kind": "points", "amount": 450}, customer_id=ada)
    back(app, shop, sale.id)
    assert balance(app, points) == (450 - 90 - 90 - 450, 0)
    with pytest.raises(ValueShort):
        book(app, shop, {"kind": "points", "amount": 5}, {"kind": "cash", "amount": 445}, customer_id=ada)
    for each in (bought, bought_more):
        back(app, shop, each.id)
    assert balance(app, points) == (0, 0)
    sound(app, shop)


def test_what_a_programme_leaves_out_earns_nothing(app: App, shop: Shop) -> None:
    from primepos.domain.catalog.service import create_category, update_product

    tobacco = app.run(create_category, shop.owner, {"name": "Tobacco"}).id
    app.run(update_product, shop.owner, {"id": shop.products[1], "category_id": tobacco})
    rule = {**POINTS, "earn": 10, "excluded_categories": [str(tobacco)]}
    app.run(update_settings, shop.owner, {"settings": {"points": rule}})
    ada = a_customer(app, shop)
    book(app, shop, {"kind": "cash", "amount": 450}, customer_id=ada)
    found = rows(app, "SELECT balance FROM value_accounts WHERE customer_id = %s", (ada,))
    assert [each["balance"] for each in found] == [20]


def test_a_void_is_the_mirror_of_all_that_its_sale_did(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 100, "per_minor": 100}}})
    ada, gift, new = a_customer(app, shop), a_card(app, shop, 1000), new_id()
    points = some_points(app, shop, ada, 50)
    sale = book(
        app,
        shop,
        {"kind": "gift_card", "code": gift.code, "amount": 1000},
        {"kind": "points", "amount": 250},
        values=[{"kind": "gift_card", "card_id": new, "amount": 800}],
        customer_id=ada,
    )
    assert (balance(app, points)[0], balance(app, new)[0]) == (50 - 50 + 200, 800)
    void = app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": sale.id, "reason": "mistake"})
    assert (void.total, void.value) == (-1250, -800)
    assert (balance(app, gift.account_id)[0], balance(app, points)[0], balance(app, new)[0]) == (1000, 50, 0)
    assert [each[0] for each in entries(app, points)] == ["adjust", "sale", "sale", "void", "void"]
    sound(app, shop)


def test_booking_captures_what_was_authorised_for_it(app: App, shop: Shop, clock: FrozenClock) -> None:
    gift = a_card(app, shop, 450)
    sale_id, kept = new_id(), new_id()
    app.run(authorise, shop.cashier, {"id": kept, "code": gift.code, "amount": 450, "sale_id": sale_id})
    tender = {"kind": "gift_card", "account_id": gift.account_id, "amount": 450}
    with pytest.raises(ValueShort):
        book(app, shop, tender)
    with pytest.raises(ValueShort):
        book(app, shop, {**tender, "authorisation_id": kept})
    sale = book(app, shop, {**tender, "authorisation_id": kept}, id=sale_id)
    assert (sale.payments[0].authorisation_id, balance(app, gift.account_id)) == (kept, (0, 0))
    state = rows(app, "SELECT state, captured FROM authorisations WHERE id = %s", (kept,))
    assert state == [{"state": "captured", "captured": 450}]
    other = a_card(app, shop, 450)
    late = new_id()
    app.run(authorise, shop.cashier, {"id": late, "code": other.code, "amount": 450})
    clock.advance(timedelta(minutes=20))
    book(app, shop, {"kind": "gift_card", "code": other.code, "amount": 450, "authorisation_id": late})
    assert rows(app, "SELECT state FROM authorisations WHERE id = %s", (late,)) == [{"state": "expired"}]
    sound(app, shop)


def test_an_exchange_settles_its_difference_with_value(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "earn": 100, "per_minor": 100}}})
    ada, gift = a_customer(app, shop), a_card(app, shop, 1000)
    sale = book(app, shop, {"kind": "gift_card", "code": gift.code, "amount": 450}, customer_id=ada)
    points = rows(app, "SELECT id FROM value_accounts WHERE customer_id = %s", (ada,))[0]["id"]
    data = {"sale_id": sale.id, "returns": [{"line_no": 2}], "reason": "other bread"}
    dearer = {"id": new_id(), **data, "lines": [{"product_id": shop.products[2]}]}
    done = app.run(
        exchange_goods,
        shop.owner,
        {
            **dearer,
            "tenders": [{"kind": "gift_card", "code": gift.code, "amount": 550}, {"kind": "cash", "amount": 199}],
        },
    )
    assert (done.total, balance(app, gift.account_id), balance(app, points)[0]) == (749, (0, 0), 450 - 250 + 999)
    cheaper = {"id": new_id(), "sale_id": sale.id, "returns": [{"line_no": 1}], "reason": "too sour"}
    less = app.run(exchange_goods, shop.owner, {**cheaper, "lines": [{"product_id": shop.products[0]}]})
    assert (paid(less), balance(app, gift.account_id)[0]) == ([("gift_card", -100)], 100)
    sound(app, shop)


def test_a_card_costs_two_statements_and_a_sale_without_value_none(app: App, shop: Shop) -> None:
    cards = [a_card(app, shop, 450) for _ in range(2)]
    book(app, shop, {"kind": "cash", "amount": 450})
    sent: list[int] = []

    def listen(statements: Any, _seconds: float) -> None:
        sent.append(len(statements))

    def statements_of(*tenders: dict[str, Any], **more: Any) -> int:
        sent.clear()
        app.database.watch(listen)
        try:
            book(app, shop, *tenders, **more)
        finally:
            app.database.unwatch(listen)
        return sum(sent)

    # The tenant's settings are kept for seconds: asked once before.
    app.run(show_card, shop.cashier, {"code": cards[0].code})
    plain = statements_of({"kind": "cash", "amount": 450})
    assert statements_of({"kind": "gift_card", "code": cards[0].code, "amount": 450}) == plain + 2
