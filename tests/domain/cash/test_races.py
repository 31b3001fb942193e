"""Many at once at one drawer or safe, on connections of their own: nothing twice, nothing lost, never below zero."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.cash.service import (
    bank_deposit,
    close_shift,
    decide_adjustment,
    force_close_shift,
    list_safes,
    move_cash,
    open_shift,
    propose_adjustment,
    shift_figures,
)
from primepos.domain.sales.service import deliver_sale
from tests.conftest import NOON
from tests.domain.cash.conftest import moved
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def crowd(make_app: Callable[..., App], database_url: str) -> App:
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


@pytest.fixture
def place(crowd: App) -> Shop:
    """A shop of the crowd's own."""
    return a_shop(crowd)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run every call in a thread of its own, starting together; refusals come back as their codes."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except PrimePOSError as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_eight_openings_one_is_open(crowd: App, place: Shop) -> None:
    def opening() -> Any:
        asked = {"id": new_id(), "register_id": place.till_id, "opening_float": 5}
        return crowd.run(open_shift, place.manager, asked).opening_float

    assert sorted(map(str, at_once([opening] * 8))) == ["5"] + ["SHIFT_ALREADY_OPEN"] * 7


def test_of_eight_closings_with_other_counts_one_stands_with_one_z(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place)

    def closing(counted: int) -> Callable[[], Any]:
        return lambda: crowd.run(close_shift, place.manager, {"shift_id": shift, "counted": counted}).z_number

    forced = {"shift_id": shift, "reason": "left open"}
    calls = [*map(closing, range(7)), lambda: crowd.run(force_close_shift, place.owner, forced).z_number]
    answers = at_once(calls)
    assert sorted(map(str, answers)) == ["1"] + ["SHIFT_CLOSED"] * 7
    assert rows(crowd, "SELECT count(*) AS n FROM shift_reports WHERE shift_id = %s", (shift,)) == [{"n": 1}]
    assert_books_hold(crowd, place)


def test_a_sale_beside_a_closing_is_in_its_z_or_late_on_its_supplement(crowd: App, place: Shop) -> None:
    for number in range(1, 4):
        shift = a_shift(crowd, place, opening_float=0)
        till = TillSeries(place, shift, NOON)
        last = rows(
            crowd,
            "SELECT number, encode(hash, 'hex') AS head FROM sales WHERE register_id = %s ORDER BY number DESC LIMIT 1",
            (place.till_id,),
        )
        if last:
            till.number, till.head = last[0]["number"], last[0]["head"]
        sales = [till.sell() for _ in range(6)]
        calls: list[Callable[[], Any]] = [
            lambda sale=sale: crowd.run(deliver_sale, place.device, sale).number for sale in sales
        ]
        calls.insert(3, lambda shift=shift: crowd.run(close_shift, place.manager, {"shift_id": shift, "counted": 0}))
        at_once(calls)
        z = crowd.run(shift_figures, place.manager, {"shift_id": shift})
        late = 0 if z.supplement is None else z.supplement.sales
        assert (z.sales + late, z.shift.expected, z.shift.z_number) == (6, 450 * z.sales, number)
    assert_books_hold(crowd, place)


def test_cash_paid_out_beside_a_closing_is_in_it_or_refused(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place)
    calls: list[Callable[[], Any]] = [lambda: moved(crowd, place, shift, "paid_out", 10).amount for _ in range(7)]
    calls.insert(3, lambda: crowd.run(close_shift, place.manager, {"shift_id": shift, "counted": 0}).expected)
    answers = at_once(calls)
    expected = answers.pop(3)
    done = answers.count(-10)
    assert set(answers) <= {-10, "SHIFT_CLOSED"}
    assert expected == 10_000 - 10 * done
    assert_books_hold(crowd, place)


def test_eight_drops_of_one_id_are_one_drop(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place)
    asked = {"id": new_id(), "shift_id": shift, "kind": "drop", "amount": 500, "reason": "full"}
    answers = at_once([lambda: crowd.run(move_cash, place.manager, asked)] * 8)
    assert len(set(map(str, answers))) == 1
    (safe,) = crowd.run(list_safes, place.manager, {}).items
    assert (safe.balance, safe.entries) == (500, 1)


def test_drops_of_two_contents_under_one_id_are_one_drop_and_conflicts(crowd: App, place: Shop) -> None:
    shift, drop = a_shift(crowd, place), new_id()

    def dropping(amount: int) -> Callable[[], Any]:
        asked = {"id": drop, "shift_id": shift, "kind": "drop", "amount": amount, "reason": "full"}
        return lambda: crowd.run(move_cash, place.manager, asked).amount

    answers = at_once([dropping(100 + number % 2) for number in range(8)])
    assert answers.count("CASH_CONFLICT") == 4
    assert len(set(answers)) == 2


def test_eight_who_take_more_than_the_safe_holds_never_take_it_below_zero(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place)
    moved(crowd, place, shift, "drop", 1_000)

    def deposit() -> Any:
        asked = {"id": new_id(), "outlet_id": place.outlet_id, "amount": 300, "reason": "bank"}
        return crowd.run(bank_deposit, place.manager, asked).amount

    answers = at_once([*[deposit] * 5, *[lambda: -moved(crowd, place, shift, "loan", 300).amount] * 3])
    assert sorted(map(str, answers)) == ["-300"] * 3 + ["SAFE_SHORT"] * 5
    (safe,) = crowd.run(list_safes, place.manager, {}).items
    assert (safe.balance, safe.entries) == (100, 4)
    assert_books_hold(crowd, place)


def test_eight_deposits_of_one_id_are_one_and_first_entries_of_a_safe_do_not_collide(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place, opening_float=100_000)
    at_once([lambda: moved(crowd, place, shift, "drop", 100) for _ in range(8)])
    asked = {"id": new_id(), "outlet_id": place.outlet_id, "amount": 800, "reason": "bank"}
    answers = at_once([lambda: crowd.run(bank_deposit, place.manager, asked)] * 8)
    assert len(set(map(str, answers))) == 1
    (safe,) = crowd.run(list_safes, place.manager, {}).items
    assert (safe.balance, safe.entries) == (0, 9)
    assert_books_hold(crowd, place)


def test_of_eight_who_decide_one_decides_and_of_eight_who_propose_one_waits(crowd: App, place: Shop) -> None:
    shift = a_shift(crowd, place)
    crowd.run(close_shift, place.manager, {"shift_id": shift, "counted": 9_000})

    def proposing(counted: int) -> Callable[[], Any]:
        asked = {"id": new_id(), "shift_id": shift, "counted": counted, "reason": "recount"}
        return lambda: crowd.run(propose_adjustment, place.manager, asked).id

    answers = at_once([proposing(9_100 + number) for number in range(8)])
    assert answers.count("ADJUSTMENT_PENDING") == 7
    (waiting,) = [each for each in answers if each != "ADJUSTMENT_PENDING"]
    deciders = [
        place.owner.__class__(kind="user", tenant_id=place.tenant_id, role="owner", actor_id=new_id(), name=f"O{n}")
        for n in range(8)
    ]
    decided = at_once(
        [
            lambda who=who, n=n: crowd.run(decide_adjustment, who, {"id": waiting, "confirm": n % 2 == 0}).confirmed
            for n, who in enumerate(deciders)
        ]
    )
    assert decided.count("ADJUSTMENT_DECIDED") == 7
    assert_books_hold(crowd, place)
