"""What a sale says beyond goods and money: notes, packs, kits, value, other tenders; and goods back at a till."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos.cli.output import to_json
from primepos.core.errors import NotFound
from primepos.core.ids import new_id
from primepos.domain.customers.errors import CustomerNotFound
from primepos.domain.customers.service import create_customer
from primepos.domain.fiscal.schemas import ExportedSale
from primepos.domain.fiscal.service import close_period, exported_sales
from primepos.domain.reporting.service import report_sales
from primepos.domain.returns.service import refund_sale
from primepos.domain.sales.errors import BrokenSale, SaleNotFound
from primepos.domain.sales.schemas import (
    AppliedOffer,
    Component,
    LineDetails,
    ReturnedLine,
    SaleLine,
    SalePayment,
    SaleTax,
)
from primepos.domain.sales.service import book_sale, deliver_sale, get_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from primepos.domain.sales.schemas import DeliverSale, SaleOut
    from tests.factories import Shop

PAGE = Path(__file__).parents[3] / "docs" / "journal.md"


@pytest.fixture
def till(app: App, shop: Shop) -> TillSeries:
    return TillSeries(shop, a_shift(app, shop), NOON)


def a_gift_card(amount: int) -> SaleLine:
    return SaleLine(
        product_id=None, sku="", name="Gift card", quantity=Decimal("1.000"), unit_price=Decimal(amount) / 100,
        discount=0, base=amount, tax=0, total=amount, taxes=[], kind="gift_card",
    )  # fmt: skip


def with_a_gift_card(till: TillSeries) -> DeliverSale:
    """Return the usual basket with a gift card of 20.00, paid by card with a tip of 1.00."""
    usual = till.sell()
    till.number, till.head = usual.number - 1, usual.prev_hash
    return till.sell(
        lines=[*usual.lines, a_gift_card(2000)],
        payments=[SalePayment(kind="card", amount=2550), SalePayment(kind="tip", amount=-100)],
        value=2000,
        total=2450,
    )


def back(sale: DeliverSale | SaleOut, line_no: int, quantity: str) -> ReturnedLine:
    """Return the first line of a record as goods back; what the server counts itself is left wrong on purpose."""
    return ReturnedLine(
        line_no=1, of_sale_id=sale.id, of_line_no=line_no, quantity=Decimal(quantity), nth=9, before=Decimal(7),
        sold=Decimal(1),
    )  # fmt: skip


def one_apple_back(till: TillSeries, sale: DeliverSale | SaleOut, quantity: str = "1", **changes: Any) -> DeliverSale:
    """Return a till's refund of apples at 1.00 of a sale, paid out in cash."""
    count = int(quantity)
    base, tax = -84 * count, -16 * count
    line = msgspec.structs.replace(
        sale.lines[0], quantity=-Decimal(quantity), base=base, tax=tax, total=base + tax,
        taxes=[msgspec.structs.replace(sale.lines[0].taxes[0], amount=tax)],
    )  # fmt: skip
    return till.sell(
        **{
            "kind": "refund",
            "reason": "bruised",
            "lines": [line],
            "taxes": [SaleTax(code="std", name="VAT 19%", rate=Decimal(19), base=base, amount=tax)],
            "payments": [SalePayment(kind="cash", amount=base + tax)],
            "base": base,
            "tax": tax,
            "total": base + tax,
            "returns": [back(sale, 1, quantity)],
            **changes,
        }
    )


def stock_of(app: App, shop: Shop, sku: str) -> Decimal:
    found = rows(
        app,
        "SELECT l.quantity FROM stock_levels l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id"
        " WHERE l.tenant_id = %s AND l.outlet_id = %s AND p.sku = %s",
        (shop.tenant_id, shop.outlet_id, sku),
    )
    return found[0]["quantity"] if found else Decimal(0)


