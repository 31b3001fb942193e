"""Acts on stock under the caller's id: once, however often they are asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos.core.ids import new_id
from primepos.domain.inventory.errors import StockConflict
from primepos.domain.inventory.service import adjust_stock, open_stock, receive_stock
from tests.factories import assert_books_hold, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from primepos.core.operations import App, Operation
    from tests.factories import Shop


def asked(shop: Shop, operation: Operation[Any, Any], **changes: Any) -> dict[str, Any]:
    line = {"product_id": shop.products[0], "delta" if operation is adjust_stock else "quantity": "5"}
    return {"id": new_id(), "outlet_id": shop.outlet_id, "lines": [line], "reason": "Delivery 7", **changes}


def level(app: App, shop: Shop) -> Decimal:
    found = rows(app, "SELECT quantity FROM stock_levels WHERE product_id = %s", (shop.products[0],))
    return found[0]["quantity"]


@pytest.mark.parametrize("operation", [adjust_stock, receive_stock, open_stock], ids=lambda each: each.name)
def test_the_same_act_again_gives_the_same_answer_and_moves_nothing(
    app: App, shop: Shop, operation: Operation[Any, Any]
) -> None:
    data = asked(shop, operation)
    first = app.run(operation, shop.owner, data)
    assert msgspec.json.encode(app.run(operation, shop.owner, data)) == msgspec.json.encode(first)
    assert level(app, shop) == Decimal("5.000")
    assert_books_hold(app, shop)


def test_an_id_means_one_act(app: App, shop: Shop, other_shop: Shop) -> None:
    data = asked(shop, receive_stock)
    app.run(receive_stock, shop.owner, data)
    with pytest.raises(StockConflict):
        app.run(receive_stock, shop.owner, {**data, "reason": "Delivery 8"})
    with pytest.raises(StockConflict):
        app.run(open_stock, shop.owner, data)
    assert level(app, shop) == Decimal("5.000")
    app.run(receive_stock, other_shop.owner, asked(other_shop, receive_stock, id=data["id"]))
    assert level(app, other_shop) == Decimal("5.000")


def test_without_an_id_every_call_is_an_act_of_its_own(app: App, shop: Shop) -> None:
    data = asked(shop, receive_stock, id=None)
    for _ in range(2):
        app.run(receive_stock, shop.owner, data)
    assert level(app, shop) == Decimal("10.000")


def test_twins_receive_once(make_app: Callable[..., App], database_url: str, shop: Shop) -> None:
    wide = make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")
    data = asked(shop, receive_stock)
    gate = Barrier(8)

    def receive(_: int) -> bytes:
        gate.wait()
        return msgspec.json.encode(wide.run(receive_stock, shop.owner, data))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(receive, range(8)))
    assert len(answers) == 1
    assert level(wide, shop) == Decimal("5.000")
