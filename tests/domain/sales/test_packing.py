"""Packs, kits, lots and ages at the counter: what is sold moves what it is made of, and comes back whole."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primepos.core.errors import InvalidInput
from primepos.core.ids import new_id
from primepos.domain.catalog.errors import ComponentArchived, ParentNotSold, UnitNotFound
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    create_variants,
    set_kit,
    set_units,
)
from primepos.domain.customers.service import create_customer
from primepos.domain.inventory.lot_errors import LotNotHere, SerialInStock
from primepos.domain.inventory.lot_operations import kit_availability, receive_lots, trace_lot
from primepos.domain.inventory.service import receive_stock
from primepos.domain.returns.service import exchange_goods, refund_sale, return_goods
from primepos.domain.sales.errors import OutOfStock
from primepos.domain.sales.goods_errors import AgeNotConfirmed, LotExpired, LotRequired
from primepos.domain.sales.schemas import Component, LineDetails, LineTax, SaleLine, SalePayment, SaleTax
from primepos.domain.sales.service import book_sale, deliver_sale, void_sale
from tests.conftest import NOON
from tests.domain.sales.test_races import at_once
from tests.factories import TillSeries, a_shift, a_shop, assert_books_hold, basket, counts, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from primepos.core.operations import App
    from tests.factories import Shop


def product(app: App, shop: Shop, sku: str, price: str = "1.00", **more: Any) -> UUID:
    return app.run(create_product, shop.owner, {"sku": sku, "name": sku, "unit_price": price, **more}).id


def levels(app: App, shop: Shop) -> dict[str, Decimal]:
    found = rows(
        app,
        "SELECT p.sku, l.quantity FROM stock_levels l"
        " JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id WHERE l.tenant_id = %s",
        (shop.tenant_id,),
    )
    return {row["sku"]: row["quantity"] for row in found}


def lots(app: App, shop: Shop) -> dict[str, Decimal]:
    found = rows(app, "SELECT lot, quantity FROM stock_lots WHERE tenant_id = %s", (shop.tenant_id,))
    return {row["lot"]: row["quantity"] for row in found}


def sell(app: App, shop: Shop, *lines: dict[str, Any], paid: int = 10_000, **more: Any) -> Any:
    return app.run(book_sale, shop.manager, basket(shop, lines=list(lines), paid=paid, **more))


def refund(app: App, shop: Shop, sale: Any, *lines: dict[str, Any]) -> Any:
    data = {"id": new_id(), "sale_id": sale.id, "lines": list(lines), "reason": "back"}
    return app.run(refund_sale, shop.owner, data)


def receive(app: App, shop: Shop, *lines: dict[str, Any], **more: Any) -> Any:
    data = {"outlet_id": shop.outlet_id, "lines": list(lines), **more}
    return app.run(receive_lots, shop.owner, data)


@pytest.fixture
def cola(app: App, shop: Shop) -> UUID:
    """A bottle at 1.00, sold by six-packs at 4.99 and cases of 24 at 24 times its price."""
    made = product(app, shop, "COLA")
    units = [{"code": "six-pack", "factor": "6", "unit_price": "4.99"}, {"code": "case", "factor": "24"}]
    app.run(set_units, shop.owner, {"product_id": made, "units": units})
    return made


@pytest.fixture
def breakfast(app: App, shop: Shop) -> UUID:
    """A kit at 3.50: a coffee, two rolls, 0.02 of butter, and service, which has no stock."""
    product(app, shop, "COFFEE", "2.00")
    product(app, shop, "ROLL", "0.50")
    product(app, shop, "BUTTER", "8.00")
    product(app, shop, "SERVICE", "0.50", track_stock=False)
    kit = product(app, shop, "BREAKFAST", "3.50")
    parts = [
        {"sku": "COFFEE"}, {"sku": "ROLL", "quantity": "2"}, {"sku": "BUTTER", "quantity": "0.02"}, {"sku": "SERVICE"},
    ]  # fmt: skip
    app.run(set_kit, shop.owner, {"product_id": kit, "components": parts})
    return kit


@pytest.fixture
def phone(app: App, shop: Shop) -> UUID:
    """A phone with serial numbers; SN-1 and SN-2 are in stock."""
    made = product(app, shop, "PHONE", "99.00", tracking="serial")
    receive(app, shop, {"product_id": made, "lot": "SN-1"}, {"product_id": made, "lot": "SN-2"})
    return made


@pytest.fixture
def yoghurt(app: App, shop: Shop) -> UUID:
    """Yoghurt in two lots: OLD of 5 expired the day before, NEW of 10 is good."""
    made = product(app, shop, "YOGHURT", "0.80", tracking="lot")
    receive(
        app,
        shop,
        {"product_id": made, "lot": "OLD", "quantity": "5", "expires_on": "2026-03-01"},
        {"product_id": made, "lot": "NEW", "quantity": "10", "expires_on": "2026-04-30"},
    )
    return made


# --- packs ------------------------------------------------------------------------------------------------------------


def test_a_pack_is_sold_at_its_own_price_and_moves_its_pieces(app, shop, cola):
    sale = sell(app, shop, {"product_id": cola, "unit": "six-pack", "quantity": "2"}, {"product_id": cola})

    assert [(line.unit, line.factor, line.unit_price, line.total) for line in sale.lines] == [
        ("six-pack", Decimal(6), Decimal("4.99"), 998),
        ("", Decimal(1), Decimal(1), 100),
    ]
    assert levels(app, shop) == {"COLA": Decimal(-13)}
    assert_books_hold(app, shop)


def test_a_pack_without_a_price_costs_its_pieces_and_the_products_own_unit_is_no_pack(app, shop, cola):
    sale = sell(app, shop, {"product_id": cola, "unit": "case"}, {"product_id": cola, "unit": "piece"})
    assert [(line.unit, line.total) for line in sale.lines] == [("case", 2400), ("", 100)]


def test_one_pack_of_two_comes_back_and_then_the_other(app, shop, cola):
    sale = sell(app, shop, {"product_id": cola, "unit": "six-pack", "quantity": "2"})
    back = refund(app, shop, sale, {"line_no": 1, "quantity": "1"})
    assert (back.lines[0].unit, back.total, levels(app, shop)) == ("six-pack", -499, {"COLA": Decimal(-6)})
    refund(app, shop, sale)
    assert levels(app, shop) == {"COLA": Decimal(0)}
    assert_books_hold(app, shop)


@pytest.mark.parametrize(
    ("line", "error"),
    [({"unit": "pallet"}, UnitNotFound), ({"unit": "six-pack", "quantity": "0"}, InvalidInput)],
)
def test_what_is_no_pack_of_it_is_refused_and_nothing_moves(app, shop, cola, line, error):
    before = counts(app, shop)
    with pytest.raises(error):
        sell(app, shop, {"product_id": cola, **line})
    assert counts(app, shop) == before


def test_a_part_of_a_gram_cannot_be_told_by_stock(app, shop):
    ham = product(app, shop, "HAM", "20.00", sold_by="weight")
    app.run(set_units, shop.owner, {"product_id": ham, "units": [{"code": "g", "factor": "0.001"}]})
    assert sell(app, shop, {"product_id": ham, "unit": "g", "quantity": "150"}).total == 300
    assert levels(app, shop) == {"HAM": Decimal("-0.150")}
    with pytest.raises(InvalidInput):
        sell(app, shop, {"product_id": ham, "unit": "g", "quantity": "0.5"})


def test_a_parent_is_not_sold(app, shop):
    shirt = product(app, shop, "SHIRT", "20.00")
    made = app.run(
        create_variants, shop.owner, {"product_id": shirt, "options": [{"name": "size", "values": ["S", "M"]}]}
    )
    with pytest.raises(ParentNotSold):
        sell(app, shop, {"product_id": shirt})
    assert sell(app, shop, {"product_id": made.variants[0].id}).lines[0].name == "SHIRT (S)"


# --- kits -------------------------------------------------------------------------------------------------------------


def test_a_kit_moves_its_components_and_not_itself(app, shop, breakfast):
    sale = sell(app, shop, {"product_id": breakfast, "quantity": "2"})

    assert (sale.total, [each.sku for each in sale.lines[0].details.components]) == (
        700,
        ["COFFEE", "ROLL", "BUTTER", "SERVICE"],
    )
    assert levels(app, shop) == {"COFFEE": Decimal(-2), "ROLL": Decimal(-4), "BUTTER": Decimal("-0.04")}
    assert_books_hold(app, shop)


def test_a_void_and_a_refund_bring_the_components_back(app, shop, breakfast):
    sale = sell(app, shop, {"product_id": breakfast, "quantity": "3"})
    refund(
        app,
        shop,
        sale,
        {"line_no": 1, "quantity": "1"},
    )
    assert levels(app, shop)["ROLL"] == Decimal(-4)
    other = sell(app, shop, {"product_id": breakfast})
    app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": other.id, "reason": "wrong"})
    refund(app, shop, sale)
    assert set(levels(app, shop).values()) == {Decimal(0)}
    assert_books_hold(app, shop)


def test_a_refund_follows_what_the_kit_was_when_it_was_sold(app, shop, breakfast):
    sale = sell(app, shop, {"product_id": breakfast})
    app.run(set_kit, shop.owner, {"product_id": breakfast, "components": [{"sku": "COFFEE", "quantity": "9"}]})
    refund(app, shop, sale)
    assert set(levels(app, shop).values()) == {Decimal(0)}


def test_a_kit_with_an_archived_component_is_refused_by_name(app, shop, breakfast):
    coffee = rows(app, "SELECT id FROM products WHERE tenant_id = %s AND sku = 'COFFEE'", (shop.tenant_id,))[0]["id"]
    app.run(archive_product, shop.owner, {"id": coffee})
    before = counts(app, shop)
    with pytest.raises(ComponentArchived) as refused:
        sell(app, shop, {"product_id": breakfast})
    assert refused.value.data == {"kit": "BREAKFAST", "component": "COFFEE"}
    assert counts(app, shop) == before


def test_a_kit_is_available_as_often_as_its_scarcest_component(app, shop, breakfast):
    for sku, quantity in (("COFFEE", "10"), ("ROLL", "7"), ("BUTTER", "1")):
        part = rows(app, "SELECT id FROM products WHERE tenant_id = %s AND sku = %s", (shop.tenant_id, sku))[0]["id"]
        data = {"outlet_id": shop.outlet_id, "lines": [{"product_id": part, "quantity": quantity}]}
        app.run(receive_stock, shop.owner, data)
    found = app.run(kit_availability, shop.cashier, {"outlet_id": shop.outlet_id, "product_id": breakfast})
    assert found.available == 3
    assert {each.sku: each.enough_for for each in found.components} == {"COFFEE": 10, "ROLL": 3, "BUTTER": 50}


def test_a_blocked_kit_names_the_component_that_is_short(app):
    shop = a_shop(app, settings={"stock_policy": "block"})
    product(app, shop, "PART")
    kit = product(app, shop, "KIT", "3.00")
    app.run(set_kit, shop.owner, {"product_id": kit, "components": [{"sku": "PART"}]})
    with pytest.raises(OutOfStock) as refused:
        sell(app, shop, {"product_id": kit})
    assert "PART" in str(refused.value)
    assert counts(app, shop)["sales"] == 0


# --- lots and serial numbers ------------------------------------------------------------------------------------------


def test_a_serial_number_is_sold_once_and_comes_back_by_its_refund(app, shop, phone):
    sale = sell(app, shop, {"product_id": phone, "lot": "SN-1"})
    assert (sale.lines[0].lot, lots(app, shop)) == ("SN-1", {"SN-1": Decimal(0), "SN-2": Decimal(1)})
    before = counts(app, shop)
    with pytest.raises(LotNotHere):
        sell(app, shop, {"product_id": phone, "lot": "SN-1"})
    assert counts(app, shop) == before
    refund(app, shop, sale)
    assert lots(app, shop) == {"SN-1": Decimal(1), "SN-2": Decimal(1)}
    assert levels(app, shop) == {"PHONE": Decimal(2)}
    assert sell(app, shop, {"product_id": phone, "lot": "SN-1"}).total == 9900
    assert_books_hold(app, shop)


def test_goods_that_are_not_restocked_do_not_come_back_into_their_lot(app, shop, phone):
    sale = sell(app, shop, {"product_id": phone, "lot": "SN-1"})
    refund(app, shop, sale, {"line_no": 1, "restock": False})
    assert lots(app, shop)["SN-1"] == 0
    assert_books_hold(app, shop)


def test_a_void_puts_the_lot_back_and_an_exchange_moves_both_ways(app, shop, phone):
    sale = sell(app, shop, {"product_id": phone, "lot": "SN-1"})
    app.run(void_sale, shop.owner, {"id": new_id(), "sale_id": sale.id, "reason": "wrong"})
    assert lots(app, shop)["SN-1"] == 1
    sale = sell(app, shop, {"product_id": phone, "lot": "SN-1"})
    app.run(
        exchange_goods,
        shop.owner,
        {
            "id": new_id(),
            "sale_id": sale.id,
            "returns": [{"line_no": 1}],
            "lines": [{"product_id": phone, "lot": "SN-2"}],
            "reason": "broken screen",
        },
    )
    assert lots(app, shop) == {"SN-1": Decimal(1), "SN-2": Decimal(0)}
    assert_books_hold(app, shop)


def test_goods_without_a_receipt_can_come_back_with_their_serial_number_once(app, shop, phone):
    data = {"outlet_id": shop.outlet_id, "reason": "gift", "lines": [{"product_id": phone, "lot": "SN-9"}]}
    app.run(return_goods, shop.owner, {"id": new_id(), **data})
    assert lots(app, shop)["SN-9"] == 1
    with pytest.raises(SerialInStock):
        app.run(return_goods, shop.owner, {"id": new_id(), **data})
    assert lots(app, shop)["SN-9"] == 1


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ({}, LotRequired),
        ({"lot": "SN-1", "quantity": "2"}, LotRequired),
        ({"lot": "SN-404"}, LotNotHere),
    ],
)
def test_tracked_goods_name_a_lot_that_is_there(app, shop, phone, line, error):
    before = counts(app, shop)
    with pytest.raises(error):
        sell(app, shop, {"product_id": phone, **line})
    assert counts(app, shop) == before


def test_goods_that_are_not_tracked_have_no_lot(app, shop):
    with pytest.raises(LotRequired):
        sell(app, shop, {"product_id": shop.products[0], "lot": "X"})


def test_more_than_is_in_a_lot_is_not_sold_from_it(app, shop, yoghurt):
    with pytest.raises(LotNotHere):
        sell(app, shop, *[{"product_id": yoghurt, "lot": "NEW", "quantity": each} for each in ("6", "5")])
    assert lots(app, shop) == {"OLD": Decimal(5), "NEW": Decimal(10)}


def test_what_expired_is_flagged_refused_or_sold_as_the_shop_says(app, shop, yoghurt):
    line = {"product_id": yoghurt, "lot": "OLD"}
    assert sell(app, shop, line).flags == ["LOT_EXPIRED"]
    assert sell(app, shop, {"product_id": yoghurt, "lot": "NEW"}).flags == []

    for rule, flags in (("refuse", None), ("allow", [])):
        strict = a_shop(app, settings={"expired_goods": rule})
        made = product(app, strict, "Y", tracking="lot")
        old = {"product_id": made, "lot": "OLD", "quantity": "5", "expires_on": "2026-03-01"}
        app.run(receive_lots, strict.owner, {"outlet_id": strict.outlet_id, "lines": [old]})
        if flags is None:
            with pytest.raises(LotExpired):
                sell(app, strict, {"product_id": made, "lot": "OLD"})
            assert lots(app, strict) == {"OLD": Decimal(5)}
        else:
            assert sell(app, strict, {"product_id": made, "lot": "OLD"}).flags == flags


def test_a_lot_is_traced_to_the_customers_who_have_it(app, shop, phone):
    customer = app.run(create_customer, shop.owner, {"id": new_id(), "name": "Ada"}).id
    sale = sell(app, shop, {"product_id": phone, "lot": "SN-1"}, customer_id=customer)
    refund(app, shop, sale)
    found = app.run(trace_lot, shop.manager, {"product_id": phone, "lot": "SN-1"})
    assert [(each.kind, each.quantity, each.receipt, each.customer) for each in found.items] == [
        ("receive", Decimal(1), None, None),
        ("sale", Decimal(-1), sale.receipt, "Ada"),
        ("refund", Decimal(1), f"{shop.server_prefix}-000002", "Ada"),
    ]


# --- ages -------------------------------------------------------------------------------------------------------------


def test_goods_with_an_age_need_somebody_who_saw_to_it(app, shop):
    beer = product(app, shop, "BEER", "1.50", minimum_age=16)
    before = counts(app, shop)
    with pytest.raises(AgeNotConfirmed) as refused:
        sell(app, shop, {"product_id": beer})
    assert refused.value.data == {"products": "BEER", "age": 16}
    assert counts(app, shop) == before

    sale = sell(app, shop, {"product_id": beer}, {"product_id": shop.products[0]}, age_confirmed=True)
    assert [line.details and line.details.checked for line in sale.lines] == ["age 16 confirmed by Manager", None]


@pytest.mark.parametrize(("born", "is_sold"), [("2010-03-02", True), ("2010-03-03", False), (None, False)])
def test_a_customer_whose_day_of_birth_suffices_confirms_it(app, shop, born, is_sold):
    beer = product(app, shop, "BEER", "1.50", minimum_age=16)
    customer = app.run(create_customer, shop.owner, {"id": new_id(), "name": "Ada", "born_on": born}).id
    if is_sold:
        sale = sell(app, shop, {"product_id": beer}, customer_id=customer)
        assert sale.lines[0].details.checked == "age 16 by the customer's day of birth"
    else:
        with pytest.raises(AgeNotConfirmed):
            sell(app, shop, {"product_id": beer}, customer_id=customer)


# --- a till's sale ----------------------------------------------------------------------------------------------------


def _delivered(app: App, shop: Shop, *lines: SaleLine) -> Any:
    till = TillSeries(shop, a_shift(app, shop), NOON)
    base, tax = sum(line.base for line in lines), sum(line.tax for line in lines)
    sale = till.sell(
        lines=list(lines),
        taxes=[SaleTax(code="std", name="VAT 19%", rate=Decimal(19), base=base, amount=tax)],
        payments=[SalePayment(kind="cash", amount=base + tax)],
        base=base,
        tax=tax,
        total=base + tax,
    )
    return app.run(deliver_sale, shop.device, sale)


def _line(made: UUID, sku: str, price: str, base: int, tax: int, **more: Any) -> SaleLine:
    return SaleLine(
        product_id=made, sku=sku, name=sku, quantity=Decimal(1), unit_price=Decimal(price), discount=0, base=base,
        tax=tax, total=base + tax, taxes=[LineTax(code="std", rate=Decimal(19), amount=tax)], **more,
    )  # fmt: skip


def test_a_tills_pack_is_compared_with_the_packs_price_and_its_lot_is_taken(app, shop, cola, phone):
    pack = _line(cola, "COLA", "4.99", 419, 80, unit="six-pack", factor=Decimal(6))
    handset = _line(phone, "PHONE", "99.00", 8319, 1581, lot="SN-1")
    assert _delivered(app, shop, pack, handset).flags == []
    assert (lots(app, shop)["SN-1"], levels(app, shop)["COLA"]) == (Decimal(0), Decimal(-6))
    assert_books_hold(app, shop)


def test_what_a_till_did_with_lots_and_ages_is_booked_and_flagged(app, shop, phone):
    beer = product(app, shop, "BEER", "1.50", minimum_age=16)
    unknown = _line(phone, "PHONE", "99.00", 8319, 1581, lot="SN-404")
    without = _line(phone, "PHONE", "99.00", 8319, 1581)
    drink = _line(beer, "BEER", "1.50", 126, 24)
    found = _delivered(app, shop, unknown, without, drink)
    assert found.flags == ["AGE_NOT_CONFIRMED", "LOT_MISSING", "LOT_NOT_HERE"]
    assert lots(app, shop) == {"SN-1": Decimal(1), "SN-2": Decimal(1)}
    assert_books_hold(app, shop)


def test_a_tills_kit_says_what_it_was_made_of(app, shop, breakfast):
    roll = rows(app, "SELECT id FROM products WHERE tenant_id = %s AND sku = 'ROLL'", (shop.tenant_id,))[0]["id"]
    details = LineDetails(components=[Component(product_id=roll, sku="ROLL", quantity=Decimal(3))])
    _delivered(app, shop, _line(breakfast, "BREAKFAST", "3.50", 294, 56, details=details))
    assert levels(app, shop) == {"ROLL": Decimal(-3)}
    assert_books_hold(app, shop)


# --- all of it together -----------------------------------------------------------------------------------------------


LINES = st.lists(
    st.tuples(st.sampled_from(["COLA", "six-pack", "case", "BREAKFAST", "A-1"]), st.integers(1, 4)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(carts=st.lists(LINES, min_size=1, max_size=2), parts=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_any_mix_of_packs_and_kits_that_is_sold_and_comes_back_in_parts_leaves_stock_as_it_was(
    app, shop, cola, breakfast, carts, parts
):
    before = levels(app, shop)
    for cart in carts:
        lines = [
            {
                "product_id": {"BREAKFAST": breakfast, "A-1": shop.products[0]}.get(what, cola),
                "quantity": str(count),
                "unit": what if what in {"six-pack", "case"} else "",
            }
            for what, count in cart
        ]
        sale = sell(app, shop, *lines, paid=100_000)
        for n, (_, count) in enumerate(cart, 1):
            back = min(count, parts[n % len(parts)])
            refund(app, shop, sale, {"line_no": n, "quantity": str(back)})
        if any(count > min(count, parts[n % len(parts)]) for n, (_, count) in enumerate(cart, 1)):
            refund(app, shop, sale)
    assert {sku: amount for sku, amount in levels(app, shop).items() if amount != before.get(sku, 0)} == {}
    assert_books_hold(app, shop)


# --- races ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def wide_app(make_app: Callable[..., App], database_url: str) -> App:
    """An App with a connection for each of eight callers."""
    return make_app(database_url, DB_POOL_SIZE="8", DB_MAX_OVERFLOW="8")


def test_of_eight_who_sell_the_last_serial_number_one_does(wide_app):
    shop = a_shop(wide_app)
    made = product(wide_app, shop, "PHONE", "99.00", tracking="serial")
    receive(wide_app, shop, {"product_id": made, "lot": "SN-1"})
    answers = at_once([lambda: sell(wide_app, shop, {"product_id": made, "lot": "SN-1"}).total] * 8)
    assert sorted(str(each) for each in answers if each == 9900) == ["9900"]
    assert {type(each) for each in answers if each != 9900} == {LotNotHere}
    assert (lots(wide_app, shop), levels(wide_app, shop)) == ({"SN-1": Decimal(0)}, {"PHONE": Decimal(0)})
    assert_books_hold(wide_app, shop)


def test_lots_in_opposite_order_do_not_block_each_other(wide_app):
    shop = a_shop(wide_app)
    made = product(wide_app, shop, "Y", tracking="lot")
    names = ["L1", "L2", "L3"]
    receive(wide_app, shop, *[{"product_id": made, "lot": each, "quantity": "100"} for each in names])
    forward = [{"product_id": made, "lot": each} for each in names]

    def work(n: int) -> Callable[[], int]:
        lines = forward if n % 2 else forward[::-1]
        if n < 2:
            more = [{"product_id": made, "lot": each["lot"], "quantity": "1"} for each in lines]
            return lambda: sum(len(receive(wide_app, shop, *more).lines) for _ in range(6))
        return lambda: sum(len(sell(wide_app, shop, *lines).lines) for _ in range(6))

    assert at_once([work(n) for n in range(8)]) == [18] * 8
    assert lots(wide_app, shop) == dict.fromkeys(names, Decimal(100 + 12 - 36))
    assert levels(wide_app, shop) == {"Y": Decimal(300 + 36 - 108)}
    assert_books_hold(wide_app, shop)


def test_the_last_component_goes_to_the_kit_or_by_the_piece(wide_app):
    shop = a_shop(wide_app, settings={"stock_policy": "block"})
    part = product(wide_app, shop, "PART")
    kit = product(wide_app, shop, "KIT", "3.00")
    wide_app.run(set_kit, shop.owner, {"product_id": kit, "components": [{"sku": "PART"}]})
    data = {"outlet_id": shop.outlet_id, "lines": [{"product_id": part, "quantity": "1"}]}
    wide_app.run(receive_stock, shop.owner, data)
    answers = at_once(
        [lambda made=made: sell(wide_app, shop, {"product_id": made}).total for made in (part, kit) for _ in range(4)]
    )
    assert len([each for each in answers if each in {100, 300}]) == 1
    assert {type(each) for each in answers if each not in {100, 300}} == {OutOfStock}
    assert levels(wide_app, shop) == {"PART": Decimal(0)}
    assert_books_hold(wide_app, shop)
