"""``primepos report sales`` prints what the operation answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from primepos.cli import session
from primepos.cli.main import app as cli
from primepos.cli.main import run
from primepos.domain.sales.service import book_sale
from tests.factories import basket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture(autouse=True)
def opened(app: App) -> Iterator[None]:
    session.use_app(app)
    yield
    session.use_app(None)


def test_a_table_ends_with_the_total(app: App, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    assert run(cli, ["report", "sales", "--by", "product", "--tenant", shop.slug]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "product  name   quantity  net   tax   total\n"
        "B-2      Bread  1.000     2.10  0.40  2.50\n"
        "A-1      Apple  2.000     1.68  0.32  2.00\n"
        "total                     3.78  0.72  4.50\n"
    )
    assert err == "Amounts in EUR.\n"


def test_json_has_minor_units_and_the_currency(app: App, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    assert run(cli, ["report", "sales", "--tenant", shop.slug, "--outlet", "main", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["currency"], found["currency_exponent"], found["total"]["total"]) == ("EUR", 2, 450)
    assert [(row["key"], row["sales"], row["total"]) for row in found["rows"]] == [("2026-03-02", 1, 450)]


def test_csv_has_rows_only(app: App, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    app.run(book_sale, shop.cashier, basket(shop))
    assert run(cli, ["report", "sales", "--by", "tender", "--tenant", shop.slug, "--csv"]) == 0
    assert capsys.readouterr().out == "key,name,total\ncash,Cash,4.50\n"


def test_nonsense_is_refused_and_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, said in (
        (["--by", "moon"], "--by: one of day"),
        (["--since", "yesterday"], "--since: 'yesterday' is no date"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "since is after until"),
    ):
        assert run(cli, ["report", "sales", "--tenant", shop.slug, *wrong]) == 2
        assert said in capsys.readouterr().err
    assert run(cli, ["report", "sales", "--tenant", shop.slug, "--outlet", "moon"]) == 5
