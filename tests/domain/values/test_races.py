"""Many at one balance: real threads on real connections, all let go at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from primepos.core.db import run_in_transaction
from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.values.errors import ValueShort
from primepos.domain.values.ledger import Move, ask_moves, moved_from
from primepos.domain.values.service import (
    adjust_account,
    adjust_card,
    adjust_credit,
    adjust_points,
    authorise,
    release,
    tidy,
)
from tests.conftest import NOON
from tests.domain.values.value_world import (
    a_card,
    a_customer,
    an_account,
    assert_value_adds_up,
    balance,
    entries,
    some_credit,
    some_points,
)
from tests.factories import a_shop, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from primepos.core.clock import FrozenClock
    from primepos.core.operations import App
    from tests.factories import Shop

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | PrimePOSError]:
    """Run every call in a thread of its own, starting together; refusals come back as values."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | PrimePOSError:
        gate.wait()
        try:
            return call()
        except PrimePOSError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def wide_app(make_app: Callable[..., App], database_url: str) -> App:
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def _holder(app: App, shop: Shop, kind: str, amount: int) -> tuple[UUID, Callable[[int], Any]]:
    """Return an account from which ``amount`` can be taken, and what takes from it by hand."""
    if kind == "gift_card":
        card = a_card(app, shop, amount).account_id
        return card, lambda by: app.run(
            adjust_card, shop.owner, {"id": new_id(), "account_id": card, "amount": -by, "reason": "spent"}
        )
    ada = a_customer(app, shop)
    account, operation = {
        "store_credit": lambda: (some_credit(app, shop, ada, amount), adjust_credit),
        "points": lambda: (some_points(app, shop, ada, amount), adjust_points),
        "account": lambda: (an_account(app, shop, ada, amount), adjust_account),
    }[kind]()
    return account, lambda by: app.run(
        operation, shop.owner, {"id": new_id(), "customer_id": ada, "amount": -by, "reason": "spent"}
    )


@pytest.mark.parametrize("kind", ["gift_card", "store_credit", "points", "account"])
def test_eight_who_spend_one_balance_never_take_more_than_is_there(wide_app: App, kind: str) -> None:
    shop = a_shop(wide_app)
    account, take = _holder(wide_app, shop, kind, 1000)
    before = balance(wide_app, account)[0]

    def spend(by: int) -> Callable[[], int]:
        def until_short() -> int:
            taken = 0
            try:
                for _ in range(8):
                    take(by)
                    taken += by
            except ValueShort:
                pass
            return taken

        return until_short

    answers = at_once([spend(by) for by in (70, 30, 50, 40, 60, 35, 45, 55)])
    taken = sum(answer for answer in answers if isinstance(answer, int))
    assert all(isinstance(answer, int) for answer in answers)
    assert balance(wide_app, account) == (before - taken, 0)
    # Whoever was refused asked for 70 at most, so less than that is left.
    assert 1000 - 70 < taken <= 1000
    floor = -1000 if kind == "account" else 0
    assert min(after for _, _, after in entries(wide_app, account)) >= floor
    assert_value_adds_up(wide_app, shop)


def test_what_is_kept_spent_and_run_out_at_once_adds_up(wide_app: App, clock: FrozenClock) -> None:
    shop = a_shop(wide_app)
    card = a_card(wide_app, shop, 1000)
    old = [new_id() for _ in range(5)]
    for each in old:
        wide_app.run(authorise, shop.cashier, {"id": each, "amount": 100, "account_id": card.account_id})
    clock.advance(timedelta(minutes=15))

    def keep() -> int:
        ids = [new_id() for _ in range(4)]
        for each in ids:
            wide_app.run(authorise, shop.cashier, {"id": each, "amount": 100, "account_id": card.account_id})
        return len(ids)

    def spend() -> int:
        for _ in range(4):
            data = {"id": new_id(), "account_id": card.account_id, "amount": -25, "reason": "spent"}
            wide_app.run(adjust_card, shop.owner, data)
        return 4

    def let_go() -> int:
        for each in old:
            wide_app.run(release, shop.cashier, {"id": each})
        return wide_app.run(tidy, shop.owner, {}).authorisations

    answers = at_once([keep, spend, let_go, keep, spend, let_go])
    found = rows(
        wide_app,
        "SELECT state, count(*) AS n FROM authorisations WHERE account_id = %s GROUP BY 1 ORDER BY 1",
        (card.account_id,),
    )
    # 1000 are enough for everybody once the old ones have run out; nothing of them may be let go twice.
    assert [answer for answer in answers if isinstance(answer, PrimePOSError)] == []
    assert {row["state"]: row["n"] for row in found} == {"expired": 5, "held": 8}
    assert balance(wide_app, card.account_id) == (800, 800)
    assert_value_adds_up(wide_app, shop)


