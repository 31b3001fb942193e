"""List prices, hours, mapped taxes and all of it together in one cart; cases with exact figures."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primepos.pricing.cart import Cart, CartLine, TaxRule, price_cart
from primepos.pricing.errors import DiscountTooLarge, InvalidCart
from primepos.pricing.explain import explain_sold
from primepos.pricing.occasions import Occasion, Terms
from primepos.pricing.offers import Offers, Wanted, details_of, offer
from primepos.pricing.pricelists import ListPrice, PriceList, Ware, lists_that_hold, resolve
from primepos.pricing.promotions import Goods, Promotion, promotions_that_hold
from primepos.pricing.tax_mapping import EXEMPT, TaxMapping, mapped_taxes, mapping_for

D = Decimal
BERLIN = ZoneInfo("Europe/Berlin")
HERE, THERE = UUID(int=1), UUID(int=2)
ANNA, CLUB = UUID(int=11), UUID(int=12)
APPLE, TREE, FRUIT = UUID(int=21), UUID(int=22), UUID(int=23)
STANDARD, REDUCED = UUID(int=31), UUID(int=32)
VAT = TaxRule("std", "VAT", "percent", D(19), included=True)
LOW = TaxRule("low", "Low VAT", "percent", D(7), included=True)
TAXES = {STANDARD: (VAT,), REDUCED: (LOW,)}
# A Friday.
FRIDAY = datetime(2026, 3, 6, 17, 30, tzinfo=BERLIN)


def occasion(at=FRIDAY, **more):
    return Occasion(at=at, outlet=HERE, **more)


def anna(**more):
    return occasion(customers=frozenset({ANNA}), **more)


def a_list(code, *prices, priority=0, step=None, **terms):
    return PriceList(code, code.title(), Terms(**terms), priority, step, prices)


def price(amount, quantity="1", product=APPLE):
    return ListPrice("price", D(amount), product=product, from_quantity=D(quantity))


# --- when and for whom ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "at", "holds"),
    [
        ({}, "2026-03-06 17:30", True),
        ({"valid_from": "2026-03-06 17:30"}, "2026-03-06 17:30", True),
        ({"valid_from": "2026-03-06 17:30"}, "2026-03-06 17:29", False),
        ({"valid_to": "2026-03-06 17:30"}, "2026-03-06 17:30", False),
        ({"valid_to": "2026-03-06 17:30"}, "2026-03-06 17:29", True),
        ({"days": {"fri"}}, "2026-03-06 00:00", True),
        ({"days": {"fri"}}, "2026-03-07 00:00", False),
        ({"hours": ("17:00", "19:00")}, "2026-03-06 17:00", True),
        ({"hours": ("17:00", "19:00")}, "2026-03-06 19:00", False),
        ({"hours": ("17:00", "19:00")}, "2026-03-06 16:59", False),
        ({"hours": ("22:00", "02:00")}, "2026-03-06 23:00", True),
        ({"hours": ("22:00", "02:00")}, "2026-03-07 01:59", True),
        ({"hours": ("22:00", "02:00")}, "2026-03-07 02:00", False),
        ({"hours": ("22:00", "02:00"), "days": {"fri"}}, "2026-03-07 01:00", True),
        ({"hours": ("22:00", "02:00"), "days": {"fri"}}, "2026-03-06 01:00", False),
    ],
)
def test_when_an_offer_holds(terms, at, holds):
    def moment(text):
        return datetime.fromisoformat(text).replace(tzinfo=BERLIN)

    hours = terms.pop("hours", None)
    made = {name: moment(value) if name.startswith("valid") else frozenset(value) for name, value in terms.items()}
    if hours:
        made["from_time"], made["to_time"] = (time.fromisoformat(each) for each in hours)
    assert Terms(**made).hold_at(moment(at)) is holds


def test_hours_are_the_shops_also_on_the_day_the_clocks_go_forward():
    happy = Terms(from_time=time(17), to_time=time(18))
    for day in (28, 29):
        assert happy.hold_at(datetime(2026, 3, day, 17, 30, tzinfo=BERLIN))
        assert not happy.hold_at(datetime(2026, 3, day, 16, 30, tzinfo=BERLIN))


@pytest.mark.parametrize(
    ("terms", "who", "holds", "near"),
    [
        ({}, occasion(), True, 0),
        ({"outlets": {HERE}}, occasion(), True, 1),
        ({"outlets": {THERE}}, occasion(), False, 0),
        ({"groups": {CLUB}}, occasion(), False, 0),
        ({"groups": {CLUB}}, anna(groups=frozenset({CLUB})), True, 2),
        ({"customers": {ANNA}}, anna(), True, 3),
        ({"customers": {ANNA}, "groups": {CLUB}}, occasion(groups=frozenset({CLUB})), True, 2),
        ({"customers": {ANNA}, "outlets": {THERE}}, anna(), False, 3),
    ],
)
def test_for_whom_an_offer_is(terms, who, holds, near):
    made = Terms(**{name: frozenset(value) for name, value in terms.items()})
    assert (made.hold(who), made.nearness(who)) == (holds, near)


# --- list prices ------------------------------------------------------------------------------------------------------

WARE = Ware(APPLE, D("1.00"), category=FRUIT, parent=TREE, cost=D("0.60"))


def test_lists_are_asked_by_priority_then_by_how_closely_they_name_the_sale_then_by_code():
    lists = [
        a_list("b"),
        a_list("a"),
        a_list("here", outlets=frozenset({HERE})),
        a_list("club", groups=frozenset({CLUB})),
        a_list("anna", customers=frozenset({ANNA})),
        a_list("first", priority=1),
        a_list("there", outlets=frozenset({THERE})),
        a_list("over", valid_to=FRIDAY),
    ]
    who = anna(groups=frozenset({CLUB}))
    assert [each.code for each in lists_that_hold(lists, who)] == ["first", "anna", "club", "here", "a", "b"]


def test_a_customers_own_list_names_them_whomever_it_is_for():
    lists = [a_list("trade", groups=frozenset({CLUB})), a_list("all")]
    assert [each.code for each in lists_that_hold(lists, anna(price_list="trade"))] == ["trade", "all"]
    over = [a_list("trade", valid_to=FRIDAY)]
    assert lists_that_hold(over, anna(price_list="trade")) == []


@pytest.mark.parametrize(
    ("rows", "quantity", "expected"),
    [
        ([], "1", "1.00"),
        ([price("0.90")], "1", "0.90"),
        ([price("0.90"), price("0.80", "10")], "9", "0.90"),
        ([price("0.90"), price("0.80", "10")], "10", "0.80"),
        ([price("0.80", "10")], "9", "1.00"),
        ([price("0.70", product=TREE)], "1", "0.70"),
        ([price("0.90"), price("0.70", product=TREE)], "1", "0.90"),
        ([ListPrice("percent_off", D(10), category=FRUIT)], "1", "0.90"),
        ([ListPrice("percent_off", D(10), category=FRUIT), price("0.99")], "1", "0.99"),
        ([ListPrice("percent_off", D(10), category=FRUIT), price("0.80", "10")], "9", "0.90"),
        ([ListPrice("percent_off", D(25))], "1", "0.75"),
        ([ListPrice("percent_off", D("33.3333"))], "1", "0.67"),
        ([ListPrice("cost_plus", D(50), category=FRUIT)], "1", "0.90"),
        ([ListPrice("percent_off", D(10), category=TREE)], "1", "1.00"),
    ],
)
def test_what_one_costs(rows, quantity, expected):
    assert resolve(WARE, D(quantity), [a_list("l", *rows)], 2).price == D(expected)


def test_a_list_that_says_nothing_leaves_it_to_the_next():
    lists = [a_list("empty", price("5", product=TREE)), a_list("next", price("0.50"))]
    found = resolve(Ware(APPLE, D(1)), D(1), lists, 2)
    assert (found.price, found.listed.code, found.catalogue) == (D("0.50"), "next", D(1))


def test_cost_plus_without_a_known_cost_says_nothing():
    row = ListPrice("cost_plus", D(50))
    assert resolve(Ware(APPLE, D(1)), D(1), [a_list("l", row)], 2).listed is None


@pytest.mark.parametrize(
    ("catalogue", "percent", "step", "exponent", "expected"),
    [
        ("9.99", "10", None, 2, "8.99"),
        ("0.1234", "10", None, 2, "0.1111"),
        ("9.99", "10", "0.05", 2, "9.00"),
        ("9.99", "10", "0.5", 2, "9.0"),
        ("333", "10", None, 0, "300"),
        ("1.005", "0", None, 2, "1.005"),
        ("9.95", "50", None, 2, "4.98"),
    ],
)
def test_a_worked_out_price_is_rounded_once(catalogue, percent, step, exponent, expected):
    rows = a_list("l", ListPrice("percent_off", D(percent)), step=None if step is None else D(step))
    assert resolve(Ware(APPLE, D(catalogue)), D(1), [rows], exponent).price == D(expected)


@given(st.integers(0, 10**8), st.integers(0, 100), st.sampled_from([0, 2, 3]))
def test_percent_off_never_raises_a_price(minor, percent, exponent):
    catalogue = D(minor).scaleb(-exponent)
    found = resolve(Ware(APPLE, catalogue), D(1), [a_list("l", ListPrice("percent_off", D(percent)))], exponent)
    assert 0 <= found.price <= catalogue


# --- taxes ------------------------------------------------------------------------------------------------------------


def test_the_mapping_is_chosen_by_a_person_then_the_exemption_then_the_nearest():
    of_anna = TaxMapping("b", "B", Terms(customers=frozenset({ANNA})))
    of_club = TaxMapping("a", "A", Terms(groups=frozenset({CLUB})))
    by_hand = TaxMapping("hand", "Hand")
    every = [by_hand, of_club, of_anna]
    who = anna(groups=frozenset({CLUB}))
    assert mapping_for(every, who) is of_anna
    assert mapping_for(every, occasion()) is None
    assert mapping_for(every, who, "hand") is by_hand
    assert mapping_for(every, who, "exempt") is EXEMPT
    assert mapping_for(every, who, "gone") is None
    assert mapping_for(every, anna(exempt=True)) is EXEMPT


def test_what_a_mapping_makes_of_a_class():
    mapping = TaxMapping("m", "M", classes={STANDARD: REDUCED})
    assert mapped_taxes(None, STANDARD, TAXES) == ((VAT,), None)
    borne, tagged = mapped_taxes(mapping, STANDARD, TAXES)
    assert [(each.id, each.included) for each in borne] == [("low", False)]
    assert tagged == (VAT,)
    assert mapped_taxes(mapping, REDUCED, TAXES) == ((LOW,), None)
    assert mapped_taxes(EXEMPT, REDUCED, TAXES) == ((), (LOW,))


def mapped(unit_price, mapping, *, quantity="1", taxes=(VAT,), rounding="per_line", **more):
    borne, tagged = mapped_taxes(mapping, STANDARD, {**TAXES, STANDARD: taxes})
    line = CartLine(D(unit_price), D(quantity), borne, tag_taxes=tagged, **more)
    return price_cart(Cart((line,), rounding=rounding))


TO_LOW = TaxMapping("m", "M", classes={STANDARD: REDUCED})


@pytest.mark.parametrize("rounding", ["per_line", "global"])
@pytest.mark.parametrize(
    ("unit_price", "quantity", "mapping", "base", "tax"),
    [
        ("11.90", "1", EXEMPT, 1000, 0),
        ("11.99", "1", EXEMPT, 1008, 0),
        ("11.99", "1000", EXEMPT, 1_007_563, 0),
        ("11.90", "1", TO_LOW, 1000, 70),
        ("11.99", "1", TO_LOW, 1008, 71),
        ("0.01", "1", EXEMPT, 1, 0),
    ],
)
def test_who_bears_other_taxes_pays_the_price_without_tax(unit_price, quantity, mapping, base, tax, rounding):
    got = mapped(unit_price, mapping, quantity=quantity, rounding=rounding)
    assert (got.base, got.tax, got.total) == (base, tax, base + tax)
    anybody = price_cart(Cart((CartLine(D(unit_price), D(quantity), (VAT,)),), rounding=rounding))
    assert got.base == anybody.base


def test_a_tax_on_top_is_just_left_out():
    on_top = TaxRule("std", "VAT", "percent", D(19), included=False)
    got = mapped("10.00", EXEMPT, taxes=(on_top,))
    assert (got.base, got.tax, got.total) == (1000, 0, 1000)


def test_a_deposit_in_the_tag_is_taken_out_too():
    deposit = TaxRule("dep", "Deposit", "fixed", D("0.25"), included=True)
    got = mapped("2.63", EXEMPT, quantity="2", taxes=(deposit, VAT))
    assert (got.base, got.total) == (400, 400)


def test_discounts_come_off_the_tag_before_its_tax_is_taken_out():
    got = mapped("11.90", EXEMPT, discount_percent=D(50), promotion_minor=190)
    assert (got.base, got.total, got.discount) == (420, 420, 690)


def test_a_ticket_discount_on_the_total_starts_from_what_is_paid():
    borne, tagged = mapped_taxes(EXEMPT, STANDARD, TAXES)
    line = CartLine(D("11.90"), D(1), borne, tag_taxes=tagged)
    got = price_cart(Cart((line,), ticket_discount_minor=100, ticket_discount_on="total"))
    assert (got.base, got.total) == (900, 900)


@pytest.mark.parametrize("rounding", ["per_line", "global"])
def test_a_mapped_line_explains_itself(rounding):
    got = mapped("11.99", TO_LOW, rounding=rounding, promotion_minor=100)
    said = got.lines[0].explain()
    assert "promotions 1.00, off the line rounded to the cent" in said
    assert any(each.startswith("without VAT 19 % included: 9.2") for each in said)
    assert said[-1] == "total: 9.89"


@given(st.integers(0, 10**6), st.integers(1, 50), st.sampled_from(["per_line", "global"]))
def test_an_exempt_customer_pays_the_base_of_everybodys_receipt(minor, quantity, rounding):
    unit_price = D(minor).scaleb(-2)
    got = mapped(unit_price, EXEMPT, quantity=str(quantity), rounding=rounding)
    anybody = price_cart(Cart((CartLine(unit_price, D(quantity), (VAT,)),), rounding=rounding))
    assert (got.total, got.tax) == (anybody.base, 0)


def test_promotions_are_whole_cents_and_no_more_than_the_line():
    with pytest.raises(DiscountTooLarge):
        price_cart(Cart((CartLine(D(1), D(1), promotion_minor=101),)))
    with pytest.raises(InvalidCart):
        price_cart(Cart((CartLine(D(1), D(1), promotion_minor=-1),)))
    all_of_it = price_cart(Cart((CartLine(D("0.005"), D(1), promotion_minor=1),)))
    assert (all_of_it.total, all_of_it.discount) == (0, 1)


# --- together ---------------------------------------------------------------------------------------------------------


def wanted(quantity="1", unit="1.00", **more):
    return Wanted(Ware(APPLE, D(unit), FRUIT), D(quantity), STANDARD, **more)


def test_a_cart_takes_list_price_promotion_and_taxes_in_turn():
    offers = Offers(
        lists=(a_list("trade", price("8.00")),),
        promotions=(Promotion(code="ten", name="Ten off", kind="percent", percent=D(10)),),
    )
    got = offer([wanted(unit="10.00", discount_percent=D(50))], offers, TAXES, anna(exempt=True), exponent=2)
    (line,) = got.lines
    assert (line.line.unit_price, line.line.promotion_minor, line.line.tag_taxes) == (D("8.00"), 80, (VAT,))
    assert price_cart(Cart((line.line,))).total == 303  # 8.00 - 0.80, half of it, without 19 %
    assert got.codes == {"ten"}
    assert details_of(line) == {
        "price": {"rule": "list", "code": "trade", "name": "Trade", "catalogue": "10.0000"},
        "promotions": [{"code": "ten", "name": "Ten off", "minor": 80}],
        "tax_mapping": {"code": "exempt", "name": "Exempt from tax"},
    }


def test_a_typed_price_asks_no_list_and_takes_part_in_no_promotion():
    offers = Offers(
        lists=(a_list("trade", price("8.00"), price("5.00", "2")),),
        promotions=(Promotion(code="p", name="P", kind="n_for_m", count=2, pay=1),),
    )
    got = offer([wanted(typed=D("9.00")), wanted()], offers, TAXES, occasion(), exponent=2)
    assert [each.line.unit_price for each in got.lines] == [D("9.00"), D("8.00")]
    assert got.codes == frozenset()
    assert details_of(got.lines[0]) == {"price": {"rule": "typed"}}


def test_pieces_of_one_product_on_two_lines_reach_a_quantity_together():
    offers = Offers(lists=(a_list("l", price("0.90", "10")),))
    got = offer([wanted("4"), wanted("6")], offers, TAXES, occasion(), exponent=2)
    assert [each.line.unit_price for each in got.lines] == [D("0.90"), D("0.90")]


def test_a_pack_costs_its_pieces_or_its_own_price():
    cheap = Offers(lists=(a_list("l", price("0.90"), price("0.80", "12")),))
    percent = Offers(lists=(a_list("l", ListPrice("percent_off", D(10))),))
    six = {"factor": D(6)}
    by_piece = offer([wanted("2", **six)], cheap, TAXES, occasion(), exponent=2).lines[0]
    assert by_piece.line.unit_price == D("4.80")
    own = wanted(unit_price=D("5.00"), **six)
    assert offer([own], cheap, TAXES, occasion(), exponent=2).lines[0].line.unit_price == D("5.00")
    assert offer([own], percent, TAXES, occasion(), exponent=2).lines[0].line.unit_price == D("4.50")


def test_a_pack_is_no_piece_of_a_promotion_that_counts():
    offers = Offers(promotions=(Promotion(code="p", name="P", kind="n_for_m", count=2, pay=1),))
    assert offer([wanted("2", factor=D(6))], offers, TAXES, occasion(), exponent=2).codes == frozenset()


def test_a_promotion_with_a_coupon_holds_only_with_one():
    called = Promotion(code="c", name="C", kind="percent", percent=D(10), needs_coupon=True)
    plain = Promotion(code="p", name="P", kind="percent", goods=Goods(products=frozenset({TREE})), percent=D(10))
    assert promotions_that_hold([called, plain], occasion()) == [plain]
    assert promotions_that_hold([plain, called], occasion(), frozenset({"c"})) == [called, plain]


def test_no_offers_change_nothing():
    got = offer([wanted("2")], Offers(), TAXES, occasion(), exponent=2)
    assert not Offers()
    assert (got.lines[0].line, details_of(got.lines[0])) == (CartLine(D("1.00"), D(2), (VAT,)), None)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (
            {"discount": 0, "base": 168, "taxes": [("std", D("19.000000"), 32)], "total": 200},
            ["2 x 1 = 2", "std 19 % included: 0.319328 -> 0.32", "base: 1.68", "total: 2.00"],
        ),
        (
            {"discount": 25, "base": 175, "taxes": [("std", D(19), 33)], "total": 208},
            [
                "2 x 1 = 2",
                "discounts 0.25, leaving 1.75",
                "std 19 % on top: 0.3325 -> 0.33",
                "base: 1.75",
                "total: 2.08",
            ],
        ),
        (
            {"discount": 0, "base": 150, "taxes": [("a", D(10), 20), ("b", D("0.15"), 30)], "total": 200},
            ["2 x 1 = 2", "a 10: 0.20", "b 0.15: 0.30", "base: 1.50", "total: 2.00"],
        ),
    ],
)
def test_a_sold_line_is_explained_from_what_was_frozen(figures, expected):
    assert explain_sold(quantity=D("2.000"), unit_price=D("1.0000"), exponent=2, **figures) == expected


def test_a_sold_line_says_where_its_price_was_rounded():
    said = explain_sold(quantity=D("0.333"), unit_price=D("1.00"), discount=0, base=33, taxes=[], total=33, exponent=2)
    assert said == ["0.333 x 1 = 0.333", "rounded for this line: 0.333 -> 0.33", "base: 0.33", "total: 0.33"]