def test_a_note_and_the_seller_are_kept_and_sealed(app: App, shop: Shop) -> None:
    seller = new_id()
    asked = basket(shop, note="Gift, wrap it", salesperson_id=str(seller))
    asked["lines"][0]["note"] = "ripe ones"
    sale = app.run(book_sale, shop.cashier, asked)

    assert (sale.note, sale.salesperson_id, sale.lines[0].note, sale.lines[1].note) == (
        "Gift, wrap it", seller, "ripe ones", "",
    )  # fmt: skip
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == sale
    assert app.run(book_sale, shop.cashier, asked) == sale, "asked again"
    assert_books_hold(app, shop)


def test_value_is_sold_without_being_earned(app: App, shop: Shop, till: TillSeries) -> None:
    sale = app.run(deliver_sale, shop.device, with_a_gift_card(till))

    # It does not say which card: a person must see to it.
    assert (sale.base, sale.tax, sale.value, sale.total, sale.flags) == (378, 72, 2000, 2450, ["VALUE_UNKNOWN"])
    legs = rows(
        app, "SELECT account, amount FROM ledger_entries WHERE tenant_id = %s ORDER BY account", (shop.tenant_id,)
    )
    assert {each["account"]: each["amount"] for each in legs} == {
        "card": 2550, "gift_card": -2000, "revenue": -378, "tax:std": -72, "tip": -100,
    }  # fmt: skip
    day = app.run(report_sales, shop.owner, {}).total
    assert (day.base, day.tax, day.value, day.total) == (378, 72, 2000, 2450)
    tenders = app.run(report_sales, shop.owner, {"group_by": "tender"})
    assert {row.key: row.total for row in tenders.rows} == {"card": 2550, "tip": -100}
    goods = app.run(report_sales, shop.owner, {"group_by": "product"})
    assert {row.key for row in goods.rows} == {"A-1", "B-2"}
    (closing,) = app.run(close_period, shop.owner, {}).closings
    assert (closing.base, closing.value, closing.total) == (378, 2000, 2450)
    assert_books_hold(app, shop)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"value": 1999}, "the value sold is not the sale's"),
        ({"base": 2378, "value": 0}, "the lines' base is not the sale's"),
        ({"total": 2451}, "base, tax, rounding and value are not the total"),
    ],
)
def test_value_that_does_not_add_up_is_refused(
    app: App, shop: Shop, till: TillSeries, change: dict[str, int], problem: str
) -> None:
    broken = till.seal(msgspec.structs.replace(with_a_gift_card(till), **change))
    before = counts(app, shop)

    with pytest.raises(BrokenSale, match=problem):
        app.run(deliver_sale, shop.device, broken)

    assert counts(app, shop) == before


def test_packs_and_kits_of_a_till_move_their_pieces_and_a_refund_brings_its_share_back(
    app: App, shop: Shop, till: TillSeries
) -> None:
    apple, bread = shop.products[:2]
    usual = till.sell()
    till.number, till.head = 0, usual.prev_hash
    pack = msgspec.structs.replace(usual.lines[0], unit="six-pack", factor=Decimal("6.000"))
    parts = [Component(product_id=apple, sku="A-1", quantity=Decimal("0.500"))]
    kit = msgspec.structs.replace(usual.lines[1], details=LineDetails(components=parts))
    before = stock_of(app, shop, "A-1"), stock_of(app, shop, "B-2")
    sale = app.run(deliver_sale, shop.device, till.sell(lines=[pack, kit]))

    assert [(each.unit, each.factor) for each in sale.lines] == [("six-pack", Decimal("6.000")), ("", Decimal("1.000"))]
    assert stock_of(app, shop, "A-1") == before[0] - Decimal("12.5")
    assert stock_of(app, shop, "B-2") == before[1], "of a kit its components move"
    assert_books_hold(app, shop)

    for _ in range(2):
        app.run(
            refund_sale, shop.manager,
            {"id": new_id(), "sale_id": sale.id, "reason": "x", "lines": [{"line_no": 1, "quantity": "1"}]},
        )  # fmt: skip
    app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "x"})
    assert (stock_of(app, shop, "A-1"), stock_of(app, shop, "B-2")) == before
    assert bread in shop.products
    assert_books_hold(app, shop)


