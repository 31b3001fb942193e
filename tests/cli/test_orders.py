"""The command line over tickets that are kept for later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.domain.customers.service import create_customer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def orders(app: App, shop: Shop, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Any]]:
    session.use_app(app)

    def call(*words: str, code: int = 0) -> Any:
        assert run(cli, ["orders", *words, "--tenant", shop.slug, "--json"]) == code
        told = capsys.readouterr()
        return json.loads(told.out) if code == 0 else told.err

    yield call
    session.use_app(None)


def outlet_of(app: App, shop: Shop) -> str:
    from primepos.domain.outlets.service import list_outlets

    return str(app.run(list_outlets, shop.owner).items[0].code)


def test_a_ticket_is_kept_changed_and_sold(app: App, shop: Shop, orders: Callable[..., Any]) -> None:
    outlet = outlet_of(app, shop)
    made = orders("save", "--outlet", outlet, "--sku", "A-1:2", "--label", "Mrs. Jones")
    assert (made["number"], made["total"], made["label"]) == (1, 200, "Mrs. Jones")
    changed = orders("save", "--change", "1", "--outlet", outlet, "--sku", "A-1:2", "--sku", "B-2", "--discount", "10")
    assert (changed["version"], changed["total"]) == (2, 405)
    assert orders("show", "1")["id"] == made["id"]
    assert [each["number"] for each in orders("list")] == [1]

    sold = orders("sell", "1", "--cash", "5.00")
    assert (sold["total"], sold["change"]) == (405, 95)
    assert orders("show", "1")["state"] == "sold"
    assert "SALE_ORDER_ENDED" in orders("sell", "1", "--cash", "5.00", code=7)
    assert "SALE_ORDER_NOT_FOUND" in orders("show", "9", code=5)


def test_a_layaway_takes_deposits_and_gives_them_back(app: App, shop: Shop, orders: Callable[..., Any]) -> None:
    app.run(create_customer, shop.owner, {"name": "Jo", "number": "77"})
    outlet = outlet_of(app, shop)
    orders("save", "--kind", "layaway", "--customer", "77", "--outlet", outlet, "--sku", "C-3")
    paid = orders("deposit", "1", "--cash", "4.00", "--card", "1.00")
    assert (paid["order"]["deposit"], paid["sale"]["total"]) == (500, 500)
    back = orders("return-deposit", "1", "--reason", "not wanted", "--yes")
    assert (back["order"]["deposit"], back["sale"]["total"]) == (0, -500)
    assert orders("take", "1")["version"] == 4
    assert orders("cancel", "1", "--reason", "not wanted", "--yes")["state"] == "cancelled"
