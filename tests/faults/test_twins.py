"""F10, F14 and F15 over HTTP: twins, another content under a known id, many on one series, crossed baskets."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Barrier
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test

from primepos.core.ids import new_id
from tests.factories import assert_books_hold
from tests.faults.sellers import SALES, Sellers, assert_exactly_these

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.api.test_serve import Served
    from tests.faults.sellers import House


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    """A client with a connection for each of sixteen callers."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


def at_once(http: httpx.Client, asked: Sequence[tuple[str, dict[str, str], Any]]) -> list[httpx.Response]:
    """Post everything at the same moment: ``(path, headers, body)``."""
    gate = Barrier(len(asked))

    def post(one: tuple[str, dict[str, str], Any]) -> httpx.Response:
        path, headers, body = one
        gate.wait()
        return http.post(path, headers=headers, json=body)

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(post, asked))


def test_sixteen_twins_are_one_sale_and_one_answer(http: httpx.Client, house: House) -> None:
    answers = at_once(http, [(SALES, house.manager, house.body(0, 1, 2))] * 16)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert_exactly_these(house, {answers[0].json()["id"]: answers[0].json()})


def test_twins_of_two_contents_are_one_sale_and_eight_conflicts(http: httpx.Client, house: House) -> None:
    sale_id = new_id()
    bodies = [house.body(0, sale_id=sale_id), house.body(1, sale_id=sale_id)] * 8
    answers = at_once(http, [(SALES, house.manager, body) for body in bodies])
    assert Counter(answer.status_code for answer in answers) == {201: 8, 409: 8}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"SALE_CONFLICT"}
    told = {answer.content: answer.json() for answer in answers if answer.status_code == 201}
    assert len(told) == 1
    assert_exactly_these(house, {sale["id"]: sale for sale in told.values()})


def test_the_same_id_in_another_tenant_is_another_sale(http: httpx.Client, make_house: Callable[[], House]) -> None:
    one, other = make_house(), make_house()
    sale_id = new_id()
    asked = [(SALES, each.manager, each.body(0, sale_id=sale_id)) for each in (one, other) for _ in range(8)]
    answers = at_once(http, asked)
    assert {answer.status_code for answer in answers} == {201}
    for house, told in ((one, answers[:8]), (other, answers[8:])):
        assert len({answer.content for answer in told}) == 1
        assert told[0].json()["outlet_id"] == str(house.shop.outlet_id)
        assert_exactly_these(house, {str(sale_id): told[0].json()})


def test_a_key_that_is_not_the_id_of_the_sale_is_refused_and_books_nothing(http: httpx.Client, house: House) -> None:
    answer = http.post(SALES, json=house.body(), headers={**house.manager, "Idempotency-Key": str(new_id())})
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_DIFFERS")
    assert house.booked() == []


def test_sixteen_voids_at_once_are_one(http: httpx.Client, house: House) -> None:
    sale = http.post(SALES, json=house.body(), headers=house.manager).json()
    path = f"{SALES}/{sale['id']}/void"
    same, own = {"id": str(new_id()), "reason": "typo"}, iter(range(8))
    asked = [(path, house.manager, same)] * 8
    asked += [(path, house.manager, {"id": str(new_id()), "reason": f"typo {n}"}) for n in own]
    answers = at_once(http, asked)
    done = [answer for answer in answers if answer.status_code == 201]
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    # Either the eight twins won and all got the same answer, or one of the others did.
    assert len(done) in (1, 8)
    assert len({answer.content for answer in done}) == 1
    assert set(refused) == {"ALREADY_VOIDED"}
    assert [(each["kind"], each["total"]) for each in house.booked()] == [("sale", 100), ("void", -100)]
    assert_books_hold(house.app, house.shop)


@dataclass(frozen=True)
class Known:
    """A sale that was booked: what was asked, what was answered."""

    body: dict[str, Any]
    answer: bytes

    @property
    def path(self) -> str:
        return f"{SALES}/{self.body['id']}"


