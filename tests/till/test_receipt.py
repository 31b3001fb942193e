"""Receipts: every line as wide as the paper, every figure where it belongs, whatever the taxes and the coins."""

from __future__ import annotations

import pytest

from primepos.till.inert import width
from primepos.till.receipt import WIDE, receipt_lines
from tests.factories import a_shop
from tests.till.test_scenarios import sold
from tests.till.world import a_world


@pytest.fixture
def a_till(app, tmp_path, clock):
    """Make a till of a shop with other rules: ``a_till(included=False)``."""
    made = []

    def make(**rules):
        world = a_world(app, a_shop(app, **rules), tmp_path / "data", clock).ready()
        made.append(world)
        return world

    yield make
    for each in made:
        each.close()


def body(till):
    lines = till.till.desk.shown_receipt
    rule = "-" * 40
    return [" ".join(line.split()) for line in lines[lines.index(rule) : -1] if line != rule]


def test_a_whole_receipt(till):
    till.press("3*A-1", "enter")
    till.scan("C-3")
    till.press("5%", "enter", "20", "enter")
    number = f"{till.shop.till_prefix}-000001"
    hash_ = till.till.journal.last_hash
    assert till.till.desk.shown_receipt == [
        till.till.place.shop.center(40).rstrip(),
        "              Main street",
        "",
        f"No. {number}" + "02.03.26, 13:00".rjust(36 - len(number)),
        "Till 1                    Served by Anna",
        "-" * 40,
        "Apple                               3,00",
        "  3 x 1,00",
        "Cheese                              9,49",
        "  1 x 9,99  less 0,50",
        "-" * 40,
        "TOTAL EUR                          12,49",
        "Cash                               20,00",
        "Change                              7,51",
        "-" * 40,
        "VAT 19% on 10,49                    2,00",
        "-" * 40,
        f"           {hash_[:8]} {hash_[8:16]}",
    ]


def test_taxes_on_top_make_the_total_and_the_column_adds_up(a_till):
    till = a_till(rate="8.875", included=False, currency="USD")
    till.press("2*A-1", "enter")
    till.scan("C-3")
    till.press("f12")
    assert body(till) == [
        "Apple 2,00",
        "2 x 1,00",
        "Cheese 9,99",
        "Subtotal 11,99",
        "Tax 1,07",
        "TOTAL USD 13,06",
        "Cash 13,06",
        "VAT 8.875% on 11,99 1,07",
    ]
    assert [each["flags"] for each in sold(till)] == [[]]


def test_coins_round_cash_as_a_row_of_its_own_and_cards_to_the_cent(a_till):
    till = a_till(settings={"cash_rounding": {"step_minor": 5}})
    till.scan("C-3")
    till.press("enter")
    assert (till.view.pay.cash_due, till.view.pay.rounding) == ("10,00 €", "0,01")
    till.press("f12")
    assert till.view.notice.endswith("done")
    assert [(each["total"], each["rounding"]) for each in sold(till)] == [(1000, 1)]
    till.scan("C-3")
    till.press("enter", "c")
    assert body(till)[1:3] == ["TOTAL EUR 9,99", "Card 9,99"]


def test_yen_have_no_decimals(a_till):
    till = a_till(currency="JPY", zone="Asia/Tokyo")
    till.press("5*A-1", "enter", "enter", "10", "enter")
    assert body(till)[:5] == ["Apple 5", "5 x 1", "TOTAL JPY 5", "Cash 10", "Change 5"]


def test_a_void_says_so_and_mirrors_every_figure(till):
    till.scan("C-3")
    till.press("f12", "ctrl+x", "torn bag", "enter")
    till.approve()
    shown = till.till.desk.shown_receipt
    assert "*** VOID ***" in shown[2]
    assert "Reason: torn bag" in shown[3]
    assert body(till)[:4] == ["Cheese -9,99", "-1 x 9,99", "TOTAL EUR -9,99", "Cash -9,99"]


@pytest.mark.parametrize("name", ["苹果" * 40, "x" * 200, "Äpfel  with  many   blanks " * 5, "👩‍🍳 cook"])
@pytest.mark.parametrize("columns", [40, WIDE])
def test_no_line_is_wider_than_the_paper(till, name, columns):
    import msgspec

    till.scan("A-1")
    till.press("f12")
    sale = till.till.desk.last
    odd = msgspec.structs.replace(sale, lines=[msgspec.structs.replace(sale.lines[0], name=name)] * 3, reason=name)
    for kind in ("sale", "void"):
        lines = receipt_lines(msgspec.structs.replace(odd, kind=kind), till.till.place, copy=True, columns=columns)
        assert max(width(line) for line in lines) <= columns
