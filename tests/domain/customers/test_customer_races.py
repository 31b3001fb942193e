"""Many at once: real threads on real connections, all let go at the same moment."""

from __future__ import annotations

from collections import Counter

import pytest

from primepos.core.errors import PrimePOSError
from primepos.core.ids import new_id
from primepos.domain.customers.service import (
    create_customer,
    erase_customer,
    get_customer,
    merge_customers,
    update_customer,
)
from tests.domain.inner_room import count
from tests.domain.sales.test_races import at_once
from tests.factories import a_shop, rows


@pytest.fixture
def wide_app(make_app, database_url):
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def codes(answers):
    return Counter(answer.code if isinstance(answer, PrimePOSError) else "done" for answer in answers)


def make(app, shop, **data):
    return app.run(create_customer, shop.owner, {"name": "Ana", **data})


def test_eight_who_ask_for_the_same_number_get_it_once(wide_app):
    shop = a_shop(wide_app)
    answers = at_once([lambda: make(wide_app, shop, number="77") for _ in range(8)])
    assert codes(answers) == {"done": 1, "CUSTOMER_NUMBER_TAKEN": 7}
    assert count(wide_app, "customers", shop.tenant_id) == 1


def test_numbers_given_to_many_at_once_differ(wide_app):
    shop = a_shop(wide_app)
    answers = at_once([lambda: [make(wide_app, shop).number for _ in range(5)] for _ in range(8)])
    assert sorted(int(number) for answer in answers for number in answer) == list(range(1, 41))


def test_numbers_typed_and_numbers_given_do_not_meet(wide_app):
    shop = a_shop(wide_app)
    typed = [lambda n=n: make(wide_app, shop, number=str(n)) for n in range(1, 5)]
    answers = at_once([*typed, *[lambda: make(wide_app, shop)] * 4])
    refused = codes(answers)["CUSTOMER_NUMBER_TAKEN"]
    numbers = [answer.number for answer in answers if not isinstance(answer, PrimePOSError)]
    # A number that was given away a moment before it is typed is taken; nobody ever shares one.
    assert len(numbers) == len(set(numbers)) == 8 - refused == count(wide_app, "customers", shop.tenant_id)
    assert all(not isinstance(answer, PrimePOSError) for answer in answers[4:])


def test_twins_with_one_id_are_one_customer(wide_app):
    shop = a_shop(wide_app)
    data = {"id": new_id(), "name": "Ana", "email": "ana@example.org"}
    answers = at_once([lambda: wide_app.run(create_customer, shop.cashier, data)] * 8)
    assert len({str(answer) for answer in answers}) == 1
    assert count(wide_app, "customers", shop.tenant_id) == 1


def test_of_eight_updates_of_one_version_one_is_written(wide_app):
    shop = a_shop(wide_app)
    made = make(wide_app, shop)
    change = {"id": made.id, "version": 1}
    answers = at_once(
        [lambda n=n: wide_app.run(update_customer, shop.owner, {**change, "notes": f"from {n}"}) for n in range(8)]
    )
    assert codes(answers) == {"done": 1, "STALE_CUSTOMER": 7}
    assert wide_app.run(get_customer, shop.owner, {"id": made.id}).version == 2


def pointers(app, shop):
    found = rows(app, "SELECT id, merged_into FROM customers WHERE tenant_id = %s", (shop.tenant_id,))
    return {row["id"]: row["merged_into"] for row in found}


def test_merges_that_cross_make_no_circle(wide_app):
    shop = a_shop(wide_app)
    for _ in range(4):
        a, b = make(wide_app, shop).id, make(wide_app, shop).id
        answers = at_once(
            [
                lambda gone=gone, into=into: wide_app.run(merge_customers, shop.owner, {"id": gone, "into": into})
                for gone, into in [(a, b), (b, a)] * 4
            ]
        )
        # Whichever came first is repeated by its four; the other way round is refused.
        assert codes(answers) == {"done": 4, "CUSTOMER_MERGED": 4}
        points = pointers(wide_app, shop)
        assert sorted([points[a] or a, points[b] or b]) in ([a, a], [b, b])


def test_merges_around_a_ring_leave_one_step_to_one_survivor_of_each(wide_app):
    shop = a_shop(wide_app)
    ring = [make(wide_app, shop).id for _ in range(6)]
    at_once(
        [
            lambda n=n: wide_app.run(merge_customers, shop.owner, {"id": ring[n], "into": ring[(n + 1) % 6]})
            for n in range(6)
        ]
    )
    points = pointers(wide_app, shop)
    survivors = {each for each, into in points.items() if into is None}
    assert survivors
    assert {into for into in points.values() if into is not None} <= survivors


def test_a_person_who_is_erased_while_they_are_merged_and_changed_is_gone(wide_app):
    shop = a_shop(wide_app)

    def erased_meanwhile():
        gone = make(wide_app, shop, name="Quint", email="quint@example.org").id
        other = make(wide_app, shop, name="Quint").id
        at_once(
            [
                lambda: wide_app.run(erase_customer, shop.owner, {"id": gone, "confirm": True}),
                lambda: wide_app.run(merge_customers, shop.owner, {"id": other, "into": gone}),
                lambda: wide_app.run(update_customer, shop.owner, {"id": gone, "notes": "Quint"}),
                lambda: wide_app.run(update_customer, shop.owner, {"id": other, "notes": "Quint"}),
            ]
        )
        for each in (gone, other):
            wide_app.run(erase_customer, shop.owner, {"id": each, "confirm": True})

    for _ in range(3):
        erased_meanwhile()
    stored = rows(wide_app, "SELECT c::text AS row FROM customers c WHERE tenant_id = %s", (shop.tenant_id,))
    words = rows(wide_app, "SELECT word FROM customer_words WHERE tenant_id = %s", (shop.tenant_id,))
    assert "uint" not in str(stored)
    assert words == []
