"""Customer accounts: limit, statement, ageing first in first out, open sales."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from primepos.core.errors import PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.values.errors import ValueNotFound, ValueShort
from primepos.domain.values.service import adjust_account, ageing, open_sales, set_limit, statement
from tests.domain.values.value_world import a_customer, an_account, assert_value_adds_up, balance, owes

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop


def _pays(app: App, shop: Shop, customer: UUID, amount: int) -> None:
    given = {"id": new_id(), "customer_id": customer, "amount": amount, "reason": "paid"}
    app.run(adjust_account, shop.owner, given)


def test_a_customer_owes_no_more_than_the_limit(app: App, shop: Shop) -> None:
    ada = a_customer(app, shop)
    account = an_account(app, shop, ada, 1000)
    owes(app, shop, ada, 700)
    with pytest.raises(ValueShort) as refused:
        owes(app, shop, ada, 301)
    assert refused.value.data["available"] == 300
    owes(app, shop, ada, 300)
    lowered = app.run(set_limit, shop.manager, {"customer_id": ada, "limit": 200})
    assert (lowered.balance, lowered.available, lowered.limit) == (-1000, 0, 200)
    with pytest.raises(PermissionDenied):
        app.run(set_limit, shop.cashier, {"customer_id": ada, "limit": 99_999})
    assert balance(app, account) == (-1000, 0)


def test_a_statement_opens_where_the_one_before_closed(app: App, shop: Shop, clock: FrozenClock) -> None:
    ada = a_customer(app, shop)
    an_account(app, shop, ada)
    with pytest.raises(ValueNotFound):
        app.run(statement, shop.accountant, {"customer_id": a_customer(app, shop)})
    owes(app, shop, ada, 700)
    clock.advance(timedelta(days=30))
    owes(app, shop, ada, 50)
    _pays(app, shop, ada, 500)
    march = app.run(statement, shop.accountant, {"customer_id": ada, "until": date(2026, 3, 31)})
    april = app.run(statement, shop.accountant, {"customer_id": ada, "since": date(2026, 4, 1)})
    assert (march.opening, march.closing, [each.amount for each in march.entries]) == (0, -700, [-700])
    assert (april.opening, april.closing, [each.amount for each in april.entries]) == (-700, -250, [-50, 500])
    assert [each.balance for each in april.entries] == [-750, -250]
    assert april.is_complete


def test_ageing_settles_the_oldest_first(app: App, shop: Shop, clock: FrozenClock) -> None:
    ada, bob, eve = (a_customer(app, shop) for _ in range(3))
    for each in (ada, bob, eve):
        an_account(app, shop, each, 100_000)
    for days in (40, 20, 20, 15):
        owes(app, shop, ada, 1000 + days)
        clock.advance(timedelta(days=days))
    owes(app, shop, ada, 5)
    owes(app, shop, bob, 10_000)
    owes(app, shop, eve, 77)
    _pays(app, shop, ada, 1140)
    _pays(app, shop, eve, 77)
    first = app.run(ageing, shop.accountant, {"limit": 1})
    second = app.run(ageing, shop.accountant, {"limit": 1, "after": first.next})
    assert (first.items[0].customer_id, first.items[0].owed, second.next) == (bob, 10_000, None)
    row = second.items[0]
    assert (row.customer_id, row.owed) == (ada, 1040 + 1020 + 1020 + 1015 + 5 - 1140)
    assert (row.days_0_30, row.days_31_60, row.days_61_90, row.days_over_90) == (1020, 1940, 0, 0)
    assert row.oldest_on == date(2026, 4, 11)
    alone = app.run(ageing, shop.accountant, {"customer_id": ada, "on": date(2026, 3, 5)}).items
    assert [each.owed for each in alone] == [1040]
    parts = app.run(open_sales, shop.cashier, {"customer_id": ada}).items
    assert [(each.charged, each.open) for each in parts] == [(1020, 920), (1020, 1020), (1015, 1015), (5, 5)]
    assert_value_adds_up(app, shop)


def test_nobody_elses_customer_is_known(app: App, shop: Shop, other_shop: Shop) -> None:
    theirs = a_customer(app, other_shop)
    for operation in (statement, open_sales, ageing):
        with pytest.raises(CustomerNotFound):
            app.run(operation, shop.owner, {"customer_id": theirs})