def test_twins_of_one_act_write_one_entry(wide_app: App) -> None:
    shop = a_shop(wide_app)
    ada = a_customer(wide_app, shop)
    asked = {"id": new_id(), "customer_id": ada, "amount": 70, "reason": "sorry"}
    answers = at_once([lambda: wide_app.run(adjust_credit, shop.owner, asked)] * 8)
    assert len({(each.entry_no, each.balance) for each in answers if not isinstance(each, PrimePOSError)}) == 1
    account = rows(wide_app, "SELECT id FROM value_accounts WHERE customer_id = %s", (ada,))
    assert len(account) == 1
    assert balance(wide_app, account[0]["id"]) == (70, 0)


def test_twins_that_take_everything_are_answered_alike(wide_app: App) -> None:
    shop = a_shop(wide_app)
    card = a_card(wide_app, shop, 1000)
    asked = {"id": new_id(), "account_id": card.account_id, "amount": -1000, "reason": "all of it"}
    answers = at_once([lambda: wide_app.run(adjust_card, shop.owner, asked)] * 8)
    assert {getattr(each, "balance", each) for each in answers} == {0}
    assert entries(wide_app, card.account_id) == [("issue", 1000, 1000), ("adjust", -1000, 0)]


def test_twins_of_one_authorisation_keep_it_once(wide_app: App) -> None:
    shop = a_shop(wide_app)
    card = a_card(wide_app, shop, 1000)
    asked = {"id": new_id(), "amount": 900, "account_id": card.account_id}
    answers = at_once([lambda: wide_app.run(authorise, shop.cashier, asked)] * 8)
    assert {getattr(each, "state", each) for each in answers} == {"held"}
    assert balance(wide_app, card.account_id) == (1000, 900)


def test_whoever_crosses_two_accounts_waits_and_never_in_a_circle(wide_app: App) -> None:
    shop = a_shop(wide_app)
    one, two = (a_card(wide_app, shop, 1000).account_id for _ in range(2))

    def cross(first: UUID, second: UUID) -> Callable[[], int]:
        def run() -> int:
            for _ in range(10):
                moves = [
                    Move(account_id=first, amount=-7, cause="sale", payment_seq=1),
                    Move(account_id=second, amount=-3, cause="sale", payment_seq=2, n=1),
                ]

                def work(uow):
                    with uow.pipeline() as pipe:
                        cursor = ask_moves(
                            pipe,
                            shop.tenant_id,
                            moves,  # noqa: B023 - run before the loop goes on
                            sale_id=new_id(),
                            at=NOON,
                            day=NOON.date(),
                            actor_id=None,
                            actor="",
                        )
                    moved = moved_from(cursor)
                    assert all(each.balance is not None for each in moved.values())
                    uow.commit()

                # One attempt: a deadlock would show.
                run_in_transaction(lambda: wide_app.database.tenant(shop.tenant_id), work, attempts=1)
            return 10

        return run

    assert at_once([cross(one, two), cross(two, one)] * 4) == [10] * 8
    assert (balance(wide_app, one)[0], balance(wide_app, two)[0]) == (600, 600)
    assert_value_adds_up(wide_app, shop)