def test_a_till_takes_goods_back_and_the_server_counts_them(app: App, shop: Shop, till: TillSeries) -> None:
    sale = app.run(deliver_sale, shop.device, till.sell())
    before = stock_of(app, shop, "A-1")
    first = one_apple_back(till, sale)
    booked = app.run(deliver_sale, shop.device, first)

    assert (booked.kind, booked.total, booked.flags) == ("refund", -100, [])
    (returned,) = booked.returns
    assert (returned.of_line_no, returned.nth, returned.before, returned.sold) == (1, 1, 0, 2)
    assert app.run(deliver_sale, shop.device, first) == booked, "delivered again"
    assert stock_of(app, shop, "A-1") == before + 1

    second = app.run(deliver_sale, shop.device, one_apple_back(till, sale, not_restocked=[1]))
    assert (second.returns[0].nth, second.returns[0].before) == (2, 1)
    assert stock_of(app, shop, "A-1") == before + 1, "what cannot be sold again stays out"
    assert_books_hold(app, shop)


def test_more_than_was_left_has_come_back_at_the_till_all_the_same(app: App, shop: Shop, till: TillSeries) -> None:
    sale = app.run(deliver_sale, shop.device, till.sell())
    app.run(refund_sale, shop.manager, {"id": new_id(), "sale_id": sale.id, "reason": "first"})

    booked = app.run(deliver_sale, shop.device, one_apple_back(till, sale))

    assert booked.flags == ["RETURN_EXCEEDS"]
    assert (booked.returns[0].nth, booked.returns[0].before, booked.returns[0].sold) == (2, 2, 2)
    found = rows(app, "SELECT excess FROM sale_returns WHERE sale_id = %s", (booked.id,))
    assert found == [{"excess": True}]


@pytest.mark.parametrize(
    ("case", "error", "problem"),
    [
        ("unknown", SaleNotFound, ""),
        ("two", BrokenSale, "a line takes back two"),
        ("line", BrokenSale, "the sale has no line 9"),
        ("other", BrokenSale, "line 1 is not what was sold"),
        ("refund", BrokenSale, "what it takes back was not sold"),
        ("amount", BrokenSale, "line 1 takes back other goods"),
        ("absent", BrokenSale, "it has no line 4 to take back"),
        ("sales", BrokenSale, "it takes goods of more than one sale back"),
    ],
)
def test_goods_back_that_no_sale_sold_are_refused(
    app: App, shop: Shop, till: TillSeries, case: str, error: type[Exception], problem: str
) -> None:
    sale = app.run(deliver_sale, shop.device, till.sell())
    change = msgspec.structs.replace
    this = back(sale, 1, "1")
    returns = {
        "unknown": [change(this, of_sale_id=new_id())],
        "two": [this, this],
        "line": [change(this, of_line_no=9)],
        "other": [change(this, of_line_no=2)],
        "amount": [change(this, quantity=Decimal(2))],
        "absent": [change(this, line_no=4)],
    }
    if case == "refund":
        taken = app.run(deliver_sale, shop.device, one_apple_back(till, sale))
        record = one_apple_back(till, sale, returns=[change(this, of_sale_id=taken.id)])
    elif case == "sales":
        record = one_apple_back(till, sale)
        lines = [record.lines[0], record.lines[0]]
        record = till.seal(
            change(
                record, lines=lines, base=-168, tax=-32, total=-200,
                taxes=[change(record.taxes[0], base=-168, amount=-32)],
                payments=[SalePayment(kind="cash", amount=-200)],
                returns=[this, change(this, line_no=2, of_sale_id=new_id())],
            )
        )  # fmt: skip
    else:
        record = one_apple_back(till, sale, returns=returns[case])
    before = counts(app, shop)

    with pytest.raises(error, match=problem or None):
        app.run(deliver_sale, shop.device, record)

    assert counts(app, shop) == before


