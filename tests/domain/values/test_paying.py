"""Money that comes in for what was sold on account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.payments.settlement import NotPaid
from primepos.domain.sales.errors import NotOnAccount, PaysTooMuch, SaleConflict, SaleNotFound
from primepos.domain.sales.service import pay_for_sale, pay_onto_account, show_settlement, void_sale
from primepos.domain.values.errors import ValueShort
from primepos.domain.values.service import ageing, open_sales
from tests.domain.values.test_in_sales import back, book, ledger, sound
from tests.domain.values.test_races import at_once, wide_app  # noqa: F401 - a fixture
from tests.domain.values.value_world import a_card, a_customer, an_account, balance
from tests.factories import a_shop, counts

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop


def _on_account(app: App, shop: Shop, customer: Any, amount: int = 450) -> Any:
    tenders = [{"kind": "account", "amount": amount}]
    if amount < 450:
        tenders.append({"kind": "cash", "amount": 450 - amount})
    return book(app, shop, *tenders, by="owner", customer_id=customer)


def _pay(app: App, shop: Shop, sale: Any, *tenders: dict[str, Any], **more: Any) -> Any:
    return app.run(pay_for_sale, shop.cashier, {"id": new_id(), "sale_id": sale.id, "tenders": list(tenders), **more})


def _standing(app: App, shop: Shop, sale: Any) -> tuple[str, int]:
    found = app.run(show_settlement, shop.owner, {"id": sale.id})
    return found.status, found.open


def test_a_sale_on_account_is_open_then_part_paid_then_paid(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada)
    sale = _on_account(app, shop, ada)
    assert _standing(app, shop, sale) == ("open", 450)
    first = _pay(app, shop, sale, {"kind": "cash", "amount": 200}, amount=150)
    assert [(each.kind, each.amount) for each in first.payments] == [("cash", 200), ("change", -50)]
    assert (first.total, first.value, first.lines[0].kind, first.customer_id) == (150, 150, "account", ada)
    assert ledger(app, first.id) == {"cash": 150, "receivable": -150}
    assert _standing(app, shop, sale) == ("part_paid", 300)
    before = counts(app, shop)
    with pytest.raises(PaysTooMuch):
        _pay(app, shop, sale, {"kind": "card", "amount": 301}, amount=301)
    with pytest.raises(NotPaid):
        _pay(app, shop, sale, {"kind": "card", "amount": 299})
    with pytest.raises(InvalidInput):
        _pay(app, shop, sale, {"kind": "account", "amount": 300})
    assert counts(app, shop) == before
    gift = a_card(app, shop, 100)
    _pay(app, shop, sale, {"kind": "gift_card", "code": gift.code, "amount": 100}, {"kind": "card", "amount": 200})
    assert (_standing(app, shop, sale), balance(app, account)) == (("paid", 0), (0, 0))
    with pytest.raises(NotOnAccount):
        _pay(app, shop, sale, {"kind": "cash", "amount": 1})
    sound(app, shop)


def test_paying_again_by_the_same_id_pays_once(app: App, shop: Shop, other_shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada)
    sale = _on_account(app, shop, ada)
    asked = {"id": new_id(), "sale_id": sale.id, "tenders": [{"kind": "card", "amount": 100}], "amount": 100}
    first, again = (app.run(pay_for_sale, shop.cashier, asked) for _ in range(2))
    assert (first, balance(app, account)) == (again, (-350, 0))
    with pytest.raises(SaleConflict):
        app.run(pay_for_sale, shop.cashier, {**asked, "amount": 50})
    with pytest.raises(SaleNotFound):
        app.run(pay_for_sale, other_shop.owner, {**asked, "id": new_id()})
    at_once_paid = book(app, shop, {"kind": "cash", "amount": 450})
    assert _standing(app, shop, at_once_paid) == ("paid", 0)
    with pytest.raises(NotOnAccount):
        _pay(app, shop, at_once_paid, {"kind": "cash", "amount": 1})


def test_money_onto_the_account_settles_the_oldest_first(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada)
    sales = [_on_account(app, shop, ada) for _ in range(3)]
    _pay(app, shop, sales[1], {"kind": "cash", "amount": 450})
    asked = {
        "id": new_id(),
        "customer_id": ada,
        "outlet_id": shop.outlet_id,
        "amount": 500,
        "tenders": [{"kind": "card", "amount": 500}],
    }
    done, again = (app.run(pay_onto_account, shop.cashier, asked) for _ in range(2))
    assert (done, done.total, done.value) == (again, 500, 500)
    assert [_standing(app, shop, each) for each in sales] == [("paid", 0), ("paid", 0), ("part_paid", 400)]
    left = app.run(open_sales, shop.owner, {"customer_id": ada}).items
    assert [(each.receipt, each.open) for each in left] == [(sales[2].receipt, 400)]
    assert app.run(ageing, shop.owner, {}).items[0].owed == 400
    app.run(pay_onto_account, shop.cashier, {**asked, "id": new_id()})
    assert balance(app, account) == (100, 0)
    with pytest.raises(CustomerNotFound):
        app.run(pay_onto_account, shop.cashier, {**asked, "id": new_id(), "customer_id": new_id()})
    sound(app, shop)


def test_goods_of_a_sale_on_account_come_back_off_the_debt(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada)
    sale, other = _on_account(app, shop, ada, 400), _on_account(app, shop, ada)
    back(app, shop, sale.id, 2)
    assert (_standing(app, shop, sale), balance(app, account)) == (("part_paid", 150), (-600, 0))
    assert _standing(app, shop, other) == ("open", 450)
    sound(app, shop)


def test_a_payment_onto_an_account_is_voided_while_the_money_is_there(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada, 450)
    sale = _on_account(app, shop, ada)
    paid = _pay(app, shop, sale, {"kind": "cash", "amount": 450})
    second = _on_account(app, shop, ada)
    with pytest.raises(ValueShort):
        app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": paid.id, "reason": "wrong customer"})
    app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": second.id, "reason": "mistake"})
    app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": paid.id, "reason": "wrong customer"})
    assert balance(app, account) == (-450, 0)
    assert _standing(app, shop, sale) == ("open", 450)
    sound(app, shop)


def test_eight_who_pay_one_sale_at_once_pay_it_once(wide_app: App) -> None:  # noqa: F811 - the fixture
    shop = a_shop(wide_app)
    ada = a_customer(wide_app, shop)
    account = an_account(wide_app, shop, ada)
    sale = _on_account(wide_app, shop, ada)
    answers = at_once([lambda: _pay(wide_app, shop, sale, {"kind": "cash", "amount": 450})] * 8)
    assert sum(not isinstance(each, NotOnAccount) for each in answers) == 1
    assert balance(wide_app, account) == (0, 0)
    sound(wide_app, shop)
