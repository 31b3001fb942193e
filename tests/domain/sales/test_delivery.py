"""Delivery by a till: what happened is booked and flagged, never refused for being odd."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from primepos.core.errors import PermissionDenied
from primepos.core.ids import new_id
from primepos.domain.cash.service import close_shift, shift_figures
from primepos.domain.catalog.service import archive_product, update_tax
from primepos.domain.sales.errors import (
    BrokenSale,
    NumberConflict,
    RegisterNotFound,
    SaleConflict,
    ShiftUnknown,
    UnknownProduct,
)
from primepos.domain.sales.service import deliver_sale, get_sale
from tests.conftest import NOON
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, counts, rows

if TYPE_CHECKING:
    from primepos.core.operations import App
    from tests.factories import Shop


@pytest.fixture
def till(app: App, shop: Shop) -> TillSeries:
    """The shop's till with an open shift."""
    return TillSeries(shop, a_shift(app, shop), NOON)


def test_a_tills_sale_is_booked_as_it_was_made(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    booked = app.run(deliver_sale, shop.device, sale)

    assert (booked.receipt, booked.number, booked.total, booked.change) == (f"{shop.till_prefix}-000001", 1, 450, 50)
    assert booked.flags == []
    assert (booked.prev_hash, booked.hash) == (sale.prev_hash, sale.hash)
    assert app.run(get_sale, shop.owner, {"id": sale.id}) == booked
    assert_books_hold(app, shop)


def test_a_lost_answer_is_given_again(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    first = app.run(deliver_sale, shop.device, sale)
    before = counts(app, shop)
    again = app.run(deliver_sale, shop.device, sale)
    assert msgspec.json.encode(again) == msgspec.json.encode(first)
    assert counts(app, shop) == before


def test_the_same_id_with_another_content_is_a_conflict(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    app.run(deliver_sale, shop.device, sale)
    before = counts(app, shop)
    other = till.seal(msgspec.structs.replace(sale, cashier="Somebody else"))
    with pytest.raises(SaleConflict):
        app.run(deliver_sale, shop.device, other)
    assert counts(app, shop) == before


def test_one_number_is_never_two_sales(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    app.run(deliver_sale, shop.device, sale)
    before = counts(app, shop)
    other = till.seal(msgspec.structs.replace(sale, id=new_id()))
    with pytest.raises(NumberConflict):
        app.run(deliver_sale, shop.device, other)
    assert counts(app, shop) == before


@pytest.mark.parametrize(
    "change",
    [
        {"total": 451},
        {"base": 377},
        {"tax": 73},
        {"rounding": 1},
        {"payments": []},
        {"taxes": []},
        {"void_of": "01a202fb-e8f8-72ce-a4e3-3bbd2b8798a1"},
    ],
)
def test_figures_that_contradict_each_other_are_refused(
    app: App, shop: Shop, till: TillSeries, change: dict[str, Any]
) -> None:
    plain = {**msgspec.to_builtins(till.sell()), **change}
    sale = till.seal(msgspec.convert(plain, type(till.sell())))
    before = counts(app, shop)
    with pytest.raises(BrokenSale):
        app.run(deliver_sale, shop.device, sale)
    assert counts(app, shop) == before


def test_a_hash_of_another_content_is_refused(app: App, shop: Shop, till: TillSeries) -> None:
    sale = msgspec.structs.replace(till.sell(), cashier="Mallory")
    before = counts(app, shop)
    with pytest.raises(BrokenSale):
        app.run(deliver_sale, shop.device, sale)
    assert counts(app, shop) == before


def test_odd_sales_are_booked_and_flagged(app: App, shop: Shop, till: TillSeries) -> None:
    line = till.sell().lines[0]
    till.number, till.head = 0, "0" * 64
    cheap = msgspec.structs.replace(line, unit_price=Decimal("0.50"), base=84, tax=16, total=100)
    cheap = msgspec.structs.replace(cheap, taxes=[msgspec.structs.replace(line.taxes[0], amount=16)])
    sale = till.sell(
        lines=[cheap],
        taxes=[],
        base=84,
        tax=16,
        total=100,
        payments=[],
        sold_at=NOON + timedelta(hours=3),
    )
    sale = msgspec.structs.replace(
        sale,
        taxes=[msgspec.convert({"code": "std", "name": "VAT", "rate": "19", "base": 84, "amount": 16}, _tax())],
        payments=[msgspec.convert({"kind": "card", "amount": 100}, _payment())],
    )
    booked = app.run(deliver_sale, shop.device, till.seal(sale))
    assert booked.flags == ["PRICE_DIFFERS", "CLOCK_SKEW"]
    assert booked.total == 100
    assert_books_hold(app, shop)


def _tax() -> Any:
    from primepos.domain.sales.schemas import SaleTax

    return SaleTax


def _payment() -> Any:
    from primepos.domain.sales.schemas import SalePayment

    return SalePayment


def test_negative_stock_is_flagged_where_the_shop_blocks_it(app: App) -> None:
    shop = a_shop(app, settings={"stock_policy": "block"})
    till = TillSeries(shop, a_shift(app, shop), NOON)
    assert app.run(deliver_sale, shop.device, till.sell()).flags == ["NEGATIVE_STOCK"]


def test_a_sale_after_the_close_joins_its_own_shift_marked_late(app: App, shop: Shop, till: TillSeries) -> None:
    on_time, late = till.sell(), till.sell()
    app.run(deliver_sale, shop.device, on_time)
    closed = app.run(close_shift, shop.manager, {"shift_id": till.shift_id, "counted": 10_450})
    assert (closed.expected, closed.difference, closed.z_number) == (10_450, 0, 1)

    booked = app.run(deliver_sale, shop.device, late)

    assert booked.flags == ["LATE"]
    assert booked.shift_id == till.shift_id
    assert app.run(shift_figures, shop.manager, {"shift_id": till.shift_id}).late == 1
    assert_books_hold(app, shop)


def test_a_hole_is_pending_and_heals_when_the_missing_sale_arrives(app: App, shop: Shop, till: TillSeries) -> None:
    first, second, third = till.sell(), till.sell(), till.sell()
    app.run(deliver_sale, shop.device, first)
    assert app.run(deliver_sale, shop.device, third).flags == []
    assert_books_hold(app, shop)
    assert app.run(deliver_sale, shop.device, second).flags == []
    register = rows(app, "SELECT next_number FROM registers WHERE id = %s", (shop.till_id,))
    assert register == [{"next_number": 4}]
    assert_books_hold(app, shop)


def test_a_sale_that_does_not_follow_the_one_before_is_flagged(app: App, shop: Shop, till: TillSeries) -> None:
    app.run(deliver_sale, shop.device, till.sell())
    till.head = "ab" * 32
    assert app.run(deliver_sale, shop.device, till.sell()).flags == ["CHAIN_BROKEN"]


def test_a_void_mirrors_its_sale_in_the_tills_own_series(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    app.run(deliver_sale, shop.device, sale)
    void = till.void(sale)
    booked = app.run(deliver_sale, shop.device, void)
    assert (booked.kind, booked.total, booked.number) == ("void", -450, 2)
    assert app.run(get_sale, shop.owner, {"id": sale.id}).voided_by == void.id
    levels = rows(app, "SELECT DISTINCT quantity FROM stock_levels WHERE tenant_id = %s", (shop.tenant_id,))
    assert levels == [{"quantity": Decimal("0.000")}]
    assert_books_hold(app, shop)


def test_only_the_till_itself_delivers(app: App, shop: Shop, other_shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    with pytest.raises(PermissionDenied):
        app.run(deliver_sale, shop.owner, sale)
    with pytest.raises(RegisterNotFound):
        app.run(deliver_sale, other_shop.device, sale)
    assert counts(app, shop)["sales"] == 0


def test_an_unknown_shift_or_product_waits_for_what_it_names(app: App, shop: Shop, till: TillSeries) -> None:
    with pytest.raises(ShiftUnknown):
        app.run(deliver_sale, shop.device, till.sell(shift_id=new_id()))
    stranger = msgspec.structs.replace(till.sell().lines[0], product_id=new_id())
    sale = till.sell()
    with pytest.raises(UnknownProduct):
        app.run(deliver_sale, shop.device, till.seal(msgspec.structs.replace(sale, lines=[stranger, sale.lines[1]])))
    assert counts(app, shop)["sales"] == 0


def test_a_sale_of_what_changed_meanwhile_says_so(app: App, shop: Shop, till: TillSeries) -> None:
    sale = till.sell()
    app.run(archive_product, shop.owner, {"id": shop.products[0]})
    app.run(update_tax, shop.owner, {"id": shop.tax_id, "amount": "20"})
    assert app.run(deliver_sale, shop.device, sale).flags == ["PRODUCT_ARCHIVED", "TAX_DIFFERS"]
    assert_books_hold(app, shop)


def test_a_sale_in_another_currency_is_booked_and_says_so(app: App, shop: Shop, till: TillSeries) -> None:
    assert app.run(deliver_sale, shop.device, till.sell(currency="CHF")).flags == ["CURRENCY_DIFFERS"]


def test_a_line_without_a_product_moves_no_stock(app: App, shop: Shop, till: TillSeries) -> None:
    lines = [
        msgspec.structs.replace(each, product_id=None) for each in TillSeries(shop, till.shift_id, NOON).sell().lines
    ]
    booked = app.run(deliver_sale, shop.device, till.sell(lines=lines))
    assert (booked.flags, booked.total) == ([], 450)
    assert counts(app, shop)["stock_movements"] == 0
    assert_books_hold(app, shop)