def test_a_sale_to_a_customer_who_is_not_there_is_sent_again_later(app: App, shop: Shop, till: TillSeries) -> None:
    who = new_id()
    sale = till.sell(customer_id=who)
    before = counts(app, shop)
    with pytest.raises(CustomerNotFound):
        app.run(deliver_sale, shop.device, sale)
    with pytest.raises(NotFound):
        app.run(book_sale, shop.cashier, basket(shop, customer_id=who))
    assert counts(app, shop) == before

    app.run(create_customer, shop.owner, {"id": who, "name": "Jo"})
    assert app.run(deliver_sale, shop.device, sale).customer_id == who


def test_a_tills_void_takes_nothing_else_back(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    app.run(deliver_sale, shop.device, sale)
    void = till.void(sale)
    broken = till.seal(msgspec.structs.replace(void, returns=[back(sale, 1, "2")]))

    with pytest.raises(BrokenSale, match="a void takes back what it undoes and nothing else"):
        app.run(deliver_sale, shop.device, broken)


def test_the_page_verifies_what_it_describes_and_finds_what_was_changed(
    app: App, shop: Shop, till: TillSeries, tmp_path: Path
) -> None:
    """The program of docs/journal.md, which needs nothing of PrimePOS, over each of the three formats."""
    plain = till.sell()
    sale = app.run(deliver_sale, shop.device, plain)
    details = LineDetails(
        list_price=Decimal("1.2500"),
        rule="list:TRADE",
        offers=[AppliedOffer(code="3F2", name="Drei für zwei", amount=25)],
    )
    told = [msgspec.structs.replace(plain.lines[0], details=details, lot="L-7"), plain.lines[1]]
    foreign = SalePayment(
        kind="cash", amount=450, currency="USD", foreign_amount=500, rate=Decimal("0.9"), reference="note"
    )
    made = [
        plain,
        one_apple_back(till, sale),
        with_a_gift_card(till),
        till.sell(lines=told, payments=[foreign], note="für Änne", customer_id=None, salesperson_id=new_id()),
    ]
    for each in made[1:]:
        app.run(deliver_sale, shop.device, each)
    found = [app.run(get_sale, shop.owner, {"id": each.id}) for each in made]
    program = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert program is not None
    (tmp_path / "verify.py").write_text(program[1])

    def verified(lines: list[str]) -> str:
        (tmp_path / "sales.jsonl").write_text("\n".join(lines))
        ran = subprocess.run(
            [sys.executable, "verify.py", "sales.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return ran.stdout

    lines = [to_json(each) for each in found]
    assert verified(lines) == f"{shop.till_prefix}/1: 4 sales, head {found[-1].hash[:16]}\n"
    changed = json.loads(lines[-1])
    changed["lines"][0]["details"]["offers"][0]["amount"] = 24
    assert f"{found[-1].receipt} is not what was sealed" in verified([*lines[:-1], json.dumps(changed)])


def test_an_export_holds_everything_that_the_seal_covers(app: App, shop: Shop, till: TillSeries) -> None:
    app.run(deliver_sale, shop.device, with_a_gift_card(till))
    (exported,) = app.run(exported_sales, shop.owner, {"register_id": shop.till_id, "epoch": 1, "up_to": 1}).items

    assert (exported.value, exported.lines[2].kind, exported.payments[1].kind) == (2000, "gift_card", "tip")
    again = msgspec.json.decode(msgspec.json.encode(exported), type=ExportedSale)
    assert again == exported


def test_goods_come_back_before_the_card_that_was_sold_beside_them(app: App, shop: Shop) -> None:
    card = {"kind": "gift_card", "amount": 2000, "card_id": new_id()}
    sale = app.run(book_sale, shop.manager, basket(shop, values=[card], tenders=[{"kind": "card", "amount": 2450}]))
    first = {"id": new_id(), "sale_id": sale.id, "reason": "x", "lines": [{"line_no": 1}]}
    one = app.run(refund_sale, shop.owner, first)
    rest = app.run(refund_sale, shop.owner, {"id": new_id(), "sale_id": sale.id, "reason": "x"})

    assert (one.base + rest.base, one.tax + rest.tax) == (-sale.base, -sale.tax)
    assert (one.value, rest.value, one.total + rest.total) == (0, -2000, -2450)
    assert_books_hold(app, shop)