class Till(RuleBasedStateMachine):
    """Books, repeats, contradicts and voids in any order; a list says what must be in the books at any time."""

    sales = Bundle("sales")
    voided = Bundle("voided")

    def __init__(self, http: httpx.Client, house: House) -> None:
        super().__init__()
        self.http, self.house = http, house
        self.before = len(house.booked())
        self.expected: list[tuple[str, str]] = []

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(path, json=body, headers=self.house.manager)

    @rule(target=sales, products=st.lists(st.integers(0, 2), min_size=1, max_size=4))
    def book(self, products: list[int]) -> Known:
        body = self.house.body(*products, paid=5000)
        answer = self.post(SALES, body)
        assert answer.status_code == 201
        self.expected.append((body["id"], "sale"))
        return Known(body, answer.content)

    @rule(sale=sales)
    def replay(self, sale: Known) -> None:
        answer = self.post(SALES, sale.body)
        assert (answer.status_code, answer.content) == (201, sale.answer)

    @rule(sale=sales, paid=st.integers(5001, 9000))
    def contradict(self, sale: Known, paid: int) -> None:
        other = {**sale.body, "tenders": [{"kind": "cash", "amount": paid}]}
        answer = self.post(SALES, other)
        assert (answer.status_code, answer.json()["code"]) == (409, "SALE_CONFLICT")

    @rule(target=voided, sale=consumes(sales), reason=st.sampled_from(["typo", "left", "Größe"]))
    def void(self, sale: Known, reason: str) -> tuple[Known, Known]:
        body = {"id": str(new_id()), "reason": reason}
        answer = self.post(f"{sale.path}/void", body)
        assert answer.status_code == 201
        self.expected.append((body["id"], "void"))
        return sale, Known(body, answer.content)

    @rule(pair=voided)
    def replay_void(self, pair: tuple[Known, Known]) -> None:
        sale, void = pair
        answer = self.post(f"{sale.path}/void", void.body)
        assert (answer.status_code, answer.content) == (201, void.answer)

    @rule(pair=voided)
    def contradict_void(self, pair: tuple[Known, Known]) -> None:
        sale, void = pair
        answer = self.post(f"{sale.path}/void", {**void.body, "reason": "another"})
        assert (answer.status_code, answer.json()["code"]) == (409, "SALE_CONFLICT")

    @rule(pair=voided)
    def void_again(self, pair: tuple[Known, Known]) -> None:
        sale, _ = pair
        answer = self.post(f"{sale.path}/void", {"id": str(new_id()), "reason": "again"})
        assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_VOIDED")

    @rule(pair=voided)
    def replay_a_voided_sale(self, pair: tuple[Known, Known]) -> None:
        sale, void = pair
        answer = self.post(SALES, sale.body)
        assert answer.status_code == 201
        # The stored sale, which by now names what voided it.
        assert answer.json() == {**msgspec.json.decode(sale.answer), "voided_by": void.body["id"]}

    def teardown(self) -> None:
        booked = self.house.booked()[self.before :]
        assert [(str(each["id"]), each["kind"]) for each in booked] == self.expected


def test_no_sequence_of_booking_repeating_contradicting_and_voiding_books_twice(
    http: httpx.Client, house: House
) -> None:
    run_state_machine_as_test(
        lambda: Till(http, house), settings=settings(max_examples=15, stateful_step_count=15, deadline=None)
    )
    assert_books_hold(house.app, house.shop)


def test_eight_tills_on_one_series_are_all_served_without_a_gap(served: Served, house: House) -> None:
    with Sellers(served.url, house, Random(1), tills=8) as sellers:
        sellers.wait_for(160)
    assert not sellers.problems
    assert set(sellers.heard) == {"201"}
    assert_exactly_these(house, sellers.acknowledged)


def test_crossed_baskets_wait_for_each_other_and_never_fail(served: Served, house: House) -> None:
    turn = count()

    def crossed() -> dict[str, Any]:
        return house.body(*((0, 1, 2) if next(turn) % 2 else (2, 1, 0)))

    with Sellers(served.url, house, Random(2), tills=8, body=crossed) as sellers:
        sellers.wait_for(160)
    assert not sellers.problems
    assert set(sellers.heard) == {"201"}
    assert_exactly_these(house, sellers.acknowledged)
