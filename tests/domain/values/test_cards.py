"""Gift cards and what customers have: issued, shown, blocked, adjusted, listed, expired."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerHeld, CustomerNotFound
from primepos.domain.customers.service import erase_customer
from primepos.domain.tenancy.service import update_settings
from primepos.domain.values import codes
from primepos.domain.values.errors import (
    CodeRefused,
    CodeTaken,
    ValueBlocked,
    ValueConflict,
    ValueExpired,
    ValueNotFound,
    ValueShort,
)
from primepos.domain.values.service import (
    adjust_card,
    adjust_credit,
    adjust_points,
    block_card,
    issue_card,
    liabilities,
    list_cards,
    list_entries,
    list_value,
    of_customer,
    show_card,
    tidy,
    unblock_card,
)
from tests.domain.values.value_world import (
    POINTS,
    a_card,
    a_customer,
    an_account,
    assert_value_adds_up,
    balance,
    entries,
    owes,
    some_credit,
    some_points,
)
from tests.factories import rows

if TYPE_CHECKING:
    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def test_a_card_is_issued_with_a_code_that_no_table_holds(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 2500)
    assert (card.balance, card.currency, card.expires_on) == (2500, "EUR", None)
    assert len(card.code.replace("-", "")) == 16
    assert card.tail == card.code[-4:]
    stored = rows(app, "SELECT t::text AS row FROM value_accounts t WHERE id = %s", (card.account_id,))[0]["row"]
    trail = rows(app, "SELECT data::text AS d FROM audit_events WHERE tenant_id = %s", (shop.tenant_id,))
    assert card.code.replace("-", "") not in stored + "".join(each["d"] for each in trail)
    shown = app.run(show_card, shop.cashier, {"code": card.code.lower()})
    assert (shown.balance, shown.available, shown.tail, shown.state) == (2500, 2500, card.tail, "active")
    assert entries(app, card.account_id) == [("issue", 2500, 2500)]


def test_a_repeated_issue_answers_with_the_same_code(app: App, shop: Shop) -> None:
    asked = {"id": new_id(), "amount": 1000, "reason": "prize"}
    first, again = (app.run(issue_card, shop.owner, asked) for _ in range(2))
    assert first == again
    assert balance(app, first.account_id) == (1000, 0)
    with pytest.raises(ValueConflict):
        app.run(issue_card, shop.owner, {**asked, "amount": 2000})


def test_a_printed_code_is_found_however_it_is_typed_and_is_unique(app: App, shop: Shop, other_shop: Shop) -> None:
    card = a_card(app, shop, code="gift-0O1l-2345")
    assert app.run(show_card, shop.cashier, {"code": "GIFT 0011 2345"}).account_id == card.account_id
    with pytest.raises(CodeTaken):
        a_card(app, shop, code="gift 0011 2345")
    a_card(app, other_shop, code="gift 0011 2345")
    with pytest.raises(CodeRefused):
        a_card(app, shop, code="- - - - -")


def test_no_code_of_another_shop_is_known_here(app: App, shop: Shop, other_shop: Shop) -> None:
    card = a_card(app, other_shop)
    with pytest.raises(ValueNotFound):
        app.run(show_card, shop.owner, {"code": card.code})


def test_the_form_of_a_code() -> None:
    assert codes.code_of(" ab-12 cdIO ") == "AB12CD10"
    assert codes.printed("0123456789ABCDEF") == "0123-4567-89AB-CDEF"


def test_who_may_give_a_card_away(app: App, shop: Shop) -> None:
    asked = {"id": new_id(), "amount": 1000, "reason": "prize"}
    with pytest.raises(ApprovalRequired):
        app.run(issue_card, shop.manager, asked)
    with pytest.raises(PermissionDenied):
        app.run(issue_card, shop.cashier, asked)


def test_a_blocked_card_gives_nothing_until_it_is_unblocked(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 1000)
    named = {"account_id": card.account_id, "reason": "lost"}
    assert app.run(block_card, shop.cashier, named).state == "blocked"
    take = {"id": new_id(), "account_id": card.account_id, "amount": -100, "reason": "typo"}
    with pytest.raises(ValueBlocked):
        app.run(adjust_card, shop.owner, take)
    assert balance(app, card.account_id) == (1000, 0)
    assert app.run(unblock_card, shop.owner, named).available == 1000
    assert app.run(adjust_card, shop.owner, take).balance == 900


def test_an_adjustment_is_safe_to_repeat_and_never_goes_below_zero(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 1000)
    take = {"id": new_id(), "account_id": card.account_id, "amount": -400, "reason": "typo"}
    first, again = (app.run(adjust_card, shop.owner, take) for _ in range(2))
    assert (first.balance, again) == (600, first)
    with pytest.raises(ValueConflict):
        app.run(adjust_card, shop.owner, {**take, "amount": -1})
    with pytest.raises(ValueShort) as refused:
        app.run(adjust_card, shop.owner, {**take, "id": new_id(), "amount": -601})
    assert refused.value.data["available"] == 600
    with pytest.raises(InvalidInput):
        app.run(adjust_card, shop.owner, {**take, "id": new_id(), "amount": 0})
    assert entries(app, card.account_id) == [("issue", 1000, 1000), ("adjust", -400, 600)]
    assert_value_adds_up(app, shop)


def test_a_card_past_its_day_gives_nothing_and_the_night_takes_what_is_left(
    app: App, shop: Shop, clock: FrozenClock
) -> None:
    card = a_card(app, shop, 1000, expires_on=date(2026, 3, 2))
    take = {"id": new_id(), "account_id": card.account_id, "amount": -100, "reason": "typo"}
    app.run(adjust_card, shop.owner, take)
    clock.advance(timedelta(days=1))
    with pytest.raises(ValueExpired):
        app.run(adjust_card, shop.owner, {**take, "id": new_id()})
    assert app.run(tidy, shop.owner, {}).cards == 1
    assert app.run(tidy, shop.owner, {}).cards == 0
    assert entries(app, card.account_id)[-1] == ("expire", -900, 0)
    with pytest.raises(ValueBlocked):
        app.run(unblock_card, shop.owner, {"account_id": card.account_id, "reason": "please"})


def test_the_shops_rule_says_how_long_a_card_is_good(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"gift_card_months": 36}})
    assert a_card(app, shop).expires_on == date(2029, 3, 2)


def test_cards_are_listed_by_tail_and_by_what_is_on_them(app: App, shop: Shop) -> None:
    made = [a_card(app, shop, amount) for amount in (100, 200, 300)]
    app.run(adjust_card, shop.owner, _take(made[0].account_id, 100))
    page = app.run(list_cards, shop.manager, {"limit": 2})
    rest = app.run(list_cards, shop.manager, {"limit": 2, "after": page.next})
    listed = [each.account_id for each in [*page.items, *rest.items]]
    assert (listed, rest.next) == ([each.account_id for each in reversed(made)], None)
    in_use = app.run(list_cards, shop.manager, {"in_use": True}).items
    assert {each.balance for each in in_use} == {200, 300}
    by_tail = app.run(list_cards, shop.manager, {"tail": made[1].tail.lower()}).items
    assert made[1].account_id in {each.account_id for each in by_tail}


def _take(account_id: object, amount: int) -> dict[str, object]:
    return {"id": new_id(), "account_id": account_id, "amount": -amount, "reason": "typo"}


def test_what_a_customer_has_is_opened_at_the_first(app: App, shop: Shop) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": POINTS}})
    ada = a_customer(app, shop)
    some_credit(app, shop, ada, 700)
    some_credit(app, shop, ada, 300)
    some_points(app, shop, ada, 250)
    an_account(app, shop, ada, 10_000)
    owes(app, shop, ada, 1500)
    a_card(app, shop, 50, customer_id=ada)
    has = {each.kind: each for each in app.run(of_customer, shop.cashier, {"customer_id": ada}).items}
    assert {kind: each.balance for kind, each in has.items()} == {
        "account": -1500,
        "gift_card": 50,
        "points": 250,
        "store_credit": 1000,
    }
    assert (has["account"].available, has["account"].limit) == (8500, 10_000)
    assert has["points"].worth == 1250
    owed = {each.kind: each for each in app.run(liabilities, shop.accountant, {}).rows}
    assert (owed["account"].owed_by_customers, owed["store_credit"].owed_to_customers) == (1500, 1000)
    assert [each.balance for each in app.run(list_value, shop.cashier, {"kind": "points"}).items] == [250]
    made = app.run(list_entries, shop.cashier, {"account_id": has["store_credit"].account_id, "limit": 1})
    assert ([each.amount for each in made.items], made.next) == ([300], 2)


def test_nothing_is_opened_for_whoever_is_not_here(app: App, shop: Shop, other_shop: Shop) -> None:
    theirs = a_customer(app, other_shop)
    for operation in (adjust_credit, adjust_points):
        with pytest.raises(CustomerNotFound):
            app.run(operation, shop.owner, {"id": new_id(), "customer_id": theirs, "amount": 1, "reason": "a present"})
    with pytest.raises(CustomerNotFound):
        a_card(app, shop, customer_id=new_id())
    assert rows(app, "SELECT id FROM value_accounts WHERE tenant_id = %s", (shop.tenant_id,)) == []


def test_points_that_were_not_used_lapse_the_oldest_first(app: App, shop: Shop, clock: FrozenClock) -> None:
    app.run(update_settings, shop.owner, {"settings": {"points": {**POINTS, "expiry_months": 12}}})
    ada = a_customer(app, shop)
    account = some_points(app, shop, ada, 100)
    clock.advance(timedelta(days=300))
    some_points(app, shop, ada, 50)
    some_points(app, shop, ada, -30)
    assert app.run(tidy, shop.owner, {}).points == 0
    clock.advance(timedelta(days=66))
    assert app.run(tidy, shop.owner, {}).points == 1
    assert entries(app, account)[-1] == ("expire", -70, 50)
    assert app.run(tidy, shop.owner, {}).points == 0
    clock.advance(timedelta(days=400))
    app.run(tidy, shop.owner, {})
    assert balance(app, account) == (0, 0)
    assert_value_adds_up(app, shop)


def test_what_a_merged_customer_had_follows_them(app: App, shop: Shop) -> None:
    ada, twin, third = (a_customer(app, shop) for _ in range(3))
    mine, others, card = some_credit(app, shop, ada, 100), some_credit(app, shop, twin, 250), a_card(app, shop, 10)
    some_points(app, shop, twin, 7)
    owes_account = an_account(app, shop, twin)
    owes(app, shop, twin, 40)
    from primepos.core.db import run_in_transaction

    def merge(uow):
        uow.run("UPDATE customers SET merged_into = %s WHERE id = ANY(%s)", (ada, [twin, third]))
        uow.commit()

    run_in_transaction(app.database.system_session, merge)
    assert app.run(tidy, shop.owner, {}).merged == 3
    assert app.run(tidy, shop.owner, {}).merged == 0
    assert (balance(app, mine), balance(app, others)) == ((350, 0), (0, 0))
    has = {each.kind: each.balance for each in app.run(of_customer, shop.owner, {"customer_id": twin}).items}
    assert has == {"store_credit": 350, "points": 7, "account": -40}
    assert balance(app, owes_account) == (-40, 0)
    assert balance(app, card.account_id) == (10, 0)
    assert_value_adds_up(app, shop)


def test_whoever_is_owed_money_is_not_erased_before_it_is_settled(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    some_credit(app, shop, ada, 100)
    some_points(app, shop, ada, 100)
    with pytest.raises(CustomerHeld):
        app.run(erase_customer, shop.owner, {"id": ada, "confirm": True})
    some_credit(app, shop, ada, -100)
    app.run(erase_customer, shop.owner, {"id": ada, "confirm": True})
    with pytest.raises(CustomerNotFound):
        some_credit(app, shop, ada, 1)
