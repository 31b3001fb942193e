"""Transfers: what leaves a place is in transit until it arrives, is damaged, lost or back; nothing vanishes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import ProductNotFound
from primepos.domain.inventory.errors import (
    NegativeStock,
    NotInDocument,
    RepeatedProduct,
    StockConflict,
    StockNotTracked,
    TransferNotFound,
    WrongState,
)
from primepos.domain.inventory.service import (
    cancel_transfer,
    close_transfer,
    explain_stock,
    get_transfer,
    list_in_transit,
    list_transfers,
    receive_transfer,
    request_transfer,
    ship_transfer,
)
from primepos.domain.outlets.errors import OutletIsWarehouse, OutletNotFound, OutletNotYours
from primepos.domain.outlets.service import create_register
from tests.domain.inventory.goods import a_warehouse, everything, level, stocked, worth
from tests.domain.sales.test_races import at_once
from tests.factories import a_product, a_shop, assert_books_hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from primepos.domain.inventory.transfer_schemas import TransferOut
    from tests.factories import Shop


def lines(quantities: dict[UUID, str]) -> list[dict[str, Any]]:
    return [{"product_id": each, "quantity": quantity} for each, quantity in quantities.items()]


def requested(app: App, shop: Shop, source: UUID, quantities: dict[UUID, str]) -> UUID:
    data = {"id": new_id(), "from_outlet_id": source, "to_outlet_id": shop.outlet_id, "lines": lines(quantities)}
    made: TransferOut = app.run(request_transfer, shop.clerk, data)
    assert (made.state, made.from_outlet, made.to_outlet) == ("requested", "depot", "main")
    return made.id


def shipped(app: App, shop: Shop, source: UUID, quantities: dict[UUID, str]) -> UUID:
    transfer = requested(app, shop, source, quantities)
    app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer})
    return transfer


def arrive(app: App, shop: Shop, transfer: UUID, *arrived: tuple[UUID, str, str]) -> TransferOut:
    given = [{"product_id": each, "received": received, "damaged": damaged} for each, received, damaged in arrived]
    done: TransferOut = app.run(receive_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer, "lines": given})
    return done


def test_goods_go_from_one_place_to_another_and_carry_what_they_are_worth(app: App, shop: Shop) -> None:
    depot, (apple, bread, _) = a_warehouse(app, shop), shop.products
    stocked(app, shop, apple, "10", "0.40", at=depot)
    stocked(app, shop, bread, "5", "1.00", at=depot)
    stocked(app, shop, apple, "10", "0.60")
    before = worth(app, shop)

    transfer = requested(app, shop, depot, {apple: "4", bread: "5"})
    assert level(app, shop, apple, depot) == (10, 40)
    sent = app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer})
    assert (sent.state, [line.in_transit for line in sent.lines]) == ("in_transit", [4, 5])
    assert level(app, shop, apple, depot) == (6, 40)
    assert level(app, shop, apple) == (10, 60)
    assert worth(app, shop) == before
    on_way = app.run(list_in_transit, shop.owner, {}).items
    assert [(each.sku, each.quantity, each.value) for each in on_way] == [("A-1", 4, 160), ("B-2", 5, 500)]

    done = app.run(receive_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer})
    assert (done.state, done.closed_by) == ("closed", "Clerk")
    # 10 at 60 and 4 at 40.
    assert level(app, shop, apple) == (14, Decimal("54.285714"))
    assert level(app, shop, bread) == (5, 100)
    assert abs(worth(app, shop) - before) < Decimal("0.001")
    assert app.run(list_in_transit, shop.owner, {}).items == []
    told = app.run(explain_stock, shop.clerk, {"product_id": apple, "outlet_id": shop.outlet_id})
    assert [(each.kind, each.quantity, each.running, each.document) for each in told.movements] == [
        ("receive", 10, 10, None),
        ("transfer_in", 4, 14, "transfer 1"),
    ]
    assert (told.opening, told.level, told.holds) == (0, 14, True)
    assert_books_hold(app, shop)


def test_it_arrives_in_parts_with_damage_and_the_rest_is_lost_or_back(app: App, shop: Shop) -> None:
    depot, (apple, bread, cheese) = a_warehouse(app, shop), shop.products
    for each in shop.products:
        stocked(app, shop, each, "10", "0.50", at=depot)
    transfer = shipped(app, shop, depot, {apple: "6", bread: "4", cheese: "2"})

    partial = arrive(app, shop, transfer, (apple, "3", "1"), (bread, "4", "0"))
    assert partial.state == "in_transit"
    assert [(line.received, line.damaged, line.in_transit) for line in partial.lines] == [
        (3, 1, 2), (4, 0, 0), (0, 0, 2),
    ]  # fmt: skip
    told = app.run(explain_stock, shop.clerk, {"product_id": cheese, "outlet_id": shop.outlet_id})
    assert (told.level, told.in_transit, told.holds) == (0, 2, True)
    data = {"id": new_id(), "transfer_id": transfer, "missing": "back"}
    done = app.run(close_transfer, shop.clerk, data)
    assert (done.state, [line.back for line in done.lines]) == ("closed", [2, 0, 2])
    assert [level(app, shop, each, depot)[0] for each in shop.products] == [6, 6, 10]
    assert [level(app, shop, each)[0] for each in shop.products] == [3, 4, 0]
    assert app.run(close_transfer, shop.clerk, data) == done

    second = shipped(app, shop, depot, {apple: "6"})
    lost = app.run(close_transfer, shop.clerk, {"id": new_id(), "transfer_id": second, "missing": "lost"})
    assert (lost.lines[0].lost, lost.lines[0].in_transit) == (6, 0)
    assert level(app, shop, apple, depot)[0] == 0
    assert_books_hold(app, shop)


def test_what_arrives_beyond_what_was_sent_left_the_sender_too(app: App, shop: Shop) -> None:
    depot, apple = a_warehouse(app, shop), shop.products[0]
    stocked(app, shop, apple, "10", "0.40", at=depot)
    before = worth(app, shop)
    transfer = shipped(app, shop, depot, {apple: "4"})

    done = arrive(app, shop, transfer, (apple, "6", "0"))

    assert (done.state, done.lines[0].received, done.lines[0].over) == ("closed", 4, 2)
    assert level(app, shop, apple, depot) == (4, 40)
    assert level(app, shop, apple) == (6, 40)
    assert worth(app, shop) == before
    assert_books_hold(app, shop)


def test_the_sender_may_send_less_and_something_else(app: App, shop: Shop) -> None:
    depot, (apple, bread, cheese) = a_warehouse(app, shop), shop.products
    for each in shop.products:
        stocked(app, shop, each, "10", at=depot)
    transfer = requested(app, shop, depot, {apple: "6", bread: "4"})

    data = {"id": new_id(), "transfer_id": transfer, "lines": lines({apple: "5", bread: "0", cheese: "1"})}
    sent = app.run(ship_transfer, shop.clerk, data)

    assert [(line.sku, line.requested, line.shipped) for line in sent.lines] == [
        ("A-1", 6, 5), ("B-2", 4, 0), ("C-3", 0, 1),
    ]  # fmt: skip
    assert app.run(ship_transfer, shop.clerk, data) == sent
    assert [level(app, shop, each, depot)[0] for each in shop.products] == [5, 10, 9]


def test_every_step_is_taken_once_and_only_in_its_order(app: App, shop: Shop) -> None:
    depot, apple = a_warehouse(app, shop), shop.products[0]
    stocked(app, shop, apple, "10", at=depot)
    data = {"id": new_id(), "from_outlet_id": depot, "to_outlet_id": shop.outlet_id, "lines": lines({apple: "4"})}
    made = app.run(request_transfer, shop.clerk, data)
    assert app.run(request_transfer, shop.clerk, data) == made
    with pytest.raises(StockConflict):
        app.run(request_transfer, shop.clerk, {**data, "lines": lines({apple: "5"})})
    early = [
        (receive_transfer, {"id": new_id(), "transfer_id": made.id}),
        (close_transfer, {"id": new_id(), "transfer_id": made.id, "missing": "lost"}),
    ]
    before = everything(app, shop)
    for operation, asked in early:
        with pytest.raises(WrongState, match="requested"):
            app.run(operation, shop.clerk, asked)
    assert everything(app, shop) == before

    ship = {"id": new_id(), "transfer_id": made.id}
    sent = app.run(ship_transfer, shop.clerk, ship)
    take = {"id": new_id(), "transfer_id": made.id, "lines": [{"product_id": apple, "received": "1"}]}
    arrived = app.run(receive_transfer, shop.clerk, take)
    before = everything(app, shop)
    assert app.run(ship_transfer, shop.clerk, ship) == sent
    assert app.run(receive_transfer, shop.clerk, take) == arrived
    with pytest.raises(WrongState, match="in_transit"):
        app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": made.id})
    with pytest.raises(WrongState):
        app.run(cancel_transfer, shop.clerk, {"id": made.id})
    assert everything(app, shop) == before

    never = requested(app, shop, depot, {apple: "1"})
    cancelled = app.run(cancel_transfer, shop.clerk, {"id": never})
    assert cancelled.state == "cancelled"
    assert app.run(cancel_transfer, shop.clerk, {"id": never}) == cancelled
    with pytest.raises(WrongState, match="cancelled"):
        app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": never})
    found = app.run(list_transfers, shop.clerk, {"limit": 1})
    assert [each.number for each in found.items] == [2]
    rest = app.run(list_transfers, shop.clerk, {"limit": 1, "after": found.next})
    assert ([each.number for each in rest.items], rest.next) == ([1], None)


def test_what_makes_no_sense_is_refused_and_changes_nothing(app: App, shop: Shop) -> None:
    depot, (apple, bread, _) = a_warehouse(app, shop), shop.products
    stocked(app, shop, apple, "10", at=depot)
    service = a_product(app, shop, sku="WRAP", price="1", track_stock=False)
    transfer = shipped(app, shop, depot, {apple: "4"})
    waiting = requested(app, shop, depot, {apple: "4"})
    before = everything(app, shop)
    ends = {"from_outlet_id": depot, "to_outlet_id": shop.outlet_id}
    refused: list[tuple[Any, dict[str, Any], type[Exception]]] = [
        (request_transfer, {**ends, "to_outlet_id": depot, "lines": lines({apple: "1"})}, InvalidInput),
        (request_transfer, {**ends, "lines": lines({apple: "0"})}, InvalidInput),
        (request_transfer, {**ends, "lines": lines({service: "1"})}, StockNotTracked),
        (request_transfer, {**ends, "lines": lines({uuid4(): "1"})}, ProductNotFound),
        (request_transfer, {**ends, "lines": lines({apple: "1"}) * 2}, RepeatedProduct),
        (request_transfer, {**ends, "to_outlet_id": uuid4(), "lines": lines({apple: "1"})}, OutletNotFound),
        (ship_transfer, {"transfer_id": waiting, "lines": lines({apple: "0"})}, InvalidInput),
        (ship_transfer, {"transfer_id": uuid4()}, TransferNotFound),
        (receive_transfer, {"transfer_id": transfer, "lines": [{"product_id": bread, "received": "1"}]}, NotInDocument),
        (receive_transfer, {"transfer_id": transfer, "lines": [{"product_id": apple}]}, InvalidInput),
        (
            receive_transfer,
            {"transfer_id": transfer, "lines": [{"product_id": apple, "received": "1", "damaged": "9"}]},
            InvalidInput,
        ),
    ]
    for operation, data, error in refused:
        with pytest.raises(error):
            app.run(operation, shop.clerk, {"id": new_id(), **data})
    assert everything(app, shop) == before


def test_blocked_goods_do_not_leave(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    depot, apple = a_warehouse(app, shop), shop.products[0]
    stocked(app, shop, apple, "3", at=depot)
    transfer = requested(app, shop, depot, {apple: "4"})

    with pytest.raises(NegativeStock) as refused:
        app.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer})

    assert refused.value.data == {"products": "A-1"}
    assert app.run(get_transfer, shop.clerk, {"id": transfer}).state == "requested"
    assert level(app, shop, apple, depot)[0] == 3


def test_each_end_is_handled_by_who_works_there(app: App, shop: Shop) -> None:
    depot, apple = a_warehouse(app, shop), shop.products[0]
    elsewhere = a_warehouse(app, shop, "north")
    stocked(app, shop, apple, "10", at=depot)
    there, here = (replace(shop.clerk, outlet_ids=frozenset({each})) for each in (depot, shop.outlet_id))
    stranger = replace(shop.clerk, outlet_ids=frozenset({elsewhere}))
    data = {"id": new_id(), "from_outlet_id": depot, "to_outlet_id": shop.outlet_id, "lines": lines({apple: "4"})}
    with pytest.raises(OutletNotYours):
        app.run(request_transfer, stranger, data)
    transfer = app.run(request_transfer, here, data).id
    with pytest.raises(OutletNotYours):
        app.run(ship_transfer, here, {"id": new_id(), "transfer_id": transfer})
    app.run(ship_transfer, there, {"id": new_id(), "transfer_id": transfer})
    with pytest.raises(OutletNotYours):
        app.run(receive_transfer, there, {"id": new_id(), "transfer_id": transfer})
    with pytest.raises(OutletNotYours):
        app.run(get_transfer, stranger, {"id": transfer})
    assert app.run(list_transfers, stranger, {}).items == []
    assert app.run(list_in_transit, stranger, {}).items == []
    with pytest.raises(PermissionDenied):
        app.run(receive_transfer, shop.cashier, {"id": new_id(), "transfer_id": transfer})
    assert app.run(receive_transfer, here, {"id": new_id(), "transfer_id": transfer}).state == "closed"


def test_a_warehouse_has_no_register(app: App, shop: Shop) -> None:
    depot = a_warehouse(app, shop)
    with pytest.raises(OutletIsWarehouse):
        app.run(create_register, shop.owner, {"outlet_id": depot, "code": "till-9", "name": "Till 9"})


@pytest.fixture
def crowd(make_app: Callable[..., App], database_url: str) -> App:
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_six_who_ship_one_transfer_ship_it_once(crowd: App, shop: Shop) -> None:
    depot, apple = a_warehouse(crowd, shop), shop.products[0]
    stocked(crowd, shop, apple, "10", at=depot)
    transfer = requested(crowd, shop, depot, {apple: "4"})

    answers = at_once(
        [lambda: crowd.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer}) for _ in range(6)]
    )

    assert sum(isinstance(each, WrongState) for each in answers) == 5
    assert level(crowd, shop, apple, depot)[0] == 6


def test_twins_of_every_step_are_one_step(crowd: App, shop: Shop) -> None:
    depot, apple = a_warehouse(crowd, shop), shop.products[0]
    stocked(crowd, shop, apple, "10", at=depot)
    asked = {"id": new_id(), "from_outlet_id": depot, "to_outlet_id": shop.outlet_id, "lines": lines({apple: "4"})}
    steps: list[tuple[Any, dict[str, Any]]] = [
        (request_transfer, asked),
        (ship_transfer, {"id": new_id(), "transfer_id": asked["id"]}),
        (receive_transfer, {"id": new_id(), "transfer_id": asked["id"], "lines": [
            {"product_id": apple, "received": "3"}]}),
        (close_transfer, {"id": new_id(), "transfer_id": asked["id"], "missing": "back"}),
    ]  # fmt: skip
    for operation, data in steps:
        answers = at_once([lambda step=operation, given=data: crowd.run(step, shop.clerk, given) for _ in range(4)])
        assert all(each == answers[0] for each in answers)
        assert not isinstance(answers[0], Exception)
    assert (level(crowd, shop, apple, depot)[0], level(crowd, shop, apple)[0]) == (7, 3)
    assert_books_hold(crowd, shop)


def test_the_last_goods_of_a_transfer_arrive_once_whoever_takes_them_in(crowd: App, shop: Shop) -> None:
    depot, apple = a_warehouse(crowd, shop), shop.products[0]
    stocked(crowd, shop, apple, "10", at=depot)
    transfer = shipped(crowd, shop, depot, {apple: "4"})

    answers = at_once(
        [lambda: crowd.run(receive_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer}) for _ in range(3)]
        + [
            lambda: crowd.run(close_transfer, shop.clerk, {"id": new_id(), "transfer_id": transfer, "missing": "lost"})
            for _ in range(3)
        ]
    )

    assert sum(isinstance(each, WrongState) for each in answers) == 5
    done = crowd.run(get_transfer, shop.clerk, {"id": transfer})
    assert (done.state, done.lines[0].received + done.lines[0].lost) == ("closed", 4)
    assert level(crowd, shop, apple)[0] == done.lines[0].received


def test_transfers_both_ways_at_once_do_not_block_each_other(crowd: App, shop: Shop) -> None:
    depot = a_warehouse(crowd, shop)
    for each in shop.products:
        stocked(crowd, shop, each, "100", "0.50", at=depot)
        stocked(crowd, shop, each, "100", "0.50")

    def go(source: UUID, target: UUID, order: list[UUID]) -> str:
        for _ in range(4):
            data = {"id": new_id(), "from_outlet_id": source, "to_outlet_id": target}
            made = crowd.run(request_transfer, shop.clerk, {**data, "lines": lines(dict.fromkeys(order, "2"))})
            crowd.run(ship_transfer, shop.clerk, {"id": new_id(), "transfer_id": made.id})
            # One more than was sent: both places' levels in one act.
            got = [{"product_id": each, "received": "3"} for each in order]
            state = crowd.run(receive_transfer, shop.clerk, {"id": new_id(), "transfer_id": made.id, "lines": got})
        return str(state.state)

    pairs = [(depot, shop.outlet_id), (shop.outlet_id, depot)] * 3
    answers = at_once(
        [lambda ends=ends, order=shop.products[:: 1 if n % 2 else -1]: go(*ends, order) for n, ends in enumerate(pairs)]
    )

    assert answers == ["closed"] * 6
    assert [level(crowd, shop, each) for each in shop.products] == [(100, 50)] * 3
    assert [level(crowd, shop, each, depot) for each in shop.products] == [(100, 50)] * 3
    assert_books_hold(crowd, shop)
