"""What is authorised is kept, once, for a quarter of an hour; and what a register may take offline."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import ApprovalRequired, InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.outlets.errors import RegisterNotFound
from primepos.domain.tenancy.service import update_settings
from primepos.domain.values.errors import (
    AuthorisationNotFound,
    PointsNotOffered,
    ValueBlocked,
    ValueConflict,
    ValueNotFound,
    ValueShort,
)
from primepos.domain.values.service import (
    adjust_card,
    allot,
    authorise,
    block_card,
    list_allotments,
    release,
    show_card,
    tidy,
)
from primepos.domain.values.tidying import tidy_all
from tests.conftest import NOON
from tests.domain.values.value_world import (
    POINTS,
    a_card,
    a_customer,
    an_account,
    assert_value_adds_up,
    balance,
    some_credit,
    some_points,
)
from tests.factories import a_shop, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def _keep(amount: int, **what: Any) -> dict[str, Any]:
    return {"id": new_id(), "amount": amount, **what}


def test_what_is_authorised_cannot_be_taken_by_another(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 1000)
    kept = app.run(authorise, shop.cashier, _keep(700, code=card.code))
    assert (kept.account_id, kept.kind, kept.amount, kept.state) == (card.account_id, "gift_card", 700, "held")
    assert kept.expires_at == NOON + timedelta(minutes=15)
    with pytest.raises(ValueShort) as refused:
        app.run(authorise, shop.cashier, _keep(301, code=card.code))
    assert refused.value.data["available"] == 300
    with pytest.raises(ValueShort):
        app.run(adjust_card, shop.owner, _taking(card.account_id, 301))
    app.run(adjust_card, shop.owner, _taking(card.account_id, 300))
    shown = app.run(show_card, shop.cashier, {"code": card.code})
    assert (shown.balance, shown.held, shown.available) == (700, 700, 0)
    assert_value_adds_up(app, shop)


def _taking(account_id: object, amount: int) -> dict[str, Any]:
    return {"id": new_id(), "account_id": account_id, "amount": -amount, "reason": "taken"}


def test_asking_again_keeps_nothing_twice(app: App, shop: Shop) -> None:
    card = a_card(app, shop, 1000)
    asked = _keep(700, code=card.code)
    first, again = (app.run(authorise, shop.cashier, asked) for _ in range(2))
    assert first == again
    assert balance(app, card.account_id) == (1000, 700)
    with pytest.raises(ValueConflict):
        app.run(authorise, shop.cashier, {**asked, "amount": 1})


def test_what_has_run_out_counts_no_more_before_any_job_has_come_by(app: App, shop: Shop, clock: FrozenClock) -> None:
    card = a_card(app, shop, 1000)
    asked = _keep(1000, code=card.code)
    app.run(authorise, shop.cashier, asked)
    clock.advance(timedelta(minutes=15))
    assert app.run(show_card, shop.cashier, {"code": card.code}).available == 1000
    app.run(authorise, shop.cashier, _keep(1000, code=card.code))
    assert app.run(authorise, shop.cashier, asked).state == "expired"
    assert balance(app, card.account_id) == (1000, 1000)
    clock.advance(timedelta(minutes=15))
    app.run(adjust_card, shop.owner, _taking(card.account_id, 1000))
    assert balance(app, card.account_id) == (0, 0)
    assert_value_adds_up(app, shop)


def test_the_job_lets_go_of_what_has_run_out(app: App, shop: Shop, clock: FrozenClock) -> None:
    made = [a_card(app, shop, 1000) for _ in range(3)]
    for card in made:
        app.run(authorise, shop.cashier, _keep(10, code=card.code))
        app.run(authorise, shop.cashier, _keep(20, code=card.code))
    clock.advance(timedelta(minutes=14))
    app.run(authorise, shop.cashier, _keep(5, code=made[0].code))
    assert app.run(tidy, shop.owner, {}).authorisations == 0
    clock.advance(timedelta(minutes=1))
    assert app.run(tidy, shop.owner, {}).authorisations == 6
    assert [balance(app, card.account_id) for card in made] == [(1000, 5), (1000, 0), (1000, 0)]
    assert_value_adds_up(app, shop)


def test_what_is_released_is_there_again(app: App, shop: Shop, other_shop: Shop) -> None:
    card = a_card(app, shop, 1000)
    kept = app.run(authorise, shop.cashier, _keep(700, account_id=card.account_id))
    with pytest.raises(AuthorisationNotFound):
        app.run(release, other_shop.owner, {"id": kept.id})
    assert app.run(release, shop.cashier, {"id": kept.id}).state == "released"
    assert app.run(release, shop.cashier, {"id": kept.id}).state == "released"
    assert balance(app, card.account_id) == (1000, 0)
    assert_value_adds_up(app, shop)


def test_what_a_customer_has_is_authorised_by_kind(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    some_credit(app, shop, ada, 500)
    points = some_points(app, shop, ada, 1000)
    assert app.run(authorise, shop.cashier, _keep(500, customer_id=ada, kind="store_credit")).amount == 500
    with pytest.raises(PointsNotOffered):
        app.run(authorise, shop.cashier, _keep(500, customer_id=ada, kind="points"))
    app.run(update_settings, shop.owner, {"settings": {"points": POINTS}})
    kept = app.run(authorise, shop.cashier, _keep(501, customer_id=ada, kind="points"))
    assert (kept.amount, kept.worth) == (101, 501)
    assert balance(app, points) == (1000, 101)
    with pytest.raises(ValueNotFound):
        app.run(authorise, shop.cashier, _keep(1, customer_id=ada, kind="account"))


def test_credit_on_an_account_needs_the_right_to_sell_on_account(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    an_account(app, shop, ada, 1000)
    asked = _keep(1000, customer_id=ada, kind="account")
    with pytest.raises(ApprovalRequired):
        app.run(authorise, shop.cashier, asked)
    assert app.run(authorise, shop.manager, asked).amount == 1000
    with pytest.raises(PermissionDenied):
        app.run(authorise, shop.clerk, asked)


def test_nothing_is_kept_of_what_is_blocked_unknown_or_named_twice(app: App, shop: Shop, other_shop: Shop) -> None:
    card, theirs = a_card(app, shop, 1000), a_card(app, other_shop, 1000)
    app.run(block_card, shop.owner, {"account_id": card.account_id, "reason": "lost"})
    with pytest.raises(ValueBlocked):
        app.run(authorise, shop.cashier, _keep(1, code=card.code))
    for what in ({"code": theirs.code}, {"account_id": theirs.account_id}):
        with pytest.raises(ValueNotFound):
            app.run(authorise, shop.cashier, _keep(1, **what))
    with pytest.raises(CustomerNotFound):
        app.run(authorise, shop.cashier, _keep(1, customer_id=a_customer(app, other_shop), kind="points"))
    good = a_card(app, shop, 1000)
    with pytest.raises(RegisterNotFound):
        app.run(authorise, shop.cashier, _keep(1, code=good.code, register_id=other_shop.till_id))
    for wrong in ({}, {"code": card.code, "account_id": card.account_id}, {"customer_id": new_id()}):
        with pytest.raises(InvalidInput):
            app.run(authorise, shop.cashier, _keep(1, **wrong))
    assert rows(app, "SELECT id FROM authorisations WHERE tenant_id = %s", (shop.tenant_id,)) == []


def test_an_allotment_counts_anew_only_under_a_new_id(app: App, shop: Shop, other_shop: Shop) -> None:
    asked = {
        "id": new_id(),
        "register_id": shop.till_id,
        "kind": "gift_card",
        "amount": 10_000,
        "expires_at": NOON + timedelta(days=1),
    }
    app.run(allot, shop.manager, asked)
    rows(app, "SELECT 1")
    first = app.run(list_allotments, shop.cashier, {}).items
    assert [(each.kind, each.amount, each.used) for each in first] == [("gift_card", 10_000, 0)]
    assert app.run(allot, shop.manager, {**asked, "amount": 5}).amount == 10_000
    assert app.run(allot, shop.manager, {**asked, "id": new_id(), "amount": 5}).amount == 5
    with pytest.raises(RegisterNotFound):
        app.run(allot, shop.manager, {**asked, "register_id": other_shop.till_id})
    assert app.run(list_allotments, other_shop.owner, {"register_id": shop.till_id}).items == []


def test_the_nightly_chore_comes_by_every_tenant(
    make_app: Callable[..., App], fresh_database: str, clock: FrozenClock
) -> None:
    app = make_app(fresh_database)
    cards = []
    for shop in (a_shop(app), a_shop(app)):
        cards.append(a_card(app, shop, 100).account_id)
        app.run(authorise, shop.cashier, _keep(10, account_id=cards[-1]))
    clock.advance(timedelta(hours=1))
    assert tidy_all(app) == {"tenants": 2}
    assert [balance(app, card) for card in cards] == [(100, 0), (100, 0)]
    assert tidy_all(app) == {"tenants": 0}
